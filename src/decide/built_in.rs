//! What happens where no rule and no flag says otherwise: a stop takes the triggers along, a start
//! becomes a restart where an old program would go on. Pure.

use crate::domain::{Action, Facts, Phase, Reason, Request, Source, Verdict};
use crate::ledger::Entry;
use crate::policy::{Answer, Decide, Policy};

use super::question::question;
use super::triggers::{served, taken};

/// The verdict where nobody else gave one.
pub(super) fn built_in(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
    reasons: &mut Vec<Reason>,
) -> Verdict {
    let asked = Verdict::Run(request.action.clone());
    // Nothing but its script knows what it does, and only where that was asked a stop notes what ran.
    let untold = facts.unit.is_script_only() && facts.unit.active.is_unknown();
    if policy.settings().strict || untold {
        return asked;
    }
    match request.action {
        Action::Stop => stop(request, facts, policy, reasons),
        Action::Start => again(request, facts, policy, owed, reasons).unwrap_or(asked),
        Action::Restart
        | Action::TryRestart
        | Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => asked,
    }
}

fn stop(request: &Request, facts: &Facts, policy: &Policy, reasons: &mut Vec<Reason>) -> Verdict {
    let unit = &facts.unit;
    let state = |text: &str| Reason::new(Source::Unit(unit.id.to_string()), text);
    let taken = taken(request, facts, policy);
    if unit.is_missing() && taken.triggers.is_empty() && !unit.is_script_only() {
        reasons.push(state("is not loaded: nothing to stop"));
        return Verdict::Nothing;
    }
    reasons.push(Reason::new(
        Source::BuiltIn,
        "stop takes the service's triggers down too",
    ));
    for name in &taken.triggers {
        reasons.push(state(&format!(
            "can be started by {name}, which is stopped with it"
        )));
    }
    for (name, why) in &taken.spared {
        reasons.push(state(&format!(
            "can be started by {name}, which goes on: {why}"
        )));
    }
    for name in &taken.dependents {
        reasons.push(state(&format!(
            "takes {name} down with it; it comes back with the next start"
        )));
    }
    if unit.bus_activated {
        reasons.push(state("can be started by a D-Bus call, which is held off"));
    }
    Verdict::Stop
}

/// Why a start must be a restart: the service runs although a script stopped it.
pub(super) fn becomes_restart(facts: &Facts, owed: Option<&Entry>) -> Option<&'static str> {
    // Where nobody knows whether it runs, the note says that it did.
    let entry = owed.filter(|entry| !facts.unit.is_down() && is_about(entry, facts))?;
    if entry.kept_running {
        Some("its stop was held: this start is the restart")
    } else if entry.quiesced.is_some() {
        Some("it was woken after it had been quiesced: restarted, so that no old program goes on")
    } else {
        None
    }
}

/// Whether the note is about the named unit, and not about what it triggers.
pub(super) fn is_about(entry: &Entry, facts: &Facts) -> bool {
    let unit = &facts.unit;
    entry.unit == unit.id || entry.unit == unit.asked
}

fn again(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
    reasons: &mut Vec<Reason>,
) -> Option<Verdict> {
    let why = becomes_restart(facts, owed)?;
    let service = facts.unit.id.service();
    if let Some(rule) = policy.denies(&question(request, facts, &service, &Action::Restart)) {
        let text = "denies the restart that this start would be";
        reasons.push(Reason::new(rule.source, text));
        return Some(Verdict::Deny);
    }
    reasons.push(Reason::new(Source::Ledger, why));
    Some(Verdict::Restart)
}

/// A service with a file-descriptor store is not split in an upgrade, whoever says how: its stop is
/// held and becomes a restart, and what could take it down is left alone.
pub(super) fn keeps_descriptors(
    given: Option<&Verdict>,
    request: &Request,
    facts: &Facts,
) -> Option<(Verdict, Reason)> {
    let stops = match given {
        None => request.action == Action::Stop,
        Some(verdict) => matches!(verdict, Verdict::Stop | Verdict::Quiesce),
    };
    if !stops || request.context.phase != Phase::Upgrade {
        return None;
    }
    let unit = served(facts)
        .into_iter()
        .find(|unit| unit.has_fd_store && !unit.is_down() && !unit.is_missing())?;
    let text = "keeps file descriptors: not split, it is restarted by the start to come";
    let reason = Reason::new(Source::Unit(unit.id.to_string()), text);
    let verdict = if unit.id == facts.unit.id {
        Verdict::Hold
    } else {
        Verdict::Nothing
    };
    Some((verdict, reason))
}

/// In an upgrade the stop of a trigger is part of its service's stop: where a rule leaves the
/// service running, or lets its triggers wake it again, its triggers go on too.
pub(super) fn with_its_service(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
) -> Option<(Verdict, Reason)> {
    let trigger = facts.unit.id.kind().is_trigger();
    if !trigger || request.action != Action::Stop || request.context.phase != Phase::Upgrade {
        return None;
    }
    served(facts).into_iter().find_map(|unit| {
        let service = unit.id.service();
        let asked = question(request, facts, &service, &Action::Stop);
        let Answer::Rule(rule) = policy.ask(&asked) else {
            return None;
        };
        let stays = match rule.decide {
            Decide::Quiesce => true,
            Decide::Restart | Decide::IfStale | Decide::Reload | Decide::Defer(_) => {
                !unit.is_down()
            }
            Decide::Allow | Decide::Deny | Decide::Stop | Decide::Fallback(_) => false,
        };
        let word = rule.decide.as_str();
        let text = format!("{word} for {service}: what triggers it goes on");
        stays.then(|| (Verdict::Nothing, Reason::new(rule.source, text)))
    })
}
