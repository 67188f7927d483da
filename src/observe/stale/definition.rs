//! What a service was started from: its unit files, the package that ships them, and that package's
//! configuration files. All that came or changed since. A file's change time is compared: dpkg keeps the
//! modification times of its packages, which may be years old.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::{Staleness, UnitName};

/// Where admins and packages put units. What generators and `systemctl set-property` write is left
/// out: it is written anew by every reload, or in effect at once.
const UNITS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Our own drop-in, which is in effect at once.
const OWN: &str = "90-rcpolicy-hold.conf";
/// dpkg's lists of files.
const INFO: &str = "var/lib/dpkg/info";

/// What is compared, and with when.
pub(super) struct Definition<'a> {
    /// The machine's root directory.
    pub(super) root: &'a Path,
    /// The unit.
    pub(super) unit: &'a UnitName,
    /// When the service was started, at the latest; since the epoch.
    pub(super) started: Duration,
}

impl Definition<'_> {
    /// Adds what has changed since the start.
    pub(super) fn compare(&self, into: &mut Staleness) {
        let mut seen = BTreeSet::new();
        for path in self.unit_files(into) {
            self.compare_file("unit file", &path, &mut seen, into);
        }
        for list in self.owners(into) {
            let package = package(&list);
            if self.is_newer(&list, &mut seen, into) {
                into.changed.push(format!("package {package}"));
            }
            for path in self.conffiles(&list, into) {
                self.compare_file("configuration file", &path, &mut seen, into);
            }
        }
    }

    fn compare_file(&self, what: &str, path: &Path, seen: &mut Seen, into: &mut Staleness) {
        if self.is_newer(path, seen, into) {
            let path = Path::new("/").join(path.strip_prefix(self.root).unwrap_or(path));
            into.changed.push(format!("{what} {}", path.display()));
        }
    }

    /// Whether the file, if it is there, came or changed since the start. Each is told once.
    fn is_newer(&self, path: &Path, seen: &mut Seen, into: &mut Staleness) -> bool {
        match fs::metadata(path) {
            Ok(found) => {
                change_time(&found) >= self.started && seen.insert((found.dev(), found.ino()))
            }
            Err(error) if is_missing(&error) => false,
            Err(error) => {
                into.unknown.push(cannot("look at", path, &error));
                false
            }
        }
    }

    /// The unit's own file and its drop-ins, wherever they may be, and the directories of the latter:
    /// these change when one is taken away.
    fn unit_files(&self, into: &mut Staleness) -> Vec<PathBuf> {
        let names = names(self.unit);
        let mut files = vec![self.root.join("etc/init.d").join(self.unit.stem())];
        for directory in UNITS.map(|directory| self.root.join(directory)) {
            files.extend(names.files.iter().map(|name| directory.join(name)));
            for name in &names.drop_ins {
                let drop_ins = directory.join(name);
                let found = entries(&drop_ins, into);
                let ours = found.iter().any(|path| path.ends_with(OWN));
                files.extend(found.into_iter().filter(|path| is_drop_in(path)));
                files.extend((!ours).then_some(drop_ins));
            }
        }
        files
    }

    /// dpkg's lists of the packages that ship the unit or the init script of its name. dpkg writes a list
    /// anew whenever it unpacks the package. There may be thousands of them: one that is old, of a package
    /// without configuration files, could not make a difference and is not read.
    fn owners(&self, into: &mut Staleness) -> Vec<PathBuf> {
        let names = names(self.unit);
        let mut shipped = vec![format!("/etc/init.d/{}", self.unit.stem())];
        for name in &names.files {
            shipped.push(format!("/lib/systemd/system/{name}"));
            shipped.push(format!("/usr/lib/systemd/system/{name}"));
        }
        let all: BTreeSet<PathBuf> = entries(&self.root.join(INFO), into).into_iter().collect();
        let configured = |list: &Path| all.contains(&list.with_extension("conffiles"));
        let is_list = |path: &&PathBuf| path.extension().is_some_and(|end| end == "list");
        let lists = all.iter().filter(is_list);
        lists
            .filter(|list| configured(list) || self.may_be_newer(list))
            .filter(|list| has_line(list, &shipped, into))
            .cloned()
            .collect()
    }

    fn may_be_newer(&self, path: &Path) -> bool {
        let changed = fs::metadata(path).map(|found| change_time(&found));
        changed.map_or(true, |changed| changed >= self.started)
    }

    /// The configuration files of the package that `list` belongs to.
    fn conffiles(&self, list: &Path, into: &mut Staleness) -> Vec<PathBuf> {
        let path = list.with_extension("conffiles");
        match fs::read_to_string(&path) {
            Ok(text) => {
                // A line may also begin with a flag: deb-conffiles(5).
                let paths = text.lines().filter_map(|line| line.strip_prefix('/'));
                paths.map(|path| self.root.join(path)).collect()
            }
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => {
                into.unknown.push(cannot("read", &path, &error));
                Vec::new()
            }
        }
    }
}

fn change_time(found: &Metadata) -> Duration {
    let seconds = u64::try_from(found.ctime()).unwrap_or(0);
    Duration::new(seconds, u32::try_from(found.ctime_nsec()).unwrap_or(0))
}

/// Files that were told already, by device and inode: `/lib` may be `/usr/lib`.
type Seen = BTreeSet<(u64, u64)>;

struct Names {
    /// Of the unit's own file.
    files: Vec<String>,
    /// Of the directories of its drop-ins: systemd.unit(5).
    drop_ins: Vec<String>,
}

fn names(unit: &UnitName) -> Names {
    let (stem, full) = (unit.stem(), unit.as_str());
    let suffix = full.get(stem.len() + 1..).unwrap_or("service");
    let mut files = vec![full.to_owned()];
    if let Some((template, _)) = stem.split_once('@') {
        files.push(format!("{template}@.{suffix}"));
    }
    let mut drop_ins: Vec<String> = files.iter().map(|name| format!("{name}.d")).collect();
    drop_ins.push(format!("{suffix}.d"));
    let dashes = stem.match_indices('-');
    let prefixes = dashes.filter_map(|(at, _)| stem.get(..=at));
    drop_ins.extend(prefixes.map(|prefix| format!("{prefix}.{suffix}.d")));
    Names { files, drop_ins }
}

fn is_drop_in(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "conf") && !path.ends_with(OWN)
}

/// What lies in `directory`; nothing where there is none.
fn entries(directory: &Path, into: &mut Staleness) -> Vec<PathBuf> {
    let found = fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match found {
        Ok(paths) => paths,
        Err(error) if is_missing(&error) => Vec::new(),
        Err(error) => {
            into.unknown.push(cannot("read", directory, &error));
            Vec::new()
        }
    }
}

fn has_line(path: &Path, wanted: &[String], into: &mut Staleness) -> bool {
    match fs::read(path) {
        Ok(text) => text
            .split(|byte| *byte == b'\n')
            .any(|line| wanted.iter().any(|wanted| wanted.as_bytes() == line)),
        // The package was removed meanwhile.
        Err(error) if is_missing(&error) => false,
        Err(error) => {
            into.unknown.push(cannot("read", path, &error));
            false
        }
    }
}

/// `foo.list`, or `foo:amd64.list` for packages that several architectures can have.
fn package(list: &Path) -> String {
    let name = list.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.split(':').next().unwrap_or_default();
    name.to_owned()
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {doing} `{}`: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(files: &[&str]) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            for file in files {
                machine.write(file, "");
            }
            machine
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn changed(&self, unit: &str, started: Duration) -> Vec<String> {
            let unit = UnitName::parse(unit).unwrap();
            let mut found = Staleness::default();
            let root = self.0.path();
            let definition = Definition {
                root,
                unit: &unit,
                started,
            };
            definition.compare(&mut found);
            assert_eq!(found.unknown, Vec::<String>::new());
            found.changed.sort();
            found.changed
        }
    }

    const LONG_AGO: Duration = Duration::from_secs(1);

    fn in_an_hour() -> Duration {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        now + Duration::from_secs(3600)
    }

    #[test]
    fn unit_files_drop_ins_and_their_directories_count_and_nothing_of_other_units() {
        let machine = Machine::new(&[
            "usr/lib/systemd/system/a-b@.service",
            "etc/systemd/system/a-b@x.service.d/10.conf",
            "etc/systemd/system/a-b@x.service.d/10.conf~",
            "run/systemd/system/a-.service.d/10.conf",
            "etc/systemd/system/a-b@y.service.d/10.conf",
            "run/systemd/generator/a-b@x.service",
            "etc/init.d/other",
        ]);
        let expected = [
            "unit file /etc/systemd/system/a-b@x.service.d",
            "unit file /etc/systemd/system/a-b@x.service.d/10.conf",
            "unit file /run/systemd/system/a-.service.d",
            "unit file /run/systemd/system/a-.service.d/10.conf",
            "unit file /usr/lib/systemd/system/a-b@.service",
        ];
        assert_eq!(machine.changed("a-b@x.service", LONG_AGO), expected);
        assert_eq!(
            machine.changed("a-b@x.service", in_an_hour()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_link_to_the_unit_files_directory_does_not_tell_them_twice() {
        let machine = Machine::new(&["usr/lib/systemd/system/a.service"]);
        std::os::unix::fs::symlink("usr/lib", machine.0.path().join("lib")).unwrap();
        assert_eq!(machine.changed("a", LONG_AGO).len(), 1);
    }

    #[test]
    fn the_package_that_ships_the_unit_counts_with_its_configuration_files_and_no_other() {
        let machine = Machine::new(&["etc/a.conf", "etc/default/a", "etc/b.conf"]);
        let info = |name: &str| format!("{INFO}/{name}");
        machine.write(
            &info("a:amd64.list"),
            "/.\n/usr/lib/systemd/system/a.service\n",
        );
        let conffiles = "/etc/a.conf\n/etc/default/a\n/etc/gone\nremove-on-upgrade /etc/b.conf\n";
        machine.write(&info("a:amd64.conffiles"), conffiles);
        machine.write(&info("b.list"), "/usr/lib/systemd/system/a.service.d\n");
        machine.write(&info("b.conffiles"), "/etc/b.conf\n");
        let expected = [
            "configuration file /etc/a.conf",
            "configuration file /etc/default/a",
            "package a",
        ];
        assert_eq!(machine.changed("a", LONG_AGO), expected);
        assert_eq!(machine.changed("a", in_an_hour()), Vec::<String>::new());
    }

    #[test]
    fn our_own_hold_on_a_unit_is_no_change_of_it() {
        let directory = "run/systemd/system/a.service.d";
        let machine = Machine::new(&[&format!("{directory}/{OWN}")]);
        assert_eq!(machine.changed("a", LONG_AGO), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let machine = Machine::new(&[]);
        let list = machine.0.path().join(INFO).join("a.list");
        fs::create_dir_all(list).unwrap();
        let unit = UnitName::parse("a").unwrap();
        let mut found = Staleness::default();
        let definition = Definition {
            root: machine.0.path(),
            unit: &unit,
            started: LONG_AGO,
        };
        definition.compare(&mut found);
        assert_eq!(found.unknown.len(), 1, "{found:?}");
    }
}
