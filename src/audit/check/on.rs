//! What of a package is on wherever it is installed.

use super::event::Under;
use super::subject::{Event, View};
use crate::audit::call::Tool;
use crate::audit::course::Way;
use crate::domain::UnitName;

/// Whether a unit is on where nobody says otherwise: linked by the package, enabled by its scripts, or started
/// by them in a way that asks nobody whether it is enabled.
pub(super) fn is_on(view: &View<'_>, name: &UnitName) -> bool {
    let unit = view.relations.unit(name);
    let linked = unit.is_some_and(|unit| view.relations.is_linked(unit));
    let installs = view.on(Under::Systemd, Way::Install);
    linked || installs.iter().any(|event| turns_on(view, event, name))
}

fn turns_on(view: &View<'_>, event: &Event<'_>, name: &UnitName) -> bool {
    let enables = switches(view, event, name) == Some(true);
    let asks = matches!(event.call.tool, Tool::DebSystemdInvoke | Tool::InvokeRcD);
    let starts = event
        .effect
        .as_ref()
        .is_some_and(|effect| effect.deed.brings_up())
        && !asks;
    let names = event.asked.known_names();
    let mut names = names.filter_map(|name| UnitName::parse(name).ok());
    enables || starts && names.any(|unit| view.relations.canonical(&unit) == *name)
}

/// Whether a call enables a unit (true) or disables it; `None` where it does neither.
pub(super) fn switches(view: &View<'_>, event: &Event<'_>, name: &UnitName) -> Option<bool> {
    let tool = matches!(event.call.tool, Tool::DebSystemdHelper | Tool::Systemctl);
    if !tool || event.asked.has("--user") || event.asked.has("--global") {
        return None;
    }
    let on = match event.asked.action()? {
        "enable" | "preset" | "reenable" => true,
        "disable" | "mask" => false,
        _ => return None,
    };
    let names = event.asked.known_names();
    let mut names = names.filter_map(|name| UnitName::parse(name).ok());
    names
        .any(|unit| view.relations.canonical(&unit) == *name)
        .then_some(on)
}

/// deb-systemd-invoke starts nothing that is static and down.
pub(super) fn is_skipped(view: &View<'_>, event: &Event<'_>, unit: &UnitName) -> bool {
    let skips = event.call.tool == Tool::DebSystemdInvoke;
    let relations = &view.relations;
    skips
        && relations
            .unit(unit)
            .is_some_and(|unit| !relations.counts_as_enabled(unit))
}
