//! Gates that let in, refuse, hang, end early or are not to be trusted. The holder is played by perl.

use super::*;

/// Connects and waits for the other side to go, as `rcpolicy gate-held` does; notes that it has ended.
const HOLDER: &str = r#"#!/bin/sh
exec perl -MIO::Socket::UNIX -e '
    my $socket = IO::Socket::UNIX->new(Peer => $ARGV[1]) or exit 1;
    sysread($socket, my $nothing, 1);
    open(my $file, ">", "$0.gone"); ' -- "$@"
"#;

struct Scene {
    top: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            top: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(scene.top.path().join("run")).unwrap();
        scene.program("holder", &HOLDER.replace("$0", "$ARGV[1]"));
        scene
    }

    fn program(&self, name: &str, text: &str) -> String {
        let path = self.top.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn place(&self) -> Place {
        Place {
            root: self.top.path().to_path_buf(),
            now: 0,
            is_root: true,
        }
    }

    fn enter(&self, command: &[String], limit: Duration) -> Result<Admitted, Refused> {
        let gate = Gate {
            command,
            limit,
            holder: self.top.path().join("holder"),
        };
        let waiting = Waiting {
            told: None,
            goes_on: &|| true,
        };
        gate.enter(&self.place(), waiting)
    }

    /// What is left where sockets are.
    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.top.path().join("run/rcpolicy")).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_gate_holds_until_we_let_go_and_then_ends() {
    let scene = Scene::new();
    let note = scene.top.path().join("released");
    let text = format!("#!/bin/sh\n\"$@\"\necho \"$?\" >{}\n", note.display());
    let gate = [scene.program("gate", &text)];
    let mut admitted = scene.enter(&gate, LONG).unwrap();
    assert!(admitted.is_held());
    assert!(!note.exists());
    drop(admitted);
    assert_eq!(fs::read_to_string(&note).unwrap(), "0\n");
}

#[test]
fn a_gate_that_ends_without_running_us_refuses_and_leaves_nothing_behind() {
    let scene = Scene::new();
    let gate = [scene.program("gate", "#!/bin/sh\nexit 7\n")];
    let refused = scene.enter(&gate, LONG).unwrap_err();
    assert!(matches!(refused, Refused::Denied { .. }), "{refused}");
    assert!(refused.to_string().contains('7'), "{refused}");
    assert_eq!(scene.left(), [""; 0]);
}

#[test]
fn a_gate_that_does_not_answer_is_ended_with_all_that_it_runs() {
    let scene = Scene::new();
    let pid = scene.top.path().join("pid");
    let text = format!(
        "#!/bin/sh\nsleep 1000 &\necho $! >{}\nwait\n",
        pid.display()
    );
    let gate = [scene.program("gate", &text)];
    let refused = scene.enter(&gate, Duration::from_millis(300)).unwrap_err();
    assert!(matches!(refused, Refused::Silent { .. }), "{refused}");
    let pid = fs::read_to_string(pid).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[test]
fn who_has_something_else_to_do_leaves_the_line() {
    let scene = Scene::new();
    let gate = [scene.program("gate", "#!/bin/sh\nexec sleep 1000\n")];
    let (read, write) = UnixStream::pair().unwrap();
    let enter = |told: bool, goes_on: &dyn Fn() -> bool| {
        let asked = Gate {
            command: &gate,
            limit: LONG,
            holder: scene.top.path().join("holder"),
        };
        let waiting = Waiting {
            told: told.then_some(read.as_fd()),
            goes_on,
        };
        asked.enter(&scene.place(), waiting).unwrap_err()
    };
    assert!(matches!(enter(false, &|| false), Refused::Interrupted));
    drop(write);
    assert!(matches!(enter(true, &|| true), Refused::Interrupted));
}

#[test]
fn a_gate_that_ends_while_we_are_in_is_noticed() {
    let scene = Scene::new();
    let gate = [scene.program(
        "gate",
        "#!/bin/sh\n\"$@\" &\nwhile ! [ -e \"$0.end\" ]; do sleep 0.05; done\n",
    )];
    let mut admitted = scene.enter(&gate, LONG).unwrap();
    assert!(admitted.is_held());
    fs::write(scene.top.path().join("gate.end"), "").unwrap();
    while admitted.is_held() {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_that_others_can_change_is_not_run() {
    let scene = Scene::new();
    let ran = scene.top.path().join("ran");
    let text = format!("#!/bin/sh\ntouch {}\n", ran.display());
    let program = scene.program("gate", &text);
    let mode = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
    let refused = |command: &str| scene.enter(&[command.to_owned()], LONG).unwrap_err();
    for wrong in [0o757, 0o775, 0o644] {
        mode(wrong);
        assert!(
            matches!(refused(&program), Refused::Untrusted { .. }),
            "{wrong:o}"
        );
    }
    mode(0o755);
    fs::set_permissions(scene.top.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(refused(&program), Refused::Untrusted { .. }));
    fs::set_permissions(scene.top.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for wrong in ["/nonexistent/gate", "/etc", ""] {
        assert!(
            matches!(refused(wrong), Refused::Untrusted { .. }),
            "{wrong}"
        );
    }
    assert!(!ran.exists());
}
