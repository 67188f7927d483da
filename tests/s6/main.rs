//! The s6 backend against the real s6-svscan and s6-supervise of the package s6.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot do ends it"
)]

mod rc;
mod tree;
mod trouble;

use std::fs;

use rcpolicy::domain::{ActiveState, FileState, Job, JobFailure, JobOutcome, Known, Verb, Wait};
use rcpolicy::init::Init;

use self::tree::{FOREVER, Tree, unit, write_service};

#[test]
fn a_service_is_stopped_started_and_restarted_as_another_process() {
    let mut tree = Tree::foo(&[("run", FOREVER)]);
    assert_eq!(tree.active("foo"), ActiveState::Active);
    let first = tree.seen("foo");
    tree.done(Verb::Restart, "foo");
    let second = tree.seen("foo");
    assert_ne!(first.main_pid, second.main_pid);
    assert_ne!(first.invocation, second.invocation);
    assert!(second.started > first.started);
    assert_eq!(tree.pid("foo"), Some(second.main_pid));
    tree.done(Verb::Start, "foo");
    assert_eq!(tree.seen("foo"), second, "it ran already");
    tree.done(Verb::Stop, "foo");
    assert_eq!(tree.active("foo"), ActiveState::Inactive);
    assert_eq!(tree.pid("foo"), Some(0));
    let down = tree.seen("foo");
    tree.done(Verb::TryRestart, "foo");
    assert_eq!(tree.seen("foo"), down, "it was down");
    tree.done(Verb::Restart, "foo");
    assert_eq!(tree.active("foo"), ActiveState::Active);
}

#[test]
fn a_service_that_says_when_it_is_ready_is_waited_for() {
    let run = "#!/bin/sh\nsleep 0.3\ntouch ready\necho >&3\nexec sleep 1000\n";
    let files = [("run", run), ("notification-fd", "3\n"), ("down", "")];
    let mut tree = Tree::foo(&files);
    for verb in [Verb::Start, Verb::Restart, Verb::TryRestart] {
        let _ = fs::remove_file(tree.file("foo/ready"));
        tree.done(verb, "foo");
        assert!(tree.file("foo/ready").exists(), "{verb}");
        assert_eq!(tree.active("foo"), ActiveState::Active);
    }
}

#[test]
fn a_run_that_checks_for_long_is_up_only_once_it_has_executed_its_daemon() {
    let run = "#!/bin/sh\nsleep 0.7\ntouch checked\nexec sleep 1000\n";
    let mut tree = Tree::foo(&[("run", run), ("down", "")]);
    for verb in [Verb::Start, Verb::Restart, Verb::TryRestart] {
        let _ = fs::remove_file(tree.file("foo/checked"));
        tree.done(verb, "foo");
        assert!(tree.file("foo/checked").exists(), "{verb}");
    }
}

#[test]
fn a_stop_waits_until_finish_has_ended() {
    let finish = "#!/bin/sh\nsleep 0.3\ntouch finished\n";
    let mut tree = Tree::foo(&[("run", FOREVER), ("finish", finish)]);
    tree.done(Verb::Stop, "foo");
    assert!(tree.file("foo/finished").exists());
    fs::remove_file(tree.file("foo/finished")).unwrap();
    tree.done(Verb::Start, "foo");
    tree.done(Verb::Restart, "foo");
    assert!(tree.file("foo/finished").exists());
}

#[test]
fn what_is_being_stopped_and_is_asked_to_start_is_up_in_the_end() {
    let run =
        "#!/bin/sh\ntrap 'sleep 0.3; exit 0' TERM\ntouch ready\nwhile :; do sleep 0.05; done\n";
    let finish = "#!/bin/sh\nrm ready\nwhile test -e held; do sleep 0.02; done\n";
    let mut tree = Tree::foo(&[("run", run), ("finish", finish)]);
    tree.until(|| tree.file("foo/ready").exists());
    let first = tree.seen("foo");
    tree.svc("-d", "foo");
    tree.until_active("foo", ActiveState::Deactivating);
    tree.done(Verb::Start, "foo");
    tree.until(|| {
        tree.pid("foo")
            .is_some_and(|pid| pid != 0 && pid != first.main_pid)
    });
    // Likewise while `finish` runs.
    fs::write(tree.file("foo/held"), "").unwrap();
    tree.svc("-d", "foo");
    tree.until(|| fs::read(tree.file("foo/supervise/status")).unwrap().last() == Some(&2));
    let held = tree.file("foo/held");
    let release = std::thread::spawn(move || fs::remove_file(held).unwrap());
    tree.done(Verb::Start, "foo");
    release.join().unwrap();
    assert_eq!(tree.active("foo"), ActiveState::Active);
}

#[test]
fn a_run_that_dies_at_once_has_failed_and_is_said_to_be_tried_again() {
    let mut tree = Tree::foo(&[("run", FOREVER), ("down", "")]);
    write_service(&tree.file("foo"), &[("run", "#!/bin/sh\nexit 3\n")]);
    for verb in [Verb::Start, Verb::Restart] {
        let expected = JobFailure::Ended {
            result: "failed".to_owned(),
            service_result: "exit status 3; s6 tries again".to_owned(),
        };
        assert_eq!(tree.failure(verb, "foo"), expected);
    }
    assert_eq!(tree.active("foo"), ActiveState::Activating);
}

#[test]
fn a_run_that_dies_until_what_it_needs_is_up_has_not_failed() {
    let run = "#!/bin/sh\ntest -e second && exec sleep 1000\n\
        test -e first && touch second\ntouch first\nexit 1\n";
    let mut tree = Tree::foo(&[("run", FOREVER), ("down", "")]);
    write_service(&tree.file("foo"), &[("run", run)]);
    for verb in [Verb::Start, Verb::Restart] {
        tree.done(verb, "foo");
        assert_eq!(tree.active("foo"), ActiveState::Active, "{verb}");
        for file in ["foo/first", "foo/second"] {
            fs::remove_file(tree.file(file)).unwrap();
        }
    }
}

#[test]
fn a_run_that_checks_its_configuration_first_is_not_up_before_it_has() {
    let run = "#!/bin/sh\nsleep 0.08\ntouch checked\nexec sleep 1000\n";
    let mut tree = Tree::foo(&[("run", run), ("down", "")]);
    for verb in [Verb::Start, Verb::Restart] {
        let _ = fs::remove_file(tree.file("foo/checked"));
        tree.done(verb, "foo");
        assert!(tree.file("foo/checked").exists(), "{verb}");
    }
}

#[test]
fn a_finish_that_calls_it_a_failure_for_good_is_one_and_another_start_tries_again() {
    let finish = "#!/bin/sh\ntest $1 = 4 && exit 125\nexit 0\n";
    let mut tree = Tree::foo(&[("run", FOREVER), ("finish", finish), ("down", "")]);
    write_service(&tree.file("foo"), &[("run", "#!/bin/sh\nexit 4\n")]);
    for _ in 0..2 {
        let expected = JobFailure::Ended {
            result: "failed".to_owned(),
            service_result: "exit status 4; s6 leaves it down".to_owned(),
        };
        // s6 may be seen before `finish` has ended.
        let failure = tree.failure(Verb::Start, "foo");
        let tried = failure.to_string().contains("exit status 4");
        assert!(failure == expected || tried, "{failure}");
        tree.until(|| fs::read(tree.file("foo/supervise/status")).unwrap().last() == Some(&8));
    }
    // A restart of what runs is not kept from coming up by the end of what ran before.
    let run = "#!/bin/sh\ntrap 'exit 4' TERM\nwhile :; do sleep 0.05; done\n";
    write_service(&tree.file("foo"), &[("run", run)]);
    tree.done(Verb::Start, "foo");
    tree.done(Verb::Restart, "foo");
    assert_eq!(tree.active("foo"), ActiveState::Active);
}

#[test]
fn a_run_that_cannot_be_executed_is_told_at_once() {
    let mut tree = Tree::foo(&[("run", FOREVER), ("down", "")]);
    fs::write(tree.file("foo/new"), "").unwrap();
    fs::rename(tree.file("foo/new"), tree.file("foo/run")).unwrap();
    let failure = tree.failure(Verb::Start, "foo").to_string();
    assert!(failure.contains("cannot be executed"), "{failure}");
}

#[test]
fn what_does_not_go_and_what_is_paused_is_restarted() {
    let stubborn = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.05; done\n";
    let files = [("run", stubborn), ("timeout-kill", "200\n")];
    let mut tree = Tree::with(&[("foo", &files), ("bar", &[("run", FOREVER)])]);
    tree.svc("-p", "bar");
    for name in ["foo", "bar"] {
        let first = tree.seen(name);
        tree.done(Verb::Restart, name);
        assert!(tree.seen(name).main_pid != first.main_pid);
    }
}

#[test]
fn a_reload_is_a_hangup_and_what_does_not_run_cannot_be_reloaded() {
    // A shell cannot trap what was ignored when it began, and whoever started the tests may ignore this.
    let run = "#!/usr/bin/perl\nsub note { open my $file, '>', shift or die }\n\
        $SIG{HUP} = sub { note('hung-up') };\nnote('ready');\nsleep 1 while 1;\n";
    let mut tree = Tree::foo(&[("run", run)]);
    tree.until(|| tree.file("foo/ready").exists());
    let before = tree.seen("foo");
    tree.done(Verb::Reload, "foo");
    tree.until(|| tree.file("foo/hung-up").exists());
    assert_eq!(tree.seen("foo"), before);
    tree.done(Verb::Stop, "foo");
    let failure = tree.failure(Verb::Reload, "foo").to_string();
    assert_eq!(failure, "foo.service is not running");
    tree.done(Verb::ReloadOrRestart, "foo");
    assert_eq!(tree.active("foo"), ActiveState::Active);
}

#[test]
fn killing_takes_down_all_that_the_service_started_and_leaves_it_down() {
    let run = "#!/bin/sh\ntrap '' TERM HUP\nsleep 999 &\necho $! >child\nexec sleep 1000\n";
    let mut tree = Tree::foo(&[("run", run)]);
    tree.until(|| fs::read_to_string(tree.file("foo/child")).is_ok_and(|pid| pid.ends_with('\n')));
    let child = fs::read_to_string(tree.file("foo/child")).unwrap();
    tree.s6.kill(&unit("foo")).unwrap();
    tree.until(|| tree.pid("foo") == Some(0));
    let state = || fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    tree.until(|| state().map_or(true, |stat| stat.contains(") Z")));
    tree.until_active("foo", ActiveState::Inactive);
    tree.s6.kill(&unit("foo")).unwrap();
    tree.s6.kill(&unit("nosuch")).unwrap();
    // What waits to be started again stays down too.
    write_service(&tree.file("foo"), &[("run", "#!/bin/sh\nexit 3\n")]);
    let _ = tree.run(Verb::Start, "foo");
    tree.until_active("foo", ActiveState::Activating);
    tree.s6.kill(&unit("foo")).unwrap();
    tree.until_active("foo", ActiveState::Inactive);
}

#[test]
fn what_the_admin_has_down_is_told_with_a_time_that_does_not_change() {
    let mut tree = Tree::with(&[
        ("foo", &[("run", FOREVER)]),
        ("bar", &[("run", FOREVER), ("down", "")]),
    ]);
    assert_eq!(tree.facts("foo").file, Known::Is(FileState::Enabled));
    assert_eq!(tree.facts("foo").down_since, 0);
    assert_eq!(tree.facts("bar").file, Known::Is(FileState::Disabled));
    let started = tree.seen("foo").started;
    tree.svc("-d", "foo");
    tree.until_active("foo", ActiveState::Inactive);
    let facts = tree.facts("foo");
    assert!(facts.down_since > started);
    assert!(facts.down_since <= rcpolicy::init::monotonic());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let age = now.unwrap().as_secs().abs_diff(facts.down_since_epoch);
    assert!(age < 10, "{age} s");
    for _ in 0..20 {
        assert_eq!(tree.facts("foo"), facts);
    }
}

#[test]
fn what_was_started_for_once_is_stopped_and_can_be_made_to_stay() {
    let mut tree = Tree::foo(&[("run", FOREVER), ("down", "")]);
    tree.svc("-o", "foo");
    tree.until(|| tree.pid("foo") > Some(0));
    let pid = tree.pid("foo");
    tree.done(Verb::Start, "foo");
    assert_eq!(tree.pid("foo"), pid);
    assert_eq!(tree.active("foo"), ActiveState::Active);
    tree.svc("-O", "foo");
    tree.done(Verb::Stop, "foo");
    assert_eq!(tree.active("foo"), ActiveState::Inactive);
}

#[test]
fn instances_and_links_are_services_and_loggers_are_left_alone() {
    let logger = "#!/bin/sh\nexec cat >/dev/null\n";
    let mut tree = Tree::with(&[
        ("foo", &[("run", FOREVER), ("log/run", logger)]),
        ("foo@x", &[("run", FOREVER)]),
    ]);
    let elsewhere = tree.scan().with_file_name("elsewhere");
    write_service(&elsewhere, &[("run", FOREVER)]);
    std::os::unix::fs::symlink(&elsewhere, tree.file("bar")).unwrap();
    tree.s6.reread().unwrap();
    tree.until(|| tree.pid("bar") > Some(0));
    tree.until(|| tree.pid("foo/log") > Some(0));
    let log = tree.pid("foo/log");
    for name in ["foo", "foo@x", "bar"] {
        tree.done(Verb::Restart, name);
    }
    tree.done(Verb::Stop, "foo");
    assert_eq!(tree.pid("foo/log"), log);
    let listed = |tree: &mut Tree, beginning: &str| {
        let found = tree.s6.services(&[beginning.to_owned()]).unwrap();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(listed(&mut tree, "foo"), ["foo.service", "foo@x.service"]);
    assert_eq!(listed(&mut tree, "").len(), 3);
    assert!(tree.facts("foo.socket").is_missing());
}

#[test]
fn several_are_asked_before_the_first_is_waited_for() {
    // Each ends only once the other was told to.
    let until = |other: &str| {
        let wait = format!("touch told; while ! test -e ../{other}/told; do sleep 0.02; done");
        format!(
            "#!/bin/sh\ntrap '{wait}; exit 0' TERM\ntouch ready\nwhile :; do sleep 0.02; done\n"
        )
    };
    let (one, two) = (until("two"), until("one"));
    let mut tree = Tree::with(&[("one", &[("run", &one)]), ("two", &[("run", &two)])]);
    tree.until(|| tree.file("one/ready").exists() && tree.file("two/ready").exists());
    let jobs = ["one", "two"].map(|name| Job::new(Verb::Stop, unit(name)));
    let outcomes = tree.s6.run(&jobs, Wait::Done).unwrap();
    assert_eq!(outcomes, [JobOutcome::Done, JobOutcome::Done]);
}

#[test]
fn what_is_not_waited_for_is_queued_and_happens() {
    let finish = "#!/bin/sh\nsleep 0.2\n";
    let mut tree = Tree::foo(&[("run", FOREVER), ("finish", finish)]);
    let first = tree.seen("foo");
    let jobs = [Job::new(Verb::Restart, unit("foo"))];
    let outcomes = tree.s6.run(&jobs, Wait::Queued).unwrap();
    assert_eq!(outcomes, [JobOutcome::Queued]);
    let renewed = |pid: u32| pid != 0 && pid != first.main_pid;
    tree.until(|| tree.pid("foo").is_some_and(renewed));
}
