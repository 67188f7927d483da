//! Which of what an earlier stop took down is still wanted back: nothing that the admin touched
//! meanwhile, and nothing that would start such a thing. Pure.

use std::collections::BTreeSet;

use crate::domain::{Facts, FileState, UnitFacts, UnitKind, UnitName};
use crate::ledger::{Entry, Stopped};

/// What the note says was taken down, is still as we left it, and is still wanted.
pub(super) fn wanted_back<'a>(
    entry: &'a Entry,
    facts: &'a Facts,
) -> impl Iterator<Item = &'a Stopped> {
    let stopped = || entry.down.iter().flat_map(|down| &down.units);
    let is_wanted = move |stopped: &Stopped| {
        let unit = facts.of(&stopped.unit);
        unit.is_some_and(|unit| is_untouched(stopped, unit) && !serves_only_masked(unit, facts))
    };
    let down = |name: &UnitName| facts.of(name).is_some_and(UnitFacts::is_down);
    let unwanted = stopped().filter(|stopped| !is_wanted(stopped) && down(&stopped.unit));
    let leaning = leaning_on(unwanted.map(|stopped| &stopped.unit).collect(), facts);
    stopped().filter(move |stopped| is_wanted(stopped) && !leaning.contains(&stopped.unit))
}

/// What cannot be up without one of `gone`: starting it would start that too.
fn leaning_on(gone: Vec<&UnitName>, facts: &Facts) -> BTreeSet<UnitName> {
    let mut queue: Vec<&UnitName> = gone;
    let mut leaning = BTreeSet::new();
    while let Some(name) = queue.pop() {
        for other in facts.of(name).map_or(&[][..], |unit| &unit.required_by) {
            if leaning.insert(other.clone()) {
                queue.push(other);
            }
        }
    }
    leaning
}

/// Of what `entry` says went down: what can come up beside its service as that runs, and what cannot. A
/// socket refuses to start then, and what requires one would start it.
pub fn beside_running(entry: &Entry, facts: &Facts) -> (Vec<Stopped>, Vec<Stopped>) {
    let units = || entry.down.iter().flat_map(|down| &down.units);
    let names = units().map(|stopped| &stopped.unit);
    let sockets: Vec<&UnitName> = names
        .filter(|name| name.kind() == UnitKind::Socket)
        .collect();
    let leaning = leaning_on(sockets, facts);
    let waits = |stopped: &Stopped| {
        let unit = &stopped.unit;
        unit.kind() == UnitKind::Socket || *unit == entry.unit || leaning.contains(unit)
    };
    units().cloned().partition(|stopped| !waits(stopped))
}

/// What must wait for its package's postinst, and what would start that.
pub(super) fn waiting(facts: &Facts) -> BTreeSet<UnitName> {
    let unconfigured = facts.related.iter().filter(|unit| unit.unconfigured);
    let waiting: Vec<&UnitName> = unconfigured.map(|unit| &unit.id).collect();
    let mut all = leaning_on(waiting.clone(), facts);
    all.extend(waiting.into_iter().cloned());
    all
}

fn is_untouched(stopped: &Stopped, unit: &UnitFacts) -> bool {
    // systemd forgets the times of what it unloads, as it does with instances that are down.
    let same_stop = stopped
        .down_since
        .is_none_or(|since| since == unit.down_since || unit.down_since == 0);
    let disabled = stopped.was_enabled == Some(true)
        && unit
            .file
            .is_and(|file| matches!(file, FileState::Disabled | FileState::Masked));
    unit.is_down() && same_stop && !disabled && !unit.is_masked() && !unit.is_missing()
}

/// systemd refuses a trigger of what is masked, and so does whoever masked it.
fn serves_only_masked(trigger: &UnitFacts, facts: &Facts) -> bool {
    let masked = |name: &UnitName| facts.of(name).is_some_and(UnitFacts::is_masked);
    !trigger.triggers.is_empty() && trigger.triggers.iter().all(masked)
}

/// Whether a unit that went down with its group, or as an instance of its template, is still as that
/// left it and wanted back.
pub fn comes_back(entry: &Entry, unit: &UnitFacts) -> bool {
    let units = entry.down.iter().flat_map(|down| &down.units);
    let mut own = units.filter(|stopped| stopped.unit == entry.unit && !stopped.dependent);
    own.any(|stopped| is_untouched(stopped, unit))
}

/// Whether the service itself is among what is wanted back: it went down with its group or as an
/// instance of its template, and ran although nobody may have enabled it.
pub(super) fn comes_back_itself(entry: &Entry, facts: &Facts) -> bool {
    let unit = &facts.unit;
    wanted_back(entry, facts).any(|stopped| {
        !stopped.dependent && (stopped.unit == unit.id || stopped.unit == unit.asked)
    })
}
