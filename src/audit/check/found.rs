//! A finding in the making: its sentence, its places, and what had to be assumed.

use crate::audit::call::{Assumption, Call, Place};
use crate::audit::finding::{Severity, Spot};
use crate::audit::package::Package;
use crate::audit::shipped::Directive;

/// What a check found, before the table adds its identifier.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// One sentence.
    pub(super) message: String,
    /// The main place first.
    pub(super) spots: Vec<Spot>,
    /// What had to be assumed.
    pub(super) assumed: Vec<String>,
    /// How bad it is, where that is not what the table says.
    pub(super) severity: Option<Severity>,
}

impl Found {
    /// Something at a place.
    pub(super) fn at(spot: Spot, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            spots: vec![spot],
            assumed: Vec::new(),
            severity: None,
        }
    }

    /// Another place that explains it.
    pub(super) fn and(mut self, spot: Spot) -> Self {
        if !self.spots.contains(&spot) {
            self.spots.push(spot);
        }
        self
    }

    /// What had to be assumed for a call to be reached.
    pub(super) fn assuming(mut self, call: &Call) -> Self {
        for assumption in &call.assumed {
            self = self.given(told(assumption));
        }
        self
    }

    /// Something that had to be assumed.
    pub(super) fn given(mut self, what: impl Into<String>) -> Self {
        let what = what.into();
        if !self.assumed.contains(&what) {
            self.assumed.push(what);
        }
        self
    }

    /// Less bad, or worse, than the table says.
    pub(super) fn of_severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

fn told(assumption: &Assumption) -> String {
    let text = assumption
        .text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let how = if assumption.held { "succeeds" } else { "fails" };
    format!(
        "`{text}` {how} ({}, line {})",
        assumption.place.script.as_str(),
        assumption.place.line
    )
}

/// A place in a maintainer script of `package`.
pub(super) fn in_script(package: &Package, place: Place, label: impl Into<String>) -> Spot {
    let script = package.scripts.get(&place.script);
    let text = script.map_or("", |script| script.text.as_str());
    let line = line_of(text, place.line);
    let begin = text
        .get(..place.start)
        .map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
    let before = text
        .get(begin..place.start)
        .map_or(0, |before| before.chars().count());
    let span = text.get(place.start..place.end).unwrap_or_default();
    let width = span
        .lines()
        .next()
        .map_or(1, |first| first.trim_end().chars().count());
    let file = script.map_or_else(
        || place.script.as_str().to_owned(),
        |script| script.shown.clone(),
    );
    Spot {
        file,
        line: place.line,
        column: number(before + 1),
        width: number(width.max(1)),
        text: line.to_owned(),
        label: label.into(),
    }
}

/// A line of a text, all of it but its indentation.
pub(super) fn in_text(file: &str, text: &str, line: u32, label: impl Into<String>) -> Spot {
    let shown = line_of(text, line);
    let indent = shown.chars().take_while(|c| c.is_whitespace()).count();
    let width = shown.trim().chars().count();
    Spot {
        file: file.to_owned(),
        line: line.max(1),
        column: number(indent + 1),
        width: number(width.max(1)),
        text: shown.to_owned(),
        label: label.into(),
    }
}

/// A line of a unit file.
pub(super) fn in_unit(package: &Package, directive: &Directive, label: impl Into<String>) -> Spot {
    let text = package.text(&directive.path).unwrap_or_default();
    in_text(package.place(&directive.path), text, directive.line, label)
}

/// A file of the package as a whole.
pub(super) fn in_file(package: &Package, path: &str, label: impl Into<String>) -> Spot {
    in_text(
        package.place(path),
        package.text(path).unwrap_or_default(),
        1,
        label,
    )
}

fn line_of(text: &str, line: u32) -> &str {
    let index = usize::try_from(line)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    text.lines().nth(index).unwrap_or_default()
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
