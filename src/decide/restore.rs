//! Bringing back what an earlier stop took down, and what is left of its note afterwards. Pure.
//! Nothing comes back that the admin touched meanwhile, or that could start what is denied.

use crate::domain::order;
use crate::domain::{Action, Facts, Flag, FrontEnd, Job, Phase, Request, UnitName, Verb};
use crate::ledger::{Down, Due, Entry, Owed, Stopped};
use crate::policy::Policy;

use super::built_in::is_about;
use super::filter::stopped_by_hand;
use super::question::{Clearance, clearance, question};
use super::step::{Decided, Plan, push_job};
use super::wanted::{waiting, wanted_back};

/// What becomes of the service itself, beside what is brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// It is left as it is.
    Left,
    /// It runs afterwards, and may have run before.
    Started,
    /// It runs afterwards, and nothing of what ran before runs on.
    Renewed,
}

/// Units that the request would bring back, and what those start on demand.
pub(super) fn brought_back(
    request: &Request,
    facts: &Facts,
    owed: Option<&Entry>,
) -> Vec<UnitName> {
    let restores = matches!(
        request.action,
        Action::Start | Action::Restart | Action::TryRestart
    );
    let entry = owed.filter(|_| restores);
    let mut units = Vec::new();
    for stopped in entry.iter().flat_map(|entry| wanted_back(entry, facts)) {
        let started = facts
            .of(&stopped.unit)
            .map_or(&[][..], |unit| &unit.triggers);
        units.push(stopped.unit.clone());
        units.extend(started.iter().cloned());
    }
    order::sort(&mut units);
    units.dedup();
    units
}

/// Whether bringing `name` back would start, now or on demand, what somebody denies.
pub(super) fn is_denied(one: &Decided<'_>, name: &UnitName, policy: &Policy) -> bool {
    let started = one.facts.of(name).map_or(&[][..], |unit| &unit.triggers);
    let mut units = std::iter::once(name).chain(started);
    units.any(|unit| {
        let service = unit.service();
        let asked = question(one.request, one.facts, &service, &Action::Start);
        let mut answers = one.facts.helper_related.iter();
        let helper = answers.any(|(other, answer)| {
            other == unit
                && match clearance(one.request.front, answer) {
                    Clearance::Absent | Clearance::Allowed(_) => false,
                    Clearance::Denied(_) | Clearance::Error(_) | Clearance::Fallback(_) => true,
                }
        });
        policy.denies(&asked).is_some() || helper && !one.request.has(Flag::Force)
    })
}

/// Brings back what an earlier stop took down. `service` says what becomes of the service itself.
pub(super) fn restore(one: &Decided<'_>, service: Service, policy: &Policy) -> Plan {
    let noted = one.owed.filter(|entry| is_restored(one, entry, service));
    let Some(entry) = noted else {
        return Plan::default();
    };
    let mut plan = Plan::default();
    plan.releases.extend(entry.held.then(|| entry.unit.clone()));
    let mut kept = Vec::new();
    let waiting = waiting(one.facts);
    for stopped in wanted_back(entry, one.facts) {
        if waiting.contains(&stopped.unit) || is_denied(one, &stopped.unit, policy) {
            kept.push(stopped.clone());
            continue;
        }
        let list = if stopped.dependent {
            &mut plan.after
        } else {
            &mut plan.main
        };
        push_job(list, Job::new(Verb::Start, stopped.unit.clone()));
    }
    let left = left(one, entry, service, kept);
    if is_settled(&left) {
        plan.strikes.push(entry.service.clone());
    } else {
        plan.leaves.push(left);
    }
    plan
}

/// What the admin took down by hand comes back with the service alone, if the admin's policy lets a
/// script start that.
fn is_restored(one: &Decided<'_>, entry: &Entry, service: Service) -> bool {
    let unit = &one.facts.unit;
    let starts_it = service != Service::Left && unit.is_down() && is_about(entry, one.facts);
    starts_it || !stopped_by_hand(one.request, entry)
}

/// What is left of a note once its triggers and dependents are back, but for those in `kept`.
fn left(one: &Decided<'_>, entry: &Entry, service: Service, kept: Vec<Stopped>) -> Entry {
    let unit = &one.facts.unit;
    let renewed = match service {
        _ if !is_about(entry, one.facts) => false,
        Service::Renewed => true,
        // What was down runs nothing old; what stays down has nothing to be renewed.
        Service::Started | Service::Left => unit.is_down(),
    };
    let mut left = Entry {
        down: None,
        held: false,
        failed: None,
        ..entry.clone()
    };
    if !kept.is_empty() || service == Service::Left && is_missed(one, entry) {
        left.down = Some(Down {
            units: kept,
            ..entry.down.clone().unwrap_or_default()
        });
    }
    if renewed {
        (left.quiesced, left.kept_running, left.owed) = (None, false, None);
    } else if service == Service::Started && is_about(entry, one.facts) {
        left.owed = left.owed.and_then(after_start);
    }
    left
}

/// Whether a maintainer script's stop took the service down, and a try-restart, which does nothing to
/// what is down, is all that is asked for: then a flush brings it back, or finds that it is not wanted.
fn is_missed(one: &Decided<'_>, entry: &Entry) -> bool {
    let was_running = |down: &Down| down.service_was_running == Some(true);
    let ours = entry.who.caller.phase == Phase::Upgrade && is_about(entry, one.facts);
    let leaves = one.request.action == Action::TryRestart;
    let flushes = one.request.front == FrontEnd::Rcpolicy;
    ours && leaves
        && !flushes
        && one.facts.unit.is_down()
        && entry.down.as_ref().is_some_and(was_running)
}

/// What is owed to a service that was running when it was asked to start.
fn after_start(owed: Owed) -> Option<Owed> {
    let due = owed.due.then(Due::Start);
    let begun = owed.begun.filter(|_| due == owed.due);
    (due != Due::Start).then_some(Owed { due, begun, ..owed })
}

fn is_settled(entry: &Entry) -> bool {
    entry.down.is_none()
        && !entry.held
        && entry.quiesced.is_none()
        && !entry.kept_running
        && entry.owed.is_none()
}

/// Removal settles all that was owed.
pub(super) fn removed(one: &Decided<'_>) -> Plan {
    let stops = matches!(one.request.action, Action::Stop | Action::ForceStop);
    let removal = stops && one.request.context.phase == Phase::Remove;
    // A trigger's note is its service's: other packages may have a part in it.
    let entry = one
        .owed
        .filter(|entry| removal && is_about(entry, one.facts));
    Plan {
        strikes: entry.iter().map(|entry| entry.service.clone()).collect(),
        releases: entry
            .iter()
            .filter(|entry| entry.held)
            .map(|entry| entry.unit.clone())
            .collect(),
        ..Plan::default()
    }
}
