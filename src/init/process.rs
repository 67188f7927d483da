//! A process, told from a later one that was given the same number by when it was started.
//! Reads /proc, and sends signals only to what is still the process that was meant.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// As much room a line of /proc/PID/stat needs, and no line is longer than that, in bytes.
const LINE: usize = 1024;
const LONGEST: u64 = 64 * 1024;

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) struct Process {
    /// Its number.
    pub(in crate::init) pid: u32,
    /// When it was started, in clock ticks since the boot; 0 where that could not be told.
    pub(in crate::init) ticks: u64,
}

/// Whose processes may be signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) enum Owner {
    /// Everybody's: PID 1 itself named the process.
    Anybody,
    /// This user's: what a user's init says may be a lie that hits somebody else.
    User(u32),
}

impl Process {
    /// The process that has this number now; `None` for 0, which is none.
    pub(in crate::init) fn of(pid: u32) -> Option<Self> {
        let ticks = read(pid).map_or(0, |(_, ticks)| ticks);
        (pid != 0).then_some(Self { pid, ticks })
    }

    /// The same where that runs. A zombie does not.
    pub(in crate::init) fn living(pid: u32) -> Option<Self> {
        let (_, ticks) = read(pid).filter(|(state, _)| runs(*state))?;
        (pid != 0).then_some(Self { pid, ticks })
    }

    /// Whether it still runs.
    pub(in crate::init) fn is_alive(self) -> bool {
        read(self.pid).is_some_and(|(state, ticks)| runs(state) && ticks == self.ticks)
    }

    /// Whether it waits for something, as a daemon does whose work is to come; what only has to wait for
    /// its turn on a busy machine does not.
    pub(in crate::init) fn is_at_rest(self) -> bool {
        read(self.pid).is_some_and(|(state, ticks)| state == 'S' && ticks == self.ticks)
    }

    /// Whether the program that it executes is called `name`; a script is called as its file is.
    pub(in crate::init) fn is_called(self, name: &str) -> bool {
        let command = fs::read_to_string(format!("/proc/{}/comm", self.pid));
        command.is_ok_and(|command| command.trim_end() == name)
    }

    /// Whether it was started by a program called `name` that still runs.
    pub(in crate::init) fn is_child_of(self, name: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid));
        let Some(parent) = stat.ok().as_deref().and_then(parent) else {
            return false;
        };
        let parent = Self {
            pid: parent,
            ticks: 0,
        };
        parent.is_called(name)
    }

    /// Tells one start of a service from the next.
    pub(in crate::init) fn invocation(self) -> String {
        format!("{}:{}", self.pid, self.ticks)
    }

    /// When it was started, in microseconds of the monotonic clock, as exactly as /proc has it and
    /// never too late; 0 where that is not known.
    pub(in crate::init) fn started(self) -> u64 {
        let rate = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        let rate = u64::try_from(rate).unwrap_or(100).max(1);
        let micros = self.ticks.saturating_mul(1_000_000) / rate;
        // /proc counts time asleep, the monotonic clock does not.
        let asleep = now(ClockId::CLOCK_BOOTTIME).saturating_sub(now(ClockId::CLOCK_MONOTONIC));
        micros.saturating_sub(asleep)
    }

    /// Sends `signal` where it still runs and belongs to `owner`.
    pub(in crate::init) fn signal(self, signal: Signal, owner: Owner) -> Result<(), Errno> {
        let pid = i32::try_from(self.pid).map_err(|_| Errno::ESRCH)?;
        if pid <= 1 || !self.is_alive() {
            return Err(Errno::ESRCH);
        }
        if let Owner::User(uid) = owner
            && fs::metadata(format!("/proc/{pid}"))
                .map(|status| status.uid())
                .ok()
                != Some(uid)
        {
            return Err(Errno::EPERM);
        }
        kill(Pid::from_raw(pid), signal)
    }
}

/// Now, in microseconds of `clock`.
fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).map_or((0, 0), |time| (time.tv_sec(), time.tv_nsec()));
    let (seconds, nanos) = (u64::try_from(time.0), u64::try_from(time.1));
    seconds.unwrap_or(0).saturating_mul(1_000_000) + nanos.unwrap_or(0) / 1_000
}

/// Whether what is in this state still runs.
fn runs(state: char) -> bool {
    !matches!(state, 'Z' | 'X' | 'x')
}

/// State and start time.
fn read(pid: u32) -> Option<(char, u64)> {
    let file = fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    // Its length is not told before: with room for it all it is read at once.
    let mut text = String::with_capacity(LINE);
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    parse(&text)
}

/// Fields 3 and 22 of /proc/PID/stat. Field 2, the command, is in parentheses and may hold anything.
fn parse(stat: &str) -> Option<(char, u64)> {
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let ticks = fields.nth(22 - 4)?.parse().ok()?;
    Some((state, ticks))
}

/// Field 4, likewise.
fn parent(stat: &str) -> Option<u32> {
    let (_, after_command) = stat.rsplit_once(')')?;
    after_command.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn state_and_start_are_read_past_a_command_with_parentheses() {
        let stat = "9 (a) b) c) S 0 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 42 99 100\n";
        assert_eq!(parse(stat), Some(('S', 42)));
        assert_eq!(parse("9 (a) S 0"), None);
        assert_eq!(parse(""), None);
        assert_eq!((parent(stat), parent("9 (a) S")), (Some(0), None));
    }

    #[test]
    fn a_child_is_one_of_who_started_it_as_long_as_that_runs() {
        let script = "sleep 60 & echo $!; read line";
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = shell.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        let child = Process::of(line.trim().parse().unwrap()).unwrap();
        assert!(child.is_child_of("sh") && !child.is_child_of("bash"));
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(!child.is_child_of("sh"));
        child.signal(Signal::SIGKILL, Owner::Anybody).unwrap();
    }

    #[test]
    fn a_process_lives_until_it_ends_and_a_zombie_and_another_start_do_not_count() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        assert!(process.is_alive() && process.ticks > 0);
        let other = Process {
            ticks: process.ticks + 1,
            ..process
        };
        assert!(!other.is_alive());
        assert_eq!(
            other.signal(Signal::SIGHUP, Owner::Anybody),
            Err(Errno::ESRCH)
        );
        child.kill().unwrap();
        while process.is_alive() {
            std::thread::yield_now();
        }
        // It is a zombie until here.
        child.wait().unwrap();
        assert!(Process::of(0).is_none());
    }

    #[test]
    fn a_process_just_started_was_started_just_now() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let started = Process::of(child.id()).unwrap().started();
        child.kill().unwrap();
        child.wait().unwrap();
        let age = now(ClockId::CLOCK_MONOTONIC).abs_diff(started);
        assert!(age < 5_000_000, "{age}");
    }

    #[test]
    fn another_users_process_and_process_1_get_no_signal() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        let stranger = Owner::User(nix::unistd::getuid().as_raw() + 1);
        assert_eq!(process.signal(Signal::SIGKILL, stranger), Err(Errno::EPERM));
        assert!(process.is_alive());
        let init = Process::of(1).unwrap();
        assert_eq!(
            init.signal(Signal::SIGHUP, Owner::Anybody),
            Err(Errno::ESRCH)
        );
        process.signal(Signal::SIGKILL, Owner::Anybody).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let stat = "9 (a) b) c) S 0 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 42 99 100\n";
        crate::testing::mutations::mutated_text(&[stat], &[") ", "(", "S", "-1"], |text| {
            let _ = (parse(text), parent(text));
        });
    }
}
