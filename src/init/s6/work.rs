//! One job, from looking where the service stands to seeing that it stands where it was asked to.
//!
//! A restart asks for down and for up in one breath, so that whoever is killed in between leaves nothing
//! down, and once more for up when it is down: s6-supervise lets a second pass between two starts where
//! nobody asks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::service::{Desertion, Heard, Left, Look, RESPAWN, Service, deserted, look, seen};
use super::status::{Notifies, Stage, Status, Wanted};
use crate::domain::{Contact, Job, JobFailure, JobOutcome, Loss, Seen, Verb, Wait};
use crate::init::process::Process;
use crate::init::supervise::clock::Clock;
use crate::init::supervise::errand::Errand;
use crate::init::supervise::place::{Written, write};

/// What has no way to say that it is ready is taken for up once its `run` has executed it, and it has lived for this long
/// and is at rest.
const SETTLE: Duration = Duration::from_millis(10);
/// How a process is called that has not come so far: it may be at rest because it waits for a check of the configuration.
/// The last one is what s6-rc gives to its own wrapper.
const BEFORE: [&str; 3] = ["s6-supervise", "run", "run.user"];
/// One that is always busy is taken for up after this, and so is a `run` that does all by itself: where what ran before
/// was such a one.
const LONGEST_SETTLE: Duration = Duration::from_millis(200);
/// A `run` may check a configuration for as long as this, where nothing ran before that would tell what becomes of it.
const LONGEST_CHECK: Duration = Duration::from_secs(2);

/// A service that has died is given up so long after it was asked for, and not earlier: many a `run` ends until what
/// it needs is up, and s6 starts it again every second.
const COMES: Duration = Duration::from_secs(7);

/// A supervisor has read what it was sent after this, unless it is stopped.
const HEARD: Duration = Duration::from_millis(500);

/// Commands to s6-supervise.
const UP: &[u8] = b"u";
const DOWN: &[u8] = b"d";
/// Also continues what is stopped, and kills what does not go where there is a `timeout-kill`: the
/// command for a restart does neither in every version.
const DOWN_AND_UP: &[u8] = b"du";
const HANGUP: &[u8] = b"h";

/// One job at work.
pub(super) struct Work<'a> {
    directories: &'a [PathBuf],
    clock: &'a Clock,
    job: &'a Job,
    wait: Wait,
    phase: Phase,
    /// The unit before anything was asked.
    before: Option<Seen>,
    /// Since when it has been up again after it was asked to go down.
    contested: Option<Instant>,
    /// Since when the run that is waited for is more than its `run`.
    executed: Option<Instant>,
    /// How long it may be no more than that.
    checks: Duration,
    /// When it was asked for.
    asked: Option<Instant>,
    /// How it stood after it had last come up and gone down again.
    death: Option<Status>,
    /// Since when nobody has listened, and who did last.
    deserted: Option<(Instant, Desertion)>,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing was asked yet.
    Begin,
    /// Asked to go down.
    GoingDown(Status),
    /// Asked to go down and come up again.
    Renewing(Status),
    /// Asked to come up when its status was this.
    ComingUp(Status),
    /// It has come up: in this run, first seen then.
    Settling(Status, Instant),
    /// It ran and was not wanted, when it was asked for then: as what somebody is stopping, or as what was
    /// started for once.
    Staying(Status, Instant),
}

type Done = Result<(), JobFailure>;

impl<'a> Work<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(
        directories: &'a [PathBuf],
        clock: &'a Clock,
        job: &'a Job,
        wait: Wait,
    ) -> Self {
        Self {
            directories,
            clock,
            job,
            wait,
            phase: Phase::Begin,
            before: None,
            contested: None,
            executed: None,
            checks: LONGEST_CHECK,
            asked: None,
            death: None,
            deserted: None,
        }
    }

    fn progress(&mut self, now: Instant) -> Option<Done> {
        let gone = self.deserted.map(|(_, gone)| gone);
        let found = match look(self.directories, &self.job.unit, gone) {
            Ok(found) => found,
            Err(error) => return Some(Err(refused(error.to_string()))),
        };
        let service = match found {
            Look::There(service) => service,
            Look::Missing => return Some(self.gone(format!("s6 has no {}", self.job.unit))),
            Look::Deserted(gone) => return self.without_supervisor(gone, now),
        };
        self.deserted = None;
        match self.phase {
            Phase::Begin => self.begin(service, now),
            Phase::GoingDown(first) => self.going_down(&first, &service.status, now),
            Phase::Renewing(first) => self.renewing(&first, &service, now),
            Phase::ComingUp(first) => self.coming_up(&first, &service, now),
            Phase::Settling(run, since) => self.settling(&run, since, &service, now),
            Phase::Staying(run, since) => self.staying(&run, since, &service, now),
        }
    }

    fn begin(&mut self, service: Service, now: Instant) -> Option<Done> {
        let status = service.status;
        let notifies = service.notifies;
        let up = matches!(status.stage, Stage::Up { .. });
        let down = (status.stage, status.wanted) == (Stage::Down, Wanted::Down);
        let (words, phase) = match self.job.verb {
            Verb::Start if is_up(&status, notifies) => return Some(Ok(())),
            Verb::Stop | Verb::TryRestart if down => return Some(Ok(())),
            // It is on its way down by somebody's will.
            Verb::TryRestart if status.wanted == Wanted::Down => return Some(Ok(())),
            Verb::Start => (UP, coming_from(status, now)),
            Verb::Stop => (DOWN, Phase::GoingDown(status)),
            Verb::Restart | Verb::TryRestart if up => (DOWN_AND_UP, Phase::Renewing(status)),
            Verb::Reload | Verb::ReloadOrRestart if up => (HANGUP, Phase::Begin),
            Verb::Reload => {
                return Some(Err(refused(format!("{} is not running", self.job.unit))));
            }
            Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart => {
                (UP, coming_from(status, now))
            }
        };
        if words != DOWN && words != HANGUP && !service.can_run() {
            return Some(Err(refused(format!(
                "its `{}` cannot be executed",
                service.place.path().join("run").display()
            ))));
        }
        self.ask(Look::There(service), words, phase)
    }

    fn ask(&mut self, found: Look, words: &[u8], phase: Phase) -> Option<Done> {
        let before = seen(&self.job.unit, &found, self.clock);
        let Look::There(service) = found else {
            return None;
        };
        match write(&service.control, words) {
            Ok(Written::All) => {}
            // It reads again some time, or does not: then time runs out.
            Ok(Written::Full) => return None,
            // The next look finds that it is gone.
            Ok(Written::Nobody) => return None,
            Err(errno) => return Some(Err(refused(format!("its supervisor: {}", errno.desc())))),
        }
        self.before = Some(before);
        self.checks = longest_check(&service.status);
        self.phase = phase;
        self.executed = None;
        self.asked = Some(Instant::now());
        let over = self.wait == Wait::Queued || words == HANGUP;
        over.then_some(Ok(()))
    }

    fn going_down(&mut self, first: &Status, status: &Status, now: Instant) -> Option<Done> {
        match (status.stage, status.wanted) {
            (Stage::Down, Wanted::Down) => return Some(Ok(())),
            // Somebody wants it up again, or it came up before it was told.
            (Stage::Up { .. }, Wanted::Up) if status.is_another_run(first) => {
                let since = *self.contested.get_or_insert(now);
                let heard = now.saturating_duration_since(since) >= HEARD;
                return heard.then_some(Err(canceled()));
            }
            (Stage::Up { .. } | Stage::Finishing { .. } | Stage::Down, _) => {}
        }
        self.contested = None;
        None
    }

    fn renewing(&mut self, first: &Status, service: &Service, now: Instant) -> Option<Done> {
        let status = &service.status;
        match status.stage {
            Stage::Up { .. } if status.is_another_run(first) => self.coming_up(first, service, now),
            // A moment ago it was to be up again: that it is not says its `finish`, which has had it
            // its way for what ran before.
            Stage::Down => match write(&service.control, UP) {
                Ok(Written::All) => {
                    self.phase = Phase::ComingUp(*status);
                    None
                }
                Ok(Written::Full | Written::Nobody) => None,
                Err(errno) => Some(Err(refused(format!("its supervisor: {}", errno.desc())))),
            },
            Stage::Up { .. } | Stage::Finishing { .. } => None,
        }
    }

    fn coming_up(&mut self, first: &Status, service: &Service, now: Instant) -> Option<Done> {
        let status = service.status;
        // What was there when it was asked for has not come up since, and may not have been heard yet.
        let moved = status.stamp != first.stamp;
        match (status.stage, status.wanted) {
            (Stage::Up { .. }, Wanted::Up) => {
                self.phase = Phase::Settling(status, now);
                self.executed = None;
                (is_up(&status, service.notifies) && service.notifies == Notifies::Yes)
                    .then_some(Ok(()))
            }
            (Stage::Finishing { .. } | Stage::Down, Wanted::Up) if moved => self.dies(&status, now),
            (Stage::Down, Wanted::Down) if moved => Some(Err(died(&status))),
            (Stage::Up { .. }, Wanted::Down) if moved => Some(Err(canceled())),
            (Stage::Up { .. } | Stage::Finishing { .. } | Stage::Down, _) => None,
        }
    }

    fn settling(
        &mut self,
        run: &Status,
        since: Instant,
        service: &Service,
        now: Instant,
    ) -> Option<Done> {
        let status = service.status;
        if status.invocation() == run.invocation() {
            return self.standing(since, service, now);
        }
        self.phase = Phase::ComingUp(*run);
        match status.stage {
            // It died unseen, and this is the next run.
            Stage::Up { .. } => self
                .dies(&status, now)
                .or_else(|| self.coming_up(run, service, now)),
            Stage::Finishing { .. } | Stage::Down => self.coming_up(run, service, now),
        }
    }

    /// Whether the run that is there is there to stay.
    fn standing(&mut self, since: Instant, service: &Service, now: Instant) -> Option<Done> {
        let status = &service.status;
        let settled = self.has_settled(status, since, now);
        match (status.wanted, service.notifies) {
            (Wanted::Down, _) if settled => Some(Err(canceled())),
            (Wanted::Down, _) => None,
            (Wanted::Up, Notifies::Yes) => is_up(status, Notifies::Yes).then_some(Ok(())),
            (Wanted::Up, Notifies::No) => settled.then_some(Ok(())),
        }
    }

    fn has_settled(&mut self, status: &Status, since: Instant, now: Instant) -> bool {
        let Some(process) = Process::of(status.main_pid()) else {
            return now.saturating_duration_since(since) >= LONGEST_SETTLE;
        };
        if self.executed.is_none() && !is_run_itself(process) {
            self.executed = Some(now);
        }
        let Some(executed) = self.executed else {
            return now.saturating_duration_since(since) >= self.checks;
        };
        let lived = now.saturating_duration_since(executed);
        lived >= LONGEST_SETTLE || lived >= SETTLE && process.is_at_rest()
    }

    /// It is left to s6 to try again, for a while.
    fn dies(&mut self, status: &Status, now: Instant) -> Option<Done> {
        self.death = Some(*status);
        let asked = self.asked?;
        let over = now.saturating_duration_since(asked) >= COMES;
        over.then(|| Err(died(status)))
    }

    fn staying(
        &mut self,
        run: &Status,
        since: Instant,
        service: &Service,
        now: Instant,
    ) -> Option<Done> {
        if service.status.invocation() == run.invocation() {
            return self.standing(since, service, now);
        }
        self.phase = Phase::Renewing(*run);
        self.renewing(run, service, now)
    }

    /// s6-svscan starts another supervisor within a second, which starts the service anew.
    fn without_supervisor(&mut self, gone: Desertion, now: Instant) -> Option<Done> {
        let (since, _) = *self.deserted.get_or_insert((now, gone));
        let why = format!("{}: {}", self.job.unit, deserted(gone.left));
        match self.phase {
            // Its process has ended, which is told a moment later.
            _ if (gone.heard, gone.left) == (Heard::Yes, Left::Nothing) => None,
            Phase::Begin if now.saturating_duration_since(since) < RESPAWN => None,
            Phase::Begin => Some(Err(refused(why))),
            Phase::GoingDown(_)
            | Phase::Renewing(_)
            | Phase::ComingUp(_)
            | Phase::Settling(..)
            | Phase::Staying(..) => Some(self.gone(why)),
        }
    }

    /// Whoever was asked is not there any more.
    fn gone(&self, why: String) -> Done {
        let Phase::Begin = self.phase else {
            return Err(JobFailure::Lost(Box::new(Loss {
                why,
                contact: Contact::Sent,
                before: self.before.clone(),
            })));
        };
        Err(refused(why))
    }
}

impl Errand for Work<'_> {
    fn job(&self) -> &Job {
        self.job
    }

    fn step(&mut self, now: Instant) -> Option<JobOutcome> {
        let done = self.progress(now)?;
        Some(match (done, self.wait) {
            (Ok(()), Wait::Done) => JobOutcome::Done,
            (Ok(()), Wait::Queued) => JobOutcome::Queued,
            (Err(failure), _) => JobOutcome::Failed(failure),
        })
    }

    fn overdue(&mut self, waited: Duration) -> JobOutcome {
        let seconds = waited.as_secs();
        if let Some(death) = &self.death {
            return JobOutcome::Failed(died(death));
        }
        JobOutcome::Failed(match self.phase {
            Phase::Begin => refused(format!(
                "the supervisor of {} has not read a command for {seconds} s",
                self.job.unit
            )),
            Phase::GoingDown(_)
            | Phase::Renewing(_)
            | Phase::ComingUp(_)
            | Phase::Settling(..)
            | Phase::Staying(..) => JobFailure::TimedOut { seconds },
        })
    }
}

/// Whether it has not come further than its `run`.
fn is_run_itself(process: Process) -> bool {
    BEFORE.iter().any(|name| process.is_called(name))
}

/// How long the next run may be no more than its `run`, by what runs before it.
fn longest_check(before: &Status) -> Duration {
    match Process::of(before.main_pid()) {
        Some(process) if is_run_itself(process) => LONGEST_SETTLE,
        Some(_) => COMES,
        None => LONGEST_CHECK,
    }
}

/// How it goes on from `status` once it was asked to come up.
fn coming_from(status: Status, now: Instant) -> Phase {
    match (status.stage, status.wanted) {
        (Stage::Up { .. }, Wanted::Up) => Phase::Settling(status, now),
        (Stage::Up { .. }, Wanted::Down) => Phase::Staying(status, now),
        (Stage::Finishing { .. }, _) => Phase::Renewing(status),
        (Stage::Down, _) => Phase::ComingUp(status),
    }
}

/// Whether it is up, and ready where it says so.
fn is_up(status: &Status, notifies: Notifies) -> bool {
    matches!(status.stage, Stage::Up { ready, .. } if ready || notifies == Notifies::No)
        && status.wanted == Wanted::Up
}

/// It has come up and gone down again by itself.
fn died(status: &Status) -> JobFailure {
    let next = match status.wanted {
        Wanted::Up => "s6 tries again",
        Wanted::Down => "s6 leaves it down",
    };
    JobFailure::Ended {
        result: "failed".to_owned(),
        service_result: format!("{}; {next}", status.ended),
    }
}

/// Somebody else wants something else of it.
fn canceled() -> JobFailure {
    JobFailure::Ended {
        result: "canceled".to_owned(),
        service_result: String::new(),
    }
}

/// It was not taken on.
pub(super) fn refused(message: String) -> JobFailure {
    JobFailure::Refused {
        name: "org.freedesktop.DBus.Error.Failed".to_owned(),
        message,
    }
}
