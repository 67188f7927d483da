//! What files tell of a service that runs, with no question to PID 1: a connection costs it 2.5 ms,
//! and what is only put off is looked at again when it is done.

use std::fs;
use std::path::Path;

use crate::domain::{ActiveState, Known, LoadState, UnitFacts, UnitKind, UnitName};

/// Here PID 1 keeps a link for each unit that is not down, under its canonical name and to the id of
/// its invocation; it goes when the unit goes down.
const INVOCATIONS: &str = "run/systemd/units";
/// Where its definition may lie, the first that has it counts. Generated ones are left to PID 1.
const DEFINITIONS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// An id in hexadecimal digits.
const ID_LENGTH: usize = 32;

/// What is known of the service `name` on the machine whose root directory is `root`; `None` where
/// only PID 1 can tell: it is down, an alias, masked, generated or something else than a service.
pub(super) fn glimpse(root: &Path, name: &UnitName) -> Option<UnitFacts> {
    if name.kind() != UnitKind::Service || !is_defined(root, name) {
        return None;
    }
    let link = root.join(INVOCATIONS).join(format!("invocation:{name}"));
    let target = fs::read_link(link).ok()?;
    let id = target.to_str().filter(|id| is_id(id))?;
    Some(UnitFacts {
        load: Known::Is(LoadState::Loaded),
        // On its way up or down it may be: nobody takes that for down either.
        active: Known::Is(ActiveState::Active),
        source_path: Known::Is(String::new()),
        invocation: id.to_owned(),
        ..UnitFacts::unknown(name, "not asked")
    })
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a plain file defines it, or its template. A link may be an alias or mask it, and an empty file
/// masks it too.
fn is_defined(root: &Path, name: &UnitName) -> bool {
    let own = first(root, name.as_str());
    let found = own.or_else(|| {
        let (template, _) = name.as_str().split_once('@')?;
        first(root, &format!("{template}@.service"))
    });
    found.is_some_and(|found| found.is_file() && found.len() > 0)
}

fn first(root: &Path, file: &str) -> Option<fs::Metadata> {
    let paths = DEFINITIONS.iter().map(|dir| root.join(dir).join(file));
    let mut found = paths.filter_map(|path| fs::symlink_metadata(path).ok());
    found.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;
    use std::os::unix::fs::symlink;

    const ID: &str = "0123456789abcdef0123456789abcdef";
    const DEFINITION: &str = "[Service]\nExecStart=/bin/true\n";

    /// A machine that runs acpid and getty@tty1 and has their definitions.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in DEFINITIONS.iter().chain([&INVOCATIONS]) {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        for (unit, definition) in [("acpid", "acpid"), ("getty@tty1", "getty@")] {
            let units = root.path().join("usr/lib/systemd/system");
            fs::write(units.join(format!("{definition}.service")), DEFINITION).unwrap();
            runs(root.path(), unit);
        }
        root
    }

    fn runs(root: &Path, unit: &str) {
        let link = format!("{INVOCATIONS}/invocation:{unit}.service");
        symlink(ID, root.join(link)).unwrap();
    }

    #[test]
    fn what_runs_by_a_plain_definition_is_seen_with_its_invocation() {
        let root = machine();
        for unit in ["acpid", "getty@tty1"] {
            let facts = glimpse(root.path(), &name(unit)).unwrap();
            assert!(facts.is_up() && !facts.is_masked() && !facts.is_missing());
            assert_eq!((facts.id, facts.invocation.as_str()), (name(unit), ID));
        }
    }

    #[test]
    fn what_is_down_or_has_no_definition_is_left_to_pid_1() {
        let root = machine();
        assert_eq!(glimpse(root.path(), &name("cron")), None);
        assert_eq!(glimpse(root.path(), &name("getty@tty2")), None);
        runs(root.path(), "cron");
        assert_eq!(glimpse(root.path(), &name("cron")), None);
        let socket = UnitName::parse("acpid.socket").unwrap();
        assert_eq!(glimpse(root.path(), &socket), None);
    }

    #[test]
    fn masks_aliases_and_odd_links_are_left_to_pid_1() {
        let masked = machine();
        let mask = masked.path().join("etc/systemd/system/acpid.service");
        symlink("/dev/null", mask).unwrap();
        assert_eq!(glimpse(masked.path(), &name("acpid")), None);
        let emptied = machine();
        fs::write(emptied.path().join("etc/systemd/system/acpid.service"), "").unwrap();
        assert_eq!(glimpse(emptied.path(), &name("acpid")), None);

        let odd = machine();
        let units = odd.path().join("usr/lib/systemd/system");
        fs::write(units.join("cron.service"), DEFINITION).unwrap();
        let link = odd.path().join(INVOCATIONS).join("invocation:cron.service");
        symlink("../../etc/passwd", link).unwrap();
        assert_eq!(glimpse(odd.path(), &name("cron")), None);
    }
}
