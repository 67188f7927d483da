//! rcpolicy inside the model: what it observes, decides and plans is the real code, carried out on
//! the simulated init with the ledger in memory. Nothing of the real machine is read or changed.

use std::collections::BTreeMap;

use crate::decide::{Decided, Part, Step, decide, ledger_services, plan_all};
use crate::domain::{Facts, HelperAnswer, JobOutcome, Life, Request, ServiceName, UnitFacts, Wait};
use crate::init::related::related;
use crate::init::simulated::Simulated;
use crate::init::{Depth, Init, InitError};
use crate::ledger::{Entry, Event, after};
use crate::policy::{Origin, Policy, Tier, parse};

/// rcpolicy with a policy and a ledger of its own.
pub(super) struct Tool {
    policy: Policy,
    ledger: BTreeMap<ServiceName, Entry>,
}

impl Tool {
    /// With the one policy file `text`.
    pub(super) fn new(text: &str) -> Self {
        let parsed = parse("simulate.toml", Tier::Admin, text);
        Self {
            policy: Policy::new(Origin::Current, vec![parsed.file], parsed.problems),
            ledger: BTreeMap::new(),
        }
    }

    /// Does what a maintainer script asks for.
    pub(super) fn ask(
        &mut self,
        machine: &mut Simulated,
        request: &Request,
    ) -> Result<(), InitError> {
        let facts = observe(machine, request)?;
        let mut services = ledger_services(&facts).into_iter();
        let owed = services.find_map(|service| self.ledger.get(&service).cloned());
        let owed = owed.as_ref();
        let decision = decide(request, &facts, &self.policy, owed);
        let decided = Decided {
            request,
            facts: &facts,
            decision: &decision,
            owed,
            part: Part::Named,
        };
        let mut all_done = true;
        for step in plan_all(&[decided], &self.policy).steps(Wait::Done) {
            match step {
                Step::Record(entry) => self.record(*entry),
                Step::Hold(unit) => machine.hold(&unit)?,
                Step::Release(unit) => machine.release(&unit)?,
                Step::Jobs { jobs, wait } => {
                    let outcomes = machine.run(&jobs, wait)?;
                    all_done &= outcomes.iter().all(|one| *one == JobOutcome::Done);
                }
                Step::Strike(service) if all_done => {
                    self.ledger.remove(&service);
                }
                Step::Leave(entry) if all_done => {
                    self.ledger.insert(entry.service.clone(), *entry);
                }
                Step::Strike(_) | Step::Leave(_) => {}
            }
        }
        Ok(())
    }

    fn record(&mut self, entry: Entry) {
        let service = entry.service.clone();
        let before = self.ledger.remove(&service);
        if let Some(entry) = after(before, Event::Noted(Box::new(entry))) {
            self.ledger.insert(service, entry);
        }
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

fn life() -> Life {
    Life {
        boot_id: "simulated".to_owned(),
        pid_namespace: 0,
        init_started: 0,
        userspace: None,
    }
}
