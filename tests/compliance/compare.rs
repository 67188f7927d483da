//! What differs between two runs of a case, field by field, and the signature that groups like differences. Pure.

use std::fmt;

use crate::record::Record;
use crate::run::Seen;

/// Where two runs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Status,
    Stdout,
    Stderr,
    /// Which recorders ran, in which order.
    Calls,
    Arguments,
    Environment,
    Stdin,
    Descriptors,
    /// Working directory or umask.
    Surroundings,
}

/// One difference.
#[derive(Debug, Clone)]
pub(crate) struct Delta {
    pub(crate) field: Field,
    pub(crate) theirs: String,
    pub(crate) ours: String,
}

/// Environment variables that are not compared, and why.
pub(crate) const UNCOMPARED: [(&str, &str); 1] = [(
    "PWD",
    "the shell sets it to the working directory for its children; who needs that asks getcwd",
)];

/// Every difference between the two, in a fixed order.
pub(crate) fn compare(theirs: &Seen, ours: &Seen) -> Vec<Delta> {
    let mut deltas = Vec::new();
    let mut note = |field, theirs: String, ours: String| {
        if theirs != ours {
            deltas.push(Delta {
                field,
                theirs,
                ours,
            });
        }
    };
    note(Field::Status, theirs.status.clone(), ours.status.clone());
    note(Field::Stdout, theirs.stdout.clone(), ours.stdout.clone());
    note(Field::Stderr, theirs.stderr.clone(), ours.stderr.clone());
    note(Field::Calls, calls(&theirs.records), calls(&ours.records));
    for (theirs, ours) in theirs.records.iter().zip(&ours.records) {
        if theirs.who != ours.who {
            break;
        }
        let prefix = |text: String| format!("{}: {text}", theirs.who);
        note(
            Field::Arguments,
            prefix(theirs.args.join(" ⏐ ")),
            prefix(ours.args.join(" ⏐ ")),
        );
        let (left, right) = environments(theirs, ours);
        note(Field::Environment, prefix(left), prefix(right));
        note(
            Field::Stdin,
            prefix(format!("{:?}", theirs.stdin)),
            prefix(format!("{:?}", ours.stdin)),
        );
        note(
            Field::Descriptors,
            prefix(theirs.descriptors.join(", ")),
            prefix(ours.descriptors.join(", ")),
        );
        let around = |record: &Record| format!("{} {}", record.cwd, record.umask);
        note(
            Field::Surroundings,
            prefix(around(theirs)),
            prefix(around(ours)),
        );
    }
    deltas
}

fn calls(records: &[Record]) -> String {
    records
        .iter()
        .map(|record| record.who.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Only the variables that differ, from either side.
fn environments(theirs: &Record, ours: &Record) -> (String, String) {
    let only = |one: &Record, other: &Record| {
        let differing = one.env.iter().filter(|(name, value)| {
            other.env.get(*name) != Some(value)
                && !UNCOMPARED.iter().any(|(uncompared, _)| uncompared == name)
        });
        differing
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    (only(theirs, ours), only(ours, theirs))
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}\n    theirs: {}\n    ours:   {}",
            self.field,
            quote(&self.theirs),
            quote(&self.ours)
        )
    }
}

fn quote(text: &str) -> String {
    format!("{text:?}")
}

/// What a group of differences has in common: the fields, and the first line that only one side has.
pub(crate) fn signature(deltas: &[Delta], service: &str) -> String {
    let parts = deltas.iter().map(|delta| {
        let (theirs, ours) = (
            first_line_missing(&delta.theirs, &delta.ours),
            first_line_missing(&delta.ours, &delta.theirs),
        );
        format!(
            "{:?} [{}] -> [{}]",
            delta.field,
            shorten(&theirs, service),
            shorten(&ours, service)
        )
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn first_line_missing(text: &str, other: &str) -> String {
    text.lines()
        .find(|line| !other.lines().any(|known| known == *line))
        .unwrap_or("")
        .to_owned()
}

/// A line without what changes from case to case: the service, the actions, long tails.
fn shorten(line: &str, service: &str) -> String {
    const ACTIONS: [&str; 8] = [
        "force-reload",
        "try-restart",
        "force-stop",
        "restart",
        "reload",
        "status",
        "start",
        "stop",
    ];
    let mut line = line.replace(service, "NAME");
    for action in ACTIONS {
        line = line.replace(action, "ACTION");
    }
    line.chars().take(100).collect()
}
