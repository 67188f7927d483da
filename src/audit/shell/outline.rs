//! What stands in a script, whether it is ever reached or not: its simple commands, and the branches that are
//! entered for certain words of `$1` only. Nothing is evaluated here.

use std::collections::BTreeSet;

use super::Parsed;
use super::syntax::{
    Assigned, CaseItem, Chain, Command, Item, Join, Kind, List, Part, Pipeline, Sense, Span, Test,
    Word,
};

/// A simple command, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    /// Its words, quotes and all; those of `NAME=value` in front of it come first. A branch of a `case` stands here
    /// as the words `case`, what is compared, and its patterns.
    pub words: Vec<String>,
    /// Byte offset of its first character.
    pub start: usize,
    /// Byte offset behind its last one.
    pub end: usize,
}

/// A branch that is entered for certain words of `$1` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// These words, or patterns.
    pub words: BTreeSet<String>,
    /// Where they are asked for: byte offsets.
    pub asked: (usize, usize),
    /// What is done for them: byte offsets.
    pub body: (usize, usize),
}

/// A script's outline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Simple commands, in the order in which they stand there.
    pub simples: Vec<Simple>,
    /// Branches.
    pub branches: Vec<Branch>,
}

impl Parsed {
    /// What stands in the script.
    pub fn outline(&self) -> Outline {
        outline(&self.list, &self.text)
    }
}

/// Reads the outline of the commands of `text`.
fn outline(list: &List, text: &str) -> Outline {
    let mut reader = Reader {
        text,
        names: BTreeSet::from(["1".to_owned()]),
        inside: Inside::Script,
        outline: Outline::default(),
    };
    reader.list(list);
    reader.outline.simples.sort_by_key(|simple| simple.start);
    reader.outline
}

/// Whether `$1` is what dpkg passed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Script,
    Function,
}

struct Reader<'t> {
    text: &'t str,
    /// Parameters that hold the first word: `1`, and what it was assigned to.
    names: BTreeSet<String>,
    inside: Inside,
    outline: Outline,
}

/// The words for which a condition can hold; `None` for all.
type Words = Option<BTreeSet<String>>;

fn either(one: Words, other: Words) -> Words {
    Some(one?.into_iter().chain(other?).collect())
}

fn both(one: Words, other: Words) -> Words {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
        (one, other) => one.or(other),
    }
}

impl Reader<'_> {
    fn list(&mut self, list: &List) {
        for Item { chain, .. } in &list.0 {
            self.chain(chain);
        }
    }

    fn chain(&mut self, chain: &Chain) {
        self.pipeline(&chain.first);
        let mut asked = chain.first.span;
        let mut words = self.holds(&chain.first);
        for (join, pipeline) in &chain.rest {
            match join {
                Join::And => {
                    self.branch(words.clone(), asked, pipeline.span);
                    words = both(words, self.holds(pipeline));
                }
                Join::Or => words = either(words, self.holds(pipeline)),
            }
            asked.end = pipeline.span.end;
            self.pipeline(pipeline);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        for command in &pipeline.commands {
            self.command(command);
        }
    }

    fn command(&mut self, command: &Command) {
        match &command.kind {
            Kind::Simple { assignments, words } => {
                for assignment in assignments {
                    if let Assigned::Set(word) = &assignment.value
                        && words.is_empty()
                        && self.is_first(word)
                    {
                        self.names.insert(assignment.name.clone());
                    }
                }
                self.simple(command.span, words);
            }
            Kind::Group(list) | Kind::Subshell(list) | Kind::ArithmeticFor(list) => self.list(list),
            Kind::If { arms, otherwise } => self.arms(arms, otherwise.as_ref()),
            Kind::For { words, body, .. } => {
                words.iter().flatten().for_each(|word| self.word(word));
                self.list(body);
            }
            Kind::Case { word, items } => self.case(word, items),
            Kind::Loop {
                condition, body, ..
            } => {
                self.list(condition);
                self.list(body);
            }
            Kind::Function { body, .. } => {
                let outside = std::mem::replace(&mut self.inside, Inside::Function);
                self.command(body);
                self.inside = outside;
            }
            Kind::Test(_) => {}
            Kind::Arithmetic(word) => self.word(word),
        }
    }

    fn arms(&mut self, arms: &[(List, List)], otherwise: Option<&List>) {
        for (condition, body) in arms {
            self.list(condition);
            let words = self.can_hold(condition);
            if let (Some(asked), Some(span)) = (span(condition), span(body)) {
                self.branch(words, asked, span);
            }
            self.list(body);
        }
        otherwise.into_iter().for_each(|list| self.list(list));
    }

    fn case(&mut self, word: &Word, items: &[CaseItem]) {
        self.word(word);
        let first = self.is_first(word);
        for item in items {
            let patterns = item.patterns.iter();
            let patterns: Vec<String> = patterns.map(|pattern| self.written(pattern)).collect();
            let asked = Span {
                start: item.span.start,
                end: item
                    .patterns
                    .last()
                    .map_or(item.span.end, |last| last.span.end),
            };
            if let Some(body) = span(&item.body).filter(|_| first) {
                let words = patterns.iter().map(|pattern| unquoted(pattern));
                self.branch(Some(words.collect()), asked, body);
            }
            let mut words = vec!["case".to_owned(), self.written(word)];
            words.extend(patterns);
            self.outline.simples.push(Simple {
                words,
                start: asked.start,
                end: asked.end,
            });
            self.list(&item.body);
        }
    }

    fn branch(&mut self, words: Words, asked: Span, body: Span) {
        if let Some(words) = words {
            self.outline.branches.push(Branch {
                words,
                asked: (asked.start, asked.end),
                body: (body.start, body.end),
            });
        }
    }

    fn simple(&mut self, span: Span, words: &[Word]) {
        words.iter().for_each(|word| self.word(word));
        let first = words.first().map_or(span.end, |word| word.span.start);
        let before = self.text.get(span.start..first).unwrap_or_default();
        let before = before.split_whitespace().map(str::to_owned);
        let words = words.iter().map(|word| self.written(word));
        let words = before.chain(words).collect();
        self.outline.simples.push(Simple {
            words,
            start: span.start,
            end: span.end,
        });
    }

    /// The commands in a word.
    fn word(&mut self, word: &Word) {
        self.parts(&word.parts);
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Command(list, _) | Part::Process(list, _) => self.list(list),
                Part::Double(parts) => self.parts(parts),
                Part::Text(_)
                | Part::Fixed(_)
                | Part::Parameter(_)
                | Part::Arithmetic(_)
                | Part::Tilde(_) => {}
            }
        }
    }

    fn written(&self, word: &Word) -> String {
        self.text
            .get(word.span.start..word.span.end)
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether a word is what dpkg passed first.
    fn is_first(&self, word: &Word) -> bool {
        self.is_named(&self.written(word))
    }

    fn is_named(&self, written: &str) -> bool {
        let plain = unquoted(written);
        let name = plain
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let name = name.or_else(|| plain.strip_prefix('$')).unwrap_or_default();
        // `${1:-}` is the same.
        let name = name.split([':', '-']).next().unwrap_or_default();
        (name != "1" || self.inside == Inside::Script) && self.names.contains(name)
    }

    fn can_hold(&self, list: &List) -> Words {
        // Only the last command's status counts.
        let chain = &list.0.last()?.chain;
        let mut words = self.holds(&chain.first);
        for (join, pipeline) in &chain.rest {
            words = match join {
                Join::And => both(words, self.holds(pipeline)),
                Join::Or => either(words, self.holds(pipeline)),
            };
        }
        words
    }

    fn holds(&self, pipeline: &Pipeline) -> Words {
        let [command] = pipeline.commands.as_slice() else {
            return None;
        };
        if pipeline.sense == Sense::Negated {
            return None;
        }
        match &command.kind {
            Kind::Simple { words, .. } => {
                let words: Vec<String> = words.iter().map(|word| self.written(word)).collect();
                self.test(&words)
            }
            Kind::Test(test) => self.expression(test),
            Kind::Group(list) | Kind::Subshell(list) => self.can_hold(list),
            Kind::If { .. }
            | Kind::For { .. }
            | Kind::Case { .. }
            | Kind::Loop { .. }
            | Kind::Function { .. }
            | Kind::Arithmetic(_)
            | Kind::ArithmeticFor(_) => None,
        }
    }

    /// `[ ... ]`, and `test ...`.
    fn test(&self, words: &[String]) -> Words {
        let words = match words {
            [open, inside @ .., close] if open == "[" && close == "]" => inside,
            [test, inside @ ..] if test == "test" => inside,
            _ => return None,
        };
        if words
            .iter()
            .any(|word| ["!", "(", ")", "\\(", "\\)"].contains(&word.as_str()))
        {
            return None;
        }
        let alternatives = words.split(|word| word == "-o");
        let sets = alternatives.map(|words| {
            let all = words
                .split(|word| word == "-a")
                .map(|words| self.comparison(words));
            all.reduce(both).flatten()
        });
        sets.reduce(either).flatten()
    }

    fn comparison(&self, words: &[String]) -> Words {
        let [one, equals, other] = words else {
            return None;
        };
        if equals != "=" && equals != "==" {
            return None;
        }
        self.compared(one, other)
    }

    fn compared(&self, one: &str, other: &str) -> Words {
        let word = if self.is_named(one) {
            other
        } else if self.is_named(other) {
            one
        } else {
            return None;
        };
        let plain = unquoted(word);
        // `x$1` against `xconfigure`, and other variables, are not looked at.
        (!plain.contains(['$', '`'])).then(|| BTreeSet::from([plain]))
    }

    fn expression(&self, test: &Test) -> Words {
        match test {
            Test::And(one, other) => both(self.expression(one), self.expression(other)),
            Test::Or(one, other) => either(self.expression(one), self.expression(other)),
            Test::Binary(one, equals, other) if equals == "=" || equals == "==" => {
                self.compared(&self.written(one), &self.written(other))
            }
            Test::Not(_) | Test::Unary(..) | Test::Binary(..) | Test::Word(_) => None,
        }
    }
}

/// A word without its quotes and backslashes.
fn unquoted(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '"' | '\'' | '\\'))
        .collect()
}

/// From the first command of a list to its last.
fn span(list: &List) -> Option<Span> {
    let first = list.0.first()?;
    let last = &list.0.last()?.chain;
    let end = last
        .rest
        .last()
        .map_or(last.first.span.end, |(_, pipeline)| pipeline.span.end);
    Some(Span {
        start: first.chain.first.span.start,
        end,
    })
}
