//! rcpolicy inside the model: what it observes, decides and plans is the real code, carried out on
//! the simulated init with the ledger in memory. Nothing of the real machine is read or changed.

use std::collections::BTreeMap;

use crate::decide::{Decided, Part, Payment, Step, payment, plan_all};
use crate::domain::{
    Action, Context, Decision, FrontEnd, Job, JobOutcome, Request, Scope, UnitName, Wait,
};
use crate::init::simulated::Simulated;
use crate::init::{Init, InitError};
use crate::ledger::{Entry, Event, after};
use crate::policy::{Origin, Policy, Tier, parse};

use super::company::with_company;
use super::considered::{Considered, GoesBy};

/// rcpolicy with a policy and a ledger of its own.
#[derive(Debug)]
pub struct Tool {
    goes_by: GoesBy,
}

/// What came of a call.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// Each unit that was named, and what was decided about it.
    pub decided: Vec<(UnitName, Decision)>,
    /// The jobs that were asked of the init, and how each ended.
    pub jobs: Vec<(Job, JobOutcome)>,
}

impl Tool {
    /// With the one policy file `text`.
    pub(super) fn new(text: &str) -> Self {
        let parsed = parse("simulate.toml", Tier::Admin, text);
        Self::with(Policy::new(
            Origin::Current,
            vec![parsed.file],
            parsed.problems,
        ))
    }

    /// With this policy, and nothing owed.
    pub fn with(policy: Policy) -> Self {
        Self {
            goes_by: GoesBy {
                policy,
                ledger: BTreeMap::new(),
            },
        }
    }

    /// What is owed.
    pub fn owed(&self) -> impl Iterator<Item = &Entry> {
        self.goes_by.owed()
    }

    /// Does what one call asks for, of one unit or several.
    ///
    /// # Errors
    /// When the init cannot be asked, which the simulated one always can.
    pub fn ask(
        &mut self,
        machine: &mut Simulated,
        requests: &[Request],
    ) -> Result<Answered, InitError> {
        let mut all = Vec::new();
        for request in requests {
            let considered = self
                .goes_by
                .consider(machine, request.clone(), Part::Named)?;
            all.extend(with_company(&self.goes_by, machine, considered)?);
        }
        self.carry_out(machine, &all)
    }

    /// Pays what waits for no more than the end of the package operations.
    ///
    /// # Errors
    /// As `ask`.
    pub fn flush(&mut self, machine: &mut Simulated) -> Result<Answered, InitError> {
        let due: Vec<Entry> = self.goes_by.ledger.values().cloned().collect();
        let mut all = Vec::new();
        for entry in due.iter().filter(|entry| entry.waits_for_batch()) {
            match payment(entry) {
                Payment::Act(action) => {
                    let request = paying(entry, action);
                    all.push(self.goes_by.consider(machine, request, Part::Named)?);
                }
                Payment::NextStart => {}
                Payment::Nothing => drop(self.goes_by.ledger.remove(&entry.service)),
            }
        }
        self.carry_out(machine, &all)
    }

    fn carry_out(
        &mut self,
        machine: &mut Simulated,
        all: &[Considered],
    ) -> Result<Answered, InitError> {
        let decided: Vec<Decided<'_>> = all.iter().map(Considered::decided).collect();
        let mut answered = Answered::default();
        let mut all_done = true;
        for step in plan_all(&decided, &self.goes_by.policy).steps(Wait::Done) {
            match step {
                Step::Record(entry) => self.record(*entry),
                Step::Hold(unit) => machine.hold(&unit)?,
                Step::Release(unit) => machine.release(&unit)?,
                Step::Jobs { jobs, wait } => {
                    let outcomes = machine.run(&jobs, wait)?;
                    all_done &= outcomes.iter().all(|one| *one == JobOutcome::Done);
                    answered.jobs.extend(jobs.into_iter().zip(outcomes));
                }
                Step::Strike(service) if all_done => {
                    self.goes_by.ledger.remove(&service);
                }
                Step::Leave(entry) if all_done => {
                    self.goes_by.ledger.insert(entry.service.clone(), *entry);
                }
                Step::Strike(_) | Step::Leave(_) => {}
            }
        }
        let units = all.iter().map(|one| one.facts.unit.id.clone());
        let decisions = all.iter().map(|one| one.decision.clone());
        answered.decided = units.zip(decisions).collect();
        Ok(answered)
    }

    fn record(&mut self, entry: Entry) {
        let service = entry.service.clone();
        let before = self.goes_by.ledger.remove(&service);
        if let Some(entry) = after(before, Event::Noted(Box::new(entry))) {
            self.goes_by.ledger.insert(service, entry);
        }
    }
}

/// The request that pays `entry`, in the name of who is owed.
fn paying(entry: &Entry, action: Action) -> Request {
    let caller = &entry.who.caller;
    Request {
        front: FrontEnd::Rcpolicy,
        named: entry.service.to_string(),
        unit: entry.unit.clone(),
        action,
        flags: Vec::new(),
        scope: Scope::System,
        context: Context {
            package: caller.package.clone(),
            script: caller.script.clone(),
            phase: caller.phase,
            batch_started: None,
            batch_began: None,
        },
    }
}
