//! What came of one package, as every output shows it and as `--json` writes it: one line of JSON a
//! package. Lines can be put together in any order, and read again; the format carries a version.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::finding::{Finding, Severity, Spot};
use crate::report::plain::one_line;

/// What a line says that it is. Fields may be added to it; a change that an older reader would
/// misunderstand gets another number.
pub const FORMAT: &str = "rcpolicy-audit/1";
/// More of one text is not kept, in characters: a hostile package must not fill a report.
const LONGEST_TEXT: usize = 2_000;
/// More findings of one package are not kept.
const MOST_FINDINGS: usize = 2_000;

/// One line of an audit's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Line {
    /// A package that was audited.
    Package(Box<Audited>),
    /// One that could not be read.
    Unreadable(Unreadable),
}

/// What was asked for: the words of the command line, or of the list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Input {
    /// The file or directory.
    pub path: String,
    /// The one with the older version; nothing where the package is upgraded to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A package that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// What was asked for.
    pub input: Input,
    /// Why it was not done, naming the file.
    pub error: String,
}

/// A package, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// What was asked for.
    pub input: Input,
    /// The binary package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its architecture; empty where nobody says.
    pub architecture: String,
    /// The version that it replaces: its own where no other was given.
    pub from: String,
    /// The services that it brings, by their canonical names, sorted.
    pub services: Vec<String>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// What of it could not be read, one line each, with its place: findings there may be missing.
    pub unread: Vec<String>,
    /// What happens to its services, drawn: one timeline a way that dpkg goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timelines: Vec<Timeline>,
}

/// A drawn timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// What it shows: `upgrade from 1.0 to 1.1, on systemd`.
    pub title: String,
    /// The picture, as SVG that needs nothing from outside.
    pub svg: String,
}

/// How many findings there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counts {
    /// Of severity error.
    pub errors: usize,
    /// Of severity warning.
    pub warnings: usize,
    /// Of severity note.
    pub notes: usize,
    /// Silenced, whatever their severity.
    pub allowed: usize,
}

impl Counts {
    /// Those of `findings`.
    pub fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            *match (&finding.allowed, finding.severity) {
                (Some(_), _) => &mut counts.allowed,
                (None, Severity::Error) => &mut counts.errors,
                (None, Severity::Warning) => &mut counts.warnings,
                (None, Severity::Note) => &mut counts.notes,
            } += 1;
        }
        counts
    }

    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.errors += other.errors;
        self.warnings += other.warnings;
        self.notes += other.notes;
        self.allowed += other.allowed;
    }

    /// How many of `severity` or worse are not silenced.
    pub fn at_least(self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.errors + self.warnings,
            Severity::Note => self.errors + self.warnings + self.notes,
        }
    }
}

impl Audited {
    /// Puts the findings in order, the worst first, each once, and keeps all texts within bounds.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        for finding in &mut self.findings {
            shorten_all(finding);
        }
        self.findings.sort_by(worst_first);
        self.findings.dedup();
        let more = self.findings.len().saturating_sub(MOST_FINDINGS);
        if more > 0 {
            self.findings.truncate(MOST_FINDINGS);
            self.unread
                .push(format!("{more} more findings are left out"));
        }
        self.unread.truncate(MOST_FINDINGS);
        self.unread.iter_mut().for_each(shorten);
        self
    }

    /// How many findings it has of each kind.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.findings)
    }
}

fn worst_first(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    let silenced = a.allowed.is_some().cmp(&b.allowed.is_some());
    let severity = b.severity.cmp(&a.severity);
    silenced.then(severity).then_with(|| a.cmp(b))
}

fn shorten_all(finding: &mut Finding) {
    shorten(&mut finding.message);
    shorten(&mut finding.suggestion);
    finding.allowed.iter_mut().for_each(shorten);
    finding.assumed.iter_mut().for_each(shorten);
    for Spot { text, label, .. } in &mut finding.spots {
        shorten(text);
        shorten(label);
    }
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
        text.push('…');
    }
}

/// Why a line of JSON is none of an audit's.
#[derive(Debug, Error)]
pub enum LineError {
    /// It is no JSON, or lacks something.
    #[error("{}", one_line(&.0.to_string()))]
    Broken(#[from] serde_json::Error),
    /// It says that it is something else.
    #[error("its format is `{}`, and only `{FORMAT}` can be read here", one_line(.0))]
    Other(String),
}

impl Line {
    /// As one line, without its end.
    ///
    /// # Errors
    /// Nothing that an audit makes is such.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Versioned<'a> {
            format: &'a str,
            #[serde(flatten)]
            line: &'a Line,
        }
        serde_json::to_string(&Versioned {
            format: FORMAT,
            line: self,
        })
    }

    /// Reads one line.
    ///
    /// # Errors
    /// When it is no such line, or one of a version that is not known here.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.format != FORMAT {
            return Err(LineError::Other(head.format));
        }
        let line: Self = serde_json::from_str(text)?;
        Ok(match line {
            Self::Package(audited) => Self::Package(Box::new(audited.tidied())),
            Self::Unreadable(unreadable) => Self::Unreadable(unreadable),
        })
    }

    /// What was asked for.
    pub fn input(&self) -> &Input {
        match self {
            Self::Package(audited) => &audited.input,
            Self::Unreadable(unreadable) => &unreadable.input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_line_is_told_in_one_whatever_it_quotes() {
        for text in [
            r#"{"format":"rcpolicy\naudit/1"}"#,
            r#"{"format":"rcpolicy-audit/1","kind":"pack\nage"}"#,
        ] {
            let told = Line::parse(text).unwrap_err().to_string();
            assert!(told.contains('\u{fffd}') && !told.contains('\n'), "{told}");
        }
    }
}
