//! Other tools' policies, read into rules of ours. Pure: text in; rules, and what could not be carried over, out.
//! A policy is not only translated: the original is played on questions, the rules that came of it are asked the
//! same, and where they differ that is said.
//!
//! | Part | What it owns |
//! |---|---|
//! | `declarative` | policy-rcd-declarative's `*.pol` |
//! | `needrestart` | `override_rc` in needrestart's configuration |
//! | `charm` | the YAML of charm-helpers' policy-rc.d |
//! | `script` | policy-rc.d scripts for a shell |
//! | `globs` | regular expressions as globs |
//! | `compare` | where the rules answer as the original does not |
//! | `write` | the rules as TOML |

mod charm;
mod compare;
mod declarative;
mod globs;
mod needrestart;
mod script;
mod write;

use thiserror::Error;

pub use script::interpreter;
pub use write::document;

/// The service that no policy names: what is said of it is said of all others.
const NOBODY: &str = "rcpolicy-import";
/// The actions that are played, and those that are asked about in parentheses.
const ACTIONS: [&str; 8] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    "force-stop",
    "status",
];
const ASIDE: [&str; 3] = ["(start)", "(restart)", "(try-restart)"];

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// policy-rcd-declarative: `*.pol`.
    Declarative,
    /// needrestart's `override_rc`.
    Needrestart,
    /// charm-helpers: `/etc/policy-rc.d/*.policy`.
    Charm,
    /// A policy-rc.d script for a shell.
    Script,
}

impl Format {
    /// What a file looks like, by its name and its text.
    pub fn detect(name: &str, text: &str) -> Option<Self> {
        let lines = || text.lines().map(str::trim_start);
        if name.ends_with(".pol") {
            Some(Self::Declarative)
        } else if text.starts_with("#!") || name.ends_with("policy-rc.d") {
            Some(Self::Script)
        } else if lines().any(|line| line.starts_with("$nrconf{")) {
            Some(Self::Needrestart)
        } else if lines().any(|line| line.starts_with("blocked_actions")) {
            Some(Self::Charm)
        } else {
            None
        }
    }
}

/// Why nothing could be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct ImportError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, or not understood, there.
    pub what: String,
}

impl ImportError {
    fn at(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

/// What a policy says about one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// It may be done.
    Yes,
    /// It may not.
    No,
    /// These are to be tried in turn in its place.
    Instead(Vec<String>),
    /// Not now: somebody does it later.
    Later,
}

/// A rule to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Patterns of services; none for all.
    pub services: Vec<String>,
    /// Actions; none for all.
    pub actions: Vec<String>,
    /// What dpkg is doing; none for whatever it does.
    pub phases: Vec<&'static str>,
    /// What it says.
    pub says: Says,
    /// The author's reason.
    pub because: Option<String>,
    /// The line that it comes from, from 1.
    pub line: Option<usize>,
}

/// What could not be carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The line, from 1, where it is one line's.
    pub line: Option<usize>,
    /// What, in words.
    pub text: String,
}

impl Lost {
    fn at(line: usize, text: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            text: text.into(),
        }
    }

    fn of_all(text: impl Into<String>) -> Self {
        Self {
            line: None,
            text: text.into(),
        }
    }
}

/// A question, and what the original says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Played {
    service: String,
    word: String,
    says: Says,
}

/// What a policy came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Its rules, in their order.
    pub rules: Vec<Draft>,
    /// What could not be carried over.
    pub lost: Vec<Lost>,
    played: Vec<Played>,
}

/// Takes out words that no rule can name as actions, with which the whole file would not read well, and says so. A rule that
/// is left without any goes too: it would be one for all actions.
fn drop_odd_words(imported: &mut Imported) {
    let Imported { rules, lost, .. } = imported;
    rules.retain_mut(|draft| {
        let line = draft.line;
        let mut keep = |words: &mut Vec<String>| {
            let had = !words.is_empty();
            words.retain(|word| {
                let odd =
                    word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control());
                if odd {
                    let text = format!("`{}` is not an action", word.escape_debug());
                    lost.push(Lost { line, text });
                }
                !odd
            });
            !had || !words.is_empty()
        };
        let asked = keep(&mut draft.actions);
        match &mut draft.says {
            Says::Instead(words) => keep(words) && asked,
            Says::Yes | Says::No | Says::Later => asked,
        }
    });
}

/// Reads `text`, and says where the rules that come of it answer as it does not.
///
/// # Errors
/// When nothing of it can be understood, or a part that could change the meaning of the rest.
pub fn read(format: Format, text: &str) -> Result<Imported, ImportError> {
    let mut imported = match format {
        Format::Declarative => declarative::read(text),
        Format::Needrestart => needrestart::read(text),
        Format::Charm => charm::read(text),
        Format::Script => script::read(text),
    }?;
    drop_odd_words(&mut imported);
    let rules = write::rules(&imported.rules);
    let differences = compare::differences(&rules, &imported.played);
    imported.lost.extend(differences);
    Ok(imported)
}

/// A name that a pattern matches.
fn sample(pattern: &str) -> String {
    let mut name = String::new();
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            '*' | '?' => name.push('x'),
            '[' => {
                let (members, after) = rest.split_once(']').unwrap_or((rest, ""));
                name.push(member(members));
                rest = after;
            }
            other => name.push(other),
        }
    }
    name
}

/// One of the characters that the inside of `[...]` stands for.
fn member(members: &str) -> char {
    let Some(others) = members.strip_prefix('!') else {
        return members.chars().next().unwrap_or('x');
    };
    let mut free = ('a'..='z')
        .chain('0'..='9')
        .filter(|c| !others.contains(*c));
    free.next().unwrap_or('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_name_and_its_text() {
        for (name, text, expected) in [
            ("x.pol", "a b deny\n", Some(Format::Declarative)),
            ("policy-rc.d", "exit 101\n", Some(Format::Script)),
            ("x", "#!/bin/sh\nexit 0\n", Some(Format::Script)),
            (
                "x.conf",
                "# c\n  $nrconf{override_rc}{q(a)} = 0;\n",
                Some(Format::Needrestart),
            ),
            ("x.policy", "---\nblocked_actions:\n", Some(Format::Charm)),
            ("x", "hello\n", None),
        ] {
            assert_eq!(Format::detect(name, text), expected, "{name}");
        }
    }

    #[test]
    fn a_sample_is_a_name_that_the_pattern_matches() {
        for (pattern, expected) in [
            ("foo", "foo"),
            ("post*@?", "postx@x"),
            ("a[0-9]b", "a0b"),
            ("a[!a]b", "abb"),
        ] {
            assert_eq!(sample(pattern), expected);
        }
    }

    #[test]
    fn a_word_that_is_no_action_is_said_and_leaves_a_file_that_reads_well() {
        let script = |word: &str| {
            format!(
                "#!/bin/sh\nif [ \"$1\" = foo ]; then\n  echo '{word} stop'\n  exit 106\nfi\nexit 0\n"
            )
        };
        for (word, left) in [("re\u{1}load", 1), ("reload", 2)] {
            let imported = read(Format::Script, &script(word)).unwrap();
            let told = imported
                .lost
                .iter()
                .filter(|lost| lost.text.contains("is not an action"));
            assert_eq!(told.count() > 0, left == 1, "{imported:#?}");
            let instead =
                |draft: &Draft| matches!(&draft.says, Says::Instead(words) if words.len() == left);
            assert!(imported.rules.iter().any(instead), "{imported:#?}");
            let text = document("x", &imported);
            let parsed = crate::policy::parse("x", crate::policy::Tier::Admin, &text);
            assert!(!parsed.is_broken(), "{text}");
        }
    }
}
