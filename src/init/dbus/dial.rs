//! Connecting to a socket in the file system, with what lies there checked first, and logging in.
//! Who may be at the other end is the caller's to say.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::Uid;

use super::sasl::{SaslError, authenticate};
use super::stream::{Deadline, Stream, StreamError};
use crate::init::InitError;

/// Connects to what lies at `path` itself: no link in its place is followed, and what was checked
/// is what is connected to. It must belong to `owner`.
pub(in crate::init) fn connect(
    init: &'static str,
    path: &Path,
    owner: Uid,
) -> Result<Stream, InitError> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let place =
        open(path, flags, Mode::empty()).map_err(|errno| unreachable_at(init, path, errno))?;
    let status = fstat(&place).map_err(|errno| unreachable_at(init, path, errno))?;
    let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
    if kind != SFlag::S_IFSOCK {
        return Err(wrong(init, path, &"it is not a socket"));
    }
    if status.st_uid != owner.as_raw() {
        return Err(wrong(
            init,
            path,
            &format!("it belongs to user {}", status.st_uid),
        ));
    }
    connect_at_once(&place).map_err(|errno| unreachable_at(init, path, errno))
}

/// A listener that takes nobody in, its backlog full, is an error (EAGAIN) and no wait.
fn connect_at_once(place: &OwnedFd) -> Result<Stream, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let address = UnixAddr::new(format!("/proc/self/fd/{}", place.as_raw_fd()).as_str())?;
    nix::sys::socket::connect(socket.as_raw_fd(), &address)?;
    Ok(Stream::new(UnixStream::from(socket)))
}

/// Whether anybody listens at `path`, as far as the kernel tells at once; a full backlog is a yes.
pub(in crate::init) fn is_listened_at(path: &Path) -> bool {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let connected = open(path, flags, Mode::empty()).and_then(|place| connect_at_once(&place));
    !matches!(connected, Err(Errno::ENOENT | Errno::ECONNREFUSED))
}

/// Authenticates as the user we run as.
pub(in crate::init) fn enter(
    init: &'static str,
    stream: &Stream,
    path: &Path,
    limit: Duration,
) -> Result<(), InitError> {
    authenticate(stream, Deadline::after(limit)).map_err(|error| match error {
        // A server says so by our user id alone, in whatever state it is: asking again is in vain.
        SaslError::Refused | SaslError::Garbage => wrong(init, path, &error),
        SaslError::Stream(StreamError::Silent) => InitError::Silent {
            init,
            seconds: limit.as_secs(),
        },
        SaslError::Stream(error) => unreachable_at(init, path, error),
    })
}

/// Nobody answers at `path`.
pub(in crate::init) fn unreachable_at(
    init: &'static str,
    path: &Path,
    why: impl std::fmt::Display,
) -> InitError {
    InitError::Unreachable {
        init,
        why: format!("{}: {why}", path.display()),
    }
}

/// Somebody else than `init` is at `path`.
pub(in crate::init) fn wrong(
    init: &'static str,
    path: &Path,
    why: &dyn std::fmt::Display,
) -> InitError {
    InitError::WrongPeer {
        init,
        path: path.display().to_string(),
        why: why.to_string(),
    }
}
