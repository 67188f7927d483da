//! The units that the systemd part of the suite works on: written once, brought into a state before each call.
//! All their names begin with `rct-`; no other unit is ever touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::Outcome;

const UNITS: &str = "/etc/systemd/system";
/// What the names of real packages' units begin with here.
const REAL: &str = "rct-real-";
/// The kinds of units.
pub(crate) const KINDS: [Kind; 10] = [
    Kind::Enabled,
    Kind::Disabled,
    Kind::Static,
    Kind::Masked,
    Kind::Failing,
    Kind::Reloadable,
    Kind::Oneshot,
    Kind::Socket,
    Kind::ScriptOnly,
    Kind::Missing,
];

/// What a unit is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Enabled,
    Disabled,
    Static,
    Masked,
    /// Its start fails.
    Failing,
    Reloadable,
    /// Ends at once and counts as active.
    Oneshot,
    /// Enabled, with a socket of its own.
    Socket,
    /// Its reload takes its time; not among `KINDS`.
    Slow,
    /// An init script and no unit file.
    ScriptOnly,
    Missing,
}

/// What it is doing when the tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Stopped,
}

impl Kind {
    /// The service's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "rct-enabled",
            Self::Disabled => "rct-disabled",
            Self::Static => "rct-static",
            Self::Masked => "rct-masked",
            Self::Failing => "rct-failing",
            Self::Reloadable => "rct-reloadable",
            Self::Oneshot => "rct-oneshot",
            Self::Slow => "rct-slow",
            Self::Socket => "rct-socketed",
            Self::ScriptOnly => "rct-script",
            Self::Missing => "rct-missing",
        }
    }

    /// Whether it can be brought up.
    pub(crate) fn can_run(self) -> bool {
        !matches!(self, Self::Masked | Self::Failing | Self::Missing)
    }

    /// Whether ours does something else with it where it is not told to be like stock, and one kind with which it
    /// does not.
    pub(crate) fn differs_by_default(self) -> bool {
        matches!(
            self,
            Self::Enabled
                | Self::Masked
                | Self::Failing
                | Self::Socket
                | Self::Missing
                | Self::ScriptOnly
        )
    }

    /// What is looked at.
    pub(crate) fn units(self) -> Vec<String> {
        let service = format!("{}.service", self.name());
        match self {
            Self::Socket => vec![service, format!("{}.socket", self.name())],
            _ => vec![service],
        }
    }

    fn service(self) -> Option<&'static str> {
        match self {
            Self::Enabled | Self::Disabled | Self::Static | Self::Socket => {
                Some("Type=exec\nExecStart=/bin/sleep infinity\n")
            }
            Self::Failing => Some("Type=oneshot\nExecStart=/bin/false\n"),
            Self::Reloadable => {
                Some("Type=exec\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n")
            }
            Self::Oneshot => Some("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"),
            Self::Slow => {
                Some("Type=exec\nExecStart=/bin/sleep infinity\nExecReload=/bin/sleep 1\n")
            }
            Self::Masked | Self::ScriptOnly | Self::Missing => None,
        }
    }

    fn is_enabled(self) -> bool {
        matches!(
            self,
            Self::Enabled
                | Self::Failing
                | Self::Reloadable
                | Self::Oneshot
                | Self::Slow
                | Self::Socket
        )
    }
}

/// The name under which a real package's unit is tried.
pub(crate) fn prefixed(unit: &str) -> String {
    let unit = if unit.contains('.') {
        unit.to_owned()
    } else {
        format!("{unit}.service")
    };
    format!("{REAL}{}", unit.replace('@', "-at"))
}

/// Writes all units, those of `real` names included, and lets systemd read them.
pub(crate) fn write<'a>(real: impl Iterator<Item = &'a str>) -> Outcome<()> {
    for kind in KINDS.into_iter().chain([Kind::Slow]) {
        if let Some(service) = kind.service() {
            unit(
                &format!("{}.service", kind.name()),
                &format!("[Service]\n{service}"),
                kind != Kind::Static,
            )?;
        }
    }
    unit(
        "rct-socketed.socket",
        "[Socket]\nListenStream=/run/rct-socketed\n",
        true,
    )?;
    unit(
        "rct-triggered.service",
        "[Service]\nType=exec\nExecStart=/bin/sleep infinity\n",
        false,
    )?;
    unit(
        "rct-degrading.service",
        "[Service]\nType=oneshot\nExecStart=/bin/false\n",
        false,
    )?;
    let script = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: rct-script\n# Required-Start:\n# Required-Stop:\n\
                  # Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: a script\n### END INIT INFO\n\
                  echo \"script $*\"\ncase $1 in start|stop|restart|reload|force-reload|status|custom) ;; *) exit 3 ;; esac\n";
    for name in ["rct-script", "rct-enabled"] {
        let path = format!("/etc/init.d/{name}");
        fs::write(&path, script.replace("rct-script", name))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    systemctl(&["mask", "--quiet", "rct-masked.service"])?;
    // What an init script is made into has the usual limit of starts, and is started often here.
    fs::create_dir_all(format!("{UNITS}/rct-script.service.d"))?;
    fs::write(
        format!("{UNITS}/rct-script.service.d/limit.conf"),
        "[Unit]\nStartLimitIntervalSec=0\n",
    )?;
    let real: BTreeSet<&str> = real.filter(|unit| unit.starts_with(REAL)).collect();
    for name in &real {
        unit(name, &real_unit(name), true)?;
    }
    systemctl(&["daemon-reload"])?;
    let enabled = KINDS
        .into_iter()
        .chain([Kind::Slow])
        .filter(|kind| kind.is_enabled())
        .flat_map(Kind::units);
    let enabled: Vec<String> = enabled.chain(real.into_iter().map(str::to_owned)).collect();
    let mut args = vec!["enable", "--quiet"];
    args.extend(enabled.iter().map(String::as_str));
    systemctl(&args)
}

fn unit(name: &str, body: &str, installable: bool) -> Outcome<()> {
    let install = if installable {
        "[Install]\nWantedBy=multi-user.target\n"
    } else {
        ""
    };
    let text =
        format!("[Unit]\nDescription=compliance {name}\nStartLimitIntervalSec=0\n{body}{install}");
    Ok(fs::write(format!("{UNITS}/{name}"), text)?)
}

fn real_unit(name: &str) -> String {
    let (stem, kind) = name.rsplit_once('.').unwrap_or((name, "service"));
    // A trigger needs a service: the one of its own name where a package has it, or one of ours.
    let service = format!("{stem}.service");
    match kind {
        "socket" => {
            format!("[Socket]\nListenStream=/run/{stem}.listen\nService=rct-triggered.service\n")
        }
        "path" => "[Path]\nPathExists=/nowhere/rct\nUnit=rct-triggered.service\n".to_owned(),
        "timer" => "[Timer]\nOnCalendar=2099-01-01\nUnit=rct-triggered.service\n".to_owned(),
        "target" => String::new(),
        _ => format!("# {service}\n[Service]\nType=exec\nExecStart=/bin/sleep infinity\n"),
    }
}

/// What is looked at of a unit. systemctl prints it in an order of its own.
const LOOKED_AT: &str =
    "--property=LoadState,ActiveState,SubState,Result,UnitFileState,InvocationID,Job";
/// What tells one run of a unit from the next.
const LIFE: &str = "InvocationID";

/// What can be seen of one unit.
#[derive(Debug, Default)]
pub(crate) struct Look(BTreeMap<String, String>);

impl Look {
    fn get(&self, property: &str) -> &str {
        self.0.get(property).map_or("", String::as_str)
    }

    /// Whether it is the same run of the unit.
    pub(crate) fn is_same_life(&self, other: &Self) -> bool {
        self.get(LIFE) == other.get(LIFE)
    }

    fn is(&self, state: State) -> bool {
        let wanted = match state {
            State::Running => "active",
            State::Stopped => "inactive",
        };
        self.is_settled()
            && self.get("ActiveState") == wanted
            && matches!(self.get("Result"), "" | "success")
    }

    fn is_settled(&self) -> bool {
        let going = ["activating", "deactivating", "reloading", "refreshing"];
        matches!(self.get("Job"), "" | "0") && !going.contains(&self.get("ActiveState"))
    }

    /// All of it but what no two runs have in common.
    pub(crate) fn text(&self) -> String {
        let same = self
            .0
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), LIFE | "Job"));
        same.map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Brings units into their states and looks at them; what is in its state already is left alone.
pub(crate) fn bring(units: &[(String, State)]) -> Outcome<Vec<Look>> {
    let names: Vec<&str> = units.iter().map(|(unit, _)| unit.as_str()).collect();
    let looks = look(&names)?;
    if looks
        .iter()
        .zip(units)
        .all(|(look, (_, state))| look.is(*state))
    {
        return Ok(looks);
    }
    quietly(&[&["stop"][..], &names].concat())?;
    quietly(&[&["reset-failed"][..], &names].concat())?;
    // A socket is started before its service, which would be in its way.
    for socket in [true, false] {
        let running = units.iter().filter(|(unit, state)| {
            *state == State::Running && unit.ends_with(".socket") == socket
        });
        let names: Vec<&str> = running.map(|(unit, _)| unit.as_str()).collect();
        if !names.is_empty() {
            quietly(&[&["start"][..], &names].concat())?;
        }
    }
    look(&names)
}

/// Looks at units once no job of theirs is left, after some seconds at the latest.
pub(crate) fn settled(units: &[&str]) -> Outcome<Vec<Look>> {
    look_until(units, 150, Look::is_settled)
}

/// Looks at units that were sent a signal: systemd hears of their end a little later, of some never.
pub(crate) fn killed(units: &[&str]) -> Outcome<Vec<Look>> {
    look_until(units, 15, |look| look.get("SubState") != "running")?;
    settled(units)
}

fn look_until(units: &[&str], times: usize, fits: fn(&Look) -> bool) -> Outcome<Vec<Look>> {
    for _ in 0..times {
        let looks = look(units)?;
        if looks.iter().all(fits) {
            return Ok(looks);
        }
        sleep(Duration::from_millis(20));
    }
    look(units)
}

/// Makes the machine count as degraded.
pub(crate) fn degrade() -> Outcome<()> {
    quietly(&["start", "rct-degrading.service"])
}

/// Makes the machine count as running.
pub(crate) fn heal() -> Outcome<()> {
    systemctl(&["reset-failed"])
}

/// The version of systemd.
pub(crate) fn version() -> Outcome<u32> {
    let output = Command::new("systemctl").arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let word = text.split_whitespace().nth(1).unwrap_or("");
    let digits = word.split(|c: char| !c.is_ascii_digit()).next();
    Ok(digits.unwrap_or("").parse()?)
}

/// Looks at units, all at once: each question costs a process.
pub(crate) fn look(units: &[&str]) -> Outcome<Vec<Look>> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let output = Command::new("systemctl")
        .args(["show", LOOKED_AT, "--"])
        .args(units)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let looks: Vec<Look> = text
        .split("\n\n")
        .map(|block| {
            let pairs = block.lines().filter_map(|line| line.split_once('='));
            Look(
                pairs
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            )
        })
        .collect();
    if looks.len() == units.len() {
        Ok(looks)
    } else {
        Err(format!("systemctl show {units:?} answers {text:?}").into())
    }
}

fn quietly(args: &[&str]) -> Outcome<()> {
    Command::new("systemctl").args(args).output()?;
    Ok(())
}

fn systemctl(args: &[&str]) -> Outcome<()> {
    let output = Command::new("systemctl").args(args).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "systemctl {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }
}
