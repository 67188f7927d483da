//! Re-executing an init, and whether its services survived that. The inits carry it out; comparing is pure.

use std::time::Duration;

use thiserror::Error;

use super::InitError;
use crate::domain::UnitName;

/// An init that can replace itself while its services go on.
pub trait Reexecutes {
    /// How every unit that it knows stands now.
    ///
    /// # Errors
    /// When it could not be asked.
    fn standing(&mut self) -> Result<Vec<Standing>, InitError>;

    /// Re-executes it and returns, once it answers again, how long that took.
    ///
    /// # Errors
    /// When it could not be asked, refuses, or is not back within `limit`.
    fn reexec(&mut self, limit: Duration) -> Result<Duration, InitError>;
}

/// How a unit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The unit.
    pub unit: UnitName,
    /// Whether it is up.
    pub active: bool,
    /// Its main process, 0 if none.
    pub main_pid: u32,
    /// How its last run ended, in the init's word: `success`, `exit-code`; empty where unknown.
    pub result: String,
}

impl Standing {
    /// Whether nothing is known to have gone wrong with it.
    fn is_well(&self) -> bool {
        matches!(self.result.as_str(), "" | "success")
    }
}

/// What a unit did not keep.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Change {
    /// It was up, and is not.
    #[error("{0} was active and is not any more")]
    Down(UnitName),
    /// Its main process is another.
    #[error("{unit} had main process {before} and has {after} now")]
    OtherProcess {
        /// The unit.
        unit: UnitName,
        /// Before.
        before: u32,
        /// After.
        after: u32,
    },
}

/// What of `before` is not so `after`, as far as a re-exec can have done it. What came up meanwhile is
/// no loss. Nor is a service whose main process has ended meanwhile, which no re-exec does to it, if it
/// ended well or was started again; `runs` tells whether a process of before still does. An init that
/// lost track of a process that runs on has lost it, whatever it says of the end.
pub fn changes(before: &[Standing], after: &[Standing], runs: &dyn Fn(u32) -> bool) -> Vec<Change> {
    let change = |was: &Standing| {
        let unit = was.unit.clone();
        let is = after.iter().find(|is| is.unit == was.unit);
        let ended_by_itself = || was.main_pid != 0 && !runs(was.main_pid);
        match is {
            Some(is) if is.active && is.main_pid == was.main_pid => None,
            Some(is) if is.active && ended_by_itself() => None,
            Some(is) if is.active => Some(Change::OtherProcess {
                unit,
                before: was.main_pid,
                after: is.main_pid,
            }),
            // An init forgets what ended well, and keeps what failed.
            Some(is) if is.is_well() && ended_by_itself() => None,
            None if ended_by_itself() => None,
            Some(_) | None => Some(Change::Down(unit)),
        }
    };
    let up = before.iter().filter(|was| was.active);
    up.filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(unit: &str, active: bool, main_pid: u32) -> Standing {
        let unit = UnitName::parse(unit).unwrap();
        Standing {
            unit,
            active,
            main_pid,
            result: String::new(),
        }
    }

    /// Every process runs on.
    const ALL: &dyn Fn(u32) -> bool = &|_| true;

    fn told(before: &[Standing], after: &[Standing], runs: &dyn Fn(u32) -> bool) -> Vec<String> {
        let changes = changes(before, after, runs);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_went_down_what_is_gone_and_what_has_another_process_is_told() {
        let before = [
            stands("kept", true, 7),
            stands("fell", true, 8),
            stands("gone", true, 9),
            stands("swapped", true, 10),
            stands("was-down", false, 0),
        ];
        let after = [
            stands("kept", true, 7),
            stands("fell", false, 0),
            stands("swapped", true, 11),
            stands("new", true, 12),
        ];
        assert_eq!(
            told(&before, &after, ALL),
            [
                "fell.service was active and is not any more",
                "gone.service was active and is not any more",
                "swapped.service had main process 10 and has 11 now",
            ]
        );
    }

    #[test]
    fn a_state_that_survived_has_no_changes() {
        let before = [stands("a", true, 7), stands("b.socket", true, 0)];
        assert!(changes(&before, &before, ALL).is_empty());
        assert!(changes(&[], &before, ALL).is_empty());
    }

    #[test]
    fn what_ended_by_itself_meanwhile_was_not_lost_and_what_runs_on_unknown_was() {
        let ended = |unit: &str, result: &str| Standing {
            result: result.to_owned(),
            ..stands(unit, false, 0)
        };
        let before = [
            stands("done", true, 7),
            stands("gone", true, 8),
            stands("restarted-itself", true, 9),
            stands("crashed", true, 10),
            stands("forgotten", true, 20),
            stands("second-copy", true, 21),
            stands("remains", true, 0),
        ];
        let after = [
            ended("done", "success"),
            stands("restarted-itself", true, 30),
            ended("crashed", "signal"),
            ended("forgotten", "success"),
            stands("second-copy", true, 31),
            ended("remains", "success"),
        ];
        assert_eq!(
            told(&before, &after, &|pid| pid >= 20),
            [
                "crashed.service was active and is not any more",
                "forgotten.service was active and is not any more",
                "second-copy.service had main process 21 and has 31 now",
                "remains.service was active and is not any more",
            ]
        );
    }
}
