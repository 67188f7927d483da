//! `rcpolicy doctor`: what is wrong on this machine with all that rcpolicy lives among, and what to do about
//! it. It changes nothing; policy-rc.d is run, as its callers run it, for nothing else tells what it says.

mod answers;
mod asking;
mod debts;
mod hooks;
mod init;
mod leftover;
mod places;
mod tools;

use super::{Ending, Failure, Place};
use crate::observe::bypass;
use crate::policy::{self, Keep, Mode, Policy, Roots};
use crate::report::console::Console;
use crate::report::doctor::{self, Finding, Level};

/// What the exit statuses mean, for those who watch machines.
const STATUSES: &str = "\
Exit status:
  0  nothing is wrong
  1  a warning: something that may be meant so
  2  a problem
  3  the result could not be written
  What could not be looked at, as by others than root, is named and changes none of these.

Examples:
  rcpolicy doctor                           all, the worst first, and what to do about it
  rcpolicy doctor --json                    for a program";

/// Arguments of `rcpolicy doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUSES)]
pub(super) struct Arguments {
    /// As one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let findings = examine(place, &policy);
    match arguments.json {
        true => console.say(doctor::json(&findings)?),
        false => console.say(doctor::text(&findings)),
    }
    Ok(match doctor::worst(&findings) {
        Level::Fine | Level::Note | Level::Unknown => Ending::Done,
        Level::Warning => Ending::No,
        Level::Problem => Ending::Problems,
    })
}

fn examine(place: &Place, policy: &Policy) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(of_policy(place, policy));
    found.extend(asking::examine(place, policy));
    found.extend(tools::examine(place));
    found.extend(places::examine(place));
    found.extend(debts::examine(place));
    found.extend(hooks::examine(place));
    found.push(init::examine(place, policy));
    found
}

/// The policy files, and whether they are gone by.
fn of_policy(place: &Place, policy: &Policy) -> Vec<Finding> {
    let problems = policy::check(&Roots::under(&place.root, Keep::No));
    let mut found: Vec<Finding> = problems
        .iter()
        .map(|problem| {
            let level = match problem.is_error() {
                true => Level::Problem,
                false => Level::Warning,
            };
            Finding::new(level, "policy", problem.to_string())
                .advising("`rcpolicy check` shows the line")
        })
        .collect();
    if found.is_empty() {
        found.push(Finding::new(Level::Fine, "policy", "the files read well"));
    }
    if place.path(bypass::DIRECTORY).join(bypass::NAME).exists() {
        let text = "the bypass is on: every call goes to the stock tools";
        found.push(
            Finding::new(Level::Warning, "policy", text).advising("`rcpolicy bypass off` ends it"),
        );
    }
    if policy.settings().mode == Mode::Observe {
        let text = "observe mode: the stock tools act, rcpolicy only watches";
        found.push(
            Finding::new(Level::Warning, "policy", text)
                .advising("take `mode = \"observe\"` out of the policy files to end it"),
        );
    }
    found
}

/// What an error means: others than root may not look at everything.
fn unseen(place: &Place, part: &'static str, text: String) -> Finding {
    match place.is_root {
        true => Finding::new(Level::Problem, part, text),
        false => {
            Finding::new(Level::Unknown, part, text).advising("run it as root to have it looked at")
        }
    }
}

/// policy-rc.d of the machine in question, with the limits that the tools give it.
fn helper(place: &Place, policy: &Policy) -> crate::observe::helper::Helper {
    let helper = crate::front::perform::helper(policy);
    let path = place.path(&helper.path).display().to_string();
    crate::observe::helper::Helper { path, ..helper }
}
