//! The answer of a policy to one question: the first rule that matches, and what it says.
//! Pure: no file, no clock. Unknown is never taken for a no: it makes a deny match and no other rule.

use super::glob::Glob;
use super::merge::{Origin, Policy};
use super::problem::Problem;
use super::rule::{Decide, Rule, Tier};
use crate::domain::{Action, Flag, InitKind, Machine, Phase, Scope, ServiceName, Source};

/// What bringing a service up is called.
static START: Action = Action::Start;

/// One action on one service, and all that a rule can look at.
///
/// An action is matched by its word alone. An action that can bring up a service which is down
/// (`Action::may_start`) must be asked for a second time as `start`: see [`Policy::denies_start`].
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The service, by its canonical name.
    pub service: &'a ServiceName,
    /// The action.
    pub action: &'a Action,
    /// What dpkg is doing.
    pub phase: Phase,
    /// The package whose maintainer script asks. `None` is unknown, unless `phase` says that no
    /// maintainer script asks: then there is none.
    pub package: Option<&'a str>,
    /// The init that runs.
    pub init: InitKind,
    /// System or users.
    pub scope: Scope,
    /// What the machine is doing; `None` is unknown.
    pub machine: Option<Machine>,
    /// Flags of the caller.
    pub asked: &'a [Flag],
}

/// The rule that matched, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched<'a> {
    /// What it says.
    pub decide: &'a Decide,
    /// Whose file it stands in.
    pub tier: Tier,
    /// The file and the line on which it begins.
    pub source: Source,
    /// Why, in the author's words.
    pub because: Option<&'a str>,
    /// The phases it is written for; empty for all.
    pub phase: &'a [Phase],
}

/// What the policy says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A rule says this.
    Rule(Matched<'a>),
    /// The admin's policy, or what is held, cannot be read, and this action would interrupt a service or, in an
    /// upgrade, bring one up: leave the service as it is.
    HoldBroken {
        /// The problem, with its place.
        problem: String,
    },
    /// No rule says anything.
    Silent,
}

impl Policy {
    /// The first rule that matches: all of /etc, then /run, then /usr/lib.
    pub fn ask(&self, question: &Question<'_>) -> Answer<'_> {
        if let Some(problem) = self.unreadable(question) {
            return Answer::HoldBroken { problem };
        }
        match self.first(question) {
            Some(matched) => Answer::Rule(matched),
            None => Answer::Silent,
        }
    }

    /// Why nobody knows what the admin wants, where the service is to stay as it is for that.
    fn unreadable(&self, question: &Question<'_>) -> Option<String> {
        if let Some(problem) = &self.holds().unreadable
            && may_be_held(question)
        {
            return Some(problem.clone());
        }
        if *self.origin() != Origin::None || !is_held(question) {
            return None;
        }
        let problem = self.problems().iter().find(|p| p.is_error());
        Some(problem.map_or_else(String::new, Problem::to_string))
    }

    /// The admin's deny: a hold, or the first rule that matches in /etc or else in /run.
    pub fn denies(&self, question: &Question<'_>) -> Option<Matched<'_>> {
        self.first(question)
            .filter(|matched| matched.tier.is_admins() && *matched.decide == Decide::Deny)
    }

    /// The admin's deny of bringing the service up. To be asked for every action that can do so
    /// (`Action::may_start`: restart, force-reload, words of init scripts) where the service is not
    /// known to be up: a deny of `start` holds for each of them then.
    pub fn denies_start(&self, question: &Question<'_>) -> Option<Matched<'_>> {
        self.denies(&Question {
            action: &START,
            ..*question
        })
    }

    /// Whether the admin denies the action to anybody, whatever service is asked about.
    pub fn may_deny(&self, question: &Question<'_>) -> bool {
        let files = self.files().iter().filter(|file| file.tier.is_admins());
        let mut rules = files.flat_map(|file| &file.rules);
        !self.holds().held.is_empty()
            || rules.any(|rule| rule.decide == Decide::Deny && rule.fits_action(question))
    }

    fn first(&self, question: &Question<'_>) -> Option<Matched<'_>> {
        self.held(question).or_else(|| self.first_rule(question))
    }

    /// A hold is a deny that stands before all rules. It is the system's service that is held, and asking
    /// how it is does nothing to it.
    fn held(&self, question: &Question<'_>) -> Option<Matched<'_>> {
        let hold = self.holds().of(question.service)?;
        let touches = *question.action != Action::Status && question.scope == Scope::System;
        touches.then(|| Matched {
            decide: &Decide::Deny,
            tier: Tier::Admin,
            source: Source::Hold {
                path: hold.path.clone(),
                until: hold.until,
            },
            because: Some(&hold.because),
            phase: &[],
        })
    }

    fn first_rule(&self, question: &Question<'_>) -> Option<Matched<'_>> {
        self.files().iter().find_map(|file| {
            let rule = file.rules.iter().find(|rule| rule.applies(question))?;
            Some(Matched {
                decide: &rule.decide,
                tier: file.tier,
                source: Source::Rule {
                    path: file.path.clone(),
                    line: rule.line,
                },
                because: rule.because.as_deref(),
                phase: &rule.phase,
            })
        })
    }
}

/// Whether an action must wait until somebody can read the policy again: what takes a service down
/// in an upgrade, and what brings it up or round.
fn is_held(question: &Question<'_>) -> bool {
    question.phase == Phase::Upgrade
        && match question.action {
            Action::Start
            | Action::Stop
            | Action::Restart
            | Action::TryRestart
            | Action::ForceReload
            | Action::ForceStop => true,
            Action::Reload | Action::Status | Action::Other(_) => false,
        }
}

/// Whether an action must wait where holds cannot be read: somebody said no, and nobody can tell to what. Whatever a
/// package or a trigger asks may be that, as far as it interrupts a service.
fn may_be_held(question: &Question<'_>) -> bool {
    let interrupts = match question.action {
        Action::Stop
        | Action::Restart
        | Action::TryRestart
        | Action::ForceReload
        | Action::ForceStop => true,
        Action::Start | Action::Reload | Action::Status | Action::Other(_) => false,
    };
    let by_package = question.phase != Phase::None && question.scope == Scope::System;
    is_held(question) || interrupts && by_package
}

/// How a matcher and a question fit. The order matters: the smallest of several is the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    Unknown,
    Yes,
}

impl From<bool> for Fit {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

impl Rule {
    /// Whether the rule is one for this question.
    fn applies(&self, question: &Question<'_>) -> bool {
        let surely = self.fits_action(question)
            && (self.service.is_empty()
                || self.service.iter().any(|p| p.matches(question.service)));
        if !surely {
            return false;
        }
        match package(&self.package, question).min(one_of(&self.machine, question.machine)) {
            Fit::Yes => true,
            // unknown is never a no: what is not known to be allowed stays denied
            Fit::Unknown => self.decide == Decide::Deny,
            Fit::No => false,
        }
    }

    /// Whether all fits of which nothing can be unknown, the service aside.
    fn fits_action(&self, question: &Question<'_>) -> bool {
        let flagged = || self.asked.iter().any(|flag| question.asked.contains(flag));
        (self.action.is_empty() || self.action.contains(question.action))
            && (self.phase.is_empty() || self.phase.contains(&question.phase))
            && (self.init.is_empty() || self.init.contains(&question.init))
            && (self.scope.is_empty() || self.scope.contains(&question.scope))
            && (self.asked.is_empty() || flagged())
    }
}

fn one_of<T: PartialEq>(wanted: &[T], is: Option<T>) -> Fit {
    match is {
        _ if wanted.is_empty() => Fit::Yes,
        Some(is) => wanted.contains(&is).into(),
        None => Fit::Unknown,
    }
}

fn package(wanted: &[Glob], question: &Question<'_>) -> Fit {
    match question.package {
        _ if wanted.is_empty() => Fit::Yes,
        Some(name) => wanted.iter().any(|glob| glob.matches(name)).into(),
        None if question.phase == Phase::None => Fit::No,
        None => Fit::Unknown,
    }
}

#[cfg(test)]
mod tests;
