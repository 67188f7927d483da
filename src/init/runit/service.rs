//! Where runit's services are, and how one of them stands: its directory in a directory that a runsvdir
//! scans, its runsv, its status. Looks, and changes nothing.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::status::{LENGTH, Status};
use crate::files::FileError;
use crate::init::process::Process;
use crate::init::supervise::holder::{is_linked, left_behind};
use crate::init::supervise::place::{Listener, Place, Supervise, Version, Written, write};
use crate::init::supervise::scanner::{self, Scanner};
use crate::init::{Noted, Run};

/// Of a service whose runsv is not there, but linked where a runsvdir scans: that starts one soon.
const UNWATCHED: &str = "no runsv watches it at the moment";
/// What scans.
const SCANNER: &str = "runsvdir";
/// The pipe that tells whether a runsv is there: it reads it, and nobody else does.
const OK: &str = "ok";
/// The pipe that it takes requests from.
const CONTROL: &str = "control";
/// What it writes about the service.
const STATUS: &str = "status";

/// The directories whose entries are services. SVDIR is whoever's it is that calls us, and not asked.
#[derive(Debug)]
pub(super) struct Directories {
    /// Looked into first, and without asking who scans them.
    usual: Vec<PathBuf>,
    others: Others,
    /// Those that a runsvdir scans now; not looked for before something is not found in the usual ones,
    /// because that means reading the whole of /proc.
    scanned: Option<Vec<PathBuf>>,
}

/// What to make of a runsvdir that scans another directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Its services are services too.
    Count,
    /// They are none of ours.
    Ignored,
    /// They are none of ours; but one of ours that is linked there has a supervisor, or will have one.
    MayHold,
}

/// A service directory that is linked where a runsvdir scans, or where a runsv is at work.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) place: Place,
    scan: PathBuf,
    name: String,
    /// As long as a runsv is there, it is where it was: it keeps that directory open itself.
    supervise: Option<Rc<Supervise>>,
}

/// How a service stands.
#[derive(Debug)]
pub(super) enum Look {
    /// Its runsv is there and says this of it.
    Watched(Watched),
    /// No runsv is there, or none that has written anything yet.
    Unwatched,
}

/// What a runsv says.
#[derive(Debug)]
pub(super) struct Watched {
    supervise: Rc<Supervise>,
    pub(super) status: Status,
    /// Changes whenever runsv writes its status again.
    pub(super) version: Version,
}

impl Watched {
    /// What its runsv has noted.
    pub(super) fn noted(&self) -> Noted {
        Noted {
            since: self.status.since.to_string(),
            version: self.version.to_string(),
            run: match self.status.is_once() {
                true => Run::Once,
                false => Run::Lasting,
            },
        }
    }

    /// Writes `letters` to runsv's pipe, and returns its end where they are in it.
    pub(super) fn send(&self, letters: &[u8]) -> Result<Option<File>, String> {
        let pipe = match self.supervise.listener(CONTROL) {
            Ok(Listener::There(pipe)) => pipe,
            Ok(Listener::Nobody) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        match write(&pipe, letters) {
            Ok(Written::All) => Ok(Some(pipe)),
            Ok(Written::Full | Written::Nobody) => Ok(None),
            Err(errno) => Err(format!("cannot write to runsv's pipe: {}", errno.desc())),
        }
    }
}

/// Why nothing can be said of a service.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Its files are not to be trusted, or cannot be read.
    #[error("{0}")]
    File(#[from] FileError),
    /// Something else stands where the status should.
    #[error("`{}` is no status of runsv's", .0.display())]
    Garbage(PathBuf),
}

impl Directories {
    pub(super) fn new(usual: Vec<PathBuf>, others: Others) -> Self {
        Self {
            usual,
            others,
            scanned: None,
        }
    }

    /// Forgets who scans what: a runsvdir comes and goes.
    pub(super) fn forget(&mut self) {
        self.scanned = None;
    }

    /// The service `name`, where it is supervised or is about to be; not what merely lies in /etc/sv.
    pub(super) fn service(&mut self, name: &str) -> Result<Option<Service>, Trouble> {
        let mut unwatched = None;
        for scan in self.usual.clone() {
            let Some(mut service) = Service::find(&scan, name)? else {
                continue;
            };
            if matches!(service.look()?, Look::Watched(_)) {
                return Ok(Some(service));
            }
            unwatched.get_or_insert(service);
        }
        if self.others == Others::MayHold {
            return Ok(unwatched.filter(|service| self.is_held(service)));
        }
        for scan in self.scanned().to_vec() {
            if let Some(service) = Service::find(&scan, name)? {
                return Ok(Some(service));
            }
        }
        Ok(None)
    }

    /// Whether a runsvdir has it, or what a killed runsv started of it still runs.
    fn is_held(&mut self, service: &Service) -> bool {
        is_linked(self.scanned(), service.place.path()) || service.left_behind().is_some()
    }

    /// All of these directories, the usual ones first.
    pub(super) fn all(&mut self) -> Vec<PathBuf> {
        let mut all = self.usual.clone();
        all.extend_from_slice(self.scanned());
        all
    }

    fn scanned(&mut self) -> &[PathBuf] {
        let (usual, others) = (&self.usual, self.others);
        let is_usual = |path: &PathBuf| usual.iter().any(|usual| is_same(usual, path));
        let found = || {
            let scanned = scanner::running(SCANNER)
                .iter()
                .filter_map(scans)
                .collect::<Vec<_>>();
            let meant = |path: &PathBuf| others != Others::Ignored || is_usual(path);
            scanned.into_iter().filter(meant).collect()
        };
        self.scanned.get_or_insert_with(found)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.canonicalize(), other.canonicalize());
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

/// What a runsvdir was told to scan: `runsvdir [-P] DIRECTORY [LOG]`.
fn scans(scanner: &Scanner) -> Option<PathBuf> {
    let is_option = |word: &&OsString| word.as_bytes().starts_with(b"-");
    let words = &mut scanner.arguments.iter();
    let directory = words.find(|word| !is_option(word))?;
    Some(scanner.path(directory))
}

impl Service {
    fn find(scan: &Path, name: &str) -> Result<Option<Self>, Trouble> {
        let place = Place::find(scan, name)?;
        Ok(place.map(|place| Self {
            place,
            scan: scan.to_path_buf(),
            name: name.to_owned(),
            supervise: None,
        }))
    }

    /// Whether it is still linked where it was found.
    pub(super) fn is_linked(&self) -> bool {
        !matches!(Place::find(&self.scan, &self.name), Ok(None))
    }

    /// The process that a runsv started which is there no more.
    fn left_behind(&self) -> Option<Process> {
        let supervise = self.place.supervise().ok().flatten()?;
        let (bytes, _) = supervise.read(STATUS, LENGTH as u64 + 1).ok().flatten()?;
        let status = Status::parse(&bytes)?;
        left_behind(status.pid, status.since, self.place.path())
    }

    /// Why nothing is known of it where no runsv is there.
    pub(super) fn unwatched(&self) -> String {
        let left = self.left_behind().map(|process| process.pid);
        let left = left.map(|pid| format!(", and its process {pid} still runs"));
        format!("{UNWATCHED}{}", left.unwrap_or_default())
    }

    /// How it stands now.
    pub(super) fn look(&mut self) -> Result<Look, Trouble> {
        if let Some(known) = self.supervise.take()
            && let look @ Look::Watched(_) = self.look_in(known)?
        {
            return Ok(look);
        }
        match self.place.supervise()? {
            Some(supervise) => self.look_in(Rc::new(supervise)),
            None => Ok(Look::Unwatched),
        }
    }

    fn look_in(&mut self, supervise: Rc<Supervise>) -> Result<Look, Trouble> {
        // First: what is read afterwards is from a runsv that was there.
        if matches!(supervise.listener(OK)?, Listener::Nobody) {
            return Ok(Look::Unwatched);
        }
        let Some((bytes, version)) = supervise.read(STATUS, LENGTH as u64 + 1)? else {
            return Ok(Look::Unwatched);
        };
        let Some(status) = Status::parse(&bytes) else {
            return Err(Trouble::Garbage(self.place.path().join("supervise/status")));
        };
        self.supervise = Some(Rc::clone(&supervise));
        Ok(Look::Watched(Watched {
            supervise,
            status,
            version,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_told_from_the_options_and_the_log() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (&["-P", "/etc/service", "log: ......"], Some("/etc/service")),
            (&["/etc/service"], Some("/etc/service")),
            (&["service"], Some("/srv/service")),
            (&["/x", "/log: ......"], Some("/x")),
            (&["-P"], None),
            (&[], None),
        ];
        for (words, expected) in cases {
            let scanner = Scanner {
                pid: 1,
                arguments: words.iter().map(OsString::from).collect(),
                works_in: PathBuf::from("/srv"),
            };
            assert_eq!(scans(&scanner), expected.map(PathBuf::from), "{words:?}");
        }
    }
}
