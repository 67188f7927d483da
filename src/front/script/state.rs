//! What an init script's service does, as far as the script tells: LSB's `status`. Its exit status is
//! the answer; what it writes is dropped, and it cannot keep its caller waiting.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Script;
use crate::domain::{ActiveState, Known};
use crate::observe::helper::shell_status;

/// What `status` ends with where the service runs, where it died and left its pid or lock file, and
/// where it does not run.
const RUNS: u8 = 0;
const DIED: [u8; 2] = [1, 2];
const RUNS_NOT: u8 = 3;
/// How long it may take to say so.
const SAYING: Duration = Duration::from_secs(10);
/// Between the first two looks whether it has, and at most later on: a small script takes 2 ms.
const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

impl Script {
    /// What its service does, by its own word. Scripts without `status` end with the status of what
    /// does not run for every word that they do not know, so only one that mentions it is asked.
    pub(in crate::front) fn state(&self) -> Known<ActiveState> {
        let unknown = |why: String| Known::Unknown(format!("{}: {why}", self.path));
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let knows = text.contains("status)") || text.contains("init-d-script");
        // rc-service answers for every script of its own.
        if !knows && !self.init.runs_scripts_itself() {
            return unknown("it has no status".to_owned());
        }
        close_fds::set_fds_cloexec(3, &[]);
        let asked = if self.init.runs_scripts_itself() {
            self.begin("rc-service", &[self.name.clone().into(), "status".into()])
        } else {
            self.begin(&self.path, &["status".into()])
        };
        match asked.and_then(|child| end_within(child, SAYING)) {
            Ok(Some(status)) => match shell_status(status) {
                RUNS => Known::Is(ActiveState::Active),
                RUNS_NOT => Known::Is(ActiveState::Inactive),
                died if DIED.contains(&died) => Known::Is(ActiveState::Failed),
                other => unknown(format!("its status ended with {other}")),
            },
            Ok(None) => unknown(format!("its status did not end within {SAYING:?}")),
            Err(error) => unknown(error.to_string()),
        }
    }

    /// In a group of its own, so that all of it can be ended.
    fn begin(&self, program: &str, words: &[OsString]) -> std::io::Result<Child> {
        match quiet(self.command(program)).args(words).spawn() {
            // The shell runs a file without a shebang by itself.
            Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
                let mut shell = quiet(self.command("/bin/sh"));
                shell.arg(program).args(words).spawn()
            }
            other => other,
        }
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).process_group(0);
    command
}

/// Its end; `None` where it had to be killed.
fn end_within(mut child: Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            break;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    // It is ours and not reaped yet, so its number cannot be another's.
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::{Descriptors, Surroundings};
    use super::*;
    use crate::domain::InitKind;

    fn says(body: &str) -> Known<ActiveState> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("foo");
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let script = Script {
            path: path.display().to_string(),
            name: "foo".to_owned(),
            init: InitKind::Sysv,
            descriptors: Descriptors::Kept,
            surroundings: Surroundings::Plain,
        };
        script.state()
    }

    #[test]
    fn a_script_tells_what_its_service_does_by_the_status_that_lsb_knows() {
        use ActiveState::{Active, Failed, Inactive};
        for (status, expected) in [
            (0, Some(Active)),
            (1, Some(Failed)),
            (2, Some(Failed)),
            (3, Some(Inactive)),
            (4, None),
        ] {
            let said = says(&format!(
                "case $1 in status) echo noise; exit {status} ;; esac"
            ));
            assert_eq!(said.get().cloned(), expected, "{status} {said:?}");
        }
    }

    #[test]
    fn a_script_that_knows_no_status_is_not_asked() {
        let said = says("case $1 in start) ;; *) exit 3 ;; esac");
        assert!(said.is_unknown(), "{said:?}");
    }

    #[test]
    fn a_status_that_hangs_is_killed_with_all_that_it_runs() {
        let child = quiet(Command::new("/bin/sh"))
            .args(["-c", "sleep 1000 & sleep 1000"])
            .spawn()
            .unwrap();
        let group = child.id();
        let ended = end_within(child, Duration::from_millis(100)).unwrap();
        assert_eq!(ended, None);
        let alive = |stat: &String| {
            let tail = stat.rsplit(')').next().unwrap();
            let fields: Vec<&str> = tail.split_whitespace().collect();
            fields.get(2) == Some(&group.to_string().as_str()) && fields.first() != Some(&"Z")
        };
        let any_left = || {
            let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
            let stats = processes
                .filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
            stats.into_iter().any(|stat| alive(&stat))
        };
        // Only the first of them is waited for; the others die when the kernel comes to it.
        let end = Instant::now() + Duration::from_secs(10);
        while any_left() && Instant::now() < end {
            thread::sleep(LONGEST_PAUSE);
        }
        assert!(!any_left(), "something of it still runs");
    }
}
