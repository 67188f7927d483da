//! Carrying out: a plan's steps, in order, on an init, with the ledger written before and struck
//! after. It decides nothing; what went wrong is in the report, and nothing is printed here.

mod surely;

use thiserror::Error;

pub use self::surely::{Asking, Bounds, kill};

use crate::decide::{Plan, Step};
use crate::domain::{Job, JobFailure, JobOutcome, UnitFacts, UnitName, Wait};
use crate::failpoint::{Point, reach};
use crate::init::{Depth, Init, InitError, monotonic};
use crate::ledger::{Entry, Ledger, LedgerError};

/// Nothing was done.
#[derive(Debug, Error)]
pub enum ActError {
    /// What must be noted down first could not be.
    #[error("cannot note down what is to be done: {0}")]
    Note(#[from] LedgerError),
    /// There is no running init that a note could be about.
    #[error("cannot note down what is to be done: no running init to note it for")]
    NoLife,
    /// It must not be done now, and it cannot be noted down for later.
    #[error("cannot hold it back: {0}")]
    Unheld(String),
    /// The init could not be asked, before anything was done.
    #[error(transparent)]
    Init(#[from] InitError),
}

/// What was done.
#[must_use]
#[derive(Debug, Default)]
pub struct Report {
    /// Each job and how it ended.
    pub outcomes: Vec<(Job, JobOutcome)>,
    /// What went wrong besides, one line each.
    pub warnings: Vec<String>,
}

impl Report {
    /// How the last job for `unit` ended.
    pub fn of(&self, unit: &UnitName) -> Option<(&Job, &JobOutcome)> {
        let found = self
            .outcomes
            .iter()
            .rev()
            .find(|(job, _)| job.unit == *unit);
        found.map(|(job, outcome)| (job, outcome))
    }

    /// The jobs that failed.
    pub fn failures(&self) -> impl Iterator<Item = (&Job, &JobFailure)> {
        self.outcomes
            .iter()
            .filter_map(|(job, outcome)| match outcome {
                JobOutcome::Failed(failure) => Some((job, failure)),
                JobOutcome::Done | JobOutcome::Queued => None,
            })
    }

    /// The jobs of which it is not known whether they were done, or that go on by themselves: what
    /// is owed still. A `Lost` whose contact is `Unread` was not done, and may be asked for again; a
    /// `TimedOut` runs, and must not.
    pub fn unsettled(&self) -> impl Iterator<Item = (&Job, &JobFailure)> {
        self.failures().filter(|(_, failure)| match failure {
            JobFailure::Lost(_) | JobFailure::TimedOut { .. } => true,
            JobFailure::Refused { .. }
            | JobFailure::Ended { .. }
            | JobFailure::Exited { .. }
            | JobFailure::Replaced(_) => false,
        })
    }
}

/// Carries out `plan`. `wait` is for the jobs that were asked for.
///
/// # Errors
/// Only as long as nothing was done; all later trouble is in the report.
pub fn carry_out(
    plan: &Plan,
    wait: Wait,
    init: &mut dyn Init,
    ledger: Option<&Ledger>,
) -> Result<Report, ActError> {
    carry_out_within(plan, wait, init, ledger, &Bounds::default())
}

/// The same, with what was lost followed up no longer than `bounds` says.
///
/// # Errors
/// As `carry_out`.
pub fn carry_out_within(
    plan: &Plan,
    wait: Wait,
    init: &mut dyn Init,
    ledger: Option<&Ledger>,
    bounds: &Bounds<'_>,
) -> Result<Report, ActError> {
    let mut report = Report::default();
    let mut begun = false;
    for step in plan.steps(wait) {
        match step {
            Step::Record(entry) => {
                let ledger = ledger.ok_or(ActError::NoLife)?;
                record(ledger, *entry, init.clock(), &mut report)?;
            }
            Step::Hold(unit) => warn(
                &mut report,
                surely::repeated(init, bounds, |init| init.hold(&unit)),
                "hold off D-Bus calls to",
                &unit,
            ),
            Step::Release(unit) => {
                warn(
                    &mut report,
                    surely::repeated(init, bounds, |init| init.release(&unit)),
                    "let D-Bus calls reach",
                    &unit,
                );
            }
            Step::Jobs { jobs, wait } => match surely::run(init, &jobs, wait, bounds) {
                Ok(outcomes) => report.outcomes.extend(jobs.into_iter().zip(outcomes)),
                Err(error) if !begun => return Err(error.into()),
                Err(error) => lost(&mut report, jobs, &error),
            },
            Step::Leave(entry) => {
                let Some(ledger) = ledger.filter(|_| report.failures().next().is_none()) else {
                    continue;
                };
                if let Err(error) = ledger.lock().and_then(|mut locked| locked.put(&entry)) {
                    let service = &entry.service;
                    report
                        .warnings
                        .push(format!("cannot change the note about {service}: {error}"));
                }
            }
            Step::Strike(service) => {
                let Some(ledger) = ledger.filter(|_| report.failures().next().is_none()) else {
                    continue;
                };
                if let Err(error) = ledger.lock().and_then(|mut locked| locked.strike(&service)) {
                    report
                        .warnings
                        .push(format!("cannot strike the note about {service}: {error}"));
                }
            }
        }
        if !begun && !report.outcomes.is_empty() {
            begun = true;
            reach(Point::Halfway);
        }
    }
    remember_times(plan, init, ledger, bounds, &mut report);
    Ok(report)
}

/// Only notes down what the plan says is to be noted. Returns what went wrong besides.
///
/// # Errors
/// When that could not be done.
pub fn note(plan: &Plan, ledger: Option<&Ledger>) -> Result<Vec<String>, ActError> {
    let ledger = ledger.ok_or(ActError::NoLife)?;
    let mut report = Report::default();
    for entry in &plan.records {
        record(ledger, entry.clone(), monotonic(), &mut report)?;
    }
    Ok(report.warnings)
}

/// Notes `entry` down at `now`, in microseconds of the monotonic clock.
fn record(
    ledger: &Ledger,
    mut entry: Entry,
    now: u64,
    report: &mut Report,
) -> Result<(), ActError> {
    entry.who.pid = std::process::id();
    if let Some(owed) = &mut entry.owed {
        owed.at = owed.at.or(Some(now));
    }
    let mut locked = ledger.lock()?;
    locked.merge(entry)?;
    report
        .warnings
        .extend(locked.notices().iter().map(ToString::to_string));
    Ok(())
}

fn warn(report: &mut Report, result: Result<(), InitError>, what: &str, unit: &UnitName) {
    if let Err(error) = result {
        report
            .warnings
            .push(format!("cannot {what} {unit}: {error}"));
    }
}

fn lost(report: &mut Report, jobs: Vec<Job>, error: &InitError) {
    let outcomes = jobs.into_iter().map(|job| (job, surely::never(error)));
    report.outcomes.extend(outcomes);
}

/// Notes when each unit went down by our stop: a later time means that somebody else stopped it
/// since, and it stays down then.
fn remember_times(
    plan: &Plan,
    init: &mut dyn Init,
    ledger: Option<&Ledger>,
    bounds: &Bounds<'_>,
    report: &mut Report,
) {
    let Some(ledger) = ledger.filter(|_| !plan.stops.is_empty()) else {
        return;
    };
    let stopped = |entry: &&Entry| entry.down.is_some() || entry.quiesced.is_some();
    for record in plan.records.iter().filter(stopped) {
        if let Err(why) = remember(record, init, ledger, bounds) {
            report.warnings.push(format!(
                "the note about {} is incomplete: {why}",
                record.service
            ));
        }
    }
}

fn remember(
    record: &Entry,
    init: &mut dyn Init,
    ledger: &Ledger,
    bounds: &Bounds<'_>,
) -> Result<(), String> {
    let units = record.down.iter().flat_map(|down| &down.units);
    let mut names: Vec<UnitName> = units.map(|stopped| stopped.unit.clone()).collect();
    names.push(record.unit.clone());
    let facts = surely::repeated(init, bounds, |init| init.units(&names, Depth::Relations))
        .map_err(|error| error.to_string())?;
    let mut locked = ledger.lock().map_err(|error| error.to_string())?;
    let noted = locked
        .current(&record.service)
        .map_err(|error| error.to_string())?;
    let Some(mut entry) = noted else {
        return Ok(());
    };
    for unit in facts.iter().filter(|unit| unit.is_down()) {
        note_time(&mut entry, unit);
    }
    locked.put(&entry).map_err(|error| error.to_string())
}

fn note_time(entry: &mut Entry, unit: &UnitFacts) {
    let since = Some(unit.down_since);
    if unit.asked == entry.unit {
        if let Some(quiesced) = &mut entry.quiesced {
            quiesced.down_since = since;
        }
        if let Some(down) = &mut entry.down {
            down.service_down_since = since;
        }
    }
    let units = entry.down.iter_mut().flat_map(|down| &mut down.units);
    for stopped in units.filter(|stopped| stopped.unit == unit.asked) {
        stopped.down_since = since;
    }
}

#[cfg(test)]
mod tests;
