//! Users' managers that are not what they seem. The sockets are real; the peer is this process.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix::unistd::{Uid, getpid};
use zbus::Message;

use super::*;
use crate::init::systemd::{Limit, Systemd, queries};

const GUID: &str = "0123456789abcdef0123456789abcdef";
const LIMIT: Duration = Duration::from_millis(300);

/// This process, as if it were its user's manager.
fn ourselves() -> RunningUser {
    RunningUser {
        uid: Uid::effective().as_raw(),
        main_pid: u32::try_from(getpid().as_raw()).unwrap(),
    }
}

/// A `/run/user` with one user in it.
struct Runtime(tempfile::TempDir);

impl Runtime {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let runtime = Self(top);
        fs::create_dir_all(runtime.directory()).unwrap();
        runtime
    }

    fn directory(&self) -> PathBuf {
        self.0
            .path()
            .join(ourselves().uid.to_string())
            .join("systemd")
    }

    fn socket(&self) -> PathBuf {
        self.directory().join("private")
    }

    fn place(&self, user: RunningUser) -> UsersPlace {
        UsersPlace {
            user,
            runtime: self.0.path().to_owned(),
        }
    }

    fn dial(&self) -> Result<Connection, InitError> {
        dial(&self.place(ourselves()), LIMIT)
    }

    fn manager(&self) -> Systemd {
        Systemd::of_user_below(self.0.path(), ourselves(), Limit::Unit).waiting(LIMIT)
    }
}

/// Serves every connection with `serve`, after the login where `lets_in`.
fn serve(
    runtime: &Runtime,
    lets_in: bool,
    serve: impl Fn(UnixStream) + Send + Sync + 'static,
) -> UnixListener {
    let listener = UnixListener::bind(runtime.socket()).unwrap();
    let kept = listener.try_clone().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for peer in listener.incoming() {
            let Ok(mut peer) = peer else { return };
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || {
                if lets_in {
                    let mut login = [0; 256];
                    let _ = peer.read(&mut login);
                    let _ = peer.write_all(format!("OK {GUID}\r\n").as_bytes());
                }
                serve(peer);
            });
        }
    });
    kept
}

fn stays_open(peer: UnixStream) {
    std::thread::sleep(Duration::from_secs(30));
    drop(peer);
}

fn is_wrong(result: &Result<Connection, InitError>, why: &str) {
    match result {
        Err(InitError::WrongPeer { why: told, .. }) => assert!(told.contains(why), "{told}"),
        other => panic!("{other:?}"),
    }
}

fn peer(pid: i32, uid: u32) -> UnixCredentials {
    UnixCredentials::from(nix::libc::ucred { pid, uid, gid: uid })
}

#[test]
fn a_peer_is_believed_only_with_the_users_id_and_the_managers_process() {
    let alice = RunningUser {
        uid: 1000,
        main_pid: 77,
    };
    assert_eq!(check(alice, peer(77, 1000)), Ok(()));
    // PID 1, another process of root's, another user's, another process of hers, one of another pid namespace.
    for (pid, uid) in [
        (1, 0),
        (77, 0),
        (77, 1001),
        (78, 1000),
        (0, 1000),
        (-77, 1000),
    ] {
        assert!(check(alice, peer(pid, uid)).is_err(), "{pid} {uid}");
    }
}

#[test]
fn process_1_is_nobodys_manager_whatever_is_claimed_of_it() {
    let root = RunningUser {
        uid: 0,
        main_pid: 1,
    };
    assert!(check(root, peer(1, 0)).is_err());
}

#[test]
fn only_instances_that_are_numbers_are_users() {
    assert_eq!(uid_of("user@1000.service"), Some(1000));
    for unit in [
        "user@.service",
        "user@x.service",
        "user@+1.service",
        "user@99999999999.service",
        "user@1000.socket",
        "user-runtime-dir@1000.service",
    ] {
        assert_eq!(uid_of(unit), None, "{unit}");
    }
}

#[test]
fn a_link_in_the_place_of_the_socket_or_of_a_directory_is_refused() {
    let elsewhere = tempfile::tempdir().unwrap();
    let real = elsewhere.path().join("private");
    let other = UnixListener::bind(&real).unwrap();
    other.set_nonblocking(true).unwrap();
    let runtime = Runtime::new();
    symlink(&real, runtime.socket()).unwrap();
    is_wrong(&runtime.dial(), "not a socket");

    let runtime = Runtime::new();
    fs::remove_dir(runtime.directory()).unwrap();
    symlink(elsewhere.path(), runtime.directory()).unwrap();
    is_wrong(&runtime.dial(), "a link is in the way");

    let runtime = Runtime::new();
    fs::remove_dir_all(runtime.directory().parent().unwrap()).unwrap();
    symlink(elsewhere.path(), runtime.directory().parent().unwrap()).unwrap();
    is_wrong(&runtime.dial(), "a link is in the way");
    assert!(other.accept().is_err(), "the other socket was contacted");
}

#[test]
fn a_file_a_pipe_and_a_socket_of_somebody_else_are_refused() {
    let runtime = Runtime::new();
    fs::write(runtime.socket(), "").unwrap();
    is_wrong(&runtime.dial(), "not a socket");
    let runtime = Runtime::new();
    nix::unistd::mkfifo(&runtime.socket(), Mode::S_IRWXU).unwrap();
    is_wrong(&runtime.dial(), "not a socket");
    let runtime = Runtime::new();
    let _listener = UnixListener::bind(runtime.socket()).unwrap();
    let mut stranger = ourselves();
    let name = stranger.uid.to_string();
    stranger.uid += 1;
    fs::rename(
        runtime.0.path().join(name),
        runtime.0.path().join(stranger.uid.to_string()),
    )
    .unwrap();
    is_wrong(&dial(&runtime.place(stranger), LIMIT), "it belongs to user");
}

#[test]
fn another_process_than_process_1_names_is_refused_before_a_byte_is_sent() {
    let runtime = Runtime::new();
    let listener = UnixListener::bind(runtime.socket()).unwrap();
    let mut other = ourselves();
    other.main_pid += 1;
    is_wrong(&dial(&runtime.place(other), LIMIT), "it is process");
    let (mut peer, _) = listener.accept().unwrap();
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).unwrap();
    assert!(heard.is_empty(), "{heard:?}");
}

#[test]
fn whatever_is_exchanged_on_the_way_nobody_else_is_spoken_to() {
    let elsewhere = tempfile::tempdir().unwrap();
    let trap = UnixListener::bind(elsewhere.path().join("private")).unwrap();
    trap.set_nonblocking(true).unwrap();
    let runtime = Runtime::new();
    let listener = UnixListener::bind(runtime.socket()).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let racer = {
        let (over, directory) = (Arc::clone(&over), runtime.directory());
        let (aside, target) = (
            directory.with_extension("aside"),
            elsewhere.path().to_owned(),
        );
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                fs::rename(&directory, &aside).unwrap();
                symlink(&target, &directory).unwrap();
                fs::remove_file(&directory).unwrap();
                fs::rename(&aside, &directory).unwrap();
            }
        })
    };
    // Never waited for: what counts is whom it reaches.
    let mut other = ourselves();
    other.main_pid += 1;
    for _ in 0..3000 {
        assert!(dial(&runtime.place(other), LIMIT).is_err());
        listener.set_nonblocking(true).unwrap();
        while listener.accept().is_ok() {}
    }
    over.store(true, Ordering::Relaxed);
    racer.join().unwrap();
    assert!(trap.accept().is_err(), "a link was followed");
}

#[test]
fn a_listener_that_accepts_nobody_is_left_at_the_limit_also_when_its_queue_is_full() {
    let runtime = Runtime::new();
    let path = runtime.socket();
    let flags = SockFlag::SOCK_CLOEXEC;
    let listener = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
    nix::sys::socket::bind(listener.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let begun = Instant::now();
    let mut queue = Vec::new();
    for _ in 0..4 {
        let result = runtime.dial();
        assert!(
            matches!(
                result,
                Err(InitError::Silent { .. } | InitError::Unreachable { .. })
            ),
            "{result:?}"
        );
        // Whoever is in the queue stays there.
        let found = find(&runtime.place(ourselves())).unwrap();
        queue.extend(enqueue(&found, &path, Deadline::after(Duration::ZERO)));
    }
    assert!(queue.len() < 4, "the queue was never full");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn silence_and_dripping_are_left_at_the_limit() {
    let drips = |mut peer: UnixStream| {
        while peer.write_all(b"l").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let runtime = Runtime::new();
    let _listener = serve(&runtime, true, stays_open);
    let begun = Instant::now();
    assert!(runtime.manager().answers_within(LIMIT).is_err());
    let runtime = Runtime::new();
    let _listener = serve(&runtime, true, drips);
    assert!(runtime.manager().answers_within(LIMIT).is_err());
    let runtime = Runtime::new();
    let _listener = serve(&runtime, false, stays_open);
    assert!(runtime.manager().answers_within(LIMIT).is_err());
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn an_endless_message_is_refused_by_its_announced_length() {
    let runtime = Runtime::new();
    let _listener = serve(&runtime, true, |mut peer| {
        let mut header = vec![b'l', 2, 0, 1];
        header.extend(u32::try_from(LONGEST).unwrap().to_le_bytes());
        header.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        let _ = peer.write_all(&header);
        while peer.write_all(&[0; 4096]).is_ok() {}
    });
    let mut link = runtime.dial().unwrap();
    let call = queries::get_of_manager(&link, "UserspaceTimestamp").unwrap();
    let result = link.call_all(&[call], Duration::from_secs(10));
    match result {
        Err(InitError::Lost { why, .. }) => assert!(why.contains("too long"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flood_of_signals_is_left_at_the_limit() {
    let runtime = Runtime::new();
    let _listener = serve(&runtime, true, |mut peer| {
        let signal = Message::signal("/a", "a.b", "C");
        let signal = signal.build(&()).unwrap();
        let many: Vec<u8> = (0..500).flat_map(|_| signal.data().to_vec()).collect();
        while peer.write_all(&many).is_ok() {}
    });
    let mut link = runtime.dial().unwrap();
    let call = queries::get_of_manager(&link, "UserspaceTimestamp").unwrap();
    let begun = Instant::now();
    let result = link.call_all(&[call], LIMIT);
    assert!(
        matches!(result, Err(InitError::Silent { .. })),
        "{result:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(3));
}

/// Answers every question with a number of microseconds, field by field.
fn answers(mut peer: UnixStream) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 12..) = peer.read(&mut buffer) {
        let serial = buffer.get(8..12).unwrap().to_vec();
        assert!(count < buffer.len());
        let mut message = vec![b'l', 2, 1, 1, 16, 0, 0, 0, 1, 0, 0, 0, 15, 0, 0, 0];
        // REPLY_SERIAL, then SIGNATURE `v`.
        message.extend([5, 1, b'u', 0]);
        message.extend(serial);
        message.extend([8, 1, b'g', 0, 1, b'v', 0, 0]);
        // The value: its signature `t`, and eight bytes at a multiple of eight.
        message.extend([1, b't', 0, 0, 0, 0, 0, 0]);
        message.extend(12345_u64.to_le_bytes());
        if peer.write_all(&message).is_err() {
            return;
        }
    }
}

#[test]
fn one_that_answers_is_there_at_once_and_one_that_is_away_is_waited_for() {
    let runtime = Runtime::new();
    let mut manager = runtime.manager();
    assert!(manager.answers_within(Duration::from_millis(100)).is_err());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            serve(&runtime, true, answers)
        });
        let took = manager.answers_within(Duration::from_secs(10)).unwrap();
        assert!(took >= Duration::from_millis(150), "{took:?}");
    });
    manager.disconnect();
    assert!(manager.answers_within(LIMIT).is_ok());
}

#[test]
fn a_manager_is_back_only_after_it_was_away() {
    // The first two connections are the old image's: it answers, until it goes away.
    let runtime = Runtime::new();
    let away = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&away);
    let _listener = serve(&runtime, true, move |peer| {
        if seen.load(Ordering::Relaxed) {
            return answers(peer);
        }
        let seen = Arc::clone(&seen);
        let other = peer.try_clone().unwrap();
        std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = other.shutdown(std::net::Shutdown::Both);
        });
        answers(peer);
    });
    let mut manager = runtime.manager();
    let before = manager.before_reexec(LIMIT).unwrap();
    let result = manager.back(before, LIMIT);
    assert!(
        matches!(result, Err(InitError::Silent { .. })),
        "{result:?}"
    );

    let before = manager.before_reexec(LIMIT).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            away.store(true, Ordering::Relaxed);
        });
        let took = manager.back(before, Duration::from_secs(10)).unwrap();
        assert!(took >= Duration::from_millis(150), "{took:?}");
    });
}
