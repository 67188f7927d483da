//! Asks the rules that came of an import what the original was asked, and says where they differ.

use std::collections::BTreeMap;

use crate::decide::others::{self, Said};
use crate::decide::stock::status;
use crate::domain::{InitKind, Machine, Phase, Scope};
use crate::policy::{self, Answer, Decide, Origin, Policy, Question, Tier};

use super::{Lost, Played, Says};

/// Where the rules in `text` answer as the original does not, an example of each kind.
pub(super) fn differences(text: &str, played: &[Played]) -> Vec<Lost> {
    let parsed = policy::parse("import", Tier::Admin, text);
    if let Some(problem) = parsed.problems.iter().find(|problem| problem.is_error()) {
        return vec![Lost::of_all(format!(
            "the rules do not read well: {problem}"
        ))];
    }
    let policy = Policy::new(Origin::Current, vec![parsed.file], Vec::new());
    let mut kinds: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for question in played {
        let Some(ours) = answer(&policy, question) else {
            continue;
        };
        if ours != question.says {
            let kind = (word(&question.says), word(&ours));
            let asked = format!("{} {}", question.service, question.word);
            kinds.entry(kind).or_default().push(asked);
        }
    }
    let each = kinds.iter().map(|((was, is), asked)| {
        let mut shown: Vec<&str> = asked.iter().map(String::as_str).take(3).collect();
        if asked.len() > shown.len() {
            shown.push("...");
        }
        let count = asked.len();
        Lost::of_all(format!(
            "{was} there, {is} here ({count}): {}",
            shown.join(", ")
        ))
    });
    each.collect()
}

fn word(says: &Says) -> String {
    match says {
        Says::Yes => "allowed".to_owned(),
        Says::No => "denied".to_owned(),
        Says::Instead(actions) => format!("`{}` instead", actions.join(" ")),
        Says::Later => "put off".to_owned(),
    }
}

fn answer(policy: &Policy, played: &Played) -> Option<Says> {
    let service = others::service(&played.service).ok()?;
    let (action, standing) = others::action(&played.word);
    let question = Question {
        service: &service,
        action: &action,
        phase: Phase::Upgrade,
        package: None,
        init: InitKind::Systemd,
        scope: Scope::System,
        machine: Some(Machine::Running),
        asked: &[],
    };
    if let Answer::Rule(rule) = policy.ask(&question)
        && matches!(rule.decide, Decide::Defer(_))
    {
        return Some(Says::Later);
    }
    let Said {
        status, fallback, ..
    } = others::answer(policy, &question, standing);
    match status {
        status::YES => Some(Says::Yes),
        status::DENIED => Some(Says::No),
        status::FALLBACK => Some(Says::Instead(fallback)),
        _ => None,
    }
}
