//! What deb-systemd-helper remembers: for each unit the links that enabling it makes, and which of these were made. Its
//! `was-enabled` and `debian-installed` answer from that, not from the unit (deb-systemd-helper(1); its notes lie below
//! /var/lib/systemd/deb-systemd-helper-enabled). An admin's own links are not known here: there are none.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::call::{Ask, Tool, Word, asked};
use crate::audit::shipped::{Shipped, Unit};
use crate::domain::UnitName;

/// Settings of `[Install]`, and how the directories of the links that they make end.
const PULLS: [(&str, &str); 3] = [
    ("WantedBy", ".wants/"),
    ("RequiredBy", ".requires/"),
    ("UpheldBy", ".upholds/"),
];

/// Links by their paths below /etc/systemd/system.
type Links = BTreeSet<String>;

/// The units of one kind of manager, by their names.
type Units = BTreeMap<UnitName, Unit>;

/// The notes of one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes {
    /// Those about the system's units.
    system: Memory,
    /// Those about the units of the users' managers.
    users: Memory,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Memory {
    /// The links noted for each unit.
    noted: BTreeMap<UnitName, Links>,
    /// The links that are there.
    made: Links,
}

/// A call: its tool, and its words with the program's own first.
pub(super) type Said<'a> = (Tool, &'a [Word]);

impl Notes {
    /// What a call of the helper's, or of systemctl, does to them.
    pub(super) fn take(&mut self, (tool, words): Said<'_>, shipped: &Shipped) {
        let ask = asked(tool, words);
        let (memory, units) = match is_of_users(&ask) {
            true => (&mut self.users, &shipped.user_units),
            false => (&mut self.system, &shipped.units),
        };
        for unit in ask
            .known_names()
            .filter_map(|name| UnitName::parse(name).ok())
        {
            // The helper fails on a unit that has no file, and notes nothing.
            if let Some(links) = links(units, &unit) {
                memory.take((tool, &ask), unit, links);
            }
        }
    }

    /// The exit status of a question to the helper; `None` where it is none, or about what is not known.
    pub(super) fn answer(&self, words: &[Word]) -> Option<u8> {
        let ask = asked(Tool::DebSystemdHelper, words);
        let memory = match is_of_users(&ask) {
            true => &self.users,
            false => &self.system,
        };
        let [Word::Known(name)] = ask.names.as_slice() else {
            return None;
        };
        let noted = memory.noted.get(&UnitName::parse(name).ok()?);
        let yes = match ask.action()? {
            // original: what was never noted counts as enabled, so that an installation enables it
            "was-enabled" => noted.is_none_or(|links| links.is_subset(&memory.made)),
            "debian-installed" => noted.is_some(),
            _ => return None,
        };
        Some(u8::from(!yes))
    }
}

impl Memory {
    /// A call about `unit`, whose links are `links`.
    fn take(&mut self, (tool, ask): (Tool, &Ask), unit: UnitName, links: Links) {
        match (tool, ask.action()) {
            (Tool::DebSystemdHelper, Some("enable")) => {
                let noted = self.noted.entry(unit).or_default();
                noted.extend(links.iter().cloned());
                self.made.extend(links);
            }
            (Tool::DebSystemdHelper, Some("update-state")) => {
                self.noted.insert(unit, links);
            }
            (Tool::DebSystemdHelper, Some("disable")) => {
                let gone = self.noted.get(&unit).cloned().unwrap_or_default();
                self.made.retain(|link| !gone.contains(link));
            }
            (Tool::DebSystemdHelper, Some("purge")) => {
                let gone = self.noted.remove(&unit).unwrap_or_default();
                self.made.retain(|link| !gone.contains(link));
            }
            (Tool::Systemctl, Some("enable" | "reenable" | "preset")) => self.made.extend(links),
            (Tool::Systemctl, Some("disable")) => self.made.retain(|link| !links.contains(link)),
            _ => {}
        }
    }
}

fn is_of_users(ask: &Ask) -> bool {
    ask.has("--user") || ask.has("--global")
}

/// The links that enabling a unit makes, those of what it names in Also= included; `None` where the package has no file
/// of it.
fn links(units: &Units, unit: &UnitName) -> Option<Links> {
    let mut links = Links::new();
    let mut seen = BTreeSet::from([unit.clone()]);
    let mut todo = vec![unit.clone()];
    file_of(units, unit)?;
    while let Some(name) = todo.pop() {
        let Some(file) = file_of(units, &name) else {
            continue;
        };
        links.extend(own_links(file, &name));
        let also = file.words("Install", "Also");
        for other in also.iter().filter_map(|word| UnitName::parse(word).ok()) {
            if seen.insert(other.clone()) {
                todo.push(other);
            }
        }
    }
    Some(links)
}

fn own_links(file: &Unit, name: &UnitName) -> Links {
    let pulled = PULLS.iter().flat_map(|(key, directory)| {
        let by = file.words("Install", key).into_iter();
        by.map(move |by| format!("{by}{directory}{name}"))
    });
    let aliases = file.words("Install", "Alias").into_iter();
    let aliases = aliases.filter(|alias| *alias != name.as_str());
    pulled.chain(aliases.map(str::to_owned)).collect()
}

/// The unit of a name, or the template of an instance.
fn file_of<'s>(units: &'s Units, name: &UnitName) -> Option<&'s Unit> {
    let mut all = units.values();
    let found = units.get(name);
    found
        .or_else(|| all.find(|unit| name.is_instance_of(&unit.name)))
        .filter(|unit| !unit.path.is_empty())
}
