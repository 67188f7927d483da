//! The cases on a running systemd: both tools, all actions, all kinds of units, running and not; the policy's answers
//! where they matter; the calls of real packages. Pure.

use crate::fixtures::{self, KINDS, Kind, State};
use crate::tool::Tool;
use crate::{Outcome, invocations};

const ACTIONS: [&str; 9] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    "force-stop",
    "status",
    "custom",
];
/// Answers of policy-rc.d: its status, and what it prints.
const ANSWERS: [(u8, &str); 8] = [
    (0, ""),
    (1, ""),
    (100, ""),
    (101, "no"),
    (102, ""),
    (104, ""),
    (106, "reload stop"),
    (77, ""),
];
/// So many of every so many cases with options, and of the real calls, are run every time; a prime, so that no option
/// and no action is left out.
const PART: (usize, usize) = (2, 11);

/// policy-rc.d.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    None,
    /// Its exit status and stdout.
    Says(u8, &'static str),
    /// Denies what is about this unit, and allows all else.
    Denies(&'static str),
}

/// What `systemctl is-system-running` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// What earlier cases left.
    Any,
    Running,
    Degraded,
}

/// One call in one state.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) tool: Tool,
    pub(crate) args: Vec<String>,
    /// The units that are looked at, with the state they are brought into.
    pub(crate) units: Vec<(String, State)>,
    pub(crate) policy: Policy,
    pub(crate) machine: Machine,
    /// Whether the units are looked at before their jobs are over.
    pub(crate) looks_at_once: bool,
    /// Whether it is run every time, or only where all are wanted.
    pub(crate) always: bool,
    /// Whether it is also run without strict.
    pub(crate) in_default_mode: bool,
}

impl Case {
    /// Whether this is among the words of the call.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.args.iter().any(|arg| arg == word)
    }

    fn on(self, machine: Machine) -> Self {
        let name = format!("{} | {machine:?}", self.name);
        Self {
            name,
            machine,
            ..self
        }
    }

    fn only_strict(self) -> Self {
        Self {
            in_default_mode: false,
            ..self
        }
    }
}

/// Every case.
pub(crate) fn all() -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    for kind in KINDS {
        for state in [State::Running, State::Stopped] {
            if state == State::Stopped || kind.can_run() {
                of_unit(kind, state, &mut cases);
            }
        }
    }
    cases.extend(reloads());
    cases.extend(several());
    cases.extend(patterns());
    cases.extend(managers());
    cases.extend(real_invocations()?);
    let (kept, of) = PART;
    for (number, case) in cases.iter_mut().enumerate() {
        case.always |= number % of < kept;
    }
    Ok(cases)
}

fn of_unit(kind: Kind, state: State, cases: &mut Vec<Case>) {
    for action in ACTIONS {
        for tool in [Tool::InvokeRcD, Tool::DebSystemdInvoke] {
            let plain = call(tool, kind, state, &[], action, Policy::None);
            cases.push(Case {
                always: true,
                in_default_mode: kind.differs_by_default(),
                ..plain
            });
            if matches!(action, "start" | "stop" | "restart" | "reload") && kind == Kind::Enabled {
                for (status, out) in ANSWERS {
                    let answered = call(tool, kind, state, &[], action, Policy::Says(status, out));
                    cases.push(Case {
                        always: matches!(status, 101 | 106),
                        in_default_mode: tool == Tool::DebSystemdInvoke,
                        ..answered
                    });
                }
            }
        }
    }
    for option in [
        "--query",
        "--force",
        "--skip-systemd-native",
        "--disclose-deny",
        "--try-anyway",
        "--quiet",
    ] {
        for action in ["start", "stop", "restart", "status"] {
            for policy in [Policy::None, Policy::Says(101, "")] {
                let with_option = call(Tool::InvokeRcD, kind, state, &[option], action, policy);
                cases.push(with_option.only_strict());
            }
        }
    }
}

/// While the machine is not fully up, degraded included, a reload and what follows it are not waited for.
fn reloads() -> Vec<Case> {
    let mut cases = Vec::new();
    for machine in [Machine::Running, Machine::Degraded] {
        let slow = call(
            Tool::InvokeRcD,
            Kind::Slow,
            State::Running,
            &[],
            "reload",
            Policy::None,
        );
        let then_start = call(
            Tool::InvokeRcD,
            Kind::Failing,
            State::Stopped,
            &[],
            "reload",
            Policy::Says(106, "reload restart"),
        );
        for (case, looks_at_once) in [(slow, true), (then_start, false)] {
            let case = case.on(machine);
            cases.push(Case {
                always: true,
                looks_at_once,
                ..case
            });
        }
    }
    cases
}

/// Calls of deb-systemd-invoke with several units, or with names that are written another way.
fn several() -> Vec<Case> {
    let lines: [&[&str]; 8] = [
        &["restart", "rct-enabled.service", "rct-reloadable.service"],
        &["restart", "rct-enabled", "rct-reloadable"],
        &["start", "rct-missing.service", "rct-enabled.service"],
        &["start", "rct-disabled.service", "rct-enabled.service"],
        &["stop", "rct-socketed.service", "rct-socketed.socket"],
        &["stop", "rct-socketed.socket"],
        &["stop", "rct-missing.service", "rct-enabled.service"],
        &["start", "rct-failing.service", "rct-enabled.service"],
    ];
    let mut cases = Vec::new();
    for line in lines {
        let denied = "rct-reloadable.service";
        let denies = line.contains(&denied).then_some(Policy::Denies(denied));
        for policy in [Policy::None, Policy::Says(0, "said")]
            .into_iter()
            .chain(denies)
        {
            let units: Vec<String> = line.iter().skip(1).map(|unit| full(unit)).collect();
            let state = |unit: &String| match unit.as_str() {
                "rct-failing.service" | "rct-missing.service" => State::Stopped,
                _ => State::Running,
            };
            cases.push(Case {
                name: format!("several | {} | policy {policy:?}", line.join(" ")),
                tool: Tool::DebSystemdInvoke,
                args: line.iter().map(|&word| word.to_owned()).collect(),
                units: units
                    .iter()
                    .map(|unit| (unit.clone(), state(unit)))
                    .collect(),
                policy,
                machine: Machine::Any,
                looks_at_once: false,
                always: true,
                in_default_mode: true,
            });
        }
    }
    cases
}

/// Patterns, of which systemctl makes units. Ours asks policy-rc.d about each of these too, and has nothing to say of a
/// pattern that is-enabled does not take: only the strict mode is as stock there.
fn patterns() -> Vec<Case> {
    let mut cases = Vec::new();
    for action in ["stop", "restart", "start", "try-restart"] {
        for pattern in ["rct-enabl*", "rct-enable[cd].service", "rct-nothing*"] {
            for policy in [Policy::None, Policy::Says(0, "said"), Policy::Says(101, "")] {
                let is_enabled_asked = matches!(action, "start" | "restart");
                let in_default_mode = matches!(policy, Policy::None) && !is_enabled_asked;
                cases.push(Case {
                    name: format!("pattern | {action} {pattern} | policy {policy:?}"),
                    tool: Tool::DebSystemdInvoke,
                    args: vec![action.to_owned(), pattern.to_owned()],
                    units: vec![("rct-enabled.service".to_owned(), State::Running)],
                    policy,
                    machine: Machine::Any,
                    looks_at_once: false,
                    always: true,
                    in_default_mode,
                });
            }
        }
    }
    cases
}

/// deb-systemd-invoke's calls about managers as a whole, and for users, of whom none runs a manager here. No case
/// re-executes PID 1 by a signal: stock would not wait for it, and the suite itself would meet an init that is away.
fn managers() -> Vec<Case> {
    let lines: [&[&str]; 15] = [
        &["daemon-reload"],
        &["--system", "daemon-reload"],
        &["daemon-reload", "--system"],
        &["--system", "daemon-reexec"],
        &["--no-dbus", "daemon-reload"],
        &["--user", "daemon-reload"],
        &["--user", "--no-dbus", "daemon-reload"],
        &["--user", "--no-dbus", "daemon-reexec"],
        &["--system", "daemon-reload", "rct-enabled.service"],
        &["--user", "start", "rct-enabled.service"],
        &["--user", "stop", "rct-enabled.service"],
        &["--user", "restart", "rct-enabled.service"],
        &["restart", "--user", "rct-enabled.service"],
        &["--user", "try-restart", "rct-enabled.service"],
        &["--user", "reload", "rct-enabled.service"],
    ];
    let mut cases = Vec::new();
    for line in lines {
        for policy in [Policy::None, Policy::Says(101, "no"), Policy::Says(77, "")] {
            cases.push(Case {
                name: format!("managers | {} | policy {policy:?}", line.join(" ")),
                tool: Tool::DebSystemdInvoke,
                args: line.iter().map(|&word| word.to_owned()).collect(),
                units: vec![("rct-enabled.service".to_owned(), State::Running)],
                policy,
                machine: Machine::Any,
                looks_at_once: false,
                always: policy == Policy::None,
                in_default_mode: true,
            });
        }
    }
    cases
}

fn full(unit: &str) -> String {
    match unit.contains('.') {
        true => unit.to_owned(),
        false => format!("{unit}.service"),
    }
}

fn call(
    tool: Tool,
    kind: Kind,
    state: State,
    options: &[&str],
    action: &str,
    policy: Policy,
) -> Case {
    let unit = format!("{}.service", kind.name());
    let words = match tool {
        Tool::InvokeRcD => [kind.name(), action],
        Tool::DebSystemdInvoke => [action, unit.as_str()],
    };
    let words = options.iter().copied().chain(words);
    let args: Vec<String> = words.map(str::to_owned).collect();
    Case {
        name: format!(
            "{kind:?} {state:?} | {} {} | policy {policy:?}",
            tool.file_name(),
            args.join(" ")
        ),
        tool,
        args,
        units: kind.units().into_iter().map(|unit| (unit, state)).collect(),
        policy,
        // A reload waits only on a machine that is fully up.
        machine: match action {
            "reload" => Machine::Running,
            _ => Machine::Any,
        },
        looks_at_once: false,
        always: false,
        in_default_mode: true,
    }
}

/// Every deb-systemd-invoke call of the real packages, on units of the same names with a prefix of ours.
fn real_invocations() -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    for invocation in invocations::all()? {
        let user = invocation.args.iter().any(|arg| arg == "--user");
        let Some((action, units)) = invocation.args.split_first() else {
            continue;
        };
        if invocation.tool != Tool::DebSystemdInvoke || user {
            continue;
        }
        let units: Vec<String> = units.iter().map(|unit| fixtures::prefixed(unit)).collect();
        for state in [State::Running, State::Stopped] {
            cases.push(Case {
                name: format!(
                    "real {state:?} {} | {action} {}",
                    invocation.origin,
                    units.join(" ")
                ),
                tool: invocation.tool,
                args: std::iter::once(action).chain(&units).cloned().collect(),
                units: units.iter().map(|unit| (unit.clone(), state)).collect(),
                policy: Policy::None,
                machine: Machine::Any,
                looks_at_once: false,
                always: false,
                in_default_mode: false,
            });
        }
    }
    Ok(cases)
}
