//! Calls that go round policy-rc.d, rcpolicy, and the init that runs: systemctl, service and the init script
//! called directly, and processes started or killed by hand.

use super::event::{acts, deed};
use super::found::{Found, in_script};
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::{Ask, Tool, Word};
use crate::audit::finding::Severity;

/// systemctl acts.
pub(super) const SYSTEMCTL: Check = Check {
    id: "systemctl-called",
    title: "systemctl is called directly",
    severity: Severity::Warning,
    explanation: "systemctl does not ask policy-rc.d, nor rcpolicy: what the admin denies happens all the same, in images and \
                  containers too. It knows nothing of the upgrade around it, and where another init runs it fails.",
    change: "deb-systemd-invoke ACTION UNIT, or invoke-rc.d SERVICE ACTION where an init script is shipped too",
    lintian: &["maintainer-script-calls-systemctl"],
    find: |view| {
        direct(view, |event| {
            event.call.tool == Tool::Systemctl && deed(&event.asked).is_some()
        })
    },
};

/// systemctl enables.
pub(super) const ENABLES: Check = Check {
    id: "systemctl-enables",
    title: "units are enabled, disabled or masked by systemctl",
    severity: Severity::Warning,
    explanation: "deb-systemd-helper remembers what it enabled, and so can tell in the next upgrade whether the admin disabled the \
                  unit meanwhile. systemctl remembers nothing: each upgrade enables again what the admin turned off, \
                  and nothing is cleaned up on purge. In a chroot without systemd it may not be there at all.",
    change: "deb-systemd-helper enable UNIT, as dh_installsystemd writes it",
    lintian: &["maintainer-script-calls-systemctl"],
    find: |view| {
        let sets = |event: &Event<'_>| event.call.tool == Tool::Systemctl && sets(&event.asked);
        told(
            view,
            sets,
            "is not remembered: deb-systemd-helper does that",
        )
    },
};

/// `service`.
pub(super) const SERVICE: Check = Check {
    id: "service-called",
    title: "`service` is called",
    severity: Severity::Warning,
    explanation: "`service` is for people. It does not ask policy-rc.d, nor rcpolicy, and starts what the admin has turned off.",
    change: "invoke-rc.d SERVICE ACTION",
    lintian: &["maintainer-script-calls-service"],
    find: |view| {
        direct(view, |event| {
            event.call.tool == Tool::Service && deed(&event.asked).is_some()
        })
    },
};

/// The init script.
pub(super) const SCRIPT: Check = Check {
    id: "init-script-called",
    title: "an init script is run directly",
    severity: Severity::Warning,
    explanation: "Debian's policy has maintainer scripts call invoke-rc.d, which asks policy-rc.d, looks at the runlevel, and \
                  finds the service under any init. Run directly, the script starts what is turned off, and \
                  on systemd it may start a second process beside the unit's.",
    change: "invoke-rc.d SERVICE ACTION",
    lintian: &["maintainer-script-calls-init-script-directly"],
    find: |view| {
        direct(view, |event| {
            event.call.tool == Tool::InitScript && deed(&event.asked).is_some()
        })
    },
};

/// Another init's own tool.
pub(super) const NATIVE: Check = Check {
    id: "init-tool-called",
    title: "the tool of one init is called directly",
    severity: Severity::Warning,
    explanation: "rc-service, sv and initctl ask no policy, and do nothing, or fail, wherever another init runs.",
    change: "invoke-rc.d SERVICE ACTION, which finds the init that runs",
    lintian: &[],
    find: |view| {
        let native = |tool| matches!(tool, Tool::RcService | Tool::Sv | Tool::Initctl);
        direct(view, |event| {
            native(event.call.tool) && acts(event.call.tool) && deed(&event.asked).is_some()
        })
    },
};

/// start-stop-daemon.
pub(super) const DAEMON: Check = Check {
    id: "start-stop-daemon-called",
    title: "a script starts or stops a daemon by start-stop-daemon",
    severity: Severity::Warning,
    explanation: "A daemon that is started so belongs to no service: it runs with the script's environment and limits, no policy is \
                  asked, and no init knows of it. One that is stopped so is started again by the init that watches it.",
    change: "invoke-rc.d or deb-systemd-invoke, with a unit or an init script for the daemon",
    lintian: &["maintainer-script-calls-start-stop-daemon"],
    find: |view| {
        told(
            view,
            |event| {
                let acts = matches!(event.asked.action(), Some("start" | "stop"));
                event.call.tool == Tool::StartStopDaemon && acts
            },
            "acts on a process of which no init knows",
        )
    },
};

/// By name.
pub(super) const KILLED: Check = Check {
    id: "killed-by-name",
    title: "processes are killed by their name",
    severity: Severity::Warning,
    explanation: "killall and pkill find every process of that name: those of users, of containers, and of other instances. A \
                  service that is killed behind its init's back counts as crashed, and may be started again at once.",
    change: "stop the service by invoke-rc.d or deb-systemd-invoke; where processes of users are meant, name the user and the reason",
    lintian: &["killall-is-dangerous"],
    find: |view| {
        told(
            view,
            |event| {
                let program = event
                    .call
                    .words
                    .first()
                    .and_then(Word::known)
                    .map(super::event::base);
                let by_name = matches!(program, Some("killall" | "pkill"));
                // Signal 0 only asks whether there is one.
                event.call.tool == Tool::Kill && by_name && event.asked.action() == Some("kill")
            },
            "also hits processes that are none of the service",
        )
    },
};

/// Most characters of a call that a sentence shows.
const LONGEST: usize = 80;

fn sets(asked: &Ask) -> bool {
    let action = asked.action();
    // Until the next boot, or in another root: nothing that an upgrade would have to remember.
    let elsewhere = asked
        .options
        .iter()
        .filter_map(Word::known)
        .any(|option| option.starts_with("--root") || option == "--runtime");
    let sets = matches!(
        action,
        Some("enable" | "disable" | "mask" | "unmask" | "preset" | "reenable")
    );
    sets && !elsewhere && deed(asked).is_none()
}

fn direct(view: &View<'_>, concerned: impl Fn(&Event<'_>) -> bool) -> Vec<Found> {
    told(view, concerned, "goes round policy-rc.d and rcpolicy")
}

fn told(view: &View<'_>, concerned: impl Fn(&Event<'_>) -> bool, what: &str) -> Vec<Found> {
    let calls = view.calls();
    let by_hand = calls
        .into_iter()
        .filter(|event| event.by_hand() && !is_fallback(event) && concerned(event));
    by_hand
        .map(|event| {
            let label = if event.asked.has("--user") || event.asked.has("--global") {
                "for users' managers"
            } else {
                ""
            };
            let spot = in_script(event.half.package, event.call.place, label);
            Found::at(spot, format!("`{}` {what}", short(event))).assuming(event.call)
        })
        .collect()
}

/// Whether it is only done where the right tool is missing.
fn is_fallback(event: &Event<'_>) -> bool {
    let mut assumed = event.call.assumed.iter().filter(|given| !given.held);
    let tools = ["invoke-rc.d", "deb-systemd-invoke"];
    assumed.any(|given| tools.iter().any(|tool| given.text.contains(tool)))
}

/// A call as it is written, cut where it is long.
pub(super) fn short(event: &Event<'_>) -> String {
    let words: Vec<&str> = event.call.words.iter().map(super::event::written).collect();
    words.join(" ").chars().take(LONGEST).collect()
}
