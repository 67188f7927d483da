//! The links in /etc/rc?.d: made by update-rc.d in the postinst, and removed on purge in the postrm.

use std::collections::BTreeMap;

use super::event::Under;
use super::found::{Found, in_file, in_script};
use super::relations::yes;
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::Tool;
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::audit::package::ScriptName;
use crate::audit::shipped::InitScript;

/// Links made or removed by the wrong script.
pub(super) const WRONG_SCRIPT: Check = Check {
    id: "links-changed-early",
    title: "update-rc.d is called in preinst or prerm",
    severity: Severity::Warning,
    explanation: "Before the unpacking the init script is not there, or is the old one: its links are made from an old header, or not \
                  at all. In the prerm they are removed while the package may yet stay, and an upgrade that fails \
                  leaves a service that no longer starts with the machine.",
    change: "call update-rc.d defaults in the postinst, and update-rc.d remove in the postrm on purge: dh_installinit does",
    lintian: &["preinst-calls-updaterc.d", "prerm-calls-updaterc.d"],
    find: |view| {
        let early = |event: &&&Event<'_>| {
            let script = event.call.place.script;
            matches!(script, ScriptName::Preinst | ScriptName::Prerm) && event.by_hand()
        };
        let calls = links(view);
        let early = calls.iter().filter(early);
        early
            .map(|event| {
                let script = event.call.place.script.as_str();
                let spot = in_script(event.half.package, event.call.place, "");
                Found::at(
                    spot,
                    format!("links in /etc/rc?.d are changed in the {script}"),
                )
                .assuming(event.call)
            })
            .collect()
    },
};

/// Links made twice.
pub(super) const TWICE: Check = Check {
    id: "links-made-twice",
    title: "update-rc.d is called twice for one init script",
    severity: Severity::Note,
    explanation: "One script registers or removes the same init script at two places, by hand and by debhelper in most cases. \
                  The second call does nothing, or undoes what the first one meant.",
    change: "leave it to dh_installinit",
    lintian: &[
        "duplicate-updaterc.d-calls-in-postinst",
        "duplicate-updaterc.d-calls-in-postrm",
    ],
    find: twice,
};

/// Links that stay.
pub(super) const LEFT: Check = Check {
    id: "links-left-behind",
    title: "links of an init script are never removed",
    severity: Severity::Warning,
    explanation: "The postinst registers the init script, and the postrm does not remove it on purge: dead links stay in /etc/rc?.d, \
                  and insserv complains about them for every other package.",
    change: "update-rc.d NAME remove in the postrm on purge: dh_installinit does",
    lintian: &["postrm-does-not-call-updaterc.d-for-init.d-script"],
    find: left,
};

/// A script that is never registered.
pub(super) const UNREGISTERED: Check = Check {
    id: "init-script-not-registered",
    title: "an init script is never registered",
    severity: Severity::Warning,
    explanation: "Nothing calls update-rc.d for this init script: under sysvinit the service does not start with the machine, and \
                  invoke-rc.d starts nothing that has no link.",
    change: "call dh_installinit for it, or say in a comment why it is not to be started",
    lintian: &["script-in-etc-init.d-not-registered-via-update-rc.d"],
    find: unregistered,
};

/// A script that is registered and not there.
pub(super) const MISSING: Check = Check {
    id: "registers-missing-script",
    title: "an init script is registered that the package does not ship",
    severity: Severity::Error,
    explanation: "update-rc.d reads the init script's header, says `unable to read` where there is none, and fails. Here that ends \
                  the postinst: the package cannot be configured.",
    change: "remove the call, or do it only if [ -x /etc/init.d/NAME ]",
    lintian: &["init.d-script-not-included-in-package"],
    find: missing,
};

fn links<'v, 's>(view: &'v View<'s>) -> Vec<&'v Event<'s>> {
    let calls = view.calls().into_iter();
    calls
        .filter(|event| event.call.tool == Tool::UpdateRcD)
        .collect()
}

fn name<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    event.asked.names.first()?.known()
}

fn makes(event: &Event<'_>) -> bool {
    let action = event.asked.action();
    matches!(
        action,
        Some("defaults" | "defaults-disabled" | "start" | "stop")
    )
}

fn removes(event: &Event<'_>) -> bool {
    event.asked.action() == Some("remove")
}

fn twice(view: &View<'_>) -> Vec<Found> {
    let calls = links(view);
    let mut first: BTreeMap<(ScriptName, &str, Option<&str>), &Event<'_>> = BTreeMap::new();
    let mut found = Vec::new();
    for event in calls {
        let Some(name) = name(event).filter(|_| makes(event) || removes(event)) else {
            continue;
        };
        let key = (event.call.place.script, name, event.asked.action());
        match first.get(&key) {
            None => {
                first.insert(key, event);
            }
            Some(other) => {
                let spot = in_script(event.half.package, event.call.place, "once more");
                let message = format!("update-rc.d is called twice for `{name}`");
                let before = in_script(other.half.package, other.call.place, "here already");
                found.push(Found::at(spot, message).and(before));
            }
        }
    }
    found
}

/// The package's own init scripts that calls of a kind name; `None` where one of these is not known.
fn named<'v>(calls: &'v [&Event<'_>], kind: fn(&Event<'_>) -> bool) -> Option<Vec<&'v str>> {
    calls
        .iter()
        .filter(|event| kind(event))
        .map(|event| name(event))
        .collect()
}

fn left(view: &View<'_>) -> Vec<Found> {
    let calls = links(view);
    let Some(removed) = named(&calls, removes).filter(|_| view.is_whole()) else {
        return Vec::new();
    };
    let made = calls.iter().filter(|event| makes(event));
    let left = made.filter(|event| {
        name(event).is_some_and(|name| ships(view, name) && !removed.contains(&name))
    });
    left.map(|event| {
        let spot = in_script(event.half.package, event.call.place, "made here");
        let name = name(event).unwrap_or_default();
        Found::at(spot, format!("the links of `{name}` are never removed")).assuming(event.call)
    })
    .collect()
}

fn ships(view: &View<'_>, name: &str) -> bool {
    view.shipped()
        .init_scripts
        .iter()
        .any(|script| script.name == name)
}

/// Init scripts that are no scripts for boot: what insserv and init themselves run.
const NO_SERVICES: [&str; 6] = ["README", "rc", "rcS", "skeleton", ".depend.boot", "halt"];

fn unregistered(view: &View<'_>) -> Vec<Found> {
    let calls = links(view);
    let Some(made) = named(&calls, makes).filter(|_| view.is_removable()) else {
        return Vec::new();
    };
    let concerned = |script: &&InitScript| {
        let manual = script
            .header
            .get("x-manual")
            .is_some_and(|value| yes(value));
        let linked = view
            .package()
            .files
            .keys()
            .any(|path| is_link_of(path, &script.name));
        !manual
            && !linked
            && !NO_SERVICES.contains(&script.name.as_str())
            && !made.contains(&script.name.as_str())
    };
    let scripts = view.shipped().init_scripts.iter().filter(concerned);
    scripts
        .map(|script| {
            let spot = in_file(view.package(), &script.path, "");
            Found::at(
                spot,
                format!(
                    "nothing registers `{}` to be started with the machine",
                    script.path
                ),
            )
        })
        .collect()
}

/// Whether a path is a link in /etc/rc?.d to a script.
fn is_link_of(path: &str, script: &str) -> bool {
    let link = path
        .strip_prefix("/etc/rc")
        .and_then(|rest| rest.rsplit_once('/'));
    link.is_some_and(|(_, link)| link.get(3..) == Some(script))
}

fn missing(view: &View<'_>) -> Vec<Found> {
    let ways = [Way::Install, Way::Upgrade].into_iter();
    let events = ways.flat_map(|way| view.on(Under::Systemd, way));
    let mut found: Vec<Found> = Vec::new();
    for event in
        events.filter(|event| event.call.tool == Tool::UpdateRcD && view.is_mine(event.half))
    {
        let Some(name) =
            name(event).filter(|_| makes(event) && event.is_fatal() && view.is_whole())
        else {
            continue;
        };
        let path = format!("/etc/init.d/{name}");
        // A script that tests for it knows that it may be another package's, or gone.
        let mut assumed = event.call.assumed.iter();
        if assumed.any(|given| given.text.contains(&path))
            || view.package().files.contains_key(&path)
        {
            continue;
        }
        let spot = in_script(event.half.package, event.call.place, "");
        let message = format!("`{path}` is registered, and the package does not ship it");
        let one = Found::at(spot, message).assuming(event.call);
        if !found.iter().any(|other| other.spots == one.spots) {
            found.push(one);
        }
    }
    found
}
