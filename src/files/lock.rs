//! A file as a lock between processes. It is given back when its value is dropped, or its process ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{FileError, system};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// A file that no other process has as its lock.
#[must_use = "the lock is given back when this is dropped"]
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Waits until `file`, which `path` names, is ours.
    ///
    /// # Errors
    /// When the system does not lock it.
    pub fn wait(file: File, path: &Path) -> Result<Self, FileError> {
        loop {
            match file.lock() {
                Ok(()) => return Ok(Self { file }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(system("lock", path)(errno(&error))),
            }
        }
    }

    /// The same for `limit` at most: zero is one attempt. `None` where another process still has it.
    ///
    /// # Errors
    /// When the system does not lock it.
    pub fn within(limit: Duration, file: File, path: &Path) -> Result<Option<Self>, FileError> {
        let began = Instant::now();
        loop {
            match tried(|| file.try_lock()) {
                Ok(()) => return Ok(Some(Self { file })),
                Err(TryLockError::WouldBlock) if began.elapsed() < limit => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(system("lock", path)(errno(&error))),
            }
        }
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether another process has `file` as its lock. As long as `file` is open nobody can take it where not.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_held(file: &File) -> Result<bool, Errno> {
        match tried(|| file.try_lock_shared()) {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(errno(&error)),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing it does the same, later, where a child has it for a moment.
        let _ = self.file.unlock();
    }
}

fn tried(attempt: impl Fn() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    loop {
        match attempt() {
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_it_and_it_is_free_again_once_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let open = || {
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .unwrap()
        };
        let attempt = || FileLock::within(Duration::ZERO, open(), &path).unwrap();
        assert_eq!(FileLock::is_held(&open()), Ok(false));
        let held = FileLock::wait(open(), &path).unwrap();
        assert_eq!(FileLock::is_held(&open()), Ok(true));
        assert!(attempt().is_none());
        // A copy, as a child has one, keeps nobody out.
        let copy = held.file().try_clone().unwrap();
        drop(held);
        assert_eq!(FileLock::is_held(&open()), Ok(false));
        assert!(attempt().is_some());
        drop(copy);
    }
}
