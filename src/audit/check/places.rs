//! Where units lie: in the admin's directory, or where no file is.

use super::found::{Found, in_file};
use super::subject::View;
use super::table::Check;
use crate::audit::finding::Severity;
use crate::audit::package::{Entry, target};
use crate::domain::UnitName;

/// In the admin's directory.
pub(super) const PLACE: Check = Check {
    id: "unit-in-odd-place",
    title: "a unit is shipped where the admin's belong",
    severity: Severity::Warning,
    explanation: "/etc/systemd/system is the admin's: a unit there hides any other of its name, and `systemctl disable`, `mask` and drop-ins \
                  do not do with it what everybody expects.",
    change: "ship it in /usr/lib/systemd/system",
    lintian: &["systemd-service-in-odd-location"],
    find: |view| {
        let files = view.package().files.iter();
        let odd = files.filter_map(|(path, entry)| {
            let name = path.strip_prefix("/etc/systemd/system/")?;
            let file = matches!(entry, Entry::File { .. }) && !name.contains('/');
            let kind = UnitName::parse(name)
                .ok()
                .filter(|unit| unit.as_str() == name)?;
            file.then(|| {
                Found::at(
                    in_file(view.package(), path, ""),
                    format!("`{kind}` is shipped in /etc"),
                )
            })
        });
        odd.collect()
    },
};

/// No file.
pub(super) const NO_FILE: Check = Check {
    id: "unit-not-a-file",
    title: "what has a unit's name is no file",
    severity: Severity::Warning,
    explanation: "systemd reads units from files. A directory, a device or a fifo of a unit's name, or a link to itself or to a directory, is \
                  none: the unit is not there for systemctl, and whatever names it fails.",
    change: "ship the unit as a file; drop-ins belong in a directory NAME.d",
    lintian: &["service-file-is-not-a-file"],
    find: |view| {
        let names = view.package().files.keys();
        let odd = names.filter_map(|path| {
            let name = DIRECTORIES.iter().find_map(|at| path.strip_prefix(at))?;
            let unit = UnitName::parse(name).ok()?;
            let found = || {
                Found::at(
                    in_file(view.package(), path, ""),
                    format!("`{unit}` is no file"),
                )
            };
            (unit.as_str() == name && is_no_file(view, path)).then(found)
        });
        odd.collect()
    },
};

/// Where systemd looks for units that packages bring.
const DIRECTORIES: [&str; 2] = ["/usr/lib/systemd/system/", "/etc/systemd/system/"];

/// Whether a path of the package surely leads to no file. A link may lead to another package's.
fn is_no_file(view: &View<'_>, path: &str) -> bool {
    match view.package().files.get(path) {
        Some(Entry::Directory | Entry::Other) => true,
        Some(Entry::Link { target: to }) if target(path, to) == path => true,
        Some(Entry::Link { target: to }) => {
            let behind = view.package().files.get(&target(path, to));
            matches!(behind, Some(Entry::Directory))
        }
        Some(Entry::File { .. }) | None => false,
    }
}
