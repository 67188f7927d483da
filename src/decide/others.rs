//! What the policy says to other tools: those that ask policy-rc.d, each in words of its own. Pure.
//! Stop, quiesce, restart and defer are ours to do, so to others they are a yes. Statuses are those of
//! init-system-helpers' README.policy-rc.d.

use crate::domain::{Action, NameError, ServiceName};
use crate::policy::{Answer, Decide, Matched, Mode, Policy, Question, Tier};

use super::stock::status;

/// How others name a service by its file.
const DIRECTORIES: [&str; 6] = [
    "/etc/init.d/",
    "/etc/systemd/system/",
    "/run/systemd/system/",
    "/usr/local/lib/systemd/system/",
    "/usr/lib/systemd/system/",
    "/lib/systemd/system/",
];

/// Whether runlevel links or the unit's state let an action be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing stands against it.
    In,
    /// original: what links or unit state forbid is asked about in parentheses, `(start)`
    Out,
}

/// Whether a policy decides at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// It does.
    Decides,
    /// The admin only watches: others are told what they would do without any policy-rc.d.
    Watches,
}

impl Authority {
    /// Which of these `policy` has.
    pub fn of(policy: &Policy) -> Self {
        match policy.settings().mode {
            Mode::Enforce => Self::Decides,
            Mode::Observe => Self::Watches,
        }
    }
}

/// An answer to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The exit status.
    pub status: u8,
    /// The reason, in words.
    pub why: String,
    /// What is to be tried in turn, where the status is [`status::FALLBACK`].
    pub fallback: Vec<String>,
}

impl Said {
    fn new(status: u8, why: impl Into<String>) -> Self {
        Self {
            status,
            why: why.into(),
            fallback: Vec::new(),
        }
    }

    /// What is answered where no rule says anything.
    pub fn by_default(standing: Standing) -> Self {
        match standing {
            Standing::In => Self::new(status::YES, "no rule denies it"),
            Standing::Out => Self::new(
                status::DENIED,
                "out of its runlevel or not enabled, and no rule of the admin's allows it",
            ),
        }
    }
}

/// The service that others mean: `foo`, `foo.service`, `foo.sh`, or the path of its script or unit.
///
/// # Errors
/// When it could not be the name of any service.
pub fn service(word: &str) -> Result<ServiceName, NameError> {
    let name = DIRECTORIES
        .iter()
        .find_map(|directory| word.strip_prefix(directory));
    ServiceName::parse(name.unwrap_or(word))
}

/// The action that others mean, and how it stands.
pub fn action(word: &str) -> (Action, Standing) {
    let inside = word
        .strip_prefix('(')
        .and_then(|word| word.strip_suffix(')'));
    match inside {
        Some(inside) => (Action::parse(inside), Standing::Out),
        None => (Action::parse(word), Standing::In),
    }
}

/// The answer about one action.
pub fn answer(policy: &Policy, question: &Question<'_>, standing: Standing) -> Said {
    if let Some(rule) = denial(policy, question) {
        return Said::new(status::DENIED, format!("denied by {}", source(&rule)));
    }
    if !is_word(question.action) {
        return Said::new(status::UNKNOWN, "that is no action");
    }
    match policy.ask(question) {
        Answer::HoldBroken { problem } => {
            let why = format!("the policy cannot be read: {problem}");
            Said::new(status::DENIED, why)
        }
        Answer::Rule(rule) => by_rule(policy, question, (&rule, standing)),
        Answer::Silent => Said::by_default(standing),
    }
}

/// The answer about several actions that are asked about at once: a denial of one is a denial of all.
/// Where one has others that take its place, the list is what is to be tried in turn.
pub fn combined(answers: &[(String, Said)]) -> Said {
    let worst = answers.iter().map(|(_, said)| said).find(|said| {
        let status = said.status;
        status != status::YES && status != status::FALLBACK
    });
    if let Some(worst) = worst {
        return worst.clone();
    }
    let replaced = answers
        .iter()
        .find(|(_, said)| said.status == status::FALLBACK);
    let Some((_, replaced)) = replaced else {
        let first = answers.first().map(|(_, said)| said.clone());
        return first.unwrap_or_else(|| Said::by_default(Standing::In));
    };
    let tried = answers.iter().flat_map(|(word, said)| match said.status {
        status::FALLBACK => said.fallback.clone(),
        _ => vec![action(word).0.as_str().to_owned()],
    });
    Said {
        fallback: tried.collect(),
        ..replaced.clone()
    }
}

fn by_rule(policy: &Policy, question: &Question<'_>, of: (&Matched<'_>, Standing)) -> Said {
    let (rule, standing) = of;
    match rule.decide {
        Decide::Allow if rule.tier == Tier::Admin => {
            Said::new(status::YES, format!("allowed by {}", source(rule)))
        }
        // Another action does not lift what links and unit state say.
        Decide::Fallback(actions) if standing == Standing::In => {
            fallback(policy, question, (rule, actions))
        }
        Decide::Fallback(_)
        | Decide::Allow
        | Decide::Deny
        | Decide::Stop
        | Decide::Quiesce
        | Decide::Restart
        | Decide::IfStale
        | Decide::Reload
        | Decide::Defer(_) => Said::by_default(standing),
    }
}

/// Others take a fallback for allowed without asking again: what is denied does not stand in it.
fn fallback(policy: &Policy, question: &Question<'_>, of: (&Matched<'_>, &[String])) -> Said {
    let (rule, actions) = of;
    let may = |word: &&String| {
        let action = Action::parse(word);
        let question = Question {
            action: &action,
            ..*question
        };
        denial(policy, &question).is_none()
    };
    let allowed: Vec<String> = actions.iter().filter(may).cloned().collect();
    if allowed.is_empty() {
        let why = format!("{} names other actions, and all are denied", source(rule));
        return Said::new(status::DENIED, why);
    }
    Said {
        fallback: allowed,
        ..Said::new(status::FALLBACK, format!("by {}", source(rule)))
    }
}

/// The admin's deny of the action. The state of the service is not known here, so what may start it counts
/// as a start too; and what starts a service of its own name on demand, `foo.socket`, counts as that.
fn denial<'p>(policy: &'p Policy, question: &Question<'_>) -> Option<Matched<'p>> {
    let own = denial_of(policy, question);
    own.or_else(|| {
        let unit = question.service.unit();
        let stem = unit.as_str().rsplit_once('.').map(|(stem, _)| stem);
        let stem = stem.filter(|_| unit.kind().is_trigger())?;
        let service = &ServiceName::parse(stem).ok()?;
        denial_of(
            policy,
            &Question {
                service,
                ..*question
            },
        )
    })
}

fn denial_of<'p>(policy: &'p Policy, question: &Question<'_>) -> Option<Matched<'p>> {
    let own = policy.denies(question);
    own.or_else(|| match question.action.may_start() {
        true => policy.denies_start(question),
        false => None,
    })
}

/// Whether an action is one that a rule could name.
fn is_word(action: &Action) -> bool {
    let text = action.as_str();
    !text.is_empty() && !text.contains(|c: char| c.is_control() || "()\u{fffd}".contains(c))
}

fn source(rule: &Matched<'_>) -> String {
    match rule.because {
        Some(because) => format!("{}: {because}", rule.source),
        None => rule.source.to_string(),
    }
}

#[cfg(test)]
mod tests;
