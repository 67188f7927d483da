//! policy-rc.d: the TOML policy for every other tool that asks `/usr/sbin/policy-rc.d`. It answers, and
//! changes nothing. The protocol is that of init-system-helpers' README.policy-rc.d; what is answered is
//! decided in `decide::others`.

use std::ffi::OsString;

use crate::decide::others::{self, Authority, Said, Standing};
use crate::decide::stock::status;
use crate::domain::{Action, Context, InitKind, Machine, Scope, ServiceName};
use crate::observe::{bypass, context, detect, offline};
use crate::policy::{self, Keep, Policy, Question, Roots};
use crate::report::Voice;

use super::options::HelperOption;

/// The actions that `--list` answers for.
const KNOWN: [&str; 11] = [
    "start",
    "(start)",
    "stop",
    "restart",
    "(restart)",
    "try-restart",
    "(try-restart)",
    "reload",
    "force-reload",
    "force-stop",
    "status",
];
/// Service, actions, runlevel. original: several actions are one argument, with blanks between them
const MOST_WORDS: usize = 3;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    /// All that is known of a service; whatever the runlevel, no rule hangs on it.
    List(ServiceName),
    /// These actions on a service.
    Actions(ServiceName, Vec<String>),
}

/// Runs policy-rc.d with `raw` arguments (without the program's name); returns the exit status.
pub fn run(program: &str, raw: &[OsString]) -> u8 {
    let mut voice = Voice::new(program);
    let words: Vec<String> = raw
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    voice.quiet = words.iter().any(|word| HelperOption::Quiet.is(word));
    match parse(&words) {
        Ok(asked) => reply(&asked, &voice),
        Err(message) => {
            voice.error(&format!("syntax error: {message}"));
            status::SYNTAX
        }
    }
}

/// Reads the arguments. Options may stand anywhere.
///
/// # Errors
/// Why they make no sense.
fn parse(arguments: &[String]) -> Result<Asked, String> {
    let (options, words): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    let known = |word: &str| HelperOption::ALL.iter().any(|option| option.is(word));
    if let Some(option) = options.iter().find(|option| !known(option)) {
        return Err(format!("unknown option `{}`", option.escape_debug()));
    }
    let mut rest = words.iter();
    let name = rest.next().ok_or("the service is missing")?;
    let service = others::service(name).map_err(|error| error.to_string())?;
    if options.iter().any(|word| HelperOption::List.is(word)) {
        return Ok(Asked::List(service));
    }
    let actions = rest.next().ok_or("the action is missing")?;
    let actions: Vec<String> = actions.split_whitespace().map(str::to_owned).collect();
    if actions.is_empty() {
        return Err("the action is empty".to_owned());
    }
    if words.len() > MOST_WORDS {
        return Err("too many arguments: several actions are one argument".to_owned());
    }
    Ok(Asked::Actions(service, actions))
}

fn reply(asked: &Asked, voice: &Voice) -> u8 {
    let Some(answering) = Answering::begin(voice) else {
        return put_aside(asked, voice);
    };
    match asked {
        Asked::List(service) => list(service, voice, |word| answering.answer(service, word)),
        Asked::Actions(service, actions) => {
            let answers: Vec<(String, Said)> = actions
                .iter()
                .map(|word| (word.clone(), answering.answer(service, word)))
                .collect();
            tell(service, &answers, voice)
        }
    }
}

/// As without any policy-rc.d.
fn put_aside(asked: &Asked, voice: &Voice) -> u8 {
    let neutral = |word: &str| Said::by_default(others::action(word).1);
    match asked {
        Asked::List(service) => list(service, voice, neutral),
        Asked::Actions(_, actions) => {
            let answers = actions.iter().map(|word| (word.clone(), neutral(word)));
            others::combined(&answers.collect::<Vec<_>>()).status
        }
    }
}

fn list(service: &ServiceName, voice: &Voice, answer: impl Fn(&str) -> Said) -> u8 {
    for action in KNOWN {
        let said = answer(action);
        let instead = match said.fallback.is_empty() {
            true => String::new(),
            false => format!(" ({})", said.fallback.join(" ")),
        };
        let (status, why) = (said.status, &said.why);
        voice.out(&format!("{service} {action} {status}{instead} {why}\n"));
    }
    status::YES
}

fn tell(service: &ServiceName, answers: &[(String, Said)], voice: &Voice) -> u8 {
    let said = others::combined(answers);
    match said.status {
        status::YES => {}
        // original: one line, the actions to be tried in turn
        status::FALLBACK => voice.out(&format!("{}\n", said.fallback.join(" "))),
        _ => {
            let refused = answers.iter().find(|(_, one)| *one == said);
            let action = refused.map_or("", |(word, _)| word.as_str());
            voice.error(&format!("{action} of {service}: {}", said.why));
        }
    }
    said.status
}

/// What all questions of one call go by.
struct Answering {
    policy: Policy,
    context: Context,
    init: InitKind,
}

impl Answering {
    /// `None` where the admin has put the policy aside.
    fn begin(voice: &Voice) -> Option<Self> {
        if bypass::is_on() {
            return None;
        }
        let policy = policy::load(&Roots::system(Keep::No));
        policy
            .problems()
            .iter()
            .for_each(|problem| voice.error(&problem.to_string()));
        (Authority::of(&policy) == Authority::Decides).then(|| Self {
            policy,
            context: context::observe(),
            init: detect::init(),
        })
    }

    fn answer(&self, service: &ServiceName, word: &str) -> Said {
        let (action, standing): (Action, Standing) = others::action(word);
        let question = Question {
            service,
            action: &action,
            phase: self.context.phase,
            package: self.context.package.as_deref(),
            init: self.init,
            scope: Scope::System,
            machine: self.machine(),
            asked: &[],
        };
        others::answer(&self.policy, &question, standing)
    }

    /// Only what can be told without asking an init.
    fn machine(&self) -> Option<Machine> {
        let systemd = self.init == InitKind::Systemd;
        let outside = systemd && offline::reach() == offline::Reach::Offline;
        outside.then_some(Machine::Chroot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        // `_` stands for a blank within an argument
        let words: Vec<String> = words.iter().map(|word| word.replace('_', " ")).collect();
        parse(&words)
    }

    #[test]
    fn arguments_are_read_as_the_different_callers_write_them() {
        let foo = ServiceName::parse("foo").unwrap();
        let actions = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned());
            Ok(Asked::Actions(foo.clone(), words.collect()))
        };
        for (line, expected) in [
            ("foo start", actions(&["start"])),
            ("foo start 2", actions(&["start"])),
            ("--quiet foo (start) 2", actions(&["(start)"])),
            ("foo --quiet start", actions(&["start"])),
            ("foo.service restart", actions(&["restart"])),
            ("foo.sh stop S", actions(&["stop"])),
            ("/etc/init.d/foo stop 2", actions(&["stop"])),
            ("/lib/systemd/system/foo.service stop", actions(&["stop"])),
            (
                "foo reload_restart_stop",
                actions(&["reload", "restart", "stop"]),
            ),
            ("--list foo", Ok(Asked::List(foo.clone()))),
            ("--list --quiet foo 2 3 4 5", Ok(Asked::List(foo.clone()))),
        ] {
            assert_eq!(asked(line), expected, "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_no_argument_is_passed_over() {
        for (line, part) in [
            ("--quiet", "service is missing"),
            ("foo", "action is missing"),
            ("foo _", "action is empty"),
            ("--force foo start", "unknown option"),
            ("foo start stop 2", "too many"),
            ("/etc/evil start", "not a service name"),
            ("/etc/init.d/../evil start", "not a service name"),
        ] {
            let refused = asked(line).unwrap_err();
            assert!(refused.contains(part), "{line}: {refused}");
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let lines = [
            "--quiet foo (start) 2",
            "--list foo 2",
            "foo restart_reload 2",
        ];
        crate::testing::mutations::mutated_text(
            &lines,
            &["--", "(", ")", "_", " ", "--list"],
            |text| {
                if let Err(why) = asked(text) {
                    assert!(!why.contains('\n'), "{why:?}");
                }
            },
        );
    }
}
