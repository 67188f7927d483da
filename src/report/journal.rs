//! Structured messages to journald over its datagram socket, in its native protocol
//! (systemd.io/JOURNAL_NATIVE_PROTOCOL). Never waits: what does not fit is dropped.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::plain::cut;

/// Where journald listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// The longest value of a field, in bytes. All fields of a message have to go into one datagram, of which a socket takes
/// 208 KiB by default; the whole text stands in our own log.
const LONGEST: usize = 4 * 1024;

/// The fields of one message, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// The message with a field added. `name` is of upper-case letters, digits and `_`; a value that is too long is cut.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let value = cut(value, LONGEST);
        let value = value.as_ref();
        self.bytes.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.bytes.push(b'\n');
            let length = value.len() as u64;
            self.bytes.extend_from_slice(&length.to_le_bytes());
        } else {
            self.bytes.push(b'=');
        }
        self.bytes.extend_from_slice(value.as_bytes());
        self.bytes.push(b'\n');
        self
    }

    /// The same, where there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The datagram.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Sends `message` to the journal behind `socket`.
///
/// # Errors
/// When nobody listens, or its queue is full. The message is lost then, and nobody need care.
pub fn send(socket: &Path, message: &Message) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to(message.as_bytes(), socket).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_newline_goes_in_the_binary_form() {
        let message = Message::default()
            .with("PRIORITY", "6")
            .with("MESSAGE", "a\nb")
            .with_some("UNIT", None);
        let mut expected = b"PRIORITY=6\nMESSAGE\n".to_vec();
        expected.extend([3, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(b"a\nb\n");
        assert_eq!(message.as_bytes(), expected);
    }

    #[test]
    fn a_value_of_any_length_goes_into_a_datagram_of_all_fields() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let long = "ä\n".repeat(1_000_000);
        let message = (0..40).fold(Message::default(), |message, _| message.with("F", &long));
        send(&path, &message).unwrap();
        let mut buffer = vec![0; 1_000_000];
        let length = journal.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], message.as_bytes());
        assert!(length < 200 * 1024, "{length}");
    }

    #[test]
    fn a_journal_that_does_not_read_never_holds_the_sender_up() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let message = Message::default().with("MESSAGE", &"x".repeat(1000));
        let sent = (0..100_000).find(|_| send(&path, &message).is_err());
        assert!(sent.is_some(), "its queue is never full");
        let mut buffer = [0; 2000];
        let length = journal.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], message.as_bytes());
        drop(journal);
        std::fs::remove_file(&path).unwrap();
        assert!(send(&path, &message).is_err());
    }
}
