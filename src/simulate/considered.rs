//! What is found out in the model about one request before it is carried out, and what it is judged by.

use std::collections::BTreeMap;

use crate::decide::{Decided, Part, decide, ledger_services};
use crate::domain::{
    Decision, Facts, HelperAnswer, Life, Request, ServiceName, UnitFacts, UnitName,
};
use crate::init::related::related;
use crate::init::simulated::Simulated;
use crate::init::{Depth, Init, InitError};
use crate::ledger::Entry;
use crate::policy::Policy;

/// What is judged by: the policy, and what is owed.
#[derive(Debug)]
pub(super) struct GoesBy {
    pub(super) policy: Policy,
    pub(super) ledger: BTreeMap<ServiceName, Entry>,
}

/// One request, with all that was found out about it.
pub(super) struct Considered {
    pub(super) request: Request,
    pub(super) facts: Facts,
    pub(super) decision: Decision,
    pub(super) owed: Option<Entry>,
    pub(super) part: Part,
}

impl Considered {
    pub(super) fn decided(&self) -> Decided<'_> {
        Decided {
            request: &self.request,
            facts: &self.facts,
            decision: &self.decision,
            owed: self.owed.as_ref(),
            part: self.part,
        }
    }
}

impl GoesBy {
    /// What is owed.
    pub(super) fn owed(&self) -> impl Iterator<Item = &Entry> {
        self.ledger.values()
    }

    pub(super) fn consider(
        &self,
        machine: &mut Simulated,
        request: Request,
        part: Part,
    ) -> Result<Considered, InitError> {
        let mut facts = observe(machine, &request)?;
        let mut services = ledger_services(&facts).into_iter();
        let owed = services.find_map(|service| self.ledger.get(&service).cloned());
        if let Some(entry) = &owed {
            complete(machine, &mut facts, entry)?;
        }
        let decision = decide(&request, &facts, &self.policy, owed.as_ref());
        Ok(Considered {
            request,
            facts,
            decision,
            owed,
            part,
        })
    }
}

fn observe(machine: &mut Simulated, request: &Request) -> Result<Facts, InitError> {
    let name = &request.unit;
    let found = machine.units(std::slice::from_ref(name), Depth::Relations)?;
    let unit = found.into_iter().next();
    let unit = unit.unwrap_or_else(|| UnitFacts::unknown(name, "no answer"));
    let related = related(machine, &unit, &request.action)?;
    Ok(Facts {
        now: machine.epoch(),
        life: Some(life()),
        init: machine.kind(),
        capabilities: machine.capabilities(),
        machine: machine.machine(),
        unit,
        related,
        helper: HelperAnswer::Absent,
        helper_related: Vec::new(),
    })
}

/// Adds what is not known yet of the units that `entry` names.
fn complete(machine: &mut Simulated, facts: &mut Facts, entry: &Entry) -> Result<(), InitError> {
    let down = entry.down.iter().flat_map(|down| &down.units);
    let names = down.map(|stopped| &stopped.unit).chain([&entry.unit]);
    let missing: Vec<UnitName> = names
        .filter(|name| facts.of(name).is_none())
        .cloned()
        .collect();
    facts
        .related
        .extend(machine.units(&missing, Depth::Relations)?);
    Ok(())
}

fn life() -> Life {
    Life {
        boot_id: "simulated".to_owned(),
        pid_namespace: 0,
        init_started: 0,
        userspace: None,
    }
}
