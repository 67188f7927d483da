//! A program of ours put where others keep theirs: only where nothing stands there yet, complete or not at
//! all.

use std::io::Write;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::signal::kill;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Pid, linkat};

use super::{Directory, FileError, errno_of, may_grow_to, system};

/// Whether something was put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Placed {
    /// It was.
    New,
    /// Something stands there, and was left alone.
    Taken,
}

impl Directory {
    /// Puts an executable with `bytes` at `name`, mode 0755, unless something stands there, be it a link that
    /// leads nowhere. After this returns it survives a crash.
    ///
    /// # Errors
    /// When the system refuses; `name` is then as it was.
    pub fn place_program(&self, name: &str, bytes: &[u8]) -> Result<Placed, FileError> {
        // Its own name for each of us: nobody's half-written file is put in place.
        let temporary = format!("{}{}", unplaced(name), std::process::id());
        let result = self
            .write_program(&temporary, bytes)
            .and_then(|()| self.link_to(&temporary, name));
        let removed = self.remove(&temporary);
        let placed = result?;
        removed?;
        Ok(placed)
    }

    /// Removes what processes that were killed while they put a program at `name` have left, as far as that can be done: it
    /// is in nobody's way. Those that live still need theirs.
    pub fn clear_unplaced(&self, name: &str) {
        let (begins, names) = (unplaced(name), self.names().unwrap_or_default());
        for left in names.iter().filter_map(|name| name.to_str()) {
            let pid = left.strip_prefix(&begins).and_then(|pid| pid.parse().ok());
            let is_gone = |pid| kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH);
            if pid.is_some_and(|pid: i32| pid > 0 && is_gone(pid)) {
                let _ = self.remove(left);
            }
        }
    }

    /// Whether the file `name` may be executed is set as for one that was just put there.
    ///
    /// # Errors
    /// As [`Directory::open_file`], and when the system refuses.
    pub fn make_executable(&self, name: &str) -> Result<(), FileError> {
        let file = self.open_file(name, OFlag::O_RDONLY, 0)?;
        let mode = Mode::from_bits_truncate(0o755);
        fchmod(&file, mode).map_err(system("set the mode of", &self.path.join(name)))
    }

    fn write_program(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.path.join(name);
        may_grow_to(bytes.len() as u64).map_err(system("write", &path))?;
        // What a killed process with our number left behind.
        self.remove(name)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let mut file = self.open_file(name, flags, 0o600)?;
        file.write_all(bytes)
            .map_err(|error| system("write", &path)(errno_of(&error)))?;
        fchmod(&file, Mode::from_bits_truncate(0o755)).map_err(system("set the mode of", &path))?;
        file.sync_all()
            .map_err(|error| system("write", &path)(errno_of(&error)))
    }

    /// A rename would replace what stands there; a second name for a file never does.
    fn link_to(&self, from: &str, to: &str) -> Result<Placed, FileError> {
        match linkat(&self.fd, from, &self.fd, to, AtFlags::empty()) {
            Ok(()) => self.sync().map(|()| Placed::New),
            Err(Errno::EEXIST) => Ok(Placed::Taken),
            Err(source) => Err(system("put in place", &self.path.join(to))(source)),
        }
    }
}

/// How the name begins that a program has before it is put at `name`; our process number follows.
fn unplaced(name: &str) -> String {
    format!(".{name}.rcpolicy-")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::files::Missing;

    #[test]
    fn nothing_that_stands_there_is_touched() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        std::fs::write(path("file"), "theirs").unwrap();
        symlink("/nowhere/at/all", path("dangling")).unwrap();
        symlink("file", path("link")).unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        let directory = Directory::open(top.path(), Missing::Fail).unwrap();
        for name in ["file", "dangling", "link", "directory"] {
            let placed = directory.place_program(name, b"ours").unwrap();
            assert_eq!(placed, Placed::Taken, "{name}");
        }
        assert_eq!(std::fs::read(path("file")).unwrap(), b"theirs");
        assert_eq!(
            directory.names().unwrap(),
            ["dangling", "directory", "file", "link"]
        );
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_and_what_a_living_one_needs_is_not() {
        let top = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = format!(".tool.rcpolicy-{}", child.id());
        child.wait().unwrap();
        let kept = [
            format!(".tool.rcpolicy-{}", std::process::id()),
            ".tool.rcpolicy-0".to_owned(),
            ".tool.rcpolicy-".to_owned(),
            ".tool.rcpolicy-x".to_owned(),
            ".other.rcpolicy-77".to_owned(),
            "tool".to_owned(),
        ];
        for name in kept.iter().chain([&gone]) {
            std::fs::write(top.path().join(name), "").unwrap();
        }
        let directory = Directory::open(top.path(), Missing::Fail).unwrap();
        directory.clear_unplaced("tool");
        let left = directory.names().unwrap();
        assert_eq!(left.len(), kept.len(), "{left:?}");
        assert!(!left.iter().any(|name| **name == *gone));
    }

    #[test]
    fn it_is_whole_and_executable_whatever_the_umask_is() {
        let top = tempfile::tempdir().unwrap();
        let directory = Directory::open(top.path(), Missing::Fail).unwrap();
        let old = nix::sys::stat::umask(Mode::from_bits_truncate(0o077));
        let placed = directory.place_program("tool", b"#!/bin/sh\n");
        nix::sys::stat::umask(old);
        assert_eq!(placed.unwrap(), Placed::New);
        let mode = top.path().join("tool").metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o7777, 0o755);
        assert_eq!(directory.names().unwrap(), ["tool"]);
    }
}
