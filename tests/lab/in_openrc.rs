//! The OpenRC backend against a real OpenRC. Runs as root inside a booted system that exists for this
//! test alone: it writes init scripts, starts, stops and kills their daemons, one test after the other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "every function here belongs to a test"
)]

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcpolicy::domain::{
    ActiveState, FileState, Job, JobFailure, JobOutcome, Known, LoadState, UnitFacts, UnitName,
    Verb, Wait,
};
use rcpolicy::init::openrc::Openrc;
use rcpolicy::init::{Depth, Init};

/// What a daemon does, and one that takes its time to end.
const WAITS: &str = "sleep 1000 while 1";
const ENDS_LATE: &str = "$SIG{TERM} = sub { sleep 1; exit }; sleep 1000 while 1";

fn unit(name: &str) -> UnitName {
    UnitName::parse(name).unwrap()
}

/// The exit status of a command that says nothing.
fn run(words: &[&str]) -> i32 {
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().code().unwrap_or(-1)
}

/// Writes an init script and forgets what OpenRC knows of an older one.
fn script(name: &str, text: &str) {
    let path = Path::new("/etc/init.d").join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    run(&["rc-service", name, "zap"]);
    // What was written in the second of the last look at all scripts OpenRC takes for known.
    run(&["rc-update", "--update"]);
}

/// A daemon's program, which no other has: start-stop-daemon tells them apart by it. Returns the lines of a
/// script that name it.
fn program(name: &str, text: &str) -> String {
    let program = format!("/usr/local/bin/lab-{name}");
    run(&["pkill", "-9", "-f", &format!("^{program} ")]);
    let _ = fs::remove_file(&program);
    fs::copy("/usr/bin/perl", &program).unwrap();
    fs::write(format!("{program}.pl"), text).unwrap();
    format!("command={program}\ncommand_args={program}.pl\npidfile=/run/{name}.pid\n")
}

/// A service with a daemon of its own; `more` are lines of its script.
fn daemon(name: &str, more: &str) {
    service(name, &program(name, WAITS), more);
}

fn service(name: &str, program: &str, more: &str) {
    let text = format!("#!/sbin/openrc-run\n{program}command_background=true\n{more}\n");
    script(name, &text);
}

fn needing(other: &str) -> String {
    format!("depend() {{\n\tneed {other}\n}}")
}

fn facts(name: &str) -> UnitFacts {
    let units = Openrc::new().units(&[unit(name)], Depth::Relations);
    units.unwrap().remove(0)
}

fn job(verb: Verb, name: &str) -> JobOutcome {
    let jobs = [Job::new(verb, unit(name))];
    let outcomes = Openrc::new().run(&jobs, Wait::Done).unwrap();
    outcomes.into_iter().next().unwrap()
}

fn done(verb: Verb, name: &str) {
    assert_eq!(job(verb, name), JobOutcome::Done, "{verb:?} {name}");
}

/// How many daemons run for `name`.
fn daemons(name: &str) -> usize {
    let pattern = format!("^/usr/local/bin/lab-{name} ");
    let found = Command::new("pgrep").args(["-f", &pattern]).output();
    String::from_utf8_lossy(&found.unwrap().stdout)
        .lines()
        .count()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn kill(pid: u32) {
    assert_eq!(run(&["kill", "-9", &pid.to_string()]), 0);
    until("it dies", || !Path::new(&format!("/proc/{pid}")).exists());
}

fn pid_in(file: &str) -> u32 {
    fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

#[test]
fn states_are_what_rc_service_says_and_each_start_is_told_from_the_next() {
    daemon("st", "start_pre() {\n\tsleep 0.5\n}");
    let status = || run(&["rc-service", "st", "status"]);
    let active = || facts("st").active;
    assert_eq!((active(), status()), (Known::Is(ActiveState::Inactive), 3));
    let mut starting = Command::new("rc-service")
        .args(["st", "start"])
        .spawn()
        .unwrap();
    until("it begins", || {
        active() == Known::Is(ActiveState::Activating)
    });
    assert_eq!(status(), 8);
    assert!(starting.wait().unwrap().success());
    let first = facts("st");
    assert_eq!(
        (&first.active, status()),
        (&Known::Is(ActiveState::Active), 0)
    );
    assert_eq!(first.main_pid, pid_in("/run/st.pid"));
    assert_eq!(facts("st").invocation, first.invocation);
    done(Verb::Restart, "st");
    let second = facts("st");
    assert_ne!(second.invocation, first.invocation);
    assert_ne!(second.main_pid, first.main_pid);
    done(Verb::Stop, "st");
    assert_eq!((active(), status()), (Known::Is(ActiveState::Inactive), 3));
    assert_eq!(daemons("st"), 0);
    done(Verb::TryRestart, "st");
    assert_eq!(status(), 3);
}

#[test]
fn what_needs_a_service_is_up_again_when_its_restart_has_ended() {
    daemon("base", "");
    daemon("above", &needing("base"));
    daemon(
        "top",
        &format!("{}\nstart_pre() {{\n\tsleep 0.5\n}}", needing("above")),
    );
    done(Verb::Start, "top");
    let mut found = facts("base").required_by;
    found.sort();
    assert_eq!(found, [unit("above"), unit("top")]);
    let before = ["base", "above", "top"].map(|name| facts(name).main_pid);
    done(Verb::Restart, "base");
    let after = ["base", "above", "top"].map(|name| facts(name).main_pid);
    for (one, other) in before.into_iter().zip(after) {
        assert!(other != 0 && one != other, "{before:?} {after:?}");
    }
    done(Verb::Stop, "base");
    assert_eq!(facts("top").active, Known::Is(ActiveState::Inactive));
}

#[test]
fn a_crashed_service_comes_back_once_with_all_that_needs_it() {
    daemon("crash", "");
    daemon("leaning", &needing("crash"));
    for verb in [Verb::Start, Verb::Restart, Verb::TryRestart] {
        done(Verb::Start, "leaning");
        kill(pid_in("/run/crash.pid"));
        assert_eq!(facts("crash").active, Known::Is(ActiveState::Failed));
        done(verb, "crash");
        assert_eq!(
            facts("crash").active,
            Known::Is(ActiveState::Active),
            "{verb:?}"
        );
        assert_eq!(
            facts("leaning").active,
            Known::Is(ActiveState::Active),
            "{verb:?}"
        );
        until("each runs once", || {
            (daemons("crash"), daemons("leaning")) == (1, 1)
        });
    }
    kill(pid_in("/run/crash.pid"));
    done(Verb::Stop, "crash");
    assert_eq!(facts("leaning").active, Known::Is(ActiveState::Active));
    assert_eq!(run(&["rc-service", "crash", "status"]), 3);
}

#[test]
fn a_daemon_that_is_slow_to_end_is_up_again_after_its_restart_and_gone_after_its_stop() {
    service("slow-end", &program("slow-end", ENDS_LATE), "");
    done(Verb::Start, "slow-end");
    let before = facts("slow-end").main_pid;
    done(Verb::Restart, "slow-end");
    let after = facts("slow-end");
    assert_eq!(after.active, Known::Is(ActiveState::Active));
    assert!(after.main_pid != 0 && after.main_pid != before);
    until("one runs", || daemons("slow-end") == 1);
    done(Verb::Stop, "slow-end");
    assert_eq!(daemons("slow-end"), 0);
}

#[test]
fn while_another_starts_it_a_job_waits_and_then_does_its_work() {
    daemon("busy", "start_pre() {\n\tsleep 1\n}");
    for verb in [Verb::Stop, Verb::Restart, Verb::Start] {
        let mut other = Command::new("rc-service")
            .args(["busy", "start"])
            .spawn()
            .unwrap();
        let state = || facts("busy").active;
        until("it begins", || {
            state() == Known::Is(ActiveState::Activating)
        });
        let seen = Openrc::new().seen(&[unit("busy")]).unwrap().remove(0);
        assert!(seen.job.get().unwrap().is_some());
        done(verb, "busy");
        assert!(other.wait().unwrap().success(), "the other was disturbed");
        let up = verb != Verb::Stop;
        assert_eq!(facts("busy").is_up(), up, "{verb:?}");
        until("the right number runs", || {
            daemons("busy") == usize::from(up)
        });
        done(Verb::Stop, "busy");
    }
}

#[test]
fn what_an_openrc_run_that_was_killed_left_behind_keeps_nobody_waiting() {
    daemon("killed", "start_pre() {\n\tsleep 1\n}");
    let mut child = Command::new("rc-service")
        .args(["killed", "start"])
        .spawn()
        .unwrap();
    let state = || facts("killed").active;
    until("it begins", || {
        state() == Known::Is(ActiveState::Activating)
    });
    run(&["pkill", "-9", "-f", "/etc/init.d/killed"]);
    let _ = child.wait();
    done(Verb::Start, "killed");
    assert_eq!(facts("killed").active, Known::Is(ActiveState::Active));
    done(Verb::Stop, "killed");
}

#[test]
fn a_start_that_fails_is_a_failure_and_a_job_that_takes_too_long_is_left_at_it() {
    script("bad", "#!/sbin/openrc-run\nstart() {\n\treturn 7\n}\n");
    let outcome = job(Verb::Start, "bad");
    // rc-service ends with 1 whatever the script's function returns.
    let refused = JobOutcome::Failed(JobFailure::Exited { status: 1 });
    assert_eq!(outcome, refused);
    assert_eq!(facts("bad").active, Known::Is(ActiveState::Inactive));
    script(
        "long",
        "#!/sbin/openrc-run\nstart() {\n\tsleep 2\n}\nstop() {\n\ttrue\n}\n",
    );
    let mut hurried = Openrc::new().waiting(Duration::from_millis(300));
    let jobs = [Job::new(Verb::Start, unit("long"))];
    let outcome = hurried.run(&jobs, Wait::Done).unwrap().remove(0);
    assert!(
        matches!(outcome, JobOutcome::Failed(JobFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    until("it comes up by itself", || {
        facts("long").active == Known::Is(ActiveState::Active)
    });
    done(Verb::Stop, "long");
}

#[test]
fn under_supervise_daemon_the_child_counts_and_none_is_left_beside_the_next() {
    let program = program("watched", WAITS);
    let text = format!("#!/sbin/openrc-run\nsupervisor=supervise-daemon\n{program}");
    script("watched", &text);
    done(Verb::Start, "watched");
    until("its child runs", || daemons("watched") == 1);
    let first = facts("watched");
    assert_ne!(first.main_pid, pid_in("/run/watched.pid"));
    kill(first.main_pid);
    until("it is started again", || {
        let now = facts("watched");
        now.main_pid != 0 && now.main_pid != first.main_pid && now.invocation != first.invocation
    });
    for verb in [Verb::Restart, Verb::Stop] {
        kill(pid_in("/run/watched.pid"));
        assert_eq!(facts("watched").active, Known::Is(ActiveState::Failed));
        done(verb, "watched");
        let expected = usize::from(verb == Verb::Restart);
        until("the right number runs", || daemons("watched") == expected);
    }
    assert_eq!(facts("watched").active, Known::Is(ActiveState::Inactive));
}

#[test]
fn a_daemon_keeps_none_of_our_files_open() {
    daemon("closed", "");
    let file = fs::File::open("/etc/passwd").unwrap();
    let kept = nix::unistd::dup(&file).unwrap();
    assert!(kept.as_raw_fd() > 2);
    done(Verb::Start, "closed");
    let files = format!("/proc/{}/fd", facts("closed").main_pid);
    let open = fs::read_dir(files).unwrap().filter_map(Result::ok);
    let ours: Vec<_> = open
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|path| path == Path::new("/etc/passwd"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
    done(Verb::Stop, "closed");
}

#[test]
fn runlevels_enable_and_other_scripts_are_not_openrcs() {
    daemon("levels", "reload() {\n\ttrue\n}");
    assert_eq!(facts("levels").file, Known::Is(FileState::Disabled));
    assert_eq!(run(&["rc-update", "add", "levels", "default"]), 0);
    assert_eq!(facts("levels").file, Known::Is(FileState::Enabled));
    assert_eq!(run(&["rc-update", "del", "levels", "default"]), 0);
    assert_eq!(facts("levels").file, Known::Is(FileState::Disabled));
    assert_eq!(facts("levels").can_reload, Known::Is(true));
    script("lsb", "#!/bin/sh\n");
    let found = facts("lsb");
    assert_eq!(found.load, Known::Is(LoadState::NotFound));
    assert_eq!(found.source_path, Known::Is("/etc/init.d/lsb".to_owned()));
}

#[test]
fn when_the_admin_stopped_it_is_known_later_and_not_when_others_came_and_went() {
    let down = |name: &str| facts(name).down_since;
    daemon("admins", "");
    daemon("others", "");
    done(Verb::Start, "admins");
    assert_eq!(down("admins"), 0);
    assert_eq!(run(&["rc-service", "admins", "stop"]), 0);
    let stopped = rcpolicy::init::monotonic();
    let first = down("admins");
    assert!(first > 0 && first < stopped + 100_000, "{first} {stopped}");
    done(Verb::Start, "others");
    done(Verb::Stop, "others");
    assert_eq!(down("admins"), first);
}

#[test]
fn a_stop_that_we_were_not_told_of_is_not_taken_for_an_earlier_one() {
    let down = |name: &str| facts(name).down_since;
    daemon("behind", "");
    daemon("beside", "");
    let (first, beside) = (down("behind"), down("beside"));
    assert!(first > 0 && beside > 0);
    // In between nobody asks us: first its admin starts it, then an old prerm stops it.
    assert_eq!(run(&["rc-service", "behind", "start"]), 0);
    until("it runs", || daemons("behind") == 1);
    assert_eq!(run(&["rc-service", "behind", "stop"]), 0);
    assert!(down("behind") > first + 20_000, "{first}");
    assert_eq!(down("beside"), beside);
    // What fails to start was down all the while.
    script("broken", "#!/sbin/openrc-run\nstart() {\n\treturn 7\n}\n");
    let first = down("broken");
    assert!(matches!(job(Verb::Start, "broken"), JobOutcome::Failed(_)));
    assert_eq!(down("broken"), first);
}
