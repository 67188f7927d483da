//! A verdict and its reasons. Every reason names its source, so that `explain` can say why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Action, time};

/// Until when a deferred action waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// Until the package operations that are under way are over.
    #[default]
    Batch,
    /// Until somebody flushes.
    Flush,
    /// Until the next boot.
    Reboot,
}

impl Until {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Flush => "flush",
            Self::Reboot => "reboot",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The action as it was asked for.
    Run(Action),
    /// The service and its triggers, so that nothing starts it until somebody asks.
    Stop,
    /// The service alone; its triggers may start it again at once.
    Quiesce,
    /// Stop and start.
    Restart,
    /// Restart only what runs replaced files.
    IfStale,
    /// Reread the configuration.
    Reload,
    /// Later; the action that is then done.
    Defer {
        /// What is owed.
        action: Action,
        /// Until when.
        until: Until,
    },
    /// Neither now nor owed as such: a stop in an upgrade that becomes a restart with the start to come.
    Hold,
    /// These actions in turn, until one succeeds.
    FallBack(Vec<String>),
    /// Not at all.
    Deny,
    /// Nothing runs; the caller gets this exit status.
    Emulate(u8),
    /// Nothing needs to be done.
    Nothing,
}

impl Verdict {
    /// Until when the action waits, where it was put off.
    pub fn until(&self) -> Option<Until> {
        match self {
            Self::Defer { until, .. } => Some(*until),
            Self::Run(_)
            | Self::Stop
            | Self::Quiesce
            | Self::Restart
            | Self::IfStale
            | Self::Reload
            | Self::Hold
            | Self::FallBack(_)
            | Self::Deny
            | Self::Emulate(_)
            | Self::Nothing => None,
        }
    }

    /// The action that is run as it was asked for; `None` where anything else becomes of it.
    pub fn run(&self) -> Option<&Action> {
        match self {
            Self::Run(action) => Some(action),
            Self::Stop
            | Self::Quiesce
            | Self::Restart
            | Self::IfStale
            | Self::Reload
            | Self::Defer { .. }
            | Self::Hold
            | Self::FallBack(_)
            | Self::Deny
            | Self::Emulate(_)
            | Self::Nothing => None,
        }
    }
}

/// Where a reason comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A rule of a policy file.
    Rule {
        /// The file.
        path: String,
        /// The line on which the rule begins, from 1.
        line: usize,
    },
    /// A hold, which ends by itself.
    Hold {
        /// Its file.
        path: String,
        /// When it ends, in seconds since the epoch; `None` where it cannot be read.
        until: Option<u64>,
    },
    /// policy-rc.d and its exit status.
    PolicyRcD {
        /// Exit status.
        status: u8,
    },
    /// An option of the command line.
    Option(String),
    /// Runlevel links.
    Links,
    /// What the init says of a unit.
    Unit(String),
    /// What the processes of a unit run, beside what lies on the disk.
    Staleness(String),
    /// What rcpolicy noted down earlier.
    Ledger,
    /// What rcpolicy does when nobody says otherwise.
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { path, line } => write!(f, "{path}:{line}"),
            Self::Hold {
                until: Some(until), ..
            } => write!(f, "hold until {}", time::minute(*until)),
            Self::Hold { path, until: None } => write!(f, "hold {path}"),
            Self::PolicyRcD { status } => write!(f, "policy-rc.d (exit status {status})"),
            Self::Option(option) => write!(f, "option {option}"),
            Self::Links => f.write_str("runlevel links"),
            Self::Unit(unit) => write!(f, "state of {unit}"),
            Self::Staleness(unit) => write!(f, "what {unit} runs"),
            Self::Ledger => f.write_str("ledger"),
            Self::BuiltIn => f.write_str("built in"),
        }
    }
}

/// One reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Where it comes from.
    pub source: Source,
    /// What it says, one line.
    pub text: String,
}

impl Reason {
    /// A reason from `source`.
    pub fn new(source: Source, text: impl Into<String>) -> Self {
        Self {
            source,
            text: text.into(),
        }
    }
}

/// What was decided, and why.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What is to be done.
    pub verdict: Verdict,
    /// Why, in the order in which it was found.
    pub reasons: Vec<Reason>,
}

impl Decision {
    /// A decision with one reason.
    pub fn because(verdict: Verdict, reason: Reason) -> Self {
        Self {
            verdict,
            reasons: vec![reason],
        }
    }
}
