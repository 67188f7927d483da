//! `test`, `[` and `[[`: what is known of a condition.

use std::rc::Rc;

use super::super::pattern::{Match, Pattern};
use super::super::state::{Fact, Question, State};
use super::super::syntax::{Span, Test, Word};
use super::super::value::Value;
use super::fields::Field;
use super::{Many, Runner};

/// How deep conditions may nest.
const DEEPEST: usize = 24;

/// What a condition comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Is(bool),
    /// It is no condition: an exit status of 2.
    Wrong,
    /// Not known; what an answer would tell, and in which sense.
    Open(Option<(Fact, bool)>),
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::Is(held) => Self::Is(!held),
            Self::Wrong => Self::Wrong,
            Self::Open(fact) => Self::Open(fact.map(|(fact, sense)| (fact, !sense))),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Wrong, _) | (_, Self::Wrong) => Self::Wrong,
            (Self::Is(false), _) | (_, Self::Is(false)) => Self::Is(false),
            (Self::Is(true), rest) | (rest, Self::Is(true)) => rest,
            (Self::Open(_), Self::Open(_)) => Self::Open(None),
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

impl Runner<'_> {
    /// `test` and `[`.
    pub(super) fn test_command(&mut self, fields: &[Field], span: Span, state: State) -> State {
        let name = fields.first().and_then(Field::text).unwrap_or_default();
        let mut words = fields.get(1..).unwrap_or_default();
        if name == "[" {
            match words.split_last() {
                Some((last, rest)) if last.text() == Some("]") => words = rest,
                _ => return state.ended(2),
            }
        }
        let truth = {
            let mut reading = Reading {
                runner: self,
                state: &state,
                words,
                depth: 0,
            };
            reading.whole()
        };
        let shown: Vec<String> = fields.iter().map(|field| shown(&field.value)).collect();
        self.as_status(truth, (span, shown.join(" ")), state)
    }

    /// A condition as an exit status.
    fn as_status(&self, truth: Truth, (span, text): (Span, String), state: State) -> State {
        match truth {
            Truth::Is(held) => state.ended(u8::from(!held)),
            Truth::Wrong => state.ended(2),
            Truth::Open(fact) => state.asked(Question {
                span,
                text: text.into(),
                fact: fact.map(|(fact, sense)| (Rc::new(fact), sense)),
            }),
        }
    }

    /// `[[ ... ]]`
    pub(super) fn double_brackets(&mut self, test: &Test, span: Span, state: State) -> Vec<State> {
        let text = self.source(span).to_owned();
        let ways = self.extended(test, state);
        let ways = ways
            .into_iter()
            .map(|(state, truth)| self.as_status(truth, (span, text.clone()), state));
        ways.collect()
    }

    fn extended(&mut self, test: &Test, state: State) -> Many<Truth> {
        match test {
            Test::Not(inner) => {
                let ways = self.extended(inner, state);
                ways.into_iter()
                    .map(|(state, truth)| (state, truth.not()))
                    .collect()
            }
            Test::And(left, right) => self.extended_pair((left, right), Truth::and, state),
            Test::Or(left, right) => self.extended_pair((left, right), Truth::or, state),
            Test::Word(word) => {
                let ways = self.single_value(word, state);
                ways.into_iter()
                    .map(|(state, value)| (state, empty(&value).not()))
                    .collect()
            }
            Test::Unary(operator, word) => {
                let ways = self.single_value(word, state);
                let ways = ways.into_iter().map(|(state, value)| {
                    let truth = self.unary(operator, &Field::quoted(value), &state);
                    (state, truth.unwrap_or(Truth::Open(None)))
                });
                ways.collect()
            }
            Test::Binary(left, operator, right) => {
                self.extended_comparison((left, operator, right), state)
            }
        }
    }

    fn extended_pair(
        &mut self,
        (left, right): (&Test, &Test),
        join: fn(Truth, Truth) -> Truth,
        state: State,
    ) -> Many<Truth> {
        let mut ways = Vec::new();
        for (state, first) in self.extended(left, state) {
            for (state, second) in self.extended(right, state) {
                ways.push((state, join(first.clone(), second)));
            }
        }
        ways
    }

    fn extended_comparison(
        &mut self,
        (left, operator, right): (&Word, &str, &Word),
        state: State,
    ) -> Many<Truth> {
        let mut ways = Vec::new();
        for (state, value) in self.single_value(left, state) {
            match operator {
                "=" | "==" | "!=" => {
                    for (state, pattern) in self.pattern_of(right, state) {
                        let truth = equal(&value, &pattern);
                        let truth = if operator == "!=" { truth.not() } else { truth };
                        ways.push((state, truth));
                    }
                }
                "=~" => ways.push((state, Truth::Open(None))),
                _ => {
                    for (state, other) in self.single_value(right, state) {
                        let (value, other) = (Field::quoted(value.clone()), Field::quoted(other));
                        let truth = binary(&value, operator, &other);
                        ways.push((state, truth.unwrap_or(Truth::Open(None))));
                    }
                }
            }
        }
        ways
    }

    /// A test of one word; `None` where there is none of this name.
    fn unary(&self, operator: &str, field: &Field, state: &State) -> Option<Truth> {
        let mut letters = operator.strip_prefix('-')?.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            return None;
        };
        match letter {
            'z' => Some(empty(&field.value)),
            'n' => Some(empty(&field.value).not()),
            'v' | 'o' | 'R' => Some(Truth::Open(None)),
            'a'..='h'
            | 'k'
            | 'p'
            | 'r'
            | 's'
            | 't'
            | 'u'
            | 'w'
            | 'x'
            | 'G'
            | 'L'
            | 'N'
            | 'O'
            | 'S' => Some(self.file(letter, field, state)),
            _ => None,
        }
    }

    fn file(&self, letter: char, field: &Field, state: &State) -> Truth {
        let Some(path) = field.text() else {
            let shown = format!("-{letter} {}", field.value.shown());
            return Truth::Open(Some((Fact::Other(shown), true)));
        };
        if path.is_empty() {
            return Truth::Is(false);
        }
        let letter = if letter == 'h' { 'L' } else { letter };
        let fact = Fact::File(letter, path.to_owned());
        if let Some(held) = state.learned.get(&fact) {
            return Truth::Is(*held);
        }
        match self.world.file(letter, path) {
            Some(held) => Truth::Is(held),
            None => Truth::Open(Some((fact, true))),
        }
    }
}

/// A value as it may be read within a condition.
fn shown(value: &Value) -> String {
    match value.text() {
        Some("") => "\"\"".to_owned(),
        _ => value.shown(),
    }
}

fn empty(value: &Value) -> Truth {
    match (value.is_empty(), value.symbol()) {
        (Some(empty), _) => Truth::Is(empty),
        (None, Some(symbol)) => Truth::Open(Some((Fact::Is(symbol.clone(), String::new()), true))),
        (None, None) => Truth::Open(Some((Fact::Other(format!("-z {}", value.shown())), true))),
    }
}

/// Whether a pattern matches.
fn equal(value: &Value, pattern: &Pattern) -> Truth {
    match pattern.matches(value) {
        Match::Yes => Truth::Is(true),
        Match::No => Truth::Is(false),
        Match::Maybe => match (value.symbol(), pattern.text()) {
            (Some(symbol), Some(text)) => Truth::Open(Some((Fact::Is(symbol.clone(), text), true))),
            _ => Truth::Open(None),
        },
    }
}

/// Whether two strings are the same.
fn same(left: &Value, right: &Value) -> Truth {
    if left == right {
        return Truth::Is(true);
    }
    let (value, text) = match (left.text(), right.text()) {
        (Some(text), _) => (right, text),
        (None, Some(text)) => (left, text),
        (None, None) => {
            let text = format!("{} = {}", left.shown(), right.shown());
            return Truth::Open(Some((Fact::Other(text), true)));
        }
    };
    let mut pattern = Pattern::default();
    pattern.literal(text);
    equal(value, &pattern)
}

/// A test of two words; `None` where there is none of this name.
fn binary(left: &Field, operator: &str, right: &Field) -> Option<Truth> {
    let text = || format!("{} {operator} {}", left.value.shown(), right.value.shown());
    Some(match operator {
        "=" | "==" => same(&left.value, &right.value),
        "!=" => same(&left.value, &right.value).not(),
        "-nt" | "-ot" | "-ef" => Truth::Open(Some((Fact::Other(text()), true))),
        "<" | ">" => match (left.text(), right.text()) {
            (Some(one), Some(other)) => {
                Truth::Is((one < other) == (operator == "<") && one != other)
            }
            _ => Truth::Open(Some((Fact::Other(text()), true))),
        },
        "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => match (left.text(), right.text()) {
            (Some(one), Some(other)) => {
                match (one.trim().parse::<i64>(), other.trim().parse::<i64>()) {
                    (Ok(one), Ok(other)) => Truth::Is(compare(one, operator, other)),
                    _ => Truth::Wrong,
                }
            }
            _ => Truth::Open(Some((Fact::Other(text()), true))),
        },
        _ => return None,
    })
}

fn compare(one: i64, operator: &str, other: i64) -> bool {
    match operator {
        "-eq" => one == other,
        "-ne" => one != other,
        "-lt" => one < other,
        "-le" => one <= other,
        "-gt" => one > other,
        _ => one >= other,
    }
}

/// The words of a condition, read from the front.
struct Reading<'a, 'b> {
    runner: &'a Runner<'b>,
    state: &'a State,
    words: &'a [Field],
    depth: usize,
}

impl Reading<'_, '_> {
    fn whole(&mut self) -> Truth {
        match self.words {
            [] => return Truth::Is(false),
            [only] => return empty(&only.value).not(),
            [left, operator, right] => {
                let operator = operator.text().unwrap_or_default();
                if let Some(truth) = binary(left, operator, right) {
                    return truth;
                }
            }
            [first, rest @ .., last]
                if rest.len() <= 2 && first.text() == Some("(") && last.text() == Some(")") =>
            {
                self.words = rest;
                return self.whole();
            }
            _ => {}
        }
        if self.words.len() <= 4 && self.words.first().and_then(Field::text) == Some("!") {
            self.words = self.words.get(1..).unwrap_or_default();
            return self.whole().not();
        }
        let truth = self.either();
        if self.words.is_empty() {
            truth
        } else {
            Truth::Wrong
        }
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if first.text() == Some(word) => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn either(&mut self) -> Truth {
        let mut truth = self.both();
        while self.take("-o") {
            truth = truth.or(self.both());
        }
        truth
    }

    fn both(&mut self) -> Truth {
        let mut truth = self.term();
        while self.take("-a") {
            truth = truth.and(self.term());
        }
        truth
    }

    fn term(&mut self) -> Truth {
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEEPEST {
            return Truth::Wrong;
        }
        let truth = self.term_within();
        self.depth = self.depth.saturating_sub(1);
        truth
    }

    fn term_within(&mut self) -> Truth {
        if let [left, operator, right, rest @ ..] = self.words
            && let Some(truth) = binary(left, operator.text().unwrap_or_default(), right)
        {
            self.words = rest;
            return truth;
        }
        if self.take("!") {
            return self.term().not();
        }
        if self.words.len() > 2 && self.take("(") {
            let truth = self.either();
            return if self.take(")") { truth } else { Truth::Wrong };
        }
        if let [operator, word, rest @ ..] = self.words
            && let Some(truth) =
                self.runner
                    .unary(operator.text().unwrap_or_default(), word, self.state)
        {
            self.words = rest;
            return truth;
        }
        match self.words.split_first() {
            Some((word, rest)) => {
                self.words = rest;
                empty(&word.value).not()
            }
            None => Truth::Wrong,
        }
    }
}
