//! What a maintainer script asks of services: each call with its place, with what had to be assumed for
//! it to be reached, and with what becomes of its exit status.

mod ask;
#[cfg(test)]
mod tests;

use crate::audit::package::ScriptName;
pub use ask::{Ask, asked, asks};

/// Which of the two packages of an upgrade a script belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one that is installed.
    Old,
    /// The one that is coming.
    New,
}

/// A place in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose script.
    pub side: Side,
    /// Which script.
    pub script: ScriptName,
    /// Byte offset of its first character.
    pub start: usize,
    /// Byte offset behind its last one.
    pub end: usize,
    /// Line of its first character, from 1.
    pub line: u32,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// `invoke-rc.d`
    InvokeRcD,
    /// `deb-systemd-invoke`
    DebSystemdInvoke,
    /// `deb-systemd-helper`
    DebSystemdHelper,
    /// `systemctl`
    Systemctl,
    /// `service`
    Service,
    /// `/etc/init.d/X`, run directly
    InitScript,
    /// `update-rc.d`
    UpdateRcD,
    /// `rc-service`
    RcService,
    /// `sv`
    Sv,
    /// `initctl`, and `start`, `stop`, `restart`, `reload` of Upstart
    Initctl,
    /// `start-stop-daemon`
    StartStopDaemon,
    /// `dpkg-trigger`
    DpkgTrigger,
    /// `kill`, `killall`, `pkill`
    Kill,
    /// A program of the package itself that is left running in the background (`daemon &`).
    Background,
}

/// A word of a call, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// It is this.
    Known(String),
    /// What it will be is not known; how it is written.
    Unknown(String),
}

/// Something that had to be taken for true or false.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assumption {
    /// Where it stands.
    pub place: Place,
    /// The command or condition, as it is written.
    pub text: String,
    /// What it was taken for: whether it succeeded.
    pub held: bool,
}

/// What becomes of an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusUse {
    /// A failure ends the script with an error.
    Fatal,
    /// Nobody sees it (`|| true`, no `set -e`).
    Hidden,
    /// It decides what the script does next.
    Tested,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// Where it stands.
    pub place: Place,
    /// What is called.
    pub tool: Tool,
    /// The words, the program's own first.
    pub words: Vec<Word>,
    /// What had to be assumed for it to be reached here; empty where it is surely reached.
    pub assumed: Vec<Assumption>,
    /// What becomes of its exit status.
    pub status: StatusUse,
    /// Descriptors that it has from the script as they are: of 0, 1 and 2 those that are not redirected.
    pub inherits: [bool; 3],
    /// Functions through which it was reached, outermost first, by the line of their call.
    pub through: Vec<u32>,
}
