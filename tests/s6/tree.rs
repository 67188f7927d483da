//! A real s6-svscan on a directory of its own, and services made for one test. All that was started there
//! is killed when the test is over: it works in that directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcpolicy::domain::{
    ActiveState, Job, JobFailure, JobOutcome, Known, Seen, UnitFacts, UnitName, Verb, Wait,
};
use rcpolicy::init::s6::S6;
use rcpolicy::init::{Depth, Init, Supervising};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A scanner with its directory.
pub(crate) struct Tree {
    place: tempfile::TempDir,
    scanner: Child,
    pub(crate) s6: S6,
}

/// One that runs until somebody stops it.
pub(crate) const FOREVER: &str = "#!/bin/sh\nexec sleep 1000\n";

impl Tree {
    /// With these services: name, and files of each.
    pub(crate) fn with(services: &[(&str, &[(&str, &str)])]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let scan = place.path().join("scan");
        fs::create_dir(&scan).unwrap();
        let tree = |scanner| Self {
            s6: S6::scanning(vec![scan.clone()]).remembering(&place.path().join("notes/clock")),
            scanner,
            place,
        };
        for (name, files) in services {
            write_service(&scan.join(name), files);
        }
        let log = fs::File::create(scan.with_file_name("log")).unwrap();
        let scanner = Command::new("s6-svscan")
            .arg(&scan)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the package s6 is installed");
        let tree = tree(scanner);
        for (name, files) in services {
            let down = files.iter().any(|(file, _)| *file == "down");
            tree.until(|| {
                let pid = tree.pid(name);
                tree.supervisor(name).is_some() && (down && pid == Some(0) || pid > Some(0))
            });
        }
        tree
    }

    /// One service `foo` of these files.
    pub(crate) fn foo(files: &[(&str, &str)]) -> Self {
        Self::with(&[("foo", files)])
    }

    /// Its scan directory.
    pub(crate) fn scan(&self) -> PathBuf {
        self.place.path().join("scan")
    }

    /// A file of a service.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.scan().join(path)
    }

    /// Lets a service come to stand like this.
    #[track_caller]
    pub(crate) fn until_active(&mut self, name: &str, state: ActiveState) {
        let begun = Instant::now();
        while self.active(name) != state {
            assert!(begun.elapsed() < PATIENCE, "{name}: {:?}", self.seen(name));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets `condition` come true.
    #[track_caller]
    pub(crate) fn until(&self, mut condition: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !condition() {
            let log = || fs::read_to_string(self.place.path().join("log"));
            assert!(begun.elapsed() < PATIENCE, "{:?}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Process of a service by s6's own tool; 0 for none, nothing where nobody supervises it.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        let told = Command::new("s6-svstat")
            .args(["-o", "pid"])
            .arg(self.file(name))
            .output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        let pid: i64 = told.trim().parse().ok()?;
        Some(u32::try_from(pid).unwrap_or(0))
    }

    /// Process of its supervisor.
    pub(crate) fn supervisor(&self, name: &str) -> Option<u32> {
        let works_there = |pid: &u32| {
            let process = PathBuf::from(format!("/proc/{pid}"));
            let command = fs::read_to_string(process.join("comm"));
            command.is_ok_and(|command| command.trim() == "s6-supervise")
                && process.join("cwd").read_link().ok() == self.file(name).canonicalize().ok()
        };
        processes().find(works_there)
    }

    pub(crate) fn signal(&self, pid: u32, signal: Signal) {
        let pid = i32::try_from(pid).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// As the admin does.
    pub(crate) fn svc(&self, words: &str, name: &str) {
        let done = Command::new("s6-svc")
            .arg(words)
            .arg(self.file(name))
            .status()
            .unwrap();
        assert!(done.success());
    }

    pub(crate) fn run(&mut self, verb: Verb, name: &str) -> JobOutcome {
        let jobs = [Job::new(verb, unit(name))];
        self.s6.run(&jobs, Wait::Done).unwrap().remove(0)
    }

    /// Does it, and it is done.
    pub(crate) fn done(&mut self, verb: Verb, name: &str) {
        assert_eq!(self.run(verb, name), JobOutcome::Done, "{verb} {name}");
    }

    /// Why it is not.
    pub(crate) fn failure(&mut self, verb: Verb, name: &str) -> JobFailure {
        match self.run(verb, name) {
            JobOutcome::Failed(failure) => failure,
            other => panic!("{verb} {name}: {other:?}"),
        }
    }

    pub(crate) fn facts(&mut self, name: &str) -> UnitFacts {
        let names = [unit(name)];
        self.s6.units(&names, Depth::State).unwrap().remove(0)
    }

    pub(crate) fn seen(&mut self, name: &str) -> Seen {
        self.s6.seen(&[unit(name)]).unwrap().remove(0)
    }

    pub(crate) fn active(&mut self, name: &str) -> ActiveState {
        match self.facts(name).active {
            Known::Is(active) => active,
            Known::Unknown(why) => panic!("{name}: {why}"),
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = self.scanner.kill();
        let _ = self.scanner.wait();
        let Ok(place) = self.place.path().canonicalize() else {
            return;
        };
        let works_there = |pid: &u32| {
            let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
            cwd.is_ok_and(|cwd| cwd.starts_with(&place))
        };
        let kill_all = |name: Option<&str>| {
            for pid in processes().filter(works_there) {
                let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                if name.is_none_or(|name| command.trim() == name) {
                    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
                }
            }
        };
        // Supervisors first, or they start anew what is killed.
        kill_all(Some("s6-supervise"));
        kill_all(None);
    }
}

pub(crate) fn unit(name: &str) -> UnitName {
    UnitName::parse(name).unwrap()
}

pub(crate) fn write_service(directory: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(directory).unwrap();
    for (name, text) in files {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

fn processes() -> impl Iterator<Item = u32> {
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
