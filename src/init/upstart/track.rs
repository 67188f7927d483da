//! Looking at units over one connection, and remembering the main processes that were seen: one that
//! runs on without an instance is one that Upstart has lost track of.

use std::collections::BTreeMap;

use super::link::Link;
use super::process::{Owner, Process};
use super::queries::{self, Look};
use super::seen;
use crate::domain::UnitName;
use crate::init::InitError;

/// The connection, and what was seen over it so far.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) link: Link,
    processes: BTreeMap<UnitName, Process>,
}

impl Track {
    /// Nothing is seen yet.
    pub(super) fn over(link: Link) -> Self {
        Self {
            link,
            processes: BTreeMap::new(),
        }
    }

    /// Looks for the job of `unit` and its instance, as they are now.
    pub(super) fn look(&mut self, unit: &UnitName) -> Result<Look, InitError> {
        let look = queries::look(&mut self.link, unit)?;
        if let Some(process) = seen::main(&look) {
            self.processes.insert(unit.clone(), process);
        }
        Ok(look)
    }

    /// The main process that was last seen of `unit`, where it still runs.
    pub(super) fn remembered(&self, unit: &UnitName) -> Option<Process> {
        let process = self.processes.get(unit).copied();
        process.filter(|process| process.is_alive())
    }

    /// Whose processes this Upstart may have us signal.
    pub(super) fn owner(&self) -> Owner {
        match self.link.address.uid {
            0 => Owner::Anybody,
            uid => Owner::User(uid),
        }
    }
}
