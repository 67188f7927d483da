//! The window that an upgrade opens between the stop of a service and the start of its new version, where
//! something that stays active can start it meanwhile.

use std::collections::BTreeSet;

use super::doubts::enabled_by_somebody;
use super::event::{Deed, Under};
use super::found::{Found, in_file, in_script, in_unit};
use super::on::is_on;
use super::relations::is_daemon;
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::Tool;
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::audit::package::ScriptName;
use crate::audit::shipped::Unit;
use crate::domain::{UnitKind, UnitName};

/// Old code that stays.
pub(super) const OLD_CODE: Check = Check {
    id: "old-code-can-stay",
    title: "a client can wake the old program in an upgrade, and it then stays",
    severity: Severity::Error,
    explanation: "The upgrade stops the service before the new files are unpacked and leaves a socket or path active that starts it. \
                  A client that comes in between wakes the old program, or one half of each version. The `start` in the \
                  postinst then finds it running and does nothing: the machine goes on with the old code, security fixes \
                  included, and nobody is told.",
    change: "restart the service in the postinst and do not stop it in an upgrade (dh_installsystemd's default), \
             or stop its triggers before it and start them after it",
    lintian: &[],
    find: |view| woken(view, Afterwards::Stays),
};

/// A window in which the old program can be woken.
pub(super) const OPEN: Check = Check {
    id: "trigger-open-in-upgrade",
    title: "an upgrade stops a service and leaves active what starts it",
    severity: Severity::Warning,
    explanation: "Between the stop and the unpacking of the new files a client, a timer or a call on the bus can start the service again: \
                  the old program, with files of the new one around it. The postinst restarts it later; until then it answers \
                  with old code, and may write its data in the old way.",
    change: "restart the service in the postinst and do not stop it in an upgrade (dh_installsystemd's default), \
             or stop its triggers before it and start them after it",
    lintian: &[],
    find: |view| woken(view, Afterwards::Restarted),
};

/// What becomes of an old program that was woken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    Stays,
    Restarted,
}

/// The services that an upgrade stops before the new files are there, with the call that does it.
struct Stop<'v, 's> {
    call: &'v Event<'s>,
    service: UnitName,
    then: Afterwards,
}

/// What can start a service while it is down.
struct Opener {
    /// How a sentence names it.
    name: String,
    /// Where it stands.
    spot: Option<crate::audit::finding::Spot>,
    /// What has to be so for it.
    given: Option<String>,
}

fn woken(view: &View<'_>, afterwards: Afterwards) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    if !view.is_whole() {
        return found;
    }
    for events in view.each(Under::Systemd, Way::Upgrade) {
        for stop in stops(view, &events) {
            for opener in openers(view, &events, &stop.service) {
                let certain = opener.given.is_none() && stop.then == Afterwards::Stays;
                if certain != (afterwards == Afterwards::Stays) {
                    continue;
                }
                let one = told(&stop, opener);
                if seen.insert((one.message.clone(), one.spots.clone())) {
                    found.push(one);
                }
            }
        }
    }
    found
}

fn told(stop: &Stop<'_, '_>, opener: Opener) -> Found {
    let spot = in_script(stop.call.half.package, stop.call.call.place, "stopped here");
    let message = format!(
        "`{}` is stopped in an upgrade while {} can start it",
        stop.service, opener.name
    );
    let mut found = Found::at(spot, message).assuming(stop.call.call);
    found.assumed.extend(opener.given);
    match opener.spot {
        Some(spot) => found.and(spot),
        None => found,
    }
}

fn stops<'v, 's>(view: &View<'_>, events: &[&'v Event<'s>]) -> Vec<Stop<'v, 's>> {
    let early = events
        .iter()
        .filter(|event| !is_late(event) && deed(event) == Some(Deed::Stop));
    let units = early.flat_map(|event| event.units().map(move |unit| (*event, unit)));
    units
        .filter_map(|(call, unit)| {
            let service = view.relations.canonical(unit);
            let daemon = view.relations.unit(&service).is_some_and(is_daemon);
            let daemon = daemon && !is_masked(view, events, &service);
            let then = afterwards_of(view, events, &service).filter(|_| daemon)?;
            Some(Stop {
                call,
                service,
                then,
            })
        })
        .collect()
}

/// Whether a script masks it for the time: nothing starts it then.
fn is_masked(view: &View<'_>, events: &[&Event<'_>], service: &UnitName) -> bool {
    let masks = events
        .iter()
        .filter(|event| event.call.tool == Tool::Systemctl && event.asked.action() == Some("mask"));
    let names = masks.flat_map(|event| event.asked.known_names());
    let mut units = names.filter_map(|name| UnitName::parse(name).ok());
    units.any(|unit| view.relations.canonical(&unit) == *service)
}

fn deed(event: &Event<'_>) -> Option<Deed> {
    event.effect.as_ref().map(|effect| effect.deed)
}

/// Whether the new files are there already.
fn is_late(event: &Event<'_>) -> bool {
    match event.call.place.script {
        ScriptName::Postinst | ScriptName::Postrm => true,
        ScriptName::Preinst | ScriptName::Prerm => false,
    }
}

/// What the last of the scripts does with a service that runs again; `None` where they do not touch it.
fn afterwards_of(view: &View<'_>, events: &[&Event<'_>], service: &UnitName) -> Option<Afterwards> {
    let late = events.iter().filter(|event| is_late(event));
    let touching = late.filter(|event| {
        let mut units = event.units();
        units.any(|unit| view.relations.canonical(unit) == *service)
    });
    let deeds: Vec<Deed> = touching.filter_map(|event| deed(event)).collect();
    let anew = |deed: &Deed| matches!(deed, Deed::Restart | Deed::TryRestart | Deed::Stop);
    if deeds.iter().any(anew) {
        return Some(Afterwards::Restarted);
    }
    deeds.contains(&Deed::Start).then_some(Afterwards::Stays)
}

/// The triggers that no call before the unpacking stops, and the names on the bus, which none can.
fn openers(view: &View<'_>, events: &[&Event<'_>], service: &UnitName) -> Vec<Opener> {
    let triggers = view.relations.triggers_of(service).into_iter();
    let triggers =
        triggers.filter(|trigger| listens(trigger) && !is_stopped(view, events, trigger));
    let triggers = triggers
        .filter(|trigger| is_on(view, &trigger.name) || view.relations.can_be_enabled(trigger));
    let triggers = triggers.map(|trigger| Opener {
        name: format!("`{}`", trigger.name),
        spot: trigger
            .directives
            .first()
            .map(|line| in_unit(view.package(), line, "and this listens on")),
        given: (!is_on(view, &trigger.name)).then(|| enabled_by_somebody(&trigger.name)),
    });
    let names = view.shipped().bus.iter().filter(|bus| {
        let unit = bus.unit.as_ref();
        unit.is_some_and(|unit| view.relations.canonical(unit) == *service)
    });
    let names = names.map(|bus| Opener {
        name: format!("the bus name `{}`", bus.name),
        spot: Some(in_file(
            view.package(),
            &bus.path,
            "and a call of this name starts it",
        )),
        given: None,
    });
    triggers.chain(names).collect()
}

/// Whether clients can wake a service by it at any time.
fn listens(trigger: &Unit) -> bool {
    matches!(
        trigger.name.kind(),
        UnitKind::Socket | UnitKind::Path | UnitKind::Automount
    )
}

fn is_stopped(view: &View<'_>, events: &[&Event<'_>], trigger: &Unit) -> bool {
    let early = events
        .iter()
        .filter(|event| !is_late(event) && deed(event) == Some(Deed::Stop));
    early.into_iter().any(|event| {
        let unknown = event
            .effect
            .as_ref()
            .is_some_and(|effect| effect.units.contains(&None));
        let mut units = event.units();
        unknown || units.any(|unit| view.relations.falls_with(unit).contains(&trigger.name))
    })
}
