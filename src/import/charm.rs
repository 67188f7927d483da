//! The YAML of charm-helpers' policy-rc.d: for each service the actions that are blocked, which are noted down there
//! and done by a person. Of YAML no more is read than those files use.

use crate::policy::Pattern;

use super::{ACTIONS, Draft, ImportError, Imported, Lost, NOBODY, Played, Says};

/// The keys that a file may have beside the blocked actions.
const ABOUT: [&str; 2] = ["policy_requestor_name", "policy_requestor_type"];

/// A line without its comment.
struct Line<'t> {
    number: usize,
    indent: usize,
    text: &'t str,
}

/// A service, the line that names it, and what is blocked.
struct Blocked {
    service: String,
    line: usize,
    actions: Vec<String>,
}

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut blocked: Vec<Blocked> = Vec::new();
    let mut about = Vec::new();
    let mut inside = false;
    for line in lines(text)? {
        if line.indent == 0 && !line.text.starts_with('-') {
            let (key, value) = pair(&line)?;
            inside = key == "blocked_actions";
            match (inside, value) {
                (true, "") | (true, "{}") => {}
                (false, value) if ABOUT.contains(&key.as_str()) => {
                    about.push(scalar(value, line.number)?)
                }
                _ => {
                    return Err(ImportError::at(
                        line.number,
                        format!("`{key}` is not understood here"),
                    ));
                }
            }
        } else if inside {
            entry(&line, &mut blocked)?;
        } else {
            return Err(ImportError::at(line.number, "this belongs to nothing"));
        }
    }
    Ok(imported(blocked, &about))
}

fn lines(text: &str) -> Result<Vec<Line<'_>>, ImportError> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let stripped = line.trim_start_matches(' ');
        if stripped.starts_with('\t') {
            return Err(ImportError::at(number, "a tab where YAML has blanks"));
        }
        let text = match stripped.find(" #") {
            Some(at) => stripped.get(..at).unwrap_or(stripped),
            None => stripped,
        };
        let text = text.trim_end();
        if text.is_empty() || text.starts_with('#') || text == "---" || text == "..." {
            continue;
        }
        let indent = line.len() - stripped.len();
        lines.push(Line {
            number,
            indent,
            text,
        });
    }
    Ok(lines)
}

/// A service with its list, or one more action of the last one.
fn entry(line: &Line<'_>, blocked: &mut Vec<Blocked>) -> Result<(), ImportError> {
    if let Some(item) = line.text.strip_prefix('-') {
        let action = action(item.trim(), line.number)?;
        let Some(last) = blocked.last_mut() else {
            return Err(ImportError::at(line.number, "an action without a service"));
        };
        last.actions.push(action);
        return Ok(());
    }
    let (service, value) = pair(line)?;
    let list = value.strip_prefix('[').map(|list| list.strip_suffix(']'));
    let actions = match list {
        None if value.is_empty() => Vec::new(),
        Some(Some(list)) => {
            let words = list
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            words
                .map(|word| action(word, line.number))
                .collect::<Result<_, _>>()?
        }
        None | Some(None) => {
            let what = format!("`{value}` is no list of actions on one line");
            return Err(ImportError::at(line.number, what));
        }
    };
    blocked.push(Blocked {
        service,
        line: line.number,
        actions,
    });
    Ok(())
}

/// `key: value`; the value may be empty.
fn pair<'t>(line: &Line<'t>) -> Result<(String, &'t str), ImportError> {
    let split = line
        .text
        .split_once(": ")
        .or_else(|| line.text.strip_suffix(':').map(|key| (key, "")));
    match split {
        Some((key, value)) => Ok((scalar(key.trim(), line.number)?, value.trim())),
        None => Err(ImportError::at(line.number, "neither a key nor a list")),
    }
}

/// An action is one word; `restart: stop` is a mapping in a list.
fn action(text: &str, line: usize) -> Result<String, ImportError> {
    let word = scalar(text, line)?;
    match word.contains(char::is_whitespace) {
        true => {
            let what = format!("`{}` is not an action", word.escape_debug());
            Err(ImportError::at(line, what))
        }
        false => Ok(word),
    }
}

/// A plain or quoted word: nothing that YAML would make something else of.
fn scalar(text: &str, line: usize) -> Result<String, ImportError> {
    let quoted = |quote: char| {
        text.strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote))
    };
    let inner = quoted('"').or_else(|| quoted('\'')).unwrap_or(text);
    let odd = inner.contains(|c: char| c.is_control() || "\"'\\{}[]&*!|>%`#,".contains(c));
    match odd || inner.is_empty() {
        true => {
            let what = format!("`{}` is more YAML than is understood", text.escape_debug());
            Err(ImportError::at(line, what))
        }
        false => Ok(inner.to_owned()),
    }
}

fn imported(blocked: Vec<Blocked>, about: &[String]) -> Imported {
    let because = match about {
        [] => "blocked by a charm".to_owned(),
        about => format!("blocked by {}", about.join(" ")),
    };
    let mut imported = Imported::default();
    for one in blocked {
        let name = one.service.strip_suffix(".service").unwrap_or(&one.service);
        let plain = !name.contains(['*', '?', '[']);
        if !plain || Pattern::parse(name).is_err() {
            let text = format!(
                "`{}` is not the name of a service",
                one.service.escape_debug()
            );
            imported.lost.push(Lost::at(one.line, text));
            continue;
        }
        let (starts, others): (Vec<String>, Vec<String>) = one
            .actions
            .into_iter()
            .partition(|action| action == "start");
        // A start that scripts go on to use cannot be put off.
        for (says, actions) in [(Says::No, starts), (Says::Later, others)] {
            if actions.is_empty() {
                continue;
            }
            imported.played.extend(actions.iter().map(|word| Played {
                service: name.to_owned(),
                word: word.clone(),
                says: says.clone(),
            }));
            imported.rules.push(Draft {
                services: vec![name.to_owned()],
                actions,
                phases: Vec::new(),
                says,
                because: Some(because.clone()),
                line: Some(one.line),
            });
        }
    }
    allowed(&mut imported);
    if !imported.rules.is_empty() {
        let text = "the record for the charm: what is put off is shown by `rcpolicy pending` and done by `rcpolicy flush`, \
                    and to other tools that ask policy-rc.d it is a yes, where the original said 101";
        imported.lost.push(Lost::of_all(text));
    }
    imported
}

/// Whatever is not blocked is allowed.
fn allowed(imported: &mut Imported) {
    let mut services: Vec<String> = imported
        .rules
        .iter()
        .flat_map(|rule| rule.services.clone())
        .collect();
    services.push(NOBODY.to_owned());
    for service in services {
        for word in ACTIONS {
            let known = |one: &&Played| one.service == service && one.word == word;
            if imported.played.iter().find(known).is_none() {
                imported.played.push(Played {
                    service: service.clone(),
                    word: word.to_owned(),
                    says: Says::Yes,
                });
            }
        }
    }
}
