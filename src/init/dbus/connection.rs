//! One authenticated connection: method calls sent in one write, answers and signals taken apart.
//! Everything is synchronous and has a deadline; there is no executor and no thread.

use std::time::{Duration, Instant};

use serde::Serialize;
use zbus::message::{Flags, Type};
use zbus::{DynamicType, Message};

use super::frame::{FrameError, LONGEST_MESSAGE, decode, message_length};
use super::stream::{Deadline, Stream, StreamError};
use crate::init::InitError;

/// Bytes asked for in one read: more than most answers, and few enough to be cleared each time.
const READ: usize = 8 << 10;

/// What names of a bus's errors begin with.
const BUS_ERRORS: &str = "org.freedesktop.DBus.Error.";

/// What a call brought.
pub(in crate::init) type Answer = Result<Message, InitError>;

/// What came in.
#[derive(Debug)]
pub(in crate::init) enum Incoming {
    /// The answer to the call with this serial number.
    Answer(u32, Result<Message, InitError>),
    /// A signal.
    Signal(Message),
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) struct Peer {
    /// What messages call the init.
    pub(in crate::init) init: &'static str,
    /// Its name on the bus that lies between; `None` where it is at the other end itself.
    pub(in crate::init) through_bus: Option<&'static str>,
}

/// Calls that were sent, and the answers to them as they come in.
#[derive(Debug)]
pub(in crate::init) struct Pending {
    serials: Vec<u32>,
    answers: Vec<Option<Answer>>,
}

impl Pending {
    /// Nothing is answered yet.
    pub(in crate::init) fn of(calls: &[Message]) -> Self {
        Self {
            serials: calls.iter().map(serial).collect(),
            answers: calls.iter().map(|_| None).collect(),
        }
    }

    /// Whether it waits for an answer to the call with the serial number `to`.
    pub(in crate::init) fn asks(&self, to: u32) -> bool {
        self.serials.contains(&to)
    }

    /// Takes the answer to the call with the serial number `to`; one to another call is dropped.
    pub(in crate::init) fn answer(&mut self, to: u32, answer: Answer) {
        let place = self.serials.iter().position(|serial| *serial == to);
        if let Some(slot) = place.and_then(|index| self.answers.get_mut(index)) {
            *slot = Some(answer);
        }
    }

    /// Takes as many of `answers` as there are calls.
    pub(in crate::init) fn fill(&mut self, answers: &mut impl Iterator<Item = Answer>) {
        for slot in &mut self.answers {
            *slot = answers.next();
        }
    }

    /// Whether every call is answered.
    pub(in crate::init) fn is_complete(&self) -> bool {
        self.answers.iter().all(Option::is_some)
    }

    /// The answers, in the order of the calls.
    pub(in crate::init) fn answers(self) -> Vec<Answer> {
        self.answers.into_iter().flatten().collect()
    }
}

/// The connection.
#[derive(Debug)]
pub(in crate::init) struct Connection {
    stream: Stream,
    inbox: Vec<u8>,
    peer: Peer,
    /// The longest message that is accepted, in bytes.
    longest: usize,
}

impl Connection {
    /// Over an authenticated stream.
    pub(in crate::init) fn new(stream: Stream, peer: Peer) -> Self {
        Self {
            stream,
            inbox: Vec::new(),
            peer,
            longest: LONGEST_MESSAGE,
        }
    }

    /// The same, for a peer that may send no message longer than `bytes`.
    pub(in crate::init) fn at_most(self, bytes: usize) -> Self {
        let longest = bytes.min(LONGEST_MESSAGE);
        Self { longest, ..self }
    }

    /// A call of the manager's, not yet sent.
    pub(in crate::init) fn call<B>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> Result<Message, InitError>
    where
        B: Serialize + DynamicType,
    {
        build(self.peer.through_bus, path, interface, member, body)
    }

    /// A call of the bus's own.
    pub(in crate::init) fn bus_call<B>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        body: &B,
    ) -> Result<Message, InitError>
    where
        B: Serialize + DynamicType,
    {
        build(Some(interface), path, interface, member, body)
    }

    /// Whether a bus lies between, which passes on what it has read when and as it can.
    pub(in crate::init) fn is_through_bus(&self) -> bool {
        self.peer.through_bus.is_some()
    }

    /// Sends `calls` in one write, in order.
    pub(in crate::init) fn send(
        &self,
        calls: &[Message],
        limit: Duration,
    ) -> Result<(), InitError> {
        self.write(calls, Deadline::after(limit), limit)
    }

    /// The same, until `deadline`.
    pub(in crate::init) fn send_until(
        &self,
        calls: &[Message],
        deadline: Deadline,
    ) -> Result<(), InitError> {
        let left = deadline
            .0
            .map(|at| at.saturating_duration_since(Instant::now()));
        self.write(calls, deadline, left.unwrap_or_default())
    }

    fn write(
        &self,
        calls: &[Message],
        deadline: Deadline,
        limit: Duration,
    ) -> Result<(), InitError> {
        let mut bytes = Vec::with_capacity(calls.iter().map(|call| call.data().len()).sum());
        for call in calls {
            bytes.extend_from_slice(call.data());
        }
        self.stream
            .write_all(&bytes, deadline)
            .map_err(|error| self.broken(&error, limit))
    }

    /// Sends `calls` and waits for all answers, in the order of the calls. Signals are dropped.
    pub(in crate::init) fn call_all(
        &mut self,
        calls: &[Message],
        limit: Duration,
    ) -> Result<Vec<Answer>, InitError> {
        self.call_all_while(calls, limit, &mut |_| {})
    }

    /// The same, and shows `on_signal` the signals that come in meanwhile.
    pub(in crate::init) fn call_all_while(
        &mut self,
        calls: &[Message],
        limit: Duration,
        on_signal: &mut dyn FnMut(&Message),
    ) -> Result<Vec<Answer>, InitError> {
        self.send(calls, limit)?;
        let deadline = Deadline::after(limit);
        let mut pending = Pending::of(calls);
        while !pending.is_complete() {
            match self.receive(deadline)? {
                Some(Incoming::Answer(to, answer)) => pending.answer(to, answer),
                // A peer that floods us with signals never lets a read time out.
                Some(Incoming::Signal(_)) if deadline.passed() => {
                    return Err(self.silent(limit));
                }
                Some(Incoming::Signal(signal)) => on_signal(&signal),
                None => return Err(self.silent(limit)),
            }
        }
        Ok(pending.answers())
    }

    /// The next answer or signal; nothing where the deadline passes first.
    pub(in crate::init) fn receive(
        &mut self,
        deadline: Deadline,
    ) -> Result<Option<Incoming>, InitError> {
        loop {
            while let Some(message) = self.take_message()? {
                match message.message_type() {
                    Type::MethodReturn | Type::Error => {
                        return Ok(Some(answer(message, self.peer)));
                    }
                    Type::Signal => return Ok(Some(Incoming::Signal(message))),
                    // Nobody has anything to ask of us.
                    Type::MethodCall => {}
                }
            }
            match self.fill(deadline) {
                Ok(()) => {}
                Err(StreamError::Silent) => return Ok(None),
                Err(error) => return Err(self.broken(&error, Duration::ZERO)),
            }
        }
    }

    /// This connection, unless the other end has closed it, as far as that can be told without
    /// waiting. What has come in unasked meanwhile is thrown away.
    pub(in crate::init) fn if_open(mut self) -> Option<Self> {
        loop {
            match self.receive(Deadline::after(Duration::ZERO)) {
                Ok(Some(_)) => {}
                Ok(None) => return Some(self),
                Err(_) => return None,
            }
        }
    }

    /// Ends the connection and shows `on_incoming` what has come in so far. Whatever the other end
    /// answers from now on does not reach us, and it is told so.
    pub(in crate::init) fn shut(&mut self, on_incoming: &mut dyn FnMut(Incoming)) {
        self.stream.shut();
        while let Ok(Some(incoming)) = self.receive(Deadline::after(Duration::ZERO)) {
            on_incoming(incoming);
        }
    }

    fn fill(&mut self, deadline: Deadline) -> Result<(), StreamError> {
        let kept = self.inbox.len();
        self.inbox.resize(kept + READ, 0);
        let space = self.inbox.get_mut(kept..).unwrap_or_default();
        let result = self.stream.read(space, deadline);
        self.inbox.truncate(kept + result.as_ref().unwrap_or(&0));
        result.map(|_| ())
    }

    fn take_message(&mut self) -> Result<Option<Message>, InitError> {
        let length = message_length(&self.inbox).map_err(|error| self.garbled(&error))?;
        match length {
            Some(length) if length > self.longest => {
                Err(self.garbled(&FrameError::TooLong(length)))
            }
            Some(length) if self.inbox.len() >= length => {
                let rest = self.inbox.split_off(length);
                let bytes = std::mem::replace(&mut self.inbox, rest);
                decode(bytes)
                    .map(Some)
                    .map_err(|error| self.garbled(&error))
            }
            Some(_) | None => Ok(None),
        }
    }

    fn silent(&self, limit: Duration) -> InitError {
        InitError::Silent {
            init: self.peer.init,
            seconds: limit.as_secs(),
        }
    }

    fn broken(&self, error: &StreamError, limit: Duration) -> InitError {
        match error {
            StreamError::Silent => self.silent(limit),
            StreamError::Closed | StreamError::System(_) => self.lost(error),
        }
    }

    fn garbled(&self, error: &FrameError) -> InitError {
        self.lost(error)
    }

    fn lost(&self, why: &dyn std::fmt::Display) -> InitError {
        InitError::Lost {
            init: self.peer.init,
            why: why.to_string(),
        }
    }
}

/// The serial number that the answer to `call` will name.
pub(in crate::init) fn serial(call: &Message) -> u32 {
    call.primary_header().serial_num().get()
}

/// What `answer` carries, where it is of type `T`.
pub(in crate::init) fn body<T>(answer: Result<Message, InitError>) -> Result<T, InitError>
where
    T: for<'d> zbus::wire::DynamicDeserialize<'d>,
{
    answer?
        .body()
        .deserialize::<T>()
        .map_err(|error| unexpected(&error.to_string()))
}

/// An answer came that is not what the question is answered with.
pub(in crate::init) fn unexpected(why: &str) -> InitError {
    InitError::Refused {
        name: "org.freedesktop.DBus.Error.InvalidSignature".to_owned(),
        message: format!("unexpected answer: {why}"),
    }
}

fn build<B>(
    destination: Option<&str>,
    path: &str,
    interface: &str,
    member: &str,
    body: &B,
) -> Result<Message, InitError>
where
    B: Serialize + DynamicType,
{
    let mut builder = Message::method_call(path, member)
        .interface(interface)
        // Asking must not bring up a manager that is not there.
        .with_flags(Flags::NO_AUTO_START);
    if let Some(destination) = destination {
        builder = builder.destination(destination);
    }
    builder.build(body).map_err(|error| InitError::Refused {
        name: "org.freedesktop.DBus.Error.InvalidArgs".to_owned(),
        message: error.to_string(),
    })
}

fn answer(message: Message, peer: Peer) -> Incoming {
    let header = message.header();
    let to = header.reply_serial().map_or(0, std::num::NonZeroU32::get);
    match header.error_name().map(|name| name.to_string()) {
        Some(name) => {
            let text = message.body().deserialize::<(String,)>();
            let message = text.map_or_else(|_| name.clone(), |(text,)| text);
            Incoming::Answer(to, Err(refusal(name, message, peer)))
        }
        None => Incoming::Answer(to, Ok(message)),
    }
}

/// What a bus says when the one behind it has gone, before or after the message was delivered, is
/// no answer of that one.
fn refusal(name: String, message: String, peer: Peer) -> InitError {
    let from_bus = name
        .strip_prefix(BUS_ERRORS)
        .filter(|_| peer.through_bus.is_some());
    match from_bus {
        Some("NoReply" | "Disconnected") => InitError::Lost {
            init: peer.init,
            why: message,
        },
        Some("ServiceUnknown" | "NameHasNoOwner") => InitError::Unreachable {
            init: peer.init,
            why: message,
        },
        Some(_) | None => InitError::Refused { name, message },
    }
}
