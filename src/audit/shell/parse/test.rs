//! The expression of bash's `[[ ... ]]`.

use super::super::syntax::{Test, Word};
use super::{Parse, Parser};

/// Operators between two words that are words themselves.
const BINARY: [&str; 12] = [
    "==", "=~", "=", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot",
];

/// How many conditions one operator joins at most: each is a level of the tree.
const TERMS: usize = 24;

impl Parser<'_> {
    /// The expression behind `[[`, and what closes it.
    pub(super) fn test(&mut self) -> Parse<Test> {
        let test = self.nested(Self::either)?;
        self.lines()?;
        self.expect_reserved("]]", "`]]` is missing here")?;
        Ok(test)
    }

    fn either(&mut self) -> Parse<Test> {
        let mut left = self.both()?;
        for _ in 0..TERMS {
            self.lines()?;
            if !self.take("||") {
                return Ok(left);
            }
            let right = self.both()?;
            left = Test::Or(Box::new(left), Box::new(right));
        }
        Err(self.fault("more conditions than are read"))
    }

    fn both(&mut self) -> Parse<Test> {
        let mut left = self.term()?;
        for _ in 0..TERMS {
            self.lines()?;
            if !self.take("&&") {
                return Ok(left);
            }
            let right = self.term()?;
            left = Test::And(Box::new(left), Box::new(right));
        }
        Err(self.fault("more conditions than are read"))
    }

    fn term(&mut self) -> Parse<Test> {
        self.step()?;
        self.lines()?;
        if self.take_reserved("!") {
            let inner = self.nested(Self::term)?;
            return Ok(Test::Not(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.nested(Self::either)?;
            self.lines()?;
            self.expect(")", "the parentheses are not closed")?;
            return Ok(inner);
        }
        if let Some(operator) = self.unary_operator() {
            self.blanks()?;
            let word = self.test_word()?;
            return Ok(Test::Unary(operator, word));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parse<Test> {
        let left = self.test_word()?;
        self.blanks()?;
        for operator in BINARY {
            if self.take_reserved(operator) {
                self.blanks()?;
                let right = if operator == "=~" {
                    self.regex()?
                } else {
                    self.test_word()?
                };
                return Ok(Test::Binary(left, operator.to_owned(), right));
            }
        }
        for operator in ["<", ">"] {
            if self.take(operator) {
                self.blanks()?;
                let right = self.test_word()?;
                return Ok(Test::Binary(left, operator.to_owned(), right));
            }
        }
        Ok(Test::Word(left))
    }

    /// `-x`, where a word follows it.
    fn unary_operator(&mut self) -> Option<String> {
        self.peek();
        let bytes = self.rest();
        let letter = match bytes {
            [b'-', letter, b' ' | b'\t', ..] if letter.is_ascii_alphabetic() => *letter,
            _ => return None,
        };
        let behind = bytes.get(2..).unwrap_or_default();
        let word = behind.iter().find(|byte| !matches!(byte, b' ' | b'\t'))?;
        if matches!(word, b'&' | b'|' | b')' | b'=') {
            return None;
        }
        self.at = self.at.saturating_add(2);
        Some(format!("-{}", char::from(letter)))
    }

    fn test_word(&mut self) -> Parse<Word> {
        if self.word_follows() && !self.reserved("]]") {
            return self.word();
        }
        Err(self.fault("a word is missing here"))
    }

    /// A regular expression: parentheses and bars belong to it.
    fn regex(&mut self) -> Parse<Word> {
        let start = self.at;
        let mut parts = super::word::Parts::default();
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => depth = depth.saturating_add(1),
                b')' if depth == 0 => break,
                b')' => depth = depth.saturating_sub(1),
                b' ' | b'\t' if depth == 0 => break,
                b'\n' => break,
                _ => {}
            }
            self.piece(byte, &mut parts)?;
        }
        Ok(Word::new(parts.finish(), self.span(start)))
    }
}
