//! Before what is owed is done: was it asked for already, by a process that did not see the end (a
//! killed one, or an earlier flush), and what became of it? What was done is not done twice, and what
//! still runs is waited for.

use std::time::Duration;

use crate::domain::{Contact, Job, Seen, Until};
use crate::init::Init;
use crate::ledger::{Begun, Due, Entry, Owed};
use crate::recover::{Asked, Recovery, recover};
use crate::report::console::Console;

use super::payer::{Looked, Paid, Payer};

/// How long what somebody else asked for may still go on: as long as a stop may take where nobody
/// says otherwise, and a little more.
const UNDER_WAY: Duration = Duration::from_secs(100);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);
/// From here on the reader is told what is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// An init that has been left with a request for so long, and has answered us for so long, without a
/// job for it, has dropped the request together with the connection that it came by.
const LEFT_BEHIND: Duration = Duration::from_secs(5);
const ANSWERING: Duration = Duration::from_secs(1);

impl Payer<'_> {
    /// Notes that the service is about to be restarted, so that a flush that is cut off is not the
    /// cause of a second restart. Paying needs no room on a disk: where that cannot be noted it is
    /// restarted all the same.
    pub(super) fn begin_restart(&self, entry: &Entry) -> Entry {
        let owed = entry.owed.as_ref();
        let due = owed.map_or(Due::Restart, |owed| owed.due);
        let begun = Entry {
            // A reload would not do for what was kept running.
            kept_running: entry.kept_running && due == Due::ForceReload,
            owed: Some(Owed {
                due,
                until: owed.map_or(Until::Flush, |owed| owed.until),
                reasons: owed.map_or_else(Vec::new, |owed| owed.reasons.clone()),
                at: owed.and_then(|owed| owed.at),
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
    pub(super) fn look_back(
        &self,
        init: &mut dyn Init,
        entry: &Entry,
        console: &mut Console<'_>,
    ) -> Looked {
        let owed = entry.owed.as_ref();
        let Some((due, begun)) = owed.and_then(|owed| Some((owed.due, owed.begun?))) else {
            return Looked::Due(Box::new(entry.clone()));
        };
        let action = due.action();
        let waiting = || {
            let (service, most) = (&entry.service, UNDER_WAY.as_secs());
            console.complain(format_args!(
                "waiting to see what becomes of the {action} of {service}, for {most} s at most"
            ));
        };
        let job = Job::new(due.verb(), entry.unit.clone());
        let found = match come_to_rest(init, &job, begun, waiting) {
            Ok(found) => found,
            Err(why) => return Looked::Over(Paid::Kept(why)),
        };
        match found {
            Recovery::Settled => self.settled(entry, due),
            Recovery::StillRunning => {
                Looked::Over(Paid::Waits(format!("its {action} is still under way")))
            }
            Recovery::AskAgain if begun.contact == Contact::Taken => {
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

/// What became of the request, once nothing of it goes on any more. `waiting` is called once where that
/// takes long.
fn come_to_rest(
    init: &mut dyn Init,
    job: &Job,
    begun: Begun,
    waiting: impl FnOnce(),
) -> Result<Recovery, String> {
    let mut waiting = Some(waiting);
    // When the init first answered.
    let mut first = None;
    loop {
        let seen = init.seen(std::slice::from_ref(&job.unit));
        let seen = seen.map_err(|error| error.to_string())?.into_iter().next();
        let seen = seen.ok_or("what became of it cannot be seen")?;
        let now = init.clock();
        let first = *first.get_or_insert(now);
        let asked = Asked {
            job,
            contact: how_far(begun, &seen, first, now),
            before: None,
            at: begun.at,
        };
        match recover(&asked, &seen) {
            Recovery::StillRunning if is_within(UNDER_WAY, first, now) => {
                if !is_within(PATIENCE, first, now) {
                    waiting.take().into_iter().for_each(|waiting| waiting());
                }
                init.pause(PAUSE);
            }
            found => return Ok(found),
        }
    }
}

/// How far the request came, as far as the silence since tells it.
fn how_far(begun: Begun, seen: &Seen, first: u64, now: u64) -> Contact {
    let idle = seen.job.is_and(Option::is_none);
    let long = !is_within(LEFT_BEHIND, begun.at, now) && !is_within(ANSWERING, first, now);
    match begun.contact {
        Contact::Pending if idle && long => Contact::Sent,
        contact => contact,
    }
}

fn is_within(span: Duration, from: u64, now: u64) -> bool {
    u128::from(now.saturating_sub(from)) < span.as_micros()
}

/// What an entry says besides; `None` where that is nothing.
pub(super) fn without(entry: &Entry, due: Due) -> Option<Entry> {
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
