//! Whose a service directory is in which no supervisor listens: a scanner's that has it linked and starts
//! another supervisor soon, or that of a process which a killed supervisor has left behind. Looks, and changes
//! nothing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::clock::Clock;
use super::tai::Stamp;
use crate::init::process::Process;

/// What the directory of a logger is called, in the directory of its service.
const LOGGER: &str = "log";

/// Whether one of the directories `scans` leads to the service directory `own`, or to that of the service whose
/// logger it is.
pub(in crate::init) fn is_linked(scans: &[PathBuf], own: &Path) -> bool {
    let Ok(own) = own.canonicalize() else {
        return false;
    };
    let logs = own.file_name() == Some(OsStr::new(LOGGER));
    let service = own.parent().filter(|_| logs);
    scans
        .iter()
        .flat_map(|scan| linked(scan))
        .any(|path| path == own || service == Some(path.as_path()))
}

/// Where the entries of a scanned directory lead to that a scanner takes for services.
fn linked(scan: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(scan).into_iter().flatten().flatten();
    let visible = entries.filter(|entry| !entry.file_name().as_bytes().starts_with(b"."));
    visible
        .filter_map(|entry| entry.path().canonicalize().ok())
        .collect()
}

/// The process `pid` of the service in `directory`, of which a supervisor wrote that it runs `since` then: where it
/// still does. After a boot another process may have that number.
pub(in crate::init) fn left_behind(pid: u32, since: Stamp, directory: &Path) -> Option<Process> {
    let process = Process::of(pid).filter(|process| process.is_alive())?;
    let works_in = fs::read_link(format!("/proc/{pid}/cwd"));
    let is_there = works_in.is_ok_and(|works_in| works_in == directory);
    let of_this_boot = Clock::noted(None).monotonic(since, None) > 0;
    (is_there || of_this_boot).then_some(process)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_directory_is_linked_by_its_own_link_and_its_logger_by_that_of_its_service() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        for name in ["live/foo/log", "live/bar/log", "live/baz", "scan"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        symlink("../live/foo", path("scan/foo")).unwrap();
        symlink("../live/bar", path("scan/.bar")).unwrap();
        let scans = [path("nowhere"), path("scan")];
        for (name, expected) in [
            ("live/foo", true),
            ("live/foo/log", true),
            ("live/bar", false),
            ("live/bar/log", false),
            ("live/baz", false),
            ("live", false),
            ("live/none", false),
        ] {
            assert_eq!(is_linked(&scans, &path(name)), expected, "{name}");
        }
    }

    /// A label of so many seconds since the epoch.
    fn stamp(seconds: u64) -> Stamp {
        let mut label = ((1_u64 << 62) + 10 + seconds).to_be_bytes().to_vec();
        label.extend([0; 4]);
        Stamp::parse(&label).unwrap()
    }

    #[test]
    fn a_process_is_left_behind_as_long_as_it_runs_and_one_of_an_earlier_boot_is_another() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().canonicalize().unwrap();
        let mut child = Command::new("sleep")
            .arg("60")
            .current_dir(&place)
            .spawn()
            .unwrap();
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let found = |since, place| left_behind(child.id(), stamp(since), place).is_some();
        assert!(found(now, Path::new("/elsewhere")));
        assert!(!found(7, Path::new("/elsewhere")), "before the boot");
        assert!(found(7, &place), "but it works there");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(left_behind(child.id(), stamp(now), &place), None);
        assert_eq!(left_behind(0, stamp(now), &place), None);
    }
}
