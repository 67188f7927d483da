//! One request with all that belongs to it: what was observed and decided, who goes along with it, and
//! what came of it.

use crate::act::{ActError, Report};
use crate::decide::{Decided, Part};
use crate::domain::{Decision, Facts, JobOutcome, Request, Source};
use crate::ledger::Entry;

/// One request with all that belongs to it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) request: Request,
    pub(super) facts: Facts,
    pub(super) decision: Decision,
    pub(super) owed: Option<Entry>,
    /// Why it takes part.
    pub(super) part: Part,
    /// What its group is asked for because of it.
    pub(super) companions: Vec<Case>,
    /// What is to be said about its group.
    pub(super) company: Option<String>,
    /// What came of it, one line, once it was carried out.
    pub(super) outcome: Option<String>,
}

impl Case {
    /// A request that was named, and nobody goes along with.
    pub(super) fn new(
        request: Request,
        facts: Facts,
        decision: Decision,
        owed: Option<Entry>,
    ) -> Self {
        Self {
            request,
            facts,
            decision,
            owed,
            part: Part::Named,
            companions: Vec::new(),
            company: None,
            outcome: None,
        }
    }

    pub(super) fn decided(&self) -> Decided<'_> {
        Decided {
            request: &self.request,
            facts: &self.facts,
            decision: &self.decision,
            owed: self.owed.as_ref(),
            part: self.part,
        }
    }

    /// `done`, and what was found out about the service's age, where that was the reason for it.
    pub(super) fn with_age(&self, done: String) -> String {
        match self.age() {
            Some(age) => format!("{done} ({age})"),
            None => done,
        }
    }

    fn age(&self) -> Option<&str> {
        let aged = |source: &Source| matches!(source, Source::Staleness(_));
        let mut reasons = self.decision.reasons.iter();
        let reason = reasons.find(|reason| aged(&reason.source))?;
        Some(&reason.text)
    }

    /// Notes what came of it and of those that went along.
    pub(super) fn settle_on(&mut self, result: &Result<Report, ActError>) {
        self.outcome = match result {
            Ok(report) => match self.outcome_in(report) {
                Some(done) => Some(self.with_age(done)),
                None => self.age().map(str::to_owned),
            },
            Err(error) => Some(error.to_string()),
        };
        for companion in &mut self.companions {
            companion.settle_on(result);
        }
    }

    /// In one line; `None` where the verdict says it all.
    fn outcome_in(&self, report: &Report) -> Option<String> {
        let failed: Vec<String> = report
            .failures()
            .map(|(job, failure)| format!("{} of {} failed: {failure}", job.verb, job.unit))
            .collect();
        if !failed.is_empty() {
            return Some(failed.join("; "));
        }
        let (_, outcome) = report.of(&self.facts.unit.id)?;
        Some(match outcome {
            JobOutcome::Queued => "queued".to_owned(),
            JobOutcome::Done | JobOutcome::Failed(_) => "done".to_owned(),
        })
    }
}

/// All that take part in one plan: what was named, and then who goes along, each unit once.
pub(super) fn all_decided(cases: &[Case]) -> Vec<Decided<'_>> {
    let mut all: Vec<Decided<'_>> = cases.iter().map(Case::decided).collect();
    for companion in cases.iter().flat_map(|case| &case.companions) {
        let unit = &companion.facts.unit.id;
        if !all.iter().any(|one| one.facts.unit.id == *unit) {
            all.push(companion.decided());
        }
    }
    all
}
