//! Names on the system bus that start a service: what dbus-daemon(1) reads from `system-services`.

use super::{BusActivation, Problem, unit_file};
use crate::audit::package::Package;
use crate::domain::UnitName;

const DIRECTORIES: [&str; 2] = [
    "/usr/share/dbus-1/system-services/",
    "/usr/lib/dbus-1/system-services/",
];
const SECTION: &str = "D-BUS Service";

/// The activation files of `package`; what cannot be read is added to `problems`.
pub(super) fn activations(package: &Package, problems: &mut Vec<Problem>) -> Vec<BusActivation> {
    let mut found = Vec::new();
    for path in DIRECTORIES.iter().flat_map(|d| super::paths_in(package, d)) {
        let is_direct = DIRECTORIES.iter().any(|d| super::is_directly_in(path, d));
        if !is_direct || !path.ends_with(".service") {
            continue;
        }
        let Some(text) = package.text(path) else {
            continue;
        };
        match activation(path, text, problems) {
            Some((name, unit)) => found.push(BusActivation {
                path: path.to_owned(),
                name,
                unit,
            }),
            None => problems.push(Problem {
                path: path.to_owned(),
                line: 1,
                message: "it names no bus name: `Name=` is missing".to_owned(),
            }),
        }
    }
    found
}

fn activation(
    path: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Option<(String, Option<UnitName>)> {
    let (directives, found) = unit_file::parse(path, text);
    problems.extend(found);
    let last = |key: &str| {
        let mut all = directives.iter().rev();
        all.find(|line| line.section == SECTION && line.key == key)
    };
    let name = last("Name")?.value.clone();
    let unit = last("SystemdService").and_then(|line| match UnitName::parse(&line.value) {
        Ok(unit) => Some(unit),
        Err(error) => {
            problems.push(Problem {
                path: path.to_owned(),
                line: line.line,
                message: error.to_string(),
            });
            None
        }
    });
    (!name.is_empty()).then_some((name, unit))
}
