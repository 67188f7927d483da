//! Whether Upstart runs this machine. Its socket tells at once while it listens; while it re-executes
//! itself nobody listens, and what PID 1 is made of tells. Nothing is sent, and nobody else who took
//! the socket's name is believed: it is free for every user, and reaches into chroots.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt,
};

use super::offline::{self, Reach};

/// Where the system's Upstart listens, in the abstract namespace.
const SOCKET: &str = "/com/ubuntu/upstart";
/// What PID 1 is called then, and under sysvinit.
const NAME: &str = "init";
/// What no other init has in its program.
const MARK: &[u8] = b"com.ubuntu.Upstart0_6";
/// No init program is larger, in bytes.
const LARGEST: u64 = 16 << 20;

/// Whether it does. Asked in a chroot or offline, it does not: that machine is not ours.
pub(super) fn runs() -> bool {
    let is_init = std::fs::read_to_string("/proc/1/comm").is_ok_and(|name| name.trim() == NAME);
    is_init && offline::reach() == Reach::Online && (listens() || is_its_program())
}

/// Whether PID 1 listens on Upstart's socket.
fn listens() -> bool {
    listener(SOCKET) == Some((0, 1))
}

/// User and process that listen at the abstract socket `name`.
fn listener(name: &str) -> Option<(u32, i32)> {
    let address = UnixAddr::new_abstract(name.as_bytes()).ok()?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let ours = socket(AddressFamily::Unix, SockType::Stream, flags, None).ok()?;
    connect(ours.as_raw_fd(), &address).ok()?;
    let peer = getsockopt(&ours, sockopt::PeerCredentials).ok()?;
    Some((peer.uid(), peer.pid()))
}

/// Others than root may not look at PID 1's program, but at what it was started from.
fn is_its_program() -> bool {
    let mut programs = ["/proc/1/exe", "/sbin/init"].into_iter();
    let program = programs.find_map(|path| File::open(path).ok());
    // In one go: a program's length is known.
    let length = |file: &File| {
        file.metadata()
            .map_or(0, |status| status.len().min(LARGEST))
    };
    let room = program.as_ref().map_or(0, length);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    let read = program.map(|file| file.take(LARGEST).read_to_end(&mut bytes));
    matches!(read, Some(Ok(_))) && holds(&bytes, MARK)
}

/// Whether `mark` stands in `bytes`. Under sysvinit every call looks through all of init, and so at as little of it as can
/// be: what stands where the mark would end tells how far ahead the next place is that it may stand at.
fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    let mut ahead = [mark.len(); 256];
    // The last place of a byte counts.
    for (at, byte) in (1..).zip(mark).take(mark.len().saturating_sub(1)) {
        if let Some(ahead) = ahead.get_mut(usize::from(*byte)) {
            *ahead = mark.len() - at;
        }
    }
    let mut rest = bytes;
    while let Some(last) = rest.get(..mark.len()).and_then(|window| window.last()) {
        if rest.starts_with(mark) {
            return true;
        }
        let ahead = ahead.get(usize::from(*last)).copied().unwrap_or(1);
        rest = rest.get(ahead..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};

    use super::*;

    #[test]
    fn whoever_listens_is_told_by_user_and_process_and_is_not_process_1() {
        let name = format!("/rcpolicy-test/{}/detect", std::process::id());
        assert_eq!(listener(&name), None);
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let ours = i32::try_from(std::process::id()).unwrap();
        let uid = nix::unistd::getuid().as_raw();
        assert_eq!(listener(&name), Some((uid, ours)));
        assert_ne!(listener(&name), Some((0, 1)));
    }

    #[test]
    fn a_program_is_known_by_what_no_other_init_has_in_it() {
        assert!(holds(b"\x7fELF..com.ubuntu.Upstart0_6.Job..", MARK));
        assert!(!holds(b"\x7fELF..sysvinit..", MARK) && !holds(b"", MARK));
        for before in 0..60 {
            let mut bytes = b"com.u.ubuntu.Upstart0_com.ubuntu.U".repeat(2);
            bytes.truncate(before);
            assert!(!holds(&bytes, MARK), "{before}");
            bytes.extend_from_slice(MARK);
            assert!(holds(&bytes, MARK), "{before}");
            assert!(!holds(&bytes[..bytes.len() - 1], MARK), "{before}");
            bytes.extend_from_slice(b"0_6");
            assert!(holds(&bytes, MARK), "{before}");
        }
    }
}
