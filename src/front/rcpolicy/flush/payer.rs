//! Paying one entry: may its package's services be touched, what is to be done, what do the policies
//! say now, and is the promised state there afterwards. Only then the entry is struck.

use std::cell::Cell;
use std::ffi::OsString;

use crate::decide::stock::status;
use crate::decide::{Payment, also_asked, payment};
use crate::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Manner, Request, Scope, UnitName,
};
use crate::failpoint::{Point, reach};
use crate::front::local::Level;
use crate::front::perform::{self, Case, Session, one_unit};
use crate::front::unconfigured::inconsistent;
use crate::init::{Depth, Init};
use crate::ledger::{Entry, Failed};
use crate::observe::dpkg::Unconfigured;
use crate::observe::helper::{HelperError, Output};

use crate::front::rcpolicy::Place;

use super::occasion::Occasion;

/// What pays.
pub(super) enum Means<'a> {
    /// An init that takes jobs.
    Init(&'a mut dyn Init),
    /// Init scripts.
    Scripts(InitKind),
}

impl Means<'_> {
    /// The clock that the init's times are told by, in microseconds.
    pub(super) fn clock(&self) -> Option<u64> {
        match self {
            Self::Init(init) => Some(init.clock()),
            Self::Scripts(_) => None,
        }
    }
}

/// What became of an entry.
#[derive(Debug)]
pub(super) enum Paid {
    /// Nothing is owed any more; what was done.
    Done(String),
    /// Still owed, and why: a person's doing, or a policy's.
    Kept(String),
    /// Still owed, and what it waits for: that comes by itself.
    Waits(String),
    /// Still owed: it was tried and failed, so often in a row; why.
    Tried(u32, String),
    /// Not owed now: it comes back with the next start.
    Left(String),
    /// It cannot be done any more, and is not owed any more; why.
    Failed(String),
}

/// What is left of an entry.
pub(super) enum Looked {
    /// This is still to be done.
    Due(Box<Entry>),
    /// Nothing, now.
    Over(Paid),
    /// What was asked for is still under way.
    UnderWay,
}

/// Whether what is under way is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// For a while.
    Some,
    /// Not now: there is other work to do.
    None,
}

/// Why an action did not pay.
pub(super) enum Unpaid {
    /// It was tried and failed: the next of its list is tried.
    Failed(String),
    /// It may not be done, or nobody knows whether it may: nor is what comes after it in its list.
    Refused(String),
}

impl From<String> for Unpaid {
    fn from(why: String) -> Self {
        Self::Refused(why)
    }
}

/// Whether an action stands in a list that takes the place of the one that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// No: it is the one.
    No,
    /// policy-rc.d's: that is its answer, and it is not asked about each of them.
    ByHelper,
    /// A rule's: policy-rc.d is asked about each of them.
    ByRule,
}

impl Listed {
    /// Where the list comes from that `case` was decided to be.
    pub(super) fn of(case: &Case) -> Self {
        match &case.facts.helper {
            HelperAnswer::Said { status, .. } if *status == status::FALLBACK => Self::ByHelper,
            HelperAnswer::Said { .. } | HelperAnswer::Absent => Self::ByRule,
        }
    }
}

/// As what the init script of a service is run whose init does not know it: Upstart has no job for it,
/// or systemd, from 260 on, no unit.
pub(super) fn script_under(init: &mut dyn Init, entry: &Entry) -> Option<InitKind> {
    let unit = one_unit(init, &entry.unit, Depth::State).ok()?;
    let kind = init.kind();
    match kind.manner() {
        Manner::Jobs | Manner::Services => unit.is_missing().then(|| kind.of_scripts()),
        Manner::Units | Manner::Scripts => unit.is_script_only().then_some(InitKind::Systemd),
    }
}

/// Tries one action after the other until one pays, as invoke-rc.d does.
pub(super) fn in_turn(
    actions: &[String],
    mut attempt: impl FnMut(&Action) -> Result<Paid, Unpaid>,
) -> Result<Paid, Unpaid> {
    let mut failed: Vec<String> = Vec::new();
    for word in actions {
        match attempt(&Action::parse(word)) {
            Ok(paid) => return Ok(paid),
            Err(Unpaid::Failed(why)) => failed.push(why),
            Err(Unpaid::Refused(why)) => {
                failed.push(why);
                return Err(Unpaid::Refused(failed.join("; ")));
            }
        }
    }
    match failed.as_slice() {
        [] => Err("there is no action to take instead".to_owned().into()),
        failed => Err(Unpaid::Failed(failed.join("; "))),
    }
}

/// Pays entries.
pub(super) struct Payer<'a> {
    pub(super) session: Session,
    pub(super) unconfigured: Unconfigured,
    pub(super) place: &'a Place,
    /// The runlevel, where somebody could tell it: policy-rc.d is told it as invoke-rc.d does.
    pub(super) level: Option<Level>,
    /// The time by the init's clock, in microseconds, at the last look.
    pub(super) clock: Cell<u64>,
}

/// Whether both are one debt, as far as it was paid or tried: nothing was asked for since.
fn is_same_debt(noted: &Entry, entry: &Entry) -> bool {
    let asked = |entry: &Entry| {
        let owed = entry.owed.as_ref();
        (
            owed.map(|owed| (owed.due, owed.at)),
            entry.who.clone(),
            entry.when,
        )
    };
    // What was only kept running is noted as a restart when that begins.
    let begun = noted.owed.as_ref();
    let begun = begun.is_some_and(|owed| owed.at.is_none() && owed.begun.is_some());
    let was_begun = entry.owed.is_none() && begun;
    let whose = |entry: &Entry| (entry.who.clone(), entry.when);
    asked(noted) == asked(entry) || was_begun && whose(noted) == whose(entry)
}

impl Payer<'_> {
    /// Why `entry` is not paid now, whatever it says.
    pub(super) fn waits(&self, entry: &Entry, occasion: Occasion<'_>) -> Option<Paid> {
        if let Some(why) = inconsistent(&self.unconfigured, entry) {
            return Some(Paid::Waits(why));
        }
        let failed = entry.failed.as_ref()?;
        let most = self.session.policy.settings().flush_tries;
        let enough = occasion.is_batch_end() && failed.tries >= most;
        enough.then(|| {
            let (tries, why) = (failed.tries, &failed.why);
            Paid::Kept(format!(
                "it failed {tries} times, and is left to `rcpolicy flush`: {why}"
            ))
        })
    }

    /// The action that pays `entry`, or what becomes of it where none does.
    pub(super) fn action(&self, entry: &Entry) -> Result<Action, Paid> {
        match payment(entry) {
            Payment::Act(action) => Ok(action),
            Payment::NextStart => {
                let why = "it was stopped by hand; its next start brings all of it back";
                Err(Paid::Left(why.to_owned()))
            }
            Payment::Nothing => Err(self.strike(entry, None, "nothing was owed")),
        }
    }

    /// Pays `entry` by its init script.
    pub(super) fn pay_by_script(&self, kind: InitKind, entry: &Entry) -> Paid {
        let paid = match self.action(entry) {
            Ok(action) => self.by_script(kind, entry, &action),
            Err(paid) => return paid,
        };
        paid.unwrap_or_else(|unpaid| self.unpaid(entry, unpaid))
    }

    /// What becomes of `entry` where an action did not pay it: a try that failed is counted.
    pub(super) fn unpaid(&self, entry: &Entry, unpaid: Unpaid) -> Paid {
        match unpaid {
            Unpaid::Refused(why) => Paid::Kept(why),
            Unpaid::Failed(why) => self.note_failure(entry, why),
        }
    }

    /// Notes that `entry` was tried and failed.
    pub(super) fn note_failure(&self, entry: &Entry, why: String) -> Paid {
        let tries = entry.failed.as_ref().map_or(0, |failed| failed.tries);
        let failed = Failed {
            tries: tries.saturating_add(1),
            why: why.clone(),
            when: self.session.now,
            at: self.clock.get(),
        };
        let tries = failed.tries;
        // What cannot be counted is tried once more than it need be.
        let _noted = self.change(entry, |noted| {
            noted.failed = Some(failed);
            if let Some(owed) = &mut noted.owed {
                owed.begun = None;
            }
        });
        Paid::Tried(tries, why)
    }

    /// Changes what is noted, where that is still the debt that `entry` is. What is noted then.
    pub(super) fn change(&self, entry: &Entry, change: impl FnOnce(&mut Entry)) -> Option<Entry> {
        let ledger = self.session.ledger.as_ref()?;
        let mut locked = ledger.lock().ok()?;
        let noted = locked.current(&entry.service).ok()??;
        if !is_same_debt(&noted, entry) {
            return None;
        }
        let mut changed = noted.clone();
        change(&mut changed);
        let paid = locked.pay(&noted, Some(&changed)).ok()?;
        paid.then_some(changed)
    }

    /// The request that pays, in the name of who is owed.
    pub(super) fn request(&self, entry: &Entry, action: &Action) -> Request {
        Request {
            front: FrontEnd::Rcpolicy,
            named: entry.service.to_string(),
            unit: entry.unit.clone(),
            action: action.clone(),
            flags: Vec::new(),
            scope: Scope::System,
            context: Context {
                package: entry.who.caller.package.clone(),
                script: entry.who.caller.script.clone(),
                phase: entry.who.caller.phase,
                // What was stopped before is told from the ledger.
                batch_started: None,
                batch_began: None,
            },
        }
    }

    /// Decides, with policy-rc.d's answers where it is to be asked.
    pub(super) fn decide(
        &self,
        request: Request,
        mut facts: Facts,
        entry: &Entry,
        listed: Listed,
    ) -> Result<Case, String> {
        let owed = Some(entry.clone());
        if listed != Listed::ByHelper {
            self.ask_for(&request, entry, &mut facts)?;
        }
        Ok(match listed {
            Listed::No => self.session.decide(request, facts, owed),
            Listed::ByHelper | Listed::ByRule => self.session.decide_listed(request, facts, owed),
        })
    }

    /// Asks policy-rc.d about the action on the service and about all that it would start.
    fn ask_for(&self, request: &Request, entry: &Entry, facts: &mut Facts) -> Result<(), String> {
        facts.helper = self.ask(entry, &request.unit, &request.action)?;
        for (unit, action) in also_asked(request, facts, Some(entry)) {
            let answer = self.ask(entry, &unit, &action)?;
            facts.helper_related.push((unit, answer));
        }
        Ok(())
    }

    /// Asks in the words of the tool that the note came by.
    fn ask(&self, entry: &Entry, unit: &UnitName, action: &Action) -> Result<HelperAnswer, String> {
        let answer = self.ask_helper(entry, unit, action.as_str());
        answer.map_err(|error| error.to_string())
    }

    pub(super) fn ask_helper(
        &self,
        entry: &Entry,
        unit: &UnitName,
        action: &str,
    ) -> Result<HelperAnswer, HelperError> {
        let mut helper = perform::helper(&self.session.policy);
        helper.path = self.place.path(&helper.path).display().to_string();
        let name = match entry.who.front {
            Some(FrontEnd::DebSystemdInvoke) => unit.to_string(),
            Some(FrontEnd::InvokeRcD | FrontEnd::Rcpolicy) | None => unit.service().to_string(),
        };
        let mut words: Vec<OsString> = vec![name.into(), action.into()];
        if entry.who.front != Some(FrontEnd::DebSystemdInvoke) {
            let level = self.level.as_ref().and_then(|level| level.name.as_ref());
            words.extend(level.map(OsString::from));
        }
        helper.ask(&words, Output::Read).map(|(answer, _)| answer)
    }

    /// Leaves `rest` of the entry, unless more was noted meanwhile.
    pub(super) fn strike(&self, entry: &Entry, rest: Option<&Entry>, done: &str) -> Paid {
        let Some(ledger) = &self.session.ledger else {
            return Paid::Kept("there is no ledger".to_owned());
        };
        reach(Point::Verified);
        let struck = ledger.lock().and_then(|mut locked| locked.pay(entry, rest));
        reach(Point::Struck);
        match struck {
            Ok(true) => Paid::Done(done.to_owned()),
            Ok(false) => Paid::Waits(format!("{done}, and more was noted meanwhile")),
            Err(error) => Paid::Kept(format!("{done}, but it cannot be struck: {error}")),
        }
    }
}
