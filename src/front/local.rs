//! What a machine says of a call by itself, before any policy: its runlevel, the links of an init
//! script, whether a unit is enabled. As the stock invoke-rc.d sees it. Prints nothing.

use std::path::Path;

use crate::decide::stock::{self, Notice, status};
use crate::domain::{
    Action, ActiveState, FileState, InitKind, Links, LoadState, UnitFacts, UnitName,
};
use crate::init::{Depth, Init, InitError};
use crate::observe::links;
use crate::observe::runlevel::{self, Runlevel};

use super::perform::one_unit;

/// Reached when early boot is over; systemctl's callers take it for "up".
const SYSINIT: &str = "sysinit.target";
/// The runlevel that stands for "up" where systemd has none.
const UP: &str = "5";

/// Whether the machine is going down: no policy is asked then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoingDown {
    Yes,
    No,
}

/// The runlevel as stock takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Level {
    /// `None` where nobody could tell it.
    pub(super) name: Option<String>,
    pub(super) going_down: GoingDown,
}

/// Finds the runlevel of the machine whose root directory is `root`.
pub(super) fn level(root: &Path, kind: InitKind, init: &mut dyn Init) -> Result<Level, InitError> {
    let told = match runlevel::ask_under(root) {
        Runlevel::Is(level) => Some(level),
        Runlevel::Unknown if is_up(kind, init)? => Some(UP.to_owned()),
        Runlevel::Unknown => None,
        Runlevel::Unasked(why) => return Err(untold(why)),
    };
    Ok(taken(told))
}

/// The same where no init is asked.
pub(super) fn level_without_init(root: &Path) -> Level {
    taken(match runlevel::ask_under(root) {
        Runlevel::Is(level) => Some(level),
        Runlevel::Unknown | Runlevel::Unasked(_) => None,
    })
}

/// The runlevel that the stock tool takes where systemctl ignores its questions, and so passes for one
/// that has said yes.
pub(super) fn level_offline(root: &Path) -> Level {
    if runlevel::is_systemctl() {
        return taken(None);
    }
    let level = level_without_init(root);
    Level {
        name: level.name.or_else(|| Some(UP.to_owned())),
        ..level
    }
}

fn taken(mut name: Option<String>) -> Level {
    let down = |level: &Option<String>| matches!(level.as_deref(), Some("0" | "6"));
    if down(&name) && runlevel::init_is_booting() {
        name = Some("S".to_owned());
    }
    let going_down = match down(&name) {
        true => GoingDown::Yes,
        false => GoingDown::No,
    };
    Level { name, going_down }
}

fn is_up(kind: InitKind, init: &mut dyn Init) -> Result<bool, InitError> {
    let Some(name) = UnitName::parse(SYSINIT)
        .ok()
        .filter(|_| kind == InitKind::Systemd)
    else {
        return Ok(false);
    };
    Ok(init.active(&name)?.is_and(|state| state.is_active()))
}

/// What the links of the init script `name` say of `action`, and what is wrong with them.
pub(super) fn by_links(
    root: &Path,
    level: &str,
    name: &str,
    action: &Action,
) -> (Option<u8>, Vec<Notice>) {
    let links = match level {
        "" => Links::default(),
        level => links::of_runlevel(root, level, name),
    };
    let wrong = stock::check_links(&links);
    (stock::judge_links(action, &links), wrong)
}

/// Whether the links of the init script `name` say that it is not to be started in this runlevel.
pub(super) fn is_killed(root: &Path, level: &str, name: &str) -> bool {
    let links = match level {
        "" => Links::default(),
        level => links::of_runlevel(root, level, name),
    };
    let none = links.start.is_empty() && links.kill.is_empty() && links.boot.is_empty();
    !none && stock::judge_links(&Action::Start, &links) == Some(status::DENIED)
}

/// What the state of a service that the init has itself says of `action`.
pub(super) fn by_service(unit: &UnitFacts, action: &Action) -> Result<Option<u8>, InitError> {
    if !action.needs_link() {
        return Ok(None);
    }
    Ok(Some(match may_start(unit)? {
        true => status::ALLOWED,
        false => status::DENIED,
    }))
}

/// What start links, or else the unit's own state, say of `action`; the unit where it was asked.
pub(super) fn by_unit(
    root: &Path,
    init: &mut dyn Init,
    name: &str,
    unit: &UnitName,
    action: &Action,
) -> Result<(Option<u8>, Option<UnitFacts>), InitError> {
    if !action.needs_link() {
        return Ok((None, None));
    }
    if links::enables(root, name).map_err(untold)? {
        return Ok((Some(status::ALLOWED), None));
    }
    let unit = one_unit(init, unit, Depth::State)?;
    let code = if may_start(&unit)? {
        status::ALLOWED
    } else {
        status::DENIED
    };
    Ok((Some(code), Some(unit)))
}

/// What could not be found out.
fn untold(message: String) -> InitError {
    InitError::Refused {
        name: String::new(),
        message,
    }
}

/// Enabled as `systemctl is-enabled` has it, or running. A question that failed is no no.
fn may_start(unit: &UnitFacts) -> Result<bool, InitError> {
    let unknown = |why: &str| {
        let asked = &unit.asked;
        untold(format!("cannot tell whether {asked} is enabled: {why}"))
    };
    let missing = unit.load.is_and(|load| *load == LoadState::NotFound);
    let enabled = match unit.file.get() {
        Some(FileState::Enabled | FileState::Static) => true,
        Some(FileState::Other(word)) => matches!(word.as_str(), "alias" | "indirect" | "generated"),
        Some(FileState::Disabled | FileState::Masked) => false,
        None if missing => false,
        None if unit.is_up() => true,
        None => return Err(unknown("its init did not say")),
    };
    if enabled {
        return Ok(true);
    }
    match unit.active.get() {
        Some(ActiveState::Active | ActiveState::Reloading) => Ok(true),
        Some(_) => Ok(false),
        // Only links enable an init script.
        None if missing => Ok(false),
        None => Err(unknown("its state is not known")),
    }
}
