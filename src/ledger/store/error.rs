//! Why the ledger could not be read or written.

use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;

use crate::files::FileError;
use crate::ledger::EntryError;

/// Why the ledger could not be read or written.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// No room or no right to write. Nothing can be deferred then.
    #[error("cannot write the ledger: {0}")]
    Unwritable(FileError),
    /// Something else went wrong with a file or directory.
    #[error("cannot use the ledger: {0}")]
    File(#[from] FileError),
    /// A later rcpolicy wrote this entry. It is left alone.
    #[error("leaving ledger entry `{}` alone: {why}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Which version.
        why: EntryError,
    },
    /// This file is no entry.
    #[error("damaged ledger entry `{}`: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: EntryError,
    },
    /// Somebody else holds the lock.
    #[error("the ledger is locked by another process for more than {seconds} s (`{}`)", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
        /// Seconds waited.
        seconds: u64,
    },
}

impl LedgerError {
    /// Whether writing is impossible for good: a full or read-only disk, no rights.
    pub fn is_unwritable(&self) -> bool {
        match self {
            Self::Unwritable(_) => true,
            Self::File(_) | Self::Newer { .. } | Self::Damaged { .. } | Self::Busy { .. } => false,
        }
    }

    /// Whether a directory or file is not there.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::Unwritable(error) | Self::File(error) => error.is_missing(),
            Self::Newer { .. } | Self::Damaged { .. } | Self::Busy { .. } => false,
        }
    }

    /// A file that is no entry.
    pub(super) fn damaged(path: PathBuf, why: String) -> Self {
        let why = EntryError::Damaged(why);
        Self::Damaged { path, why }
    }

    pub(super) fn writing(error: FileError) -> Self {
        match error.errno() {
            Some(
                Errno::ENOSPC
                | Errno::EDQUOT
                | Errno::EFBIG
                | Errno::EROFS
                | Errno::EACCES
                | Errno::EPERM,
            ) => Self::Unwritable(error),
            _ => Self::File(error),
        }
    }
}
