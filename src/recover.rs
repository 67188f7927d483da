//! What a lost reply means: from what was asked, what was seen before and after, and how far the
//! request came, to what is to be done now. Pure, and one function for all inits.

use crate::domain::{Contact, Job, Seen};

/// A request whose end is not known.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What was asked.
    pub job: &'a Job,
    /// How far it came.
    pub contact: Contact,
    /// The unit right before it was asked, where that is known.
    pub before: Option<&'a Seen>,
    /// When it was asked, in microseconds of the monotonic clock.
    pub at: u64,
}

/// What is to be done about it.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// It was done.
    Settled,
    /// The init is still at it, or about to be: look again later, and ask for nothing.
    StillRunning,
    /// It was not done, and will not be unless it is asked for again.
    AskAgain,
    /// It was tried and failed, or cannot be done any more; why.
    Failed(String),
}

/// Placeholder until it lands.
pub fn recover(_: &Asked<'_>, _: &Seen) -> Recovery {
    Recovery::AskAgain
}
