//! Running an init script, or OpenRC's rc-service, as the stock script does. Decides nothing.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::domain::{InitKind, Known};
use crate::observe::helper::shell_status;

/// Shell's exit statuses for what cannot be found, and for what cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// What a script's `status` ends with where its service runs, and where it does not: LSB.
const RUNS: u8 = 0;
const RUNS_NOT: u8 = 3;
/// How long it may take to say so.
const SAYING: Duration = Duration::from_secs(10);
/// Between two looks whether it has.
const PAUSE: Duration = Duration::from_millis(5);

/// Which of our open files the script gets besides the standard ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptors {
    /// None: a daemon must not keep its caller's files open, debconf waits for the end of its own.
    Kept,
    /// All, as stock hands them on.
    HandedOn,
}

/// Which variables and which working directory the script gets: what a daemon was started with stays
/// with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// Our caller's, as stock hands them on.
    Callers,
    /// As `service` gives them, whoever calls us: in apt's hook they are apt's.
    Plain,
}

/// What `service` keeps of the variables, and the path that it has at boot.
const KEPT: [&str; 4] = ["LANG", "LANGUAGE", "LC_ALL", "TERM"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A script, and how it is called.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Its file.
    pub(super) path: String,
    /// What stands in rc-service's arguments for it.
    pub(super) name: String,
    /// Where OpenRC runs, rc-service is called.
    pub(super) init: InitKind,
    /// What it inherits.
    pub(super) descriptors: Descriptors,
    /// Where it begins.
    pub(super) surroundings: Surroundings,
}

impl Script {
    /// Runs it with `word` and `rest`. Its exit status as a shell sees it, or the shell's own where it
    /// could not be run, and then what to say about it.
    pub(super) fn run(&self, word: &str, rest: &[OsString]) -> (u8, Option<String>) {
        if self.descriptors == Descriptors::Kept {
            close_fds::set_fds_cloexec(3, &[]);
        }
        if self.init == InitKind::Openrc {
            // original: rc-service gets no extra arguments
            let words = [self.name.clone().into(), word.into()];
            return self.call("rc-service", &words);
        }
        let mut words: Vec<OsString> = vec![word.into()];
        words.extend(rest.iter().cloned());
        self.call(&self.path, &words)
    }

    fn call(&self, program: &str, words: &[OsString]) -> (u8, Option<String>) {
        match self.spawn(program, words) {
            Ok(status) => (shell_status(status), None),
            Err(error) => {
                let missing = error.kind() == std::io::ErrorKind::NotFound;
                let status = if missing { NOT_FOUND } else { NOT_RUNNABLE };
                (status, Some(format!("cannot run `{program}`: {error}")))
            }
        }
    }

    fn spawn(&self, program: &str, words: &[OsString]) -> std::io::Result<ExitStatus> {
        match self.command(program).args(words).status() {
            // original: the shell runs a file without a shebang by itself
            Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
                self.command("/bin/sh").arg(program).args(words).status()
            }
            other => other,
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if self.surroundings == Surroundings::Plain {
            let kept = KEPT
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?)));
            command.env_clear().envs(kept).env("PATH", PATH);
            command.current_dir("/");
        }
        command
    }

    /// Whether its service runs, by its own word. Scripts without `status` end with LSB's status of
    /// what does not run for every word that they do not know, so only one that mentions it is asked.
    pub(super) fn runs(&self) -> Known<bool> {
        let unknown = |why: String| Known::Unknown(format!("{}: {why}", self.path));
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if !text.contains("status)") && !text.contains("init-d-script") {
            return unknown("it has no status".to_owned());
        }
        close_fds::set_fds_cloexec(3, &[]);
        let asked = if self.init == InitKind::Openrc {
            begin("rc-service", &[self.name.clone().into(), "status".into()])
        } else {
            begin(&self.path, &["status".into()])
        };
        match asked.and_then(|child| end_within(child, SAYING)) {
            Ok(Some(status)) => match shell_status(status) {
                RUNS => Known::Is(true),
                RUNS_NOT => Known::Is(false),
                other => unknown(format!("its status ended with {other}")),
            },
            Ok(None) => unknown(format!("its status did not end within {SAYING:?}")),
            Err(error) => unknown(error.to_string()),
        }
    }
}

/// Begins a question whose answer is its exit status alone. In a group of its own, so that all of it
/// can be ended.
fn begin(program: &str, words: &[OsString]) -> std::io::Result<Child> {
    let quiet = |program: &str| {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).process_group(0);
        command
    };
    match quiet(program).args(words).spawn() {
        Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
            quiet("/bin/sh").arg(program).args(words).spawn()
        }
        other => other,
    }
}

/// Its end; `None` where it had to be killed.
fn end_within(mut child: Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            break;
        }
        thread::sleep(PAUSE);
    }
    // It is ours and not reaped yet, so its number cannot be another's.
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    child.wait()?;
    Ok(None)
}

impl Script {
    /// Whether it can tell how its service stands. Scripts without `status` end with what means "not
    /// running" for every word they do not know, so only one that mentions it is asked.
    pub(super) fn knows_status(&self) -> bool {
        let text = std::fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.contains("status)") || text.contains("init-d-script")
    }

    /// Runs it with `word`, unheard: its exit status alone is wanted.
    pub(super) fn ask(&self, word: &str) -> u8 {
        close_fds::set_fds_cloexec(3, &[]);
        let silent = || std::process::Stdio::null();
        let asked = self
            .command(&self.path)
            .arg(word)
            .stdin(silent())
            .stdout(silent())
            .stderr(silent())
            .status();
        asked.map_or(NOT_RUNNABLE, shell_status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_plain_surroundings_a_script_knows_nothing_of_our_caller() {
        // Cargo is our caller, and sets many variables.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("script");
        let seen = directory.path().join("seen");
        let text = format!("{{ pwd; env; }} >'{}'\n", seen.display());
        std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        let script = |surroundings| Script {
            path: path.display().to_string(),
            name: "script".to_owned(),
            init: InitKind::Sysv,
            descriptors: Descriptors::HandedOn,
            surroundings,
        };
        assert_eq!(script(Surroundings::Plain).run("start", &[]).0, 0);
        let plain = std::fs::read_to_string(&seen).unwrap();
        assert!(plain.starts_with("/\n"), "{plain}");
        assert!(plain.contains(&format!("PATH={PATH}\n")), "{plain}");
        assert!(!plain.contains("CARGO"), "{plain}");
        assert_eq!(script(Surroundings::Callers).run("start", &[]).0, 0);
        let callers = std::fs::read_to_string(&seen).unwrap();
        assert!(callers.contains("CARGO_PKG_NAME"), "{callers}");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn says(body: &str) -> Known<bool> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("foo");
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let script = Script {
            path: path.display().to_string(),
            name: "foo".to_owned(),
            init: InitKind::Sysv,
            descriptors: Descriptors::Kept,
        };
        script.runs()
    }

    #[test]
    fn a_script_tells_whether_its_service_runs_by_the_status_that_lsb_knows() {
        for (status, expected) in [(0, Some(true)), (3, Some(false)), (1, None), (4, None)] {
            let said = says(&format!(
                "case $1 in status) echo noise; exit {status} ;; esac"
            ));
            assert_eq!(said.get().copied(), expected, "{status} {said:?}");
        }
    }

    #[test]
    fn a_script_that_knows_no_status_is_not_asked() {
        let said = says("case $1 in start) ;; *) exit 3 ;; esac");
        assert!(said.is_unknown(), "{said:?}");
    }

    #[test]
    fn a_status_that_hangs_is_killed_with_all_that_it_runs() {
        let child = begin("/bin/sh", &["-c".into(), "sleep 1000 & sleep 1000".into()]).unwrap();
        let group = child.id();
        let ended = end_within(child, Duration::from_millis(100)).unwrap();
        assert_eq!(ended, None);
        let left = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let mut left = left.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        let alive = |stat: &String| {
            let fields: Vec<&str> = stat
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .collect();
            fields.get(2) == Some(&group.to_string().as_str()) && fields.first() != Some(&"Z")
        };
        assert!(!left.any(|stat| alive(&stat)), "something of it still runs");
    }
}
