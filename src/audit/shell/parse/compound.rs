//! Compound commands and functions.

use std::rc::Rc;

use super::super::syntax::{CaseItem, Command, Kind, List, Sense, Then, Word};
use super::scan::delimits;
use super::{Dialect, Parse, Parser};

impl Parser<'_> {
    /// A compound command or a function, where one stands here.
    pub(super) fn compound(&mut self) -> Parse<Option<Kind>> {
        let bash = self.dialect == Dialect::Bash;
        if self.take_reserved("if") {
            return self.conditional().map(Some);
        }
        if self.take_reserved("for") {
            return self.counted().map(Some);
        }
        if self.take_reserved("case") {
            return self.cases().map(Some);
        }
        if self.take_reserved("while") {
            return self.repeated(Sense::Straight).map(Some);
        }
        if self.take_reserved("until") {
            return self.repeated(Sense::Negated).map(Some);
        }
        if self.take_reserved("{") {
            return self.group().map(Some);
        }
        if bash && self.take_reserved("[[") {
            return self.test().map(|test| Some(Kind::Test(test)));
        }
        if bash && self.sees("((") && self.doubly_closed(2) {
            self.take("((");
            return self.arithmetic().map(|word| Some(Kind::Arithmetic(word)));
        }
        if self.take("(") {
            let list = self.commands()?;
            self.expect(")", "the subshell is not closed")?;
            return Ok(Some(Kind::Subshell(list)));
        }
        self.function()
    }

    fn group(&mut self) -> Parse<Kind> {
        let list = self.commands()?;
        self.expect_reserved("}", "the braces are not closed")?;
        Ok(Kind::Group(list))
    }

    fn conditional(&mut self) -> Parse<Kind> {
        let mut arms = Vec::new();
        loop {
            let condition = self.commands()?;
            self.expect_reserved("then", "`then` is missing here")?;
            arms.push((condition, self.commands()?));
            if !self.take_reserved("elif") {
                break;
            }
        }
        let otherwise = if self.take_reserved("else") {
            Some(self.commands()?)
        } else {
            None
        };
        self.expect_reserved("fi", "`fi` is missing here")?;
        Ok(Kind::If { arms, otherwise })
    }

    fn repeated(&mut self, sense: Sense) -> Parse<Kind> {
        let condition = self.commands()?;
        let body = self.body()?;
        Ok(Kind::Loop {
            sense,
            condition,
            body,
        })
    }

    /// `do ... done`
    fn body(&mut self) -> Parse<List> {
        self.lines()?;
        self.expect_reserved("do", "`do` is missing here")?;
        let body = self.commands()?;
        self.expect_reserved("done", "`done` is missing here")?;
        Ok(body)
    }

    fn counted(&mut self) -> Parse<Kind> {
        self.blanks()?;
        if self.dialect == Dialect::Bash && self.take("((") {
            self.arithmetic()?;
            self.blanks()?;
            self.take(";");
            return self.body().map(Kind::ArithmeticFor);
        }
        let name = self.name();
        if name.is_empty() {
            return Err(self.fault("a variable is missing here"));
        }
        self.lines()?;
        let mut words = None;
        if self.take_reserved("in") {
            words = Some(self.words()?);
        }
        self.blanks()?;
        if self.peek() == Some(b';') {
            self.at = self.at.saturating_add(1);
        }
        let body = self.body()?;
        Ok(Kind::For { name, words, body })
    }

    fn words(&mut self) -> Parse<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.blanks()?;
            if !self.word_follows() {
                return Ok(words);
            }
            words.push(self.word()?);
        }
    }

    fn cases(&mut self) -> Parse<Kind> {
        self.blanks()?;
        if !self.word_follows() {
            return Err(self.fault("a word is missing here"));
        }
        let word = self.word()?;
        self.lines()?;
        self.expect_reserved("in", "`in` is missing here")?;
        let mut items = Vec::new();
        loop {
            self.lines()?;
            if self.take_reserved("esac") {
                return Ok(Kind::Case { word, items });
            }
            let (item, closed) = self.case()?;
            items.push(item);
            if !closed {
                self.lines()?;
                self.expect_reserved("esac", "`esac` is missing here")?;
                return Ok(Kind::Case { word, items });
            }
        }
    }

    /// One branch, and whether it ends as others do that more may follow.
    fn case(&mut self) -> Parse<(CaseItem, bool)> {
        self.step()?;
        let start = self.at;
        self.take("(");
        let mut patterns = Vec::new();
        loop {
            self.blanks()?;
            if !self.word_follows() {
                return Err(self.fault("a pattern is missing here"));
            }
            patterns.push(self.word()?);
            self.blanks()?;
            if !self.take("|") {
                break;
            }
        }
        self.expect(")", "the pattern is not closed")?;
        let span = self.span(start);
        let body = self.nested(Parser::list)?;
        let then = self.branch_end();
        let item = CaseItem {
            patterns,
            body,
            then: then.unwrap_or(Then::Leave),
            span,
        };
        Ok((item, then.is_some()))
    }

    fn branch_end(&mut self) -> Option<Then> {
        let bash = self.dialect == Dialect::Bash;
        if bash && self.take(";;&") {
            return Some(Then::Look);
        }
        if self.take(";;") {
            return Some(Then::Leave);
        }
        (bash && self.take(";&")).then_some(Then::Fall)
    }

    /// `name() command`, and bash's `function name command`.
    fn function(&mut self) -> Parse<Option<Kind>> {
        let start = self.at;
        let keyword = self.dialect == Dialect::Bash && self.take_reserved("function");
        if keyword {
            self.blanks()?;
        }
        let name = self.function_name();
        self.blanks_on_line()?;
        let parentheses = !name.is_empty() && self.take("(");
        if name.is_empty() || !(keyword || parentheses) {
            self.at = start;
            return Ok(None);
        }
        if parentheses {
            self.blanks()?;
            self.expect(")", "a function's parentheses are empty")?;
        }
        self.lines()?;
        let body = Rc::new(self.function_body()?);
        Ok(Some(Kind::Function { name, body }))
    }

    /// Blanks alone: behind a name there is no comment to pass over yet.
    fn blanks_on_line(&mut self) -> Parse<()> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.bump()?;
        }
        Ok(())
    }

    /// What may be a function's name: plain characters, no quotes, no expansions.
    fn function_name(&mut self) -> String {
        let mut name = String::new();
        while let Some(byte) = self.peek() {
            let plain = byte.is_ascii_alphanumeric() || b"_-.+:@,".contains(&byte);
            if delimits(byte) || !plain {
                break;
            }
            name.push(char::from(byte));
            self.at = self.at.saturating_add(1);
        }
        name
    }

    fn function_body(&mut self) -> Parse<Command> {
        let command = self.command()?;
        match command.kind {
            Kind::Simple { .. } if self.dialect == Dialect::Bash => {
                Err(self.fault("a function's body is missing here"))
            }
            _ => Ok(command),
        }
    }
}
