//! `rcpolicy hold [SERVICE --until TIME --because TEXT]` and `rcpolicy unhold SERVICE`: a deny that ends
//! by itself, for all that policies judge, `--force` or not. What an admin does with the init is not judged.

use super::{Ending, Failure, PATIENCE, Place, Telling};
use crate::domain::{InitKind, ServiceName, time};
use crate::front::perform::one_unit;
use crate::init::Depth;
use crate::ledger::Entry;
use crate::observe::detect;
use crate::policy::{self, Hold, HoldStore, Keep, Roots};
use crate::report::console::Console;
use crate::report::{holds, pending};

/// Arguments of `rcpolicy hold`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service: `foo`, `foo.service`, `foo@x`. Without it, what is held is shown.
    #[arg(value_parser = ServiceName::parse, requires = "until", requires = "because")]
    service: Option<ServiceName>,
    /// When the hold ends: RFC 3339, `2026-11-22 08:00` (UTC), or how long from now: 30m, 2h, 3d.
    #[arg(long, value_name = "TIME", requires = "service")]
    until: Option<String>,
    /// Why; shown wherever the hold denies something.
    #[arg(long, value_name = "TEXT", requires = "service")]
    because: Option<String>,
    /// As one JSON document: what is held, or with a service what came of it.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Whether what it says is collected: what is held is a document of its own.
    pub(super) fn is_told_in_json(&self) -> bool {
        self.json && self.service.is_some()
    }
}

/// Arguments of `rcpolicy unhold`.
#[derive(Debug, clap::Args)]
pub(super) struct Lifted {
    /// The service, by any of its names.
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
    match (&arguments.service, &arguments.until, &arguments.because) {
        (Some(service), Some(until), Some(because)) => {
            place.require_root("hold")?;
            hold(begun(service, until, because, place)?, place, console)
        }
        (Some(_) | None, _, _) => list(arguments, place, console),
    }
}

/// The hold that was asked for, if its time is still to come.
fn begun(
    service: &ServiceName,
    until: &str,
    because: &str,
    place: &Place,
) -> Result<Hold, Failure> {
    let ends = time::parse_ahead(until, place.now)?;
    if ends <= place.now {
        return Err(Failure::Past(until.to_owned()));
    }
    if service.unit().stem().ends_with('@') {
        return Err(Failure::Template(service.to_string()));
    }
    let ends = u64::try_from(ends / 1_000_000).unwrap_or(0);
    Ok(Hold::new(service.clone(), place.seconds(), ends, because))
}

fn hold(mut hold: Hold, place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    find_aliases(&mut hold, place, console);
    let text = hold.encode()?;
    store(place).put(&hold, &text, place.seconds())?;
    let (service, until) = (&hold.service, time::minute(hold.until));
    console.say(format_args!(
        "{service} is held until {until}: packages, triggers and flushes leave it as it is; \
         `rcpolicy unhold {service}` ends that"
    ));
    Ok(Ending::Done)
}

/// A script may name a service otherwise than the admin does. Where nobody can be asked the name alone
/// is held.
fn find_aliases(hold: &mut Hold, place: &Place, console: &mut Console<'_>) {
    if detect::init_under(&place.root) != InitKind::Systemd {
        return;
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let Ok(mut systemd) = place.systemd(&policy) else {
        return;
    };
    systemd.set_wait(PATIENCE);
    let Ok(unit) = one_unit(&mut systemd, &hold.service.unit(), Depth::State) else {
        return;
    };
    let canonical = unit.id.service();
    if unit.is_missing() {
        let service = &hold.service;
        console.complain(format_args!(
            "systemd knows no {service} now; it is held all the same"
        ));
    } else if canonical != hold.service {
        hold.aliases.push(canonical);
    }
}

fn list(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let held = store(place).list(place.seconds())?;
    if arguments.json {
        console.say(holds::json(&held)?);
    } else if held.held.is_empty() {
        console.say("nothing is held");
    } else {
        console.say(holds::table(&held));
    }
    if let Some(why) = held.unreadable.filter(|_| !arguments.json) {
        console.complain(why);
    }
    Ok(Ending::Done)
}

/// Ends a hold.
pub(super) fn lift(
    arguments: &Lifted,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    place.require_root("unhold")?;
    let service = &arguments.service;
    if store(place).lift(service, place.seconds())? {
        console.say(format_args!("{service} is not held any more"));
        if let Some(entry) = owed(service, place) {
            let what = pending::what(&entry);
            console.say(format_args!(
                "it is owed: {what}; `rcpolicy flush {}` does it now",
                entry.service
            ));
        }
        return Ok(Ending::Done);
    }
    console.complain(format_args!("{service} is not held"));
    Ok(Ending::No)
}

/// What waited for the end of the hold.
fn owed(service: &ServiceName, place: &Place) -> Option<Entry> {
    let ledger = place.ledger().ok()?;
    ledger.read(service).ok()?.current()
}

fn store(place: &Place) -> HoldStore {
    HoldStore::of(&Roots::under(&place.root, Keep::No))
}
