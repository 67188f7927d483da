//! What an upgrade leaves down: services that it stops and does not start, what falls with them, and what
//! is not brought back where it fails half-way.

use std::collections::BTreeSet;

use super::doubts::of_stopped;
use super::event::{Deed, Under};
use super::found::{Found, in_script, in_unit};
use super::on::is_skipped;
use super::relations::{FALLS_WITH, stays};
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::{Side, Tool};
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::audit::package::ScriptName;
use crate::audit::shipped::Unit;
use crate::domain::{UnitKind, UnitName};

/// Down after an upgrade.
pub(super) const STOPPED: Check = Check {
    id: "stopped-not-started",
    title: "an upgrade stops a service and never starts it",
    severity: Severity::Error,
    explanation: "The scripts stop this service on the way of an upgrade, and none of those that follow starts it, \
                  whatever is assumed of the machine. It was running before; afterwards it is down until somebody notices or \
                  the machine boots. deb-systemd-invoke does not start a unit that is static or disabled and not \
                  running: a `start` or `restart` that names such a unit does not bring it back.",
    change: "start it in the postinst where it was stopped, or restart it there and stop it in the prerm only on removal",
    lintian: &[],
    find: |view| {
        let mut found = left_down(view, Under::Systemd, Way::Upgrade);
        found.extend(left_down(view, Under::Sysv, Way::Upgrade));
        found
    },
};

/// Down after an upgrade that failed.
pub(super) const NOT_RESTORED: Check = Check {
    id: "down-after-failed-upgrade",
    title: "an upgrade that fails half-way leaves the service down",
    severity: Severity::Warning,
    explanation: "When the new package's preinst fails, dpkg calls the old one's postinst with `abort-upgrade`, so that it can \
                  undo what its prerm did. This one stops the service in its prerm and does not start it then: a failed \
                  upgrade leaves the old version configured and its service down.",
    change: "start the service in the postinst for `abort-upgrade`, `abort-remove` and `abort-deconfigure` as well as for `configure`",
    lintian: &[],
    find: |view| {
        let failed = Way::Failed(Side::New, ScriptName::Preinst);
        left_down(view, Under::Systemd, failed)
    },
};

/// Falls with another.
pub(super) const DEPENDENT: Check = Check {
    id: "dependent-left-down",
    title: "what requires a stopped service falls with it and is not started again",
    severity: Severity::Error,
    explanation: "Stopping a unit also stops those that are tied to it by Requires=, Requisite=, BindsTo= or PartOf=. \
                  Starting it again does not start them. A restart would take them along; a stop and a later start do not.",
    change: "restart the service in the postinst in place of stopping it in the prerm, or start its dependents there too",
    lintian: &[],
    find: dependents,
};

/// A service that an upgrade stops.
struct Stopped<'v, 's> {
    by: &'v Event<'s>,
    unit: UnitName,
}

/// The services that are stopped on the way, each with the call that does it.
fn stopped<'v, 's>(events: &[&'v Event<'s>]) -> Vec<Stopped<'v, 's>> {
    let mut seen = BTreeSet::new();
    let stops = events.iter().filter(|event| does(event, Deed::Stop));
    let named = stops.flat_map(|event| {
        let units = event.units().cloned();
        units.map(|unit| Stopped { by: event, unit })
    });
    named
        .filter(|stopped| seen.insert(stopped.unit.clone()))
        .collect()
}

fn does(event: &Event<'_>, deed: Deed) -> bool {
    event
        .effect
        .as_ref()
        .is_some_and(|effect| effect.deed == deed)
}

fn left_down(view: &View<'_>, under: Under, way: Way) -> Vec<Found> {
    let mut found = Vec::new();
    if !view.is_whole() {
        return found;
    }
    for events in view.each(under, way) {
        for stopped in stopped(&events) {
            if !goes_on(view, &stopped.unit, under) || may_come_back(view, &stopped, &events) {
                continue;
            }
            let spot = in_script(
                stopped.by.half.package,
                stopped.by.call.place,
                "stopped here",
            );
            let message = format!(
                "`{}` is stopped in an upgrade and never started",
                stopped.unit
            );
            let mut one = Found::at(spot, message).assuming(stopped.by.call);
            if let Some(skipped) = skipped(view, &stopped, &events) {
                let label = "this does not start it: the unit is static, and down";
                one = one.and(in_script(skipped.half.package, skipped.call.place, label));
            }
            if under == Under::Sysv {
                one = one.given("sysvinit runs");
            }
            found.push(of_stopped(view, (stopped.by, &stopped.unit), one));
        }
    }
    each_once(found)
}

/// The same sentence at the same place once.
fn each_once(found: Vec<Found>) -> Vec<Found> {
    let mut seen = BTreeSet::new();
    let key = |one: &Found| (one.message.clone(), one.spots.first().cloned());
    found
        .into_iter()
        .filter(|one| seen.insert(key(one)))
        .collect()
}

/// Whether the service is still there after the upgrade, and would run on if nobody stopped it.
fn goes_on(view: &View<'_>, name: &UnitName, under: Under) -> bool {
    match under {
        Under::Sysv => {
            let mut scripts = view.shipped().init_scripts.iter();
            scripts.any(|script| script.name == name.stem())
        }
        Under::Systemd => view.relations.unit(name).is_some_and(|unit| {
            let on = view.relations.can_be_enabled(unit) || view.relations.is_linked(unit);
            let runs = unit.name.kind() != UnitKind::Target && stays(unit);
            // What only comes on demand comes again on demand.
            on && runs && !unit.name.is_template()
        }),
    }
}

/// Whether anything that follows starts it, or may.
fn may_come_back(view: &View<'_>, stopped: &Stopped<'_, '_>, events: &[&Event<'_>]) -> bool {
    let name = view.relations.canonical(&stopped.unit);
    let follows = |event: &&&Event<'_>| event.is_after(stopped.by);
    let after: Vec<_> = events.iter().filter(follows).collect();
    let started = after.iter().any(|event| starts(view, event, &name));
    started
        || after
            .iter()
            .any(|event| may_run_the_package_again(view, event))
        || on_demand(view, &name, events)
}

/// Whether the call starts `name`, or a unit that is not known.
fn starts(view: &View<'_>, event: &Event<'_>, name: &UnitName) -> bool {
    let Some(effect) = event
        .effect
        .as_ref()
        .filter(|effect| effect.deed.brings_up())
    else {
        return false;
    };
    effect.units.iter().any(|unit| match unit {
        None => true,
        Some(unit) if is_skipped(view, event, unit) => false,
        Some(unit) => view.relations.comes_with(unit).contains(name),
    })
}

fn skipped<'v, 's>(
    view: &View<'_>,
    stopped: &Stopped<'_, '_>,
    events: &[&'v Event<'s>],
) -> Option<&'v Event<'s>> {
    let name = view.relations.canonical(&stopped.unit);
    let mut after = events.iter().filter(|event| event.is_after(stopped.by));
    let found = after.find(|event| {
        let brings = event
            .effect
            .as_ref()
            .is_some_and(|effect| effect.deed.brings_up());
        let mut units = event.units();
        brings
            && units
                .any(|unit| view.relations.canonical(unit) == name && is_skipped(view, event, unit))
    });
    found.copied()
}

/// A trigger of dpkg's that the package waits for has its postinst run once more, and what that does is not followed.
fn may_run_the_package_again(view: &View<'_>, event: &Event<'_>) -> bool {
    let waits_for = |name: &str| {
        let mut lines = view.package().triggers.iter();
        lines.any(|line| {
            let interest = line.split_once(char::is_whitespace);
            interest.is_some_and(|(how, what)| how.starts_with("interest") && what.trim() == name)
        })
    };
    let mut names = event.asked.names.iter();
    event.call.tool == Tool::DpkgTrigger && names.any(|name| name.known().is_none_or(waits_for))
}

/// Whether one of its triggers is up at the end: it then comes when it is needed.
fn on_demand(view: &View<'_>, name: &UnitName, events: &[&Event<'_>]) -> bool {
    let triggers = view.relations.triggers_of(name);
    triggers.iter().any(|trigger| {
        let touched: Vec<_> = events
            .iter()
            .filter(|event| touches(view, event, trigger))
            .collect();
        let last = touched.last();
        let listens = view.relations.can_be_enabled(trigger) || view.relations.is_linked(trigger);
        match last.and_then(|event| event.effect.as_ref()) {
            Some(effect) => effect.deed.brings_up(),
            None => listens && trigger.name.kind() != UnitKind::Timer,
        }
    })
}

fn touches(view: &View<'_>, event: &Event<'_>, unit: &Unit) -> bool {
    event
        .units()
        .any(|named| view.relations.canonical(named) == unit.name)
}

fn dependents(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    if !view.is_whole() {
        return found;
    }
    for events in view.each(Under::Systemd, Way::Upgrade) {
        for stopped in stopped(&events) {
            let fallen = view.relations.falls_with(&stopped.unit);
            let named: BTreeSet<_> = events.iter().flat_map(|event| event.units()).collect();
            for name in fallen.iter().filter(|name| !named.contains(name)) {
                let other = Stopped {
                    by: stopped.by,
                    unit: name.clone(),
                };
                if goes_on(view, name, Under::Systemd) && !may_come_back(view, &other, &events) {
                    let one = fallen_with(view, &stopped, name);
                    found.push(of_stopped(view, (stopped.by, name), one));
                }
            }
            found.extend(ties(view, &stopped, &events));
        }
    }
    each_once(found)
}

fn fallen_with(view: &View<'_>, stopped: &Stopped<'_, '_>, name: &UnitName) -> Found {
    let event = stopped.by;
    let spot = in_script(event.half.package, event.call.place, "stopped here");
    let message = format!(
        "`{name}` falls when `{}` is stopped in an upgrade, and is never started",
        stopped.unit
    );
    let found = Found::at(spot, message).assuming(event.call);
    let unit = view.relations.unit(name);
    let tied = unit.and_then(|unit| {
        let lines = FALLS_WITH.iter().flat_map(|key| unit.lines("Unit", key));
        lines.last()
    });
    match tied {
        Some(line) => found.and(in_unit(view.package(), line, "what ties it")),
        None => found,
    }
}

/// Units of other packages that fall with it; nobody starts these where it is stopped and started.
fn ties(view: &View<'_>, stopped: &Stopped<'_, '_>, events: &[&Event<'_>]) -> Vec<Found> {
    let fallen = view.relations.falls_with(&stopped.unit);
    let ties = view.subject.ties.iter();
    let ties = ties.filter(|tie| fallen.contains(&tie.to) && tie.package != view.package().name);
    ties.filter(|tie| {
        let after = events.iter().filter(|event| event.is_after(stopped.by));
        !after
            .into_iter()
            .any(|event| starts(view, event, &tie.unit))
    })
    .map(|tie| {
        let event = stopped.by;
        let spot = in_script(event.half.package, event.call.place, "stopped here");
        let message = format!(
            "`{}` of {} falls when `{}` is stopped in an upgrade ({}={}), and is not started again",
            tie.unit, tie.package, stopped.unit, tie.by, tie.to
        );
        Found::at(spot, message)
            .assuming(event.call)
            .given(format!(
                "{} is installed, and its service runs",
                tie.package
            ))
            .of_severity(Severity::Warning)
    })
    .collect()
}
