//! Arithmetic, where all of it is known.

use super::super::state::{Question, State};
use super::super::syntax::Word;
use super::super::value::Value;
use super::expand::Quoting;
use super::fields::whole;
use super::{Many, Runner, Use};
use crate::audit::call::StatusUse;

/// How deep parentheses and signs may nest.
const DEEPEST: usize = 24;

/// Operators by how strongly they bind, the weakest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Runner<'_> {
    /// The value of `$((...))`.
    pub(super) fn arithmetic(&mut self, word: &Word, state: State) -> Many<Value> {
        let of = (Quoting::Quoted, Use::Kept(StatusUse::Hidden));
        let ways = self.parts(&word.parts, state, of);
        let ways = ways.into_iter().map(|(mut state, chunks)| {
            let text = whole(&chunks);
            let value = match text
                .text()
                .and_then(|text| self.calculated(text, &mut state))
            {
                Some(number) => Value::known(number.to_string()),
                None => self.made(word.span, &mut state),
            };
            (state, value)
        });
        ways.collect()
    }

    /// `((...))`: a success where it is not zero.
    pub(super) fn arithmetic_command(&mut self, word: &Word, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let ways = self.arithmetic(word, state);
        let ways = ways.into_iter().map(|(state, value)| {
            let state = match value.text().map(|text| text == "0") {
                Some(zero) => state.ended(u8::from(zero)),
                None => state.asked(Question {
                    span: word.span,
                    text: self.source(word.span).into(),
                    fact: None,
                }),
            };
            self.checked(state, status)
        });
        ways.collect()
    }

    fn calculated(&self, text: &str, state: &mut State) -> Option<i64> {
        let mut sum = Sum {
            runner: self,
            state,
            rest: text,
            depth: 0,
        };
        let number = sum.expression()?;
        sum.rest.trim_start().is_empty().then_some(number)
    }
}

/// An expression that is being worked out.
struct Sum<'a, 'b, 'c> {
    runner: &'a Runner<'b>,
    state: &'c mut State,
    rest: &'a str,
    depth: usize,
}

impl Sum<'_, '_, '_> {
    /// An assignment, a choice, or anything below these.
    fn expression(&mut self) -> Option<i64> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth < DEEPEST)?;
        let value = self.assignment();
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn assignment(&mut self) -> Option<i64> {
        let start = self.rest;
        let name = self.name();
        if !name.is_empty() {
            self.rest = self.rest.trim_start();
            for operator in ["", "+", "-", "*", "/", "%"] {
                let behind = self
                    .rest
                    .strip_prefix(operator)
                    .and_then(|rest| rest.strip_prefix('='));
                let Some(behind) = behind.filter(|behind| !behind.starts_with('=')) else {
                    continue;
                };
                self.rest = behind;
                let right = self.expression()?;
                let value = match operator {
                    "" => right,
                    _ => apply(operator, self.variable(&name)?, right)?,
                };
                self.state.set(&name, Some(Value::known(value.to_string())));
                return Some(value);
            }
        }
        self.rest = start;
        self.choice()
    }

    fn choice(&mut self) -> Option<i64> {
        let condition = self.level(0)?;
        if !self.take("?") {
            return Some(condition);
        }
        let yes = self.expression()?;
        if !self.take(":") {
            return None;
        }
        let no = self.expression()?;
        Some(if condition == 0 { no } else { yes })
    }

    fn level(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else {
            return self.sign();
        };
        let next = level.saturating_add(1);
        let mut left = self.level(next)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.level(next)?;
            left = apply(operator, left, right)?;
        }
        Some(left)
    }

    fn operator(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        self.rest = self.rest.trim_start();
        let rest = self.rest;
        let found = operators.iter().find(|operator| {
            let Some(behind) = rest.strip_prefix(**operator) else {
                return false;
            };
            // `&` is not half of `&&`, and `<` not of `<<`.
            let is_half = operator.len() == 1
                && behind.starts_with(**operator)
                && "&|<>".contains(**operator);
            let compares = "=!<>".contains(operator.get(..1).unwrap_or("="));
            !is_half && (compares || !behind.starts_with('='))
        })?;
        self.rest = rest.get(found.len()..)?;
        Some(found)
    }

    fn sign(&mut self) -> Option<i64> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth < DEEPEST)?;
        let value = if self.take("-") {
            self.sign()?.checked_neg()
        } else if self.take("+") {
            self.sign()
        } else if self.take("!") {
            self.sign().map(|value| i64::from(value == 0))
        } else if self.take("~") {
            self.sign().map(|value| !value)
        } else if self.take("(") {
            let value = self.expression()?;
            self.take(")").then_some(value)
        } else {
            self.operand()
        };
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn operand(&mut self) -> Option<i64> {
        let name = self.name();
        if !name.is_empty() {
            return self.variable(&name);
        }
        let digits = self
            .rest
            .find(|letter: char| !letter.is_ascii_alphanumeric());
        let (digits, rest) = self.rest.split_at(digits.unwrap_or(self.rest.len()));
        self.rest = rest;
        number(digits)
    }

    fn variable(&self, name: &str) -> Option<i64> {
        match self.runner.value_of(name, self.state) {
            None => Some(0),
            Some(value) => match value.text()?.trim() {
                "" => Some(0),
                text => number(text).or_else(|| {
                    let text = text.strip_prefix('-')?;
                    number(text)?.checked_neg()
                }),
            },
        }
    }

    fn name(&mut self) -> String {
        self.rest = self.rest.trim_start();
        if self
            .rest
            .starts_with(|letter: char| letter.is_ascii_digit())
        {
            return String::new();
        }
        let end = self
            .rest
            .find(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric());
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let name = name.to_owned();
        self.rest = rest;
        name
    }

    fn take(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn number(digits: &str) -> Option<i64> {
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return i64::from_str_radix(hexadecimal, 16).ok();
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return i64::from_str_radix(digits, 8).ok();
    }
    digits.parse().ok()
}

fn apply(operator: &str, left: i64, right: i64) -> Option<i64> {
    Some(match operator {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<<" => left.checked_shl(u32::try_from(right).ok()?)?,
        ">>" => left.checked_shr(u32::try_from(right).ok()?)?,
        "+" => left.checked_add(right)?,
        "-" => left.checked_sub(right)?,
        "*" => left.checked_mul(right)?,
        "/" => left.checked_div(right)?,
        "%" => left.checked_rem(right)?,
        _ => return None,
    })
}
