//! Running a program of s6-rc's to its end, with a limit on its time and on what is read of its output.
//! Its output goes to memory, not through a pipe: what it starts may keep that open for as long as it runs.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thiserror::Error;

/// So much of what it writes is read, in bytes.
const MOST: u64 = 1 << 20;
/// Between two looks whether it has ended.
const SHORTEST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// How long one that was asked to end may take for that: s6-rc gives up what it waits for.
const ENDING: Duration = Duration::from_secs(2);

/// A program did not come to its end.
#[derive(Debug, Error)]
pub(super) enum ProgramError {
    /// It could not be run.
    #[error("cannot run `{}`: {source}", path.display())]
    NotRun {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ran too long and was ended.
    #[error("`{}` had not ended within {} s and was", path.display(), limit.as_secs())]
    Silent {
        /// The program.
        path: PathBuf,
        /// The limit.
        limit: Duration,
    },
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its exit status, as a shell sees it.
    pub(super) status: u8,
    /// What it wrote.
    pub(super) out: String,
    /// What it complained of.
    pub(super) complaints: String,
}

/// Runs the program `path`.
pub(super) fn run<A: AsRef<OsStr>>(
    path: &Path,
    arguments: &[A],
    limit: Duration,
) -> Result<Ended, ProgramError> {
    let not_run = |source| ProgramError::NotRun {
        path: path.to_path_buf(),
        source,
    };
    let (mut out, mut complaints) = (memory().map_err(not_run)?, memory().map_err(not_run)?);
    let own = |file: &File| file.try_clone().map_err(not_run);
    let mut child = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(own(&out)?)
        .stderr(own(&complaints)?)
        // A Ctrl-C that ends the caller is no reason to stop in the middle of a change.
        .process_group(0)
        .spawn()
        .map_err(not_run)?;
    let status = ended_within(&mut child, limit).map_err(not_run)?;
    let Some(status) = status else {
        end(&mut child);
        return Err(ProgramError::Silent {
            path: path.to_path_buf(),
            limit,
        });
    };
    Ok(Ended {
        status: as_shell(status),
        out: text(&mut out).map_err(not_run)?,
        complaints: text(&mut complaints).map_err(not_run)?,
    })
}

fn memory() -> std::io::Result<File> {
    Ok(File::from(memfd_create(c"output", MFdFlags::MFD_CLOEXEC)?))
}

fn text(file: &mut File) -> std::io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn ended_within(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn end(child: &mut Child) {
    // It is ours and not reaped yet, so its number cannot be another's.
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if !matches!(ended_within(child, ENDING), Ok(Some(_))) {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn as_shell(status: ExitStatus) -> u8 {
    let signal = || status.signal().map(|signal| signal.saturating_add(128));
    let code = status.code().or_else(signal);
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Ended, ProgramError> {
        run(Path::new("/bin/sh"), &["-c", script], limit)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn both_outputs_and_the_status_are_told() {
        let ended = shell("echo out; echo err >&2; exit 3", LONG).unwrap();
        assert_eq!((ended.status, ended.out.as_str()), (3, "out\n"));
        assert_eq!(ended.complaints, "err\n");
        assert_eq!(shell("kill -9 $$", LONG).unwrap().status, 137);
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for_and_a_flood_is_cut_off() {
        let ended = shell("sleep 60 & echo $!", LONG).unwrap();
        let pid = Pid::from_raw(ended.out.trim().parse().unwrap());
        kill(pid, Signal::SIGKILL).unwrap();
        let flood = shell("head -c 3000000 /dev/zero", LONG).unwrap();
        assert_eq!(flood.out.len() as u64, MOST);
    }

    #[test]
    fn one_that_does_not_end_is_ended_whatever_it_does_about_it() {
        for script in ["exec sleep 60", "trap '' TERM; while :; do sleep 1; done"] {
            let error = shell(script, Duration::from_millis(50)).unwrap_err();
            assert!(matches!(error, ProgramError::Silent { .. }), "{error}");
        }
        let none = run(Path::new("/no/such"), &["x"], LONG).unwrap_err();
        assert!(none.to_string().contains("cannot run `/no/such`"));
    }
}
