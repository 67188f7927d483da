//! Where the policy lies on a machine. Names only; nothing is read.

use std::path::{Path, PathBuf};

use crate::policy::rule::Tier;

/// Whether a policy that read well is kept for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// On the machine that the policy is for, by root.
    Yes,
    /// In a chroot, when offline, and for those who only look.
    No,
}

/// Where the policy lies, and who may have written it.
#[derive(Debug, Clone)]
pub struct Roots {
    /// The admin's directory.
    pub etc: PathBuf,
    /// The admin's directory until the next boot.
    pub run: PathBuf,
    /// The packages' directory.
    pub lib: PathBuf,
    /// The directory of the copy of the last policy that read well.
    pub cache: PathBuf,
    /// The directory of holds.
    pub holds: PathBuf,
    /// The user id that files may belong to besides root's.
    pub owner: u32,
    /// Whether that copy is brought up to date.
    pub keep: Keep,
}

impl Roots {
    /// The machine's own.
    pub fn system(keep: Keep) -> Self {
        Self::under(Path::new("/"), keep)
    }

    /// The same directories below `prefix`.
    pub fn under(prefix: &Path, keep: Keep) -> Self {
        Self {
            etc: prefix.join("etc/rcpolicy/policy.d"),
            run: prefix.join("run/rcpolicy/policy.d"),
            lib: prefix.join("usr/lib/rcpolicy/policy.d"),
            cache: prefix.join("var/lib/rcpolicy/last-good"),
            holds: prefix.join("var/lib/rcpolicy/holds"),
            owner: 0,
            keep,
        }
    }

    /// The directory of `tier`.
    pub(super) fn directory(&self, tier: Tier) -> &Path {
        match tier {
            Tier::Admin => &self.etc,
            Tier::Runtime => &self.run,
            Tier::Vendor => &self.lib,
        }
    }
}
