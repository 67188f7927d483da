//! The builtin commands about variables and parameters.

use std::rc::Rc;

use super::super::parse::Dialect;
use super::super::state::{Descriptor, Question, State};
use super::super::syntax::Span;
use super::super::value::{Piece, Symbol, Value};
use super::Runner;
use super::fields::Field;

impl Runner<'_> {
    /// `set`
    pub(super) fn set_command(&self, fields: &[Field], mut state: State) -> State {
        let mut words = fields.iter().skip(1);
        while let Some(field) = words.next() {
            let text = field.text().unwrap_or_default();
            let on = text.starts_with('-');
            if text == "--" || !(on || text.starts_with('+')) || text.len() < 2 {
                let first = (text != "--").then(|| field.value.clone());
                let rest = words.map(|field| field.value.clone());
                state.positional = Rc::new(first.into_iter().chain(rest).collect());
                break;
            }
            for letter in text.chars().skip(1) {
                let option = match letter {
                    'e' => "errexit",
                    'o' => words.next().and_then(Field::text).unwrap_or_default(),
                    _ => "",
                };
                match option {
                    "errexit" => state.errexit = on,
                    "pipefail" => state.pipefail = on,
                    _ => {}
                }
            }
        }
        state.ended(0)
    }

    /// `shift`
    pub(super) fn shift(&self, fields: &[Field], mut state: State) -> State {
        let count = match fields.get(1) {
            None => Some(1),
            Some(field) => field.text().and_then(|text| text.parse::<usize>().ok()),
        };
        match count {
            Some(count) if count <= state.positional.len() => {
                Rc::make_mut(&mut state.positional).drain(..count);
                state.ended(0)
            }
            // dash ends the script there.
            _ => {
                let mut state = state.ended(2);
                if self.parsed.dialect == Dialect::Posix {
                    state.flow = super::Flow::Exit;
                }
                state
            }
        }
    }

    /// `export`, `readonly`, `local` and bash's `declare`.
    pub(super) fn declare(&self, fields: &[Field], mut state: State) -> State {
        let name = fields.first().and_then(Field::text).unwrap_or_default();
        let local = matches!(name, "local" | "declare" | "typeset");
        for field in fields.iter().skip(1) {
            let (name, value) = assignment(&field.value);
            let Some(name) = name.filter(|name| !name.starts_with('-')) else {
                continue;
            };
            if local {
                self.hide(&name, &mut state);
            }
            if value.is_some() {
                state.set(&name, value);
            } else if local && self.parsed.dialect == Dialect::Bash {
                state.set(&name, None);
            }
        }
        state.ended(0)
    }

    /// Keeps what a variable is outside the function.
    fn hide(&self, name: &str, state: &mut State) {
        let outside = state.variables.get(name).cloned();
        if let Some(frame) = Rc::make_mut(&mut state.hidden).last_mut() {
            frame.entry(name.into()).or_insert(outside);
        }
    }

    /// `unset`
    pub(super) fn unset(&self, fields: &[Field], mut state: State) -> State {
        let functions = fields.get(1).and_then(Field::text) == Some("-f");
        for name in fields.iter().skip(1).filter_map(Field::text) {
            if functions {
                Rc::make_mut(&mut state.functions).remove(name);
            } else if !name.starts_with('-') {
                state.set(name, None);
            }
        }
        state.ended(0)
    }

    /// `read`
    pub(super) fn read(&self, fields: &[Field], span: Span, mut state: State) -> State {
        let names: Vec<&str> = fields
            .iter()
            .skip(1)
            .filter_map(Field::text)
            .filter(|name| !name.starts_with('-'))
            .collect();
        let Some(Descriptor::Text(text)) = state.descriptors.first().cloned() else {
            return self.read_unknown(&names, span, state);
        };
        let (line, rest) = match text.split_once('\n') {
            Some((line, rest)) => (line, Some(rest)),
            None => (&*text, None),
        };
        let separators = self.separators(&state).to_owned();
        let raw = fields.iter().any(|field| field.text() == Some("-r"));
        let line = if raw {
            line.to_owned()
        } else {
            without_backslashes(line)
        };
        assign_line(&names, &line, &separators, &mut state);
        if let Some(input) = Rc::make_mut(&mut state.descriptors).first_mut() {
            *input = Descriptor::Text(rest.unwrap_or_default().into());
        }
        state.ended(u8::from(rest.is_none()))
    }

    fn read_unknown(&self, names: &[&str], span: Span, mut state: State) -> State {
        for name in names {
            let symbol = Symbol {
                at: span.start,
                text: format!("${name}").into(),
            };
            state.forget(&symbol);
            state.set(name, Some(Value::unknown(symbol)));
        }
        let text = self.source(span).into();
        state.asked(Question {
            span,
            text,
            fact: None,
        })
    }

    /// A file that is read may have set anything.
    pub(super) fn everything_set(&self, span: Span, state: &mut State) {
        state.sourced = true;
        let names: Vec<Rc<str>> = state.variables.keys().cloned().collect();
        for name in names {
            let symbol = Symbol {
                at: span.start,
                text: format!("${name}").into(),
            };
            state.set(&name, Some(Value::unknown(symbol)));
        }
    }
}

/// The name and the value of `NAME=value`; a name alone has none.
fn assignment(whole: &Value) -> (Option<String>, Option<Value>) {
    let Some((Piece::Known(first), rest)) = whole.pieces().split_first() else {
        return (None, None);
    };
    let Some((name, text)) = first.split_once('=') else {
        return (rest.is_empty().then(|| first.clone()), None);
    };
    let mut value = Value::known(text);
    for piece in rest {
        value.push(piece.clone());
    }
    (Some(name.to_owned()), Some(value))
}

/// A line without the backslashes that `read` takes away; each keeps the character behind it.
fn without_backslashes(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => kept.extend(characters.next()),
            other => kept.push(other),
        }
    }
    kept
}

/// Gives the fields of a line to variables; the last one gets what is left.
fn assign_line(names: &[&str], line: &str, separators: &str, state: &mut State) {
    let blank = |letter: char| separators.contains(letter) && letter.is_ascii_whitespace();
    let mut rest = line.trim_matches(blank);
    for (number, name) in names.iter().enumerate() {
        let last = number.saturating_add(1) == names.len();
        let end = rest
            .find(|letter| separators.contains(letter))
            .filter(|_| !last);
        let (value, behind) = rest.split_at(end.unwrap_or(rest.len()));
        state.set(name, Some(Value::known(value)));
        rest = behind.trim_start_matches(blank);
        // One separator that is no blank ends a field, with the blanks around it.
        if let Some(next) = rest.strip_prefix(|letter: char| separators.contains(letter)) {
            rest = next.trim_start_matches(blank);
        }
    }
}
