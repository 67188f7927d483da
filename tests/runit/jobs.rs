//! What is asked of services that do as they are told.

use std::fs;

use rcpolicy::domain::{ActiveState, InitKind, JobFailure, JobOutcome, Verb, Wait};
use rcpolicy::init::{Init, Supervising};
use rcpolicy::report::native;

use crate::world::{DAEMON, World, failure, job, one};

#[test]
fn start_stop_and_restart_end_when_it_stands_where_it_was_asked_to() {
    let world = World::with(DAEMON);
    let mut runit = world.runit();
    let first = world.pid("foo");
    assert_eq!(one(&mut runit, Verb::Restart, "foo"), JobOutcome::Done);
    let second = world.pid("foo");
    assert!(second != first && world.stat("foo").starts_with("run"));
    assert_eq!(one(&mut runit, Verb::Start, "foo"), JobOutcome::Done);
    assert_eq!(world.pid("foo"), second, "what is up is left alone");
    assert_eq!(one(&mut runit, Verb::Stop, "foo"), JobOutcome::Done);
    assert!(world.stat("foo").starts_with("down"));
    assert_eq!(one(&mut runit, Verb::Stop, "foo"), JobOutcome::Done);
    assert_eq!(one(&mut runit, Verb::TryRestart, "foo"), JobOutcome::Done);
    assert!(
        world.stat("foo").starts_with("down"),
        "what is down is left down"
    );
    assert_eq!(one(&mut runit, Verb::Restart, "foo"), JobOutcome::Done);
    assert_eq!(world.active("foo"), Some(ActiveState::Active));
    assert_eq!(world.log("foo"), ["run"; 3]);
}

#[test]
fn a_stop_waits_for_finish_and_a_restart_lets_it_end_first() {
    let world = World::with(DAEMON);
    world.script("foo/finish", "sleep 0.3; echo finish >>log");
    let mut runit = world.runit();
    assert_eq!(one(&mut runit, Verb::Restart, "foo"), JobOutcome::Done);
    assert_eq!(world.log("foo"), ["run", "finish", "run"]);
    assert_eq!(one(&mut runit, Verb::Stop, "foo"), JobOutcome::Done);
    assert_eq!(world.log("foo"), ["run", "finish", "run", "finish"]);
}

#[test]
fn a_reload_is_a_hup_that_was_read_and_is_refused_where_nothing_runs() {
    let catches = "trap 'echo hup >>log' HUP; echo run >>log; while :; do sleep 0.05; done";
    let world = World::with(catches);
    let mut runit = world.runit();
    let pid = world.pid("foo");
    for (count, verb) in [(2, Verb::Reload), (3, Verb::ReloadOrRestart)] {
        assert_eq!(one(&mut runit, verb, "foo"), JobOutcome::Done);
        world.wait_for("it was caught", || world.log("foo").len() == count);
    }
    assert_eq!(world.log("foo"), ["run", "hup", "hup"]);
    assert_eq!(world.pid("foo"), pid);
    assert_eq!(one(&mut runit, Verb::Stop, "foo"), JobOutcome::Done);
    let refused = failure(one(&mut runit, Verb::Reload, "foo"));
    assert!(refused.to_string().contains("not running"), "{refused}");
    let reload = job(Verb::Reload, "foo");
    assert_eq!(native::ending(InitKind::Runit, &reload, &refused), 0);
    assert!(world.stat("foo").starts_with("down"));
}

#[test]
fn all_are_asked_before_the_first_is_waited_for() {
    let mut world = World::new();
    for name in ["foo", "bar"] {
        world.service(name, DAEMON);
        // Each waits until the other one's has begun.
        let other = if name == "foo" { "bar" } else { "foo" };
        let finish = format!("echo x >>begun; until [ -e ../{other}/begun ]; do sleep 0.01; done");
        world.script(&format!("{name}/finish"), &finish);
        world.link(name);
    }
    world.scan();
    for name in ["foo", "bar"] {
        world.wait_for("it is up", || world.stat(name).starts_with("run"));
    }
    let jobs = [job(Verb::Stop, "foo"), job(Verb::Stop, "bar")];
    let outcomes = world.runit().run(&jobs, Wait::Done).unwrap();
    assert_eq!(outcomes, [JobOutcome::Done, JobOutcome::Done]);
}

#[test]
fn what_is_only_queued_is_done_all_the_same() {
    let world = World::with(DAEMON);
    let pid = world.pid("foo");
    let jobs = [job(Verb::Restart, "foo")];
    let outcomes = world.runit().run(&jobs, Wait::Queued).unwrap();
    assert_eq!(outcomes, [JobOutcome::Queued]);
    world.wait_for("another runs", || ![0, pid].contains(&world.pid("foo")));
}

#[test]
fn up_is_what_the_check_says() {
    let world = World::with(DAEMON);
    world.script("foo/check", "[ -e ready ]");
    world.script(
        "foo/run",
        "(sleep 0.5; echo ready >ready) & exec sleep 1000",
    );
    assert_eq!(
        one(&mut world.runit(), Verb::Restart, "foo"),
        JobOutcome::Done
    );
    assert!(world.path("foo/ready").exists());
    fs::remove_file(world.path("foo/ready")).unwrap();
    let mut hasty = world.runit();
    hasty.terms().limit = std::time::Duration::from_millis(600);
    world.script("foo/run", "exec sleep 1000");
    let late = failure(one(&mut hasty, Verb::Restart, "foo"));
    assert!(matches!(late, JobFailure::TimedOut { .. }), "{late:?}");
    // One that never ends holds nobody up for longer.
    world.script("foo/check", "sleep 1000");
    let late = failure(one(&mut hasty, Verb::Start, "foo"));
    assert!(matches!(late, JobFailure::TimedOut { .. }), "{late:?}");
}

#[test]
fn the_log_service_goes_on_while_its_service_is_down() {
    let mut world = World::new();
    world.service("foo", DAEMON.replace("log", "../log").as_str());
    world.service("foo/log", "exec cat >/dev/null");
    world.link("foo");
    world.scan();
    for name in ["foo", "foo/log"] {
        world.wait_for("it is up", || world.stat(name).starts_with("run"));
    }
    let pid = world.pid("foo/log");
    for verb in [Verb::Restart, Verb::Stop] {
        assert_eq!(one(&mut world.runit(), verb, "foo"), JobOutcome::Done);
    }
    assert_eq!(world.pid("foo/log"), pid);
    assert!(world.stat("foo/log").starts_with("run"));
}

#[test]
fn what_was_started_once_is_stopped_and_a_restart_keeps_it_up() {
    let world = World::with(DAEMON);
    let control = world.path("foo/supervise/control");
    fs::write(&control, "o").unwrap();
    world.wait_for("it is wanted down", || {
        world.stat("foo").contains("want down")
    });
    assert_eq!(world.active("foo"), Some(ActiveState::Active));
    assert_eq!(
        one(&mut world.runit(), Verb::TryRestart, "foo"),
        JobOutcome::Done
    );
    assert_eq!(world.active("foo"), Some(ActiveState::Active));
    fs::write(&control, "o").unwrap();
    world.wait_for("it is wanted down", || {
        world.stat("foo").contains("want down")
    });
    assert_eq!(one(&mut world.runit(), Verb::Stop, "foo"), JobOutcome::Done);
    assert_eq!(world.active("foo"), Some(ActiveState::Inactive));
}

#[test]
fn one_that_is_paused_ends_too() {
    let world = World::with(DAEMON);
    fs::write(world.path("foo/supervise/control"), "p").unwrap();
    world.wait_for("it is paused", || world.stat("foo").contains("paused"));
    assert_eq!(
        one(&mut world.runit(), Verb::Restart, "foo"),
        JobOutcome::Done
    );
    assert_eq!(one(&mut world.runit(), Verb::Stop, "foo"), JobOutcome::Done);
}

#[test]
fn a_daemon_that_takes_term_for_something_else_is_up() {
    let world = World::with("trap '' TERM; echo run >>log; while :; do sleep 0.05; done");
    fs::write(world.path("foo/supervise/control"), "t").unwrap();
    world.wait_for("it got TERM", || world.stat("foo").contains("got TERM"));
    let pid = world.pid("foo");
    assert_eq!(
        one(&mut world.runit(), Verb::Start, "foo"),
        JobOutcome::Done
    );
    assert_eq!(world.pid("foo"), pid);
}
