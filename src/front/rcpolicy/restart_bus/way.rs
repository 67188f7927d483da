//! The way from one bus to the next: who is connected, note it, restart the bus, wait, restart who is not back,
//! tell. Each step can be the last one of this process: the note says what is left.

use std::time::{Duration, Instant};

use super::Arguments;
use super::crossing::Crossing;
use super::settle::{Told, settle, terms};
use super::stragglers::{Asking, Deferral, Leave, Terms, leave};
use super::tell::{self, Fate};
use crate::decide::bus::{Due, Role, due, role};
use crate::domain::{BusClient, UnitFacts, UnitName};
use crate::front::perform::{Case, one_unit};
use crate::front::rcpolicy::{Ending, Failure};
use crate::init::{Depth, InitError};
use crate::ledger::{BusRestart, Ledger, LedgerError, Paying, VERSION};
use crate::observe::above::Branch;
use crate::report::console::Console;

/// Restarts the bus, or finishes a restart that was interrupted.
pub(super) fn go(
    crossing: &mut Crossing<'_>,
    arguments: &Arguments,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    match unfinished(crossing.notes, crossing.paying, console)? {
        Some(note) if arguments.dry_run => {
            console.say(format_args!(
                "a restart of {} was interrupted; {} to look after",
                note.unit,
                tell::count(note.clients.len())
            ));
            Ok(Ending::Done)
        }
        Some(note) => finish(crossing, &note, console),
        None if arguments.finish => Ok(Ending::Done),
        None => begin(crossing, arguments, console),
    }
}

fn begin(
    crossing: &mut Crossing<'_>,
    arguments: &Arguments,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let unit = crossing.unit().map_err(unreachable)?;
    if unit.is_missing() {
        return Err(Failure::NoBus(unit.asked.to_string()));
    }
    let clients = crossing.clients(&unit.id);
    let clients = clients.map_err(|error| Failure::SilentBus(unit.id.to_string(), error))?;
    console.say(format_args!(
        "{} serves {}",
        unit.id,
        tell::count(clients.len())
    ));
    let note = BusRestart {
        version: VERSION,
        life: crossing.notes.life().clone(),
        when: crossing.session.now,
        unit: unit.id.clone(),
        invocation: unit.invocation.clone(),
        grace: u64::try_from(arguments.grace.as_millis()).unwrap_or(u64::MAX),
        all: arguments.all,
        clients,
    };
    if arguments.dry_run {
        return preview(crossing, &unit, &note, console);
    }
    renew(crossing, &unit, &note, console)
}

/// Restarts the bus, where it may be, with the note in place, and looks after its clients.
fn renew(
    crossing: &mut Crossing<'_>,
    unit: &UnitFacts,
    note: &BusRestart,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let case = match permission(crossing, unit, Asking::Yes) {
        Ok(case) => case,
        Err(why) => {
            if is_untouched(unit, note) {
                // Nothing was done, and nothing is left to do.
                crossing.strike()?;
            }
            console.complain(format_args!("{} is not restarted: {why}", unit.id));
            return Ok(Ending::No);
        }
    };
    crossing.note(note)?;
    if let Err(why) = crossing.set_guard() {
        console.complain(format_args!(
            "where this is interrupted nobody but `rcpolicy flush` finishes it: {why}"
        ));
    }
    let begun = Instant::now();
    crossing.bus = None;
    if let Err(why) = crossing.renew(&case) {
        console.complain(format_args!(
            "{why}; `rcpolicy flush` looks what became of it"
        ));
        return Ok(Ending::No);
    }
    look_after(crossing, note, begun, console)
}

/// Whether the bus may be restarted. That a rule puts its restart off says nothing against one that is
/// asked for on purpose.
fn permission(
    crossing: &mut Crossing<'_>,
    unit: &UnitFacts,
    asking: Asking,
) -> Result<Case, String> {
    let terms = Terms {
        asking,
        deferral: Deferral::PassedOver,
    };
    let case = crossing.judge(unit, terms)?;
    match leave(&case) {
        Leave::Given => Ok(case),
        Leave::Later(why) | Leave::Withheld(why) => Err(why),
    }
}

/// Goes on where a restart was interrupted.
pub(super) fn finish(
    crossing: &mut Crossing<'_>,
    note: &BusRestart,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let unit = crossing.unit().map_err(unreachable)?;
    let (bus, left) = (&note.unit, tell::count(note.clients.len()));
    console.say(format_args!(
        "a restart of {bus} was interrupted; {left} to look after"
    ));
    match is_to_be_renewed(&unit, note) {
        true => renew(crossing, &unit, note, console),
        false => look_after(crossing, note, Instant::now(), console),
    }
}

/// Why only somebody who asks for it may finish what was interrupted: the bus was not restarted, or does not run.
/// It may do so on purpose by now. `None` where its clients are all that is left.
pub(super) fn left_to_somebody(
    crossing: &mut Crossing<'_>,
    note: &BusRestart,
) -> Result<Option<String>, Failure> {
    let unit = crossing.unit().map_err(unreachable)?;
    let is = match unit.is_up() {
        true => "runs as before",
        false => "does not run",
    };
    Ok(is_to_be_renewed(&unit, note).then(|| {
        format!(
            "a restart of {} was begun, and it {is}; that is left to `rcpolicy restart-bus`, or to `rcpolicy flush` by hand",
            note.unit
        )
    }))
}

/// Whether it is the bus itself that is to be brought up anew. One that does not run is not waited for: to knock at
/// its socket would start it in vain, again and again.
fn is_to_be_renewed(unit: &UnitFacts, note: &BusRestart) -> bool {
    is_untouched(unit, note) || !unit.is_up()
}

/// Whether the bus runs as it did before anything was begun.
fn is_untouched(unit: &UnitFacts, note: &BusRestart) -> bool {
    unit.is_up() && unit.invocation == note.invocation
}

/// What is noted and not finished. A damaged note is set aside: nobody can tell any more who was connected.
pub(super) fn unfinished(
    notes: &Ledger,
    paying: Option<&Paying>,
    console: &mut Console<'_>,
) -> Result<Option<BusRestart>, LedgerError> {
    match notes.bus_restart() {
        Err(error @ LedgerError::Damaged { .. }) => {
            console.complain(error);
            let aside = paying.map(|paying| notes.set_bus_restart_aside(paying));
            aside.transpose().map(|_| None)
        }
        other => other,
    }
}

/// Waits for the new bus and for its clients, restarts those who do not come back, and tells.
fn look_after(
    crossing: &mut Crossing<'_>,
    note: &BusRestart,
    begun: Instant,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    match crossing.answers() {
        Ok(()) => console.say(format_args!(
            "{} answers again after {:.1} s",
            note.unit,
            begun.elapsed().as_secs_f32()
        )),
        Err(error) => {
            console.complain(format_args!(
                "{} does not answer: {error}; `rcpolicy flush` looks after its clients once it does",
                note.unit
            ));
            return Ok(Ending::No);
        }
    }
    let grace = Duration::from_millis(note.grace);
    let missing = crossing.missing(&note.clients, &note.unit, grace);
    let missing = missing.map_err(unreachable)?;
    let mut told = settle(crossing, note, missing).map_err(unreachable)?;
    let back = |client: &&BusClient| !told.iter().any(|(other, _)| other == *client);
    let back: Vec<Told> = note
        .clients
        .iter()
        .filter(back)
        .map(|client| (client.clone(), Fate::Back))
        .collect();
    told.extend(back);
    told.sort_by_key(|(client, _)| note.clients.iter().position(|other| other == client));
    crossing.strike()?;
    Ok(tell_all(&told, console))
}

fn tell_all(told: &[Told], console: &mut Console<'_>) -> Ending {
    let mut ending = Ending::Done;
    for (client, fate) in told {
        let line = format!("{}: {}", client.name(), fate.words());
        match fate {
            Fate::NotBack(_) => {
                console.complain(line);
                ending = Ending::No;
            }
            Fate::Back | Fate::Restarted | Fate::Over(_) => console.say(line),
        }
    }
    ending
}

/// Shows who is connected and what would be done. policy-rc.d is not run.
fn preview(
    crossing: &mut Crossing<'_>,
    unit: &UnitFacts,
    note: &BusRestart,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let mut ending = Ending::Done;
    if let Err(why) = permission(crossing, unit, Asking::No) {
        console.complain(format_args!("{} would not be restarted: {why}", unit.id));
        ending = Ending::No;
    }
    let branch = Branch::observe();
    for client in &note.clients {
        let role = role(client, |unit| branch.hangs_on(unit));
        let left = match (role, &client.unit) {
            (Role::Service, Some(unit)) => withheld(crossing, unit, note),
            (Role::Service | Role::Init | Role::Spared(_) | Role::Loose(_), _) => None,
        };
        console.say(tell::planned(client, role, left.as_deref()));
    }
    Ok(ending)
}

/// Why `unit` would not be restarted, as far as the policy files tell.
fn withheld(crossing: &mut Crossing<'_>, unit: &UnitName, note: &BusRestart) -> Option<String> {
    let facts = one_unit(&mut crossing.init, unit, Depth::Relations);
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return Some(error.to_string()),
    };
    if let Due::Leave(why) = due(&facts) {
        return Some(why.to_owned());
    }
    let case = match crossing.judge(&facts, terms(note, Asking::No)) {
        Ok(case) => case,
        Err(why) => return Some(why),
    };
    match leave(&case) {
        Leave::Given => None,
        Leave::Later(why) | Leave::Withheld(why) => Some(why),
    }
}

fn unreachable(error: InitError) -> Failure {
    Failure::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ActiveState, Known};
    use crate::testing::{life, name};

    #[test]
    fn only_of_a_bus_that_was_restarted_and_runs_are_the_clients_all_that_is_left() {
        let note = BusRestart {
            version: VERSION,
            life: life(),
            when: 1,
            unit: name("dbus"),
            invocation: "before".to_owned(),
            grace: 1,
            all: false,
            clients: Vec::new(),
        };
        for (active, invocation, renewed) in [
            (ActiveState::Active, "before", true),
            (ActiveState::Active, "after", false),
            (ActiveState::Inactive, "", true),
            (ActiveState::Failed, "after", true),
        ] {
            let mut unit = UnitFacts::unknown(&name("dbus"), "not asked");
            unit.active = Known::Is(active);
            unit.invocation = invocation.to_owned();
            assert_eq!(is_to_be_renewed(&unit, &note), renewed, "{active:?}");
        }
    }
}
