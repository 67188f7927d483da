//! Jobs asked of a manager that falls silent, or talks too much. The sockets are real; the peer is
//! this process, as if it were its user's manager.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;

use nix::unistd::{Uid, getpid};
use zbus::wire::OwnedObjectPath;

use super::*;
use crate::domain::{Contact, Loss, UnitName};
use crate::init::dbus::frame::{decode, message_length};
use crate::init::systemd::{RunningUser, Systemd};
use crate::init::{Init, Onlooker};

/// How the manager behaves once it has let us in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// It reads nothing.
    Frozen,
    /// It takes a job and ends it, with many signals between, all in one write.
    Chatty,
    /// It takes every job after this long, and ends none.
    Late(Duration),
}

fn serve(mut peer: UnixStream, manners: Manners) {
    let mut login = [0; 256];
    let _ = peer.read(&mut login);
    let _ = peer.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n");
    match manners {
        Manners::Frozen => std::thread::sleep(Duration::from_secs(20)),
        Manners::Late(time) => std::thread::sleep(time),
        Manners::Chatty => {}
    }
    // What is left of the login: BEGIN.
    let mut inbox = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match peer.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => inbox.extend_from_slice(&buffer[..count]),
        }
        if let Some(end) = inbox.windows(7).position(|bytes| bytes == b"BEGIN\r\n") {
            inbox.drain(..end + 7);
        }
        while let Ok(Some(length)) = message_length(&inbox)
            && inbox.len() >= length
        {
            let rest = inbox.split_off(length);
            let call = decode(std::mem::replace(&mut inbox, rest)).unwrap();
            let answer = answer(&call);
            let taken = answer.message_type() == zbus::message::Type::MethodReturn;
            let mut bytes = answer.data().to_vec();
            if taken && manners == Manners::Chatty {
                bytes.extend(signals_and_end());
            }
            if peer.write_all(&bytes).is_err() {
                return;
            }
        }
    }
}

const JOB: &str = "/org/freedesktop/systemd1/job/1";

fn signals_and_end() -> Vec<u8> {
    let signal = |member| Message::signal(MANAGER_PATH, MANAGER, member);
    let path = OwnedObjectPath::try_from(JOB).unwrap();
    let ended = (1u32, path, "foo.service", "done");
    let ended = signal("JobRemoved").build(&ended).unwrap();
    let other = signal("UnitNew").build(&"x").unwrap();
    [other.data().repeat(20), ended.data().to_vec()].concat()
}

fn answer(call: &Message) -> Message {
    let header = call.header();
    let member = header.member().unwrap();
    if member.ends_with("Unit") {
        let path = OwnedObjectPath::try_from(JOB).unwrap();
        return Message::method_return(&header).build(&path).unwrap();
    }
    let error = Message::error(&header, "org.freedesktop.systemd1.NoSuchUnit");
    error.build(&"no").unwrap()
}

#[derive(Debug, Default)]
struct Told(RefCell<Vec<String>>);

impl Onlooker for Told {
    fn away(&self, _: &'static str, _: &str, limit: Duration) {
        let line = format!("away, up to {} s", limit.as_secs());
        self.0.borrow_mut().push(line);
    }
    fn back(&self, _: &'static str, _: Duration) {
        self.0.borrow_mut().push("back".to_owned());
    }
    fn working(&self, _: &[&Job], _: Duration) {}
}

/// A manager with `manners` in a directory of its own.
struct Room {
    manager: Systemd,
    told: Rc<Told>,
    _directory: tempfile::TempDir,
}

fn room(manners: Manners, wait: Duration, limit: Duration) -> Room {
    let directory = tempfile::tempdir().unwrap();
    let user = RunningUser {
        uid: Uid::effective().as_raw(),
        main_pid: u32::try_from(getpid().as_raw()).unwrap(),
    };
    let below = directory.path().join(user.uid.to_string()).join("systemd");
    std::fs::create_dir_all(&below).unwrap();
    let listener = UnixListener::bind(below.join("private")).unwrap();
    std::thread::spawn(move || {
        for peer in listener.incoming().flatten() {
            std::thread::spawn(move || serve(peer, manners));
        }
    });
    let told = Rc::new(Told::default());
    let onlooker = Rc::clone(&told) as Rc<dyn Onlooker>;
    Room {
        manager: Systemd::of_user_below(directory.path(), user, Limit::Fixed(limit))
            .waiting(wait)
            .watched_by(onlooker),
        told,
        _directory: directory,
    }
}

fn foo() -> UnitName {
    UnitName::parse("foo.service").unwrap()
}

fn restart(room: &mut Room) -> JobFailure {
    let job = Job::new(Verb::Restart, foo());
    match room.manager.run(&[job], Wait::Done).unwrap().remove(0) {
        JobOutcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

const LONG: Duration = Duration::from_secs(9);
const SHORT: Duration = Duration::from_millis(100);
const WAIT: Duration = Duration::from_millis(1300);

#[test]
fn a_request_that_is_not_answered_is_lost_however_short_the_limit_and_never_said_to_go_on() {
    let mut room = room(Manners::Frozen, WAIT, SHORT);
    let begun = Instant::now();
    match restart(&mut room) {
        JobFailure::Lost(loss) => assert_eq!(
            *loss,
            Loss {
                why: "the user's systemd did not answer within 1 s".to_owned(),
                contact: Contact::Unread,
                before: None,
            }
        ),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() >= WAIT);
}

#[test]
fn a_manager_that_stays_silent_is_waited_for_once_and_not_said_to_be_back() {
    let mut room = room(Manners::Frozen, WAIT, LONG);
    let begun = Instant::now();
    let _ = restart(&mut room);
    let after = room.manager.seen(&[foo()]);
    assert!(
        matches!(after, Err(InitError::Silent { seconds: 1.., .. })),
        "{after:?}"
    );
    assert!(begun.elapsed() < WAIT * 2, "{:?}", begun.elapsed());
    assert_eq!(*room.told.0.borrow(), ["away, up to 1 s"]);
}

#[test]
fn a_limit_is_looked_at_after_each_message_and_not_only_where_none_comes() {
    let mut room = room(Manners::Chatty, LONG, Duration::ZERO);
    let failure = restart(&mut room);
    assert!(
        matches!(failure, JobFailure::TimedOut { .. }),
        "{failure:?}"
    );
}

#[test]
fn the_limit_of_a_job_begins_when_the_job_was_taken_on() {
    let late = Manners::Late(Duration::from_millis(400));
    let mut room = room(late, LONG, Duration::from_millis(300));
    let begun = Instant::now();
    let failure = restart(&mut room);
    assert!(
        matches!(failure, JobFailure::TimedOut { .. }),
        "{failure:?}"
    );
    assert!(begun.elapsed() >= Duration::from_millis(600));
}

#[test]
fn a_silence_while_the_manager_is_to_read_its_files_is_told_of_too() {
    let mut room = room(Manners::Frozen, LONG, LONG);
    let result = room.manager.reload(WAIT);
    assert!(
        matches!(result, Err(InitError::Silent { seconds: 1, .. })),
        "{result:?}"
    );
    assert_eq!(*room.told.0.borrow(), ["away, up to 1 s"]);
}
