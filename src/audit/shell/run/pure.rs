//! Programs whose answer hangs on their words alone.

use super::super::Answer;
use crate::audit::version;

/// The answer of a program, where its words say all.
pub(super) fn answer(words: &[&str]) -> Option<Answer> {
    let (name, rest) = words.split_first()?;
    match (name.rsplit('/').next()?, rest) {
        (
            "dpkg",
            ["--compare-versions", "--", versions @ ..] | ["--compare-versions", versions @ ..],
        ) => compare(versions),
        ("basename", [path]) => said(base(path)),
        ("basename", [path, suffix]) => {
            let base = base(path);
            let stem = base.strip_suffix(suffix).filter(|stem| !stem.is_empty());
            said(stem.unwrap_or(base))
        }
        ("dirname", [path]) => said(directory(path)),
        _ => None,
    }
}

fn said(text: &str) -> Option<Answer> {
    Some(Answer {
        status: 0,
        output: Some(format!("{text}\n")),
    })
}

fn base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some((_, base)) => base,
        None if path.is_empty() => "/",
        None => path,
    }
}

fn directory(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory.trim_end_matches('/'),
        None if path.is_empty() => "/",
        None => ".",
    }
}

fn compare(words: &[&str]) -> Option<Answer> {
    let [left, relation, right] = words else {
        return None;
    };
    let holds = version::holds(left, relation, right)?;
    Some(Answer {
        status: u8::from(!holds),
        output: Some(String::new()),
    })
}
