//! How an upgrade restarts: socket and service in one call, and a `start` where a restart is needed.

use super::event::{Deed, Under};
use super::found::{Found, in_script};
use super::relations::stays;
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::domain::{UnitKind, UnitName};

/// Socket and service in one call.
pub(super) const COMBINED: Check = Check {
    id: "combined-restart",
    title: "one call restarts a service together with its socket or path",
    severity: Severity::Warning,
    explanation: "The tool asks for one job after the other. Between the service's stop and the socket's restart a client can \
                  wake the service, and systemd refuses to start a socket whose service is active already: then the \
                  socket stays down, or the call fails, which `|| true` hides. A restart of the service alone hands its sockets on: \
                  none of them is closed, and no client is refused.",
    change: "restart the service alone, and let the socket listen on: dh_installsystemd --no-restart-on-upgrade for the socket, \
             or a separate `start` of it",
    lintian: &[],
    find: combined,
};

/// A start where a restart is needed.
pub(super) const AFTER_QUIESCE: Check = Check {
    id: "start-after-quiesce",
    title: "`start` after a quiesce",
    severity: Severity::Warning,
    explanation: "`--quiesce` stops the service and leaves its triggers active: a client may start it again at once, with the old \
                  program. A `start` then finds it running and does nothing. rcpolicy's own notes make a restart of it as \
                  long as they are there; a script should ask for what it means.",
    change: "use `restart` in the postinst where the prerm quiesces",
    lintian: &[],
    find: after_quiesce,
};

fn combined(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in view.on(Under::Systemd, Way::Upgrade) {
        if !view.is_mine(event.half) || !is_restart(event) {
            continue;
        }
        let together = triggers_beside(view, event);
        let Some((service, trigger)) = together else {
            continue;
        };
        let spot = in_script(event.half.package, event.call.place, "both in one call");
        let message = format!("`{service}` and `{trigger}` are restarted in one call");
        let one = Found::at(spot, message).assuming(event.call);
        if !found.iter().any(|other: &Found| other.spots == one.spots) {
            found.push(one);
        }
    }
    found
}

fn is_restart(event: &Event<'_>) -> bool {
    let effect = event.effect.as_ref();
    effect.is_some_and(|effect| matches!(effect.deed, Deed::Restart | Deed::TryRestart))
}

/// A service of the call, and the socket or path in the same call that starts it.
fn triggers_beside(view: &View<'_>, event: &Event<'_>) -> Option<(UnitName, UnitName)> {
    let named: Vec<UnitName> = event
        .units()
        .map(|unit| view.relations.canonical(unit))
        .collect();
    named.iter().find_map(|service| {
        let runs = view.relations.unit(service).is_some_and(stays);
        let triggers = view.relations.triggers_of(service).into_iter();
        let mut beside = triggers.filter(|trigger| {
            let kind = trigger.name.kind();
            matches!(kind, UnitKind::Socket | UnitKind::Path) && named.contains(&trigger.name)
        });
        let trigger = beside.next().filter(|_| runs)?;
        Some((service.clone(), trigger.name.clone()))
    })
}

fn after_quiesce(view: &View<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for events in view.each(Under::Systemd, Way::Upgrade) {
        for quiesce in events.iter().filter(|event| event.asked.has("--quiesce")) {
            let later = events.iter().filter(|event| event.is_after(quiesce));
            for start in later.filter(|event| starts_same(view, quiesce, event)) {
                let one = started(start, quiesce);
                if !found.iter().any(|other| other.spots == one.spots) {
                    found.push(one);
                }
            }
        }
    }
    found
}

fn started(start: &Event<'_>, quiesce: &Event<'_>) -> Found {
    let label = "does nothing where a client woke it";
    let spot = in_script(start.half.package, start.call.place, label);
    let message =
        "a `start` follows a quiesce: what a client woke meanwhile goes on running the old program";
    let before = in_script(quiesce.half.package, quiesce.call.place, "quiesced here");
    Found::at(spot, message).assuming(start.call).and(before)
}

fn starts_same(view: &View<'_>, quiesce: &Event<'_>, event: &Event<'_>) -> bool {
    let start = event
        .effect
        .as_ref()
        .is_some_and(|effect| effect.deed == Deed::Start);
    start && event.units().any(|unit| names(view, quiesce, unit))
}

fn names(view: &View<'_>, event: &Event<'_>, unit: &UnitName) -> bool {
    let unit = view.relations.canonical(unit);
    event
        .units()
        .any(|other| view.relations.canonical(other) == unit)
}
