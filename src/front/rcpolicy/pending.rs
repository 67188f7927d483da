//! `rcpolicy pending`: the ledger, as a table or as JSON. Changes nothing.

use super::{Ending, Failure, PATIENCE, Place};
use crate::decide::{Payment, payment};
use crate::domain::{Action, InitKind, Known};
use crate::init::Init;
use crate::init::systemd::Systemd;
use crate::ledger::{Entry, Ledger, Listing, merge};
use crate::observe::detect;
use crate::policy::{self, Keep, Policy, Roots};
use crate::report::console::Console;
use crate::report::pending::{self, Definition, Told};

use super::definitions;
use super::waits::Waits;

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
    let listing = ledger.all()?;
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let (ledger, listing) = match reachable(&listing, place, &policy) {
        Some(mut init) => in_this_life(ledger, &mut init)?,
        None => (ledger, listing),
    };
    let listing = with_abandoned(&ledger, listing)?;
    tell_of_bus(&ledger, console);
    let definitions = definitions(place, &policy, console);
    for Definition { service, says, .. } in &definitions {
        console.complain(format_args!("{service}: {says}"));
    }
    let shown = Shown {
        listing,
        definitions,
        waits: Waits::observe(place, policy),
    };
    shown.show(arguments, place, console)
}

/// The definitions that are not what packages brought; why some cannot be told of is complained of.
fn definitions(place: &Place, policy: &Policy, console: &mut Console<'_>) -> Vec<Definition> {
    let mut told = Vec::new();
    if !definitions::may_be_any(place) {
        return told;
    }
    for kept in definitions::all(place, policy) {
        told.extend(definitions::said_of_compiled(&kept, place, policy));
        match kept.survey() {
            Ok(found) => told.extend(found.iter().filter_map(|looked| {
                let logger = kept.is_logger_waiting(policy, &looked.service);
                definitions::said(looked, &kept.places, logger)
            })),
            Err(why) => console.complain(why),
        }
    }
    told
}

/// A restart of the bus that is under way, or was interrupted.
fn tell_of_bus(ledger: &Ledger, console: &mut Console<'_>) {
    match ledger.bus_restart() {
        Ok(None) => {}
        Ok(Some(restart)) => {
            let (bus, clients) = (&restart.unit, restart.clients.len());
            console.complain(format_args!(
                "a restart of {bus} was begun and is not finished, {clients} of its clients are to be looked after; \
                 `rcpolicy flush` finishes it"
            ));
        }
        Err(error) => console.complain(error),
    }
}

/// What a killed process left half-way is owed, although nobody has made an entry of it yet.
fn with_abandoned(ledger: &Ledger, mut listing: Listing) -> Result<Listing, Failure> {
    for undertaking in ledger.abandoned()? {
        for entry in undertaking.entries() {
            add(&mut listing, entry);
        }
    }
    Ok(listing)
}

/// The init that can tell a soft-reboot, where there is one and an entry that it could have settled.
fn reachable(listing: &Listing, place: &Place, policy: &Policy) -> Option<Systemd> {
    let dated = |entry: &Entry| entry.life.userspace.is_some() || entry.asked_at().is_some();
    let asks = listing.entries.iter().any(dated);
    let is_systemd = detect::init_under(&place.root) == InitKind::Systemd;
    let systemd = (asks && is_systemd).then(|| place.systemd(policy).ok())??;
    Some(systemd.waiting(PATIENCE))
}

/// The same as the init's own life has it; as it was where the init does not say.
fn in_this_life(ledger: Ledger, init: &mut dyn Init) -> Result<(Ledger, Listing), Failure> {
    let ledger = match init.userspace() {
        Known::Is(began) => ledger.with_userspace(began),
        Known::Unknown(_) => ledger,
    };
    let ledger = match init.userspace_since() {
        Known::Is(since) => ledger.with_userspace_since(since),
        Known::Unknown(_) => ledger,
    };
    let listing = ledger.all()?;
    Ok((ledger, listing))
}

/// All that is told.
struct Shown {
    listing: Listing,
    definitions: Vec<Definition>,
    waits: Waits,
}

impl Shown {
    fn show(
        &self,
        arguments: &Arguments,
        place: &Place,
        console: &mut Console<'_>,
    ) -> Result<Ending, Failure> {
        let listing = &self.listing;
        let tell = |entry: &Entry| Told {
            flush: flush(entry),
            waits: self.waits.of(entry),
        };
        if arguments.json {
            let opens = self.waits.shut().map(|shut| shut.opens);
            console.say(pending::json(listing, &self.definitions, opens, &tell)?);
            return Ok(Ending::Done);
        }
        if listing.entries.is_empty() {
            console.say("nothing is owed");
        } else {
            console.say(pending::table(&listing.entries, place.seconds(), &tell));
        }
        complain(listing, console);
        if let Some(why) = self.waits.shut().and_then(|shut| shut.trouble.as_ref()) {
            console.complain(why);
        }
        Ok(Ending::Done)
    }
}

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

/// What does not stand in the table.
fn complain(listing: &Listing, console: &mut Console<'_>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Who;
    use crate::testing::{Room, Watched, life, name};

    fn shown(room: &mut Room, userspace: Known<u64>) -> String {
        let place = Place {
            root: room.directory.path().to_path_buf(),
            now: 0,
            is_root: true,
        };
        let ledger = room.ledger();
        let mut init = Watched::new(&mut room.init);
        init.userspace = userspace;
        let (_, listing) = in_this_life(ledger, &mut init).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        let policy = Policy::new(crate::policy::Origin::Current, Vec::new(), Vec::new());
        let shown = Shown {
            listing,
            definitions: Vec::new(),
            waits: Waits::observe(&place, policy),
        };
        let _ = shown.show(&Arguments { json: false }, &place, &mut console);
        String::from_utf8([out, err].concat()).unwrap()
    }

    #[test]
    fn after_a_soft_reboot_nothing_is_owed_and_where_nobody_can_tell_all_still_is() {
        let mut room = Room::new();
        let mut entry = Entry::new(
            name("foo"),
            life().with_userspace(7),
            Who::default(),
            0,
            "x",
        );
        entry.kept_running = true;
        room.ledger().lock().unwrap().put(&entry).unwrap();
        for userspace in [Known::Is(7), Known::default()] {
            let text = shown(&mut room, userspace);
            assert!(text.contains("stop held"), "{text}");
        }
        let text = shown(&mut room, Known::Is(8));
        let expected = "nothing is owed\nwhat was owed to foo ended with an earlier life";
        assert!(
            text.replace("rcpolicy: ", "").starts_with(expected),
            "{text}"
        );
    }
}
