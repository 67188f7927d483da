//! s6-rc's definitions: compiled anew beside the database that is in use, made live by `s6-rc-update`, and
//! only then what the machine boots by, which is a link. What was in use stays until that has happened.
//! Whoever is cut off in between leaves one whole database live and one to boot by; the next update ends
//! with one for both.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::symlinkat;
use thiserror::Error;

use super::program::{Ended, ProgramError, run};
use super::rc::{LIVE, PROGRAMS, complaint, patiently};
use crate::failpoint::{Point, reach};
use crate::files::{Directory, FileError, Missing};

/// Where the definitions are that are compiled, and what the machine boots by: the link that releases
/// before 0.6 have, or the directory of the one that later releases have.
const SOURCES: &str = "/etc/s6-rc/source";
const BOOT: &str = "/etc/s6-rc/compiled";
const CURRENT: &str = "current";
/// Stands in the name of every database that was compiled here, between the link's and a number.
const OURS: &str = ".rcpolicy-";
/// The link that is to take the place of the other.
const NEW_LINK: &str = ".rcpolicy-link";
/// Compiling only reads and writes files.
const COMPILING: Duration = Duration::from_secs(60);

/// Why definitions were not brought up to date; but for what it says, all is as it was.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// A directory could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// What the machine boots by is no link: nothing can take its place at once.
    #[error("`{}` is no link to a database", .0.display())]
    NoLink(PathBuf),
    /// The definitions could not be compiled.
    #[error("cannot compile service definitions: {0}")]
    Compile(String),
    /// The new database could not be made live.
    #[error("cannot make new service definitions live: {0}")]
    Update(String),
    /// It is live, and the link still leads to the old one: the next update changes that.
    #[error("new service definitions are live, but the machine boots by the old ones: {0}")]
    Link(String),
}

/// What became of an update.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The database that is in use now.
    pub database: PathBuf,
    /// What some services made of it that had to be stopped or started: they are not as they were.
    pub trouble: Option<String>,
}

/// Where the definitions of one machine are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// What is compiled.
    pub sources: Vec<PathBuf>,
    /// The link to what the machine boots by.
    pub boot: PathBuf,
    /// The live directory, a link too; where there is none nothing is made live.
    pub live: PathBuf,
    /// Where s6-rc's programs may lie.
    pub programs: Vec<PathBuf>,
}

impl Database {
    /// This machine's, as s6-rc is documented to have them.
    pub fn of_machine() -> Self {
        let current = Path::new(BOOT).join(CURRENT);
        Self {
            sources: vec![SOURCES.into()],
            boot: if current.is_symlink() {
                current
            } else {
                BOOT.into()
            },
            live: LIVE.into(),
            programs: PROGRAMS.map(PathBuf::from).to_vec(),
        }
    }

    /// Whether the machine boots by what is live: not after an update that was cut off.
    pub fn is_settled(&self) -> bool {
        let live = self.live_database();
        live.is_none() || live == self.boot.canonicalize().ok()
    }

    /// Compiles the definitions and makes them live within `limit`.
    ///
    /// # Errors
    /// When they are not, and when they are and the machine still boots by the old ones.
    pub fn update(&self, limit: Duration) -> Result<Updated, DatabaseError> {
        for source in &self.sources {
            Directory::open(source, Missing::Fail)?;
        }
        let shelf = Shelf::of(&self.boot)?;
        reach(Point::Defining);
        self.sweep(&shelf)?;
        reach(Point::Defining);
        let name = shelf.free_name()?;
        let database = shelf.directory.path().join(&name);
        self.compile(&database)
            .inspect_err(|_| discard(&database))?;
        reach(Point::Defining);
        // INVARIANT: what a link leads to, and what takes the place of one that is removed, survives the power.
        synchronise(&database)
            .map_err(|error| DatabaseError::Compile(format!("its files are not stored: {error}")))
            .inspect_err(|_| discard(&database))?;
        reach(Point::Defining);
        let trouble = self
            .make_live(&database, limit)
            .inspect_err(|_| discard(&database))?;
        reach(Point::Defining);
        shelf.link_to(&name)?;
        reach(Point::Defining);
        self.sweep(&shelf)?;
        Ok(Updated { database, trouble })
    }

    fn compile(&self, database: &Path) -> Result<(), DatabaseError> {
        let mut words: Vec<&OsStr> = vec![database.as_os_str()];
        words.extend(self.sources.iter().map(|source| source.as_os_str()));
        let ended = run(&self.program("s6-rc-compile"), &words, COMPILING);
        let ended = ended.map_err(|error| DatabaseError::Compile(error.to_string()))?;
        match ended.status {
            0 => Ok(()),
            _ => Err(DatabaseError::Compile(complaint(&ended))),
        }
    }

    /// Makes `database` live; what some services made of that. Whether it is live is seen, not believed:
    /// its statuses say it in newer releases only.
    fn make_live(&self, database: &Path, limit: Duration) -> Result<Option<String>, DatabaseError> {
        if self.live_database().is_none() {
            return Ok(None);
        }
        let words = [
            OsStr::new("-l"),
            self.live.as_os_str(),
            database.as_os_str(),
        ];
        let ended = patiently(&self.program("s6-rc-update"), &words, limit);
        let trouble = trouble(ended);
        let live = self.live_database();
        if live.is_some() && live == database.canonicalize().ok() {
            return Ok(trouble);
        }
        let why = trouble.unwrap_or_else(|| "s6-rc-update did nothing".to_owned());
        Err(DatabaseError::Update(why))
    }

    /// Removes what was compiled here and is neither live nor booted by.
    fn sweep(&self, shelf: &Shelf) -> Result<(), DatabaseError> {
        let used = [self.live_database(), self.boot.canonicalize().ok()];
        for name in shelf.directory.names()? {
            let path = shelf.directory.path().join(&name);
            let in_use = path.canonicalize().ok();
            if shelf.is_ours(&name) && !used.contains(&in_use) {
                discard(&path);
            }
        }
        Ok(())
    }

    fn live_database(&self) -> Option<PathBuf> {
        self.live.join("compiled").canonicalize().ok()
    }

    fn program(&self, name: &str) -> PathBuf {
        let mut paths = self.programs.iter().map(|directory| directory.join(name));
        let found = paths.find(|path| path.exists());
        found.unwrap_or_else(|| PathBuf::from(name))
    }
}

/// What it complained of, where it did not do all.
fn trouble(ended: Result<Ended, ProgramError>) -> Option<String> {
    match ended {
        Ok(ended) if ended.status == 0 => None,
        Ok(ended) => Some(complaint(&ended)),
        Err(error) => Some(error.to_string()),
    }
}

/// Has all files and directories below `path` on the disk. What else lies there has nothing to be stored.
fn synchronise(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            synchronise(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(path)?.sync_all()
}

/// What cannot be removed is removed by the next update, or stays: nobody uses it.
fn discard(database: &Path) {
    let _ = fs::remove_dir_all(database);
}

/// The directory of the link, where databases lie side by side.
struct Shelf {
    directory: Directory,
    /// The link's name.
    link: OsString,
}

impl Shelf {
    fn of(boot: &Path) -> Result<Self, DatabaseError> {
        let no_link = || DatabaseError::NoLink(boot.to_path_buf());
        let (parent, link) = boot.parent().zip(boot.file_name()).ok_or_else(no_link)?;
        let directory = Directory::open(parent, Missing::Fail)?;
        match boot.symlink_metadata() {
            Ok(status) if !status.is_symlink() => Err(no_link()),
            Ok(_) | Err(_) => Ok(Self {
                directory,
                link: link.to_owned(),
            }),
        }
    }

    fn prefix(&self) -> String {
        format!("{}{OURS}", self.link.to_string_lossy())
    }

    fn is_ours(&self, name: &OsStr) -> bool {
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(&self.prefix()));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    }

    /// A name that nothing here has.
    fn free_name(&self) -> Result<String, DatabaseError> {
        let taken = self.directory.names()?;
        let mut names = (1_u32..).map(|number| format!("{}{number}", self.prefix()));
        let is_free = |name: &String| !taken.iter().any(|other| other == name.as_str());
        let free = names.find(is_free);
        free.ok_or_else(|| DatabaseError::Compile("no name is free".to_owned()))
    }

    /// Has the machine boot by the database `name`.
    fn link_to(&self, name: &str) -> Result<(), DatabaseError> {
        let failed = |why: String| DatabaseError::Link(why);
        let link = self.link.to_string_lossy();
        let new = self
            .directory
            .remove(NEW_LINK)
            .map_err(|error| failed(error.to_string()));
        new?;
        let made: Result<(), Errno> = symlinkat(name, self.directory.as_fd(), NEW_LINK);
        made.map_err(|errno| failed(errno.desc().to_owned()))?;
        reach(Point::Defining);
        let renamed = self.directory.rename(NEW_LINK, &link);
        renamed.map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn a_database_is_stored_without_waiting_for_pipes_or_following_links_and_a_missing_one_is_told()
    {
        let place = tempfile::tempdir().unwrap();
        let database = place.path().join("database");
        fs::create_dir_all(database.join("servicedirs/foo")).unwrap();
        fs::write(database.join("servicedirs/foo/run"), "#!/bin/sh\n").unwrap();
        mkfifo(&database.join("pipe"), Mode::S_IRWXU).unwrap();
        symlink("/no/such", database.join("dangling")).unwrap();
        symlink(".", database.join("round")).unwrap();
        synchronise(&database).unwrap();
        assert!(synchronise(&place.path().join("none")).is_err());
    }
}
