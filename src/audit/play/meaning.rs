//! What a call asks for, in the terms of the model: which tool, which action, which units. What is not about
//! the system's services, or cannot be known, says so. Pure.

use crate::audit::call::{Call, Tool, Word, asks};
use crate::domain::{Action, Flag, Verb};

/// What a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// `invoke-rc.d`
    InvokeRcD(Invoked),
    /// `deb-systemd-invoke` of the system's units
    DebSystemdInvoke(Named),
    /// Jobs of the init, asked for by its own tool.
    Jobs {
        /// The verb.
        verb: Verb,
        /// The units, as they are written; `*` and `?` stand for what is loaded.
        units: Vec<String>,
    },
    /// An init script, directly or by `service`.
    Script {
        /// Its name.
        name: String,
        /// The action.
        action: Action,
        /// Whether `service` looks for sockets of it, too.
        by_service: bool,
    },
    /// Units are enabled, disabled, masked or unmasked.
    Install {
        /// What is done.
        change: Change,
        /// The units, or init scripts, as they are written.
        units: Vec<String>,
        /// Whether that is also carried out at once (`--now`).
        now: Option<Verb>,
    },
    /// The links of an init script in the runlevels' directories are changed; units are not.
    Links {
        /// What is done.
        change: Change,
        /// The init script.
        script: String,
    },
    /// The init reads its definitions anew.
    Reread,
    /// Nothing that the model has: why.
    Nothing(&'static str),
}

impl Meant {
    /// What it names, as it is written; init scripts by their names.
    pub(super) fn named(&self) -> Vec<String> {
        match self {
            Self::InvokeRcD(Invoked { name, .. }) | Self::Script { name, .. } => {
                vec![format!("{}.service", name.trim_end_matches(".sh"))]
            }
            Self::DebSystemdInvoke(Named { units, .. }) | Self::Jobs { units, .. } => units.clone(),
            Self::Install { .. } | Self::Links { .. } | Self::Reread | Self::Nothing(_) => {
                Vec::new()
            }
        }
    }
}

/// What invoke-rc.d is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invoked {
    /// The init script's name.
    pub(super) name: String,
    /// The action.
    pub(super) action: Action,
    /// `--quiesce`, `--defer`, `--force`.
    pub(super) flags: Vec<Flag>,
    /// `--skip-systemd-native`: only what systemd made of an init script.
    pub(super) skip_native: bool,
}

/// What deb-systemd-invoke is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The action.
    pub(super) action: Action,
    /// The units, as they are written.
    pub(super) units: Vec<String>,
    /// `--quiesce`, `--defer`.
    pub(super) flags: Vec<Flag>,
}

/// A change of what is started at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is started at boot.
    Enable,
    /// It is not.
    Disable,
    /// Nobody can start it.
    Mask,
    /// That is over.
    Unmask,
    /// All links are gone.
    Remove,
}

/// What `call` asks for.
pub(super) fn meant(call: &Call) -> Meant {
    let ask = asks(call);
    let names: Option<Vec<String>> = ask
        .names
        .iter()
        .map(|word| word.known().map(str::to_owned))
        .collect();
    let Some(names) = names else {
        return Meant::Nothing("what it is about is not known");
    };
    if ask.action.is_some() && ask.action().is_none() {
        return Meant::Nothing("its action is not known");
    }
    if ask.is_query() {
        return Meant::Nothing("it only asks");
    }
    let options: Vec<&str> = ask.options.iter().filter_map(Word::known).collect();
    let word = ask.action().unwrap_or_default();
    let first = names.first().cloned().unwrap_or_default();
    match call.tool {
        Tool::InvokeRcD => Meant::InvokeRcD(Invoked {
            name: first,
            action: Action::parse(word),
            flags: flags(&options),
            skip_native: options.contains(&"--skip-systemd-native"),
        }),
        Tool::DebSystemdInvoke | Tool::Systemctl | Tool::DebSystemdHelper
            if options.iter().any(|option| is_of_users(option)) =>
        {
            Meant::Nothing("users' managers are not played")
        }
        Tool::DebSystemdInvoke if word.starts_with("daemon-re") => Meant::Reread,
        Tool::DebSystemdInvoke => Meant::DebSystemdInvoke(Named {
            action: Action::parse(word),
            units: names,
            flags: flags(&options),
        }),
        Tool::Systemctl => systemctl(word, names, &options),
        Tool::DebSystemdHelper => helper(word, names),
        Tool::UpdateRcD => update_rc_d(&first, word),
        Tool::Service | Tool::RcService | Tool::InitScript => Meant::Script {
            name: first,
            action: Action::parse(word),
            by_service: call.tool == Tool::Service,
        },
        Tool::Sv => by_words(sv(word), names),
        Tool::Initctl => by_words(verb(word), names),
        Tool::StartStopDaemon => Meant::Nothing("a daemon that no init knows of"),
        Tool::DpkgTrigger => Meant::Nothing("a trigger of dpkg's"),
        Tool::Kill => Meant::Nothing("a signal to processes"),
        Tool::Background => Meant::Nothing("a process that no init knows of"),
    }
}

fn flags(options: &[&str]) -> Vec<Flag> {
    let all = [Flag::Quiesce, Flag::Defer, Flag::Force].into_iter();
    let given = |flag: &Flag| options.contains(&format!("--{}", flag.as_str()).as_str());
    all.filter(given).collect()
}

fn is_of_users(option: &str) -> bool {
    matches!(option, "--user" | "--global")
}

fn verb(word: &str) -> Option<Verb> {
    Some(match word {
        "start" => Verb::Start,
        "stop" => Verb::Stop,
        "restart" => Verb::Restart,
        "try-restart" | "condrestart" => Verb::TryRestart,
        "reload" => Verb::Reload,
        "reload-or-restart" | "force-reload" => Verb::ReloadOrRestart,
        // It reloads what can, and restarts no more than what runs.
        "try-reload-or-restart" | "reload-or-try-restart" => Verb::TryRestart,
        _ => return None,
    })
}

fn by_words(verb: Option<Verb>, units: Vec<String>) -> Meant {
    match verb {
        Some(verb) => Meant::Jobs { verb, units },
        None => Meant::Nothing("it starts and stops nothing"),
    }
}

fn systemctl(word: &str, units: Vec<String>, options: &[&str]) -> Meant {
    let at_once = |verb| options.contains(&"--now").then_some(verb);
    let install = |change, now, units| Meant::Install { change, units, now };
    match word {
        "daemon-reload" | "daemon-reexec" => Meant::Reread,
        "enable" | "reenable" | "preset" => install(Change::Enable, at_once(Verb::Start), units),
        "disable" => install(Change::Disable, at_once(Verb::Stop), units),
        "mask" => install(Change::Mask, at_once(Verb::Stop), units),
        "unmask" => install(Change::Unmask, None, units),
        "kill" => Meant::Nothing("a signal to processes"),
        word => by_words(verb(word), units),
    }
}

fn helper(word: &str, units: Vec<String>) -> Meant {
    let install = |change, units| Meant::Install {
        change,
        units,
        now: None,
    };
    match word {
        "enable" => install(Change::Enable, units),
        "disable" => install(Change::Disable, units),
        "mask" => install(Change::Mask, units),
        "unmask" => install(Change::Unmask, units),
        "purge" => install(Change::Remove, units),
        _ => Meant::Nothing("it only asks, or keeps its own notes"),
    }
}

fn update_rc_d(script: &str, word: &str) -> Meant {
    let units = |change| Meant::Install {
        change,
        units: vec![script.to_owned()],
        now: None,
    };
    let links = |change| Meant::Links {
        change,
        script: script.to_owned(),
    };
    match word {
        "defaults" => links(Change::Enable),
        "defaults-disabled" => links(Change::Disable),
        "remove" => links(Change::Remove),
        // original: these two are for systemd's units of that name, too
        "enable" => units(Change::Enable),
        "disable" => units(Change::Disable),
        _ => Meant::Nothing("it changes no link"),
    }
}

fn sv(word: &str) -> Option<Verb> {
    match word {
        "up" | "u" => Some(Verb::Start),
        "down" | "d" | "force-stop" | "exit" => Some(Verb::Stop),
        "t" | "term" | "force-restart" => Some(Verb::TryRestart),
        "h" | "hup" => Some(Verb::Reload),
        word => verb(word),
    }
}
