//! Connecting to a socket in the abstract namespace, where names belong to nobody: who listens is to
//! be checked by whoever connects. It never blocks.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use super::stream::Stream;
use crate::init::InitError;

/// Connects to the abstract socket `name` (without its leading zero byte).
pub(in crate::init) fn connect_abstract(
    init: &'static str,
    name: &str,
) -> Result<Stream, InitError> {
    let unreachable = |errno: Errno| InitError::Unreachable {
        init,
        why: format!("@{name}: {}", errno.desc()),
    };
    let address = UnixAddr::new_abstract(name.as_bytes()).map_err(unreachable)?;
    // Where its backlog is full a blocking socket would wait without a limit; this one is refused
    // with EAGAIN.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let ours = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(unreachable)?;
    connect(ours.as_raw_fd(), &address).map_err(unreachable)?;
    Ok(Stream::new(UnixStream::from(ours)))
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    use std::time::{Duration, Instant};

    use super::*;

    fn name(what: &str) -> String {
        format!("/rcpolicy-test/{}/{what}", std::process::id())
    }

    fn listen(name: &str) -> UnixListener {
        UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap()
    }

    #[test]
    fn it_connects_to_the_name_and_tells_who_listens() {
        let name = name("connects");
        let _listener = listen(&name);
        let stream = connect_abstract("Upstart", &name).unwrap();
        let peer = stream.peer().unwrap();
        assert_eq!(peer.pid(), i32::try_from(std::process::id()).unwrap());
    }

    #[test]
    fn nobody_there_is_unreachable() {
        let result = connect_abstract("Upstart", &name("nobody"));
        assert!(matches!(result, Err(InitError::Unreachable { .. })));
        let result = connect_abstract("Upstart", &"x".repeat(200));
        assert!(matches!(result, Err(InitError::Unreachable { .. })));
    }

    #[test]
    fn a_full_backlog_is_unreachable_at_once_and_never_waited_for() {
        let name = name("backlog");
        let _listener = listen(&name);
        let begun = Instant::now();
        let mut waiting = Vec::new();
        let refused = loop {
            match connect_abstract("Upstart", &name) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
            assert!(waiting.len() < 100_000);
        };
        assert!(matches!(refused, InitError::Unreachable { .. }));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
