//! From the text of one policy file to its rules, groups and settings, with all its problems at once.
//! Pure. The TOML tree is walked by hand: every value keeps its place, and nothing is built twice.

mod chunks;
mod reader;
mod rules;
mod sections;
mod suggest;
mod units;
pub mod words;

pub use self::units::positive_duration;

use toml::de::DeTable;

use super::merge::PolicyFile;
use super::problem::{Lines, Problem, Severity};
use super::rule::Tier;
use crate::domain::order;
use reader::Reader;

/// Beyond this size only the first syntax error of a file is reported, in bytes: what is no TOML at
/// all has millions.
const RECOVERED: usize = 256 * 1024;
/// Most problems that are reported of one file.
const MOST_PROBLEMS: usize = 200;

/// What a policy file says, and what is wrong with it.
#[derive(Debug)]
pub struct Parsed {
    /// Its contents as far as they could be understood.
    pub file: PolicyFile,
    /// Its problems, in the order of their places.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// Whether it must not be used.
    pub fn is_broken(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}

/// Parses the text of the policy file at `path`, which lies in the directory of `tier`.
pub fn parse(path: &str, tier: Tier, text: &str) -> Parsed {
    let lines = Lines::of(text);
    let mut reader = Reader::new(tier);
    let mut file = PolicyFile::empty(path, tier);
    let in_pieces = chunks::each(text, |offset, table| {
        reader.offset = offset;
        document(&mut reader, table, &lines, &mut file);
    });
    if in_pieces.is_none() {
        reader = Reader::new(tier);
        file = PolicyFile::empty(path, tier);
        whole(&mut reader, text, &lines, &mut file);
    }
    Parsed {
        file,
        problems: problems(path, &lines, reader),
    }
}

/// Reads the text in one piece, with what its syntax errors leave of it.
fn whole(reader: &mut Reader, text: &str, lines: &Lines<'_>, file: &mut PolicyFile) {
    let errors = match DeTable::parse(text) {
        Ok(table) => return document(reader, table.get_ref(), lines, file),
        Err(first) if text.len() > RECOVERED => vec![first],
        Err(_) => {
            let (table, errors) = DeTable::parse_recoverable(text);
            document(reader, table.get_ref(), lines, file);
            errors
        }
    };
    // what stands in a line with a syntax error was guessed, and says nothing
    let mut broken: Vec<usize> = Vec::new();
    let mut syntax = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        broken.push(lines.line(span.start));
        syntax.push((span, error.message().to_owned()));
    }
    reader.retain(|span| !broken.contains(&lines.line(span.start)));
    for (span, message) in syntax {
        reader.wrong(span, message);
    }
}

/// Reads the tables at the top.
fn document(reader: &mut Reader, table: &DeTable<'_>, lines: &Lines<'_>, file: &mut PolicyFile) {
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "rule" => rules::rules(reader, value, lines, &mut file.rules),
            "group" => sections::groups(reader, key, value, lines, &mut file.groups),
            words::INIT => sections::init(reader, value, &mut file.settings),
            words::ACTION => sections::action(reader, value, &mut file.settings),
            words::FLUSH => sections::flush(reader, value, &mut file.settings),
            words::RCPOLICY => sections::rcpolicy(reader, value, &mut file.settings),
            words::COMPAT => sections::compat(reader, value, &mut file.settings),
            words::DEFINITIONS => sections::definitions(reader, value, &mut file.settings),
            words::HELPER => sections::helper(reader, value, &mut file.settings),
            _ => reader.unknown(key, "table", words::tables()),
        }
    }
}

/// The reader's findings in the order of their places, each once.
fn problems(path: &str, lines: &Lines<'_>, reader: Reader) -> Vec<Problem> {
    let mut found = reader.into_found();
    order::sort_by_key(&mut found, |(span, _)| span.start);
    found.dedup();
    let more = found.len().saturating_sub(MOST_PROBLEMS);
    let mut problems: Vec<Problem> = found
        .into_iter()
        .take(MOST_PROBLEMS)
        .map(|(span, message)| Problem {
            severity: Severity::Error,
            path: path.to_owned(),
            place: Some(lines.place(&span)),
            message,
        })
        .collect();
    if more > 0 {
        let message = format!("{more} more problems in this file");
        problems.push(Problem::whole(Severity::Error, path, message));
    }
    problems
}

#[cfg(test)]
mod tests;
