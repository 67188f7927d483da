//! Stopping a running service for a moment, with what could wake it meanwhile, and starting it again. Pure.

use crate::domain::{Action, FrontEnd, Job, Phase, UnitFacts, UnitKind, UnitName, Until, Verb};
use crate::ledger::{Down, Due, Entry};
use crate::policy::{Answer, Decide, Policy};

use super::notes::{entry, owed, stopped};
use super::question::question;
use super::step::{Decided, Plan, push_job};
use super::triggers::{falling, served, taken};

/// A socket refuses to start while its service runs: the service goes down first, and comes up
/// again with it.
pub(super) fn make_way(one: &Decided<'_>, plan: &mut Plan, policy: &Policy) {
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
        if !known || !named && (!upgrade || denied()) {
            continue;
        }
        match put_off(one, plan, policy, service) {
            Some(until) => wait_with_sockets(one, plan, service, until),
            None => step_aside(one, plan, policy, service),
        }
    }
}

/// Until when the restart waits that a service's stepping aside comes to. A restart that is in the plan
/// itself has been decided about.
fn put_off(one: &Decided<'_>, plan: &Plan, policy: &Policy, service: &UnitFacts) -> Option<Until> {
    let mut jobs = plan.main.iter().filter(|job| job.unit == service.id);
    let decided = jobs.any(|job| job.verb != Verb::Start);
    let by_hand = one.request.context.phase == Phase::None;
    if decided || by_hand || one.request.front == FrontEnd::Rcpolicy || one.facts.life.is_none() {
        return None;
    }
    let name = service.id.service();
    match policy.ask(&question(one.request, one.facts, &name, &Action::Restart)) {
        Answer::Rule(rule) => match rule.decide {
            Decide::Defer(until) => Some(*until),
            _ => None,
        },
        Answer::HoldBroken { .. } => Some(Until::Batch),
        Answer::Silent => None,
    }
}

/// Leaves the service running: its sockets stay noted, and come up with the restart that it is owed.
fn wait_with_sockets(one: &Decided<'_>, plan: &mut Plan, service: &UnitFacts, until: Until) {
    let Some(mut entry) = entry(one, service.id.clone()) else {
        return;
    };
    let down = |name: &UnitName| one.facts.of(name).is_some_and(UnitFacts::is_down);
    let mut waiting: Vec<UnitName> = Vec::new();
    plan.main.retain(|job| {
        let socket = job.unit.kind() == UnitKind::Socket && down(&job.unit);
        if socket {
            waiting.push(job.unit.clone());
        }
        !socket
    });
    let noted = |name: &UnitName| {
        let downs = one.owed.iter().flat_map(|entry| &entry.down);
        let mut units = downs.flat_map(|down| &down.units);
        units.any(|stopped| stopped.unit == *name)
    };
    waiting.retain(|name| !noted(name));
    if !waiting.is_empty() {
        let units = waiting.iter().map(|name| stopped(one.facts, name, false));
        entry.down = Some(Down {
            units: units.collect(),
            ..Down::default()
        });
    }
    entry.owed = Some(owed(one, Due::Restart, until));
    plan.strikes.retain(|service| *service != entry.service);
    plan.leaves.retain(|left| left.service != entry.service);
    plan.records.push(entry);
}

/// Stops a running service for a moment, with what could wake it meanwhile. All is noted first: a
/// socket may be refused, and must not be lost then.
pub(super) fn step_aside(one: &Decided<'_>, plan: &mut Plan, policy: &Policy, service: &UnitFacts) {
    let fallen = falling(one.facts, std::slice::from_ref(&service.id));
    let mut triggers = stepping_aside(one, policy);
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
            note_for_a_moment(plan, entry);
        }
    }
    turn(plan, &service.id, triggers, fallen);
}

/// The triggers that go down for a moment with what they start. That others require a trigger keeps it
/// up, and so does whoever denies its start.
pub(super) fn stepping_aside(one: &Decided<'_>, policy: &Policy) -> Vec<UnitName> {
    let mut triggers = taken(one.request, one.facts, policy).triggers;
    triggers.retain(|name| {
        let trigger = one.facts.of(name);
        let asked = name.service();
        let start = question(one.request, one.facts, &asked, &Action::Start);
        let alone = trigger.is_some_and(|unit| unit.required_by.is_empty());
        alone && policy.denies(&start).is_none()
    });
    triggers
}

/// Notes what goes down and comes up again within the plan.
pub(super) fn note_for_a_moment(plan: &mut Plan, entry: Entry) {
    if !plan.leaves.iter().any(|left| left.service == entry.service) {
        plan.strikes.retain(|service| *service != entry.service);
        plan.strikes.push(entry.service.clone());
    }
    plan.records.push(entry);
}

/// A stop of `service` and of `triggers`, and a start of both; then of what falls meanwhile.
pub(super) fn turn(
    plan: &mut Plan,
    service: &UnitName,
    triggers: Vec<UnitName>,
    fallen: Vec<UnitName>,
) {
    push_job(&mut plan.stops, Job::new(Verb::Stop, service.clone()));
    match plan.main.iter_mut().find(|job| job.unit == *service) {
        Some(job) => job.verb = Verb::Start,
        None => plan.main.push(Job::new(Verb::Start, service.clone())),
    }
    for trigger in triggers {
        push_job(&mut plan.stops, Job::new(Verb::Stop, trigger.clone()));
        push_job(&mut plan.main, Job::new(Verb::Start, trigger));
    }
    for unit in fallen {
        push_job(&mut plan.after, Job::new(Verb::Start, unit));
    }
}
