//! What is said of a service that its init has itself and supervises: how it stands, in a line and in the
//! exit status that LSB has for an init script's `status`; and what came of a job that failed.

use crate::domain::{ActiveState, Job, JobFailure, Known, UnitFacts};

/// LSB's statuses: it runs, it died and left something behind, it does not run, nobody can tell.
const RUNS: u8 = 0;
const DIED: u8 = 1;
const RUNS_NOT: u8 = 3;
const UNKNOWN: u8 = 4;

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

/// What is said of `job`, which failed.
pub fn failed(job: &Job, failure: &JobFailure) -> String {
    let service = job.unit.service();
    match failure {
        JobFailure::Ended { service_result, .. } if !service_result.is_empty() => {
            format!("{} of {service} failed: {service_result}", job.verb)
        }
        JobFailure::Ended { .. }
        | JobFailure::Replaced(_)
        | JobFailure::Refused { .. }
        | JobFailure::TimedOut { .. }
        | JobFailure::Lost(_) => format!("{} of {service} failed: {failure}", job.verb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{UnitName, Verb};

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
}
