//! Unit files: settings that do not do what they seem to, and units that nothing starts.

use super::found::{Found, in_file, in_unit};
use super::on::is_on;
use super::relations::{FALLS_WITH, yes};
use super::subject::View;
use super::table::Check;
use super::triggers::spot_of;
use crate::audit::finding::Severity;
use crate::audit::shipped::{Directive, Unit};
use crate::domain::{UnitKind, UnitName};

/// Nothing starts it.
pub(super) const NEVER_STARTED: Check = Check {
    id: "unit-never-started",
    title: "nothing starts this service",
    severity: Severity::Note,
    explanation: "The service has no [Install] section, no trigger, no bus name, and no other unit or script of the package names it. \
                  It runs only when somebody starts it by hand, or another package does.",
    change: "add WantedBy=multi-user.target to [Install], or say in a comment who starts it",
    lintian: &["systemd-service-file-missing-install-key"],
    find: never_started,
};

/// An alias of another kind.
pub(super) const ALIAS: Check = Check {
    id: "alias-suffix",
    title: "an alias has not the suffix of its unit",
    severity: Severity::Warning,
    explanation: "Alias= needs the unit's own suffix. systemctl enable refuses any other, and then enables nothing.",
    change: "write the alias with the suffix: Alias=NAME.service",
    lintian: &["systemd-service-alias-without-extension"],
    find: |view| {
        lines(view, |unit, line| {
            let suffix = unit
                .name
                .as_str()
                .rsplit_once('.')
                .map_or("", |(_, suffix)| suffix);
            let mut words = line.value.split_whitespace();
            let wrong = words.find(|word| {
                word.rsplit_once('.')
                    .is_none_or(|(_, other)| other != suffix)
            })?;
            let alias = line.section == "Install" && line.key == "Alias";
            alias.then(|| format!("`{wrong}` is no `.{suffix}`"))
        })
    },
};

/// Settings that are gone.
pub(super) const OBSOLETE: Check = Check {
    id: "setting-obsolete",
    title: "a setting is obsolete",
    severity: Severity::Note,
    explanation: "systemd warns about the setting, reads it as another, or leaves it out. Targets that are gone are waited for by nobody.",
    change: "use what took its place",
    lintian: &[
        "systemd-service-file-refers-to-obsolete-bindto",
        "systemd-service-file-refers-to-obsolete-target",
        "systemd-service-file-refers-to-var-run",
        "systemd-service-file-uses-deprecated-syslog-facility",
    ],
    find: |view| lines(view, |_, line| obsolete(line)),
};

/// Started by a target that is for other things.
pub(super) const WANTED: Check = Check {
    id: "wanted-by-unusual",
    title: "a service is started by a target that is meant for something else",
    severity: Severity::Note,
    explanation: "default.target, basic.target and the targets of single mounts or devices are reached at other times than a service \
                  expects: too early, or not at all in rescue mode.",
    change: "WantedBy=multi-user.target, or graphical.target or sysinit.target where that is meant",
    lintian: &["systemd-service-file-refers-to-unusual-wantedby-target"],
    find: |view| {
        lines(view, |unit, line| {
            let unusual = [
                "default.target",
                "basic.target",
                "local-fs.target",
                "runlevel2.target",
                "runlevel3.target",
                "runlevel5.target",
            ];
            let wanted = line.section == "Install" && line.key == "WantedBy";
            let concerned = wanted && unit.name.kind() == UnitKind::Service;
            let mut words = line.value.split_whitespace();
            let word = words
                .find(|word| unusual.contains(word))
                .filter(|_| concerned)?;
            Some(format!("`{}` is started by `{word}`", unit.name))
        })
    },
};

/// As nobody.
pub(super) const NOBODY: Check = Check {
    id: "runs-as-nobody",
    title: "a service runs as nobody or nogroup",
    severity: Severity::Note,
    explanation: "Everything that runs as nobody shares its rights, and files that it may write. systemd warns about it.",
    change: "a user of its own: DynamicUser=yes, or sysusers.d",
    lintian: &["systemd-service-file-uses-nobody-or-nogroup"],
    find: |view| {
        lines(view, |unit, line| {
            let names = ["User", "Group"].contains(&line.key.as_str()) && line.section == "Service";
            let nobody = ["nobody", "nogroup"].contains(&line.value.trim());
            (names && nobody).then(|| format!("`{}` runs as {}", unit.name, line.value.trim()))
        })
    },
};

/// Lingers.
pub(super) const LINGERS: Check = Check {
    id: "lingers-at-shutdown",
    title: "nothing stops this unit in time when the machine goes down",
    severity: Severity::Warning,
    explanation: "With DefaultDependencies=no and Conflicts=shutdown.target, and without Before=shutdown.target, the unit's stop is not \
                  ordered: systemd may reach its final step first, and the process is killed with everything else.",
    change: "add Before=shutdown.target",
    lintian: &["systemd-service-file-shutdown-problems"],
    find: |view| {
        let units = view.relations.units();
        let lingering = units.filter(|unit| {
            let has = |key, target| unit.words("Unit", key).contains(&target);
            let bare = unit
                .value("Unit", "DefaultDependencies")
                .is_some_and(|value| !yes(value));
            let before = has("Before", "shutdown.target") || has("Before", "umount.target");
            unit.name.kind() == UnitKind::Service
                && bare
                && has("Conflicts", "shutdown.target")
                && !before
        });
        lingering
            .map(|unit| {
                Found::at(
                    spot_of(view, unit, ""),
                    format!("the stop of `{}` is not ordered", unit.name),
                )
            })
            .collect()
    },
};

/// A script in a unit's clothes.
pub(super) const WRAPS: Check = Check {
    id: "unit-wraps-init-script",
    title: "a unit runs the init script",
    severity: Severity::Warning,
    explanation: "The unit leaves everything to the init script: systemd does not know which process is the service's, when it is up, nor why \
                  it failed. The script is a configuration file, too: what changes in it may never reach a machine.",
    change: "run the daemon itself in ExecStart=",
    lintian: &["systemd-service-file-wraps-init-script"],
    find: |view| {
        lines(view, |unit, line| {
            let runs = line.section == "Service" && line.key == "ExecStart";
            let script = line.value.contains("/etc/init.d/");
            (runs && script).then(|| format!("`{}` runs the init script", unit.name))
        })
    },
};

/// Starts what is not there.
pub(super) const NOTHING: Check = Check {
    id: "trigger-starts-nothing",
    title: "a trigger starts a unit that the package does not ship",
    severity: Severity::Warning,
    explanation: "The socket, path or timer names a service, or has one by its own name, that is not in the package. Where no other package \
                  brings it the trigger cannot be started, or fails when it fires.",
    change: "ship the service, or name the right one: Service= in a socket, Unit= in a path or timer",
    lintian: &[],
    find: |view| {
        let triggers = view
            .relations
            .units()
            .filter(|unit| unit.name.kind().is_trigger() && view.is_whole());
        triggers
            .filter_map(|unit| {
                let service = view.relations.triggered(unit)?;
                // Names with specifiers are not known here.
                let known = !service.as_str().contains('%');
                let missing = known
                    && !view.shipped().units.contains_key(&service)
                    && view.relations.unit(&service).is_none();
                let scripts = &view.shipped().init_scripts;
                let script = scripts.iter().any(|script| script.name == service.stem());
                let found = || {
                    Found::at(
                        spot_of(view, unit, ""),
                        format!(
                            "`{}` starts `{service}`, which is not in the package",
                            unit.name
                        ),
                    )
                };
                (missing && !script).then(found)
            })
            .collect()
    },
};

/// A name on the bus that starts nothing.
pub(super) const BUS: Check = Check {
    id: "bus-name-starts-nothing",
    title: "a bus name starts a unit that the package does not ship",
    severity: Severity::Warning,
    explanation: "SystemdService= names a unit that is neither in the package nor an alias of one that is. A call of the bus name then fails \
                  with `unit not found`.",
    change: "name the unit, or the alias that its [Install] section makes",
    lintian: &[],
    find: |view| {
        let names = view.shipped().bus.iter();
        names
            .filter_map(|bus| {
                let unit = bus.unit.as_ref().filter(|_| view.is_whole())?;
                let missing = view.relations.unit(unit).is_none();
                let found = || {
                    Found::at(
                        in_file(view.package(), &bus.path, ""),
                        format!(
                            "`{}` starts `{unit}`, which is not in the package",
                            bus.name
                        ),
                    )
                };
                missing.then(found)
            })
            .collect()
    },
};

/// A file by another name.
pub(super) const BUS_FILE: Check = Check {
    id: "bus-file-name",
    title: "a file of bus activation is not named as its bus name",
    severity: Severity::Warning,
    explanation: "Where systemd does not run, dbus-daemon's helper looks for a file by the bus name and finds none: the service is not started. Two \
                  packages may bring the same name in files of different names, and neither knows.",
    change: "name the file NAME.service, with Name=NAME in it",
    lintian: &["dbus-system-service-wrong-name"],
    find: |view| {
        let names = view.shipped().bus.iter();
        let wrong = names.filter(|bus| {
            super::event::base(&bus.path).strip_suffix(".service") != Some(bus.name.as_str())
        });
        wrong
            .map(|bus| {
                Found::at(
                    in_file(view.package(), &bus.path, ""),
                    format!("this file is for the bus name `{}`", bus.name),
                )
            })
            .collect()
    },
};

/// What `find` says of each line of each unit.
fn lines(view: &View<'_>, find: impl Fn(&Unit, &Directive) -> Option<String>) -> Vec<Found> {
    let units = view.relations.units();
    let lines = units.flat_map(|unit| unit.directives.iter().map(move |line| (unit, line)));
    lines
        .filter_map(|(unit, line)| {
            Some(Found::at(
                in_unit(view.package(), line, ""),
                find(unit, line)?,
            ))
        })
        .collect()
}

fn obsolete(line: &Directive) -> Option<String> {
    let targets = [
        "syslog.target",
        "dbus.target",
        "display-manager.target",
        "mail-transport-agent.target",
    ];
    let gone = line
        .value
        .split_whitespace()
        .find(|word| targets.contains(word));
    match (line.section.as_str(), line.key.as_str()) {
        ("Unit", "BindTo") => Some("BindTo= is BindsTo= now".to_owned()),
        ("Unit", "After" | "Before" | "Requires" | "Wants") => {
            gone.map(|target| format!("there is no `{target}` any more"))
        }
        ("Service", "PIDFile") if line.value.starts_with("/var/run/") => {
            Some("/var/run is /run".to_owned())
        }
        ("Socket", key) if key.starts_with("Listen") && line.value.starts_with("/var/run/") => {
            Some("/var/run is /run".to_owned())
        }
        ("Service", "StandardOutput" | "StandardError") if line.value.starts_with("syslog") => {
            Some("syslog is journal now".to_owned())
        }
        ("Service", "KillMode") if line.value == "none" => {
            Some("KillMode=none leaves processes behind; systemd warns about it".to_owned())
        }
        _ => None,
    }
}

fn never_started(view: &View<'_>) -> Vec<Found> {
    let services = view
        .relations
        .units()
        .filter(|unit| unit.name.kind() == UnitKind::Service && view.is_whole());
    let idle = services.filter(|unit| {
        let installed = unit.directives.iter().any(|line| line.section == "Install");
        let instance = unit.name.is_template() || unit.name.stem().contains('@');
        !installed && !instance && !refers(view, unit) && !is_on(view, &unit.name)
    });
    idle.map(|unit| {
        Found::at(
            spot_of(view, unit, ""),
            format!("nothing starts `{}`", unit.name),
        )
    })
    .collect()
}

/// Whether anything of the package refers to it.
fn refers(view: &View<'_>, unit: &Unit) -> bool {
    let is_own = |name: &UnitName| *name == unit.name || unit.aliases.contains(name);
    let mut names = view
        .shipped()
        .bus
        .iter()
        .filter_map(|bus| bus.unit.as_ref());
    let bus = names.any(is_own);
    let calls = view.calls();
    let mut called = calls.iter().flat_map(|event| event.units());
    bus || called.any(is_own)
        || view.relations.is_pulled(unit)
        || !view.relations.triggers_of(&unit.name).is_empty()
        || named_by_others(view, unit)
}

/// Whether another unit of the package names it in a setting that starts it.
fn named_by_others(view: &View<'_>, unit: &Unit) -> bool {
    const KEYS: [&str; 8] = [
        "Wants",
        "Upholds",
        "OnFailure",
        "OnSuccess",
        "Sockets",
        "Also",
        "Service",
        "Unit",
    ];
    let keys: Vec<&str> = FALLS_WITH.into_iter().chain(KEYS).collect();
    let is_own = |word: &str| {
        let mut aliases = unit.aliases.iter();
        unit.name.as_str() == word || aliases.any(|alias| alias.as_str() == word)
    };
    let others = view
        .relations
        .units()
        .filter(|other| other.name != unit.name);
    let mut lines = others.flat_map(|other| &other.directives);
    lines.any(|line| keys.contains(&line.key.as_str()) && line.value.split_whitespace().any(is_own))
}
