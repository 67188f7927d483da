//! Directories and files that nobody but root (or whoever runs us) may have put there: opened
//! without following links, checked by owner and mode after opening, replaced as a whole.
//! It knows neither formats nor policies; the ledger, the log and the bypass flag write through it.

mod lock;
mod program;
mod tree;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, geteuid, unlinkat};
use thiserror::Error;

use crate::failpoint::{Point, reach};

pub use self::lock::FileLock;
pub use self::program::Placed;
pub use self::tree::{Found, NodeKind, Rights};

/// Why a directory or file was not used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot {doing} `{}`: {}", path.display(), source.desc())]
    System {
        /// What was tried, a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: Errno,
    },
    /// It is there, and not to be trusted.
    #[error("refusing `{}`: {why}", path.display())]
    Untrusted {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Larger than anything we write.
    #[error("refusing `{}`: larger than {limit} bytes", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

impl FileError {
    /// The system's error number, where it was the system that refused.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::System { source, .. } => Some(*source),
            Self::Untrusted { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// Whether the file or a directory above it is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self.errno(), Some(Errno::ENOENT | Errno::ENOTDIR))
    }
}

/// What happens where a directory is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made, mode 0755.
    Create,
    /// It is an error.
    Fail,
}

/// What an entry of a directory has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    Plain,
    /// A named pipe.
    Fifo,
}

/// A directory that was opened without following a link and whose owner was checked.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

impl Directory {
    /// Opens `path`. Links above its last component are followed: those directories are the system's.
    ///
    /// # Errors
    /// When it cannot be opened or made, is a link, or others may write to it.
    pub fn open(path: &Path, missing: Missing) -> Result<Self, FileError> {
        match Self::checked(open(path, DIRECTORY, Mode::empty()), path) {
            Err(error) if error.is_missing() && missing == Missing::Create => {
                make_parents(path)?;
                let made = nix::unistd::mkdir(path, Mode::from_bits_truncate(0o755));
                let opened = open(path, DIRECTORY, Mode::empty());
                Self::made(made, opened, path.to_path_buf())
            }
            other => other,
        }
    }

    /// Opens the directory `name` in this one.
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub fn enter(&self, name: &str, missing: Missing) -> Result<Self, FileError> {
        let path = self.path.join(name);
        let attempt = openat(&self.fd, name, DIRECTORY, Mode::empty());
        match Self::checked(attempt, &path) {
            Err(error) if error.is_missing() && missing == Missing::Create => {
                let made = mkdirat(&self.fd, name, Mode::from_bits_truncate(0o755));
                let opened = openat(&self.fd, name, DIRECTORY, Mode::empty());
                Self::made(made, opened, path)
            }
            other => other,
        }
    }

    fn made(
        made: nix::Result<()>,
        opened: nix::Result<OwnedFd>,
        path: PathBuf,
    ) -> Result<Self, FileError> {
        match made {
            // Somebody else may have been quicker; what is there is checked all the same.
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(source) => return Err(system("create", &path)(source)),
        }
        let directory = Self::checked(opened, &path)?;
        if made.is_ok() {
            // A maintainer script's umask is anything.
            fchmod(&directory.fd, Mode::from_bits_truncate(0o755))
                .map_err(system("set the mode of", &path))?;
        }
        Ok(directory)
    }

    fn checked(opened: nix::Result<OwnedFd>, path: &Path) -> Result<Self, FileError> {
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::ELOOP) => return Err(untrusted(path, "it is a symbolic link")),
            // O_NOFOLLOW with O_DIRECTORY says ENOTDIR for a link as well as for a plain file.
            Err(Errno::ENOTDIR) if path.symlink_metadata().is_ok() => {
                return Err(untrusted(path, "it is not a directory"));
            }
            Err(source) => return Err(system("open", path)(source)),
        };
        let status = fstat(&fd).map_err(system("examine", path))?;
        check_owner(&status, path)?;
        Ok(Self {
            fd,
            path: path.to_path_buf(),
        })
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the plain file `name` with `flags`; links are never followed, nothing is waited for.
    ///
    /// # Errors
    /// When it cannot be opened, is no plain file, or others may write to it.
    pub fn open_file(&self, name: &str, flags: OFlag, mode: u32) -> Result<File, FileError> {
        let (file, status, path) = self.opened(name, flags, mode)?;
        check_kind(&status, Kind::Plain, &path)?;
        check_owner(&status, &path)?;
        Ok(file)
    }

    /// Opens the entry `name` with `flags`, whoever owns it: it was put here by who may write to this
    /// directory. Links are never followed and nothing is waited for: to write to a pipe that nobody
    /// reads is ENXIO.
    ///
    /// # Errors
    /// When it cannot be opened or is something else.
    pub fn open_entry(&self, name: &str, flags: OFlag, kind: Kind) -> Result<File, FileError> {
        let (file, status, path) = self.opened(name, flags, 0)?;
        check_kind(&status, kind, &path)?;
        Ok(file)
    }

    fn opened(
        &self,
        name: &str,
        flags: OFlag,
        mode: u32,
    ) -> Result<(File, FileStat, PathBuf), FileError> {
        let path = self.path.join(name);
        let all = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let fd = match openat(&self.fd, name, all, Mode::from_bits_truncate(mode)) {
            Ok(fd) => fd,
            Err(Errno::ELOOP) => return Err(untrusted(&path, "it is a symbolic link")),
            Err(source) => return Err(system("open", &path)(source)),
        };
        let status = fstat(&fd).map_err(system("examine", &path))?;
        Ok((File::from(fd), status, path))
    }

    /// Reads the plain file `name`, at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Directory::open_file`], and when it is larger.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let path = self.path.join(name);
        let file = self.open_file(name, OFlag::O_RDONLY, 0)?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| system("read", &path)(errno_of(&error)))?;
        if bytes.len() as u64 > limit {
            return Err(FileError::TooLarge { path, limit });
        }
        Ok(bytes)
    }

    /// Puts `bytes` in place of `name` as a whole, mode 0644: a reader sees the old or the new,
    /// and after this returns the new survives a crash. The caller keeps other writers out.
    ///
    /// # Errors
    /// When the system refuses; `name` is then as it was.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let temporary = format!(".{name}.tmp");
        let result = self.write_new(&temporary, bytes).and_then(|()| {
            reach(Point::Replacing);
            self.rename(&temporary, name)
        });
        if result.is_err() {
            // What matters is the first error; a stale temporary file is removed by the next writer.
            let _ = unlinkat(&self.fd, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        result
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.path.join(name);
        may_grow_to(bytes.len() as u64).map_err(system("write", &path))?;
        // What a killed writer left behind.
        self.remove(name)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let mut file = self.open_file(name, flags, 0o644)?;
        fchmod(&file, Mode::from_bits_truncate(0o644)).map_err(system("set the mode of", &path))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| system("write", &path)(errno_of(&error)))
    }

    /// Renames `from` to `to` within this directory, durably.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        renameat(&self.fd, from, &self.fd, to)
            .map_err(system("put in place", &self.path.join(to)))?;
        self.sync()
    }

    /// Removes `name`, durably; tells whether it was there.
    ///
    /// # Errors
    /// When it is there and stays.
    pub fn remove(&self, name: &str) -> Result<bool, FileError> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => self.sync().map(|()| true),
            Err(Errno::ENOENT) => Ok(false),
            Err(source) => Err(system("remove", &self.path.join(name))(source)),
        }
    }

    fn sync(&self) -> Result<(), FileError> {
        fsync(&self.fd).map_err(system("synchronise", &self.path))
    }

    /// The names in it, in byte order, without `.` and `..`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> Result<Vec<OsString>, FileError> {
        let again = openat(&self.fd, ".", DIRECTORY, Mode::empty());
        let mut stream = again
            .and_then(Dir::from_fd)
            .map_err(system("read", &self.path))?;
        let mut names = Vec::new();
        for item in stream.iter() {
            let item = item.map_err(system("read", &self.path))?;
            let name = item.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        names.sort();
        Ok(names)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether our file size limit lets a file have `end` bytes. One byte more would be a signal that
/// kills us, in the middle of an upgrade.
///
/// # Errors
/// EFBIG where it does not.
pub fn may_grow_to(end: u64) -> nix::Result<()> {
    match getrlimit(Resource::RLIMIT_FSIZE) {
        Ok((limit, _)) if end > limit => Err(Errno::EFBIG),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The error number behind an `io::Error`; EIO where there is none.
pub fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn make_parents(path: &Path) -> Result<(), FileError> {
    match path.parent() {
        Some(parent) if !parent.exists() => std::fs::create_dir_all(parent)
            .map_err(|error| system("create", parent)(errno_of(&error))),
        _ => Ok(()),
    }
}

fn check_kind(status: &FileStat, kind: Kind, path: &Path) -> Result<(), FileError> {
    let found = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
    match kind {
        Kind::Plain if found != SFlag::S_IFREG => Err(untrusted(path, "it is not a plain file")),
        Kind::Fifo if found != SFlag::S_IFIFO => Err(untrusted(path, "it is not a pipe")),
        Kind::Plain | Kind::Fifo => Ok(()),
    }
}

/// Root's or our own, and nobody else may write to it.
fn check_owner(status: &FileStat, path: &Path) -> Result<(), FileError> {
    if status.st_uid != 0 && status.st_uid != geteuid().as_raw() {
        let why = format!("it belongs to user {}", status.st_uid);
        return Err(untrusted(path, &why));
    }
    if status.st_mode & 0o022 != 0 {
        return Err(untrusted(path, "others than its owner may write to it"));
    }
    Ok(())
}

fn untrusted(path: &Path, why: &str) -> FileError {
    FileError::Untrusted {
        path: path.to_path_buf(),
        why: why.to_owned(),
    }
}

fn system<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(Errno) -> FileError + 'a {
    move |source| FileError::System {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_missing_directory_is_made_0755_whatever_the_umask_is() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("a/b");
        assert!(
            Directory::open(&path, Missing::Fail)
                .unwrap_err()
                .is_missing()
        );
        let old = nix::sys::stat::umask(Mode::from_bits_truncate(0o077));
        let made = Directory::open(&path, Missing::Create);
        nix::sys::stat::umask(old);
        made.unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn a_link_in_place_of_the_directory_or_the_file_is_refused() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir(top.path().join("real")).unwrap();
        std::fs::write(top.path().join("file"), "x").unwrap();
        symlink(top.path().join("real"), top.path().join("dir")).unwrap();
        symlink(top.path().join("file"), top.path().join("real/link")).unwrap();
        let error = Directory::open(&top.path().join("dir"), Missing::Create).unwrap_err();
        assert!(matches!(error, FileError::Untrusted { .. }), "{error}");
        let real = Directory::open(&top.path().join("real"), Missing::Fail).unwrap();
        let error = real.read("link", 10).unwrap_err();
        assert!(matches!(error, FileError::Untrusted { .. }), "{error}");
    }

    #[test]
    fn a_file_that_others_may_write_to_and_a_fifo_are_refused() {
        let top = tempfile::tempdir().unwrap();
        let dir = Directory::open(top.path(), Missing::Fail).unwrap();
        std::fs::write(top.path().join("file"), "x").unwrap();
        let mode = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(top.path().join("file"), mode).unwrap();
        assert!(
            dir.read("file", 10)
                .unwrap_err()
                .to_string()
                .contains("others")
        );
        nix::unistd::mkfifo(&top.path().join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
        assert!(
            dir.read("fifo", 10)
                .unwrap_err()
                .to_string()
                .contains("not a plain")
        );
    }

    #[test]
    fn a_file_above_the_limit_is_refused_and_one_at_the_limit_is_read() {
        let top = tempfile::tempdir().unwrap();
        let dir = Directory::open(top.path(), Missing::Fail).unwrap();
        dir.replace("file", b"12345").unwrap();
        assert_eq!(dir.read("file", 5).unwrap(), b"12345");
        assert!(matches!(
            dir.read("file", 4),
            Err(FileError::TooLarge { limit: 4, .. })
        ));
    }

    #[test]
    fn a_stale_temporary_file_does_not_stop_the_next_writer() {
        let top = tempfile::tempdir().unwrap();
        let dir = Directory::open(top.path(), Missing::Fail).unwrap();
        std::fs::write(top.path().join(".file.tmp"), "half a li").unwrap();
        dir.replace("file", b"whole").unwrap();
        assert_eq!(dir.names().unwrap(), ["file"]);
        assert_eq!(dir.read("file", 100).unwrap(), b"whole");
    }
}
