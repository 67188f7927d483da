//! Before what is owed is done: was it asked for already, by a process that did not see the end (a
//! killed one, or an earlier flush), and what became of it? What was done is not done twice, and what
//! still runs is waited for.

use std::time::Duration;

use crate::domain::{Contact, Job, Until, Verb};
use crate::init::Init;
use crate::ledger::{Begun, Due, Entry, Owed};
use crate::recover::{Asked, Recovery, recover};

use super::payer::{Looked, Paid, Payer};

/// How long what somebody else asked for may still go on: as long as a stop may take where nobody
/// says otherwise, and a little more.
const UNDER_WAY: Duration = Duration::from_secs(100);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

impl Payer<'_> {
    /// Notes that the service is about to be restarted, so that a flush that is cut off is not the
    /// cause of a second restart. Paying needs no room on a disk: where that cannot be noted it is
    /// restarted all the same.
    pub(super) fn begin_restart(&self, entry: &Entry) -> Entry {
        let owed = entry.owed.as_ref();
        let begun = Entry {
            kept_running: false,
            owed: Some(Owed {
                due: owed.map_or(Due::Restart, |owed| owed.due),
                until: owed.map_or(Until::Flush, |owed| owed.until),
                reasons: owed.map_or_else(Vec::new, |owed| owed.reasons.clone()),
                begun: Some(Begun {
                    at: self.session.began,
                    contact: Contact::Sent,
                }),
            }),
            ..entry.clone()
        };
        let noted = self.session.ledger.as_ref().is_some_and(|ledger| {
            let paid = ledger
                .lock()
                .and_then(|mut locked| locked.pay(entry, Some(&begun)));
            paid.unwrap_or(false)
        });
        if noted { begun } else { entry.clone() }
    }

    /// Looks what became of what was asked for already.
    pub(super) fn look_back(&self, init: &mut dyn Init, entry: &Entry) -> Looked {
        let owed = entry.owed.as_ref();
        let Some((due, begun)) = owed.and_then(|owed| Some((owed.due, owed.begun?))) else {
            return Looked::Due(Box::new(entry.clone()));
        };
        let found = match come_to_rest(init, &Job::new(verb(due), entry.unit.clone()), begun) {
            Ok(found) => found,
            Err(why) => return Looked::Over(Paid::Kept(why)),
        };
        let action = due.action();
        let never_again = matches!(begun.contact, Contact::Taken | Contact::Pending);
        match found {
            Recovery::Settled => self.settled(entry, due),
            Recovery::StillRunning => {
                Looked::Over(Paid::Kept(format!("its {action} is still under way")))
            }
            Recovery::AskAgain if never_again => {
                self.failed(entry, due, &format!("its {action} came to nothing"))
            }
            Recovery::AskAgain => Looked::Due(Box::new(entry.clone())),
            Recovery::Failed(why) => self.failed(entry, due, &format!("{action}: {why}")),
        }
    }

    fn settled(&self, entry: &Entry, due: Due) -> Looked {
        let done = format!("its {} was done already", due.action());
        let rest = without(entry, due);
        match (self.strike(entry, rest.as_ref(), &done), rest) {
            // What was taken down and not brought back is still to be looked after.
            (Paid::Done(_), Some(rest)) => Looked::Due(Box::new(rest)),
            (paid, _) => Looked::Over(paid),
        }
    }

    fn failed(&self, entry: &Entry, due: Due, why: &str) -> Looked {
        Looked::Over(
            match self.strike(entry, without(entry, due).as_ref(), why) {
                Paid::Done(why) => Paid::Failed(why),
                other => other,
            },
        )
    }
}

/// What became of the request, once nothing of it goes on any more.
fn come_to_rest(init: &mut dyn Init, job: &Job, begun: Begun) -> Result<Recovery, String> {
    let limit = u64::try_from(UNDER_WAY.as_micros()).unwrap_or(u64::MAX);
    let deadline = init.clock().saturating_add(limit);
    loop {
        let seen = init.seen(std::slice::from_ref(&job.unit));
        let seen = seen.map_err(|error| error.to_string())?.into_iter().next();
        let seen = seen.ok_or("what became of it cannot be seen")?;
        let asked = Asked {
            job,
            contact: begun.contact,
            before: None,
            at: begun.at,
        };
        match recover(&asked, &seen) {
            Recovery::StillRunning if init.clock() < deadline => init.pause(PAUSE),
            found => return Ok(found),
        }
    }
}

/// What an entry says besides; `None` where that is nothing.
fn without(entry: &Entry, due: Due) -> Option<Entry> {
    let renewed = due == Due::Restart;
    let rest = Entry {
        owed: None,
        kept_running: entry.kept_running && !renewed,
        quiesced: entry.quiesced.clone().filter(|_| !renewed),
        ..entry.clone()
    };
    let more = rest.down.is_some() || rest.held || rest.kept_running || rest.quiesced.is_some();
    more.then_some(rest)
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
