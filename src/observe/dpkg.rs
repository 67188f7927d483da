//! What dpkg has unpacked and not configured: its status file, and the updates it has not merged yet.
//! Parsing is pure. A database that cannot be read is an error, never "all is configured".

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::UnitName;

/// dpkg's database.
const DATABASE: &str = "var/lib/dpkg";
/// States of a package in which its services are left alone: dpkg(1).
const INCONSISTENT: [&str; 5] = [
    "unpacked",
    "half-installed",
    "half-configured",
    "triggers-awaited",
    "triggers-pending",
];

/// dpkg's database could not be read.
#[derive(Debug, Error)]
#[error("cannot read dpkg's `{}`: {source}", path.display())]
pub struct DpkgError {
    path: PathBuf,
    source: io::Error,
}

/// The packages that are not consistent, and where dpkg lists their files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unconfigured {
    /// Name and state.
    packages: BTreeMap<String, String>,
    lists: PathBuf,
}

impl Unconfigured {
    /// The machine's whose root directory is `root`. Without dpkg there are none.
    ///
    /// # Errors
    /// When the database is there and cannot be read.
    pub fn under(root: &Path) -> Result<Self, DpkgError> {
        let database = root.join(DATABASE);
        let mut text = read(&database.join("status"))?.unwrap_or_default();
        for update in updates(&database.join("updates"))? {
            text.push_str("\n\n");
            text.push_str(&read(&update)?.unwrap_or_default());
        }
        Ok(Self {
            packages: parse(&text),
            lists: database.join("info"),
        })
    }

    /// The state of `package`, where that is not consistent.
    pub fn state_of(&self, package: &str) -> Option<&str> {
        self.packages.get(package).map(String::as_str)
    }

    /// The inconsistent package that ships `unit` or the init script of its name, and its state.
    pub fn owner_of(&self, unit: &UnitName) -> Option<(&str, &str)> {
        let template = unit.as_str().split_once('@').map(|(stem, _)| {
            let suffix = unit.as_str().rsplit_once('.').map_or("", |(_, s)| s);
            format!("{stem}@.{suffix}")
        });
        let mut files = vec![
            format!("/lib/systemd/system/{unit}"),
            format!("/usr/lib/systemd/system/{unit}"),
            format!("/etc/init.d/{}", unit.stem()),
        ];
        if let Some(template) = template {
            files.push(format!("/lib/systemd/system/{template}"));
            files.push(format!("/usr/lib/systemd/system/{template}"));
        }
        let owner = self.packages.iter().find(|(name, _)| {
            let list = self.list(name);
            list.lines().any(|line| files.iter().any(|f| f == line))
        });
        owner.map(|(name, state)| (name.as_str(), state.as_str()))
    }

    /// `foo.list`, or `foo:amd64.list` for packages that several architectures can have.
    fn list(&self, package: &str) -> String {
        let plain = self.lists.join(format!("{package}.list"));
        if let Ok(text) = fs::read_to_string(plain) {
            return text;
        }
        let Ok(entries) = fs::read_dir(&self.lists) else {
            return String::new();
        };
        let prefix = format!("{package}:");
        let lists = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        lists
            .filter(|name| name.starts_with(&prefix) && name.ends_with(".list"))
            .filter_map(|name| fs::read_to_string(self.lists.join(name)).ok())
            .collect()
    }
}

fn read(path: &Path) -> Result<Option<String>, DpkgError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DpkgError {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// Changes that a running dpkg has not merged into the status file, the oldest first.
fn updates(directory: &Path) -> Result<Vec<PathBuf>, DpkgError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(DpkgError {
                path: directory.to_path_buf(),
                source,
            });
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_number(path))
        .collect();
    paths.sort();
    Ok(paths)
}

fn is_number(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Inconsistent packages by name, with their state. A later stanza of the same package and
/// architecture counts; a package is inconsistent where it is so for any architecture.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut states: BTreeMap<(String, String), String> = BTreeMap::new();
    let (mut package, mut architecture, mut state) = (String::new(), String::new(), None);
    for line in text.lines().chain([""]) {
        match line.split_once(": ") {
            Some(("Package", name)) => package = name.trim().to_owned(),
            Some(("Architecture", name)) => architecture = name.trim().to_owned(),
            Some(("Status", words)) => state = words.split_whitespace().nth(2).map(str::to_owned),
            Some(_) => {}
            None if line.trim().is_empty() => {
                let key = (
                    std::mem::take(&mut package),
                    std::mem::take(&mut architecture),
                );
                if let Some(state) = state.take() {
                    states.insert(key, state);
                }
            }
            None => {}
        }
    }
    states
        .into_iter()
        .filter(|(_, state)| INCONSISTENT.contains(&state.as_str()))
        .map(|((package, _), state)| (package, state))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: good\nStatus: install ok installed\nArchitecture: amd64\n\
        Description: x\n Status: install ok unpacked\n\nPackage: lib\nStatus: install ok half-configured\n\
        Architecture: i386\n\nPackage: lib\nStatus: install ok installed\nArchitecture: amd64\n\n\
        Package: gone\nStatus: deinstall ok config-files\n\nPackage: late\nStatus: install ok installed\n";

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let database = root.path().join(DATABASE);
        for directory in ["updates", "info"] {
            fs::create_dir_all(database.join(directory)).unwrap();
        }
        fs::write(database.join("status"), STATUS).unwrap();
        root
    }

    #[test]
    fn only_packages_between_two_consistent_states_count() {
        let machine = machine();
        let found = Unconfigured::under(machine.path()).unwrap();
        assert_eq!(found.state_of("lib"), Some("half-configured"));
        for name in ["good", "gone", "late", "nosuch"] {
            assert_eq!(found.state_of(name), None, "{name}");
        }
    }

    #[test]
    fn what_a_running_dpkg_has_not_merged_yet_counts_and_the_last_word_is_the_latest() {
        let machine = machine();
        let updates = machine.path().join(DATABASE).join("updates");
        let stanza = |state| format!("Package: late\nStatus: install ok {state}\n");
        fs::write(updates.join("0000"), stanza("half-installed")).unwrap();
        fs::write(updates.join("0001"), stanza("unpacked")).unwrap();
        fs::write(updates.join("tmp.i"), stanza("installed")).unwrap();
        let found = Unconfigured::under(machine.path()).unwrap();
        assert_eq!(found.state_of("late"), Some("unpacked"));
    }

    #[test]
    fn a_unit_belongs_to_the_unconfigured_package_that_lists_it() {
        let machine = machine();
        let info = machine.path().join(DATABASE).join("info");
        let list = "/.\n/usr/lib/systemd/system/foo@.service\n/etc/init.d/bar\n";
        fs::write(info.join("lib:i386.list"), list).unwrap();
        fs::write(info.join("libother.list"), "/etc/init.d/baz\n").unwrap();
        let found = Unconfigured::under(machine.path()).unwrap();
        let owner = |unit: &str| found.owner_of(&UnitName::parse(unit).unwrap());
        assert_eq!(owner("foo@x"), Some(("lib", "half-configured")));
        assert_eq!(owner("bar"), Some(("lib", "half-configured")));
        assert_eq!(owner("baz"), None);
    }

    #[test]
    fn a_machine_without_dpkg_has_no_such_packages_and_a_broken_database_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            Unconfigured::under(root.path()).unwrap().state_of("x"),
            None
        );
        fs::create_dir_all(root.path().join(DATABASE).join("status")).unwrap();
        assert!(Unconfigured::under(root.path()).is_err());
    }
}
