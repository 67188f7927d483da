//! What a plan notes down: what is put off, and what a stop takes down, before it does. Pure.

use crate::domain::order;
use crate::domain::{Facts, FileState, Phase, UnitFacts, UnitKind, UnitName, Until};
use crate::ledger::{Down, Due, Entry, Owed, Stopped, Who};

use super::built_in::is_about;
use super::step::{Decided, Part, Plan};
use super::triggers::{Taken, ledger_services, served};

pub(super) fn owed(one: &Decided<'_>, due: Due, until: Until) -> Owed {
    Owed {
        due,
        until,
        reasons: one.decision.reasons.clone(),
        // Whoever writes it down knows the time.
        at: None,
        begun: None,
    }
}

/// A new note about `unit`. None where no life of an init could be told: there is nothing then
/// that a note could be about.
pub(super) fn entry(one: &Decided<'_>, unit: UnitName) -> Option<Entry> {
    let facts = one.facts;
    let life = facts.life.clone()?;
    let who = Who {
        caller: one.request.context.caller(),
        front: Some(one.request.front),
        pid: 0,
    };
    let because = one
        .decision
        .reasons
        .first()
        .map_or("", |reason| &reason.text);
    Some(Entry::new(unit, life, who, facts.now, because))
}

/// The service that a stop is noted for: of several that a trigger starts, always the same one.
fn noted_for(one: &Decided<'_>) -> UnitName {
    let mut services = ledger_services(one.facts);
    services.truncate(served(one.facts).len().max(1));
    order::sort(&mut services);
    let first = services.into_iter().next();
    first.map_or_else(|| one.facts.unit.id.clone(), |service| service.unit())
}

pub(super) fn note(one: &Decided<'_>, fill: impl FnOnce(&mut Entry)) -> Plan {
    let entry = entry(one, one.facts.unit.id.clone()).map(|mut entry| {
        fill(&mut entry);
        entry
    });
    Plan {
        records: entry.into_iter().collect(),
        ..Plan::default()
    }
}

/// What a stop has to note down first.
pub(super) enum Note {
    /// Nothing that would have to come back goes down.
    Needless,
    Write(Box<Entry>),
    /// There is no running init to note it for.
    Impossible,
}

pub(super) fn note_of_stop(one: &Decided<'_>, taken: &Taken) -> Note {
    let unit = &one.facts.unit;
    let trigger = unit.id.kind().is_trigger();
    let mut units: Vec<Stopped> = taken
        .triggers
        .iter()
        .map(|name| stopped(one.facts, name, false))
        .collect();
    if one.request.context.phase == Phase::Upgrade && trigger && unit.is_up() {
        units.push(stopped(one.facts, &unit.id, false));
    }
    if one.part == Part::Along && !trigger && unit.is_up() {
        units.push(stopped(one.facts, &unit.id, false));
    }
    let fallen = taken.dependents.iter();
    units.extend(fallen.map(|name| stopped(one.facts, name, true)));
    order::sort_by(&mut units, |a, b| {
        (a.dependent, &a.unit).cmp(&(b.dependent, &b.unit))
    });
    let held = unit.bus_activated;
    let cancels = one.owed.is_some_and(|entry| {
        let runs = entry.owed.is_some() || entry.kept_running || entry.quiesced.is_some();
        runs && is_about(entry, one.facts)
    });
    let known_hold = one.owed.is_some_and(|entry| entry.held);
    let needless = units.is_empty() && !cancels && (!held || known_hold);
    if needless && !comes_back(one) {
        return Note::Needless;
    }
    let Some(mut entry) = entry(one, noted_for(one)) else {
        return Note::Impossible;
    };
    let service = one.facts.of(&entry.unit);
    let goes_down = !trigger || taken.dependents.contains(&entry.unit);
    entry.held = held;
    entry.down = Some(Down {
        units,
        service_was_running: service.filter(|_| goes_down).map(UnitFacts::is_up),
        service_down_since: None,
    });
    Note::Write(Box::new(entry))
}

/// What is noted once a restart has failed that is a stop and a start: what ran before, `after` of the
/// service and `fallen` with it, is down by our stop. Only in an upgrade: of what is done by hand, whoever
/// does it sees to it.
pub fn note_of_failed_restart(
    one: &Decided<'_>,
    after: &UnitFacts,
    fallen: &[UnitFacts],
) -> Option<Entry> {
    let unit = &one.facts.unit;
    let whole = one.facts.capabilities.whole_restarts.is_native();
    let upgrade = one.request.context.phase == Phase::Upgrade;
    // Without a time nothing would tell our stop from a later one of the admin's.
    let told = after.is_down() && after.down_since > 0;
    if whole || !upgrade || !unit.is_up() || !told {
        return None;
    }
    let mut entry = entry(one, unit.id.clone())?;
    entry.because = "its restart failed".to_owned();
    let down = |unit: &UnitFacts| Stopped {
        unit: unit.id.clone(),
        was_enabled: unit.file.get().map(|file| *file == FileState::Enabled),
        down_since: Some(unit.down_since),
        dependent: true,
    };
    entry.down = Some(Down {
        units: fallen.iter().map(down).collect(),
        service_was_running: Some(true),
        service_down_since: Some(after.down_since),
    });
    Some(entry)
}

/// Whether the service itself is brought back at the batch's end where no script does so: what ran, and
/// would be started at boot. Where a `down` file says that it would not, a script's start needs the note.
fn comes_back(one: &Decided<'_>) -> bool {
    let unit = &one.facts.unit;
    let at_boot = unit.file.is_and(|file| match file {
        FileState::Enabled => true,
        FileState::Other(word) => word == "generated",
        FileState::Disabled => one.facts.init.comes_back_disabled(),
        FileState::Masked | FileState::Static => false,
    });
    let upgrade = one.request.context.phase == Phase::Upgrade;
    upgrade && unit.id.kind() == UnitKind::Service && unit.is_up() && at_boot
}

pub(super) fn stopped(facts: &Facts, name: &UnitName, dependent: bool) -> Stopped {
    let enabled = facts
        .of(name)
        .and_then(|unit| unit.file.get())
        .map(|f| *f == FileState::Enabled);
    Stopped {
        unit: name.clone(),
        was_enabled: enabled,
        down_since: None,
        dependent,
    }
}
