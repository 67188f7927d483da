//! Whether a service that runs may be restarted because its definition changed: as the policies have it for
//! a restart in an upgrade, but for what they would make of one.

use crate::domain::{Action, Known, Phase, ServiceName, Until, Verdict};
use crate::front::local::GoingDown;
use crate::front::perform::{self, Case, ask_about};
use crate::init::Init;
use crate::ledger::{Due, Entry, Owed, Who};
use crate::policy::{Answer, Decide};

use super::debt::Debt;
use super::occasion::Occasion;
use super::payer::{Listed, Payer};

/// Who gives it.
pub(super) struct Leave<'a> {
    pub(super) payer: &'a Payer<'a>,
    pub(super) occasion: Occasion<'a>,
    pub(super) init: &'a mut dyn Init,
}

impl Leave<'_> {
    /// Nothing is begun on a machine that goes down.
    pub(super) fn is_going_down(&self) -> bool {
        let level = self.payer.level.as_ref();
        level.is_some_and(|level| level.going_down == GoingDown::Yes)
    }

    /// Whether somebody names it, or a rule of the admin's says what is to become of its restart: nobody else is
    /// heard then.
    pub(super) fn is_told(&self, service: &ServiceName) -> bool {
        if self.occasion.named().contains(service) {
            return true;
        }
        let Ok(entry) = self.entry(service, Due::Restart) else {
            return false;
        };
        let request = self.payer.request(&entry, &Action::Restart);
        let question = ask_about(&request, service, self.init.kind());
        let answer = self.payer.session.policy.ask(&question);
        matches!(answer, Answer::Rule(rule) if rule.tier.is_admins())
    }

    /// Whether its service, which runs, may be restarted for it: as for a restart that is owed.
    pub(super) fn may_restart(&mut self, service: &ServiceName) -> Result<Case, String> {
        let entry = self.entry(service, Due::Restart)?;
        // What is owed is paid whatever a rule put it off for, or made of it; this was never decided before.
        let request = self.payer.request(&entry, &Action::Restart);
        let question = ask_about(&request, service, self.init.kind());
        if let Answer::Rule(rule) = self.payer.session.policy.ask(&question) {
            match rule.decide {
                Decide::Defer(until) if !self.is_the_time(*until) => {
                    return Err(waits_for(*until).to_owned());
                }
                Decide::Reload => {
                    return Err("a rule has it reloaded and not restarted".to_owned());
                }
                Decide::Allow
                | Decide::Deny
                | Decide::Stop
                | Decide::Quiesce
                | Decide::Restart
                | Decide::IfStale
                | Decide::Defer(_)
                | Decide::Fallback(_) => {}
            }
        }
        let debt = Debt::observed(self.payer, self.init, &entry, &Action::Restart);
        let case = debt
            .map_err(|error| error.to_string())?
            .decided(self.payer)?;
        match self.allows(&case.decision.verdict) {
            true => Ok(case),
            false => Err(perform::why(&case.decision)),
        }
    }

    /// Whether its service may be started, whatever it does now: as for a start that is owed. Only who denies
    /// it is heard.
    pub(super) fn may_start(&mut self, service: &ServiceName) -> Result<(), String> {
        let entry = self.entry(service, Due::Start)?;
        let request = self.payer.request(&entry, &Action::Start);
        let (session, kind) = (&self.payer.session, self.init.kind());
        let facts = session.unseen(&request, kind, Known::default());
        let case = self.payer.decide(request, facts, &entry, Listed::No)?;
        match &case.decision.verdict {
            Verdict::Deny | Verdict::FallBack(_) => Err(perform::why(&case.decision)),
            Verdict::Run(_)
            | Verdict::Stop
            | Verdict::Quiesce
            | Verdict::Restart
            | Verdict::IfStale
            | Verdict::Reload
            | Verdict::Defer { .. }
            | Verdict::Hold
            | Verdict::Emulate(_)
            | Verdict::Nothing => Ok(()),
        }
    }

    /// What a changed definition owes its service.
    fn entry(&self, service: &ServiceName, due: Due) -> Result<Entry, String> {
        let Some(life) = self.payer.session.life() else {
            return Err("there is no running init".to_owned());
        };
        let mut who = Who::default();
        who.caller.phase = Phase::Upgrade;
        let (unit, now) = (service.unit(), self.payer.session.now);
        let mut entry = Entry::new(unit, life, who, now, "its stock definition changed");
        entry.owed = Some(Owed {
            due,
            until: Until::Batch,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
        Ok(entry)
    }

    /// A definition is only brought up to date by a restart: what comes instead of one leaves it.
    fn allows(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Run(action) => matches!(action, Action::Restart | Action::TryRestart),
            Verdict::Restart | Verdict::IfStale => true,
            Verdict::Defer { until, .. } => self.is_the_time(*until),
            Verdict::Stop
            | Verdict::Quiesce
            | Verdict::Reload
            | Verdict::Hold
            | Verdict::FallBack(_)
            | Verdict::Deny
            | Verdict::Emulate(_)
            | Verdict::Nothing => false,
        }
    }

    /// As with what is owed: what waits for the next boot is done for who is named.
    fn is_the_time(&self, until: Until) -> bool {
        match until {
            Until::Batch => !self.occasion.is_only_down(),
            Until::Flush => !self.occasion.is_batch_end(),
            Until::Reboot => !self.occasion.named().is_empty(),
        }
    }
}

/// Why nothing is done before `until`.
fn waits_for(until: Until) -> &'static str {
    match until {
        Until::Batch => "a rule defers its restart until package operations are over",
        Until::Flush => "a rule defers its restart until somebody calls `rcpolicy flush`",
        // No boot brings a definition up to date.
        Until::Reboot => {
            "a rule defers its restart until the next boot: `rcpolicy flush NAME` does it"
        }
    }
}
