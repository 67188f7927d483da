//! What systemctl prints on stderr when a job cannot be queued or fails, and its exit status.
//! Pure: the wording is systemd's (252 to 262, where they agree), since scripts and logs know it.

use crate::domain::{JobFailure, JobOutcome, UnitKind, UnitName, Verb};

/// Exit status of systemctl for what failed, as it stands in LSB.
const FAILURE: u8 = 1;
const NOT_IMPLEMENTED: u8 = 3;
const NO_PERMISSION: u8 = 4;
const NOT_INSTALLED: u8 = 5;
const NOT_CONFIGURED: u8 = 6;

const SYSTEMD_ERROR: &str = "org.freedesktop.systemd1.";
const DBUS_ERROR: &str = "org.freedesktop.DBus.Error.";

/// The lines, each without its line end, for a failed `verb` on `unit`.
pub fn lines(verb: Verb, unit: &UnitName, failure: &JobFailure) -> Vec<String> {
    match failure {
        JobFailure::Refused { name, .. } if is_ignored(verb, name) => Vec::new(),
        JobFailure::Refused { name, message } => refused(verb, unit, name, message),
        JobFailure::Ended {
            result,
            service_result,
        } => ended(unit, result, service_result),
        // Not systemctl's: it waits for ever, and does not know what it missed.
        JobFailure::TimedOut { seconds } => vec![format!(
            "Job for {unit} has not ended within {seconds} s and goes on."
        )],
        JobFailure::Exited { .. } => ended(unit, "failed", ""),
        JobFailure::Replaced(_) => ended(unit, "canceled", ""),
        JobFailure::Lost(loss) => vec![format!("Failed to {verb} {unit}: {}", loss.why)],
    }
}

/// Whether `systemctl --quiet` says it too: refusals it does, but not how a job went.
pub fn is_said_with_quiet(failure: &JobFailure) -> bool {
    match failure {
        JobFailure::Ended { .. } | JobFailure::Exited { .. } | JobFailure::Replaced(_) => false,
        JobFailure::Refused { .. } | JobFailure::TimedOut { .. } | JobFailure::Lost(_) => true,
    }
}

/// The warning that `unit`, just stopped, can be started again by these.
pub fn still_activated(unit: &UnitName, by: &[UnitName]) -> Vec<String> {
    if by.is_empty() {
        return Vec::new();
    }
    let first = format!("Warning: Stopping {unit}, but it can still be activated by:");
    let each = by.iter().map(|trigger| format!("  {trigger}"));
    std::iter::once(first).chain(each).collect()
}

/// original: trying to restart what is masked is no failure, and not worth a word
fn is_ignored(verb: Verb, name: &str) -> bool {
    verb == Verb::TryRestart && name.strip_prefix(SYSTEMD_ERROR) == Some("UnitMasked")
}

fn refused(verb: Verb, unit: &UnitName, name: &str, message: &str) -> Vec<String> {
    let mut lines = vec![format!("Failed to {verb} {unit}: {message}")];
    let says_it_all = matches!(
        name.strip_prefix(SYSTEMD_ERROR),
        Some("NoSuchUnit" | "UnitMasked" | "JobTypeNotApplicable")
    );
    if !says_it_all {
        lines.push(format!(
            "See system logs and 'systemctl status {unit}' for details."
        ));
    }
    lines
}

fn ended(unit: &UnitName, result: &str, service_result: &str) -> Vec<String> {
    let line = match result {
        "canceled" => format!("Job for {unit} canceled."),
        "timeout" => format!("Job for {unit} timed out."),
        "dependency" => {
            format!("A dependency job for {unit} failed. See 'journalctl -xe' for details.")
        }
        "invalid" => format!("{unit} is not active, cannot reload."),
        "assert" => format!("Assertion failed on job for {unit}."),
        "unsupported" => {
            format!("Operation on or unit type of {unit} not supported on this system.")
        }
        "collected" => format!("Queued job for {unit} was garbage collected."),
        "once" => format!("Unit {unit} was started already once and can't be started again."),
        "done" | "skipped" => return Vec::new(),
        _ if unit.kind() == UnitKind::Service => return service_failed(unit, service_result),
        _ => "Job failed. See \"journalctl -xe\" for details.".to_owned(),
    };
    vec![line]
}

fn service_failed(unit: &UnitName, service_result: &str) -> Vec<String> {
    let first = match because(service_result) {
        Some(why) => format!("Job for {unit} failed because {why}."),
        None => format!("Job for {unit} failed."),
    };
    let quoted = quoted(unit.as_str());
    let mut lines = vec![
        first,
        format!("See \"systemctl status {quoted}\" and \"journalctl -xeu {quoted}\" for details."),
    ];
    if service_result == "start-limit-hit" {
        lines.push(format!(
            "To force a start use \"systemctl reset-failed {quoted}\""
        ));
        lines.push(format!("followed by \"systemctl start {quoted}\" again."));
    }
    lines
}

fn because(service_result: &str) -> Option<&'static str> {
    Some(match service_result {
        "resources" => "of unavailable resources or another system error",
        "protocol" => "the service did not take the steps required by its unit configuration",
        "timeout" => "a timeout was exceeded",
        "exit-code" => "the control process exited with error code",
        "signal" => "a fatal signal was delivered to the control process",
        "core-dump" => "a fatal signal was delivered causing the control process to dump core",
        "watchdog" => "the service failed to send watchdog ping",
        "start-limit-hit" => "start of the service was attempted too often",
        _ => return None,
    })
}

/// The name as systemctl makes it fit for a shell: in double quotes where a shell would read it
/// otherwise.
fn quoted(name: &str) -> String {
    if !name.contains(['\\', '~']) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('\\', "\\\\"))
}

/// As `exit_status_of`, for outcomes of which none is a `try-restart` of a masked unit.
pub fn exit_status<'a>(outcomes: impl IntoIterator<Item = &'a JobOutcome>) -> u8 {
    exit_status_of(outcomes.into_iter().map(|outcome| (Verb::Start, outcome)))
}

/// systemctl's exit status for these failures, in the order of the jobs: that of the first that
/// was refused; 1 where all were queued and one failed; 0 without a failure.
pub fn exit_status_of<'a>(outcomes: impl IntoIterator<Item = (Verb, &'a JobOutcome)>) -> u8 {
    let mut status = 0;
    for (verb, outcome) in outcomes {
        match outcome {
            JobOutcome::Done | JobOutcome::Queued => {}
            JobOutcome::Failed(JobFailure::Refused { name, .. }) if is_ignored(verb, name) => {}
            JobOutcome::Failed(JobFailure::Refused { name, .. }) => {
                if status == 0 {
                    status = refusal_status(name);
                }
            }
            // original: a job that ran and failed makes it 1, whatever was refused before
            JobOutcome::Failed(
                JobFailure::Ended { .. }
                | JobFailure::Exited { .. }
                | JobFailure::Replaced(_)
                | JobFailure::TimedOut { .. }
                | JobFailure::Lost(_),
            ) => return FAILURE,
        }
    }
    status
}

fn refusal_status(name: &str) -> u8 {
    match (
        name.strip_prefix(SYSTEMD_ERROR),
        name.strip_prefix(DBUS_ERROR),
    ) {
        (Some("OnlyByDependency" | "NoIsolation" | "TransactionIsDestructive"), _)
        | (_, Some("AccessDenied")) => NO_PERMISSION,
        (Some("NoSuchUnit"), _) => NOT_INSTALLED,
        (Some("JobTypeNotApplicable"), _) | (_, Some("NotSupported")) => NOT_IMPLEMENTED,
        (Some("LoadFailed"), _) => NOT_CONFIGURED,
        _ => FAILURE,
    }
}

/// The warning for a unit whose files changed since systemd read them.
pub fn changed_on_disk(unit: &UnitName) -> String {
    format!(
        "Warning: The unit file, source configuration file or drop-ins of {unit} changed on disk. \
         Run 'systemctl daemon-reload' to reload units."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_by(name: &str, message: &str) -> JobFailure {
        JobFailure::Refused {
            name: name.to_owned(),
            message: message.to_owned(),
        }
    }

    fn ended_with(result: &str, service_result: &str) -> JobFailure {
        JobFailure::Ended {
            result: result.to_owned(),
            service_result: service_result.to_owned(),
        }
    }

    fn status(verb: Verb, outcomes: &[JobOutcome]) -> u8 {
        exit_status_of(outcomes.iter().map(|outcome| (verb, outcome)))
    }

    fn printed(verb: Verb, unit: &str, failure: &JobFailure) -> String {
        lines(verb, &UnitName::parse(unit).unwrap(), failure).join("\n")
    }

    // The texts are what systemctl 252, 257 and 262 printed for such units.

    #[test]
    fn a_refused_job_is_told_as_systemctl_tells_it() {
        let cases = [
            (
                Verb::Start,
                "t-none",
                "org.freedesktop.systemd1.NoSuchUnit",
                "Unit t-none.service not found.",
                "Failed to start t-none.service: Unit t-none.service not found.",
                5,
            ),
            (
                Verb::Stop,
                "t-none",
                "org.freedesktop.systemd1.NoSuchUnit",
                "Unit t-none.service not loaded.",
                "Failed to stop t-none.service: Unit t-none.service not loaded.",
                5,
            ),
            (
                Verb::Restart,
                "t-masked",
                "org.freedesktop.systemd1.UnitMasked",
                "Unit t-masked.service is masked.",
                "Failed to restart t-masked.service: Unit t-masked.service is masked.",
                1,
            ),
            (
                Verb::TryRestart,
                "t-masked",
                "org.freedesktop.systemd1.UnitMasked",
                "Unit t-masked.service is masked.",
                "",
                0,
            ),
            (
                Verb::Reload,
                "t-fail",
                "org.freedesktop.systemd1.JobTypeNotApplicable",
                "Job type reload is not applicable for unit t-fail.service.",
                "Failed to reload t-fail.service: \
                 Job type reload is not applicable for unit t-fail.service.",
                3,
            ),
            (
                Verb::Start,
                "t-refuse",
                "org.freedesktop.systemd1.OnlyByDependency",
                "Operation refused, unit t-refuse.service may be requested by dependency only \
                 (it is configured to refuse manual start/stop).",
                "Failed to start t-refuse.service: Operation refused, unit t-refuse.service may be \
                 requested by dependency only (it is configured to refuse manual start/stop).\n\
                 See system logs and 'systemctl status t-refuse.service' for details.",
                4,
            ),
            (
                Verb::Start,
                "t-bad",
                "org.freedesktop.systemd1.BadUnitSetting",
                "Unit t-bad.service has a bad unit file setting.",
                "Failed to start t-bad.service: Unit t-bad.service has a bad unit file setting.\n\
                 See system logs and 'systemctl status t-bad.service' for details.",
                1,
            ),
        ];
        for (verb, unit, name, message, expected, expected_status) in cases {
            let failure = refused_by(name, message);
            assert_eq!(printed(verb, unit, &failure), expected);
            let told = status(verb, &[JobOutcome::Failed(failure)]);
            assert_eq!(told, expected_status, "{name}");
        }
    }

    #[test]
    fn a_failed_job_is_told_as_systemctl_tells_it() {
        let cases = [
            (
                "failed",
                "exit-code",
                "Job for a.service failed because the control process exited with error code.\n\
                 See \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details.",
            ),
            (
                "failed",
                "timeout",
                "Job for a.service failed because a timeout was exceeded.\n\
                 See \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details.",
            ),
            (
                "failed",
                "start-limit-hit",
                "Job for a.service failed because start of the service was attempted too often.\n\
                 See \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details.\n\
                 To force a start use \"systemctl reset-failed a.service\"\n\
                 followed by \"systemctl start a.service\" again.",
            ),
            (
                "failed",
                "",
                "Job for a.service failed.\n\
                 See \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details.",
            ),
            ("timeout", "", "Job for a.service timed out."),
            ("canceled", "", "Job for a.service canceled."),
            (
                "dependency",
                "",
                "A dependency job for a.service failed. See 'journalctl -xe' for details.",
            ),
            ("assert", "", "Assertion failed on job for a.service."),
            ("invalid", "", "a.service is not active, cannot reload."),
        ];
        for (result, service_result, expected) in cases {
            let failure = ended_with(result, service_result);
            assert_eq!(printed(Verb::Start, "a", &failure), expected);
            assert_eq!(status(Verb::Start, &[JobOutcome::Failed(failure)]), 1);
        }
    }

    #[test]
    fn quiet_hides_how_a_job_went_but_no_refusal() {
        assert!(!is_said_with_quiet(&ended_with("failed", "exit-code")));
        let none = refused_by("org.freedesktop.systemd1.NoSuchUnit", "m");
        assert!(is_said_with_quiet(&none));
    }

    #[test]
    fn what_can_start_a_stopped_unit_again_is_told_as_systemctl_tells_it() {
        let name = |text: &str| UnitName::parse(text).unwrap();
        let lines = still_activated(&name("a"), &[name("a.socket"), name("a.timer")]);
        let text = "Warning: Stopping a.service, but it can still be activated by:\n  \
                    a.socket\n  a.timer";
        assert_eq!(lines.join("\n"), text);
        assert!(still_activated(&name("a"), &[]).is_empty());
    }

    #[test]
    fn a_failed_job_of_another_kind_of_unit_has_no_service_result() {
        let failure = ended_with("failed", "");
        let text = printed(Verb::Start, "a.socket", &failure);
        assert_eq!(text, "Job failed. See \"journalctl -xe\" for details.");
    }

    #[test]
    fn a_name_that_a_shell_would_change_is_quoted_in_the_advice_alone() {
        let text = printed(Verb::Start, "t@x\\x2dy", &ended_with("failed", "exit-code"));
        assert!(
            text.starts_with("Job for t@x\\x2dy.service failed because"),
            "{text}"
        );
        assert!(
            text.contains("systemctl status \"t@x\\\\x2dy.service\""),
            "{text}"
        );
    }

    #[test]
    fn the_first_refusal_counts_unless_a_queued_job_failed() {
        let none = || JobOutcome::Failed(refused_by("org.freedesktop.systemd1.NoSuchUnit", "m"));
        let only =
            || JobOutcome::Failed(refused_by("org.freedesktop.systemd1.OnlyByDependency", ""));
        let failed = || JobOutcome::Failed(ended_with("failed", "exit-code"));
        assert_eq!(status(Verb::Start, &[]), 0);
        assert_eq!(
            status(Verb::Start, &[JobOutcome::Done, JobOutcome::Queued]),
            0
        );
        assert_eq!(status(Verb::Start, &[none(), only()]), 5);
        assert_eq!(status(Verb::Start, &[only(), none()]), 4);
        assert_eq!(status(Verb::Start, &[none(), failed(), only()]), 1);
    }
}
