//! The one trait that every init implements, and its errors.
//! Inits do not import each other, decide nothing and print nothing.

pub mod bus;
mod dbus;
pub mod openrc;
mod process;
pub mod reexec;
pub mod related;
pub mod runit;
pub mod s6;
pub mod simulated;
mod supervise;
pub mod systemd;
pub mod upstart;

use std::ffi::OsString;
use std::time::Duration;

use thiserror::Error;

pub use self::supervise::terms::{Supervising, Terms};
use crate::domain::{
    ActiveState, Capabilities, InitKind, Job, JobOutcome, Known, Machine, Seen, SeenJob, UnitFacts,
    UnitName, Wait,
};

/// Why an init could not be asked, or did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InitError {
    /// Nobody listens, or the connection broke before anything was asked.
    #[error("cannot reach {init}: {why}")]
    Unreachable {
        /// Which init.
        init: &'static str,
        /// What the system said.
        why: String,
    },
    /// Somebody else than the init answers. Never retried.
    #[error("the peer of {path} is not {init}: {why}")]
    WrongPeer {
        /// Which init was expected.
        init: &'static str,
        /// The socket.
        path: String,
        /// What is wrong with the peer.
        why: String,
    },
    /// It does not run here, or there is no way to it: nothing that waiting would change.
    #[error("{init} does not run here: {why}")]
    NotHere {
        /// Which init.
        init: &'static str,
        /// How that was told.
        why: String,
    },
    /// The init answered with an error.
    #[error("{message}")]
    Refused {
        /// Name of the error (D-Bus).
        name: String,
        /// Its text.
        message: String,
    },
    /// The connection broke after a question was sent; whether it was read is not known.
    #[error("lost {init} while it was asked: {why}")]
    Lost {
        /// Which init.
        init: &'static str,
        /// What happened.
        why: String,
    },
    /// No answer in time.
    #[error("{init} did not answer within {seconds} s")]
    Silent {
        /// Which init.
        init: &'static str,
        /// Seconds waited.
        seconds: u64,
    },
}

impl InitError {
    /// Whether the init is away, and may come back: nothing that it said. A bus that lies between
    /// says so in errors of its own.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Lost { .. } => true,
            Self::WrongPeer { .. } | Self::NotHere { .. } => false,
            Self::Refused { name, .. } => matches!(
                name.strip_prefix("org.freedesktop.DBus.Error."),
                Some("NoReply" | "Disconnected" | "NameHasNoOwner" | "ServiceUnknown" | "Timeout")
            ),
        }
    }
}

/// Who is told what we are waiting for. Inits print nothing.
pub trait Onlooker: std::fmt::Debug {
    /// `init` is away; we begin to wait, for as long as `limit` at most.
    fn away(&self, init: &'static str, why: &str, limit: Duration);

    /// It answers again, after this long. Called once for each `away`, unless waiting was in vain.
    fn back(&self, init: &'static str, after: Duration);

    /// These jobs have been running for this long and are still waited for.
    fn working(&self, jobs: &[&Job], since: Duration);
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Onlooker for Unwatched {
    fn away(&self, _: &'static str, _: &str, _: Duration) {}
    fn back(&self, _: &'static str, _: Duration) {}
    fn working(&self, _: &[&Job], _: Duration) {}
}

/// How much is to be found out about a unit: nothing is observed that the decision does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Load, active and file state, source path, whether it can reload.
    State,
    /// Also its triggers and what it triggers, what requires it, stores, times.
    Relations,
}

/// What came of running a program apart.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// It was begun.
    Begun,
    /// Something of that name runs already, or has just ended.
    Exists,
    /// The init has no such thing.
    Unknown,
}

/// What the supervisor of a service has noted about it, beside how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Another one after each start and each end of the service, and with each supervisor.
    pub since: String,
    /// Another one whenever the supervisor was told anything, too.
    pub version: String,
    /// What becomes of it when it ends.
    pub run: Run,
}

/// What becomes of a service when it ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It is started again; or it does not run.
    Lasting,
    /// Nothing: it was started for once. Where nothing tells these apart, also one that is being stopped.
    Once,
}

/// An init, as the steps need it.
pub trait Init {
    /// Which one it is.
    fn kind(&self) -> InitKind;

    /// What it can do.
    fn capabilities(&self) -> Capabilities {
        self.kind().capabilities()
    }

    /// What the machine as a whole is doing.
    fn machine(&mut self) -> Known<Machine>;

    /// When its user space began, in microseconds since the epoch: a soft-reboot changes that and
    /// nothing else. Unknown where the init has no such thing.
    fn userspace(&mut self) -> Known<u64> {
        Known::default()
    }

    /// The same in microseconds of the monotonic clock.
    fn userspace_since(&mut self) -> Known<u64> {
        Known::default()
    }

    /// What is known of each of `names`, in their order. A unit the init does not have is an
    /// answer (`LoadState::NotFound`), not an error.
    ///
    /// # Errors
    /// When the init could not be asked at all.
    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError>;

    /// What can be told of a service that runs without asking the init; `None` where it must be asked.
    /// Enough to put something off, and for no more.
    fn glimpse(&self, _: &UnitName) -> Option<UnitFacts> {
        None
    }

    /// The names of all services that it has at hand and that begin with one of `beginnings`: an
    /// empty one means all. What it has not loaded, and does not run, may be missing.
    ///
    /// # Errors
    /// When the init could not be asked, or has no list of its services.
    fn services(&mut self, _beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        Err(InitError::NotHere {
            init: self.kind().as_str(),
            why: "it has no list of its services".to_owned(),
        })
    }

    /// What `unit` does, and nothing else of it.
    ///
    /// # Errors
    /// When the init could not be asked at all.
    fn active(&mut self, unit: &UnitName) -> Result<Known<ActiveState>, InitError> {
        let found = self.units(std::slice::from_ref(unit), Depth::State)?;
        let first = found.into_iter().next();
        Ok(first.map_or_else(Known::default, |unit| unit.active))
    }

    /// What `recover` compares, of each of `units`, in their order, as it is now. An init that is
    /// away is waited for, as with every question.
    ///
    /// # Errors
    /// When the init could not be asked at all.
    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        let nothing = |unit| Seen::unknown(unit, "this init cannot tell");
        Ok(units.iter().map(nothing).collect())
    }

    /// What the supervisor of `unit` has noted; `None` where there is none that could be asked.
    fn noted(&mut self, _unit: &UnitName) -> Option<Noted> {
        None
    }

    /// Its clock, in microseconds: the one that the times in `seen` belong to.
    fn clock(&self) -> u64 {
        monotonic()
    }

    /// Lets `span` of that clock pass.
    fn pause(&mut self, span: Duration) {
        std::thread::sleep(span);
    }

    /// Asks for all `jobs` before the first is awaited, and returns one outcome a job, in order.
    ///
    /// # Errors
    /// When the init could not be asked at all; a lost connection after that is an outcome.
    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError>;

    /// The same, in one transaction where the init can: then either all are taken on or none, and what
    /// they need is ordered once for all. Where it cannot, or refuses all of them, it is as `run`.
    ///
    /// # Errors
    /// As `run`.
    fn run_as_one(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        self.run(jobs, wait)
    }

    /// Gives `arguments` to what carries out the next jobs of `unit`, after the action, where the init has
    /// a tool that takes them.
    fn hand_on(&mut self, _unit: &UnitName, _arguments: &[OsString]) {}

    /// How long `jobs` may take by what bounds them in the init itself; `None` for as long as they
    /// like.
    ///
    /// # Errors
    /// When the init could not be asked.
    fn limit_of(&mut self, _: &[Job]) -> Result<Option<Duration>, InitError> {
        Ok(None)
    }

    /// The numbers of those of `jobs` that cannot begin before this process has ended: waiting for
    /// them would never end.
    ///
    /// # Errors
    /// When the init could not be asked.
    fn waiting_for_us(&mut self, _: &[SeenJob]) -> Result<Vec<u32>, InitError> {
        Ok(Vec::new())
    }

    /// Runs `command` apart from all that runs, as a unit `name` of its own: what is restarted, and the
    /// end of whoever asks, leave it alone. Returns once the init has taken it on.
    ///
    /// # Errors
    /// When the init could not be asked or refuses.
    fn run_apart(&mut self, _name: &UnitName, _command: &[&str]) -> Result<Apart, InitError> {
        Ok(Apart::Unknown)
    }

    /// Lets it read the definitions of its units again. An init that sees by itself that they have
    /// changed has nothing to do.
    ///
    /// # Errors
    /// When it could not be asked, or refuses.
    fn reread(&mut self) -> Result<(), InitError> {
        Ok(())
    }

    /// Kills every process of `unit` at once.
    ///
    /// # Errors
    /// When the init could not be asked or refuses.
    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError>;

    /// Keeps on-demand calls (D-Bus) from starting `unit`, until `release` or the next boot.
    ///
    /// # Errors
    /// When that could not be put in place.
    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError>;

    /// Takes away what `hold` put in place; nothing to do is success.
    ///
    /// # Errors
    /// When it is still in place afterwards.
    fn release(&mut self, unit: &UnitName) -> Result<(), InitError>;
}

/// The machine's monotonic clock, in microseconds. Where it cannot be read, the end of time: nothing
/// then looks as if it had begun later.
pub fn monotonic() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    let micros = now.map(|now| Duration::from(now).as_micros());
    micros.map_or(u64::MAX, |micros| u64::try_from(micros).unwrap_or(u64::MAX))
}
