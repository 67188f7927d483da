//! What becomes of clients that did not come back: restarted where that is right and allowed, all of them at once,
//! and looked for once more.

use std::time::Duration;

use super::crossing::{Crossing, Missing, still_runs};
use super::stragglers::{Asking, Deferral, Leave, Terms, leave};
use super::tell::{self, Fate};
use crate::decide::bus::{Due, Role, due, role};
use crate::domain::{BusClient, Scope};
use crate::front::perform::{Case, one_unit};
use crate::init::{Depth, InitError};
use crate::ledger::BusRestart;
use crate::observe::above::Branch;

/// A client and what became of it.
pub(super) type Told = (BusClient, Fate);

/// What becomes of those who did not come back: restarted where that is right and allowed.
pub(super) fn settle(
    crossing: &mut Crossing<'_>,
    note: &BusRestart,
    missing: Vec<Missing>,
) -> Result<Vec<Told>, InitError> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let branch = Branch::observe();
    let (mut told, mut cases, mut restarted) = (Vec::new(), Vec::new(), Vec::new());
    for (client, lack) in missing {
        match fate_or_case(crossing, &client, &branch, note) {
            Ok(case) => {
                cases.push(case);
                restarted.push(client);
            }
            Err(Fate::NotBack(why)) => {
                let why = format!("{}; {why}", tell::lacks(&lack));
                told.push((client, Fate::NotBack(why)));
            }
            Err(fate) => told.push((client, fate)),
        }
    }
    told.extend(restart(crossing, note, cases, restarted)?);
    Ok(told)
}

/// What is decided about a client that is not back: its restart, or what else becomes of it.
fn fate_or_case(
    crossing: &mut Crossing<'_>,
    client: &BusClient,
    branch: &Branch,
    note: &BusRestart,
) -> Result<Case, Fate> {
    let unit = match (role(client, |unit| branch.hangs_on(unit)), &client.unit) {
        (Role::Service, Some(unit)) => unit,
        (Role::Loose(_), _) if !still_runs(client) => {
            return Err(Fate::Over("it has ended".to_owned()));
        }
        (Role::Init, _) => return Err(Fate::NotBack("the init is never restarted".to_owned())),
        (Role::Spared(why) | Role::Loose(why), _) => {
            return Err(Fate::NotBack(format!("it cannot be restarted: {why}")));
        }
        (Role::Service, None) => return Err(Fate::NotBack("it has no unit".to_owned())),
    };
    let unit = one_unit(&mut crossing.init, unit, Depth::Relations)
        .map_err(|error| Fate::NotBack(error.to_string()))?;
    match due(&unit) {
        Due::Nothing(why) => return Err(Fate::Over(why.to_owned())),
        Due::Leave(why) => return Err(Fate::NotBack(why.to_owned())),
        Due::Restart => {}
    }
    let case = crossing.judge(&unit, terms(note, Asking::Yes));
    let case = case.map_err(Fate::NotBack)?;
    match leave(&case) {
        Leave::Given => Ok(case),
        Leave::Later(why) => Err(Fate::NotBack(put_off(crossing, case, &why))),
        Leave::Withheld(why) => Err(Fate::NotBack(format!("it is not restarted: {why}"))),
    }
}

/// A restart that a rule puts off goes onto the ledger, as any does; users' managers have none.
fn put_off(crossing: &mut Crossing<'_>, case: Case, why: &str) -> String {
    let unit = &case.facts.unit.id;
    let text = format!("its restart is put off: {why}; `systemctl restart {unit}` does it now");
    if crossing.scope == Scope::User {
        return text;
    }
    drop(crossing.restart(&mut [case]));
    text
}

pub(super) fn terms(note: &BusRestart, asking: Asking) -> Terms {
    let deferral = match note.all {
        true => Deferral::PassedOver,
        false => Deferral::Heeded,
    };
    Terms { asking, deferral }
}

/// Restarts `clients`, as their `cases` say, and waits for them once more.
fn restart(
    crossing: &mut Crossing<'_>,
    note: &BusRestart,
    mut cases: Vec<Case>,
    clients: Vec<BusClient>,
) -> Result<Vec<Told>, InitError> {
    if clients.is_empty() {
        return Ok(Vec::new());
    }
    let failures = crossing.restart(&mut cases);
    let grace = Duration::from_millis(note.grace);
    let missing = crossing.missing(&clients, &note.unit, grace)?;
    let fate = |client: &BusClient, failure: Option<String>| {
        let lacks = missing.iter().find(|(other, _)| other == client);
        match (lacks, failure) {
            // However it came about, it is there again.
            (None, _) => Fate::Restarted,
            (Some((_, lack)), None) => {
                let lacks = tell::lacks(lack);
                Fate::NotBack(format!("{lacks}, after a restart too"))
            }
            (Some((_, lack)), Some(why)) => {
                let lacks = tell::lacks(lack);
                Fate::NotBack(format!("{lacks}, and its restart failed: {why}"))
            }
        }
    };
    let pairs = clients.into_iter().zip(failures);
    Ok(pairs
        .map(|(client, failure)| {
            let fate = fate(&client, failure);
            (client, fate)
        })
        .collect())
}
