//! `rcpolicy check`: every problem of every policy file at once. Changes nothing.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Ending, Failure, Place};
use crate::policy::{self, Keep, Problem, Roots, Tier};
use crate::report::console::Console;
use crate::report::problems;

/// Arguments of `rcpolicy check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Directories of policy files, in place of the machine's own. Files may belong to you.
    directories: Vec<PathBuf>,
    /// Whose files they are judged as: the admin's, the admin's until the next boot, a package's.
    #[arg(long, value_enum, default_value_t = Owner::Etc, requires = "directories")]
    tier: Owner,
    /// As one JSON document.
    #[arg(long)]
    json: bool,
}

/// The directory that a policy file lies in says what it may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Owner {
    /// /etc/rcpolicy/policy.d
    Etc,
    /// /run/rcpolicy/policy.d
    Run,
    /// /usr/lib/rcpolicy/policy.d
    Lib,
}

impl Owner {
    fn tier(self) -> Tier {
        match self {
            Self::Etc => Tier::Admin,
            Self::Run => Tier::Runtime,
            Self::Lib => Tier::Vendor,
        }
    }
}

fn found(arguments: &Arguments, place: &Place) -> Vec<Problem> {
    if arguments.directories.is_empty() {
        return policy::check(&Roots::under(&place.root, Keep::No));
    }
    let owner = nix::unistd::geteuid().as_raw();
    let tier = arguments.tier.tier();
    let directories = arguments.directories.iter();
    directories
        .flat_map(|directory| policy::check_directory(directory, tier, owner))
        .collect()
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let found = found(arguments, place);
    if arguments.json {
        console.say(json(&found)?);
    } else {
        print(&found, console);
    }
    // A warning breaks nothing.
    Ok(if found.iter().any(Problem::is_error) {
        Ending::No
    } else {
        Ending::Done
    })
}

fn print(found: &[Problem], console: &mut Console<'_>) {
    let mut text = Vec::new();
    // Writing into memory cannot fail.
    let _ = problems::render(&mut text, found);
    match String::from_utf8_lossy(&text).trim_end() {
        "" => console.say("the policy has no problems"),
        text => console.say(text),
    }
}

fn json(found: &[Problem]) -> Result<String, serde_json::Error> {
    let one = |problem: &Problem| {
        serde_json::json!({
            "severity": if problem.is_error() { "error" } else { "warning" },
            "path": problem.path,
            "line": problem.place.as_ref().map(|place| place.line),
            "column": problem.place.as_ref().map(|place| place.column),
            "message": problem.message,
        })
    };
    let problems: Vec<_> = found.iter().map(one).collect();
    serde_json::to_string_pretty(&serde_json::json!({"version": 1, "problems": problems}))
}
