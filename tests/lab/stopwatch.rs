//! Runs commands in turn, A B C A B C, and prints what each run took: wall-clock and processor time, peak memory.
//! It runs inside a lab, so that entering the lab is no part of any figure. It judges nothing.
//!
//! usage: stopwatch ROUNDS WARMUP <PLAN, where a line is NAME, PREPARATION, COMMAND, separated by tabs.
//! A preparation is a shell command that is run before each measured run and not measured; it may be empty. Commands
//! are words separated by blanks. Output: NAME, nanoseconds, microseconds of processor time, KiB, exit status.

use std::io::{self, BufRead, Error, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

struct Line {
    name: String,
    preparation: String,
    words: Vec<String>,
}

struct Run {
    wall: Duration,
    processor: Duration,
    status: i32,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "stopwatch: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let numbers: Vec<u32> = std::env::args()
        .skip(1)
        .flat_map(|word| word.parse())
        .collect();
    let [rounds, warmup] = numbers[..] else {
        return Err(Error::other("usage: stopwatch ROUNDS WARMUP <PLAN"));
    };
    let plan: Vec<Line> = io::stdin()
        .lock()
        .lines()
        .map(|text| parse(&text?))
        .collect::<io::Result<_>>()?;
    let mut out = io::stdout().lock();
    for round in 0..warmup + rounds {
        for line in &plan {
            let run = once(line)?;
            if round >= warmup {
                writeln!(
                    out,
                    "{}\t{}\t{}\t{}\t{}",
                    line.name,
                    run.wall.as_nanos(),
                    run.processor.as_micros(),
                    peak()?,
                    run.status
                )?;
            }
        }
    }
    Ok(())
}

fn parse(text: &str) -> io::Result<Line> {
    let fields: Vec<&str> = text.split('\t').collect();
    let [name, preparation, command] = fields[..] else {
        return Err(Error::other(format!("not three fields: {text}")));
    };
    Ok(Line {
        name: name.to_owned(),
        preparation: preparation.to_owned(),
        words: command.split_whitespace().map(str::to_owned).collect(),
    })
}

/// Time for PID 1 to end what the tool before left it to do: nobody pays for another's run. It is the same for both
/// sides, and it stays: back to back, and after 8 ms on 262, the quicker tool waits for what the slower one before it
/// began. Not longer: after 30 ms every restart on 252 took some 10 ms more, `systemctl restart` among them, which is
/// the kernel's, as far as can be told, for the first process in a while that is moved to another control group.
const SETTLE: Duration = Duration::from_millis(15);

fn once(line: &Line) -> io::Result<Run> {
    if !line.preparation.is_empty() {
        let prepared = Command::new("/bin/sh")
            .args(["-ec", &line.preparation])
            .stdout(Stdio::null())
            .status()?;
        if !prepared.success() {
            return Err(Error::other(format!(
                "preparing {} failed: {prepared}",
                line.name
            )));
        }
    }
    let (program, arguments) = line
        .words
        .split_first()
        .ok_or_else(|| Error::other("no command"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    std::thread::sleep(SETTLE);
    let before = processor(&children()?);
    let begun = Instant::now();
    let status = command.status()?;
    let wall = begun.elapsed();
    Ok(Run {
        wall,
        processor: processor(&children()?).saturating_sub(before),
        status: status.code().unwrap_or(-1),
    })
}

fn children() -> io::Result<Usage> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?)
}

fn processor(usage: &Usage) -> Duration {
    duration(usage.user_time()) + duration(usage.system_time())
}

fn duration(time: TimeVal) -> Duration {
    let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// The most memory that any child had so far, in KiB: of one command only where the plan has one line.
fn peak() -> io::Result<i64> {
    Ok(children()?.max_rss())
}
