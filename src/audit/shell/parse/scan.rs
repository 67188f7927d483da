//! Characters: looking at them, passing blanks, comments and line ends.

use super::{Parse, Parser};

/// The words that close or divide a compound command.
const CLOSERS: [&str; 8] = ["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl Parser<'_> {
    /// The byte that is next, line continuations passed over.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while self.rest().starts_with(b"\\\n") {
            self.at = self.at.saturating_add(2);
        }
        self.rest().first().copied()
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    /// The byte behind the next one.
    pub(super) fn second(&self) -> Option<u8> {
        self.rest().get(1).copied()
    }

    /// Whether `text` is next.
    pub(super) fn sees(&mut self, text: &str) -> bool {
        self.peek();
        self.rest().starts_with(text.as_bytes())
    }

    /// Passes over `text` where it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let seen = self.sees(text);
        if seen {
            self.at = self.at.saturating_add(text.len());
        }
        seen
    }

    /// Passes over `text`, which must be next.
    pub(super) fn expect(&mut self, text: &str, what: &'static str) -> Parse<()> {
        if self.take(text) {
            return Ok(());
        }
        Err(self.fault(what))
    }

    /// Goes on by one byte, and gives it.
    pub(super) fn bump(&mut self) -> Parse<Option<u8>> {
        self.step()?;
        let byte = self.rest().first().copied();
        if byte.is_some() {
            self.at = self.at.saturating_add(1);
        }
        Ok(byte)
    }

    /// Passes over blanks, and over a comment.
    pub(super) fn blanks(&mut self) -> Parse<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => {
                    self.bump()?;
                }
                Some(b'#') => return self.comment(),
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Parse<()> {
        // A backslash at a comment's end continues nothing: the bytes are looked at as they are.
        while !matches!(self.rest().first(), None | Some(b'\n')) {
            self.bump()?;
        }
        Ok(())
    }

    /// Passes over blanks, comments and line ends; reads the here-documents that begin at these.
    pub(super) fn lines(&mut self) -> Parse<()> {
        loop {
            self.blanks()?;
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.bump()?;
            self.here_documents()?;
        }
    }

    /// Whether the reserved word `word` is next.
    pub(super) fn reserved(&mut self, word: &str) -> bool {
        if !self.sees(word) {
            return false;
        }
        let behind = self.rest().get(word.len()).copied();
        behind.is_none_or(delimits) || self.continued(word.len())
    }

    /// Whether a line continuation stands `behind` bytes from here.
    fn continued(&self, behind: usize) -> bool {
        self.rest()
            .get(behind..)
            .is_some_and(|rest| rest.starts_with(b"\\\n"))
    }

    /// Passes over the reserved word `word` where it is next.
    pub(super) fn take_reserved(&mut self, word: &str) -> bool {
        let seen = self.reserved(word);
        if seen {
            self.at = self.at.saturating_add(word.len());
        }
        seen
    }

    /// Passes over the reserved word `word`, which must be next.
    pub(super) fn expect_reserved(&mut self, word: &str, what: &'static str) -> Parse<()> {
        if self.take_reserved(word) {
            return Ok(());
        }
        Err(self.fault(what))
    }

    /// Whether a list of commands is at its end here.
    pub(super) fn closes(&mut self) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => matches!(self.second(), Some(b';' | b'&')),
            Some(_) => CLOSERS.iter().any(|word| self.reserved(word)),
        }
    }

    /// A name that is next; empty where there is none.
    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(byte) = self.peek() {
            let fits = byte == b'_' || byte.is_ascii_alphabetic();
            if !fits && (name.is_empty() || !byte.is_ascii_digit()) {
                break;
            }
            name.push(char::from(byte));
            self.at = self.at.saturating_add(1);
        }
        name
    }
}

/// Whether a word ends before this byte.
pub(super) fn delimits(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
    )
}
