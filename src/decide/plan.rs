//! From decisions to steps: which jobs, in which order, what is noted down before and struck after.
//! Pure. Several units asked for in one call become one plan, so that nothing starts in between.

use crate::domain::{
    Action, Facts, FileState, Job, Phase, UnitFacts, UnitKind, UnitName, Until, Verb, Verdict,
};
use crate::ledger::{Down, Due, Entry, Owed, Quiesced, Stopped, Who};
use crate::policy::Policy;

use super::built_in::is_about;
use super::filter::stopped_by_hand;
use super::question::question;
use super::restore::{Service, removed, restore};
use super::step::{Decided, Plan, push_job};
use super::triggers::{Taken, falling, ledger_services, served, taken};

/// The plan for all units of one call, the same in whatever order they are named. Where the policy
/// is strict they keep the order in which they were named, as with the stock tools.
pub fn plan_all(all: &[Decided<'_>], policy: &Policy) -> Plan {
    let strict = policy.settings().strict;
    let mut all = all.to_vec();
    if !strict {
        all.sort_by(|one, other| one.facts.unit.id.cmp(&other.facts.unit.id));
    }
    let mut whole = Plan::default();
    for one in &all {
        whole.absorb(plan(one, policy));
    }
    if !strict {
        split_combined_restarts(&mut whole, &all);
        required_last(&mut whole.stops, &all);
        sockets_first(&mut whole.main);
        whole.after.sort_by(|one, other| one.unit.cmp(&other.unit));
        drop_fallen(&mut whole);
    }
    let struck = whole.strikes.clone();
    whole.leaves.retain(|left| !struck.contains(&left.service));
    whole
}

/// Triggers before what they start; last among them those that others require: their stop takes
/// the service down at once, and what has not been asked to stop by then wakes it.
fn required_last(jobs: &mut [Job], all: &[Decided<'_>]) {
    jobs.sort_by_key(|job| {
        let required = all.iter().any(|one| {
            let unit = one.facts.of(&job.unit);
            unit.is_some_and(|unit| !unit.required_by.is_empty())
        });
        let trigger = job.unit.kind().is_trigger();
        (!trigger, required, job.unit.clone())
    });
}

/// Sockets first: they refuse to start once another trigger has woken their service.
fn sockets_first(jobs: &mut [Job]) {
    jobs.sort_by_key(|job| {
        let rank = match job.unit.kind() {
            UnitKind::Socket => 0,
            UnitKind::Path | UnitKind::Timer | UnitKind::Automount => 1,
            UnitKind::Service | UnitKind::Target | UnitKind::Other => 2,
        };
        (rank, job.unit.clone())
    });
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
            entry.owed = due.map(|due| owed(one, due, Until::Batch));
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

fn owed(one: &Decided<'_>, due: Due, until: Until) -> Owed {
    Owed {
        due,
        until,
        reasons: one.decision.reasons.clone(),
        // Whoever writes it down knows the time.
        at: None,
        begun: None,
    }
}

/// A new note about `unit`. None where no life of an init could be told: there is nothing then
/// that a note could be about.
fn entry(one: &Decided<'_>, unit: UnitName) -> Option<Entry> {
    let facts = one.facts;
    let life = facts.life.clone()?;
    let who = Who {
        caller: one.request.context.caller(),
        front: Some(one.request.front),
        pid: 0,
    };
    let because = one
        .decision
        .reasons
        .first()
        .map_or("", |reason| &reason.text);
    Some(Entry::new(unit, life, who, facts.now, because))
}

/// The service that a stop is noted for: of several that a trigger starts, always the same one.
fn noted_for(one: &Decided<'_>) -> UnitName {
    let mut services = ledger_services(one.facts);
    services.truncate(served(one.facts).len().max(1));
    services.sort();
    let first = services.into_iter().next();
    first.map_or_else(|| one.facts.unit.id.clone(), |service| service.unit())
}

fn note(one: &Decided<'_>, fill: impl FnOnce(&mut Entry)) -> Plan {
    let entry = entry(one, one.facts.unit.id.clone()).map(|mut entry| {
        fill(&mut entry);
        entry
    });
    Plan {
        records: entry.into_iter().collect(),
        ..Plan::default()
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

/// What a stop has to note down first.
enum Note {
    /// Nothing that would have to come back goes down.
    Needless,
    Write(Box<Entry>),
    /// There is no running init to note it for.
    Impossible,
}

fn note_of_stop(one: &Decided<'_>, taken: &Taken) -> Note {
    let unit = &one.facts.unit;
    let trigger = unit.id.kind().is_trigger();
    let mut units: Vec<Stopped> = taken
        .triggers
        .iter()
        .map(|name| stopped(one.facts, name, false))
        .collect();
    if one.request.context.phase == Phase::Upgrade && trigger && unit.is_up() {
        units.push(stopped(one.facts, &unit.id, false));
    }
    let fallen = taken.dependents.iter();
    units.extend(fallen.map(|name| stopped(one.facts, name, true)));
    units.sort_by(|a, b| (a.dependent, &a.unit).cmp(&(b.dependent, &b.unit)));
    let held = unit.bus_activated;
    let cancels = one.owed.is_some_and(|entry| {
        let runs = entry.owed.is_some() || entry.kept_running || entry.quiesced.is_some();
        runs && is_about(entry, one.facts)
    });
    let known_hold = one.owed.is_some_and(|entry| entry.held);
    if units.is_empty() && !cancels && (!held || known_hold) {
        return Note::Needless;
    }
    let Some(mut entry) = entry(one, noted_for(one)) else {
        return Note::Impossible;
    };
    let service = one.facts.of(&entry.unit);
    let goes_down = !trigger || taken.dependents.contains(&entry.unit);
    entry.held = held;
    entry.down = Some(Down {
        units,
        service_was_running: service.filter(|_| goes_down).map(UnitFacts::is_up),
        service_down_since: None,
    });
    Note::Write(Box::new(entry))
}

fn stopped(facts: &Facts, name: &UnitName, dependent: bool) -> Stopped {
    let enabled = facts
        .of(name)
        .and_then(|unit| unit.file.get())
        .map(|f| *f == FileState::Enabled);
    Stopped {
        unit: name.clone(),
        was_enabled: enabled,
        down_since: None,
        dependent,
    }
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

/// A socket refuses to start while its service runs: the service goes down first, and comes up
/// again with it.
fn make_way(one: &Decided<'_>, plan: &mut Plan, policy: &Policy) {
    let sockets_start = plan.main.iter().any(|job| {
        let socket = job.unit.kind() == UnitKind::Socket;
        socket && one.facts.of(&job.unit).is_some_and(UnitFacts::is_down)
    });
    if !sockets_start || policy.settings().strict {
        return;
    }
    let running = served(one.facts)
        .into_iter()
        .filter(|service| service.is_up() && !service.has_fd_store && !service.is_masked());
    for service in running {
        let named = plan.main.iter().any(|job| job.unit == service.id);
        let upgrade = one.request.context.phase == Phase::Upgrade;
        let name = service.id.service();
        let asked = question(one.request, one.facts, &name, &Action::Restart);
        let denied = || policy.denies(&asked).is_some();
        // What falls with it must be known, or it would not come back.
        let mut requiring = service.required_by.iter();
        let known = requiring.all(|name| one.facts.of(name).is_some());
        if known && (named || upgrade && !denied()) {
            step_aside(one, plan, policy, service);
        }
    }
}

/// Stops a running service for a moment, with what could wake it meanwhile. That others require a
/// trigger keeps it up. All is noted first: a socket may be refused, and must not be lost then.
fn step_aside(one: &Decided<'_>, plan: &mut Plan, policy: &Policy, service: &UnitFacts) {
    let fallen = falling(one.facts, std::slice::from_ref(&service.id));
    let mut triggers = taken(one.request, one.facts, policy).triggers;
    triggers.retain(|name| {
        let trigger = one.facts.of(name);
        let asked = name.service();
        let start = question(one.request, one.facts, &asked, &Action::Start);
        let alone = trigger.is_some_and(|unit| unit.required_by.is_empty());
        alone && policy.denies(&start).is_none()
    });
    match entry(one, service.id.clone()) {
        _ if triggers.is_empty() && fallen.is_empty() => {}
        None => triggers.clear(),
        Some(mut entry) => {
            let alone = triggers.iter().map(|name| stopped(one.facts, name, false));
            let fallen = fallen.iter().map(|name| stopped(one.facts, name, true));
            entry.down = Some(Down {
                units: alone.chain(fallen).collect(),
                ..Down::default()
            });
            if !plan.leaves.iter().any(|left| left.service == entry.service) {
                plan.strikes.retain(|service| *service != entry.service);
                plan.strikes.push(entry.service.clone());
            }
            plan.records.push(entry);
        }
    }
    push_job(&mut plan.stops, Job::new(Verb::Stop, service.id.clone()));
    match plan.main.iter_mut().find(|job| job.unit == service.id) {
        Some(job) => job.verb = Verb::Start,
        None => plan.main.push(Job::new(Verb::Start, service.id.clone())),
    }
    for trigger in triggers {
        push_job(&mut plan.stops, Job::new(Verb::Stop, trigger.clone()));
        push_job(&mut plan.main, Job::new(Verb::Start, trigger));
    }
    for unit in fallen {
        push_job(&mut plan.after, Job::new(Verb::Start, unit));
    }
}
