//! Strings of which parts are known.

use std::rc::Rc;

/// Something whose value is not known; the same one has the same value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol {
    /// Byte offset of what made it; `usize::MAX` for what was there before the script.
    pub(super) at: usize,
    /// How it is written.
    pub(super) text: Rc<str>,
}

impl Symbol {
    /// What is not kept of a string.
    fn rest() -> Self {
        Self {
            at: usize::MAX,
            text: "...".into(),
        }
    }
}

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Piece {
    Known(String),
    Unknown(Symbol),
}

/// A string. Copies share its parts until one of them is changed.
///
/// INVARIANT: an empty one is `None`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Value(Option<Rc<Vec<Piece>>>);

/// Longest string of which all is kept, in bytes; of a longer one the rest is not known. A script can double one with
/// every line.
const LONGEST: usize = 8 * 1024;
/// The same in parts.
const MOST: usize = 128;

impl Value {
    /// A string that is known.
    pub(super) fn known(text: impl Into<String>) -> Self {
        let mut value = Self::default();
        value.push(Piece::Known(text.into()));
        value
    }

    /// One of which nothing is known.
    pub(super) fn unknown(symbol: Symbol) -> Self {
        Self(Some(Rc::new(vec![Piece::Unknown(symbol)])))
    }

    /// Adds a part at the end.
    pub(super) fn push(&mut self, piece: Piece) {
        if self.is_full(&piece) {
            let rest = Piece::Unknown(Symbol::rest());
            if self.pieces().last() != Some(&rest) {
                self.parts().push(rest);
            }
            return;
        }
        if matches!(&piece, Piece::Known(text) if text.is_empty()) {
            return;
        }
        let parts = self.parts();
        match (parts.last_mut(), piece) {
            (Some(Piece::Known(last)), Piece::Known(text)) => last.push_str(&text),
            (_, piece) => parts.push(piece),
        }
    }

    /// Whether there is no room for another part.
    fn is_full(&self, piece: &Piece) -> bool {
        let length = |piece: &Piece| match piece {
            Piece::Known(text) => text.len(),
            Piece::Unknown(_) => 0,
        };
        let parts = self.pieces();
        let all: usize = parts.iter().map(length).sum();
        parts.len() >= MOST || all.saturating_add(length(piece)) > LONGEST
    }

    /// Adds another string at the end.
    pub(super) fn append(&mut self, other: &Self) {
        if self.0.is_none() {
            self.0.clone_from(&other.0);
            return;
        }
        for piece in other.pieces() {
            self.push(piece.clone());
        }
    }

    /// Its parts.
    pub(super) fn pieces(&self) -> &[Piece] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Its own parts, to be changed.
    fn parts(&mut self) -> &mut Vec<Piece> {
        Rc::make_mut(self.0.get_or_insert_default())
    }

    /// The whole of it, where all is known.
    pub(super) fn text(&self) -> Option<&str> {
        match self.pieces() {
            [] => Some(""),
            [Piece::Known(text)] => Some(text),
            _ => None,
        }
    }

    /// The symbol that it is, where it is just one.
    pub(super) fn symbol(&self) -> Option<&Symbol> {
        match self.pieces() {
            [Piece::Unknown(symbol)] => Some(symbol),
            _ => None,
        }
    }

    /// Whether it is empty; `None` where that is not known.
    pub(super) fn is_empty(&self) -> Option<bool> {
        if self.0.is_none() {
            return Some(true);
        }
        let filled = self
            .pieces()
            .iter()
            .any(|piece| matches!(piece, Piece::Known(text) if !text.is_empty()));
        filled.then_some(false)
    }

    /// Without the line ends at its end, as `$(...)` leaves it.
    pub(super) fn without_last_lines(mut self) -> Self {
        if !matches!(self.pieces().last(), Some(Piece::Known(text)) if text.ends_with('\n')) {
            return self;
        }
        let parts = self.parts();
        while let Some(Piece::Known(text)) = parts.last_mut() {
            let length = text.trim_end_matches('\n').len();
            text.truncate(length);
            if length > 0 {
                break;
            }
            parts.pop();
        }
        if parts.is_empty() {
            self.0 = None;
        }
        self
    }

    /// How it is written for a reader: known text as it is.
    pub(super) fn shown(&self) -> String {
        let parts = self.pieces().iter().map(|piece| match piece {
            Piece::Known(text) => text.as_str(),
            Piece::Unknown(symbol) => &symbol.text,
        });
        parts.collect()
    }
}
