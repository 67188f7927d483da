//! Lists, pipelines, simple commands and redirections.

use std::cell::OnceCell;
use std::rc::Rc;

use super::super::syntax::{
    Assigned, Assignment, Chain, Command, Item, Join, Kind, List, Mode, Pipeline, Redirect, Sense,
    Span, Target, Word,
};
use super::scan::delimits;
use super::{Dialect, Expansion, Parse, Parser, Pending, Tabs};

impl Parser<'_> {
    /// Commands up to what closes them, which is left to be read.
    pub(super) fn list(&mut self) -> Parse<List> {
        let mut items = Vec::new();
        loop {
            self.lines()?;
            if self.closes() {
                return Ok(List(items));
            }
            self.step()?;
            let chain = self.chain()?;
            self.blanks()?;
            let mode = self.separator()?;
            items.push(Item { chain, mode });
        }
    }

    /// Commands up to what closes them; at least one.
    pub(super) fn commands(&mut self) -> Parse<List> {
        let list = self.list()?;
        if list.0.is_empty() {
            return Err(self.fault("a command is missing here"));
        }
        Ok(list)
    }

    fn separator(&mut self) -> Parse<Mode> {
        if self.peek() == Some(b'&') {
            self.at = self.at.saturating_add(1);
            return Ok(Mode::Background);
        }
        if self.peek() == Some(b';') && !matches!(self.second(), Some(b';' | b'&')) {
            self.at = self.at.saturating_add(1);
            return Ok(Mode::Foreground);
        }
        match self.peek() {
            Some(b'\n') => Ok(Mode::Foreground),
            _ if self.closes() => Ok(Mode::Foreground),
            _ => Err(self.fault("not expected here")),
        }
    }

    fn chain(&mut self) -> Parse<Chain> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks()?;
            let join = if self.take("&&") {
                Join::And
            } else if self.take("||") {
                Join::Or
            } else {
                return Ok(Chain { first, rest });
            };
            self.lines()?;
            rest.push((join, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parse<Pipeline> {
        self.peek();
        let start = self.at;
        let mut sense = Sense::Straight;
        while self.take_reserved("!") {
            sense = match sense {
                Sense::Straight => Sense::Negated,
                Sense::Negated => Sense::Straight,
            };
            self.blanks()?;
        }
        if self.dialect == Dialect::Bash && self.take_reserved("time") {
            self.blanks()?;
        }
        let mut commands = vec![self.command()?];
        loop {
            let end = commands.last().map_or(start, |command| command.span.end);
            self.blanks()?;
            if self.sees("||") || !self.take("|") {
                let span = Span {
                    start: self.offset(start),
                    end,
                };
                return Ok(Pipeline {
                    sense,
                    commands,
                    span,
                });
            }
            if self.dialect == Dialect::Bash {
                self.take("&");
            }
            self.lines()?;
            commands.push(self.command()?);
        }
    }

    pub(super) fn command(&mut self) -> Parse<Command> {
        self.nested(|parser| {
            parser.peek();
            let start = parser.at;
            let compound = parser.compound()?;
            let Some(kind) = compound else {
                return parser.simple(start);
            };
            let mut end = parser.at;
            let mut redirects = Vec::new();
            loop {
                parser.blanks()?;
                match parser.redirect()? {
                    Some(redirect) => redirects.push(redirect),
                    None => break,
                }
                end = parser.at;
            }
            Ok(Command {
                kind,
                redirects,
                span: parser.until(start, end),
            })
        })
    }

    /// From byte `start` to byte `end`.
    fn until(&mut self, start: usize, end: usize) -> Span {
        let here = std::mem::replace(&mut self.at, end);
        let span = self.span(start);
        self.at = here;
        span
    }

    fn simple(&mut self, start: usize) -> Parse<Command> {
        let (mut assignments, mut words) = (Vec::new(), Vec::<Word>::new());
        let (mut redirects, mut end) = (Vec::new(), start);
        loop {
            self.blanks()?;
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            } else if let Some(assignment) = self.assignment(words.is_empty())? {
                assignments.push(assignment);
            } else if self.word_follows() {
                words.push(self.word()?);
            } else {
                break;
            }
            end = self.at;
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            return Err(self.fault("a command is missing here"));
        }
        if self.peek() == Some(b'(') {
            return Err(self.fault("an opening parenthesis is not expected here"));
        }
        Ok(Command {
            kind: Kind::Simple { assignments, words },
            redirects,
            span: self.until(start, end),
        })
    }

    /// Whether a word begins here.
    pub(super) fn word_follows(&mut self) -> bool {
        match self.peek() {
            None => false,
            Some(b'<' | b'>') => self.dialect == Dialect::Bash && self.second() == Some(b'('),
            Some(byte) => !delimits(byte),
        }
    }

    /// `NAME=value`, where it may stand here.
    fn assignment(&mut self, may: bool) -> Parse<Option<Assignment>> {
        let start = self.at;
        let name = if may { self.name() } else { String::new() };
        if name.is_empty() {
            self.at = start;
            return Ok(None);
        }
        let bash = self.dialect == Dialect::Bash;
        let element = bash && self.peek() == Some(b'[') && self.index()?;
        let append = bash && self.take("+=");
        if !append && !self.take("=") {
            self.at = start;
            return Ok(None);
        }
        let value = if bash && self.peek() == Some(b'(') {
            Assigned::Array(self.array()?)
        } else if element {
            Assigned::Array(vec![self.value()?])
        } else if append {
            Assigned::Append(self.value()?)
        } else {
            Assigned::Set(self.value()?)
        };
        Ok(Some(Assignment { name, value }))
    }

    /// The value of an assignment; it may be empty.
    fn value(&mut self) -> Parse<Word> {
        if self.word_follows() {
            return self.word();
        }
        Ok(Word::new(Vec::new(), self.span(self.at)))
    }

    /// Passes over `[...]` behind an array's name; whether it closes.
    fn index(&mut self) -> Parse<bool> {
        while let Some(byte) = self.peek() {
            match byte {
                b']' => {
                    self.bump()?;
                    return Ok(true);
                }
                b'\n' | b' ' | b'=' => return Ok(false),
                _ => self.bump()?,
            };
        }
        Ok(false)
    }

    fn array(&mut self) -> Parse<Vec<Word>> {
        self.expect("(", "an array is missing here")?;
        let mut words = Vec::new();
        loop {
            self.lines()?;
            if self.take(")") {
                return Ok(words);
            }
            if !self.word_follows() {
                return Err(self.fault("the array is not closed"));
            }
            words.push(self.word()?);
        }
    }

    /// A redirection, where one stands here.
    pub(super) fn redirect(&mut self) -> Parse<Option<Redirect>> {
        let start = self.at;
        let digits = self.digits();
        let bash = self.dialect == Dialect::Bash;
        let process = bash && matches!(self.second(), Some(b'('));
        match self.peek() {
            Some(b'<' | b'>') if !process => {}
            Some(b'&') if bash && digits.is_empty() && self.second() == Some(b'>') => {
                self.take("&>");
                self.take(">");
                let target = Target::Both(self.operand()?);
                return Ok(Some(Redirect {
                    descriptor: 1,
                    target,
                }));
            }
            _ => {
                self.at = start;
                return Ok(None);
            }
        }
        // What has more digits is no descriptor of anybody's; it is read as one that nobody looks at.
        let named = (!digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX));
        let (standard, target) = self.target()?;
        Ok(Some(Redirect {
            descriptor: named.unwrap_or(standard),
            target,
        }))
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            digits.push(char::from(byte));
            self.at = self.at.saturating_add(1);
        }
        digits
    }

    /// An operator of redirection with its word, and the descriptor that it is about where none is named.
    fn target(&mut self) -> Parse<(u32, Target)> {
        if self.dialect == Dialect::Bash && self.take("<<<") {
            return Ok((0, Target::Text(self.operand()?)));
        }
        for (operator, tabs) in [("<<-", Tabs::Dropped), ("<<", Tabs::Kept)] {
            if self.take(operator) {
                return Ok((0, self.here_operator(tabs)?));
            }
        }
        type Make = fn(Word) -> Target;
        let table: [(&str, u32, Make); 7] = [
            ("<&", 0, Target::Copy),
            ("<>", 0, Target::From),
            ("<", 0, Target::From),
            (">&", 1, Target::Copy),
            (">>", 1, Target::To),
            (">|", 1, Target::To),
            (">", 1, Target::To),
        ];
        for (operator, descriptor, make) in table {
            if self.take(operator) {
                return Ok((descriptor, make(self.operand()?)));
            }
        }
        Err(self.fault("a redirection is missing here"))
    }

    fn operand(&mut self) -> Parse<Word> {
        self.blanks()?;
        if self.word_follows() {
            return self.word();
        }
        Err(self.fault("the redirection leads nowhere"))
    }

    fn here_operator(&mut self, tabs: Tabs) -> Parse<Target> {
        self.blanks()?;
        let (delimiter, quoted) = self.delimiter()?;
        let body = Rc::new(OnceCell::new());
        self.pending.push(Pending {
            delimiter,
            tabs,
            expansion: if quoted {
                Expansion::None
            } else {
                Expansion::Done
            },
            body: Rc::clone(&body),
        });
        Ok(Target::Here(body))
    }
}
