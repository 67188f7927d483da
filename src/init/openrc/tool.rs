//! The one place where OpenRC's programs are run: rc-service, which does all that changes a service's
//! state, and rc-depend, which tells who needs whom.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::ExitStatusExt;

use super::places::Places;
use crate::ending;

/// A shell's exit statuses for what cannot be found, and for what cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;
/// What is said of an exit status that somebody took away.
const LOST: u8 = 1;
/// How long rc-depend may take: it may have to read all scripts anew.
const DEPEND: Duration = Duration::from_secs(30);
/// No list of services is longer, in bytes.
const LONGEST_LIST: usize = 256 * 1024;

/// What `service` keeps of the variables, and the path that it has at boot.
const KEPT: [&str; 4] = ["LANG", "LANGUAGE", "LC_ALL", "TERM"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is started with our own variables and in our own directory keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// Our caller's, as stock hands them on.
    Callers,
    /// Those of the boot, whoever calls us.
    Plain,
}

/// Whether what rc-service says is to be read by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Heard,
    Unheard,
}

/// What came of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    /// It ended with this status, as a shell sees it.
    Ended(u8),
    /// It had not ended in time and goes on.
    GoesOn,
}

/// One call of rc-service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) word: &'a str,
    /// What the script is given after the word.
    pub(super) arguments: &'a [OsString],
    pub(super) voice: Voice,
}

/// How they are called.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) surroundings: Surroundings,
}

impl Tool {
    /// `rc-service NAME WORD ARGUMENTS...`, until `end` at the latest.
    pub(super) fn call(&self, places: &Places, call: &Call<'_>, end: Instant) -> Called {
        let mut command = self.command(&places.tool);
        if !call.arguments.is_empty() {
            // What looks like an option is the script's, not rc-service's.
            command.arg("--");
        }
        command.args([call.name, call.word]).args(call.arguments);
        if call.voice == Voice::Unheard {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        run(command, end)
    }

    /// What needs `name`, directly or not; nothing where that cannot be told.
    pub(super) fn needing(&self, places: &Places, name: &str) -> Vec<String> {
        let mut command = self.command(&places.depend);
        command.args(["-t", "needsme", name]);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let said = listen(command.stdout(Stdio::piped())).unwrap_or_default();
        // It says first that it reads the scripts anew, where it does.
        let list = said.trim_end().lines().next_back().unwrap_or_default();
        let names = list.split_whitespace().filter(|other| *other != name);
        names.map(str::to_owned).collect()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if self.surroundings == Surroundings::Plain {
            let kept = KEPT
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?)));
            command.env_clear().envs(kept).env("PATH", PATH);
            command.current_dir("/");
        }
        // A daemon must not keep our caller's files open: debconf waits for the end of its own.
        close_fds::set_fds_cloexec(3, &[]);
        command
    }
}

fn run(mut command: Command, end: Instant) -> Called {
    match command.spawn() {
        Ok(mut child) => match ending::by(&mut child, end) {
            Ok(Some(status)) => Called::Ended(as_shell(status)),
            Ok(None) => Called::GoesOn,
            // A status that is lost is that of something that ended badly.
            Err(_) => Called::Ended(LOST),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Called::Ended(NOT_FOUND),
        Err(_) => Called::Ended(NOT_RUNNABLE),
    }
}

/// All that it writes until it ends; `None` where it does not, and is killed.
fn listen(command: &mut Command) -> Option<String> {
    let mut child = command.spawn().ok()?;
    let heard = hear(child.stdout.take()?, Instant::now() + DEPEND);
    if heard.is_none() {
        let _ = child.kill();
    }
    let ended = child.wait().ok()?;
    heard.filter(|_| ended.success())
}

/// What is written there until it is closed, or as much of it as there may be; `None` where it is open at `end`.
fn hear(mut output: ChildStdout, end: Instant) -> Option<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while bytes.len() < LONGEST_LIST && ending::is_readable_by(&output, end) {
        match output.read(&mut piece) {
            Ok(0) => return String::from_utf8(bytes).ok(),
            Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    None
}

fn as_shell(status: ExitStatus) -> u8 {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, signal) => 128 + signal.unwrap_or_default(),
    };
    u8::try_from(code & 0xff).unwrap_or(NOT_RUNNABLE)
}
