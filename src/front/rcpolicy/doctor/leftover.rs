//! The file at /usr/sbin/policy-rc.d: whose it is, how old, and whether its callers run it at all.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use crate::front::rcpolicy::Place;
use crate::observe::answering;
use crate::observe::detect::is_executable;
use crate::observe::installed;
use crate::report::doctor::{Finding, Level};
use crate::report::time;

const PART: &str = "policy-rc.d";
const DAY: u64 = 86_400;
/// How much of its text is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What stands at the path.
#[derive(Debug)]
pub(super) struct Leftover {
    /// Path, age and owning package, for messages.
    pub(super) shown: String,
    /// Its text, where it has one.
    pub(super) text: String,
    ours: bool,
    trouble: Vec<Finding>,
    run: bool,
}

impl Leftover {
    /// `None` where nothing stands there.
    pub(super) fn at(path: &Path, place: &Place) -> Option<Self> {
        let link = path.symlink_metadata().ok()?;
        let Ok(found) = path.metadata() else {
            let text = format!("`{}` is a link that leads nowhere", path.display());
            let finding =
                Finding::new(Level::Warning, PART, text).advising(format!("rm {}", path.display()));
            return Some(Self {
                shown: path.display().to_string(),
                text: String::new(),
                ours: false,
                trouble: vec![finding],
                run: false,
            });
        };
        let text = text(path, &found);
        let ours = answering::is_ours(path);
        let shown = shown(path, &found, place, ours);
        let mut trouble = Vec::new();
        trouble.extend(rights(path, &[&link, &found]));
        trouble.extend(unrunnable(path, &found));
        if !ours {
            trouble.extend(first_line(path, &text));
        }
        let run = found.is_file() && is_executable(&path.to_string_lossy());
        Some(Self {
            shown,
            text,
            ours,
            trouble,
            run,
        })
    }

    /// Whether its callers run it.
    pub(super) fn is_run(&self) -> bool {
        self.run
    }

    /// What is wrong with the file itself.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = self.trouble.clone();
        if self.ours {
            let text = "rcpolicy answers other tools here (`rcpolicy answer-others off` ends it)";
            found.push(Finding::new(Level::Fine, PART, text));
        }
        found
    }
}

fn text(path: &Path, found: &Metadata) -> String {
    if !found.is_file() || found.len() > LARGEST {
        return String::new();
    }
    std::fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

/// `/usr/sbin/policy-rc.d (of no package, 31 bytes, written 2023-05-01 08:00, 412 days ago)`
fn shown(path: &Path, found: &Metadata, place: &Place, ours: bool) -> String {
    let written = u64::try_from(found.mtime()).unwrap_or(0);
    let days = place.seconds().saturating_sub(written) / DAY;
    let ago = match days {
        0 => "today".to_owned(),
        1 => "a day ago".to_owned(),
        days => format!("{days} days ago"),
    };
    let target = std::fs::read_link(path).map_or_else(
        |_| String::new(),
        |target| format!("leads to {}, ", target.display()),
    );
    let owner = match ours {
        true => "rcpolicy's own".to_owned(),
        false => owner(path, place),
    };
    let (size, when) = (found.len(), time::minute(written));
    format!(
        "{} ({target}{owner}, {size} bytes, written {when}, {ago})",
        path.display()
    )
}

/// The package that brings the file, or the one that a link of the alternatives' leads to.
fn owner(path: &Path, place: &Place) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut paths = vec![path.to_owned(), real];
    for path in &mut paths {
        if let Ok(inside) = path.strip_prefix(&place.root) {
            *path = Path::new("/").join(inside);
        }
    }
    match installed::owner_of(&place.root, &paths) {
        Ok(Some(package)) => format!("of package {package}"),
        Ok(None) => "of no package".to_owned(),
        Err(error) => format!("of a package that cannot be told: {error}"),
    }
}

/// Whoever can write to it decides for root.
fn rights(path: &Path, found: &[&Metadata]) -> Option<Finding> {
    let loose = found.iter().find(|found| {
        // A link's own permissions mean nothing.
        found.uid() != 0 || !found.is_symlink() && found.mode() & 0o022 != 0
    })?;
    let (uid, mode) = (loose.uid(), loose.mode() & 0o7777);
    let text = format!(
        "`{}` can be changed by others than root (user {uid}, mode {mode:04o}), who decide over root's services then",
        path.display()
    );
    Some(
        Finding::new(Level::Problem, PART, text)
            .advising(format!("chown root {0} && chmod go-w {0}", path.display())),
    )
}

fn unrunnable(path: &Path, found: &Metadata) -> Option<Finding> {
    let kind = found.file_type();
    let what = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() || kind.is_socket() {
        "a pipe or a socket"
    } else if !kind.is_file() {
        "a device"
    } else if !is_executable(&path.to_string_lossy()) {
        let text = format!(
            "`{}` may not be executed: everybody passes it over",
            path.display()
        );
        return Some(
            Finding::new(Level::Warning, PART, text)
                .advising(format!("chmod 755 {0}, or rm {0}", path.display())),
        );
    } else {
        return None;
    };
    let text = format!("`{}` is {what}: callers fail on it", path.display());
    Some(Finding::new(Level::Problem, PART, text).advising(format!("move {} away", path.display())))
}

fn first_line(path: &Path, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    if text.starts_with("\u{7f}ELF") {
        return None;
    }
    if first.starts_with("#!") && first.contains("\\n") {
        let text = format!(
            "the first line of `{}` has `\\n` in place of line ends",
            path.display()
        );
        return Some(
            Finding::new(Level::Problem, PART, text).advising("write it anew, with printf"),
        );
    }
    if !first.starts_with("#!") {
        let text = format!("`{}` has no `#!` line: only shells run it", path.display());
        return Some(
            Finding::new(Level::Note, PART, text).advising("put `#!/bin/sh` on its first line"),
        );
    }
    None
}
