//! What dpkg has unpacked and not configured, and the triggers that it has still to process: its status
//! file, and the updates and activations that it has not merged yet. Parsing is pure. A database that cannot be read is an error, never "all is configured".

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::domain::UnitName;
use crate::domain::order;

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

/// States of a package whose postinst has not run since it was unpacked.
const UNCONFIGURED: [&str; 3] = ["unpacked", "half-installed", "half-configured"];

/// dpkg's database could not be read.
#[derive(Debug, Error)]
#[error("cannot read dpkg's `{}`: {source}", path.display())]
pub struct DpkgError {
    path: PathBuf,
    source: io::Error,
}

/// Triggers after which the init, or all that runs, goes over to a new libc or a new init: packages
/// re-execute the init on them. A file's name is a trigger as well.
const REEXEC_TRIGGERS: [&str; 5] = [
    "libc-upgrade",
    "/lib/systemd/systemd",
    "/usr/lib/systemd/systemd",
    "/sbin/init",
    "/usr/sbin/init",
];

/// The packages that are not consistent, and where dpkg lists their files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unconfigured {
    /// Name and state.
    packages: BTreeMap<String, String>,
    /// Packages with the triggers that they have still to process; no package for a trigger that
    /// dpkg has only taken down so far.
    triggers: Vec<(Option<String>, String)>,
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
        let unincorporated = read(&database.join("triggers/Unincorp"))?.unwrap_or_default();
        let mut parsed = parse(&text);
        parsed.triggers.extend(activations(&unincorporated));
        Ok(Self {
            lists: database.join("info"),
            ..parsed
        })
    }

    /// The inconsistent packages but for `own`, with their states.
    pub fn others<'a>(&'a self, own: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let packages = self.packages.iter().filter(move |(name, _)| *name != own);
        packages.map(|(name, state)| (name.as_str(), state.as_str()))
    }

    /// The triggers that others than `own` have still to process.
    pub fn triggers_of_others<'a>(&'a self, own: &'a str) -> impl Iterator<Item = &'a str> {
        let others = self.triggers.iter().filter(move |(by, _)| {
            let by = by.as_deref();
            by != Some(own)
        });
        others.map(|(_, trigger)| trigger.as_str())
    }

    /// A pending trigger on which a package has the init re-execute itself: what is restarted before
    /// that would be restarted between the old and the new.
    pub fn awaited_reexec(&self) -> Option<&str> {
        let mut triggers = self.triggers.iter().map(|(_, trigger)| trigger.as_str());
        triggers.find(|trigger| REEXEC_TRIGGERS.contains(trigger))
    }

    /// The state of `package`, where that is not consistent.
    pub fn state_of(&self, package: &str) -> Option<&str> {
        self.packages.get(package).map(String::as_str)
    }

    /// Whether `unit` belongs to a package that is still to be configured; `but_for` is the one whose
    /// script asks, which is being configured right now.
    pub fn awaits_configuration(&self, unit: &UnitName, but_for: Option<&str>) -> bool {
        let awaits =
            |name: &str, state: &str| UNCONFIGURED.contains(&state) && but_for != Some(name);
        self.owner_among(unit, awaits).is_some()
    }

    /// The inconsistent package that ships `unit` or the init script of its name, and its state.
    pub fn owner_of(&self, unit: &UnitName) -> Option<(&str, &str)> {
        self.owner_among(unit, |_, _| true)
    }

    /// The inconsistent package that ships the file or directory `path`, and its state.
    pub fn owner_of_file(&self, path: &str) -> Option<(&str, &str)> {
        let ships = |name: &str| self.list(name).lines().any(|line| line == path);
        let owner = self.packages.iter().find(|(name, _)| ships(name));
        owner.map(|(name, state)| (name.as_str(), state.as_str()))
    }

    fn owner_among(
        &self,
        unit: &UnitName,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Option<(&str, &str)> {
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
        let mut among = self
            .packages
            .iter()
            .filter(|(name, state)| wanted(name, state));
        let owner = among.find(|(name, _)| {
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
    order::sort(&mut paths);
    Ok(paths)
}

fn is_number(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Inconsistent packages and pending triggers. A later stanza of the same package and architecture
/// counts; a package is inconsistent where it is so for any architecture.
fn parse(text: &str) -> Unconfigured {
    let mut latest: BTreeMap<(String, String), Stanza> = BTreeMap::new();
    let (mut key, mut stanza) = <((String, String), Stanza)>::default();
    for line in text.lines().chain([""]) {
        match line.split_once(": ") {
            Some(("Package", name)) => key.0 = name.trim().to_owned(),
            Some(("Architecture", name)) => key.1 = name.trim().to_owned(),
            Some(("Status", words)) => {
                stanza.state = words.split_whitespace().nth(2).map(str::to_owned);
            }
            Some(("Triggers-Pending", words)) => {
                stanza.triggers = words.split_whitespace().map(str::to_owned).collect();
            }
            Some(_) => {}
            None if line.trim().is_empty() => {
                let (key, stanza) = (std::mem::take(&mut key), std::mem::take(&mut stanza));
                if stanza.state.is_some() {
                    latest.insert(key, stanza);
                }
            }
            None => {}
        }
    }
    let mut found = Unconfigured::default();
    for ((package, _), stanza) in latest {
        let triggers = stanza.triggers.into_iter();
        let of_package = triggers.map(|trigger| (Some(package.clone()), trigger));
        found.triggers.extend(of_package);
        let state = stanza.state.unwrap_or_default();
        if INCONSISTENT.contains(&state.as_str()) {
            found.packages.insert(package, state);
        }
    }
    found
}

/// What is of interest in one stanza of the status file.
#[derive(Debug, Default)]
struct Stanza {
    state: Option<String>,
    triggers: Vec<String>,
}

/// The triggers in `triggers/Unincorp`, which dpkg has not yet given to the packages that wait for
/// them: each line a trigger, then who waits for its processing. Only those count that change what
/// restarts would come to: whether anybody is interested in the others is not known here.
fn activations(text: &str) -> impl Iterator<Item = (Option<String>, String)> {
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let counted = names.filter(|name| REEXEC_TRIGGERS.contains(name));
    counted.map(|name| (None, name.to_owned()))
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
    fn pending_triggers_are_seen_in_the_status_in_updates_and_among_those_not_yet_given_out() {
        let machine = machine();
        let database = machine.path().join(DATABASE);
        let found = Unconfigured::under(machine.path()).unwrap();
        assert_eq!(found.awaited_reexec(), None);
        let stanza = "Package: late\nStatus: install ok triggers-pending\n\
            Triggers-Pending: rcpolicy-flush /usr/share/man\n";
        fs::write(database.join("updates/0000"), stanza).unwrap();
        fs::create_dir(database.join("triggers")).unwrap();
        fs::write(database.join("triggers/Unincorp"), "ldconfig -\n").unwrap();
        let found = Unconfigured::under(machine.path()).unwrap();
        let others: Vec<&str> = found.triggers_of_others("lib").collect();
        assert_eq!(others, ["rcpolicy-flush", "/usr/share/man"]);
        assert_eq!(found.triggers_of_others("late").count(), 0);
        assert_eq!(found.awaited_reexec(), None);
        fs::write(database.join("triggers/Unincorp"), "libc-upgrade libc6\n").unwrap();
        let found = Unconfigured::under(machine.path()).unwrap();
        assert_eq!(found.awaited_reexec(), Some("libc-upgrade"));
        // Processed, as the next stanza says.
        fs::write(database.join("triggers/Unincorp"), "").unwrap();
        let stanza = "Package: late\nStatus: install ok installed\n";
        fs::write(database.join("updates/0001"), stanza).unwrap();
        let found = Unconfigured::under(machine.path()).unwrap();
        assert_eq!(found.triggers_of_others("").count(), 0);
        assert_eq!(found.others("lib").count(), 0);
        assert_eq!(found.others("").count(), 1);
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
    fn what_only_waits_for_triggers_and_what_is_being_configured_by_the_asking_script_is_ready() {
        let machine = machine();
        let database = machine.path().join(DATABASE);
        let stanza = |name, state| format!("Package: {name}\nStatus: install ok {state}\n\n");
        let states = [
            "unpacked",
            "half-configured",
            "triggers-awaited",
            "installed",
        ];
        let mut text = String::new();
        for (name, state) in ["a", "b", "c", "d"].into_iter().zip(states) {
            text.push_str(&stanza(name, state));
            let list = format!("/usr/lib/systemd/system/{name}@.service\n");
            fs::write(database.join(format!("info/{name}.list")), list).unwrap();
        }
        fs::write(database.join("status"), text).unwrap();
        let found = Unconfigured::under(machine.path()).unwrap();
        for (name, but_for, expected) in [
            ("a", None, true),
            ("a", Some("b"), true),
            ("b", None, true),
            ("b", Some("b"), false),
            ("c", None, false),
            ("d", None, false),
        ] {
            let unit = UnitName::parse(&format!("{name}@x")).unwrap();
            let awaits = found.awaits_configuration(&unit, but_for);
            assert_eq!(awaits, expected, "{name} {but_for:?}");
        }
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

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let unincorp = "libc-upgrade libc6\nldconfig -\n";
        crate::testing::mutations::mutated_text(
            &[STATUS, unincorp],
            &["Package: ", "Status: ", "\n\n", "\n ", "Triggers-Pending: "],
            |text| {
                let _ = (parse(text), activations(text).count());
            },
        );
    }
}
