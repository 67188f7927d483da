//! From a script's text to its trees. It is a parser of its own, since what it has to say of places must
//! hold to the byte within `$(...)` too, and since nothing that a package brings may end the process: it
//! never recurses deeper than a bound, and the work that it does is bounded by the length of the text.

mod braced;
mod command;
mod compound;
mod here;
mod scan;
mod test;
mod word;

use std::cell::OnceCell;
use std::rc::Rc;

use super::syntax::{List, Span, Word};

/// How deep commands, substitutions and parentheses may nest.
const DEEPEST: usize = 48;
/// How many steps a byte of the text is worth; well-formed scripts take a few.
const STEPS: usize = 64;

/// Whose grammar a script is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// dash's: POSIX with `local`.
    Posix,
    /// bash's.
    Bash,
}

/// What is wrong with a text, and at which of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// Where the bytes that are parsed come from.
#[derive(Debug, Clone)]
enum Origin {
    /// They are the script.
    Script,
    /// The script's offset of each of them, and of the end: the text of backquotes, its escapes taken off.
    Mapped(Vec<usize>),
    /// They are not written in the script: the words of an `eval`, which stand here.
    Made(Span),
}

/// A here-document whose body is still to come.
struct Pending {
    delimiter: Vec<u8>,
    tabs: Tabs,
    expansion: Expansion,
    body: Rc<OnceCell<Word>>,
}

/// What becomes of tabs at the beginning of a here-document's lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tabs {
    Kept,
    Dropped,
}

/// Whether a here-document's body is expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expansion {
    Done,
    None,
}

/// Reads a text from front to back.
struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the part that is read just now ends.
    end: usize,
    origin: Origin,
    dialect: Dialect,
    depth: usize,
    fuel: usize,
    pending: Vec<Pending>,
}

type Parse<T> = Result<T, Fault>;

/// The commands of a whole script.
pub(super) fn script(text: &str, dialect: Dialect) -> Parse<List> {
    program(text.as_bytes(), Origin::Script, dialect)
}

/// The commands of a text that a script has put together itself, all of them at `place`.
pub(super) fn made(text: &str, dialect: Dialect, place: Span) -> Parse<List> {
    program(text.as_bytes(), Origin::Made(place), dialect)
}

fn program(bytes: &[u8], origin: Origin, dialect: Dialect) -> Parse<List> {
    let mut parser = Parser {
        bytes,
        at: 0,
        end: bytes.len(),
        origin,
        dialect,
        depth: 0,
        fuel: bytes.len().saturating_mul(STEPS).saturating_add(4096),
        pending: Vec::new(),
    };
    let list = parser.list()?;
    // A here-document that the last line names is empty.
    parser.here_documents()?;
    match parser.peek() {
        None => Ok(list),
        Some(_) => Err(parser.fault("this closes nothing")),
    }
}

impl Parser<'_> {
    /// A fault at the place that is read just now.
    fn fault(&self, what: &'static str) -> Fault {
        Fault {
            at: self.offset(self.at),
            what,
        }
    }

    /// The script's offset of a byte.
    fn offset(&self, at: usize) -> usize {
        match &self.origin {
            Origin::Script => at,
            Origin::Mapped(map) => map.get(at).or(map.last()).copied().unwrap_or(at),
            Origin::Made(span) => span.start,
        }
    }

    /// From byte `start` to where it is read just now.
    fn span(&self, start: usize) -> Span {
        match &self.origin {
            Origin::Made(span) => *span,
            Origin::Script => Span {
                start,
                end: self.at,
            },
            Origin::Mapped(_) => Span {
                start: self.offset(start),
                // The last byte may itself stand behind a backslash: its end is one behind it.
                end: self
                    .at
                    .checked_sub(1)
                    .filter(|last| *last >= start)
                    .map_or_else(
                        || self.offset(start),
                        |last| self.offset(last).saturating_add(1),
                    ),
            },
        }
    }

    /// Runs `read` one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= DEEPEST {
            return Err(self.fault("nested too deeply"));
        }
        self.depth = self.depth.saturating_add(1);
        let result = read(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Takes a step's worth of work.
    fn step(&mut self) -> Parse<()> {
        self.fuel = match self.fuel.checked_sub(1) {
            Some(left) => left,
            None => return Err(self.fault("takes too much work to read")),
        };
        Ok(())
    }
}
