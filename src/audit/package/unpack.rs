//! What a member of a `.deb` is packed with, and the stream of what is in it. How much comes out is
//! for the caller to bound.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::Reason;

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    None,
    /// `.gz`
    Gzip,
    /// `.xz`
    Xz,
    /// `.zst`
    Zstd,
}

impl Packing {
    /// By the end of its name: what stands behind `control.tar` or `data.tar`.
    pub(super) fn of(member: &str, stem: &str) -> Result<Self, Reason> {
        match member.strip_prefix(stem) {
            Some("") => Ok(Self::None),
            Some(".gz") => Ok(Self::Gzip),
            Some(".xz") => Ok(Self::Xz),
            Some(".zst") => Ok(Self::Zstd),
            Some(_) | None => Err(Reason::Packing {
                member: member.to_owned(),
            }),
        }
    }
}

/// The stream of what is packed in another.
pub(super) fn unpack<'a>(
    packing: Packing,
    packed: impl BufRead + 'a,
    memory: u64,
) -> Box<dyn Read + 'a> {
    match packing {
        Packing::None => Box::new(packed),
        Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Packing::Xz => {
            let kibibytes = u32::try_from(memory >> 10).unwrap_or(u32::MAX - 1);
            Box::new(XzReader::new_mem_limit(packed, true, kibibytes))
        }
        Packing::Zstd => Box::new(Frames::new(packed, memory)),
    }
}

/// The frames of a zstd stream, one behind the other; those that are to be skipped are.
struct Frames<R> {
    packed: R,
    decoder: FrameDecoder,
}

impl<R: BufRead> Frames<R> {
    fn new(packed: R, memory: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(memory);
        Self { packed, decoder }
    }

    /// Begins the next frame; whether there is one.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => self.skip(length)?,
                Err(error @ FrameDecoderError::WindowSizeTooBig { .. }) => {
                    return Err(io::Error::new(io::ErrorKind::OutOfMemory, error));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn skip(&mut self, length: u32) -> io::Result<()> {
        let mut skipped = self.packed.by_ref().take(length.into());
        match io::copy(&mut skipped, &mut io::sink())? {
            count if count == u64::from(length) => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.decoder.can_collect() == 0 {
            if self.decoder.is_finished() {
                if !self.next_frame()? {
                    return Ok(0);
                }
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.packed, one);
                decoded.map_err(io::Error::other)?;
            }
        }
        self.decoder.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn plain(packing: Packing, packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        let stream = unpack(packing, packed, 1 << 20);
        stream.take(1 << 20).read_to_end(&mut whole)?;
        Ok(whole)
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn a_members_name_says_how_it_is_packed() {
        assert_eq!(Packing::of("data.tar", "data.tar").unwrap(), Packing::None);
        assert_eq!(Packing::of("data.tar.xz", "data.tar").unwrap(), Packing::Xz);
        for name in [
            "data.tar.lzma",
            "data.tar.bz2",
            "data.tar.XZ",
            "data.targz",
            "",
        ] {
            let error = Packing::of(name, "data.tar").unwrap_err().to_string();
            assert!(error.contains("dpkg-deb -Zxz"), "{name}: {error}");
        }
    }

    #[test]
    fn frames_of_zstd_follow_each_other_and_some_are_skipped() {
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let packed = [&skipped[..], &zstd(b"one"), &skipped, &zstd(b"two")].concat();
        assert_eq!(plain(Packing::Zstd, &packed).unwrap(), b"onetwo");
        assert_eq!(plain(Packing::Zstd, b"").unwrap(), b"");
        assert!(plain(Packing::Zstd, &skipped[..9]).is_err());
        assert!(plain(Packing::Zstd, &packed[..packed.len() - 2]).is_err());
    }

    #[test]
    fn several_gzips_are_one_stream() {
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let packed = [gzip(b"one"), gzip(b"two")].concat();
        assert_eq!(plain(Packing::Gzip, &packed).unwrap(), b"onetwo");
        let cut = plain(Packing::Gzip, &packed[..packed.len() - 9]);
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_no_such_stream_is_an_error() {
        for packing in [Packing::Gzip, Packing::Xz, Packing::Zstd] {
            assert!(
                plain(packing, b"this is no packed text at all").is_err(),
                "{packing:?}"
            );
        }
    }
}
