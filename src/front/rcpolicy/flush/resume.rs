//! A flush that is cut off between a restart and its note's end must not be the cause of a second one.
//! Before a restart is asked for, what runs is written into the note; the next flush compares.

use std::time::{Duration, Instant};

use crate::domain::{ActiveState, UnitFacts};
use crate::front::perform::one_unit;
use crate::init::{Depth, Init};
use crate::ledger::{Entry, Run};

use super::payer::Payer;

/// How long a restart that somebody asked for before us may go on: as long as a stop may take where
/// nobody says otherwise, and a little more.
const UNDER_WAY: Duration = Duration::from_secs(100);
/// How long what is down may still be on its way up.
const BETWEEN: Duration = Duration::from_millis(300);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(50);

impl Payer<'_> {
    /// Notes that the service is about to be restarted. Paying needs no room on a disk: where that
    /// cannot be noted it is restarted all the same.
    pub(super) fn begin_restart(&self, entry: &Entry, unit: &UnitFacts) -> Entry {
        let begun = Entry {
            restarting: Some(Run {
                invocation: unit.invocation.clone(),
                main_pid: unit.main_pid,
            }),
            ..entry.clone()
        };
        let noted = self.session.ledger.as_ref().is_some_and(|ledger| {
            let paid = ledger
                .lock()
                .and_then(|mut locked| locked.pay(entry, Some(&begun)));
            paid.unwrap_or(false)
        });
        if noted { begun } else { entry.clone() }
    }

    /// The entry without what a flush that was cut off has done of it.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(super) fn resumed(&self, init: &mut dyn Init, entry: &Entry) -> Result<Entry, String> {
        let Some(before) = &entry.restarting else {
            return Ok(entry.clone());
        };
        let unit = come_to_rest(init, entry)?;
        let left = Entry {
            restarting: None,
            ..entry.clone()
        };
        let left = match is_another_run(before, &unit) {
            false => left,
            true => Entry {
                owed: None,
                kept_running: false,
                quiesced: None,
                ..left
            },
        };
        let Some(ledger) = &self.session.ledger else {
            return Ok(left);
        };
        match ledger
            .lock()
            .and_then(|mut locked| locked.pay(entry, Some(&left)))
        {
            Ok(true) => Ok(left),
            Ok(false) => Err("more was noted meanwhile".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The service once no job that was left behind moves it any more.
fn come_to_rest(init: &mut dyn Init, entry: &Entry) -> Result<UnitFacts, String> {
    let deadline = Instant::now() + UNDER_WAY;
    let mut seen_down = None;
    loop {
        let unit =
            one_unit(init, &entry.unit, Depth::Relations).map_err(|error| error.to_string())?;
        match unit.active.get() {
            Some(ActiveState::Activating | ActiveState::Deactivating)
                if Instant::now() < deadline =>
            {
                std::thread::sleep(PAUSE);
            }
            Some(ActiveState::Activating | ActiveState::Deactivating) => {
                return Err(
                    "the restart that an earlier flush asked for is still under way".to_owned(),
                );
            }
            // Between its stop and its start a restart is down, for a moment.
            Some(ActiveState::Inactive)
                if seen_down.get_or_insert_with(Instant::now).elapsed() < BETWEEN =>
            {
                std::thread::sleep(PAUSE);
            }
            Some(_) | None => return Ok(unit),
        }
    }
}

/// Whether the service was started after `before` ran. Where the init does not tell its runs apart,
/// nobody knows.
fn is_another_run(before: &Run, unit: &UnitFacts) -> bool {
    let ended_well = unit.oneshot && unit.active.is_and(|state| *state == ActiveState::Inactive);
    let another = !unit.invocation.is_empty() && unit.invocation != before.invocation;
    another && (unit.is_up() || ended_well)
}
