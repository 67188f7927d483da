//! `rcpolicy check`: every problem of every policy file at once. Changes nothing.

use super::{Ending, Failure, Place};
use crate::policy::{self, Keep, Problem, Roots};
use crate::report::console::Console;
use crate::report::problems;

/// Arguments of `rcpolicy check`.
#[derive(Debug, clap::Args)]
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
    let found = policy::check(&Roots::under(&place.root, Keep::No));
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
