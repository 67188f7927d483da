//! Strings of which parts are known.

use std::sync::Arc;

/// Something whose value is not known; the same one has the same value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol {
    /// Byte offset of what made it; `usize::MAX` for what was there before the script.
    pub(super) at: usize,
    /// How it is written.
    pub(super) text: Arc<str>,
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Piece {
    Known(String),
    Unknown(Symbol),
}

/// A string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Value(Vec<Piece>);

/// Longest string that is kept; of a longer one nothing is known.
const LONGEST: usize = 64 * 1024;

impl Value {
    /// A string that is known.
    pub(super) fn known(text: impl Into<String>) -> Self {
        let mut value = Self::default();
        value.push(Piece::Known(text.into()));
        value
    }

    /// One of which nothing is known.
    pub(super) fn unknown(symbol: Symbol) -> Self {
        Self(vec![Piece::Unknown(symbol)])
    }

    /// Adds a part at the end.
    pub(super) fn push(&mut self, piece: Piece) {
        let room = self.0.len() < LONGEST / 64;
        match (self.0.last_mut(), piece) {
            (_, Piece::Known(text)) if text.is_empty() => {}
            (Some(Piece::Known(last)), Piece::Known(text)) if last.len() < LONGEST => {
                last.push_str(&text);
            }
            (_, piece) if room => self.0.push(piece),
            _ => {}
        }
    }

    /// Adds another string at the end.
    pub(super) fn append(&mut self, other: &Self) {
        for piece in &other.0 {
            self.push(piece.clone());
        }
    }

    /// Its parts.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The whole of it, where all is known.
    pub(super) fn text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Known(text)] => Some(text),
            _ => None,
        }
    }

    /// The symbol that it is, where it is just one.
    pub(super) fn symbol(&self) -> Option<&Symbol> {
        match self.0.as_slice() {
            [Piece::Unknown(symbol)] => Some(symbol),
            _ => None,
        }
    }

    /// Whether it is empty; `None` where that is not known.
    pub(super) fn is_empty(&self) -> Option<bool> {
        if self.0.is_empty() {
            return Some(true);
        }
        let filled = self
            .0
            .iter()
            .any(|piece| matches!(piece, Piece::Known(text) if !text.is_empty()));
        filled.then_some(false)
    }

    /// Without the line ends at its end, as `$(...)` leaves it.
    pub(super) fn without_last_lines(mut self) -> Self {
        while let Some(Piece::Known(text)) = self.0.last_mut() {
            let length = text.trim_end_matches('\n').len();
            text.truncate(length);
            if length > 0 {
                break;
            }
            self.0.pop();
        }
        self
    }

    /// How it is written for a reader: known text as it is.
    pub(super) fn shown(&self) -> String {
        let parts = self.0.iter().map(|piece| match piece {
            Piece::Known(text) => text.as_str(),
            Piece::Unknown(symbol) => &symbol.text,
        });
        parts.collect()
    }
}
