//! All that was observed for one request. What could not be observed is `Known::Unknown`.

use serde::{Deserialize, Serialize};

use super::{Capabilities, InitKind, Known, Life, UnitName};

/// What the machine as a whole is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// Still booting.
    Starting,
    /// Up (degraded included).
    Running,
    /// Shutting down.
    Stopping,
    /// Our root is not PID 1's, or we were told to stay offline.
    Chroot,
}

impl Machine {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Chroot => "chroot",
        }
    }
}

/// Whether the init knows the unit. systemd's LoadState.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadState {
    /// Read and usable.
    Loaded,
    /// No such unit.
    NotFound,
    /// Masked by the admin.
    Masked,
    /// There, but unusable: bad-setting, error.
    Broken,
}

/// What the unit is doing. systemd's ActiveState.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActiveState {
    /// Up.
    Active,
    /// Up, and reloading or refreshing.
    Reloading,
    /// Down.
    Inactive,
    /// Down after a failure.
    Failed,
    /// On its way up.
    Activating,
    /// On its way down.
    Deactivating,
    /// In maintenance.
    Maintenance,
}

impl ActiveState {
    /// Up, as `systemctl is-active` counts it.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Active | Self::Reloading)
    }

    /// Down and staying down.
    pub fn is_down(self) -> bool {
        matches!(self, Self::Inactive | Self::Failed)
    }
}

/// Whether the unit is meant to be started at boot. systemd's UnitFileState.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// enabled, enabled-runtime
    Enabled,
    /// disabled
    Disabled,
    /// masked, masked-runtime
    Masked,
    /// static: no `[Install]` section
    Static,
    /// Any other word: alias, indirect, generated, linked, transient, bad
    Other(String),
}

impl FileState {
    /// The state behind systemd's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "enabled" | "enabled-runtime" => Self::Enabled,
            "disabled" => Self::Disabled,
            "masked" | "masked-runtime" => Self::Masked,
            "static" => Self::Static,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// What is known of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFacts {
    /// The name under which it was asked for.
    pub asked: UnitName,
    /// Its canonical name, which an alias leads to.
    pub id: UnitName,
    /// Whether the init knows it.
    pub load: Known<LoadState>,
    /// What it does.
    pub active: Known<ActiveState>,
    /// Whether it is meant to be started at boot; `Unknown` also where the init has no answer.
    pub file: Known<FileState>,
    /// Where it was generated from, empty if nowhere. systemd's SourcePath; of a unit that it does
    /// not know, the init script that would have to be run.
    pub source_path: Known<String>,
    /// Whether it understands reload.
    pub can_reload: Known<bool>,
    /// Process id of the main process, 0 if none.
    pub main_pid: u32,
    /// Changes with each start; empty where the init has no such thing.
    pub invocation: String,
    /// When it last went down, in microseconds of the monotonic clock, 0 if never.
    pub down_since: u64,
    /// When it last went down, in seconds since the epoch, 0 if never.
    pub down_since_epoch: u64,
    /// Whether the service runs once and ends (Type=oneshot).
    pub oneshot: bool,
    /// Units that can start this one on demand.
    pub triggered_by: Vec<UnitName>,
    /// Units that this one can start on demand.
    pub triggers: Vec<UnitName>,
    /// Units that fall when this one is stopped (RequiredBy, BoundBy).
    pub required_by: Vec<UnitName>,
    /// What a target pulls in (Wants, Requires); empty for other kinds.
    pub pulls_in: Vec<UnitName>,
    /// Whether its stop ends the main process alone: all others run on (KillMode=process).
    pub spares_others: bool,
    /// Whether a D-Bus call can start it.
    pub bus_activated: bool,
    /// Whether the init keeps file descriptors for it across restarts.
    pub has_fd_store: bool,
    /// Whether this socket starts one instance a connection (Accept=yes).
    pub accepts: bool,
    /// Whether the manager would read the unit's files anew before acting.
    pub needs_reload: bool,
    /// Where it stands among all that is started one after the other: the number of its start link. 0
    /// where the init has an order of its own.
    pub start_number: u8,
    /// Whether dpkg has its package unpacked and not configured, or could not be asked; looked at only
    /// where it would be started beside what was named.
    pub unconfigured: bool,
}

impl UnitFacts {
    /// A unit of which nothing is known.
    pub fn unknown(name: &UnitName, why: &str) -> Self {
        Self {
            asked: name.clone(),
            id: name.clone(),
            load: Known::Unknown(why.to_owned()),
            active: Known::Unknown(why.to_owned()),
            file: Known::Unknown(why.to_owned()),
            source_path: Known::Unknown(why.to_owned()),
            can_reload: Known::Unknown(why.to_owned()),
            main_pid: 0,
            invocation: String::new(),
            down_since: 0,
            down_since_epoch: 0,
            oneshot: false,
            triggered_by: Vec::new(),
            triggers: Vec::new(),
            required_by: Vec::new(),
            pulls_in: Vec::new(),
            spares_others: false,
            bus_activated: false,
            has_fd_store: false,
            accepts: false,
            needs_reload: false,
            start_number: 0,
            unconfigured: false,
        }
    }

    /// Whether it is known to be up (on its way up counts).
    pub fn is_up(&self) -> bool {
        self.active
            .is_and(|s| s.is_active() || *s == ActiveState::Activating)
    }

    /// Whether it is known to be down and staying so.
    pub fn is_down(&self) -> bool {
        self.active.is_and(|s| s.is_down())
    }

    /// Whether it is known to be masked.
    pub fn is_masked(&self) -> bool {
        self.load.is_and(|l| *l == LoadState::Masked)
    }

    /// The init does not know it, but an init script of its name can be run (systemd from 260 on,
    /// which makes no units of scripts any more).
    pub fn is_script_only(&self) -> bool {
        let script = |path: &String| path.starts_with("/etc/init.d/");
        self.is_missing() && self.source_path.is_and(script)
    }

    /// Whether the init is known not to have it.
    pub fn is_missing(&self) -> bool {
        self.load.is_and(|l| *l == LoadState::NotFound)
    }
}

/// What `policy-rc.d` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelperAnswer {
    /// There is none, or it is not executable.
    Absent,
    /// It ended with this status (127 where it could not be run, 128 + n after a signal), and wrote this.
    Said {
        /// Exit status as a shell sees it.
        status: u8,
        /// Its standard output.
        stdout: String,
    },
}

/// All that was observed for one request.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Seconds since the epoch.
    pub now: u64,
    /// The life of the init, where notes can be kept for it: never in a chroot.
    pub life: Option<Life>,
    /// The init that runs.
    pub init: InitKind,
    /// What that init can do.
    pub capabilities: Capabilities,
    /// What the machine is doing.
    pub machine: Known<Machine>,
    /// The unit that was asked for.
    pub unit: UnitFacts,
    /// Everything else that matters for it: its triggers, what those start, what falls with them.
    pub related: Vec<UnitFacts>,
    /// What policy-rc.d said for this unit.
    pub helper: HelperAnswer,
    /// What policy-rc.d said for other units that this action would start or stop on demand.
    pub helper_related: Vec<(UnitName, HelperAnswer)>,
}

impl Facts {
    /// What is known of `name`: the unit itself or a related one, by either of its names.
    pub fn of(&self, name: &UnitName) -> Option<&UnitFacts> {
        std::iter::once(&self.unit)
            .chain(&self.related)
            .find(|unit| unit.id == *name || unit.asked == *name)
    }
}
