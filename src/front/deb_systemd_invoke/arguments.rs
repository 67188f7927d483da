//! deb-systemd-invoke's command line, taken as Perl's Getopt::Long takes it: options anywhere,
//! abbreviated, in any case, with one dash or two; an unknown one is warned about and dropped.

use std::ffi::OsString;

use crate::domain::{Flag, Scope};
use crate::front::options::SystemdOption;

/// What else than a name's characters a pattern has.
const WILDCARDS: [char; 3] = ['*', '?', '['];
/// What stands in brackets besides.
const IN_BRACKETS: &str = "]!^";

/// Whether systemctl takes `word` for a pattern of units' names: `foo@1-*`. One that does not begin as a name does would
/// match whatever there is, and is none here; nor is one with a character that no name has.
pub(super) fn is_pattern(word: &str) -> bool {
    let allowed = |c: char| {
        let of_name = c.is_ascii_alphanumeric() || "_-.@:\\".contains(c);
        of_name || WILDCARDS.contains(&c) || IN_BRACKETS.contains(c)
    };
    let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    begins && word.contains(WILDCARDS) && word.chars().all(allowed)
}

/// A command line that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Arguments {
    /// The action and the units, in order.
    pub(super) words: Vec<String>,
    pub(super) scope: Scope,
    pub(super) no_dbus: bool,
    pub(super) flags: Vec<Flag>,
    /// Unknown options, without dashes: one warning each.
    pub(super) warnings: Vec<String>,
}

/// Parses all arguments but the program's name; `None` where there are fewer than two.
pub(super) fn parse(arguments: &[OsString]) -> Option<Arguments> {
    // original: two raw arguments are needed, options counted
    if arguments.len() < 2 {
        return None;
    }
    let mut parsed = Arguments::default();
    let mut left = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = left.next() {
        if argument == "--" {
            parsed.words.extend(left);
            break;
        }
        match name_of_option(&argument) {
            Some(name) => take(&mut parsed, &name),
            None => parsed.words.push(argument),
        }
    }
    Some(parsed)
}

fn name_of_option(argument: &str) -> Option<String> {
    let name = argument
        .strip_prefix("--")
        .or_else(|| argument.strip_prefix('-'))?;
    // A lone dash is a word.
    (!name.is_empty()).then(|| name.to_owned())
}

fn take(parsed: &mut Arguments, name: &str) {
    let (word, value) = match name.split_once('=') {
        Some((word, value)) => (word, Some(value)),
        None => (name, None),
    };
    let lower = word.to_ascii_lowercase();
    let named = |option: &SystemdOption| option.as_str() == lower;
    let begun = |option: &SystemdOption| option.as_str().starts_with(&lower);
    let exact = SystemdOption::ALL.into_iter().find(named);
    let mut matching = SystemdOption::ALL.into_iter().filter(begun);
    let found = exact.or_else(|| matching.next().filter(|_| matching.next().is_none()));
    match (found, value) {
        (Some(option), None) => apply(parsed, option),
        (Some(option), Some(_)) => {
            let name = option.as_str();
            parsed
                .warnings
                .push(format!("Option {name} does not take an argument"));
        }
        (None, _) => parsed.warnings.push(format!("Unknown option: {lower}")),
    }
}

fn apply(parsed: &mut Arguments, option: SystemdOption) {
    match option {
        SystemdOption::User => parsed.scope = Scope::User,
        SystemdOption::System => parsed.scope = Scope::System,
        SystemdOption::NoDbus => parsed.no_dbus = true,
        SystemdOption::Quiesce => parsed.flags.push(Flag::Quiesce),
        SystemdOption::Defer => parsed.flags.push(Flag::Defer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Arguments {
        parse(&line.iter().map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_word_with_a_wildcard_is_a_pattern_unless_no_unit_or_any_could_match_it() {
        for word in ["postgresql@15-*", "foo?.service", "f[ab]*.socket"] {
            assert!(is_pattern(word), "{word}");
        }
        for word in [
            "foo",
            "foo@.service",
            "*",
            "?",
            "[ab]*",
            ".*",
            "foo*;reboot",
            "$(x)*",
            "../*",
            "a *",
        ] {
            assert!(!is_pattern(word), "{word}");
        }
    }

    #[test]
    fn options_stand_anywhere_and_may_be_shortened() {
        let got = parsed(&["restart", "--us", "a.service", "-NO-DBUS"]);
        assert_eq!(got.words, ["restart", "a.service"]);
        assert_eq!((got.scope, got.no_dbus), (Scope::User, true));
        assert_eq!(
            parsed(&["--user", "--system", "stop", "x"]).scope,
            Scope::System
        );
    }

    #[test]
    fn unknown_options_are_dropped_with_a_warning() {
        let got = parsed(&["start", "--Frob", "a"]);
        assert_eq!(got.warnings, ["Unknown option: frob"]);
        assert_eq!(got.words, ["start", "a"]);
    }

    #[test]
    fn two_raw_arguments_are_needed() {
        assert_eq!(parse(&["daemon-reload".into()]), None);
        assert!(parse(&["--user".into(), "daemon-reload".into()]).is_some());
    }

    #[test]
    fn after_two_dashes_everything_is_a_word() {
        assert_eq!(parsed(&["stop", "--", "--user"]).words, ["stop", "--user"]);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let lines = [
            "--user restart foo.service foo@*.socket",
            "-NO-DBUS --us=1 start x",
            "stop -- --user",
        ];
        crate::testing::mutations::mutated_text(&lines, &["--", "-", "=", " ", "*", "["], |text| {
            let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            for word in parse(&words).into_iter().flat_map(|parsed| parsed.words) {
                let _ = is_pattern(&word);
            }
        });
    }
}
