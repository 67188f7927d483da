//! Finding the scanners that run here, `runsvdir` or `s6-svscan`, and what they were told to scan. Reads
//! /proc; asks nobody.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::domain::order;

/// A command line is read up to here, in bytes: the directory stands near its beginning.
const LONGEST: u64 = 4096;

/// A scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::init) struct Scanner {
    /// Its process id.
    pub(in crate::init) pid: u32,
    /// Its command line without the program's name.
    pub(in crate::init) arguments: Vec<OsString>,
    /// Where it works, which a relative path belongs to.
    pub(in crate::init) works_in: PathBuf,
}

/// The processes called `name` that root, or whoever runs us, runs on our own root directory: those of a
/// container, and those of a host that is seen from a chroot, are others'. By process id, so that one
/// that runs since the boot comes first.
pub(in crate::init) fn running(name: &str) -> Vec<Scanner> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found: Vec<Scanner> = pids.filter_map(|pid| scanner(pid, name)).collect();
    order::sort_by_key(&mut found, |scanner| scanner.pid);
    found
}

fn scanner(pid: u32, name: &str) -> Option<Scanner> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let command = fs::read(process.join("comm")).ok()?;
    if command.strip_suffix(b"\n") != Some(name.as_bytes()) || !is_ours(&process) {
        return None;
    }
    let mut line = Vec::new();
    let file = fs::File::open(process.join("cmdline")).ok()?;
    file.take(LONGEST).read_to_end(&mut line).ok()?;
    Some(Scanner {
        pid,
        arguments: words(&line),
        works_in: process.join("cwd").read_link().ok()?,
    })
}

fn is_ours(process: &Path) -> bool {
    let owner = process.metadata().map(|status| status.uid());
    let trusted = owner.is_ok_and(|owner| owner == 0 || owner == geteuid().as_raw());
    let place = |path: &Path| path.metadata().map(|status| (status.dev(), status.ino()));
    let root = place(&process.join("root"));
    let own = place(Path::new("/"));
    trusted && matches!((root, own), (Ok(root), Ok(own)) if root == own)
}

/// The words after the first, each ended by a zero byte.
fn words(line: &[u8]) -> Vec<OsString> {
    let words = line
        .strip_suffix(b"\0")
        .unwrap_or(line)
        .split(|byte| *byte == 0);
    words
        .skip(1)
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}

impl Scanner {
    /// `argument` as a path of this process.
    pub(in crate::init) fn path(&self, argument: &OsStr) -> PathBuf {
        self.works_in.join(argument)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_command_line_is_taken_apart_as_it_was_put_together() {
        let cases: [(&[u8], &[&str]); 5] = [
            (
                b"runsvdir\0-P\0/etc/service\0log: ...\0",
                &["-P", "/etc/service", "log: ..."],
            ),
            (b"runsvdir\0", &[]),
            (b"", &[]),
            (b"runsvdir\0\0x\0", &["", "x"]),
            (b"runsvdir\0cut off", &["cut off"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line), expected, "{line:?}");
        }
    }

    #[test]
    fn a_process_is_found_by_its_name_with_where_it_works() {
        let place = tempfile::tempdir().unwrap();
        let name = "rcpolicy-scan";
        std::os::unix::fs::symlink("/bin/sleep", place.path().join(name)).unwrap();
        let mut child = Command::new(place.path().join(name))
            .args(["60", "0"])
            .current_dir(place.path())
            .spawn()
            .unwrap();
        // Its name and its words are there a moment after the call that makes it has returned.
        let ours = |found: &Vec<Scanner>| found.iter().any(|one| one.pid == child.id());
        let mut looks = (0..1000).map(|_| running(name));
        let found = looks.find(ours).unwrap_or_default();
        child.kill().unwrap();
        child.wait().unwrap();
        let own: Vec<&Scanner> = found.iter().filter(|one| one.pid == child.id()).collect();
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].arguments, ["60", "0"]);
        let works_in = place.path().canonicalize().unwrap();
        assert_eq!(own[0].path(OsStr::new("a")), works_in.join("a"));
        assert_eq!(own[0].path(OsStr::new("/a")), Path::new("/a"));
        assert!(running(name).is_empty());
        assert!(running("no-such-process-runs-here").is_empty());
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let line = b"s6-svscan\0-d4\0--\0/run/service\0";
        crate::testing::mutations::mutated(
            &[line, b"runsvdir\0-P\0/etc/service\0log: ...\0"],
            &["\0"],
            |bytes| {
                let _ = words(bytes);
            },
        );
    }
}
