//! Runs the machine's policy-rc.d as its different callers do, about services that it names itself, one that the
//! machine has, and one that nobody has.

use std::ffi::OsString;
use std::path::Path;

use crate::audit::package::{Script, ScriptName};
use crate::audit::shell::Parsed;
use crate::domain::{Action, HelperAnswer, ServiceName};
use crate::front::local;
use crate::front::rcpolicy::Place;
use crate::import::interpreter;
use crate::observe::detect::INIT_SCRIPTS;
use crate::observe::helper::{Helper, HelperError};
use crate::observe::life::life_under;
use crate::policy::Policy;
use crate::report::doctor::{Finding, Level};

use super::answers::{Form, Heard, Machine, NOBODY, judge};
use super::leftover::Leftover;

const PART: &str = "policy-rc.d";
/// How many services are asked about that its text names.
const MOST_NAMED: usize = 8;
const ACTIONS: [&str; 3] = ["start", "stop", "restart"];
const FORMS: [Form; 5] = [
    Form::Plain,
    Form::Quiet,
    Form::NoLevel,
    Form::Unit,
    Form::Parentheses,
];

/// All that can be told of policy-rc.d.
pub(super) fn examine(place: &Place, policy: &Policy) -> Vec<Finding> {
    let helper = super::helper(place, policy);
    let path = Path::new(&helper.path);
    let Some(leftover) = Leftover::at(path, place) else {
        let text = "there is none: nobody but the policy files denies anything";
        return vec![Finding::new(Level::Fine, PART, text)];
    };
    let mut found = leftover.findings();
    if !leftover.is_run() {
        return found;
    }
    let machine = match life_under(&place.root) {
        Some(_) => Machine::Runs,
        None => Machine::Chroot,
    };
    let asking = Asking {
        helper,
        level: local::level_without_init(&place.root).name,
    };
    match asking.all(&services(place, &leftover)) {
        Ok(heard) => found.extend(told(&leftover, judge(&heard, machine), heard.len())),
        Err(error) => found.push(
            Finding::new(Level::Problem, PART, error.to_string())
                .advising("what is asked of it in the meantime fails: mend it or take it away"),
        ),
    }
    if !place.is_root {
        let text = "it was not run as root, and may tell root something else";
        found.push(Finding::new(Level::Unknown, PART, text));
    }
    found
}

/// A file that denies everything is named with all that tells where it comes from.
fn told(leftover: &Leftover, judged: Vec<Finding>, asked: usize) -> Vec<Finding> {
    let wrong = judged.iter().any(|one| one.level >= Level::Warning);
    let told = judged.into_iter().map(|finding| Finding {
        text: format!("{} {}", leftover.shown, finding.text),
        ..finding
    });
    let mut told: Vec<Finding> = told.collect();
    if !wrong {
        let text = format!("{} answered {asked} questions well", leftover.shown);
        told.push(Finding::new(Level::Fine, PART, text));
    }
    told
}

struct Asking {
    helper: Helper,
    level: Option<String>,
}

impl Asking {
    /// Stops at the first question that gets no answer: the next would take as long.
    fn all(&self, services: &[String]) -> Result<Vec<Heard>, HelperError> {
        let mut heard = Vec::new();
        for service in services {
            for form in FORMS {
                let actions = ACTIONS
                    .into_iter()
                    .filter(|action| form != Form::Parentheses || *action != "stop");
                for action in actions {
                    heard.push(self.ask(form, service, action)?);
                }
            }
        }
        heard.push(self.ask(Form::List, NOBODY, "start")?);
        Ok(heard)
    }

    fn ask(&self, form: Form, service: &str, action: &'static str) -> Result<Heard, HelperError> {
        let level = self.level.as_deref();
        let (unit, aside) = (format!("{service}.service"), format!("({action})"));
        let words: Vec<&str> = match form {
            Form::Plain => vec![service, action],
            Form::Quiet => vec!["--quiet", service, action],
            Form::NoLevel => vec![service, action],
            Form::Unit => vec![&unit, action],
            Form::Parentheses => vec![service, &aside],
            Form::List => vec!["--list", service],
        };
        let leveled = !matches!(form, Form::NoLevel | Form::Unit);
        let words: Vec<&str> = words.into_iter().chain(level.filter(|_| leveled)).collect();
        let passed: Vec<OsString> = words.iter().map(OsString::from).collect();
        // It may be gone meanwhile: then there is nothing to say of it either.
        let (status, stdout) = match self.helper.ask_as_guest(&passed)? {
            HelperAnswer::Said { status, stdout } => (status, stdout),
            HelperAnswer::Absent => (0, String::new()),
        };
        Ok(Heard {
            form,
            service: service.to_owned(),
            action,
            words: words.join(" "),
            status,
            stdout,
        })
    }
}

/// Whom to ask about.
fn services(place: &Place, leftover: &Leftover) -> Vec<String> {
    let mut services = vec![NOBODY.to_owned()];
    services.extend(installed(place));
    services.extend(named(&leftover.text));
    let mut seen = std::collections::BTreeSet::new();
    services.retain(|service| seen.insert(service.clone()));
    services
}

/// The first init script of the machine.
fn installed(place: &Place) -> Option<String> {
    let entries = std::fs::read_dir(place.path(INIT_SCRIPTS)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let scripts = names.filter(|name| ServiceName::parse(name).is_ok() && !name.contains('.'));
    scripts.min()
}

/// What a script compares with, as far as that can be a service.
fn named(text: &str) -> Vec<String> {
    let script = Script {
        name: ScriptName::Postinst,
        shown: String::new(),
        interpreter: interpreter(text),
        text: text.to_owned(),
    };
    let Ok(parsed) = Parsed::parse(&script) else {
        return Vec::new();
    };
    let outline = parsed.outline();
    let compares = |words: &&[String]| {
        let first = words.first().map(String::as_str);
        matches!(first, Some("case" | "[" | "[[" | "test"))
    };
    let simples = outline.simples.iter().map(|simple| simple.words.as_slice());
    let words = simples
        .filter(compares)
        .flat_map(|words| words.iter().skip(1));
    let names = words.flat_map(|word| word.split('|')).filter_map(service);
    names.take(MOST_NAMED).collect()
}

/// The service that a pattern could mean: `foo*` means `foox`, too.
fn service(pattern: &str) -> Option<String> {
    let plain: String = pattern.chars().filter(|c| !"\"'\\".contains(*c)).collect();
    let stem = plain.trim_end_matches(".service").replace(['*', '?'], "x");
    let known = stem
        .strip_prefix('(')
        .and_then(|stem| stem.strip_suffix(')'));
    let is_action = !matches!(Action::parse(known.unwrap_or(&stem)), Action::Other(_));
    let is_name = stem.starts_with(|c: char| c.is_ascii_alphabetic())
        && stem.len() > 1
        && ServiceName::parse(&stem).is_ok();
    (is_name && !is_action).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_asked_about_what_it_compares_with() {
        let text = "#!/bin/sh\nwhile true; do\n  case \"$1\" in\n    -*) shift ;;\n    makedev|udev*) exit 0 ;;\n\
            *) break ;;\n  esac\ndone\n[ \"$1\" = \"slapd\" ] && [ $2 != start ] && exit 101\nexit 0\n";
        assert_eq!(named(text), ["makedev", "udevx", "slapd"]);
        assert_eq!(named("#!/usr/bin/perl\nexit 101;\n"), [""; 0]);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let text = "#!/bin/sh\ncase \"$1\" in\n-*) shift ;;\nmakedev|udev*) exit 0 ;;\nesac\n[ \"$1\" = slapd ] && exit 101\n";
        crate::testing::mutations::mutated_text(
            &[text],
            &["case ", " in\n", ";;", "[ ", "|", "*", "\"", "esac\n"],
            |text| {
                for name in named(text) {
                    assert!(ServiceName::parse(&name).is_ok(), "{name:?}");
                }
            },
        );
    }
}
