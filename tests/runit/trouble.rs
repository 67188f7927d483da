//! Services that do not do as they are told, and supervisors that go away in the middle.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::libc::O_NONBLOCK;
use nix::sys::signal::Signal;
use rcpolicy::domain::{ActiveState, InitKind, JobFailure, JobOutcome, Verb};
use rcpolicy::init::{Init, Supervising};
use rcpolicy::report::native;

use crate::world::{DAEMON, World, failure, job, one, signal, unit};

const SHORT: Duration = Duration::from_millis(500);

#[test]
fn a_run_that_ends_at_once_is_a_failure_and_one_that_comes_up_in_the_end_is_not() {
    let world = World::with(DAEMON);
    assert_eq!(one(&mut world.runit(), Verb::Stop, "foo"), JobOutcome::Done);
    world.script("foo/run", "exit 1");
    let died = failure(one(&mut world.runit(), Verb::Start, "foo"));
    let ended = JobFailure::Ended {
        result: "failed".to_owned(),
        service_result: "its `run` ends at once".to_owned(),
    };
    assert_eq!(died, ended);
    // Many a run ends until what it needs is up.
    world.script(
        "foo/run",
        "echo try >>log; [ $(grep -c try log) -gt 2 ] || exit 1; exec sleep 1000",
    );
    assert_eq!(
        one(&mut world.runit(), Verb::Restart, "foo"),
        JobOutcome::Done
    );
    assert_eq!(world.active("foo"), Some(ActiveState::Active));
}

#[test]
fn one_that_goes_down_by_its_own_will_is_canceled_and_not_waited_for() {
    let world = World::with(DAEMON);
    assert_eq!(one(&mut world.runit(), Verb::Stop, "foo"), JobOutcome::Done);
    // As Debian's invoke-run does where policy-rc.d forbids the start.
    world.script("foo/run", "sv down $PWD; exit 0");
    let outcome = failure(one(&mut world.runit(), Verb::Start, "foo"));
    assert!(
        matches!(&outcome, JobFailure::Ended { result, .. } if result == "canceled"),
        "{outcome:?}"
    );
    assert!(world.stat("foo").starts_with("down"));
    let start = job(Verb::Start, "foo");
    assert_eq!(native::ending(InitKind::Runit, &start, &outcome), 0);
}

#[test]
fn one_that_does_not_end_is_left_to_itself_at_the_limit_and_killed_when_that_is_asked() {
    let world = World::with("trap '' TERM; echo run >>log; while :; do sleep 0.05; done");
    let mut runit = world.runit();
    runit.terms().limit = SHORT;
    let late = failure(one(&mut runit, Verb::Stop, "foo"));
    assert_eq!(late, JobFailure::TimedOut { seconds: 0 });
    assert_eq!(world.active("foo"), Some(ActiveState::Deactivating));
    runit.terms().limit = Duration::from_secs(60);
    runit.kill(&unit("foo")).unwrap();
    assert!(
        world.stat("foo").starts_with("down"),
        "{}",
        world.stat("foo")
    );
    runit.kill(&unit("foo")).unwrap();
}

#[test]
fn a_finish_that_does_not_end_is_told_and_one_that_ends_in_time_is_let_end() {
    let world = World::with(DAEMON);
    world.script("foo/finish", "echo finish >>log; exec sleep 1000");
    let mut hasty = world.runit();
    hasty.terms().limit = SHORT;
    assert!(hasty.kill(&unit("foo")).is_err());
    assert_eq!(world.active("foo"), Some(ActiveState::Deactivating));
    let finish = world.pid_of_finish("foo");
    world.script("foo/finish", "sleep 0.3; echo ended >>log");
    signal(finish, Signal::SIGKILL);
    assert_eq!(
        one(&mut world.runit(), Verb::Start, "foo"),
        JobOutcome::Done
    );
    world.runit().kill(&unit("foo")).unwrap();
    assert_eq!(world.active("foo"), Some(ActiveState::Inactive));
    assert_eq!(world.log("foo").last().map(String::as_str), Some("ended"));
}

#[test]
fn a_runsv_that_is_stopped_times_out_and_does_what_it_was_asked_when_it_goes_on() {
    let world = World::with(DAEMON);
    let mut runit = world.runit();
    runit.terms().limit = SHORT;
    signal(world.runsv("foo"), Signal::SIGSTOP);
    for verb in [Verb::Reload, Verb::Stop] {
        let late = failure(one(&mut runit, verb, "foo"));
        assert!(
            matches!(late, JobFailure::TimedOut { .. }),
            "{verb}: {late:?}"
        );
    }
    assert!(runit.kill(&unit("foo")).is_err());
    signal(world.runsv("foo"), Signal::SIGCONT);
    world.wait_for("it is down", || world.stat("foo").starts_with("down"));
}

#[test]
fn a_full_pipe_is_an_error_and_nothing_was_asked() {
    let world = World::with(DAEMON);
    signal(world.runsv("foo"), Signal::SIGSTOP);
    let control = world.path("foo/supervise/control");
    let mut pipe = fs::File::options()
        .write(true)
        .custom_flags(O_NONBLOCK)
        .open(control)
        .unwrap();
    // Alarms, which the service has no trap for, would end it: letters that mean nothing do not.
    while pipe.write(&[b'.'; 512]).is_ok() {}
    while pipe.write(b".").is_ok() {}
    let mut runit = world.runit().waiting(SHORT);
    let refused = failure(one(&mut runit, Verb::Stop, "foo"));
    assert!(
        refused
            .to_string()
            .contains("no runsv has read the request"),
        "{refused}"
    );
    let pid = world.pid("foo");
    signal(world.runsv("foo"), Signal::SIGCONT);
    assert_eq!(
        one(&mut world.runit(), Verb::Restart, "foo"),
        JobOutcome::Done
    );
    assert_ne!(world.pid("foo"), pid);
}

#[test]
fn a_service_that_is_killed_all_the_time_is_restarted_and_stopped_all_the_same() {
    let world = World::with(DAEMON);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let pid = world.pid("foo");
                if pid > 1 {
                    signal(pid, Signal::SIGKILL);
                }
                thread::sleep(Duration::from_millis(250));
            }
        });
        for _ in 0..3 {
            let pid = world.pid("foo");
            assert_eq!(
                one(&mut world.runit(), Verb::Restart, "foo"),
                JobOutcome::Done
            );
            assert_ne!(world.pid("foo"), pid);
        }
        assert_eq!(one(&mut world.runit(), Verb::Stop, "foo"), JobOutcome::Done);
        assert!(world.stat("foo").starts_with("down"));
        over.store(true, Ordering::Relaxed);
        killer.join().unwrap();
    });
}

#[test]
fn a_runsv_that_is_killed_in_the_middle_loses_no_request() {
    // It takes its time to end, so that there is a middle.
    let slow = "trap 'sleep 0.5; exit 0' TERM; echo run >>log; while :; do sleep 0.05; done";
    let world = World::with(slow);
    let runsv = world.runsv("foo");
    signal(runsv, Signal::SIGSTOP);
    let asked = thread::scope(|scope| {
        let stop = scope.spawn(|| one(&mut world.runit(), Verb::Stop, "foo"));
        world.wait_for("the letter is in the pipe", || world.is_asked("foo"));
        signal(runsv, Signal::SIGKILL);
        stop.join().unwrap()
    });
    // What the killed one had started runs on, and is not taken for gone.
    let left = failure(asked);
    assert!(left.to_string().contains("lost track"), "{left}");
    assert!(
        world.stat("foo").starts_with("down"),
        "{}",
        world.stat("foo")
    );
}

#[test]
fn what_a_runsv_had_read_when_it_was_killed_is_asked_of_the_next_one() {
    // It says when it got TERM, and ends a moment later.
    let slow = "trap 'sleep 0.3; exit 0' TERM; echo run >>log; while :; do sleep 0.05; done";
    let world = World::with(slow);
    let outcome = thread::scope(|scope| {
        let stop = scope.spawn(|| one(&mut world.runit(), Verb::Stop, "foo"));
        world.wait_for("it was read", || world.stat("foo").contains("got TERM"));
        let (runsv, pid) = (world.runsv("foo"), world.pid("foo"));
        signal(world.runsvdir(), Signal::SIGSTOP);
        signal(runsv, Signal::SIGKILL);
        let process = std::path::PathBuf::from(format!("/proc/{pid}"));
        let has_ended = || fs::read(process.join("cmdline")).map_or(true, |line| line.is_empty());
        world.wait_for("what it had started has ended", has_ended);
        signal(world.runsvdir(), Signal::SIGCONT);
        stop.join().unwrap()
    });
    assert_eq!(outcome, JobOutcome::Done);
    assert!(
        world.stat("foo").starts_with("down"),
        "{}",
        world.stat("foo")
    );
}

#[test]
fn a_runsv_that_comes_back_is_waited_for() {
    let world = World::with(DAEMON);
    let (runsv, pid) = (world.runsv("foo"), world.pid("foo"));
    signal(world.runsvdir(), Signal::SIGSTOP);
    signal(runsv, Signal::SIGKILL);
    signal(pid, Signal::SIGKILL);
    world.wait_for("nobody watches", || world.facts("foo").active.is_unknown());
    let outcome = thread::scope(|scope| {
        let start = scope.spawn(|| one(&mut world.runit(), Verb::Start, "foo"));
        signal(world.runsvdir(), Signal::SIGCONT);
        start.join().unwrap()
    });
    assert_eq!(outcome, JobOutcome::Done);
    let mut hasty = world.runit().waiting(SHORT);
    signal(world.runsvdir(), Signal::SIGSTOP);
    signal(world.runsv("foo"), Signal::SIGKILL);
    world.wait_for("nobody watches", || world.facts("foo").active.is_unknown());
    let refused = failure(one(&mut hasty, Verb::Stop, "foo"));
    assert!(matches!(refused, JobFailure::Refused { .. }), "{refused:?}");
}

#[test]
fn a_service_that_is_new_is_waited_for_until_runsvdir_has_seen_it() {
    let mut world = World::new();
    world.scan();
    world.service("foo", DAEMON);
    world.link("foo");
    assert_eq!(
        one(&mut world.runit(), Verb::Start, "foo"),
        JobOutcome::Done
    );
    assert_eq!(world.active("foo"), Some(ActiveState::Active));
}

#[test]
fn a_service_whose_link_is_taken_away_while_it_stops_is_stopped() {
    let world =
        World::with("trap 'sleep 1; exit 0' TERM; echo run >>log; while :; do sleep 0.05; done");
    let outcome = thread::scope(|scope| {
        let stop = scope.spawn(|| one(&mut world.runit(), Verb::Stop, "foo"));
        world.wait_for("it is stopping", || world.stat("foo").contains("got TERM"));
        world.unlink("foo");
        stop.join().unwrap()
    });
    assert_eq!(outcome, JobOutcome::Done);
    world.wait_for("its runsv is gone", || world.runsv("foo") == 0);
    assert!(world.facts("foo").is_missing());
}
