//! The client's side of D-Bus authentication, EXTERNAL only, in one round trip.
//! It has a time limit and a length limit of its own, and tries nothing else when it is refused.

use nix::unistd::Uid;
use thiserror::Error;

use super::stream::{Deadline, Stream, StreamError};

/// The longest answer that is waited for, in bytes.
const LONGEST_ANSWER: usize = 1024;
/// The length of `OK`, a GUID of 32 digits and the line's end.
const OK_LINE: usize = 37;

/// Why the other end did not let us in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::init) enum SaslError {
    /// It said no.
    #[error("authentication refused")]
    Refused,
    /// It said something that no D-Bus server says.
    #[error("authentication answered with garbage")]
    Garbage,
    /// It said nothing, or the connection broke.
    #[error("{0}")]
    Stream(#[from] StreamError),
}

/// Authenticates as the user we run as.
pub(in crate::init) fn authenticate(stream: &Stream, deadline: Deadline) -> Result<(), SaslError> {
    // BEGIN goes along unasked, as sd-bus does it: a server that refuses reads it as an error.
    // No message follows before the answer, because sd-bus may leave one that came in the same
    // read lying in its buffer.
    let uid = hex(Uid::effective().to_string().as_bytes());
    stream.write_all(
        format!("\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n").as_bytes(),
        deadline,
    )?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n") {
        if answer.len() >= LONGEST_ANSWER {
            return Err(SaslError::Garbage);
        }
        // Never past the end of an `OK` line: what follows belongs to the messages.
        let mut buffer = vec![0; OK_LINE.saturating_sub(answer.len()).max(1)];
        let count = stream.read(&mut buffer, deadline)?;
        answer.extend(buffer.iter().take(count));
    }
    judge(&answer)
}

fn judge(line: &[u8]) -> Result<(), SaslError> {
    let text = std::str::from_utf8(line).map_err(|_| SaslError::Garbage)?;
    let mut words = text.split_ascii_whitespace();
    match words.next() {
        Some("OK") => match words.next() {
            Some(guid) if is_guid(guid) && words.next().is_none() => Ok(()),
            Some(_) | None => Err(SaslError::Garbage),
        },
        Some("REJECTED" | "ERROR") => Err(SaslError::Refused),
        Some(_) | None => Err(SaslError::Garbage),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::{Duration, Instant};

    use super::*;

    const GUID: &str = "0123456789abcdef0123456789abcdef";

    /// What the client makes of a server that writes `pieces` one by one and then does `after`.
    fn against(pieces: &[&[u8]], keep_open: bool) -> (Result<(), SaslError>, Vec<u8>) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let server = std::thread::spawn(move || {
            let mut heard = vec![0; 64];
            let count = theirs.read(&mut heard).unwrap();
            heard.truncate(count);
            for piece in pieces {
                let _ = theirs.write_all(&piece);
                std::thread::sleep(Duration::from_millis(2));
            }
            (heard, keep_open.then_some(theirs))
        });
        let result = authenticate(
            &Stream::new(ours),
            Deadline::after(Duration::from_millis(300)),
        );
        let (heard, _open) = server.join().unwrap();
        (result, heard)
    }

    #[test]
    fn a_server_that_says_ok_lets_us_in_after_one_write_of_ours() {
        let (result, heard) = against(&[format!("OK {GUID}\r\n").as_bytes()], true);
        assert_eq!(result, Ok(()));
        let uid = hex(Uid::effective().to_string().as_bytes());
        assert_eq!(
            heard,
            format!("\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n").as_bytes()
        );
    }

    #[test]
    fn an_answer_in_pieces_is_put_together_at_every_boundary() {
        let answer = format!("OK {GUID}\r\n");
        for cut in 1..answer.len() {
            let (one, two) = answer.as_bytes().split_at(cut);
            assert_eq!(against(&[one, two], true).0, Ok(()), "{cut}");
        }
    }

    #[test]
    fn what_follows_the_answer_is_left_for_the_messages() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs
            .write_all(format!("OK {GUID}\r\nl").as_bytes())
            .unwrap();
        let stream = Stream::new(ours);
        let deadline = Deadline::after(Duration::from_millis(300));
        authenticate(&stream, deadline).unwrap();
        let mut rest = [0; 8];
        assert_eq!(stream.read(&mut rest, deadline), Ok(1));
        assert_eq!(rest[0], b'l');
    }

    #[test]
    fn refusal_garbage_and_end_are_told_apart() {
        let flood = vec![b'x'; 5000];
        let cases: [(&[u8], bool, SaslError); 8] = [
            (b"REJECTED EXTERNAL\r\n", true, SaslError::Refused),
            (b"ERROR\r\n", true, SaslError::Refused),
            (b"OK\r\n", true, SaslError::Garbage),
            (b"OK zz\r\n", true, SaslError::Garbage),
            (b"\r\n", true, SaslError::Garbage),
            (b"\xff\xfe\r\n", true, SaslError::Garbage),
            (&flood, true, SaslError::Garbage),
            (b"OK 01234", false, SaslError::Stream(StreamError::Closed)),
        ];
        for (answer, keep_open, error) in cases {
            assert_eq!(against(&[answer], keep_open).0, Err(error), "{answer:?}");
        }
    }

    #[test]
    fn a_silent_server_and_a_dripping_one_are_left_at_the_time_limit() {
        let begun = Instant::now();
        let silent = SaslError::Stream(StreamError::Silent);
        assert_eq!(against(&[], true).0, Err(silent.clone()));
        let drip: Vec<&[u8]> = vec![b"x"; 400];
        assert_eq!(against(&drip, true).0, Err(silent));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let ok = format!("OK {GUID}\r\n");
        crate::testing::mutations::mutated(
            &[ok.as_bytes(), b"REJECTED EXTERNAL\r\n"],
            &["OK", " ", "\r\n", "ERROR"],
            |line| {
                let _ = judge(line);
            },
        );
    }
}
