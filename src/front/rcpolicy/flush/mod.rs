//! `rcpolicy flush [SERVICE...]`: pays what the ledger holds, in one transaction where the init can, and
//! strikes what is there again. Every policy is asked anew; what may not be done stays owed, with the
//! reason, and so does what failed.

mod bringing;
mod by_init;
mod by_script;
mod compiling;
mod debt;
mod definitions;
mod families;
mod foreseen;
mod group;
mod heal;
mod kept;
mod leave;
mod look_back;
mod occasion;
mod payer;
mod promise;
mod rounds;
mod side_by_side;
mod templates;
mod together;

use std::cell::Cell;

use super::definitions::Scope;
use super::{Ending, Failure, Place, Telling, restart_bus};
use crate::domain::{Context, Known, ServiceName};
use crate::failpoint::{Point, reach};
use crate::front::local::{self, Level};
use crate::front::perform::Session;
use crate::ledger::{Entry, Ledger, LedgerError, Listing};
use crate::observe::detect;
use crate::observe::dpkg::Unconfigured;
use crate::policy::{self, Keep, Policy, Roots};
use crate::report::Voice;
use crate::report::console::Console;

pub(super) use self::definitions::is_due as is_definition_due;
pub(super) use self::occasion::{Again, Left, Occasion};
use self::payer::{Means, Payer};
use self::rounds::Rounds;

/// Arguments of `rcpolicy flush`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only these services: `foo`, `foo.service`, `foo@x`.
    #[arg(value_parser = ServiceName::parse)]
    pub(super) services: Vec<ServiceName>,
    /// Of these services no more than what a flush of all pays.
    #[arg(long, hide = true, requires = "services")]
    pub(super) among: bool,
    /// Do not ask the gate (`[flush] gate`): not in this machine's turn.
    #[arg(long)]
    pub(super) ungated: bool,
    /// At the end of dpkg's, or of apt's, run: pay what waits for it, or leave it to the waiter.
    #[arg(long, hide = true, value_name = "WHOSE", conflicts_with_all = ["services", "settled"])]
    pub(super) batch_end: Option<BatchEnd>,
    /// Be the waiter: hold off until package operations have been over for a while.
    #[arg(long, hide = true, conflicts_with = "services")]
    pub(super) settled: bool,
    /// The machine boots: only bring what was cut off to its end.
    #[arg(long, hide = true, conflicts_with_all = ["services", "settled", "batch_end"])]
    pub(super) boot: bool,
    #[command(flatten)]
    pub(super) telling: Telling,
}

/// Whose run is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum BatchEnd {
    /// dpkg's, which processes our package's trigger.
    Trigger,
    /// apt's, which calls its hook.
    Apt,
}

/// What is due on `occasion`, with what processes left behind that were killed.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn due(ledger: &Ledger, occasion: Occasion<'_>) -> Result<Vec<Entry>, LedgerError> {
    let left_behind = ledger.abandoned()?.into_iter();
    let mut due = ledger.all()?.entries;
    due.extend(left_behind.flat_map(|undertaking| undertaking.entries()));
    due.retain(|entry| occasion.pays(entry) || occasion.heals(entry));
    Ok(due)
}

/// Whether somebody has to do something at a batch's end: pay, or finish the restart of a bus. What
/// cannot be read may be due; paying it tells.
pub(super) fn is_anything_due(ledger: &Ledger) -> bool {
    is_bus_unfinished(ledger) || due(ledger, Occasion::BatchEnd).map_or(true, |due| !due.is_empty())
}

/// Whether the restart of a bus was begun and not finished: every flush of all that is due goes on with it.
pub(super) fn is_bus_unfinished(ledger: &Ledger) -> bool {
    matches!(ledger.bus_restart(), Ok(Some(_)))
}

/// Pays what is due on `occasion`.
///
/// # Errors
/// When nothing could be paid at all: not root, no running init, a ledger that cannot be used, or
/// somebody else is at it.
pub(super) fn pay(
    occasion: Occasion<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    place.require_root("flush")?;
    let ledger = place.ledger()?;
    let paying = ledger.begin_paying()?;
    reach(Point::Paying);
    let bus = (occasion.is_of_all())
        .then(|| restart_bus::finish((&ledger, &paying), occasion, place, console));
    let here = definitions::Occurrence {
        ledger: &ledger,
        occasion,
        place,
    };
    let scope = match occasion.is_only_down() {
        true => Scope::CutOff,
        false => Scope::All,
    };
    let brought = definitions::bring(here, scope, console)?;
    // Nobody is told that nothing is owed who did not ask, or was told something else.
    let silent = brought.is_some() || occasion.is_batch_end();
    let nothing = silent && ledger.abandoned()?.is_empty() && is_empty(&ledger.all()?);
    let mut left = match nothing {
        true => Left::NOTHING,
        false => pay_entries(ledger, occasion, place, console)?,
    };
    if let Some(again) = bus.flatten() {
        left.keep(again);
    }
    left.join(brought.unwrap_or(Left::NOTHING));
    Ok(left)
}

/// Brings what was cut off of updates of definitions to its end, and pays nothing: at boot, when an outage of
/// power may have left services down that only this brings back.
///
/// # Errors
/// As [`pay`].
pub(super) fn finish_cut_off(place: &Place, console: &mut Console<'_>) -> Result<Left, Failure> {
    place.require_root("flush")?;
    let ledger = place.ledger()?;
    let _paying = ledger.begin_paying()?;
    let here = definitions::Occurrence {
        ledger: &ledger,
        occasion: Occasion::BatchEnd,
        place,
    };
    let brought = definitions::bring(here, Scope::CutOff, console)?;
    Ok(brought.unwrap_or(Left::NOTHING))
}

/// A flush's session.
fn session(ledger: Ledger, policy: Policy, place: &Place) -> Session {
    Session {
        ledger: Some(ledger),
        log: place.log(),
        now: place.seconds(),
        began: crate::init::monotonic(),
        context: Context::default(),
        voice: Voice::new("rcpolicy"),
        policy,
    }
}

/// Whoever pays in `session`, by the clock of `means`.
fn payer<'a>(
    session: Session,
    means: &mut Means<'_>,
    place: &'a Place,
) -> Result<Payer<'a>, Failure> {
    let clock = means.clock().unwrap_or(session.began);
    Ok(Payer {
        session: Session {
            began: clock,
            ..session
        },
        unconfigured: Unconfigured::under(&place.root)?,
        place,
        level: level(means, place),
        clock: Cell::new(clock),
    })
}

/// Pays what services are owed.
fn pay_entries(
    ledger: Ledger,
    occasion: Occasion<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    if ledger.abandoned()?.is_empty() && is_empty(&ledger.all()?) {
        console.say("nothing is owed");
        return Ok(Left::NOTHING);
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let kind = detect::init_under(&place.root);
    let mut init = place.init(kind, &policy)?;
    let means = match &mut init {
        Some(init) => Means::Init(init.as_mut()),
        None => Means::Scripts(kind),
    };
    let session = session(ledger, policy, place);
    flush(session, means, occasion, place, console)
}

/// Pays with the `means` of the machine.
fn flush(
    session: Session,
    mut means: Means<'_>,
    occasion: Occasion<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    let Some(ledger) = session.ledger.clone() else {
        return Err(Failure::NoLife);
    };
    let ledger = in_this_life(ledger, &mut means);
    for entry in adopt(&ledger)? {
        console.say(format_args!("{}: {}", entry.service, entry.because));
    }
    let session = Session {
        ledger: Some(ledger.clone()),
        ..session
    };
    let mut left = Left::NOTHING;
    if let Means::Init(init) = &mut means {
        templates::expand(&session, *init, &mut left, console);
    }
    let listing = ledger.all()?;
    if is_empty(&listing) {
        console.say("nothing is owed");
        return Ok(Left::NOTHING);
    }
    if settle(&ledger, &listing, &mut means, console)? != Ending::Done {
        left.keep(Again::No);
    }
    let payer = payer(session, &mut means, place)?;
    for name in occasion.named() {
        if !listing.entries.iter().any(|entry| entry.service == *name) {
            console.complain(format_args!("nothing is owed to {name}"));
        }
    }
    for trouble in &listing.troubles {
        console.complain(trouble);
        left.keep(Again::No);
    }
    let entries = listing.entries.into_iter();
    let is_due = |entry: &Entry| {
        let due = occasion.pays(entry) || occasion.heals(entry);
        due && !entry.unit.is_template()
    };
    let due = entries.filter(is_due).collect();
    let rounds = Rounds::new(&payer, occasion, left, console);
    Ok(rounds.pay(&mut means, due))
}

/// Makes entries of what killed processes left half-way.
fn adopt(ledger: &Ledger) -> Result<Vec<Entry>, LedgerError> {
    if ledger.abandoned()?.is_empty() {
        return Ok(Vec::new());
    }
    ledger.lock()?.adopt()
}

fn is_empty(listing: &Listing) -> bool {
    listing.entries.is_empty() && listing.settled.is_empty() && listing.troubles.is_empty()
}

/// A soft-reboot is another life that only the init can tell.
fn in_this_life(ledger: Ledger, means: &mut Means<'_>) -> Ledger {
    match means {
        Means::Init(init) => {
            let Known::Is(began) = init.userspace() else {
                return ledger;
            };
            let ledger = ledger.with_userspace(began);
            match init.userspace_since() {
                Known::Is(since) => ledger.with_userspace_since(since),
                Known::Unknown(_) => ledger,
            }
        }
        Means::Scripts(_) => ledger,
    }
}

/// The runlevel as invoke-rc.d takes it.
fn level(means: &mut Means<'_>, place: &Place) -> Option<Level> {
    match means {
        Means::Init(init) => local::level(&place.root, init.kind(), *init).ok(),
        Means::Scripts(_) => Some(local::level_without_init(&place.root)),
    }
}

/// What another life left behind is settled, once the holds it put in place are away.
fn settle(
    ledger: &Ledger,
    listing: &Listing,
    means: &mut Means<'_>,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let mut ending = Ending::Done;
    for entry in listing.settled.iter().filter(|entry| entry.held) {
        if let Means::Init(init) = means
            && let Err(error) = init.release(&entry.unit)
        {
            let service = &entry.service;
            console.complain(format_args!(
                "D-Bus starts of {service} are still held: {error}"
            ));
            ending = Ending::No;
        }
    }
    if ending == Ending::Done && !listing.settled.is_empty() {
        for entry in ledger.lock()?.settle()? {
            console.say(format_args!(
                "{}: settled: it was owed in an earlier life of the init",
                entry.service
            ));
        }
    }
    Ok(ending)
}

#[cfg(test)]
mod tests;
