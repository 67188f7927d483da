//! Who asks what: the front end, the service, the action, its flags and the maintainer script's context.

use serde::{Deserialize, Serialize};

use super::{Action, UnitName};

/// Which command line the request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrontEnd {
    /// `invoke-rc.d`
    #[serde(rename = "invoke-rc.d")]
    InvokeRcD,
    /// `deb-systemd-invoke`
    DebSystemdInvoke,
    /// `rcpolicy` itself: a flush, a restore, an explanation.
    Rcpolicy,
}

impl FrontEnd {
    /// The name that stands in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvokeRcD => "invoke-rc.d",
            Self::DebSystemdInvoke => "deb-systemd-invoke",
            Self::Rcpolicy => "rcpolicy",
        }
    }
}

/// The system's services, or those of the users' managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The system manager.
    #[default]
    System,
    /// Every running user manager.
    User,
}

impl Scope {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// What dpkg is doing with the package whose script asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The package comes onto the machine.
    Install,
    /// One version replaces another, or a failed operation is unwound.
    Upgrade,
    /// The package leaves, or makes room for another.
    Remove,
    /// A dpkg trigger is processed.
    Trigger,
    /// No maintainer script asks.
    #[default]
    None,
}

impl Phase {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Remove => "remove",
            Self::Trigger => "trigger",
            Self::None => "none",
        }
    }
}

/// Ways of doing an action that a caller can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// `--quiesce`: stop the service alone, its triggers may wake it again.
    Quiesce,
    /// `--defer`: do it when the batch is over.
    Defer,
    /// `--force`: regardless of policy-rc.d.
    Force,
}

impl Flag {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quiesce => "quiesce",
            Self::Defer => "defer",
            Self::Force => "force",
        }
    }
}

/// The maintainer script that asks, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Context {
    /// DPKG_MAINTSCRIPT_PACKAGE
    pub package: Option<String>,
    /// DPKG_MAINTSCRIPT_NAME: preinst, prerm, postinst, postrm, triggered.
    pub script: Option<String>,
    /// What dpkg is doing.
    pub phase: Phase,
    /// When the outermost dpkg or apt above us started, in seconds since the epoch.
    pub batch_started: Option<u64>,
    /// The same, not later, in microseconds of the monotonic clock, which nobody sets.
    #[serde(default)]
    pub batch_began: Option<u64>,
}

impl Context {
    /// The script, as it stands in a note or in the log.
    pub fn caller(&self) -> Caller {
        Caller {
            package: self.package.clone(),
            script: self.script.clone(),
            phase: self.phase,
        }
    }
}

/// The maintainer script that asked, as it stands in a note or in the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Caller {
    /// DPKG_MAINTSCRIPT_PACKAGE
    #[serde(default)]
    pub package: Option<String>,
    /// DPKG_MAINTSCRIPT_NAME
    #[serde(default)]
    pub script: Option<String>,
    /// What dpkg was doing.
    #[serde(default)]
    pub phase: Phase,
}

/// One action asked of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which command line it came by.
    pub front: FrontEnd,
    /// The name as the caller wrote it.
    pub named: String,
    /// The unit behind that name, as this front end derives it.
    pub unit: UnitName,
    /// What is asked.
    pub action: Action,
    /// How it is asked.
    pub flags: Vec<Flag>,
    /// System or users.
    pub scope: Scope,
    /// Who asks.
    pub context: Context,
}

impl Request {
    /// Whether the caller gave `flag`.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }
}
