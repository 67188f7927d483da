//! Restarting services that did not come back on a bus: each is decided like any restart, and what is allowed
//! is asked of the init at once, which orders it by the units' dependencies.

use std::ffi::OsString;

use crate::decide::{Plan, also_asked, plan_all};
use crate::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Job, JobOutcome, Phase, Request,
    Scope, UnitFacts, UnitName, Verb, Verdict, Wait,
};
use crate::front::perform::{self, Case};
use crate::init::related::related;
use crate::ledger::Entry;
use crate::observe::helper::Output;

use super::crossing::Crossing;

/// Whether policy-rc.d is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// As for any restart.
    Yes,
    /// Not where nothing is to be done: it may do anything.
    No,
}

/// Whether what rules put off is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deferral {
    Heeded,
    /// `--all`, or somebody asked for this very restart.
    PassedOver,
}

/// How a restart is decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) asking: Asking,
    pub(super) deferral: Deferral,
}

impl Crossing<'_> {
    /// Decides about a restart of `unit`.
    ///
    /// # Errors
    /// Why that could not be decided: then it must not be done.
    pub(super) fn judge(&mut self, unit: &UnitFacts, terms: Terms) -> Result<Case, String> {
        let request = self.request(&unit.id, terms.deferral);
        let related =
            related(&mut self.init, unit, &request.action).map_err(|error| error.to_string())?;
        let machine = crate::domain::Known::default();
        let unseen = self.session.unseen(&request, InitKind::Systemd, machine);
        let mut facts = Facts {
            unit: unit.clone(),
            related,
            ..unseen
        };
        let owed = self.session.owed_to(&unit.id.service());
        if terms.asking == Asking::Yes && self.scope == Scope::System {
            self.ask_for(&request, owed.as_ref(), &mut facts)?;
        }
        let mut case = self.session.decide(request, facts, owed);
        case.request.front = FrontEnd::Rcpolicy;
        Ok(case)
    }

    /// Nobody has named a client that is restarted because it did not come back: rules for what is not
    /// asked for by a person hold, as in a trigger. Of us it is taken that a flush asks, which is what
    /// everything is put off until.
    fn request(&self, unit: &UnitName, deferral: Deferral) -> Request {
        let (front, phase) = match deferral {
            Deferral::Heeded => (FrontEnd::InvokeRcD, Phase::Trigger),
            Deferral::PassedOver => (FrontEnd::Rcpolicy, Phase::None),
        };
        Request {
            front,
            named: unit.service().to_string(),
            unit: unit.clone(),
            action: Action::Restart,
            flags: Vec::new(),
            scope: self.scope,
            context: Context {
                phase,
                ..self.session.context.clone()
            },
        }
    }

    /// Asks policy-rc.d about the restart, and about all that it would start.
    fn ask_for(
        &self,
        request: &Request,
        owed: Option<&Entry>,
        facts: &mut Facts,
    ) -> Result<(), String> {
        facts.helper = self.ask(&request.unit, &request.action)?;
        for (unit, action) in also_asked(request, facts, owed) {
            let answer = self.ask(&unit, &action)?;
            facts.helper_related.push((unit, answer));
        }
        Ok(())
    }

    fn ask(&self, unit: &UnitName, action: &Action) -> Result<HelperAnswer, String> {
        let helper = perform::helper(&self.session.policy);
        let words = [unit.service().to_string(), action.as_str().to_owned()];
        let words = words.into_iter().chain(self.level.clone());
        let words: Vec<OsString> = words.map(OsString::from).collect();
        let answer = helper.ask(&words, Output::Read);
        answer
            .map(|(answer, _)| answer)
            .map_err(|error| error.to_string())
    }

    /// Restarts the bus itself, which `case` was decided about, and nothing with it. A restart of the
    /// bus that was owed is not any more.
    ///
    /// # Errors
    /// Why it is not known to be restarted.
    pub(super) fn renew(&mut self, case: &Case) -> Result<(), String> {
        let Plan {
            leaves, strikes, ..
        } = plan_all(&[case.decided()], &self.session.policy);
        let plan = Plan {
            main: vec![Job::new(Verb::Restart, case.facts.unit.id.clone())],
            leaves,
            strikes,
            ..Plan::default()
        };
        let ledger = self.session.ledger.as_ref();
        let done = self
            .session
            .carry_out(&plan, Wait::Done, &mut self.init, ledger)
            .map_err(|error| error.to_string())
            .and_then(|report| match report.failures().next() {
                None => Ok(()),
                Some((job, failure)) => {
                    Err(format!("{} of {} failed: {failure}", job.verb, job.unit))
                }
            });
        let (words, status) = match &done {
            Ok(()) => ("done", 0),
            Err(why) => (why.as_str(), 1),
        };
        self.session.log_outcome(case, words, Some(status));
        done
    }

    /// Restarts all of `cases`, asked for before the first is awaited; why one is not restarted, in
    /// their order.
    pub(super) fn restart(&mut self, cases: &mut [Case]) -> Vec<Option<String>> {
        let result = self.session.act(&mut self.init, cases, Wait::Done);
        let failed = |case: &Case| match &result {
            Err(error) => Some(error.to_string()),
            Ok(report) => match report.of(&case.facts.unit.id) {
                Some((_, JobOutcome::Failed(failure))) => Some(failure.to_string()),
                Some((_, JobOutcome::Done | JobOutcome::Queued)) => None,
                None => Some(perform::why(&case.decision)),
            },
        };
        let failures: Vec<Option<String>> = cases.iter().map(failed).collect();
        for (case, failure) in cases.iter().zip(&failures) {
            let words = failure.as_deref().unwrap_or("done");
            let status = u8::from(failure.is_some());
            self.session.log_outcome(case, words, Some(status));
        }
        failures
    }
}

/// What a decision makes of a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leave {
    /// It may be done.
    Given,
    /// It is put off, and noted down as owed where a ledger is kept; why.
    Later(String),
    /// Not at all; why.
    Withheld(String),
}

/// Whether what was decided is a restart.
pub(super) fn leave(case: &Case) -> Leave {
    let why = || perform::why(&case.decision);
    match &case.decision.verdict {
        // Why it is to be restarted is no file of its own.
        Verdict::Run(Action::Restart) | Verdict::Restart | Verdict::IfStale => Leave::Given,
        Verdict::Defer { .. } => Leave::Later(why()),
        Verdict::Run(_)
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Reload
        | Verdict::Hold
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_)
        | Verdict::Nothing => Leave::Withheld(why()),
    }
}
