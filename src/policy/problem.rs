//! What is wrong with a policy file, and where: path, line, column, and the line itself.
//! Pure: `report::problems` writes it out.

use std::fmt;
use std::ops::Range;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy works; somebody may have meant something else.
    Warning,
    /// The file is broken and does not apply.
    Error,
}

/// Where in a file a problem lies, with enough of the line to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line, or the part of a long one around the problem.
    pub shown: String,
    /// How many characters of `shown` stand before the problem.
    pub before: usize,
    /// How many characters of `shown` the problem spans, at least 1.
    pub width: usize,
}

/// One thing that is wrong with the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file or directory.
    pub path: String,
    /// Where in the file; `None` when the file as a whole is meant.
    pub place: Option<Place>,
    /// What is wrong, one line.
    pub message: String,
}

impl Problem {
    /// A problem with a file as a whole.
    pub fn whole(severity: Severity, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            path: path.into(),
            place: None,
            message: message.into(),
        }
    }

    /// Whether it breaks the file.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path)?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        match self.severity {
            Severity::Warning => write!(f, " warning: {}", self.message),
            Severity::Error => write!(f, " {}", self.message),
        }
    }
}

/// Most characters of one line that are kept to be shown.
const SHOWN: usize = 120;
/// How many of them stand before the problem in a line that is cut.
const LEAD: usize = 40;

/// Where the lines of a text begin: made once a file, asked for every rule and problem.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    /// In bytes; half of a `usize`, for a long file has many lines. No policy file is near 4 GiB.
    starts: Vec<u32>,
}

impl<'t> Lines<'t> {
    /// The lines of `text`.
    pub(super) fn of(text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_newlines);
        Self {
            text,
            starts: starts.map_while(|at| u32::try_from(at).ok()).collect(),
        }
    }

    /// The line, from 1, that holds the byte at `offset`.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts
            .partition_point(|start| (*start as usize) <= offset)
            .max(1)
    }

    /// The place of the bytes in `span`.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let line = self.line(span.start);
        let start = self.starts.get(line - 1).map_or(0, |start| *start as usize);
        let rest = self.text.get(start..).unwrap_or("");
        let whole = rest.split('\n').next().unwrap_or("");
        let whole = whole.strip_suffix('\r').unwrap_or(whole);
        let column = characters(whole, span.start.saturating_sub(start));
        let end = characters(whole, span.end.saturating_sub(start));
        let skipped = if column + LEAD > SHOWN {
            column - LEAD
        } else {
            0
        };
        let shown: String = whole.chars().skip(skipped).take(SHOWN).collect();
        let before = column - skipped;
        let room = shown.chars().count().saturating_sub(before);
        Place {
            line,
            column: column + 1,
            shown,
            before,
            width: end.saturating_sub(column).min(room).max(1),
        }
    }
}

/// How many characters of `line` begin before byte `at`.
fn characters(line: &str, at: usize) -> usize {
    line.char_indices().take_while(|(i, _)| *i < at).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let text = "a = 1\nbé = 2\r\n";
        let lines = Lines::of(text);
        let at = text.find('2').unwrap();
        let place = lines.place(&(at..at + 1));
        assert_eq!((place.line, place.column, place.width), (2, 6, 1));
        assert_eq!(place.shown, "bé = 2");
    }

    #[test]
    fn a_place_at_or_past_the_end_is_still_a_place() {
        for text in ["", "a", "a\n"] {
            let lines = Lines::of(text);
            for offset in 0..4 {
                let place = lines.place(&(offset..offset));
                assert!(place.line >= 1 && place.column >= 1 && place.width == 1);
            }
        }
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_problem() {
        let text = format!("{}!{}", "a".repeat(5000), "b".repeat(5000));
        let place = Lines::of(&text).place(&(5000..5001));
        assert_eq!(place.column, 5001);
        assert_eq!(place.shown.chars().count(), SHOWN);
        assert_eq!(place.shown.chars().nth(place.before), Some('!'));
    }
}
