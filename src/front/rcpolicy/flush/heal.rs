//! What our stop took down and nobody brought back, where what is owed to its service waits for longer: for
//! a person, or for the next boot. It comes back now as far as it can beside the service as it runs.

use crate::decide::{beside_running, plan_all};
use crate::domain::{Action, Decision, InitKind, Reason, Source, Verdict};
use crate::front::perform::{self, Case};
use crate::front::way;
use crate::init::Init;
use crate::ledger::{Down, Entry, Stopped};

use super::by_init::is_refused;
use super::by_script::{Judged, Note};
use super::debt::Debt;
use super::payer::{Paid, Payer, Unpaid, script_under};

impl Payer<'_> {
    /// Brings back what can come back of what `entry` says went down. `None` where nothing can for now.
    pub(super) fn heal(&self, init: &mut dyn Init, entry: &Entry) -> Option<Paid> {
        let mut part = entry.fallen()?;
        if let Some(kind) = script_under(init, &part) {
            return self.heal_by_script(kind, entry);
        }
        let mut debt = match Debt::observed(self, init, &part, &Action::Start) {
            Ok(debt) => debt,
            Err(error) => return Some(Paid::Waits(error.to_string())),
        };
        let runs = !debt.facts.unit.is_down();
        let mut waiting = Vec::new();
        if runs {
            let (now, later) = beside_running(&part, &debt.facts);
            if now.is_empty() {
                return None;
            }
            part.down = with_units(&part, now);
            (debt.entry, waiting) = (part, later);
        }
        let mut case = match debt.decided(self) {
            Ok(case) => case,
            Err(why) => return Some(Paid::Kept(why)),
        };
        if runs {
            // What triggers it does not hang on whether it may be started itself.
            let reason = Reason::new(Source::Ledger, "it runs, and what it is owed waits");
            case.decision = Decision::because(Verdict::Nothing, reason);
        }
        Some(self.bring_back(init, entry, &case, waiting))
    }

    /// Does it, and leaves of the note what is `waiting` and what may not come back.
    fn bring_back(
        &self,
        init: &mut dyn Init,
        entry: &Entry,
        case: &Case,
        waiting: Vec<Stopped>,
    ) -> Paid {
        if is_refused(&case.decision.verdict) {
            return Paid::Kept(perform::why(&case.decision));
        }
        let mut plan = plan_all(&[case.decided()], &self.session.policy);
        // Struck by us, and only where nothing was noted meanwhile.
        plan.strikes.clear();
        let left = std::mem::take(&mut plan.leaves).into_iter().next();
        let done = match self.carry_out_alone(init, case, &mut plan) {
            Ok(done) => done.unwrap_or_else(|| perform::why(&case.decision)),
            Err(why) => {
                self.log(case, &why, Some(1));
                return self.note_failure(entry, why);
            }
        };
        self.log(case, &done, Some(0));
        let kept = left.and_then(|left| left.down).map(|down| down.units);
        let kept = kept.into_iter().flatten().chain(waiting).collect();
        let rest = after(entry, case, kept);
        self.strike(entry, rest.as_ref(), &done)
    }

    /// The same of a service that only its init script knows: it is down itself, or nothing is.
    pub(super) fn heal_by_script(&self, kind: InitKind, entry: &Entry) -> Option<Paid> {
        let part = entry.fallen()?;
        let down = part.down.as_ref();
        let was_running = down.is_some_and(|down| down.service_was_running == Some(true));
        if !was_running && !part.went_along() {
            return None;
        }
        let rest = Entry {
            down: None,
            ..entry.clone()
        };
        let paid = self.start_by_script(kind, entry, (&part, &rest));
        Some(paid.unwrap_or_else(|unpaid| self.unpaid(entry, unpaid)))
    }

    fn start_by_script(
        &self,
        kind: InitKind,
        entry: &Entry,
        (part, rest): (&Entry, &Entry),
    ) -> Result<Paid, Unpaid> {
        let case = match self.judged(kind, part, &Action::Start, None)? {
            Judged::Over(done) => return Ok(self.strike(entry, Some(rest), &done)),
            Judged::Due(case) => case,
        };
        let way = way::of_invoke_rc_d(&case, case.request.action.as_str());
        let note = Note::part(entry, rest);
        self.run_script(note, &case, &way, &self.script(kind, entry))
    }
}

fn with_units(entry: &Entry, units: Vec<Stopped>) -> Option<Down> {
    entry.down.clone().map(|down| Down { units, ..down })
}

/// What is left of `entry` once all but `kept` is back.
fn after(entry: &Entry, case: &Case, kept: Vec<Stopped>) -> Option<Entry> {
    let down = match kept.as_slice() {
        [] => None,
        _ => with_units(entry, kept),
    };
    let rest = Entry {
        down,
        held: false,
        ..entry.clone()
    };
    let started = case.decision.verdict == Verdict::Run(Action::Start);
    match started && case.facts.unit.is_down() {
        // Nothing of what ran before is left that could be owed anything.
        true => rest.fallen(),
        false => Some(rest),
    }
}
