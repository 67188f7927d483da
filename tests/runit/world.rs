//! A runsvdir of its own with the services that a test makes, in a directory that goes away with it.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::libc::O_NONBLOCK;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcpolicy::domain::{ActiveState, Job, JobFailure, JobOutcome, UnitFacts, UnitName, Verb, Wait};
use rcpolicy::init::runit::Runit;
use rcpolicy::init::{Depth, Init, Supervising};

/// Nothing that is waited for here takes longer, on the slowest machine.
const LONG: Duration = Duration::from_secs(60);

/// A daemon that notes each start as `run` and ends on TERM.
pub(crate) const DAEMON: &str = "echo run >>log\nexec sleep 1000";

pub(crate) struct World {
    top: tempfile::TempDir,
    runsvdir: Option<Child>,
}

impl World {
    /// Nothing runs yet.
    pub(crate) fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        for name in ["scan", "sv"] {
            fs::create_dir(top.path().join(name)).unwrap();
        }
        Self {
            top,
            runsvdir: None,
        }
    }

    /// With one service `foo` that is up.
    pub(crate) fn with(run: &str) -> Self {
        let mut world = Self::new();
        world.service("foo", run);
        world.link("foo");
        world.scan();
        world.wait_for("foo is up", || world.stat("foo").starts_with("run"));
        world.wait_for("foo has begun", || {
            !run.contains(">>log") || !world.log("foo").is_empty()
        });
        world
    }

    pub(crate) fn scan(&mut self) {
        let child = Command::new("runsvdir")
            .arg("-P")
            .arg(self.top.path().join("scan"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("runit's programs are in PATH, as tests/run puts them there");
        self.runsvdir = Some(child);
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.top.path().join("sv").join(below)
    }

    /// Makes a service that is not linked yet.
    pub(crate) fn service(&self, name: &str, run: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
        self.script(&format!("{name}/run"), run);
    }

    pub(crate) fn script(&self, below: &str, text: &str) {
        let new = self.path(&format!("{below}.new"));
        fs::write(&new, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, self.path(below)).unwrap();
    }

    pub(crate) fn link(&self, name: &str) {
        symlink(self.path(name), self.top.path().join("scan").join(name)).unwrap();
    }

    pub(crate) fn unlink(&self, name: &str) {
        fs::remove_file(self.top.path().join("scan").join(name)).unwrap();
    }

    /// Ours, looking at this world alone.
    pub(crate) fn runit(&self) -> Runit {
        Runit::scanning(vec![self.top.path().join("scan")])
            .remembering(&self.top.path().join("clock"))
    }

    /// `run`, `down`, `finish`, with more words: what runsv writes for people.
    pub(crate) fn stat(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}/supervise/stat"))).unwrap_or_default()
    }

    /// The process that runs as `run`, as runsv writes it down.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        let text = fs::read_to_string(self.path(&format!("{name}/supervise/pid")));
        text.ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    /// The process that runs as `finish`, from the status itself: runsv writes it nowhere else.
    pub(crate) fn pid_of_finish(&self, name: &str) -> u32 {
        let status = fs::read(self.path(&format!("{name}/supervise/status"))).unwrap();
        u32::from_le_bytes(status[12..16].try_into().unwrap())
    }

    pub(crate) fn log(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(&format!("{name}/log"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The runsv of a service.
    pub(crate) fn runsv(&self, name: &str) -> u32 {
        let directory = self.path(name).canonicalize().unwrap();
        let works_there = |pid: &u32| {
            let process = PathBuf::from(format!("/proc/{pid}"));
            let command = fs::read_to_string(process.join("comm")).unwrap_or_default();
            command == "runsv\n"
                && process
                    .join("cwd")
                    .read_link()
                    .is_ok_and(|cwd| cwd == directory)
        };
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.find(works_there).unwrap_or(0)
    }

    /// Whether somebody has written to the pipe of a runsv that does not read.
    pub(crate) fn is_asked(&self, name: &str) -> bool {
        let pipe = fs::File::options()
            .read(true)
            .custom_flags(O_NONBLOCK)
            .open(self.path(&format!("{name}/supervise/control")));
        let pipe = pipe.unwrap();
        let mut ends = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        poll(&mut ends, PollTimeout::ZERO).unwrap() == 1
    }

    pub(crate) fn runsvdir(&self) -> u32 {
        self.runsvdir.as_ref().map_or(0, Child::id)
    }

    pub(crate) fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < LONG, "in vain: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn facts(&self, name: &str) -> UnitFacts {
        self.runit()
            .units(&[unit(name)], Depth::State)
            .unwrap()
            .remove(0)
    }

    pub(crate) fn active(&self, name: &str) -> Option<ActiveState> {
        self.facts(name).active.get().copied()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(child) = &mut self.runsvdir else {
            return;
        };
        signal(child.id(), Signal::SIGCONT);
        let _ = child.kill();
        let _ = child.wait();
        for service in fs::read_dir(self.top.path().join("sv")).unwrap().flatten() {
            end(&service.path());
        }
    }
}

/// Ends the runsv of a service, its log's included, and what it runs, whatever state they are in.
fn end(service: &Path) {
    let own = service.canonicalize().unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let works_in = entry.path().join("cwd").read_link();
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let (Ok(works_in), Some(pid)) = (works_in, pid)
            && works_in.starts_with(&own)
            && pid != std::process::id()
        {
            signal(pid, Signal::SIGKILL);
        }
    }
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    assert!(pid > 1, "no such process");
    let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal);
}

pub(crate) fn unit(name: &str) -> UnitName {
    UnitName::of_script(name).unwrap()
}

pub(crate) fn job(verb: Verb, name: &str) -> Job {
    Job::new(verb, unit(name))
}

pub(crate) fn one(runit: &mut Runit, verb: Verb, name: &str) -> JobOutcome {
    runit.run(&[job(verb, name)], Wait::Done).unwrap().remove(0)
}

pub(crate) fn failure(outcome: JobOutcome) -> JobFailure {
    match outcome {
        JobOutcome::Failed(failure) => failure,
        other => panic!("it should have failed: {other:?}"),
    }
}
