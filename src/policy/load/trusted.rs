//! Reads a file only when nobody but its owner could have written it, and never waits for it.
//! Links are followed by hand, so that every directory on the way is looked at.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;
use thiserror::Error;

/// Largest policy file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Most links on the way to one file. As the kernel's.
const MOST_LINKS: usize = 40;
/// The file that stands for nothing.
const NULL: &str = "/dev/null";
/// Permission bits that let somebody else than the owner write.
const WRITABLE: u32 = 0o022;

/// Why a file is not read.
#[derive(Debug, Error)]
pub(super) enum Refused {
    /// The system says so.
    #[error("cannot {doing} `{path}`: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("`{path}` belongs to user {uid}, not to root")]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Others can write it.
    #[error("`{path}` is writable by others (mode {mode:04o})")]
    Writable {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is not what it should be.
    #[error("`{path}` is not a {expected}")]
    Kind {
        /// The file or directory.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// It is too large to be a policy.
    #[error("`{path}` is too large ({size} bytes, at most {LARGEST})")]
    Large {
        /// The file.
        path: PathBuf,
        /// Its size, in bytes.
        size: u64,
    },
    /// Links that lead in a circle.
    #[error("too many links on the way to `{0}`")]
    Circle(PathBuf),
}

impl Refused {
    /// `doing` something to `path` failed.
    pub(super) fn cannot(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether nothing is there.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Who is trusted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust<'a> {
    /// A user id that is trusted like root's.
    pub(super) owner: u32,
    /// This directory and those above it are not looked at: with them the whole machine is lost.
    pub(super) base: &'a Path,
}

impl Trust<'_> {
    /// Refuses what somebody else could write.
    fn check(&self, path: &Path, metadata: &Metadata) -> Result<(), Refused> {
        let uid = metadata.uid();
        if uid != 0 && uid != self.owner {
            return Err(Refused::Owner {
                path: path.to_owned(),
                uid,
            });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & WRITABLE != 0 {
            return Err(Refused::Writable {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(())
    }

    fn check_directory(&self, path: &Path, metadata: &Metadata) -> Result<(), Refused> {
        if !metadata.is_dir() {
            return Err(Refused::Kind {
                path: path.to_owned(),
                expected: "directory",
            });
        }
        if self.base.starts_with(path) {
            return Ok(());
        }
        self.check(path, metadata)
    }
}

/// What stands at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// A link to /dev/null.
    Nothing,
    /// A file with these bytes.
    Bytes(Vec<u8>),
}

/// The trusted directory behind `path`; `None` where nothing stands there.
pub(super) fn directory(path: &Path, trust: &Trust<'_>) -> Result<Option<PathBuf>, Refused> {
    let found = match resolve(path, trust) {
        Ok(found) => found,
        Err(error) if error.is_missing() && !dangles(path) => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = lstat(&found)?;
    trust.check_directory(&found, &metadata)?;
    Ok(Some(found))
}

/// Whether a link is there, or above, that leads nowhere.
fn dangles(path: &Path) -> bool {
    path.ancestors().any(|p| p.is_symlink() && !p.exists())
}

/// Reads the file at `path`, which lies in a trusted directory.
pub(super) fn read(path: &Path, trust: &Trust<'_>) -> Result<Found, Refused> {
    if !lstat(path)?.is_symlink() {
        return read_regular(path, trust, LARGEST).map(Found::Bytes);
    }
    let target = resolve(path, trust)?;
    if target == Path::new(NULL) {
        return Ok(Found::Nothing);
    }
    read_regular(&target, trust, LARGEST).map(Found::Bytes)
}

/// Reads a file that is not a link, at most `most` bytes.
pub(super) fn read_regular(path: &Path, trust: &Trust<'_>, most: u64) -> Result<Vec<u8>, Refused> {
    let (file, size) = open_regular(path, trust)?;
    contents(path, file, size, most)
}

/// Opens a file that is not a link, to read it; its size goes with it, in bytes. What is said of it is said of the
/// file that was opened.
pub(super) fn open_regular(path: &Path, trust: &Trust<'_>) -> Result<(File, u64), Refused> {
    // opening a device can have effects of its own
    regular(path, &lstat(path)?)?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|e| Refused::cannot("open", path, e))?;
    let metadata = file
        .metadata()
        .map_err(|e| Refused::cannot("look at", path, e))?;
    regular(path, &metadata)?;
    trust.check(path, &metadata)?;
    Ok((file, metadata.len()))
}

fn contents(path: &Path, file: File, size: u64, most: u64) -> Result<Vec<u8>, Refused> {
    let large = |size| Refused::Large {
        path: path.to_owned(),
        size,
    };
    if size > most {
        return Err(large(size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // it may grow while it is read
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Refused::cannot("read", path, e))?;
    match u64::try_from(bytes.len()) {
        Ok(read) if read <= most => Ok(bytes),
        _ => Err(large(most + 1)),
    }
}

fn regular(path: &Path, metadata: &Metadata) -> Result<(), Refused> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Refused::Kind {
        path: path.to_owned(),
        expected: "regular file",
    })
}

fn lstat(path: &Path) -> Result<Metadata, Refused> {
    std::fs::symlink_metadata(path).map_err(|e| Refused::cannot("look at", path, e))
}

/// Follows all links on the way to `path`. Every directory that is passed must be trusted.
fn resolve(path: &Path, trust: &Trust<'_>) -> Result<PathBuf, Refused> {
    let absolute = std::path::absolute(path).map_err(|e| Refused::cannot("find", path, e))?;
    let mut at = PathBuf::from("/");
    let mut pending = parts(&absolute);
    let mut links = 0;
    while let Some(part) = pending.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        if next == Path::new(NULL) && pending.is_empty() {
            return Ok(next);
        }
        let metadata = lstat(&next)?;
        if metadata.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(Refused::Circle(path.to_owned()));
            }
            let target = next
                .read_link()
                .map_err(|e| Refused::cannot("follow", &next, e))?;
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            pending.extend(parts(&target));
            continue;
        }
        if !pending.is_empty() {
            trust.check_directory(&next, &metadata)?;
        }
        at = next;
    }
    Ok(at)
}

/// The names in `path`, last first; `/` and `.` are none.
fn parts(path: &Path) -> Vec<OsString> {
    let mut parts: Vec<OsString> = path
        .components()
        .filter(|c| matches!(c, Component::Normal(_) | Component::ParentDir))
        .map(|c| c.as_os_str().to_owned())
        .collect();
    parts.reverse();
    parts
}
