//! `[[rule]]`: its keys, their words, and which of them cannot stand together. Pure.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::super::glob::Glob;
use super::super::problem::Lines;
use super::super::rule::{Decide, Pattern, Rule, Tier, is_package_character};
use super::reader::{Key, Reader, Value, word};
use super::words::{self, DECISIONS, FALLBACK, FLAGS, MACHINES, PHASES, SCOPES, UNTILS};
use crate::domain::{Action, Flag, InitKind, Machine, Phase, Scope, Until};

/// Reads the array of rules.
pub(super) fn rules(
    reader: &mut Reader,
    value: &Value<'_>,
    lines: &Lines<'_>,
    into: &mut Vec<Rule>,
) {
    let DeValue::Array(items) = value.get_ref() else {
        reader.wrong(
            value.span(),
            "rules are written `[[rule]]`, with two brackets",
        );
        return;
    };
    into.reserve(items.len());
    for item in items.iter() {
        let line = lines.line(item.span().start + reader.offset);
        if let Some(table) = reader.table(item) {
            into.extend(rule(reader, table, item.span(), line));
        }
    }
}

/// A rule whose keys are being read.
struct Draft {
    rule: Rule,
    decide: Option<Decide>,
    until: Option<(Range<usize>, Option<Until>)>,
}

fn rule(reader: &mut Reader, table: &DeTable<'_>, span: Range<usize>, line: usize) -> Option<Rule> {
    let mut draft = Draft::new(line);
    let mut decided = false;
    for (key, value) in table {
        decided |= key.get_ref() == "decide";
        draft.read(reader, key, value);
    }
    if !decided {
        reader.wrong(span, "this rule has no `decide`");
    }
    draft.finish(reader, decided)
}

impl Draft {
    fn new(line: usize) -> Self {
        Self {
            rule: Rule {
                service: Box::default(),
                action: Box::default(),
                phase: Box::default(),
                package: Box::default(),
                init: Box::default(),
                scope: Box::default(),
                machine: Box::default(),
                asked: Box::default(),
                decide: Decide::Deny,
                because: None,
                line,
            },
            decide: None,
            until: None,
        }
    }

    fn read(&mut self, reader: &mut Reader, key: &Key<'_>, value: &Value<'_>) {
        let rule = &mut self.rule;
        match key.get_ref().as_ref() {
            "service" => rule.service = reader.list(value, Pattern::parse).into(),
            "action" => rule.action = reader.list(value, action).into(),
            "phase" => rule.phase = closed(reader, value, "phase", &PHASES, Phase::as_str),
            "package" => {
                rule.package = reader
                    .list(value, |t| Glob::parse(t, is_package_character))
                    .into()
            }
            "init" => rule.init = closed(reader, value, "init", &InitKind::ALL, InitKind::as_str),
            "scope" => rule.scope = closed(reader, value, "scope", &SCOPES, Scope::as_str),
            "machine" => {
                rule.machine = closed(reader, value, "machine state", &MACHINES, Machine::as_str);
            }
            "asked" => rule.asked = closed(reader, value, "flag", &FLAGS, Flag::as_str),
            "decide" => self.decide = decide(reader, value),
            "until" => self.until = Some((key.span(), until(reader, value))),
            "because" => rule.because = reader.text(value).map(Box::from),
            _ => reader.unknown(key, "key", words::RULE.into_iter()),
        }
    }

    /// The rule, unless its decision could not be read.
    fn finish(mut self, reader: &mut Reader, decided: bool) -> Option<Rule> {
        let defers = matches!(self.decide, Some(Decide::Defer(_)));
        // an unreadable `decide` may have meant defer
        let surely_not = !decided || (self.decide.is_some() && !defers);
        match self.until {
            Some((span, _)) if surely_not => {
                reader.wrong(span, "`until` needs `decide = \"defer\"`");
            }
            Some((_, Some(until))) if defers => self.decide = Some(Decide::Defer(until)),
            Some(_) | None => {}
        }
        self.rule.decide = self.decide?;
        Some(self.rule)
    }
}

/// The words of a closed set.
fn closed<T: Copy>(
    reader: &mut Reader,
    value: &Value<'_>,
    what: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Box<[T]> {
    reader
        .list(value, |text| word(text, what, all, name))
        .into()
}

/// An action; init scripts know words that nobody else does.
fn action(text: &str) -> Result<Action, String> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("`{}` is not an action", text.escape_debug()));
    }
    Ok(Action::parse(text))
}

fn until(reader: &mut Reader, value: &Value<'_>) -> Option<Until> {
    let text = reader.text(value)?;
    match word(text, "time to wait for", &UNTILS, |(name, _)| name) {
        Ok((_, until)) => Some(until),
        Err(message) => {
            reader.wrong(value.span(), message);
            None
        }
    }
}

fn decide(reader: &mut Reader, value: &Value<'_>) -> Option<Decide> {
    let decide = match value.get_ref() {
        DeValue::Table(table) => fallback(reader, table, value.span())?,
        _ => decision(reader, value)?,
    };
    let admins_only = matches!(decide, Decide::Allow | Decide::Deny | Decide::Fallback(_));
    if reader.tier == Tier::Vendor && admins_only {
        let word = decide.as_str();
        let message = format!("`{word}` is the admin's: a package's file may only say how");
        reader.wrong(value.span(), message);
        return None;
    }
    Some(decide)
}

fn decision(reader: &mut Reader, value: &Value<'_>) -> Option<Decide> {
    let text = reader.text(value)?;
    match word(text, "decision", &DECISIONS, |name| name) {
        Ok("allow") => Some(Decide::Allow),
        Ok("deny") => Some(Decide::Deny),
        Ok("stop") => Some(Decide::Stop),
        Ok("quiesce") => Some(Decide::Quiesce),
        Ok("restart") => Some(Decide::Restart),
        Ok("if-stale") => Some(Decide::IfStale),
        Ok("reload") => Some(Decide::Reload),
        Ok("defer") => Some(Decide::Defer(Until::default())),
        Ok(_) => None,
        Err(message) => {
            reader.wrong(value.span(), message);
            None
        }
    }
}

fn fallback(reader: &mut Reader, table: &DeTable<'_>, span: Range<usize>) -> Option<Decide> {
    let mut actions = None;
    for (key, value) in table {
        match key.get_ref().as_ref() {
            FALLBACK => actions = Some(reader.list(value, action)),
            _ => reader.unknown(key, "key", [FALLBACK].into_iter()),
        }
    }
    let Some(actions) = actions else {
        reader.wrong(span, "expected `{ fallback = [...] }`");
        return None;
    };
    let words: Vec<String> = actions.iter().map(|a| a.as_str().to_owned()).collect();
    (!words.is_empty()).then_some(Decide::Fallback(words))
}
