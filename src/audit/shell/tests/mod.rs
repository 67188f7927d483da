//! Scripts and what they come to.

mod bounds;
mod idioms;
mod places;
mod statuses;
mod unknown;

use super::{Answer, End, Evaluated, Fresh, Parsed, ScriptError, World};
use crate::audit::call::{Call, Side, Word};
use crate::audit::package::{Script, ScriptName};

fn script(text: &str) -> Script {
    let bash = text
        .lines()
        .next()
        .is_some_and(|line| line.contains("bash"));
    Script {
        name: ScriptName::Postinst,
        shown: "x.deb: postinst".to_owned(),
        interpreter: if bash { "bash" } else { "sh" }.to_owned(),
        text: text.to_owned(),
    }
}

fn parsed(text: &str) -> Result<Parsed, ScriptError> {
    Parsed::parse(&script(text))
}

/// Evaluated where nothing is known of the machine but that dpkg runs outside of a root of its own.
fn evaluated(text: &str, arguments: &[&str]) -> Evaluated {
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    parsed(text)
        .unwrap()
        .evaluate(Side::New, &arguments, &Plain)
}

/// A machine with systemd, on which calls succeed, and of which nothing else is known.
struct Plain;

impl World for Plain {
    fn file(&self, _: char, path: &str) -> Option<bool> {
        (path == "/run/systemd/system").then_some(true)
    }

    fn command(&self, words: &[Word]) -> Option<Answer> {
        let name = words.first()?.known()?;
        let calls = [
            "invoke-rc.d",
            "deb-systemd-invoke",
            "deb-systemd-helper",
            "systemctl",
            "service",
        ];
        let succeeds = Answer {
            status: 0,
            output: None,
        };
        calls.contains(&name).then_some(succeeds)
    }

    fn variable(&self, name: &str) -> Option<Option<String>> {
        (name == "DPKG_ROOT").then(|| Some(String::new()))
    }
}

/// A call as one line; what is not known in angle brackets.
fn line(call: &Call) -> String {
    let words = call.words.iter().map(|word| match word {
        Word::Known(text) => text.clone(),
        Word::Unknown(text) => format!("<{text}>"),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The ways, each as its calls.
fn ways(text: &str, arguments: &[&str]) -> Vec<Vec<String>> {
    let evaluated = evaluated(text, arguments);
    assert_eq!(evaluated.cut, None);
    let paths = evaluated.paths.iter();
    let mut ways: Vec<Vec<String>> = paths
        .map(|path| path.calls.iter().map(line).collect())
        .collect();
    ways.sort();
    ways
}

/// The calls of a script that has one way.
fn calls(text: &str, arguments: &[&str]) -> Vec<String> {
    let mut ways = ways(text, arguments);
    assert_eq!(ways.len(), 1, "{ways:?}");
    ways.remove(0)
}
