//! `rcpolicy forget SERVICE`: strikes an entry without doing what it promises, and says what that was.
//! Only a hold on D-Bus calls is taken away: nobody would know of it afterwards.

use super::{Ending, Failure, PATIENCE, Place, Telling};
use crate::domain::ServiceName;
use crate::init::Init;
use crate::ledger::{Entry, Reading};
use crate::policy::{self, Keep, Roots};
use crate::report::console::Console;
use crate::report::pending;

/// Arguments of `rcpolicy forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service: `foo`, `foo.service`, `foo@x`.
    #[arg(value_parser = ServiceName::parse)]
    service: ServiceName,
    #[command(flatten)]
    pub(super) telling: Telling,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    place.require_root("forget")?;
    let ledger = place.ledger()?;
    let held = match ledger.read(&arguments.service)? {
        // What another life of the init left behind may still be held.
        Reading::Current(entry) | Reading::Settled(entry) => Some(entry).filter(|entry| entry.held),
        Reading::Nothing => None,
    };
    if let Some(entry) = held {
        match release(&entry, place) {
            Ok(()) => console.say(format_args!(
                "D-Bus calls can start {} again",
                entry.service
            )),
            Err(error) => console.complain(format_args!(
                "D-Bus starts of {} may still be held: {error}",
                entry.service
            )),
        }
    }
    let mut locked = ledger.lock()?;
    let struck = locked.strike(&arguments.service)?;
    for notice in locked.notices() {
        console.complain(notice);
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

fn release(entry: &Entry, place: &Place) -> Result<(), Failure> {
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let mut systemd = place.systemd(&policy)?;
    systemd.set_wait(PATIENCE);
    let released = systemd.release(&entry.unit);
    released.map_err(|error| Failure::Unreachable(error.to_string()))
}

fn forgotten(entry: &Entry, console: &mut Console<'_>) {
    let (service, what) = (&entry.service, pending::what(entry));
    console.say(format_args!("forgot what was owed to {service}: {what}"));
    for stopped in entry.down.iter().flat_map(|down| &down.units) {
        console.say(format_args!("{} is left as it is", stopped.unit));
    }
}
