//! What is told of services without doing anything to them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rcpolicy::domain::{
    ActiveState, FileState, InitKind, JobFailure, JobOutcome, Known, LoadState, Verb,
};
use rcpolicy::init::{Init, monotonic};

use crate::world::{DAEMON, World, failure, job, one, unit};

#[test]
fn a_service_that_runs_is_told_with_its_process() {
    let world = World::with(DAEMON);
    let facts = world.facts("foo");
    assert_eq!(facts.load, Known::Is(LoadState::Loaded));
    assert_eq!(facts.active, Known::Is(ActiveState::Active));
    assert_eq!(facts.file, Known::Is(FileState::Enabled));
    assert_eq!(facts.main_pid, world.pid("foo"));
    assert!(
        facts
            .invocation
            .starts_with(&format!("{}:", facts.main_pid))
    );
    assert_eq!((facts.down_since, facts.down_since_epoch), (0, 0));
}

#[test]
fn what_is_not_linked_or_not_supervised_is_not_runits() {
    let mut world = World::new();
    world.service("foo", DAEMON);
    assert!(world.facts("foo").is_missing(), "in /etc/sv only");
    world.link("foo");
    assert!(world.facts("foo").is_missing(), "nobody scans");
    world.scan();
    world.wait_for("it is up", || world.stat("foo").starts_with("run"));
    assert!(world.facts("foo").is_up());
    assert!(world.facts("foo.sh").is_up(), "one identity");
    for name in ["bar", ".foo", "foo@", "supervise"] {
        assert!(world.facts(name).is_missing(), "{name}");
    }
    let socket = rcpolicy::domain::UnitName::parse("foo.socket").unwrap();
    let found = world
        .runit()
        .units(&[socket], rcpolicy::init::Depth::State)
        .unwrap();
    assert!(found[0].is_missing());
}

#[test]
fn odd_names_are_names() {
    let mut world = World::new();
    let names = ["foo@bar", "a+b", "x.y", "q=1,2", "ünd"];
    for name in names {
        world.service(name, DAEMON);
        world.link(name);
    }
    world.scan();
    for name in &names[..4] {
        world.wait_for("it is up", || world.facts(name).is_up());
        assert_eq!(
            one(&mut world.runit(), Verb::Stop, name),
            JobOutcome::Done,
            "{name}"
        );
    }
    let all = world.runit().services(&[String::new()]).unwrap();
    assert_eq!(all.len(), 4, "{all:?}");
    let some = world.runit().services(&["fo".to_owned()]).unwrap();
    assert_eq!(some, [unit("foo@bar")]);
}

#[test]
fn a_down_file_is_the_admins_will_and_when_it_went_down_is_one_number() {
    let world = World::with(DAEMON);
    let before = monotonic();
    assert_eq!(one(&mut world.runit(), Verb::Stop, "foo"), JobOutcome::Done);
    let after = monotonic();
    let first = world.facts("foo").down_since;
    assert!(
        (before.saturating_sub(1_100)..=after).contains(&first),
        "{before} {first} {after}"
    );
    for _ in 0..50 {
        assert_eq!(world.facts("foo").down_since, first);
    }
    assert_eq!(world.facts("foo").file, Known::Is(FileState::Enabled));
    fs::write(world.path("foo/down"), "").unwrap();
    let facts = world.facts("foo");
    assert_eq!(facts.file, Known::Is(FileState::Disabled));
    assert!(facts.is_down());
}

#[test]
fn each_run_is_another_invocation_and_none_has_none() {
    let world = World::with(DAEMON);
    let mut runit = world.runit();
    let mut seen = || runit.seen(&[unit("foo")]).unwrap().remove(0);
    let first = seen();
    assert_eq!(first, seen());
    assert_eq!(first.job, Known::Is(None));
    one(&mut world.runit(), Verb::Restart, "foo");
    let second = seen();
    assert!(second.invocation != first.invocation && second.started > first.started);
    assert_eq!(second.main_pid, world.pid("foo"));
    one(&mut world.runit(), Verb::Stop, "foo");
    let down = seen();
    assert_eq!((down.invocation.as_str(), down.main_pid), ("", 0));
    assert!(down.changed > second.changed);
}

#[test]
fn directories_that_others_may_write_to_are_refused_and_nothing_is_written_there() {
    let world = World::with(DAEMON);
    let pid = world.pid("foo");
    for hostile in ["foo", "foo/supervise"] {
        let path = world.path(hostile);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let facts = world.facts("foo");
        assert_eq!(facts.load, Known::Is(LoadState::Broken), "{hostile}");
        assert!(facts.active.is_unknown());
        let outcome = one(&mut world.runit(), Verb::Stop, "foo");
        assert!(matches!(outcome, JobOutcome::Failed(_)), "{hostile}");
        let refused = failure(one(&mut world.runit(), Verb::Reload, "foo"));
        let reload = job(Verb::Reload, "foo");
        let ending = rcpolicy::report::native::ending(InitKind::Runit, &reload, &refused);
        assert_eq!(ending, 1, "{hostile}: {refused}");
        assert!(world.runit().kill(&unit("foo")).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(world.pid("foo"), pid);
    assert!(world.stat("foo").starts_with("run"));
}

#[test]
fn a_status_that_is_garbage_is_told_and_not_believed() {
    let world = World::with(DAEMON);
    let status = world.path("foo/supervise/status");
    for bytes in [&b""[..], b"x", &[0; 20], &[0xff; 4096]] {
        fs::write(&status, bytes).unwrap();
        let facts = world.facts("foo");
        assert_eq!(
            facts.load,
            Known::Is(LoadState::Broken),
            "{} bytes",
            bytes.len()
        );
        let outcome = one(&mut world.runit(), Verb::Restart, "foo");
        assert!(matches!(outcome, JobOutcome::Failed(_)));
    }
    fs::remove_file(&status).unwrap();
    assert!(world.facts("foo").active.is_unknown());
    // The next thing that happens mends it.
    fs::write(world.path("foo/supervise/control"), "u").unwrap();
    world.wait_for("runsv has written", || world.facts("foo").is_up());
}

#[test]
fn what_an_admin_leaves_to_init_scripts_is_not_runits() {
    let world = World::with(DAEMON);
    let etc = tempfile::tempdir().unwrap();
    let mut runit = world.runit().configured_in(etc.path());
    let is_missing = |runit: &mut rcpolicy::init::runit::Runit| {
        let facts = runit.units(&[unit("foo")], rcpolicy::init::Depth::State);
        facts.unwrap().remove(0).is_missing()
    };
    // What scripts do by themselves, said or not.
    fs::write(etc.path().join("lsb.runit.forward"), "").unwrap();
    assert!(!is_missing(&mut runit));
    for name in ["lsb.runit.sysv", "lsb.runit.mask"] {
        fs::write(etc.path().join(name), "").unwrap();
        assert!(is_missing(&mut runit), "{name}");
        assert!(runit.services(&["f".to_owned()]).unwrap().is_empty());
        let refused = failure(one(&mut runit, Verb::Stop, "foo"));
        assert!(matches!(refused, JobFailure::Refused { .. }), "{refused:?}");
        fs::remove_file(etc.path().join(name)).unwrap();
        assert!(!is_missing(&mut runit), "{name} is gone");
    }
    assert!(world.stat("foo").starts_with("run"));
}
