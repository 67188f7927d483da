//! Before what is owed is done: was it asked for already, by a process that did not see the end, and
//! what became of it? What was done is not done twice, and what still runs is waited for.

use crate::domain::{Contact, Job, Verb};
use crate::init::Init;
use crate::ledger::{Due, Entry};
use crate::recover::{Asked, Recovery, recover};

use super::payer::{Paid, Payer};

/// What is left of an entry.
pub(super) enum Looked {
    /// This is still to be done.
    Due(Box<Entry>),
    /// Nothing, now.
    Over(Paid),
}

impl Payer<'_> {
    /// Looks what became of what was asked for already.
    pub(super) fn look_back(&self, init: &mut dyn Init, entry: &Entry) -> Looked {
        let owed = entry.owed.as_ref();
        let Some((due, begun)) = owed.and_then(|owed| Some((owed.due, owed.begun?))) else {
            return Looked::Due(Box::new(entry.clone()));
        };
        let (job, action) = (Job::new(verb(due), entry.unit.clone()), due.action());
        let seen = match init.seen(std::slice::from_ref(&entry.unit)) {
            Ok(seen) => seen.into_iter().next(),
            Err(error) => return Looked::Over(Paid::Kept(error.to_string())),
        };
        let asked = Asked {
            job: &job,
            contact: begun.contact,
            before: None,
            at: begun.at,
        };
        let never_again = matches!(begun.contact, Contact::Taken | Contact::Pending);
        match seen.map(|seen| recover(&asked, &seen)) {
            None => Looked::Over(Paid::Kept("what became of it cannot be seen".to_owned())),
            Some(Recovery::Settled) => self.settled(entry, &format!("its {action} was done")),
            Some(Recovery::StillRunning) => {
                Looked::Over(Paid::Kept(format!("its {action} is still being done")))
            }
            Some(Recovery::AskAgain) if never_again => {
                self.failed(entry, &format!("its {action} came to nothing"))
            }
            Some(Recovery::AskAgain) => Looked::Due(Box::new(entry.clone())),
            Some(Recovery::Failed(why)) => self.failed(entry, &format!("{action}: {why}")),
        }
    }

    fn settled(&self, entry: &Entry, done: &str) -> Looked {
        let rest = without_owed(entry);
        match (self.strike(entry, rest.as_ref(), done), rest) {
            // What was taken down and not brought back is still to be looked after.
            (Paid::Done(_), Some(rest)) => Looked::Due(Box::new(rest)),
            (paid, _) => Looked::Over(paid),
        }
    }

    fn failed(&self, entry: &Entry, why: &str) -> Looked {
        Looked::Over(
            match self.strike(entry, without_owed(entry).as_ref(), why) {
                Paid::Done(why) => Paid::Failed(why),
                other => other,
            },
        )
    }
}

/// What an entry says besides; `None` where that is nothing.
fn without_owed(entry: &Entry) -> Option<Entry> {
    let more = entry.down.is_some() || entry.held || entry.kept_running || entry.quiesced.is_some();
    more.then(|| Entry {
        owed: None,
        ..entry.clone()
    })
}

fn verb(due: Due) -> Verb {
    match due {
        Due::Reload => Verb::Reload,
        Due::TryRestart => Verb::TryRestart,
        Due::Start => Verb::Start,
        Due::ForceReload => Verb::ReloadOrRestart,
        Due::Restart => Verb::Restart,
        Due::Stop | Due::ForceStop => Verb::Stop,
    }
}
