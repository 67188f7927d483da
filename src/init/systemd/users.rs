//! The users' managers: who runs one, as PID 1 tells, and the way to it. `/run/user/UID` and all below it is the user's
//! to change at any moment: no link is followed, nothing blocks, and who answers is believed only if it is the process
//! that PID 1 gives as the main one of `user@UID.service`, and runs as that user.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, UnixCredentials, connect, socket,
};
use nix::sys::stat::{Mode, SFlag, fstat};

use crate::domain::UnitName;
use crate::init::InitError;
use crate::init::dbus::connection::{Connection, Peer};
use crate::init::dbus::dial::{enter, unreachable_at, wrong};
use crate::init::dbus::stream::{Deadline, Stream};

/// What messages call such a manager.
pub(super) const USERS_SYSTEMD: &str = "the user's systemd";
/// Where each running user has a directory.
pub(super) const RUNTIME: &str = "/run/user";
/// From there to the manager's socket.
const BELOW: [&str; 2] = ["systemd", "private"];
/// The longest message that a user's manager may send, in bytes: all of them are read at once.
const LONGEST: usize = 512 << 10;
/// Between two attempts to get into a queue that is full.
const PAUSE: Duration = Duration::from_millis(20);

/// A user's manager that runs, as PID 1 tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningUser {
    /// The user.
    pub uid: u32,
    /// The manager's process.
    pub main_pid: u32,
}

impl RunningUser {
    /// The unit that the manager is to PID 1.
    ///
    /// # Errors
    /// Never, in truth: the name is made of digits.
    pub fn unit(self) -> Result<UnitName, crate::domain::NameError> {
        UnitName::parse(&format!("user@{}.service", self.uid))
    }
}

/// Where a user's manager listens.
#[derive(Debug, Clone)]
pub(super) struct UsersPlace {
    pub(super) user: RunningUser,
    pub(super) runtime: PathBuf,
}

impl UsersPlace {
    fn path(&self) -> PathBuf {
        let own = self.runtime.join(self.user.uid.to_string());
        BELOW.iter().fold(own, |path, name| path.join(name))
    }
}

/// The user behind `user@UID.service`; other instances are not users' managers.
pub(super) fn uid_of(unit: &str) -> Option<u32> {
    let digits = unit.strip_prefix("user@")?.strip_suffix(".service")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Connects, checks the peer and authenticates.
pub(super) fn dial(place: &UsersPlace, limit: Duration) -> Result<Connection, InitError> {
    let deadline = Deadline::after(limit);
    let path = place.path();
    let found = find(place)?;
    let stream = enqueue(&found, &path, deadline)?;
    let peer = stream
        .peer()
        .map_err(|error| wrong(USERS_SYSTEMD, &path, &error))?;
    check(place.user, peer).map_err(|why| wrong(USERS_SYSTEMD, &path, &why))?;
    enter(USERS_SYSTEMD, &stream, &path, limit)?;
    let peer = Peer {
        init: USERS_SYSTEMD,
        through_bus: None,
    };
    Ok(Connection::new(stream, peer).at_most(LONGEST))
}

/// The user's socket itself, step by step: each name is looked up in the directory that was opened
/// before it, so that nothing can be exchanged on the way.
fn find(place: &UsersPlace) -> Result<OwnedFd, InitError> {
    let path = place.path();
    let failed = |errno: Errno| match errno {
        Errno::ELOOP | Errno::ENOTDIR => wrong(USERS_SYSTEMD, &path, &"a link is in the way"),
        errno => unreachable_at(USERS_SYSTEMD, &path, errno),
    };
    let step = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut at = open(&place.runtime, step | OFlag::O_DIRECTORY, Mode::empty()).map_err(failed)?;
    let uid = place.user.uid.to_string();
    let [directory, socket] = BELOW;
    for name in [uid.as_str(), directory] {
        at = openat(&at, name, step | OFlag::O_DIRECTORY, Mode::empty()).map_err(failed)?;
    }
    let found = openat(&at, socket, step, Mode::empty()).map_err(failed)?;
    let status = fstat(found.as_fd()).map_err(failed)?;
    let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
    if kind != SFlag::S_IFSOCK {
        return Err(wrong(USERS_SYSTEMD, &path, &"it is not a socket"));
    }
    if status.st_uid != place.user.uid {
        let owner = format!("it belongs to user {}", status.st_uid);
        return Err(wrong(USERS_SYSTEMD, &path, &owner));
    }
    Ok(found)
}

/// Connects to what was found. A listener that accepts nobody fills its queue, and an ordinary
/// connect would wait there for ever.
fn enqueue(found: &OwnedFd, path: &Path, deadline: Deadline) -> Result<Stream, InitError> {
    let failed = |errno: Errno| unreachable_at(USERS_SYSTEMD, path, errno);
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let ours = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(failed)?;
    let link = format!("/proc/self/fd/{}", found.as_raw_fd());
    let address = UnixAddr::new(link.as_str()).map_err(failed)?;
    loop {
        match connect(ours.as_raw_fd(), &address) {
            Ok(()) => return Ok(Stream::new(UnixStream::from(ours))),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) if !deadline.passed() => std::thread::sleep(PAUSE),
            Err(errno) => return Err(failed(errno)),
        }
    }
}

/// PID 1's word against the socket's. A user's socket may lead to anybody's, PID 1's included.
fn check(user: RunningUser, peer: UnixCredentials) -> Result<(), String> {
    let (uid, pid) = (peer.uid(), peer.pid());
    if pid > 1 && u32::try_from(pid) == Ok(user.main_pid) && uid == user.uid {
        return Ok(());
    }
    Err(format!("it is process {pid} of user {uid}"))
}

#[cfg(test)]
mod tests;
