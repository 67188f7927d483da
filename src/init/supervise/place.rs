//! A service directory and its `supervise` below: opened with a check of who may write to them, asked
//! whether anybody listens, read in small pieces. Nothing here waits: neither for a pipe that nobody
//! reads nor for one that is full.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::clock::Made;
use crate::files::{Directory, FileError, Kind, Missing, errno_of};

/// Where a supervisor keeps its pipes and its status.
const SUPERVISE: &str = "supervise";

/// A service directory that can be trusted: nobody but root, or whoever runs us, may write to it.
#[derive(Debug)]
pub(in crate::init) struct Place {
    directory: Directory,
}

/// Whether somebody reads a pipe.
#[derive(Debug)]
pub(in crate::init) enum Listener {
    /// Its end for writing. As long as it is open, what was written is kept for the next reader, should
    /// this one go away.
    There(File),
    /// Nobody, or there is no such pipe.
    Nobody,
}

/// What became of writing to a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) enum Written {
    /// All of it is in the pipe.
    All,
    /// It is full: who reads it does not.
    Full,
    /// Nobody reads it any more.
    Nobody,
}

/// Tells one version of a file that is always replaced as a whole from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) struct Version {
    inode: u64,
    changed: (i64, i64),
    made: Option<Made>,
}

impl Version {
    /// Where it stands among the files of its file system, in the order in which they were made.
    pub(in crate::init) fn made(&self) -> Option<Made> {
        self.made
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.changed;
        write!(formatter, "{}:{seconds}.{nanos:09}", self.inode)
    }
}

impl Place {
    /// The service directory `name` below `scan`, where there is one. Links are followed: who may write
    /// to the directories that hold them is checked too.
    ///
    /// # Errors
    /// When others may write to it or to `scan`, or it cannot be examined.
    pub(in crate::init) fn find(scan: &Path, name: &str) -> Result<Option<Self>, FileError> {
        // Scanners skip these, and a name is no path.
        if name.starts_with('.') || name.contains('/') {
            return Ok(None);
        }
        let Some(scan) = followed(scan)? else {
            return Ok(None);
        };
        match followed(&scan.join(name))? {
            Some(path) if path.is_dir() => {
                Directory::open(&scan, Missing::Fail)?;
                let directory = Directory::open(&path, Missing::Fail)?;
                Ok(Some(Self { directory }))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Its path, links followed.
    pub(in crate::init) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Whether a file `name` lies in it.
    pub(in crate::init) fn has(&self, name: &str) -> bool {
        self.path().join(name).symlink_metadata().is_ok()
    }

    /// Opens the program `name` in it, where there is one that root may run.
    ///
    /// # Errors
    /// When it is no plain file, or others may write to it.
    pub(in crate::init) fn program(&self, name: &str) -> Result<Option<PathBuf>, FileError> {
        let Some(path) = followed(&self.path().join(name))? else {
            return Ok(None);
        };
        let (Some(parent), Some(last)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        let last = last.to_string_lossy();
        let holder = Directory::open(parent, Missing::Fail)?;
        let file = holder.open_file(&last, OFlag::O_RDONLY, 0)?;
        let mode = file.metadata().map(|status| status.mode());
        Ok(mode.is_ok_and(|mode| mode & 0o100 != 0).then_some(path))
    }

    /// Where its supervisor keeps what it has; `None` where none has run yet.
    ///
    /// # Errors
    /// As [`Place::find`].
    pub(in crate::init) fn supervise(&self) -> Result<Option<Supervise>, FileError> {
        match followed(&self.path().join(SUPERVISE))? {
            None => Ok(None),
            Some(path) => match Directory::open(&path, Missing::Fail) {
                Ok(directory) => Ok(Some(Supervise { directory })),
                Err(error) if error.is_missing() => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}

/// A `supervise` directory. Whoever owns the files in it, they were put there by who may write to it:
/// the pipes are often given to a user who may control the service.
#[derive(Debug)]
pub(in crate::init) struct Supervise {
    directory: Directory,
}

impl Supervise {
    /// Who reads the pipe `name`.
    ///
    /// # Errors
    /// When it is no pipe or may not be opened.
    pub(in crate::init) fn listener(&self, name: &str) -> Result<Listener, FileError> {
        match self.directory.open_entry(name, OFlag::O_WRONLY, Kind::Fifo) {
            Ok(file) => Ok(Listener::There(file)),
            Err(error) if error.errno() == Some(Errno::ENXIO) || error.is_missing() => {
                Ok(Listener::Nobody)
            }
            Err(error) => Err(error),
        }
    }

    /// What the file `name` holds, at most `limit` bytes of it, and which version of it that is; `None`
    /// where it is missing.
    ///
    /// # Errors
    /// When it is no plain file or cannot be read.
    pub(in crate::init) fn read(
        &self,
        name: &str,
        limit: u64,
    ) -> Result<Option<(Vec<u8>, Version)>, FileError> {
        let opened = self
            .directory
            .open_entry(name, OFlag::O_RDONLY, Kind::Plain);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let failed = |error: std::io::Error| FileError::System {
            doing: "read",
            path: self.directory.path().join(name),
            source: errno_of(&error),
        };
        let version = file.metadata().map(|status| Version {
            inode: status.ino(),
            changed: (status.ctime(), status.ctime_nsec()),
            made: Made::of(&file),
        });
        let version = version.map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some((bytes, version)))
    }
}

/// Writes `words` to a pipe: all of it or nothing, as long as it is shorter than PIPE_BUF.
///
/// # Errors
/// What the system says, but for a pipe that is full or that nobody reads.
pub(in crate::init) fn write(pipe: &File, words: &[u8]) -> Result<Written, Errno> {
    match nix::unistd::write(pipe, words) {
        Ok(written) if written == words.len() => Ok(Written::All),
        Ok(_) | Err(Errno::EAGAIN) => Ok(Written::Full),
        Err(Errno::EPIPE) => Ok(Written::Nobody),
        Err(errno) => Err(errno),
    }
}

/// Where `path` leads to; `None` where nothing is.
fn followed(path: &Path) -> Result<Option<PathBuf>, FileError> {
    let error = match path.canonicalize() {
        Ok(path) => return Ok(Some(path)),
        Err(error) => FileError::System {
            doing: "follow",
            path: path.to_path_buf(),
            source: errno_of(&error),
        },
    };
    match error.is_missing() {
        true => Ok(None),
        false => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::sys::stat::Mode;

    use super::*;

    /// A scan directory with a service `foo` whose control pipe nobody reads.
    fn scan() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("foo/supervise")).unwrap();
        nix::unistd::mkfifo(&control(&top), Mode::from_bits_truncate(0o600)).unwrap();
        top
    }

    fn control(top: &tempfile::TempDir) -> PathBuf {
        top.path().join("foo/supervise/control")
    }

    fn supervise(top: &tempfile::TempDir) -> Supervise {
        let place = Place::find(top.path(), "foo").unwrap().unwrap();
        place.supervise().unwrap().unwrap()
    }

    fn opened_by_everybody(path: &Path) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }

    #[test]
    fn a_pipe_without_a_reader_blocks_nobody_and_is_nobody() {
        let top = scan();
        let found = supervise(&top).listener("control").unwrap();
        assert!(matches!(found, Listener::Nobody));
        let missing = supervise(&top).listener("ok").unwrap();
        assert!(matches!(missing, Listener::Nobody));
    }

    #[test]
    fn a_full_pipe_blocks_nobody_and_one_whose_reader_is_gone_is_told() {
        let top = scan();
        let reader = fs::File::options()
            .read(true)
            .write(true)
            .open(control(&top))
            .unwrap();
        let Listener::There(pipe) = supervise(&top).listener("control").unwrap() else {
            panic!("somebody reads");
        };
        let mut written = 0;
        while write(&pipe, &[b'h'; 512]).unwrap() == Written::All {
            written += 512;
        }
        assert!(written >= 4096, "{written}");
        assert_eq!(write(&pipe, b"d"), Ok(Written::Full));
        drop(reader);
        assert_eq!(write(&pipe, b"d"), Ok(Written::Nobody));
    }

    #[test]
    fn names_that_scanners_skip_and_files_are_no_services() {
        let top = scan();
        fs::create_dir(top.path().join(".foo")).unwrap();
        fs::write(top.path().join("file"), "").unwrap();
        symlink(top.path().join("nowhere"), top.path().join("dangling")).unwrap();
        for name in [".foo", "file", "dangling", "bar", "foo/supervise", ".."] {
            assert!(Place::find(top.path(), name).unwrap().is_none(), "{name}");
        }
        let nowhere = top.path().join("nowhere");
        assert!(Place::find(&nowhere, "foo").unwrap().is_none());
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused_wherever_it_lies() {
        for hostile in ["", "foo", "foo/supervise"] {
            let top = scan();
            opened_by_everybody(&top.path().join(hostile));
            let found = Place::find(top.path(), "foo")
                .and_then(|place| place.unwrap().supervise())
                .map(|found| found.is_some());
            let error = found.unwrap_err();
            assert!(
                matches!(error, FileError::Untrusted { .. }),
                "{hostile}: {error}"
            );
        }
    }

    #[test]
    fn links_are_followed_to_directories_that_can_be_trusted() {
        let top = scan();
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("bar");
        symlink(top.path().join("foo"), &link).unwrap();
        let place = Place::find(elsewhere.path(), "bar").unwrap().unwrap();
        assert_eq!(place.path(), top.path().canonicalize().unwrap().join("foo"));
        let own = top.path().join("foo/supervise");
        let run = elsewhere.path().join("run");
        fs::rename(&own, &run).unwrap();
        symlink(&run, &own).unwrap();
        assert!(place.supervise().unwrap().is_some());
        opened_by_everybody(&run);
        assert!(place.supervise().is_err());
    }

    #[test]
    fn a_link_or_a_file_in_place_of_the_pipe_is_never_written_to() {
        let top = scan();
        let victim = top.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        fs::remove_file(control(&top)).unwrap();
        symlink(&victim, control(&top)).unwrap();
        assert!(supervise(&top).listener("control").is_err());
        fs::remove_file(control(&top)).unwrap();
        fs::write(control(&top), "").unwrap();
        assert!(supervise(&top).listener("control").is_err());
        assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
    }

    #[test]
    fn a_huge_status_is_read_up_to_its_limit_and_a_pipe_in_its_place_not_at_all() {
        let top = scan();
        let status = top.path().join("foo/supervise/status");
        let file = fs::File::create(&status).unwrap();
        file.set_len(1 << 40).unwrap();
        let (bytes, first) = supervise(&top).read("status", 21).unwrap().unwrap();
        assert_eq!(bytes.len(), 21);
        let new = top.path().join("foo/supervise/status.new");
        fs::write(&new, "x").unwrap();
        fs::rename(&new, &status).unwrap();
        let (bytes, second) = supervise(&top).read("status", 21).unwrap().unwrap();
        assert_eq!(bytes, b"x");
        assert_ne!(first, second);
        assert!(supervise(&top).read("control", 21).is_err());
        assert!(supervise(&top).read("missing", 21).unwrap().is_none());
    }

    #[test]
    fn a_program_is_one_that_can_be_run_and_that_nobody_else_may_change() {
        let top = scan();
        let place = Place::find(top.path(), "foo").unwrap().unwrap();
        assert_eq!(place.program("check").unwrap(), None);
        let check = top.path().join("foo/check");
        fs::write(&check, "#!/bin/sh\n").unwrap();
        assert_eq!(place.program("check").unwrap(), None, "no x bit");
        fs::set_permissions(&check, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(place.program("check").unwrap().is_some());
        opened_by_everybody(&check);
        assert!(place.program("check").is_err());
    }
}
