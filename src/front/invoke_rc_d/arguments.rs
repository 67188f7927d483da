//! invoke-rc.d's command line, taken exactly as the stock script takes it: options stand before
//! the name, between name and action, and nowhere else; all after the action is the script's.

use std::ffi::{OsStr, OsString};

use crate::decide::stock::Options;
use crate::domain::Flag;
use crate::front::options::InvokeOption;

/// A command line that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Arguments {
    pub(super) name: String,
    pub(super) action: String,
    pub(super) rest: Vec<OsString>,
    pub(super) options: Options,
    pub(super) quiet: bool,
    pub(super) skip_systemd_native: bool,
    pub(super) flags: Vec<Flag>,
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parsed {
    Run(Arguments),
    Help,
    /// A syntax error: whether it is said at all, what, and whether the help follows.
    Wrong {
        quiet: bool,
        text: String,
        help: bool,
    },
}

fn wrong(quiet: bool, text: impl Into<String>) -> Parsed {
    Parsed::Wrong {
        quiet,
        text: text.into(),
        help: false,
    }
}

/// Parses all arguments but the program's name.
pub(super) fn parse(arguments: &[OsString]) -> Parsed {
    if arguments.is_empty() {
        let text = "syntax error: missing required parameter, --help assumed".to_owned();
        return Parsed::Wrong {
            quiet: false,
            text,
            help: true,
        };
    }
    let mut parsed = Arguments::default();
    let mut positional = Vec::new();
    let mut left = arguments.iter();
    while positional.len() < 2 {
        let Some(argument) = left.next() else { break };
        match option(&mut parsed, argument) {
            Taken::Option => {}
            Taken::Help => return Parsed::Help,
            Taken::Unknown(text) => {
                // original: the message goes through word splitting
                let text = format!("syntax error: unknown option \"{text}\"");
                return wrong(parsed.quiet, squeeze(&text));
            }
            Taken::Invalid(text) => {
                return wrong(parsed.quiet, format!("syntax error: not UTF-8: \"{text}\""));
            }
            Taken::Word(word) => match verify(&word) {
                Ok(word) => positional.push(word),
                Err(text) => return wrong(parsed.quiet, text),
            },
        }
    }
    parsed.rest = left.cloned().collect();
    let mut positional = positional.into_iter();
    match (positional.next(), positional.next()) {
        (Some(name), Some(action)) => Parsed::Run(Arguments {
            name,
            action,
            ..parsed
        }),
        _ => wrong(parsed.quiet, "syntax error: missing required parameter"),
    }
}

enum Taken {
    Option,
    Help,
    Unknown(String),
    Invalid(String),
    Word(String),
}

fn option(parsed: &mut Arguments, argument: &OsStr) -> Taken {
    let text = argument.to_string_lossy();
    if argument.to_str().is_none() && !text.starts_with("--") {
        // A changed byte would be another name or action: nothing is done by guess.
        return Taken::Invalid(squeeze(&text));
    }
    let Some(option) = InvokeOption::parse(&text) else {
        return match text.starts_with("--") {
            true => Taken::Unknown(text.into_owned()),
            false => Taken::Word(text.into_owned()),
        };
    };
    let options = &mut parsed.options;
    match option {
        InvokeOption::Help => return Taken::Help,
        InvokeOption::Quiet => parsed.quiet = true,
        InvokeOption::Force => {
            options.force = true;
            options.retry = true;
            parsed.flags.push(Flag::Force);
        }
        InvokeOption::TryAnyway => options.retry = true,
        InvokeOption::DiscloseDeny => options.disclose = true,
        InvokeOption::Query => {
            options.query = true;
            options.disclose = true;
        }
        InvokeOption::NoFallback => options.no_fallback = true,
        InvokeOption::SkipSystemdNative => parsed.skip_systemd_native = true,
        InvokeOption::Quiesce => parsed.flags.push(Flag::Quiesce),
        InvokeOption::Defer => parsed.flags.push(Flag::Defer),
    }
    Taken::Option
}

fn squeeze(text: &str) -> String {
    text.split([' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// One word, as the shell splits words. Stock keeps blanks around it in the name, and finds nothing.
fn verify(word: &str) -> Result<String, String> {
    let squeezed = squeeze(word);
    if squeezed.is_empty() {
        Err("syntax error: invalid empty parameter".to_owned())
    } else if squeezed.contains(' ') || squeezed != word {
        Err(format!(
            "syntax error: embedded blanks are not allowed in \"{squeezed}\""
        ))
    } else {
        Ok(squeezed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Parsed {
        parse(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    fn run(line: &[&str]) -> Arguments {
        match parsed(line) {
            Parsed::Run(arguments) => arguments,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn options_stand_before_and_between_name_and_action() {
        let got = run(&["--quiet", "foo", "--force", "start", "--quiet", "x"]);
        assert_eq!((got.name.as_str(), got.action.as_str()), ("foo", "start"));
        assert_eq!(got.rest, ["--quiet", "x"]);
        assert!(got.quiet && got.options.force && got.options.retry);
    }

    #[test]
    fn a_single_dash_is_a_name() {
        assert_eq!(run(&["-q", "foo", "start"]).name, "-q");
    }

    #[test]
    fn what_is_wrong_is_said_as_stock_says_it() {
        let table: [(&[&str], &str); 6] = [
            (&["--x"], "syntax error: unknown option \"--x\""),
            (&["foo"], "syntax error: missing required parameter"),
            (&["", "start"], "syntax error: invalid empty parameter"),
            (&[" ", "start"], "syntax error: invalid empty parameter"),
            (
                &["a b", "start"],
                "syntax error: embedded blanks are not allowed in \"a b\"",
            ),
            (
                &["foo", "a \n b"],
                "syntax error: embedded blanks are not allowed in \"a b\"",
            ),
        ];
        for (line, text) in table {
            assert_eq!(parsed(line), wrong(false, text), "{line:?}");
        }
        assert!(matches!(parsed(&[]), Parsed::Wrong { help: true, .. }));
        assert_eq!(parsed(&["foo", "--help"]), Parsed::Help);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let lines = [
            "--quiet foo --force start --quiet x",
            "--query foo (start)",
            "--help",
        ];
        crate::testing::mutations::mutated_text(
            &lines,
            &["--", "--force", " ", "\t", "--quiet", "-"],
            |text| {
                let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
                let _ = parse(&words);
            },
        );
    }
}
