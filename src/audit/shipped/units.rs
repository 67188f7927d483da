//! The units of one manager: their files by the order of directories, their drop-ins by name, their
//! other names, and what is masked. See systemd.unit(5).

use std::collections::{BTreeMap, BTreeSet};

use super::{Problem, Pulled, Unit, is_directly_in, paths_in, resets, unit_file};
use crate::audit::package::{Entry, Package, target};
use crate::domain::UnitName;

/// Directories of links that pull units in, by how they end.
const PULLS: [(&str, &str); 3] = [
    (".wants", "Wants"),
    (".requires", "Requires"),
    (".upholds", "Upholds"),
];

/// The units in `directories`, of which earlier ones hide later ones.
pub(super) fn collect(
    package: &Package,
    directories: &[&str],
    problems: &mut Vec<Problem>,
) -> BTreeMap<UnitName, Unit> {
    let files = files(package, directories);
    let drop_ins = DropIns::of(package, directories);
    let mut units = BTreeMap::new();
    let mut links: Vec<(UnitName, UnitName)> = Vec::new();
    for (name, path) in files {
        match found(package, &name, path) {
            Found::Unit(at) => {
                units.insert(name.clone(), unit(name, at));
            }
            Found::Masked => {
                let masked = true;
                units.insert(
                    name.clone(),
                    Unit {
                        masked,
                        ..unit(name, path)
                    },
                );
            }
            Found::AliasOf(other) => links.push((other, name)),
            Found::Elsewhere => {}
        }
    }
    for name in drop_ins.names() {
        let extended = units.entry(name.clone());
        extended.or_insert_with(|| unit(name, ""));
    }
    for unit in units.values_mut() {
        read(package, unit, &drop_ins, problems);
    }
    for (of, alias) in links {
        if let Some(unit) = units.get_mut(&of) {
            unit.aliases.push(alias);
        }
    }
    for unit in units.values_mut() {
        let own = unit.name.clone();
        unit.aliases.retain(|alias| *alias != own);
        unit.aliases.sort();
        unit.aliases.dedup();
    }
    units
}

fn unit(name: UnitName, path: &str) -> Unit {
    Unit {
        name,
        path: path.to_owned(),
        directives: Vec::new(),
        aliases: Vec::new(),
        masked: false,
    }
}

/// A name with a suffix of units.
fn unit_name(text: &str) -> Option<UnitName> {
    let name = UnitName::parse(text).ok()?;
    // What has no suffix is taken for a service elsewhere; a file without one is none.
    (name.as_str() == text).then_some(name)
}

/// The first file of each unit.
fn files<'p>(package: &'p Package, directories: &'p [&str]) -> BTreeMap<UnitName, &'p str> {
    let mut files = BTreeMap::new();
    for directory in directories {
        for path in paths_in(package, directory).filter(|path| is_directly_in(path, directory)) {
            let name = path.strip_prefix(directory).and_then(unit_name);
            let entry = package.files.get(path);
            let is_file = matches!(entry, Some(Entry::File { .. } | Entry::Link { .. }));
            if let Some(name) = name.filter(|_| is_file) {
                files.entry(name).or_insert(path);
            }
        }
    }
    files
}

enum Found<'p> {
    /// It is this file.
    Unit(&'p str),
    /// It can never be started.
    Masked,
    /// It is another name of that unit.
    AliasOf(UnitName),
    /// It is a link to what the package does not have.
    Elsewhere,
}

/// What the file of the unit `name` at `path` is.
fn found<'p>(package: &'p Package, name: &UnitName, path: &str) -> Found<'p> {
    let Some(entry) = package.files.get(path) else {
        return Found::Elsewhere;
    };
    if let Entry::Link { target: to } = entry
        && target(path, to) == "/dev/null"
    {
        return Found::Masked;
    }
    let Some((at, Entry::File { size, .. })) = package.resolve(path) else {
        return Found::Elsewhere;
    };
    let base = at.rsplit('/').next().unwrap_or(at);
    match unit_name(base) {
        Some(other) if other != *name => Found::AliasOf(other),
        Some(_) | None if *size == 0 => Found::Masked,
        Some(_) | None => Found::Unit(at),
    }
}

/// Reads the file of `unit` and what is dropped into it.
fn read(package: &Package, unit: &mut Unit, drop_ins: &DropIns<'_>, problems: &mut Vec<Problem>) {
    let own = Some(unit.path.as_str()).filter(|_| !unit.masked);
    let paths = own.into_iter().chain(drop_ins.of_unit(&unit.name));
    let mut directives = Vec::new();
    for path in paths {
        let Some(text) = package.text(path) else {
            continue;
        };
        let (read, found) = unit_file::parse(path, text);
        directives.extend(read);
        problems.extend(found);
    }
    unit.directives = resets::apply(directives);
    let aliases = unit.words("Install", "Alias").into_iter();
    unit.aliases = aliases.filter_map(unit_name).collect();
}

/// The drop-ins of all units: by the name before `.d`, then by the file's.
struct DropIns<'p>(BTreeMap<&'p str, BTreeMap<&'p str, &'p str>>);

impl<'p> DropIns<'p> {
    fn of(package: &'p Package, directories: &'p [&str]) -> Self {
        let mut all: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for directory in directories {
            for path in paths_in(package, directory) {
                let inside = path.strip_prefix(directory).and_then(|p| p.split_once('/'));
                let Some((of, file)) = inside else { continue };
                let is_conf = file.ends_with(".conf") && !file.contains('/');
                if let Some(of) = of.strip_suffix(".d").filter(|_| is_conf) {
                    all.entry(of).or_default().entry(file).or_insert(path);
                }
            }
        }
        Self(all)
    }

    /// The units that have some of their own; not those that are meant for many (`foo-.service.d`).
    fn names(&self) -> BTreeSet<UnitName> {
        let names = self.0.keys().filter_map(|name| unit_name(name));
        names.filter(|name| !name.stem().ends_with('-')).collect()
    }

    /// Those of one unit, in the order in which they apply.
    fn of_unit(&self, unit: &UnitName) -> Vec<&'p str> {
        let mut files: BTreeMap<&str, &str> = BTreeMap::new();
        for name in applicable(unit) {
            files.extend(self.0.get(name.as_str()).into_iter().flatten());
        }
        files.into_values().collect()
    }
}

/// The names whose drop-ins apply to a unit, the most general first: for `foo-bar@x.service` these are
/// `service`, `foo-.service`, `foo-bar@.service` and its own.
fn applicable(unit: &UnitName) -> Vec<String> {
    let (stem, suffix) = unit
        .as_str()
        .rsplit_once('.')
        .unwrap_or((unit.as_str(), ""));
    let mut names = vec![suffix.to_owned()];
    for (at, _) in stem.match_indices('-') {
        if let Some(prefix) = stem.get(..=at).filter(|prefix| *prefix != stem) {
            names.push(format!("{prefix}.{suffix}"));
        }
    }
    if let Some((template, instance)) = stem.split_once('@')
        && !instance.is_empty()
    {
        names.push(format!("{template}@.{suffix}"));
    }
    names.push(unit.as_str().to_owned());
    names
}

/// The units that links in `directories` pull in.
pub(super) fn pulled(package: &Package, directories: &[&str]) -> Vec<Pulled> {
    let mut found = Vec::new();
    for directory in directories {
        for path in paths_in(package, directory) {
            let inside = path.strip_prefix(directory).and_then(|p| p.split_once('/'));
            found.extend(inside.and_then(|(by, unit)| {
                let (by, how) = PULLS.into_iter().find_map(|(suffix, how)| {
                    let by = by.strip_suffix(suffix)?;
                    Some((unit_name(by)?, how))
                })?;
                Some(Pulled {
                    path: path.to_owned(),
                    by,
                    how,
                    unit: unit_name(unit)?,
                })
            }));
        }
    }
    found
}
