//! Running an init script, or OpenRC's rc-service, as the stock script does. Decides nothing.

mod pid_file;
mod state;

use std::ffi::OsString;
use std::fs::File;
use std::process::{Command, ExitStatus, Stdio};

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

/// Which variables and which working directory the script gets: what a daemon was started with stays
/// with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// Our caller's, as stock hands them on.
    Callers,
    /// As `service` gives them, whoever calls us: in apt's hook they are apt's.
    Plain,
    /// The same, and in a control group of its own: what it starts outlives a caller that is a unit.
    Apart,
}

/// Where the script reads and writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Streams<'a> {
    /// Where its caller does.
    Callers,
    /// It reads nothing, and writes into these: what it says, and what it complains of.
    Into(&'a File, &'a File),
}

/// Makes a scope, and becomes what it is to run in there.
pub(super) const SYSTEMD_RUN: &str = "/usr/bin/systemd-run";

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
        self.run_with(Streams::Callers, word, rest)
    }

    /// The same, with `streams`.
    pub(super) fn run_with(
        &self,
        streams: Streams<'_>,
        word: &str,
        rest: &[OsString],
    ) -> (u8, Option<String>) {
        if self.descriptors == Descriptors::Kept {
            close_fds::set_fds_cloexec(3, &[]);
        }
        if self.init.runs_scripts_itself() {
            return self.call(streams, "rc-service", &self.for_rc_service(word, rest));
        }
        let mut words: Vec<OsString> = vec![word.into()];
        words.extend(rest.iter().cloned());
        self.call(streams, &self.path, &words)
    }

    /// What looks like an option after the action is the script's: rc-service would take it for its own.
    fn for_rc_service(&self, word: &str, rest: &[OsString]) -> Vec<OsString> {
        let guard = (!rest.is_empty()).then(|| OsString::from("--"));
        let own = [self.name.clone().into(), word.into()];
        guard
            .into_iter()
            .chain(own)
            .chain(rest.iter().cloned())
            .collect()
    }

    fn call(
        &self,
        streams: Streams<'_>,
        program: &str,
        words: &[OsString],
    ) -> (u8, Option<String>) {
        match self.spawn(streams, program, words) {
            Ok(status) => (shell_status(status), None),
            Err(error) => {
                let missing = error.kind() == std::io::ErrorKind::NotFound;
                let status = if missing { NOT_FOUND } else { NOT_RUNNABLE };
                (status, Some(format!("cannot run `{program}`: {error}")))
            }
        }
    }

    fn spawn(
        &self,
        streams: Streams<'_>,
        program: &str,
        words: &[OsString],
    ) -> std::io::Result<ExitStatus> {
        let command = |program: &str| streams.of(self.command(program));
        if self.surroundings == Surroundings::Apart {
            let scope = self.scope();
            let command = &mut command(SYSTEMD_RUN)?;
            return command.args(scope).arg(program).args(words).status();
        }
        match command(program)?.args(words).status() {
            // original: the shell runs a file without a shebang by itself
            Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
                command("/bin/sh")?.arg(program).args(words).status()
            }
            other => other,
        }
    }

    /// The arguments that make a scope with a name that nothing else has: one of an earlier call may still
    /// hold its daemon.
    fn scope(&self) -> [String; 5] {
        let description = format!("--description={}, by its init script", self.name);
        let words = ["--scope", "--quiet", "--collect", &description, "--"];
        words.map(str::to_owned)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if self.surroundings != Surroundings::Callers {
            let kept = KEPT
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?)));
            command.env_clear().envs(kept).env("PATH", PATH);
            command.current_dir("/");
        }
        command
    }
}

impl Streams<'_> {
    fn of(self, mut command: Command) -> std::io::Result<Command> {
        if let Self::Into(out, err) = self {
            command.stdin(Stdio::null()).stdout(out.try_clone()?);
            command.stderr(err.try_clone()?);
        }
        Ok(command)
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
        crate::testing::write_program(&path, &format!("#!/bin/sh\n{text}"));
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

    #[test]
    fn rc_service_takes_no_argument_of_the_scripts_for_an_option_of_its_own() {
        let script = Script {
            path: "/etc/init.d/foo".to_owned(),
            name: "foo".to_owned(),
            init: InitKind::Openrc,
            descriptors: Descriptors::Kept,
            surroundings: Surroundings::Callers,
        };
        assert_eq!(script.for_rc_service("start", &[]), ["foo", "start"]);
        let handed = script.for_rc_service("start", &["--ifstopped".into()]);
        assert_eq!(handed, ["--", "foo", "start", "--ifstopped"]);
    }

    #[test]
    fn a_script_that_is_run_apart_gets_a_scope_with_a_name_of_nobody_elses() {
        let script = Script {
            path: "/etc/init.d/foo".to_owned(),
            name: "foo".to_owned(),
            init: InitKind::Systemd,
            descriptors: Descriptors::Kept,
            surroundings: Surroundings::Apart,
        };
        let expected = [
            "--scope",
            "--quiet",
            "--collect",
            "--description=foo, by its init script",
            "--",
        ];
        assert_eq!(script.scope(), expected);
    }
}
