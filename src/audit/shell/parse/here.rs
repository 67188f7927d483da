//! Here-documents: their delimiters, and their bodies behind the line that names them.

use super::super::syntax::{Part, Word};
use super::scan::delimits;
use super::{Expansion, Parse, Parser, Pending, Tabs};

impl Parser<'_> {
    /// A here-document's delimiter without its quotes, and whether any of it was quoted.
    pub(super) fn delimiter(&mut self) -> Parse<(Vec<u8>, bool)> {
        let (mut text, mut quoted) = (Vec::new(), false);
        while let Some(byte) = self.peek().filter(|byte| !delimits(*byte)) {
            self.bump()?;
            match byte {
                b'\'' | b'"' => {
                    quoted = true;
                    self.quoted_delimiter(byte, &mut text)?;
                }
                b'\\' => {
                    quoted = true;
                    text.extend(self.bump()?);
                }
                _ => text.push(byte),
            }
        }
        if text.is_empty() && !quoted {
            return Err(self.fault("the here-document's delimiter is missing"));
        }
        Ok((text, quoted))
    }

    fn quoted_delimiter(&mut self, quote: u8, text: &mut Vec<u8>) -> Parse<()> {
        loop {
            match self.bump()? {
                None => return Err(self.fault("the quotes are not closed")),
                Some(byte) if byte == quote => return Ok(()),
                Some(byte) => text.push(byte),
            }
        }
    }

    /// The bodies of the here-documents that the line before named.
    pub(super) fn here_documents(&mut self) -> Parse<()> {
        for pending in std::mem::take(&mut self.pending) {
            let word = self.here_document(&pending)?;
            // Each is read once: it can only be empty.
            let _ = pending.body.set(word);
        }
        Ok(())
    }

    fn here_document(&mut self, pending: &Pending) -> Parse<Word> {
        let start = self.at;
        let (end, behind) = self.document_end(pending)?;
        let mut word = Word::default();
        let (whole, outer) = (self.end, self.pending.len());
        self.end = end;
        let read = match pending.expansion {
            Expansion::Done => self.document_parts(pending.tabs),
            Expansion::None => self.document_text(pending.tabs),
        };
        self.end = whole;
        // What a substitution in it left open belongs to no line of the script's.
        self.pending.truncate(outer);
        word.parts = read?;
        word.span = self.span(start);
        self.at = behind;
        Ok(word)
    }

    /// Where the body ends, and where the line with its delimiter does.
    fn document_end(&mut self, pending: &Pending) -> Parse<(usize, usize)> {
        let mut at = self.at;
        loop {
            self.step()?;
            let rest = self.bytes.get(at..self.end).unwrap_or_default();
            let length = rest.iter().position(|byte| *byte == b'\n');
            let line = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
            let behind = at.saturating_add(line.len());
            if bare(line, pending.tabs) == pending.delimiter {
                return Ok((at, behind.saturating_add(1).min(self.end)));
            }
            // Without its delimiter a here-document goes on to the end of the text.
            if length.is_none() {
                return Ok((self.end, self.end));
            }
            self.fuel = self.fuel.saturating_sub(line.len());
            at = behind.saturating_add(1);
        }
    }

    /// A body in which nothing is expanded.
    fn document_text(&mut self, tabs: Tabs) -> Parse<Vec<Part>> {
        let mut text = Vec::new();
        loop {
            self.leading_tabs(tabs)?;
            loop {
                match self.bump()? {
                    None => return Ok(vec![fixed(text)]),
                    Some(byte) => text.push(byte),
                }
                if text.last() == Some(&b'\n') {
                    break;
                }
            }
        }
    }

    fn leading_tabs(&mut self, tabs: Tabs) -> Parse<()> {
        while tabs == Tabs::Dropped && self.rest().first() == Some(&b'\t') {
            self.bump()?;
        }
        Ok(())
    }

    /// A body whose expansions are done.
    fn document_parts(&mut self, tabs: Tabs) -> Parse<Vec<Part>> {
        let (mut parts, mut text) = (Vec::new(), Vec::new());
        self.leading_tabs(tabs)?;
        loop {
            match self.peek() {
                None => {
                    parts.push(fixed(text));
                    return Ok(parts);
                }
                Some(b'$' | b'`') => {
                    parts.push(fixed(std::mem::take(&mut text)));
                    match self.dollar(super::word::Quotes::Document)? {
                        Some(part) => parts.push(part),
                        None => text.push(b'$'),
                    }
                }
                Some(b'\\') if matches!(self.second(), Some(b'$' | b'`' | b'\\')) => {
                    self.bump()?;
                    text.extend(self.bump()?);
                }
                Some(_) => text.extend(self.bump()?),
            }
            if text.last() == Some(&b'\n') {
                self.leading_tabs(tabs)?;
            }
        }
    }
}

/// A line without the tabs at its beginning, where these do not count.
fn bare(line: &[u8], tabs: Tabs) -> &[u8] {
    let blank = match tabs {
        Tabs::Kept => 0,
        Tabs::Dropped => line.iter().take_while(|byte| **byte == b'\t').count(),
    };
    line.get(blank..).unwrap_or_default()
}

fn fixed(text: Vec<u8>) -> Part {
    Part::Fixed(super::word::owned(text))
}
