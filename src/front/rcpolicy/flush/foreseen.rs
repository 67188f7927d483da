//! An init that was asked about many units at once, so that looking at each costs no round trip of its
//! own. For looking only, and only while nothing is done or waited for: all else goes to the init.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::{
    ActiveState, Capabilities, InitKind, Job, JobOutcome, Known, Machine, Seen, SeenJob, UnitFacts,
    UnitName, Wait,
};
use crate::init::{Apart, Depth, Init, InitError};

/// What an init said of some units, and the init for all else.
pub(super) struct Foreseen<'a> {
    init: &'a mut dyn Init,
    units: BTreeMap<UnitName, UnitFacts>,
    seen: BTreeMap<UnitName, Seen>,
    machine: Option<Known<Machine>>,
}

impl<'a> Foreseen<'a> {
    /// Asks `init` about all of `names`. Where it does not answer, it is asked about each in its turn.
    pub(super) fn of(init: &'a mut dyn Init, names: &[UnitName]) -> Self {
        let facts = match names {
            [] => Vec::new(),
            names => init.units(names, Depth::Relations).unwrap_or_default(),
        };
        let units = facts.into_iter().map(|unit| (unit.asked.clone(), unit));
        let units = units.collect();
        Self {
            init,
            units,
            seen: BTreeMap::new(),
            machine: None,
        }
    }

    /// The same, with what tells whether something happened to them since.
    pub(super) fn with_times(self, names: &[UnitName]) -> Self {
        let seen = match names {
            [] => Vec::new(),
            names => self.init.seen(names).unwrap_or_default(),
        };
        let seen = names.iter().cloned().zip(seen).collect();
        Self { seen, ..self }
    }
}

/// All of `known` under `names`, or nothing.
fn all<T: Clone>(known: &BTreeMap<UnitName, T>, names: &[UnitName]) -> Option<Vec<T>> {
    names.iter().map(|name| known.get(name).cloned()).collect()
}

impl Init for Foreseen<'_> {
    fn kind(&self) -> InitKind {
        self.init.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.init.capabilities()
    }

    fn machine(&mut self) -> Known<Machine> {
        let init = &mut self.init;
        self.machine.get_or_insert_with(|| init.machine()).clone()
    }

    fn userspace(&mut self) -> Known<u64> {
        self.init.userspace()
    }

    fn userspace_since(&mut self) -> Known<u64> {
        self.init.userspace_since()
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        match all(&self.units, names) {
            Some(units) => Ok(units),
            None => self.init.units(names, depth),
        }
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        self.init.services(beginnings)
    }

    fn active(&mut self, unit: &UnitName) -> Result<Known<ActiveState>, InitError> {
        self.init.active(unit)
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        match all(&self.seen, units) {
            Some(seen) => Ok(seen),
            None => self.init.seen(units),
        }
    }

    fn clock(&self) -> u64 {
        self.init.clock()
    }

    fn pause(&mut self, span: Duration) {
        self.init.pause(span);
    }

    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        self.init.run(jobs, wait)
    }

    fn run_as_one(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        self.init.run_as_one(jobs, wait)
    }

    fn limit_of(&mut self, jobs: &[Job]) -> Result<Option<Duration>, InitError> {
        self.init.limit_of(jobs)
    }

    fn waiting_for_us(&mut self, jobs: &[SeenJob]) -> Result<Vec<u32>, InitError> {
        self.init.waiting_for_us(jobs)
    }

    fn run_apart(&mut self, name: &UnitName, command: &[&str]) -> Result<Apart, InitError> {
        self.init.run_apart(name, command)
    }

    fn reread(&mut self) -> Result<(), InitError> {
        self.init.reread()
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.init.kill(unit)
    }

    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.init.hold(unit)
    }

    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.init.release(unit)
    }
}
