//! The ledger on disk: one file a service under ROOT/ledger, changed under the lock ROOT/lock.
//! Reading takes no lock and makes nothing. It decides nothing: what another life of the init
//! left behind and what is damaged is handed to the caller.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::Mode;
use thiserror::Error;

use super::{Entry, EntryError, Notice, merge};
use crate::domain::{Life, ServiceName};
use crate::files::{Directory, FileError, Missing};

/// Where the ledger is on a real machine.
pub const DIRECTORY: &str = "/run/rcpolicy";

/// Largest file that is read, in bytes; an entry has a few hundred.
const LARGEST: u64 = 1 << 20;
/// Longest name, in bytes, that stands in a file name as it is; longer ones end in a digest.
const LONGEST: usize = 180;
/// How long somebody else may hold the lock.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// Between two attempts to lock.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

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
    root: PathBuf,
    life: Life,
    lock_limit: Duration,
}

impl Ledger {
    /// The ledger under `root` ([`DIRECTORY`] on a real machine). Touches nothing.
    pub fn open(root: &Path, life: Life) -> Self {
        Self {
            root: root.to_path_buf(),
            life,
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

    /// The life of the init that entries of ours belong to.
    pub fn life(&self) -> &Life {
        &self.life
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
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

    fn lock_file(&self, top: &Directory, name: &str) -> Result<Flock<File>, LedgerError> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT;
        let file = top
            .open_file(name, flags, 0o600)
            .map_err(LedgerError::writing)?;
        self.wait_for(file, self.root.join(name))
    }

    fn wait_for(&self, mut file: File, path: PathBuf) -> Result<Flock<File>, LedgerError> {
        let deadline = Instant::now() + self.lock_limit;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err((again, Errno::EWOULDBLOCK | Errno::EINTR)) if Instant::now() < deadline => {
                    file = again;
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => {
                    let seconds = self.lock_limit.as_secs();
                    return Err(LedgerError::Busy { path, seconds });
                }
                Err((_, source)) => {
                    let doing = "lock";
                    return Err(LedgerError::writing(FileError::System {
                        doing,
                        path,
                        source,
                    }));
                }
            }
        }
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

    fn reading(&self, directory: &Directory, name: &str) -> Result<Reading, LedgerError> {
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
            Ok(entry) if entry.life.is_same(&self.life) => Ok(Reading::Current(Box::new(entry))),
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

/// The right to pay what is owed.
#[must_use = "the right is given back when this is dropped"]
#[derive(Debug)]
pub struct Paying {
    _lock: Flock<File>,
}

/// The ledger while nobody else can change it.
#[must_use = "the lock is given back when this is dropped"]
#[derive(Debug)]
pub struct Locked<'a> {
    ledger: &'a Ledger,
    directory: Directory,
    notices: Vec<Notice>,
    // INVARIANT: held as long as this value lives; everything that writes takes `&mut self`.
    _lock: Flock<File>,
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

/// A file that is no entry.
pub(super) fn damaged_file(path: PathBuf, why: String) -> LedgerError {
    let why = EntryError::Damaged(why);
    LedgerError::Damaged { path, why }
}

/// Nanoseconds since the epoch: two files set aside in the same second keep their names apart.
fn nanoseconds() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos())
}

fn entry_names(directory: &Directory) -> Result<Vec<String>, LedgerError> {
    let names = directory.names()?.into_iter();
    Ok(names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".json") && !name.starts_with('.'))
        .collect())
}

/// The file of a service: its name, percent-encoded so that it stays one visible name in one
/// directory, and within the 255 bytes of a file name.
fn file_name(service: &ServiceName) -> String {
    let mut name = String::new();
    for byte in service.as_str().bytes() {
        let hidden = byte == b'.' && name.is_empty();
        if (byte.is_ascii_alphanumeric() || b"_-.@:+".contains(&byte)) && !hidden {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        name.push_str(&format!("%%{:016x}", digest(service.as_str())));
    }
    name + ".json"
}

/// FNV-1a: stable over versions, which the standard library's hasher is not. The entry names its
/// service, so that two names with one digest are found out, not mixed up.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_directory_hides_in_it_or_is_too_long_for_it() {
        for (service, file) in [
            ("foo", "foo.json"),
            ("foo@x-y", "foo@x-y.json"),
            (".foo", "%2Efoo.json"),
            ("a%2fb", "a%252fb.json"),
            ("a\\x2db", "a%5Cx2db.json"),
            ("dbus.socket", "dbus.socket.json"),
        ] {
            assert_eq!(file_name(&ServiceName::parse(service).unwrap()), file);
        }
        let (a, b) = (
            format!("{}a", "\\".repeat(240)),
            format!("{}b", "\\".repeat(240)),
        );
        let names = [a, b].map(|n| file_name(&ServiceName::parse(&n).unwrap()));
        assert_ne!(names[0], names[1]);
        assert!(names[0].len() < 210, "{}", names[0].len());
    }
}
