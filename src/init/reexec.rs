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

/// What of `before` is not so `after`. What came up meanwhile is no loss.
pub fn changes(before: &[Standing], after: &[Standing]) -> Vec<Change> {
    let change = |was: &Standing| {
        let unit = was.unit.clone();
        let is = after.iter().find(|is| is.unit == was.unit);
        match is {
            Some(is) if is.active && is.main_pid == was.main_pid => None,
            Some(is) if is.active => Some(Change::OtherProcess {
                unit,
                before: was.main_pid,
                after: is.main_pid,
            }),
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
        }
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
        let told: Vec<String> = changes(&before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
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
        assert!(changes(&before, &before).is_empty());
        assert!(changes(&[], &before).is_empty());
    }
}
