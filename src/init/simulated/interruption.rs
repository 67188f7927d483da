//! Connections that break: where, for how long nobody listens, and what a client can know then. A run
//! is a row of messages, two for each job, read in order and answered at once: first the question how
//! the unit stands, then the request. What the client is told of a loss is what it would know of a
//! real systemd, and no more.

use crate::domain::{
    Contact, Job, JobFailure, JobOutcome, Known, LoadState, Loss, Seen, SeenJob, UnitName, Verb,
    Wait,
};
use crate::init::InitError;

use super::clock::{Due, Micros};
use super::line::{Break, Interruption};
use super::machine::{Flavour, Simulated};
use super::pending::Task;

/// How long somebody waits for an init that does not listen.
const WAIT: Micros = 30_000_000;
const NAME: &str = "the simulated init";
const WHY: &str = "the connection was closed";

impl Simulated {
    /// Lets the contacts to come, jobs and questions alike, break like this, one after the other.
    pub fn interrupt(&mut self, ahead: impl IntoIterator<Item = Option<Interruption>>) {
        self.line.ahead.extend(ahead);
    }

    /// Whether every interruption has happened.
    pub fn is_undisturbed(&self) -> bool {
        self.line.ahead.is_empty()
    }

    /// Lets somebody else ask for `job`, `after` microseconds from now.
    pub fn ask_later(&mut self, after: Micros, job: &Job) {
        let (verb, unit) = (job.verb, job.unit.clone());
        self.clock.after(after, Due::Asked { verb, unit });
    }

    /// Waits until somebody listens, and takes what becomes of this contact.
    pub(super) fn next_interruption(&mut self) -> Result<Option<Interruption>, InitError> {
        let closed = self.line.closed_until.saturating_sub(self.now());
        self.pass(closed.min(WAIT));
        if closed > WAIT {
            return Err(InitError::Unreachable {
                init: NAME,
                why: "nobody listens".to_owned(),
            });
        }
        Ok(self.line.ahead.pop_front().flatten())
    }

    /// Comes through with a question, however often it breaks.
    pub(super) fn reach(&mut self) -> Result<(), InitError> {
        while let Some(interruption) = self.next_interruption()? {
            self.pass(self.call_takes);
            self.close(interruption);
        }
        Ok(())
    }

    /// Does `work` over the line; where that breaks, nobody is told whether it was done.
    pub(super) fn do_over_line(&mut self, work: impl FnOnce(&mut Self)) -> Result<(), InitError> {
        let Some(interruption) = self.next_interruption()? else {
            work(self);
            return Ok(());
        };
        match interruption.at {
            Break::Before(_) => {}
            Break::Unanswered(_) | Break::Later(_) | Break::Silent { .. } => work(self),
        }
        self.close(interruption);
        Err(InitError::Lost {
            init: NAME,
            why: WHY.to_owned(),
        })
    }

    fn close(&mut self, interruption: Interruption) {
        self.line.closed_until = self.now().saturating_add(interruption.closed);
    }

    /// Runs `jobs` over a connection that breaks.
    pub(super) fn run_interrupted(
        &mut self,
        jobs: &[Job],
        wait: Wait,
        interruption: Interruption,
    ) -> Vec<JobOutcome> {
        let all = jobs.len().saturating_mul(2);
        let (read, answered) = match interruption.at {
            Break::Before(read) | Break::Silent { read, .. } => (read, read),
            Break::Unanswered(last) => (last.saturating_add(1), last),
            Break::Later(_) => (all, all),
        };
        let mut asked = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            let question = index.saturating_mul(2);
            let request = question.saturating_add(1);
            let before = (question < answered).then(|| self.seen_of(&job.unit));
            let taken = (request < read).then(|| self.ask(job));
            asked.push((before, taken.filter(|_| request < answered)));
        }
        match interruption.at {
            Break::Later(after) => self.pass(after),
            // Nobody leaves before some time has passed.
            Break::Before(_) | Break::Unanswered(_) | Break::Silent { .. } => {
                self.pass(self.call_takes);
            }
        }
        self.close(interruption);
        if let Break::Silent { read, after } = interruption.at {
            self.read_later(jobs, read, interruption.closed.saturating_add(after));
        }
        let silent = matches!(interruption.at, Break::Silent { .. });
        asked
            .into_iter()
            .map(|(before, answer)| match answer {
                Some(answer) => self.known(answer, before, wait),
                None if silent => lost(Contact::Pending, before),
                None if before.is_some() => lost(Contact::Sent, before),
                None => lost(Contact::Unread, None),
            })
            .collect()
    }

    /// Runs `jobs` over a connection that breaks, each when the one before it has ended: a request is
    /// answered at its end, and nothing tells before whether it was read.
    pub(super) fn run_in_turn(
        &mut self,
        jobs: &[Job],
        interruption: Interruption,
    ) -> Vec<JobOutcome> {
        let (read, answered, open) = match interruption.at {
            Break::Before(read) | Break::Silent { read, .. } => (read, read, Micros::MAX),
            Break::Unanswered(last) => (last.saturating_add(1), last, Micros::MAX),
            Break::Later(after) => (usize::MAX, usize::MAX, after),
        };
        let until = self.now().saturating_add(open);
        let mut outcomes: Vec<JobOutcome> = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            let question = index.saturating_mul(2);
            let request = question.saturating_add(1);
            let gone = outcomes.iter().any(is_lost);
            if gone || question >= answered || self.now() > until {
                outcomes.push(lost(Contact::Unread, None));
                continue;
            }
            let before = Some(self.seen_of(&job.unit));
            let taken = (request < read).then(|| self.ask(job));
            let end = taken.filter(|_| request < answered);
            outcomes.push(match end.map(|asked| self.end_until(asked, until)) {
                Some(Some(end)) => end,
                None if matches!(interruption.at, Break::Silent { .. }) => {
                    lost(Contact::Pending, before)
                }
                Some(None) | None => lost(Contact::Sent, before),
            });
        }
        self.pass(self.call_takes);
        self.close(interruption);
        if let Break::Silent { read, after } = interruption.at {
            // Nothing is sent before the one before it has ended.
            let sent = read.div_ceil(2).min(jobs.len());
            let jobs = jobs.get(..sent).unwrap_or_default();
            self.read_later(jobs, read, interruption.closed.saturating_add(after));
        }
        outcomes
    }

    /// Waits for the end of a job; `None` where the time is over before.
    fn end_until(
        &mut self,
        asked: Result<Option<u64>, JobFailure>,
        until: Micros,
    ) -> Option<JobOutcome> {
        let id = match asked {
            Err(failure) => return Some(JobOutcome::Failed(failure)),
            Ok(None) => return Some(JobOutcome::Done),
            Ok(Some(id)) => id,
        };
        while self.ended(id).is_none() && self.step(until) {}
        self.ended(id)
    }

    /// What was sent and not read stays in the queue, and is read in the end.
    fn read_later(&mut self, jobs: &[Job], read: usize, after: Micros) {
        for (index, job) in jobs.iter().enumerate() {
            if index.saturating_mul(2).saturating_add(1) >= read {
                self.ask_later(after, job);
            }
        }
    }

    /// What is known of a job whose request was answered.
    fn known(
        &self,
        answer: Result<Option<u64>, JobFailure>,
        before: Option<Seen>,
        wait: Wait,
    ) -> JobOutcome {
        match (answer, wait) {
            (Err(failure), _) => JobOutcome::Failed(failure),
            (Ok(None), _) => JobOutcome::Done,
            (Ok(Some(_)), Wait::Queued) => JobOutcome::Queued,
            (Ok(Some(id)), Wait::Done) => self
                .ended(id)
                .unwrap_or_else(|| lost(Contact::Taken, before)),
        }
    }

    /// How `unit` stands, for whoever compares.
    pub(super) fn seen_of(&self, name: &UnitName) -> Seen {
        let nothing = Seen::unknown(name, "not modelled");
        let Some(unit) = self.units.get(name) else {
            return Seen {
                load: Known::Is(LoadState::NotFound),
                active: Known::Is(crate::domain::ActiveState::Inactive),
                job: Known::Is(None),
                ..nothing
            };
        };
        if self.flavour == Flavour::Upstart {
            return Seen {
                load: Known::Is(LoadState::Loaded),
                active: Known::Is(unit.active),
                main_pid: unit.process.as_ref().map_or(0, |process| process.pid),
                started: unit.process.as_ref().map_or(0, |_| unit.started),
                job: Known::Is(None),
                ..nothing
            };
        }
        let job = unit.job.as_ref().map(|job| SeenJob {
            id: u32::try_from(job.id).unwrap_or(u32::MAX),
            verb: Some(match job.task {
                Task::Start => Verb::Start,
                Task::Stop => Verb::Stop,
                Task::Restart => Verb::Restart,
                Task::Reload => Verb::Reload,
            }),
        });
        Seen {
            load: Known::Is(match unit.is_masked() {
                true => LoadState::Masked,
                false => LoadState::Loaded,
            }),
            active: Known::Is(unit.active),
            invocation: unit.invocation.clone(),
            main_pid: unit.process.as_ref().map_or(0, |process| process.pid),
            started: unit.started,
            changed: unit.changed,
            job: Known::Is(job),
            result: unit.result.to_owned(),
            reload_result: unit.reload_result.to_owned(),
            ..nothing
        }
    }
}

fn is_lost(outcome: &JobOutcome) -> bool {
    matches!(outcome, JobOutcome::Failed(JobFailure::Lost(_)))
}

fn lost(contact: Contact, before: Option<Seen>) -> JobOutcome {
    JobOutcome::Failed(JobFailure::Lost(Box::new(Loss {
        why: WHY.to_owned(),
        contact,
        before,
    })))
}
