//! What a writer of the ledger came across, and its words. Pure.

use std::fmt;
use std::path::PathBuf;

use super::{Entry, EntryError};

/// What a writer came across and did about it. Worth a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A damaged file was moved out of the way.
    SetAside {
        /// The file.
        from: PathBuf,
        /// Its name now.
        to: String,
        /// What is wrong with it.
        why: EntryError,
    },
    /// An entry of another life of the init was dropped.
    Settled(Box<Entry>),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetAside { from, to, why } => write!(
                f,
                "set damaged ledger entry `{}` aside as `{to}`: {why}",
                from.display()
            ),
            Self::Settled(entry) => write!(
                f,
                "dropped what was owed to {} in an earlier life of the init",
                entry.service
            ),
        }
    }
}
