//! policy-rcd-declarative's `*.pol`, as its service-policy.d(5) has them: a service, an action, a policy on each line, the
//! first two regular expressions that are not tied to the ends of a word; the first line that matches decides.

use crate::policy::{Glob, Pattern};

use super::{
    ACTIONS, ASIDE, Draft, ImportError, Imported, Lost, NOBODY, Played, Says, globs, sample,
};

/// A line, understood.
struct Line {
    services: Vec<Glob>,
    actions: Vec<Glob>,
    says: Says,
}

impl Line {
    fn is_for(&self, service: &str, word: &str) -> bool {
        let any = |globs: &[Glob], name: &str| globs.iter().any(|glob| glob.matches(name));
        any(&self.services, service) && any(&self.actions, word)
    }
}

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match fields(line) {
            Fields::None => {}
            Fields::PassedOver(why) => imported.lost.push(Lost::at(number, why)),
            Fields::Three(three) => match understood(three) {
                Ok((line, mut draft)) => {
                    draft.line = Some(number);
                    imported.rules.push(draft);
                    lines.push(line);
                }
                Err(why) => imported.lost.push(Lost::at(number, why)),
            },
        }
    }
    let text = "what no line was for ended with 100, which fails a package's script; now it is as if nothing was said";
    imported.lost.push(Lost::of_all(text));
    imported.played = played(&lines, &imported.rules);
    Ok(imported)
}

enum Fields<'l> {
    None,
    /// The original says nothing of it either.
    PassedOver(&'static str),
    Three([&'l str; 3]),
}

fn fields(line: &str) -> Fields<'_> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [] => Fields::None,
        [first, ..] if first.starts_with('#') => Fields::None,
        _ if line.starts_with(char::is_whitespace) => {
            Fields::PassedOver("an indented line: the original passes it over, and so is it here")
        }
        [service, action, says] => Fields::Three([service, action, says]),
        _ => Fields::PassedOver("not three fields: the original passes it over, and so is it here"),
    }
}

fn understood([service, action, says]: [&str; 3]) -> Result<(Line, Draft), String> {
    let says = match says {
        "allow" => Says::Yes,
        "deny" => Says::No,
        "restart-ignore" => Says::Instead(vec!["restart".to_owned(), "stop".to_owned()]),
        other => return Err(format!("`{other}` is no policy")),
    };
    let wrong = |expression: &str, why: String| format!("`{expression}`: {why}");
    let services = globs::globs(service).map_err(|why| wrong(service, why))?;
    let actions = globs::globs(action).map_err(|why| wrong(action, why))?;
    for pattern in &services {
        Pattern::parse(pattern).map_err(|error| wrong(service, error.to_string()))?;
    }
    let line = Line {
        services: compiled(&services)?,
        actions: compiled(&actions)?,
        says: says.clone(),
    };
    let draft = Draft {
        services: services.into_iter().filter(|glob| glob != "*").collect(),
        actions: named(&line, &actions)?,
        phases: Vec::new(),
        says,
        because: None,
        line: None,
    };
    Ok((line, draft))
}

fn compiled(globs: &[String]) -> Result<Vec<Glob>, String> {
    let each = globs.iter().map(|glob| Glob::parse(glob, |_| true));
    each.collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// The actions that a line is for: none for all, those in parentheses with the others.
fn named(line: &Line, globs: &[String]) -> Result<Vec<String>, String> {
    if globs.iter().any(|glob| glob == "*") {
        return Ok(Vec::new());
    }
    let is_for = |word: &str| line.actions.iter().any(|glob| glob.matches(word));
    let mut words: Vec<String> = ACTIONS
        .iter()
        .filter(|word| is_for(word))
        .map(|word| (*word).to_owned())
        .collect();
    for word in ASIDE.iter().filter(|word| is_for(word)) {
        let bare = word.trim_matches(['(', ')']).to_owned();
        if line.says == Says::Yes && !words.contains(&bare) {
            words.push(bare);
        }
    }
    let own = globs.iter().filter(|glob| {
        let plain = glob
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        plain && !ACTIONS.contains(&glob.as_str())
    });
    words.extend(own.cloned());
    match words.is_empty() {
        true => Err("no action that there is matches".to_owned()),
        false => Ok(words),
    }
}

fn played(lines: &[Line], rules: &[Draft]) -> Vec<Played> {
    let mut services: Vec<String> = rules
        .iter()
        .flat_map(|rule| rule.services.iter().map(|pattern| sample(pattern)))
        .collect();
    services.push(NOBODY.to_owned());
    let mut played = Vec::new();
    for service in services {
        for word in ACTIONS.iter().chain(&ASIDE) {
            let first = lines.iter().find(|line| line.is_for(&service, word));
            played.extend(first.map(|line| Played {
                service: service.clone(),
                word: (*word).to_owned(),
                says: line.says.clone(),
            }));
        }
    }
    played
}
