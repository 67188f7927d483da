//! What is known of jobs that were asked for: each answer and each end is matched with its job, also
//! one that is announced before the answer that names the job. Pure: messages in, outcomes out.

use std::collections::BTreeMap;

use zbus::Message;
use zbus::wire::OwnedObjectPath;

use super::dial::is_owner_change;
use super::names::{MANAGER, SYSTEMD};
use super::seen::{Moment, seen};
use crate::domain::{Contact, Job, JobFailure, JobOutcome, Loss, Seen, UnitName, Wait};
use crate::init::InitError;
use crate::init::dbus::connection::{Answer, Pending, body, serial};

/// One job that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The serial number of the call.
    call: u32,
    /// Where one call asks for several: the unit, by which its job is found in the answer.
    unit: Option<UnitName>,
    /// What was asked right before it.
    before: Pending,
    /// What the call was answered: the job's path, or an outcome at once.
    answer: Option<Result<String, InitError>>,
    /// Whether it was left to itself: it waits for us.
    left: bool,
}

impl Asked {
    /// Not answered yet.
    pub(super) fn new(call: &Message, before: Pending) -> Self {
        Self {
            call: serial(call),
            unit: None,
            before,
            answer: None,
            left: false,
        }
    }

    /// The same, of several that one call asks for.
    pub(super) fn as_one(call: &Message, before: Pending, unit: &UnitName) -> Self {
        Self {
            unit: Some(unit.clone()),
            ..Self::new(call, before)
        }
    }
}

/// Why no more is heard of jobs that have not ended.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// They have taken this many seconds, and go on.
    TimedOut(u64),
    /// The connection is gone.
    Lost(InitError),
    /// It was left by us, because nothing came.
    Silent(InitError),
}

/// What is known of the jobs so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    asked: Vec<Asked>,
    /// How jobs ended, by path; also those that nobody here asked for.
    ended: BTreeMap<String, String>,
    /// Whether the manager has left the bus, or come back: nothing more is heard of its jobs.
    pub(super) owner_changed: bool,
}

impl Progress {
    /// Nothing is known yet.
    pub(super) fn of(asked: Vec<Asked>) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// Takes an answer, and hands back one to another question.
    pub(super) fn answer(&mut self, to: u32, answer: Answer) -> Option<Answer> {
        if self
            .asked
            .iter()
            .any(|asked| asked.call == to && asked.unit.is_some())
        {
            self.answer_to_all(answer);
            return None;
        }
        for asked in &mut self.asked {
            if asked.call == to {
                let path = body::<OwnedObjectPath>(answer);
                asked.answer = Some(path.map(|path| path.as_str().to_owned()));
                return None;
            }
            if asked.before.asks(to) {
                asked.before.answer(to, answer);
                return None;
            }
        }
        Some(answer)
    }

    /// Takes the answer to a call for all: a job for each unit, or an error for all of them.
    fn answer_to_all(&mut self, answer: Answer) {
        type Queued = (u32, OwnedObjectPath, String, OwnedObjectPath, String);
        let queued = body::<Vec<Queued>>(answer);
        for asked in &mut self.asked {
            let is_its = |job: &&Queued| {
                asked
                    .unit
                    .as_ref()
                    .is_some_and(|unit| unit.as_str() == job.2)
            };
            asked.answer = Some(match &queued {
                Ok(jobs) => match jobs.iter().find(is_its) {
                    Some(job) => Ok(job.1.as_str().to_owned()),
                    // Under another of its names: whether it was done is seen by looking.
                    None => Err(not_named()),
                },
                Err(error) => Err(error.clone()),
            });
        }
    }

    /// Takes a signal.
    pub(super) fn signal(&mut self, signal: &Message) {
        self.owner_changed |= is_owner_change(signal);
        let header = signal.header();
        let is_end = header
            .member()
            .is_some_and(|name| name.as_str() == "JobRemoved")
            && header
                .interface()
                .is_some_and(|name| name.as_str() == MANAGER);
        if !is_end {
            return;
        }
        type Removed = (u32, OwnedObjectPath, String, String);
        if let Ok((_, path, _, result)) = signal.body().deserialize::<Removed>() {
            self.ended.insert(path.as_str().to_owned(), result);
        }
    }

    /// Whether a call has not been answered yet.
    pub(super) fn is_unanswered(&self) -> bool {
        self.asked.iter().any(|asked| asked.answer.is_none())
    }

    /// Whether nothing is left to wait for.
    pub(super) fn is_over(&self, wait: Wait) -> bool {
        self.asked.iter().all(|asked| match (&asked.answer, wait) {
            (None, _) => false,
            (Some(_), Wait::Queued) | (Some(Err(_)), _) => true,
            (Some(Ok(path)), Wait::Done) => asked.left || self.ended.contains_key(path),
        })
    }

    /// Those of `jobs` that are waited for.
    pub(super) fn running<'a>(&self, jobs: &'a [Job]) -> Vec<&'a Job> {
        let pairs = jobs.iter().zip(&self.asked);
        let running = pairs.filter(|(_, asked)| self.path_of_running(asked).is_some());
        running.map(|(job, _)| job).collect()
    }

    /// Their paths.
    pub(super) fn paths(&self) -> Vec<String> {
        let running = self
            .asked
            .iter()
            .filter_map(|asked| self.path_of_running(asked));
        running.map(str::to_owned).collect()
    }

    fn path_of_running<'a>(&self, asked: &'a Asked) -> Option<&'a str> {
        match &asked.answer {
            Some(Ok(path)) if !asked.left && !self.ended.contains_key(path) => Some(path),
            Some(_) | None => None,
        }
    }

    /// The job at `path` is no longer waited for.
    pub(super) fn leave(&mut self, path: &str) {
        for asked in &mut self.asked {
            asked.left |= matches!(&asked.answer, Some(Ok(own)) if own == path);
        }
    }

    /// What became of each of `jobs`.
    pub(super) fn outcomes(
        self,
        jobs: &[Job],
        wait: Wait,
        unfinished: &Unfinished,
    ) -> Vec<JobOutcome> {
        let Self { asked, ended, .. } = self;
        let outcome = |(job, asked): (&Job, Asked)| {
            let whole = asked.before.is_complete();
            let before = seen(&job.unit, Moment::Before, asked.before.answers());
            let known = whole.then_some(before);
            match (asked.answer, wait) {
                (Some(Ok(_)), Wait::Queued) => JobOutcome::Queued,
                (Some(Ok(_)), Wait::Done) if asked.left => JobOutcome::Queued,
                (Some(Ok(path)), Wait::Done) => match ended.get(&path) {
                    Some(result) => end(result, known),
                    None => JobOutcome::Failed(unfinished.failure(Contact::Taken, known)),
                },
                (Some(Err(error)), _) => JobOutcome::Failed(refusal(error, known)),
                // INVARIANT: PID 1 takes the messages of one connection in their order and answers
                // each at once, so a request behind a question that was not answered was not read;
                // nor will it be: where an answer cannot be written, because we have left, sd-bus
                // closes the connection and drops what it holds of it.
                (None, _) if whole => JobOutcome::Failed(unfinished.failure(Contact::Sent, known)),
                (None, _) => JobOutcome::Failed(unfinished.failure(Contact::Unread, None)),
            }
        };
        jobs.iter().zip(asked).map(outcome).collect()
    }
}

impl Unfinished {
    /// What is to be said of a request that came so far.
    fn failure(&self, contact: Contact, before: Option<Seen>) -> JobFailure {
        match (self, contact) {
            (Self::TimedOut(seconds), Contact::Taken) => JobFailure::TimedOut { seconds: *seconds },
            // What was not answered does not go on: it has not begun, as far as anybody knows.
            (Self::TimedOut(seconds), Contact::Unread | Contact::Sent | Contact::Pending) => {
                let error = InitError::Silent {
                    init: SYSTEMD,
                    seconds: *seconds,
                };
                loss(&error, Contact::Pending, before)
            }
            // A connection that was left delivers what was written to it all the same.
            (Self::Silent(error), Contact::Sent) => loss(error, Contact::Pending, before),
            (Self::Silent(error) | Self::Lost(error), contact) => loss(error, contact, before),
        }
    }
}

fn not_named() -> InitError {
    InitError::Lost {
        init: SYSTEMD,
        why: "its job is not in the answer".to_owned(),
    }
}

fn loss(error: &InitError, contact: Contact, before: Option<Seen>) -> JobFailure {
    JobFailure::Lost(Box::new(Loss {
        why: error.to_string(),
        contact,
        before,
    }))
}

/// A request that was answered with an error, by the manager or by a bus in its place.
fn refusal(error: InitError, before: Option<Seen>) -> JobFailure {
    match error {
        InitError::Refused { name, message } => JobFailure::Refused { name, message },
        // Nobody had the manager's name when the bus read the request.
        InitError::Unreachable { .. } | InitError::NotHere { .. } => {
            loss(&error, Contact::Unread, before)
        }
        InitError::Lost { .. } | InitError::Silent { .. } | InitError::WrongPeer { .. } => {
            loss(&error, Contact::Sent, before)
        }
    }
}

fn end(result: &str, before: Option<Seen>) -> JobOutcome {
    let ended = JobFailure::Ended {
        result: result.to_owned(),
        service_result: String::new(),
    };
    match result {
        // A condition that does not hold is no failure: systemctl exits with 0.
        "done" | "skipped" => JobOutcome::Done,
        "canceled" => JobOutcome::Failed(JobFailure::Replaced(Box::new(Loss {
            why: ended.to_string(),
            contact: Contact::Taken,
            before,
        }))),
        _ => JobOutcome::Failed(ended),
    }
}

#[cfg(test)]
mod tests;
