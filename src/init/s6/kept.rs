//! What s6-rc keeps: its processes, which s6 supervises below s6-rc's live directory, and what has no process
//! of its own. Up and down are s6-rc's changes, with all that hangs on them. A restart of a process is s6's
//! alone: for s6-rc it stays up, and so does what depends on it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::rc::{Direction, Rc, RcError, Sort};
use super::service::{self, Keeper, Look, Service};
use super::work::refused;
use crate::domain::{
    ActiveState, Job, JobFailure, JobOutcome, Known, LoadState, Seen, UnitFacts, UnitKind,
    UnitName, Verb,
};
use crate::init::Depth;
use crate::init::supervise::clock::Clock;

/// What is behind a unit, and who keeps it.
#[derive(Debug)]
pub(super) enum Found {
    /// s6 alone, or nobody.
    Plain(Look),
    /// s6-rc.
    Kept(Rc, Kept),
}

/// What s6-rc keeps.
#[derive(Debug)]
pub(super) enum Kept {
    /// A process.
    Process(Look),
    /// A oneshot or a bundle.
    Without,
}

/// Whether s6-rc keeps what was `found`.
pub(super) fn of(rc: Rc, unit: &UnitName, found: Look) -> Result<Found, RcError> {
    if unit.kind() != UnitKind::Service {
        return Ok(Found::Plain(found));
    }
    if let Look::There(service) = &found {
        let live = rc.directory();
        let kept = live.is_some_and(|live| service.is_below(&live));
        return Ok(if kept {
            Found::Kept(rc, Kept::Process(found))
        } else {
            Found::Plain(found)
        });
    }
    // One of its processes is never without a supervisor for long.
    Ok(match (rc.sort(unit.service().as_str())?, found) {
        (Some(Sort::Oneshot | Sort::Bundle), Look::Missing) => Found::Kept(rc, Kept::Without),
        (_, found) => Found::Plain(found),
    })
}

/// What decisions go by.
pub(super) fn facts(
    rc: &Rc,
    unit: &UnitName,
    kept: &Kept,
    clock: &Clock,
    depth: Depth,
) -> UnitFacts {
    let mut facts = match kept {
        Kept::Process(found) => service::facts(unit, found, Keeper::Rc, clock),
        Kept::Without => UnitFacts {
            load: Known::Is(LoadState::Loaded),
            active: active(rc, unit),
            source_path: Known::Is(String::new()),
            can_reload: Known::Is(false),
            ..UnitFacts::unknown(unit, "s6-rc does not say")
        },
    };
    if depth == Depth::Relations
        && let Ok(needing) = needing(rc, unit)
    {
        let units = needing.iter().map(|name| UnitName::of_script(name));
        facts.required_by = units.filter_map(Result::ok).collect();
    }
    facts
}

/// What `recover` compares.
pub(super) fn seen(rc: &Rc, unit: &UnitName, kept: &Kept, clock: &Clock) -> Seen {
    match kept {
        Kept::Process(found) => service::seen(unit, found, clock),
        Kept::Without => Seen {
            load: Known::Is(LoadState::Loaded),
            active: active(rc, unit),
            // A change goes on for as long as whoever asked for it does, and no longer.
            job: Known::Is(None),
            ..Seen::unknown(unit, "")
        },
    }
}

/// A bundle is up when something of it is.
fn active(rc: &Rc, unit: &UnitName) -> Known<ActiveState> {
    let state = || {
        let members = rc.members(unit.service().as_str())?;
        let up = rc.up()?;
        Ok::<_, RcError>(if members.is_disjoint(&up) {
            ActiveState::Inactive
        } else {
            ActiveState::Active
        })
    };
    state().into()
}

/// What is up and needs `unit`, without that itself.
fn needing(rc: &Rc, unit: &UnitName) -> Result<BTreeSet<String>, RcError> {
    let name = unit.service();
    let own = rc.members(name.as_str())?;
    let up = rc.up()?;
    let mut needing = rc.fall_with(name.as_str())?;
    needing.retain(|name| up.contains(name) && !own.contains(name));
    Ok(needing)
}

/// Jobs for what s6-rc keeps. They are waited for whatever was asked: who gives up a change half-way leaves
/// s6-rc to believe what is not so.
pub(super) struct Work<'a> {
    /// Who keeps it.
    pub(super) rc: &'a Rc,
    /// How long a change may take.
    pub(super) limit: Duration,
    /// Has s6 do a job.
    pub(super) by_s6: &'a mut dyn FnMut(&Job) -> JobOutcome,
}

impl Work<'_> {
    /// Does `job`, whose unit is `kept`.
    pub(super) fn carry_out(&mut self, kept: &Kept, job: &Job) -> JobOutcome {
        let done = match kept {
            Kept::Process(Look::There(service)) => self.process(service, job),
            Kept::Process(Look::Missing | Look::Deserted(_)) => return (self.by_s6)(job),
            Kept::Without => self.without_process(job).map(|()| JobOutcome::Done),
        };
        done.unwrap_or_else(|error| JobOutcome::Failed(failure(error)))
    }

    fn process(&mut self, service: &Service, job: &Job) -> Result<JobOutcome, RcError> {
        let name = job.unit.service();
        let change = |direction| self.rc.change(direction, &[name.as_str()], self.limit);
        match (job.verb, service.is_kept_down()) {
            (Verb::TryRestart, true) => return Ok(JobOutcome::Done),
            (Verb::Start, _) | (Verb::Restart | Verb::ReloadOrRestart, true) => {
                change(Direction::Up)?;
                // What the admin took down behind s6-rc's back is up after that.
                let start = Job::new(Verb::Start, job.unit.clone());
                return Ok((self.by_s6)(&start));
            }
            (Verb::Stop, _) => change(Direction::Down)?,
            (Verb::Reload, _) | (Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart, _) => {}
        }
        Ok((self.by_s6)(job))
    }

    fn without_process(&self, job: &Job) -> Result<(), RcError> {
        let name = job.unit.service();
        let name = name.as_str();
        match job.verb {
            Verb::Start => self.rc.change(Direction::Up, &[name], self.limit),
            Verb::Stop => self.rc.change(Direction::Down, &[name], self.limit),
            Verb::Reload => Err(RcError::Refused(format!("{} cannot be reloaded", job.unit))),
            Verb::Restart | Verb::ReloadOrRestart => self.restart(name, &[name]),
            Verb::TryRestart => self.restart(name, &[]),
        }
    }

    /// Down, and up what was up of it and of what needs it, and `besides`.
    fn restart(&self, name: &str, besides: &[&str]) -> Result<(), RcError> {
        let all_up = self.rc.up()?;
        let falls = self.rc.fall_with(name)?;
        let was_up = falls.intersection(&all_up).map(String::as_str);
        let back: Vec<&str> = was_up.chain(besides.iter().copied()).collect();
        if back.is_empty() {
            return Ok(());
        }
        self.rc.change(Direction::Down, &[name], self.limit)?;
        self.rc.change(Direction::Up, &back, self.limit)
    }
}

fn failure(error: RcError) -> JobFailure {
    match error {
        RcError::SomeFailed(why) => JobFailure::Ended {
            result: "failed".to_owned(),
            service_result: why,
        },
        RcError::TimedOut(limit) => JobFailure::TimedOut {
            seconds: limit.as_secs(),
        },
        RcError::Program(_) | RcError::Unknown(_) | RcError::Refused(_) => {
            refused(error.to_string())
        }
    }
}
