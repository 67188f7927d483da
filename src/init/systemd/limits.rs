//! How long jobs may take by their units' own limits: what PID 1 itself bounds, and no less. It asks
//! and adds up; whoever waits decides what that means.

use std::time::Duration;

use super::queries::{self, Property};
use super::waiting::Ask;
use crate::domain::{Job, UnitKind, Verb};
use crate::init::InitError;

/// Added to the units' own limits: what PID 1 needs around a start and a stop.
const GRACE: Duration = Duration::from_secs(10);
/// systemd's "no limit" in microseconds.
const INFINITY: u64 = u64::MAX;

/// A limit, and how often it may pass before the job ends.
type Times = (Property, u32);

// Each phase has the whole limit: ExecStartPre and ExecStart; ExecStop, then SIGTERM and SIGKILL,
// which a start that takes too long comes to as well.
const START: [Times; 2] = [(queries::TIMEOUT_START, 2), (queries::TIMEOUT_STOP, 2)];
const RELOAD: [Times; 1] = [(queries::TIMEOUT_START, 2)];
const STOP: [Times; 1] = [(queries::TIMEOUT_STOP, 2)];
const RESTART: [Times; 2] = [(queries::TIMEOUT_START, 2), (queries::TIMEOUT_STOP, 4)];
const SOCKET: [Times; 1] = [(queries::TIMEOUT_SOCKET, 2)];

/// The longest that `jobs` may take; nothing for "no limit".
pub(super) fn own(ask: &mut dyn Ask, jobs: &[&Job]) -> Result<Option<Duration>, InitError> {
    let limits: Option<Vec<&[Times]>> = jobs.iter().map(|job| of(job)).collect();
    let Some(limits) = limits else {
        return Ok(None);
    };
    let each = || {
        let pairs = jobs.iter().zip(&limits);
        pairs.flat_map(|(job, limits)| limits.iter().map(|limit| (&job.unit, *limit)))
    };
    let answers = ask.ask(&|link| {
        let questions = each().map(|(unit, (property, _))| queries::get(link, unit, property));
        questions.collect()
    })?;
    let micros = answers.into_iter().map(queries::value::<u64>);
    Ok(sum(micros
        .map(Result::ok)
        .zip(each().map(|(_, limit)| limit.1))))
}

/// Jobs of one transaction may wait for each other: their limits add up. One that is not known
/// bounds nothing.
fn sum(limits: impl Iterator<Item = (Option<u64>, u32)>) -> Option<Duration> {
    let mut total = GRACE;
    for (micros, times) in limits {
        let micros = micros.filter(|micros| *micros != INFINITY)?;
        let phase = Duration::from_micros(micros);
        total = total.saturating_add(phase.saturating_mul(times));
    }
    Some(total)
}

/// What bounds `job`; `None` where nothing does.
fn of(job: &Job) -> Option<&'static [Times]> {
    match (job.unit.kind(), job.verb) {
        (UnitKind::Service, Verb::Start) => Some(&START),
        (UnitKind::Service, Verb::Reload) => Some(&RELOAD),
        (UnitKind::Service, Verb::Stop) => Some(&STOP),
        (UnitKind::Service, Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart) => {
            Some(&RESTART)
        }
        (UnitKind::Socket, _) => Some(&SOCKET),
        // A target waits for whatever it pulls in, and so may the others: only the admin can bound
        // that.
        (
            UnitKind::Target
            | UnitKind::Path
            | UnitKind::Timer
            | UnitKind::Automount
            | UnitKind::Other,
            _,
        ) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnitName;

    #[test]
    fn what_systemd_does_not_bound_has_no_limit() {
        let bounded = |unit: &str, verb| of(&Job::new(verb, UnitName::parse(unit).unwrap()));
        for unit in ["a.target", "a.mount", "a.timer", "a.path", "a.automount"] {
            assert_eq!(bounded(unit, Verb::Start), None, "{unit}");
        }
        assert!(bounded("a.service", Verb::Start).is_some());
        assert!(bounded("a.socket", Verb::Stop).is_some());
    }

    #[test]
    fn limits_add_up_and_one_that_is_unknown_or_infinite_bounds_nothing() {
        let second = Some(1_000_000);
        let cases = [
            (vec![], Some(10)),
            (vec![(second, 2)], Some(12)),
            (vec![(second, 2), (second, 4)], Some(16)),
            (vec![(second, 2), (Some(INFINITY), 2)], None),
            (vec![(None, 2), (second, 2)], None),
        ];
        for (limits, expected) in cases {
            let found = sum(limits.iter().copied());
            assert_eq!(found.map(|limit| limit.as_secs()), expected, "{limits:?}");
        }
    }
}
