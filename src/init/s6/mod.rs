//! s6: services in the scan directories of the `s6-svscan` processes that run here, over the files of
//! their supervisors, without s6's own programs; and what s6-rc keeps among them.
//!
//! Over the files it is as sure as `s6-svc`, which does nothing else, and quicker: with Debian's 2.11 a
//! restart of a service without readiness takes `s6-svc -wR -r` 1013 ms, because nobody asks its
//! supervisor to start it before its second is over.

mod database;
mod kept;
mod program;
mod rc;
mod service;
mod status;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};

pub use self::database::{Database, DatabaseError, Updated};
use self::kept::Found;
use self::service::{
    Desertion, Keeper, Left, Look, RESPAWN, SCANNER_DIRECTORY, Scanner, Service, look,
};
use self::status::Stage;
use self::work::Work;
use super::supervise::clock::Clock;
use super::supervise::errand::run_all;
use super::supervise::holder::is_linked;
use super::supervise::place::{Place, Written, write};
use super::supervise::scanner;
use super::{Depth, Init, InitError, Noted, Supervising, Terms};
use crate::domain::order;
use crate::domain::{InitKind, Job, JobOutcome, Known, Machine, Seen, UnitFacts, UnitName, Wait};
use crate::files::{Directory, FileError, Kind, Missing};

const S6: &str = "s6";
/// The scanner's process, which works in its scan directory.
const SCANNER: &str = "s6-svscan";
/// Between two looks for a supervisor that is gone.
const PAUSE: Duration = Duration::from_millis(20);
/// Has s6-svscan look for new directories.
const RESCAN: &[u8] = b"a";
/// Keeps a service from being started again.
const ONCE: &[u8] = b"O";
/// Kills its process, where it has come up meanwhile.
const KILL: &[u8] = b"k";

/// The s6 of this machine. Nothing is looked at before the first question.
#[derive(Debug)]
pub struct S6 {
    terms: Terms,
    /// The scan directories, once they were looked for.
    directories: Option<Vec<PathBuf>>,
    others: Others,
    rc: Keeping,
}

/// What to make of an s6-svscan that scans another directory than ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Nothing.
    Ignored,
    /// One of ours that is linked there has a supervisor, or will have one.
    MayHold,
}

/// Whether s6-rc keeps services here.
#[derive(Debug)]
enum Keeping {
    /// Nobody has looked yet.
    Unseen,
    /// It does not.
    No,
    /// It does.
    Yes(rc::Rc),
}

impl Default for S6 {
    fn default() -> Self {
        Self::new()
    }
}

impl S6 {
    /// With the scan directories of all scanners that run.
    pub fn new() -> Self {
        Self {
            terms: Terms::new(RESPAWN),
            directories: None,
            others: Others::Ignored,
            rc: Keeping::Unseen,
        }
    }

    /// With these scan directories, and without s6-rc.
    pub fn scanning(directories: Vec<PathBuf>) -> Self {
        Self {
            directories: Some(directories),
            rc: Keeping::No,
            ..Self::new()
        }
    }

    /// With the services in `directories`, whose definitions lie there, and without s6-rc. One of them is s6's also
    /// where nobody supervises it at the moment, if an s6-svscan has it linked anywhere.
    pub fn supervising(directories: Vec<PathBuf>) -> Self {
        Self {
            others: Others::MayHold,
            ..Self::scanning(directories)
        }
    }

    /// With the s6-rc whose live directory is `live` and whose programs are in `programs`.
    #[must_use]
    pub fn kept_by(mut self, live: &Path, programs: &Path) -> Self {
        let found = rc::Rc::with(live, &[programs]);
        self.rc = found.map_or(Keeping::No, Keeping::Yes);
        self
    }

    fn scan_directories(&mut self) -> &[PathBuf] {
        self.directories.get_or_insert_with(scanned)
    }

    /// Whether a scanner that runs has `unit` linked.
    fn is_held(&mut self, unit: &UnitName) -> bool {
        let name = unit.service();
        let mut scan = self.scan_directories().iter();
        let own = scan.find_map(|scan| Place::find(scan, name.as_str()).ok().flatten());
        own.is_some_and(|own| is_linked(&scanned(), own.path()))
    }

    /// Looks at `unit`; a supervisor that is gone is waited for.
    fn look(&mut self, unit: &UnitName) -> Result<Look, FileError> {
        let end = Instant::now().checked_add(self.terms.wait.min(RESPAWN));
        let mut gone = None;
        loop {
            let found = look(self.scan_directories(), unit, gone)?;
            let over = end.is_none_or(|end| Instant::now() >= end);
            match found {
                Look::Deserted(desertion) if !over => {
                    gone = Some(desertion);
                    std::thread::sleep(PAUSE);
                }
                // What nobody supervises or is going to, and nothing is left of, is as good as not there.
                Look::Deserted(Desertion {
                    left: Left::Nothing,
                    scanner: Scanner::Gone,
                    ..
                }) if self.others == Others::Ignored || !self.is_held(unit) => {
                    return Ok(Look::Missing);
                }
                found => return Ok(found),
            }
        }
    }

    fn facts(&mut self, unit: &UnitName, clock: &Clock, depth: Depth) -> UnitFacts {
        match self.found(unit) {
            Ok(Found::Plain(found)) => service::facts(unit, &found, Keeper::Admin, clock),
            Ok(Found::Kept(rc, found)) => kept::facts(&rc, unit, &found, clock, depth),
            Err(why) => UnitFacts::unknown(unit, &why),
        }
    }

    fn seen_one(&mut self, unit: &UnitName, clock: &Clock) -> Seen {
        match self.found(unit) {
            Ok(Found::Plain(found)) => service::seen(unit, &found, clock),
            Ok(Found::Kept(rc, found)) => kept::seen(&rc, unit, &found, clock),
            Err(why) => Seen::unknown(unit, &why),
        }
    }

    /// What is behind `unit`, and who keeps it; or why that cannot be told.
    fn found(&mut self, unit: &UnitName) -> Result<Found, String> {
        let found = self.look(unit).map_err(|error| error.to_string())?;
        let Some(rc) = self.rc() else {
            return Ok(Found::Plain(found));
        };
        kept::of(rc, unit, found).map_err(|error| error.to_string())
    }

    fn rc(&mut self) -> Option<rc::Rc> {
        if let Keeping::Unseen = self.rc {
            self.rc = rc::Rc::of_machine().map_or(Keeping::No, Keeping::Yes);
        }
        match &self.rc {
            Keeping::Yes(rc) => Some(rc.clone()),
            Keeping::Unseen | Keeping::No => None,
        }
    }

    fn run_kept(&mut self, rc: &rc::Rc, kept: &kept::Kept, job: &Job, wait: Wait) -> JobOutcome {
        let limit = self.terms.limit;
        let none = || JobOutcome::Failed(work::refused("nothing came of it".to_owned()));
        let mut by_s6 = |job: &Job| self.run_plain(&[job], wait).pop().unwrap_or_else(none);
        let by_s6 = &mut by_s6;
        kept::Work { rc, limit, by_s6 }.carry_out(kept, job)
    }

    /// Jobs for what s6 alone keeps, or s6-rc leaves to it.
    fn run_plain(&mut self, jobs: &[&Job], wait: Wait) -> Vec<JobOutcome> {
        let clock = self.terms.clock();
        let directories = self.scan_directories().to_vec();
        let works = jobs
            .iter()
            .map(|job| Work::new(&directories, &clock, job, wait));
        let mut works: Vec<Work<'_>> = works.collect();
        run_all(&mut works, self.terms.limit, &*self.terms.onlooker)
    }
}

impl Supervising for S6 {
    fn terms(&mut self) -> &mut Terms {
        &mut self.terms
    }
}

impl Init for S6 {
    fn kind(&self) -> InitKind {
        InitKind::S6
    }

    fn machine(&mut self) -> Known<Machine> {
        Known::Unknown("s6 does not say".to_owned())
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        let clock = self.terms.clock();
        let mut facts = |unit| self.facts(unit, &clock, depth);
        Ok(names.iter().map(&mut facts).collect())
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        let is_meant = |name: &str| {
            let begins = beginnings.iter().any(|text| name.starts_with(text));
            begins && !name.starts_with('.')
        };
        let mut units: Vec<UnitName> = Vec::new();
        for directory in self.scan_directories() {
            let names = Directory::open(directory, Missing::Fail)
                .and_then(|directory| directory.names())
                .map_err(refused)?;
            let names = names.into_iter().filter_map(|name| name.into_string().ok());
            let units_of = names.filter(|name| is_meant(name));
            units.extend(units_of.filter_map(|name| UnitName::of_script(&name).ok()));
        }
        order::sort(&mut units);
        units.dedup();
        Ok(units)
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        let clock = self.terms.clock();
        Ok(units.iter().map(|u| self.seen_one(u, &clock)).collect())
    }

    fn noted(&mut self, unit: &UnitName) -> Option<Noted> {
        match look(self.scan_directories(), unit, None) {
            Ok(Look::There(service)) => Some(service.noted()),
            Ok(Look::Missing | Look::Deserted(_)) | Err(_) => None,
        }
    }

    /// What s6-rc keeps is done first, one after the other: it has no other way.
    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        let mut outcomes: Vec<Option<JobOutcome>> = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(match self.found(&job.unit) {
                Ok(Found::Kept(rc, found)) => Some(self.run_kept(&rc, &found, job, wait)),
                // Of what cannot be told the work itself says so.
                Ok(Found::Plain(_)) | Err(_) => None,
            });
        }
        let plain = jobs.iter().zip(&outcomes);
        let plain: Vec<&Job> = plain
            .filter_map(|(job, outcome)| outcome.is_none().then_some(job))
            .collect();
        let mut plain = self.run_plain(&plain, wait).into_iter();
        Ok(outcomes
            .into_iter()
            .filter_map(|outcome| outcome.or_else(|| plain.next()))
            .collect())
    }

    /// It picks up by itself what changes in a directory that it has; new directories it looks for.
    fn reread(&mut self) -> Result<(), InitError> {
        let directories = self.scan_directories().to_vec();
        directories.iter().try_for_each(|path| rescan(path))
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        match self.look(unit).map_err(refused)? {
            Look::There(service) => kill_all(&service),
            Look::Missing => Ok(()),
            Look::Deserted(gone) if gone.left == Left::Nothing => Ok(()),
            Look::Deserted(gone) => Err(failed(&service::deserted(gone.left))),
        }
    }

    /// Nothing starts a service of s6's by a call on the bus.
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

/// What the scanners that run here scan.
fn scanned() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for scanner in scanner::running(SCANNER) {
        if !found.contains(&scanner.works_in) {
            found.push(scanner.works_in);
        }
    }
    found
}

/// Lets the scanner of `directory` look for services that it does not have yet.
fn rescan(directory: &Path) -> Result<(), InitError> {
    let pipe = Directory::open(directory, Missing::Fail)
        .and_then(|directory| directory.enter(SCANNER_DIRECTORY, Missing::Fail))
        .and_then(|own| own.open_entry("control", OFlag::O_WRONLY, Kind::Fifo))
        .map_err(refused)?;
    match write(&pipe, RESCAN) {
        Ok(Written::All) => Ok(()),
        Ok(Written::Full) => Err(failed("its scanner reads no commands")),
        Ok(Written::Nobody) => Err(failed("its scanner is gone")),
        Err(errno) => Err(failed(errno.desc())),
    }
}

/// Kills all that is in the service's process group, and has it stay down.
fn kill_all(service: &Service) -> Result<(), InitError> {
    // Also what is down may be about to come up.
    tell(service, ONCE)?;
    if let Stage::Up { pid, .. } | Stage::Finishing { pid } = service.status.stage {
        kill_group(pid)?;
    }
    tell(service, KILL)
}

fn tell(service: &Service, words: &[u8]) -> Result<(), InitError> {
    match write(&service.control, words) {
        Ok(Written::All) => Ok(()),
        Ok(Written::Full | Written::Nobody) => Err(failed("its supervisor is stuck")),
        Err(errno) => Err(failed(errno.desc())),
    }
}

/// s6-supervise gives a service a session of its own unless it is told not to.
fn kill_group(pid: u32) -> Result<(), InitError> {
    let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 1) else {
        return Err(failed("its supervisor names no process of its own"));
    };
    let pid = Pid::from_raw(pid);
    let killed = if getpgid(Some(pid)) == Ok(pid) {
        killpg(pid, Signal::SIGKILL)
    } else {
        kill(pid, Signal::SIGKILL)
    };
    match killed {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(failed(&format!(
            "cannot kill process {pid}: {}",
            errno.desc()
        ))),
    }
}

fn refused(error: FileError) -> InitError {
    failed(&error.to_string())
}

fn failed(message: &str) -> InitError {
    InitError::Refused {
        name: "org.freedesktop.DBus.Error.Failed".to_owned(),
        message: format!("{S6}: {message}"),
    }
}
