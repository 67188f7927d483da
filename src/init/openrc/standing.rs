//! How a service stands, by OpenRC's own notes in /run/openrc, which are read here and never written.
//!
//! rc-service's `status` gives the same answer with a shell and all of its libraries: 13 ms against less
//! than 0.1 ms for the files, each as a whole process where the other takes 1.2 ms to do nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::daemons::{self, Daemons};
use super::places::{Places, is_there};
use super::script::open_plainly;
use crate::domain::ActiveState;
use crate::files::FileLock;
use crate::init::process::Process;

/// The state that the links tell; one alone counts, and the last of them as OpenRC goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Stopped,
    Started,
    Starting,
    Stopping,
    /// Started, and waits for something to happen in the background.
    Inactive,
}

const LINKS: [(&str, State); 4] = [
    ("started", State::Started),
    ("starting", State::Starting),
    ("stopping", State::Stopping),
    ("inactive", State::Inactive),
];
/// What could not be started at boot has a link here too.
const FAILED: &str = "failed";

/// What tells one start from the next: OpenRC makes the link anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    /// Since the epoch.
    pub(super) seconds: i64,
    pub(super) nanoseconds: i64,
}

/// One service, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: State,
    pub(super) failed: bool,
    /// Of the link that says that it is up.
    pub(super) begun: Option<Stamp>,
    /// What runs for it, as far as it was noted down.
    pub(super) daemons: Daemons,
}

impl Standing {
    /// How `name` stands.
    ///
    /// # Errors
    /// When the notes cannot be read, or somebody else may have written them; why.
    pub(super) fn of(places: &Places, name: &str) -> Result<Self, String> {
        let (state, directory) = linked(places, name)?;
        let daemons = match state {
            State::Stopped => Daemons::default(),
            State::Started | State::Starting | State::Stopping | State::Inactive => {
                daemons::of(places, name)
            }
        };
        Ok(Self {
            state,
            failed: has(&places.run.join(FAILED), name)?,
            begun: directory.and_then(|directory| stamp(&places.run.join(directory).join(name))),
            daemons,
        })
    }

    /// Its daemon is gone, and nobody told OpenRC.
    pub(super) fn is_crashed(&self) -> bool {
        self.state == State::Started && self.daemons.gone
    }

    /// The process that is the service, where that is known.
    pub(super) fn main(&self) -> Option<Process> {
        self.daemons.main
    }

    /// The same in the project's words.
    pub(super) fn active(&self) -> ActiveState {
        match self.state {
            State::Started if self.daemons.gone => ActiveState::Failed,
            State::Started => ActiveState::Active,
            State::Starting | State::Inactive => ActiveState::Activating,
            State::Stopping => ActiveState::Deactivating,
            State::Stopped if self.failed => ActiveState::Failed,
            State::Stopped => ActiveState::Inactive,
        }
    }

    /// Changes with each start, of the service or of its daemon by a supervisor.
    pub(super) fn invocation(&self) -> String {
        let Some(begun) = self.begun else {
            return String::new();
        };
        let main = self.main().map(Process::invocation).unwrap_or_default();
        let Stamp {
            inode,
            seconds,
            nanoseconds,
        } = begun;
        format!("{inode}:{seconds}.{nanoseconds:09}:{main}")
    }
}

impl State {
    /// How `name` stands, by the links alone.
    ///
    /// # Errors
    /// As [`Standing::of`].
    pub(super) fn of(places: &Places, name: &str) -> Result<Self, String> {
        linked(places, name).map(|(state, _)| state)
    }
}

/// The state that counts, and where the link is that tells it.
fn linked(places: &Places, name: &str) -> Result<(State, Option<&'static str>), String> {
    if !is_there(&places.run)? {
        return Err(format!("{} is not there", places.run.display()));
    }
    let mut found = (State::Stopped, None);
    for (directory, state) in LINKS {
        if has(&places.run.join(directory), name)? {
            found = (state, Some(directory));
        }
    }
    Ok(found)
}

/// Whether OpenRC would see an entry `name` there: one that leads nowhere is none.
fn has(directory: &Path, name: &str) -> Result<bool, String> {
    if !is_there(directory)? {
        return Ok(false);
    }
    match fs::metadata(directory.join(name)) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => Ok(false),
            _ => Err(format!("{}/{name}: {error}", directory.display())),
        },
    }
}

fn stamp(link: &Path) -> Option<Stamp> {
    let status = fs::symlink_metadata(link).ok()?;
    Some(Stamp {
        inode: status.ino(),
        seconds: status.mtime(),
        nanoseconds: status.mtime_nsec(),
    })
}

/// The names of all services that are up; none where that cannot be told.
pub(super) fn started(places: &Places) -> BTreeSet<String> {
    names(places, "started").into_iter().flatten().collect()
}

/// Those of them that are not also on the way down, or up once more.
pub(super) fn settled(places: &Places) -> BTreeSet<String> {
    let mut settled = started(places);
    let passing = LINKS.iter().filter(|(_, state)| *state != State::Started);
    for name in passing.flat_map(|(directory, _)| names(places, directory).unwrap_or_default()) {
        settled.remove(&name);
    }
    settled
}

/// The names of all services that are up, or on the way there or down; `None` where that cannot be told.
pub(super) fn not_stopped(places: &Places) -> Option<BTreeSet<String>> {
    if !is_there(&places.run).ok()? {
        return None;
    }
    let mut all = BTreeSet::new();
    for (directory, _) in LINKS {
        all.extend(names(places, directory)?);
    }
    Some(all)
}

/// The names in a directory of OpenRC's notes; `None` where they are not to be believed.
fn names(places: &Places, directory: &str) -> Option<Vec<String>> {
    let directory = places.run.join(directory);
    if !is_there(&directory).ok()? {
        return Some(Vec::new());
    }
    let entries = fs::read_dir(directory).ok()?;
    let names = entries.map(|entry| Some(entry.ok()?.file_name().into_string().ok()));
    Some(
        names
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect(),
    )
}

/// When a service last came up or went down, whichever it was, in seconds and nanoseconds since the
/// epoch.
pub(super) fn last_change(places: &Places) -> Option<(i64, i64)> {
    let status = fs::symlink_metadata(places.run.join("started")).ok()?;
    Some((status.mtime(), status.mtime_nsec()))
}

/// Whether somebody is starting or stopping `name` just now, and does not wait for us. Asked only where
/// its state is one that passes: what we hold for a moment nobody else could then have wanted.
pub(super) fn is_at_work(places: &Places, name: &str) -> bool {
    !is_inside(name) && (is_locked(places, name) || is_run(places, name))
}

/// The same where it is down, and stays so as far as its state tells: between the halves of a restart.
/// Nobody's lock is touched.
pub(super) fn is_between(places: &Places, name: &str) -> bool {
    !is_inside(name) && is_run(places, name)
}

/// Whether it is what called us.
fn is_inside(name: &str) -> bool {
    std::env::var_os("RC_SVCNAME").is_some_and(|own| own == name)
}

fn is_run(places: &Places, name: &str) -> bool {
    daemons::is_run_by_openrc(&places.scripts.join(name))
}

/// Whether the lock of whoever works on it is held. A restart loses the file of its own lock half-way.
fn is_locked(places: &Places, name: &str) -> bool {
    let Ok(true) = is_there(&places.run.join("exclusive")) else {
        return false;
    };
    let path = places.run.join("exclusive").join(name);
    let Ok(file) = open_plainly(&path, OFlag::O_NOFOLLOW) else {
        return false;
    };
    FileLock::is_held(&file) == Ok(true)
}
