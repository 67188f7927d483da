//! Clients, their connections, and how each connection ends.

use crate::domain::UnitName;

use super::clock::Micros;
use super::unit::Image;

/// Somebody who connects again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The socket it connects to; a service that listens by itself; or one with a bus name.
    pub to: UnitName,
    /// Microseconds between two connections, give or take a tenth.
    pub every: Micros,
}

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Neither answered nor refused yet.
    Waiting,
    /// Answered.
    Served {
        /// What the process that answered maps.
        by: Image,
        /// What was on disk when it took the connection.
        files: Image,
    },
    /// Nobody listened, or the connection was closed before it was answered.
    Refused,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Where to.
    pub to: UnitName,
    /// When it was opened.
    pub opened: Micros,
    /// When it was answered or refused.
    pub ended: Option<Micros>,
    /// How it ended.
    pub outcome: Outcome,
    /// The process that took it, and the files on disk at that time.
    pub(super) taken: Option<(Image, Image)>,
}

impl Connection {
    pub(super) fn new(to: UnitName, opened: Micros) -> Self {
        Self {
            to,
            opened,
            ended: None,
            outcome: Outcome::Waiting,
            taken: None,
        }
    }

    /// Microseconds until it had its answer; 0 where it got none.
    pub fn waited(&self) -> Micros {
        match (self.outcome, self.ended) {
            (Outcome::Served { .. }, Some(ended)) => ended.saturating_sub(self.opened),
            (Outcome::Served { .. } | Outcome::Refused | Outcome::Waiting, _) => 0,
        }
    }

    /// Ends it, if it has not ended before.
    pub(super) fn end(&mut self, at: Micros, outcome: Outcome) {
        if self.ended.is_none() {
            self.ended = Some(at);
            self.outcome = outcome;
        }
    }
}
