//! A session's dealings with the ledger: what is noted about a service, in which life of the init, and
//! what an action that was run outside a plan settles. Printing stays with the front ends.

use crate::act::{ActError, note};
use crate::decide::{Plan, plan, rest};
use crate::domain::{Action, Known, Life, Phase, ServiceName};
use crate::init::Init;
use crate::ledger::{Due, Entry, Ledger};

use super::perform::{Case, Session};
use super::reboot;

impl Session {
    /// The life of the init that notes are kept for.
    pub(super) fn life(&self) -> Option<Life> {
        self.ledger.as_ref().map(|ledger| ledger.life().clone())
    }

    /// The same session for another init than the machine's: the ledger knows nothing of that one.
    pub(super) fn without_notes(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            ledger: None,
            context: self.context.clone(),
            now: self.now,
            began: self.began,
            log: self.log.clone(),
            voice: self.voice.clone(),
        }
    }

    /// What is noted about `service`. A damaged note says nothing; the next writer sets it aside.
    pub(super) fn owed_to(&self, service: &ServiceName) -> Option<Entry> {
        self.ledger.as_ref()?.read(service).ok()?.current()
    }

    /// Whether a note that seems to be of this life of the init is: a soft-reboot leaves all but the
    /// time at which user space began. The init is asked only where there is a note that knows it.
    pub(super) fn is_of_this_life(&self, entry: &Entry, init: &mut dyn Init) -> bool {
        match (entry.life.userspace, self.life()) {
            (Some(_), Some(life)) => match init.userspace() {
                Known::Is(began) => entry.life.is_same(&life.with_userspace(began)),
                Known::Unknown(_) => true,
            },
            // Whoever noted it could not tell, but when.
            (None, Some(_)) => {
                let asked = entry.asked_at();
                asked.is_none_or(|at| match init.userspace_since() {
                    Known::Is(since) => at >= since,
                    Known::Unknown(_) => true,
                })
            }
            (_, None) => true,
        }
    }

    /// The ledger that the plan's notes go to, in the life they belong to. The init is asked for it
    /// only where there is something to note: but not where what is owed is new, and so says by
    /// itself when it was asked for.
    pub(super) fn ledger_for(&self, plan: &mut Plan, init: &mut dyn Init) -> Option<Ledger> {
        let ledger = self.ledger.clone()?;
        let is_new = |entry: &Entry| entry.owed.is_some() && self.owed_to(&entry.service).is_none();
        if plan.records.iter().all(is_new) {
            return Some(ledger);
        }
        let ledger = match init.userspace() {
            Known::Is(began) => ledger.with_userspace(began),
            Known::Unknown(_) => ledger,
        };
        for record in &mut plan.records {
            record.life = ledger.life().clone();
        }
        Some(ledger)
    }

    /// Notes down what is put off. Returns what a writer should hear about.
    ///
    /// # Errors
    /// When it could not be noted.
    pub(super) fn note(&self, case: &Case) -> Result<Vec<String>, ActError> {
        let plan = plan(&case.decided(), &self.policy);
        let mut warnings = note(&plan, self.ledger.as_ref())?;
        warnings.extend(reboot::announce(&plan.records, self.ledger.as_ref()));
        warnings.extend(self.look_after(std::slice::from_ref(case), None));
        Ok(warnings)
    }

    /// Strikes what of a note `done`, which has just succeeded, settles: what an upgrade took down
    /// comes back all the same.
    ///
    /// # Errors
    /// When the note stays although nothing is owed any more.
    pub(super) fn settle(&self, case: &Case, done: &Action) -> Result<(), String> {
        let (Some(ledger), Some(entry), Ok(paid)) = (&self.ledger, &case.owed, Due::try_from(done))
        else {
            return Ok(());
        };
        let owed = entry.owed.as_ref();
        if owed.is_some_and(|owed| !owed.due.is_paid_by(paid)) {
            return Ok(());
        }
        let removal = case.request.context.phase == Phase::Remove;
        let left = rest(entry, done).filter(|_| !removal);
        let settled = ledger.lock().and_then(|mut locked| match &left {
            Some(left) => locked.put(left),
            None => locked.strike(&entry.service).map(drop),
        });
        settled.map_err(|error| format!("cannot strike the note about {}: {error}", entry.service))
    }
}
