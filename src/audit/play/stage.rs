//! What a played way came to under one hand: dpkg's steps, the calls, how each unit stood, and its end. Times
//! are microseconds from the first that is shown. This is what reports are made of, and JSON as it stands.

use serde::Serialize;

use crate::domain::{ActiveState, FileState, UnitName};
use crate::init::simulated::Micros;

/// Which version something is of: files on disk, or code that a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// The old package's.
    Old,
    /// The new package's.
    New,
    /// Some of both.
    Mixed,
    /// Neither: it is not there.
    Gone,
}

impl Version {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Mixed => "mixed",
            Self::Gone => "gone",
        }
    }
}

/// What dpkg does for some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// `prerm upgrade 2.0`, `unpack`, `remove files`, `batch end`.
    pub what: String,
    /// When it begins.
    pub from: Micros,
    /// When it ends.
    pub to: Micros,
}

/// One job of the init.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Did {
    /// The verb: `stop`.
    pub verb: &'static str,
    /// The unit.
    pub unit: UnitName,
    /// Why it failed; `None` where it did what was asked.
    pub failed: Option<String>,
}

/// A call as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// Which of the way's calls, from 0; `None` for what rcpolicy does at the batch's end.
    pub call: Option<usize>,
    /// When it begins.
    pub from: Micros,
    /// When it ends.
    pub to: Micros,
    /// The jobs that it came to.
    pub jobs: Vec<Did>,
    /// What else is to be said of it: why nothing was done, what was decided.
    pub said: Vec<String>,
}

/// How a unit stood for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// From then on.
    pub from: Micros,
    /// Until then.
    pub to: Micros,
    /// Its state.
    pub active: ActiveState,
    /// What its process runs; `None` where it has none.
    pub runs: Option<Version>,
    /// What lies on the disk.
    pub files: Version,
}

impl Stretch {
    /// Microseconds.
    pub fn length(&self) -> Micros {
        self.to.saturating_sub(self.from)
    }

    /// Whether a process runs other code than lies on the disk.
    pub fn is_apart(&self) -> bool {
        self.runs.is_some_and(|runs| runs != self.files)
    }
}

/// A start on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wake {
    /// When.
    pub at: Micros,
    /// What started it; itself for a call on the bus.
    pub by: UnitName,
}

/// One unit over the whole time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Track {
    /// The unit.
    pub unit: UnitName,
    /// Whether another package brings it.
    pub foreign: bool,
    /// How it stood, without gaps.
    pub stretches: Vec<Stretch>,
    /// When it was started on demand.
    pub wakes: Vec<Wake>,
}

/// What an on-demand start in a window would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// The old code, which then goes on when the new files are there.
    OldCode,
    /// Some old and some new files.
    HalfUnpacked,
    /// The new code, before its package was configured.
    Unconfigured,
    /// Nothing: its files are gone.
    Gone,
}

impl Danger {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OldCode => "old code",
            Self::HalfUnpacked => "half-unpacked files",
            Self::Unconfigured => "new code, not yet configured",
            Self::Gone => "files that are gone",
        }
    }
}

/// What opens or closes a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// When.
    pub at: Micros,
    /// The call, where it is one.
    pub call: Option<usize>,
    /// In words.
    pub what: String,
}

/// A time in which something can start a service that should be down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The service.
    pub unit: UnitName,
    /// What can start it meanwhile; itself for a call on the bus.
    pub by: Vec<UnitName>,
    /// What opens it.
    pub opened: Edge,
    /// What closes it; `None` where it is open at the end.
    pub closed: Option<Edge>,
    /// What would run.
    pub dangers: Vec<Danger>,
    /// How often it was started in it.
    pub woken: usize,
}

/// How a connection of a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Met {
    /// At once.
    Answered,
    /// Later than a client expects.
    Late,
    /// Not at all.
    Refused,
    /// Nobody has taken it.
    Waiting,
}

/// A connection of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Knock {
    /// Where to.
    pub to: UnitName,
    /// When.
    pub at: Micros,
    /// How it ended.
    pub met: Met,
}

/// How a unit stands in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Final {
    /// The unit.
    pub unit: UnitName,
    /// Its state.
    pub active: ActiveState,
    /// What its process runs.
    pub runs: Option<Version>,
    /// Whether it is enabled.
    pub file: Option<FileState>,
    /// Whether calls on the bus are still kept from starting it.
    pub held: bool,
    /// How it stood before.
    pub was_active: ActiveState,
}

/// What can be counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// How often something was started on demand within a window.
    pub woken_in_windows: usize,
    /// Connections that were opened.
    pub connections: usize,
    /// Connections that were answered.
    pub served: usize,
    /// Connections that were refused, or closed without an answer.
    pub refused: usize,
    /// Connections answered by a process whose code is not what was on disk.
    pub served_by_other_version: usize,
    /// Milliseconds that the slowest answer took.
    pub longest_wait_ms: u64,
    /// Milliseconds during which a process ran whose code was not what was on disk, of all services.
    pub versions_together_ms: u64,
    /// Processes that loaded some old and some new files.
    pub mixed_processes: usize,
    /// Milliseconds during which services were not up that had been, of all services.
    pub down_ms: u64,
    /// Milliseconds in which a window was open, of all services.
    pub open_ms: u64,
}

/// A way, played under one hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// When nobody looks any more.
    pub end: Micros,
    /// dpkg's steps.
    pub phases: Vec<Phase>,
    /// The calls.
    pub carried: Vec<Carried>,
    /// The units.
    pub tracks: Vec<Track>,
    /// The windows.
    pub windows: Vec<Window>,
    /// The clients' connections.
    pub knocks: Vec<Knock>,
    /// How all units stand in the end.
    pub finals: Vec<Final>,
    /// What can be counted.
    pub figures: Figures,
}
