//! How much of a package is read before it is refused. Real packages stay far below; what does not is an
//! attack, or broken, and ends in an error instead of in a machine without memory.

use std::io::{self, Read};

use thiserror::Error;

const MIB: u64 = 1 << 20;

/// The limits; [`Limits::default`] holds every package of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members of the outer archive.
    pub members: usize,
    /// Bytes of the control archive, unpacked.
    pub control: u64,
    /// Bytes of one text that is kept: a script, a unit.
    pub text: u64,
    /// Bytes of all texts that are kept.
    pub texts: u64,
    /// Bytes of the data archive, unpacked.
    pub stream: u64,
    /// How many times its packed size an archive may unpack to...
    pub ratio: u64,
    /// ...if that is more than so many bytes.
    pub harmless: u64,
    /// Bytes of memory that an unpacker may ask for: the dictionary, the window.
    pub memory: u64,
    /// Files, directories and links.
    pub entries: usize,
    /// Bytes of all their names and of where links lead.
    pub names: u64,
    /// Bytes of one name.
    pub path: usize,
    /// Directories within each other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 64,
            control: 64 * MIB,
            text: MIB,
            texts: 16 * MIB,
            stream: 16 << 30,
            ratio: 400,
            harmless: 32 * MIB,
            memory: 128 * MIB,
            entries: 500_000,
            names: 64 * MIB,
            path: 4096,
            depth: 100,
        }
    }
}

impl Limits {
    /// What a packed archive of `packed` bytes may unpack to, where `most` is the limit whatever its size is.
    pub(super) fn unpacked(&self, packed: u64, most: u64) -> u64 {
        let by_ratio = packed.saturating_mul(self.ratio).max(self.harmless);
        by_ratio.min(most)
    }
}

/// More came out of a stream than it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("more than {0} bytes come out of it")]
pub(super) struct Exceeded(pub(super) u64);

/// A stream that gives an error, not an end, after so many bytes; and after an error nothing but that it is over.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
    most: u64,
    failed: bool,
}

impl<R: Read> Bounded<R> {
    /// `inner`, of which `most` bytes may be read.
    pub(super) fn new(inner: R, most: u64) -> Self {
        Self {
            inner,
            left: most,
            most,
            failed: false,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // An unpacker that has failed is in no state to be asked again.
        if self.failed {
            return Err(io::Error::other("it could not be read to its end"));
        }
        match self.inner.read(buffer) {
            Ok(count) if count as u64 > self.left => {
                self.failed = true;
                Err(io::Error::other(Exceeded(self.most)))
            }
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                self.failed = error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_exactly_the_limit_is_read_and_one_byte_more_is_an_error() {
        let mut whole = Vec::new();
        let read = Bounded::new(&[7u8; 10][..], 10).read_to_end(&mut whole);
        assert_eq!((read.unwrap(), whole.len()), (10, 10));
        let error = Bounded::new(&[7u8; 11][..], 10).read_to_end(&mut whole);
        let error = error.unwrap_err();
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<Exceeded>());
        assert_eq!(inner, Some(&Exceeded(10)));
    }

    #[test]
    fn what_has_failed_is_not_asked_again() {
        struct Once(bool);
        impl Read for Once {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                assert!(!self.0, "asked again");
                self.0 = true;
                Err(io::Error::other("broken"))
            }
        }
        let mut stream = Bounded::new(Once(false), 10);
        assert!(stream.read(&mut [0]).is_err());
        assert!(stream.read(&mut [0]).is_err());
    }

    #[test]
    fn a_small_archive_may_unpack_to_a_harmless_size_and_a_large_one_by_its_ratio() {
        let limits = Limits::default();
        assert_eq!(limits.unpacked(1, limits.stream), limits.harmless);
        assert_eq!(limits.unpacked(MIB, limits.stream), 400 * MIB);
        assert_eq!(limits.unpacked(1 << 40, limits.stream), limits.stream);
        assert_eq!(limits.unpacked(u64::MAX, limits.stream), limits.stream);
    }
}
