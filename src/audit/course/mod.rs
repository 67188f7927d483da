//! Which maintainer scripts dpkg runs, in which order and with which words, and what they then ask for.
//! The order is that of Debian policy, chapter 6, checked against what dpkg does (tests/audit/course.rs).

mod courses;
mod notes;
mod order;
mod scene;
mod shared;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::audit::call::{Call, Side};
use crate::audit::package::{Package, ScriptName};
use crate::audit::shell::{Cut, Path};
pub use courses::Courses;
pub use scene::{Moment, Scene};

/// What dpkg does with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// It is installed where it was not.
    Install,
    /// It is installed where its configuration was left.
    Again,
    /// One version replaces another.
    Upgrade,
    /// An upgrade during which this script of this side fails, with what dpkg does to unwind it. A script
    /// that runs only to mend what another one left fails after that one did.
    Failed(Side, ScriptName),
    /// It is removed; its configuration stays.
    Remove,
    /// It is to be removed, and its prerm fails.
    FailedRemove,
    /// What is left of it is removed.
    Purge,
    /// It is deconfigured since a package that breaks it is to be installed, and configured again since that
    /// failed. Where that package takes the place of one that this one needs, dpkg adds which that is.
    Deconfigure,
    /// A trigger that it is interested in was activated.
    Trigger,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Install,
        Self::Again,
        Self::Upgrade,
        Self::Failed(Side::Old, ScriptName::Prerm),
        Self::Failed(Side::New, ScriptName::Prerm),
        Self::Failed(Side::New, ScriptName::Preinst),
        Self::Failed(Side::Old, ScriptName::Postrm),
        Self::Failed(Side::New, ScriptName::Postrm),
        Self::Failed(Side::Old, ScriptName::Preinst),
        Self::Failed(Side::Old, ScriptName::Postinst),
        Self::Failed(Side::New, ScriptName::Postinst),
        Self::Remove,
        Self::FailedRemove,
        Self::Purge,
        Self::Deconfigure,
        Self::Trigger,
    ];
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
        /// Whether it is the one that fails on this way.
        fails: bool,
        /// The ways through it; one where everything is known, none where it cannot be read.
        paths: Rc<[Path]>,
        /// Why these are not all the ways, where they are not.
        cut: Option<Cut>,
    },
    /// The new version's files take the place of the old one's.
    Unpack,
    /// The old version's files take the place of the new one's again.
    Restore,
    /// The files are removed, the configuration stays.
    RemoveFiles,
    /// The configuration is removed.
    RemoveConfiguration,
}

impl Step {
    /// The calls that are made whatever has to be assumed, or on the way that assumes least.
    pub fn likeliest(&self) -> &[Call] {
        match self {
            Self::Run { paths, .. } => paths.first().map_or(&[], |path| &path.calls),
            Self::Unpack | Self::Restore | Self::RemoveFiles | Self::RemoveConfiguration => &[],
        }
    }
}

/// All that dpkg does on one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The way.
    pub way: Way,
    /// Its steps.
    pub steps: Vec<Step>,
}

impl Course {
    /// The runs of scripts, such as `postinst configure 1.0`, of which not all ways were followed to their end; none of
    /// one that cannot be read.
    pub fn unfollowed(&self) -> Vec<String> {
        let runs = self.steps.iter().filter_map(|step| match step {
            Step::Run {
                script,
                arguments,
                paths,
                cut,
                ..
            } => {
                let all = cut.is_none() && !paths.is_empty();
                let shown = || format!("{} {}", script.as_str(), arguments.join(" "));
                (!all).then(|| shown().trim_end().to_owned())
            }
            Step::Unpack | Step::Restore | Step::RemoveFiles | Step::RemoveConfiguration => None,
        });
        runs.collect()
    }
}

/// The two packages of an upgrade; one of them alone for all else.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The one that is installed.
    pub old: Option<&'a Package>,
    /// The one that is coming. What is removed, purged, deconfigured and triggered is it, where it is there.
    pub new: Option<&'a Package>,
}

impl<'a> Pair<'a> {
    /// A package of which it is not known what it replaces: itself, as most upgrades keep the scripts.
    pub fn of_one(package: &'a Package) -> Self {
        Self {
            old: Some(package),
            new: Some(package),
        }
    }

    /// The package of a side.
    pub fn side(&self, side: Side) -> Option<&'a Package> {
        match side {
            Side::Old => self.old,
            Side::New => self.new,
        }
    }

    /// The side that is meant where it is about one package.
    fn sole(&self) -> Side {
        if self.new.is_some() {
            Side::New
        } else {
            Side::Old
        }
    }
}

/// What dpkg does with two packages on a way.
pub fn course(way: Way, pair: &Pair<'_>, scene: &Scene) -> Course {
    Courses::new(*pair).course(way, scene)
}
