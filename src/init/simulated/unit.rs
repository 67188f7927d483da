//! A unit of the model: what it is made of, and how it stands.

use std::collections::VecDeque;

use crate::domain::{ActiveState, FileState, UnitKind, UnitName};

use super::clock::Micros;
use super::pending::Pending;

/// Connections that a listening socket keeps until somebody takes them.
const DEFAULT_BACKLOG: usize = 4096;

/// Which version a set of files is: those on disk, or those that a process maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Image {
    /// All of one version.
    Whole(u32),
    /// Some of one version and some of another.
    Mixed,
}

impl Image {
    /// Nothing is there.
    pub const GONE: Self = Self::Whole(0);
}

/// What a socket is made of; it matters where the backlog is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// AF_UNIX: a connection that finds the backlog full is refused.
    Unix,
    /// TCP: it is tried again a second later.
    Tcp,
}

/// How a run of a unit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It stays up until it is stopped.
    Stays,
    /// It ends well by itself when its start is over (Type=oneshot).
    Once,
    /// Its start fails.
    Fails,
}

/// When a timer elapses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Again and again, this many microseconds apart (OnCalendar=).
    Every(Micros),
    /// Once, at this time of the model's clock; starting the timer later does not repeat it
    /// (OnBootSec=).
    OnceAt(Micros),
}

/// What a unit is made of. Made by `Spec::new`, changed by field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Its name; the suffix says what it is.
    pub name: UnitName,
    /// Microseconds from the start of its process to being ready.
    pub start_takes: Micros,
    /// Microseconds from being asked to stop to being down.
    pub stop_takes: Micros,
    /// Microseconds to answer a connection.
    pub serve_takes: Micros,
    /// Units it cannot be without (Requires=).
    pub requires: Vec<UnitName>,
    /// Units whose stop and restart it follows (PartOf=).
    pub part_of: Vec<UnitName>,
    /// Units that are started before it and stopped after it (After=).
    pub after: Vec<UnitName>,
    /// What it starts on demand.
    pub triggers: Vec<UnitName>,
    /// Whether it starts one instance a connection (Accept=yes).
    pub accepts: bool,
    /// Connections it keeps until somebody takes them.
    pub backlog: usize,
    /// What a socket is made of.
    pub family: Family,
    /// When a timer elapses.
    pub schedule: Option<Schedule>,
    /// Whether a D-Bus call can start it.
    pub bus_activated: bool,
    /// File descriptors it hands to the init while it runs.
    pub stores: u32,
    /// Whether it understands reload.
    pub can_reload: bool,
    /// Microseconds to reload.
    pub reload_takes: Micros,
    /// Whether its reload fails; it goes on running then.
    pub reload_fails: bool,
    /// How a run of it goes.
    pub course: Course,
    /// Whether it is enabled, static, masked.
    pub file: FileState,
}

impl Spec {
    /// An enabled unit that starts and stops at once.
    pub fn new(name: UnitName) -> Self {
        Self {
            name,
            start_takes: 0,
            stop_takes: 0,
            serve_takes: 0,
            requires: Vec::new(),
            part_of: Vec::new(),
            after: Vec::new(),
            triggers: Vec::new(),
            accepts: false,
            backlog: DEFAULT_BACKLOG,
            family: Family::Unix,
            schedule: None,
            bus_activated: false,
            stores: 0,
            can_reload: false,
            reload_takes: 0,
            reload_fails: false,
            course: Course::Stays,
            file: FileState::Enabled,
        }
    }

    /// A socket, path or timer that starts `triggered` on demand.
    pub fn trigger(name: UnitName, triggered: UnitName) -> Self {
        Self {
            triggers: vec![triggered],
            ..Self::new(name)
        }
    }
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Changes with each start.
    pub invocation: String,
    /// What it maps: mixed where files changed while it loaded them.
    pub image: Image,
}

/// How a unit stands, for reports and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its state.
    pub active: ActiveState,
    /// Its process, where it has one.
    pub process: Option<Process>,
    /// What is on disk.
    pub files: Image,
    /// File descriptors the init keeps for it.
    pub stored: u32,
    /// Whether a job of it is queued or running.
    pub has_job: bool,
    /// Whether it is enabled, static, masked.
    pub file: FileState,
    /// Whether bus calls are kept from starting it.
    pub held: bool,
}

/// A unit.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) spec: Spec,
    pub(super) active: ActiveState,
    pub(super) files: Image,
    pub(super) process: Option<Process>,
    pub(super) job: Option<Pending>,
    /// Counts transitions, so that the end of an abandoned one is told apart.
    pub(super) transition: u64,
    /// Connections nobody took yet.
    pub(super) waiting: VecDeque<usize>,
    /// Connections its process took and has not answered yet.
    pub(super) serving: Vec<usize>,
    /// Whether bus calls are kept from starting it.
    pub(super) held: bool,
    /// Whether what a path unit watches for is there.
    pub(super) found: bool,
    pub(super) stored: u32,
    pub(super) down_since: Micros,
    /// Its last run: what tells it from others, when it began, how it and its last reload ended.
    pub(super) invocation: String,
    pub(super) started: Micros,
    pub(super) result: &'static str,
    pub(super) reload_result: &'static str,
    /// When its state last changed.
    pub(super) changed: Micros,
}

/// A run, or a reload, that ended well; and one that did not.
pub(super) const SUCCESS: &str = "success";
pub(super) const EXIT_CODE: &str = "exit-code";

impl Unit {
    pub(super) fn new(spec: Spec, files: Image) -> Self {
        Self {
            spec,
            active: ActiveState::Inactive,
            files,
            process: None,
            job: None,
            transition: 0,
            waiting: VecDeque::new(),
            serving: Vec::new(),
            held: false,
            found: false,
            stored: 0,
            down_since: 0,
            invocation: String::new(),
            started: 0,
            result: SUCCESS,
            reload_result: SUCCESS,
            changed: 0,
        }
    }

    pub(super) fn is_masked(&self) -> bool {
        self.spec.file == FileState::Masked
    }

    pub(super) fn is_service(&self) -> bool {
        self.spec.name.kind() == UnitKind::Service
    }

    pub(super) fn has_stop_pending(&self) -> bool {
        self.job.as_ref().is_some_and(Pending::is_stop)
    }

    /// Down, and nobody asked to change that.
    pub(super) fn is_idle(&self) -> bool {
        self.active.is_down() && self.job.is_none()
    }

    pub(super) fn view(&self) -> View {
        View {
            active: self.active,
            process: self.process.clone(),
            files: self.files,
            stored: self.stored,
            has_job: self.job.is_some(),
            file: self.spec.file.clone(),
            held: self.held,
        }
    }
}
