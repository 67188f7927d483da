//! One job, from looking how the service stands to seeing that it stands where it was asked to. An exit
//! status alone is not believed, in either direction:
//!
//! - whoever finds another at work on the service is told "already starting" and fails: we wait;
//! - a service whose daemon died counts as started: `start` does nothing, `stop` and `restart` fail, and
//!   dpkg with them. Its link is taken away (`zap`) once its stop was tried;
//! - Debian's start-stop-daemon does not wait for the end of what it stopped, and refuses to start what
//!   has not ended yet: a restart then leaves the service down;
//! - it returns before what it starts in the background is the daemon, and does not find that for a stop
//!   that follows at once;
//! - what needs the service goes down with it, and comes back after rc-service has returned, or not at
//!   all where the restart failed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::daemons::is_being_started;
use super::memory::{self, Moment};
use super::places::Places;
use super::script::Script;
use super::standing::{Standing, State, is_at_work, settled, started};
use super::tool::{Call, Called, Tool, Voice};
use crate::domain::{JobFailure, Verb};
use crate::init::process::{Owner, Process};

/// Between two looks at what takes no time.
const MOMENT: Duration = Duration::from_millis(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a daemon that was told to end may take: longer than OpenRC's own tools wait for it, which kill it
/// then.
const ENDING: Duration = Duration::from_secs(90);
/// How long what nobody supervises any more may take before it is killed, as supervise-daemon would.
const LEAVING: Duration = Duration::from_secs(5);
/// How soon OpenRC begins with what comes back after a restart: it has forked for it already.
const BEGINNING: Duration = Duration::from_secs(5);

/// What became of a piece of work.
type Done = Result<(), JobFailure>;

/// One job at work.
pub(super) struct Work<'a> {
    pub(super) places: &'a Places,
    pub(super) tool: &'a Tool,
    pub(super) script: &'a Script,
    /// When it is left to itself, and how long that is from the beginning.
    pub(super) end: Instant,
    pub(super) limit: Duration,
    /// What the script is given after the action.
    pub(super) arguments: &'a [OsString],
    /// How the service stood when it began, and since when it was down where somebody noted that.
    pub(super) found: Option<(State, Option<Moment>)>,
}

impl Work<'_> {
    /// Does it.
    pub(super) fn carry_out(&mut self, verb: Verb) -> Done {
        let standing = self.once_idle()?;
        let up = standing.state != State::Stopped;
        let noted = (!up).then(|| memory::recall(self.places, &self.script.name));
        self.found = Some((standing.state, noted.flatten()));
        match verb {
            Verb::Start => self.start(&standing),
            Verb::Stop => self.stop(&standing),
            Verb::Restart => self.restart(&standing),
            // What is down stays so; what crashed nobody wanted down.
            Verb::TryRestart if up => self.restart(&standing),
            Verb::TryRestart => Ok(()),
            Verb::Reload => self.word("reload"),
            Verb::ReloadOrRestart => match ["force-reload", "reload"]
                .into_iter()
                .find(|word| self.script.knows(word))
            {
                Some(word) if up && !standing.is_crashed() => self.word(word),
                _ => self.restart(&standing),
            },
        }
    }

    fn start(&mut self, standing: &Standing) -> Done {
        if standing.is_crashed() {
            self.zap()?;
            self.end_orphan(standing)?;
        }
        self.word("start")?;
        self.must_be_up()
    }

    /// What rc-service says of its own success is not believed.
    fn must_be_up(&self) -> Done {
        match self.state()? {
            State::Stopped | State::Stopping => Err(ended("it is not started", "")),
            State::Started | State::Starting | State::Inactive => Ok(()),
        }
    }

    fn stop(&mut self, standing: &Standing) -> Done {
        if standing.is_crashed() {
            return self.clear_crashed(standing);
        }
        let main = standing.main();
        self.until_itself(main);
        self.word("stop")?;
        self.until_gone(main)
    }

    /// What needs it has done without it since it crashed, and is left alone: in an upgrade nobody would
    /// start it again.
    fn clear_crashed(&mut self, standing: &Standing) -> Done {
        let alone = [OsString::from("--nodeps")];
        let stopped = self.call("stop", &alone, Voice::Heard);
        if stopped.is_err() && self.look()?.is_crashed() {
            self.zap()?;
            return self.end_orphan(standing);
        }
        stopped?;
        self.end_orphan(standing)
    }

    fn restart(&mut self, standing: &Standing) -> Done {
        let before = started(self.places);
        let main = standing.main();
        self.until_itself(main);
        let done = match standing.is_crashed() {
            true => self.renew_crashed(standing),
            false => match self.word("restart").and_then(|()| self.must_be_up()) {
                Err(failure) => self.recover(standing, main, failure),
                Ok(()) => Ok(()),
            },
        };
        self.until_others_are_back(&before);
        done
    }

    /// Its stop is tried all the same: it takes down what needs it, and clears away what is left.
    fn renew_crashed(&mut self, standing: &Standing) -> Done {
        let stopped = self.word("stop");
        if stopped.is_err() && self.look()?.is_crashed() {
            self.zap()?;
        }
        self.end_orphan(standing)?;
        self.word("start")?;
        self.must_be_up()
    }

    /// What a dead supervisor left behind goes on when the service is stopped, and beside the next one when
    /// that is started.
    fn end_orphan(&self, standing: &Standing) -> Done {
        let Some(orphan) = standing.daemons.orphan else {
            return Ok(());
        };
        let _ = orphan.signal(Signal::SIGTERM, Owner::Anybody);
        let end = self.end.min(Instant::now() + LEAVING);
        while orphan.is_alive() && Instant::now() < end {
            thread::sleep(PAUSE);
        }
        let _ = orphan.signal(Signal::SIGKILL, Owner::Anybody);
        self.until_gone(Some(orphan))
    }

    /// A restart failed: it may have stopped and not started the service, or its daemon has died.
    fn recover(&mut self, before: &Standing, main: Option<Process>, failure: JobFailure) -> Done {
        if matches!(failure, JobFailure::TimedOut { .. }) {
            return Err(failure);
        }
        let now = self.once_idle()?;
        match now.state {
            State::Started if now.is_crashed() => self.renew_crashed(&now),
            State::Stopped if before.state != State::Stopped => {
                self.until_gone(main)?;
                self.word("start")?;
                self.must_be_up()
            }
            State::Stopped
            | State::Started
            | State::Starting
            | State::Stopping
            | State::Inactive => Err(failure),
        }
    }

    /// Those of `before` that need the service and went down with it. OpenRC starts them again after a
    /// restart, and does not wait for them; what it leaves down is started here.
    fn until_others_are_back(&mut self, before: &BTreeSet<String>) {
        let others = |up: BTreeSet<String>| {
            let down = before.difference(&up).cloned();
            down.filter(|name| *name != self.script.name)
                .collect::<Vec<_>>()
        };
        if others(settled(self.places)).is_empty() {
            return;
        }
        let needing = self.tool.needing(self.places, &self.script.name);
        let down = others(settled(self.places)).into_iter();
        let fallen: Vec<String> = down.filter(|name| needing.contains(name)).collect();
        // One time for all: it has forked for each of them.
        let soon = self.end.min(Instant::now() + BEGINNING);
        for name in &fallen {
            self.until_begun(name, soon);
            if self.is_stopped(name) && !self.is_stopped(&self.script.name) {
                let call = Call {
                    name,
                    word: "start",
                    arguments: &[],
                    voice: Voice::Heard,
                };
                // Its own failure is not the service's: rc-service takes no notice of it either.
                let _ = self.tool.call(self.places, &call, self.end);
            }
        }
    }

    /// Until `name` is up, or nobody has begun to start it by `soon`.
    fn until_begun(&self, name: &str, soon: Instant) {
        let mut begun = false;
        while Instant::now() < self.end {
            let state = State::of(self.places, name);
            begun |= state == Ok(State::Starting);
            match state {
                Ok(State::Starting) => {}
                Ok(State::Stopped) if !begun && Instant::now() < soon => {}
                _ => return,
            }
            thread::sleep(PAUSE);
        }
    }

    fn is_stopped(&self, name: &str) -> bool {
        State::of(self.places, name) == Ok(State::Stopped)
    }

    /// Waits while somebody else starts or stops the service: of two, rc-service refuses the second.
    fn once_idle(&self) -> Result<Standing, JobFailure> {
        loop {
            let standing = self.look()?;
            match standing.state {
                State::Starting | State::Stopping => {}
                State::Started | State::Stopped | State::Inactive => return Ok(standing),
            }
            if !is_at_work(self.places, &self.script.name) {
                return self.look();
            }
            if Instant::now() >= self.end {
                return Err(self.timed_out());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits while its process is still the program that starts it: here, and not after a start, which
    /// mostly nobody follows at once.
    fn until_itself(&self, main: Option<Process>) {
        let end = self.end.min(Instant::now() + BEGINNING);
        while main.is_some_and(is_being_started) && Instant::now() < end {
            thread::sleep(MOMENT);
        }
    }

    /// Waits for the end of a process that was stopped.
    fn until_gone(&self, main: Option<Process>) -> Done {
        let end = self.end.min(Instant::now() + ENDING);
        while main.is_some_and(Process::is_alive) {
            if Instant::now() >= end {
                return Err(self.timed_out());
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn look(&self) -> Result<Standing, JobFailure> {
        Standing::of(self.places, &self.script.name).map_err(|why| unseen(&why))
    }

    fn state(&self) -> Result<State, JobFailure> {
        State::of(self.places, &self.script.name).map_err(|why| unseen(&why))
    }

    /// Lets OpenRC take it for stopped. It says so loudly, and nobody asked for it.
    fn zap(&mut self) -> Done {
        self.call("zap", &[], Voice::Unheard)
    }

    fn word(&mut self, word: &str) -> Done {
        self.call(word, self.arguments, Voice::Heard)
    }

    fn call(&mut self, word: &str, arguments: &[OsString], voice: Voice) -> Done {
        let call = Call {
            name: &self.script.name,
            word,
            arguments,
            voice,
        };
        match self.tool.call(self.places, &call, self.end) {
            Called::Ended(0) => Ok(()),
            Called::Ended(status) => Err(JobFailure::Exited { status }),
            Called::GoesOn => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> JobFailure {
        JobFailure::TimedOut {
            seconds: self.limit.as_secs(),
        }
    }
}

fn unseen(why: &str) -> JobFailure {
    ended("it cannot be seen", why)
}

fn ended(result: &str, service_result: &str) -> JobFailure {
    JobFailure::Ended {
        result: result.to_owned(),
        service_result: service_result.to_owned(),
    }
}
