//! Undertakings on disk: one file a process under ROOT/begun, written before an init is contacted, away
//! once the end is known. It is locked as long as its process lives.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::{Ledger, LedgerError, Locked};
use crate::domain::order;
use crate::failpoint::{Point, reach};
use crate::files::{Directory, FileError, FileLock, Missing, errno_of, may_grow_to};
use crate::ledger::{Entry, Undertaking};

/// Where undertakings are, beside the entries.
const DIRECTORY: &str = "begun";
/// Largest file that is read, in bytes; one has a few hundred.
const LARGEST: u64 = 1 << 20;
/// For so long at least, a file that is not in place yet may be its process's that is about to lock it.
const YOUNG: Duration = Duration::from_secs(60);

/// The note about what this process has set out to do. Dropped without [`Undertaken::end`] it stays,
/// as it does when the process is killed.
#[must_use = "the note stays until it is ended"]
#[derive(Debug)]
pub struct Undertaken {
    directory: Directory,
    name: String,
    // INVARIANT: nobody takes the note for a dead process's as long as this is held.
    _lock: FileLock,
}

impl Undertaken {
    /// Its end is known and was told: takes the note away.
    ///
    /// # Errors
    /// When the file stays.
    pub fn end(self) -> Result<(), LedgerError> {
        let removed = self.directory.remove(&self.name);
        removed.map(drop).map_err(LedgerError::writing)
    }

    /// Whether there are others' notes beside this one: of processes that are at work, or dead.
    pub fn has_neighbours(&self) -> bool {
        let names = self.directory.names().unwrap_or_default();
        names.iter().any(|name| *name != *self.name)
    }
}

impl Ledger {
    /// Notes down what this process is about to do. One file, no lock that others wait for.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn undertake(&self, undertaking: &Undertaking) -> Result<Undertaken, LedgerError> {
        let directory = self.begun(Missing::Create)?;
        let name = format!("{}-{}.json", undertaking.who.pid, undertaking.at);
        let path = directory.path().join(&name);
        let bytes = serde_json::to_vec(undertaking)
            .map_err(|error| LedgerError::damaged(path.clone(), error.to_string()))?;
        let system = |doing, source| {
            let path = path.clone();
            LedgerError::writing(FileError::System {
                doing,
                path,
                source,
            })
        };
        may_grow_to(bytes.len() as u64).map_err(|errno| system("write", errno))?;
        // Hidden until it is whole and locked.
        let hidden = format!(".{name}");
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let file = directory
            .open_file(&hidden, flags, 0o600)
            .map_err(LedgerError::writing)?;
        let locked = FileLock::within(Duration::ZERO, file, &path).map_err(LedgerError::writing)?;
        // Nobody else opens it for more than a look.
        let lock = locked.ok_or_else(|| system("lock", Errno::EWOULDBLOCK))?;
        let written = lock.file().write_all(&bytes);
        let placed = written
            .map_err(|error| system("write", errno_of(&error)))
            .and_then(|()| {
                directory
                    .rename(&hidden, &name)
                    .map_err(LedgerError::writing)
            });
        if let Err(error) = placed {
            // What counts is the first error; nobody reads a hidden file.
            let _ = directory.remove(&hidden);
            return Err(error);
        }
        Ok(Undertaken {
            directory,
            name,
            _lock: lock,
        })
    }

    /// What processes that live no more have left behind, in the order in which they set out. What
    /// cannot be read is passed over: [`Locked::adopt`] removes it.
    ///
    /// # Errors
    /// When the directory cannot be read; a missing one holds nothing.
    pub fn abandoned(&self) -> Result<Vec<Undertaking>, LedgerError> {
        let mut found: Vec<Undertaking> = self
            .left_behind()?
            .into_iter()
            .filter_map(|left| left.undertaking)
            .collect();
        order::sort_by_key(&mut found, |undertaking| undertaking.at);
        Ok(found)
    }

    fn begun(&self, missing: Missing) -> Result<Directory, LedgerError> {
        let top = Directory::open(self.root(), missing).map_err(LedgerError::writing)?;
        top.enter(DIRECTORY, missing).map_err(LedgerError::writing)
    }

    fn left_behind(&self) -> Result<Vec<Left>, LedgerError> {
        let directory = match self.begun(Missing::Fail) {
            Ok(directory) => directory,
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for name in directory.names()? {
            let Some(name) = name.to_str() else { continue };
            found.extend(self.one_left_behind(&directory, name));
        }
        Ok(found)
    }

    /// `None` where its process is still at it, or has just ended.
    fn one_left_behind(&self, directory: &Directory, name: &str) -> Option<Left> {
        let file = directory.open_file(name, OFlag::O_RDONLY, 0).ok()?;
        if name.starts_with('.') && is_young(&file) {
            return None;
        }
        // Until it is read nobody else takes it either.
        let is_over = FileLock::is_held(&file) == Ok(false);
        if !is_over {
            return None;
        }
        // A hidden one was never put in place: nothing had been begun.
        let bytes = directory.read(name, LARGEST).ok()?;
        let whole = (!name.starts_with('.')).then(|| Undertaking::decode(&bytes).ok());
        let ours = |undertaking: &Undertaking| {
            undertaking.life.is_same(self.life()) && self.is_since(undertaking.at)
        };
        Some(Left {
            name: name.to_owned(),
            undertaking: whole.flatten().filter(ours),
        })
    }
}

fn is_young(file: &File) -> bool {
    let modified = file.metadata().and_then(|data| data.modified());
    // A time that is still to come, after the clock was set, tells nothing.
    modified.is_ok_and(|modified| modified.elapsed().map_or(true, |age| age < YOUNG))
}

/// A file whose process is gone.
struct Left {
    name: String,
    /// What it says, where that is still of interest.
    undertaking: Option<Undertaking>,
}

impl Locked<'_> {
    /// Makes entries of what dead processes have left behind, and returns them as they were merged
    /// with what was noted already.
    ///
    /// # Errors
    /// When something could not be read or written; what was left behind then stays.
    pub fn adopt(&mut self) -> Result<Vec<Entry>, LedgerError> {
        let mut left = self.ledger().left_behind()?;
        if left.is_empty() {
            return Ok(Vec::new());
        }
        order::sort_by_key(&mut left, |one| {
            one.undertaking.as_ref().map(|undertaking| undertaking.at)
        });
        let directory = self.ledger().begun(Missing::Fail)?;
        let mut adopted = Vec::new();
        for one in left {
            for mut entry in one.undertaking.iter().flat_map(Undertaking::entries) {
                entry.life = self.ledger().life().clone();
                // Killed between these two, we adopt it again: merging is idempotent.
                adopted.push(self.merge(entry)?);
            }
            reach(Point::Adopting);
            directory.remove(&one.name).map_err(LedgerError::writing)?;
        }
        Ok(adopted)
    }
}
