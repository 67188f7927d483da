//! The model's clock, what is due when, and its source of chance. It never reads the real clock.

use std::collections::BTreeMap;

use crate::domain::{UnitName, Verb};

/// Microseconds of the model's clock, from the moment it was made.
pub type Micros = u64;

/// Something that is due at a certain time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// A unit's start or stop is over, unless another transition began since.
    Settled { unit: UnitName, transition: u64 },
    /// A client opens its next connection.
    Connect { client: usize },
    /// A connection that found the backlog full is tried again.
    Retry { connection: usize },
    /// A connection has been answered.
    Answered { connection: usize },
    /// A timer elapses, unless it was started anew since.
    Elapsed { unit: UnitName, transition: u64 },
    /// Somebody asks for a job, and does not wait for it.
    Asked { verb: Verb, unit: UnitName },
}

/// The clock and the agenda.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    now: Micros,
    asked: u64,
    agenda: BTreeMap<(Micros, u64), Due>,
}

impl Clock {
    pub(super) fn now(&self) -> Micros {
        self.now
    }

    /// Notes down what is due `after` microseconds from now. What is due at the same time comes in
    /// the order in which it was noted down.
    pub(super) fn after(&mut self, after: Micros, due: Due) {
        self.asked += 1;
        let at = self.now.saturating_add(after);
        self.agenda.insert((at, self.asked), due);
    }

    /// Takes the next thing that is due until `limit`, and moves the clock to it.
    pub(super) fn next(&mut self, limit: Micros) -> Option<Due> {
        let entry = self.agenda.first_entry()?;
        let (at, _) = *entry.key();
        if at > limit {
            return None;
        }
        // INVARIANT: nothing is noted down for the past, so the clock never goes back.
        self.now = at;
        Some(entry.remove())
    }

    /// Moves the clock to `to`, if that is later. Everything due until then was taken before.
    pub(super) fn reach(&mut self, to: Micros) {
        self.now = self.now.max(to);
    }
}

/// A small generator of chance (splitmix64), the same on every machine.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(bound).unwrap_or(0)
    }
}
