//! What a plan is made of: the request it is for, its stages, and the steps that `act` carries out in
//! order. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{Decision, Facts, Job, Request, ServiceName, UnitKind, UnitName, Verb, Wait};
use crate::ledger::{Entry, merge};

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
    /// Put this in place of the note: what is left of it.
    Leave(Box<Entry>),
    /// Strike the note about the service: what it promised is there again.
    Strike(ServiceName),
}

/// All that has to be done, in stages.
#[must_use]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Notes that nobody will act on any more, struck before anything else.
    pub forgets: Vec<ServiceName>,
    /// Notes to write before anything is stopped.
    pub records: Vec<Entry>,
    /// Units kept from D-Bus activation.
    pub holds: Vec<UnitName>,
    /// Stopped together: triggers first, all asked for before the first is awaited.
    pub stops: Vec<Job>,
    /// Holds taken away again.
    pub releases: Vec<UnitName>,
    /// What was asked for, with the triggers that come back: those first.
    pub main: Vec<Job>,
    /// Places in the order of their groups, from 0: what has a higher one is asked for once all with
    /// lower ones have ended. What stands in no group has none, and counts as the first.
    pub places: BTreeMap<UnitName, usize>,
    /// What had fallen with the triggers.
    pub after: Vec<Job>,
    /// What is left of notes that are settled in part when all of this succeeded.
    pub leaves: Vec<Entry>,
    /// Notes that are settled when all of this succeeded.
    pub strikes: Vec<ServiceName>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The steps in their order; `wait` is for what was asked for.
    pub fn steps(&self, wait: Wait) -> Vec<Step> {
        let jobs = |jobs: &[Job], wait| {
            (!jobs.is_empty()).then(|| Step::Jobs {
                jobs: jobs.to_vec(),
                wait,
            })
        };
        let records = self
            .records
            .iter()
            .cloned()
            .map(|entry| Step::Record(Box::new(entry)));
        // A call that gets through must not wake the service before its sockets are there.
        let early = |job: &&Job| !self.releases.is_empty() && job.unit.kind() == UnitKind::Socket;
        let first: Vec<Job> = self.main.iter().filter(early).cloned().collect();
        let main = self.main.iter().filter(|job| !early(job));
        let main = self.in_their_places(main).into_iter();
        let forgets = self.forgets.iter().cloned().map(Step::Strike);
        forgets
            .chain(records)
            .chain(self.holds.iter().cloned().map(Step::Hold))
            .chain(jobs(&self.stops, Wait::Done))
            .chain(jobs(&first, Wait::Done))
            .chain(self.releases.iter().cloned().map(Step::Release))
            .chain(main.filter_map(|main| jobs(&main, wait)))
            .chain(jobs(&self.after, Wait::Done))
            .chain(self.leaves.iter().cloned().map(Box::new).map(Step::Leave))
            .chain(self.strikes.iter().cloned().map(Step::Strike))
            .collect()
    }

    /// Jobs that can be asked for together, one list for each place.
    fn in_their_places<'a>(&self, jobs: impl Iterator<Item = &'a Job>) -> Vec<Vec<Job>> {
        let mut lists: BTreeMap<usize, Vec<Job>> = BTreeMap::new();
        for job in jobs {
            let place = self.places.get(&job.unit).copied().unwrap_or_default();
            lists.entry(place).or_default().push(job.clone());
        }
        lists.into_values().collect()
    }

    pub(super) fn absorb(&mut self, other: Self) {
        for entry in other.records {
            match self.records.iter_mut().find(|r| r.service == entry.service) {
                Some(known) => *known = merge(known.clone(), entry),
                None => self.records.push(entry),
            }
        }
        push_new(&mut self.forgets, other.forgets);
        push_new(&mut self.holds, other.holds);
        push_new(&mut self.releases, other.releases);
        push_new(&mut self.strikes, other.strikes);
        for entry in other.leaves {
            // A trigger leaves more of a note than its service does, and fails no sooner.
            if !self.leaves.iter().any(|l| l.service == entry.service) {
                self.leaves.push(entry);
            }
        }
        for (mine, theirs) in [
            (&mut self.stops, other.stops),
            (&mut self.main, other.main),
            (&mut self.after, other.after),
        ] {
            theirs.into_iter().for_each(|job| push_job(mine, job));
        }
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !list.contains(&one) {
            list.push(one);
        }
    }
}

/// A unit stands once in a list, with a verb that does what both would.
pub(super) fn push_job(jobs: &mut Vec<Job>, job: Job) {
    match jobs.iter_mut().find(|known| known.unit == job.unit) {
        Some(known) => known.verb = both(known.verb, job.verb),
        None => jobs.push(job),
    }
}

fn both(one: Verb, other: Verb) -> Verb {
    match (one, other) {
        (one, other) if one == other => one,
        (Verb::Restart, _) | (_, Verb::Restart) => Verb::Restart,
        (Verb::Start, Verb::TryRestart) | (Verb::TryRestart, Verb::Start) => Verb::Restart,
        (Verb::Start, Verb::Reload) | (Verb::Reload, Verb::Start) => Verb::Start,
        (Verb::TryRestart, _) | (_, Verb::TryRestart) => Verb::TryRestart,
        (Verb::ReloadOrRestart, _) | (_, Verb::ReloadOrRestart) => Verb::ReloadOrRestart,
        (one, _) => one,
    }
}

/// One decided request, with what it was decided on.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What was observed.
    pub facts: &'a Facts,
    /// What was decided.
    pub decision: &'a Decision,
    /// What the ledger holds for it.
    pub owed: Option<&'a Entry>,
    /// Why it takes part.
    pub part: Part,
}

/// Why a service takes part in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// It is what was asked for.
    #[default]
    Named,
    /// As a member of a group, or an instance of a template, that was asked for. A script may never name
    /// it: what its stop takes down, itself included, is noted and comes back as it was.
    Along,
}
