//! Before what is owed is done: was it asked for already, by a process that did not see the end (a
//! killed one, or an earlier flush), and what became of it? What was done is not done twice, and what
//! still runs is waited for.

use std::time::Duration;

use crate::decide::has_happened;
use crate::domain::{Contact, Job, Seen};
use crate::init::Init;
use crate::ledger::{Begun, Due, Entry};
use crate::recover::{Asked, Recovery, recover};
use crate::report::console::Console;

use super::payer::{Looked, Paid, Patience, Payer};

/// How long what somebody else asked for may still go on: as long as a stop may take where nobody
/// says otherwise, and a little more.
const UNDER_WAY: Duration = Duration::from_secs(100);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);
/// From here on the reader is told what is waited for.
const TELLING: Duration = Duration::from_secs(2);
/// An init that has been left with a request for so long, and has answered us for so long, without a
/// job for it, has dropped the request together with the connection that it came by.
const LEFT_BEHIND: Duration = Duration::from_secs(5);
const ANSWERING: Duration = Duration::from_secs(1);

impl Payer<'_> {
    /// Looks what became of what was asked for already, and whether it has happened without us.
    pub(super) fn look_back(
        &self,
        init: &mut dyn Init,
        entry: &Entry,
        patience: Patience,
        console: &mut Console<'_>,
    ) -> Looked {
        let owed = entry.owed.as_ref();
        let Some((due, begun)) = owed.and_then(|owed| Some((owed.due, owed.begun?))) else {
            return self.look_for_happened(init, entry);
        };
        let action = due.action();
        let waiting = || {
            let (service, most) = (&entry.service, UNDER_WAY.as_secs());
            console.complain(format_args!(
                "waiting to see what becomes of the {action} of {service}, for {most} s at most"
            ));
        };
        let job = Job::new(due.verb(), entry.unit.clone());
        let (found, seen) = match come_to_rest(init, &job, begun, patience, waiting) {
            Ok(found) => found,
            Err(why) => return Looked::Over(Paid::Waits(why)),
        };
        match found {
            Recovery::Settled => {
                let done = format!("its {action} was done already");
                self.settled(entry, due, &done)
            }
            Recovery::StillRunning if patience == Patience::None => Looked::UnderWay,
            Recovery::StillRunning => {
                Looked::Over(Paid::Waits(format!("its {action} is still under way")))
            }
            Recovery::AskAgain if begun.contact == Contact::Taken => {
                self.failed(entry, format!("its {action} came to nothing"))
            }
            Recovery::AskAgain => Looked::Due(Box::new(entry.clone())),
            Recovery::Failed(why) if is_moot(due, &seen) => {
                self.moot(entry, due, &format!("{action}: {why}"))
            }
            Recovery::Failed(why) => self.failed(entry, format!("{action}: {why}")),
        }
    }

    /// What has happened since it was asked for is not done once more.
    fn look_for_happened(&self, init: &mut dyn Init, entry: &Entry) -> Looked {
        let due = || Looked::Due(Box::new(entry.clone()));
        let Some(owed) = entry.owed.as_ref().filter(|owed| owed.at.is_some()) else {
            return due();
        };
        // What cannot be seen is done once more.
        let seen = init.seen(std::slice::from_ref(&entry.unit));
        let seen = seen.unwrap_or_default();
        if !seen.iter().any(|seen| has_happened(entry, seen)) {
            return due();
        }
        let done = format!("was started since its {} was asked for", owed.due.action());
        self.settled(entry, Due::Restart, &done)
    }

    fn settled(&self, entry: &Entry, due: Due, done: &str) -> Looked {
        let rest = without(entry, due);
        match (self.strike(entry, rest.as_ref(), done), rest) {
            // What was taken down and not brought back is still to be looked after.
            (Paid::Done(_), Some(rest)) => Looked::Due(Box::new(rest)),
            (paid, _) => Looked::Over(paid),
        }
    }

    fn moot(&self, entry: &Entry, due: Due, why: &str) -> Looked {
        Looked::Over(
            match self.strike(entry, without(entry, due).as_ref(), why) {
                Paid::Done(why) => Paid::Failed(why),
                other => other,
            },
        )
    }

    /// It is known to have failed: that was one try, and the next is now, unless that was ours.
    fn failed(&self, entry: &Entry, why: String) -> Looked {
        let ours = entry.asked_at().is_some_and(|at| at >= self.session.began);
        match self.note_failure(entry, why) {
            Paid::Tried(_, _) if !ours => {}
            paid => return Looked::Over(paid),
        }
        match self.session.owed_to(&entry.service) {
            Some(noted) => Looked::Due(Box::new(noted)),
            None => Looked::Due(Box::new(entry.clone())),
        }
    }
}

/// Whether there is nothing left that it could be done to.
fn is_moot(due: Due, seen: &Seen) -> bool {
    let down = seen.active.is_and(|state| state.is_down());
    down && matches!(due, Due::Reload | Due::TryRestart)
}

/// What became of the request, once nothing of it goes on any more. `waiting` is called once where that
/// takes long.
fn come_to_rest(
    init: &mut dyn Init,
    job: &Job,
    begun: Begun,
    patience: Patience,
    waiting: impl FnOnce(),
) -> Result<(Recovery, Seen), String> {
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
            Recovery::StillRunning
                if patience == Patience::Some && is_within(UNDER_WAY, first, now) =>
            {
                if !is_within(TELLING, first, now) {
                    waiting.take().into_iter().for_each(|waiting| waiting());
                }
                init.pause(PAUSE);
            }
            found => return Ok((found, seen)),
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
        failed: None,
        kept_running: entry.kept_running && !renewed,
        quiesced: entry.quiesced.clone().filter(|_| !renewed),
        ..entry.clone()
    };
    let more = rest.down.is_some() || rest.held || rest.kept_running || rest.quiesced.is_some();
    more.then_some(rest)
}
