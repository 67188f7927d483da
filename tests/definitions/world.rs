//! A scanner of its own with one service, whose scripts write down which versions of their files they see.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcpolicy::definitions::{
    Asked, ByInit, Compiles, DefinitionError, Definitions, Ended, Outcome, Part, Patience, Places,
    Standing, Starts,
};
use rcpolicy::domain::{Job, Seen, ServiceName, UnitName, Verb, Wait};
use rcpolicy::init::Init;
use rcpolicy::init::runit::Runit;
use rcpolicy::init::s6::S6;

/// Nothing that is waited for here takes longer, on the slowest machine.
const LONG: Duration = Duration::from_secs(60);
/// Below this directory a child finds its parent's world.
const TOP: &str = "DEFINITIONS_TOP";
const BY: &str = "DEFINITIONS_BY";

/// Who supervises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Runit,
    S6,
}

impl By {
    fn scanner(self) -> &'static [&'static str] {
        match self {
            Self::Runit => &["runsvdir", "-P"],
            Self::S6 => &["s6-svscan"],
        }
    }

    fn init(self, directory: PathBuf) -> Box<dyn Init> {
        match self {
            Self::Runit => Box::new(Runit::supervising(vec![directory])),
            Self::S6 => Box::new(S6::supervising(vec![directory])),
        }
    }

    /// What has the scanner end all that it supervises, and then itself.
    pub(crate) fn ends(self) -> Signal {
        match self {
            Self::Runit => Signal::SIGHUP,
            Self::S6 => Signal::SIGTERM,
        }
    }
}

pub(crate) struct World {
    pub(crate) by: By,
    pub(crate) top: PathBuf,
    _directory: Option<tempfile::TempDir>,
    pub(crate) scanner: Option<Child>,
}

/// What the scripts wrote down.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) runs: usize,
    pub(crate) finishes: usize,
    /// Lines of those that saw files of several versions, or not all.
    pub(crate) mixed: Vec<String>,
}

pub(crate) fn is_full() -> bool {
    std::env::var_os("DEFINITIONS_FULL").is_some_and(|told| !told.is_empty())
}

pub(crate) fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Writes a line of which version it is itself, and how many files of which version it sees: all five of
/// its own, where all is well.
fn script(word: &str, version: u32, ends: &str) -> String {
    format!(
        "#!/bin/sh\n#version {version}\nexec 2>&1\n\
         seen=$(grep -h '^#version' run finish data/version env/A only-* 2>/dev/null | sort | uniq -c | tr -s ' \\n' '  ')\n\
         echo {word} {version}:$seen >>../../record\n{ends}\n"
    )
}

impl World {
    /// Version 1 is live, recorded and up.
    pub(crate) fn new(by: By) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        for name in ["stock", "live", "scan"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        let mut world = Self {
            by,
            top,
            _directory: Some(directory),
            scanner: None,
        };
        world.ship(1);
        world.ship_logger(1);
        world.copy_stock();
        assert_eq!(world.flush(), [Outcome::Noted]);
        symlink("../live/foo", world.top.join("scan/foo")).unwrap();
        world.scan();
        world.is_up();
        world.wait_for("its first start", || world.records().runs > 0);
        world
    }

    /// The parent's, in a child that is to be killed.
    pub(crate) fn of_parent() -> Option<Self> {
        let top = PathBuf::from(std::env::var_os(TOP)?);
        let by = std::env::var(BY).unwrap();
        let by = [By::Runit, By::S6]
            .into_iter()
            .find(|one| format!("{one:?}") == by);
        Some(Self {
            by: by.unwrap(),
            top,
            _directory: None,
            scanner: None,
        })
    }

    /// The world goes on without us.
    pub(crate) fn leave(self) {}

    /// Its scanner begins.
    pub(crate) fn scan(&mut self) {
        let words = self.by.scanner();
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg(self.top.join("scan"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the programs of runit and s6 are in PATH, as tests/run puts them there");
        self.scanner = Some(child);
    }

    fn stock(&self, path: &str) -> PathBuf {
        self.top.join("stock/foo").join(path)
    }

    /// A package brings this version: file by file, each renamed over the old one, as dpkg does it.
    pub(crate) fn ship(&self, version: u32) {
        let text = format!("#version {version}\n");
        self.unpack("run", &script("run", version, "exec sleep 1000"));
        self.unpack("finish", &script("finish", version, "sleep 0.02"));
        self.unpack("data/version", &text);
        self.unpack("env/A", &text);
        self.unpack(&format!("only-{version}"), &text);
        let old = version.saturating_sub(1);
        let _ = fs::remove_file(self.stock(&format!("only-{old}")));
    }

    /// The same with a logger, which writes down its version.
    pub(crate) fn ship_logger(&self, version: u32) {
        let text = format!("#!/bin/sh\necho {version} >../../../logger\nexec cat >/dev/null\n");
        self.unpack("log/run", &text);
    }

    /// What is in stock ends at once.
    pub(crate) fn break_stock(&self) {
        self.unpack("run", "#!/bin/sh\nexit 1\n");
    }

    fn unpack(&self, path: &str, text: &str) {
        let path = self.stock(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let new = path.with_extension("dpkg-new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&new, &path).unwrap();
    }

    /// Its package goes.
    pub(crate) fn unship(&self) {
        fs::remove_dir_all(self.top.join("stock/foo")).unwrap();
    }

    /// The admin takes it from the scanner.
    pub(crate) fn unlink(&self) {
        let scan = self.top.join("scan");
        fs::remove_file(scan.join("foo")).unwrap();
        match self.by {
            // It looks every five seconds.
            By::Runit => {}
            By::S6 => {
                let told = Command::new("s6-svscanctl").arg("-an").arg(scan).status();
                assert!(told.unwrap().success());
            }
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.top.join("live/foo").exists()
    }

    fn copy_stock(&self) {
        let copied = Command::new("cp")
            .arg("-a")
            .args([self.top.join("stock/foo"), self.top.join("live")])
            .status();
        assert!(copied.unwrap().success());
    }

    fn asked(&self, part: Part) -> Asked {
        let service = ServiceName::parse("foo").unwrap();
        let (directory, name) = part.found_in(&self.top.join("live"), &service);
        Asked {
            init: self.by.init(directory),
            unit: UnitName::parse(name).unwrap(),
        }
    }

    /// Brings all up to date, and says what came of it.
    pub(crate) fn flush(&self) -> Vec<Outcome> {
        let tried = self.flush_within(Duration::from_secs(10)).into_iter();
        tried.map(Result::unwrap).collect()
    }

    /// The same with no more patience than this for the service and its supervisor, and why nothing came of it.
    pub(crate) fn flush_within(&self, limit: Duration) -> Vec<Result<Outcome, DefinitionError>> {
        let find = |_: &ServiceName, part| Some(self.asked(part));
        let patience = Patience {
            steady: Duration::from_millis(200),
            limit,
        };
        let mut supervisor = ByInit::new(&find, patience);
        let changing = Definitions::change(Places {
            stock: self.top.join("stock"),
            live: self.top.join("live"),
            records: self.top.join("records"),
            compiles: Compiles::Nothing,
        })
        .unwrap();
        let mut outcomes = Vec::new();
        // What was cut off first, then what is new since.
        for _ in 0..2 {
            for looked in changing.survey().unwrap() {
                let tried = outcomes.iter().any(|outcome| match outcome {
                    Ok(Outcome::Ended(ended)) => *ended != Ended::Updated,
                    Ok(_) => false,
                    Err(_) => true,
                });
                if looked.standing != Standing::Current && !tried {
                    outcomes.push(changing.bring(&looked, &mut supervisor, Starts::Allowed));
                }
            }
        }
        outcomes
    }

    /// A flush by a process that is killed at this `step`; whether it came so far.
    #[cfg(feature = "failpoints")]
    pub(crate) fn flush_killed_at(&self, step: &str) -> bool {
        use std::os::unix::process::ExitStatusExt;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_flushes"])
            .env(TOP, &self.top)
            .env(BY, format!("{:?}", self.by))
            .env("RCPOLICY_FAILPOINT", step)
            .output()
            .unwrap();
        let killed = child.status.signal() == Some(9);
        assert!(killed || child.status.success(), "{child:?}");
        killed
    }

    pub(crate) fn seen(&self) -> Seen {
        let mut asked = self.asked(Part::Service);
        let unit = asked.unit.clone();
        asked.init.seen(&[unit]).unwrap().pop().unwrap()
    }

    /// The process of the service, 0 where none is.
    pub(crate) fn pid(&self) -> u32 {
        self.seen().main_pid
    }

    /// Kills the process of the service, where one is.
    pub(crate) fn kill_service(&self) -> bool {
        let pid = self.pid();
        let ours = Path::new("/proc").join(pid.to_string()).join("cwd");
        let works_here = ours.read_link().is_ok_and(|cwd| cwd.starts_with(&self.top));
        let pid = i32::try_from(pid).unwrap();
        pid != 0 && works_here && kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok()
    }

    pub(crate) fn take_down(&self) {
        let mut asked = self.asked(Part::Service);
        let job = Job::new(Verb::Stop, asked.unit.clone());
        asked.init.run(&[job], Wait::Done).unwrap();
        self.wait_for("it is down", || {
            self.seen().active.is_and(|state| state.is_down())
        });
    }

    /// It is up, or comes up by itself.
    pub(crate) fn is_up(&self) {
        self.wait_for("it is up", || {
            self.seen().active.is_and(|state| state.is_active())
        });
    }

    /// The version of all that is live, where that is one.
    pub(crate) fn live_version(&self) -> Option<u32> {
        let live = self.top.join("live/foo");
        let mut versions: Vec<u32> = Vec::new();
        let only = fs::read_dir(&live).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.starts_with("only-").then_some(name)
        });
        let files = ["run", "finish", "data/version", "env/A"].map(str::to_owned);
        for file in files.into_iter().chain(only) {
            let text = fs::read_to_string(live.join(file)).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("#version "));
            versions.push(line?.parse().unwrap());
        }
        let count = versions.len();
        versions.dedup();
        (count == 5 && versions.len() == 1).then(|| versions[0])
    }

    /// The version of the logger that came up last.
    pub(crate) fn logger(&self) -> String {
        let text = fs::read_to_string(self.top.join("logger"));
        text.unwrap_or_default().trim().to_owned()
    }

    pub(crate) fn records(&self) -> Records {
        let text = fs::read_to_string(self.top.join("record")).unwrap_or_default();
        let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        let is_one = |line: &&str| {
            let (own, seen) = line.split_once(':').unwrap();
            let version = own.split_whitespace().last().unwrap();
            seen.trim() == format!("5 #version {version}")
        };
        Records {
            runs: count("run "),
            finishes: count("finish "),
            mixed: text
                .lines()
                .filter(|line| !is_one(line))
                .map(str::to_owned)
                .collect(),
        }
    }

    pub(crate) fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < LONG, "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(scanner) = &mut self.scanner else {
            return;
        };
        let pid = i32::try_from(scanner.id()).unwrap();
        let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
        let _ = kill(Pid::from_raw(pid), self.by.ends());
        let _ = scanner.wait();
    }
}
