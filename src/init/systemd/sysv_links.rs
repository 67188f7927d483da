//! Whether an init script is enabled, as systemd's hand-over to Debian's sysv tools tells it.
//! Reads names in /etc; runs nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::domain::{FileState, UnitKind, UnitName};

/// systemd hands questions over only where this is installed (up to 259).
const INSTALLED: [&str; 2] = [
    "usr/lib/systemd/systemd-sysv-install",
    "lib/systemd/systemd-sysv-install",
];
/// Makes a unit of an init script that has none (up to 259).
const GENERATORS: [&str; 2] = [
    "usr/lib/systemd/system-generators/systemd-sysv-generator",
    "lib/systemd/system-generators/systemd-sysv-generator",
];
/// Where start links count.
const RUNLEVELS: [&str; 2] = ["etc/rc5.d", "etc/rcS.d"];

/// The state of the init script behind `unit`; nothing where there is none.
pub(super) fn state(unit: &UnitName) -> Option<FileState> {
    state_under(Path::new("/"), unit)
}

/// The init script that nobody but we can run: systemd does not know `unit`, and nothing would make
/// one of the script.
pub(super) fn script_without_unit(unit: &UnitName) -> Option<String> {
    script_without_unit_under(Path::new("/"), unit)
}

fn script_without_unit_under(root: &Path, unit: &UnitName) -> Option<String> {
    let generated = GENERATORS.iter().any(|path| root.join(path).exists());
    let name = Some(unit.stem()).filter(|_| unit.kind() == UnitKind::Service && !generated)?;
    let path = format!("etc/init.d/{name}");
    let script = std::fs::metadata(root.join(&path)).ok()?;
    let runs = script.is_file() && script.permissions().mode() & 0o111 != 0;
    runs.then(|| format!("/{path}"))
}

fn state_under(root: &Path, unit: &UnitName) -> Option<FileState> {
    let name = match unit.kind() {
        UnitKind::Service => unit.stem(),
        UnitKind::Socket
        | UnitKind::Path
        | UnitKind::Timer
        | UnitKind::Automount
        | UnitKind::Target
        | UnitKind::Other => return None,
    };
    let installed = INSTALLED.iter().any(|path| root.join(path).exists());
    if !installed || !root.join("etc/init.d").join(name).exists() {
        return None;
    }
    match RUNLEVELS
        .iter()
        .any(|dir| has_start_link(&root.join(dir), name))
    {
        true => Some(FileState::Enabled),
        false => Some(FileState::Disabled),
    }
}

/// Whether `dir` has an entry `S??NAME`.
fn has_start_link(dir: &Path, name: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let entry = entry.file_name();
        let text = entry.to_string_lossy();
        let rest = text.strip_prefix('S').map(|rest| rest.chars());
        rest.is_some_and(|mut rest| {
            rest.next().is_some() && rest.next().is_some() && rest.as_str() == name
        })
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in [
            "etc/init.d",
            "etc/rc5.d",
            "etc/rcS.d",
            "etc/rc2.d",
            "usr/lib/systemd",
        ] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        fs::write(root.path().join("etc/init.d/foo"), "").unwrap();
        fs::write(root.path().join(INSTALLED[0]), "").unwrap();
        root
    }

    fn told(root: &Path, unit: &str) -> Option<FileState> {
        state_under(root, &UnitName::parse(unit).unwrap())
    }

    #[test]
    fn a_start_link_in_runlevel_5_or_s_enables_a_script_and_nothing_else_does() {
        let cases = [
            ("etc/rc5.d/S01foo", FileState::Enabled),
            ("etc/rcS.d/S20foo", FileState::Enabled),
            ("etc/rc5.d/K01foo", FileState::Disabled),
            ("etc/rc2.d/S01foo", FileState::Disabled),
            ("etc/rc5.d/S01foobar", FileState::Disabled),
            ("etc/rc5.d/S1foo", FileState::Disabled),
        ];
        for (link, expected) in cases {
            let root = root();
            fs::write(root.path().join(link), "").unwrap();
            assert_eq!(told(root.path(), "foo"), Some(expected), "{link}");
        }
    }

    #[test]
    fn without_a_script_or_without_the_hand_over_there_is_no_answer() {
        let root = root();
        assert_eq!(told(root.path(), "bar"), None);
        assert_eq!(told(root.path(), "foo.socket"), None);
        fs::remove_file(root.path().join(INSTALLED[0])).unwrap();
        assert_eq!(told(root.path(), "foo"), None);
    }

    #[test]
    fn a_script_that_no_generator_makes_a_unit_of_is_ours_to_run() {
        let root = root();
        let script = root.path().join("etc/init.d/foo");
        let found = |unit: &str| {
            let unit = UnitName::parse(unit).unwrap();
            script_without_unit_under(root.path(), &unit)
        };
        assert_eq!(found("foo.service"), None, "not executable");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(found("foo.service").as_deref(), Some("/etc/init.d/foo"));
        assert_eq!(found("foo.socket"), None);
        assert_eq!(found("bar.service"), None);
        let generators = root.path().join("usr/lib/systemd/system-generators");
        fs::create_dir_all(&generators).unwrap();
        fs::write(generators.join("systemd-sysv-generator"), "").unwrap();
        assert_eq!(found("foo.service"), None, "systemd makes a unit of it");
    }
}
