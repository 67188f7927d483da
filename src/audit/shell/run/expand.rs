//! Words, expanded. Substitutions in them are commands like others: each may lead to several ways.

use std::cell::OnceCell;
use std::rc::Rc;

use super::super::constant::Constant;
use super::super::pattern::Pattern;
use super::super::state::{Flow, State};
use super::super::syntax::{Part, Span, Word};
use super::super::value::{Piece, Symbol, Value};
use super::fields::{Chunk, Field, fields, pattern, whole};
use super::{Many, Runner, Use};
use crate::audit::call::StatusUse;

/// Whether an expansion stands in double quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Bare,
    Quoted,
}

const HIDDEN: Use = Use::Kept(StatusUse::Hidden);

impl Runner<'_> {
    /// The fields of a command's words.
    pub(super) fn arguments(&mut self, words: &[Word], state: State) -> Many<Vec<Field>> {
        // What `$?` is in a word, a substitution in the word before does not change.
        let status = state.status.clone();
        let mut ways = vec![(state, Vec::with_capacity(words.len()))];
        for word in words {
            for (state, _) in ways.iter_mut().filter(|way| way.0.flow == Flow::On) {
                state.status.clone_from(&status);
            }
            // The arguments of `export` and its like are assignments: these are not split.
            let assigns = begins_assignment(word);
            if let Some(constant) = constant(word) {
                for (_, fields) in ways.iter_mut().filter(|way| way.0.flow == Flow::On) {
                    let is_pattern = constant.is_pattern && !(assigns && declares(fields));
                    fields.push(Field {
                        span: word.span,
                        is_pattern,
                        ..Field::quoted(constant.value.clone())
                    });
                }
                continue;
            }
            let mut next = Vec::with_capacity(ways.len());
            for (state, before) in ways {
                let assigns = assigns && declares(&before);
                let ways = self.chunks(word, state, HIDDEN).into_iter();
                let more = ways.map(|(state, chunks)| {
                    let fields = match assigns {
                        true => vec![Field {
                            span: word.span,
                            ..Field::quoted(whole(&chunks))
                        }],
                        false => fields(&chunks, self.separators(&state), word.span),
                    };
                    (state, fields)
                });
                next.extend(behind(before, more.collect()));
            }
            ways = next;
        }
        ways
    }

    /// A word as one string.
    pub(super) fn single_value(&mut self, word: &Word, state: State) -> Many<Value> {
        self.assigned_value(word, state, HIDDEN)
    }

    /// The value of an assignment; `status` is what becomes of the status of a substitution in it.
    pub(super) fn assigned_value(&mut self, word: &Word, state: State, status: Use) -> Many<Value> {
        let kept = match status {
            Use::Plain => Use::Plain,
            Use::Tested(of) | Use::Kept(of) => Use::Kept(of),
        };
        if let (Some(constant), Flow::On) = (constant(word), state.flow) {
            return vec![(state, constant.value.clone())];
        }
        let ways = self.chunks(word, state, kept);
        ways.into_iter()
            .map(|(state, chunks)| (state, whole(&chunks)))
            .collect()
    }

    /// A word as a pattern.
    pub(super) fn pattern_of(&mut self, word: &Word, state: State) -> Many<Rc<Pattern>> {
        if let (Some(constant), Flow::On) = (constant(word), state.flow) {
            let made = || {
                Rc::new(pattern(
                    &fixed(&word.parts, Quoting::Bare).unwrap_or_default(),
                ))
            };
            return vec![(state, Rc::clone(constant.pattern.get_or_init(made)))];
        }
        let ways = self.chunks(word, state, HIDDEN);
        ways.into_iter()
            .map(|(state, chunks)| (state, Rc::new(pattern(&chunks))))
            .collect()
    }

    fn chunks(&mut self, word: &Word, state: State, status: Use) -> Many<Vec<Chunk>> {
        self.parts(&word.parts, state, (Quoting::Bare, status))
    }

    /// Parts, one after the other.
    pub(super) fn parts(
        &mut self,
        parts: &[Part],
        state: State,
        of: (Quoting, Use),
    ) -> Many<Vec<Chunk>> {
        if let ([part], Flow::On) = (parts, state.flow) {
            return self.part(part, state, of);
        }
        let mut ways = vec![(state, Vec::new())];
        for part in parts {
            let mut next = Vec::new();
            for (state, before) in ways {
                if state.flow != Flow::On {
                    next.push((state, before));
                    continue;
                }
                next.extend(behind(before, self.part(part, state, of)));
            }
            ways = next;
        }
        ways
    }

    fn part(&mut self, part: &Part, state: State, of: (Quoting, Use)) -> Many<Vec<Chunk>> {
        let (quoting, status) = of;
        match part {
            Part::Text(text) => vec![(state, vec![written(text, quoting)])],
            Part::Fixed(text) => vec![(state, vec![written(text, Quoting::Quoted)])],
            Part::Double(parts) => self.double(parts, state, status),
            Part::Parameter(parameter) => self.parameter(parameter, state, of),
            Part::Command(list, span) => {
                let ways = self.substitution(list, *span, (state, status));
                ways.into_iter()
                    .map(|(state, value)| (state, chunks_of(&value, quoting)))
                    .collect()
            }
            Part::Arithmetic(word) => {
                let ways = self.arithmetic(word, state);
                ways.into_iter()
                    .map(|(state, value)| (state, chunks_of(&value, quoting)))
                    .collect()
            }
            Part::Tilde(span) => {
                let mut state = state;
                let value = self.made(*span, &mut state);
                vec![(state, chunks_of(&value, Quoting::Quoted))]
            }
            Part::Process(list, span) => {
                let ways = self.subshell(state, |runner, state| runner.list(list, state, HIDDEN));
                let ways = ways.into_iter().map(|mut state| {
                    let value = self.made(*span, &mut state);
                    (state, chunks_of(&value, Quoting::Quoted))
                });
                ways.collect()
            }
        }
    }

    fn double(&mut self, parts: &[Part], state: State, status: Use) -> Many<Vec<Chunk>> {
        let all = |part: &Part| matches!(part, Part::Parameter(parameter) if parameter.name == "@");
        // Double quotes are a word even when they are empty, but for those around `$@` alone.
        let forced = !(parts.len() == 1 && parts.iter().any(all));
        let mut ways = self.parts(parts, state, (Quoting::Quoted, status));
        for (_, chunks) in ways
            .iter_mut()
            .filter(|(_, chunks)| forced && chunks.is_empty())
        {
            chunks.push(Chunk::Quoted(Piece::Known(String::new())));
        }
        ways
    }

    /// Something unknown that is made by what stands at `span`.
    pub(super) fn made(&self, span: Span, state: &mut State) -> Value {
        let symbol = Symbol {
            at: span.start,
            text: self.source(span).into(),
        };
        state.forget(&symbol);
        Value::unknown(symbol)
    }
}

/// `before`, and behind it what there is more on each way. It is copied for further ways alone: most often there is one, and
/// a command may have thousands of words.
fn behind<T: Clone>(mut before: Vec<T>, more: Many<Vec<T>>) -> Many<Vec<T>> {
    if before.is_empty() {
        return more;
    }
    let further = more.len().saturating_sub(1);
    let ways = more.into_iter().enumerate().map(|(number, (state, more))| {
        let mut all = match number < further {
            true => before.clone(),
            false => std::mem::take(&mut before),
        };
        all.extend(more);
        (state, all)
    });
    ways.collect()
}

/// Text as it stands in the script.
fn written(text: &str, quoting: Quoting) -> Chunk {
    match quoting {
        Quoting::Bare => Chunk::Plain(text.to_owned()),
        Quoting::Quoted => Chunk::Quoted(Piece::Known(text.to_owned())),
    }
}

/// What a word comes to, where nothing is expanded in it.
fn constant(word: &Word) -> Option<&Constant> {
    let made = || {
        let chunks = fixed(&word.parts, Quoting::Bare)?;
        let all = fields(&chunks, "", word.span);
        let [field] = all.as_slice() else {
            return None;
        };
        Some(Constant {
            value: field.value.clone(),
            is_pattern: field.is_pattern,
            pattern: OnceCell::new(),
        })
    };
    word.constant.get_or_init(made).as_ref()
}

/// What parts come to that are text alone, as [`Runner::parts`] gives it.
fn fixed(parts: &[Part], quoting: Quoting) -> Option<Vec<Chunk>> {
    let mut chunks = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => chunks.push(written(text, quoting)),
            Part::Fixed(text) => chunks.push(written(text, Quoting::Quoted)),
            Part::Double(parts) => {
                let quoted = fixed(parts, Quoting::Quoted)?;
                // Double quotes are a word even when they are empty.
                if quoted.is_empty() {
                    chunks.push(written("", Quoting::Quoted));
                }
                chunks.extend(quoted);
            }
            Part::Parameter(_)
            | Part::Command(..)
            | Part::Arithmetic(_)
            | Part::Tilde(_)
            | Part::Process(..) => return None,
        }
    }
    Some(chunks)
}

/// A value as an expansion gives it.
pub(super) fn chunks_of(value: &Value, quoting: Quoting) -> Vec<Chunk> {
    let pieces = value.pieces().iter().cloned();
    match quoting {
        Quoting::Quoted => pieces.map(Chunk::Quoted).collect(),
        Quoting::Bare => pieces.map(Chunk::Split).collect(),
    }
}

/// Whether what stands before are a command whose arguments are assignments.
fn declares(before: &[Field]) -> bool {
    let name = before.first().and_then(Field::text);
    matches!(
        name,
        Some("export" | "local" | "readonly" | "declare" | "typeset")
    )
}

/// Whether a word is written as an assignment is.
fn begins_assignment(word: &Word) -> bool {
    let Some(Part::Text(text)) = word.parts.first() else {
        return false;
    };
    let Some((name, _)) = text.split_once('=') else {
        return false;
    };
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}
