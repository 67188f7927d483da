//! Stopping a running service for a moment, with what could wake it meanwhile, and starting it again. Pure.

use crate::domain::{Action, Job, Phase, UnitFacts, UnitKind, UnitName, Verb};
use crate::ledger::{Down, Entry};
use crate::policy::Policy;

use super::notes::{entry, stopped};
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
        if known && (named || upgrade && !denied()) {
            step_aside(one, plan, policy, service);
        }
    }
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
