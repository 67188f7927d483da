//! Whether a service is started with the machine, by the links that rc-update keeps.

use std::fs;
use std::path::Path;

use super::places::{Places, is_there};
use crate::domain::{FileState, Known, Machine};

/// What every boot goes through before it comes to the runlevel that it ends in.
const ALWAYS: [&str; 3] = ["sysinit", "boot", "default"];
/// Runlevels in runlevels are followed so deep: they may go round in a circle.
const DEEPEST: usize = 8;

/// Whether the service `name` is in a runlevel that is entered at boot, or in the one that is now.
pub(super) fn file_state(places: &Places, name: &str) -> Known<FileState> {
    match is_there(&places.runlevels) {
        Ok(true) => {}
        Ok(false) => return Known::Unknown("there are no runlevels".to_owned()),
        Err(why) => return Known::Unknown(why),
    }
    let now = softlevel(places);
    let levels = ALWAYS.iter().copied().chain(now.as_deref());
    let levels = levels.filter(|level| !level.contains('/'));
    let mut levels = levels.map(|level| places.runlevels.join(level));
    // Few have runlevels in runlevels, and those are looked for in all of them.
    let has = levels.clone().any(|level| has_itself(&level, name))
        || levels.any(|level| holds(&level, name, DEEPEST));
    Known::Is(match has {
        true => FileState::Enabled,
        false => FileState::Disabled,
    })
}

fn has_itself(level: &Path, name: &str) -> bool {
    fs::symlink_metadata(level.join(name)).is_ok_and(|status| !status.is_dir())
}

/// Whether the runlevel has the service, or has another in it that does.
fn holds(level: &Path, name: &str, deep: usize) -> bool {
    let Some(deeper) = deep.checked_sub(1) else {
        return false;
    };
    if has_itself(level, name) {
        return true;
    }
    let entries = fs::read_dir(level).into_iter().flatten();
    let mut within = entries.filter_map(|entry| Some(entry.ok()?.path()));
    within.any(|path| path.is_dir() && holds(&path, name, deeper))
}

/// What the machine is doing: OpenRC says when it changes its runlevel, and which one it is in.
pub(super) fn machine(places: &Places) -> Known<Machine> {
    let Some(level) = softlevel(places) else {
        return Known::Unknown("OpenRC's runlevel cannot be read".to_owned());
    };
    let is_marked = |mark: &str| places.run.join(mark).exists();
    Known::Is(match level.as_str() {
        "shutdown" | "reboot" | "off" => Machine::Stopping,
        "sysinit" | "boot" => Machine::Starting,
        _ if is_marked("rc.starting") => Machine::Starting,
        _ => Machine::Running,
    })
}

fn softlevel(places: &Places) -> Option<String> {
    let text = fs::read_to_string(places.run.join("softlevel")).ok()?;
    let level = text.trim();
    (!level.is_empty()).then(|| level.to_owned())
}
