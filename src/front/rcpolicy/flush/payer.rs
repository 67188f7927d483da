//! Paying one entry: may its package's services be touched, what is to be done, what do the policies
//! say now, and is the promised state there afterwards. Only then the entry is struck.

use std::ffi::OsString;

use crate::decide::stock::status;
use crate::decide::{Payment, also_asked, payment};
use crate::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Request, Scope, UnitName,
};
use crate::front::local::Level;
use crate::front::perform::{self, Case, Session, one_unit};
use crate::init::{Depth, Init};
use crate::ledger::Entry;
use crate::observe::dpkg::Unconfigured;
use crate::observe::helper::{HelperError, Output};
use crate::report::console::Console;

use crate::front::rcpolicy::Place;

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
pub(super) enum Paid {
    /// Nothing is owed any more; what was done.
    Done(String),
    /// Still owed, and why: a person's doing, or a policy's.
    Kept(String),
    /// Still owed, and what it waits for: that comes by itself.
    Waits(String),
    /// Not owed now: it comes back with the next start.
    Left(String),
    /// It was tried and failed, and is not tried again; why.
    Failed(String),
}

/// What is left of an entry.
pub(super) enum Looked {
    /// This is still to be done.
    Due(Box<Entry>),
    /// Nothing, now.
    Over(Paid),
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

impl Unpaid {
    /// In words.
    pub(super) fn why(self) -> String {
        match self {
            Self::Failed(why) | Self::Refused(why) => why,
        }
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
fn script_under(init: &mut dyn Init, entry: &Entry) -> Option<InitKind> {
    let unit = one_unit(init, &entry.unit, Depth::State).ok()?;
    match init.kind() {
        InitKind::Upstart => unit.is_missing().then_some(InitKind::Sysv),
        _ => unit.is_script_only().then_some(InitKind::Systemd),
    }
}

/// Tries one action after the other until one pays, as invoke-rc.d does.
pub(super) fn in_turn(
    actions: &[String],
    mut attempt: impl FnMut(&Action) -> Result<Paid, Unpaid>,
) -> Result<Paid, String> {
    let mut failed = Vec::new();
    for word in actions {
        match attempt(&Action::parse(word)) {
            Ok(paid) => return Ok(paid),
            Err(Unpaid::Failed(why)) => failed.push(why),
            Err(Unpaid::Refused(why)) => {
                failed.push(why);
                break;
            }
        }
    }
    Err(match failed.as_slice() {
        [] => "there is no action to take instead".to_owned(),
        failed => failed.join("; "),
    })
}

/// Pays entries.
pub(super) struct Payer<'a> {
    pub(super) session: Session,
    pub(super) unconfigured: Unconfigured,
    pub(super) place: &'a Place,
    /// The runlevel, where somebody could tell it: policy-rc.d is told it as invoke-rc.d does.
    pub(super) level: Option<Level>,
}

impl Payer<'_> {
    /// Pays `entry`, or says why not.
    pub(super) fn pay(
        &self,
        means: &mut Means<'_>,
        entry: &Entry,
        console: &mut Console<'_>,
    ) -> Paid {
        if let Some(why) = self.inconsistent(entry) {
            return Paid::Waits(why);
        }
        let script = match means {
            Means::Init(init) => script_under(*init, entry),
            Means::Scripts(kind) => Some(*kind),
        };
        let looked_back = match means {
            // Of what only a script knows, the init cannot tell what became of it.
            Means::Init(init) if script != Some(InitKind::Systemd) => {
                self.look_back(*init, entry, console)
            }
            Means::Init(_) | Means::Scripts(_) => Looked::Due(Box::new(entry.clone())),
        };
        let entry = match looked_back {
            Looked::Due(entry) => entry,
            Looked::Over(paid) => return paid,
        };
        let entry = &*entry;
        let action = match payment(entry) {
            Payment::Act(action) => action,
            Payment::NextStart => {
                let why = "it was stopped by hand; its next start brings all of it back";
                return Paid::Left(why.to_owned());
            }
            Payment::Nothing => return self.strike(entry, None, "nothing was owed"),
        };
        let paid = match (means, script) {
            (_, Some(kind)) => self.by_script(kind, entry, &action),
            (Means::Init(init), None) => self.by_init(*init, entry, &action),
            (Means::Scripts(kind), None) => self.by_script(*kind, entry, &action),
        };
        paid.unwrap_or_else(Paid::Kept)
    }

    /// Why the entry must wait for dpkg.
    fn inconsistent(&self, entry: &Entry) -> Option<String> {
        let asked_by = entry.who.caller.package.as_deref();
        let own = asked_by.and_then(|name| Some((name, self.unconfigured.state_of(name)?)));
        let (package, state) = own.or_else(|| self.unconfigured.owner_of(&entry.unit))?;
        Some(format!("its package {package} is {state}"))
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
        let mut helper = perform::helper(&self.session.policy);
        helper.path = self.place.path(&helper.path).display().to_string();
        let name = match entry.who.front {
            Some(FrontEnd::DebSystemdInvoke) => unit.to_string(),
            Some(FrontEnd::InvokeRcD | FrontEnd::Rcpolicy) | None => unit.service().to_string(),
        };
        let mut words: Vec<OsString> = vec![name.into(), action.as_str().into()];
        if entry.who.front != Some(FrontEnd::DebSystemdInvoke) {
            let level = self.level.as_ref().and_then(|level| level.name.as_ref());
            words.extend(level.map(OsString::from));
        }
        match helper.ask(&words, Output::Read) {
            Ok((answer, _)) => Ok(answer),
            Err(error @ (HelperError::Silent { .. } | HelperError::Flood { .. })) => {
                Err(error.to_string())
            }
        }
    }

    /// Leaves `rest` of the entry, unless more was noted meanwhile.
    pub(super) fn strike(&self, entry: &Entry, rest: Option<&Entry>, done: &str) -> Paid {
        let Some(ledger) = &self.session.ledger else {
            return Paid::Kept("there is no ledger".to_owned());
        };
        match ledger.lock().and_then(|mut locked| locked.pay(entry, rest)) {
            Ok(true) => Paid::Done(done.to_owned()),
            Ok(false) => Paid::Kept(format!("{done}, and more was noted meanwhile")),
            Err(error) => Paid::Kept(format!("{done}, but it cannot be struck: {error}")),
        }
    }
}
