//! Directories of a package that is no archive, read without following a link, without waiting for
//! anything and without writing: whoever made the tree may have put anything into it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::error::Reason;
use super::limits::Limits;

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);
const FILE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// What a name in a directory stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// Bytes.
        size: u64,
    },
    /// A symbolic link, and where it leads.
    Link(Vec<u8>),
    /// A directory.
    Directory,
    /// A device, a fifo, a socket.
    Other,
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// The one that the caller named; links to it are followed.
    pub(super) fn open(path: &Path) -> Result<Self, Reason> {
        let fd = nix::fcntl::open(path, DIRECTORY, Mode::empty());
        Ok(Self {
            fd: fd.map_err(|error| system("open", path, error))?,
            path: path.to_owned(),
        })
    }

    /// The directory `name` in it.
    pub(super) fn enter(&self, name: &OsStr) -> Result<Self, Reason> {
        let path = self.path.join(name);
        let flags = DIRECTORY | OFlag::O_NOFOLLOW;
        match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, path }),
            Err(error) => Err(self.refused("open", name, error)),
        }
    }

    /// What is at `name`; `None` where there is nothing.
    pub(super) fn find(&self, name: &OsStr) -> Result<Option<Node>, Reason> {
        let status = match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => status,
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(self.refused("examine", name, error)),
        };
        let node = match kind(&status) {
            SFlag::S_IFREG => Node::File {
                mode: status.st_mode & 0o7777,
                size: u64::try_from(status.st_size).unwrap_or(0),
            },
            SFlag::S_IFDIR => Node::Directory,
            SFlag::S_IFLNK => {
                let target = readlinkat(&self.fd, name);
                let target = target.map_err(|error| self.refused("read the link", name, error))?;
                Node::Link(target.into_vec())
            }
            _ => Node::Other,
        };
        Ok(Some(node))
    }

    /// The bytes of the file `name`; `None` where there is nothing.
    pub(super) fn read(&self, name: &OsStr, limits: &Limits) -> Result<Option<Vec<u8>>, Reason> {
        let fd = match openat(&self.fd, name, FILE, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(self.refused("open", name, error)),
        };
        let status = fstat(&fd).map_err(|error| self.refused("examine", name, error))?;
        if kind(&status) != SFlag::S_IFREG {
            return Err(Reason::hostile(&self.shown(name), "it is no plain file"));
        }
        let mut bytes = Vec::new();
        let most = limits.text.saturating_add(1);
        let read = File::from(fd).take(most).read_to_end(&mut bytes);
        read.map_err(|error| Reason::of_stream(&self.shown(name), error))?;
        if bytes.len() as u64 > limits.text {
            return Err(Reason::limit(
                &self.shown(name),
                "its size in bytes",
                limits.text,
            ));
        }
        Ok(Some(bytes))
    }

    /// The names in it, in the order of their bytes, of which there may be `most`.
    pub(super) fn names(&self, most: usize) -> Result<Vec<OsString>, Reason> {
        let unreadable = |error| system("read", &self.path, error);
        let again = openat(&self.fd, ".", DIRECTORY, Mode::empty());
        let mut stream = again.and_then(Dir::from_fd).map_err(unreadable)?;
        let mut names = Vec::new();
        for item in stream.iter() {
            let item = item.map_err(unreadable)?;
            let name = item.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if names.len() == most {
                let part = format!("`{}`", self.path.display());
                return Err(Reason::limit(&part, "the number of its files", most as u64));
            }
            names.push(OsString::from_vec(name.to_vec()));
        }
        names.sort();
        Ok(names)
    }

    /// How `name` in it is shown.
    pub(super) fn shown(&self, name: &OsStr) -> String {
        let path = self.path.join(name);
        let text = super::paths::text(path.as_os_str().as_bytes());
        format!("`{}`", text.escape_debug())
    }

    fn refused(&self, doing: &'static str, name: &OsStr, error: Errno) -> Reason {
        // With O_DIRECTORY the system says ENOTDIR of a link as well.
        let link = matches!(self.find_kind(name), Some(SFlag::S_IFLNK));
        if link && matches!(error, Errno::ELOOP | Errno::ENOTDIR) {
            let path = self.shown(name).trim_matches('`').to_owned();
            return Reason::Link { path };
        }
        system(doing, &self.path.join(name), error)
    }

    fn find_kind(&self, name: &OsStr) -> Option<SFlag> {
        let status = fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        status.ok().map(|status| kind(&status))
    }
}

fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT
}

fn system(doing: &'static str, path: &Path, error: Errno) -> Reason {
    let what = super::paths::text(path.as_os_str().as_bytes());
    Reason::System {
        doing,
        what: format!("`{}`", what.escape_debug()),
        source: io::Error::from(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::open(top.path()).unwrap();
        (top, folder)
    }

    #[test]
    fn no_link_is_followed_and_nothing_but_files_is_read() {
        let (top, folder) = folder();
        let victim = tempfile::tempdir().unwrap();
        fs::write(victim.path().join("secret"), "x").unwrap();
        symlink(victim.path().join("secret"), top.path().join("file")).unwrap();
        symlink(victim.path(), top.path().join("directory")).unwrap();
        nix::unistd::mkfifo(&top.path().join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
        let limits = Limits::default();
        let error = folder
            .read("file".as_ref(), &limits)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("is a symbolic link") && error.contains("put a copy"),
            "{error}"
        );
        let error = folder.enter("directory".as_ref()).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
        let error = folder
            .read("fifo".as_ref(), &limits)
            .unwrap_err()
            .to_string();
        assert!(error.contains("no plain file"), "{error}");
        assert_eq!(folder.read("missing".as_ref(), &limits).unwrap(), None);
        assert_eq!(folder.find("fifo".as_ref()).unwrap(), Some(Node::Other));
        assert_eq!(folder.find("missing".as_ref()).unwrap(), None);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let (top, folder) = folder();
        let limits = Limits {
            text: 3,
            ..Limits::default()
        };
        fs::write(top.path().join("a"), "abc").unwrap();
        fs::write(top.path().join("b"), "abcd").unwrap();
        assert_eq!(folder.read("a".as_ref(), &limits).unwrap().unwrap(), b"abc");
        let error = folder.read("b".as_ref(), &limits).unwrap_err().to_string();
        assert!(error.contains("over the limit of 3"), "{error}");
        assert_eq!(folder.names(2).unwrap(), ["a", "b"]);
        assert!(
            folder
                .names(1)
                .unwrap_err()
                .to_string()
                .contains("number of its files")
        );
    }
}
