//! What speaks for a service that is rightly down after an upgrade, or a trigger that is rightly up after a removal:
//! who has to have done what for it to be wrong. With a doubt a finding is a warning, and says what it hangs on.

use std::collections::BTreeMap;

use super::event::Under;
use super::found::Found;
use super::on::{is_on, switches};
use super::relations::may_have_ended;
use super::subject::{Event, View};
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::audit::shipped::Unit;
use crate::domain::UnitName;

/// Where the shell's value of what debconf was answered comes from.
const ANSWER: &str = "$RET";

/// A service that `by` stops in an upgrade, and nothing starts.
pub(super) fn of_stopped(
    view: &View<'_>,
    (by, name): (&Event<'_>, &UnitName),
    found: Found,
) -> Found {
    let unit = view.relations.unit(name);
    let mut doubts = Vec::new();
    if unit.is_some_and(may_have_ended) {
        doubts.push(format!("`{name}` still has a process"));
    }
    if matches!(by.asked.action(), Some("disable" | "mask")) {
        doubts.push(format!("`{name}` is not switched off on purpose"));
    }
    let mut assumed = by.call.assumed.iter();
    if assumed.any(|given| given.text.contains(ANSWER)) {
        doubts.push("the answers given to debconf do not ask for it".to_owned());
    }
    let found = doubtful(found, doubts);
    match by.played.under {
        Under::Systemd if !is_on(view, name) => found.given(enabled_by_somebody(name)),
        Under::Systemd | Under::Sysv => found,
    }
}

/// A unit that the package enables, and nothing stops on removal.
pub(super) fn of_left(view: &View<'_>, unit: &Unit, found: Found) -> Found {
    let mut doubts = Vec::new();
    let pulls = view.relations.pulled_by_own(unit);
    let mut deciding = std::iter::once(unit).chain(pulls);
    let off = deciding.find_map(|one| Some((one, switched_off(view, &one.name)?)));
    if let Some((one, event)) = off {
        let place = event.call.place;
        let (script, line) = (place.script.as_str(), place.line);
        doubts.push(format!(
            "`{}` is not disabled by the {script}, line {line}",
            one.name
        ));
    }
    if let Some(rival) = rival(view, unit) {
        doubts.push(format!(
            "`{}` does not run, which `{}` excludes",
            rival.name, unit.name
        ));
    }
    doubtful(found, doubts)
}

/// What has to be so where a package leaves a unit disabled.
pub(super) fn enabled_by_somebody(name: &UnitName) -> String {
    format!("somebody has enabled `{name}`")
}

fn doubtful(found: Found, doubts: Vec<String>) -> Found {
    doubts.into_iter().fold(found, |found, doubt| {
        found.given(doubt).of_severity(Severity::Warning)
    })
}

/// What another unit of the package that is on takes the place of it.
fn rival<'a>(view: &View<'a>, unit: &Unit) -> Option<&'a Unit> {
    let mut others = view.relations.units();
    others.find(|other| view.relations.exclude_each_other(unit, other) && is_on(view, &other.name))
}

/// The call by which an installation leaves a unit disabled on some way, where it does.
fn switched_off<'v, 's>(view: &'v View<'s>, name: &UnitName) -> Option<&'v Event<'s>> {
    let installs = view.on(Under::Systemd, Way::Install);
    let mut last = BTreeMap::new();
    for event in installs {
        if let Some(on) = switches(view, event, name) {
            last.insert((event.step, event.path), (on, event));
        }
    }
    // What an earlier script did is overtaken.
    let (step, _) = *last.keys().next_back()?;
    let of_last = last.into_iter().filter(|((at, _), _)| *at == step);
    of_last
        .map(|(_, said)| said)
        .find(|(on, _)| !on)
        .map(|(_, event)| event)
}
