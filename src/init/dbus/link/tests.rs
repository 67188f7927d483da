//! The link against servers that answer, fall silent or break off at a point of their script.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zbus::Message;

use super::*;
use crate::domain::Job;
use crate::init::dbus::connection::{Peer, body};
use crate::init::dbus::frame::{decode, message_length};
use crate::init::dbus::stream::Stream;

const PEER: Peer = Peer {
    init: "init",
    through_bus: None,
};

/// What becomes of one attempt to connect.
#[derive(Debug, Clone, Copy)]
enum Life {
    /// Nobody is there.
    Away,
    /// Somebody else is there.
    Stranger,
    /// So many calls are answered, then the connection ends.
    Answers(usize),
    /// Calls are read and never answered.
    Silent,
}

/// Each attempt uses up one life; the last lasts.
#[derive(Debug)]
struct Script {
    lives: RefCell<Vec<Life>>,
    servers: RefCell<Vec<JoinHandle<Vec<String>>>>,
}

impl Script {
    fn of(lives: &[Life]) -> Self {
        Self {
            lives: RefCell::new(lives.to_vec()),
            servers: RefCell::default(),
        }
    }

    /// The calls that each server read, in words.
    fn heard(&self) -> Vec<Vec<String>> {
        let servers = self.servers.take();
        servers
            .into_iter()
            .map(|server| server.join().unwrap())
            .collect()
    }
}

impl Dial for Script {
    fn init(&self) -> &'static str {
        "init"
    }

    fn dial(&self, _: Attempt) -> Result<Connection, InitError> {
        let mut lives = self.lives.borrow_mut();
        let life = match lives.len() {
            1 => lives[0],
            _ => lives.remove(0),
        };
        let answers = match life {
            Life::Away => {
                return Err(InitError::Unreachable {
                    init: "init",
                    why: "away".to_owned(),
                });
            }
            Life::Stranger => {
                return Err(InitError::WrongPeer {
                    init: "init",
                    path: "/run/init".to_owned(),
                    why: "a stranger".to_owned(),
                });
            }
            Life::Answers(count) => Some(count),
            Life::Silent => None,
        };
        let (ours, theirs) = UnixStream::pair().unwrap();
        let server = std::thread::spawn(move || serve(theirs, answers));
        self.servers.borrow_mut().push(server);
        Ok(Connection::new(Stream::new(ours), PEER))
    }

    fn subscriptions(&self, connection: &Connection) -> Result<Vec<Message>, InitError> {
        Ok(vec![call(connection, "Subscribe")])
    }
}

fn call(connection: &Connection, member: &str) -> Message {
    connection.call("/o", "i.i", member, &()).unwrap()
}

/// Answers each call with its own name, `answers` of them, or none ever.
fn serve(mut stream: UnixStream, answers: Option<usize>) -> Vec<String> {
    let mut heard = Vec::new();
    let mut inbox = Vec::new();
    let mut buffer = [0; 4096];
    while answers.is_none_or(|count| heard.len() < count) {
        match message_length(&inbox).unwrap() {
            Some(length) if inbox.len() >= length => {
                let rest = inbox.split_off(length);
                let message = decode(std::mem::replace(&mut inbox, rest)).unwrap();
                let header = message.header();
                let member = header.member().unwrap().to_string();
                if answers.is_some() {
                    let answer = Message::method_return(&header).build(&member).unwrap();
                    let _ = stream.write_all(answer.data());
                }
                heard.push(member);
            }
            _ => match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => inbox.extend_from_slice(&buffer[..count]),
            },
        }
    }
    heard
}

fn link(lives: &[Life], wait: Duration) -> Link<Script> {
    Link::new(Script::of(lives), wait)
}

const LONG: Duration = Duration::from_secs(20);

fn ask(link: &mut Link<Script>, members: &[&str]) -> Result<Vec<String>, InitError> {
    let answers = link.ask(|connection| {
        let calls = members.iter().map(|member| call(connection, member));
        Ok(calls.collect())
    })?;
    answers.into_iter().map(body::<String>).collect()
}

#[test]
fn a_question_is_asked_again_until_all_of_it_is_answered_on_one_connection() {
    let lives = [
        Life::Away,
        Life::Answers(0),
        Life::Answers(1),
        Life::Answers(9),
    ];
    let mut link = link(&lives, LONG);
    assert_eq!(ask(&mut link, &["A", "B"]).unwrap(), ["A", "B"]);
    drop(link.connection.take());
    let heard = link.dial.heard();
    assert_eq!(heard[1..], [vec!["A"], vec!["A", "B"]]);
}

#[test]
fn what_acts_is_sent_once_and_its_loss_is_reported() {
    let mut link = link(&[Life::Answers(0), Life::Answers(9)], LONG);
    let result = link.once(|link| {
        let calls = [call(link.connected()?, "Do")];
        link.call_all(&calls)
    });
    assert!(matches!(result, Err(InitError::Lost { .. })), "{result:?}");
    assert!(link.connection.is_none());
    assert_eq!(ask(&mut link, &["A"]).unwrap(), ["A"]);
    drop(link.connection.take());
    assert_eq!(link.dial.heard()[1], ["A"]);
}

#[test]
fn after_a_loss_what_was_subscribed_to_is_subscribed_to_again_before_all_else() {
    let mut link = link(&[Life::Answers(2), Life::Answers(9)], LONG);
    link.connected().unwrap();
    let calls = link.listen().unwrap();
    assert!(link.listen().unwrap().is_empty());
    link.call_all(&calls).unwrap();
    assert_eq!(ask(&mut link, &["A"]).unwrap(), ["A"]);
    assert_eq!(ask(&mut link, &["B"]).unwrap(), ["B"]);
    drop(link.connection.take());
    let heard = link.dial.heard();
    assert_eq!(heard, [vec!["Subscribe", "A"], vec!["Subscribe", "B"]]);
}

#[test]
fn a_stranger_is_not_tried_twice() {
    let mut link = link(&[Life::Stranger, Life::Answers(9)], LONG);
    let result = ask(&mut link, &["A"]);
    assert!(
        matches!(result, Err(InitError::WrongPeer { .. })),
        "{result:?}"
    );
    assert!(link.dial.heard().is_empty());
}

#[derive(Debug, Default)]
struct Told(RefCell<Vec<&'static str>>);

impl Onlooker for Told {
    fn away(&self, _: &'static str, _: &str, _: Duration) {
        self.0.borrow_mut().push("away");
    }
    fn back(&self, _: &'static str, _: Duration) {
        self.0.borrow_mut().push("back");
    }
    fn working(&self, _: &[&Job], _: Duration) {}
}

#[test]
fn silence_is_spoken_of_once_and_ends_at_the_deadline_for_all_that_follows() {
    let mut link = link(&[Life::Silent], Duration::from_millis(1200));
    let told = Rc::new(Told::default());
    link.set_onlooker(Rc::clone(&told) as Rc<dyn Onlooker>);
    let begun = Instant::now();
    let result = ask(&mut link, &["A"]);
    assert!(
        matches!(result, Err(InitError::Silent { .. })),
        "{result:?}"
    );
    assert!(begun.elapsed() >= Duration::from_millis(1200));
    let again = Instant::now();
    assert!(ask(&mut link, &["A"]).is_err());
    assert!(again.elapsed() < Duration::from_millis(600));
    assert_eq!(*told.0.borrow(), ["away"]);
}

#[test]
fn nobody_there_is_given_up_at_the_deadline() {
    let mut link = link(&[Life::Away], Duration::from_millis(200));
    let begun = Instant::now();
    let result = ask(&mut link, &["A"]);
    assert!(
        matches!(result, Err(InitError::Unreachable { .. })),
        "{result:?}"
    );
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(2));
}
