//! From a request, the facts and the policy to a verdict with its reasons. Pure.
//! The order of the clauses is the order of who has the last word; each is one small function.

use crate::domain::{
    Action, Decision, Facts, FileState, Flag, FrontEnd, HelperAnswer, LoadState, Machine, Phase,
    Reason, Request, ServiceName, Source, UnitFacts, UnitName, Until, Verdict,
};
use crate::ledger::Entry;
use crate::policy::{Answer, Decide, Policy, Question, Tier};

use super::stock::status;
use super::triggers::{facets, served, taken};

/// What policy-rc.d's answer amounts to, as the asking tool takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clearance {
    /// Nobody was asked.
    Absent,
    /// Go on.
    Allowed(u8),
    /// Do not.
    Denied(u8),
    /// These actions instead, in turn.
    Fallback(Vec<String>),
    /// invoke-rc.d ends with this status; deb-systemd-invoke goes on, as stock does.
    Error(u8),
}

/// Takes policy-rc.d's answer as `front` takes it.
pub fn clearance(front: FrontEnd, answer: &HelperAnswer) -> Clearance {
    match answer {
        HelperAnswer::Absent => Clearance::Absent,
        HelperAnswer::Said {
            status: said,
            stdout,
        } => match *said {
            0 | 1 | status::ALLOWED | status::UNDEFINED => Clearance::Allowed(*said),
            status::DENIED => Clearance::Denied(*said),
            status::FALLBACK => {
                Clearance::Fallback(stdout.split_whitespace().map(str::to_owned).collect())
            }
            // original: deb-systemd-invoke warns and goes on
            other if front == FrontEnd::DebSystemdInvoke => Clearance::Allowed(other),
            other => Clearance::Error(other),
        },
    }
}

/// The question to the policy about `service` and `action`, with all else as in the request.
pub(super) fn question<'a>(
    request: &'a Request,
    facts: &Facts,
    service: &'a ServiceName,
    action: &'a Action,
) -> Question<'a> {
    Question {
        service,
        action,
        phase: request.context.phase,
        package: request.context.package.as_deref(),
        init: facts.init,
        scope: request.scope,
        machine: facts.machine.get().copied(),
        asked: &request.flags,
    }
}

/// Decides one request.
pub fn decide(request: &Request, facts: &Facts, policy: &Policy, owed: Option<&Entry>) -> Decision {
    by_shutdown(request, facts)
        .or_else(|| by_helper(request, facts))
        .or_else(|| by_denial(request, facts, policy))
        .unwrap_or_else(|| by_rules(request, facts, policy, owed))
}

fn by_shutdown(request: &Request, facts: &Facts) -> Option<Decision> {
    let stopping = facts
        .machine
        .is_and(|machine| *machine == Machine::Stopping);
    (stopping && request.front == FrontEnd::InvokeRcD).then(|| {
        let reason = Reason::new(
            Source::BuiltIn,
            "the system is shutting down: no policy is asked",
        );
        Decision::because(Verdict::Run(request.action.clone()), reason)
    })
}

fn by_helper(request: &Request, facts: &Facts) -> Option<Decision> {
    let own = helper_verdict(request, &facts.unit.asked, &facts.helper);
    own.or_else(|| {
        let mut related = facts.helper_related.iter();
        related.find_map(|(unit, answer)| {
            match helper_verdict(request, unit, answer) {
                // A fallback is a list of actions for the other unit, not for this one.
                Some(Decision {
                    verdict: Verdict::FallBack(_),
                    reasons,
                }) => Some(Decision {
                    verdict: Verdict::Deny,
                    reasons,
                }),
                other => other,
            }
        })
    })
}

fn helper_verdict(request: &Request, unit: &UnitName, answer: &HelperAnswer) -> Option<Decision> {
    let action = &request.action;
    let denied = |said, text: String| {
        let reason = Reason::new(Source::PolicyRcD { status: said }, text);
        (!request.has(Flag::Force)).then(|| Decision::because(Verdict::Deny, reason))
    };
    match clearance(request.front, answer) {
        Clearance::Absent | Clearance::Allowed(_) => None,
        Clearance::Denied(said) => denied(said, format!("denies {action} of {unit}")),
        Clearance::Error(said) => denied(said, format!("failed for {action} of {unit}")),
        Clearance::Fallback(actions) => {
            let text = format!("asks for {} instead of {action}", actions.join(", "));
            let reason = Reason::new(
                Source::PolicyRcD {
                    status: status::FALLBACK,
                },
                text,
            );
            (!request.has(Flag::Force))
                .then(|| Decision::because(Verdict::FallBack(actions), reason))
        }
    }
}

/// The services and actions that the request amounts to: the named one, what a named trigger or
/// target would start or stop, and a start wherever the action brings up what is down.
fn concerns(request: &Request, facts: &Facts) -> Vec<(ServiceName, Action)> {
    let named = std::iter::once(facts.unit.id.clone());
    let all = named.chain(facets(&request.action, &facts.unit, &facts.related));
    let mut concerns = Vec::new();
    for unit in all {
        let service = unit.service();
        concerns.push((service.clone(), request.action.clone()));
        let up = facts.of(&unit).is_some_and(UnitFacts::is_up);
        if request.action.may_start() && !up && request.action != Action::Start {
            concerns.push((service, Action::Start));
        }
    }
    if let Ok(asked) = ServiceName::parse(&request.named) {
        // A rule may be written for an alias.
        concerns.push((asked, request.action.clone()));
    }
    concerns
}

fn by_denial(request: &Request, facts: &Facts, policy: &Policy) -> Option<Decision> {
    concerns(request, facts)
        .into_iter()
        .find_map(|(service, action)| {
            let rule = policy.denies(&question(request, facts, &service, &action))?;
            let mut text = format!("denies {action} of {service}");
            if let Some(because) = rule.because {
                text.push_str(": ");
                text.push_str(because);
            }
            Some(Decision::because(
                Verdict::Deny,
                Reason::new(rule.source, text),
            ))
        })
}

fn by_rules(request: &Request, facts: &Facts, policy: &Policy, owed: Option<&Entry>) -> Decision {
    let service = facts.unit.id.service();
    let mut reasons = Vec::new();
    let mut verdict = None;
    let mut lifted = false;
    match policy.ask(&question(request, facts, &service, &request.action)) {
        Answer::Rule(rule) => {
            lifted = *rule.decide == Decide::Allow && rule.tier == Tier::Admin;
            let text = rule
                .because
                .map_or_else(|| "matches".to_owned(), str::to_owned);
            verdict = how(rule.decide, request, facts, owed);
            reasons.push(Reason::new(rule.source, text));
        }
        Answer::HoldBroken { problem } => {
            reasons.push(Reason::new(
                Source::BuiltIn,
                format!("the policy cannot be read: {problem}"),
            ));
            verdict = held_by_broken_policy(request, facts);
        }
        Answer::Silent => {}
    }
    let strict = policy.settings().strict;
    let verdict = verdict
        .or_else(|| by_flags(request, facts, owed, &mut reasons))
        .unwrap_or_else(|| built_in(request, facts, policy, owed, &mut reasons));
    if lifted {
        return Decision { verdict, reasons };
    }
    let starts = match &verdict {
        Verdict::Run(action) => action.may_start(),
        Verdict::Restart | Verdict::IfStale | Verdict::Defer { .. } => request.action.may_start(),
        Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Reload
        | Verdict::Hold
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_)
        | Verdict::Nothing => false,
    };
    let filtered = if strict {
        stock_filter(request, facts)
    } else {
        filter(request, facts)
    };
    match filtered.filter(|_| starts) {
        Some((verdict, reason)) => {
            reasons.push(reason);
            Decision { verdict, reasons }
        }
        None => Decision { verdict, reasons },
    }
}

/// What a rule's `decide` means for the action: `None` where it has nothing to say to it.
fn how(decide: &Decide, request: &Request, facts: &Facts, owed: Option<&Entry>) -> Option<Verdict> {
    let up = !facts.unit.is_down();
    let upgrade = request.context.phase == Phase::Upgrade;
    let stops = request.action == Action::Stop;
    let renews = matches!(
        request.action,
        Action::Start | Action::Restart | Action::TryRestart | Action::Reload | Action::ForceReload
    );
    match decide {
        Decide::Allow => None,
        Decide::Deny => Some(Verdict::Deny),
        Decide::Stop => stops.then_some(Verdict::Stop),
        Decide::Quiesce => stops.then(|| quiesce(facts)),
        Decide::Restart | Decide::IfStale | Decide::Reload if stops => {
            (upgrade && up).then_some(Verdict::Hold)
        }
        Decide::Restart => (renews && up).then_some(Verdict::Restart),
        Decide::IfStale => (renews && up).then_some(Verdict::IfStale),
        Decide::Reload => (renews && up).then(|| {
            if facts.unit.can_reload.is_and(|can| *can) {
                Verdict::Reload
            } else {
                Verdict::Restart
            }
        }),
        Decide::Defer(until) => defer(request, facts, owed, *until),
        Decide::Fallback(actions) => Some(Verdict::FallBack(actions.clone())),
    }
}

/// Without activation nothing wakes a service, and quiesce is stop.
fn quiesce(facts: &Facts) -> Verdict {
    if facts.capabilities.activation {
        Verdict::Quiesce
    } else {
        Verdict::Stop
    }
}

fn defer(request: &Request, facts: &Facts, owed: Option<&Entry>, until: Until) -> Option<Verdict> {
    let kept = owed.is_some_and(|entry| entry.kept_running);
    let phase = request.context.phase;
    let up = !facts.unit.is_down();
    let later = |action: Action| Some(Verdict::Defer { action, until });
    match &request.action {
        Action::Stop if phase == Phase::Remove => None,
        Action::Stop if phase == Phase::Upgrade => up.then_some(Verdict::Hold),
        Action::Stop => later(Action::Stop),
        // Scripts go on to use what they start; only an installation may say otherwise.
        Action::Start if phase == Phase::Upgrade && (kept && up || facts.unit.is_up()) => {
            later(Action::Restart)
        }
        Action::Start if phase == Phase::Install => later(Action::Start),
        Action::Restart | Action::TryRestart | Action::Reload | Action::ForceReload if up => {
            later(request.action.clone())
        }
        Action::Start
        | Action::Restart
        | Action::TryRestart
        | Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => None,
    }
}

/// With an unreadable policy and none kept, an upgrade leaves the service as it runs.
fn held_by_broken_policy(request: &Request, facts: &Facts) -> Option<Verdict> {
    match request.action {
        Action::Stop => (!facts.unit.is_down()).then_some(Verdict::Hold),
        Action::Start | Action::Restart | Action::TryRestart => Some(Verdict::Hold),
        Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => None,
    }
}

fn by_flags(
    request: &Request,
    facts: &Facts,
    owed: Option<&Entry>,
    reasons: &mut Vec<Reason>,
) -> Option<Verdict> {
    let mut option = |name: &str, text: &str| {
        reasons.push(Reason::new(Source::Option(name.to_owned()), text));
    };
    if request.has(Flag::Quiesce) && request.action == Action::Stop {
        option("--quiesce", "stops the service alone");
        return Some(quiesce(facts));
    }
    if request.has(Flag::Defer) {
        let verdict = defer(request, facts, owed, Until::Batch)?;
        option("--defer", "when the batch is over");
        return Some(verdict);
    }
    None
}

fn built_in(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
    reasons: &mut Vec<Reason>,
) -> Verdict {
    let asked = Verdict::Run(request.action.clone());
    if policy.settings().strict {
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
    if request.context.phase == Phase::Upgrade && unit.is_up() && unit.has_fd_store {
        reasons.push(state(
            "keeps file descriptors: not split, it is restarted by the start to come",
        ));
        return Verdict::Hold;
    }
    let taken = taken(request, facts, policy);
    if unit.is_missing() && taken.triggers.is_empty() {
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

/// Whether a start must be a restart, because the service runs although a script stopped it.
fn again(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
    reasons: &mut Vec<Reason>,
) -> Option<Verdict> {
    // Where nobody knows whether it runs, the note says that it did.
    let entry = owed.filter(|_| !facts.unit.is_down())?;
    let why = if entry.kept_running {
        "its stop was held: this start is the restart"
    } else if entry.quiesced.is_some() {
        "it was woken after it had been quiesced: restarted, so that no old program goes on"
    } else {
        return None;
    };
    let service = facts.unit.id.service();
    if let Some(rule) = policy.denies(&question(request, facts, &service, &Action::Restart)) {
        let text = "denies the restart that this start would be";
        reasons.push(Reason::new(rule.source, text));
        return Some(Verdict::Deny);
    }
    reasons.push(Reason::new(Source::Ledger, why));
    Some(Verdict::Restart)
}

/// What is masked, disabled and not running, or stopped by the admin is not started.
fn filter(request: &Request, facts: &Facts) -> Option<(Verdict, Reason)> {
    let unit = &facts.unit;
    let state = |text: String| Reason::new(Source::Unit(unit.id.to_string()), text);
    if unit.is_masked() {
        return Some((Verdict::Nothing, state("is masked".to_owned())));
    }
    if let Some(found) = stock_filter(request, facts) {
        return Some(found);
    }
    let by_admin = matches!(request.action, Action::Start | Action::Restart)
        && stopped_by_admin(request, unit);
    by_admin.then(|| {
        (
            Verdict::Nothing,
            state("was stopped before this upgrade began".to_owned()),
        )
    })
}

/// What the stock tool filters too; invoke-rc.d does it before policy-rc.d is asked.
fn stock_filter(request: &Request, facts: &Facts) -> Option<(Verdict, Reason)> {
    let asks = request.front == FrontEnd::DebSystemdInvoke;
    asks.then(|| not_enabled(request, &facts.unit)).flatten()
}

/// deb-systemd-invoke starts what is enabled, and restarts that or what runs. A question that
/// failed is not a no: the caller gets an error.
fn not_enabled(request: &Request, unit: &UnitFacts) -> Option<(Verdict, Reason)> {
    let source = Source::Unit(unit.id.to_string());
    let asked = &request.named;
    let restart = match request.action {
        Action::Start => false,
        Action::Restart => true,
        Action::Stop
        | Action::TryRestart
        | Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => return None,
    };
    if restart && unit.is_up() || unit.file.is_and(|state| *state == FileState::Enabled) {
        return None;
    }
    let missing = unit.load.is_and(|load| *load == LoadState::NotFound);
    if unit.file.is_unknown() && !missing {
        let text = format!("whether {asked} is enabled is not known: not starting it");
        return Some((Verdict::Emulate(1), Reason::new(source, text)));
    }
    let text = if restart {
        format!("{asked} is a disabled or a static unit not running, not starting it.")
    } else {
        format!("{asked} is a disabled or a static unit, not starting it.")
    };
    Some((Verdict::Nothing, Reason::new(source, text)))
}

/// Enabled, ran in this boot, and was taken down before dpkg or apt began: not by a script of
/// this batch, so by the admin. A failed or a never started unit is nobody's will.
fn stopped_by_admin(request: &Request, unit: &UnitFacts) -> bool {
    let context = &request.context;
    let Some(began) = context
        .batch_started
        .filter(|_| context.phase == Phase::Upgrade)
    else {
        return false;
    };
    let inactive = unit
        .active
        .is_and(|state| *state == crate::domain::ActiveState::Inactive);
    // What can be started on demand is down because nobody needs it.
    let on_demand = unit.bus_activated || !unit.triggered_by.is_empty();
    let before = unit.down_since_epoch > 0 && unit.down_since_epoch < began;
    inactive && before && !unit.oneshot && !on_demand
}

/// The service whose note on the ledger a request belongs to: a trigger belongs to what it starts.
pub fn ledger_services(facts: &Facts) -> Vec<ServiceName> {
    let mut services: Vec<ServiceName> =
        served(facts).iter().map(|unit| unit.id.service()).collect();
    if services.is_empty() {
        services.push(facts.unit.id.service());
    }
    services
}
