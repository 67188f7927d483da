//! D-Bus service files: which bus names and which units a D-Bus call can start.
//! Reads the directories that the system bus reads; sizes and numbers are bounded.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use crate::domain::UnitName;

/// Where the system bus looks, the first file of a name wins.
const DIRECTORIES: [&str; 5] = [
    "/etc/dbus-1/system-services",
    "/run/dbus-1/system-services",
    "/usr/local/share/dbus-1/system-services",
    "/usr/share/dbus-1/system-services",
    "/lib/dbus-1/system-services",
];
/// More of a file is not read, in bytes; such a file has three or four lines.
const LONGEST_FILE: u64 = 64 << 10;
/// More files of one directory are not read.
const MOST_FILES: usize = 4096;

/// One service file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BusService {
    name: String,
    unit: String,
}

/// What D-Bus calls can start. The directories are read when the first question comes.
#[derive(Debug, Default)]
pub(super) struct BusServices {
    directories: Vec<&'static Path>,
    services: OnceLock<Vec<BusService>>,
}

impl BusServices {
    /// Those of the system bus.
    pub(super) fn system() -> Self {
        Self {
            directories: DIRECTORIES.iter().map(Path::new).collect(),
            services: OnceLock::new(),
        }
    }

    /// Whether a call to `name` starts something.
    pub(super) fn activates_name(&self, name: &str) -> bool {
        !name.is_empty() && self.all().iter().any(|service| service.name == name)
    }

    /// Whether a call to some name starts `unit`.
    pub(super) fn activates_unit(&self, unit: &UnitName) -> bool {
        self.all()
            .iter()
            .any(|service| service.unit == unit.as_str())
    }

    fn all(&self) -> &[BusService] {
        self.services.get_or_init(|| {
            let mut all: Vec<BusService> = Vec::new();
            for directory in &self.directories {
                for service in read_directory(directory) {
                    if !all.iter().any(|known| known.name == service.name) {
                        all.push(service);
                    }
                }
            }
            all
        })
    }
}

fn read_directory(directory: &Path) -> Vec<BusService> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .flatten()
        .take(MOST_FILES)
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "service")
        })
        .filter_map(|path| read_text(&path))
        .filter_map(|text| parse(&text))
        .collect()
}

fn read_text(path: &Path) -> Option<String> {
    // A FIFO in the place of a file would block the open.
    if !fs::metadata(path).is_ok_and(|status| status.is_file()) {
        return None;
    }
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The name and the unit that a service file states; nothing without a name.
fn parse(text: &str) -> Option<BusService> {
    let mut inside = false;
    let mut service = BusService {
        name: String::new(),
        unit: String::new(),
    };
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[D-BUS Service]";
        } else if inside && let Some((key, value)) = line.split_once('=') {
            match key.trim() {
                "Name" => value.trim().clone_into(&mut service.name),
                "SystemdService" => value.trim().clone_into(&mut service.unit),
                _ => {}
            }
        }
    }
    (!service.name.is_empty()).then_some(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_file_states_its_name_and_its_unit() {
        let text = "# c\n[D-BUS Service]\nName=org.example.Foo\nExec=/bin/false\nUser=root\n\
                    SystemdService = foo.service \n[Other]\nName=no\n";
        let expected = BusService {
            name: "org.example.Foo".to_owned(),
            unit: "foo.service".to_owned(),
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("Name=org.example.Foo\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn names_and_units_are_found_in_all_directories_and_the_first_file_wins() {
        let dir = tempfile::tempdir().unwrap();
        let dir: &'static Path = Box::leak(dir.keep().into_boxed_path());
        let file = |sub: &str, file: &str, unit: &str| {
            fs::create_dir_all(dir.join(sub)).unwrap();
            let text = format!("[D-BUS Service]\nName=org.example.Foo\nSystemdService={unit}\n");
            fs::write(dir.join(sub).join(file), text).unwrap();
        };
        file("one", "org.example.Foo.service", "first.service");
        file("two", "org.example.Foo.service", "second.service");
        file("two", "README", "third.service");
        let services = BusServices {
            directories: ["one", "two", "none"]
                .iter()
                .map(|sub| &*Box::leak(dir.join(sub).into_boxed_path()))
                .collect(),
            services: OnceLock::new(),
        };
        assert!(services.activates_name("org.example.Foo"));
        assert!(!services.activates_name("org.example.Bar") && !services.activates_name(""));
        for (unit, expected) in [("first", true), ("second", false), ("third", false)] {
            let unit = UnitName::parse(unit).unwrap();
            assert_eq!(services.activates_unit(&unit), expected, "{unit}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let file = "[D-BUS Service]\nName=org.foo.Bar\nExec=/bin/false\nUser=root\nSystemdService=dbus-org.foo.service\n";
        crate::testing::mutations::mutated_text(
            &[file],
            &[
                "[D-BUS Service]\n",
                "[",
                "=",
                "Name=",
                "SystemdService=",
                "\n",
            ],
            |text| {
                let _ = parse(text);
            },
        );
    }
}
