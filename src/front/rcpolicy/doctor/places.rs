//! rcpolicy's directories and files: whether they are there, root's alone, no links, and can be written.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::front::rcpolicy::Place;
use crate::observe::answering::TOOL;
use crate::report::doctor::{Finding, Level};

const PART: &str = "files";
/// Directories that are to be there once the package is installed.
const NEEDED: [&str; 4] = [
    "/etc/rcpolicy",
    "/usr/lib/rcpolicy",
    "/var/lib/rcpolicy",
    "/var/log/rcpolicy",
];
/// What is looked through, with all that lies below. /run's is made when it is needed.
const ALL: [&str; 6] = [
    "/etc/rcpolicy",
    "/usr/lib/rcpolicy",
    "/usr/libexec/rcpolicy",
    "/var/lib/rcpolicy",
    "/var/log/rcpolicy",
    "/run/rcpolicy",
];
/// Where something is written.
const WRITTEN: [&str; 3] = ["/var/lib/rcpolicy", "/var/log/rcpolicy", "/run"];
/// How many files are looked at.
const MOST: usize = 20_000;

pub(super) fn examine(place: &Place) -> Vec<Finding> {
    if !place.path("/etc/rcpolicy").exists() && !place.path(TOOL).exists() {
        // Said with the tools: it is not installed.
        return Vec::new();
    }
    let mut found = missing(place);
    let mut walk = Walk {
        place,
        found: Vec::new(),
        left: MOST,
    };
    for top in ALL {
        walk.enter(&place.path(top));
    }
    found.append(&mut walk.found);
    found.extend(unwritable(place));
    if found.is_empty() {
        let text = "all are root's, and nobody else may write to them";
        found.push(Finding::new(Level::Fine, PART, text));
    }
    found
}

fn missing(place: &Place) -> Vec<Finding> {
    let gone = NEEDED.iter().filter(|path| !place.path(path).exists());
    let each = gone.map(|path| {
        Finding::new(Level::Warning, PART, format!("`{path}` is missing"))
            .advising("dpkg-reconfigure rcpolicy, or install the package again")
    });
    each.collect()
}

/// Whether what is to be noted down can be.
fn unwritable(place: &Place) -> Vec<Finding> {
    let each = WRITTEN.iter().filter_map(|path| {
        let at = place.path(path);
        let full = is_full(&at);
        let text = match access(&at, AccessFlags::W_OK) {
            Err(Errno::EROFS) => format!("`{path}` is read-only: nothing can be noted down there"),
            _ if full => format!("there is no space left under `{path}`"),
            _ => return None,
        };
        Some(
            Finding::new(Level::Problem, PART, text)
                .advising("until that is mended nothing is put off, and what a rule holds fails"),
        )
    });
    each.collect()
}

fn is_full(path: &Path) -> bool {
    nix::sys::statvfs::statvfs(path).is_ok_and(|found| {
        let no_files = found.files() > 0 && found.files_available() == 0;
        found.blocks() > 0 && found.blocks_available() == 0 || no_files
    })
}

struct Walk<'a> {
    place: &'a Place,
    found: Vec<Finding>,
    left: usize,
}

impl Walk<'_> {
    fn enter(&mut self, path: &Path) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        let found = match path.symlink_metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return self.unseen(path, &error),
        };
        self.found.extend(wrong(self.place, path, &found));
        if !found.is_dir() {
            return;
        }
        match std::fs::read_dir(path) {
            Ok(entries) => entries
                .filter_map(Result::ok)
                .for_each(|entry| self.enter(&entry.path())),
            Err(error) => self.unseen(path, &error),
        }
    }

    fn unseen(&mut self, path: &Path, error: &std::io::Error) {
        let text = format!("cannot look at `{}`: {error}", shown(self.place, path));
        self.found.push(super::unseen(self.place, PART, text));
    }
}

fn shown(place: &Place, path: &Path) -> String {
    let inside = path.strip_prefix(&place.root).unwrap_or(path);
    Path::new("/").join(inside).display().to_string()
}

/// Whoever could change it would decide for root.
fn wrong(place: &Place, path: &Path, found: &Metadata) -> Option<Finding> {
    let at = shown(place, path);
    let depth = Path::new(&at).components().count();
    if found.is_symlink() {
        // A policy file may be one, as a definition's may; a directory of ours may not.
        return (depth <= 4 && !at.ends_with(".toml")).then(|| {
            Finding::new(
                Level::Problem,
                PART,
                format!("`{at}` is a link: it is not followed"),
            )
            .advising(format!("put a directory of root's in its place: rm {at}"))
        });
    }
    if found.uid() != 0 {
        let text = format!("`{at}` belongs to user {}: it is not trusted", found.uid());
        let advice = format!("chown root:root {at}, once you know how that came");
        return Some(Finding::new(Level::Problem, PART, text).advising(advice));
    }
    if found.mode() & 0o022 == 0 {
        return None;
    }
    let text = format!(
        "others than root may write to `{at}` (mode {:04o}): it is not trusted",
        found.mode() & 0o7777
    );
    Some(Finding::new(Level::Problem, PART, text).advising(format!("chmod go-w {at}")))
}
