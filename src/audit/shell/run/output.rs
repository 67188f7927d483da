//! What commands write, where somebody reads it.

use super::super::state::{Descriptor, State};
use super::super::syntax::Span;
use super::super::value::{Piece, Symbol, Value};
use super::Runner;
use super::fields::Field;

/// What a row of text comes to, and whether anything was said that ends the output.
struct Escaped {
    text: String,
    stops: bool,
}

impl Runner<'_> {
    /// Writes to the standard output.
    pub(super) fn write(&self, value: &Value, state: &mut State) {
        if state.descriptors.get(1) == Some(&Descriptor::Captured) {
            state.output.append(value);
        }
    }

    /// Something unknown is written by what stands at `span`.
    pub(super) fn write_unknown(&self, span: Span, state: &mut State) {
        let captured = state.descriptors.get(1) == Some(&Descriptor::Captured)
            || state.descriptors.get(2) == Some(&Descriptor::Captured);
        if captured {
            let symbol = Symbol {
                at: span.start,
                text: self.source(span).into(),
            };
            state.output.push(Piece::Unknown(symbol));
        }
    }

    /// `echo`
    pub(super) fn echo(&self, fields: &[Field], mut state: State) -> State {
        let bash = self.parsed.dialect == super::super::parse::Dialect::Bash;
        let mut words = fields.get(1..).unwrap_or_default();
        let (mut line_end, mut escapes) = (true, !bash);
        while let Some(option) = words.first().and_then(Field::text) {
            match option {
                "-n" => line_end = false,
                "-e" if bash => escapes = true,
                _ => break,
            }
            words = words.get(1..).unwrap_or_default();
        }
        let mut value = Value::default();
        for (number, field) in words.iter().enumerate() {
            if number > 0 {
                value.push(Piece::Known(" ".to_owned()));
            }
            for piece in field.value.pieces() {
                match piece {
                    Piece::Known(text) if escapes && !field.is_pattern => {
                        let escaped = unescaped(text);
                        value.push(Piece::Known(escaped.text));
                        if escaped.stops {
                            self.write(&value, &mut state);
                            return state.ended(0);
                        }
                    }
                    Piece::Known(_) if field.is_pattern => {
                        let symbol = Symbol {
                            at: field.span.start,
                            text: self.source(field.span).into(),
                        };
                        value.push(Piece::Unknown(symbol));
                    }
                    other => value.push(other.clone()),
                }
            }
        }
        if line_end {
            value.push(Piece::Known("\n".to_owned()));
        }
        self.write(&value, &mut state);
        state.ended(0)
    }

    /// `printf`
    pub(super) fn printf(&self, fields: &[Field], span: Span, mut state: State) -> State {
        let format = fields
            .get(1)
            .and_then(Field::text)
            .filter(|text| !text.starts_with('-'));
        let arguments = fields.get(2..).unwrap_or_default();
        match format.and_then(|format| formatted(format, arguments)) {
            Some(value) => self.write(&value, &mut state),
            None => self.write_unknown(span, &mut state),
        }
        state.ended(0)
    }
}

/// What a format makes of its arguments; `None` where it asks for more than is done here.
fn formatted(format: &str, arguments: &[Field]) -> Option<Value> {
    let mut value = Value::default();
    let mut rest = arguments.iter();
    loop {
        let before = rest.len();
        let mut text = format.chars();
        while let Some(character) = text.next() {
            match character {
                '%' => match text.next()? {
                    '%' => value.push(Piece::Known("%".to_owned())),
                    's' => {
                        if let Some(field) = rest.next() {
                            value.append(&field.value);
                        }
                    }
                    'd' => {
                        let number = rest.next().map_or(Some("0"), Field::text)?;
                        let number: i64 = number.parse().ok()?;
                        value.push(Piece::Known(number.to_string()));
                    }
                    _ => return None,
                },
                '\\' => value.push(Piece::Known(plain_escape(text.next()?)?.to_string())),
                other => value.push(Piece::Known(other.to_string())),
            }
        }
        // The format is used again as long as there are arguments, and it takes some.
        if rest.len() == 0 || rest.len() == before {
            return Some(value);
        }
    }
}

fn plain_escape(character: char) -> Option<char> {
    Some(match character {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '\\' => '\\',
        '"' => '"',
        _ => return None,
    })
}

/// What dash's `echo` makes of backslashes.
fn unescaped(text: &str) -> Escaped {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match characters.next() {
            Some('c') => {
                return Escaped {
                    text: result,
                    stops: true,
                };
            }
            Some('a') => result.push('\u{7}'),
            Some('b') => result.push('\u{8}'),
            Some('f') => result.push('\u{c}'),
            Some('v') => result.push('\u{b}'),
            Some(other) => match plain_escape(other).filter(|_| other != '"') {
                Some(escape) => result.push(escape),
                None => result.extend(['\\', other]),
            },
            None => result.push('\\'),
        }
    }
    Escaped {
        text: result,
        stops: false,
    }
}
