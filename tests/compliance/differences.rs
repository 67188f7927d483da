//! The differences that are meant: each with its name, why it is there, and which deltas it explains. A delta that
//! nothing here explains fails the suite, and so does an entry that explains nothing.

use crate::case::{Case, LinkKind, Marker, Policy, Runlevel, Script, Tool};
use crate::compare::{Delta, Field};

/// Which policy ours runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `[compat] strict = true`
    Strict,
    /// Nothing configured.
    Default,
}

/// One intended difference.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    /// In which modes it is allowed.
    pub(crate) modes: &'static [Mode],
    pub(crate) explains: fn(&Case, &Delta) -> bool,
}

/// The table. In strict mode only what no program but the shell itself could do alike.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "the shell's own words",
        reason: "where a script or a policy-rc.d cannot be executed, the shell says so with its own name and line number",
        modes: &[Mode::Strict, Mode::Default],
        explains: |case, delta| {
            shell_speaks(case)
                && delta.field == Field::Stderr
                && without_shell(&delta.theirs) == without_own(&delta.ours)
        },
    },
    Difference {
        name: "no systemctl",
        reason: "theirs calls systemctl where systemd's mark is there, and has none here; ours talks to systemd itself",
        modes: &[Mode::Strict, Mode::Default],
        explains: |case, delta| {
            case.marker == Marker::SystemdDirectory
                && matches!(delta.field, Field::Stderr | Field::Status)
        },
    },
    Difference {
        name: "the usage line of a later deb-systemd-invoke",
        reason: "bookworm's has no verbs without units; ours follows the later ones, that have",
        modes: &[Mode::Strict, Mode::Default],
        explains: |case, delta| {
            case.tool == Tool::DebSystemdInvoke
                && delta.field == Field::Stderr
                && delta.ours.starts_with("Syntax: ")
                && delta.theirs.starts_with("Syntax: ")
        },
    },
    Difference {
        name: "descriptors are not inherited",
        reason: "a service that holds dpkg's or debconf's descriptors keeps their readers waiting",
        modes: &[Mode::Default],
        explains: |_, delta| delta.field == Field::Descriptors && !delta.ours.contains("7 "),
    },
];

/// Their standard error without the lines in which the shell speaks for itself.
fn without_shell(text: &str) -> String {
    let own = |line: &&str| {
        let after = line
            .strip_prefix("TOOLS/invoke-rc.d: ")
            .and_then(|rest| rest.split_once(": "));
        !matches!(*line, "Killed" | "Terminated" | "Hangup")
            && !after.is_some_and(|(number, _)| number.chars().all(|c| c.is_ascii_digit()))
    };
    text.lines().filter(own).collect::<Vec<_>>().join("\n")
}

/// Our standard error without the lines in which we say that something could not be executed.
fn without_own(text: &str) -> String {
    text.lines()
        .filter(|line| !line.contains(": cannot run `"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether the case is one in which the shell has something to say for itself; keeps the entry narrow.
fn shell_speaks(case: &Case) -> bool {
    matches!(
        case.policy,
        Policy::Directory | Policy::BadInterpreter | Policy::OneLine | Policy::Killed(_)
    ) || matches!(
        case.script,
        Script::Directory | Script::BadInterpreter | Script::Killed(_)
    ) || case
        .links
        .iter()
        .any(|link| link.kind == LinkKind::Directory)
        || matches!(case.runlevel, Runlevel::NotExecutable)
        || case.marker == Marker::Openrc(None)
}
