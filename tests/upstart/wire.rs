//! The server's side of D-Bus over a socket, as libdbus does it for Upstart: logging in, messages in,
//! messages out. It never blocks.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use zbus::Message;
use zbus::connection::socket::ReadHalf;
use zbus::export::async_trait::async_trait;

const GUID: &str = "0123456789abcdef0123456789abcdef";

/// How far a client is.
#[derive(Debug, PartialEq, Eq)]
enum Login {
    /// It has not said BEGIN.
    Outside,
    /// It sends messages.
    Inside,
}

/// One connected client.
#[derive(Debug)]
pub struct Client {
    pub id: u64,
    socket: UnixStream,
    inbox: Vec<u8>,
    login: Login,
}

/// What a client brought.
pub enum Brought {
    Message(Message),
    /// It said BEGIN just now.
    Entered,
    /// Nothing more at the moment.
    Nothing,
    /// It has gone.
    Gone,
}

impl Client {
    pub fn new(id: u64, socket: UnixStream) -> Self {
        socket.set_nonblocking(true).unwrap();
        Self {
            id,
            socket,
            inbox: Vec::new(),
            login: Login::Outside,
        }
    }

    pub fn is_inside(&self) -> bool {
        self.login == Login::Inside
    }

    /// The next thing it brought.
    pub fn next(&mut self) -> Brought {
        let gone = self.fill();
        let brought = match self.login {
            Login::Outside => self.log_in(),
            Login::Inside => self.message(),
        };
        match brought {
            Brought::Nothing if gone => Brought::Gone,
            other => other,
        }
    }

    pub fn send(&mut self, message: &Message) {
        // A client that has gone reads nothing.
        let _ = self.socket.write_all(message.data());
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => self.inbox.extend(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => return true,
            }
        }
    }

    fn log_in(&mut self) -> Brought {
        if self.inbox.first() == Some(&0) {
            self.inbox.remove(0);
        }
        let Some(end) = self.inbox.windows(2).position(|pair| pair == b"\r\n") else {
            return Brought::Nothing;
        };
        let line: Vec<u8> = self.inbox.drain(..end + 2).collect();
        if line.starts_with(b"AUTH EXTERNAL ") {
            let _ = self.socket.write_all(format!("OK {GUID}\r\n").as_bytes());
            return self.log_in();
        }
        if line.starts_with(b"BEGIN") {
            self.login = Login::Inside;
            return Brought::Entered;
        }
        let _ = self.socket.write_all(b"ERROR\r\n");
        self.log_in()
    }

    fn message(&mut self) -> Brought {
        if self.inbox.len() < 16 {
            return Brought::Nothing;
        }
        let number = |at: usize| {
            let bytes: [u8; 4] = self.inbox[at..at + 4].try_into().unwrap();
            usize::try_from(u32::from_le_bytes(bytes)).unwrap()
        };
        let length = 16 + number(12).next_multiple_of(8) + number(4);
        if self.inbox.len() < length {
            return Brought::Nothing;
        }
        let bytes = self.inbox.drain(..length).collect();
        Brought::Message(decode(bytes))
    }
}

/// zbus reads a message only by way of a socket; all bytes of it are here.
fn decode(mut bytes: Vec<u8>) -> Message {
    let mut files = Vec::new();
    let mut end = End;
    let mut reading = pin!(end.receive_message(0, &mut bytes, &mut files));
    let mut context = Context::from_waker(Waker::noop());
    match reading.as_mut().poll(&mut context) {
        Poll::Ready(message) => message.unwrap(),
        Poll::Pending => panic!("incomplete"),
    }
}

#[derive(Debug)]
struct End;

#[async_trait]
impl ReadHalf for End {
    async fn recvmsg(
        &mut self,
        _: &mut [u8],
    ) -> std::io::Result<(usize, Vec<std::os::fd::OwnedFd>)> {
        Ok((0, Vec::new()))
    }
}
