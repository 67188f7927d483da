//! policy-rc.d: found, run and listened to, with a limit on its time and on its output.
//! What its answer means is decided elsewhere.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use thiserror::Error;

use crate::domain::HelperAnswer;
use crate::ending;

use super::answering;
use super::detect::is_executable;

/// Shell's exit status for what cannot be found, and for what cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// policy-rc.d gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HelperError {
    /// It ran too long and was killed.
    #[error("`{path}` did not answer within {limit:?} and was killed")]
    Silent {
        /// The program.
        path: String,
        /// The limit.
        limit: Duration,
    },
    /// It wrote too much and was killed.
    #[error("`{path}` wrote more than {bytes} bytes and was killed")]
    Flood {
        /// The program.
        path: String,
        /// The limit.
        bytes: usize,
    },
}

/// What becomes of its standard output.
pub enum Output<'a> {
    /// Read: it may list actions. invoke-rc.d.
    Read,
    /// Read, and passed on as it comes, as deb-systemd-invoke's reaches its caller.
    ReadAndPassOn(&'a mut dyn Write),
}

/// Where its standard input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Callers,
    Empty,
}

/// How policy-rc.d is run.
#[derive(Debug, Clone)]
pub struct Helper {
    /// The program, DPKG_ROOT included.
    pub path: String,
    /// How long it may take.
    pub limit: Option<Duration>,
    /// How much it may write, in bytes.
    pub most: usize,
}

impl Helper {
    /// `policy-rc.d` below DPKG_ROOT.
    pub fn of_machine(limit: Option<Duration>, most: usize) -> Self {
        let root = std::env::var("DPKG_ROOT").unwrap_or_default();
        Self {
            path: format!("{root}/usr/sbin/policy-rc.d"),
            limit,
            most,
        }
    }

    /// Whether there is one to ask. Our own answer to others is none: it would say what our caller decides by
    /// the same policy, with less knowledge of the service.
    pub fn exists(&self) -> bool {
        is_executable(&self.path) && !self.is_ours()
    }

    /// Whether what stands there is our own answer to others.
    pub fn is_ours(&self) -> bool {
        answering::is_ours(Path::new(&self.path))
    }

    /// Asks. Also returns what to say where it could not even be run.
    ///
    /// # Errors
    /// When it hangs or floods.
    pub fn ask(
        &self,
        arguments: &[OsString],
        output: Output<'_>,
    ) -> Result<(HelperAnswer, Option<String>), HelperError> {
        match self.exists() {
            true => self.run(arguments, Input::Callers, output),
            false => Ok((HelperAnswer::Absent, None)),
        }
    }

    /// Asks as somebody else would, also where the answer is our own; its input is empty.
    ///
    /// # Errors
    /// As [`Helper::ask`].
    pub fn ask_as_guest(&self, arguments: &[OsString]) -> Result<HelperAnswer, HelperError> {
        match is_executable(&self.path) {
            true => Ok(self.run(arguments, Input::Empty, Output::Read)?.0),
            false => Ok(HelperAnswer::Absent),
        }
    }

    fn run(
        &self,
        arguments: &[OsString],
        input: Input,
        output: Output<'_>,
    ) -> Result<(HelperAnswer, Option<String>), HelperError> {
        match self.spawn(arguments, input) {
            Ok(child) => self.listen(child, output).map(|answer| (answer, None)),
            Err(error) => {
                let missing = error.kind() == std::io::ErrorKind::NotFound;
                let status = if missing { NOT_FOUND } else { NOT_RUNNABLE };
                let hint = if missing {
                    " (its interpreter is missing)"
                } else {
                    ""
                };
                let notice = format!("cannot run `{}`: {error}{hint}", self.path);
                Ok((
                    HelperAnswer::Said {
                        status,
                        stdout: String::new(),
                    },
                    Some(notice),
                ))
            }
        }
    }

    fn spawn(&self, arguments: &[OsString], input: Input) -> std::io::Result<Child> {
        let run = |program: &str, first: Option<&str>| {
            Command::new(program)
                .args(first)
                .args(arguments)
                .stdin(match input {
                    Input::Callers => Stdio::inherit(),
                    Input::Empty => Stdio::null(),
                })
                .stdout(Stdio::piped())
                .spawn()
        };
        match run(&self.path, None) {
            // original: the shell runs a file without a shebang by itself
            Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
                run("/bin/sh", Some(&self.path))
            }
            other => other,
        }
    }

    fn listen(&self, mut child: Child, output: Output<'_>) -> Result<HelperAnswer, HelperError> {
        let end = self.limit.map(|limit| Instant::now() + limit);
        let heard = match self.read(&mut child, end, output) {
            Ok(heard) => heard,
            Err(error) => {
                // It is ours and not reaped yet, so its pid cannot be another's.
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let status = self.wait(&mut child, end)?;
        Ok(HelperAnswer::Said {
            status: shell_status(status),
            stdout: heard,
        })
    }

    fn read(
        &self,
        child: &mut Child,
        end: Option<Instant>,
        mut output: Output<'_>,
    ) -> Result<String, HelperError> {
        let mut heard = Vec::new();
        let Some(mut pipe) = child.stdout.take() else {
            return Ok(String::new());
        };
        let mut buffer = [0; 4096];
        loop {
            self.wait_readable(&pipe, end)?;
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let chunk = buffer.get(..count).unwrap_or_default();
                    heard.extend_from_slice(chunk);
                    if let Output::ReadAndPassOn(writer) = &mut output {
                        // whoever went away does not want it
                        let _ = writer.write_all(chunk).and_then(|()| writer.flush());
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
            if heard.len() > self.most {
                return Err(HelperError::Flood {
                    path: self.path.clone(),
                    bytes: self.most,
                });
            }
        }
        Ok(String::from_utf8_lossy(&heard).into_owned())
    }

    fn wait_readable(&self, pipe: &impl AsFd, end: Option<Instant>) -> Result<(), HelperError> {
        match end.is_none_or(|end| ending::is_readable_by(pipe, end)) {
            true => Ok(()),
            false => Err(self.silent()),
        }
    }

    /// Waits for its end, and kills it at the limit: its output may long be closed.
    fn wait(&self, child: &mut Child, end: Option<Instant>) -> Result<ExitStatus, HelperError> {
        let gone = |_| self.silent();
        let Some(end) = end else {
            return child.wait().map_err(gone);
        };
        ending::by(child, end).map_err(gone)?.ok_or_else(|| {
            let _ = child.kill();
            let _ = child.wait();
            self.silent()
        })
    }

    fn silent(&self) -> HelperError {
        HelperError::Silent {
            path: self.path.clone(),
            limit: self.limit.unwrap_or_default(),
        }
    }
}

/// The status as a shell's `$?` has it.
pub fn shell_status(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(NOT_RUNNABLE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn helper(text: &str) -> (tempfile::TempDir, Helper) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("policy-rc.d");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = path.to_str().unwrap().to_owned();
        let helper = Helper {
            path,
            limit: Some(Duration::from_secs(5)),
            most: 1000,
        };
        (directory, helper)
    }

    fn ask(helper: &Helper) -> Result<(HelperAnswer, Option<String>), HelperError> {
        helper.ask(&["foo".into(), "start".into()], Output::Read)
    }

    fn said(status: u8, stdout: &str) -> HelperAnswer {
        HelperAnswer::Said {
            status,
            stdout: stdout.to_owned(),
        }
    }

    #[test]
    fn a_file_without_a_shebang_is_run_by_the_shell() {
        let (_keep, helper) = helper("echo \"$1 $2\"; exit 106");
        assert_eq!(ask(&helper), Ok((said(106, "foo start\n"), None)));
    }

    #[test]
    fn a_missing_interpreter_is_127_and_is_named() {
        let (_keep, helper) = helper("#!/nonexistent/shell\nexit 0\n");
        let (answer, notice) = ask(&helper).unwrap();
        assert_eq!(answer, said(127, ""));
        assert!(notice.unwrap().contains("interpreter"));
    }

    #[test]
    fn a_signal_counts_as_the_shell_counts_it() {
        let (_keep, helper) = helper("#!/bin/sh\nkill -9 $$\n");
        assert_eq!(ask(&helper), Ok((said(137, ""), None)));
    }

    #[test]
    fn one_that_hangs_is_killed_even_when_its_output_is_closed() {
        for text in [
            // Its child outlives it, so not for long.
            "#!/bin/sh\nsleep 6\n",
            "#!/bin/sh\nexec >&-\nexec sleep 1000\n",
        ] {
            let (_keep, mut helper) = helper(text);
            helper.limit = Some(Duration::from_millis(100));
            let began = Instant::now();
            assert!(
                matches!(ask(&helper), Err(HelperError::Silent { .. })),
                "{text}"
            );
            assert!(began.elapsed() < Duration::from_secs(4), "{text}");
        }
    }

    #[test]
    fn one_that_floods_is_killed() {
        let (_keep, helper) = helper("#!/bin/sh\nyes\n");
        assert!(matches!(
            ask(&helper),
            Err(HelperError::Flood { bytes: 1000, .. })
        ));
    }

    #[test]
    fn our_own_answer_to_others_is_not_asked_and_one_that_was_written_over_is() {
        let (_keep, ours) = helper(answering::TEXT);
        assert!(ours.is_ours() && !ours.exists());
        assert_eq!(ask(&ours), Ok((HelperAnswer::Absent, None)));
        let (_keep, over) = helper(&format!("{}exit 101\n", answering::TEXT));
        assert!(over.exists());
        std::fs::write(&over.path, "#!/bin/sh\nexit 101\n").unwrap();
        assert_eq!(ask(&over), Ok((said(101, ""), None)));
    }

    #[test]
    fn a_directory_cannot_be_run_and_is_no_yes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        let helper = Helper {
            path,
            limit: None,
            most: 10,
        };
        assert_eq!(ask(&helper).unwrap().0, said(126, ""));
    }
}
