//! From the time of the day, in which supervisors write down what happened, to the monotonic clock, in
//! which everything else here is told. The distance between the two is noted down when it is first
//! seen, and again whenever somebody has set the clock: so a moment is the same number whenever it is
//! asked for, and a clock that is set in the middle of an upgrade moves nothing that happened before.
//!
//! A clock that was set backwards tells two moments by one time. Which one is meant shows where both files lie in
//! memory, as /run does: such a file system numbers its files in the order in which they are made, and whoever
//! replaces a file makes one. So what a supervisor wrote after the note was written came after it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use nix::time::{ClockId, clock_gettime};

use super::tai::Stamp;
use crate::files::{Directory, Missing};
use crate::init::monotonic;

/// Version of the file: `1`, then lines of `SINCE DISTANCE`.
const VERSION: &str = "1";
/// No such file is longer, in bytes.
const LONGEST: u64 = 4096;
/// More settings than these are not kept: the newest are.
const MOST: usize = 64;
/// Distances nearer to each other than this, in microseconds, are the same: two clocks are not read at
/// once.
const SAME: u64 = 2_000;
/// Distances are rounded up to this, in microseconds, so that whoever measures at the same time comes to
/// the same one; up, so that nothing seems to have happened later than it did.
const GRAIN: u64 = 1_000;

/// The clock as it was set, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting {
    /// When that was first seen, in microseconds of the monotonic clock.
    since: u64,
    /// By how much the time of the day was ahead, in microseconds.
    distance: u64,
}

/// Where a file stands in the order in which those of its file system were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) struct Made {
    device: u64,
    number: u64,
}

impl Made {
    /// The place of `file`; `None` where its file system gives numbers in no order.
    pub(in crate::init) fn of(file: &File) -> Option<Self> {
        let kind = fstatfs(file).ok()?.filesystem_type();
        let status = file.metadata().ok()?;
        (kind == TMPFS_MAGIC).then(|| Self {
            device: status.dev(),
            number: status.ino(),
        })
    }

    fn is_after(self, other: Self) -> bool {
        self.device == other.device && self.number > other.number
    }
}

/// All settings of the clock that were seen in this life of the machine, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Clock {
    settings: Vec<Setting>,
    /// The note of the last one.
    noted: Option<Made>,
}

impl Clock {
    /// What is noted in the file `path`, with the clock as it is now; without a path, or where nothing
    /// can be noted, as it is now alone.
    pub(in crate::init) fn noted(path: Option<&Path>) -> Self {
        let now = monotonic();
        let distance = measured();
        let Some((directory, name)) = path.and_then(split) else {
            return Self::of(vec![Setting { since: 0, distance }]);
        };
        let (clock, new) = read(&directory, &name)
            .unwrap_or(Self::of(Vec::new()))
            .with(now, distance);
        if !new {
            return clock;
        }
        // By others than root nothing can be noted: they act on nothing.
        let _ = Directory::open(&directory, Missing::Create)
            .and_then(|directory| directory.replace(&name, clock.text().as_bytes()));
        match read(&directory, &name) {
            // Somebody else may have noted more.
            Some(noted) if noted.settings == clock.settings => noted,
            Some(_) | None => clock,
        }
    }

    fn of(settings: Vec<Setting>) -> Self {
        Self {
            settings,
            noted: None,
        }
    }

    /// The settings with the one of `now`, and whether that is new.
    fn with(mut self, now: u64, distance: u64) -> (Self, bool) {
        let known = self.settings.last();
        if known.is_some_and(|last| last.distance.abs_diff(distance) < SAME) {
            return (self, false);
        }
        // The first one is taken to hold since the boot.
        let since = if known.is_some() { now } else { 0 };
        self.settings.push(Setting { since, distance });
        let surplus = self.settings.len().saturating_sub(MOST);
        self.settings.drain(..surplus);
        self.noted = None;
        (self, true)
    }

    /// `stamp`, which stands in a file `made` then, in microseconds of the monotonic clock; 0 where it was before the
    /// boot. Where the clock was set backwards and nothing tells which moment is meant it is the earlier one.
    pub(in crate::init) fn monotonic(&self, stamp: Stamp, made: Option<Made>) -> u64 {
        let epoch = stamp.epoch_micros();
        let moment = |setting: &Setting| epoch.saturating_sub(setting.distance);
        if let (Some(last), Some(noted), Some(made)) = (self.settings.last(), self.noted, made)
            && made.is_after(noted)
            && moment(last) >= last.since
        {
            return moment(last);
        }
        let until = self.settings.iter().skip(1).map(|next| next.since);
        let until = until.chain(std::iter::once(u64::MAX));
        let settings = self.settings.iter().zip(until);
        // What by one setting would have come after the next was seen, came by that one. Where both fit, the
        // clock was set backwards: the later moment would be another one than was noted before that.
        let found = settings
            .map(|(setting, until)| (moment(setting), until))
            .find(|(moment, until)| moment <= until);
        found.map_or(0, |(moment, _)| moment)
    }

    fn text(&self) -> String {
        let lines = self.settings.iter();
        let lines = lines.map(|setting| format!("{} {}\n", setting.since, setting.distance));
        format!("{VERSION}\n{}", lines.collect::<String>())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        if lines.next() != Some(VERSION) {
            return None;
        }
        let setting = |line: &str| {
            let (since, distance) = line.split_once(' ')?;
            let (since, distance) = (since.parse().ok()?, distance.parse().ok()?);
            Some(Setting { since, distance })
        };
        let settings: Option<Vec<Setting>> = lines.map(setting).collect();
        settings.map(Self::of)
    }
}

/// What is noted in the file `name`, and which file that is.
fn read(directory: &Path, name: &str) -> Option<Clock> {
    let directory = Directory::open(directory, Missing::Fail).ok()?;
    let file = directory.open_file(name, OFlag::O_RDONLY, 0).ok()?;
    let made = Made::of(&file);
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(Clock {
        noted: made,
        ..Clock::parse(&bytes)?
    })
}

fn split(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_str()?.to_owned();
    Some((path.parent()?.to_path_buf(), name))
}

/// By how much the time of the day is ahead of the monotonic clock, in microseconds. Both run at the
/// same rate, also while the machine's time is being adjusted: only setting the clock, or sleep, changes
/// it.
fn measured() -> u64 {
    let real = clock_gettime(ClockId::CLOCK_REALTIME);
    let real = real.map_or(0, |time| std::time::Duration::from(time).as_micros());
    let ahead = u64::try_from(real).unwrap_or(u64::MAX);
    ahead.saturating_sub(monotonic()).next_multiple_of(GRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    /// A distance: the machine was booted then.
    const BOOT: u64 = 1_700_000_000 * SECOND;

    fn stamp(micros: u64) -> Stamp {
        let seconds = (1_u64 << 62) + 10 + micros / SECOND;
        let nanos = u32::try_from(micros % SECOND * 1000).unwrap();
        let mut label = seconds.to_be_bytes().to_vec();
        label.extend(nanos.to_be_bytes());
        Stamp::parse(&label).unwrap()
    }

    fn clock(settings: &[(u64, u64)]) -> Clock {
        let settings = settings.iter();
        let settings = settings.map(|&(since, distance)| Setting { since, distance });
        Clock::of(settings.collect())
    }

    #[test]
    fn a_moment_is_the_same_number_whenever_it_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/clock");
        let moment = stamp(measured() + 5 * SECOND);
        let first = Clock::noted(Some(&path)).monotonic(moment, None);
        for _ in 0..100 {
            assert_eq!(Clock::noted(Some(&path)).monotonic(moment, None), first);
        }
        assert!(first.abs_diff(5 * SECOND) < 10_000, "{first}");
        assert!(Clock::noted(None).monotonic(moment, None).abs_diff(first) < SAME);
    }

    #[test]
    fn a_clock_that_is_set_moves_nothing_that_happened_before() {
        let (once, new) = clock(&[(0, BOOT)]).with(100 * SECOND, BOOT + 1_500);
        assert!(!new, "reading two clocks takes time");
        assert_eq!(once, clock(&[(0, BOOT)]));
        for distance in [BOOT + 3_600 * SECOND, BOOT - 30 * SECOND] {
            let (set, new) = once.clone().with(100 * SECOND, distance);
            assert!(new);
            let before = stamp(BOOT + 50 * SECOND);
            assert_eq!(set.monotonic(before, None), 50 * SECOND, "{distance}");
        }
        // By the clock that was set back it could have been 25 s after that, too.
        let (back, _) = once.clone().with(100 * SECOND, BOOT - 30 * SECOND);
        assert_eq!(back.monotonic(stamp(BOOT + 95 * SECOND), None), 95 * SECOND);
        let (forward, _) = once.with(100 * SECOND, BOOT + 3_600 * SECOND);
        let after = stamp(BOOT + 3_600 * SECOND + 120 * SECOND);
        assert_eq!(forward.monotonic(after, None), 120 * SECOND);
    }

    #[test]
    fn after_a_clock_was_set_backwards_what_was_written_after_that_was_noted_came_after_it() {
        let made = |number| Some(Made { device: 1, number });
        let mut set = clock(&[(0, BOOT), (100 * SECOND, BOOT - 30 * SECOND)]);
        set.noted = made(7);
        // 110 s after the boot, by the clock that was set back by 30 s.
        let stop = stamp(BOOT + 80 * SECOND);
        assert_eq!(set.monotonic(stop, made(8)), 110 * SECOND);
        assert_eq!(set.monotonic(stop, made(6)), 80 * SECOND);
        assert_eq!(set.monotonic(stop, None), 80 * SECOND);
        let elsewhere = Made {
            device: 2,
            number: 8,
        };
        assert_eq!(set.monotonic(stop, Some(elsewhere)), 80 * SECOND);
        // Written again, and what it says is from before.
        let before = stamp(BOOT + 50 * SECOND);
        assert_eq!(set.monotonic(before, made(8)), 50 * SECOND);
    }

    #[test]
    fn files_in_memory_are_numbered_as_they_are_made_and_others_are_in_no_order() {
        let Ok(place) = tempfile::tempdir_in("/dev/shm") else {
            return;
        };
        let made = |name: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, "").unwrap();
            Made::of(&File::open(path).unwrap())
        };
        let numbered: Option<Vec<Made>> = (0..100).map(|at| made(&at.to_string())).collect();
        let Some(numbered) = numbered else { return };
        for pair in numbered.windows(2) {
            assert!(pair[1].is_after(pair[0]) && !pair[0].is_after(pair[1]));
        }
        let proc = File::open("/proc/self/status").unwrap();
        assert_eq!(Made::of(&proc), None);
    }

    #[test]
    fn what_happened_before_the_boot_is_0_and_what_is_no_note_is_none() {
        assert_eq!(clock(&[(0, BOOT)]).monotonic(stamp(BOOT - 1), None), 0);
        let noted = clock(&[(0, BOOT), (7, BOOT + SECOND)]);
        assert_eq!(Clock::parse(noted.text().as_bytes()), Some(noted));
        for text in [
            "",
            "1",
            "2\n0 5\n",
            "1\n5\n",
            "1\n0 -5\n",
            "1\n0 5",
            "1\n0 5\n\n",
            "\u{0}",
        ] {
            assert_eq!(Clock::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_machine_whose_clock_is_set_all_day_keeps_a_short_note() {
        let mut noted = clock(&[]);
        for day in 0..500 {
            noted = noted.with(day * SECOND, BOOT + day * 10 * SECOND).0;
        }
        assert_eq!(noted.settings.len(), MOST);
        assert!(noted.text().len() as u64 <= LONGEST);
    }

    #[test]
    fn a_note_that_cannot_be_written_or_is_somebody_elses_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [Path::new("/proc/none/clock"), &link.join("clock")] {
            assert_eq!(Clock::noted(Some(path)).settings.len(), 1);
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let seeds = [
            "1\n0 1795266550205591\n",
            "1\n0 5\n70 1795266550205591\n90 7\n",
        ];
        crate::testing::mutations::mutated_text(
            &seeds,
            &["1\n", "0 ", "18446744073709551615"],
            |text| {
                if let Some(clock) = Clock::parse(text.as_bytes()) {
                    let again = Clock::parse(clock.text().as_bytes());
                    assert_eq!(again.as_ref(), Some(&clock));
                    let _ = clock.monotonic(stamp(BOOT + SECOND), None);
                }
            },
        );
    }
}
