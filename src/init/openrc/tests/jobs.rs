//! Jobs, on an rc-service that does what it is told to.

use std::fs;

use super::super::*;
use super::{Machine, OPENRCS, unit};

fn exited(status: u8) -> JobOutcome {
    JobOutcome::Failed(JobFailure::Exited { status })
}

#[test]
fn a_failure_has_the_status_that_rc_service_ended_with() {
    let mut machine = Machine::new();
    machine.tool("exit 7");
    assert_eq!(machine.run(Verb::Start), exited(7));
    machine.up();
    for verb in [Verb::Stop, Verb::Restart, Verb::Reload] {
        assert_eq!(machine.run(verb), exited(7), "{verb}");
    }
}

#[test]
fn a_restart_that_claims_success_and_leaves_the_service_down_is_tried_once_more() {
    let machine = Machine::new();
    machine.is("started", "foo");
    machine.tool("[ $2 = start ] && up $1 || down $1");
    assert_eq!(machine.run(Verb::Restart), JobOutcome::Done);
    assert_eq!(machine.calls(), ["foo restart", "foo start"]);
    machine.tool("down $1");
    let outcome = machine.run(Verb::Restart);
    assert!(matches!(outcome, JobOutcome::Failed(_)), "{outcome:?}");
}

#[test]
fn a_crashed_service_is_stopped_zapped_and_started() {
    let failing = "case $2 in stop) exit 1 ;; zap) down $1 ;; start) up $1 ;; esac";
    for (verb, expected, up) in [
        (Verb::Start, &["foo zap", "foo start"][..], true),
        (Verb::Stop, &["-- foo stop --nodeps", "foo zap"][..], false),
        (
            Verb::Restart,
            &["foo stop", "foo zap", "foo start"][..],
            true,
        ),
        (
            Verb::TryRestart,
            &["foo stop", "foo zap", "foo start"][..],
            true,
        ),
    ] {
        let mut machine = Machine::new();
        machine.up();
        machine.die();
        machine.tool(failing);
        assert_eq!(machine.run(verb), JobOutcome::Done, "{verb:?}");
        assert_eq!(machine.calls(), expected, "{verb:?}");
        assert_eq!(machine.path("run/started/foo").exists(), up, "{verb:?}");
    }
}

#[test]
fn a_stop_that_fails_while_the_daemon_runs_is_a_failure() {
    let mut machine = Machine::new();
    machine.up();
    machine.tool("exit 1");
    assert_eq!(machine.run(Verb::Stop), exited(1));
    assert_eq!(machine.calls(), ["foo stop"]);
}

#[test]
fn a_restart_that_left_the_service_down_is_started_once_its_old_daemon_has_ended() {
    let mut machine = Machine::new();
    let pid = machine.up();
    // The old daemon ends later than start-stop-daemon has returned, and only then can be replaced.
    let body = format!(
        "case $2 in
        restart) down $1; (exec >/dev/null 2>&1; sleep 0.3; kill -9 {pid}) & exit 1 ;;
        start) [ \"$(ps -o stat= -p {pid} | cut -c1)\" != S ] || exit 1; up $1 ;;
        esac"
    );
    machine.tool(&body);
    assert_eq!(machine.run(Verb::Restart), JobOutcome::Done);
    assert_eq!(machine.calls(), ["foo restart", "foo start"]);
}

#[test]
fn what_needs_the_service_comes_back_also_where_openrc_leaves_it_down() {
    let mut machine = Machine::new();
    machine.up();
    machine.is("started", "bar");
    machine.script("other", OPENRCS);
    machine.is("started", "other");
    machine
        .tool("case $1-$2 in foo-restart) down bar; down other; up foo ;; *-start) up $1 ;; esac");
    assert_eq!(machine.run(Verb::Restart), JobOutcome::Done);
    assert!(machine.path("run/started/bar").exists());
    // That one does not need it: somebody else took it down meanwhile.
    assert!(!machine.path("run/started/other").exists());
    assert_eq!(machine.calls(), ["foo restart", "bar start"]);
}

#[test]
fn all_that_openrc_leaves_down_is_waited_for_at_once() {
    let mut machine = Machine::new();
    machine.up();
    let needing = ["b1", "b2", "b3", "b4"];
    for name in needing {
        machine.script(name, OPENRCS);
        machine.is("started", name);
    }
    machine.program("rc-depend", "echo b1 b2 b3 b4");
    // Each start looks whether the job's own time was over when it came to it.
    let limit = Duration::from_secs(18);
    let body = "case $2 in
        restart) down b1; down b2; down b3; down b4; touch -d '+15 seconds' end; up foo ;;
        start) touch now; [ now -nt end ] || up $1 ;;
        esac";
    machine.tool(body);
    let jobs = [Job::new(Verb::Restart, unit("foo"))];
    let outcomes = machine.openrc().waiting(limit).run(&jobs, Wait::Done);
    assert_eq!(outcomes.unwrap(), [JobOutcome::Done]);
    for name in needing {
        assert!(machine.path("run/started").join(name).exists(), "{name}");
    }
}

#[test]
fn a_job_that_does_not_end_in_time_is_left_to_itself() {
    let mut machine = Machine::new();
    machine.up();
    machine.tool("echo $$ >pid; exec sleep 1000 </dev/null >/dev/null 2>&1");
    let jobs = [Job::new(Verb::Restart, unit("foo"))];
    let mut openrc = machine.openrc().waiting(Duration::from_millis(200));
    let outcome = openrc.run(&jobs, Wait::Done).unwrap().remove(0);
    assert!(
        matches!(outcome, JobOutcome::Failed(JobFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    let pid: i32 = fs::read_to_string(machine.path("pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let killed = nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        Some(nix::sys::signal::Signal::SIGKILL),
    );
    assert_eq!(killed, Ok(()), "it was not left running");
}

#[test]
fn while_somebody_else_starts_the_service_its_lock_is_waited_for() {
    use crate::files::FileLock;
    let machine = Machine::new();
    machine.is("starting", "foo");
    machine.write("run/exclusive/foo", "");
    let file = fs::File::open(machine.path("run/exclusive/foo")).unwrap();
    let lock = FileLock::wait(file, &machine.path("run/exclusive/foo")).unwrap();
    let seen = machine.openrc().seen(&[unit("foo")]).unwrap().remove(0);
    assert_eq!(
        seen.job.get().unwrap().as_ref().unwrap().verb,
        Some(Verb::Start)
    );
    let jobs = [Job::new(Verb::Stop, unit("foo"))];
    let mut openrc = machine.openrc().waiting(Duration::from_millis(100));
    let outcome = openrc.run(&jobs, Wait::Done).unwrap().remove(0);
    assert!(
        matches!(outcome, JobOutcome::Failed(JobFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    assert!(machine.calls().is_empty());
    // A killed openrc-run leaves its link behind: nobody holds the lock any more.
    drop(lock);
    machine.tool("rm run/starting/foo");
    assert_eq!(machine.run(Verb::Stop), JobOutcome::Done);
    assert_eq!(machine.calls(), ["foo stop"]);
}

#[test]
fn a_start_that_claims_success_and_leaves_the_service_down_has_failed() {
    let machine = Machine::new();
    assert!(matches!(machine.run(Verb::Start), JobOutcome::Failed(_)));
    machine.tool("up $1");
    assert_eq!(machine.run(Verb::Start), JobOutcome::Done);
}

#[test]
fn what_is_down_is_not_restarted_by_a_try() {
    let machine = Machine::new();
    assert_eq!(machine.run(Verb::TryRestart), JobOutcome::Done);
    assert!(machine.calls().is_empty());
}

#[test]
fn a_callers_arguments_stand_after_the_action_of_its_own_service_alone() {
    let mut machine = Machine::new();
    machine.up();
    machine.is("started", "bar");
    machine.tool("true");
    let mut openrc = machine.openrc();
    openrc.hand_on(&unit("foo"), &["--nodeps".into(), "x".into()]);
    let jobs = ["foo", "bar"].map(|name| Job::new(Verb::Restart, unit(name)));
    let outcomes = openrc.run(&jobs, Wait::Done).unwrap();
    assert_eq!(outcomes, [JobOutcome::Done, JobOutcome::Done]);
    assert_eq!(
        machine.calls(),
        ["-- foo restart --nodeps x", "bar restart"]
    );
}

#[test]
fn without_rc_service_nothing_is_done_and_the_status_is_a_shells() {
    let machine = Machine::new();
    fs::remove_file(machine.path("rc-service")).unwrap();
    let mut openrc = machine.openrc();
    let jobs = [Job::new(Verb::Restart, unit("foo"))];
    let outcome = openrc.run(&jobs, Wait::Done).unwrap().remove(0);
    assert_eq!(outcome, exited(127));
}
