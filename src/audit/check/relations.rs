//! How the units of a package hang together: what falls when one is stopped, what comes with one that is
//! started, what starts one on demand, and what is on where nobody says otherwise.

use std::collections::BTreeSet;

use super::half::Half;
use crate::audit::shipped::{Unit, is_reached_at_boot};
use crate::domain::{UnitKind, UnitName};

/// Settings by which a unit goes down with the one that they name.
pub(super) const FALLS_WITH: [&str; 4] = ["Requires", "BindsTo", "Requisite", "PartOf"];
/// Settings by which a unit brings up those that they name.
const BRINGS: [&str; 4] = ["Requires", "Wants", "BindsTo", "Upholds"];
/// Settings of `[Install]` that have a unit started by others.
const WANTED: [&str; 3] = ["WantedBy", "RequiredBy", "UpheldBy"];

/// The units of one package.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relations<'a> {
    half: Half<'a>,
}

impl<'a> Relations<'a> {
    /// Those of `half`.
    pub(super) fn of(half: Half<'a>) -> Self {
        Self { half }
    }

    /// The unit of a name, of an alias, or the template of an instance.
    pub(super) fn unit(&self, name: &UnitName) -> Option<&'a Unit> {
        let units = &self.half.shipped.units;
        let all = || units.values();
        units
            .get(name)
            .or_else(|| all().find(|unit| unit.aliases.contains(name)))
            .or_else(|| all().find(|unit| name.is_instance_of(&unit.name)))
    }

    /// The name that a unit is shipped by.
    pub(super) fn canonical(&self, name: &UnitName) -> UnitName {
        self.unit(name)
            .filter(|unit| !unit.name.is_template())
            .map_or_else(|| name.clone(), |unit| unit.name.clone())
    }

    /// All units that have a file of their own here and are not masked.
    pub(super) fn units(&self) -> impl Iterator<Item = &'a Unit> + use<'a> {
        let units = self.half.shipped.units.values();
        units.filter(|unit| !unit.masked && !unit.path.is_empty())
    }

    /// What `trigger` starts on demand.
    pub(super) fn triggered(&self, trigger: &Unit) -> Option<UnitName> {
        let named = match trigger.name.kind() {
            UnitKind::Socket => trigger.value("Socket", "Service"),
            UnitKind::Path => trigger.value("Path", "Unit"),
            UnitKind::Timer => trigger.value("Timer", "Unit"),
            UnitKind::Automount => return None,
            UnitKind::Service | UnitKind::Target | UnitKind::Other => return None,
        };
        match named.filter(|name| !name.is_empty()) {
            Some(name) => UnitName::parse(name).ok(),
            None => {
                // A socket that accepts connections itself starts an instance for each.
                let accepts = trigger.value("Socket", "Accept").is_some_and(yes);
                let at = if accepts && !trigger.name.is_template() {
                    "@"
                } else {
                    ""
                };
                UnitName::parse(&format!("{}{at}.service", trigger.name.stem())).ok()
            }
        }
        .map(|name| self.canonical(&name))
    }

    /// The triggers of `service` that the package ships.
    pub(super) fn triggers_of(&self, service: &UnitName) -> Vec<&'a Unit> {
        let service = self.canonical(service);
        let triggers = self.units().filter(|unit| unit.name.kind().is_trigger());
        triggers
            .filter(|unit| self.triggered(unit).as_ref() == Some(&service))
            .collect()
    }

    /// What goes down with `name`, itself included.
    pub(super) fn falls_with(&self, name: &UnitName) -> BTreeSet<UnitName> {
        self.closure(name, |unit, fallen| {
            FALLS_WITH.iter().any(|key| {
                let named = unit.words("Unit", key);
                named.iter().any(|word| self.is(word, fallen))
            })
        })
    }

    /// Whether a word names `name`.
    fn is(&self, word: &str, name: &UnitName) -> bool {
        UnitName::parse(word).is_ok_and(|word| self.canonical(&word) == *name)
    }

    fn closure(
        &self,
        of: &UnitName,
        hangs: impl Fn(&Unit, &UnitName) -> bool,
    ) -> BTreeSet<UnitName> {
        let mut found = BTreeSet::from([self.canonical(of)]);
        let mut todo: Vec<UnitName> = found.iter().cloned().collect();
        while let Some(next) = todo.pop() {
            for unit in self.units().filter(|unit| hangs(unit, &next)) {
                if found.insert(unit.name.clone()) {
                    todo.push(unit.name.clone());
                }
            }
        }
        found
    }

    /// What comes up with `name`, itself included; links that the package ships count.
    pub(super) fn comes_with(&self, name: &UnitName) -> BTreeSet<UnitName> {
        self.closure(name, |unit, brought| {
            let by = self.unit(brought);
            let named = |key: &&str| {
                let words = by.map(|by| by.words("Unit", key)).unwrap_or_default();
                words.iter().any(|word| self.is(word, &unit.name))
            };
            let installed = |key: &&str| {
                let words = unit.words("Install", key);
                words.iter().any(|word| self.is(word, brought))
            };
            BRINGS.iter().any(named)
                || WANTED.iter().any(installed)
                || self.linked(unit).any(|by| self.is(by, brought))
        })
    }

    /// The units that pull `unit` in by a link that the package ships.
    fn linked(&self, unit: &Unit) -> impl Iterator<Item = &'a str> {
        let name = unit.name.clone();
        let pulled = self.half.shipped.pulled.iter();
        pulled
            .filter(move |pulled| pulled.unit == name)
            .map(|pulled| pulled.by.as_str())
    }

    /// Whether it is started with the machine wherever the package is installed, by a link that it ships.
    pub(super) fn is_linked(&self, unit: &Unit) -> bool {
        self.linked(unit).any(is_reached_at_boot)
    }

    /// Whether any link that the package ships pulls it in, at whatever time.
    pub(super) fn is_pulled(&self, unit: &Unit) -> bool {
        self.linked(unit).next().is_some()
    }

    /// The units of the package that alone pull `unit` in where it is enabled; none where others do too.
    pub(super) fn pulled_by_own(&self, unit: &Unit) -> Vec<&'a Unit> {
        let words = WANTED.iter().flat_map(|key| unit.words("Install", key));
        let own = words.map(|word| self.unit(&UnitName::parse(word).ok()?));
        let own: Option<Vec<&Unit>> = own.collect();
        own.filter(|_| !self.is_linked(unit)).unwrap_or_default()
    }

    /// Whether deb-systemd-invoke starts it: enabling it makes a link.
    pub(super) fn counts_as_enabled(&self, unit: &Unit) -> bool {
        let mut keys = WANTED.iter().chain(&["Alias"]);
        keys.any(|key| !unit.words("Install", key).is_empty())
    }

    /// Whether enabling it has it started with the machine.
    pub(super) fn can_be_enabled(&self, unit: &Unit) -> bool {
        let mut words = WANTED.iter().flat_map(|key| unit.words("Install", key));
        words.any(is_reached_at_boot)
    }

    /// Whether two units cannot be up at the same time.
    pub(super) fn exclude_each_other(&self, one: &Unit, other: &Unit) -> bool {
        let excludes = |by: &Unit, name: &UnitName| {
            let named = by.words("Unit", "Conflicts");
            named.iter().any(|word| self.is(word, name))
        };
        one.name != other.name && (excludes(one, &other.name) || excludes(other, &one.name))
    }
}

/// Whether a setting's value means yes.
pub(super) fn yes(value: &str) -> bool {
    ["yes", "true", "1", "on"].contains(&value.trim().to_ascii_lowercase().as_str())
}

/// Whether it makes a difference that a unit was stopped: it is no task that has ended anyhow, or that stopping
/// undoes nothing of.
pub(super) fn stays(unit: &Unit) -> bool {
    match unit.name.kind() {
        UnitKind::Service => {
            let once = unit.value("Service", "Type") == Some("oneshot");
            let kept = unit.value("Service", "RemainAfterExit").is_some_and(yes);
            !once || (kept && unit.value("Service", "ExecStop").is_some())
        }
        UnitKind::Socket | UnitKind::Path | UnitKind::Timer | UnitKind::Automount => true,
        UnitKind::Target | UnitKind::Other => false,
    }
}

/// Whether it counts as up although its program may have come to its end: nothing but its own end tells.
pub(super) fn may_have_ended(unit: &Unit) -> bool {
    let kept = unit.value("Service", "RemainAfterExit").is_some_and(yes);
    unit.name.kind() == UnitKind::Service && kept && unit.value("Service", "ExecStop").is_none()
}

/// Whether it is a program that runs on, and not a task that only counts as active.
pub(super) fn is_daemon(unit: &Unit) -> bool {
    unit.name.kind() == UnitKind::Service && unit.value("Service", "Type") != Some("oneshot")
}

/// Whether scripts cannot stop it.
pub(super) fn refuses_stop(unit: &Unit) -> bool {
    unit.value("Unit", "RefuseManualStop").is_some_and(yes)
}
