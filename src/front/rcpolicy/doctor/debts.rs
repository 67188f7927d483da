//! The ledger: what cannot be read, what was set aside, what has been owed for long, what keeps failing.

use nix::time::{ClockId, clock_gettime};

use crate::domain::Until;
use crate::front::rcpolicy::{Failure, Place};
use crate::ledger::{self, Entry, Ledger, Listing};
use crate::report::doctor::{Finding, Level};
use crate::report::time;

const PART: &str = "ledger";
/// What waits longer than that was probably forgotten, in seconds.
const LONG: u64 = 7 * 86_400;

/// What tells how long ago something was, each in seconds.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    /// The time of the day, since the epoch. It may have been set since.
    wall: u64,
    /// How long the machine has been up, time in suspend included.
    uptime: u64,
    /// The same without suspend: by that it is noted when something was asked for.
    monotonic: u64,
}

impl Clocks {
    fn read(place: &Place) -> Self {
        let seconds = |clock| clock_gettime(clock).map_or(0, |time| time.tv_sec());
        let seconds = |clock| u64::try_from(seconds(clock)).unwrap_or(0);
        Self {
            wall: place.seconds(),
            uptime: seconds(ClockId::CLOCK_BOOTTIME),
            monotonic: seconds(ClockId::CLOCK_MONOTONIC),
        }
    }

    /// For how long an entry is owed. Where the time of the day was set since, as on a machine that knows it only once it
    /// is on the network: no longer than the machine is up, for no entry outlives that, and as long as its action at least.
    fn age(self, since: u64, asked: Option<u64>) -> u64 {
        const MICROS: u64 = 1_000_000;
        let told = self.wall.saturating_sub(since);
        let asked = asked.map_or(0, |at| self.monotonic.saturating_sub(at / MICROS));
        told.max(asked).min(self.uptime)
    }
}

pub(super) fn examine(place: &Place) -> Vec<Finding> {
    let ledger = match place.ledger() {
        Ok(ledger) => ledger,
        Err(Failure::NoLife) => {
            let text = "no running init here (a chroot, or no /proc): nothing is noted down";
            return vec![Finding::new(Level::Note, PART, text)];
        }
        Err(failure) => return vec![super::unseen(place, PART, failure.to_string())],
    };
    let listing = match ledger.all() {
        Ok(listing) => listing,
        Err(error) => return vec![super::unseen(place, PART, error.to_string())],
    };
    let mut found = troubles(place, &listing);
    found.extend(set_aside(place));
    found.extend(unfinished(place, &ledger));
    let clocks = Clocks::read(place);
    for entry in &listing.entries {
        found.extend(failing(entry));
        found.extend(old(clocks, entry));
    }
    if found.is_empty() {
        found.push(match listing.entries.len() {
            0 => Finding::new(Level::Fine, PART, "nothing is owed"),
            owed => Finding::new(
                Level::Fine,
                PART,
                format!("services that are owed something: {owed}"),
            )
            .advising("`rcpolicy pending` shows what, and what it waits for"),
        });
    }
    found
}

fn troubles(place: &Place, listing: &Listing) -> Vec<Finding> {
    let each = listing.troubles.iter().map(|trouble| {
        let finding = super::unseen(place, PART, trouble.to_string());
        match finding.level {
            Level::Problem => finding.advising(
                "nothing is done for that service: `rcpolicy flush` sets aside what is damaged; look what it was about",
            ),
            _ => finding,
        }
    });
    each.collect()
}

/// What was damaged and moved out of the way: somebody may still be owed something.
fn set_aside(place: &Place) -> Option<Finding> {
    let directory = place.path(ledger::DIRECTORY).join("ledger");
    let entries = std::fs::read_dir(&directory).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut aside: Vec<String> = names.filter(|name| name.contains(".damaged-")).collect();
    aside.sort();
    let first = aside.first()?;
    let (count, shown) = (aside.len(), format!("{}/ledger/{first}", ledger::DIRECTORY));
    let text = format!("notes that were damaged and set aside: {count}, such as `{shown}`");
    Some(Finding::new(Level::Warning, PART, text).advising(
        "see whether those services run, restart them if in doubt, then remove the files",
    ))
}

fn unfinished(place: &Place, ledger: &Ledger) -> Vec<Finding> {
    let mut found = Vec::new();
    match ledger.bus_restart() {
        Ok(None) => {}
        Ok(Some(restart)) => {
            let text = format!(
                "a restart of {} was begun and is not finished",
                restart.unit
            );
            found.push(
                Finding::new(Level::Warning, PART, text).advising("`rcpolicy flush` finishes it"),
            );
        }
        Err(error) => found.push(super::unseen(place, PART, error.to_string())),
    }
    match ledger.abandoned() {
        Ok(left) if left.is_empty() => {}
        Ok(left) => {
            let text = format!("calls that were killed in the middle: {}", left.len());
            found.push(
                Finding::new(Level::Warning, PART, text)
                    .advising("`rcpolicy flush` looks what became of them, and finishes them"),
            );
        }
        Err(error) => found.push(super::unseen(place, PART, error.to_string())),
    }
    found
}

fn failing(entry: &Entry) -> Option<Finding> {
    let failed = entry.failed.as_ref()?;
    let text = format!(
        "what is owed to {} failed {} times, the last time at {}: {}",
        entry.service,
        failed.tries,
        time::minute(failed.when),
        failed.why
    );
    let advice = format!("mend it, then `rcpolicy flush {}`", entry.service);
    Some(Finding::new(Level::Problem, PART, text).advising(advice))
}

fn old(clocks: Clocks, entry: &Entry) -> Option<Finding> {
    let age = clocks.age(entry.since, entry.asked_at());
    if age < LONG {
        return None;
    }
    let since = time::minute(clocks.wall.saturating_sub(age));
    let service = &entry.service;
    let until = entry.owed.as_ref().map(|owed| owed.until);
    let text = format!(
        "{service} is owed something since {since}: {}",
        entry.because
    );
    let advice = match until {
        Some(Until::Reboot) => format!("reboot, or `rcpolicy flush {service}`"),
        Some(Until::Batch | Until::Flush) | None => {
            format!("`rcpolicy flush {service}`, or `rcpolicy forget {service}`")
        }
    };
    Some(Finding::new(Level::Warning, PART, text).advising(advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    const NOW: u64 = 1_795_000_000;

    #[test]
    fn the_age_of_a_debt_is_told_by_the_day_unless_the_clock_was_set_since() {
        let asked = |days: u64| Some(days * DAY * 1_000_000);
        for (what, since, asked, uptime, monotonic, expected) in [
            ("as it is", NOW - 9 * DAY, asked(1), 10, 10, 9),
            ("it was asked for again", NOW - 9 * DAY, asked(9), 10, 10, 9),
            ("set forward, from 1970 on", 60, asked(1), 10, 10, 10),
            ("set forward, a day after the boot", 60, asked(0), 1, 1, 1),
            ("set back since", NOW + 9 * DAY, asked(1), 10, 10, 9),
            (
                "set back, asleep for a week",
                NOW + 9 * DAY,
                asked(1),
                10,
                3,
                2,
            ),
            (
                "set back, and nothing tells when",
                NOW + 9 * DAY,
                None,
                10,
                10,
                0,
            ),
            ("it is of now", NOW, asked(10), 10, 10, 0),
            ("a clock that was never set", 0, None, 0, 0, 0),
        ] {
            let clocks = Clocks {
                wall: NOW,
                uptime: uptime * DAY,
                monotonic: monotonic * DAY,
            };
            assert_eq!(clocks.age(since, asked), expected * DAY, "{what}");
        }
    }
}
