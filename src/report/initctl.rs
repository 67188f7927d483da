//! What is said of a job on Upstart that failed, as `initctl` says it.

use crate::domain::{JobFailure, Verb};

/// The line for one failure.
pub fn line(verb: Verb, failure: &JobFailure) -> String {
    match failure {
        JobFailure::Ended { result, .. } if result == "failed" => {
            format!("{verb}: Job failed to {verb}")
        }
        JobFailure::Ended { .. }
        | JobFailure::Exited { .. }
        | JobFailure::Replaced(_)
        | JobFailure::Refused { .. }
        | JobFailure::TimedOut { .. }
        | JobFailure::Lost(_) => format!("{verb}: {failure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_failed_is_said_to_have_failed_and_others_say_why() {
        let failed = JobFailure::Ended {
            result: "failed".to_owned(),
            service_result: String::new(),
        };
        assert_eq!(line(Verb::Start, &failed), "start: Job failed to start");
        let late = JobFailure::TimedOut { seconds: 9 };
        assert!(line(Verb::Stop, &late).starts_with("stop: its job has not ended"));
    }
}
