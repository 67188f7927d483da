//! Jobs: all are enqueued in one write before the first is awaited, each behind the questions that
//! tell afterwards whether it took effect. A connection that is lost is the outcome of what was
//! asked for on it; nothing is asked for twice.

use std::time::{Duration, Instant};

use zbus::Message;

use super::names::{MANAGER, MANAGER_PATH, SYSTEMD};
use super::progress::{Asked, Progress, Unfinished};
use super::seen::{self, Moment};
use super::waiting::{self, Ask};
use super::{Limit, limits, queries};
use crate::domain::{Job, JobFailure, JobOutcome, UnitKind, Verb, Wait};
use crate::init::InitError;
use crate::init::dbus::connection::{Answer, Connection, Incoming, Pending};
use crate::init::dbus::link::{Dial, Link};
use crate::init::dbus::stream::Deadline;

/// How systemctl calls its jobs: a conflicting one that waits is replaced.
const MODE: &str = "replace";
/// None are defined.
const NO_FLAGS: u64 = 0;
/// After this long it is looked at whether a job waits for us.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The units' own limits are asked for, and the user is told, only when a job has taken this long.
const SECOND_LOOK: Duration = Duration::from_secs(5);
/// Between any two looks after that.
const LATER_LOOKS: Duration = Duration::from_secs(10);

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "StartUnit",
        Verb::Stop => "StopUnit",
        Verb::Restart => "RestartUnit",
        Verb::TryRestart => "TryRestartUnit",
        Verb::Reload => "ReloadUnit",
        Verb::ReloadOrRestart => "ReloadOrRestartUnit",
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// The jobs.
    pub(super) jobs: &'a [Job],
    /// Whether they are waited for.
    pub(super) wait: Wait,
    /// For how long.
    pub(super) limit: Limit,
    /// How they are asked for.
    pub(super) calls: Calls,
}

/// How several jobs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// A call each, in one write.
    Each,
    /// One call for all, which the manager makes one transaction of, of this kind of job.
    AsOne(&'static str),
}

impl Calls {
    /// One call for `jobs`, where such a call is safe. Two kinds of jobs in one have ended PID 1 (systemd
    /// issue 42708), and a trigger needs a call of its own before its start.
    pub(super) fn as_one(jobs: &[Job]) -> Option<Self> {
        let verb = jobs.first()?.verb;
        let kind = match verb {
            Verb::Start => "start",
            Verb::Restart => "restart",
            Verb::Stop | Verb::TryRestart | Verb::Reload | Verb::ReloadOrRestart => return None,
        };
        let alike = |job: &Job| job.verb == verb && job.unit.kind() == UnitKind::Service;
        (jobs.len() > 1 && jobs.iter().all(alike)).then_some(Self::AsOne(kind))
    }
}

/// Whether a job was refused because the manager does not know the call.
pub(super) fn is_unknown_call(outcome: &JobOutcome) -> bool {
    let unknown = "org.freedesktop.DBus.Error.UnknownMethod";
    matches!(outcome, JobOutcome::Failed(JobFailure::Refused { name, .. }) if name == unknown)
}

/// Enqueues all jobs and waits as it was ordered.
pub(super) fn run(
    link: &mut Link<impl Dial>,
    order: &Order<'_>,
) -> Result<Vec<JobOutcome>, InitError> {
    let early = ask_early(link, order.jobs)?;
    // First of all, so that no end is announced to nobody.
    let mut calls = link.listen()?;
    let mut progress = enqueue(link.current()?, order, early, &mut calls)?;
    let begun = Instant::now();
    let deadline = link.patience.deadline();
    // Part of a write that failed may have been read: from here on a loss is an outcome.
    let sent = link.current()?.send_until(&calls, deadline);
    let mut watch = Watch {
        link,
        order,
        progress: &mut progress,
        begun,
        limit: None,
    };
    let unfinished = match sent.and_then(|()| watch.follow(deadline)) {
        Ok(seconds) => Unfinished::TimedOut(seconds),
        Err(InitError::Silent { .. }) => {
            watch.shut()?;
            Unfinished::Silent(watch.link.patience.gave_up(begun))
        }
        Err(error) => Unfinished::Lost(error),
    };
    let mut outcomes = progress.outcomes(order.jobs, order.wait, &unfinished);
    if matches!(unfinished, Unfinished::TimedOut(_)) {
        explain(link, order.jobs, &mut outcomes);
    }
    Ok(outcomes)
}

/// A bus passes on what it has read as it can, and answers for who has left it: what a missing
/// answer tells on a connection of our own it does not tell there. The questions go ahead.
fn ask_early(link: &mut Link<impl Dial>, jobs: &[Job]) -> Result<Option<Vec<Answer>>, InitError> {
    let mut early = None;
    while early.is_none() && link.connected()?.is_through_bus() {
        early = Some(link.ask(|link| {
            let questions = jobs.iter().map(|job| before(link, job));
            Ok(questions.collect::<Result<Vec<_>, _>>()?.concat())
        })?);
    }
    Ok(early)
}

fn before(link: &Connection, job: &Job) -> Result<Vec<Message>, InitError> {
    seen::questions(link, &job.unit, Moment::Before)
}

/// Adds to `calls` what asks for the jobs, each behind the questions about its unit, unless they
/// were asked `early`.
fn enqueue(
    link: &Connection,
    order: &Order<'_>,
    early: Option<Vec<Answer>>,
    calls: &mut Vec<Message>,
) -> Result<Progress, InitError> {
    let mut asked = Vec::with_capacity(order.jobs.len());
    let mut early = early.map(Vec::into_iter);
    let whole = match order.calls {
        Calls::Each => None,
        Calls::AsOne(kind) => {
            let names: Vec<&str> = order.jobs.iter().map(|job| job.unit.as_str()).collect();
            let body = (names, kind, MODE, NO_FLAGS);
            Some(link.call(MANAGER_PATH, MANAGER, "EnqueueUnitJobMany", &body)?)
        }
    };
    for job in order.jobs {
        let questions = before(link, job)?;
        let mut pending = Pending::of(&questions);
        match &mut early {
            Some(answers) => pending.fill(answers),
            None => calls.extend(questions),
        }
        if let Some(whole) = &whole {
            asked.push(Asked::as_one(whole, pending, &job.unit));
            continue;
        }
        if is_brought_back(job) {
            let name = &job.unit.as_str();
            calls.push(link.call(MANAGER_PATH, MANAGER, "ResetFailedUnit", name)?);
        }
        let body = (job.unit.as_str(), MODE);
        let call = link.call(MANAGER_PATH, MANAGER, method(job.verb), &body)?;
        asked.push(Asked::new(&call, pending));
        calls.push(call);
    }
    calls.extend(whole);
    Ok(Progress::of(asked))
}

/// A trigger is stopped and started with its service. That must not count against its start limit,
/// or a few upgrades in a row would leave it dead.
fn is_brought_back(job: &Job) -> bool {
    job.verb == Verb::Start && job.unit.kind().is_trigger()
}

/// Jobs under way.
struct Watch<'a, D> {
    link: &'a mut Link<D>,
    order: &'a Order<'a>,
    progress: &'a mut Progress,
    begun: Instant,
    /// Until when the jobs may take, once that is known.
    limit: Option<Deadline>,
}

impl<D: Dial> Watch<'_, D> {
    /// Listens until all is over or the limit is reached; returns the seconds waited. For an answer
    /// it waits until `answers`; the limit is that of jobs, and begins when all were taken on.
    fn follow(&mut self, answers: Deadline) -> Result<u64, InitError> {
        let mut look = FIRST_LOOK;
        while !self.is_over() {
            let next = match self.progress.is_unanswered() {
                true => self.notice().or(answers),
                false => self.limit().or(self.at(look)),
            };
            if let Some(incoming) = self.link.current()?.receive(next)? {
                drop(self.take(incoming));
            }
            if self.progress.owner_changed {
                return Err(left_bus());
            }
            // Also where something came: in a stream of signals no read ever runs out of time.
            if self.is_over() {
                break;
            }
            match self.progress.is_unanswered() {
                true => self.heed_silence(answers)?,
                false if self.limit().passed() => break,
                false if self.at(look).passed() => look = self.look(look)?,
                false => {}
            }
        }
        Ok(self.begun.elapsed().as_secs())
    }

    fn is_over(&self) -> bool {
        self.progress.is_over(self.order.wait)
    }

    /// This long after the beginning.
    fn at(&self, time: Duration) -> Deadline {
        Deadline(self.begun.checked_add(time))
    }

    /// Until when the jobs may take, as far as that is known. Called when all were taken on.
    fn limit(&mut self) -> Deadline {
        if let (None, Limit::Fixed(limit)) = (self.limit, self.order.limit) {
            self.limit = Some(Deadline::after(limit));
        }
        self.limit.unwrap_or(Deadline(None))
    }

    /// When somebody is to be told that nothing comes.
    fn notice(&self) -> Deadline {
        let notice = self.link.patience.notice(self.begun);
        notice.unwrap_or(Deadline(None))
    }

    fn heed_silence(&mut self, answers: Deadline) -> Result<(), InitError> {
        if answers.passed() {
            return Err(self.link.patience.gave_up(self.begun));
        }
        if self.notice().passed() {
            self.link.patience.silent(self.begun);
        }
        Ok(())
    }

    /// Leaves a PID 1 that is silent, in a way that tells afterwards what it has not read.
    fn shut(&mut self) -> Result<(), InitError> {
        let link = self.link.current()?;
        let progress = &mut *self.progress;
        link.shut(&mut |incoming| match incoming {
            Incoming::Answer(to, answer) => drop(progress.answer(to, answer)),
            Incoming::Signal(signal) => progress.signal(&signal),
        });
        Ok(())
    }

    /// Takes what came in, and hands back what is no concern of the jobs.
    fn take(&mut self, incoming: Incoming) -> Option<(u32, Answer)> {
        match incoming {
            Incoming::Answer(to, answer) => {
                let other = self.progress.answer(to, answer);
                if !self.progress.is_unanswered() {
                    self.link.patience.answered();
                }
                other.map(|answer| (to, answer))
            }
            Incoming::Signal(signal) => {
                self.progress.signal(&signal);
                None
            }
        }
    }

    /// Looks at what takes so long, and tells of it. Returns when to look again.
    fn look(&mut self, now: Duration) -> Result<Duration, InitError> {
        let paths = self.progress.paths();
        for path in waiting::for_us(self, &paths)? {
            self.progress.leave(&path);
        }
        if now < SECOND_LOOK {
            return Ok(SECOND_LOOK);
        }
        self.count_own_limit()?;
        let running = self.progress.running(self.order.jobs);
        if !running.is_empty() {
            let onlooker = self.link.patience.onlooker();
            onlooker.working(&running, self.begun.elapsed());
        }
        Ok(now + LATER_LOOKS)
    }

    /// The units' own limits count while their jobs run, not while they wait for others.
    fn count_own_limit(&mut self) -> Result<(), InitError> {
        if self.order.limit != Limit::Unit {
            return Ok(());
        }
        let paths = self.progress.paths();
        if self.limit.is_none() || waiting::is_any_waiting(self, &paths)? {
            let running = self.progress.running(self.order.jobs);
            let own = limits::own(self, &running)?;
            self.limit = Some(own.map_or(Deadline(None), Deadline::after));
        }
        Ok(())
    }
}

impl<D: Dial> Ask for Watch<'_, D> {
    /// No end of a job is missed meanwhile.
    fn ask(
        &mut self,
        calls: &dyn Fn(&Connection) -> Result<Vec<Message>, InitError>,
    ) -> Result<Vec<Answer>, InitError> {
        let begun = Instant::now();
        let deadline = self.link.patience.deadline();
        let calls = calls(self.link.current()?)?;
        self.link.current()?.send_until(&calls, deadline)?;
        let mut pending = Pending::of(&calls);
        while !pending.is_complete() {
            let notice = self.link.patience.notice(begun);
            let notice = notice.unwrap_or(Deadline(None));
            if let Some(incoming) = self.link.current()?.receive(notice.or(deadline))? {
                if let Some((to, answer)) = self.take(incoming) {
                    pending.answer(to, answer);
                }
                if pending.is_complete() {
                    break;
                }
            }
            if deadline.passed() {
                return Err(self.link.patience.gave_up(begun));
            }
            if notice.passed() {
                self.link.patience.silent(begun);
            }
        }
        self.link.patience.answered();
        Ok(pending.answers())
    }
}

fn left_bus() -> InitError {
    InitError::Lost {
        init: SYSTEMD,
        why: "it left the bus".to_owned(),
    }
}

/// Asks how the services of failed jobs ended.
fn explain(link: &mut Link<impl Dial>, jobs: &[Job], outcomes: &mut [JobOutcome]) {
    for (job, outcome) in jobs.iter().zip(outcomes) {
        if let JobOutcome::Failed(JobFailure::Ended {
            result,
            service_result,
        }) = outcome
            && result == "failed"
            && job.unit.kind() == UnitKind::Service
        {
            let call =
                |link: &Connection| Ok(vec![queries::get(link, &job.unit, queries::RESULT)?]);
            // A reason that cannot be had stays empty: the failure itself is known.
            let answer = link.ask(call).unwrap_or_default().pop();
            *service_result = answer
                .and_then(|answer| queries::value(answer).ok())
                .unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
