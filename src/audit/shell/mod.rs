//! A maintainer script, evaluated as far as it can be known. What cannot be known is followed both ways,
//! and each way says what it assumed. No command of a script is ever run.

use crate::audit::call::{Assumption, Call};

/// How a way through a script ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// With this status.
    Status(u8),
    /// With one that is not known.
    Unknown,
    /// It becomes another program (`exec`) that is not followed.
    Elsewhere,
}

/// A way through a script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// What was assumed, in the order in which it was met; what makes no difference to the calls is left out.
    pub assumed: Vec<Assumption>,
    /// The calls, in their order.
    pub calls: Vec<Call>,
    /// How it ends.
    pub end: End,
}

/// What is known of the machine that a script asks about. `None` is followed both ways.
pub trait World {
    /// Whether a file test holds: its letter (`x`, `d`, `e`, `f`, `s`, `L`...), and the path.
    fn file(&self, letter: char, path: &str) -> Option<bool>;
    /// The exit status of a command that changes nothing of services, and what it prints.
    fn command(&self, words: &[String]) -> Option<Answer>;
    /// The value of a variable that the script was started with; `Some(None)` where it is surely unset.
    fn variable(&self, name: &str) -> Option<Option<String>>;
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status.
    pub status: u8,
    /// What it printed; `None` where that is not known.
    pub output: Option<String>,
}
