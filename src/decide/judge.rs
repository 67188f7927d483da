//! From a request, the facts and the policy to a verdict with its reasons. Pure.
//! The order of the clauses is the order of who has the last word; each is one small function.

use crate::domain::{
    Action, Decision, Facts, Flag, FrontEnd, HelperAnswer, Machine, Phase, Reason, Request,
    ServiceName, Source, UnitFacts, UnitName, Until, Verdict,
};
use crate::ledger::Entry;
use crate::policy::{Answer, Decide, Matched, Policy, Tier};

use super::built_in::{becomes_restart, built_in, keeps_descriptors, with_its_service};
use super::defer::{defer, hold, is_trigger};
use super::dependents::{asked_of_falling, keeps_dependents};
use super::filter::{filter, stock_filter};
use super::question::{Clearance, clearance, question};
use super::restore::brought_back;
use super::stale::{if_stale, judged_later};
use super::stock::status;
use super::triggers::facets;

/// Whether the action comes out of a list of fallbacks already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    No,
    Yes,
}

/// Decides one request.
pub fn decide(request: &Request, facts: &Facts, policy: &Policy, owed: Option<&Entry>) -> Decision {
    all_clauses(request, facts, policy, owed, Listed::No)
}

/// Decides one action of a list of fallbacks. No further list takes its place, so that two rules
/// cannot send a request round for ever.
pub fn decide_listed(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
) -> Decision {
    all_clauses(request, facts, policy, owed, Listed::Yes)
}

fn all_clauses(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
    listed: Listed,
) -> Decision {
    let mut decision = by_shutdown(request, facts)
        .or_else(|| by_helper(request, facts))
        .or_else(|| by_denial(request, facts, policy))
        .unwrap_or_else(|| by_rules(request, facts, policy, owed, listed));
    if decision.reasons.is_empty() {
        let text = "nobody says otherwise: as it was asked";
        decision.reasons.push(Reason::new(Source::BuiltIn, text));
    }
    decision
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
        let judged = facets(&request.action, &facts.unit, &facts.related);
        // Answers about what a start would bring back concern that alone: see `restore`. About the
        // unit itself a start is asked for again as the restart that it would be.
        let mut related = facts.helper_related.iter().filter(|(unit, _)| {
            judged.contains(unit) || request.action == Action::Start && facts.unit.id == *unit
        });
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
    // A rule may be written for an alias.
    if let Ok(asked) = ServiceName::parse(&request.named) {
        concerns.push((asked.clone(), request.action.clone()));
        if request.action.may_start() && !facts.unit.is_up() {
            concerns.push((asked, Action::Start));
        }
    }
    concerns
}

/// What policy-rc.d is asked besides the request itself: what a named trigger or target would start
/// or stop, the restart that a start would be, what a start would bring back, and what falls with a stop.
pub fn also_asked(
    request: &Request,
    facts: &Facts,
    owed: Option<&Entry>,
) -> Vec<(UnitName, Action)> {
    let judged = facets(&request.action, &facts.unit, &facts.related);
    let mut asked = Vec::new();
    for unit in judged {
        let up = facts.of(&unit).is_some_and(UnitFacts::is_up);
        let starts = request.action.may_start() && request.action != Action::Start && !up;
        asked.push((unit.clone(), request.action.clone()));
        // Whatever is done to the trigger, to what it triggers it is a start.
        asked.extend(starts.then_some((unit, Action::Start)));
    }
    if request.action == Action::Start && becomes_restart(facts, owed).is_some() {
        asked.push((facts.unit.id.clone(), Action::Restart));
    }
    for unit in brought_back(request, facts, owed) {
        let asked_for = request.action == Action::Start && unit == facts.unit.id;
        if !asked_for
            && !asked
                .iter()
                .any(|(known, action)| *known == unit && *action == Action::Start)
        {
            asked.push((unit, Action::Start));
        }
    }
    asked.extend(asked_of_falling(request, facts));
    asked
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

fn by_rules(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    owed: Option<&Entry>,
    listed: Listed,
) -> Decision {
    let service = facts.unit.id.service();
    let mut reasons = Vec::new();
    let mut verdict = None;
    let mut lifted = false;
    match policy.ask(&question(request, facts, &service, &request.action)) {
        Answer::Rule(rule) => {
            lifted = *rule.decide == Decide::Allow && rule.tier == Tier::Admin;
            verdict = how(&rule, request, facts, owed)
                .filter(|verdict| may_become(verdict, request, facts, policy))
                .filter(|verdict| listed == Listed::No || !matches!(verdict, Verdict::FallBack(_)));
            let says = rule.because.unwrap_or("matches");
            let text = match (&verdict, rule.decide) {
                (Some(_), _) | (None, Decide::Allow) => says.to_owned(),
                (None, other) => format!("{says} ({} says nothing here)", other.as_str()),
            };
            reasons.push(Reason::new(rule.source, text));
            reasons.extend(judged_later(rule.decide, verdict.as_ref()));
        }
        Answer::HoldBroken { problem } => {
            let text = format!("the policy cannot be read: {problem}");
            reasons.push(Reason::new(Source::BuiltIn, text));
            verdict = match request.context.phase {
                Phase::Upgrade => held_by_broken_policy(request, facts),
                // As what is held: nobody makes up for it.
                Phase::Install | Phase::Remove | Phase::Trigger | Phase::None => {
                    Some(Verdict::Deny)
                }
            };
        }
        Answer::Silent => {
            if let Some((found, reason)) = with_its_service(request, facts, policy) {
                reasons.push(reason);
                verdict = Some(found);
            }
        }
    }
    let strict = policy.settings().strict;
    let given = verdict.or_else(|| by_flags(request, facts, owed, &mut reasons));
    let verdict = match keeps_descriptors(given.as_ref(), request, facts).filter(|_| !strict) {
        Some((held, reason)) => {
            reasons.push(reason);
            held
        }
        None => given.unwrap_or_else(|| built_in(request, facts, policy, owed, &mut reasons)),
    };
    let verdict = match keeps_dependents(&verdict, request, facts, policy) {
        Some((instead, reason)) => {
            reasons.push(reason);
            instead
        }
        None => verdict,
    };
    let verdict = not_in_a_chroot(verdict, request, facts, &mut reasons);
    if !lifted && starts(&verdict, request) {
        // Restarting what runs is not starting it.
        let restarts = matches!(verdict, Verdict::Restart | Verdict::IfStale);
        let mut request = request.clone();
        if restarts {
            request.action = Action::Restart;
        }
        let request = &request;
        let filtered = if strict && request.front != FrontEnd::Rcpolicy {
            stock_filter(request, facts)
        } else {
            filter(request, facts, owed)
        };
        if let Some((verdict, reason)) = filtered {
            reasons.push(reason);
            return Decision { verdict, reasons };
        }
    }
    Decision { verdict, reasons }
}

/// A chroot has no ledger: what is put off there would be lost, so it is done as stock does it.
fn not_in_a_chroot(
    verdict: Verdict,
    request: &Request,
    facts: &Facts,
    reasons: &mut Vec<Reason>,
) -> Verdict {
    let put_off = matches!(verdict, Verdict::Hold | Verdict::Defer { .. });
    if !put_off || !facts.machine.is_and(|m| *m == Machine::Chroot) {
        return verdict;
    }
    let text = "nothing is put off in a chroot: nobody would do it later";
    reasons.push(Reason::new(Source::BuiltIn, text));
    Verdict::Run(request.action.clone())
}

fn starts(verdict: &Verdict, request: &Request) -> bool {
    match verdict {
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
    }
}

/// Whether a rule may turn the action into another: not into one that the admin denies.
fn may_become(verdict: &Verdict, request: &Request, facts: &Facts, policy: &Policy) -> bool {
    let action = match verdict {
        Verdict::Restart | Verdict::IfStale => Action::Restart,
        Verdict::Reload => Action::Reload,
        Verdict::Run(_)
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Defer { .. }
        | Verdict::Hold
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_)
        | Verdict::Nothing => return true,
    };
    let service = facts.unit.id.service();
    policy
        .denies(&question(request, facts, &service, &action))
        .is_none()
}

/// What a rule's `decide` means for the action: `None` where it has nothing to say to it.
fn how(
    rule: &Matched<'_>,
    request: &Request,
    facts: &Facts,
    owed: Option<&Entry>,
) -> Option<Verdict> {
    let up = !facts.unit.is_down();
    let upgrade = request.context.phase == Phase::Upgrade;
    let stops = request.action == Action::Stop;
    let renews = matches!(
        request.action,
        Action::Start | Action::Restart | Action::TryRestart | Action::Reload | Action::ForceReload
    );
    match rule.decide {
        Decide::Allow => None,
        Decide::Deny => Some(Verdict::Deny),
        Decide::Stop => stops.then_some(Verdict::Stop),
        Decide::Quiesce => stops.then(|| quiesce(facts)),
        Decide::Restart | Decide::IfStale | Decide::Reload if stops => {
            (upgrade && up).then(|| hold(facts))
        }
        Decide::Restart => (renews && up).then_some(Verdict::Restart),
        // What a person asks for is more than can be seen of a change, unless the rule is about that.
        Decide::IfStale if is_asked_by_hand(request) && !rule.phase.contains(&Phase::None) => None,
        Decide::IfStale => (renews && up).then(|| if_stale(request, facts, owed)),
        Decide::Reload => (renews && up).then(|| {
            if facts.unit.can_reload.is_and(|can| *can) {
                Verdict::Reload
            } else {
                Verdict::Restart
            }
        }),
        Decide::Defer(until) => defer(request, facts, owed, *until).or_else(|| {
            // Scripts go on to use what they install, unless a rule is written for just that.
            let installs = request.context.phase == Phase::Install
                && request.action == Action::Start
                && rule.phase.contains(&Phase::Install);
            let action = Action::Start;
            let until = *until;
            let flushed = request.front == FrontEnd::Rcpolicy;
            (installs && !flushed && !is_trigger(facts)).then_some(Verdict::Defer { action, until })
        }),
        Decide::Fallback(actions) => Some(Verdict::FallBack(actions.clone())),
    }
}

/// Whether nobody but a person asks: a flush asks in the name of who is owed.
fn is_asked_by_hand(request: &Request) -> bool {
    request.context.phase == Phase::None && request.front != FrontEnd::Rcpolicy
}

/// Without activation nothing wakes a service, and quiesce is stop.
fn quiesce(facts: &Facts) -> Verdict {
    if facts.capabilities.activation.is_native() {
        Verdict::Quiesce
    } else {
        Verdict::Stop
    }
}

/// With an unreadable policy and none kept, an upgrade leaves the service as it is.
fn held_by_broken_policy(request: &Request, facts: &Facts) -> Option<Verdict> {
    let down = facts.unit.is_down();
    match request.action {
        // What is down stays down, and what could wake it stays as it is.
        Action::Stop | Action::ForceStop | Action::TryRestart if down => Some(Verdict::Nothing),
        Action::Stop | Action::ForceStop | Action::TryRestart => Some(hold(facts)),
        Action::Start if is_trigger(facts) && facts.unit.is_up() => Some(Verdict::Nothing),
        Action::Start | Action::Restart | Action::ForceReload => Some(Verdict::Hold),
        Action::Reload | Action::Status | Action::Other(_) => None,
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
