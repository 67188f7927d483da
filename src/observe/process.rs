//! Whether a process still runs that was seen before: its number may be another's by then.

use std::fs;
use std::time::Duration;

use super::context::to_epoch;
use super::life::state_and_start;

/// A process that ran when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    /// In clock ticks since the boot.
    started: u64,
}

impl Process {
    /// The process with this number; `None` where there is none, or it has ended and is not yet
    /// collected.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        match state_and_start(&stat)? {
            ('Z' | 'X' | 'x', _) => None,
            (_, started) => Some(Self { pid, started }),
        }
    }

    /// The process that was seen with this number, started at `started` ticks since the boot.
    pub fn seen(pid: u32, started: u64) -> Self {
        Self { pid, started }
    }

    /// When it was started, in clock ticks since the boot.
    pub fn started(self) -> u64 {
        self.started
    }

    /// The same since the epoch, by the clock as it is set now.
    pub fn since_epoch(self) -> Option<Duration> {
        to_epoch(self.started)
    }

    /// Whether it still runs.
    pub fn runs(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// Whether the process with this number was stopped by somebody, and neither runs nor ends.
pub fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    matches!(state_and_start(&stat), Some(('T' | 't', _)))
}

/// The effective group of the process with this number.
pub fn group_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Gid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_group_of_a_process_is_the_one_it_acts_as() {
        let group = nix::unistd::getegid().as_raw();
        assert_eq!(group_of(std::process::id()), Some(group));
        assert_eq!(group_of(0), None);
    }

    #[test]
    fn a_process_runs_until_it_ends_and_its_number_alone_is_not_enough() {
        assert!(Process::of(std::process::id()).unwrap().runs());
        let later = Process {
            pid: std::process::id(),
            started: 1,
        };
        assert!(!later.runs());
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = Process::of(cat.id()).unwrap();
        assert!(process.runs() && !is_stopped(cat.id()));
        let pid = nix::unistd::Pid::from_raw(i32::try_from(cat.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
        while !is_stopped(cat.id()) {
            std::thread::yield_now();
        }
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
        drop(cat.stdin.take());
        // As a zombie, at the latest once it was collected.
        cat.wait().unwrap();
        assert!(!process.runs());
        assert_eq!(Process::of(0), None);
    }
}
