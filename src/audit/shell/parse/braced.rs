//! `${...}`: the parameter, the operation, and its operand.

use super::super::syntax::{End, Extent, Missing, Operation, Parameter, Part, Word};
use super::word::{Parts, Quotes};
use super::{Dialect, Parse, Parser};

/// What quotes mean within an operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    /// As in any word.
    Word,
    /// As within the double quotes around it.
    Quoted,
}

impl Parser<'_> {
    /// An expansion in braces, behind the opening one.
    pub(super) fn braced(&mut self, start: usize, quotes: Quotes) -> Parse<Part> {
        let length = self.length_follows();
        if length {
            self.bump()?;
        }
        let name = self.parameter_name()?;
        let operation = if name.is_empty() {
            self.other()?
        } else if length {
            Operation::Length
        } else {
            self.operation(quotes)?
        };
        if !matches!(operation, Operation::Other) {
            self.expect("}", "the expansion is not closed")?;
        }
        let span = self.span(start);
        Ok(Part::Parameter(Box::new(Parameter {
            name,
            operation,
            span,
        })))
    }

    /// Whether `#` asks for a length here: alone, and before an operator, it is the count of parameters.
    fn length_follows(&mut self) -> bool {
        self.peek() == Some(b'#')
            && self.second().is_some_and(|byte| {
                byte == b'_' || byte.is_ascii_alphanumeric() || b"@*!$".contains(&byte)
            })
    }

    fn parameter_name(&mut self) -> Parse<String> {
        let name = self.name();
        if !name.is_empty() {
            return Ok(name);
        }
        let mut digits = String::new();
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            digits.push(char::from(byte));
            self.bump()?;
        }
        if !digits.is_empty() {
            return Ok(digits);
        }
        // An exclamation mark before a name is bash's indirection.
        let indirect = self.peek() == Some(b'!')
            && self.dialect == Dialect::Bash
            && self.second() != Some(b'}');
        match self.peek() {
            Some(byte) if b"@*#?-$!".contains(&byte) && !indirect => {
                self.bump()?;
                Ok(char::from(byte).to_string())
            }
            _ => Ok(String::new()),
        }
    }

    fn operation(&mut self, quotes: Quotes) -> Parse<Operation> {
        let missing = match (self.peek(), self.second()) {
            (Some(b'}'), _) => return Ok(Operation::Plain),
            (Some(b':'), Some(b'-' | b'=' | b'?' | b'+')) => {
                self.bump()?;
                Missing::OrEmpty
            }
            _ => Missing::Unset,
        };
        let operand = match quotes {
            Quotes::None => Operand::Word,
            Quotes::Double | Quotes::Document => Operand::Quoted,
        };
        for (sign, end, extent) in [
            ("%%", End::Back, Extent::Most),
            ("%", End::Back, Extent::Least),
            ("##", End::Front, Extent::Most),
            ("#", End::Front, Extent::Least),
        ] {
            if self.take(sign) {
                return Ok(Operation::Strip(
                    end,
                    extent,
                    self.operand_word(Operand::Word)?,
                ));
            }
        }
        match self.peek() {
            Some(b'-') => Ok(Operation::Default(missing, self.behind(operand)?)),
            Some(b'=') => Ok(Operation::Assign(missing, self.behind(operand)?)),
            Some(b'+') => Ok(Operation::Alternative(missing, self.behind(operand)?)),
            Some(b'?') => {
                self.behind(operand)?;
                Ok(Operation::Require(missing))
            }
            _ => self.other(),
        }
    }

    /// The operand behind an operator of one character.
    fn behind(&mut self, operand: Operand) -> Parse<Word> {
        self.bump()?;
        self.operand_word(operand)
    }

    fn operand_word(&mut self, operand: Operand) -> Parse<Word> {
        let start = self.at;
        let mut parts = Parts::default();
        loop {
            match (self.peek(), operand) {
                (None, _) => return Err(self.fault("the expansion is not closed")),
                (Some(b'}'), _) => {
                    let span = self.span(start);
                    let parts = parts.finish();
                    return Ok(Word::new(parts, span));
                }
                (Some(b'"'), Operand::Quoted) => {
                    self.bump()?;
                    let part = self.nested(Self::double)?;
                    parts.part(part);
                }
                (Some(b'\\'), Operand::Quoted) if self.second() == Some(b'}') => {
                    self.bump()?;
                    self.bump()?;
                    parts.byte(b'}');
                }
                (Some(byte), Operand::Quoted) => self.double_piece(byte, &mut parts)?,
                (Some(byte), Operand::Word) => self.piece(byte, &mut parts)?,
            }
        }
    }

    /// Passes over an operation that is not looked at, and over the brace that closes it.
    fn other(&mut self) -> Parse<Operation> {
        let mut parts = Parts::default();
        loop {
            match self.peek() {
                None => return Err(self.fault("the expansion is not closed")),
                Some(b'}') => {
                    self.bump()?;
                    return Ok(Operation::Other);
                }
                Some(byte) => self.piece(byte, &mut parts)?,
            }
        }
    }
}
