//! Processes that do the work, and the one that watches them: a child that dies or hangs is known by the
//! number that it has noted, and another one goes on behind it. Whoever is free takes the next block of numbers.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};

use crate::inputs::{Inputs, Outcome};

/// What a child is told: `FIRST END COUNT NOTE`, which numbers it begins with. Where its further blocks begin comes on its
/// standard input.
pub(crate) const SHARE: &str = "MUTATIONS_SHARE";
/// No input takes nearly so long, on a machine however busy.
const HANG: Duration = Duration::from_secs(60);
/// How many numbers are taken at a time.
const BLOCK: u64 = 500;
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
    blocks: PipeReader,
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
    let cores = std::thread::available_parallelism().unwrap().get();
    let (blocks, taken) = std::io::pipe().unwrap();
    // It ends when nobody reads any more.
    std::thread::spawn(move || give_out(taken, cores as u64 * BLOCK, count));
    let mut watch = Watch {
        directory,
        blocks,
        count,
        failed: Vec::new(),
        read: 0,
        refused: 0,
    };
    let mut workers: Vec<Worker> = (0..cores as u64)
        .map(|number| {
            let note = watch.directory.join(format!("at-{number}"));
            watch.start(block(number * BLOCK), note)
        })
        .collect();
    while !workers.is_empty() {
        std::thread::sleep(LOOK);
        workers = workers
            .into_iter()
            .filter_map(|worker| watch.look(worker))
            .collect();
    }
    println!("mutations: {} read, {} refused", watch.read, watch.refused);
    let tried = watch.read + watch.refused;
    if watch.failed.is_empty() && tried != count {
        watch
            .failed
            .push(format!("{tried} inputs were tried in all"));
    }
    watch.failed
}

/// The block that a number is in.
fn block(of: u64) -> Range<u64> {
    let first = of / BLOCK * BLOCK;
    first..first + BLOCK
}

/// Writes where each block begins, from `first` on.
fn give_out(mut to: PipeWriter, first: u64, count: u64) {
    let blocks = (first..count).step_by(usize::try_from(BLOCK).unwrap());
    for block in blocks {
        if to.write_all(&block.to_le_bytes()).is_err() {
            return;
        }
    }
}

impl Watch {
    /// A child that begins with these, and goes on with blocks that nobody has taken.
    fn start(&self, begin: Range<u64>, note: PathBuf) -> Worker {
        let Range { start: first, end } = begin;
        let share = format!("{first} {end} {} {}", self.count, note.display());
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command
            .env(SHARE, share)
            .stdin(self.blocks.try_clone().unwrap())
            .stdout(Stdio::piped());
        Worker {
            child: child.spawn().unwrap(),
            note,
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
        let more = self.failed.len() < MOST;
        more.then(|| self.start(at + 1..block(at).end, worker.note))
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
    let (begin, count) = (number()..number(), number());
    let mut note = File::options();
    let note = note.write(true).create(true).truncate(false);
    let note = note.open(words.next().unwrap()).unwrap();
    let inputs = Inputs::new();
    let (mut read, mut refused, mut panics) = (0_u64, 0_u64, 0);
    // What the child before it had begun, and then block after block.
    for numbers in std::iter::once(begin).chain(blocks().map(block)) {
        for at in numbers.take_while(|at| *at < count) {
            note.write_all_at(&at.to_le_bytes(), 0).unwrap();
            match catch_unwind(AssertUnwindSafe(|| inputs.give(at))) {
                Ok(Outcome::Read) => read += 1,
                Ok(Outcome::Refused) => refused += 1,
                Err(_) if panics < MOST => {
                    panics += 1;
                    println!("{at} {}", LAST.lock().unwrap());
                }
                Err(_) => {}
            }
        }
    }
    println!("read {read}\nrefused {refused}");
}

/// Where blocks begin that nobody else has taken.
fn blocks() -> impl Iterator<Item = u64> {
    // Not through a buffer, which would take more than one.
    let mut from = File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    std::iter::from_fn(move || {
        let mut block = [0; 8];
        from.read_exact(&mut block).ok()?;
        Some(u64::from_le_bytes(block))
    })
}
