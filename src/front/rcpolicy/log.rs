//! `rcpolicy log`: the decisions, filtered, as lines for humans or as the JSON lines they are.

use super::{Ending, Failure, Place};
use crate::domain::ServiceName;
use crate::report::console::Console;
use crate::report::log::{self, Filter, LogLine, Passed};
use crate::report::plain::one_line;
use crate::report::time;

/// How many damaged lines are named; the rest is counted.
const NAMED: usize = 5;

/// Arguments of `rcpolicy log`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only what this package's scripts asked for.
    #[arg(long)]
    package: Option<String>,
    /// Only what concerns this service.
    #[arg(long, value_parser = ServiceName::parse)]
    service: Option<ServiceName>,
    /// Not before: RFC 3339, `2026-11-21 03:00` (UTC), or how long ago: 30m, 2h, 3d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Not after.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let filter = filter(arguments, place)?;
    let directory = place.path(log::DIRECTORY);
    let passed = log::read(&directory, &filter, &mut |line| {
        console.say(text(line, arguments.json));
    })?;
    warn(&passed, console);
    Ok(Ending::Done)
}

fn filter(arguments: &Arguments, place: &Place) -> Result<Filter, Failure> {
    let moment = |text: &Option<String>| {
        let parsed = text.as_deref().map(|text| time::parse(text, place.now));
        parsed.transpose()
    };
    Ok(Filter {
        package: arguments.package.clone(),
        service: arguments.service.clone(),
        since: moment(&arguments.since)?,
        until: moment(&arguments.until)?,
    })
}

fn text(line: &LogLine, json: bool) -> String {
    if json {
        // A line that was read can be written.
        return serde_json::to_string(line).unwrap_or_default();
    }
    let package = line.context.package.as_deref().unwrap_or("-");
    let front = line.front.as_str();
    one_line(&format!(
        "{} {package} {front} {}",
        line.time,
        line.summary()
    ))
}

fn warn(passed: &Passed, console: &mut Console<'_>) {
    for (path, number, why) in passed.damaged.iter().take(NAMED) {
        let path = path.display();
        console.complain(format_args!("skipped damaged line {path}:{number}: {why}"));
    }
    if passed.damaged.len() > NAMED {
        let count = passed.damaged.len();
        console.complain(format_args!("skipped {count} damaged lines in all"));
    }
    for path in &passed.compressed {
        let path = path.display();
        console.complain(format_args!(
            "`{path}` is compressed and was not read: try zcat"
        ));
    }
}
