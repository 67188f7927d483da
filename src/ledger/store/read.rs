//! Reading the ledger: takes no lock and makes nothing. What another life of the init left behind and
//! what is damaged is handed to the caller.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::domain::{Life, ServiceName};
use crate::files::{Directory, FileError, Missing};
use crate::ledger::{Entry, EntryError};

use super::error::LedgerError;
use super::name::{entry_names, file_name};

/// Largest file that is read, in bytes; an entry has a few hundred.
const LARGEST: u64 = 1 << 20;
/// How long somebody else may hold the lock.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// What the ledger says of one service.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Nothing.
    Nothing,
    /// This is owed.
    Current(Box<Entry>),
    /// This was owed in another life of the init: nothing is owed any more, but what it put in
    /// place (a hold) may still be there.
    Settled(Box<Entry>),
}

impl Reading {
    /// What is owed now.
    pub fn current(self) -> Option<Entry> {
        match self {
            Self::Current(entry) => Some(*entry),
            Self::Nothing | Self::Settled(_) => None,
        }
    }
}

/// All that stands in the ledger.
#[must_use]
#[derive(Debug, Default)]
pub struct Listing {
    /// What is owed now, in the order of the services' names.
    pub entries: Vec<Entry>,
    /// What another life of the init left behind.
    pub settled: Vec<Entry>,
    /// What could not be read.
    pub troubles: Vec<LedgerError>,
}

/// The ledger of one machine, in one life of its init.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) root: PathBuf,
    life: Life,
    /// When the user space of this life began, in microseconds of the monotonic clock.
    since: Option<u64>,
    pub(super) lock_limit: Duration,
}

impl Ledger {
    /// The ledger under `root` ([`DIRECTORY`] on a real machine). Touches nothing.
    pub fn open(root: &Path, life: Life) -> Self {
        Self {
            root: root.to_path_buf(),
            life,
            since: None,
            lock_limit: LOCK_LIMIT,
        }
    }

    /// The same with another limit for waiting for the lock.
    #[must_use]
    pub fn with_lock_limit(self, lock_limit: Duration) -> Self {
        Self { lock_limit, ..self }
    }

    /// The same in a life whose user space began at `microseconds` since the epoch.
    #[must_use]
    pub fn with_userspace(self, microseconds: u64) -> Self {
        Self {
            life: self.life.with_userspace(microseconds),
            ..self
        }
    }

    /// The same where that was at `microseconds` of the monotonic clock: what was begun before is
    /// of another life, although whoever noted it could not tell.
    #[must_use]
    pub fn with_userspace_since(self, microseconds: u64) -> Self {
        Self {
            since: Some(microseconds),
            ..self
        }
    }

    /// Whether the user space of this life was there at `at`, as far as is known.
    pub(super) fn is_since(&self, at: u64) -> bool {
        self.since.is_none_or(|since| at >= since)
    }

    fn is_ours(&self, entry: &Entry) -> bool {
        let undated = entry.asked_at().filter(|_| entry.life.userspace.is_none());
        entry.life.is_same(&self.life) && undated.is_none_or(|at| self.is_since(at))
    }

    /// The life of the init that entries of ours belong to.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// The directory that it lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is the one in `directory`.
    pub fn is_under(&self, directory: &Path) -> bool {
        self.root == directory
    }

    /// What is noted about `service`. Where that is nothing this is a single system call.
    ///
    /// # Errors
    /// When there is an entry that cannot be read: damaged, of a later version, not to be trusted.
    pub fn read(&self, service: &ServiceName) -> Result<Reading, LedgerError> {
        let name = file_name(service);
        let path = self.root.join("ledger").join(&name);
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        match open(&path, flags, Mode::empty()) {
            Err(Errno::ENOENT) => Ok(Reading::Nothing),
            // There is something: now in the careful way.
            Ok(_) | Err(_) => match self.directory(Missing::Fail)? {
                Some(directory) => self.reading(&directory, &name),
                None => Ok(Reading::Nothing),
            },
        }
    }

    /// All entries. One that cannot be read is a trouble of its own and hides no other.
    ///
    /// # Errors
    /// When the directory cannot be read; a missing one is an empty ledger.
    pub fn all(&self) -> Result<Listing, LedgerError> {
        let mut listing = Listing::default();
        let Some(directory) = self.directory(Missing::Fail)? else {
            return Ok(listing);
        };
        for name in entry_names(&directory)? {
            match self.reading(&directory, &name) {
                Ok(Reading::Nothing) => {}
                Ok(Reading::Current(entry)) => listing.entries.push(*entry),
                Ok(Reading::Settled(entry)) => listing.settled.push(*entry),
                Err(trouble) => listing.troubles.push(trouble),
            }
        }
        Ok(listing)
    }

    /// What is owed to the services that are `wanted`; no other entry is read. What cannot be read is
    /// passed over: whoever reads all of it tells.
    ///
    /// # Errors
    /// When the directory cannot be read; a missing one is an empty ledger.
    pub fn about(&self, wanted: impl Fn(&ServiceName) -> bool) -> Result<Vec<Entry>, LedgerError> {
        let Some(directory) = self.directory(Missing::Fail)? else {
            return Ok(Vec::new());
        };
        // Of a name that is too long for a file's the entry itself tells.
        let may_be = |name: &String| {
            let stem = name.strip_suffix(".json").unwrap_or(name);
            ServiceName::of_file_stem(stem).is_none_or(|service| wanted(&service))
        };
        let names = entry_names(&directory)?.into_iter().filter(may_be);
        let readings = names.filter_map(|name| self.reading(&directory, &name).ok());
        let mut entries: Vec<Entry> = readings.filter_map(Reading::current).collect();
        entries.retain(|entry| wanted(&entry.service));
        Ok(entries)
    }

    fn directory(&self, missing: Missing) -> Result<Option<Directory>, LedgerError> {
        let opened =
            Directory::open(&self.root, missing).and_then(|top| top.enter("ledger", missing));
        match opened {
            Ok(directory) => Ok(Some(directory)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn reading(
        &self,
        directory: &Directory,
        name: &str,
    ) -> Result<Reading, LedgerError> {
        let path = directory.path().join(name);
        let bytes = match directory.read(name, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Reading::Nothing),
            Err(error @ FileError::TooLarge { .. }) => {
                let why = EntryError::Damaged(error.to_string());
                return Err(LedgerError::Damaged { path, why });
            }
            Err(error) => return Err(error.into()),
        };
        match decode(&bytes, name) {
            Ok(entry) if self.is_ours(&entry) => Ok(Reading::Current(Box::new(entry))),
            Ok(entry) => Ok(Reading::Settled(Box::new(entry))),
            Err(why @ EntryError::Newer(_)) => Err(LedgerError::Newer { path, why }),
            Err(why @ EntryError::Damaged(_)) => Err(LedgerError::Damaged { path, why }),
        }
    }
}

fn decode(bytes: &[u8], name: &str) -> Result<Entry, EntryError> {
    let entry = Entry::decode(bytes)?;
    if file_name(&entry.service) == name {
        return Ok(entry);
    }
    Err(EntryError::Damaged(format!(
        "it speaks of `{}`",
        entry.service
    )))
}
