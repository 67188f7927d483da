//! How jobs fail: in the words and with the exit status of systemctl, and within their limits.

use std::path::Path;
use std::time::{Duration, Instant};

use rcpolicy::domain::{ActiveState, Job, JobFailure, JobOutcome, Known, LoadState, Verb, Wait};
use rcpolicy::init::Init;
use rcpolicy::init::systemd::{Limit, Systemd};
use rcpolicy::report::systemctl;

use super::{UNITS, ask, command, failure, name, reload, run_one, sleeper, unit};

#[test]
fn failures_are_told_as_systemctl_tells_them_with_its_exit_status() {
    unit(
        "f-fail.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
    );
    unit(
        "f-time.service",
        "[Service]\nType=oneshot\nTimeoutStartSec=1\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-job.service",
        "[Unit]\nJobTimeoutSec=1\n[Service]\nType=oneshot\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-dep.service",
        "[Unit]\nRequires=f-fail.service\nAfter=f-fail.service\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-refuse.service",
        "[Unit]\nRefuseManualStart=yes\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit("f-bad.service", "[Service]\nType=simple\n");
    unit(
        "f-assert.service",
        "[Unit]\nAssertPathExists=/none\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-cond.service",
        "[Unit]\nConditionPathExists=/none\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-kill.service",
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'kill -9 $$$$'\n",
    );
    unit(
        "f-limit.service",
        "[Unit]\nStartLimitIntervalSec=1000\nStartLimitBurst=1\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    );
    unit(
        "f-tmpl@.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
    );
    unit("f-once.target", "[Unit]\nWants=f-limit.service\n");
    unit("f-sock.socket", "[Socket]\nListenStream=/proc/none/x\n");
    let _ = std::os::unix::fs::symlink("/dev/null", Path::new(UNITS).join("f-mask.service"));
    sleeper("f-ok.service", "");
    reload();
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(command("systemctl reset-failed").1, 0);
    // The target keeps the service in memory, and with it the count of its starts.
    assert_eq!(
        run_one(&mut init, Verb::Start, "f-once.target"),
        JobOutcome::Done
    );
    std::thread::sleep(Duration::from_millis(200));
    let cases = [
        (Verb::Start, "f-none"),
        (Verb::Stop, "f-none"),
        (Verb::Reload, "f-none"),
        (Verb::TryRestart, "f-none"),
        (Verb::Start, "f-mask"),
        (Verb::Stop, "f-mask"),
        (Verb::TryRestart, "f-mask"),
        (Verb::Start, "f-fail"),
        (Verb::Reload, "f-fail"),
        (Verb::ReloadOrRestart, "f-fail"),
        (Verb::Start, "f-time"),
        (Verb::Start, "f-job"),
        (Verb::Start, "f-dep"),
        (Verb::Start, "f-refuse"),
        (Verb::Restart, "f-refuse"),
        (Verb::Start, "f-bad"),
        (Verb::Start, "f-assert"),
        (Verb::Start, "f-cond"),
        (Verb::Start, "f-kill"),
        (Verb::Start, "f-tmpl@a\\x2db"),
        (Verb::Reload, "f-once.target"),
        (Verb::Reload, "f-ok"),
        (Verb::Start, "f-sock.socket"),
        (Verb::Start, "f-limit"),
        (Verb::Start, "f-ok"),
        (Verb::Stop, "f-ok"),
    ];
    for (verb, unit) in cases {
        let unit = name(unit);
        let asked = format!("systemctl {verb} {unit}");
        let (_, status, stderr) = command(&asked);
        let outcome = init
            .run(&[Job::new(verb, unit.clone())], Wait::Done)
            .unwrap()
            .remove(0);
        let ours = match &outcome {
            JobOutcome::Failed(failure) => systemctl::lines(verb, &unit, failure).join("\n"),
            JobOutcome::Done | JobOutcome::Queued => String::new(),
        };
        assert_eq!(ours, stderr, "{asked}");
        assert_eq!(
            i32::from(systemctl::exit_status_of([(verb, &outcome)])),
            status,
            "{asked}"
        );
    }
    let ended = |result: &str, service: &str| JobFailure::Ended {
        result: result.to_owned(),
        service_result: service.to_owned(),
    };
    assert_eq!(
        failure(run_one(&mut init, Verb::Start, "f-fail")),
        ended("failed", "exit-code")
    );
    assert_eq!(
        failure(run_one(&mut init, Verb::Start, "f-limit")),
        ended("failed", "start-limit-hit")
    );
    assert_eq!(
        failure(run_one(&mut init, Verb::Start, "f-job")),
        ended("timeout", "")
    );
    assert!(matches!(
        ask(&mut init, "f-bad").load,
        Known::Is(LoadState::Broken)
    ));
    assert!(ask(&mut init, "f-mask").is_masked());
}

#[test]
fn a_job_past_the_limit_is_left_running_and_a_canceled_one_is_told() {
    unit(
        "l-slow.service",
        "[Service]\nType=oneshot\nExecStart=/bin/sleep inf\n",
    );
    reload();
    let mut init = Systemd::new(Limit::Fixed(Duration::from_millis(1200)));
    let begun = Instant::now();
    let outcome = run_one(&mut init, Verb::Start, "l-slow");
    assert_eq!(failure(outcome), JobFailure::TimedOut { seconds: 1 });
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(
        ask(&mut init, "l-slow").active,
        Known::Is(ActiveState::Activating)
    );
    init.limit = Limit::Unit;
    // The unit has no limit of its own: the wait goes on past the time at which limits are asked
    // for, until somebody stops it.
    let stopper = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(7));
        run_one(&mut Systemd::new(Limit::Unit), Verb::Stop, "l-slow")
    });
    let outcome = failure(run_one(&mut init, Verb::Start, "l-slow"));
    assert!(matches!(outcome, JobFailure::Replaced(_)), "{outcome:?}");
    assert_eq!(stopper.join().unwrap(), JobOutcome::Done);
}

#[test]
fn a_unit_of_its_own_limits_is_left_ten_seconds_after_them() {
    // The start ends by its own limit of 6 s, which is later than the limits are asked for.
    unit(
        "l-own.service",
        "[Service]\nType=oneshot\nTimeoutStartSec=6\nExecStart=/bin/sleep inf\n",
    );
    reload();
    let outcome = failure(run_one(
        &mut Systemd::new(Limit::Unit),
        Verb::Start,
        "l-own",
    ));
    let timeout = JobFailure::Ended {
        result: "failed".to_owned(),
        service_result: "timeout".to_owned(),
    };
    assert_eq!(outcome, timeout);
}
