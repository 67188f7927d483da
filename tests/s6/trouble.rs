//! Supervisors that are killed, stopped or deaf, and directories that somebody else has had a hand in.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use rcpolicy::domain::{ActiveState, Contact, Job, JobFailure, Known, LoadState, Verb, Wait};
use rcpolicy::init::s6::S6;
use rcpolicy::init::{Depth, Init, Supervising};

use super::tree::{FOREVER, Tree, unit, write_service};

const SLOW_FINISH: &str = "#!/bin/sh\ntouch finishing\nsleep 0.5\n";

#[test]
fn a_supervisor_that_was_killed_is_waited_for() {
    let mut tree = Tree::foo(&[("run", FOREVER)]);
    for verb in [Verb::Restart, Verb::Stop] {
        let supervisor = tree.supervisor("foo").unwrap();
        tree.signal(supervisor, Signal::SIGKILL);
        tree.until(|| tree.supervisor("foo") != Some(supervisor));
        tree.done(verb, "foo");
        assert_ne!(tree.supervisor("foo"), Some(supervisor));
    }
    assert_eq!(tree.active("foo"), ActiveState::Inactive);
}

#[test]
fn a_supervisor_that_is_killed_meanwhile_leaves_a_loss_and_what_was_before() {
    let mut tree = Tree::foo(&[("run", FOREVER), ("finish", SLOW_FINISH)]);
    let supervisor = tree.supervisor("foo").unwrap();
    let before = tree.seen("foo");
    let begun = tree.file("foo/finishing");
    let killer = std::thread::spawn(move || {
        while !begun.exists() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let pid = nix::unistd::Pid::from_raw(supervisor.cast_signed());
        nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
    });
    let failure = tree.failure(Verb::Stop, "foo");
    killer.join().unwrap();
    let JobFailure::Lost(loss) = failure else {
        panic!("{failure:?}");
    };
    assert_eq!(loss.contact, Contact::Sent);
    assert_eq!(loss.before, Some(before));
    // The next one starts it again: so somebody has to ask once more.
    tree.done(Verb::Stop, "foo");
}

#[test]
fn what_a_scanner_has_and_nobody_supervises_yet_is_a_service_and_is_waited_for() {
    let mut tree = Tree::foo(&[("run", FOREVER)]);
    write_service(&tree.file("never"), &[("run", FOREVER)]);
    write_service(&tree.file("data"), &[("file", "")]);
    let scan = tree.scan();
    let mut hasty = S6::scanning(vec![scan.clone()]).waiting(Duration::ZERO);
    let names = [unit("never"), unit("data")];
    let facts = hasty.units(&names, Depth::State).unwrap();
    assert_eq!(facts[0].load, Known::Is(LoadState::Loaded));
    assert!(facts[0].active.is_unknown());
    assert!(facts[1].is_missing(), "nothing runs there");
    hasty.kill(&unit("never")).unwrap();
    let failure = tree.failure(Verb::Start, "never").to_string();
    assert!(failure.contains("nobody supervises it"), "{failure}");
    assert!(tree.facts("nosuch").is_missing());
    // Its scanner looks around.
    let scanner = std::thread::spawn(move || S6::scanning(vec![scan]).reread().unwrap());
    tree.done(Verb::Start, "never");
    scanner.join().unwrap();
    assert_eq!(tree.active("never"), ActiveState::Active);
}

#[test]
fn without_any_supervisor_or_scanner_there_is_no_service_and_what_is_left_of_it_is_told() {
    let tree = Tree::foo(&[("run", FOREVER)]);
    let pid = tree.pid("foo").unwrap();
    let supervisor = tree.supervisor("foo").unwrap();
    // No scanner brings it back.
    let unscanned = tree.scan().with_file_name("unscanned");
    fs::create_dir(&unscanned).unwrap();
    fs::rename(tree.file("foo"), unscanned.join("foo")).unwrap();
    tree.signal(supervisor, Signal::SIGKILL);
    write_service(&unscanned.join("never"), &[("run", FOREVER)]);
    let mut s6 = S6::scanning(vec![unscanned]).waiting(Duration::ZERO);
    let never = s6.units(&[unit("never")], Depth::State).unwrap();
    assert_eq!(never[0].load, Known::Is(LoadState::NotFound));
    let jobs = [Job::new(Verb::Start, unit("never"))];
    let outcome = format!("{:?}", s6.run(&jobs, Wait::Done).unwrap());
    assert!(outcome.contains("s6 has no"), "{outcome}");
    let mut look = || {
        let facts = s6.units(&[unit("foo")], Depth::State);
        facts.unwrap().remove(0)
    };
    tree.until(|| look().active.is_unknown());
    let why = format!("nobody supervises it, and its process {pid} still runs");
    assert_eq!(look().active, Known::Unknown(why));
    tree.signal(pid, Signal::SIGKILL);
    tree.until(|| look().is_missing());
}

#[test]
fn a_supervisor_that_is_stopped_holds_nobody_up_for_longer_than_the_limit() {
    let mut tree = Tree::foo(&[("run", FOREVER)]);
    tree.s6.terms().limit = Duration::from_millis(200);
    let supervisor = tree.supervisor("foo").unwrap();
    tree.signal(supervisor, Signal::SIGSTOP);
    let failure = tree.failure(Verb::Restart, "foo");
    assert_eq!(failure, JobFailure::TimedOut { seconds: 0 });
    // Its pipe is full.
    let pipe = fs::File::options()
        .write(true)
        .open(tree.file("foo/supervise/control"));
    let pipe = pipe.unwrap();
    nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while nix::unistd::write(&pipe, &[b'h'; 512]).is_ok() {}
    while nix::unistd::write(&pipe, b"h").is_ok() {}
    let failure = tree.failure(Verb::Stop, "foo").to_string();
    assert!(failure.contains("has not read a command"), "{failure}");
    tree.signal(supervisor, Signal::SIGCONT);
    tree.s6.terms().limit = Duration::from_secs(20);
    tree.done(Verb::Stop, "foo");
}

#[test]
fn a_service_that_never_gets_ready_is_left_to_itself_after_the_limit() {
    let files = [("run", FOREVER), ("notification-fd", "3\n"), ("down", "")];
    let mut tree = Tree::foo(&files);
    tree.s6.terms().limit = Duration::from_millis(200);
    let failure = tree.failure(Verb::Start, "foo");
    assert_eq!(failure, JobFailure::TimedOut { seconds: 0 });
    assert_eq!(tree.active("foo"), ActiveState::Activating);
}

#[test]
fn a_service_that_somebody_stops_meanwhile_was_not_started() {
    let files = [("run", FOREVER), ("notification-fd", "3\n"), ("down", "")];
    let mut tree = Tree::foo(&files);
    let control = tree.file("foo/supervise/control");
    let status = tree.file("foo/supervise/status");
    let admin = std::thread::spawn(move || {
        // wanted up
        while fs::read(&status).unwrap().last() != Some(&4) {
            std::thread::sleep(Duration::from_millis(2));
        }
        fs::write(control, "d").unwrap();
    });
    let failure = tree.failure(Verb::Start, "foo").to_string();
    admin.join().unwrap();
    assert!(
        failure.contains("canceled") || failure.contains("signal 15"),
        "{failure}"
    );
    tree.until_active("foo", ActiveState::Inactive);
}

#[test]
fn what_others_may_write_to_is_refused_and_nothing_is_sent_there() {
    let mut tree = Tree::foo(&[("run", FOREVER)]);
    let pid = tree.pid("foo");
    for hostile in ["", "foo", "foo/supervise"] {
        let path = tree.file(hostile);
        let own = path.metadata().unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(tree.facts("foo").active.is_unknown(), "{hostile}");
        let failure = tree.failure(Verb::Stop, "foo").to_string();
        assert!(
            failure.contains("others than its owner"),
            "{hostile}: {failure}"
        );
        assert!(tree.s6.kill(&unit("foo")).is_err(), "{hostile}");
        fs::set_permissions(&path, own).unwrap();
    }
    assert_eq!(tree.pid("foo"), pid);
    tree.done(Verb::Stop, "foo");
}

#[test]
fn what_is_in_place_of_a_status_or_a_pipe_is_neither_read_nor_written_nor_waited_for() {
    let mut tree = Tree::foo(&[("run", FOREVER)]);
    let supervisor = tree.supervisor("foo").unwrap();
    tree.signal(supervisor, Signal::SIGSTOP);
    let status = tree.file("foo/supervise/status");
    let huge = fs::File::options().write(true).open(&status).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert!(tree.facts("foo").active.is_unknown());
    fs::remove_file(&status).unwrap();
    nix::unistd::mkfifo(&status, Mode::from_bits_truncate(0o600)).unwrap();
    assert!(tree.facts("foo").active.is_unknown());
    let control = tree.file("foo/supervise/control");
    let victim = tree.file("victim");
    fs::write(&victim, "mine").unwrap();
    fs::remove_file(&control).unwrap();
    symlink(&victim, &control).unwrap();
    assert!(tree.facts("foo").active.is_unknown());
    assert!(matches!(
        tree.failure(Verb::Restart, "foo"),
        JobFailure::Refused { .. }
    ));
    assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
}
