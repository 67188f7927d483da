//! `rcpolicy pending`: the ledger, as a table or as JSON. Changes nothing.

use super::{Ending, Failure, Place};
use crate::decide::{Payment, payment};
use crate::domain::Action;
use crate::ledger::{Entry, Listing, merge};
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
    let ledger = place.ledger()?;
    let mut listing = ledger.all()?;
    for undertaking in ledger.abandoned()? {
        undertaking
            .entries()
            .into_iter()
            .for_each(|entry| add(&mut listing, entry));
    }
    if arguments.json {
        console.say(pending::json(&listing, flush)?);
    } else {
        print(&listing, place.seconds(), console);
    }
    Ok(Ending::Done)
}

/// What a killed process left half-way is owed, although nobody has made an entry of it yet.
fn add(listing: &mut Listing, entry: Entry) {
    let noted = listing
        .entries
        .iter()
        .position(|noted| noted.service == entry.service);
    match noted.map(|index| listing.entries.remove(index)) {
        Some(noted) => listing.entries.push(merge(noted, entry)),
        None => listing.entries.push(entry),
    }
    listing.entries.sort_by(|a, b| a.service.cmp(&b.service));
}

fn print(listing: &Listing, now: u64, console: &mut Console<'_>) {
    if listing.entries.is_empty() {
        console.say("nothing is owed");
    } else {
        console.say(pending::table(&listing.entries, now, flush));
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

/// What `rcpolicy flush` would do about an entry, as far as policies and the machine let it.
fn flush(entry: &Entry) -> String {
    let back: Vec<&str> = entry
        .down
        .iter()
        .flat_map(|down| &down.units)
        .map(|stopped| stopped.unit.as_str())
        .collect();
    match payment(entry) {
        Payment::Nothing => "strike it".to_owned(),
        Payment::NextStart => "leave it to the next start".to_owned(),
        Payment::Act(action @ (Action::Start | Action::Restart)) if !back.is_empty() => {
            format!("{action}, and start {}", back.join(" "))
        }
        Payment::Act(action) => action.to_string(),
    }
}
