//! Where one D-Bus message ends and the next begins, and the repair of systemd's SENDER field.
//! On its private socket systemd names itself `org.freedesktop.systemd1` there, which is no valid
//! unique name; a bus never does that. Pure: bytes in, bytes out, everything bounded.

use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use thiserror::Error;
use zbus::Message;
use zbus::connection::socket::ReadHalf;
use zbus::export::async_trait::async_trait;

/// The largest message that is accepted, in bytes. D-Bus allows 128 MiB; what is asked here is
/// answered in kilobytes.
pub(super) const LONGEST_MESSAGE: usize = 8 << 20;
/// Bytes up to and including the length of the header fields.
const FIXED_HEADER: usize = 16;
/// Code of the SENDER header field.
const SENDER: u8 = 7;

/// What is wrong with the bytes that came.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::init) enum FrameError {
    /// The first byte is neither `l` nor `B`, or the version is not 1.
    #[error("not a D-Bus message")]
    NotDbus,
    /// Longer than `LONGEST_MESSAGE`.
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    /// The header fields do not fit together.
    #[error("malformed header fields")]
    Fields,
    /// zbus cannot read it.
    #[error("malformed message: {0}")]
    Message(String),
}

/// The length of the message that `bytes` begin with, as soon as that can be told.
pub(in crate::init) fn message_length(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    if bytes
        .first()
        .is_some_and(|byte| !matches!(byte, b'l' | b'B'))
    {
        return Err(FrameError::NotDbus);
    }
    let Some(header) = bytes.get(..FIXED_HEADER) else {
        return Ok(None);
    };
    if header.get(3) != Some(&1) {
        return Err(FrameError::NotDbus);
    }
    let body = read_u32(header, 4)?;
    let fields = read_u32(header, 12)?;
    let length = FIXED_HEADER
        .saturating_add(fields.next_multiple_of(8))
        .saturating_add(body);
    if length > LONGEST_MESSAGE {
        return Err(FrameError::TooLong(length));
    }
    Ok(Some(length))
}

/// Replaces a SENDER that is not a unique name by one of the same length.
pub(super) fn repair_sender(message: &mut [u8]) -> Result<(), FrameError> {
    let Some(range) = sender(message)? else {
        return Ok(());
    };
    let name = message.get_mut(range).ok_or(FrameError::Fields)?;
    if name.first() == Some(&b':') {
        return Ok(());
    }
    let unique = b":1.".iter().chain(std::iter::repeat(&b'0'));
    if name.len() < 4 {
        return Err(FrameError::Fields);
    }
    for (old, new) in name.iter_mut().zip(unique) {
        *old = *new;
    }
    Ok(())
}

/// Where the SENDER's text stands in the message.
fn sender(message: &[u8]) -> Result<Option<Range<usize>>, FrameError> {
    let end = FIXED_HEADER.saturating_add(read_u32(message, 12)?);
    let mut at = FIXED_HEADER;
    while at < end {
        let [code, 1, kind, 0] = *message.get(at..at + 4).ok_or(FrameError::Fields)? else {
            return Err(FrameError::Fields);
        };
        let text = text_range(message, at + 4, kind)?;
        if text.end > end {
            return Err(FrameError::Fields);
        }
        if code == SENDER && kind == b's' {
            return Ok(Some(text));
        }
        let terminator = usize::from(kind != b'u');
        at = (text.end + terminator).next_multiple_of(8);
    }
    Ok(None)
}

/// The bytes of a header field's value, without its length and its terminating NUL.
fn text_range(message: &[u8], at: usize, kind: u8) -> Result<Range<usize>, FrameError> {
    let (start, length) = match kind {
        b's' | b'o' => (at + 4, read_u32(message, at)?),
        b'g' => (
            at + 1,
            usize::from(*message.get(at).ok_or(FrameError::Fields)?),
        ),
        b'u' => (at, 4),
        _ => return Err(FrameError::Fields),
    };
    let end = start.saturating_add(length);
    match end <= message.len() {
        true => Ok(start..end),
        false => Err(FrameError::Fields),
    }
}

fn read_u32(message: &[u8], at: usize) -> Result<usize, FrameError> {
    let bytes = message
        .get(at..at.saturating_add(4))
        .and_then(|four| <[u8; 4]>::try_from(four).ok())
        .ok_or(FrameError::Fields)?;
    let value = match message.first() {
        Some(b'l') => u32::from_le_bytes(bytes),
        Some(b'B') => u32::from_be_bytes(bytes),
        _ => return Err(FrameError::NotDbus),
    };
    usize::try_from(value).map_err(|_| FrameError::Fields)
}

/// Reads one whole message, its sender repaired.
pub(in crate::init) fn decode(mut bytes: Vec<u8>) -> Result<Message, FrameError> {
    match message_length(&bytes)? {
        Some(length) if length == bytes.len() => {}
        Some(_) | None => return Err(FrameError::Fields),
    }
    repair_sender(&mut bytes)?;
    let mut no_files = Vec::new();
    let mut nothing_more = NothingMore;
    // zbus reads a message from bytes only by way of a socket's read half. All bytes are here, so
    // the future is ready at once; no executor, reactor or thread is needed.
    let reading = pin!(nothing_more.receive_message(0, &mut bytes, &mut no_files));
    let mut reading = reading;
    match reading
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Ok(message)) => Ok(message),
        Poll::Ready(Err(error)) => Err(FrameError::Message(error.to_string())),
        Poll::Pending => Err(FrameError::Message("incomplete".to_owned())),
    }
}

/// A read half at its end.
#[derive(Debug)]
struct NothingMore;

#[async_trait]
impl ReadHalf for NothingMore {
    async fn recvmsg(
        &mut self,
        _buffer: &mut [u8],
    ) -> std::io::Result<(usize, Vec<std::os::fd::OwnedFd>)> {
        Ok((0, Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply as systemd sends it on its private socket: field by field, by hand.
    fn reply(sender: &str, body: &[u8]) -> Vec<u8> {
        let mut fields = Vec::new();
        let mut field = |code: u8, kind: u8, value: &[u8]| {
            fields.resize(fields.len().next_multiple_of(8), 0);
            fields.extend([code, 1, kind, 0]);
            fields.extend(value);
        };
        let text = |text: &str| {
            let mut bytes = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
            bytes.extend(text.as_bytes());
            bytes.push(0);
            bytes
        };
        field(5, b'u', &7u32.to_le_bytes());
        field(8, b'g', b"\x01s\0");
        field(SENDER, b's', &text(sender));
        let mut message = vec![b'l', 2, 1, 1];
        message.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        message.extend(1u32.to_le_bytes());
        message.extend(u32::try_from(fields.len()).unwrap().to_le_bytes());
        message.extend(fields);
        message.resize(message.len().next_multiple_of(8), 0);
        message.extend(body);
        message
    }

    const BODY: &[u8] = b"\x02\0\0\0ok\0";

    #[test]
    fn systemds_own_name_as_sender_becomes_a_unique_name_of_the_same_length() {
        let bytes = reply("org.freedesktop.systemd1", BODY);
        let message = decode(bytes.clone()).unwrap();
        let header = message.header();
        assert_eq!(
            header.sender().unwrap().as_str(),
            ":1.000000000000000000000"
        );
        assert_eq!(header.reply_serial().unwrap().get(), 7);
        assert_eq!(message.body().deserialize::<String>().unwrap(), "ok");
        assert_eq!(message.data().len(), bytes.len());
    }

    #[test]
    fn a_unique_name_as_sender_stays() {
        let mut bytes = reply(":1.42", BODY);
        let before = bytes.clone();
        repair_sender(&mut bytes).unwrap();
        assert_eq!(bytes, before);
    }

    #[test]
    fn the_length_is_told_from_sixteen_bytes_on_and_never_wrong() {
        let bytes = reply("org.freedesktop.systemd1", BODY);
        for cut in 0..bytes.len() {
            let told = message_length(&bytes[..cut]).unwrap();
            let expected = (cut >= FIXED_HEADER).then_some(bytes.len());
            assert_eq!(told, expected, "{cut}");
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_refused_and_never_panics() {
        let bytes = reply("org.freedesktop.systemd1", BODY);
        for cut in 0..bytes.len() {
            assert!(decode(bytes[..cut].to_vec()).is_err(), "{cut}");
        }
    }

    #[test]
    fn every_flipped_byte_is_an_error_or_a_message_but_never_a_panic() {
        let bytes = reply("org.freedesktop.systemd1", BODY);
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut broken = bytes.clone();
                broken[at] = value;
                let _ = decode(broken);
            }
        }
    }

    #[test]
    fn a_message_longer_than_the_limit_is_refused_from_its_header_alone() {
        let mut bytes = reply(":1.1", BODY);
        bytes[4..8].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
        assert!(matches!(
            message_length(&bytes[..16]),
            Err(FrameError::TooLong(_))
        ));
        bytes[12..16].copy_from_slice(&0xffff_ffffu32.to_le_bytes());
        assert!(matches!(
            message_length(&bytes[..16]),
            Err(FrameError::TooLong(_))
        ));
    }

    #[test]
    fn what_is_not_dbus_is_refused_at_its_first_byte() {
        assert_eq!(message_length(b"HTTP"), Err(FrameError::NotDbus));
        assert_eq!(message_length(b""), Ok(None));
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        use std::collections::HashMap;

        use zbus::wire::{OwnedObjectPath, OwnedVariant, Variant};

        let signal = |body: &dyn Fn(zbus::message::Builder<'static>) -> zbus::Result<Message>| {
            let begun = Message::signal("/org/foo", "org.foo.Bar", "Baz");
            body(begun).unwrap().data().to_vec()
        };
        let path = || OwnedObjectPath::try_from("/org/foo/job/7").unwrap();
        let properties: HashMap<&str, Variant<'_>> = [
            ("Id", Variant::from("foo.service")),
            ("MainPID", Variant::from(7_u32)),
        ]
        .into();
        let removed = (7_u32, path(), "foo.service", "done");
        let listed = vec![(
            "foo.service",
            "Foo",
            "loaded",
            "active",
            "running",
            "",
            path(),
            0_u32,
            "",
            path(),
        )];
        let seeds = [
            reply("org.freedesktop.systemd1", BODY),
            reply(":1.42", BODY),
            signal(&|begun| begun.build(&properties)),
            signal(&|begun| begun.build(&removed)),
            signal(&|begun| begun.build(&listed)),
        ];
        let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        crate::testing::mutations::mutated(&seeds, &[], |bytes| {
            let _ = message_length(bytes);
            let Ok(message) = decode(bytes.to_vec()) else {
                return;
            };
            let (header, body) = (message.header(), message.body());
            let _ = (
                header.sender(),
                header.reply_serial(),
                header.error_name(),
                header.path(),
            );
            let _ = body.deserialize::<HashMap<String, OwnedVariant>>();
            let _ = body.deserialize::<(u32, OwnedObjectPath, String, String)>();
            type Line = (
                String,
                String,
                String,
                String,
                String,
                String,
                OwnedObjectPath,
                u32,
                String,
                OwnedObjectPath,
            );
            let _ = body.deserialize::<Vec<Line>>();
            let _ = (
                body.deserialize::<OwnedVariant>(),
                body.deserialize::<Vec<String>>(),
                body.deserialize::<u32>(),
            );
        });
    }
}
