//! Paying one debt through an init that takes jobs, for itself: lists of fallbacks, stops, kills, and
//! what the init leaves to a script. What can be done together is in `together`.

use std::time::Duration;

use crate::act::{Bounds, kill};
use crate::decide::{Plan, plan_all, rest};
use crate::domain::{Action, FrontEnd, Job, Seen, UnitName, Verdict, Wait};
use crate::front::perform::{self, Case};
use crate::front::unconfigured::Configured;
use crate::front::way::{self, Way};
use crate::init::Init;
use crate::ledger::{Entry, Owed, Stopped};

use super::debt::Debt;
use super::payer::{Listed, Paid, Payer, Unpaid, in_turn};
use super::promise::unkept;

/// How long a service may take to be gone once all its processes were killed.
const DYING: Duration = Duration::from_secs(10);
/// How long the init may take to see that one without a main process is.
const EMPTIED: Duration = Duration::from_secs(1);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

impl Payer<'_> {
    /// Pays a debt that was decided to be paid for itself.
    pub(super) fn alone(&self, init: &mut dyn Init, entry: &Entry, case: &Case) -> Paid {
        let paid = match &case.decision.verdict {
            Verdict::FallBack(actions) => self.by_list(init, entry, case, actions),
            _ => self.attempt(init, entry, case),
        };
        paid.unwrap_or_else(|unpaid| self.unpaid(entry, unpaid))
    }

    fn by_list(
        &self,
        init: &mut dyn Init,
        entry: &Entry,
        case: &Case,
        actions: &[String],
    ) -> Result<Paid, Unpaid> {
        let most = match entry.who.front {
            // It takes the first action of a list and no other.
            Some(FrontEnd::DebSystemdInvoke) => 1,
            Some(FrontEnd::InvokeRcD | FrontEnd::Rcpolicy) | None => actions.len(),
        };
        let actions = actions.get(..most).unwrap_or(actions);
        in_turn(actions, |action| {
            let debt = Debt::observed(self, init, entry, action)?;
            let listed = self.decide(debt.request, debt.facts, entry, Listed::of(case))?;
            self.attempt(init, entry, &listed)
        })
    }

    /// Does what was decided, and strikes what that pays.
    fn attempt(&self, init: &mut dyn Init, entry: &Entry, case: &Case) -> Result<Paid, Unpaid> {
        if is_refused(&case.decision.verdict) {
            let why = perform::why(&case.decision);
            self.log(case, &format!("still owed: {why}"), Some(1));
            return Err(Unpaid::Refused(why));
        }
        if case.decision.verdict == Verdict::Run(Action::ForceStop) {
            return self.by_force(init, entry, case);
        }
        if let Some(word) = word_for_script(entry, case) {
            return self.by_own_script(entry, case, &word);
        }
        let (mut plan, left) = self.plan(case, entry);
        let noted = self.begin(entry, None, super::together::restarts(&plan, case));
        match self.carry_out_alone(init, case, &mut plan) {
            Ok(done) => {
                let done = match done {
                    Some(done) => case.with_age(done),
                    None => perform::why(&case.decision),
                };
                self.log(case, &done, Some(0));
                Ok(self.leave(&noted, left, &case.request.action, &done))
            }
            Err(why) => {
                self.log(case, &why, Some(1));
                Err(Unpaid::Failed(why))
            }
        }
    }

    /// Kills what runs of the service, which is no job.
    fn by_force(&self, init: &mut dyn Init, entry: &Entry, case: &Case) -> Result<Paid, Unpaid> {
        let unit = &case.facts.unit.id;
        match kill_and_see(init, unit) {
            Ok(done) => {
                let done = format!("{unit} {done}");
                self.log(case, &done, Some(0));
                Ok(self.leave(entry, None, &case.request.action, &done))
            }
            Err(why) => {
                let why = format!("force-stop of {unit} failed: {why}");
                self.log(case, &why, Some(1));
                Err(Unpaid::Failed(why))
            }
        }
    }

    /// What is to be done, and what of the note is left then.
    fn plan(&self, case: &Case, entry: &Entry) -> (Plan, Option<Entry>) {
        let mut plan = plan_all(&[case.decided()], &self.session.policy);
        // Struck by us, and only where nothing was noted meanwhile.
        plan.strikes.clear();
        let left = std::mem::take(&mut plan.leaves).into_iter().next();
        keep_owed(&mut plan, entry.owed.as_ref());
        (plan, left)
    }

    /// Does it and verifies it. What was done, `None` where nothing had to be.
    pub(super) fn carry_out_alone(
        &self,
        init: &mut dyn Init,
        case: &Case,
        plan: &mut Plan,
    ) -> Result<Option<String>, String> {
        let ledger = self.session.ledger_for(plan, init);
        let report = (self
            .session
            .carry_out(plan, Wait::Done, init, ledger.as_ref()))
        .map_err(|error| error.to_string())?;
        let mut wrong: Vec<String> = report
            .failures()
            .map(|(job, failure)| format!("{} of {} failed: {failure}", job.verb, job.unit))
            .collect();
        wrong.extend(report.warnings);
        let jobs = || plan.main.iter().chain(&plan.after);
        if wrong.is_empty() {
            let jobs: Vec<&Job> = jobs().collect();
            wrong = unkept(init, &jobs, &case.facts);
        }
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let stops = plan.stops.iter().filter(|_| plan.main.is_empty());
        let done: Vec<String> = stops
            .chain(jobs())
            .map(|job| format!("{} of {} done", job.verb, job.unit))
            .collect();
        Ok((!done.is_empty()).then(|| done.join(", ")))
    }

    /// Strikes what was paid; what was denied, or comes back with the next start, stays noted.
    pub(super) fn leave(
        &self,
        entry: &Entry,
        left: Option<Entry>,
        action: &Action,
        done: &str,
    ) -> Paid {
        if matches!(action, Action::Stop | Action::ForceStop) {
            // The stop itself has noted what it took down.
            let noted = self.session.owed_to(&entry.service);
            let noted = noted.unwrap_or_else(|| entry.clone());
            return self.strike(&noted, rest(&noted, action).as_ref(), done);
        }
        // A service that was left down has nothing that could be restarted or reloaded.
        let left = left.filter(|left| left.down.is_some());
        match (self.strike(entry, left.as_ref(), done), left) {
            (Paid::Done(done), Some(left)) => self.partly(&done, &left),
            (paid, _) => paid,
        }
    }

    /// What becomes of an entry of which `left` is still down: what dpkg has not configured can be started
    /// when it has.
    fn partly(&self, done: &str, left: &Entry) -> Paid {
        let configured = Configured::of(&self.unconfigured);
        let units = left.down.iter().flat_map(|down| &down.units);
        let (waiting, denied): (Vec<&Stopped>, Vec<&Stopped>) =
            units.partition(|stopped| stopped.dependent && configured.awaits(&stopped.unit));
        let names = |units: &[&Stopped]| {
            let names: Vec<&str> = units.iter().map(|stopped| stopped.unit.as_str()).collect();
            names.join(" ")
        };
        let mut why = vec![done.to_owned()];
        if !denied.is_empty() {
            why.push(format!("start of {} is denied", names(&denied)));
        }
        if waiting.is_empty() {
            return Paid::Kept(why.join("; "));
        }
        let waiting = names(&waiting);
        why.push(format!("{waiting} waits until its package is configured"));
        Paid::Waits(why.join("; "))
    }

    pub(super) fn log(&self, case: &Case, outcome: &str, status: Option<u8>) {
        self.session.log_outcome(case, outcome, status);
    }
}

/// Whether it may not be done, or not as one action.
pub(super) fn is_refused(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Deny | Verdict::Hold | Verdict::FallBack(_) | Verdict::Emulate(_) => true,
        Verdict::Nothing
        | Verdict::Run(_)
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Restart
        | Verdict::IfStale
        | Verdict::Reload
        | Verdict::Defer { .. } => false,
    }
}

/// Whether it is done together with what else is owed: a stop, a kill and what comes in turns are done for
/// themselves.
pub(super) fn is_paid_together(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Stop | Verdict::Quiesce => false,
        Verdict::Run(action) => !action.stops(),
        verdict => !is_refused(verdict),
    }
}

/// The word for the init script where that does what systemd cannot do: invoke-rc.d goes there too.
pub(super) fn word_for_script(entry: &Entry, case: &Case) -> Option<String> {
    if entry.who.front == Some(FrontEnd::DebSystemdInvoke) {
        return None;
    }
    match way::of_invoke_rc_d(case, case.request.action.as_str()) {
        Way::Script(word) => Some(word),
        Way::Denied
        | Way::Instead(_)
        | Way::Ends(_)
        | Way::Plan
        | Way::Note
        | Way::ShowStatus
        | Way::Kill
        | Way::Masked
        | Way::Foreign => None,
    }
}

/// Kills all of `unit`, and waits until the init has it down. What was done.
fn kill_and_see(init: &mut dyn Init, unit: &UnitName) -> Result<&'static str, String> {
    if look(init, unit)?.active.is_and(|state| state.is_down()) {
        return Ok("does not run");
    }
    kill(init, unit, &Bounds::default()).map_err(|error| error.to_string())?;
    let begun = init.clock();
    loop {
        let seen = look(init, unit)?;
        let passed = Duration::from_micros(init.clock().saturating_sub(begun));
        // One without a main process may stand for active with nothing left that runs.
        let empty = seen.main_pid == 0 && seen.active.is_and(|state| state.is_active());
        if seen.active.is_and(|state| state.is_down()) || empty && passed >= EMPTIED {
            return Ok("killed");
        }
        if passed >= DYING {
            return Err("it was killed, and still runs or runs again".to_owned());
        }
        init.pause(PAUSE);
    }
}

fn look(init: &mut dyn Init, unit: &UnitName) -> Result<Seen, String> {
    let seen = init.seen(std::slice::from_ref(unit));
    let mut seen = seen.map_err(|error| error.to_string())?;
    seen.pop().ok_or_else(|| "it cannot be seen".to_owned())
}

/// A stop notes down what it takes down, which cancels what was owed: but it is not done yet.
fn keep_owed(plan: &mut Plan, owed: Option<&Owed>) {
    for record in &mut plan.records {
        record.owed = owed.cloned();
    }
}
