//! Which units dpkg has unpacked and not configured: they are not started beside what a script names.
//! dpkg's database is read only where an earlier stop took down more than what was named.

use std::path::Path;

use crate::domain::{Facts, UnitFacts, UnitName};
use crate::ledger::Entry;
use crate::observe::dpkg::Unconfigured;

use super::perform::Session;

/// dpkg's word, as far as it could be had.
#[derive(Debug, Default)]
pub(super) struct Configured {
    /// `None` where its database could not be read: nothing is known to be configured then.
    found: Option<Unconfigured>,
    /// The package whose script asks.
    asking: Option<String>,
}

/// How far the package of a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Package {
    /// It is configured, or there is none.
    Ready,
    /// It is still to be configured.
    Awaited,
    /// dpkg's database could not be read.
    Unknown,
}

impl Configured {
    /// The same where the database was read before, by nobody's script.
    pub(super) fn of(found: &Unconfigured) -> Self {
        Self {
            found: Some(found.clone()),
            asking: None,
        }
    }

    /// Whether `unit` is still to be configured, or may be.
    pub(super) fn awaits(&self, unit: &UnitName) -> bool {
        let asking = self.asking.as_deref();
        let known = self.found.as_ref();
        known.is_none_or(|found| found.awaits_configuration(unit, asking))
    }

    /// How far the package of `unit` is.
    pub(super) fn package_of(&self, unit: &UnitName) -> Package {
        match &self.found {
            None => Package::Unknown,
            Some(_) if self.awaits(unit) => Package::Awaited,
            Some(_) => Package::Ready,
        }
    }

    /// Marks those that fell with what `entry` is about.
    pub(super) fn mark(&self, facts: &mut Facts, entry: &Entry) {
        for stopped in fallen(entry) {
            let is_it = |unit: &&mut UnitFacts| unit.id == *stopped || unit.asked == *stopped;
            if let Some(unit) = facts.related.iter_mut().find(is_it) {
                unit.unconfigured = self.awaits(stopped);
            }
        }
    }
}

/// Why `entry` must wait for dpkg: the package that it was asked for by, or that it is about, is not
/// consistent.
pub(super) fn inconsistent(found: &Unconfigured, entry: &Entry) -> Option<String> {
    let asked_by = entry.who.caller.package.as_deref();
    let own = asked_by.and_then(|name| Some((name, found.state_of(name)?)));
    let (package, state) = own.or_else(|| found.owner_of(&entry.unit))?;
    Some(format!("its package {package} is {state}"))
}

/// The dependents that an earlier stop took down.
fn fallen(entry: &Entry) -> impl Iterator<Item = &UnitName> {
    let units = entry.down.iter().flat_map(|down| &down.units);
    let dependents = units.filter(|stopped| stopped.dependent);
    dependents.map(|stopped| &stopped.unit)
}

impl Session {
    /// What dpkg says now.
    pub(super) fn configured(&self) -> Configured {
        let found = Unconfigured::under(Path::new("/"));
        if let Err(error) = &found {
            self.voice.warn(&error.to_string());
        }
        Configured {
            found: found.ok(),
            asking: self.context.package.clone(),
        }
    }

    /// Marks, of what fell with the stop that `entry` notes, what may not come back yet.
    pub(super) fn mark_unconfigured(&self, facts: &mut Facts, entry: &Entry) {
        if fallen(entry).next().is_some() {
            self.configured().mark(facts, entry);
        }
    }
}
