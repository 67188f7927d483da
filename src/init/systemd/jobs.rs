//! Jobs: all are enqueued in one write before the first is awaited, and every end is matched with
//! its job, also one that is announced before the answer that names the job.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use zbus::Message;
use zbus::wire::OwnedObjectPath;

use super::names::{MANAGER, MANAGER_PATH};
use super::{Limit, queries};
use crate::domain::{Job, JobFailure, JobOutcome, Loss, UnitKind, Verb, Wait};
use crate::init::InitError;
use crate::init::dbus::connection::{Connection, Incoming, body, serial};
use crate::init::dbus::stream::Deadline;

/// How systemctl calls its jobs: a conflicting one that waits is replaced.
const MODE: &str = "replace";
/// The units' own limits are asked for only when a job has taken this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Added to the units' own limits: what PID 1 needs around a start and a stop.
const GRACE: Duration = Duration::from_secs(10);
/// systemd's "no limit" in microseconds.
const INFINITY: u64 = u64::MAX;

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

/// What is known of the jobs so far. Pure: messages in, outcomes out.
#[derive(Debug, Default)]
struct Progress {
    /// The serial number of each call, in the order of the jobs.
    asked: Vec<u32>,
    /// What each call was answered: the job's path, or an outcome at once.
    answered: Vec<Option<Result<String, JobFailure>>>,
    /// How jobs ended, by path; also those that nobody here asked for.
    ended: HashMap<String, String>,
}

impl Progress {
    fn of(calls: &[Message]) -> Self {
        Self {
            asked: calls.iter().map(serial).collect(),
            answered: calls.iter().map(|_| None).collect(),
            ended: HashMap::new(),
        }
    }

    fn answer(&mut self, to: u32, answer: Result<Message, InitError>) {
        let Some(index) = self.asked.iter().position(|serial| *serial == to) else {
            return;
        };
        let path = body::<OwnedObjectPath>(answer).map(|path| path.as_str().to_owned());
        if let Some(slot) = self.answered.get_mut(index) {
            *slot = Some(path.map_err(failure));
        }
    }

    fn signal(&mut self, signal: &Message) {
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

    fn result_of(&self, path: &str) -> Option<&str> {
        self.ended.get(path).map(String::as_str)
    }

    /// Whether nothing is left to wait for.
    fn is_over(&self, wait: Wait) -> bool {
        self.answered.iter().all(|answer| match (answer, wait) {
            (None, _) => false,
            (Some(_), Wait::Queued) | (Some(Err(_)), _) => true,
            (Some(Ok(path)), Wait::Done) => self.ended.contains_key(path),
        })
    }

    /// What became of each job; `unfinished` for those whose end is not known.
    fn outcomes(self, wait: Wait, unfinished: &JobFailure) -> Vec<JobOutcome> {
        let outcome = |answer: &Option<Result<String, JobFailure>>| match (answer, wait) {
            (None, _) => JobOutcome::Failed(unfinished.clone()),
            (Some(Err(failure)), _) => JobOutcome::Failed(failure.clone()),
            (Some(Ok(_)), Wait::Queued) => JobOutcome::Queued,
            (Some(Ok(path)), Wait::Done) => match self.result_of(path) {
                // A condition that does not hold is no failure: systemctl exits with 0.
                Some("done" | "skipped") => JobOutcome::Done,
                Some(result) => JobOutcome::Failed(JobFailure::Ended {
                    result: result.to_owned(),
                    service_result: String::new(),
                }),
                None => JobOutcome::Failed(unfinished.clone()),
            },
        };
        self.answered.iter().map(outcome).collect()
    }
}

fn failure(error: InitError) -> JobFailure {
    match error {
        InitError::Refused { name, message } => JobFailure::Refused { name, message },
        other => JobFailure::Lost(Box::new(Loss::sent(other.to_string()))),
    }
}

/// Times that bound a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// How long jobs may take.
    pub(super) jobs: Limit,
    /// How long PID 1 may take to answer.
    pub(super) answer: Duration,
}

/// Enqueues all of `jobs` and waits as `wait` says.
pub(super) fn run(
    link: &mut Connection,
    jobs: &[Job],
    wait: Wait,
    times: Times,
) -> Result<Vec<JobOutcome>, InitError> {
    let mut calls = Vec::with_capacity(jobs.len() + 1);
    for job in jobs {
        let body = (job.unit.as_str(), MODE);
        calls.push(link.call(MANAGER_PATH, MANAGER, method(job.verb), &body)?);
    }
    let mut progress = Progress::of(&calls);
    // First of all, so that no end is announced to nobody.
    let mut before = vec![link.call(MANAGER_PATH, MANAGER, "Subscribe", &())?];
    for job in jobs.iter().filter(|job| is_brought_back(job)) {
        before.push(link.call(MANAGER_PATH, MANAGER, "ResetFailedUnit", &job.unit.as_str())?);
    }
    calls.splice(0..0, before);
    let begun = Instant::now();
    // Part of a write that failed may have been read: from here on a loss is an outcome.
    let followed = link
        .send(&calls, times.answer)
        .and_then(|()| follow(link, jobs, wait, times, &mut progress, begun));
    let unfinished = match followed {
        Ok(seconds) => JobFailure::TimedOut { seconds },
        Err(error) => JobFailure::Lost(Box::new(Loss::sent(error.to_string()))),
    };
    let mut outcomes = progress.outcomes(wait, &unfinished);
    explain(link, jobs, &mut outcomes, times.answer);
    Ok(outcomes)
}

/// A trigger is stopped and started with its service. That must not count against its start limit,
/// or a few upgrades in a row would leave it dead.
fn is_brought_back(job: &Job) -> bool {
    job.verb == Verb::Start && job.unit.kind().is_trigger()
}

/// Listens until all is over or the limit is reached; returns the seconds waited.
fn follow(
    link: &mut Connection,
    jobs: &[Job],
    wait: Wait,
    times: Times,
    progress: &mut Progress,
    begun: Instant,
) -> Result<u64, InitError> {
    let answers = Deadline(begun.checked_add(times.answer));
    let mut limit = match times.jobs {
        Limit::Fixed(limit) => Some(Deadline(begun.checked_add(limit))),
        Limit::Unit => None,
    };
    let patience = Deadline(begun.checked_add(PATIENCE));
    while !progress.is_over(wait) {
        let mut deadline = limit.unwrap_or(patience);
        if progress.answered.iter().any(Option::is_none) {
            deadline = deadline.or(answers);
        }
        match link.receive(deadline)? {
            Some(Incoming::Answer(to, answer)) => progress.answer(to, answer),
            Some(Incoming::Signal(signal)) => progress.signal(&signal),
            None if answers.passed() && progress.answered.iter().any(Option::is_none) => {
                return Err(InitError::Silent {
                    init: super::names::SYSTEMD,
                    seconds: times.answer.as_secs(),
                });
            }
            None if limit.is_none() => {
                let own = own_limit(link, jobs, times.answer, progress)?;
                limit = Some(Deadline(own.and_then(|own| begun.checked_add(own))));
            }
            None if limit.is_some_and(Deadline::passed) => break,
            None => {}
        }
    }
    Ok(begun.elapsed().as_secs())
}

/// The longest that any of the jobs may take by its unit's own limits; nothing for "no limit".
fn own_limit(
    link: &mut Connection,
    jobs: &[Job],
    answer: Duration,
    progress: &mut Progress,
) -> Result<Option<Duration>, InitError> {
    let mut calls = Vec::new();
    for job in jobs {
        for property in limits_of(job) {
            calls.push(queries::get(link, &job.unit, *property)?);
        }
    }
    let answers = ask_meanwhile(link, &calls, answer, progress)?;
    // Jobs of one transaction may wait for each other: their limits add up.
    let mut total = GRACE;
    for micros in answers.into_iter().map(queries::value::<u64>) {
        match micros {
            Ok(INFINITY) => return Ok(None),
            Ok(micros) => total = total.saturating_add(Duration::from_micros(micros)),
            Err(_) => {}
        }
    }
    Ok(Some(total.max(PATIENCE + GRACE)))
}

fn limits_of(job: &Job) -> &'static [(&'static str, &'static str)] {
    match (job.unit.kind(), job.verb) {
        (UnitKind::Service, Verb::Start | Verb::Reload) => &[queries::TIMEOUT_START],
        (UnitKind::Service, Verb::Stop) => &[queries::TIMEOUT_STOP],
        (UnitKind::Service, Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart) => {
            &[queries::TIMEOUT_START, queries::TIMEOUT_STOP]
        }
        (UnitKind::Socket, _) => &[queries::TIMEOUT_SOCKET],
        // A target waits for whatever it pulls in: only the admin can bound that.
        (UnitKind::Target, _) => &[],
        (UnitKind::Path | UnitKind::Timer | UnitKind::Automount | UnitKind::Other, _) => &[],
    }
}

/// As `Connection::call_all`, but no end of a job is missed meanwhile.
fn ask_meanwhile(
    link: &mut Connection,
    calls: &[Message],
    limit: Duration,
    progress: &mut Progress,
) -> Result<Vec<Result<Message, InitError>>, InitError> {
    let mut on_signal = |signal: &Message| progress.signal(signal);
    link.call_all_while(calls, limit, &mut on_signal)
}

/// Asks how the services of failed jobs ended.
fn explain(link: &mut Connection, jobs: &[Job], outcomes: &mut [JobOutcome], limit: Duration) {
    let mut calls = Vec::new();
    let mut slots = Vec::new();
    for (job, outcome) in jobs.iter().zip(outcomes) {
        if let JobOutcome::Failed(JobFailure::Ended {
            result,
            service_result,
        }) = outcome
            && result == "failed"
            && job.unit.kind() == UnitKind::Service
            && let Ok(call) = queries::get(link, &job.unit, queries::RESULT)
        {
            calls.push(call);
            slots.push(service_result);
        }
    }
    if calls.is_empty() {
        return;
    }
    // A reason that cannot be had stays empty: the failure itself is known.
    let answers = link.call_all(&calls, limit).unwrap_or_default();
    for (slot, answer) in slots.into_iter().zip(answers) {
        *slot = queries::value(answer).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Message {
        Message::method_call(MANAGER_PATH, "StartUnit")
            .build(&())
            .unwrap()
    }

    fn queued(call: &Message, path: &str) -> Result<Message, InitError> {
        let path = OwnedObjectPath::try_from(path).unwrap();
        Ok(Message::method_return(&call.header()).build(&path).unwrap())
    }

    fn removed(path: &str, result: &str) -> Message {
        let path = OwnedObjectPath::try_from(path).unwrap();
        Message::signal(MANAGER_PATH, MANAGER, "JobRemoved")
            .build(&(7u32, path, "foo.service", result))
            .unwrap()
    }

    const LOST: JobFailure = JobFailure::TimedOut { seconds: 1 };

    #[test]
    fn an_end_that_is_announced_before_its_job_is_named_is_not_missed() {
        let call = call();
        let mut progress = Progress::of(std::slice::from_ref(&call));
        progress.signal(&removed("/job/1", "done"));
        assert!(!progress.is_over(Wait::Done));
        progress.answer(serial(&call), queued(&call, "/job/1"));
        assert!(progress.is_over(Wait::Done));
        assert_eq!(progress.outcomes(Wait::Done, &LOST), [JobOutcome::Done]);
    }

    #[test]
    fn each_result_becomes_its_outcome_in_the_order_of_the_jobs() {
        let calls = [call(), call(), call(), call()];
        let mut progress = Progress::of(&calls);
        for (index, call) in calls.iter().enumerate().take(3).rev() {
            progress.answer(serial(call), queued(call, &format!("/job/{index}")));
        }
        let refused = InitError::Refused {
            name: "n".to_owned(),
            message: "m".to_owned(),
        };
        progress.answer(serial(&calls[3]), Err(refused));
        progress.signal(&removed("/job/0", "skipped"));
        progress.signal(&removed("/job/1", "dependency"));
        progress.signal(&removed("/job/99", "failed"));
        assert!(!progress.is_over(Wait::Done));
        assert!(progress.is_over(Wait::Queued));
        let outcomes = progress.outcomes(Wait::Done, &LOST);
        assert_eq!(
            outcomes,
            [
                JobOutcome::Done,
                JobOutcome::Failed(JobFailure::Ended {
                    result: "dependency".to_owned(),
                    service_result: String::new()
                }),
                JobOutcome::Failed(LOST),
                JobOutcome::Failed(JobFailure::Refused {
                    name: "n".to_owned(),
                    message: "m".to_owned()
                }),
            ]
        );
    }

    #[test]
    fn a_signal_of_another_interface_ends_nothing() {
        let call = call();
        let mut progress = Progress::of(std::slice::from_ref(&call));
        progress.answer(serial(&call), queued(&call, "/job/1"));
        let path = OwnedObjectPath::try_from("/job/1").unwrap();
        let other = Message::signal(MANAGER_PATH, "org.example.Other", "JobRemoved")
            .build(&(7u32, path, "foo.service", "done"))
            .unwrap();
        progress.signal(&other);
        assert!(!progress.is_over(Wait::Done));
    }
}
