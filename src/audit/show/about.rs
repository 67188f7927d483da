//! What the outputs say of a check, apart from what it found.

use crate::audit::finding::Severity;

/// A check, as it is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// In a few words.
    pub title: &'a str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What is wrong, and what comes of it.
    pub explanation: &'a str,
    /// What to change.
    pub change: &'a str,
}

/// The word for a severity, as all outputs have it.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// `1 error`, `2 errors`.
pub fn counted(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
