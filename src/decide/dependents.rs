//! What requires a unit falls with it, although nobody named it: where the admin denies that, by a rule or
//! by policy-rc.d, a script and a flush leave alone what would take it down. Pure.

use crate::domain::{
    Action, Facts, Flag, FrontEnd, Phase, Reason, Request, Scope, Source, UnitFacts, UnitName,
    Until, Verdict,
};
use crate::policy::{Matched, Policy};

use super::defer::{hold, is_trigger};
use super::question::{Clearance, clearance, question};
use super::stock::status;
use super::triggers::{facets, falling, served, taken};

/// How what falls would come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// At once: the init restarts it too.
    AtOnce,
    /// With the next start, where that may be.
    WithAStart,
}

/// What a verdict takes down besides what it is about.
#[derive(Debug)]
struct Fall {
    units: Vec<UnitName>,
    back: Back,
}

/// What becomes of a verdict that would take down a dependent which may not be stopped, or not be started
/// again. None where no such thing falls. What is asked for by hand, and a removal, whose files go, is done
/// all the same, and the reason says what it costs.
pub(super) fn keeps_dependents(
    verdict: &Verdict,
    request: &Request,
    facts: &Facts,
    policy: &Policy,
) -> Option<(Verdict, Reason)> {
    if policy.settings().strict || request.scope == Scope::User {
        return None;
    }
    let fall = fall(verdict, request, facts, policy)?;
    let mut units = fall.units.iter();
    let reason = units.find_map(|unit| {
        let asked = Asked { request, facts };
        asked.denial(unit, fall.back, policy)
    })?;
    let instead = match request.context.phase {
        Phase::None | Phase::Remove => verdict.clone(),
        // What was put off stays owed.
        _ if request.front == FrontEnd::Rcpolicy => Verdict::Deny,
        phase @ (Phase::Install | Phase::Upgrade | Phase::Trigger) => match fall.back {
            Back::WithAStart if phase == Phase::Upgrade && facts.unit.is_down() => Verdict::Nothing,
            Back::WithAStart if phase == Phase::Upgrade => hold(facts),
            Back::WithAStart => later(facts, Action::Stop),
            Back::AtOnce => later(facts, renewal(&request.action)),
        },
    };
    Some((instead, reason))
}

fn fall(verdict: &Verdict, request: &Request, facts: &Facts, policy: &Policy) -> Option<Fall> {
    let unit = &facts.unit;
    let (units, back) = match verdict {
        Verdict::Stop => (taken(request, facts, policy).dependents, Back::WithAStart),
        Verdict::Quiesce | Verdict::Run(Action::Stop) => (falling(facts, &[]), Back::WithAStart),
        // What is down takes nobody along.
        _ if unit.is_down() => return None,
        Verdict::Run(Action::ForceReload) if !unit.can_reload.is_and(|can| !can) => return None,
        Verdict::Restart
        | Verdict::IfStale
        | Verdict::Run(Action::Restart | Action::TryRestart | Action::ForceReload) => {
            (falling(facts, &[]), Back::AtOnce)
        }
        Verdict::Run(
            Action::Start | Action::Reload | Action::ForceStop | Action::Status | Action::Other(_),
        )
        | Verdict::Reload
        | Verdict::Defer { .. }
        | Verdict::Hold
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_)
        | Verdict::Nothing => return None,
    };
    Some(Fall { units, back })
}

/// What policy-rc.d is asked besides about a stop in a script: may what falls with it be stopped, and be
/// started again. Stock does not ask, and what fell stays down; here it comes back, if that may be.
pub(super) fn asked_of_falling(request: &Request, facts: &Facts) -> Vec<(UnitName, Action)> {
    let by_script = match request.context.phase {
        Phase::Install | Phase::Upgrade | Phase::Trigger => true,
        Phase::None | Phase::Remove => false,
    };
    if !by_script || request.action != Action::Stop || request.scope == Scope::User {
        return Vec::new();
    }
    let triggers = served(facts)
        .into_iter()
        .flat_map(|unit| &unit.triggered_by);
    let triggers = triggers.filter(|name| facts.of(name).is_some_and(UnitFacts::is_up));
    let triggers: Vec<UnitName> = triggers.cloned().collect();
    // What it would stop itself is asked about as such.
    let named = facets(&request.action, &facts.unit, &facts.related);
    let fallen = falling(facts, &triggers).into_iter();
    let fallen = fallen.filter(|unit| !named.contains(unit) && !triggers.contains(unit));
    fallen
        .flat_map(|unit| [(unit.clone(), Action::Stop), (unit, Action::Start)])
        .collect()
}

fn later(facts: &Facts, action: Action) -> Verdict {
    let until = Until::Batch;
    if is_trigger(facts) {
        Verdict::Nothing
    } else {
        Verdict::Defer { action, until }
    }
}

/// What is owed where the restart that `action` comes to is put off.
fn renewal(action: &Action) -> Action {
    if *action == Action::Start {
        Action::Restart
    } else {
        action.clone()
    }
}

/// A request, and what was observed for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) facts: &'a Facts,
}

impl Asked<'_> {
    /// Why `unit`, or what it starts on demand, may not fall.
    pub(super) fn denial(&self, unit: &UnitName, back: Back, policy: &Policy) -> Option<Reason> {
        let actions: &[(Action, &str)] = match back {
            Back::AtOnce => &[(Action::Restart, "restarted")],
            Back::WithAStart => &[(Action::Stop, "stopped"), (Action::Start, "started again")],
        };
        let started = self.facts.of(unit);
        let started = started.map_or(&[][..], |unit: &UnitFacts| &unit.triggers);
        let mut judged = std::iter::once(unit).chain(started);
        let by_rule = judged.find_map(|name| {
            let service = name.service();
            actions.iter().find_map(|(action, word)| {
                let asked = question(self.request, self.facts, &service, action);
                let Matched {
                    source, because, ..
                } = policy.denies(&asked)?;
                Some(reason(unit, word, source, because))
            })
        });
        by_rule.or_else(|| self.denial_by_helper(unit))
    }

    /// What policy-rc.d says, where it was asked about it.
    fn denial_by_helper(&self, unit: &UnitName) -> Option<Reason> {
        if self.request.has(Flag::Force) {
            return None;
        }
        let mut answers = self.facts.helper_related.iter();
        answers.find_map(|(other, answer)| {
            let status = match clearance(self.request.front, answer) {
                Clearance::Denied(status) | Clearance::Error(status) => status,
                Clearance::Fallback(_) => status::FALLBACK,
                Clearance::Absent | Clearance::Allowed(_) => return None,
            };
            let text = format!("{unit} goes down with it and may not be stopped, or not come back");
            (other == unit).then(|| Reason::new(Source::PolicyRcD { status }, text))
        })
    }
}

fn reason(unit: &UnitName, word: &str, source: Source, because: Option<&str>) -> Reason {
    let mut text = format!("{unit} goes down with it and may not be {word}");
    if let Some(because) = because {
        text.push_str(": ");
        text.push_str(because);
    }
    Reason::new(source, text)
}
