//! From the times of files to the clock that all else is compared by.

use std::time::{Duration, SystemTime};

use super::memory::Moment;
use crate::init::monotonic;

/// A file's time by both clocks; `None` where it would lie before the boot or in the future, as after the
/// clock was set.
pub(super) fn moment((seconds, nanoseconds): (i64, i64)) -> Option<Moment> {
    let epoch = u64::try_from(seconds).ok()?;
    let nanoseconds = u32::try_from(nanoseconds).ok()?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::new(epoch, nanoseconds))?;
    let ago = u64::try_from(SystemTime::now().duration_since(at).ok()?.as_micros()).ok()?;
    let monotonic = monotonic().checked_sub(ago).filter(|at| *at > 0)?;
    Some(Moment { monotonic, epoch })
}

/// Now.
pub(super) fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Moment {
        monotonic: monotonic(),
        epoch: since.map_or(0, |since| since.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_time_lies_a_little_before_now_by_both_clocks() {
        let now = now();
        let whole = i64::try_from(now.epoch).unwrap();
        let found = moment((whole - 1, 0)).unwrap();
        assert_eq!(found.epoch, now.epoch - 1);
        let ago = now.monotonic - found.monotonic;
        assert!((900_000..2_100_000).contains(&ago), "{ago}");
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        let tomorrow = i64::try_from(now().epoch).unwrap() + 86_400;
        for (what, at) in [
            ("before the epoch", (-1, 0)),
            ("before the boot", (1, 0)),
            ("tomorrow", (tomorrow, 0)),
            ("no nanoseconds", (1, -1)),
        ] {
            assert_eq!(moment(at), None, "{what}");
        }
    }
}
