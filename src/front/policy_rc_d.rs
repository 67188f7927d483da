//! policy-rc.d: the TOML policy for every other tool that asks `/usr/sbin/policy-rc.d`.
//! It answers and changes nothing; stop, quiesce, restart and defer are ours to do, so to others
//! they are a yes.

use std::ffi::OsString;

use crate::decide::stock::status;
use crate::domain::{Action, InitKind, Scope, ServiceName};
use crate::observe::{context, detect, offline};
use crate::policy::{self, Answer, Decide, Keep, Policy, Question, Roots, Tier};
use crate::report::Voice;

/// The actions that `--list` answers for.
const KNOWN: [&str; 8] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    "force-stop",
    "status",
];

/// Runs policy-rc.d with `raw` arguments (without the program's name); returns the exit status.
pub fn run(program: &str, raw: &[OsString]) -> u8 {
    let mut voice = Voice::new(program);
    let mut list = false;
    let mut words = Vec::new();
    for argument in raw.iter().map(|argument| argument.to_string_lossy()) {
        match argument.as_ref() {
            "--quiet" => voice.quiet = true,
            "--list" => list = true,
            option if option.starts_with("--") => {
                voice.error(&format!(
                    "syntax error: unknown option `{}`",
                    option.escape_debug()
                ));
                return status::SYNTAX;
            }
            word => words.push(word.to_owned()),
        }
    }
    let mut words = words.into_iter();
    let service = match words.next().map(|name| ServiceName::parse(&name)) {
        Some(Ok(service)) => service,
        Some(Err(error)) => {
            voice.error(&format!("syntax error: {error}"));
            return status::SYNTAX;
        }
        None => {
            voice.error("syntax error: the service is missing");
            return status::SYNTAX;
        }
    };
    let policy = policy::load(&Roots::system(Keep::No));
    policy
        .problems()
        .iter()
        .for_each(|problem| voice.error(&problem.to_string()));
    if list {
        return show(&policy, &service, &voice);
    }
    let Some(actions) = words.next() else {
        voice.error("syntax error: the action is missing");
        return status::SYNTAX;
    };
    answer(&policy, &service, &actions, &voice)
}

fn show(policy: &Policy, service: &ServiceName, voice: &Voice) -> u8 {
    for action in KNOWN {
        let said = ask(policy, service, action);
        voice.out(&format!(
            "{service} {action} {} {}\n",
            said.status, said.why
        ));
    }
    0
}

/// One answer for a list of actions: a denial of one is a denial of all.
fn answer(policy: &Policy, service: &ServiceName, actions: &str, voice: &Voice) -> u8 {
    let mut ending = status::ALLOWED;
    for action in actions.split_whitespace() {
        let said = ask(policy, service, action);
        match said.status {
            status::ALLOWED => {}
            status::FALLBACK => {
                voice.out(&format!("{}\n", said.fallback.join(" ")));
                return status::FALLBACK;
            }
            other => {
                voice.error(&format!("{action} of {service}: {}", said.why));
                ending = other;
            }
        }
    }
    ending
}

struct Said {
    status: u8,
    why: String,
    fallback: Vec<String>,
}

fn ask(policy: &Policy, service: &ServiceName, word: &str) -> Said {
    // original: an action that runlevel or unit state forbids comes in parentheses
    let bare = word
        .strip_prefix('(')
        .and_then(|word| word.strip_suffix(')'));
    let action = Action::parse(bare.unwrap_or(word));
    let context = context::observe();
    let question = Question {
        service,
        action: &action,
        phase: context.phase,
        package: context.package.as_deref(),
        init: detect::init(),
        scope: Scope::System,
        machine: machine(),
        asked: &[],
    };
    let said = |status, why: String| Said {
        status,
        why,
        fallback: Vec::new(),
    };
    let otherwise = match bare {
        Some(_) => said(
            status::DENIED,
            "out of its runlevel, and no rule of the admin's allows it".to_owned(),
        ),
        None => said(status::ALLOWED, "no rule denies it".to_owned()),
    };
    // The state of the service is not known here, so what may start it is asked as a start too.
    let started = action
        .may_start()
        .then(|| policy.denies_start(&question))
        .flatten();
    if let Some(rule) = policy.denies(&question).or(started) {
        let because = rule
            .because
            .map_or_else(String::new, |because| format!(": {because}"));
        return said(
            status::DENIED,
            format!("denied by {}{because}", rule.source),
        );
    }
    match policy.ask(&question) {
        Answer::HoldBroken { problem } => said(
            status::DENIED,
            format!("the policy cannot be read: {problem}"),
        ),
        Answer::Rule(rule) => match rule.decide {
            Decide::Fallback(actions) => Said {
                status: status::FALLBACK,
                why: format!("by {}", rule.source),
                fallback: actions.clone(),
            },
            Decide::Allow if rule.tier == Tier::Admin => {
                said(status::ALLOWED, format!("allowed by {}", rule.source))
            }
            Decide::Allow
            | Decide::Deny
            | Decide::Stop
            | Decide::Quiesce
            | Decide::Restart
            | Decide::IfStale
            | Decide::Reload
            | Decide::Defer(_) => otherwise,
        },
        Answer::Silent => otherwise,
    }
}

/// Only what can be told without asking an init.
fn machine() -> Option<crate::domain::Machine> {
    let outside =
        detect::init() == InitKind::Systemd && offline::reach() == offline::Reach::Offline;
    outside.then_some(crate::domain::Machine::Chroot)
}
