//! The differences that are meant: each with its name, why it is there, and which deltas it explains. A delta that
//! nothing here explains fails the suite, and so does an entry that explains nothing.

use std::ffi::OsString;

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

const BOTH: &[Mode] = &[Mode::Strict, Mode::Default];

/// The table. In strict mode only what no program but the shell itself could do alike.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "the shell's own words",
        reason: "where a script or a policy-rc.d cannot be executed, the shell says so with its own name and line number",
        modes: BOTH,
        explains: |case, delta| {
            shell_speaks(case)
                && delta.field == Field::Stderr
                && without_shell(&delta.theirs) == without_own(&delta.ours)
        },
    },
    Difference {
        name: "the diverted stock tool's name",
        reason: "where systemd is out of reach the stock tool goes on, and a shell script's own name is its path",
        modes: BOTH,
        explains: |case, delta| {
            case.marker == Marker::SystemdDirectory
                && delta.field == Field::Stderr
                && delta.ours.replace(".distrib: ", ": ") == delta.theirs
        },
    },
    Difference {
        name: "the usage line of a later deb-systemd-invoke",
        reason: "ours takes what 1.69's takes, verbs without units included, and says so, letter by letter; bookworm's did not",
        modes: BOTH,
        explains: |case, delta| {
            const THEIRS: &str = " <action> <unit file> [<unit file> ...]\n";
            const OURS: &str = " <action> [<unit file> [<unit file> ...]]\n";
            case.tool == Tool::DebSystemdInvoke
                && delta.field == Field::Stderr
                && delta.theirs.replace(THEIRS, OURS) == delta.ours
        },
    },
    Difference {
        name: "names that no service can have",
        reason: "what could reach a shell or leave a directory is refused; the links and scripts of real packages have no such names",
        modes: BOTH,
        explains: |case, delta| {
            case.tool == Tool::InvokeRcD
                && case
                    .service
                    .contains(|c: char| !c.is_ascii() || "#$'".contains(c))
                && refused(delta, " is not a service name: ")
        },
    },
    Difference {
        name: "blanks around a name or an action",
        reason: "stock drops them here and keeps them there, and looks for a script of another name",
        modes: BOTH,
        explains: |case, delta| {
            let padded = |word: &OsString| {
                let word = word.to_string_lossy();
                word.trim() != word
            };
            case.args.iter().take(2).any(padded)
                && refused(delta, "embedded blanks are not allowed in ")
        },
    },
    Difference {
        name: "the shell's echo",
        reason: "stock's messages go through an echo that takes `-n` and a backslash for itself",
        modes: BOTH,
        explains: |case, delta| {
            let eaten = |word: &OsString| word == "-n" || word.to_string_lossy().contains('\\');
            case.args.iter().any(eaten) && delta.field == Field::Stderr
        },
    },
    Difference {
        name: "a backslash in a name",
        reason: "stock's xargs takes it away, so that the links of such a script are never found",
        modes: BOTH,
        explains: |case, delta| {
            case.service.contains('\\')
                && match delta.field {
                    Field::Status => delta.ours == "exit 102" || delta.ours == "exit 0",
                    Field::Calls => delta.theirs.is_empty(),
                    Field::Arguments => delta.theirs.contains("(start)"),
                    Field::Stdout
                    | Field::Stderr
                    | Field::Environment
                    | Field::Stdin
                    | Field::Descriptors
                    | Field::Surroundings => false,
                }
        },
    },
    Difference {
        name: "a fallback to nothing but blanks",
        reason: "stock's shell dies of it (\"shift: can't shift that many\"); ours ends as with an empty list",
        modes: BOTH,
        explains: |case, delta| {
            let blank = matches!(case.policy, Policy::Says(106, list, _)
                if !list.is_empty() && list.trim().is_empty());
            blank
                && match delta.field {
                    Field::Status => delta.theirs == "exit 2" && delta.ours == "exit 102",
                    Field::Stderr => delta.theirs.contains("shift: can't shift that many"),
                    Field::Stdout
                    | Field::Calls
                    | Field::Arguments
                    | Field::Environment
                    | Field::Stdin
                    | Field::Descriptors
                    | Field::Surroundings => false,
                }
        },
    },
    Difference {
        name: "what stands after the action",
        reason: "stock's documentation promises it to the init script, and its OpenRC branch forgets it",
        modes: &[Mode::Default],
        explains: |case, delta| {
            let handed = |given: &str| given.contains("--") && given.contains("extra");
            matches!(case.marker, Marker::Openrc(_))
                && case.args.len() > 2
                && delta.field == Field::Arguments
                && handed(&delta.ours)
                && !handed(&delta.theirs)
        },
    },
    Difference {
        name: "descriptors are not inherited",
        reason: "a service that holds dpkg's or debconf's descriptors keeps their readers waiting",
        modes: &[Mode::Default],
        explains: |_, delta| delta.field == Field::Descriptors && !delta.ours.contains("7 "),
    },
];

/// Whether ours refused the command line so, before anything was called.
fn refused(delta: &Delta, text: &str) -> bool {
    match delta.field {
        Field::Status => delta.ours == "exit 103",
        Field::Calls => delta.ours.is_empty(),
        Field::Stdout => delta.ours.is_empty(),
        Field::Stderr => {
            delta.ours.starts_with("invoke-rc.d: syntax error: ") && delta.ours.contains(text)
        }
        Field::Arguments
        | Field::Environment
        | Field::Stdin
        | Field::Descriptors
        | Field::Surroundings => false,
    }
}

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
