//! policy-rc.d scripts for a shell: carried out on paper for each service that they name, for each pattern, and for one
//! that they do not know. No command of theirs is run.

use crate::audit::call::{Side, Word};
use crate::audit::package::{Script, ScriptName};
use crate::audit::shell::{End, Evaluated, Fresh, Parsed};
use crate::decide::stock::status;
use crate::domain::Action;
use crate::policy::{Glob, Pattern};

use super::{ACTIONS, ASIDE, Draft, ImportError, Imported, Lost, NOBODY, Played, Says, sample};

/// What the script's standard output is handed to, on paper alone.
const OUTPUT: &str = "rcpolicy-output";
/// How many services and patterns are looked at.
const MOST: usize = 200;

/// What a script says, word by word, in the order of [`ACTIONS`] and [`ASIDE`].
type Answers = Vec<Result<Says, Unclear>>;

/// Why an answer is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unclear {
    line: usize,
    what: String,
}

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let interpreter = interpreter(text);
    let reader = Reader::new(text, interpreter)?;
    let mut all: Vec<(String, Answers)> = Vec::new();
    for pattern in reader.patterns() {
        let answers = reader.answers(&sample(&pattern));
        all.push((pattern, answers));
    }
    let others = reader.answers(NOBODY);
    let answers = all.iter().map(|(_, answers)| answers);
    let mut every = answers.chain([&others]).flatten();
    if let Some(Err(unclear)) = every.next()
        && every.all(Result::is_err)
    {
        return Err(ImportError::at(unclear.line, unclear.what.clone()));
    }
    let mut imported = Imported {
        rules: rules(&all, &others),
        lost: reader.lost(&all, &others),
        played: played(&all, &others),
    };
    imported.lost.dedup();
    Ok(imported)
}

/// The program behind `#!`, without its directory; empty where there is none.
pub fn interpreter(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let line = first.strip_prefix("#!").unwrap_or_default();
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let program = match program.ends_with("/env") {
        true => words.next().unwrap_or_default(),
        false => program,
    };
    program.rsplit('/').next().unwrap_or_default().to_owned()
}

struct Reader {
    /// With what tells its output, and not its status.
    parsed: Parsed,
    /// As it was written.
    written: Parsed,
}

impl Reader {
    fn new(text: &str, interpreter: String) -> Result<Self, ImportError> {
        let refused = |error: crate::audit::shell::ScriptError| {
            let line = match &error {
                crate::audit::shell::ScriptError::Syntax { line, .. } => *line,
                _ => 1,
            };
            ImportError::at(usize::try_from(line).unwrap_or(1), error.to_string())
        };
        let script = |text: String| Script {
            name: ScriptName::Postinst,
            shown: "policy-rc.d".to_owned(),
            interpreter: interpreter.clone(),
            text,
        };
        let written = Parsed::parse(&script(text.to_owned())).map_err(refused)?;
        let first = text.lines().next().unwrap_or_default();
        let errexit = match first.split_whitespace().any(|word| word.starts_with("-e")) {
            true => "set -e",
            false => "",
        };
        // What it prints is to be known, too: the list of a fallback.
        let around = format!(
            "rcpolicy_output=$({errexit}\n{text}\n)\nservice {OUTPUT} \"$rcpolicy_output\"\n"
        );
        let parsed = Parsed::parse(&script(around)).map_err(refused)?;
        Ok(Self { parsed, written })
    }

    /// What the script compares with, as far as that can be services: names first, then patterns.
    fn patterns(&self) -> Vec<String> {
        let outline = self.written.outline();
        let mut found: Vec<String> = Vec::new();
        for simple in &outline.simples {
            let words = match simple.words.first().map(String::as_str) {
                Some("case") => simple.words.get(2..).unwrap_or_default(),
                Some("[" | "[[" | "test") => simple.words.get(1..).unwrap_or_default(),
                _ => continue,
            };
            for pattern in words.iter().filter_map(|word| pattern(word)) {
                if !found.contains(&pattern) && found.len() < MOST {
                    found.push(pattern);
                }
            }
        }
        // A pattern stands behind the names that it may match.
        found.sort_by_key(|pattern| pattern.contains(['*', '?', '[']));
        found
    }

    fn answers(&self, service: &str) -> Answers {
        let words = ACTIONS.iter().chain(&ASIDE);
        words
            .map(|word| self.answer(&[service, word, "2"]))
            .collect()
    }

    fn answer(&self, words: &[&str]) -> Result<Says, Unclear> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let evaluated = self.written.evaluate(Side::New, &words, &Fresh);
        let mut ends: Vec<End> = Vec::new();
        if evaluated.cut.is_none() {
            ends = evaluated.paths.iter().map(|path| path.end).collect();
        }
        ends.dedup();
        match ends.as_slice() {
            [End::Status(status::FALLBACK)] => {
                let printed = self.printed(&words);
                says(status::FALLBACK, printed.as_deref())
            }
            [End::Status(status)] => says(*status, None),
            _ => Err(unclear(&evaluated)),
        }
    }

    /// What it prints, where that is the same on all ways through it.
    fn printed(&self, words: &[String]) -> Option<String> {
        let evaluated = self.parsed.evaluate(Side::New, words, &Fresh);
        let mut printed: Vec<Option<String>> = evaluated
            .paths
            .iter()
            .map(|path| output(&path.calls))
            .collect();
        printed.dedup();
        match printed.as_slice() {
            [Some(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// What is not carried over, but for what a comparison shows.
    fn lost(&self, all: &[(String, Answers)], others: &Answers) -> Vec<Lost> {
        let unclear = all
            .iter()
            .map(|(_, answers)| answers)
            .chain([others])
            .flatten();
        let mut lost: Vec<Lost> = Vec::new();
        for one in unclear.filter_map(|answer| answer.as_ref().err()) {
            let one = Lost::at(one.line, one.what.clone());
            if !lost.contains(&one) {
                lost.push(one);
            }
        }
        if allows_aside(others) {
            lost.push(Lost::of_all(
                "it says yes to `(start)`, so that what is not enabled is started too; a rule with `decide = \"allow\"` would do that",
            ));
        }
        let (first, _) = all.first().map_or((NOBODY, others), |(pattern, answers)| {
            (pattern.as_str(), answers)
        });
        let name = sample(first);
        let plain = self.answer(&[&name, "start", "2"]);
        if self.answer(&[&name, "start"]) != plain {
            lost.push(Lost::of_all(
                "its answers hang on the runlevel; those for runlevel 2 were taken",
            ));
        }
        if self.answer(&["--quiet", &name, "start", "2"]) != plain {
            lost.push(Lost::of_all(
                "with `--quiet` it takes that for the service; the rules do not",
            ));
        }
        lost
    }
}

/// A word of a comparison as a pattern of services.
fn pattern(word: &str) -> Option<String> {
    let plain: String = word.chars().filter(|c| !"\"'\\".contains(*c)).collect();
    let stem = plain.strip_suffix(".service").unwrap_or(&plain);
    let bare = stem.trim_matches(['(', ')']);
    let is_action = !matches!(Action::parse(bare), Action::Other(_));
    let named = stem.contains(|c: char| c.is_ascii_alphabetic());
    let usable = named && !stem.starts_with(['-', '/', '$']) && !is_action;
    (usable && Pattern::parse(stem).is_ok()).then(|| stem.to_owned())
}

fn output(calls: &[crate::audit::call::Call]) -> Option<String> {
    let words = calls.iter().rev().map(|call| call.words.as_slice());
    words.into_iter().find_map(|words| match words {
        [_, Word::Known(name), Word::Known(text)] if name == OUTPUT => Some(text.clone()),
        _ => None,
    })
}

fn says(ended: u8, output: Option<&str>) -> Result<Says, Unclear> {
    let unclear = |what: String| Err(Unclear { line: 1, what });
    match (ended, output) {
        // original: what nobody knows is tried
        (status::YES | status::ALLOWED, _) => Ok(Says::Yes),
        (status::DENIED, _) => Ok(Says::No),
        (status::FALLBACK, Some(output)) if !output.trim().is_empty() => {
            let words = output.split_whitespace().map(str::to_owned);
            Ok(Says::Instead(words.collect()))
        }
        (status::FALLBACK, _) => {
            unclear("the actions that it prints with 106 cannot be told".to_owned())
        }
        (other, _) => unclear(format!("exit status {other} is neither a yes nor a no")),
    }
}

fn unclear(evaluated: &Evaluated) -> Unclear {
    let assumed = evaluated.paths.iter().flat_map(|path| path.assumed.first());
    let line = |line: u32| usize::try_from(line).unwrap_or(1);
    match (assumed.min_by_key(|one| one.place.line), evaluated.cut) {
        (_, Some(_)) => Unclear {
            line: 1,
            what: "it is too long to be followed to its end".to_owned(),
        },
        (Some(one), None) => Unclear {
            line: line(one.place.line),
            what: format!("what it says hangs on `{}`, which is not known", one.text),
        },
        (None, None) => Unclear {
            line: 1,
            what: "it leaves the answer to another program".to_owned(),
        },
    }
}

fn allows_aside(answers: &Answers) -> bool {
    answers.get(ACTIONS.len()) == Some(&Ok(Says::Yes))
}

/// For each name and each pattern what differs from what would be said without it; then what is said of all.
fn rules(all: &[(String, Answers)], others: &Answers) -> Vec<Draft> {
    let mut rules = Vec::new();
    for (number, (pattern, answers)) in all.iter().enumerate() {
        let name = sample(pattern);
        let later = all.get(number + 1..).unwrap_or_default().iter();
        let mut later = later.filter(|(pattern, _)| {
            let glob = Glob::parse(pattern, |_| true);
            glob.is_ok_and(|glob| !glob.is_literal() && glob.matches(&name))
        });
        let next = later.next().map_or(others, |(_, answers)| answers);
        rules.extend(drafts(Some(pattern), answers, Some(next)));
    }
    rules.extend(drafts(None, others, None));
    rules
}

/// One rule for all actions of which the same is said. `next` is what is said where there is no rule.
fn drafts(pattern: Option<&String>, answers: &Answers, next: Option<&Answers>) -> Vec<Draft> {
    let mut kinds: Vec<(Says, Vec<String>)> = Vec::new();
    for (at, action) in ACTIONS.iter().enumerate() {
        let Some(Ok(says)) = answers.get(at) else {
            continue;
        };
        if !is_needed((at, action), answers, next) {
            continue;
        }
        match kinds.iter_mut().find(|(kind, _)| kind == says) {
            Some((_, actions)) => actions.push((*action).to_owned()),
            None => kinds.push((says.clone(), vec![(*action).to_owned()])),
        }
    }
    let each = kinds.into_iter().map(|(says, actions)| Draft {
        services: pattern.into_iter().cloned().collect(),
        actions: match actions.len() == ACTIONS.len() {
            true => Vec::new(),
            false => actions,
        },
        phases: Vec::new(),
        says,
        because: None,
        line: None,
    });
    each.collect()
}

fn is_needed((at, action): (usize, &str), answers: &Answers, next: Option<&Answers>) -> bool {
    let own = answers.get(at);
    let Some(next) = next else {
        return own != Some(&Ok(Says::Yes));
    };
    let aside = format!("({action})");
    let lifted = |answers: &Answers| {
        let aside = ASIDE.iter().position(|word| *word == aside);
        let answer = aside.and_then(|aside| answers.get(ACTIONS.len() + aside));
        answer == Some(&Ok(Says::Yes))
    };
    let lifts = own == Some(&Ok(Says::Yes)) && lifted(answers) && !lifted(next);
    own != next.get(at) || lifts
}

fn played(all: &[(String, Answers)], others: &Answers) -> Vec<Played> {
    let nobody = [(NOBODY.to_owned(), others.clone())];
    let mut played = Vec::new();
    for (pattern, answers) in all.iter().chain(&nobody) {
        for (word, says) in ACTIONS.iter().chain(&ASIDE).zip(answers) {
            // Said once, for all of them.
            let said = word.starts_with('(') && allows_aside(others);
            if let (Ok(says), false) = (says, said) {
                played.push(Played {
                    service: sample(pattern),
                    word: (*word).to_owned(),
                    says: says.clone(),
                });
            }
        }
    }
    played
}
