//! When a service went down, kept from one call to the next: OpenRC takes its link away and keeps no
//! time. By it the admin's stop before an upgrade is told from the upgrade's own.
//!
//! It stands among the values that OpenRC keeps of the service, as a script puts them there with
//! service_set_value. Those OpenRC 0.45 leaves alone when the service comes up, and takes away whenever it
//! has come down, or has failed to come up, whoever asked for that. So no note outlives a start and a
//! stop that we were not told of. A service that is up may still have one, which means nothing.
//!
//! Each call begins with noting, for all that are newly down, when any service last came up or went down,
//! which is not too early, and who takes one down notes when that was.

use super::places::{Places, is_there};
use crate::files::{Directory, Missing};

/// The value's name.
pub(super) const VALUE: &str = "rcpolicy_down_since";
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

/// When `name`, which is down, went down, where somebody noted that.
pub(super) fn recall(places: &Places, name: &str) -> Option<Moment> {
    let bytes = open(places, name, Missing::Fail)?.read(VALUE, LONGEST).ok();
    parse(std::str::from_utf8(&bytes?).ok()?)
}

/// Notes that `name` went down then. By others than root nothing can be noted, and nothing has to be.
pub(super) fn note(places: &Places, name: &str, down: Moment) {
    let text = format!("{VERSION} {} {}\n", down.monotonic, down.epoch);
    if is_there(&places.values()) == Ok(true)
        && let Some(directory) = open(places, name, Missing::Create)
    {
        let _ = directory.replace(VALUE, text.as_bytes());
    }
}

fn open(places: &Places, name: &str, missing: Missing) -> Option<Directory> {
    Directory::open(&places.values().join(name), missing).ok()
}

fn parse(text: &str) -> Option<Moment> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let version = words.next()?;
    let (monotonic, epoch) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let whole = version == VERSION && words.next().is_none() && monotonic > 0;
    whole.then_some(Moment { monotonic, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(
            &["1 66196813510 1795266550\n"],
            &["1", " ", "\n", "0"],
            |text| {
                let _ = parse(text);
            },
        );
    }
}
