//! Session Inits: found by their files, interrupted like the system's, re-executed all at once.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rcpolicy::domain::{JobOutcome, Verb};
use rcpolicy::init::reexec::{Reexecutes, changes};
use rcpolicy::init::upstart::{Session, Upstart, sessions};

use crate::jobs::Spec;
use crate::server::Cut;
use crate::world::World;

/// A process can be one Session Init at a time.
static ONE: Mutex<()> = Mutex::new(());

struct Desktop {
    world: World,
    runtime: tempfile::TempDir,
    file: PathBuf,
    _only: MutexGuard<'static, ()>,
}

fn ours() -> Session {
    Session {
        uid: nix::unistd::getuid().as_raw(),
        pid: std::process::id(),
    }
}

impl Desktop {
    fn new(specs: &[Spec]) -> Self {
        let only = ONE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let address = ours().address();
        let runtime = tempfile::tempdir().unwrap();
        let below = runtime
            .path()
            .join(format!("{}/upstart/sessions", ours().uid));
        fs::create_dir_all(&below).unwrap();
        let file = below.join(format!("{}.session", ours().pid));
        let text = format!("UPSTART_SESSION=unix:abstract={}\n", address.name);
        fs::write(&file, text).unwrap();
        Self {
            world: World::at(&address.name, specs),
            runtime,
            file,
            _only: only,
        }
    }

    fn upstart(&self) -> Upstart {
        let (found, troubles) = sessions(self.runtime.path());
        assert_eq!((found.as_slice(), troubles.len()), (&[ours()][..], 0));
        Upstart::at(found[0].address())
    }
}

#[test]
fn a_session_is_found_by_its_file_and_acted_on_through_its_own_socket() {
    let desktop = Desktop::new(&[Spec::service("unity")]);
    // As it is in the moment of a re-exec.
    fs::write(&desktop.file, "").unwrap();
    let outcome = desktop
        .world
        .act(&mut desktop.upstart(), Verb::Start, "unity");
    assert_eq!(outcome, JobOutcome::Done);
    assert!(desktop.world.settled("unity").up);
}

#[test]
fn a_re_exec_of_a_session_at_any_moment_of_a_restart_loses_nothing() {
    let mut point = 1;
    loop {
        let desktop = Desktop::new(&[Spec::service("unity")]);
        desktop.world.start("unity");
        let old = desktop.world.pid("unity");
        let mut upstart = desktop.upstart();
        desktop.world.arm(Cut::At(point));
        let outcome = desktop.world.act(&mut upstart, Verb::Restart, "unity");
        assert_eq!(outcome, JobOutcome::Done, "at {point}");
        let cuts = desktop.world.server(|server| {
            server.reexec.cut = Cut::Never;
            server.cuts
        });
        let now = desktop.world.settled("unity");
        assert_eq!(
            (now.tally.started.len(), now.alive.len()),
            (1, 1),
            "at {point}"
        );
        assert_ne!(now.alive, [old], "at {point}");
        if cuts == 0 {
            break;
        }
        point += 1;
    }
    crate::say(format_args!(
        "upstart, a session: {} interruptions: 0 lost, 0 done twice, 0 wrong outcomes",
        point - 1
    ));
}

#[test]
fn a_session_is_re_executed_and_a_silent_one_costs_its_wait_and_no_more() {
    let desktop = Desktop::new(&[Spec::service("unity")]);
    desktop.world.start("unity");
    let mut upstart = desktop.upstart();
    let before = upstart.standing().unwrap();
    upstart.reexec(Duration::from_secs(5)).unwrap();
    assert_eq!(
        changes(&before, &upstart.standing().unwrap(), &|_| true),
        []
    );
    let absent = Session {
        uid: ours().uid,
        pid: 1,
    };
    let wait = Duration::from_millis(300);
    let begun = Instant::now();
    let mut nobody = Upstart::at(absent.address()).waiting(wait);
    assert!(nobody.reexec(wait).is_err());
    assert!(begun.elapsed() < wait * 5, "{:?}", begun.elapsed());
}
