//! What the systemd backend makes of a PID 1 that goes away, freezes or waits for us, and of a bus
//! that is killed. Runs as root inside a booted system that exists for this test alone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "every function here belongs to a test"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcpolicy::domain::{
    ActiveState, Contact, Job, JobFailure, JobOutcome, Known, LoadState, Loss, Seen, UnitName,
    Verb, Wait,
};
use rcpolicy::init::systemd::{Limit, Systemd};
use rcpolicy::init::{Depth, Init, InitError, Onlooker};

const UNITS: &str = "/run/systemd/system";
const GROUPS: &str = "/sys/fs/cgroup";
/// Long enough that a wait is spoken of.
const LONG: Duration = Duration::from_secs(4);

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn unit(file: &str, text: &str) {
    fs::create_dir_all(UNITS).unwrap();
    fs::write(Path::new(UNITS).join(file), text).unwrap();
}

fn sleeper(file: &str) {
    let text = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep inf\n";
    unit(file, text);
}

fn sh(script: &str) -> Child {
    Command::new("/bin/sh")
        .args(["-c", script])
        .spawn()
        .unwrap()
}

fn systemctl(words: &str) {
    let status = Command::new("systemctl").args(words.split(' ')).status();
    assert!(status.unwrap().success(), "systemctl {words}");
}

fn run_one(init: &mut Systemd, verb: Verb, unit: &str) -> JobOutcome {
    let job = Job::new(verb, name(unit));
    init.run(&[job], Wait::Done).unwrap().remove(0)
}

fn look(init: &mut Systemd, unit: &str) -> Seen {
    init.seen(&[name(unit)]).unwrap().remove(0)
}

fn loss(outcome: JobOutcome) -> Loss {
    match outcome {
        JobOutcome::Failed(JobFailure::Lost(loss)) => *loss,
        other => panic!("it should have been lost: {other:?}"),
    }
}

/// As the update of a package asks for it: PID 1 executes itself anew soon after.
fn reexec() {
    let sigrtmin = 34;
    Command::new("/bin/kill")
        .args([&format!("-{}", sigrtmin + 25), "1"])
        .status()
        .unwrap();
}

/// PID 1 frozen, from now on and for so long. A signal from inside does not stop it.
fn freeze(time: Duration) -> Child {
    let file = format!("{GROUPS}/init.scope/cgroup.freeze");
    fs::write(&file, "1").unwrap();
    sh(&format!("sleep {}; echo 0 >{file}", time.as_secs_f32()))
}

#[derive(Debug, Default)]
struct Told(RefCell<Vec<&'static str>>);

impl Onlooker for Told {
    fn away(&self, _: &'static str, _: &str, _: Duration) {
        self.0.borrow_mut().push("away");
    }
    fn back(&self, _: &'static str, _: Duration) {
        self.0.borrow_mut().push("back");
    }
    fn working(&self, _: &[&Job], _: Duration) {
        self.0.borrow_mut().push("working");
    }
}

fn watched(init: Systemd) -> (Systemd, Rc<Told>) {
    let told = Rc::new(Told::default());
    (init.watched_by(Rc::clone(&told) as Rc<dyn Onlooker>), told)
}

/// What is known of a request that was lost has to agree with what PID 1 then did.
fn check(loss: &Loss, before: &Seen, after: &Seen) {
    let done = before.invocation != after.invocation;
    match loss.contact {
        Contact::Unread => assert!(!done, "done, but said to be unread: {loss:?}"),
        Contact::Sent => {
            let seen = loss.before.as_ref().unwrap();
            assert_eq!(seen.invocation, before.invocation);
        }
        Contact::Taken => assert!(
            done || after.job.get().is_some_and(Option::is_some),
            "taken, and neither done nor under way: {loss:?}"
        ),
        Contact::Pending => panic!("nobody was silent: {loss:?}"),
    }
}

#[test]
fn a_restart_beside_a_reexec_is_done_or_lost_with_what_agrees_with_what_happened() {
    sleeper("l.service");
    systemctl("daemon-reload");
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(run_one(&mut init, Verb::Start, "l"), JobOutcome::Done);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..40u64 {
        let before = look(&mut init, "l");
        reexec();
        // At once, and at different moments of the re-exec.
        std::thread::sleep(Duration::from_micros(round * 700));
        let outcome = run_one(&mut init, Verb::Restart, "l");
        let after = look(&mut init, "l");
        assert_eq!(after.active, Known::Is(ActiveState::Active));
        let word = match &outcome {
            JobOutcome::Done => {
                assert_ne!(before.invocation, after.invocation, "done, but was not");
                "done".to_owned()
            }
            JobOutcome::Failed(JobFailure::Lost(loss)) => {
                check(loss, &before, &after);
                format!("{:?}", loss.contact)
            }
            other => panic!("{other:?}"),
        };
        *counts.entry(word).or_default() += 1;
    }
    eprintln!("ends of 40 restarts beside a re-exec: {counts:?}");
    assert_eq!(counts.values().sum::<u32>(), 40);
}

#[test]
fn a_job_that_pid_1_had_taken_on_goes_on_through_a_reexec_and_is_told_as_taken() {
    let slow = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep inf\nExecStop=/bin/sleep 2\n";
    unit("t.service", slow);
    systemctl("daemon-reload");
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(run_one(&mut init, Verb::Start, "t"), JobOutcome::Done);
    let before = look(&mut init, "t");
    let mut later = sh("sleep 0.5; kill -59 1");
    let loss = loss(run_one(&mut init, Verb::Restart, "t"));
    later.wait().unwrap();
    assert_eq!(loss.contact, Contact::Taken);
    assert_eq!(loss.before.unwrap().invocation, before.invocation);
    let after = look(&mut init, "t");
    assert!(after.job.get().unwrap().is_some(), "{after:?}");
    std::thread::sleep(Duration::from_secs(3));
    let end = look(&mut init, "t");
    assert_ne!(end.invocation, before.invocation);
    assert_eq!(end.job, Known::Is(None));
}

#[test]
fn a_frozen_pid_1_is_waited_for_and_spoken_of_once() {
    sleeper("z.service");
    systemctl("daemon-reload");
    for connected in [true, false] {
        let (mut init, told) = watched(Systemd::new(Limit::Unit));
        if connected {
            init.connect().unwrap();
        }
        let begun = Instant::now();
        let mut thaw = freeze(LONG);
        let facts = init.units(&[name("z")], Depth::State).unwrap();
        assert!(begun.elapsed() >= LONG);
        assert_eq!(facts[0].load, Known::Is(LoadState::Loaded));
        assert_eq!(*told.0.borrow(), ["away", "back"], "connected: {connected}");
        thaw.wait().unwrap();
    }
}

#[test]
fn a_request_left_with_a_frozen_pid_1_is_unread_and_is_never_carried_out() {
    sleeper("y.service");
    systemctl("daemon-reload");
    for subscribed in [false, true] {
        let mut init = Systemd::new(Limit::Unit).waiting(Duration::from_secs(1));
        let before = look(&mut init, "y");
        if subscribed {
            assert_eq!(run_one(&mut init, Verb::Stop, "y"), JobOutcome::Done);
        }
        let mut thaw = freeze(LONG);
        let loss = loss(run_one(&mut init, Verb::Start, "y"));
        assert_eq!(loss.contact, Contact::Unread);
        let error = init.seen(&[name("y")]).unwrap_err();
        assert!(matches!(error, InitError::Silent { .. }), "{error:?}");
        thaw.wait().unwrap();
        let mut init = Systemd::new(Limit::Unit);
        std::thread::sleep(Duration::from_secs(1));
        let after = look(&mut init, "y");
        assert_eq!(before.invocation, after.invocation);
        assert_eq!(after.active, Known::Is(ActiveState::Inactive));
    }
}

#[test]
fn a_bus_daemon_that_is_killed_is_done_without_or_waited_for() {
    sleeper("d.service");
    systemctl("daemon-reload");
    let mut direct = Systemd::new(Limit::Unit);
    let mut bus = Systemd::over_bus(Limit::Unit);
    assert_eq!(run_one(&mut bus, Verb::Start, "d"), JobOutcome::Done);
    for _ in 0..5 {
        let before = look(&mut direct, "d");
        sh("kill -9 $(systemctl show -P MainPID dbus.service)")
            .wait()
            .unwrap();
        let outcome = run_one(&mut direct, Verb::Restart, "d");
        assert_eq!(outcome, JobOutcome::Done);
        let between = look(&mut direct, "d");
        assert_ne!(before.invocation, between.invocation);
        let outcome = run_one(&mut bus, Verb::Restart, "d");
        let after = look(&mut bus, "d");
        match outcome {
            JobOutcome::Done => assert_ne!(between.invocation, after.invocation),
            other => check(&loss(other), &between, &after),
        }
        systemctl("reset-failed");
        systemctl("restart dbus.service");
    }
}

#[test]
fn a_reexec_beside_a_restart_over_the_bus_is_done_or_lost_and_never_waited_for_in_vain() {
    sleeper("b.service");
    systemctl("daemon-reload");
    let mut bus = Systemd::over_bus(Limit::Fixed(Duration::from_secs(20)));
    assert_eq!(run_one(&mut bus, Verb::Start, "b"), JobOutcome::Done);
    for round in 0..20u64 {
        let before = look(&mut bus, "b");
        reexec();
        std::thread::sleep(Duration::from_millis(round));
        match run_one(&mut bus, Verb::Restart, "b") {
            JobOutcome::Done => assert_ne!(before.invocation, look(&mut bus, "b").invocation),
            other => {
                let loss = loss(other);
                let after = look(&mut bus, "b");
                check(&loss, &before, &after);
            }
        }
    }
}

#[test]
fn a_job_that_another_replaces_is_handed_out_with_what_was_there_before() {
    let slow = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 1\nExecStop=/bin/sleep 1\n";
    unit("c.service", slow);
    systemctl("daemon-reload");
    let mut init = Systemd::new(Limit::Unit);
    let replaced = |outcome: JobOutcome| match outcome {
        JobOutcome::Failed(JobFailure::Replaced(loss)) => {
            assert_eq!(loss.contact, Contact::Taken);
            loss.before.unwrap().active
        }
        other => panic!("{other:?}"),
    };
    let mut stop = sh("sleep 0.3; exec systemctl stop c.service");
    let before = replaced(run_one(&mut init, Verb::Start, "c"));
    assert_eq!(before, Known::Is(ActiveState::Inactive));
    stop.wait().unwrap();
    assert_eq!(run_one(&mut init, Verb::Start, "c"), JobOutcome::Done);
    let mut start = sh("sleep 0.3; exec systemctl start c.service");
    let before = replaced(run_one(&mut init, Verb::Stop, "c"));
    assert_eq!(before, Known::Is(ActiveState::Active));
    start.wait().unwrap();
    run_one(&mut init, Verb::Stop, "c");
}

#[test]
fn a_unit_that_vanishes_is_told_as_missing() {
    sleeper("v.service");
    systemctl("daemon-reload");
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(look(&mut init, "v").load, Known::Is(LoadState::Loaded));
    fs::remove_file(Path::new(UNITS).join("v.service")).unwrap();
    systemctl("daemon-reload");
    assert_eq!(look(&mut init, "v").load, Known::Is(LoadState::NotFound));
    let outcome = run_one(&mut init, Verb::Start, "v");
    let refused = |name: &str| name.ends_with("NoSuchUnit");
    assert!(
        matches!(&outcome, JobOutcome::Failed(JobFailure::Refused { name, .. }) if refused(name)),
        "{outcome:?}"
    );
}

#[test]
fn what_is_seen_tells_the_job_that_is_under_way_and_what_it_does() {
    let slow = "[Service]\nType=oneshot\nExecStart=/bin/sleep 2\n";
    unit("s.service", slow);
    systemctl("daemon-reload");
    let mut init = Systemd::new(Limit::Unit);
    let job = Job::new(Verb::Start, name("s"));
    let queued = init.run(&[job], Wait::Queued).unwrap();
    assert_eq!(queued, [JobOutcome::Queued]);
    // The job is there at once; on a busy machine its unit starts to come up a moment later.
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut seen = look(&mut init, "s");
    while seen.active == Known::Is(ActiveState::Inactive) && Instant::now() < deadline {
        seen = look(&mut init, "s");
    }
    let job = seen.job.get().unwrap().as_ref().unwrap();
    assert_eq!(job.verb, Some(Verb::Start));
    assert_eq!(seen.active, Known::Is(ActiveState::Activating));
    let id = job.id;
    reexec();
    let again = look(&mut init, "s");
    assert_eq!(again.job.get().unwrap().as_ref().unwrap().id, id);
    assert_eq!(again.invocation, seen.invocation);
    assert_eq!(again.changed, seen.changed);
    run_one(&mut init, Verb::Stop, "s");
}

#[test]
fn a_job_that_waits_for_the_unit_that_we_run_in_is_queued_and_not_waited_for() {
    let boot = "[Service]\nType=oneshot\nExecStart=/bin/sleep inf\nTimeoutStartSec=infinity\n";
    unit("w-boot.service", boot);
    let middle = "[Unit]\nAfter=w-boot.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n";
    unit("w-middle.service", middle);
    let last = "[Unit]\nAfter=w-middle.service\nWants=w-middle.service\n[Service]\nExecStart=/bin/sleep inf\n";
    unit("w-last.service", last);
    sleeper("w-free.service");
    systemctl("daemon-reload");
    systemctl("start --no-block w-boot.service");
    let pid = std::process::id().to_string();
    let join = |group: &str| fs::write(format!("{GROUPS}/{group}/cgroup.procs"), &pid);
    let mut init = Systemd::new(Limit::Unit);
    while look(&mut init, "w-boot").active != Known::Is(ActiveState::Activating) {
        std::thread::sleep(Duration::from_millis(20));
    }
    join("system.slice/w-boot.service").unwrap();
    let begun = Instant::now();
    let jobs = ["w-last", "w-free"].map(|unit| Job::new(Verb::Start, name(unit)));
    let outcomes = init.run(&jobs, Wait::Done).unwrap();
    fs::create_dir_all(format!("{GROUPS}/w-test")).unwrap();
    join("w-test").unwrap();
    assert_eq!(outcomes, [JobOutcome::Queued, JobOutcome::Done]);
    assert!(begun.elapsed() < Duration::from_secs(4));
    systemctl("stop w-last.service w-middle.service w-boot.service w-free.service");
}

#[test]
fn a_oneshot_that_never_ends_is_left_at_the_limit_with_its_job_running() {
    let text = "[Service]\nType=oneshot\nExecStart=/bin/sleep inf\nTimeoutStartSec=infinity\n";
    unit("o.service", text);
    systemctl("daemon-reload");
    let (mut init, told) = watched(Systemd::new(Limit::Fixed(Duration::from_secs(6))));
    let outcome = run_one(&mut init, Verb::Start, "o");
    assert_eq!(
        outcome,
        JobOutcome::Failed(JobFailure::TimedOut { seconds: 6 })
    );
    assert_eq!(*told.0.borrow(), ["working"]);
    assert!(look(&mut init, "o").job.get().unwrap().is_some());
    run_one(&mut init, Verb::Stop, "o");
}

#[test]
fn a_reload_in_progress_is_waited_for() {
    let mut init = Systemd::new(Limit::Unit);
    sleeper("e.service");
    systemctl("daemon-reload");
    for _ in 0..10 {
        let mut reload = sh("exec systemctl daemon-reload");
        assert_eq!(run_one(&mut init, Verb::Restart, "e"), JobOutcome::Done);
        assert!(reload.wait().unwrap().success());
    }
    assert!(kill(Pid::from_raw(1), None::<Signal>).is_ok());
}
