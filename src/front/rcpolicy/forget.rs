//! `rcpolicy forget SERVICE`: strikes an entry without doing what it promises, and says what that was.

use super::{Ending, Failure, Place};
use crate::domain::ServiceName;
use crate::ledger::{Entry, Notice};
use crate::report::console::Console;
use crate::report::pending;

/// Arguments of `rcpolicy forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service: `foo`, `foo.service`, `foo@x`.
    #[arg(value_parser = ServiceName::parse)]
    service: ServiceName,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    place.require_root("forget")?;
    let ledger = place.ledger()?;
    let mut locked = ledger.lock()?;
    let struck = locked.strike(&arguments.service)?;
    for notice in locked.notices() {
        tell(notice, console);
    }
    match struck {
        Some(entry) => {
            forgotten(&entry, console);
            Ok(Ending::Done)
        }
        None => {
            console.complain(format_args!("nothing is owed to {}", arguments.service));
            Ok(Ending::No)
        }
    }
}

fn forgotten(entry: &Entry, console: &mut Console<'_>) {
    let (service, what) = (&entry.service, pending::what(entry));
    console.say(format_args!("forgot what was owed to {service}: {what}"));
    for stopped in entry.down.iter().flat_map(|down| &down.units) {
        console.say(format_args!("{} is left as it is", stopped.unit));
    }
    if entry.held {
        console.say(format_args!("D-Bus starts of {service} may still be held"));
    }
}

fn tell(notice: &Notice, console: &mut Console<'_>) {
    match notice {
        Notice::SetAside { from, to, why } => console.complain(format_args!(
            "set damaged `{}` aside as `{to}`: {why}",
            from.display()
        )),
        Notice::Settled(entry) => console.complain(format_args!(
            "dropped what was owed to {} in an earlier life of the init",
            entry.service
        )),
    }
}
