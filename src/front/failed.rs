//! What a failed restart left down, where the init restarts by a stop and a start of its own: the service,
//! and all that needs it. It is noted like what a stop took down, and comes back with the next start.

use crate::act::Report;
use crate::decide::note_of_failed_restart;
use crate::domain::{JobFailure, JobOutcome, UnitFacts, Verb};
use crate::init::{Depth, Init, InitError};
use crate::ledger::Entry;

use super::perform::{Case, Session, one_unit};

impl Session {
    /// Notes what failed restarts among `report` left down. What could not be noted is said there.
    pub(super) fn note_failed(&self, init: &mut dyn Init, cases: &[Case], report: &mut Report) {
        let Some(ledger) = &self.ledger else { return };
        if init.capabilities().whole_restarts.is_native() {
            return;
        }
        let failed = cases.iter().filter(|case| has_failed(case, report));
        let mut troubles = Vec::new();
        for case in failed {
            let unit = &case.facts.unit.id;
            let trouble = match self.left_down(init, case) {
                Ok(None) => continue,
                Ok(Some(entry)) => ledger
                    .lock()
                    .and_then(|mut locked| locked.merge(entry).map(drop))
                    .err(),
                Err(error) => {
                    troubles.push(format!(
                        "what the restart of {unit} left down is not known: {error}"
                    ));
                    continue;
                }
            };
            troubles.extend(trouble.map(|error| {
                format!("what the restart of {unit} left down cannot be noted: {error}")
            }));
        }
        report.warnings.extend(troubles);
    }

    fn left_down(&self, init: &mut dyn Init, case: &Case) -> Result<Option<Entry>, InitError> {
        let after = one_unit(init, &case.facts.unit.id, Depth::Relations)?;
        let needing = init.units(&after.required_by, Depth::State)?;
        // What was down before we came fell with nobody.
        let fell = |unit: &UnitFacts| unit.is_down() && unit.down_since >= self.began;
        let fallen: Vec<UnitFacts> = needing.into_iter().filter(fell).collect();
        Ok(note_of_failed_restart(&case.decided(), &after, &fallen))
    }
}

/// Whether its restart was tried, and came to nothing.
fn has_failed(case: &Case, report: &Report) -> bool {
    let restarts = |verb: Verb| match verb {
        Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart => true,
        Verb::Start | Verb::Stop | Verb::Reload => false,
    };
    match report.of(&case.facts.unit.id) {
        Some((job, JobOutcome::Failed(JobFailure::Ended { .. } | JobFailure::Exited { .. }))) => {
            restarts(job.verb)
        }
        Some(_) | None => false,
    }
}
