//! The line between the model and whoever asks it: where it breaks, and for how long nobody listens
//! then. `interruption` lets it break.

use std::collections::VecDeque;

use super::clock::Micros;

/// Where a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// After this many messages were read and answered; with none, in the backlog.
    Before(usize),
    /// The message with this number, from 0, was read and carried out, and its answer lost.
    Unanswered(usize),
    /// All was answered; this many microseconds later, whatever the jobs do then.
    Later(Micros),
    /// After this many messages the init stands still for so long that the client leaves. It reads the
    /// rest later, when it has answered somebody else for `after` microseconds.
    Silent {
        /// Messages that were read and answered.
        read: usize,
        /// Microseconds from the first answer to others until the rest is carried out.
        after: Micros,
    },
}

/// A connection that breaks, and how long nobody listens then. Questions that break are asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// Where it breaks.
    pub at: Break,
    /// Microseconds until somebody listens again.
    pub closed: Micros,
}

/// The line between the model and whoever asks it.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// What becomes of the contacts to come; `None` is an undisturbed one.
    pub(super) ahead: VecDeque<Option<Interruption>>,
    /// Nobody listens before.
    pub(super) closed_until: Micros,
}
