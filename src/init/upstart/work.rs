//! One job, from looking where the service stands to seeing that it stands where it was asked to.
//! Upstart's answers alone are not believed: a call that waits succeeds early when somebody else
//! changes the goal. What may have been done is not asked for again here, but where looking shows
//! that it was not.

mod until;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::failures::{ended, is, is_down_already, refused, unknown_instance};
use super::names::{INSTANCE, INVALID_ARGS, JOB, Trouble, UNKNOWN_INSTANCE, UNKNOWN_JOB, UPSTART};
use super::queries::{Job, Look, NO_VARIABLES};
use super::request::{Reply, Request, Watch, send};
use super::state::{Goal, Instance, is_another};
use super::track::Track;
use crate::domain::{Contact, Job as Asked, JobFailure, Loss, Seen, UnitName, Verb, Wait};
use crate::init::InitError;
use crate::init::dbus::patience::{Next, Patience};
use crate::init::dbus::stream::Deadline;
use crate::init::process::Process;

/// What became of a piece of work.
type Done = Result<(), JobFailure>;

/// One job at work.
pub(super) struct Work<'a> {
    track: &'a mut Track,
    asked: &'a Asked,
    unit: &'a UnitName,
    wait: Wait,
    /// The unit before anything was asked.
    before: Option<Seen>,
    begun: Instant,
    limit: Deadline,
    begun_once: Begun,
}

/// Whether Upstart took a start on whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
}

impl<'a> Work<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(track: &'a mut Track, asked: &'a Asked, wait: Wait, limit: Duration) -> Self {
        let begun = Instant::now();
        Self {
            track,
            asked,
            unit: &asked.unit,
            wait,
            before: None,
            begun_once: Begun::No,
            begun,
            limit: Deadline(begun.checked_add(limit)),
        }
    }

    /// Does it.
    pub(super) fn carry_out(&mut self) -> Done {
        let look = self.look()?;
        self.before = Some(self.track.as_seen(self.unit, &look));
        match self.asked.verb {
            Verb::Start => self.start(look),
            Verb::Stop => self.stop(look),
            Verb::Restart => self.restart(look),
            Verb::TryRestart => match look {
                Look::There(_, instance) if instance.goal == Some(Goal::Down) => Ok(()),
                Look::Absent(_) => self.no_process_left(),
                other => self.restart(other),
            },
            Verb::Reload => self.reload(look),
            Verb::ReloadOrRestart => match look {
                Look::There(_, ref instance) if instance.main_pid() != 0 => self.reload(look),
                other => self.restart(other),
            },
        }
    }

    fn start(&mut self, look: Look) -> Done {
        match self.only_one(look)? {
            (_, Some(instance)) if instance.goal == Some(Goal::Up) => match self.wait {
                Wait::Done => self.until_up(None),
                Wait::Queued => Ok(()),
            },
            (job, instance) => self.ask_start(&job, instance.as_ref()),
        }
    }

    fn ask_start(&mut self, job: &Job, instance: Option<&Instance>) -> Done {
        if instance.is_none() {
            self.no_process_left()?;
            self.not_begun_yet()?;
        }
        let reply = match (&job.instance, instance) {
            (None, _) => self.of_job(job, "Start", Goal::Up),
            (Some(_), Some(instance)) => self.of_instance(job, &instance.path, "Start", Goal::Up),
            // Which variables it had is gone with it.
            (Some(name), None) => return Err(unknown_instance(self.unit, name)),
        };
        match (reply, self.wait) {
            (Reply::Success(_), Wait::Queued) => Ok(()),
            (Reply::Success(heard), Wait::Done) => self.until_up(Some(heard)),
            (Reply::Error(error), _) if is(&error, Trouble::AlreadyStarted) => self.until_up(None),
            (reply, _) => self.failed(reply),
        }
    }

    fn stop(&mut self, look: Look) -> Done {
        let (job, instance) = self.only_one(look)?;
        let Some(instance) = instance else {
            return self.no_process_left();
        };
        if instance.goal == Some(Goal::Down) {
            return match self.wait {
                Wait::Done => self.until_down(&instance),
                Wait::Queued => Ok(()),
            };
        }
        let reply = match &job.instance {
            None => self.of_job(&job, "Stop", Goal::Down),
            Some(_) => self.of_instance(&job, &instance.path, "Stop", Goal::Down),
        };
        match (reply, self.wait) {
            (Reply::Success(_), Wait::Queued) => Ok(()),
            (Reply::Success(_), Wait::Done) => self.until_down(&instance),
            (Reply::Error(error), _) if is_down_already(&error) => self.until_down(&instance),
            (reply, _) => self.failed(reply),
        }
    }

    /// Stop, then start: Upstart's own restart keeps the instance with its old configuration.
    fn restart(&mut self, look: Look) -> Done {
        let (job, first) = self.only_one(look)?;
        let Some(first) = first else {
            return self.ask_start(&job, None);
        };
        if job.instance.is_some() {
            return self.restart_named(&job, &first);
        }
        if first.goal == Some(Goal::Up) {
            let wait = std::mem::replace(&mut self.wait, Wait::Done);
            let stopped = self.insist(|work| work.stop_first(&first));
            self.wait = wait;
            stopped?;
        }
        self.insist(|work| {
            let look = work.look()?;
            work.start(look)
        })
    }

    /// A named instance's variables are gone once it is stopped.
    fn restart_named(&mut self, job: &Job, first: &Instance) -> Done {
        let goal = Goal::Up;
        match self.of_instance(job, &first.path, "Restart", goal) {
            Reply::Success(heard) => self.until_up(Some(heard)),
            reply => self.failed(reply),
        }
    }

    /// Stops what ran when the restart began; what was started since is new already.
    fn stop_first(&mut self, first: &Instance) -> Done {
        let look = self.look()?;
        match &look {
            Look::There(_, now) if now.goal == Some(Goal::Up) && is_another(first, now) => Ok(()),
            Look::There(..) | Look::Absent(_) | Look::NoJob | Look::Several(_) => self.stop(look),
        }
    }

    /// Does `part` again where its request was lost and looking shows what is left to do. Starting
    /// and stopping look first, so that nothing is done twice. Not where the request may still be
    /// carried out.
    fn insist(&mut self, mut part: impl FnMut(&mut Self) -> Done) -> Done {
        // Its own: what is answered between two losses does not begin the wait anew.
        let mut patience = Patience::new(UPSTART, self.track.wait);
        loop {
            let loss = match part(self) {
                Err(JobFailure::Lost(loss)) if loss.contact != Contact::Pending => loss,
                other => return other,
            };
            let why = InitError::Lost {
                init: UPSTART,
                why: loss.why.clone(),
            };
            if patience.failed(Instant::now(), &why) == Next::GiveUp {
                return Err(JobFailure::Lost(loss));
            }
        }
    }

    fn reload(&mut self, look: Look) -> Done {
        let (job, instance) = self.only_one(look)?;
        let Some(instance) = instance else {
            return Err(refused(
                UNKNOWN_INSTANCE,
                format!("{} is not running", self.unit),
            ));
        };
        let request = Request {
            path: &instance.path,
            interface: INSTANCE,
            member: "Reload",
            arguments: (),
            job: &job.path,
            goal: None,
        };
        match self.send(&request) {
            Reply::Success(_) => Ok(()),
            Reply::Error(error) if is(&error, Trouble::UnknownMethod) => self.reload_by_signal(),
            reply => self.failed(reply),
        }
    }

    /// Before 1.10 `initctl` sent the signal itself. The error may also mean that the instance is gone.
    fn reload_by_signal(&mut self) -> Done {
        let look = self.look()?;
        let (_, instance) = self.only_one(look)?;
        let process = instance.and_then(|instance| Process::of(instance.main_pid()));
        let Some(process) = process else {
            return Err(refused(
                UNKNOWN_INSTANCE,
                format!("{} is not running", self.unit),
            ));
        };
        let owner = self.track.owner();
        process.signal(Signal::SIGHUP, owner).map_err(|errno| {
            let text = format!("cannot send SIGHUP to process {}: {errno}", process.pid);
            refused("org.freedesktop.DBus.Error.Failed", text)
        })
    }

    /// After a re-exec that kept no state Upstart knows of no instance while the process runs on. A
    /// start would run a second copy, and a stop would stop nothing.
    fn no_process_left(&mut self) -> Done {
        match self.track.remembered(self.unit) {
            None => Ok(()),
            Some(process) => Err(refused(
                "com.ubuntu.Upstart0_6.Error.NotRunning",
                format!(
                    "{UPSTART} has lost track of {}: its process {} still runs; stop that first",
                    self.unit, process.pid
                ),
            )),
        }
    }

    /// A start of ours that was taken on is not asked for again because nothing of it is there.
    fn not_begun_yet(&self) -> Done {
        match self.begun_once {
            Begun::No => Ok(()),
            Begun::Yes => Err(refused(
                "org.freedesktop.DBus.Error.Failed",
                format!("{} was started and ended, nobody knows how", self.unit),
            )),
        }
    }

    fn of_job(&mut self, job: &Job, member: &str, goal: Goal) -> Reply {
        let request = Request {
            path: &job.path,
            interface: JOB,
            member,
            arguments: (NO_VARIABLES.to_vec(), self.wait == Wait::Done),
            job: &job.path,
            goal: Some(goal),
        };
        self.send(&request)
    }

    fn of_instance(&mut self, job: &Job, path: &str, member: &str, goal: Goal) -> Reply {
        let request = Request {
            path,
            interface: INSTANCE,
            member,
            arguments: self.wait == Wait::Done,
            job: &job.path,
            goal: Some(goal),
        };
        self.send(&request)
    }

    fn send<B>(&mut self, request: &Request<'_, B>) -> Reply
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let watch = Watch {
            job: self.asked,
            begun: self.begun,
            limit: self.limit,
            answer: self.track.wait,
        };
        let reply = send(&mut self.track.link, request, watch);
        if request.goal == Some(Goal::Up) && matches!(reply, Reply::Lost(Contact::Taken, _)) {
            self.track.was_taken(self.unit);
            self.begun_once = Begun::Yes;
        }
        reply
    }

    fn look(&mut self) -> Result<Look, JobFailure> {
        let look = self.track.look(self.unit);
        look.map_err(|error| match error {
            InitError::Refused { name, message } => JobFailure::Refused { name, message },
            // Nothing is under way: what was asked before was answered.
            other => self.lost(Contact::Unread, other.to_string()),
        })
    }

    fn only_one(&self, look: Look) -> Result<(Job, Option<Instance>), JobFailure> {
        match look {
            Look::There(job, instance) => Ok((job, Some(instance))),
            Look::Absent(job) => Ok((job, None)),
            Look::NoJob => {
                let name = self.unit.service();
                Err(refused(UNKNOWN_JOB, format!("unknown job: {name}")))
            }
            Look::Several(_) => {
                let name = self.unit.service();
                let text = format!("{name} has several instances: name one as {name}@INSTANCE");
                Err(refused(INVALID_ARGS, text))
            }
        }
    }

    fn failed(&self, reply: Reply) -> Done {
        Err(match reply {
            Reply::Success(_) => return Ok(()),
            Reply::Error(error) if is(&error, Trouble::JobFailed) => ended("failed"),
            Reply::Error(InitError::Refused { name, message }) => {
                JobFailure::Refused { name, message }
            }
            Reply::Error(error) => self.lost(Contact::Sent, error.to_string()),
            Reply::Lost(contact, why) => self.lost(contact, why),
            Reply::TimedOut => self.timed_out(),
        })
    }

    fn timed_out(&self) -> JobFailure {
        JobFailure::TimedOut {
            seconds: self.begun.elapsed().as_secs(),
        }
    }

    fn lost(&self, contact: Contact, why: String) -> JobFailure {
        JobFailure::Lost(Box::new(Loss {
            why,
            contact,
            before: self.before.clone(),
        }))
    }
}
