//! What becomes of exit statuses: failures that nobody sees, and failures that end a script where nothing is
//! wrong with the package.

use std::collections::BTreeSet;

use super::direct::short;
use super::event::{Deed, Under, deed, written};
use super::found::{Found, in_script};
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::{StatusUse, Tool};
use crate::audit::course::{Step, Way};
use crate::audit::finding::Severity;
use crate::audit::package::ScriptName;
use crate::domain::UnitName;

/// A failed start is hidden.
pub(super) const HIDDEN: Check = Check {
    id: "status-hidden",
    title: "nobody sees it when the service does not start",
    severity: Severity::Warning,
    explanation: "The exit status of this start or restart of the package's own service goes nowhere. The package counts as configured \
                  while its service is down, and what depends on it is configured against a service that is not there. \
                  What debhelper writes is not blamed for this: it hides statuses on purpose.",
    change: "let the failure end the script, or say what failed on standard error and go on",
    lintian: &[
        "maintainer-script-hides-init-failure",
        "maintainer-script-ignores-errors",
    ],
    find: hidden,
};

/// Another package's service fails ours.
pub(super) const FOREIGN: Check = Check {
    id: "foreign-status-fatal",
    title: "a failure of another package's service ends this script",
    severity: Severity::Warning,
    explanation: "This script acts on a service of another package and ends with an error where that fails. A broken configuration \
                  of that service, or its being down, then leaves this package unconfigured, and apt with it, \
                  though nothing is wrong with it.",
    change: "do not let it end the script (|| true), or leave it to a dpkg trigger of the other package",
    lintian: &[],
    find: foreign,
};

/// Another package's service is touched.
pub(super) const OTHERS: Check = Check {
    id: "foreign-service-touched",
    title: "a script acts on another package's service",
    severity: Severity::Note,
    explanation: "The script starts, stops or reloads a service that this package does not ship. It cannot know whether that is \
                  wanted just now: the other package may be half-way through its own upgrade. Where the other package \
                  has a helper or a dpkg trigger for this, as apache2 and dbus have, these know better.",
    change: "use the other package's helper (apache2-maintscript-helper) or its dpkg trigger",
    lintian: &["apache2-reverse-dependency-calls-invoke-rc.d"],
    find: |view| {
        let calls = view.calls();
        let touched = calls
            .into_iter()
            .filter(|event| event.by_hand() && is_foreign(view, event));
        touched
            .map(|event| about(event, "acts on a service of another package"))
            .collect()
    },
};

/// Nothing is there yet, or any more.
pub(super) const NOT_THERE: Check = Check {
    id: "fatal-without-unit",
    title: "a script fails because its unit is not there yet, or not any more",
    severity: Severity::Error,
    explanation: "systemctl stops no unit that it does not know: it says `not loaded` and exits with 5. Here that status ends the \
                  script, on a way on which the unit is surely not there: before the files are unpacked on a first \
                  installation, or after they are gone. dpkg then leaves the package half-installed, or not removable.",
    change: "test for the unit or for the way (`$1`, `$2`) first, or let the failure of a stop pass (|| true)",
    lintian: &[],
    find: not_there,
};

/// No systemd.
pub(super) const NO_SYSTEMD: Check = Check {
    id: "fatal-without-systemd",
    title: "a script fails wherever systemd does not run",
    severity: Severity::Error,
    explanation: "Where systemd is not PID 1, in most containers and under any other init, systemctl cannot reach it and fails, \
                  if it is installed at all. Here that ends the script, and the package cannot be installed, upgraded or removed.",
    change: "do it only if [ -d /run/systemd/system ], as debhelper does",
    lintian: &[],
    find: no_systemd,
};

fn about(event: &Event<'_>, what: &str) -> Found {
    let spot = in_script(event.half.package, event.call.place, "");
    Found::at(spot, format!("`{}` {what}", short(event))).assuming(event.call)
}

/// Whether the package ships the unit or the init script.
fn is_own(view: &View<'_>, name: &UnitName) -> bool {
    let mut scripts = view.shipped().init_scripts.iter();
    view.relations.unit(name).is_some() || scripts.any(|script| script.name == name.stem())
}

fn is_foreign(view: &View<'_>, event: &Event<'_>) -> bool {
    let all_known = event
        .effect
        .as_ref()
        .is_some_and(|effect| !effect.units.contains(&None));
    all_known && view.is_whole() && event.units().all(|unit| !is_own(view, unit))
}

fn hidden(view: &View<'_>) -> Vec<Found> {
    let calls = view.calls();
    let concerned = calls.into_iter().filter(|event| {
        let starts = event
            .effect
            .as_ref()
            .is_some_and(|effect| effect.deed.brings_up());
        let own = event.units().any(|unit| is_own(view, unit));
        let late = event.call.place.script == ScriptName::Postinst;
        starts && own && late && event.by_hand() && event.call.status == StatusUse::Hidden
    });
    concerned
        .map(|event| about(event, "may fail, and nobody sees it"))
        .collect()
}

fn foreign(view: &View<'_>) -> Vec<Found> {
    let calls = view.calls();
    let concerned = calls
        .into_iter()
        .filter(|event| event.is_fatal() && event.by_hand() && is_foreign(view, event));
    concerned
        .map(|event| {
            about(
                event,
                "ends this script where another package's service fails",
            )
        })
        .collect()
}

fn not_there(view: &View<'_>) -> Vec<Found> {
    let mut seen = BTreeSet::new();
    let ways = [Way::Install, Way::Remove, Way::Purge].into_iter();
    let events = ways.flat_map(|way| view.on(Under::Systemd, way));
    let gone = events
        .filter(|event| event.is_fatal() && fails_without_unit(event) && is_gone(view, event));
    gone.filter(|event| seen.insert(event.call.place))
        .map(|event| {
            let way = match event.way() {
                Way::Install => "on a first installation, before its unit is there",
                _ => "after its unit is gone",
            };
            about(event, &format!("fails {way}, and ends the script"))
        })
        .collect()
}

/// deb-systemd-invoke and invoke-rc.d leave out a start of what is not enabled; systemctl does not.
fn fails_without_unit(event: &Event<'_>) -> bool {
    let Some(effect) = &event.effect else {
        return false;
    };
    match event.call.tool {
        Tool::Systemctl => effect.deed != Deed::TryRestart,
        Tool::DebSystemdInvoke | Tool::InvokeRcD => effect.deed == Deed::Stop,
        _ => false,
    }
}

/// Whether all units that the call names are this package's, and their files are not there at that time, nor
/// can they be loaded since they run.
fn is_gone(view: &View<'_>, event: &Event<'_>) -> bool {
    let effect = event.effect.as_ref();
    let known = effect.is_some_and(|effect| !effect.units.contains(&None));
    let own = known
        && event
            .units()
            .all(|unit| view.shipped().units.contains_key(unit));
    // A script of the same name becomes a unit, and stays when the package is removed.
    let scripts = &view.shipped().init_scripts;
    let has_script = scripts
        .iter()
        .any(|script| event.units().any(|unit| unit.stem() == script.name));
    let steps = &event.played.course.steps;
    let (before, after) = steps.split_at(event.step.min(steps.len()));
    match event.way() {
        Way::Install => own && after.contains(&Step::Unpack) && !has_script,
        Way::Remove => {
            own && before.contains(&Step::RemoveFiles) && !has_script && was_stopped(view, event)
        }
        Way::Purge => own && !has_script,
        _ => false,
    }
}

/// Whether it was stopped before on this way: a unit that runs stays loaded without its file.
fn was_stopped(view: &View<'_>, event: &Event<'_>) -> bool {
    let earlier = view.on(Under::Systemd, event.way());
    let stops = earlier.into_iter().filter(|other| {
        let stop = other
            .effect
            .as_ref()
            .is_some_and(|effect| effect.deed == Deed::Stop);
        stop && other.step < event.step
    });
    let stopped: BTreeSet<&UnitName> = stops.flat_map(|other| other.units()).collect();
    event.units().all(|unit| stopped.contains(unit))
}

fn no_systemd(view: &View<'_>) -> Vec<Found> {
    let mut seen = BTreeSet::new();
    let sysv = view
        .events
        .iter()
        .filter(|event| event.played.under == Under::Sysv && view.is_mine(event.half));
    let fatal = sysv.filter(|event| event.is_fatal() && needs_systemd(event));
    fatal
        .filter(|event| seen.insert((event.call.place.script, event.call.place.start)))
        .map(|event| {
            about(
                event,
                "fails where systemd does not run, and ends the script",
            )
        })
        .collect()
}

fn needs_systemd(event: &Event<'_>) -> bool {
    let reloads = ["daemon-reload", "daemon-reexec", "reset-failed", "isolate"];
    let action = event.asked.action().unwrap_or_default();
    // Users' managers are out of reach likewise; with --global only files are written.
    let offline = event.asked.has("--global")
        || event
            .call
            .words
            .iter()
            .any(|word| written(word).starts_with("--root"));
    let acts = reloads.contains(&action) || deed(&event.asked).is_some();
    event.call.tool == Tool::Systemctl && acts && !offline
}
