//! What tests of several modules act in: a service behind a socket on the simulated init, both up, and
//! a real ledger in a directory of its own; and an init that is watched on the way there.

pub(crate) mod mutations;
pub(crate) mod small_disk;

use std::path::Path;
use std::time::Duration;

use crate::domain::{
    Capabilities, InitKind, Job, JobFailure, JobOutcome, Known, Life, Machine, Seen, UnitFacts,
    UnitName, Verb, Wait,
};
use crate::init::simulated::{Flavour, Image, Simulated, Spec};
use crate::init::{Depth, Init, InitError};
use crate::ledger::{Entry, Ledger};

pub(crate) fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

/// Writes a program that can be run at once. It comes there by another process: what we have open for writing here, a
/// child that another test begins at that moment holds open too, and then the kernel runs nobody's.
pub(crate) fn write_program(path: &Path, text: &str) {
    let beside = path.with_extension("text");
    std::fs::write(&beside, text).unwrap();
    let mut install = std::process::Command::new("install");
    let installed = install.args(["-m", "755"]).args([&beside, path]).status();
    assert!(installed.unwrap().success());
    std::fs::remove_file(beside).unwrap();
}

/// The life of the init in these tests.
pub(crate) fn life() -> Life {
    Life {
        boot_id: "b".to_owned(),
        pid_namespace: 1,
        init_started: 1,
        userspace: None,
    }
}

/// The service `foo` behind `foo.socket`, both up, and a directory for its ledger and more.
pub(crate) struct Room {
    pub(crate) init: Simulated,
    pub(crate) directory: tempfile::TempDir,
}

impl Room {
    pub(crate) fn new() -> Self {
        let mut init = Simulated::new(Flavour::Systemd, 1);
        init.add(Spec::new(name("foo")), Image::Whole(1));
        let socket = Spec::trigger(name("foo.socket"), name("foo"));
        init.add(socket, Image::Whole(1));
        let directory = tempfile::tempdir().unwrap();
        let mut room = Self { init, directory };
        room.job(Verb::Start, "foo.socket");
        room.job(Verb::Start, "foo");
        room
    }

    pub(crate) fn job(&mut self, verb: Verb, unit: &str) {
        let outcome = self.init.run(&[Job::new(verb, name(unit))], Wait::Done);
        assert_eq!(outcome.unwrap(), [JobOutcome::Done]);
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::open(&self.directory.path().join("rcpolicy"), life())
    }

    /// What is noted about `foo`.
    pub(crate) fn owed(&self) -> Option<Entry> {
        let reading = self.ledger().read(&name("foo").service());
        reading.ok()?.current()
    }

    pub(crate) fn is_up(&self, unit: &str) -> bool {
        self.init.view(&name(unit)).unwrap().active.is_active()
    }
}

/// Sees jobs before they are run.
type Watch<'a> = Box<dyn FnMut(&[Job]) -> Option<JobFailure> + 'a>;

/// The simulated init with somebody who looks on when it is asked for jobs, and may let them fail.
pub(crate) struct Watched<'a> {
    pub(crate) inner: &'a mut Simulated,
    /// When its user space began.
    pub(crate) userspace: Known<u64>,
    /// The same by the monotonic clock.
    pub(crate) userspace_since: Known<u64>,
    /// Sees the jobs first; what it returns is how all of them fail.
    pub(crate) before: Watch<'a>,
    /// Units whose jobs fail, whatever they are.
    pub(crate) broken: Vec<UnitName>,
    /// How often it was asked for several as one.
    pub(crate) as_one: u32,
    /// How often it read its definitions again.
    pub(crate) rereads: u32,
    /// Changes what is told of each unit.
    pub(crate) told: Box<dyn FnMut(&mut UnitFacts) + 'a>,
    /// Likewise of what is seen of it.
    pub(crate) shown: Box<dyn FnMut(&mut Seen) + 'a>,
}

impl<'a> Watched<'a> {
    /// Watched by nobody yet.
    pub(crate) fn new(inner: &'a mut Simulated) -> Self {
        Self {
            inner,
            userspace: Known::default(),
            userspace_since: Known::default(),
            before: Box::new(|_| None),
            broken: Vec::new(),
            as_one: 0,
            rereads: 0,
            told: Box::new(|_| ()),
            shown: Box::new(|_| ()),
        }
    }

    /// Every job fails.
    pub(crate) fn failing(inner: &'a mut Simulated) -> Self {
        Self {
            before: Box::new(|_| Some(failure())),
            ..Self::new(inner)
        }
    }
}

impl Watched<'_> {
    fn run_unbroken(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        let broken = self.broken.clone();
        let fails = |job: &&Job| broken.contains(&job.unit);
        let fine: Vec<Job> = jobs.iter().filter(|job| !fails(job)).cloned().collect();
        let mut outcomes = self.inner.run(&fine, wait)?.into_iter();
        let one = |job: &Job| match fails(&job) {
            true => JobOutcome::Failed(failure()),
            false => outcomes.next().unwrap(),
        };
        Ok(jobs.iter().map(one).collect())
    }
}

fn failure() -> JobFailure {
    JobFailure::Ended {
        result: "failed".to_owned(),
        service_result: "exit-code".to_owned(),
    }
}

impl Init for Watched<'_> {
    fn kind(&self) -> InitKind {
        self.inner.kind()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn machine(&mut self) -> Known<Machine> {
        self.inner.machine()
    }

    fn userspace(&mut self) -> Known<u64> {
        self.userspace.clone()
    }

    fn userspace_since(&mut self) -> Known<u64> {
        self.userspace_since.clone()
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        let mut found = self.inner.units(names, depth)?;
        found.iter_mut().for_each(|unit| (self.told)(unit));
        Ok(found)
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        self.inner.services(beginnings)
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        let mut found = self.inner.seen(units)?;
        found.iter_mut().for_each(|seen| (self.shown)(seen));
        Ok(found)
    }

    fn clock(&self) -> u64 {
        self.inner.clock()
    }

    fn pause(&mut self, span: Duration) {
        self.inner.pause(span);
    }

    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        match (self.before)(jobs) {
            Some(failure) => Ok(vec![JobOutcome::Failed(failure); jobs.len()]),
            None => self.run_unbroken(jobs, wait),
        }
    }

    fn run_as_one(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        self.as_one += 1;
        self.run(jobs, wait)
    }

    fn reread(&mut self) -> Result<(), InitError> {
        self.rereads += 1;
        Ok(())
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.inner.kill(unit)
    }

    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.inner.hold(unit)
    }

    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.inner.release(unit)
    }
}
