//! What a command line said, as one JSON document for programs: for subcommands whose answer is lines. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

/// The version of the document. Within one, fields are only added.
const VERSION: u32 = 1;

/// All that was said until now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    says: Vec<String>,
    complains: Vec<String>,
    subjects: BTreeMap<String, Subject>,
}

/// What was said of one subject, a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Subject {
    /// Whether nothing is left to be done about it.
    over: bool,
    says: String,
}

/// Whether a subject is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It is.
    Yes,
    /// Something is left.
    No,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    status: u8,
    says: &'a [String],
    complains: &'a [String],
    services: &'a BTreeMap<String, Subject>,
}

impl Told {
    /// Takes in what was said for whoever asked.
    pub fn say(&mut self, text: &str) {
        self.says.extend(text.lines().map(str::to_owned));
    }

    /// Takes in what went wrong or should be known.
    pub fn complain(&mut self, text: &str) {
        self.complains.extend(text.lines().map(str::to_owned));
    }

    /// Takes in what was said of `subject`: what comes later is how it ended.
    pub fn of(&mut self, subject: &str, text: &str, over: Over) {
        let says = text
            .strip_prefix(subject)
            .and_then(|rest| rest.strip_prefix(": "));
        let subject_said = Subject {
            over: over == Over::Yes,
            says: says.unwrap_or(text).to_owned(),
        };
        self.subjects.insert(subject.to_owned(), subject_said);
    }

    /// The document, of a command that ended with `status`.
    pub fn json(&self, status: u8) -> String {
        let document = Document {
            version: VERSION,
            status,
            says: &self.says,
            complains: &self.complains,
            services: &self.subjects,
        };
        // Texts and numbers can always be written.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_subject_stands_beside_all_that_was_said() {
        let mut told = Told::default();
        told.of("foo", "foo: still owed: it failed", Over::No);
        told.of("foo", "foo: restart done", Over::Yes);
        told.say("foo: still owed: it failed\nfoo: restart done");
        told.complain("bar \"x\"\u{1b}");
        let document: serde_json::Value = serde_json::from_str(&told.json(1)).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "version": 1,
                "status": 1,
                "says": ["foo: still owed: it failed", "foo: restart done"],
                "complains": ["bar \"x\"\u{1b}"],
                "services": {"foo": {"over": true, "says": "restart done"}},
            })
        );
    }
}
