//! Which init script a unit's name means, and whether it is OpenRC's.
//!
//! rc-service executes a script by its first line, so OpenRC keeps notes only of those that its own
//! openrc-run interprets. All others, which most of Debian's are, it runs as sysvinit does and forgets:
//! a link that the boot left in /run/openrc/started stays there when they are stopped. They are no units
//! of this init.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::places::Places;
use crate::domain::{UnitKind, UnitName};

/// As much of a script is read, in bytes.
const LONGEST: u64 = 256 * 1024;
/// As much of it the kernel reads to find its interpreter, in bytes.
const SHORTEST: usize = 256;
/// What interprets OpenRC's scripts, and its old name.
const INTERPRETERS: [&str; 2] = ["openrc-run", "runscript"];

/// An init script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    /// The name that rc-service and OpenRC's notes have for it.
    pub(super) name: String,
    pub(super) path: PathBuf,
    text: String,
}

impl Script {
    /// OpenRC's script of `unit`; `None` where there is none, or another init's.
    pub(super) fn of(places: &Places, unit: &UnitName) -> Option<Self> {
        let found = Self::any(places, unit)?;
        found.is_openrcs().then_some(found)
    }

    /// Whether the one that OpenRC knows by `name` is its own, told by as little of it as that takes.
    pub(super) fn is_own(places: &Places, name: &str) -> bool {
        let path = places.scripts.join(name);
        let mut start = [0; SHORTEST];
        let Ok(mut file) = open_quietly(&path, OFlag::empty()) else {
            return false;
        };
        let read = file.read(&mut start).ok();
        let start = read.and_then(|length| start.get(..length));
        // Every call does this with every script that is down, and most are sysvinit's: the rest is for what is not.
        start.is_some_and(|start| is_openrcs(&String::from_utf8_lossy(start)))
            && is_plain(&file).is_ok_and(|status| may_be_run(&status))
            && !leads_away(&path)
    }

    /// The path of the init script of `unit`, whoever's it is.
    pub(super) fn path_of(places: &Places, unit: &UnitName) -> Option<PathBuf> {
        Self::any(places, unit).map(|script| script.path)
    }

    fn any(places: &Places, unit: &UnitName) -> Option<Self> {
        if unit.kind() != UnitKind::Service {
            return None;
        }
        let stem = unit.stem();
        let names = [stem.to_owned(), format!("{stem}.sh")];
        names.into_iter().find_map(|name| Self::at(places, name))
    }

    fn at(places: &Places, name: String) -> Option<Self> {
        let path = places.scripts.join(&name);
        let (file, status) = open_script(&path).ok()?;
        // One byte more than there is, and the end is seen without another look.
        let mut bytes = Vec::with_capacity(usize::try_from(status.len().min(LONGEST)).ok()? + 1);
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Some(Self { name, path, text })
    }

    fn is_openrcs(&self) -> bool {
        is_openrcs(&self.text) && !leads_away(&self.path)
    }

    /// Whether it has a function of this name, which openrc-run then takes as an action.
    pub(super) fn knows(&self, word: &str) -> bool {
        let mut lines = self.text.lines().map(str::trim_start);
        lines.any(|line| {
            let line = line.strip_prefix("function ").unwrap_or(line);
            let rest = line.trim_start().strip_prefix(word);
            rest.is_some_and(|rest| rest.trim_start().starts_with("()"))
        })
    }
}

/// Whether a script with this text is OpenRC's own.
///
/// original: rc-service leaves it to the first line who runs the script
pub fn is_openrcs(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let words = first.strip_prefix("#!").unwrap_or_default();
    let program = words.split_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    INTERPRETERS.contains(&name)
}

/// OpenRC notes a link to a script elsewhere under that script's name, which is not ours to guess.
fn leads_away(path: &Path) -> bool {
    let target = fs::read_link(path);
    target.is_ok_and(|target| target.components().count() > 1)
}

/// Opens a script that can be executed.
fn open_script(path: &Path) -> io::Result<(File, Metadata)> {
    let (file, status) = opened(path, OFlag::empty())?;
    match may_be_run(&status) {
        false => Err(io::Error::other("it cannot be executed")),
        true => Ok((file, status)),
    }
}

fn may_be_run(status: &Metadata) -> bool {
    status.permissions().mode() & 0o111 != 0
}

/// Opens a plain file for reading. A pipe is waited for by nobody, and is an error.
pub(super) fn open_plainly(path: &Path, flags: OFlag) -> io::Result<File> {
    opened(path, flags).map(|(file, _)| file)
}

fn opened(path: &Path, flags: OFlag) -> io::Result<(File, Metadata)> {
    let file = open_quietly(path, flags)?;
    let status = is_plain(&file)?;
    Ok((file, status))
}

/// Opens whatever it is, and waits for nobody.
fn open_quietly(path: &Path, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits()).open(path)
}

fn is_plain(file: &File) -> io::Result<Metadata> {
    let status = file.metadata()?;
    match status.is_file() {
        true => Ok(status),
        false => Err(io::Error::other("it is not a plain file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let own = "#!/sbin/openrc-run\ndepend() {\n\tneed net\n}\nreload() {\n}\n";
        crate::testing::mutations::mutated_text(
            &[own, "#!/bin/sh\nfunction start () { :; }\n"],
            &["#!", "()", "function "],
            |text| {
                let _ = is_openrcs(text);
                let script = Script {
                    name: "foo".to_owned(),
                    path: PathBuf::from("/etc/init.d/foo"),
                    text: text.to_owned(),
                };
                let _ = script.knows("reload");
            },
        );
    }
}
