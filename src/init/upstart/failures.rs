//! How work on Upstart fails, in the project's words. Pure.

use super::names::{Trouble, UNKNOWN_INSTANCE};
use crate::domain::{JobFailure, UnitName};
use crate::init::InitError;

/// Somebody else wants something else of it.
pub(super) fn changed() -> JobFailure {
    ended("canceled")
}

/// The job ended like this, in systemd's words.
pub(super) fn ended(result: &str) -> JobFailure {
    JobFailure::Ended {
        result: result.to_owned(),
        service_result: String::new(),
    }
}

/// It was not taken on.
pub(super) fn refused(name: &str, message: String) -> JobFailure {
    JobFailure::Refused {
        name: name.to_owned(),
        message,
    }
}

/// There is no instance of this name, and what made it is not known.
pub(super) fn unknown_instance(unit: &UnitName, name: &str) -> JobFailure {
    let job = unit.service();
    refused(
        UNKNOWN_INSTANCE,
        format!("{job} has no instance `{name}` now"),
    )
}

/// Whether `error` means `trouble`.
pub(super) fn is(error: &InitError, trouble: Trouble) -> bool {
    Trouble::of(error) == Some(trouble)
}

/// Whether `error` says that there is nothing to stop.
pub(super) fn is_down_already(error: &InitError) -> bool {
    let down = [
        Trouble::AlreadyStopped,
        Trouble::UnknownInstance,
        Trouble::UnknownMethod,
    ];
    down.iter().any(|trouble| is(error, *trouble))
}
