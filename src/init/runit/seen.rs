//! What a look at a service comes to in the project's words. The process with its start stands for the
//! invocation, as runsv has no other name for one run. Pure, but for reading when a process was started.

use super::service::{Look, Service};
use super::status::{Phase, Status};
use crate::domain::{ActiveState, FileState, Known, LoadState, Seen, UnitFacts, UnitName};
use crate::init::process::Process;
use crate::init::supervise::clock::{Clock, Made};

/// How the service of `unit` was found to stand.
#[derive(Debug)]
pub(super) enum Found {
    /// runit has none of this name.
    Nothing,
    /// There is one, and nothing can be said of it.
    Untold(String),
    /// There is one.
    Service(Service, Look),
}

/// What decisions go by.
pub(super) fn facts(unit: &UnitName, found: &Found, clock: &Clock) -> UnitFacts {
    let mut facts = UnitFacts {
        source_path: Known::Is(String::new()),
        // SIGHUP is all that a reload is.
        can_reload: Known::Is(true),
        load: Known::Is(load(found)),
        active: active(found),
        ..UnitFacts::unknown(unit, "runit cannot tell")
    };
    facts.file = match found {
        Found::Nothing => facts.file,
        Found::Service(service, _) if service.place.has("down") => Known::Is(FileState::Disabled),
        // It is linked, whatever else is wrong with it.
        Found::Service(..) | Found::Untold(_) => Known::Is(FileState::Enabled),
    };
    let Some((status, made)) = status(found) else {
        return facts;
    };
    if let Some(run) = status.run() {
        facts.main_pid = run.pid;
        facts.invocation = run.to_string();
    }
    if status.phase == Phase::Down {
        facts.down_since = clock.monotonic(status.since, made);
        facts.down_since_epoch = status.since.epoch_seconds();
    }
    facts
}

/// What `recover` compares.
pub(super) fn seen(unit: &UnitName, found: &Found, clock: &Clock) -> Seen {
    let mut seen = Seen {
        load: Known::Is(load(found)),
        active: active(found),
        ..Seen::unknown(unit, "no runsv watches it")
    };
    let Some((status, made)) = status(found) else {
        if matches!(found, Found::Nothing) {
            seen.job = Known::Is(None);
        }
        return seen;
    };
    seen.job = Known::Is(status.job());
    seen.changed = clock.monotonic(status.since, made);
    if let Some(run) = status.run() {
        seen.main_pid = run.pid;
        seen.invocation = run.to_string();
        // /proc is asked because no clock that is set moves what it says.
        seen.started = Process::of(run.pid).map_or(0, Process::started);
    }
    seen
}

/// What runsv wrote, and where that stands among what was written.
fn status(found: &Found) -> Option<(&Status, Option<Made>)> {
    match found {
        Found::Service(_, Look::Watched(watched)) => {
            Some((&watched.status, watched.version.made()))
        }
        Found::Service(_, Look::Unwatched) | Found::Nothing | Found::Untold(_) => None,
    }
}

fn load(found: &Found) -> LoadState {
    match found {
        Found::Nothing => LoadState::NotFound,
        Found::Untold(_) => LoadState::Broken,
        Found::Service(..) => LoadState::Loaded,
    }
}

fn active(found: &Found) -> Known<ActiveState> {
    match found {
        Found::Nothing => Known::Is(ActiveState::Inactive),
        Found::Untold(why) => Known::Unknown(why.clone()),
        Found::Service(service, Look::Unwatched) => Known::Unknown(service.unwatched()),
        Found::Service(_, Look::Watched(watched)) => Known::Is(watched.status.active()),
    }
}
