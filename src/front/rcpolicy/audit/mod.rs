//! `rcpolicy audit`: packages read as dpkg will run them, and what was found told in the form that was
//! asked for. Nothing of a package is run, and nothing is written but the report that was asked for.

mod arguments;
mod asking;
mod failure;
mod outputs;
mod printer;
mod progress;

use super::look::look;
use super::{Ending, Failure};
use crate::audit::audited::Line;
use crate::audit::check::{self, Tie};
use crate::audit::many::asked::Asked;
use crate::audit::many::kept::Kept;
use crate::audit::many::merged::Merged;
use crate::audit::many::{self, Go};
use crate::audit::show::about::About;
use crate::audit::show::people;
use crate::report::console::Console;
use asking::Asking;
use outputs::Outputs;

pub(super) use arguments::Arguments;
pub(super) use failure::AuditFailure;

/// What all outputs say of the checks.
fn abouts() -> Vec<About<'static>> {
    let about = |check: &'static check::Check| About {
        id: check.id,
        title: check.title,
        severity: check.severity,
        explanation: check.explanation,
        change: check.change,
    };
    check::TABLE.iter().map(about).collect()
}

pub(super) fn run(arguments: &Arguments, console: &mut Console<'_>) -> Result<Ending, Failure> {
    let abouts = abouts();
    if arguments.list {
        console.hand_out(&people::list(&abouts, look()));
        return Ok(Ending::Done);
    }
    if let Some(id) = &arguments.explain {
        let found = abouts.iter().find(|about| about.id == id);
        let about = found.ok_or_else(|| AuditFailure::NoCheck(id.clone()))?;
        console.hand_out(&people::explanation(about, look()));
        return Ok(Ending::Done);
    }
    Ok(match arguments.merge {
        true => merge(arguments, &abouts, console)?,
        false => audit(arguments, &abouts, console)?,
    })
}

fn merge(
    arguments: &Arguments,
    abouts: &[About<'_>],
    console: &mut Console<'_>,
) -> Result<Ending, AuditFailure> {
    let merged = Merged::of(&arguments.packages)?;
    let all = merged.len();
    let mut outputs = Outputs::open(arguments, abouts, None, console)?;
    outputs.expect(all, u64::try_from(all).unwrap_or(0));
    merged.each(|line| outputs.take(vec![line], 1))?;
    outputs.finish()
}

fn audit(
    arguments: &Arguments,
    abouts: &[About<'_>],
    console: &mut Console<'_>,
) -> Result<Ending, AuditFailure> {
    let mut asking = Asking::of(arguments)?;
    let mut all = asking.all(arguments)?;
    if arguments.together {
        let ties = |asked: &Asked| asking.ties(asked);
        let mut found = Vec::new();
        let gather = |some: Vec<Tie>| {
            found.extend(some);
            Go::On
        };
        many::each(&all, arguments.jobs(), ties, gather).map_err(AuditFailure::Thread)?;
        asking.bind(found);
    }
    let kept = arguments.into.as_deref().map(Kept::open).transpose()?;
    if let Some(kept) = &kept {
        all.retain(|asked| !kept.has(&asking.input(asked)));
    }
    let weights = all.iter().map(Asked::weight).sum();
    let mut outputs = Outputs::open(arguments, abouts, kept, console)?;
    outputs.expect(all.len(), weights);
    let work = |asked: &Asked| (asking.audit(asked), asked.weight());
    let take = |(lines, weight): (Vec<Line>, u64)| -> Go { outputs.take(lines, weight) };
    many::each(&all, arguments.jobs(), work, take).map_err(AuditFailure::Thread)?;
    outputs.finish()
}
