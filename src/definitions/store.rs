//! The records on disk: one small file a service, replaced as a whole. They outlive a boot, as the live
//! definitions do.

use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::error::DefinitionError;
use super::record::Record;
use crate::domain::ServiceName;
use crate::failpoint::{Point, reach};
use crate::files::{Directory, FileError, FileLock, Missing};

/// Largest record that is read, in bytes: three trees of the most files that a definition may have.
const LARGEST: u64 = 4 << 20;
const SUFFIX: &str = ".json";
/// Locked by whoever changes anything.
const LOCK: &str = "lock";

/// The records of one init's services.
#[derive(Debug)]
pub(super) struct Store {
    /// `None` where nothing was ever kept.
    directory: Option<Directory>,
}

/// The right to change definitions and their records.
#[must_use = "the right is given back when this is dropped"]
#[derive(Debug)]
pub(super) struct Lock {
    _file: FileLock,
}

impl Store {
    /// The records in `path`, which need not be there.
    ///
    /// # Errors
    /// When the directory is not to be trusted, or cannot be made where it should be.
    pub(super) fn open(path: &Path, missing: Missing) -> Result<Self, DefinitionError> {
        match Directory::open(path, missing) {
            Ok(directory) => Ok(Self {
                directory: Some(directory),
            }),
            Err(error) if error.is_missing() && missing == Missing::Fail => {
                Ok(Self { directory: None })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps others from changing anything.
    ///
    /// # Errors
    /// When another process does, or the lock cannot be made.
    pub(super) fn lock(&self) -> Result<Lock, DefinitionError> {
        let directory = self.directory()?;
        let file = directory.open_file(LOCK, OFlag::O_RDWR | OFlag::O_CREAT, 0o600)?;
        let path = directory.path().join(LOCK);
        let locked = FileLock::within(Duration::ZERO, file, &path)?;
        let file = locked.ok_or(DefinitionError::Busy)?;
        Ok(Lock { _file: file })
    }

    /// What is kept of `service`.
    ///
    /// # Errors
    /// When it cannot be read, or is not ours.
    pub(super) fn read(&self, service: &ServiceName) -> Result<Option<Record>, DefinitionError> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let name = file_name(service);
        let bytes = match directory.read(&name, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let record = Record::decode(&bytes).map_err(|source| DefinitionError::Record {
            path: directory.path().join(&name),
            source,
        })?;
        Ok(Some(record))
    }

    /// Keeps `record` of `service`, durably.
    ///
    /// # Errors
    /// When it cannot be written; what was kept before still is.
    pub(super) fn write(
        &self,
        service: &ServiceName,
        record: &Record,
    ) -> Result<(), DefinitionError> {
        let directory = self.directory()?;
        let name = file_name(service);
        let bytes = record.encode().map_err(|source| DefinitionError::Record {
            path: directory.path().join(&name),
            source,
        })?;
        reach(Point::Defining);
        directory.replace(&name, &bytes)?;
        reach(Point::Defining);
        Ok(())
    }

    /// Keeps nothing of `service` any more.
    ///
    /// # Errors
    /// When its record stays.
    pub(super) fn forget(&self, service: &ServiceName) -> Result<(), DefinitionError> {
        reach(Point::Defining);
        self.directory()?.remove(&file_name(service))?;
        Ok(())
    }

    /// All services of which something is kept.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(super) fn services(&self) -> Result<Vec<ServiceName>, DefinitionError> {
        let names = match &self.directory {
            Some(directory) => directory.names()?,
            None => Vec::new(),
        };
        let service = |name: &std::ffi::OsString| {
            let stem = name.to_str()?.strip_suffix(SUFFIX)?;
            ServiceName::of_file_stem(stem)
        };
        Ok(names.iter().filter_map(service).collect())
    }

    fn directory(&self) -> Result<&Directory, DefinitionError> {
        let missing = || {
            DefinitionError::File(FileError::System {
                doing: "open",
                path: "the records of service definitions".into(),
                source: Errno::ENOENT,
            })
        };
        self.directory.as_ref().ok_or_else(missing)
    }
}

fn file_name(service: &ServiceName) -> String {
    format!("{}{SUFFIX}", service.file_stem())
}
