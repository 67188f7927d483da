//! From what a word expands to, to the fields that a command gets.

use super::super::pattern::{Glob, Pattern};
use super::super::syntax::Span;
use super::super::value::{Piece, Value};

/// A bit of an expanded word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunk {
    /// Quoted: it stays as it is, even when it is empty.
    Quoted(Piece),
    /// Written so, without quotes.
    Plain(String),
    /// What an expansion without quotes gave: it is split.
    Split(Piece),
    /// Between two positional parameters.
    Boundary,
}

/// One of a command's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) value: Value,
    /// Where the word stands that it comes from.
    pub(super) span: Span,
    /// Whether files may be named by it as a pattern.
    pub(super) is_pattern: bool,
    /// Whether it may be any number of words.
    pub(super) is_loose: bool,
}

impl Field {
    /// One that is taken as it is.
    pub(super) fn quoted(value: Value) -> Self {
        Self {
            value,
            span: Span::default(),
            is_pattern: false,
            is_loose: false,
        }
    }

    /// Whether it is one word.
    pub(super) fn is_one(&self) -> bool {
        !self.is_loose
    }

    /// What it is, where that is known.
    pub(super) fn text(&self) -> Option<&str> {
        if self.is_pattern || self.is_loose {
            return None;
        }
        self.value.text()
    }
}

/// Puts fields together.
struct Splitter<'a> {
    separators: &'a str,
    span: Span,
    fields: Vec<Field>,
    open: Option<Field>,
}

/// The fields that `chunks` come to.
pub(super) fn fields(chunks: &[Chunk], separators: &str, span: Span) -> Vec<Field> {
    let mut splitter = Splitter {
        separators,
        span,
        fields: Vec::new(),
        open: None,
    };
    for chunk in chunks {
        match chunk {
            Chunk::Quoted(piece) => splitter.field().value.push(piece.clone()),
            Chunk::Plain(text) => splitter.plain(text),
            Chunk::Split(Piece::Known(text)) => splitter.split(text),
            Chunk::Split(piece) => {
                let field = splitter.field();
                field.value.push(piece.clone());
                field.is_loose = true;
            }
            Chunk::Boundary => splitter.close(),
        }
    }
    splitter.close();
    splitter.fields
}

impl Splitter<'_> {
    fn field(&mut self) -> &mut Field {
        let span = self.span;
        self.open.get_or_insert_with(|| Field {
            span,
            ..Field::quoted(Value::default())
        })
    }

    fn close(&mut self) {
        self.fields.extend(self.open.take());
    }

    fn plain(&mut self, text: &str) {
        let field = self.field();
        field.is_pattern |= has_pattern(text);
        field.value.push(Piece::Known(text.to_owned()));
    }

    /// White space separates fields and is nothing else; any other separator ends one, be it empty.
    fn split(&mut self, text: &str) {
        let mut run = String::new();
        for character in text.chars() {
            if !self.separators.contains(character) {
                run.push(character);
                continue;
            }
            self.flush(&mut run);
            if !matches!(character, ' ' | '\t' | '\n') {
                self.field();
            }
            self.close();
        }
        self.flush(&mut run);
    }

    fn flush(&mut self, run: &mut String) {
        if !run.is_empty() {
            let text = std::mem::take(run);
            self.plain(&text);
        }
    }
}

fn has_pattern(text: &str) -> bool {
    text.contains(['*', '?']) || (text.contains('[') && text.contains(']'))
}

/// All of it as one string.
pub(super) fn whole(chunks: &[Chunk]) -> Value {
    let mut value = Value::default();
    for chunk in chunks {
        match chunk {
            Chunk::Quoted(piece) | Chunk::Split(piece) => value.push(piece.clone()),
            Chunk::Plain(text) => value.push(Piece::Known(text.clone())),
            Chunk::Boundary => value.push(Piece::Known(" ".to_owned())),
        }
    }
    value
}

/// All of it as a pattern.
pub(super) fn pattern(chunks: &[Chunk]) -> Pattern {
    let mut pattern = Pattern::default();
    for chunk in chunks {
        match chunk {
            Chunk::Quoted(Piece::Known(text)) => pattern.literal(text),
            Chunk::Split(Piece::Known(text)) | Chunk::Plain(text) => pattern.special(text),
            Chunk::Quoted(Piece::Unknown(_)) | Chunk::Split(Piece::Unknown(_)) => {
                pattern.0.push(Glob::Unknown);
            }
            Chunk::Boundary => pattern.literal(" "),
        }
    }
    pattern
}
