//! Running an init script, or OpenRC's rc-service, as the stock script does. Decides nothing.

use std::ffi::OsString;
use std::process::{Command, ExitStatus};

use nix::errno::Errno;

use crate::domain::InitKind;
use crate::observe::helper::shell_status;

/// Shell's exit statuses for what cannot be found, and for what cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Which of our open files the script gets besides the standard ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptors {
    /// None: a daemon must not keep its caller's files open, debconf waits for the end of its own.
    Kept,
    /// All, as stock hands them on.
    HandedOn,
}

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
            return run("rc-service", &[self.name.clone().into(), word.into()]);
        }
        let mut words: Vec<OsString> = vec![word.into()];
        words.extend(rest.iter().cloned());
        run(&self.path, &words)
    }
}

fn run(program: &str, words: &[OsString]) -> (u8, Option<String>) {
    match spawn(program, words) {
        Ok(status) => (shell_status(status), None),
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let status = if missing { NOT_FOUND } else { NOT_RUNNABLE };
            (status, Some(format!("cannot run `{program}`: {error}")))
        }
    }
}

fn spawn(program: &str, words: &[OsString]) -> std::io::Result<ExitStatus> {
    match Command::new(program).args(words).status() {
        // original: the shell runs a file without a shebang by itself
        Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
            Command::new("/bin/sh").arg(program).args(words).status()
        }
        other => other,
    }
}
