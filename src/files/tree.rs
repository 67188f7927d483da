//! What a tree of files needs beside plain ones: links, modes and owners, moves from one directory into
//! another. No link is followed, and a directory that others may write to is not entered.

use std::io::Write;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, symlinkat, unlinkat};

use super::{DIRECTORY, Directory, FileError, Missing, errno_of, may_grow_to, system, untrusted};

/// What a name in a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A plain file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A fifo, a socket, a device.
    Other,
}

/// Whose a file is, and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// The permission bits, set-user-id and the like included.
    pub mode: u32,
    /// The owner's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
}

/// What the system tells of a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: NodeKind,
    /// Whose.
    pub rights: Rights,
    /// The file system that it lies on.
    pub device: u64,
}

impl Found {
    fn of(status: &FileStat) -> Self {
        let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
        let kind = match kind {
            SFlag::S_IFREG => NodeKind::File,
            SFlag::S_IFDIR => NodeKind::Directory,
            SFlag::S_IFLNK => NodeKind::Link,
            _ => NodeKind::Other,
        };
        Self {
            kind,
            rights: Rights {
                mode: status.st_mode & 0o7777,
                user: status.st_uid,
                group: status.st_gid,
            },
            device: status.st_dev,
        }
    }
}

impl Directory {
    /// What `name` is; `None` where there is nothing.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn find(&self, name: &str) -> Result<Option<Found>, FileError> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(Found::of(&status))),
            Err(Errno::ENOENT) => Ok(None),
            Err(source) => Err(system("examine", &self.path.join(name))(source)),
        }
    }

    /// What the directory itself is.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn itself(&self) -> Result<Found, FileError> {
        let status = fstat(&self.fd).map_err(system("examine", &self.path))?;
        Ok(Found::of(&status))
    }

    /// What tells it from every other directory: its file system and its number there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn identity(&self) -> Result<(u64, u64), FileError> {
        let status = fstat(&self.fd).map_err(system("examine", &self.path))?;
        Ok((status.st_dev, status.st_ino))
    }

    /// Where the link `name` leads, as it stands there.
    ///
    /// # Errors
    /// When it is no link, or its text is not UTF-8.
    pub fn link_target(&self, name: &str) -> Result<String, FileError> {
        let path = self.path.join(name);
        let target = readlinkat(&self.fd, name).map_err(system("read the link", &path))?;
        let text = target.into_string();
        text.map_err(|_| untrusted(&path, "its target is not UTF-8"))
    }

    /// Makes the link `name`, which must not be there.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make_link(&self, name: &str, target: &str) -> Result<(), FileError> {
        symlinkat(target, &self.fd, name).map_err(system("create", &self.path.join(name)))
    }

    /// Makes the plain file `name`, which must not be there, with what it holds on the disk.
    ///
    /// # Errors
    /// When the system refuses; half of it may be there then.
    pub fn make_file(&self, name: &str, bytes: &[u8], rights: Rights) -> Result<(), FileError> {
        let path = self.path.join(name);
        may_grow_to(bytes.len() as u64).map_err(system("write", &path))?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let mut file = self.open_file(name, flags, 0o600)?;
        let written = file.write_all(bytes);
        written.map_err(|error| system("write", &path)(errno_of(&error)))?;
        give(&file, rights, &path)?;
        let synced = file.sync_all();
        synced.map_err(|error| system("write", &path)(errno_of(&error)))
    }

    /// Enters the directory `name`, which is made where it is missing, and gives it these rights.
    ///
    /// # Errors
    /// As [`Directory::enter`], and when the rights cannot be given.
    pub fn make_directory(&self, name: &str, rights: Rights) -> Result<Self, FileError> {
        let made = self.enter(name, Missing::Create)?;
        if made.itself()?.rights != rights {
            give(&made.fd, rights, &made.path)?;
        }
        Ok(made)
    }

    /// Moves `name` into `to`, over a file or link of that name there. Not durable before both were
    /// synchronised.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn move_into(&self, name: &str, to: &Self) -> Result<(), FileError> {
        renameat(&self.fd, name, &to.fd, name).map_err(system("put in place", &to.path.join(name)))
    }

    /// Removes the file or link `name`; not durable before this was synchronised.
    ///
    /// # Errors
    /// When it is there and stays.
    pub fn unlink(&self, name: &str) -> Result<(), FileError> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(source) => Err(system("remove", &self.path.join(name))(source)),
        }
    }

    /// Removes the directory `name` where nothing is in it; tells whether it is away.
    ///
    /// # Errors
    /// When the system refuses for any other reason.
    pub fn remove_empty(&self, name: &str) -> Result<bool, FileError> {
        match unlinkat(&self.fd, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(true),
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
            Err(source) => Err(system("remove", &self.path.join(name))(source)),
        }
    }

    /// Removes `name` with all that is in it, also what others may write to, which s6's `event` is; nothing
    /// there is success. No link is followed on the way.
    ///
    /// # Errors
    /// When something stays, or is nested deeper than `depth`.
    pub fn remove_all(&self, name: &str, depth: usize) -> Result<(), FileError> {
        let Some(found) = self.find(name)? else {
            return Ok(());
        };
        if found.kind != NodeKind::Directory {
            return self.unlink(name);
        }
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(untrusted(&self.path.join(name), "it is nested too deeply"));
        };
        let path = self.path.join(name);
        let fd = openat(&self.fd, name, DIRECTORY, Mode::empty()).map_err(system("open", &path))?;
        let inside = Self { fd, path };
        for child in inside.names()? {
            let path = inside.path.join(&child);
            let child = child.to_str();
            let child = child.ok_or_else(|| untrusted(&path, "its name is not UTF-8"))?;
            inside.remove_all(child, deeper)?;
        }
        self.remove_empty(name).map(drop)
    }

    /// Waits until what was changed in it is on the disk.
    ///
    /// # Errors
    /// When the system says that it is not.
    pub fn synchronise(&self) -> Result<(), FileError> {
        fsync(&self.fd).map_err(system("synchronise", &self.path))
    }
}

/// First the owner, which takes set-user-id away, then the mode.
fn give(of: impl std::os::fd::AsFd, rights: Rights, path: &Path) -> Result<(), FileError> {
    let status = fstat(&of).map_err(system("examine", path))?;
    if (status.st_uid, status.st_gid) != (rights.user, rights.group) {
        let (user, group) = (Uid::from_raw(rights.user), Gid::from_raw(rights.group));
        fchown(&of, Some(user), Some(group)).map_err(system("set the owner of", path))?;
    }
    let mode = Mode::from_bits_truncate(rights.mode);
    fchmod(&of, mode).map_err(system("set the mode of", path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn all_is_removed_whoever_may_write_to_it_and_nothing_behind_a_link() {
        let top = tempfile::tempdir().unwrap();
        let victim = top.path().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("file"), "mine").unwrap();
        let event = top.path().join("foo/event");
        fs::create_dir_all(&event).unwrap();
        fs::set_permissions(&event, fs::Permissions::from_mode(0o1777)).unwrap();
        nix::unistd::mkfifo(&event.join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
        symlink(&victim, event.join("link")).unwrap();
        let directory = Directory::open(top.path(), Missing::Fail).unwrap();
        assert!(directory.remove_all("foo", 1).is_err(), "too deep");
        directory.remove_all("foo", 3).unwrap();
        assert_eq!(directory.names().unwrap(), ["victim"]);
        assert!(victim.join("file").exists());
    }

    #[test]
    fn a_file_gets_its_rights_whatever_the_umask_is_and_takes_no_others_place() {
        let top = tempfile::tempdir().unwrap();
        let directory = Directory::open(top.path(), Missing::Fail).unwrap();
        let own = directory.itself().unwrap().rights;
        let rights = Rights {
            mode: 0o4755,
            ..own
        };
        directory.make_file("run", b"x", rights).unwrap();
        let found = directory.find("run").unwrap().unwrap();
        assert_eq!((found.kind, found.rights), (NodeKind::File, rights));
        assert!(directory.make_file("run", b"y", rights).is_err());
        symlink("nowhere", top.path().join("link")).unwrap();
        assert!(directory.make_file("link", b"y", rights).is_err());
        assert_eq!(directory.link_target("link").unwrap(), "nowhere");
    }
}
