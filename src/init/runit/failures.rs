//! How work on runit fails, in the project's words. Pure.

use crate::domain::JobFailure;

/// Somebody else wants something else of it.
pub(super) fn canceled() -> JobFailure {
    ended("canceled", "")
}

/// It was started, and ended again and again.
pub(super) fn died() -> JobFailure {
    ended("failed", "its `run` ends at once")
}

/// It was not asked, or cannot be done.
pub(super) fn refused(name: &str, message: String) -> JobFailure {
    JobFailure::Refused {
        name: name.to_owned(),
        message,
    }
}

fn ended(result: &str, service_result: &str) -> JobFailure {
    JobFailure::Ended {
        result: result.to_owned(),
        service_result: service_result.to_owned(),
    }
}
