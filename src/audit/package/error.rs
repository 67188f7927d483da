//! Why a package was not read. Each reason names the part and what is wrong with it, and says what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::limits::Exceeded;

/// A package that was not read.
#[derive(Debug, Error)]
#[error("cannot read package `{}`: {reason}", path.display())]
pub struct PackageError {
    /// The file or directory that was given.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub reason: Reason,
}

/// What kept it from being read.
#[derive(Debug, Error)]
pub enum Reason {
    /// The system refused.
    #[error("cannot {doing} {what}: {source}")]
    System {
        /// What was tried, a verb.
        doing: &'static str,
        /// On what.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "it is no package: give a .deb file, a directory with `DEBIAN/control` in it, or a source package's with `debian/control`"
    )]
    NoPackage,
    /// It ends too early.
    #[error("{part} is cut off: fetch or build it again")]
    Truncated {
        /// Which part of it.
        part: String,
    },
    /// It is not what the format demands.
    #[error("{part} is broken: {why}; fetch or build it again")]
    Broken {
        /// Which part of it.
        part: String,
        /// What is wrong.
        why: String,
    },
    /// A control file that dpkg would not take either.
    #[error("{file}: {why}")]
    Control {
        /// The file, with its line where one is meant.
        file: String,
        /// What is wrong, and what is expected.
        why: String,
    },
    /// Packed by something that is not read here.
    #[error(
        "its member `{member}` is packed in a way that is not read here: repack it with `dpkg-deb -Zxz` (or gzip, zstd, none)"
    )]
    Packing {
        /// The member's name.
        member: String,
    },
    /// What no tool that makes packages leaves.
    #[error("refusing {part}: {why}; dpkg-deb builds no such package")]
    Hostile {
        /// Which part of it.
        part: String,
        /// What is wrong with it.
        why: String,
    },
    /// More than a package has.
    #[error(
        "refusing {part}: {what} is over the limit of {limit}; no package in Debian comes near"
    )]
    Limit {
        /// Which part of it.
        part: String,
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// A link where a file is needed.
    #[error(
        "`{path}` is a symbolic link, and none is followed: put a copy of the file in its place"
    )]
    Link {
        /// Where it is.
        path: String,
    },
}

impl Reason {
    /// What an error on the way through a stream means for `part`.
    pub(super) fn of_stream(part: &str, error: io::Error) -> Self {
        let inner = error.get_ref();
        let exceeded = inner.and_then(|inner| inner.downcast_ref::<Exceeded>());
        let part = part.to_owned();
        if let Some(Exceeded(limit)) = exceeded {
            return Self::Limit {
                part,
                what: "what it unpacks to, in bytes,",
                limit: *limit,
            };
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated { part },
            io::ErrorKind::OutOfMemory => Self::Hostile {
                part,
                why: "unpacking it takes more memory than is given".to_owned(),
            },
            _ if error.raw_os_error().is_some() => Self::System {
                doing: "read",
                what: part,
                source: error,
            },
            _ => Self::Broken {
                part,
                why: error.to_string().escape_debug().to_string(),
            },
        }
    }

    /// Something of `part` that is over its limit.
    pub(super) fn limit(part: &str, what: &'static str, limit: u64) -> Self {
        Self::Limit {
            part: part.to_owned(),
            what,
            limit,
        }
    }

    /// `part` is what nobody builds, because of `why`.
    pub(super) fn hostile(part: &str, why: impl Into<String>) -> Self {
        Self::Hostile {
            part: part.to_owned(),
            why: why.into(),
        }
    }
}
