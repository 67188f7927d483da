//! What a call asks of which unit or init script, and what comes of it under an init: read off the words
//! of the call as far as they are known. What is not known is named so, and never left out.

use crate::audit::call::{Ask, Call, Tool, Word, asks};
use crate::audit::shipped::Shipped;
use crate::domain::UnitName;

/// Which init is taken to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Under {
    /// systemd.
    Systemd,
    /// sysvinit, or any init that runs init scripts.
    Sysv,
}

/// What happens to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Deed {
    /// It comes up.
    Start,
    /// It goes down.
    Stop,
    /// It goes down and comes up; or comes up.
    Restart,
    /// Likewise, where it is up.
    TryRestart,
    /// It reads its configuration again.
    Reload,
}

impl Deed {
    /// Whether the unit is up afterwards where it was down before.
    pub(super) fn brings_up(self) -> bool {
        matches!(self, Self::Start | Self::Restart)
    }

    /// What a word asks for; `None` for what changes nothing of a unit's state.
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "start" => Self::Start,
            "stop" | "force-stop" | "kill" => Self::Stop,
            "restart" | "force-reload" | "reload-or-restart" => Self::Restart,
            "try-restart" | "condrestart" | "try-reload-or-restart" | "reload-or-try-restart" => {
                Self::TryRestart
            }
            "reload" => Self::Reload,
            _ => return None,
        })
    }
}

/// What happens to the units that a call names; `None` where it is not known, or nothing.
pub(super) fn deed(ask: &Ask) -> Option<Deed> {
    match ask.action()? {
        "enable" if ask.has("--now") => Some(Deed::Start),
        "disable" | "mask" if ask.has("--now") => Some(Deed::Stop),
        action => Deed::of(action),
    }
}

/// A word as it is written.
pub(super) fn written(word: &Word) -> &str {
    match word {
        Word::Known(text) | Word::Unknown(text) => text,
    }
}

/// A path's last part.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a tool acts on services, in contrast to those that only set what is to be started.
pub(super) fn acts(tool: Tool) -> bool {
    match tool {
        Tool::InvokeRcD
        | Tool::DebSystemdInvoke
        | Tool::Systemctl
        | Tool::Service
        | Tool::InitScript
        | Tool::RcService
        | Tool::Sv
        | Tool::Initctl => true,
        Tool::DebSystemdHelper
        | Tool::UpdateRcD
        | Tool::StartStopDaemon
        | Tool::DpkgTrigger
        | Tool::Kill
        | Tool::Background => false,
    }
}

/// What comes of a call under an init: the units of the system that it touches, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Effect {
    /// What happens to them.
    pub(super) deed: Deed,
    /// The units; `None` stands for one that is not known.
    pub(super) units: Vec<Option<UnitName>>,
}

impl Effect {
    /// The effect of a call; `None` where it has none on the system's units.
    pub(super) fn of(call: &Call, under: Under, shipped: &Shipped) -> Option<Self> {
        let asked = asks(call);
        if asked.has("--user") || asked.has("--global") || asked.has("--query") || !acts(call.tool)
        {
            return None;
        }
        if !reaches(call.tool, under) {
            return None;
        }
        let deed = deed(&asked)?;
        let units = asked.names.iter().map(|name| unit(call.tool, name.known()));
        let skipped = |unit: &Option<UnitName>| {
            let native = unit
                .as_ref()
                .is_some_and(|unit| shipped.units.contains_key(unit));
            under == Under::Systemd && native && asked.has("--skip-systemd-native")
        };
        let units: Vec<_> = units.filter(|unit| !skipped(unit)).collect();
        (!units.is_empty()).then_some(Self { deed, units })
    }
}

fn reaches(tool: Tool, under: Under) -> bool {
    match (tool, under) {
        (Tool::DebSystemdInvoke | Tool::Systemctl, under) => under == Under::Systemd,
        (Tool::RcService | Tool::Sv | Tool::Initctl, _) => false,
        _ => true,
    }
}

fn unit(tool: Tool, name: Option<&str>) -> Option<UnitName> {
    let name = name?;
    match tool {
        Tool::DebSystemdInvoke | Tool::Systemctl => UnitName::parse(name).ok(),
        _ => UnitName::of_script(name).ok(),
    }
}
