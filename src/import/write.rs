//! Rules as TOML, with what could not be carried over as comments.

use super::{Draft, Imported, Says};

/// The policy file that `imported` comes to; `from` is where it was read.
pub fn document(from: &str, imported: &Imported) -> String {
    let mut text = format!("# Imported from {}\n", line(from));
    for lost in &imported.lost {
        let place = lost
            .line
            .map_or_else(String::new, |line| format!(" (line {line})"));
        text.push_str(&format!(
            "# Not carried over{place}: {}\n",
            line(&lost.text)
        ));
    }
    let rules = rules(&imported.rules);
    match rules.is_empty() {
        true => text.push_str("# There are no rules in it.\n"),
        false => text.push_str(&rules),
    }
    text
}

/// The rules alone.
pub(super) fn rules(rules: &[Draft]) -> String {
    rules.iter().map(rule).collect()
}

fn rule(draft: &Draft) -> String {
    let mut text = String::from("\n");
    if let Some(line) = draft.line {
        text.push_str(&format!("# line {line}\n"));
    }
    text.push_str("[[rule]]\n");
    let phases: Vec<String> = draft
        .phases
        .iter()
        .map(|phase| (*phase).to_owned())
        .collect();
    for (key, words) in [
        ("service", &draft.services),
        ("action", &draft.actions),
        ("phase", &phases),
    ] {
        if !words.is_empty() {
            text.push_str(&format!("{key} = {}\n", list(words)));
        }
    }
    match &draft.says {
        Says::Yes => text.push_str("decide = \"allow\"\n"),
        Says::No => text.push_str("decide = \"deny\"\n"),
        Says::Instead(actions) => {
            text.push_str(&format!("decide = {{ fallback = {} }}\n", list(actions)));
        }
        Says::Later => text.push_str("decide = \"defer\"\nuntil = \"flush\"\n"),
    }
    if let Some(because) = &draft.because {
        text.push_str(&format!("because = {}\n", quoted(because)));
    }
    text
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A basic string: toml.io, "String".
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// What others wrote ends no comment.
fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Lost;

    #[test]
    fn whatever_others_wrote_stays_in_its_string_or_its_comment() {
        let imported = Imported {
            rules: vec![Draft {
                services: vec!["foo*".to_owned()],
                actions: vec!["start".to_owned()],
                phases: Vec::new(),
                says: Says::No,
                because: Some("a \"b\"\n[[rule]]\\".to_owned()),
                line: Some(3),
            }],
            lost: vec![Lost::at(2, "x\n[[rule]]\ndecide = \"allow\"")],
            played: Vec::new(),
        };
        let text = document("a\nb", &imported);
        let parsed = crate::policy::parse("x", crate::policy::Tier::Admin, &text);
        assert_eq!(parsed.problems, [], "{text}");
        assert_eq!(parsed.file.rules.len(), 1, "{text}");
        let because = parsed.file.rules[0].because.as_deref();
        assert_eq!(because, Some("a \"b\"\n[[rule]]\\"));
    }
}
