//! Looking at units over one connection, and remembering the main processes that were seen: one that
//! runs on without an instance is one that Upstart has lost track of.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Address;
use super::memory::Memory;
use super::queries::{self, Look};
use super::seen;
use crate::domain::{Seen, UnitName};
use crate::init::InitError;
use crate::init::dbus::link::Link;
use crate::init::process::{Owner, Process};

/// How long Upstart may be away, where nobody says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// The connection, and what was seen over it so far.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) link: Link<Address>,
    /// How long Upstart may be away, or silent.
    pub(super) wait: Duration,
    /// What earlier calls saw.
    pub(super) memory: Memory,
    owner: Owner,
    processes: BTreeMap<UnitName, Process>,
    /// How often a start was taken on whose answer was lost.
    taken: BTreeMap<UnitName, u32>,
}

impl Track {
    /// Nothing is seen yet, and nobody contacted.
    pub(super) fn new(address: Address) -> Self {
        let owner = match address.uid {
            0 => Owner::Anybody,
            uid => Owner::User(uid),
        };
        Self {
            link: Link::new(address, WAIT),
            wait: WAIT,
            memory: Memory::default(),
            owner,
            processes: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// Waits for this long.
    pub(super) fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
        self.link.patience.set_wait(wait);
    }

    /// Looks for the job of `unit` and its instance, as they are now.
    pub(super) fn look(&mut self, unit: &UnitName) -> Result<Look, InitError> {
        let look = queries::look(&mut self.link, unit)?;
        if let Some(process) = seen::main(&look) {
            self.memory.note(unit, process);
            self.processes.insert(unit.clone(), process);
        }
        Ok(look)
    }

    /// The main process that was last seen of `unit`, where it still runs.
    pub(super) fn remembered(&self, unit: &UnitName) -> Option<Process> {
        let process = self.processes.get(unit).copied();
        let process = process.or_else(|| self.memory.recall(unit));
        process.filter(|process| process.is_alive())
    }

    /// What is to be seen of `unit` now.
    pub(super) fn seen(&mut self, unit: &UnitName) -> Result<Seen, InitError> {
        let look = self.look(unit)?;
        Ok(self.as_seen(unit, &look))
    }

    /// The same, of what was looked at just now.
    pub(super) fn as_seen(&self, unit: &UnitName, look: &Look) -> Seen {
        let taken = self.taken.get(unit).copied().unwrap_or(0);
        seen::seen(unit, look, self.remembered(unit), taken)
    }

    /// Upstart took a start of `unit` on, and did not come to answer.
    pub(super) fn was_taken(&mut self, unit: &UnitName) {
        let taken = self.taken.entry(unit.clone()).or_default();
        *taken = taken.saturating_add(1);
    }

    /// Whose processes this Upstart may have us signal.
    pub(super) fn owner(&self) -> Owner {
        self.owner
    }
}
