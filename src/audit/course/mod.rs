//! Which maintainer scripts dpkg runs, in which order and with which words, and what they then ask for.
//! The order is that of Debian policy, chapter 6, checked against what dpkg does.

use crate::audit::call::Side;
use crate::audit::package::ScriptName;
use crate::audit::shell::Path;

/// What dpkg does with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// It is installed where it was not.
    Install,
    /// One version replaces another.
    Upgrade,
    /// An upgrade during which this script of this side fails, with what dpkg does to unwind it.
    Failed(Side, ScriptName),
    /// It is removed; its configuration stays.
    Remove,
    /// What is left of it is removed.
    Purge,
    /// A trigger that it is interested in was activated.
    Trigger,
}

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A script is run.
    Run {
        /// Whose.
        side: Side,
        /// Which.
        script: ScriptName,
        /// With these words.
        arguments: Vec<String>,
        /// The ways through it; one where everything is known.
        paths: Vec<Path>,
    },
    /// The new version's files take the place of the old one's.
    Unpack,
    /// The files are removed, the configuration stays.
    RemoveFiles,
    /// The configuration is removed.
    RemoveConfiguration,
}

/// All that dpkg does on one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The way.
    pub way: Way,
    /// Its steps.
    pub steps: Vec<Step>,
}
