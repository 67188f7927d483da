//! What is valid and still looks like a mistake: for `rcpolicy check`, never for a decision. Pure.

use super::merge::PolicyFile;
use super::problem::{Place, Problem, Severity};
use super::rule::Rule;
use crate::domain::Phase;

/// Most rules whose every pair is compared.
const MOST_COMPARED: usize = 2000;

/// Warnings on `files`, which stand in their order of precedence.
pub(super) fn lint(files: &[PolicyFile]) -> Vec<Problem> {
    let rules: Vec<(&str, &Rule)> = files
        .iter()
        .flat_map(|file| file.rules.iter().map(|rule| (file.path.as_str(), rule)))
        .collect();
    let mut problems = Vec::new();
    for (at, (path, rule)) in rules.iter().enumerate() {
        if *rule.phase == [Phase::None] && !rule.package.is_empty() {
            let message = "this rule never matches: in phase `none` no package asks";
            problems.push(warning(path, rule, message.to_owned()));
        }
        let earlier = rules.get(..at.min(MOST_COMPARED)).unwrap_or_default();
        if let Some((by, first)) = earlier.iter().find(|(_, first)| covers(first, rule)) {
            let message = format!("this rule never matches: {by}:{} comes first", first.line);
            problems.push(warning(path, rule, message));
        }
    }
    problems
}

fn warning(path: &str, rule: &Rule, message: String) -> Problem {
    Problem {
        severity: Severity::Warning,
        path: path.to_owned(),
        place: Some(Place {
            line: rule.line,
            column: 1,
            shown: "[[rule]]".to_owned(),
            before: 0,
            width: "[[rule]]".len(),
        }),
        message,
    }
}

/// Whether `first` surely matches everything that `later` matches.
fn covers(first: &Rule, later: &Rule) -> bool {
    // one that needs what may be unknown does not match then, while a later deny does
    first.machine.is_empty()
        && first.package.is_empty()
        && all(&first.action, &later.action, |a, b| a == b)
        && all(&first.phase, &later.phase, |a, b| a == b)
        && all(&first.init, &later.init, |a, b| a == b)
        && all(&first.scope, &later.scope, |a, b| a == b)
        && all(&first.asked, &later.asked, |a, b| a == b)
        && all(&first.service, &later.service, |a, b| a.covers(b))
}

/// Whether the matcher `first` takes everything that `later` takes. An empty one takes everything.
fn all<T>(first: &[T], later: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    first.is_empty()
        || (!later.is_empty() && later.iter().all(|b| first.iter().any(|a| covers(a, b))))
}
