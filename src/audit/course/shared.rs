//! Evaluations of scripts, each made once for all moments that answer alike. What a script asks of the machine is
//! written down with the answers; at another moment that gives the same answers it goes the same ways.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::notes::{Notes, Said};
use super::scene::{Moment, asks_helper};
use crate::audit::call::{Side, Word};
use crate::audit::package::ScriptName;
use crate::audit::shell::{Answer, Evaluated, Parsed, World};

/// How much of what one evaluation asks is kept, in bytes; one that asks more is made anew each time. A script can ask
/// for long names that it makes up.
const MOST_KEPT: usize = 1 << 20;

/// What an entry comes to beside its text.
const ENTRY: usize = 64;

/// A script with its words.
type Key = (Side, ScriptName, Vec<String>);

/// The evaluations that were made, of the scripts of one pair.
#[derive(Debug, Default)]
pub(super) struct Shared {
    known: RefCell<BTreeMap<Key, Vec<Known>>>,
}

/// An evaluation, and what it hangs on.
#[derive(Debug)]
struct Known {
    heard: Heard,
    evaluated: Evaluated,
}

impl Shared {
    /// What comes of `parsed` with these words at `moment`.
    pub(super) fn evaluate(
        &self,
        parsed: &Parsed,
        arguments: &[String],
        moment: &Moment<'_>,
    ) -> Evaluated {
        let key = (moment.side, moment.script, arguments.to_vec());
        if let Some(known) = self.known.borrow().get(&key)
            && let Some(one) = known.iter().find(|one| one.heard.is_so(moment))
        {
            return one.evaluated.clone();
        }
        let listening = Listening {
            moment,
            heard: RefCell::default(),
        };
        // INVARIANT: beside the script and its words, nothing but the answers of the world goes into an evaluation.
        let evaluated = parsed.evaluate(moment.side, arguments, &listening);
        let heard = listening.heard.into_inner();
        if heard.bytes <= MOST_KEPT {
            let one = Known {
                heard,
                evaluated: evaluated.clone(),
            };
            let mut known = self.known.borrow_mut();
            known.entry(key).or_default().push(one);
        }
        evaluated
    }
}

/// What was asked, and what the answers were.
#[derive(Debug, Default)]
struct Heard {
    files: BTreeMap<char, BTreeMap<String, Option<bool>>>,
    commands: BTreeMap<Vec<Word>, Option<Answer>>,
    variables: BTreeMap<String, Option<Option<String>>>,
    /// What deb-systemd-helper remembered, where it was asked.
    notes: Option<Vec<Notes>>,
    /// How much the questions come to.
    bytes: usize,
}

impl Heard {
    /// Whether the machine answers all of it in the same way at another moment.
    fn is_so(&self, moment: &Moment<'_>) -> bool {
        let file = |letter: char, path: &str, held| moment.file(letter, path) == held;
        let mut files = self.files.iter().flat_map(|(letter, paths)| {
            let paths = paths.iter();
            paths.map(move |(path, held)| (*letter, path, *held))
        });
        let mut commands = self.commands.iter();
        let mut variables = self.variables.iter();
        let notes = self.notes.as_deref();
        notes.is_none_or(|notes| notes == moment.notes)
            && files.all(|(letter, path, held)| file(letter, path, held))
            && variables.all(|(name, value)| moment.variable(name) == *value)
            && commands.all(|(words, answer)| moment.command(words) == *answer)
    }

    fn grow(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len() + ENTRY);
    }

    /// Whether another question is still written down.
    fn has_room(&self) -> bool {
        self.bytes <= MOST_KEPT
    }
}

/// The machine at a moment, with somebody who writes down what it says.
struct Listening<'a> {
    moment: &'a Moment<'a>,
    heard: RefCell<Heard>,
}

impl World for Listening<'_> {
    fn file(&self, letter: char, path: &str) -> Option<bool> {
        let mut heard = self.heard.borrow_mut();
        let known = heard.files.get(&letter).and_then(|paths| paths.get(path));
        if let Some(held) = known {
            return *held;
        }
        let held = self.moment.file(letter, path);
        heard.grow(path);
        if heard.has_room() {
            let paths = heard.files.entry(letter).or_default();
            paths.insert(path.to_owned(), held);
        }
        held
    }

    fn command(&self, words: &[Word]) -> Option<Answer> {
        let mut heard = self.heard.borrow_mut();
        if let Some(answer) = heard.commands.get(words) {
            return answer.clone();
        }
        let answer = self.moment.command(words);
        for word in words {
            let (Word::Known(text) | Word::Unknown(text)) = word;
            heard.grow(text);
        }
        if heard.has_room() {
            heard.commands.insert(words.to_vec(), answer.clone());
        }
        answer
    }

    fn after(
        &self,
        (tool, words): Said<'_>,
        made: &mut dyn Iterator<Item = Said<'_>>,
    ) -> Option<Answer> {
        if !asks_helper((tool, words)) {
            return self.command(words);
        }
        let mut heard = self.heard.borrow_mut();
        heard
            .notes
            .get_or_insert_with(|| self.moment.notes.to_vec());
        self.moment.after((tool, words), made)
    }

    fn variable(&self, name: &str) -> Option<Option<String>> {
        let mut heard = self.heard.borrow_mut();
        if let Some(value) = heard.variables.get(name) {
            return value.clone();
        }
        let value = self.moment.variable(name);
        heard.grow(name);
        if heard.has_room() {
            heard.variables.insert(name.to_owned(), value.clone());
        }
        value
    }
}
