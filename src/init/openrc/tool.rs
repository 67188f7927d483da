//! The one place where OpenRC's programs are run: rc-service, which does all that changes a service's
//! state, and rc-depend, which tells who needs whom.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use std::os::unix::process::ExitStatusExt;

use super::places::Places;

/// A shell's exit statuses for what cannot be found, and for what cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;
/// How long rc-depend may take: it may have to read all scripts anew.
const DEPEND: Duration = Duration::from_secs(30);
/// No list of services is longer, in bytes.
const LONGEST_LIST: u64 = 256 * 1024;

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
        Ok(child) => match end_of(child, end) {
            Some(status) => Called::Ended(as_shell(status)),
            None => Called::GoesOn,
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Called::Ended(NOT_FOUND),
        Err(_) => Called::Ended(NOT_RUNNABLE),
    }
}

/// Its end, by somebody who has nothing else to do: no time is lost between two looks.
fn end_of(mut child: Child, end: Instant) -> Option<ExitStatus> {
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more where it went on too long.
        let _ = tell.send(child.wait());
    });
    let left = end.saturating_duration_since(Instant::now());
    match hear.recv_timeout(left) {
        // A status that is lost is that of something that ended badly.
        Ok(waited) => Some(waited.unwrap_or_else(|_| ExitStatus::from_raw(1 << 8))),
        Err(_) => None,
    }
}

/// All that it writes until it ends; `None` where it does not, and is killed.
fn listen(command: &mut Command) -> Option<String> {
    let mut child = command.spawn().ok()?;
    let output = child.stdout.take()?;
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(LONGEST_LIST).read_to_string(&mut text);
        let _ = tell.send(read.map(|_| text));
    });
    let heard = hear.recv_timeout(DEPEND);
    if heard.is_err() {
        let _ = child.kill();
    }
    let ended = child.wait().ok()?;
    heard.ok()?.ok().filter(|_| ended.success())
}

fn as_shell(status: ExitStatus) -> u8 {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, signal) => 128 + signal.unwrap_or_default(),
    };
    u8::try_from(code & 0xff).unwrap_or(NOT_RUNNABLE)
}
