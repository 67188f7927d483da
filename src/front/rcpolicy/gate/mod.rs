//! The gate of `[flush] gate`: a command of the admin's that runs another one when it is this machine's turn, and for as
//! long as that one runs, as `etcdctl lock NAME` does. What it runs is `rcpolicy gate-held PATH`, which connects to us and
//! ends when we do: so the turn lasts until what is owed is paid, or until we are killed.

mod holder;

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Pid, geteuid};
use thiserror::Error;

use crate::files::{Directory, Missing};
use crate::ledger;

use super::Place;

pub(super) use self::holder::{Arguments, WORD, run};

/// What it is run with: nobody's environment decides who lets us in.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Between two looks while it is waited for.
const PAUSE: Duration = Duration::from_millis(100);
/// How long it may take to end once it is let go, or told to.
const ENDING: Duration = Duration::from_secs(5);
/// Others than its owner may not write to it.
const OTHERS_WRITE: u32 = 0o022;

/// Why we were not let in.
#[derive(Debug, Error)]
pub(super) enum Refused {
    /// It may not be run.
    #[error("the gate `{}` is not run: {why}", path.display())]
    Untrusted {
        /// The program.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It could not be run, or could not reach us.
    #[error("the gate cannot be asked: {0}")]
    Failed(String),
    /// It ended without letting us in.
    #[error("the gate `{}` does not let us in ({status})", path.display())]
    Denied {
        /// The program.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// It takes too long.
    #[error("the gate `{}` did not let us in within {limit:?}", path.display())]
    Silent {
        /// The program.
        path: PathBuf,
        /// For how long it was waited (`[flush] gate-limit`).
        limit: Duration,
    },
    /// Whoever waited has something else to do first.
    #[error("the gate is asked again later")]
    Interrupted,
}

/// How one is asked.
#[derive(Debug, Clone)]
pub(super) struct Gate<'a> {
    /// The program and its first arguments.
    pub(super) command: &'a [String],
    /// How long it may take to let us in.
    pub(super) limit: Duration,
    /// What it runs: `rcpolicy`.
    pub(super) holder: PathBuf,
}

/// While waiting at a gate: what ends it early.
#[derive(Clone, Copy)]
pub(super) struct Waiting<'a> {
    /// Something to be read ends it.
    pub(super) told: Option<BorrowedFd<'a>>,
    /// Looked at each time: `false` ends it.
    pub(super) goes_on: &'a dyn Fn() -> bool,
}

impl Gate<'_> {
    /// Waits until we are let in, and holds the gate until what is returned goes.
    ///
    /// # Errors
    /// Why we are not.
    pub(super) fn enter(&self, place: &Place, waiting: Waiting<'_>) -> Result<Admitted, Refused> {
        let program = self.program()?;
        let failed = |error: io::Error| Refused::Failed(error.to_string());
        let directory = place.path(ledger::DIRECTORY);
        Directory::open(&directory, Missing::Create)
            .map_err(|error| Refused::Failed(error.to_string()))?;
        let socket =
            Socket::bind(directory.join(format!("gate.{}", std::process::id()))).map_err(failed)?;
        let mut running = self.begin(&program, &socket.path).map_err(failed)?;
        let deadline = Instant::now() + self.limit;
        loop {
            if let Some(connection) = socket.admitted() {
                return Ok(Admitted {
                    running,
                    connection: Some(connection),
                });
            }
            if let Some(status) = running.ended() {
                let path = program;
                return Err(Refused::Denied { path, status });
            }
            if Instant::now() >= deadline {
                let (path, limit) = (program, self.limit);
                return Err(Refused::Silent { path, limit });
            }
            if told(&socket, waiting.told) || !(waiting.goes_on)() {
                return Err(Refused::Interrupted);
            }
        }
    }

    /// The program, if nobody but root can have put it there.
    fn program(&self) -> Result<PathBuf, Refused> {
        let path = PathBuf::from(self.command.first().map_or("", String::as_str));
        let untrusted = |why: &str| Refused::Untrusted {
            path: path.clone(),
            why: why.to_owned(),
        };
        let real = fs::canonicalize(&path).map_err(|error| untrusted(&error.to_string()))?;
        let above = real.parent().unwrap_or(&real);
        for (place, mask) in [(real.as_path(), OTHERS_WRITE), (above, 0o002)] {
            let data = fs::metadata(place).map_err(|error| untrusted(&error.to_string()))?;
            if data.uid() != 0 && data.uid() != geteuid().as_raw() {
                return Err(untrusted(
                    "it, or its directory, belongs to another user than root",
                ));
            }
            if data.mode() & mask != 0 && data.mode() & 0o1000 == 0 {
                return Err(untrusted(
                    "others than root may write to it or its directory",
                ));
            }
        }
        let data = fs::metadata(&real).map_err(|error| untrusted(&error.to_string()))?;
        match data.is_file() && data.mode() & 0o111 != 0 {
            true => Ok(real),
            false => Err(untrusted("it is no program")),
        }
    }

    fn begin(&self, program: &Path, socket: &Path) -> io::Result<Running> {
        let called = self.command.first().map_or("", String::as_str);
        let child = Command::new(program)
            .arg0(called)
            .args(self.command.iter().skip(1))
            .arg(&self.holder)
            .arg(WORD)
            .arg(socket)
            .env_clear()
            .env("PATH", PATH)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Running { child })
    }
}

/// Waits a moment for somebody to come; whether we were told to end meanwhile.
fn told(socket: &Socket, told: Option<BorrowedFd<'_>>) -> bool {
    let comes = PollFd::new(socket.listener.as_fd(), PollFlags::POLLIN);
    let pause = PollTimeout::try_from(PAUSE).unwrap_or(PollTimeout::MAX);
    match told {
        None => {
            // Interrupted: whatever it was is seen by the next look.
            let _ = poll(&mut [comes], pause);
            false
        }
        Some(told) => {
            let mut fds = [PollFd::new(told, PollFlags::POLLIN), comes];
            let ready = poll(&mut fds, pause).is_ok_and(|ready| ready > 0);
            let [told, _] = fds;
            ready && told.revents().is_some_and(|seen| !seen.is_empty())
        }
    }
}

/// Where the holder comes to.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    fn bind(path: PathBuf) -> io::Result<Self> {
        // A process of our number was killed.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let socket = Self { listener, path };
        fs::set_permissions(&socket.path, fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }

    /// Who has come, if it is one of ours.
    fn admitted(&self) -> Option<UnixStream> {
        let (stream, _) = self.listener.accept().ok()?;
        let peer = getsockopt(&stream, sockopt::PeerCredentials).ok()?;
        (peer.uid() == geteuid().as_raw()).then_some(stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The gate's process, which ends with us.
#[derive(Debug)]
struct Running {
    child: Child,
}

impl Running {
    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Whether it has ended within a while.
    fn ends(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < ENDING {
            if self.ended().is_some() {
                return true;
            }
            thread::sleep(PAUSE / 5);
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It leads a group of its own, and is not collected yet: the number is its.
        let group = i32::try_from(self.child.id()).map(Pid::from_raw);
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            if self.ended().is_some() {
                return;
            }
            if let Ok(group) = group {
                let _ = killpg(group, signal);
            }
            if self.ends() {
                return;
            }
        }
    }
}

/// It is our turn until this goes.
#[derive(Debug)]
pub(super) struct Admitted {
    running: Running,
    connection: Option<UnixStream>,
}

impl Admitted {
    /// Whether the gate is still held: one that has ended may have let in another.
    pub(super) fn is_held(&mut self) -> bool {
        self.running.ended().is_none()
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // The holder ends with its connection, and the gate with the holder.
        drop(self.connection.take());
        self.running.ends();
    }
}

#[cfg(test)]
mod tests;
