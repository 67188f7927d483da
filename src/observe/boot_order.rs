//! Whether this machine's boot runs init scripts side by side, and in what order: as sysv-rc's `/lib/init/rc`
//! finds it out, before it calls startpar.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::domain::{BootOrder, StartPlace};

use super::detect::is_executable;

/// What runs scripts side by side at boot.
const STARTPAR: [&str; 2] = ["usr/bin/startpar", "sbin/startpar"];
/// What insserv writes; the boot wants all three, and of the first only that it is there.
const OF_BOOT: &str = "etc/init.d/.depend.boot";
const OF_START: &str = "etc/init.d/.depend.start";
const OF_STOP: &str = "etc/init.d/.depend.stop";
/// Where it is, links are numbered by hand.
const LEGACY: &str = "etc/init.d/.legacy-bootordering";
/// Where sysv-rc read `CONCURRENCY` once; who has `none` there wants none.
const SETTINGS: &str = "etc/default/rcS";
/// What the kernel was started with: its word for the same.
const COMMAND_LINE: &str = "proc/cmdline";
const NOT_BESIDE: &str = "concurrency=none";
/// Largest file that is read, in bytes; they have some kilobytes.
const LARGEST: u64 = 1 << 20;

/// The order in which the machine below `root` boots, where it runs scripts side by side; `None` where it runs
/// one after the other, or nobody can tell.
pub fn of(root: &Path) -> Option<BootOrder> {
    let has_startpar = STARTPAR.iter().any(|path| {
        let path = root.join(path);
        path.is_file() && is_executable(&path.display().to_string())
    });
    let wanted = !root.join(LEGACY).exists() && !is_refused(root);
    if !has_startpar || !wanted || read(root, OF_BOOT)?.is_empty() {
        return None;
    }
    let (start, stop) = (read(root, OF_START)?, read(root, OF_STOP)?);
    match start.is_empty() || stop.is_empty() {
        true => None,
        false => BootOrder::parse(&start, &stop),
    }
}

/// Whether somebody wants one script after the other.
fn is_refused(root: &Path) -> bool {
    let by_admin = |line: &str| {
        let value = line.trim().strip_prefix("CONCURRENCY=");
        value.is_some_and(|value| value.trim_matches(['"', '\'']) == "none")
    };
    let settings = read(root, SETTINGS).unwrap_or_default();
    let words = read(root, COMMAND_LINE).unwrap_or_default();
    let by_kernel = words.split_whitespace().any(|word| word == NOT_BESIDE);
    by_kernel || settings.lines().any(by_admin)
}

fn read(root: &Path, path: &str) -> Option<String> {
    let mut text = String::new();
    let file = File::open(root.join(path)).ok()?;
    let plain = file.metadata().is_ok_and(|status| status.is_file());
    let read = file.take(LARGEST + 1).read_to_string(&mut text).ok()?;
    (plain && read as u64 <= LARGEST).then_some(text)
}

/// Where the scripts stand whose start links the boot and `runlevel` have, below `root`.
pub fn places(root: &Path, runlevel: &str) -> BTreeMap<String, StartPlace> {
    let mut places = BTreeMap::new();
    let levels = [
        ("S", StartPlace::Boot as fn(u8) -> StartPlace),
        (runlevel, StartPlace::Runlevel),
    ];
    for (level, place) in levels {
        let directory = fs::read_dir(root.join(format!("etc/rc{level}.d")));
        let files = directory.into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name();
            name.into_string().ok()
        });
        for (number, name) in files.filter_map(|file| numbered(&file)) {
            let known = places.entry(name).or_insert(place(number));
            *known = place(number).min(*known);
        }
    }
    places
}

/// The number and the script's name of a start link.
fn numbered(file: &str) -> Option<(u8, String)> {
    let (number, name) = file.strip_prefix('S')?.split_at_checked(2)?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !name.is_empty()).then_some((number.parse().ok()?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn machine() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        for directory in ["usr/bin", "etc/init.d", "etc/default", "proc"] {
            fs::create_dir_all(top.path().join(directory)).unwrap();
        }
        write(&top, "usr/bin/startpar", "");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(top.path().join("usr/bin/startpar"), mode).unwrap();
        for file in [OF_BOOT, OF_START, OF_STOP] {
            write(&top, file, "TARGETS = a b\nINTERACTIVE =\n");
        }
        top
    }

    fn write(top: &tempfile::TempDir, file: &str, text: &str) {
        fs::write(top.path().join(file), text).unwrap();
    }

    #[test]
    fn a_boot_with_startpar_and_what_insserv_wrote_runs_scripts_side_by_side() {
        let top = machine();
        let order = of(top.path()).unwrap();
        assert!(order.runs_beside_others("a"));
        write(&top, SETTINGS, "#CONCURRENCY=none\nCONCURRENCY=makefile\n");
        write(&top, COMMAND_LINE, "quiet noconcurrency=none\n");
        assert!(of(top.path()).is_some());
    }

    #[test]
    fn without_one_of_them_or_where_somebody_wants_none_it_runs_one_after_the_other() {
        for missing in ["usr/bin/startpar", OF_BOOT, OF_START, OF_STOP] {
            let top = machine();
            fs::remove_file(top.path().join(missing)).unwrap();
            assert_eq!(of(top.path()), None, "{missing}");
            fs::create_dir(top.path().join(missing)).unwrap();
            assert_eq!(of(top.path()), None, "{missing} is a directory");
        }
        for (file, text) in [
            (OF_BOOT, ""),
            (OF_START, ""),
            (OF_STOP, ""),
            (OF_START, "what is this\n"),
            (LEGACY, ""),
            (SETTINGS, "CONCURRENCY=none\n"),
            (SETTINGS, "  CONCURRENCY=\"none\"\n"),
            (COMMAND_LINE, "quiet concurrency=none\n"),
        ] {
            let top = machine();
            write(&top, file, text);
            assert_eq!(of(top.path()), None, "{file}: {text}");
        }
        let top = machine();
        fs::write(top.path().join(OF_START), [0xff, 0xfe]).unwrap();
        assert_eq!(of(top.path()), None);
        let large = "\n".repeat(usize::try_from(LARGEST).unwrap() + 1);
        write(&top, OF_START, &large);
        assert_eq!(of(top.path()), None);
    }

    #[test]
    fn those_of_the_boot_come_before_those_of_the_runlevel() {
        let top = machine();
        for link in [
            "rcS.d/S12a",
            "rc2.d/S01a",
            "rc2.d/S03b",
            "rc2.d/S02b",
            "rc2.d/K01c",
            "rc2.d/S1d",
            "rc2.d/S01",
            "rc3.d/S01e",
        ] {
            let path = top.path().join("etc").join(link);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found: Vec<(String, StartPlace)> = places(top.path(), "2").into_iter().collect();
        let expected = [("a", StartPlace::Boot(12)), ("b", StartPlace::Runlevel(2))];
        assert_eq!(
            found,
            expected.map(|(name, place)| (name.to_owned(), place))
        );
        assert!(places(&top.path().join("nowhere"), "").is_empty());
    }
}
