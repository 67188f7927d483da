//! Parameters and what is done with their values.

use super::super::parse::Dialect;
use super::super::pattern::Pattern;
use super::super::state::{Flow, State, Status};
use super::super::syntax::{End, Extent, Missing, Operation, Parameter, Word};
use super::super::value::{Piece, Symbol, Value};
use super::expand::{Quoting, chunks_of};
use super::fields::{Chunk, pattern, whole};
use super::{Many, Runner, Use};

/// Longest value that is taken apart.
const LONGEST: usize = 512;

/// What is known of a parameter.
pub(super) enum Looked {
    Set(Value),
    Unset,
    /// It may be unset, too.
    Unknown(Value),
}

impl Runner<'_> {
    pub(super) fn parameter(
        &mut self,
        parameter: &Parameter,
        state: State,
        of: (Quoting, Use),
    ) -> Many<Vec<Chunk>> {
        let mut state = state;
        if parameter.name == "?" {
            self.status_is_used(&mut state);
        }
        if matches!(parameter.name.as_str(), "@" | "*")
            && let Some(ways) = self.all_parameters(parameter, &state, of)
        {
            return ways;
        }
        let looked = self.look(&parameter.name, &state);
        match &parameter.operation {
            Operation::Plain => vec![(state, found(looked, of.0))],
            Operation::Length => {
                let length = match looked {
                    // dash counts bytes.
                    Looked::Set(value) => value.text().map(|text| match self.parsed.dialect {
                        Dialect::Posix => text.len(),
                        Dialect::Bash => text.chars().count(),
                    }),
                    Looked::Unset => Some(0),
                    Looked::Unknown(_) => None,
                };
                let value = match length {
                    Some(length) => Value::known(length.to_string()),
                    None => self.made(parameter.span, &mut state),
                };
                vec![(state, chunks_of(&value, of.0))]
            }
            Operation::Default(missing, word) => {
                self.default(parameter, (looked, *missing, word), (state, of))
            }
            Operation::Assign(missing, word) => {
                let ways = self.default(parameter, (looked, *missing, word), (state, of));
                let ways = ways.into_iter().map(|(mut state, chunks)| {
                    state.set(&parameter.name, Some(whole(&chunks)));
                    (state, chunks)
                });
                ways.collect()
            }
            Operation::Require(missing) => self.required(*missing, looked, (state, of.0)),
            Operation::Alternative(missing, word) => {
                self.alternative(parameter, (looked, *missing, word), (state, of))
            }
            Operation::Strip(end, extent, word) => {
                self.stripped(parameter, (looked, *end, *extent, word), (state, of.0))
            }
            Operation::Other => {
                let value = self.made(parameter.span, &mut state);
                vec![(state, chunks_of(&value, of.0))]
            }
        }
    }

    /// What is known of the parameter `name`.
    pub(super) fn look(&self, name: &str, state: &State) -> Looked {
        if let Ok(number) = name.parse::<usize>() {
            let index = match number.checked_sub(1) {
                Some(index) => index,
                None => return Looked::Set(outside("$0")),
            };
            return match state.positional.get(index) {
                Some(value) => Looked::Set(resolved(value, state)),
                None => Looked::Unset,
            };
        }
        match name {
            "#" => Looked::Set(Value::known(state.positional.len().to_string())),
            "?" => Looked::Set(match &state.status {
                Status::Known(status) => Value::known(status.to_string()),
                Status::Unknown(question, _) => Value::unknown(Symbol {
                    at: question.span.start,
                    text: "$?".into(),
                }),
            }),
            "$" | "!" | "-" => Looked::Set(outside(&format!("${name}"))),
            "@" | "*" if state.positional.is_empty() => Looked::Unset,
            "@" | "*" => Looked::Set(joined_positional(state)),
            _ => self.look_variable(name, state),
        }
    }

    fn look_variable(&self, name: &str, state: &State) -> Looked {
        match state.variables.get(name) {
            Some(Some(value)) => Looked::Set(resolved(value, state)),
            Some(None) => Looked::Unset,
            None => {
                let unknown = outside(&format!("${name}"));
                let known = if state.sourced {
                    None
                } else {
                    self.world.variable(name)
                };
                match known {
                    Some(Some(text)) => Looked::Set(Value::known(text)),
                    Some(None) => Looked::Unset,
                    None => match resolved(&unknown, state) {
                        value if value == unknown => Looked::Unknown(unknown),
                        value => Looked::Set(value),
                    },
                }
            }
        }
    }

    /// The value of a variable; `None` where it is unset.
    pub(super) fn value_of(&self, name: &str, state: &State) -> Option<Value> {
        match self.look(name, state) {
            Looked::Set(value) | Looked::Unknown(value) => Some(value),
            Looked::Unset => None,
        }
    }

    /// The characters that fields are split at.
    pub(super) fn separators<'s>(&self, state: &'s State) -> &'s str {
        let set = state.variables.get("IFS").and_then(Option::as_ref);
        set.and_then(Value::text).unwrap_or(" \t\n")
    }

    /// `$@` and `$*`, where they are taken as they are.
    fn all_parameters(
        &self,
        parameter: &Parameter,
        state: &State,
        of: (Quoting, Use),
    ) -> Option<Many<Vec<Chunk>>> {
        if !matches!(parameter.operation, Operation::Plain) {
            return None;
        }
        if of.0 == Quoting::Quoted && parameter.name == "*" {
            let separators = self.separators(state);
            let first = separators.chars().next().map(String::from);
            let mut value = Value::default();
            for (number, one) in state.positional.iter().enumerate() {
                if number > 0 {
                    value.push(Piece::Known(first.clone().unwrap_or_default()));
                }
                value.append(&resolved(one, state));
            }
            return Some(vec![(state.clone(), chunks_of(&value, of.0))]);
        }
        let mut chunks = Vec::new();
        for (number, value) in state.positional.iter().enumerate() {
            if number > 0 {
                chunks.push(Chunk::Boundary);
            }
            if of.0 == Quoting::Quoted && value.pieces().is_empty() {
                chunks.push(Chunk::Quoted(Piece::Known(String::new())));
            }
            chunks.extend(chunks_of(&resolved(value, state), of.0));
        }
        Some(vec![(state.clone(), chunks)])
    }

    fn default(
        &mut self,
        parameter: &Parameter,
        (looked, missing, word): (Looked, Missing, &Word),
        (state, of): (State, (Quoting, Use)),
    ) -> Many<Vec<Chunk>> {
        let (value, taken) = match looked {
            Looked::Unset => return self.operand(word, state, of),
            Looked::Set(value) => match (missing, value.is_empty()) {
                (Missing::Unset, _) | (Missing::OrEmpty, Some(false)) => (value, true),
                (Missing::OrEmpty, Some(true)) => return self.operand(word, state, of),
                (Missing::OrEmpty, None) => (value, false),
            },
            Looked::Unknown(value) => (value, false),
        };
        if taken || word.parts.is_empty() {
            return vec![(state, found(Looked::Set(value), of.0))];
        }
        let mut state = state;
        let either = self.made(parameter.span, &mut state);
        vec![(state, chunks_of(&either, of.0))]
    }

    fn required(
        &self,
        missing: Missing,
        looked: Looked,
        (mut state, quoting): (State, Quoting),
    ) -> Many<Vec<Chunk>> {
        let fails = match &looked {
            Looked::Unset => true,
            Looked::Set(value) => missing == Missing::OrEmpty && value.is_empty() == Some(true),
            Looked::Unknown(_) => false,
        };
        if fails {
            state.status = Status::Known(2);
            state.flow = Flow::Exit;
            return vec![(state, Vec::new())];
        }
        vec![(state, found(looked, quoting))]
    }

    fn alternative(
        &mut self,
        parameter: &Parameter,
        (looked, missing, word): (Looked, Missing, &Word),
        (state, of): (State, (Quoting, Use)),
    ) -> Many<Vec<Chunk>> {
        let is_set = match (&looked, missing) {
            (Looked::Unset, _) => Some(false),
            (Looked::Set(_), Missing::Unset) => Some(true),
            (Looked::Set(value), Missing::OrEmpty) => value.is_empty().map(|empty| !empty),
            (Looked::Unknown(_), _) => None,
        };
        match is_set {
            Some(true) => self.operand(word, state, of),
            Some(false) => vec![(state, Vec::new())],
            None => {
                let mut state = state;
                let either = self.made(parameter.span, &mut state);
                vec![(state, chunks_of(&either, of.0))]
            }
        }
    }

    /// An operand: without quotes its text is split as what it stands for would be.
    fn operand(&mut self, word: &Word, state: State, of: (Quoting, Use)) -> Many<Vec<Chunk>> {
        let ways = self.parts(&word.parts, state, of);
        let split = |chunk| match chunk {
            Chunk::Plain(text) => Chunk::Split(Piece::Known(text)),
            other => other,
        };
        ways.into_iter()
            .map(|(state, chunks)| (state, chunks.into_iter().map(split).collect()))
            .collect()
    }

    fn stripped(
        &mut self,
        parameter: &Parameter,
        (looked, end, extent, word): (Looked, End, Extent, &Word),
        (state, quoting): (State, Quoting),
    ) -> Many<Vec<Chunk>> {
        let value = match looked {
            Looked::Set(value) => value,
            Looked::Unset => Value::default(),
            Looked::Unknown(value) => value,
        };
        let ways = self.parts(&word.parts, state, (Quoting::Bare, Use::Plain));
        let ways = ways.into_iter().map(|(mut state, chunks)| {
            let known = value.text().filter(|text| text.len() <= LONGEST);
            let value = match known.map(|text| strip(text, &pattern(&chunks), (end, extent))) {
                Some(Some(text)) => Value::known(text),
                _ => self.made(parameter.span, &mut state),
            };
            (state, chunks_of(&value, quoting))
        });
        ways.collect()
    }
}

/// What was there before the script, or is different each time.
fn outside(text: &str) -> Value {
    Value::unknown(Symbol {
        at: usize::MAX,
        text: text.into(),
    })
}

/// A value with what has been found out about its parts.
pub(super) fn resolved(value: &Value, state: &State) -> Value {
    if state.learned.is_empty() {
        return value.clone();
    }
    let mut whole = Value::default();
    for piece in value.pieces() {
        let told = match piece {
            Piece::Unknown(symbol) => state.found(symbol).map(str::to_owned),
            Piece::Known(_) => None,
        };
        whole.push(told.map_or_else(|| piece.clone(), Piece::Known));
    }
    whole
}

fn joined_positional(state: &State) -> Value {
    let mut value = Value::default();
    for (number, one) in state.positional.iter().enumerate() {
        if number > 0 {
            value.push(Piece::Known(" ".to_owned()));
        }
        value.append(one);
    }
    value
}

fn found(looked: Looked, quoting: Quoting) -> Vec<Chunk> {
    match looked {
        Looked::Set(value) | Looked::Unknown(value) => chunks_of(&value, quoting),
        Looked::Unset => Vec::new(),
    }
}

/// `text` without what `pattern` matches at one end; `None` where the pattern is not known.
fn strip(text: &str, pattern: &Pattern, (end, extent): (End, Extent)) -> Option<String> {
    if pattern.0.contains(&super::super::pattern::Glob::Unknown) {
        return None;
    }
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    cuts.push(text.len());
    // The shortest match first: from the front on at the front, from the back on at the back.
    if (end == End::Back) != (extent == Extent::Most) {
        cuts.reverse();
    }
    let matched = cuts.into_iter().find_map(|cut| {
        let (front, back) = text.split_at_checked(cut)?;
        let (gone, left) = match end {
            End::Front => (front, back),
            End::Back => (back, front),
        };
        pattern.matches_text(gone).then(|| left.to_owned())
    });
    Some(matched.unwrap_or_else(|| text.to_owned()))
}
