//! Groups: what is asked of the other members because of what is done to one, whether they may take
//! part, and their order in a plan. Pure; who the members are is the policy's and the init's to say.

use crate::domain::{
    Action, FileState, FrontEnd, Job, Machine, Phase, Request, Scope, UnitFacts, UnitKind,
    UnitName, Verb, Verdict,
};
use crate::ledger::Down;
use crate::policy::Policy;

use super::aside::{note_for_a_moment, stepping_aside, turn};
use super::notes::{entry, stopped};
use super::restore::is_denied;
use super::step::{Decided, Plan};
use super::triggers::falling;

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// All that runs goes down.
    Down,
    /// All that runs goes down, and comes up again in the group's order.
    Renewed,
    /// What an earlier stop of ours took down comes back.
    Up,
}

/// What becomes of one more member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is stopped, and noted.
    Stopped,
    /// It is stopped and started.
    Renewed,
    /// It is started.
    Started,
}

/// What becomes of the group of what was decided about. None where the group has no part in it: a
/// removal concerns the package that goes, by hand the admin names all that is meant, and a shutdown
/// takes everything down.
pub fn together(one: &Decided<'_>) -> Option<Together> {
    let (request, unit) = (one.request, &one.facts.unit);
    let by_script = match request.context.phase {
        Phase::Upgrade | Phase::Install | Phase::Trigger => true,
        Phase::Remove | Phase::None => false,
    };
    let service = unit.id.kind() == UnitKind::Service && request.scope == Scope::System;
    let goes_down = one
        .facts
        .machine
        .is_and(|machine| *machine == Machine::Stopping);
    // What could not be noted would not come back.
    if !by_script || !service || goes_down || one.facts.life.is_none() {
        return None;
    }
    match &one.decision.verdict {
        Verdict::Stop | Verdict::Quiesce | Verdict::Run(Action::Stop) => {
            // What a flush is owed is the stop of one.
            let upgrade = request.context.phase == Phase::Upgrade;
            (upgrade && request.front != FrontEnd::Rcpolicy).then_some(Together::Down)
        }
        Verdict::Restart | Verdict::IfStale | Verdict::Run(Action::Restart) => renewed(unit),
        Verdict::Run(Action::ForceReload) if unit.can_reload.is_and(|can| !can) => renewed(unit),
        Verdict::Run(Action::TryRestart) if unit.is_up() => renewed(unit),
        Verdict::Run(Action::Start | Action::TryRestart) => Some(Together::Up),
        Verdict::Nothing => match request.action {
            Action::Start | Action::Restart | Action::TryRestart => Some(Together::Up),
            Action::Stop
            | Action::Reload
            | Action::ForceReload
            | Action::ForceStop
            | Action::Status
            | Action::Other(_) => None,
        },
        Verdict::Run(
            Action::Reload
            | Action::ForceReload
            | Action::ForceStop
            | Action::Status
            | Action::Other(_),
        )
        | Verdict::Reload
        | Verdict::Defer { .. }
        | Verdict::Hold
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_) => None,
    }
}

/// One with a file-descriptor store is not split into a stop and a start.
fn renewed(unit: &UnitFacts) -> Option<Together> {
    (!unit.has_fd_store).then_some(Together::Renewed)
}

/// What is asked of another member, in the words of the tool that was called.
pub fn companion(of: &Request, unit: &UnitName, role: Role) -> Request {
    let named = match of.front {
        FrontEnd::DebSystemdInvoke => unit.to_string(),
        FrontEnd::InvokeRcD | FrontEnd::Rcpolicy => unit.service().to_string(),
    };
    let (front, action) = match role {
        Role::Stopped => (of.front, Action::Stop),
        Role::Renewed => (of.front, Action::Restart),
        // As a flush brings it back: what did not run, or was stopped since, stays down.
        Role::Started => (FrontEnd::Rcpolicy, Action::Start),
    };
    Request {
        front,
        named,
        unit: unit.clone(),
        action,
        ..of.clone()
    }
}

/// Why a member cannot take part; None where it can. A group of which one member may not be stopped
/// cannot go down together.
pub fn objection(one: &Decided<'_>, policy: &Policy) -> Option<String> {
    let unit = &one.facts.unit;
    if unit.active.is_unknown() {
        return Some(format!("whether {} runs is not known", unit.id));
    }
    let stays_down = (one.request.action != Action::Start).then(|| cannot_come_back(unit));
    if let Some(why) = stays_down.flatten() {
        return Some(format!("{} {why}", unit.id));
    }
    let fits = match (&one.request.action, &one.decision.verdict) {
        (Action::Stop, Verdict::Stop | Verdict::Quiesce | Verdict::Run(Action::Stop)) => {
            if is_denied(one, &unit.id, policy) {
                return Some(format!("{} may not be started again", unit.id));
            }
            true
        }
        (Action::Stop, Verdict::Nothing) => unit.is_down(),
        (Action::Restart, Verdict::Run(Action::Restart) | Verdict::Restart | Verdict::IfStale) => {
            if unit.has_fd_store {
                return Some(format!("{} keeps file descriptors", unit.id));
            }
            true
        }
        (
            Action::Start,
            Verdict::Run(Action::Start | Action::Restart) | Verdict::Restart | Verdict::Nothing,
        ) => true,
        _ => false,
    };
    let why = one.decision.reasons.last();
    let why = why.map(|reason| format!("{} ({})", reason.text, reason.source));
    (!fits).then(|| format!("{}: {}", unit.id, why.unwrap_or_default()))
}

/// Why the init would not start a unit again that it has stopped.
fn cannot_come_back(unit: &UnitFacts) -> Option<&'static str> {
    let file = unit.file.get();
    if unit.is_masked() || file == Some(&FileState::Masked) {
        return Some("is masked");
    }
    // Nothing is left of it once it is down.
    let transient = |state: &FileState| *state == FileState::Other("transient".to_owned());
    file.is_some_and(transient).then_some("is transient")
}

/// Of groups with several members in the plan: all that would be restarted is stopped first, and all
/// that is started comes up in the group's order.
pub(super) fn go_together(plan: &mut Plan, all: &[Decided<'_>], policy: &Policy) {
    let company = all.iter().filter(|one| has_company(one, all, policy));
    let company: Vec<Decided<'_>> = company.copied().collect();
    for one in &company {
        if is_renewed(one, plan) {
            go_down(one, plan, policy);
        }
    }
    let place = |job: &Job| Some((job.unit.clone(), place(&job.unit, &company, policy)?));
    plan.places = plan
        .main
        .iter()
        .chain(&plan.stops)
        .filter_map(place)
        .collect();
}

/// Whether another member of its group is in the plan too.
fn has_company(one: &Decided<'_>, all: &[Decided<'_>], policy: &Policy) -> bool {
    let group = |unit: &UnitName| {
        let service = unit.service();
        let found = policy.group_of(&service)?;
        Some(found.group.name.clone())
    };
    let unit = &one.facts.unit.id;
    let mut others = all.iter().map(|other| &other.facts.unit.id);
    let own = group(unit);
    own.is_some() && others.any(|other| other != unit && group(other) == own)
}

fn is_renewed(one: &Decided<'_>, plan: &Plan) -> bool {
    let unit = &one.facts.unit;
    let renews = |verb| match verb {
        // What does not say whether it runs may: its stop does no harm.
        Verb::Restart | Verb::ReloadOrRestart => !unit.is_down(),
        Verb::TryRestart => unit.is_up(),
        Verb::Start | Verb::Stop | Verb::Reload => false,
    };
    let mut jobs = plan.main.iter().filter(|job| job.unit == unit.id);
    jobs.any(|job| renews(job.verb)) && !unit.has_fd_store && !unit.is_masked()
}

/// The restart of a member becomes a stop, with what could wake it meanwhile, and a start.
fn go_down(one: &Decided<'_>, plan: &mut Plan, policy: &Policy) {
    let unit = &one.facts.unit.id;
    let Some(mut entry) = entry(one, unit.clone()) else {
        // Nothing that goes down could be noted: the restart stays one job.
        return;
    };
    let triggers = stepping_aside(one, policy);
    let fallen = falling(one.facts, &[]);
    let alone = triggers.iter().chain([unit]);
    let alone = alone.map(|name| stopped(one.facts, name, false));
    let dependents = fallen.iter().map(|name| stopped(one.facts, name, true));
    entry.down = Some(Down {
        units: alone.chain(dependents).collect(),
        ..Down::default()
    });
    note_for_a_moment(plan, entry);
    turn(plan, unit, triggers, fallen);
}

/// A member's place, or that of the first member that a trigger starts.
fn place(unit: &UnitName, company: &[Decided<'_>], policy: &Policy) -> Option<usize> {
    let members = company.iter().map(|one| &one.facts.unit);
    let places = members.filter_map(|member| {
        let is_it = member.id == *unit || member.triggered_by.contains(unit);
        is_it.then(|| policy.group_of(&member.id.service()))?
    });
    places.map(|found| found.place).min()
}
