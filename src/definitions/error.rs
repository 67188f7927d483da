//! Why a definition could not be read or brought up to date.

use std::path::PathBuf;

use thiserror::Error;

use super::record::RecordError;
use crate::files::FileError;

/// Why nothing was, or could be, done about a definition.
#[derive(Debug, Error)]
pub enum DefinitionError {
    /// A file or directory is not usable.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is kept of it is not ours, or damaged.
    #[error("cannot use `{}`: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RecordError,
    },
    /// It is more than a service definition would be.
    #[error("refusing `{}`: {why}", path.display())]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Somebody changed it while it was read, or between a look and the deed.
    #[error("`{}` was changed meanwhile", path.display())]
    Changed {
        /// The file or directory.
        path: PathBuf,
    },
    /// Another process brings definitions up to date.
    #[error("another process brings service definitions up to date")]
    Busy,
    /// What supervises the service could not be asked.
    #[error("{0}")]
    Supervisor(String),
}
