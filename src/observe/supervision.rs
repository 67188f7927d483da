//! Which scanner of service directories runs on this machine: runit's or s6's. It is process 1, or a
//! process of root's with the same root directory. Nothing is sent to it; only names are looked at.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::life;
use super::offline::{self, Reach};
use crate::domain::InitKind;

/// What a scanner is called, and whose it is. The first that is found counts.
const SCANNERS: [(&str, InitKind); 3] = [
    ("runit", InitKind::Runit),
    ("runsvdir", InitKind::Runit),
    ("s6-svscan", InitKind::S6),
];
/// Where their programs lie. Without any of them no process need be looked at.
const PROGRAMS: [&str; 7] = [
    "/usr/bin/runsvdir",
    "/bin/runsvdir",
    "/sbin/runsvdir",
    "/usr/bin/s6-svscan",
    "/bin/s6-svscan",
    "/usr/local/bin/s6-svscan",
    "/command/s6-svscan",
];

/// The one that runs here. Asked in a chroot or offline, none does: that machine is not ours.
pub(super) fn runs() -> Option<InitKind> {
    let first = scanner_of(Path::new("/proc/1"));
    let installed = || PROGRAMS.iter().any(|path| Path::new(path).exists());
    if first.is_none() && !installed() {
        return None;
    }
    if offline::reach() == Reach::Offline || life::life().is_none() {
        return None;
    }
    first.or_else(|| running_below(Path::new("/proc"), Path::new("/")))
}

/// The first in `SCANNERS` of which a process of root's in `proc` has the root directory `root`.
fn running_below(proc: &Path, root: &Path) -> Option<InitKind> {
    let root = identity(root)?;
    let ours = |process: &PathBuf| {
        let owner = fs::metadata(process).ok().map(|status| status.uid());
        owner == Some(0) && identity(&process.join("root")) == Some(root)
    };
    let mut found: Vec<InitKind> = Vec::new();
    for process in processes(proc) {
        let Some(kind) = scanner_of(&process) else {
            continue;
        };
        if !found.contains(&kind) && ours(&process) {
            found.push(kind);
        }
    }
    let mut kinds = SCANNERS.iter().map(|(_, kind)| *kind);
    kinds.find(|kind| found.contains(kind))
}

fn processes(proc: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let numbered = entries.filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    });
    numbered.map(|entry| entry.path())
}

fn scanner_of(process: &Path) -> Option<InitKind> {
    let name = fs::read_to_string(process.join("comm")).ok()?;
    let name = name.trim_end();
    let mut scanners = SCANNERS.iter();
    scanners.find_map(|(scanner, kind)| (*scanner == name).then_some(*kind))
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let status = fs::metadata(path).ok()?;
    Some((status.dev(), status.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A /proc with these processes: number, name, root directory.
    fn proc(processes: &[(&str, &str, &str)]) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        for (number, name, root) in processes {
            let process = proc.path().join(number);
            fs::create_dir(&process).unwrap();
            fs::write(process.join("comm"), format!("{name}\n")).unwrap();
            symlink(root, process.join("root")).unwrap();
        }
        proc
    }

    fn found(processes: &[(&str, &str, &str)]) -> Option<InitKind> {
        running_below(proc(processes).path(), Path::new("/"))
    }

    #[test]
    fn a_running_scanner_tells_and_runit_s_goes_before_s6_s() {
        let runsvdir = ("70", "runsvdir", "/");
        let svscan = ("60", "s6-svscan", "/");
        assert_eq!(found(&[("1", "init", "/"), svscan]), Some(InitKind::S6));
        assert_eq!(found(&[svscan, runsvdir]), Some(InitKind::Runit));
        assert_eq!(found(&[("1", "init", "/"), ("x", "runsvdir", "/")]), None);
        assert_eq!(found(&[("1", "init", "/"), ("80", "runsv", "/")]), None);
    }

    #[test]
    fn a_scanner_of_a_container_or_a_chroot_is_not_this_machine_s() {
        assert_eq!(found(&[("70", "runsvdir", "/usr")]), None);
        assert_eq!(found(&[("70", "runsvdir", "/nowhere")]), None);
    }

    #[test]
    fn a_user_s_own_scanner_is_not_the_machine_s() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let proc = proc(&[("70", "runsvdir", "/")]);
        let process = proc.path().join("70");
        let nobody = Some(nix::unistd::Uid::from_raw(65_534));
        nix::unistd::chown(&process, nobody, None).unwrap();
        assert_eq!(running_below(proc.path(), Path::new("/")), None);
    }

    #[test]
    fn a_process_that_has_gone_meanwhile_is_passed_over() {
        let proc = proc(&[("70", "runsvdir", "/"), ("71", "s6-svscan", "/")]);
        fs::remove_file(proc.path().join("70/root")).unwrap();
        fs::remove_file(proc.path().join("71/comm")).unwrap();
        assert_eq!(running_below(proc.path(), Path::new("/")), None);
    }
}
