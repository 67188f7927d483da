//! Paying one entry: may its package's services be touched, what is to be done, what do the policies
//! say now, and is the promised state there afterwards. Only then the entry is struck.

use std::ffi::OsString;

use crate::decide::{Payment, also_asked, payment};
use crate::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Request, Scope, UnitName,
};
use crate::front::perform::{self, Session};
use crate::init::Init;
use crate::ledger::Entry;
use crate::observe::dpkg::Unconfigured;
use crate::observe::helper::{HelperError, Output};

use super::look_back::Looked;
use crate::front::rcpolicy::Place;

/// What pays.
pub(super) enum Means<'a> {
    /// An init that takes jobs.
    Init(&'a mut dyn Init),
    /// Init scripts.
    Scripts(InitKind),
}

/// What became of an entry.
pub(super) enum Paid {
    /// Nothing is owed any more; what was done.
    Done(String),
    /// Still owed, and why.
    Kept(String),
    /// Not owed now: it comes back with the next start.
    Left(String),
    /// It was tried and failed, and is not tried again; why.
    Failed(String),
}

/// Pays entries.
pub(super) struct Payer<'a> {
    pub(super) session: Session,
    pub(super) unconfigured: Unconfigured,
    pub(super) place: &'a Place,
}

impl Payer<'_> {
    /// Pays `entry`, or says why not.
    pub(super) fn pay(&self, means: &mut Means<'_>, entry: &Entry) -> Paid {
        if let Some(why) = self.inconsistent(entry) {
            return Paid::Kept(why);
        }
        let looked_back = match means {
            Means::Init(init) => self.look_back(*init, entry),
            Means::Scripts(_) => Looked::Due(Box::new(entry.clone())),
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
            Payment::Nothing => {
                return self.strike(entry, None, "nothing was owed");
            }
        };
        let paid = match means {
            Means::Init(init) => self.by_init(*init, entry, &action),
            Means::Scripts(kind) => self.by_script(*kind, entry, &action),
        };
        paid.unwrap_or_else(Paid::Kept)
    }

    /// Why the entry must wait for dpkg.
    fn inconsistent(&self, entry: &Entry) -> Option<String> {
        let asked_by = entry.who.package.as_deref();
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
                package: entry.who.package.clone(),
                script: entry.who.script.clone(),
                phase: entry.who.phase,
                // What was stopped before is told from the ledger.
                batch_started: None,
            },
        }
    }

    /// Asks policy-rc.d about the action on the service and about all that it would start.
    pub(super) fn ask_for(
        &self,
        request: &Request,
        entry: &Entry,
        facts: &mut Facts,
    ) -> Result<(), String> {
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
        let words: [OsString; 2] = [name.into(), action.as_str().into()];
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
