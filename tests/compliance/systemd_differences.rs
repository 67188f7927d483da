//! The differences that are meant on a running systemd: each with its name, why it is there, and which fields it
//! explains. A field that nothing here explains fails the suite, and so does an entry that explains nothing. Pure.

use crate::systemd_cases::{Case, Machine, Policy};
use crate::tool::Tool;

/// Which policy ours runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `[compat] strict = true`
    Strict,
    /// Nothing configured.
    Default,
}

/// One field of what was seen, in which the two sides differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delta<'a> {
    pub(crate) field: &'a str,
    pub(crate) theirs: &'a str,
    pub(crate) ours: &'a str,
}

/// One intended difference.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// In which modes it is allowed.
    pub(crate) modes: &'static [Mode],
    /// The versions of systemd on which it can be seen, the first and the last.
    pub(crate) from: u32,
    pub(crate) up_to: u32,
    pub(crate) explains: fn(&Case, &Delta<'_>) -> bool,
}

const BOTH: &[Mode] = &[Mode::Strict, Mode::Default];
const DEFAULT: &[Mode] = &[Mode::Default];
const ANY: u32 = u32::MAX;

/// The table. In strict mode only what comes from the programs that stock calls and ours does not.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "the shell's own words",
        reason: "where there is no init script to run, the shell says so with its own name and line number",
        modes: BOTH,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            let theirs = without(delta.theirs, |line| {
                line.starts_with("TOOLS/invoke-rc.d: N: /etc/init.d/")
            });
            let ours = without(delta.ours, |line| {
                line.starts_with("invoke-rc.d: cannot run `/etc/init.d/")
            });
            case.tool == Tool::InvokeRcD && delta.field == "stderr" && theirs == ours
        },
    },
    Difference {
        name: "how systemctl found out",
        reason: "ours asks systemd itself and runs no systemd-sysv-install; 262 has none of these lines any more",
        modes: BOTH,
        from: 0,
        up_to: 259,
        explains: |case, delta| {
            let theirs = without(delta.theirs, |line| {
                line.starts_with("Failed to get unit file state for ")
                    || line
                        .ends_with(" is not a native service, redirecting to systemd-sysv-install.")
                    || line.starts_with("Executing: ")
                        && line.contains("/systemd-sysv-install is-enabled ")
            });
            case.tool == Tool::DebSystemdInvoke && delta.field == "stderr" && theirs == delta.ours
        },
    },
    Difference {
        name: "one unit that is not there keeps none of the others",
        reason: "262's systemctl asks for all jobs at once and does nothing where one is refused; 252, 257 and ours do the rest",
        modes: BOTH,
        from: 258,
        up_to: ANY,
        explains: |case, delta| {
            case.has(MISSING)
                && match delta.field {
                    "stderr" => {
                        delta
                            .theirs
                            .replace("enqueue jobs: ", "stop rct-missing.service: ")
                            == delta.ours
                    }
                    "unit rct-enabled.service" => {
                        delta.theirs.contains("ActiveState=active")
                            && delta.ours.contains("ActiveState=inactive")
                    }
                    _ => false,
                }
        },
    },
    Difference {
        name: "users' units, not the system's",
        reason: "stock's try-restart and reload for users act on the system's unit of that name, which nobody asked for",
        modes: BOTH,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            let denied = matches!(case.policy, Policy::Says(101, _));
            case.has("--user")
                && (case.has("try-restart") || case.has("reload"))
                && !denied
                && match delta.field {
                    "status" => delta.ours == "exit status: 0",
                    "stderr" => delta.theirs.starts_with(delta.ours),
                    field => field.starts_with("unit ") && delta.ours.ends_with("(the same life)"),
                }
        },
    },
    Difference {
        name: "what deb-systemd-invoke learnt later",
        reason: "bookworm's knows no --no-dbus, and its syntax line no action without a unit",
        modes: BOTH,
        from: 0,
        up_to: 252,
        explains: |case, delta| {
            let told = without(delta.theirs, |line| line == "Unknown option: no-dbus");
            let syntax = "Syntax: TOOLS/deb-systemd-invoke <action> ";
            delta.field == "stderr"
                && (case.has("--no-dbus") && told == delta.ours
                    || delta.theirs.starts_with(syntax) && delta.ours.starts_with(syntax))
        },
    },
    Difference {
        name: "stop stops the triggers too",
        reason: "a socket that goes on listening starts the service again before its files are replaced",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| match delta.field {
            "unit rct-socketed.socket" => {
                case.has("stop")
                    && delta.theirs.contains("ActiveState=active")
                    && delta.ours.contains("ActiveState=inactive")
            }
            "stderr" => case.has("stop") && without_warning(delta.theirs) == delta.ours,
            _ => false,
        },
    },
    Difference {
        name: "nothing to stop is no failure",
        reason: "what is not loaded is stopped already; a removal must not end there",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            // 262 reads no init scripts any more: there such a unit is missing too.
            let absent = |unit: &str| unit == MISSING || unit == "rct-script.service";
            let missing = case.has("stop") && case.units.iter().any(|(unit, _)| absent(unit));
            missing
                && match delta.field {
                    "status" => delta.theirs == "exit status: 5" && delta.ours == "exit status: 0",
                    "stderr" => {
                        delta.theirs.contains(".service not loaded.") && delta.ours.is_empty()
                    }
                    _ => false,
                }
        },
    },
    Difference {
        name: "a trigger is judged as what it triggers",
        reason: "who names a socket acts on its service: policy-rc.d is asked about that too",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            const SERVICE: &str = "\"rct-socketed.service\"";
            case.tool == Tool::DebSystemdInvoke
                && case.has("rct-socketed.socket")
                && match delta.field {
                    "policy" => !delta.theirs.contains(SERVICE) && delta.ours.contains(SERVICE),
                    "stdout" => delta.ours == format!("said{}", delta.theirs),
                    _ => false,
                }
        },
    },
    Difference {
        name: "masked is called masked",
        reason: "\"a disabled or a static unit\" sends the admin the wrong way",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            case.tool == Tool::DebSystemdInvoke
                && delta.field == "stderr"
                && delta
                    .theirs
                    .starts_with("rct-masked.service is a disabled or a static unit")
                && delta.ours == "rct-masked.service is masked, not starting it.\n"
        },
    },
    Difference {
        name: "what is masked is not started by its script",
        reason: "an action that systemd does not know may start what the admin has masked",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            case.has("rct-masked")
                && case.has("custom")
                && match delta.field {
                    "status" => {
                        delta.theirs == "exit status: 127" && delta.ours == "exit status: 0"
                    }
                    "stderr" => delta.ours.is_empty(),
                    _ => false,
                }
        },
    },
    Difference {
        name: "errors name the unit and the reason",
        reason: "`Could not execute systemctl` names neither",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            case.tool == Tool::DebSystemdInvoke
                && delta.field == "stderr"
                && delta.theirs.contains("Could not execute systemctl:  at ")
                && delta.ours.contains("deb-systemd-invoke: ")
                && delta.ours.contains("rct-failing.service failed: ")
        },
    },
    Difference {
        name: "one answer a unit",
        reason: "policy-rc.d denied one unit; the others were never meant",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            let Policy::Denies(denied) = case.policy else {
                return false;
            };
            case.has(denied)
                && match delta.field {
                    "stderr" => delta.ours.contains(&format!(
                        "returned N, not running '{} {denied}'",
                        case.args.first().map_or("", String::as_str)
                    )),
                    "unit rct-enabled.service" => {
                        delta.theirs.ends_with("(the same life)")
                            && delta.ours.ends_with("(another life)")
                    }
                    _ => false,
                }
        },
    },
    Difference {
        name: "policy-rc.d's fallback is honoured",
        reason: "stock ignores 106 and does what the policy did not want",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            case.tool == Tool::DebSystemdInvoke
                && matches!(case.policy, Policy::Says(106, _))
                && match delta.field {
                    "stderr" => {
                        delta.theirs.contains("Got return code N, ignoring.")
                            && delta.ours.contains("instead")
                    }
                    "status" => true,
                    field => field.starts_with("unit ") && !delta.theirs.ends_with(delta.ours),
                }
        },
    },
    Difference {
        name: "a script that systemd does not know is run",
        reason: "from 260 on nothing makes a unit of an init script; stock ends with `not found`, and does nothing for `stop` and \
                 `--skip-systemd-native`",
        modes: DEFAULT,
        from: 260,
        up_to: ANY,
        explains: |case, delta| {
            let script = case.tool == Tool::InvokeRcD && case.has("rct-script");
            let ran = |said: &str| said.lines().any(|line| line.starts_with("script "));
            match delta.field {
                "stdout" => script && delta.theirs.is_empty() && ran(delta.ours),
                "stderr" => {
                    let unknown = ["not found", "not loaded", "could not be found"];
                    let unknown = unknown.iter().any(|words| delta.theirs.contains(words));
                    script && unknown && !delta.ours.contains("Failed to ")
                }
                // The script's own status, in place of systemctl's.
                "status" => {
                    let failed = ["exit status: 1", "exit status: 4", "exit status: 5"];
                    script && failed.contains(&delta.theirs)
                }
                _ => false,
            }
        },
    },
    Difference {
        name: "a degraded machine is up",
        reason: "some unit failed, somewhere: no reason not to wait for a reload, and not to hear of its failure",
        modes: DEFAULT,
        from: 0,
        up_to: ANY,
        explains: |case, delta| {
            case.machine == Machine::Degraded
                && match delta.field {
                    "at once" => {
                        delta.theirs.contains("ActiveState=reloading")
                            && delta.ours.contains("ActiveState=active")
                    }
                    "status" => delta.theirs == "exit status: 0" && delta.ours == "exit status: 1",
                    "stderr" => {
                        delta.ours.contains("action \"restart\" failed.")
                            && !delta.theirs.contains("action \"restart\" failed.")
                    }
                    "stdout" => delta.theirs.is_empty() && delta.ours.contains("rct-failing"),
                    _ => false,
                }
        },
    },
];

const MISSING: &str = "rct-missing.service";

/// Without systemctl's warning that the stopped service's socket can start it again.
fn without_warning(text: &str) -> String {
    without(text, |line| {
        line.starts_with("Warning: Stopping rct-socketed.service, ")
            || line == "  rct-socketed.socket"
    })
}

fn without(text: &str, unwanted: impl Fn(&str) -> bool) -> String {
    let lines = text.lines().filter(|line| !unwanted(line));
    lines.map(|line| format!("{line}\n")).collect()
}
