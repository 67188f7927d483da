//! What else an action touches: triggers that go down with a service, what falls with them, and
//! the services that a named trigger or target would start. Pure, over the observed facts.

use std::collections::BTreeSet;

use crate::domain::order;
use crate::domain::{Action, Facts, Phase, Request, ServiceName, UnitFacts, UnitKind, UnitName};
use crate::policy::Policy;

use super::question::question;

/// Stopping these cuts off the init, the log or every session.
const ESSENTIAL: [&str; 5] = [
    "dbus.socket",
    "systemd-journald",
    "systemd-logind",
    "systemd-udevd",
    "systemd-userdbd",
];

/// Whether a unit is a socket that is left alone whatever is stopped: of the bus, the log, the devices, the sessions.
pub fn is_essential(name: &UnitName) -> bool {
    let named = |start| name.as_str().starts_with(start);
    name.kind() == UnitKind::Socket && ESSENTIAL.into_iter().any(named)
}

/// What a stop takes down besides the unit that was named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Taken {
    /// Triggers that are stopped together with the service.
    pub(super) triggers: Vec<UnitName>,
    /// Units that fall with those, or with the service.
    pub(super) dependents: Vec<UnitName>,
    /// Triggers that go on, and why.
    pub(super) spared: Vec<(UnitName, String)>,
}

/// The service at the heart of a request: the unit itself, or what a trigger starts.
pub(super) fn served(facts: &Facts) -> Vec<&UnitFacts> {
    if facts.unit.id.kind().is_trigger() {
        facts
            .unit
            .triggers
            .iter()
            .filter_map(|name| facts.of(name))
            .collect()
    } else {
        vec![&facts.unit]
    }
}

/// The services whose notes on the ledger a request belongs to: a trigger belongs to what it starts.
/// The names under which it was asked for come last: an upgrade may have turned a name into an alias.
pub fn ledger_services(facts: &Facts) -> Vec<ServiceName> {
    let served = served(facts);
    let ids = served.iter().map(|unit| &unit.id);
    let asked = served.iter().map(|unit| &unit.asked);
    let mut services: Vec<ServiceName> = Vec::new();
    for name in ids.chain(asked).chain([&facts.unit.id, &facts.unit.asked]) {
        let service = name.service();
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}

/// Units that are judged as well, because the action on the named one starts or stops them:
/// what a trigger triggers, and what a target that is started pulls in and does not run yet.
pub fn facets(action: &Action, unit: &UnitFacts, related: &[UnitFacts]) -> Vec<UnitName> {
    let kind = unit.id.kind();
    if kind.is_trigger() {
        return unit.triggers.clone();
    }
    let of = |name: &UnitName| {
        let mut units = related.iter();
        units.find(|unit| unit.id == *name || unit.asked == *name)
    };
    if kind != UnitKind::Target || !action.may_start() {
        return Vec::new();
    }
    let pulled = unit.pulls_in.iter();
    let down: Vec<&UnitName> = pulled
        .filter(|name| !of(name).is_some_and(UnitFacts::is_up))
        .collect();
    // A trigger that comes up with the target is judged by what it triggers, too.
    let triggered = down.iter().flat_map(|name| {
        let unit = of(name).filter(|unit| unit.id.kind().is_trigger());
        unit.map_or(&[][..], |unit| &unit.triggers)
    });
    let mut names = Vec::new();
    for name in down.iter().copied().chain(triggered) {
        push_new(&mut names, name);
    }
    names
}

/// What stopping the unit takes down besides it.
pub(super) fn taken(request: &Request, facts: &Facts, policy: &Policy) -> Taken {
    let mut taken = Taken::default();
    let named_trigger = facts.unit.id.kind().is_trigger();
    // A script's separate stops of several triggers are one stop, but only in an upgrade, where
    // all of them are started again.
    if !named_trigger || request.context.phase == Phase::Upgrade {
        for service in served(facts) {
            for name in service
                .triggered_by
                .iter()
                .filter(|name| **name != facts.unit.id)
            {
                match spare(request, facts, policy, service, name) {
                    Some(why) => taken.spared.push((name.clone(), why)),
                    None if facts.of(name).is_some_and(UnitFacts::is_up) => {
                        push_new(&mut taken.triggers, name);
                    }
                    None => {}
                }
            }
        }
    }
    taken.dependents = falling(facts, &taken.triggers);
    taken
}

fn push_new(list: &mut Vec<UnitName>, name: &UnitName) {
    if !list.contains(name) {
        list.push(name.clone());
    }
}

/// Why a trigger goes on although its service is stopped.
fn spare(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    service: &UnitFacts,
    name: &UnitName,
) -> Option<String> {
    let Some(trigger) = facts.of(name) else {
        return Some("its state is not known".to_owned());
    };
    if trigger.active.is_unknown() {
        return Some("its state is not known".to_owned());
    }
    if is_essential(name) {
        return Some("the system cannot do without it".to_owned());
    }
    if trigger.accepts && service.id.as_str().contains('@') {
        return Some("it starts an instance for each connection, and only one is meant".to_owned());
    }
    // Unknown is never a no.
    let other = trigger
        .triggers
        .iter()
        .find(|other| **other != service.id && !facts.of(other).is_some_and(UnitFacts::is_down));
    if let Some(other) = other {
        let runs = facts.of(other).is_some_and(UnitFacts::is_up);
        let how = if runs { "is" } else { "may be" };
        return Some(format!("{other} {how} running and uses it too"));
    }
    let denied = policy.denies(&question(request, facts, &name.service(), &Action::Stop));
    denied.map(|rule| format!("{} denies its stop", rule.source))
}

/// The running units that fall when the named unit and `triggers` are stopped.
pub(super) fn falling(facts: &Facts, triggers: &[UnitName]) -> Vec<UnitName> {
    let mut gone = BTreeSet::new();
    let named = triggers.iter().chain([&facts.unit.id]);
    let mut queue: Vec<&UnitName> = named.filter(|name| gone.insert(*name)).collect();
    order::sort(&mut queue);
    let mut fallen = Vec::new();
    while let Some(name) = queue.pop() {
        let requiring = facts.of(name).map_or(&[][..], |unit| &unit.required_by);
        for unit in requiring.iter().filter_map(|name| facts.of(name)) {
            if unit.is_up() && gone.insert(&unit.id) {
                fallen.push(unit.id.clone());
                queue.push(&unit.id);
            }
        }
    }
    // The service itself is what was asked for, not a casualty of its own sockets.
    fallen.retain(|name| facts.unit.id != *name);
    fallen
}
