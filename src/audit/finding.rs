//! What an audit has to say: one finding a place, each of a check that the table names.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It goes wrong in some cases, or is bad practice.
    Warning,
    /// A service is left in the wrong state, or an upgrade fails.
    Error,
}

/// A place in a file of a package, as a reader finds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// The file: `acpid_2.0.34-1_amd64.deb: prerm`, `/usr/lib/systemd/system/acpid.socket`.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column of its first character, from 1, in characters.
    pub column: u32,
    /// How many characters are meant; at least 1.
    pub width: u32,
    /// The whole line, for the report.
    pub text: String,
    /// What is to be said of this place; empty for the main one.
    pub label: String,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// The check's identifier: `socket-not-stopped`.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// One sentence: what is wrong, with which service.
    pub message: String,
    /// The main place first, then others that explain it.
    pub spots: Vec<Spot>,
    /// What to do about it.
    pub suggestion: String,
    /// What had to be assumed for it; empty where it surely happens.
    pub assumed: Vec<String>,
    /// The reason that its silencing comment gives, where there is one.
    pub allowed: Option<String>,
}
