//! Init scripts themselves: what they answer to, how they are shipped, and whether systemd has something of
//! its own for the service.

use super::found::{Found, in_file, in_text};
use super::subject::View;
use super::table::Check;
use crate::audit::finding::Severity;
use crate::audit::package::Entry;
use crate::audit::shipped::InitScript;
use crate::domain::UnitName;

/// An action that every script must know.
pub(super) const ACTIONS: Check = Check {
    id: "init-script-action-missing",
    title: "an init script does not know an action that scripts ask for",
    severity: Severity::Warning,
    explanation: "Debian's policy asks for start, stop, restart and force-reload, and tools ask for status. invoke-rc.d hands the \
                  action on, the script says how it is used and fails, and so does the maintainer script that asked.",
    change: "add the action, or write the script on init-d-script, which knows all of them",
    lintian: &[
        "init.d-script-does-not-implement-required-option",
        "init.d-script-does-not-implement-status-option",
    ],
    find: |view| each(view, actions),
};

/// A file of defaults that may be gone.
pub(super) const DEFAULTS: Check = Check {
    id: "defaults-file-required",
    title: "an init script fails without its file in /etc/default",
    severity: Severity::Warning,
    explanation: "The admin may delete /etc/default/NAME; the script must still work. Here it is read without asking whether it is there, \
                  and a shell ends where that fails.",
    change: "[ ! -r /etc/default/NAME ] || . /etc/default/NAME",
    lintian: &["init.d-script-sourcing-without-test"],
    find: |view| each(view, defaults),
};

/// On or off in /etc/default.
pub(super) const SWITCH: Check = Check {
    id: "switched-off-in-defaults",
    title: "a file in /etc/default decides whether the service starts",
    severity: Severity::Warning,
    explanation: "The init believes that the service was started, and it was not: `invoke-rc.d NAME start` succeeds with nothing running, and \
                  systemd's unit does not look at the switch at all.",
    change: "leave the switch out; ship the service disabled where that is meant (dh_installinit --no-enable, dh_installsystemd --no-enable)",
    lintian: &["init.d-script-should-always-start-service"],
    find: switch,
};

/// How it is shipped.
pub(super) const FORM: Check = Check {
    id: "init-script-form",
    title: "an init script is not shipped as one",
    severity: Severity::Warning,
    explanation: "Init scripts are files, executable, and configuration: an admin's change must survive an upgrade, and one that is not \
                  executable is not run. Since they outlive the removal of their package, their interpreter must be \
                  one that is always there.",
    change: "let dh_installinit install it, with #!/bin/sh or #!/usr/bin/env /lib/init/init-d-script",
    lintian: &[
        "init-script-is-not-a-file",
        "init.d-script-not-marked-as-conffile",
        "non-standard-file-permissions-for-etc-init.d-script",
        "init.d-script-uses-usr-interpreter",
    ],
    find: form,
};

/// No unit.
pub(super) const NO_UNIT: Check = Check {
    id: "init-script-without-unit",
    title: "an init script has no unit beside it",
    severity: Severity::Warning,
    explanation: "systemd makes a unit of the script, guesses when the service is up, and cannot tell its processes apart; systemd 260 no \
                  longer does so, and the service does not start at all.",
    change: "ship a unit of the same name; mask it where systemd needs no such service",
    lintian: &[
        "missing-systemd-service-for-init.d-script",
        "missing-systemd-service-for-init.d-rcS-script",
        "omitted-systemd-service-for-init.d-script",
    ],
    find: no_unit,
};

/// Not handed to systemd.
pub(super) const NOT_REDIRECTED: Check = Check {
    id: "init-script-not-redirected",
    title: "run by hand on systemd, the init script starts a second process",
    severity: Severity::Note,
    explanation: "/lib/lsb/init-functions hands a script that is run on systemd on to systemctl. This one does not read it: whoever runs it \
                  by hand starts the service outside of its unit, beside the one that runs there.",
    change: ". /lib/lsb/init-functions",
    lintian: &["init.d-script-does-not-source-init-functions"],
    find: |view| {
        each(view, |view, script, text| {
            let unit = UnitName::of_script(&script.name).ok();
            let native = unit.is_some_and(|unit| view.shipped().units.contains_key(&unit));
            let reads = text.contains("init-functions") || is_made_of_init_d_script(text);
            let found = || {
                Found::at(
                    in_file(view.package(), &script.path, ""),
                    format!("`{}` does not read init-functions", script.path),
                )
            };
            (native && !reads).then(found).into_iter().collect()
        })
    },
};

/// Upstart.
pub(super) const UPSTART: Check = Check {
    id: "upstart-job-shipped",
    title: "a job for Upstart is shipped",
    severity: Severity::Note,
    explanation: "Debian has had no Upstart since stretch. The job is a configuration file that nothing reads, and nobody tests.",
    change: "remove it, with dpkg-maintscript-helper rm_conffile",
    lintian: &["package-installs-deprecated-upstart-configuration"],
    find: |view| {
        let jobs = view.shipped().upstart.iter();
        jobs.map(|job| {
            Found::at(
                in_file(view.package(), &job.path, ""),
                format!("`{}` is for Upstart", job.path),
            )
        })
        .collect()
    },
};

/// Links of its own.
pub(super) const LINKS: Check = Check {
    id: "rc-links-shipped",
    title: "links in /etc/rc?.d are shipped",
    severity: Severity::Warning,
    explanation: "The links are the admin's, made by update-rc.d. A package that ships them turns a service on again that was turned \
                  off, with every upgrade.",
    change: "call update-rc.d in the postinst: dh_installinit does",
    lintian: &[
        "package-installs-into-etc-rc.d",
        "file-in-etc-rc.d-marked-as-conffile",
    ],
    find: |view| {
        let paths = view
            .package()
            .files
            .keys()
            .filter(|path| in_rc(path) && view.is_removable());
        paths
            .map(|path| {
                Found::at(
                    in_file(view.package(), path, ""),
                    format!("`{path}` is shipped"),
                )
            })
            .collect()
    },
};

type Find = fn(&View<'_>, &InitScript, &str) -> Vec<Found>;

fn each(view: &View<'_>, find: Find) -> Vec<Found> {
    let scripts = view.shipped().init_scripts.iter();
    let texts = scripts.filter_map(|script| Some((script, view.package().text(&script.path)?)));
    texts
        .flat_map(|(script, text)| find(view, script, text))
        .collect()
}

fn is_made_of_init_d_script(text: &str) -> bool {
    text.lines()
        .next()
        .is_some_and(|first| first.contains("init-d-script"))
        || text.contains("/lib/init/init-d-script")
}

fn in_rc(path: &str) -> bool {
    let rest = path
        .strip_prefix("/etc/rc")
        .and_then(|rest| rest.split_once(".d/"));
    rest.is_some_and(|(level, name)| level.len() <= 1 && !name.is_empty() && name != "README")
}

fn actions(view: &View<'_>, script: &InitScript, text: &str) -> Vec<Found> {
    let hands_on = is_made_of_init_d_script(text)
        || text
            .lines()
            .any(|line| line.trim_start().starts_with("exec "));
    if hands_on || !text.contains("case") {
        return Vec::new();
    }
    let wanted = ["start", "stop", "restart", "force-reload", "status"].into_iter();
    let missing: Vec<&str> = wanted.filter(|action| !offers(text, action)).collect();
    let spot = || in_file(view.package(), &script.path, "");
    match missing.as_slice() {
        [] => Vec::new(),
        ["status"] => {
            vec![Found::at(spot(), "it does not know `status`").of_severity(Severity::Note)]
        }
        several => vec![Found::at(
            spot(),
            format!("it does not know `{}`", several.join("`, `")),
        )],
    }
}

/// Whether a branch of a `case` is for the action.
fn offers(text: &str, action: &str) -> bool {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    code.flat_map(|line| line.match_indices(action).map(move |(at, _)| (line, at)))
        .any(|(line, at)| {
            let before = line.get(..at).unwrap_or_default();
            let after = line
                .get(at.saturating_add(action.len())..)
                .unwrap_or_default();
            let begins =
                before.is_empty() || before.ends_with([' ', '\t', '|', '(', '"', '\'', ';']);
            let after = after.trim_start_matches(['"', '\'']).trim_start();
            let ends = after.starts_with([')', '|', '\\']) || after.starts_with("*)");
            begins && ends
        })
}

fn defaults(view: &View<'_>, script: &InitScript, text: &str) -> Vec<Found> {
    let mut tested = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim();
        if code.starts_with('#') {
            continue;
        }
        let mentions = code.contains("/etc/default/");
        // One test is enough for all: what it guards is not looked at.
        tested = tested
            || [" -f ", " -r ", " -e ", " -s "]
                .iter()
                .any(|test| code.contains(test));
        let sources =
            code.starts_with(". /etc/default/") || code.starts_with("source /etc/default/");
        if mentions && sources && !tested && !code.contains("||") {
            let spot = in_text(view.package().place(&script.path), text, number, "");
            found.push(Found::at(
                spot,
                "it is read without asking whether it is there",
            ));
        }
    }
    found
}

/// What such a switch is called.
const SWITCHES: [&str; 10] = [
    "ENABLED",
    "ENABLE",
    "DISABLED",
    "DISABLE",
    "RUN",
    "RUN_DAEMON",
    "START",
    "START_DAEMON",
    "RUN_AT_STARTUP",
    "START_ON_BOOT",
];

fn switch(view: &View<'_>) -> Vec<Found> {
    let package = view.package();
    let scripts = view.shipped().init_scripts.iter();
    let paths = scripts.map(|script| format!("/etc/default/{}", script.name));
    let mut found = Vec::new();
    for path in paths {
        let text = package.text(&path).unwrap_or_default();
        for (number, line) in (1..).zip(text.lines()) {
            let name = line
                .split_once('=')
                .map(|(name, _)| name.trim().to_ascii_uppercase());
            if name.is_some_and(|name| SWITCHES.contains(&name.as_str())) {
                let spot = in_text(package.place(&path), text, number, "");
                found.push(Found::at(spot, "this decides whether the service starts"));
            }
        }
    }
    found
}

fn form(view: &View<'_>) -> Vec<Found> {
    let scripts = view.shipped().init_scripts.iter();
    let wrong = scripts.flat_map(|script| {
        faults(view, script)
            .into_iter()
            .map(move |what| (script, what))
    });
    wrong
        .map(|(script, what)| {
            let spot = in_file(view.package(), &script.path, "");
            Found::at(spot, format!("`{}` {what}", script.path))
        })
        .collect()
}

/// What is wrong with the way in which a script is shipped.
fn faults(view: &View<'_>, script: &InitScript) -> Vec<&'static str> {
    let package = view.package();
    let entry = package.files.get(&script.path);
    let plain = matches!(entry, Some(Entry::File { mode, .. }) if mode & 0o111 == 0);
    let cases = [
        (plain && view.is_whole(), "is not executable"),
        (
            matches!(entry, Some(Entry::Directory | Entry::Other)),
            "is no file",
        ),
        (
            view.is_whole() && !package.conffiles.contains(&script.path),
            "is no configuration file",
        ),
        (
            package.text(&script.path).is_some_and(may_be_gone),
            "needs an interpreter that may be gone before it",
        ),
    ];
    let wrong = cases.into_iter().filter(|(wrong, _)| *wrong);
    wrong.map(|(_, what)| what).collect()
}

/// Whether the interpreter of a script belongs to a package that is not there on every system.
fn may_be_gone(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let program = first.strip_prefix("#!").unwrap_or_default().trim();
    let usual = [
        "/usr/bin/sh",
        "/usr/bin/bash",
        "/usr/bin/dash",
        "/usr/bin/perl",
    ];
    let interpreter = program.split_whitespace().next().unwrap_or_default();
    program.starts_with("/usr/")
        && !program.contains("init-d-script")
        && !usual.contains(&interpreter)
}

/// Scripts of sysvinit and its kind for which systemd has no need.
fn no_unit(view: &View<'_>) -> Vec<Found> {
    let package = view.package();
    let scripts = view.shipped().init_scripts.iter();
    let alone = scripts.filter(|script| {
        let stem = script.name.strip_suffix(".sh").unwrap_or(&script.name);
        let kinds = ["service", "target", "socket", "path", "timer", "mount"];
        let files = kinds.iter().any(|kind| {
            let unit = UnitName::parse(&format!("{stem}.{kind}")).ok();
            unit.is_some_and(|unit| {
                let masked = view.shipped().units.contains_key(&unit);
                masked || view.relations.unit(&unit).is_some()
            })
        });
        // A template, or instances of it, take its place; init's own packages have no need of units.
        let template = UnitName::parse(&format!("{stem}@.service")).ok();
        let template = template.is_some_and(|unit| view.shipped().units.contains_key(&unit));
        !files && !template && view.is_whole() && !is_init(&package.name)
    });
    alone
        .map(|script| {
            let spot = in_file(package, &script.path, "");
            Found::at(spot, format!("there is no unit for `{}`", script.path))
        })
        .collect()
}

fn is_init(package: &str) -> bool {
    [
        "initscripts",
        "sysvinit-core",
        "sysv-rc",
        "openrc",
        "runit",
        "insserv",
        "orphan-sysvinit-scripts",
    ]
    .contains(&package)
}
