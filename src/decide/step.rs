//! One thing to do. A plan is a list of these, in order; `act` carries them out.

use serde::Serialize;

use crate::domain::{Job, ServiceName, UnitName, Wait};
use crate::ledger::Entry;

/// One thing to do, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Note down what is about to change, before it does.
    Record(Box<Entry>),
    /// Keep a D-Bus call from starting the unit.
    Hold(UnitName),
    /// Take such a hold away.
    Release(UnitName),
    /// These jobs: all asked for before the first is awaited.
    Jobs {
        /// The jobs, in the order in which they are asked for.
        jobs: Vec<Job>,
        /// Whether they are waited for.
        wait: Wait,
    },
    /// Strike the note about the service: what it promised is there again.
    Strike(ServiceName),
}
