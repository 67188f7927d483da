//! What a removal leaves active: triggers that nobody stops, and services that run on without their files.

use std::collections::BTreeSet;

use super::doubts::{enabled_by_somebody, of_left};
use super::event::{Deed, Under};
use super::found::{Found, in_script, in_unit};
use super::on::{is_on, is_skipped};
use super::relations::{is_daemon, refuses_stop};
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::audit::shipped::Unit;
use crate::decide::is_essential;
use crate::domain::UnitName;

/// A trigger that stays.
pub(super) const NOT_STOPPED: Check = Check {
    id: "trigger-not-stopped",
    title: "a socket, path or timer stays active when its package is removed",
    severity: Severity::Error,
    explanation: "The package ships a unit that starts a service on demand, and no script stops it on removal. A socket goes on \
                  holding its address, where no other program can have it, and wakes the service while its files are \
                  being deleted; afterwards the unit stays active without a file. Where nobody enables the unit by default this \
                  concerns the machines on which an admin has done so.",
    change: "stop it in the prerm on removal, before its service: dh_installsystemd does so for every unit that it is told of",
    lintian: &[],
    find: not_stopped,
};

/// A service that stays.
pub(super) const LEFT_RUNNING: Check = Check {
    id: "left-running-after-removal",
    title: "a service that the package starts runs on after its removal",
    severity: Severity::Error,
    explanation: "The postinst starts the service, and neither prerm nor postrm stops it on removal. The program goes on \
                  running without its files, holds its ports, and cannot be stopped by name any more.",
    change: "stop it in the prerm on removal: dh_installsystemd does so for every unit that it is told of",
    lintian: &[],
    find: left_running,
};

/// A call that stops, with all that goes down then.
type Down<'v, 's> = (&'v Event<'s>, BTreeSet<UnitName>);

/// What a removal takes down, on any way through the scripts; `None` where that cannot be known.
fn taken_down<'v, 's>(view: &'v View<'s>) -> Option<Vec<Down<'v, 's>>> {
    let removal = view.on(Under::Systemd, Way::Remove);
    let stops = removal.into_iter().filter(|event| {
        let effect = event.effect.as_ref();
        effect.is_some_and(|effect| effect.deed == Deed::Stop)
    });
    stops
        .map(|event| {
            let effect = event.effect.as_ref()?;
            let mut fallen = BTreeSet::new();
            for unit in &effect.units {
                fallen.extend(view.relations.falls_with(unit.as_ref()?));
            }
            Some((event, fallen))
        })
        .collect()
}

fn not_stopped(view: &View<'_>) -> Vec<Found> {
    let Some(down) = taken_down(view).filter(|_| view.is_removable()) else {
        return Vec::new();
    };
    let triggers = view
        .relations
        .units()
        .filter(|unit| unit.name.kind().is_trigger());
    let concerned = triggers.filter(|unit| !unit.name.is_template() && !refuses_stop(unit));
    // Stopping one of these cuts the machine off; no tool of ours does it either.
    let concerned = concerned.filter(|unit| !is_essential(&unit.name));
    concerned
        .filter_map(|unit| not_stopped_by_name(view, unit, &down))
        .collect()
}

fn not_stopped_by_name(view: &View<'_>, unit: &Unit, down: &[Down<'_, '_>]) -> Option<Found> {
    let service = view.relations.triggered(unit)?;
    let stops = |name: &UnitName| down.iter().find(|(_, fallen)| fallen.contains(name));
    let is_named = |(event, _): &Down<'_, '_>| {
        let mut units = event.units();
        units.any(|named| view.relations.canonical(named) == unit.name)
    };
    if down.iter().any(is_named) {
        return None;
    }
    if let Some((event, _)) = stops(&unit.name) {
        let label = "it goes down with what is stopped here, by its Requires=, BindsTo= or PartOf=";
        let message = format!(
            "`{}` is stopped by no name of its own when the package is removed",
            unit.name
        );
        let spot = spot_of(view, unit, "no script names this");
        let found = Found::at(spot, message).of_severity(Severity::Note);
        return Some(found.and(in_script(event.half.package, event.call.place, label)));
    }
    let stop = stops(&service).map(|(event, _)| *event);
    if is_on(view, &unit.name) {
        let found = left_active(view, unit, stop);
        return Some(of_left(view, unit, found));
    }
    let stop = stop.filter(|_| view.relations.can_be_enabled(unit))?;
    let found = left_active(view, unit, Some(stop));
    let given = enabled_by_somebody(&unit.name);
    Some(found.given(given).of_severity(Severity::Warning))
}

fn left_active(view: &View<'_>, unit: &Unit, stop: Option<&Event<'_>>) -> Found {
    let message = format!(
        "`{}` is never stopped when the package is removed",
        unit.name
    );
    let spot = spot_of(view, unit, "nothing stops this");
    let found = Found::at(spot, message);
    match stop {
        Some(event) => {
            let label = "while its service is stopped here";
            found.and(in_script(event.half.package, event.call.place, label))
        }
        None => found,
    }
}

/// A unit's first line, or its file.
pub(super) fn spot_of(view: &View<'_>, unit: &Unit, label: &str) -> crate::audit::finding::Spot {
    match unit.directives.first() {
        Some(line) => in_unit(view.package(), line, label),
        None => super::found::in_file(view.package(), &unit.path, label),
    }
}

fn left_running(view: &View<'_>) -> Vec<Found> {
    let Some(down) = taken_down(view).filter(|_| view.is_removable()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for event in view.on(Under::Systemd, Way::Install) {
        let starts = event
            .effect
            .as_ref()
            .is_some_and(|effect| effect.deed.brings_up());
        for name in event.units().filter(|_| starts) {
            let Some(unit) = view.relations.unit(name) else {
                continue;
            };
            let concerned = is_daemon(unit) && !unit.name.is_template() && !refuses_stop(unit);
            let concerned = concerned && !is_skipped(view, event, name);
            let stopped = down.iter().any(|(_, fallen)| fallen.contains(&unit.name));
            if concerned && !stopped && is_on(view, &unit.name) && seen.insert(unit.name.clone()) {
                let spot = in_script(event.half.package, event.call.place, "started here");
                let message = format!(
                    "`{}` is started on installation and never stopped on removal",
                    unit.name
                );
                let one = Found::at(spot, message).assuming(event.call);
                found.push(of_left(view, unit, one));
            }
        }
    }
    found
}
