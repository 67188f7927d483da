//! Jobs, as an init takes them, and how each ended.

use serde::Serialize;
use thiserror::Error;

use super::{Contact, Seen, UnitName, Verb};

/// One job asked of an init.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// The unit.
    pub unit: UnitName,
    /// What is asked of it.
    pub verb: Verb,
}

impl Job {
    /// `verb` asked of `unit`.
    pub fn new(verb: Verb, unit: UnitName) -> Self {
        Self { unit, verb }
    }
}

/// Whether jobs are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Until they have ended.
    Done,
    /// Only until they are queued.
    Queued,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// As asked.
    Done,
    /// Queued, and not waited for.
    Queued,
    /// Not, for this reason.
    Failed(JobFailure),
}

/// Why a job did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JobFailure {
    /// The init did not take the job. For systemd the D-Bus error's name and text.
    #[error("{message}")]
    Refused {
        /// Name of the error.
        name: String,
        /// Its text.
        message: String,
    },
    /// The job ran and failed. systemd's job result (failed, timeout, dependency, canceled,
    /// skipped, ...) and the service's own Result property (exit-code, signal, start-limit-hit, ...).
    #[error("its job ended as {result}{}", shown(service_result))]
    Ended {
        /// How the job ended.
        result: String,
        /// How the service ended, empty where unknown.
        service_result: String,
    },
    /// The init has its work done by a program, and that ended with this exit status, as a shell sees it.
    #[error("exit status {status}")]
    Exited {
        /// What it ended with; never 0.
        status: u8,
    },
    /// Another job took its place. Whether that one did what was asked is seen by looking: whoever
    /// runs jobs for others looks, and hands out `Done`, or `Ended` as canceled.
    #[error("{}", .0.why)]
    Replaced(Box<Loss>),
    /// It had not ended within this many seconds and goes on by itself.
    #[error("its job has not ended within {seconds} s and goes on")]
    TimedOut {
        /// Seconds waited.
        seconds: u64,
    },
    /// The connection was lost; whether it was done is not known.
    #[error("whether it was done is not known: {}", .0.why)]
    Lost(Box<Loss>),
}

/// All that is known of a request whose answer, or whose end, did not reach us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What happened to the connection.
    pub why: String,
    /// How far the request came.
    pub contact: Contact,
    /// The unit as it was right before the request; `None` where nobody could say.
    pub before: Option<Seen>,
}

impl Loss {
    /// A request of which nothing is known but that it was sent.
    pub fn sent(why: String) -> Self {
        Self {
            why,
            contact: Contact::Sent,
            before: None,
        }
    }
}

fn shown(service_result: &str) -> String {
    if service_result.is_empty() {
        String::new()
    } else {
        format!(" (its service: {service_result})")
    }
}
