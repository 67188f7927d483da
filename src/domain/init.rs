//! The inits there are, and what their services are to the tools. What each can do is in `capabilities`.

use serde::{Deserialize, Serialize};

/// The init that runs this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitKind {
    /// systemd
    Systemd,
    /// Upstart
    Upstart,
    /// sysvinit with scripts and links
    Sysv,
    /// OpenRC
    Openrc,
    /// runit
    Runit,
    /// s6
    S6,
    /// The embedded model.
    Simulated,
}

/// What the services of an init are to the tools: which way an action on one of them takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Units, those made from init scripts included.
    Units,
    /// Jobs where it has one of the name; all else is run by init scripts.
    Jobs,
    /// Its own where it has one of the name; all else is run by init scripts.
    Services,
    /// Init scripts, of which nothing is known but what they say.
    Scripts,
}

impl InitKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Systemd,
        Self::Upstart,
        Self::Sysv,
        Self::Openrc,
        Self::Runit,
        Self::S6,
        Self::Simulated,
    ];

    /// What its services are to the tools.
    pub fn manner(self) -> Manner {
        match self {
            Self::Systemd | Self::Simulated => Manner::Units,
            Self::Upstart => Manner::Jobs,
            Self::Openrc | Self::Runit | Self::S6 => Manner::Services,
            Self::Sysv => Manner::Scripts,
        }
    }

    /// What below /run tells scripts that it runs; empty where nothing does.
    pub fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Systemd | Self::Simulated => &["/run/systemd/system", "/run/systemd/private"],
            Self::Openrc => &["/run/openrc/softlevel"],
            Self::Runit => &["/run/runit"],
            Self::Upstart | Self::Sysv | Self::S6 => &[],
        }
    }

    /// Whether what ran although it is not meant to be started at boot comes back with the start of an
    /// upgrade: the init scripts that others of its services have know nothing of `down` files either.
    pub fn comes_back_disabled(self) -> bool {
        self.manner() == Manner::Services && !self.runs_scripts_itself()
    }

    /// As what the init script of a service is run that it does not have itself.
    pub fn of_scripts(self) -> Self {
        match self {
            Self::Upstart | Self::Runit | Self::S6 => Self::Sysv,
            Self::Systemd | Self::Sysv | Self::Openrc | Self::Simulated => self,
        }
    }

    /// Whether its services are init scripts that a tool of its own runs: links allow and deny them as
    /// under sysvinit, and what only a script can do it does.
    pub fn runs_scripts_itself(self) -> bool {
        match self {
            Self::Openrc => true,
            Self::Systemd
            | Self::Upstart
            | Self::Sysv
            | Self::Runit
            | Self::S6
            | Self::Simulated => false,
        }
    }

    /// Whether the init script of a service that it has hands over to it, and ends with 0 whatever comes of
    /// that.
    pub fn hears_no_failure(self) -> bool {
        match self {
            Self::Runit => true,
            Self::Systemd
            | Self::Upstart
            | Self::Sysv
            | Self::Openrc
            | Self::S6
            | Self::Simulated => false,
        }
    }

    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Upstart => "upstart",
            Self::Sysv => "sysv",
            Self::Openrc => "openrc",
            Self::Runit => "runit",
            Self::S6 => "s6",
            Self::Simulated => "simulated",
        }
    }
}
