//! From decisions to steps: which jobs, in which order, what is noted down before and struck after.
//! Pure. Several units asked for in one call become one plan, so that nothing starts in between.

use std::cmp::Reverse;

use crate::domain::order;
use crate::domain::{Action, Job, Phase, UnitKind, UnitName, Verb, Verdict};
use crate::ledger::{Due, Quiesced};
use crate::policy::Policy;

use super::aside::make_way;
use super::filter::stopped_by_hand;
use super::group::go_together;
use super::notes::{Note, note, note_of_stop, owed};
use super::restore::{Service, removed, restore};
use super::step::{Decided, Plan, push_job};
use super::triggers::{Taken, falling, taken};
use super::until::until;

/// The plan for all units of one call, the same in whatever order they are named. Where the policy
/// is strict they keep the order in which they were named, as with the stock tools.
pub fn plan_all(all: &[Decided<'_>], policy: &Policy) -> Plan {
    let strict = policy.settings().strict;
    let mut all = all.to_vec();
    if !strict {
        order::sort_by(&mut all, |one, other| {
            one.facts.unit.id.cmp(&other.facts.unit.id)
        });
    }
    let mut whole = Plan::default();
    for one in &all {
        whole.absorb(plan(one, policy));
    }
    if !strict {
        split_combined_restarts(&mut whole, &all);
        go_together(&mut whole, &all, policy);
        required_last(&mut whole, &all);
        sockets_first(&mut whole.main, &all);
        order::sort_by(&mut whole.after, |one, other| one.unit.cmp(&other.unit));
        drop_fallen(&mut whole);
    }
    let struck = whole.strikes.clone();
    whole.leaves.retain(|left| !struck.contains(&left.service));
    whole
}

/// Triggers before what they start; last among them those that others require: their stop takes
/// the service down at once, and what has not been asked to stop by then wakes it.
///
/// Of a group the last goes first, for inits that run one job after the other: the last of its own order,
/// and where that says nothing of the links'.
fn required_last(plan: &mut Plan, all: &[Decided<'_>]) {
    let places = &plan.places;
    order::sort_by_key(&mut plan.stops, |job| {
        let required = all.iter().any(|one| {
            let unit = one.facts.of(&job.unit);
            unit.is_some_and(|unit| !unit.required_by.is_empty())
        });
        let trigger = job.unit.kind().is_trigger();
        let place = Reverse(places.get(&job.unit).copied());
        let number = Reverse(start_number(all, &job.unit));
        (!trigger, required, place, number, job.unit.clone())
    });
}

/// Sockets first: they refuse to start once another trigger has woken their service. Scripts in the order
/// of their links.
fn sockets_first(jobs: &mut Vec<Job>, all: &[Decided<'_>]) {
    order::sort_by_key(jobs, |job| {
        let rank = match job.unit.kind() {
            UnitKind::Socket => 0,
            UnitKind::Path | UnitKind::Timer | UnitKind::Automount => 1,
            UnitKind::Service | UnitKind::Target | UnitKind::Other => 2,
        };
        (rank, start_number(all, &job.unit), job.unit.clone())
    });
}

fn start_number(all: &[Decided<'_>], unit: &UnitName) -> u8 {
    let mut known = all.iter().filter_map(|one| one.facts.of(unit));
    known.next().map_or(0, |unit| unit.start_number)
}

/// What is asked for by name comes with the rest, not once more after it.
fn drop_fallen(plan: &mut Plan) {
    let named = &plan.main;
    plan.after
        .retain(|job| !named.iter().any(|other| other.unit == job.unit));
}

/// A socket refuses to start while its service runs, so a restart of both in one call is a stop
/// of both, then a start of both. A service with a file-descriptor store is not split.
fn split_combined_restarts(plan: &mut Plan, all: &[Decided<'_>]) {
    let restarted = |name: &UnitName, main: &[Job]| {
        let found = all.iter().find(|one| one.facts.unit.id == *name);
        let Some(unit) = found.map(|one| &one.facts.unit) else {
            return false;
        };
        let splits = |job: &Job| match job.verb {
            Verb::Restart => true,
            Verb::TryRestart => unit.is_up(),
            Verb::Start | Verb::Stop | Verb::Reload | Verb::ReloadOrRestart => false,
        };
        let mut jobs = main.iter().filter(|job| job.unit == *name);
        !unit.has_fd_store && jobs.any(splits)
    };
    let mut split: Vec<UnitName> = Vec::new();
    let mut fallen: Vec<UnitName> = Vec::new();
    for one in all {
        let trigger = &one.facts.unit;
        let mut services = trigger.triggers.iter();
        let service = services.find(|service| restarted(service, &plan.main));
        if let Some(service) = service.filter(|_| restarted(&trigger.id, &plan.main)) {
            split.extend([trigger.id.clone(), service.clone()]);
            fallen.extend(falling(one.facts, std::slice::from_ref(service)));
        }
    }
    for job in plan.main.iter_mut().filter(|job| split.contains(&job.unit)) {
        push_job(&mut plan.stops, Job::new(Verb::Stop, job.unit.clone()));
        job.verb = Verb::Start;
    }
    for unit in fallen.into_iter().filter(|unit| !split.contains(unit)) {
        push_job(&mut plan.after, Job::new(Verb::Start, unit));
    }
}

/// The plan for one decided request.
pub fn plan(one: &Decided<'_>, policy: &Policy) -> Plan {
    let unit = &one.facts.unit.id;
    let action = &one.request.action;
    let only = |verb| Plan {
        main: vec![Job::new(verb, unit.clone())],
        ..Plan::default()
    };
    let restarts = if action.may_start() {
        Verb::Restart
    } else {
        Verb::TryRestart
    };
    match &one.decision.verdict {
        Verdict::Deny | Verdict::Emulate(_) | Verdict::FallBack(_) => Plan::default(),
        Verdict::Nothing => match action {
            Action::Start | Action::Restart | Action::TryRestart => {
                let mut plan = restore(one, Service::Left, policy);
                make_way(one, &mut plan, policy);
                plan
            }
            Action::Stop | Action::ForceStop => removed(one),
            Action::Reload | Action::ForceReload | Action::Status | Action::Other(_) => {
                Plan::default()
            }
        },
        Verdict::Hold => note(one, |entry| {
            entry.kept_running = *action == Action::Stop;
            let due = match action {
                Action::Stop | Action::ForceStop => Some(Due::Restart),
                other => Due::try_from(other).ok(),
            };
            entry.owed = due.map(|due| owed(one, due, until(one, policy)));
        }),
        Verdict::Defer { action, until } => note(one, |entry| {
            entry.owed = Due::try_from(action).ok().map(|due| owed(one, due, *until));
        }),
        Verdict::Stop => stop(one, policy),
        Verdict::Quiesce => quiesce(one),
        Verdict::Restart | Verdict::IfStale => start(one, restarts, policy),
        Verdict::Reload => only(Verb::Reload),
        Verdict::Run(action) => match action {
            Action::Start => start(one, Verb::Start, policy),
            Action::Restart => start(one, Verb::Restart, policy),
            Action::Stop => Plan {
                stops: vec![Job::new(Verb::Stop, unit.clone())],
                ..removed(one)
            },
            Action::TryRestart => start(one, Verb::TryRestart, policy),
            Action::Reload => only(Verb::Reload),
            Action::ForceReload if one.facts.unit.can_reload.is_and(|can| !can) => {
                start(one, Verb::Restart, policy)
            }
            Action::ForceReload => only(Verb::Reload),
            // These are no jobs: the front end runs them.
            Action::ForceStop | Action::Status | Action::Other(_) => Plan::default(),
        },
    }
}

fn stop(one: &Decided<'_>, policy: &Policy) -> Plan {
    let unit = &one.facts.unit;
    let removal = one.request.context.phase == Phase::Remove;
    let mut plan = removed(one);
    let mut taken = taken(one.request, one.facts, policy);
    if !removal {
        match note_of_stop(one, &taken) {
            Note::Needless => {}
            Note::Write(entry) => {
                plan.holds.extend(entry.held.then(|| unit.id.clone()));
                // What somebody took down by hand is not this script's to bring back.
                let by_hand = one.owed.filter(|owed| stopped_by_hand(one.request, owed));
                plan.forgets
                    .extend(by_hand.map(|owed| owed.service.clone()));
                plan.records.push(*entry);
            }
            // What cannot be noted would not come back.
            Note::Impossible => taken = Taken::default(),
        }
    }
    plan.stops = taken
        .triggers
        .into_iter()
        .map(|name| Job::new(Verb::Stop, name))
        .collect();
    // What is not loaded cannot be stopped, and need not be.
    if !unit.is_missing() {
        plan.stops.push(Job::new(Verb::Stop, unit.id.clone()));
    }
    plan
}

fn quiesce(one: &Decided<'_>) -> Plan {
    let unit = &one.facts.unit;
    let trigger = unit.id.kind().is_trigger();
    let mut plan = if one.request.context.phase == Phase::Remove {
        removed(one)
    } else if trigger {
        // The trigger alone, and what falls with it.
        let taken = Taken {
            dependents: falling(one.facts, &[]),
            ..Taken::default()
        };
        match note_of_stop(one, &taken) {
            Note::Write(entry) => Plan {
                records: vec![*entry],
                ..Plan::default()
            },
            Note::Needless | Note::Impossible => Plan::default(),
        }
    } else {
        // Also where it is down: it may be woken while its files are replaced.
        note(one, |entry| {
            let quiesced = Quiesced {
                invocation: unit.invocation.clone(),
                main_pid: unit.main_pid,
                down_since: None,
            };
            entry.quiesced = Some(quiesced);
        })
    };
    if !unit.is_missing() {
        plan.stops.push(Job::new(Verb::Stop, unit.id.clone()));
    }
    plan
}

fn start(one: &Decided<'_>, verb: Verb, policy: &Policy) -> Plan {
    let unit = &one.facts.unit;
    let service = match verb {
        Verb::Restart => Service::Renewed,
        Verb::TryRestart if unit.is_up() => Service::Renewed,
        Verb::Start => Service::Started,
        Verb::TryRestart | Verb::Stop | Verb::Reload | Verb::ReloadOrRestart => Service::Left,
    };
    let mut plan = restore(one, service, policy);
    push_job(&mut plan.main, Job::new(verb, unit.id.clone()));
    make_way(one, &mut plan, policy);
    plan
}
