//! Upstart, over its private socket: the system's and users' Session Inits. No bus, no `initctl`.
//! It observes and carries out; it decides nothing and prints nothing.

mod address;
mod failures;
mod memory;
mod names;
mod queries;
mod reexec;
mod request;
mod seen;
mod sessions;
mod state;
mod status;
mod track;
mod work;

use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::Signal;

pub use self::address::Address;
use self::memory::Memory;
use self::queries::Look;
use self::reexec::ReexecError;
pub use self::sessions::{Session, SessionError, of_directory, sessions};
use self::track::Track;
use self::work::Work;
use super::process::Process;
use super::reexec::{Reexecutes, Standing};
use super::{Depth, Init, InitError, Onlooker};
use crate::domain::{InitKind, Job, JobOutcome, Known, Machine, Seen, UnitFacts, UnitName, Wait};

/// How long a job may take where nobody says otherwise: several times what systemd gives a service,
/// which is 90 s to start and as much to stop.
const LIMIT: Duration = Duration::from_secs(600);

/// One Upstart. The connection is made by the first question and kept.
#[derive(Debug)]
pub struct Upstart {
    /// How long a job may take before it is left to itself. Upstart has no limit of its own for
    /// starting, and `initctl` waits for ever: dpkg shall not.
    pub limit: Duration,
    track: Track,
}

impl Upstart {
    /// The system's. Contacts nobody yet.
    pub fn system() -> Self {
        Self::at(Address::system())
    }

    /// The one at `address`. Contacts nobody yet.
    pub fn at(address: Address) -> Self {
        Self {
            limit: LIMIT,
            track: Track::new(address),
        }
    }

    /// Waits for this long when nobody is there, or nobody answers.
    #[must_use]
    pub fn waiting(mut self, wait: Duration) -> Self {
        self.track.set_wait(wait);
        self
    }

    /// Notes the main processes that are seen down in `directory`, for later calls: whoever starts a
    /// service that Upstart has lost track of would run a second copy of it.
    #[must_use]
    pub fn remembering(mut self, directory: &Path) -> Self {
        self.track.memory = Memory(Some(directory.to_path_buf()));
        self
    }

    /// Tells `onlooker` of waiting.
    #[must_use]
    pub fn watched_by(mut self, onlooker: Rc<dyn Onlooker>) -> Self {
        self.track.link.set_onlooker(onlooker);
        self
    }

    /// Connects where there is no connection, or one that the other end has closed.
    ///
    /// # Errors
    /// When nobody, or somebody else, listens, or Upstart does not answer in time.
    pub fn connect(&mut self) -> Result<(), InitError> {
        self.track.link.connected().map(|_| ())
    }

    /// Waits until it answers a question, and returns how long that took.
    ///
    /// # Errors
    /// When it does not within `limit`, or somebody else answers: that is never waited for.
    pub fn answers_within(&mut self, limit: Duration) -> Result<Duration, InitError> {
        let begun = Instant::now();
        let kept = self.track.wait;
        self.track.set_wait(limit);
        let result = queries::version(&mut self.track.link);
        self.track.set_wait(kept);
        result.map(|()| begun.elapsed())
    }

    /// The unit's state as `initctl status` writes it, `foo start/running, process 42`; `None` where
    /// Upstart has no such job, or only instances of it that are told apart by variables.
    ///
    /// # Errors
    /// When Upstart could not be asked.
    pub fn status_line(&mut self, unit: &UnitName) -> Result<Option<String>, InitError> {
        let look = self.track.look(unit)?;
        Ok(status::line(unit, &look))
    }

    fn facts(&mut self, unit: &UnitName) -> Result<UnitFacts, InitError> {
        let look = self.track.look(unit)?;
        let starts = match &look {
            Look::Absent(job) | Look::There(job, _) => {
                queries::starts_by_itself(&mut self.track.link, job)
            }
            Look::NoJob | Look::Several(_) => Known::default(),
        };
        Ok(seen::facts(unit, &look, &starts))
    }
}

impl Init for Upstart {
    fn kind(&self) -> InitKind {
        InitKind::Upstart
    }

    fn machine(&mut self) -> Known<Machine> {
        Known::Unknown("Upstart does not say".to_owned())
    }

    fn units(&mut self, names: &[UnitName], _: Depth) -> Result<Vec<UnitFacts>, InitError> {
        names.iter().map(|unit| self.facts(unit)).collect()
    }

    /// Those that run: of others nobody here needs to know.
    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        if beginnings.is_empty() {
            return Ok(Vec::new());
        }
        let standing = queries::standing(&mut self.track.link)?;
        let meant = |unit: &UnitName| {
            beginnings
                .iter()
                .any(|text| unit.as_str().starts_with(text))
        };
        let units = standing.into_iter().map(|instance| instance.unit);
        Ok(units.filter(meant).collect())
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        units.iter().map(|unit| self.track.seen(unit)).collect()
    }

    /// One after the other: a restart is two requests, and what they lead to is looked at between.
    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.connect()?;
        let limit = self.limit;
        let mut one = |job| match Work::new(&mut self.track, job, wait, limit).carry_out() {
            Ok(()) if wait == Wait::Queued => JobOutcome::Queued,
            Ok(()) => JobOutcome::Done,
            Err(failure) => JobOutcome::Failed(failure),
        };
        Ok(jobs.iter().map(&mut one).collect())
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        let Look::There(_, instance) = self.track.look(unit)? else {
            return Ok(());
        };
        for process in instance
            .processes
            .iter()
            .filter_map(|(_, pid)| Process::of(*pid))
        {
            match process.signal(Signal::SIGKILL, self.track.owner()) {
                // One that has ended in between is as dead as it was to be.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(not_killed(process, errno)),
            }
        }
        Ok(())
    }

    /// Nothing starts a service of Upstart's by a call on the bus.
    fn hold(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }

    fn release(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }
}

impl Reexecutes for Upstart {
    fn standing(&mut self) -> Result<Vec<Standing>, InitError> {
        queries::standing(&mut self.track.link)
    }

    fn reexec(&mut self, limit: Duration) -> Result<Duration, InitError> {
        self.track.set_wait(limit);
        reexec::reexec(&mut self.track.link, limit).map_err(|error| match error {
            ReexecError::Init(error) => error,
            other => InitError::Refused {
                name: "org.freedesktop.DBus.Error.Failed".to_owned(),
                message: other.to_string(),
            },
        })
    }
}

fn not_killed(process: Process, errno: Errno) -> InitError {
    InitError::Refused {
        name: "org.freedesktop.DBus.Error.Failed".to_owned(),
        message: format!("cannot kill process {}: {}", process.pid, errno.desc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_there_is_an_error_after_the_wait_and_not_before() {
        let address = Address {
            name: format!("/rcpolicy-test/{}/nobody-there", std::process::id()),
            uid: 0,
            pid: 1,
        };
        let begun = Instant::now();
        let wait = Duration::from_millis(80);
        let mut upstart = Upstart::at(address).waiting(wait);
        let result = upstart.run(&[], Wait::Done);
        assert_eq!(result, Ok(Vec::new()));
        assert!(matches!(
            upstart.connect(),
            Err(InitError::Unreachable { .. })
        ));
        assert!(begun.elapsed() >= wait);
    }
}
