//! Words: quotes, escapes and expansions.

use std::rc::Rc;

use super::super::syntax::{Operation, Parameter, Part, Word};
use super::scan::delimits;
use super::{Dialect, Origin, Parse, Parser};

/// What surrounds an expansion: what is an escape in its backquotes, and a quote in its braces, depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Double,
    Document,
}

/// Parts that grow: literal text is put together first.
#[derive(Default)]
pub(super) struct Parts {
    done: Vec<Part>,
    text: Vec<u8>,
}

impl Parts {
    /// A byte as it stands.
    pub(super) fn byte(&mut self, byte: u8) {
        self.text.push(byte);
    }

    /// A part behind what there is.
    pub(super) fn part(&mut self, part: Part) {
        self.flush();
        self.done.push(part);
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = owned(std::mem::take(&mut self.text));
            self.done.push(Part::Text(text));
        }
    }

    fn is_empty(&self) -> bool {
        self.done.is_empty() && self.text.is_empty()
    }

    /// All of them.
    pub(super) fn finish(mut self) -> Vec<Part> {
        self.flush();
        self.done
    }
}

/// Bytes of a script as text; they were cut between characters.
pub(super) fn owned(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl Parser<'_> {
    /// A word, up to what delimits it.
    pub(super) fn word(&mut self) -> Parse<Word> {
        self.peek();
        let start = self.at;
        let mut parts = Parts::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'~' if parts.is_empty() => {
                    let part = self.tilde()?;
                    parts.part(part);
                }
                b'<' | b'>' if self.process_follows() => {
                    let part = self.process()?;
                    parts.part(part);
                }
                b'(' if self.extended_pattern(&parts) => {
                    self.parentheses()?;
                    parts.part(unknown(self.span(start)));
                }
                _ if delimits(byte) => break,
                _ => self.piece(byte, &mut parts)?,
            }
        }
        Ok(Word::new(parts.finish(), self.span(start)))
    }

    /// One piece of a word in which quotes count.
    pub(super) fn piece(&mut self, byte: u8, parts: &mut Parts) -> Parse<()> {
        match byte {
            b'\'' => {
                self.bump()?;
                let text = self.single()?;
                parts.part(Part::Fixed(text));
            }
            b'"' => {
                self.bump()?;
                let part = self.nested(Self::double)?;
                parts.part(part);
            }
            b'\\' => {
                self.bump()?;
                match self.character()? {
                    Some(text) => parts.part(Part::Fixed(text)),
                    None => parts.byte(b'\\'),
                }
            }
            b'$' if self.dialect == Dialect::Bash
                && matches!(self.second(), Some(b'\'' | b'"')) =>
            {
                self.bump()?;
                let part = self.dollar_quotes()?;
                parts.part(part);
            }
            b'$' | b'`' => match self.dollar(Quotes::None)? {
                Some(part) => parts.part(part),
                None => parts.byte(b'$'),
            },
            _ => parts.text.extend(self.bump()?),
        }
        Ok(())
    }

    /// The character that is next, with all its bytes.
    fn character(&mut self) -> Parse<Option<String>> {
        let Some(first) = self.bump()? else {
            return Ok(None);
        };
        let mut bytes = vec![first];
        while self.rest().first().is_some_and(|byte| byte & 0xC0 == 0x80) {
            bytes.extend(self.bump()?);
        }
        Ok(Some(owned(bytes)))
    }

    /// What stands in single quotes, and the closing one.
    fn single(&mut self) -> Parse<String> {
        let mut text = Vec::new();
        loop {
            match self.bump()? {
                None => return Err(self.fault("the quotes are not closed")),
                Some(b'\'') => return Ok(owned(text)),
                Some(byte) => text.push(byte),
            }
        }
    }

    /// What stands in double quotes, and the closing one.
    pub(super) fn double(&mut self) -> Parse<Part> {
        let mut parts = Parts::default();
        loop {
            match self.peek() {
                None => return Err(self.fault("the quotes are not closed")),
                Some(b'"') => {
                    self.bump()?;
                    return Ok(Part::Double(parts.finish()));
                }
                Some(byte) => self.double_piece(byte, &mut parts)?,
            }
        }
    }

    /// One piece of what stands in double quotes.
    pub(super) fn double_piece(&mut self, byte: u8, parts: &mut Parts) -> Parse<()> {
        match byte {
            b'\\' if matches!(self.second(), Some(b'$' | b'`' | b'"' | b'\\')) => {
                self.bump()?;
                parts.text.extend(self.bump()?);
            }
            b'$' | b'`' => match self.dollar(Quotes::Double)? {
                Some(part) => parts.part(part),
                None => parts.byte(b'$'),
            },
            _ => parts.text.extend(self.bump()?),
        }
        Ok(())
    }

    /// `$'...'` and `$"..."`, behind the dollar sign.
    fn dollar_quotes(&mut self) -> Parse<Part> {
        if self.bump()? == Some(b'"') {
            return self.nested(Self::double);
        }
        let mut text = Vec::new();
        loop {
            match self.bump()? {
                None => return Err(self.fault("the quotes are not closed")),
                Some(b'\'') => return Ok(Part::Fixed(owned(text))),
                Some(b'\\') => text.extend(self.bump()?.map(ansi)),
                Some(byte) => text.push(byte),
            }
        }
    }

    fn tilde(&mut self) -> Parse<Part> {
        let start = self.at;
        self.bump()?;
        while let Some(byte) = self.peek() {
            if !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'+') {
                break;
            }
            self.bump()?;
        }
        Ok(Part::Tilde(self.span(start)))
    }

    fn process_follows(&self) -> bool {
        self.dialect == Dialect::Bash && self.second() == Some(b'(')
    }

    fn process(&mut self) -> Parse<Part> {
        let start = self.at;
        self.bump()?;
        self.bump()?;
        let list = self.nested(Self::list)?;
        self.expect(")", "the substitution is not closed")?;
        Ok(Part::Process(Rc::new(list), self.span(start)))
    }

    /// Whether a parenthesis here belongs to one of bash's patterns, `@(...)`.
    fn extended_pattern(&self, parts: &Parts) -> bool {
        self.dialect == Dialect::Bash
            && matches!(parts.text.last(), Some(b'?' | b'*' | b'+' | b'@' | b'!'))
    }

    /// Passes over what stands in parentheses.
    fn parentheses(&mut self) -> Parse<()> {
        let mut depth = 0usize;
        loop {
            match self.bump()? {
                None => return Err(self.fault("the parentheses are not closed")),
                Some(b'(') => depth = depth.saturating_add(1),
                Some(b')') => depth = depth.saturating_sub(1),
                Some(_) => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// An expansion at `$` or a backquote; `None` where the dollar sign is just that.
    pub(super) fn dollar(&mut self, quotes: Quotes) -> Parse<Option<Part>> {
        self.peek();
        let start = self.at;
        if self.bump()? == Some(b'`') {
            return self.backquotes(start, quotes).map(Some);
        }
        match self.peek() {
            Some(b'(') => self.nested(|parser| parser.substitution(start)).map(Some),
            Some(b'{') => {
                self.bump()?;
                self.nested(|parser| parser.braced(start, quotes)).map(Some)
            }
            Some(byte) if byte == b'_' || byte.is_ascii_alphabetic() => {
                let name = self.name();
                Ok(Some(self.plain(start, name)))
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                self.bump()?;
                Ok(Some(self.plain(start, char::from(byte).to_string())))
            }
            _ => Ok(None),
        }
    }

    fn plain(&self, start: usize, name: String) -> Part {
        Part::Parameter(Box::new(Parameter {
            name,
            operation: Operation::Plain,
            span: self.span(start),
        }))
    }

    fn substitution(&mut self, start: usize) -> Parse<Part> {
        if self.sees("((") && self.doubly_closed(2) {
            self.take("((");
            return self.arithmetic().map(Part::Arithmetic);
        }
        self.bump()?;
        let list = self.list()?;
        self.expect(")", "the substitution is not closed")?;
        Ok(Part::Command(Rc::new(list), self.span(start)))
    }

    /// Whether the two parentheses that `skip` bytes from here are behind are closed by two that stand together.
    pub(super) fn doubly_closed(&mut self, skip: usize) -> bool {
        let mut depth = 2usize;
        let mut bytes = self.rest().iter().skip(skip).peekable();
        let mut passed = 0usize;
        let mut answer = false;
        while let Some(byte) = bytes.next() {
            passed = passed.saturating_add(1);
            match byte {
                b'(' => depth = depth.saturating_add(1),
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 1 && *byte == b')' {
                answer = bytes.peek() == Some(&&b')');
                break;
            }
        }
        self.fuel = self.fuel.saturating_sub(passed);
        answer
    }

    /// An arithmetic expression, and the two parentheses that close it.
    pub(super) fn arithmetic(&mut self) -> Parse<Word> {
        let start = self.at;
        let mut parts = Parts::default();
        let mut depth = 0usize;
        loop {
            match self.peek() {
                None => return Err(self.fault("the arithmetic is not closed")),
                Some(b')') if depth == 0 => {
                    let span = self.span(start);
                    self.expect("))", "the arithmetic is not closed")?;
                    let parts = parts.finish();
                    return Ok(Word::new(parts, span));
                }
                Some(byte) => {
                    match byte {
                        b'(' => depth = depth.saturating_add(1),
                        b')' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    self.double_piece(byte, &mut parts)?;
                }
            }
        }
    }

    /// `` `...` ``, behind the opening one: its text without escapes, read by a parser of its own.
    fn backquotes(&mut self, start: usize, quotes: Quotes) -> Parse<Part> {
        let (mut bytes, mut map) = (Vec::new(), Vec::new());
        loop {
            let here = self.offset(self.at);
            match self.bump()? {
                None => return Err(self.fault("the backquotes are not closed")),
                Some(b'`') => {
                    map.push(here);
                    break;
                }
                Some(b'\\') if self.escaped_in_backquotes(quotes) => {
                    map.push(self.offset(self.at));
                    bytes.extend(self.bump()?);
                }
                Some(byte) => {
                    map.push(here);
                    bytes.push(byte);
                }
            }
        }
        let origin = match &self.origin {
            Origin::Made(span) => Origin::Made(*span),
            Origin::Script | Origin::Mapped(_) => Origin::Mapped(map),
        };
        let list = self.nested(|parser| parser.within(&bytes, origin))?;
        Ok(Part::Command(Rc::new(list), self.span(start)))
    }

    fn escaped_in_backquotes(&self, quotes: Quotes) -> bool {
        match self.rest().first() {
            Some(b'$' | b'`' | b'\\') => true,
            Some(b'"') => quotes == Quotes::Double,
            _ => false,
        }
    }

    /// The commands of another text, with what this one has left of its bounds.
    fn within(&mut self, bytes: &[u8], origin: Origin) -> Parse<super::List> {
        let mut inner = Parser {
            bytes,
            at: 0,
            end: bytes.len(),
            origin,
            dialect: self.dialect,
            depth: self.depth,
            fuel: self.fuel,
            pending: Vec::new(),
        };
        let list = inner.list()?;
        if inner.peek().is_some() {
            return Err(inner.fault("this closes nothing"));
        }
        self.fuel = inner.fuel;
        Ok(list)
    }
}

/// What is not looked at.
pub(super) fn unknown(span: super::Span) -> Part {
    Part::Parameter(Box::new(Parameter {
        name: String::new(),
        operation: Operation::Other,
        span,
    }))
}

/// What a backslash makes of a byte within `$'...'`.
fn ansi(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'e' => 0x1b,
        other => other,
    }
}
