//! Processes that do the work, and the one that watches them: a child that dies or hangs is known by the
//! number that it has noted, and another one goes on behind it.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};

use crate::inputs::{Inputs, Outcome};

/// Where a child finds its share: `FIRST STEP COUNT DIRECTORY`.
pub(crate) const SHARE: &str = "MUTATIONS_SHARE";
/// No input takes nearly so long, on a machine however busy.
const HANG: Duration = Duration::from_secs(60);
/// How often the children are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// More failures than these are not looked for.
const MOST: usize = 20;
/// What a child may use, in bytes.
const MEMORY: u64 = 2 << 30;

struct Worker {
    child: Child,
    note: PathBuf,
    last: u64,
    since: Instant,
}

struct Watch {
    directory: PathBuf,
    step: u64,
    count: u64,
    failed: Vec<String>,
    read: u64,
    refused: u64,
}

/// Tries `count` inputs on all cores; what failed.
pub(crate) fn run(count: u64) -> Vec<String> {
    // Not target/mutations: there cargo keeps what it built by the profile of that name.
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mutated");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    let mut watch = Watch {
        directory,
        step: cores.get() as u64,
        count,
        failed: Vec::new(),
        read: 0,
        refused: 0,
    };
    let mut workers: Vec<Worker> = (0..watch.step).map(|first| watch.start(first)).collect();
    while !workers.is_empty() {
        std::thread::sleep(LOOK);
        workers = workers
            .into_iter()
            .filter_map(|worker| watch.look(worker))
            .collect();
    }
    println!("mutations: {} read, {} refused", watch.read, watch.refused);
    watch.failed
}

impl Watch {
    fn start(&self, first: u64) -> Worker {
        let share = format!(
            "{first} {} {} {}",
            self.step,
            self.count,
            self.directory.display()
        );
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command
            .env(SHARE, share)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Worker {
            child: child.spawn().unwrap(),
            note: self.directory.join(format!("at-{}", first % self.step)),
            last: first,
            since: Instant::now(),
        }
    }

    /// The worker that goes on in its place, if any.
    fn look(&mut self, mut worker: Worker) -> Option<Worker> {
        let at = noted(&worker.note).unwrap_or(worker.last);
        if at != worker.last {
            (worker.last, worker.since) = (at, Instant::now());
        }
        let why = match worker.child.try_wait().unwrap() {
            Some(status) if status.success() => {
                self.finished(&mut worker.child);
                return None;
            }
            Some(status) => format!("its process ended: {status}"),
            None if worker.since.elapsed() < HANG => return Some(worker),
            None => {
                worker.child.kill().unwrap();
                worker.child.wait().unwrap();
                format!("not done after {} s", HANG.as_secs())
            }
        };
        self.failure(at, &why);
        let next = at + self.step;
        (next < self.count && self.failed.len() < MOST).then(|| self.start(next))
    }

    fn finished(&mut self, child: &mut Child) {
        let mut said = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        for line in said.lines() {
            match line.split_once(' ') {
                Some(("read", count)) => self.read += count.parse::<u64>().unwrap(),
                Some(("refused", count)) => self.refused += count.parse::<u64>().unwrap(),
                Some((number, why)) => self.failure(number.parse().unwrap(), why),
                None => {}
            }
        }
    }

    fn failure(&mut self, number: u64, why: &str) {
        let kept = self.directory.join(format!("{number}.bin"));
        fs::write(&kept, Inputs::new().bytes(number)).unwrap();
        let kept = kept.display();
        self.failed
            .push(format!("input {number} (in {kept}): {why}"));
    }
}

fn noted(path: &Path) -> Option<u64> {
    let bytes = fs::read(path).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// What a child does.
pub(crate) fn work(share: &str) {
    setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY).unwrap();
    static LAST: Mutex<String> = Mutex::new(String::new());
    std::panic::set_hook(Box::new(|info| {
        *LAST.lock().unwrap() = info.to_string().replace('\n', " ");
    }));
    let mut words = share.splitn(4, ' ');
    let mut number = || words.next().unwrap().parse::<u64>().unwrap();
    let (first, step, count) = (number(), number(), number());
    let directory = PathBuf::from(words.next().unwrap());
    let note = directory.join(format!("at-{}", first % step));
    let note = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(note)
        .unwrap();
    let inputs = Inputs::new();
    let (mut read, mut refused, mut panics) = (0_u64, 0_u64, 0);
    let mut at = first;
    while at < count && panics < MOST {
        note.write_all_at(&at.to_le_bytes(), 0).unwrap();
        match catch_unwind(AssertUnwindSafe(|| inputs.give(at))) {
            Ok(Outcome::Read) => read += 1,
            Ok(Outcome::Refused) => refused += 1,
            Err(_) => {
                panics += 1;
                println!("{at} {}", LAST.lock().unwrap());
            }
        }
        at += step;
    }
    println!("read {read}\nrefused {refused}");
}
