//! One job, from looking how the service stands to seeing that it stands where it was asked to. The
//! request is a few letters written to runsv's pipe; that it was read, and what came of it, is read off
//! its status. Nothing here waits: it is called again and again.

use std::fs::File;
use std::time::{Duration, Instant};

use super::check::Check;
use super::failures::{canceled, died, refused};
use super::goal::{Goal, Plan, Standing, plan};
use super::service::{Look, Service, Trouble, Watched};
use super::status::{Phase, Run};
use crate::domain::{Job, JobFailure, JobOutcome, Wait};
use crate::init::process::Process;
use crate::init::supervise::errand::Errand;
use crate::init::supervise::place::Version;
use crate::init::supervise::tai::Stamp;

/// A service without a `check` is up when its `run` has stood this long: a daemon that does not like its
/// configuration, or whose program is gone, has ended by then. `sv`, which looks every 420 ms, sees no more.
const STANDS: Duration = Duration::from_millis(100);
/// A service that has ended as often as this allows is given up, so long after it was asked for, and
/// not earlier: many a `run` ends until what it needs is up. As long as `sv` has patience.
const COMES: Duration = Duration::from_secs(7);
/// A will that is contrary to ours, and has stood so long, is somebody else's. runsv reads one letter
/// after the other, and may sleep for two seconds between two of them.
const CONTRARY: Duration = Duration::from_millis(2500);

/// How long is waited, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) wait: Wait,
    /// For a runsv that is not there.
    pub(super) patience: Duration,
}

/// One job at work.
#[derive(Debug)]
pub(super) struct Work<'a> {
    job: &'a Job,
    terms: Terms,
    service: Result<Option<Service>, Trouble>,
    /// Since when no runsv is there, or reads what is written.
    missed: Option<Instant>,
    asked: Option<Asked>,
}

/// What was asked, and what was seen since.
#[derive(Debug)]
struct Asked {
    at: Instant,
    goal: Goal,
    /// As long as this is open the letters are not lost with a runsv that ends before it reads them: the
    /// next one does.
    _pipe: Option<File>,
    hearing: Hearing,
    /// What runsv had written before.
    version: Version,
    /// What ran before.
    run: Option<Run>,
    process: Option<Process>,
    /// When it was seen to have gone down since.
    falls: Vec<Stamp>,
    /// The run that may be the one, since when it is seen, and its check.
    candidate: Option<(Run, Instant)>,
    check: Option<Check>,
    /// Since when runsv wants something else, as of which version.
    contrary: Option<(Version, Instant)>,
}

/// Who has the letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    /// The runsv that they were written for, which may have read them.
    First,
    /// Another one, which knows nothing of what the first has read.
    Next,
}

impl Errand for Work<'_> {
    fn job(&self) -> &Job {
        self.job
    }

    fn step(&mut self, now: Instant) -> Option<JobOutcome> {
        let look = match &mut self.service {
            Ok(Some(service)) => service.look().map_err(|trouble| trouble.to_string()),
            Ok(None) => Err("no runsvdir or runsv has such a service".to_owned()),
            Err(trouble) => Err(trouble.to_string()),
        };
        match look {
            Err(why) => Some(self.refused(&why)),
            Ok(Look::Unwatched) if self.is_gone() => Some(JobOutcome::Done),
            Ok(Look::Unwatched) => self.missing(now),
            Ok(Look::Watched(watched)) if self.asked.is_none() => self.ask(&watched, now),
            Ok(Look::Watched(watched)) => self.judge(&watched, now),
        }
    }

    fn overdue(&mut self, waited: Duration) -> JobOutcome {
        let seconds = waited.as_secs();
        match &self.asked {
            Some(_) => JobOutcome::Failed(JobFailure::TimedOut { seconds }),
            None => self.refused(&format!("no runsv has read the request for {seconds} s")),
        }
    }
}

impl<'a> Work<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(
        job: &'a Job,
        service: Result<Option<Service>, Trouble>,
        terms: Terms,
    ) -> Self {
        Self {
            job,
            terms,
            service,
            missed: None,
            asked: None,
        }
    }

    fn ask(&mut self, watched: &Watched, now: Instant) -> Option<JobOutcome> {
        let (letters, goal) = match plan(self.job.verb, &watched.status) {
            Plan::Nothing => return Some(JobOutcome::Done),
            Plan::NotRunning => {
                return Some(self.refused_as("runit.NotRunning", "it is not running"));
            }
            Plan::Await(goal) => (&[][..], goal),
            Plan::Ask(letters, goal) => (letters, goal),
        };
        // Before it is asked: what was is what runsv changes.
        let mut asked = Asked::of(goal, watched, now);
        if !letters.is_empty() {
            match watched.send(letters) {
                Ok(Some(pipe)) => asked.has_sent(pipe),
                Ok(None) => return self.missing(now),
                Err(why) => return Some(self.refused(&why)),
            }
        }
        self.asked = Some(asked);
        (self.terms.wait == Wait::Queued).then_some(JobOutcome::Queued)
    }

    /// Nobody is there to be asked, or reads it.
    fn missing(&mut self, now: Instant) -> Option<JobOutcome> {
        if let Some(asked) = &mut self.asked {
            asked.hearing = Hearing::Next;
        }
        let since = *self.missed.get_or_insert(now);
        let waited = now.duration_since(since);
        if self.asked.is_some() || waited < self.terms.patience {
            return None;
        }
        let seconds = waited.as_secs();
        Some(self.refused(&format!("no runsv has read the request for {seconds} s")))
    }

    /// Whether what was to go down went with its runsv, because its link was taken away.
    fn is_gone(&self) -> bool {
        let Some(asked) = &self.asked else {
            return false;
        };
        let linked = matches!(&self.service, Ok(Some(service)) if service.is_linked());
        asked.goal == Goal::Down && !linked && !asked.is_left_over()
    }

    fn judge(&mut self, watched: &Watched, now: Instant) -> Option<JobOutcome> {
        let asked = self.asked.as_mut()?;
        let heard = watched.version != asked.version;
        let standing = asked.goal.standing(&watched.status, heard);
        asked.note_fall(watched);
        match standing {
            Standing::Contrary if asked.is_forgotten() => return self.ask_again(watched),
            Standing::Contrary if asked.is_overruled(watched.version, now) => {
                return Some(JobOutcome::Failed(canceled()));
            }
            Standing::Contrary | Standing::OnItsWay => {
                asked.candidate = None;
                asked.check = None;
            }
            Standing::There(run) if self.holds(run, now) => return Some(self.done()),
            Standing::There(_) => {}
        }
        let asked = self.asked.as_ref()?;
        let often = asked.falls.len() > asked.goal.falls();
        (often && now.duration_since(asked.at) >= COMES).then(|| JobOutcome::Failed(died()))
    }

    /// Where the next one reads the first letters yet, asking twice does no harm.
    fn ask_again(&mut self, watched: &Watched) -> Option<JobOutcome> {
        let asked = self.asked.as_mut()?;
        match watched.send(asked.goal.letter()) {
            Ok(Some(pipe)) => {
                asked.has_sent(pipe);
                asked.version = watched.version;
                None
            }
            Ok(None) => None,
            Err(why) => Some(self.refused(&why)),
        }
    }

    /// Whether the service is there to stay.
    fn holds(&mut self, run: Option<Run>, now: Instant) -> bool {
        let (Some(asked), Ok(Some(service))) = (&mut self.asked, &self.service) else {
            return false;
        };
        let Some(run) = run else {
            return true;
        };
        if asked.candidate.is_none_or(|(known, _)| known != run) {
            asked.candidate = Some((run, now));
            // One that others may write to is not run, and nothing is known without it.
            let program = service.place.program("check").ok().flatten();
            asked.check = program.map(|program| Check::new(program, service.place.path()));
        }
        let stood = asked.candidate.map(|(_, since)| now.duration_since(since));
        match &mut asked.check {
            Some(check) => check.passes(now),
            None if asked.run == Some(run) => true,
            None => stood.is_some_and(|stood| stood >= STANDS),
        }
    }

    /// What was to end must have: a runsv that was killed leaves what it started behind.
    fn done(&self) -> JobOutcome {
        let left = self.asked.as_ref().filter(|asked| asked.is_left_over());
        match left.and_then(|asked| asked.process) {
            None => JobOutcome::Done,
            Some(process) => self.refused(&format!(
                "runsv has lost track of it: its process {} still runs",
                process.pid
            )),
        }
    }

    fn refused(&self, why: &str) -> JobOutcome {
        self.refused_as("runit.Refused", why)
    }

    fn refused_as(&self, name: &str, why: &str) -> JobOutcome {
        let (verb, service) = (self.job.verb, self.job.unit.service());
        JobOutcome::Failed(refused(name, format!("{verb} of {service}: {why}")))
    }
}

impl Asked {
    fn of(goal: Goal, watched: &Watched, at: Instant) -> Self {
        let run = watched.status.run();
        Self {
            at,
            goal,
            _pipe: None,
            hearing: Hearing::First,
            version: watched.version,
            run,
            process: run.and_then(|run| Process::of(run.pid)),
            falls: Vec::new(),
            candidate: None,
            check: None,
            contrary: None,
        }
    }

    fn has_sent(&mut self, pipe: File) {
        self._pipe = Some(pipe);
        self.hearing = Hearing::First;
        self.contrary = None;
    }

    /// Whether a runsv has read the letters and is gone: what the next one wants is nobody's will.
    fn is_forgotten(&self) -> bool {
        self.hearing == Hearing::Next && self._pipe.is_some()
    }

    /// Counts how often it was seen to have gone down since it was asked for.
    fn note_fall(&mut self, watched: &Watched) {
        let since = watched.status.since;
        let new = watched.version != self.version && self.falls.last() != Some(&since);
        if watched.status.phase == Phase::Down && new {
            self.falls.push(since);
        }
    }

    fn is_overruled(&mut self, version: Version, now: Instant) -> bool {
        match self.contrary {
            Some((known, since)) if known == version => now.duration_since(since) >= CONTRARY,
            Some(_) | None => {
                self.contrary = Some((version, now));
                false
            }
        }
    }

    /// Whether a process still runs that was to end.
    fn is_left_over(&self) -> bool {
        match self.goal {
            Goal::Down | Goal::Another(_) => self.process.is_some_and(Process::is_alive),
            Goal::Up | Goal::Heard => false,
        }
    }
}
