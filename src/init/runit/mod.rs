//! runit: services that a runsv supervises, wherever a runsvdir scans. It observes and carries out; it
//! decides nothing and prints nothing.
//!
//! runsv is spoken to by its own protocol, not by `sv`: letters into the control pipe, the state read off
//! the status file. Whole processes in turn on two busy cores, medians of 40 restarts and 20 stops: a
//! restart by `sv` takes 422 ms, because it looks every 420 ms, and one by invoke-rc.d over the protocol
//! 115 ms, of which 100 ms are seeing that the service stays up; a stop 422 ms and 22 ms. It is also
//! surer: the `finish` script is waited for, the new process is told from the old one, and a service
//! whose `run` ends at once is not "ok".
//!
//! Debian's runit runs init scripts for what has no service directory: of those `units` says that runit
//! does not have them. What has both an init script and a linked service directory is this module's.
//! There the script itself, where it reads /lib/lsb/init-functions, does nothing but `sv ACTION NAME`, and
//! ends with 0 whatever comes of it; where `dh_runit` made the service directory, it does nothing at all.
//! An admin may have said that scripts are not to hand over: then runit has no service for us, and each
//! script does what it was told.

mod check;
mod failures;
mod goal;
mod seen;
mod service;
mod status;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::seen::Found;
use self::service::{Directories, Look, Others, Service, Trouble};
use self::status::Phase;
use self::work::Work;
use super::supervise::errand::run_all;
use super::{Depth, Init, InitError, Noted, Supervising, Terms};
use crate::domain::order;
use crate::domain::{
    InitKind, Job, JobFailure, JobOutcome, Known, Machine, Seen, UnitFacts, UnitKind, UnitName,
    Verb, Wait,
};

/// Where Debian's runit has the services that are to run.
const SERVICES: &str = "/etc/service";
/// Where an admin tells init scripts what to do beside a service directory.
const CONFIGURATION: &str = "/etc/runit";
/// Each stands for "do not hand over to `sv`": by the one scripts do all themselves, by the other they do
/// nothing where there is a service directory.
const KEPT_BY_SCRIPTS: [&str; 2] = ["lsb.runit.sysv", "lsb.runit.mask"];
/// How long a runsv may be away: a runsvdir looks for new services every 5 s, and starts one again that
/// was killed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is told to go down has this long before it is killed, as with `sv force-stop`.
const GRACE: Duration = Duration::from_secs(7);
/// Between two looks at what is being killed.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether the scripts of the package that brought the service of `unit` have runit's own helpers act on
/// it: by `dh_runit`, which calls `sv` beside invoke-rc.d, or by the trigger that restarts what was
/// replaced. Some of these are never to be stopped in an upgrade, which only the helpers know.
pub fn is_kept_by_helpers(unit: &UnitName) -> bool {
    let name = unit.service();
    let marks = [
        format!("/usr/share/runit/meta/{name}/installed"),
        format!("/etc/sv/{name}/.meta/bin"),
    ];
    marks.iter().any(|mark| Path::new(mark).exists())
}

/// The machine's runit.
#[derive(Debug)]
pub struct Runit {
    terms: Terms,
    directories: Directories,
    configuration: Option<PathBuf>,
}

impl Default for Runit {
    fn default() -> Self {
        Self::new()
    }
}

impl Runit {
    /// The services of this machine: those in /etc/service, and where else a runsvdir scans. Looks at nothing yet.
    pub fn new() -> Self {
        Self::over(Directories::new(
            vec![PathBuf::from(SERVICES)],
            Others::Count,
        ))
        .configured_in(Path::new(CONFIGURATION))
    }

    /// The services in `directories` alone. Looks at nothing yet.
    pub fn scanning(directories: Vec<PathBuf>) -> Self {
        Self::over(Directories::new(directories, Others::Ignored))
    }

    /// The services in `directories`, whose definitions lie there. One of them is runit's also where no runsv is
    /// there at the moment: if a runsvdir has it linked anywhere, or what a killed runsv started still runs.
    pub fn supervising(directories: Vec<PathBuf>) -> Self {
        Self::over(Directories::new(directories, Others::MayHold))
    }

    fn over(directories: Directories) -> Self {
        Self {
            terms: Terms::new(PATIENCE),
            directories,
            configuration: None,
        }
    }

    /// Has no services where what lies in `directory`, as in /etc/runit, leaves them to init scripts.
    #[must_use]
    pub fn configured_in(mut self, directory: &Path) -> Self {
        self.configuration = Some(directory.to_path_buf());
        self
    }

    /// The service behind `unit`.
    fn service(&mut self, unit: &UnitName) -> Result<Option<Service>, Trouble> {
        match unit.kind() {
            UnitKind::Service if !self.is_kept_by_scripts() => {
                self.directories.service(unit.service().as_str())
            }
            _ => Ok(None),
        }
    }

    /// original: not even their kind or their owner matters, /lib/lsb/init-functions.d/40-runit has it
    fn is_kept_by_scripts(&self) -> bool {
        let there = |directory: &PathBuf| KEPT_BY_SCRIPTS.map(|name| directory.join(name).exists());
        let found = self.configuration.as_ref().map(there);
        found.is_some_and(|found| found.contains(&true))
    }

    fn find(&mut self, unit: &UnitName) -> Found {
        let mut service = match self.service(unit) {
            Ok(Some(service)) => service,
            Ok(None) => return Found::Nothing,
            Err(trouble) => return Found::Untold(trouble.to_string()),
        };
        match service.look() {
            Ok(look) => Found::Service(service, look),
            Err(trouble) => Found::Untold(trouble.to_string()),
        }
    }

    fn within(&mut self, jobs: &[Job], wait: Wait, limit: Duration) -> Vec<JobOutcome> {
        self.directories.forget();
        let terms = work::Terms {
            wait,
            patience: self.terms.wait.min(limit),
        };
        let mut work = |job| Work::new(job, self.service(unit_of(job)), terms);
        let mut errands: Vec<Work<'_>> = jobs.iter().map(&mut work).collect();
        run_all(&mut errands, limit, &*self.terms.onlooker)
    }

    /// Has runsv send KILL to `unit`, and waits until that is down. A `finish` that hangs gets no signal
    /// from runsv, and none from us: it is the service's own last word.
    fn kill_within(&mut self, unit: &UnitName, begun: Instant) -> Result<(), InitError> {
        let mut sent = None;
        while begun.elapsed() < self.terms.limit {
            let Found::Service(_, Look::Watched(watched)) = self.find(unit) else {
                return Ok(());
            };
            if watched.status.phase == Phase::Down {
                return Ok(());
            }
            if sent.is_none() {
                sent = watched.send(b"k").map_err(refused)?;
            }
            std::thread::sleep(PAUSE);
        }
        Err(InitError::Silent {
            init: "runsv",
            seconds: begun.elapsed().as_secs(),
        })
    }
}

impl Supervising for Runit {
    fn terms(&mut self) -> &mut Terms {
        &mut self.terms
    }
}

impl Init for Runit {
    fn kind(&self) -> InitKind {
        InitKind::Runit
    }

    fn machine(&mut self) -> Known<Machine> {
        Known::Unknown("runit does not say".to_owned())
    }

    fn units(&mut self, names: &[UnitName], _: Depth) -> Result<Vec<UnitFacts>, InitError> {
        self.directories.forget();
        let clock = self.terms.clock();
        let mut facts = |unit| seen::facts(unit, &self.find(unit), &clock);
        Ok(names.iter().map(&mut facts).collect())
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        self.directories.forget();
        let directories = self.directories.all();
        let entries = directories.iter().filter_map(|path| path.read_dir().ok());
        let names = entries
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let meant = |name: &String| beginnings.iter().any(|text| name.starts_with(text));
        let units = names.filter(meant).map(|name| UnitName::parse(&name));
        let mut units: Vec<UnitName> = units.filter_map(Result::ok).collect();
        order::sort(&mut units);
        units.dedup();
        let mut there = |unit: &UnitName| matches!(self.find(unit), Found::Service(..));
        Ok(units.into_iter().filter(&mut there).collect())
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        self.directories.forget();
        let clock = self.terms.clock();
        let mut seen = |unit| seen::seen(unit, &self.find(unit), &clock);
        Ok(units.iter().map(&mut seen).collect())
    }

    fn noted(&mut self, unit: &UnitName) -> Option<Noted> {
        self.directories.forget();
        match self.find(unit) {
            Found::Service(_, Look::Watched(watched)) => Some(watched.noted()),
            Found::Service(_, Look::Unwatched) | Found::Nothing | Found::Untold(_) => None,
        }
    }

    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        Ok(self.within(jobs, wait, self.terms.limit))
    }

    /// As `sv force-stop`: it is told to go down and stay so, and gets KILL where it has not ended after a
    /// while.
    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        let stop = [Job::new(Verb::Stop, unit.clone())];
        let begun = Instant::now();
        match self
            .within(&stop, Wait::Done, GRACE.min(self.terms.limit))
            .pop()
        {
            Some(JobOutcome::Failed(JobFailure::TimedOut { .. })) => self.kill_within(unit, begun),
            Some(JobOutcome::Failed(failure)) => Err(refused(failure.to_string())),
            Some(JobOutcome::Done | JobOutcome::Queued) | None => Ok(()),
        }
    }

    /// Nothing starts a service of runit's by a call on the bus.
    fn hold(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }

    fn release(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }

    fn limit_of(&mut self, _: &[Job]) -> Result<Option<Duration>, InitError> {
        Ok(Some(self.terms.limit))
    }
}

fn unit_of(job: &Job) -> &UnitName {
    &job.unit
}

fn refused(message: String) -> InitError {
    InitError::Refused {
        name: "runit.Refused".to_owned(),
        message,
    }
}
