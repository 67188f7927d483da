//! When a service went down, kept from one call to the next: OpenRC takes its link away and keeps no
//! time. By it the admin's stop before an upgrade is told from the upgrade's own.
//!
//! Each call begins with noting, for all that are newly down, when any service last came up or went down,
//! which is not too early, and who takes one down notes when that was. A service that is seen up is
//! forgotten. What came up and went down between two calls keeps the older note: nothing tells of it.

use std::path::PathBuf;

use crate::files::{Directory, Missing};

/// Version of the format: `1 MONOTONIC EPOCH`, microseconds and seconds.
const VERSION: &str = "1";
/// No such file is longer, in bytes.
const LONGEST: u64 = 128;

/// A moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moment {
    /// Microseconds of the monotonic clock.
    pub(super) monotonic: u64,
    /// Seconds since the epoch.
    pub(super) epoch: u64,
}

/// Where it is kept; nowhere without a directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(pub(super) Option<PathBuf>);

impl Memory {
    /// When `name` went down, where somebody noted that.
    pub(super) fn recall(&self, name: &str) -> Option<Moment> {
        let bytes = self.open(Missing::Fail)?.read(name, LONGEST).ok()?;
        parse(std::str::from_utf8(&bytes).ok()?)
    }

    /// The names of all that there is a note of.
    pub(super) fn noted(&self) -> Vec<String> {
        let names = self
            .open(Missing::Fail)
            .and_then(|directory| directory.names().ok());
        let names = names.into_iter().flatten();
        names.filter_map(|name| name.into_string().ok()).collect()
    }

    /// Notes that `name` went down then. By others than root nothing can be noted, and nothing has to be.
    pub(super) fn note(&self, name: &str, down: Moment) {
        let text = format!("{VERSION} {} {}\n", down.monotonic, down.epoch);
        if let Some(directory) = self.open(Missing::Create) {
            let _ = directory.replace(name, text.as_bytes());
        }
    }

    /// `name` is up.
    pub(super) fn forget(&self, name: &str) {
        if let Some(directory) = self.open(Missing::Fail) {
            let _ = directory.remove(name);
        }
    }

    fn open(&self, missing: Missing) -> Option<Directory> {
        Directory::open(self.0.as_ref()?, missing).ok()
    }
}

fn parse(text: &str) -> Option<Moment> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let version = words.next()?;
    let (monotonic, epoch) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let whole = version == VERSION && words.next().is_none() && monotonic > 0;
    whole.then_some(Moment { monotonic, epoch })
}
