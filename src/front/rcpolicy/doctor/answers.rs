//! What policy-rc.d's answers tell of it: each is compared with what its callers take it for. Pure.

use crate::decide::stock::status;
use crate::report::doctor::{Finding, Level};

const PART: &str = "policy-rc.d";
/// The service that no machine has: what is said of it is said of all that is not named.
pub(super) const NOBODY: &str = "rcpolicy-doctor";

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `foo start 2`: invoke-rc.d.
    Plain,
    /// `--quiet foo start 2`: likewise, where its caller wants no messages.
    Quiet,
    /// `foo start`: invoke-rc.d where nobody can tell the runlevel.
    NoLevel,
    /// `foo.service start`: deb-systemd-invoke.
    Unit,
    /// `foo (start) 2`: invoke-rc.d, out of the runlevel or not enabled.
    Parentheses,
    /// `--list foo 2`: people.
    List,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) form: Form,
    pub(super) service: String,
    pub(super) action: &'static str,
    /// The words as they were passed.
    pub(super) words: String,
    pub(super) status: u8,
    pub(super) stdout: String,
}

/// Whether something runs here that could be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    Runs,
    /// A chroot, or an image that is built.
    Chroot,
}

/// What is wrong with the answers.
pub(super) fn judge(heard: &[Heard], machine: Machine) -> Vec<Finding> {
    let all = [
        denies_all(heard, machine),
        allows_all_out_of_runlevel(heard),
        differing(heard, Form::Quiet),
        differing(heard, Form::Unit),
        differing(heard, Form::NoLevel),
        parentheses(heard),
        meaningless(heard),
        failing(heard),
        uncertain(heard),
        empty_list(heard),
        noise(heard),
        no_list(heard),
    ];
    all.into_iter().flatten().collect()
}

fn of(heard: &[Heard], form: Form) -> impl Iterator<Item = &Heard> {
    heard.iter().filter(move |one| one.form == form)
}

fn is_yes(status: u8) -> bool {
    matches!(status, status::YES | status::ALLOWED)
}

/// The first of those, and how many more there are.
fn example<'h>(mut those: impl Iterator<Item = &'h Heard>) -> Option<(&'h Heard, String)> {
    let first = those.next()?;
    let more = match those.count() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some((first, more))
}

fn denies_all(heard: &[Heard], machine: Machine) -> Option<Finding> {
    let mut asked = of(heard, Form::Plain).peekable();
    asked.peek()?;
    if !asked.all(|one| one.status == status::DENIED) {
        return None;
    }
    let text = "denies every start, stop and restart that was asked about";
    Some(match machine {
        Machine::Runs => Finding::new(
            Level::Problem,
            PART,
            format!("{text}: packages restart nothing on this machine"),
        )
        .advising("if it was left over from the building of an image: rm /usr/sbin/policy-rc.d"),
        Machine::Chroot => Finding::new(
            Level::Note,
            PART,
            format!("{text}, as it should be while an image is built"),
        )
        .advising("take it out before the image is booted"),
    })
}

/// original: "exit 0" is not the same as no policy-rc.d
fn allows_all_out_of_runlevel(heard: &[Heard]) -> Option<Finding> {
    let mut nobodys =
        of(heard, Form::Parentheses).filter(|one| one.service == NOBODY && one.action != "stop");
    let first = nobodys.next()?;
    (is_yes(first.status) && nobodys.all(|one| is_yes(one.status))).then(|| {
        let text = format!(
            "says yes to `{}`: what is not enabled, or not for this runlevel, is started",
            first.words
        );
        Finding::new(Level::Warning, PART, text)
            .advising("have it exit 101 where the action stands in parentheses")
    })
}

/// Whoever asks about the same in another form should hear the same.
fn differing(heard: &[Heard], form: Form) -> Option<Finding> {
    // Without a runlevel alone: a unit's name comes without one too.
    let beside = match form {
        Form::Unit => Form::NoLevel,
        _ => Form::Plain,
    };
    let pairs = of(heard, form).filter_map(|one| {
        let mut others = of(heard, beside);
        let other = others.find(|other| other.service == one.service && other.action == one.action);
        other
            .filter(|other| other.status != one.status)
            .map(|other| (one, other))
    });
    let pairs: Vec<(&Heard, &Heard)> = pairs.collect();
    let (one, other) = pairs.first()?;
    let more = match pairs.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let text = format!(
        "`{}` is {} and `{}` is {}{more}",
        other.words, other.status, one.words, one.status
    );
    Some(match form {
        Form::Quiet => Finding::new(Level::Problem, PART, text)
            .advising("it takes `--quiet` for the service: have it pass over options first"),
        Form::Unit => Finding::new(Level::Problem, PART, text).advising(
            "deb-systemd-invoke asks with the unit's name: have it take `.service` off the service",
        ),
        Form::Plain | Form::NoLevel | Form::Parentheses | Form::List => {
            Finding::new(Level::Note, PART, text)
                .advising("deb-systemd-invoke passes no runlevel, ever")
        }
    })
}

/// What is denied is not to be had by being out of the runlevel.
fn parentheses(heard: &[Heard]) -> Option<Finding> {
    let loose = of(heard, Form::Parentheses).filter(|one| {
        let mut plain = of(heard, Form::Plain);
        let denied = plain.any(|other| {
            let same = other.service == one.service && other.action == one.action;
            same && other.status == status::DENIED
        });
        denied && is_yes(one.status)
    });
    let (one, more) = example(loose)?;
    let text = format!(
        "denies {} of {} and says yes to `{}`{more}",
        one.action, one.service, one.words
    );
    Some(
        Finding::new(Level::Problem, PART, text)
            .advising("have it treat `(start)` at least as strictly as `start`"),
    )
}

/// Statuses that the protocol does not have.
fn meaningless(heard: &[Heard]) -> Option<Finding> {
    let known = |status: u8| matches!(status, 0 | 1 | 100..=106);
    let odd = heard
        .iter()
        .filter(|one| one.form != Form::List && !known(one.status));
    let (one, more) = example(odd)?;
    let hint = match one.status {
        126 | 127 => ", so that it cannot be run",
        _ => "",
    };
    let text = format!(
        "`{}` ends with {}{hint}{more}: invoke-rc.d fails then, and deb-systemd-invoke goes on",
        one.words, one.status
    );
    Some(
        Finding::new(Level::Problem, PART, text)
            .advising("see its first line, and have it exit with 0 or 101"),
    )
}

/// Statuses that end invoke-rc.d, and with it a maintainer script.
fn failing(heard: &[Heard]) -> Option<Finding> {
    let fails = |one: &&Heard| match one.status {
        // What nobody has may well be unknown.
        100 => one.service != NOBODY,
        status::ERROR | status::SYNTAX => true,
        _ => false,
    };
    let asked = heard.iter().filter(|one| one.form != Form::List);
    let (one, more) = example(asked.filter(fails))?;
    let text = format!(
        "`{}` ends with {}{more}: invoke-rc.d fails with it, and so does the package's script",
        one.words, one.status
    );
    Some(
        Finding::new(Level::Problem, PART, text)
            .advising("have it exit with 0 for what it knows nothing of, or with 101"),
    )
}

fn uncertain(heard: &[Heard]) -> Option<Finding> {
    let unsure = heard.iter().filter(|one| {
        one.form != Form::List && matches!(one.status, status::UNKNOWN | status::UNDEFINED)
    });
    let (one, more) = example(unsure)?;
    let (words, ended) = (&one.words, one.status);
    let text = format!("`{words}` ends with {ended}{more}: invoke-rc.d warns, and goes on");
    Some(Finding::new(Level::Note, PART, text))
}

fn empty_list(heard: &[Heard]) -> Option<Finding> {
    let empty = heard.iter().filter(|one| {
        one.form != Form::List && one.status == status::FALLBACK && one.stdout.trim().is_empty()
    });
    let (one, more) = example(empty)?;
    let text = format!(
        "`{}` ends with 106 and names nothing to do instead{more}",
        one.words
    );
    Some(
        Finding::new(Level::Problem, PART, text)
            .advising("have it print the actions on standard output, or exit with 101"),
    )
}

fn noise(heard: &[Heard]) -> Option<Finding> {
    let loud = heard.iter().filter(|one| {
        let silent = one.stdout.trim().is_empty();
        one.form != Form::List && one.status != status::FALLBACK && !silent
    });
    let (one, more) = example(loud)?;
    let text = format!(
        "`{}` writes to standard output, which is for lists of actions{more}",
        one.words
    );
    Some(
        Finding::new(Level::Note, PART, text).advising(
            "have it write to standard error: deb-systemd-invoke's callers read the rest",
        ),
    )
}

fn no_list(heard: &[Heard]) -> Option<Finding> {
    let (one, _) = example(of(heard, Form::List).filter(|one| one.stdout.trim().is_empty()))?;
    let text = format!("`{}` shows nothing; only people ask that", one.words);
    Some(Finding::new(Level::Note, PART, text))
}

#[cfg(test)]
mod tests;
