//! invoke-rc.d on a machine whose PID 1 is the stand-in: a small root directory in namespaces of its
//! own, in which this test binary is `/sbin/init`. The stock script's ways with Upstart, as long as it
//! knew it, and what it got wrong while Upstart re-executed itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use crate::jobs::Spec;
use crate::world::World;

/// Set inside the machine.
const INSIDE: &str = "RCPOLICY_TEST_MACHINE";
/// The test that is run again inside.
const TEST: &str =
    "machine::invoke_rc_d_does_with_upstart_as_the_stock_script_did_and_never_errs_in_a_re_exec";
/// Arguments: the machine's root, this binary, invoke-rc.d, rcpolicy, the test.
const ENTER: &str = r#"
set -eu
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mkdir -p usr/sbin proc dev run tmp old etc/init.d var/lib/dpkg var/log tools
for directory in usr/bin usr/lib usr/lib64 usr/lib32; do
    [ -d "/$directory" ] && [ ! -L "/$directory" ] || continue
    mkdir -p "$directory"
    mount --bind "/$directory" "$directory"
done
for link in bin sbin lib lib64 lib32; do ln -s "usr/$link" "$link"; done
: >usr/sbin/init; mount --bind "$2" usr/sbin/init
printf '#!/bin/sh\necho N 2\n' >usr/sbin/runlevel
chmod 755 usr/sbin/runlevel
: >tools/invoke-rc.d; mount --bind "$3" tools/invoke-rc.d
: >tools/rcpolicy; mount --bind "$4" tools/rcpolicy
mount -t proc proc proc
mount -t tmpfs -o mode=755 dev dev
for node in null zero urandom; do : >"dev/$node"; mount --bind "/dev/$node" "dev/$node"; done
pivot_root . old
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
umount -l /old
cd /
exec /sbin/init "$5" --exact --nocapture
"#;

/// What came of a call.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn invoke(arguments: &str) -> Seen {
    let output = Command::new("/tools/invoke-rc.d")
        .args(arguments.split(' '))
        .output()
        .unwrap();
    Seen {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn silent(status: i32) -> Seen {
    said(status, "")
}

fn said(status: i32, stdout: &str) -> Seen {
    Seen {
        status: Some(status),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    }
}

fn running(world: &World) -> Seen {
    said(
        0,
        &format!("foo start/running, process {}\n", world.pid("foo")),
    )
}

#[test]
fn invoke_rc_d_does_with_upstart_as_the_stock_script_did_and_never_errs_in_a_re_exec() {
    if std::env::var_os(INSIDE).is_none() {
        return run_inside();
    }
    let mut manual = Spec::service("manual");
    manual.starts = false;
    let mut bad = Spec::service("bad");
    bad.fails = true;
    let world = World::at("/com/ubuntu/upstart", &[Spec::service("foo"), manual, bad]);
    actions(&world);
    disabled_failing_and_foreign(&world);
    re_execs(&world);
    owed(&world);
    re_executed(&world);
    waited_for(&world);
    lost_track(&world);
    crate::say(format_args!(
        "upstart, as process 1: all ways of invoke-rc.d were taken"
    ));
}

/// In namespaces of its own; the network's, too, is where abstract sockets live.
fn run_inside() {
    let root = tempfile::tempdir().unwrap();
    let status = Command::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--ipc",
            "--net",
            "--fork",
            "--kill-child",
        ])
        .args(["sh", "-c", ENTER, "enter"])
        .arg(root.path())
        .arg(std::env::current_exe().unwrap())
        .arg(env!("CARGO_BIN_EXE_invoke-rc-d"))
        .arg(env!("CARGO_BIN_EXE_rcpolicy"))
        .arg(TEST)
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

fn actions(world: &World) {
    let started = invoke("foo start");
    assert_eq!(started, running(world));
    assert_eq!(invoke("foo start"), silent(0));
    assert_eq!(invoke("foo status"), running(world));
    assert_eq!(invoke("foo reload"), silent(0));
    assert_eq!(invoke("foo force-reload"), silent(0));
    assert_eq!(world.settled("foo").tally.reloads, 2);
    let old = world.pid("foo");
    let restarted = invoke("foo restart");
    assert_eq!(restarted, running(world));
    assert_ne!(world.pid("foo"), old);
    assert_eq!(invoke("foo stop"), said(0, "foo stop/waiting\n"));
    assert_eq!(invoke("foo stop"), silent(0));
    assert_eq!(invoke("foo status"), said(0, "foo stop/waiting\n"));
    for reload in ["foo reload", "foo force-reload"] {
        let refused = invoke(reload);
        assert_eq!(
            (refused.status, refused.stdout.as_str()),
            (Some(1), ""),
            "{refused:?}"
        );
    }
    assert!(!world.settled("foo").up);
    let started = invoke("foo restart");
    assert_eq!(started, running(world));
    for other in ["foo try-restart", "foo force-stop", "foo whatever"] {
        assert_eq!(invoke(other).status, Some(1), "{other}");
    }
    assert_eq!(world.settled("foo").tally.started.len(), 3);
}

fn disabled_failing_and_foreign(world: &World) {
    assert_eq!(invoke("manual start"), silent(0));
    assert_eq!(invoke("manual restart"), silent(0));
    assert!(world.settled("manual").tally.started.is_empty());
    world.start("manual");
    let restarted = invoke("manual restart");
    assert!(
        restarted
            .stdout
            .starts_with("manual start/running, process "),
        "{restarted:?}"
    );
    let failed = invoke("bad start");
    assert_eq!(failed.status, Some(1));
    let lines =
        "start: Job failed to start\ninvoke-rc.d: initscript bad, action \"start\" failed.\n";
    assert!(failed.stderr.ends_with(lines), "{failed:?}");
    // Where there is no job its init script is run, as ever.
    let script = "/etc/init.d/legacy";
    fs::write(script, "#!/bin/sh\necho \"ran $*\"\n").unwrap();
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = invoke("legacy status");
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), "ran status\n"),
        "{ran:?}"
    );
    let unknown = invoke("nothing stop");
    assert!(unknown.stderr.contains("unknown initscript"), "{unknown:?}");
}

/// What was put off is paid by Upstart's own job, also when nobody answered in time.
fn owed(world: &World) {
    fs::create_dir_all("/etc/rcpolicy/policy.d").unwrap();
    let policy = |text: &str| fs::write("/etc/rcpolicy/policy.d/10-test.toml", text).unwrap();
    let flush = || {
        let flushed = Command::new("/tools/rcpolicy")
            .arg("flush")
            .output()
            .unwrap();
        assert!(flushed.status.success(), "{flushed:?}");
    };
    policy(
        "[[rule]]\nservice = [\"foo\"]\naction = [\"restart\"]\ndecide = \"defer\"\nuntil = \"flush\"\n",
    );
    let old = world.pid("foo");
    assert_eq!(invoke("foo restart").status, Some(0));
    assert_eq!(world.pid("foo"), old);
    flush();
    assert_ne!(world.pid("foo"), old);
    policy("[init]\nwait = \"200ms\"\n");
    let old = world.pid("foo");
    world.server(|server| {
        server.reexec.refused = Duration::from_millis(1500);
        server.go_away();
    });
    let late = invoke("foo restart");
    assert_ne!(late.status, Some(0), "{late:?}");
    assert!(late.stderr.contains("rcpolicy flush"), "{late:?}");
    std::thread::sleep(Duration::from_millis(1600));
    assert_eq!(world.pid("foo"), old);
    flush();
    assert_ne!(world.pid("foo"), old);
}

/// It returns when Upstart answers again, and tells what survived.
fn re_executed(world: &World) {
    world.server(|server| server.reexec.refused = Duration::from_millis(80));
    let cuts = world.server(|server| server.cuts);
    let told = || {
        let tool = Command::new("/tools/rcpolicy")
            .args(["reexec", "--sessions"])
            .output();
        let output = tool.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let (kept, text) = told();
    assert!(
        kept && text.contains("2 active units are as before"),
        "{text}"
    );
    assert_eq!(world.server(|server| server.cuts), cuts + 1);
    assert_eq!(invoke("foo status"), running(world));
}

/// `rcpolicy wait init` returns when it answers again, and not before.
fn waited_for(world: &World) {
    let wait = |limit: &str, away: u64| {
        world.server(|server| {
            server.reexec.refused = Duration::from_millis(away);
            server.go_away();
        });
        let begun = std::time::Instant::now();
        let waited = Command::new("/tools/rcpolicy")
            .args(["wait", "init", "--timeout", limit])
            .output()
            .unwrap();
        (waited.status.code(), begun.elapsed())
    };
    let (status, took) = wait("20s", 700);
    assert_eq!(status, Some(0));
    assert!(took >= Duration::from_millis(500), "{took:?}");
    let (status, took) = wait("100ms", 2500);
    assert_eq!(status, Some(1));
    assert!(took < Duration::from_millis(2500), "{took:?}");
    std::thread::sleep(Duration::from_millis(2600));
}

/// After a re-exec that kept no state, a later call still knows the process that an earlier one saw.
fn lost_track(world: &World) {
    let old = world.pid("foo");
    let started = world.settled("foo").tally.started.len();
    world.server(|server| {
        server.reexec = crate::server::Reexec {
            state: crate::server::State::Forgotten,
            ..Default::default()
        };
        server.go_away();
    });
    for action in ["foo start", "foo stop", "foo restart"] {
        let refused = invoke(action);
        assert_eq!(refused.status, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("lost track"), "{refused:?}");
        // Among those of other jobs.
        let now = world.settled("foo");
        assert!(now.alive.contains(&old), "{action}");
        assert_eq!(now.tally.started.len(), started, "{action}");
    }
}

/// With the stock script, 60 calls of `status` across 8 re-execs gave one 100 and one 1.
fn re_execs(world: &World) {
    let line = running(world);
    for call in 0..60 {
        if call % 6 == 0 {
            world.server(|server| {
                server.reexec.stalled = Duration::from_millis(call % 20);
                server.reexec.refused = Duration::from_millis(7 + call);
                server.go_away();
            });
        }
        assert_eq!(invoke("foo status"), line, "{call}");
    }
    let before = world.settled("foo").tally.started.len();
    for _ in 0..10 {
        world.server(crate::server::Server::go_away);
        let restarted = invoke("foo restart");
        assert_eq!(restarted, running(world));
    }
    let now = world.settled("foo");
    assert_eq!((now.tally.started.len(), now.alive.len()), (before + 10, 1));
}
