//! A maintainer script, evaluated as far as it can be known. What cannot be known is followed both ways,
//! and each way says what it assumed. No command of a script is ever run.
//!
//! | Part | What it owns |
//! |---|---|
//! | `syntax` | the trees |
//! | `parse` | from the text to the trees, places to the byte |
//! | `value`, `pattern` | strings of which parts are known, and the shell's patterns on them |
//! | `constant` | what words come to that are the same on every way |
//! | `state` | what a script has come to on one way, and which ways are one |
//! | `condition` | what had to be assumed for a way |
//! | `outline` | what stands in a script, whether it is ever reached or not |
//! | `run` | carries the trees out on paper, as dash and bash do |
//!
//! Where the truth is left for a simpler one: a command whose status is not known succeeds where its failure
//! would end the script (such a way is no way of the package's); a loop of which it is not known how often
//! it goes round goes round not at all or once; a word that may be several is one; a pattern of file names
//! is one name; arrays and bash's own operations on values are unknown; `trap` is passed over.

mod condition;
mod constant;
mod outline;
mod parse;
mod pattern;
mod run;
mod state;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::audit::call::{Assumption, Call, Place, Side, Tool, Word};
use crate::audit::package::{Script, ScriptName};
use condition::Condition;
pub use outline::{Branch, Outline, Simple};
use parse::Dialect;
use run::Runner;
use state::{Flow, Made, State, Status};
use syntax::{List, Span};

/// Longest script that is read, in bytes; the longest one in Debian has some 60 KB.
const LONGEST: usize = 1024 * 1024;

/// How a way through a script ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// With this status.
    Status(u8),
    /// With one that is not known.
    Unknown,
    /// It becomes another program (`exec`) that is not followed.
    Elsewhere,
}

/// A way through a script.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// What was assumed, in the order in which it was met; what makes no difference to the calls is left out.
    pub assumed: Vec<Assumption>,
    /// The calls, in their order.
    pub calls: Vec<Call>,
    /// How it ends.
    pub end: End,
}

/// Why not all ways through a script were followed to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cut {
    /// There are too many of them; those with the most calls were kept.
    Ways,
    /// It takes too many commands, or never ends.
    Steps,
    /// Its commands and functions nest too deeply.
    Depth,
}

/// All ways through a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// The ways, the one that assumes least first; shared by all moments at which they are the same.
    pub paths: Rc<[Path]>,
    /// Why these are not all, where they are not.
    pub cut: Option<Cut>,
}

/// Why a script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is written for another program.
    #[error("`{shown}` is no shell script but one for `{interpreter}`: it is not looked into")]
    Interpreter {
        /// Where a reader finds it.
        shown: String,
        /// The program.
        interpreter: String,
    },
    /// It is longer than any that is read.
    #[error("`{shown}` is too long to be read: {bytes} bytes")]
    TooLong {
        /// Where a reader finds it.
        shown: String,
        /// Its length.
        bytes: usize,
    },
    /// It does not follow the shell's grammar.
    #[error("`{shown}`, line {line}: {what}")]
    Syntax {
        /// Where a reader finds it.
        shown: String,
        /// The line at which it fails, from 1.
        line: u32,
        /// What is wrong there.
        what: &'static str,
    },
}

/// What is known of the machine that a script asks about. `None` is followed both ways.
pub trait World {
    /// Whether a file test holds: its letter (`x`, `d`, `e`, `f`, `s`, `L`...), and the path.
    fn file(&self, letter: char, path: &str) -> Option<bool>;
    /// The exit status of a command, and what it prints; calls are asked about, too.
    fn command(&self, words: &[Word]) -> Option<Answer>;
    /// The same for a call whose answer hangs on earlier ones: `made` are the way's calls up to here, the last one
    /// first.
    fn after(
        &self,
        call: (Tool, &[Word]),
        made: &mut dyn Iterator<Item = (Tool, &[Word])>,
    ) -> Option<Answer> {
        let _ = made;
        self.command(call.1)
    }
    /// The value of a variable that the script was started with; `Some(None)` where it is surely unset.
    fn variable(&self, name: &str) -> Option<Option<String>>;
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status.
    pub status: u8,
    /// What it printed; `None` where that is not known.
    pub output: Option<String>,
}

/// Nothing is known of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fresh;

impl World for Fresh {
    fn file(&self, _: char, _: &str) -> Option<bool> {
        None
    }

    fn command(&self, _: &[Word]) -> Option<Answer> {
        None
    }

    fn variable(&self, _: &str) -> Option<Option<String>> {
        None
    }
}

/// A script, parsed.
#[derive(Debug)]
pub struct Parsed {
    name: ScriptName,
    text: String,
    dialect: Dialect,
    /// Whether the program behind `#!` is told to end at the first failure.
    errexit: bool,
    list: List,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
}

impl Parsed {
    /// Reads a script.
    ///
    /// # Errors
    /// It is for no shell that is known, too long, or against the shell's grammar.
    pub fn parse(script: &Script) -> Result<Self, ScriptError> {
        let shown = || script.shown.clone();
        let dialect = match script.interpreter.as_str() {
            "" | "sh" | "dash" | "ash" | "busybox" => Dialect::Posix,
            "bash" => Dialect::Bash,
            other => {
                return Err(ScriptError::Interpreter {
                    shown: shown(),
                    interpreter: other.to_owned(),
                });
            }
        };
        if script.text.len() > LONGEST {
            let bytes = script.text.len();
            return Err(ScriptError::TooLong {
                shown: shown(),
                bytes,
            });
        }
        let starts = script
            .text
            .match_indices('\n')
            .map(|(at, _)| at.saturating_add(1));
        let lines: Vec<usize> = std::iter::once(0).chain(starts).collect();
        let list = parse::script(&script.text, dialect).map_err(|fault| ScriptError::Syntax {
            shown: shown(),
            line: line_at(&lines, fault.at),
            what: fault.what,
        })?;
        Ok(Self {
            name: script.name,
            errexit: first_line_says_errexit(&script.text),
            text: script.text.clone(),
            dialect,
            list,
            lines,
        })
    }

    /// The ways through it, where it is run with these words.
    pub fn evaluate(&self, side: Side, arguments: &[String], world: &dyn World) -> Evaluated {
        let mut runner = Runner::new(self, world);
        let mut state = State::new(arguments);
        state.errexit = self.errexit;
        let ways = runner.script(state);
        let telling = Telling {
            parsed: self,
            side,
            assumptions: &runner.assumptions,
        };
        Evaluated {
            paths: telling.paths(ways).into(),
            cut: runner.cut,
        }
    }

    /// The text that it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// From ways to what is said of them.
struct Telling<'a> {
    parsed: &'a Parsed,
    side: Side,
    assumptions: &'a [(Span, String)],
}

impl Telling<'_> {
    /// Ways that made the same calls and ended the same way are one.
    fn paths(&self, ways: Vec<State>) -> Vec<Path> {
        let mut distinct: Vec<(State, End)> = Vec::new();
        for mut state in ways {
            // What the last command's status was is the script's.
            if matches!(state.flow, Flow::On | Flow::Exit) {
                Runner::status_ends_script(&mut state);
            }
            let end = end(&state);
            let known = distinct
                .iter_mut()
                .find(|(known, ended)| *ended == end && known.calls.same(&state.calls));
            match known {
                Some((known, _)) => {
                    known.when.or(&state.when);
                    known.calls.or(&state.calls);
                }
                None => distinct.push((state, end)),
            }
        }
        let mut paths: Vec<Path> = distinct
            .iter()
            .map(|(state, end)| Path {
                assumed: self.assumed(&state.when),
                calls: self.calls(state),
                end: *end,
            })
            .collect();
        paths.sort_by_key(|path| path.assumed.len());
        paths
    }

    fn calls(&self, state: &State) -> Vec<Call> {
        let mut known = BTreeMap::new();
        let calls = state.calls.backwards().map(|(made, when)| {
            let assumed = known
                .entry(when.least().to_vec())
                .or_insert_with(|| self.assumed(when));
            self.call(made, assumed.clone())
        });
        let mut calls: Vec<Call> = calls.collect();
        calls.reverse();
        calls
    }

    fn call(&self, made: &Made, assumed: Vec<Assumption>) -> Call {
        let line = |at: &usize| line_at(&self.parsed.lines, *at);
        Call {
            place: self.place(made.span),
            tool: made.tool,
            words: made.words.clone(),
            assumed,
            status: made.status,
            inherits: made.inherits,
            through: made.through.iter().map(line).collect(),
        }
    }

    fn assumed(&self, condition: &Condition) -> Vec<Assumption> {
        let literals = condition.least().iter();
        let told = literals.filter_map(|(number, held)| {
            let (span, text) = self.assumptions.get(usize::try_from(*number).ok()?)?;
            Some(Assumption {
                place: self.place(*span),
                text: text.clone(),
                held: *held,
            })
        });
        told.collect()
    }

    fn place(&self, span: Span) -> Place {
        Place {
            side: self.side,
            script: self.parsed.name,
            start: span.start,
            end: span.end,
            line: line_at(&self.parsed.lines, span.start),
        }
    }
}

fn end(state: &State) -> End {
    match (state.flow, &state.status) {
        (Flow::Elsewhere, _) => End::Elsewhere,
        (_, Status::Known(status)) => End::Status(*status),
        (_, Status::Unknown(..)) => End::Unknown,
    }
}

/// The line that a byte is in, from 1.
fn line_at(lines: &[usize], at: usize) -> u32 {
    u32::try_from(lines.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
}

/// Whether `#!/bin/sh -e` is its first line.
fn first_line_says_errexit(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let Some(line) = first.strip_prefix("#!") else {
        return false;
    };
    let mut options = line.split_whitespace().skip(1);
    options.any(|word| word.starts_with('-') && word.contains('e') && !word.starts_with("--"))
}
