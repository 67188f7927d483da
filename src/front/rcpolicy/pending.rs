//! `rcpolicy pending`: the ledger, as a table or as JSON. Changes nothing.

use super::{Ending, Failure, Place};
use crate::ledger::Listing;
use crate::report::console::Console;
use crate::report::pending;

/// Arguments of `rcpolicy pending`.
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
    let listing = place.ledger()?.all()?;
    if arguments.json {
        console.say(pending::json(&listing)?);
    } else {
        print(&listing, place.seconds(), console);
    }
    Ok(Ending::Done)
}

fn print(listing: &Listing, now: u64, console: &mut Console<'_>) {
    if listing.entries.is_empty() {
        console.say("nothing is owed");
    } else {
        console.say(pending::table(&listing.entries, now));
    }
    for entry in &listing.settled {
        let service = &entry.service;
        console.complain(format_args!(
            "what was owed to {service} ended with an earlier life of the init"
        ));
    }
    for trouble in &listing.troubles {
        console.complain(trouble);
    }
}
