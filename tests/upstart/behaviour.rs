//! What Upstart does that a client must know of: jobs, instances, early answers, older versions, and
//! others in its place.

use std::time::{Duration, Instant};

use rcpolicy::domain::{
    ActiveState, FileState, Job, JobFailure, JobOutcome, Known, LoadState, Verb, Wait,
};
use rcpolicy::init::reexec::{Reexecutes, changes};
use rcpolicy::init::upstart::{Address, Upstart};
use rcpolicy::init::{Depth, Init, InitError};

use crate::jobs::{Kind, Spec};
use crate::server::{Cut, State};
use crate::world::{World, unit};

fn refusal(outcome: &JobOutcome) -> (&str, &str) {
    match outcome {
        JobOutcome::Failed(JobFailure::Refused { name, message }) => (name, message),
        other => panic!("{other:?}"),
    }
}

fn ended(outcome: &JobOutcome) -> &str {
    match outcome {
        JobOutcome::Failed(JobFailure::Ended { result, .. }) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn jobs_are_known_by_name_state_and_whether_some_event_starts_them() {
    let mut disabled = Spec::service("manual.job");
    disabled.starts = false;
    let world = World::new(&[Spec::service("foo+bar"), disabled]);
    world.start("foo+bar");
    let names = [unit("foo+bar"), unit("manual.job"), unit("nothing")];
    let found = world.upstart().units(&names, Depth::State).unwrap();
    assert_eq!(found[0].active, Known::Is(ActiveState::Active));
    assert_eq!(found[0].file, Known::Is(FileState::Enabled));
    assert_eq!(found[0].main_pid, world.pid("foo+bar"));
    assert_eq!(found[1].active, Known::Is(ActiveState::Inactive));
    assert_eq!(found[1].file, Known::Is(FileState::Disabled));
    assert_eq!(found[2].load, Known::Is(LoadState::NotFound));
    let outcome = world.act(&mut world.upstart(), Verb::Start, "nothing");
    assert!(refusal(&outcome).0.ends_with("UnknownJob"));
}

#[test]
fn an_instance_is_named_behind_an_at_sign_and_keeps_its_variables_in_a_restart() {
    let mut spec = Spec::service("tty");
    spec.variable = Some("DEV");
    let world = World::new(&[spec]);
    world.server(|server| {
        for name in ["tty1", "tty2"] {
            server.jobs.instance_for(0, name).up = true;
        }
    });
    while world.settled("tty").alive.len() < 2 {}
    let before = world.settled("tty").alive;
    let mut upstart = world.upstart();
    let outcome = world.act(&mut upstart, Verb::Stop, "tty");
    assert!(refusal(&outcome).1.contains("several instances"));
    let restarted = world.act(&mut upstart, Verb::Restart, "tty@tty1");
    assert_eq!(restarted, JobOutcome::Done);
    let after = world.settled("tty").alive;
    assert!(after.contains(&before[1]) && !after.contains(&before[0]) && after.len() == 2);
    assert_eq!(
        world.act(&mut upstart, Verb::Stop, "tty@tty1"),
        JobOutcome::Done
    );
    assert_eq!(world.settled("tty").alive, [before[1]]);
    let outcome = world.act(&mut upstart, Verb::Start, "tty@tty1");
    assert!(refusal(&outcome).0.ends_with("UnknownInstance"));
    let facts = upstart
        .units(&[unit("tty"), unit("tty@tty1")], Depth::State)
        .unwrap();
    assert!(facts[0].is_up() && facts[1].is_down());
}

#[test]
fn a_start_that_somebody_else_turns_into_a_stop_is_not_reported_as_done() {
    let mut spec = Spec::service("slow");
    spec.slow = 100;
    let world = World::new(&[spec]);
    std::thread::scope(|scope| {
        let start = scope.spawn(|| {
            let mut upstart = world.upstart();
            let job = Job::new(Verb::Start, unit("slow"));
            upstart.run(&[job], Wait::Done).unwrap().remove(0)
        });
        while world.server(|server| server.jobs.instances.is_empty()) {}
        assert_eq!(
            world.act(&mut world.upstart(), Verb::Stop, "slow"),
            JobOutcome::Done
        );
        assert_eq!(ended(&start.join().unwrap()), "canceled");
    });
    assert!(world.settled("slow").alive.is_empty());
}

#[test]
fn a_stop_that_somebody_else_turns_into_a_start_is_judged_by_the_process() {
    let world = World::new(&[Spec::service("foo")]);
    world.start("foo");
    let old = world.pid("foo");
    let outcome = std::thread::scope(|scope| {
        let stop = scope.spawn(|| world.act(&mut world.upstart(), Verb::Stop, "foo"));
        while !world.server(|server| server.jobs.instances.iter().any(|one| !one.up)) {}
        world.act(&mut world.upstart(), Verb::Start, "foo");
        stop.join().unwrap()
    });
    let now = world.pid("foo");
    match outcome {
        JobOutcome::Done => assert_ne!(now, old),
        other => assert_eq!((ended(&other), now), ("canceled", old)),
    }
}

#[test]
fn a_task_is_done_when_it_has_ended_and_an_abstract_job_is_up_without_a_process() {
    let mut task = Spec::service("once");
    task.kind = Kind::Task(5);
    let mut none = Spec::service("none");
    none.kind = Kind::Abstract;
    let world = World::new(&[task, none]);
    let mut upstart = world.upstart();
    assert_eq!(
        world.act(&mut upstart, Verb::Start, "once"),
        JobOutcome::Done
    );
    assert!(!world.settled("once").up);
    for verb in [Verb::Start, Verb::Restart] {
        assert_eq!(world.act(&mut upstart, verb, "none"), JobOutcome::Done);
        assert!(world.settled("none").up);
    }
    assert_eq!(world.settled("none").tally.pre_starts, 2);
}

#[test]
fn a_job_takes_as_long_as_it_takes_and_is_left_to_itself_at_the_limit() {
    let mut spec = Spec::service("slow");
    spec.slow = 400;
    let world = World::new(&[spec]);
    let mut upstart = world.upstart();
    upstart.limit = Duration::from_millis(40);
    let job = Job::new(Verb::Start, unit("slow"));
    let outcome = upstart.run(&[job], Wait::Done).unwrap().remove(0);
    assert!(
        matches!(outcome, JobOutcome::Failed(JobFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    world.start("slow");
    assert_eq!(world.settled("slow").tally.started.len(), 1);
}

#[test]
fn quick_losses_are_met_with_pauses_and_not_in_a_circle() {
    let world = World::new(&[Spec::service("foo")]);
    world.start("foo");
    // Enough to log in and look, and not to take a request on: asking on, and on, gave 117 contacts.
    world.arm(Cut::Every(7));
    let mut upstart = world.upstart().waiting(Duration::from_millis(1500));
    let job = Job::new(Verb::Restart, unit("foo"));
    let outcome = upstart.run(&[job], Wait::Done).unwrap().remove(0);
    let cuts = world.server(|server| {
        server.reexec.cut = Cut::Never;
        server.cuts
    });
    assert!(
        matches!(outcome, JobOutcome::Failed(JobFailure::Lost(_))),
        "{outcome:?}"
    );
    assert!(cuts < 70, "{cuts} contacts");
}

#[test]
fn after_a_re_exec_without_state_nothing_is_started_beside_the_old_process_nor_called_stopped() {
    for verb in [Verb::Stop, Verb::Restart, Verb::TryRestart] {
        let mut cut = 1;
        loop {
            let world = World::new(&[Spec::service("foo")]);
            world.start("foo");
            let old = world.pid("foo");
            let mut upstart = world.upstart();
            // It was seen before: as by the observation that every decision begins with.
            upstart.units(&[unit("foo")], Depth::State).unwrap();
            world.server(|server| server.reexec.state = State::Forgotten);
            world.arm(Cut::At(cut));
            let outcome = world.act(&mut upstart, verb, "foo");
            let cuts = world.server(|server| {
                server.reexec.cut = Cut::Never;
                server.cuts
            });
            let alive = world.settled("foo").alive;
            assert!(alive.len() <= 1, "{verb} at {cut}: {alive:?}, {outcome:?}");
            if alive == [old] {
                assert!(
                    refusal(&outcome).1.contains("lost track"),
                    "{verb} at {cut}: {outcome:?}"
                );
            }
            if cuts == 0 {
                break;
            }
            cut += 1;
        }
        assert!(cut > 10, "{verb}: {cut}");
    }
}

#[test]
fn before_1_10_a_reload_is_a_signal_to_the_main_process() {
    let world = World::new(&[Spec::service("foo")]);
    world.server(|server| server.kind.reloads = false);
    world.start("foo");
    let pid = world.pid("foo");
    // A second process that dies of the signal, in the main one's place, also where we were called by nohup.
    let victim = std::process::Command::new("env")
        .args(["--default-signal=HUP", "sleep", "3600"])
        .spawn()
        .unwrap();
    let new = victim.id();
    world.server(|server| {
        let instance = server.jobs.instances.first_mut().unwrap();
        server.jobs.orphans.extend(instance.child.replace(victim));
    });
    let outcome = world.act(&mut world.upstart(), Verb::Reload, "foo");
    assert_eq!(outcome, JobOutcome::Done);
    let begun = Instant::now();
    while world.settled("foo").alive.contains(&new) {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(world.settled("foo").alive, [pid]);
}

#[test]
fn an_upstart_that_cannot_re_execute_itself_says_so() {
    let world = World::new(&[Spec::service("foo")]);
    world.server(|server| server.kind.restarts = false);
    let error = world.upstart().reexec(Duration::from_secs(5)).unwrap_err();
    assert!(error.to_string().contains("too old"), "{error}");
}

#[test]
fn a_re_exec_is_over_when_it_answers_again_and_is_seen_to_have_kept_what_it_knew() {
    let world = World::new(&[
        Spec::service("foo"),
        Spec::service("bar"),
        Spec::service("down"),
    ]);
    world.start("foo");
    world.start("bar");
    let pids = (world.pid("foo"), world.pid("bar"));
    let away = Duration::from_millis(60);
    world.server(|server| server.reexec.refused = away);
    let mut upstart = world.upstart();
    let before = upstart.standing().unwrap();
    assert_eq!(before.iter().filter(|unit| unit.active).count(), 2);
    assert!(upstart.reexec(Duration::from_secs(5)).unwrap() >= away);
    assert_eq!(
        changes(&before, &upstart.standing().unwrap(), &|_| true),
        []
    );
    assert_eq!((world.pid("foo"), world.pid("bar")), pids);
    assert_eq!(world.server(|server| server.cuts), 1);
    world.server(|server| server.reexec.state = State::Forgotten);
    upstart.reexec(Duration::from_secs(5)).unwrap();
    assert_eq!(
        changes(&before, &upstart.standing().unwrap(), &|_| true).len(),
        2
    );
}

#[test]
fn a_backlog_in_which_nobody_answers_is_left_and_tried_again() {
    let world = World::new(&[Spec::service("foo")]);
    // Longer than a first handshake may take.
    let busy = |time| world.server(|server| server.busy_until = Some(Instant::now() + time));
    busy(Duration::from_millis(1200));
    let outcome = world.act(&mut world.upstart(), Verb::Start, "foo");
    assert_eq!(outcome, JobOutcome::Done);
    assert_eq!(world.settled("foo").tally.started.len(), 1);
    assert!(world.server(|server| server.clients_so_far) > 1);
    // A silence for good ends with the wait.
    busy(Duration::from_secs(60));
    let mut upstart = Upstart::at(world.address().clone()).waiting(Duration::from_millis(150));
    let begun = Instant::now();
    assert!(upstart.connect().is_err());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn connections_caught_in_the_backlog_by_a_re_exec_are_made_again() {
    let world = World::new(&[Spec::service("foo")]);
    world.start("foo");
    for _ in 0..5 {
        world.server(|server| {
            server.reexec.stalled = Duration::from_millis(30);
            server.go_away();
        });
        let outcome = world.act(&mut world.upstart(), Verb::Restart, "foo");
        assert_eq!(outcome, JobOutcome::Done);
    }
    assert_eq!(world.settled("foo").tally.started.len(), 6);
}

#[test]
fn whoever_else_listens_is_refused_at_once_and_hears_nothing() {
    let world = World::new(&[Spec::service("foo")]);
    let own = world.address().clone();
    let others = [
        Address {
            pid: 1,
            ..own.clone()
        },
        Address {
            uid: own.uid + 1,
            ..own.clone()
        },
    ];
    for address in others {
        let begun = Instant::now();
        let result = Upstart::at(address).connect();
        assert!(
            matches!(result, Err(InitError::WrongPeer { .. })),
            "{result:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(world.server(|server| server.points), 0);
    world.server(|server| server.kind.version = "systemd 257");
    let result = world.upstart().connect();
    assert!(
        matches!(result, Err(InitError::WrongPeer { .. })),
        "{result:?}"
    );
}

#[test]
fn root_and_the_owner_take_a_closed_door_for_a_re_exec() {
    let world = World::new(&[Spec::service("foo")]);
    world.server(|server| server.kind.welcomes = false);
    let result = std::thread::scope(|scope| {
        let asked = scope.spawn(|| world.upstart().connect());
        std::thread::sleep(Duration::from_millis(60));
        world.server(|server| server.kind.welcomes = true);
        asked.join().unwrap()
    });
    assert_eq!(result, Ok(()));
}
