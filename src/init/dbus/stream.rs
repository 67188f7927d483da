//! A Unix stream socket whose every read and write has a deadline.
//! It knows nothing of D-Bus; it never blocks past its deadline and never raises SIGPIPE.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};
use thiserror::Error;

/// Why bytes did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::init) enum StreamError {
    /// The peer closed the connection.
    #[error("connection closed")]
    Closed,
    /// The deadline passed.
    #[error("no answer in time")]
    Silent,
    /// The system refused.
    #[error("{0}")]
    System(Errno),
}

/// When to give up; without a time, never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) struct Deadline(pub(in crate::init) Option<Instant>);

impl Deadline {
    /// `limit` from now.
    pub(in crate::init) fn after(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// The earlier of the two.
    pub(in crate::init) fn or(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(two)) => Self(Some(one.min(two))),
            (one, two) => Self(one.or(two)),
        }
    }

    /// Whether it has passed.
    pub(in crate::init) fn passed(self) -> bool {
        self.0.is_some_and(|at| Instant::now() >= at)
    }

    fn poll_timeout(self) -> PollTimeout {
        let Some(at) = self.0 else {
            return PollTimeout::NONE;
        };
        let left = at.saturating_duration_since(Instant::now());
        // Rounded up, so that the last poll does not spin through a fraction of a millisecond.
        let millis = left.as_micros().div_ceil(1000);
        PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
    }
}

/// The socket.
#[derive(Debug)]
pub(in crate::init) struct Stream(UnixStream);

impl Stream {
    /// Takes over a connected socket.
    pub(in crate::init) fn new(socket: UnixStream) -> Self {
        Self(socket)
    }

    /// Writes all of `bytes`.
    pub(in crate::init) fn write_all(
        &self,
        bytes: &[u8],
        deadline: Deadline,
    ) -> Result<(), StreamError> {
        let mut rest = bytes;
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        while !rest.is_empty() {
            match send(self.0.as_raw_fd(), rest, flags) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(Errno::EAGAIN) => self.wait(PollFlags::POLLOUT, deadline)?,
                Err(Errno::EINTR) => {}
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Err(StreamError::Closed),
                Err(errno) => return Err(StreamError::System(errno)),
            }
        }
        Ok(())
    }

    /// Reads what there is, at least one byte.
    pub(in crate::init) fn read(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, StreamError> {
        loop {
            match recv(self.0.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(0) | Err(Errno::ECONNRESET) => return Err(StreamError::Closed),
                Ok(count) => return Ok(count),
                Err(Errno::EAGAIN) => self.wait(PollFlags::POLLIN, deadline)?,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(StreamError::System(errno)),
            }
        }
    }

    fn wait(&self, events: PollFlags, deadline: Deadline) -> Result<(), StreamError> {
        loop {
            let mut fds = [PollFd::new(self.0.as_fd(), events)];
            match poll(&mut fds, deadline.poll_timeout()) {
                Ok(0) if deadline.passed() => return Err(StreamError::Silent),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(StreamError::System(errno)),
            }
        }
    }

    /// Nothing passes any more in either direction; what has come in can still be read.
    pub(in crate::init) fn shut(&self) {
        // It fails only where the other end has gone already.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }

    /// The credentials of the process that listens at the other end.
    pub(in crate::init) fn peer(&self) -> io::Result<nix::sys::socket::UnixCredentials> {
        nix::sys::socket::getsockopt(&self.0, nix::sys::socket::sockopt::PeerCredentials)
            .map_err(io::Error::from)
    }
}
