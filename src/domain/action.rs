//! What is asked of a service: the word a script used, and the verb an init understands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An action as a maintainer script names it. Init scripts may know words that nobody else does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Action {
    /// `start`
    Start,
    /// `stop`
    Stop,
    /// `restart`
    Restart,
    /// `try-restart`
    TryRestart,
    /// `reload`
    Reload,
    /// `force-reload`
    ForceReload,
    /// `force-stop`
    ForceStop,
    /// `status`
    Status,
    /// Any other word, handed on as it is.
    Other(String),
}

impl Action {
    /// The action behind a word; every word is one.
    pub fn parse(text: &str) -> Self {
        match text {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "try-restart" => Self::TryRestart,
            "reload" => Self::Reload,
            "force-reload" => Self::ForceReload,
            "force-stop" => Self::ForceStop,
            "status" => Self::Status,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::TryRestart => "try-restart",
            Self::Reload => "reload",
            Self::ForceReload => "force-reload",
            Self::ForceStop => "force-stop",
            Self::Status => "status",
            Self::Other(word) => word,
        }
    }

    /// Whether carrying it out can bring up a service that is down.
    pub fn may_start(&self) -> bool {
        match self {
            Self::Start | Self::Restart | Self::ForceReload | Self::Other(_) => true,
            Self::TryRestart | Self::Stop | Self::Reload | Self::ForceStop | Self::Status => false,
        }
    }

    /// Whether it takes a service down and leaves it so.
    pub fn stops(&self) -> bool {
        match self {
            Self::Stop | Self::ForceStop => true,
            Self::Start
            | Self::Restart
            | Self::TryRestart
            | Self::Reload
            | Self::ForceReload
            | Self::Status
            | Self::Other(_) => false,
        }
    }

    /// Whether stock checks runlevel links or the enabled state for it.
    pub fn needs_link(&self) -> bool {
        matches!(self, Self::Start | Self::Restart | Self::TryRestart)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<String> for Action {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Action> for String {
    fn from(action: Action) -> Self {
        action.as_str().to_owned()
    }
}

/// What a job asks of an init. Named as systemd names its job types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Start what is not running.
    Start,
    /// Stop what is running.
    Stop,
    /// Stop and start, or start.
    Restart,
    /// Restart only what is running.
    TryRestart,
    /// Let the service reread its configuration.
    Reload,
    /// Reload where the service can, else restart.
    ReloadOrRestart,
}

impl Verb {
    /// The word, as systemctl takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::TryRestart => "try-restart",
            Self::Reload => "reload",
            Self::ReloadOrRestart => "reload-or-restart",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
