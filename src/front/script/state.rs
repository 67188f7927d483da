//! What an init script's service does, as far as the script tells: LSB's `status`. Its exit status is
//! the answer; what it writes is dropped, and it cannot keep its caller waiting. A script that has left the
//! number of a process that still lives is not asked: that costs as much as a start.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::{Script, pid_file};
use crate::domain::{ActiveState, Known};
use crate::ending;
use crate::init::openrc::is_openrcs;
use crate::observe::detect::INIT_SCRIPTS;
use crate::observe::helper::shell_status;

/// What `status` ends with where the service runs, where it died and left its pid or lock file, and
/// where it does not run.
const RUNS: u8 = 0;
const DIED: [u8; 2] = [1, 2];
const RUNS_NOT: u8 = 3;
/// Where scripts note down whom they have started.
const PID_FILES: &str = "/run";
/// How long it may take to say so.
const SAYING: Duration = Duration::from_secs(10);

impl Script {
    /// What its service does, by its own word. Scripts without `status` end with the status of what
    /// does not run for every word that they do not know, so only one that mentions it is asked, or one
    /// for which OpenRC answers.
    pub(in crate::front) fn state(&self) -> Known<ActiveState> {
        let unknown = |why: String| Known::Unknown(format!("{}: {why}", self.path));
        let own = !self.init.runs_scripts_itself() && self.path.starts_with(INIT_SCRIPTS);
        if own && pid_file::names_a_live_one(Path::new(PID_FILES), &self.name) {
            return Known::Is(ActiveState::Active);
        }
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let answered = self.init.runs_scripts_itself() && is_openrcs(&text);
        let knows = text.contains("status)") || text.contains("init-d-script");
        if !knows && !answered {
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
    let ended = ending::by(&mut child, Instant::now() + limit)?;
    if ended.is_some() {
        return Ok(ended);
    }
    // It is not reaped yet, so its number cannot be another's.
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0));
    if group.as_raw() > 0 {
        let _ = killpg(group, Signal::SIGKILL);
    }
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::{Descriptors, Surroundings};
    use super::*;
    use crate::domain::InitKind;

    fn says(body: &str) -> Known<ActiveState> {
        says_under(InitKind::Sysv, body)
    }

    fn says_under(init: InitKind, body: &str) -> Known<ActiveState> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("foo");
        crate::testing::write_program(&path, &format!("#!/bin/sh\n{body}\n"));
        let script = Script {
            path: path.display().to_string(),
            name: "foo".to_owned(),
            init,
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
        for init in [InitKind::Sysv, InitKind::Openrc] {
            let said = says_under(init, "case $1 in start) ;; *) exit 3 ;; esac");
            let why = format!("{said:?}");
            assert!(
                said.is_unknown() && why.contains("it has no status"),
                "{why}"
            );
        }
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
            thread::sleep(Duration::from_millis(5));
        }
        assert!(!any_left(), "something of it still runs");
    }
}
