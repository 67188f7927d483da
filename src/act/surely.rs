//! Asking an init so that nothing is lost: after a loss it looks what became of each request, waits,
//! or asks again for exactly what was not done. `recover` judges; nothing is decided or printed here.

use std::time::Duration;

use crate::domain::order;
use crate::domain::{
    Contact, Job, JobFailure, JobOutcome, Known, Loss, Seen, SeenJob, UnitName, Verb, Wait,
};
use crate::init::{Init, InitError, Onlooker, Unwatched};
use crate::recover::{Asked, Recovery, recover};

/// The first pause between two looks; each is twice as long as the one before, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How often in a row nothing may be seen of a unit before nothing will be.
const BLIND_LOOKS: u32 = 5;
/// From here on, and so often, somebody is told what is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what the init has no job for is followed up where nothing else bounds it: it may still be
/// read, or come up by itself.
const NO_JOB: Duration = Duration::from_secs(600);
/// How a job ended that another took the place of.
const CANCELED: &str = "canceled";
/// systemd's word for a reload of what is not running.
const INVALID: &str = "invalid";
const SECOND: u64 = 1_000_000;

/// How long and how often a request is followed up once its answer was lost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// From the first asking to giving up; `None` for as long as the init says that the jobs may take.
    pub limit: Option<Duration>,
    /// How often one and the same is asked for, at most.
    pub askings: u32,
    /// Who is told what is waited for.
    pub onlooker: &'a dyn Onlooker,
    /// How jobs that are asked for together are.
    pub asking: Asking,
}

/// How jobs that are asked for together are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asking {
    /// Each for itself, in one breath.
    #[default]
    Each,
    /// In one transaction where the init can.
    AsOne,
}

impl Default for Bounds<'_> {
    fn default() -> Self {
        Self {
            limit: Some(NO_JOB),
            askings: 20,
            onlooker: &Unwatched,
            asking: Asking::Each,
        }
    }
}

/// A request whose end is not known.
#[derive(Debug)]
struct Open {
    /// Its place among the jobs.
    index: usize,
    job: Job,
    loss: Loss,
    /// When it was asked, in microseconds of the init's clock.
    at: u64,
    /// The last look at its unit.
    last: Option<Seen>,
    /// How often it was asked.
    askings: u32,
    /// How often in a row nothing could be seen.
    blind: u32,
    /// What stands where nothing better is found: how the init said that it ended.
    said: Option<JobFailure>,
}

/// What is to be done about one of them after a look.
#[derive(Debug)]
enum Next {
    /// Its outcome stays as the init said.
    Leave,
    End(JobOutcome),
    GiveUp,
    Wait,
    Ask,
}

/// How long jobs may take by what the init says.
#[derive(Debug, Clone, Copy)]
struct Own {
    /// When it was asked, in microseconds of the init's clock: it counts from there.
    since: u64,
    limit: Option<Duration>,
}

/// The way from losses to outcomes.
struct Pursuit<'a> {
    init: &'a mut dyn Init,
    wait: Wait,
    bounds: &'a Bounds<'a>,
    begun: u64,
    told: u64,
    /// What the units themselves allow, once it was asked for.
    own: Option<Own>,
    outcomes: Vec<JobOutcome>,
    open: Vec<Open>,
}

/// Runs `jobs` and follows up what was lost; one outcome a job, in their order. What is `Lost` or
/// `TimedOut` in the end stays owed.
///
/// # Errors
/// Only where nothing was asked.
pub(super) fn run(
    init: &mut dyn Init,
    jobs: &[Job],
    wait: Wait,
    bounds: &Bounds<'_>,
) -> Result<Vec<JobOutcome>, InitError> {
    let at = init.clock();
    let asked = match bounds.asking {
        Asking::Each => init.run(jobs, wait),
        Asking::AsOne => init.run_as_one(jobs, wait),
    };
    let outcomes = match asked {
        Ok(outcomes) => outcomes,
        Err(error @ InitError::Lost { .. }) => vec![unknown(&error); jobs.len()],
        Err(error) => return Err(error),
    };
    let mut pursuit = Pursuit {
        init,
        wait,
        bounds,
        begun: at,
        told: at,
        own: None,
        outcomes: Vec::with_capacity(jobs.len()),
        open: Vec::new(),
    };
    for (index, (job, outcome)) in jobs.iter().zip(outcomes).enumerate() {
        pursuit.outcomes.push(outcome.clone());
        pursuit.open.extend(Open::of(index, job, at, outcome));
    }
    pursuit.follow();
    Ok(pursuit.outcomes)
}

/// Does again what may be done twice, as long as the connection is lost under it.
///
/// # Errors
/// As `work`; the loss where it never came through.
pub(super) fn repeated<T>(
    init: &mut dyn Init,
    bounds: &Bounds<'_>,
    mut work: impl FnMut(&mut dyn Init) -> Result<T, InitError>,
) -> Result<T, InitError> {
    let begun = init.clock();
    let mut pause = FIRST_PAUSE;
    for _ in 1..bounds.askings {
        match work(init) {
            Err(InitError::Lost { .. }) if !is_over(init, begun, bounds) => init.pause(pause),
            result => return result,
        }
        pause = longer(pause);
    }
    work(init)
}

/// Kills every process of `unit` that runs now, and none that is started later.
///
/// # Errors
/// When the init could not be asked or refuses, or whom it killed is not known.
pub fn kill(init: &mut dyn Init, unit: &UnitName, bounds: &Bounds<'_>) -> Result<(), InitError> {
    let at = init.clock();
    for _ in 0..bounds.askings {
        let error = match init.kill(unit) {
            Err(error @ InitError::Lost { .. }) if !is_over(init, at, bounds) => error,
            result => return result,
        };
        let mut seen = init.seen(std::slice::from_ref(unit))?;
        match seen.pop() {
            // What was to be killed is gone.
            Some(seen) if seen.started > at || seen.active.is_and(|a| a.is_down()) => return Ok(()),
            Some(seen) if seen.started > 0 && !seen.active.is_unknown() => {}
            _ => return Err(error),
        }
    }
    init.kill(unit)
}

impl Open {
    /// `None` where the outcome is known.
    fn of(index: usize, job: &Job, at: u64, outcome: JobOutcome) -> Option<Self> {
        let (loss, said) = match outcome {
            JobOutcome::Failed(JobFailure::Lost(loss)) => (*loss, None),
            JobOutcome::Failed(JobFailure::Replaced(loss)) => {
                let said = JobFailure::Ended {
                    result: CANCELED.to_owned(),
                    service_result: String::new(),
                };
                (*loss, Some(said))
            }
            JobOutcome::Failed(JobFailure::Ended {
                result,
                service_result,
            }) if result == CANCELED => {
                let said = JobFailure::Ended {
                    result,
                    service_result,
                };
                (taken(&said), Some(said))
            }
            JobOutcome::Done | JobOutcome::Queued | JobOutcome::Failed(_) => return None,
        };
        Some(Self {
            index,
            job: job.clone(),
            loss,
            at,
            last: None,
            askings: 1,
            blind: 0,
            said,
        })
    }

    /// Asked once more, at `at`, and lost again.
    fn lost_again(&mut self, at: u64, loss: Loss) {
        let before = loss.before.or_else(|| self.last.take());
        self.loss = Loss { before, ..loss };
        self.at = at;
    }

    fn judged(&self, after: &Seen) -> Recovery {
        let asked = Asked {
            job: &self.job,
            contact: self.loss.contact,
            before: self.loss.before.as_ref(),
            at: self.at,
        };
        recover(&asked, after)
    }

    /// What a look leads to.
    fn next(&self, after: &Seen, wait: Wait, askings: u32) -> Next {
        let is_said = self.said.is_some();
        match self.judged(after) {
            // The other that took its place has undone it in the end.
            Recovery::Settled if is_said && !is_as_asked(&self.job, after) => Next::Leave,
            Recovery::Settled => Next::End(JobOutcome::Done),
            Recovery::Failed(_) | Recovery::AskAgain if is_said => Next::Leave,
            Recovery::Failed(why) => {
                Next::End(JobOutcome::Failed(failure(self.job.verb, after, why)))
            }
            Recovery::AskAgain if self.askings >= askings => {
                Next::End(JobOutcome::Failed(never_taken(self)))
            }
            Recovery::AskAgain => Next::Ask,
            Recovery::StillRunning if wait == Wait::Queued && self.is_queued(after) => {
                Next::End(JobOutcome::Queued)
            }
            Recovery::StillRunning if self.blind >= BLIND_LOOKS => Next::GiveUp,
            Recovery::StillRunning => Next::Wait,
        }
    }

    /// What is left of it when nobody waits any longer.
    fn given_up(&self, after: Option<&Seen>, seconds: u64) -> JobFailure {
        if let Some(said) = &self.said {
            return said.clone();
        }
        let job = after.and_then(job_of);
        let is_ours =
            |verb: Option<Verb>| self.loss.contact == Contact::Taken || verb == Some(self.job.verb);
        if job.is_some_and(|job| is_ours(job.verb)) {
            JobFailure::TimedOut { seconds }
        } else {
            JobFailure::Lost(Box::new(self.loss.clone()))
        }
    }

    /// The job that its unit had at the last look.
    fn at_work(&self) -> Option<&SeenJob> {
        self.last.as_ref().and_then(job_of)
    }

    /// Whether the job that is there now does, once it ends, what was asked.
    fn is_queued(&self, after: &Seen) -> bool {
        let Some(verb) = job_of(after).and_then(|job| job.verb) else {
            return false;
        };
        match self.job.verb {
            Verb::Start => verb != Verb::Stop && verb != Verb::Reload,
            Verb::Stop => verb == Verb::Stop,
            Verb::Restart | Verb::TryRestart => {
                matches!(verb, Verb::Restart | Verb::TryRestart)
            }
            Verb::Reload | Verb::ReloadOrRestart => verb != Verb::Stop,
        }
    }
}

fn job_of(seen: &Seen) -> Option<&SeenJob> {
    seen.job.get().and_then(Option::as_ref)
}

impl Pursuit<'_> {
    fn follow(&mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.open.is_empty() {
            let Some(seen) = self.look() else {
                return self.give_up();
            };
            let again = self.judge(seen);
            if self.is_over() {
                return self.give_up();
            }
            let first = |open: &&Open| again.contains(&open.index) && open.askings == 1;
            if !self.open.is_empty() && !self.open.iter().any(|open| first(&open)) {
                self.heed_length();
                self.init.pause(pause);
                pause = longer(pause);
            }
            self.ask(&again);
        }
    }

    /// A look at every unit whose request is open; `None` where the init stays away.
    fn look(&mut self) -> Option<Vec<Seen>> {
        let units: Vec<UnitName> = self.open.iter().map(|open| open.job.unit.clone()).collect();
        match repeated(self.init, self.bounds, |init| init.seen(&units)) {
            Ok(seen) if seen.len() == units.len() => Some(seen),
            Ok(_) => None,
            Err(error) => {
                for open in &mut self.open {
                    open.loss.why = format!("{}; then {error}", open.loss.why);
                }
                None
            }
        }
    }

    /// Settles what can be settled; returns what is to be asked again, which stays open.
    fn judge(&mut self, seen: Vec<Seen>) -> Vec<usize> {
        let (seconds, mut again) = (self.seconds(), Vec::new());
        for (mut open, after) in std::mem::take(&mut self.open).into_iter().zip(seen) {
            open.blind = match after.active {
                Known::Is(_) => 0,
                Known::Unknown(_) => open.blind + 1,
            };
            match open.next(&after, self.wait, self.bounds.askings) {
                Next::Leave => continue,
                Next::End(outcome) => {
                    self.end(&open, outcome);
                    continue;
                }
                Next::GiveUp => {
                    let failure = open.given_up(Some(&after), seconds);
                    self.end(&open, JobOutcome::Failed(failure));
                    continue;
                }
                Next::Wait => {}
                Next::Ask => {
                    // It was not done and will not be: if nobody asks, that is all that is known.
                    open.loss.contact = Contact::Unread;
                    again.push(open.index);
                }
            }
            open.last = Some(after);
            self.open.push(open);
        }
        again
    }

    /// Asks once more for these, in their order.
    fn ask(&mut self, again: &[usize]) {
        let (asked, waiting): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open| again.contains(&open.index));
        self.open = waiting;
        if asked.is_empty() {
            return;
        }
        let jobs: Vec<Job> = asked.iter().map(|open| open.job.clone()).collect();
        let at = self.init.clock();
        let outcomes = match self.init.run(&jobs, self.wait) {
            Ok(outcomes) => outcomes,
            Err(error @ InitError::Lost { .. }) => vec![unknown(&error); jobs.len()],
            Err(error) => vec![never(&error); jobs.len()],
        };
        for (mut open, outcome) in asked.into_iter().zip(outcomes) {
            open.askings += 1;
            match Open::of(open.index, &open.job, at, outcome.clone()) {
                None => self.end(&open, outcome),
                Some(anew) => {
                    open.lost_again(at, anew.loss);
                    open.said = anew.said;
                    self.end(&open, outcome);
                    self.open.push(open);
                }
            }
        }
        order::sort_by_key(&mut self.open, |open| open.index);
    }

    fn give_up(&mut self) {
        let seconds = self.seconds();
        for open in std::mem::take(&mut self.open) {
            let failure = open.given_up(open.last.as_ref(), seconds);
            self.end(&open, JobOutcome::Failed(failure));
        }
    }

    fn end(&mut self, open: &Open, outcome: JobOutcome) {
        if let Some(slot) = self.outcomes.get_mut(open.index) {
            *slot = outcome;
        }
    }

    /// Now and then, when it takes long: tells of it, and looks at what it may wait for.
    fn heed_length(&mut self) {
        let now = self.init.clock();
        if span(self.told, now) < PATIENCE {
            return;
        }
        self.told = now;
        let jobs: Vec<&Job> = self.open.iter().map(|open| &open.job).collect();
        self.bounds.onlooker.working(&jobs, span(self.begun, now));
        self.ask_limit(now);
        self.leave_what_waits();
    }

    fn ask_limit(&mut self, now: u64) {
        if self.bounds.limit.is_some() || self.own.is_some() {
            return;
        }
        let jobs: Vec<Job> = self.open.iter().map(|open| open.job.clone()).collect();
        // What cannot be asked now is asked next time.
        self.own = self
            .init
            .limit_of(&jobs)
            .ok()
            .map(|limit| Own { since: now, limit });
    }

    /// A job that waits for us to end goes on without us.
    fn leave_what_waits(&mut self) {
        let queued = |open: &&Open| open.last.as_ref().is_some_and(|last| open.is_queued(last));
        let ours = self.open.iter().filter(queued);
        let jobs: Vec<SeenJob> = ours.filter_map(Open::at_work).cloned().collect();
        if jobs.is_empty() {
            return;
        }
        // Where it cannot be told they are waited for as before.
        let waiting = self.init.waiting_for_us(&jobs).unwrap_or_default();
        for open in std::mem::take(&mut self.open) {
            match open.at_work().is_some_and(|job| waiting.contains(&job.id)) {
                true => self.end(&open, JobOutcome::Queued),
                false => self.open.push(open),
            }
        }
    }

    /// Whether nobody waits any longer. Where the init has a limit of its own, what it is at may take
    /// as long as that says.
    fn is_over(&self) -> bool {
        let now = self.init.clock();
        match (self.bounds.limit, self.own) {
            (Some(limit), _) => span(self.begun, now) >= limit,
            (
                None,
                Some(Own {
                    since,
                    limit: Some(limit),
                }),
            ) => span(since, now) >= limit,
            (None, Some(Own { limit: None, .. }) | None) => {
                let at_work = self.open.iter().any(|open| open.at_work().is_some());
                !at_work && span(self.begun, now) >= NO_JOB
            }
        }
    }

    fn seconds(&self) -> u64 {
        self.init.clock().saturating_sub(self.begun) / SECOND
    }
}

fn is_over(init: &dyn Init, begun: u64, bounds: &Bounds<'_>) -> bool {
    span(begun, init.clock()) >= bounds.limit.unwrap_or(NO_JOB)
}

/// From one time of the init's clock to another.
fn span(from: u64, to: u64) -> Duration {
    Duration::from_micros(to.saturating_sub(from))
}

/// Whether the unit is where the job would have left it.
fn is_as_asked(job: &Job, after: &Seen) -> bool {
    after.active.is_and(|active| match job.verb {
        Verb::Stop => active.is_down(),
        Verb::Start | Verb::Restart | Verb::TryRestart | Verb::Reload | Verb::ReloadOrRestart => {
            active.is_active()
        }
    })
}

fn longer(pause: Duration) -> Duration {
    LONGEST_PAUSE.min(pause.saturating_mul(2))
}

fn unknown(error: &InitError) -> JobOutcome {
    JobOutcome::Failed(JobFailure::Lost(Box::new(Loss::sent(error.to_string()))))
}

fn unread(why: String) -> JobFailure {
    JobFailure::Lost(Box::new(Loss {
        why,
        contact: Contact::Unread,
        before: None,
    }))
}

/// The outcome of a request that could not even be sent.
pub(super) fn never(error: &InitError) -> JobOutcome {
    JobOutcome::Failed(unread(error.to_string()))
}

fn never_taken(open: &Open) -> JobFailure {
    unread(format!(
        "asked {} times, and lost each time: {}",
        open.askings, open.loss.why
    ))
}

fn taken(said: &JobFailure) -> Loss {
    Loss {
        why: said.to_string(),
        contact: Contact::Taken,
        before: None,
    }
}

/// What `recover` calls failed, as the init would have said it where it has words for that.
fn failure(verb: Verb, after: &Seen, why: String) -> JobFailure {
    let ended = |result: &str, service_result: &str| JobFailure::Ended {
        result: result.to_owned(),
        service_result: service_result.to_owned(),
    };
    let down = after.active.is_and(|active| active.is_down());
    match verb {
        Verb::Reload if down => ended(INVALID, ""),
        Verb::Reload | Verb::ReloadOrRestart if !down => ended("failed", &after.reload_result),
        _ if !matches!(after.result.as_str(), "" | "success") => ended("failed", &after.result),
        _ => JobFailure::Refused {
            name: "org.freedesktop.DBus.Error.Failed".to_owned(),
            message: why,
        },
    }
}
