//! Writing the ledger, under its lock, which alone gives the right to it. It decides nothing.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;

use crate::domain::ServiceName;
use crate::files::{Directory, FileLock, Missing};
use crate::ledger::{Entry, EntryError, Notice, merge};

use super::error::LedgerError;
use super::name::{entry_names, file_name};
use super::read::{Ledger, Reading};

impl Ledger {
    /// Takes the lock, which alone gives the right to write; makes the directories.
    ///
    /// # Errors
    /// When the directories cannot be made or trusted, or somebody else holds the lock for too long.
    pub fn lock(&self) -> Result<Locked<'_>, LedgerError> {
        let top = Directory::open(&self.root, Missing::Create).map_err(LedgerError::writing)?;
        let directory = top
            .enter("ledger", Missing::Create)
            .map_err(LedgerError::writing)?;
        let lock = self.lock_file(&top, "lock")?;
        Ok(Locked {
            ledger: self,
            directory,
            notices: Vec::new(),
            _lock: lock,
        })
    }

    /// Keeps others from paying what is owed at the same time, until the result is dropped. Notes
    /// can be written meanwhile.
    ///
    /// # Errors
    /// When somebody else pays, or the directory cannot be made or trusted.
    pub fn begin_paying(&self) -> Result<Paying, LedgerError> {
        let top = Directory::open(&self.root, Missing::Create).map_err(LedgerError::writing)?;
        let lock = self.lock_file(&top, "paying")?;
        Ok(Paying { _lock: lock })
    }

    pub(super) fn lock_file(&self, top: &Directory, name: &str) -> Result<FileLock, LedgerError> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT;
        let file = top
            .open_file(name, flags, 0o600)
            .map_err(LedgerError::writing)?;
        let path = self.root.join(name);
        let locked =
            FileLock::within(self.lock_limit, file, &path).map_err(LedgerError::writing)?;
        let seconds = self.lock_limit.as_secs();
        locked.ok_or(LedgerError::Busy { path, seconds })
    }
}

/// The right to pay what is owed.
#[must_use = "the right is given back when this is dropped"]
#[derive(Debug)]
pub struct Paying {
    _lock: FileLock,
}

/// The ledger while nobody else can change it.
#[must_use = "the lock is given back when this is dropped"]
#[derive(Debug)]
pub struct Locked<'a> {
    ledger: &'a Ledger,
    directory: Directory,
    notices: Vec<Notice>,
    // INVARIANT: held as long as this value lives; everything that writes takes `&mut self`.
    _lock: FileLock,
}

impl Locked<'_> {
    pub(super) fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// What is noted about `service` now. What is damaged is set aside; what another life left
    /// behind is nothing, and a notice.
    ///
    /// # Errors
    /// When the entry is of a later version, or not to be trusted, or cannot be moved.
    pub fn current(&mut self, service: &ServiceName) -> Result<Option<Entry>, LedgerError> {
        let name = file_name(service);
        match self.ledger.reading(&self.directory, &name) {
            Ok(Reading::Nothing) => Ok(None),
            Ok(Reading::Current(entry)) => Ok(Some(*entry)),
            Ok(Reading::Settled(entry)) => {
                self.notices.push(Notice::Settled(entry));
                Ok(None)
            }
            Err(LedgerError::Damaged { path, why }) => {
                self.set_aside(path, &name, why)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts `entry` in place of what is noted about its service.
    ///
    /// # Errors
    /// As [`Locked::current`], and when it could not be written; what was noted then stays.
    pub fn put(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let _replaced = self.current(&entry.service)?;
        self.write(entry)
    }

    /// Adds `entry` to what is noted about its service, and returns what is noted then.
    ///
    /// # Errors
    /// As [`Locked::put`].
    pub fn merge(&mut self, entry: Entry) -> Result<Entry, LedgerError> {
        let merged = match self.current(&entry.service)? {
            Some(earlier) => merge(earlier, entry),
            None => entry,
        };
        self.write(&merged)?;
        Ok(merged)
    }

    /// Strikes what is noted about `service`, and returns it.
    ///
    /// # Errors
    /// As [`Locked::current`], and when the file stays.
    pub fn strike(&mut self, service: &ServiceName) -> Result<Option<Entry>, LedgerError> {
        let struck = self.current(service)?;
        self.directory
            .remove(&file_name(service))
            .map_err(LedgerError::writing)?;
        Ok(struck)
    }

    /// Puts `rest` in place of `paid`, or strikes it where nothing is left, unless somebody has noted
    /// more since `paid` was read: then all stays. Returns whether it was done.
    ///
    /// # Errors
    /// As [`Locked::put`] and [`Locked::strike`].
    pub fn pay(&mut self, paid: &Entry, rest: Option<&Entry>) -> Result<bool, LedgerError> {
        if self.current(&paid.service)?.as_ref() != Some(paid) {
            return Ok(false);
        }
        match rest {
            Some(rest) => self.write(rest)?,
            None => drop(self.strike(&paid.service)?),
        }
        Ok(true)
    }

    /// Drops all that another life of the init left behind and sets aside all that is damaged;
    /// returns the former, so that what it put in place can be taken away.
    ///
    /// # Errors
    /// When the directory cannot be read or a file stays.
    pub fn settle(&mut self) -> Result<Vec<Entry>, LedgerError> {
        let mut settled = Vec::new();
        for name in entry_names(&self.directory)? {
            match self.ledger.reading(&self.directory, &name) {
                Ok(Reading::Settled(entry)) => {
                    self.directory.remove(&name).map_err(LedgerError::writing)?;
                    settled.push(*entry);
                }
                Err(LedgerError::Damaged { path, why }) => self.set_aside(path, &name, why)?,
                Ok(Reading::Nothing | Reading::Current(_)) | Err(_) => {}
            }
        }
        Ok(settled)
    }

    /// What was come across so far.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    fn write(&self, entry: &Entry) -> Result<(), LedgerError> {
        let name = file_name(&entry.service);
        let text = entry.encode().map_err(|why| LedgerError::Damaged {
            path: self.directory.path().join(&name),
            why,
        })?;
        self.directory
            .replace(&name, text.as_bytes())
            .map_err(LedgerError::writing)
    }

    fn set_aside(&mut self, from: PathBuf, name: &str, why: EntryError) -> Result<(), LedgerError> {
        let to = format!("{name}.damaged-{}", nanoseconds());
        self.directory
            .rename(name, &to)
            .map_err(LedgerError::writing)?;
        self.notices.push(Notice::SetAside { from, to, why });
        Ok(())
    }
}

/// Nanoseconds since the epoch: two files set aside in the same second keep their names apart.
fn nanoseconds() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}
