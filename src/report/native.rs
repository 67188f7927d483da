//! What is said of a service that its init has itself and supervises: how it stands, in a line and in the
//! exit status that LSB has for an init script's `status`; and what came of a job that failed.

use crate::domain::{ActiveState, InitKind, Job, JobFailure, Known, UnitFacts, Verb};

/// LSB's statuses: it runs, it died and left something behind, it does not run, nobody can tell.
const RUNS: u8 = 0;
const DIED: u8 = 1;
const RUNS_NOT: u8 = 3;
const UNKNOWN: u8 = 4;

/// How the name of an error ends that says that what is down cannot be reloaded.
const NOT_RUNNING: &str = ".NotRunning";
/// The result of a job where something else was wanted of its service meanwhile.
const CANCELED: &str = "canceled";

/// How `unit` stands, and the exit status for it.
pub fn standing(unit: &UnitFacts) -> (String, u8) {
    let service = unit.asked.service();
    let (word, ending) = match &unit.active {
        Known::Is(ActiveState::Active | ActiveState::Reloading) => ("is running", RUNS),
        Known::Is(ActiveState::Activating) => ("is starting", RUNS),
        Known::Is(ActiveState::Deactivating) => ("is stopping", RUNS),
        Known::Is(ActiveState::Inactive | ActiveState::Maintenance) => ("is down", RUNS_NOT),
        Known::Is(ActiveState::Failed) => ("has failed", DIED),
        Known::Unknown(_) => ("is in a state that is not known", UNKNOWN),
    };
    match unit.main_pid {
        0 => (format!("{service} {word}"), ending),
        pid => (format!("{service} {word}, process {pid}"), ending),
    }
}

/// The exit status for `job`, which came to nothing under `init`: that of the init's own program where this
/// ended with one. Otherwise a failure, but where scripts would have ended with 0 and it is as the service
/// itself, or its admin, wants it. There a postinst goes on that says
/// `reload` to what is down, or starts what takes itself down because its configuration says so.
pub fn ending(init: InitKind, job: &Job, failure: &JobFailure) -> u8 {
    let wanted = match (job.verb, failure) {
        (_, JobFailure::Exited { status }) => return *status,
        (Verb::Reload, JobFailure::Refused { name, .. }) => name.ends_with(NOT_RUNNING),
        // It is up by somebody's will then, and that is a failure to stop it.
        (Verb::Stop, _) => false,
        (_, JobFailure::Ended { result, .. }) => result == CANCELED,
        _ => false,
    };
    u8::from(!(wanted && init.hears_no_failure()))
}

/// What is said of `job`, which failed.
pub fn failed(job: &Job, failure: &JobFailure) -> String {
    let service = job.unit.service();
    match failure {
        JobFailure::Ended { service_result, .. } if !service_result.is_empty() => {
            format!("{} of {service} failed: {service_result}", job.verb)
        }
        JobFailure::Ended { .. }
        | JobFailure::Exited { .. }
        | JobFailure::Replaced(_)
        | JobFailure::Refused { .. }
        | JobFailure::TimedOut { .. }
        | JobFailure::Lost(_) => format!("{} of {service} failed: {failure}", job.verb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnitName;

    fn unit(active: Known<ActiveState>, main_pid: u32) -> UnitFacts {
        let name = UnitName::of_script("foo").unwrap();
        let mut unit = UnitFacts::unknown(&name, "x");
        unit.active = active;
        unit.main_pid = main_pid;
        unit
    }

    #[test]
    fn how_a_service_stands_is_told_in_a_line_and_in_the_status_of_lsb() {
        for (state, pid, line, ending) in [
            (ActiveState::Active, 42, "foo is running, process 42", 0),
            (ActiveState::Inactive, 0, "foo is down", 3),
            (ActiveState::Failed, 0, "foo has failed", 1),
        ] {
            let told = standing(&unit(Known::Is(state), pid));
            assert_eq!(told, (line.to_owned(), ending));
        }
        let told = standing(&unit(Known::Unknown("x".to_owned()), 0));
        assert_eq!(told.1, 4);
    }

    #[test]
    fn a_failure_says_what_was_asked_of_whom_and_why_it_came_to_nothing() {
        let job = Job::new(Verb::Start, UnitName::of_script("foo").unwrap());
        let ended = JobFailure::Ended {
            result: "failed".to_owned(),
            service_result: "it died with status 7".to_owned(),
        };
        let expected = "start of foo failed: it died with status 7";
        assert_eq!(failed(&job, &ended), expected);
    }

    #[test]
    fn what_a_service_wants_otherwise_is_no_failure_where_scripts_hear_of_none() {
        let ended = |result: &str| JobFailure::Ended {
            result: result.to_owned(),
            service_result: String::new(),
        };
        let refused = |name: &str| JobFailure::Refused {
            name: name.to_owned(),
            message: "x".to_owned(),
        };
        assert!(InitKind::ALL.into_iter().any(InitKind::hears_no_failure));
        let cases = [
            (Verb::Reload, refused("runit.NotRunning"), 0),
            (Verb::Reload, refused("runit.Refused"), 1),
            (Verb::Start, ended("canceled"), 0),
            (Verb::Restart, ended("canceled"), 0),
            (Verb::Stop, ended("canceled"), 1),
            (Verb::Start, ended("failed"), 1),
            (Verb::Start, JobFailure::TimedOut { seconds: 90 }, 1),
            (Verb::Restart, JobFailure::Exited { status: 7 }, 7),
        ];
        for (verb, failure, expected) in cases {
            let job = Job::new(verb, UnitName::of_script("foo").unwrap());
            for init in InitKind::ALL {
                let expected = match expected {
                    0 if !init.hears_no_failure() => 1,
                    expected => expected,
                };
                let found = ending(init, &job, &failure);
                assert_eq!(found, expected, "{init:?} {verb}: {failure}");
            }
        }
    }
}
