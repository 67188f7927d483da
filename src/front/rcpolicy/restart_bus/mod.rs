//! `rcpolicy restart-bus [--user]`: restarts a message bus on purpose, waits for its clients, and restarts
//! those that do not come back. Who is to be looked after is noted down before the bus goes; the next call,
//! or `rcpolicy flush`, finishes what was interrupted.

mod crossing;
mod guard;
mod settle;
mod stragglers;
mod tell;
mod users;
mod way;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::SIGHUP;

use super::flush::{Again, Occasion};
use super::{Ending, Failure, Place, Telling};
use crate::domain::{Context, InitKind, Scope};
use crate::front::local;
use crate::front::perform::Session;
use crate::front::spoken::Spoken;
use crate::init::bus::BusAddress;
use crate::ledger::{Ledger, Paying};
use crate::observe::detect;
use crate::policy::{self, Keep, Policy, Roots, positive_duration};
use crate::report::Voice;
use crate::report::console::Console;

use self::crossing::Crossing;

/// How long clients may take to come back by themselves where nobody says.
const GRACE: &str = "10s";

/// Arguments of `rcpolicy restart-bus`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The sessions' buses in place of the system's: as root those of all users whose managers run,
    /// otherwise our own.
    #[arg(long)]
    user: bool,
    /// For so long a client may take to come back by itself before it is restarted.
    #[arg(long, value_name = "TIME", default_value = GRACE, value_parser = positive_duration)]
    grace: Duration,
    /// Restart also what rules put off, until a reboot for one. A deny stands.
    #[arg(long)]
    all: bool,
    /// Show who is connected and what would be done. Changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Finish what is unfinished once nobody else is at it, and begin nothing: the guard of another
    /// process.
    #[arg(long, hide = true)]
    finish: bool,
    /// Become this user first: how root restarts a user's bus.
    #[arg(long, value_name = "UID", hide = true, requires = "user")]
    become_user: Option<u32>,
    #[command(flatten)]
    pub(in crate::front::rcpolicy) telling: Telling,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let kind = detect::init_under(&place.root);
    if kind != InitKind::Systemd {
        return Err(Failure::NoClients(kind.as_str()));
    }
    // The terminal may go away with the bus; what was begun is brought to its end all the same.
    let _ = signal_hook::flag::register(SIGHUP, Arc::new(AtomicBool::new(false)));
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    if let Some(uid) = arguments.become_user {
        users::become_user(uid, place, &policy)?;
    }
    match (arguments.user, arguments.become_user) {
        (false, _) => {
            place.require_root("restart-bus")?;
            let ledger = place.ledger()?;
            let paying = arguments.right(&ledger)?;
            let mut crossing = of_system(&ledger, paying.as_ref(), policy, place)?;
            way::go(&mut crossing, arguments, console)
        }
        (true, None) if place.is_root && !arguments.finish => {
            users::all(arguments, &policy, place, console)
        }
        (true, _) => users::own(policy, arguments, place, console),
    }
}

/// Finishes a restart of the system's bus that was interrupted. What goes wrong is said: it keeps nobody from paying
/// what else is owed. Where `occasion` has nobody stand by, no bus is touched: it is a bus that was restarted whose
/// clients are looked after. `None` where nothing is left; else whether a later try is worth while.
pub(super) fn finish(
    (ledger, paying): (&Ledger, &Paying),
    occasion: Occasion<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Option<Again> {
    let unfinished = way::unfinished(ledger, Some(paying), console);
    let finished = unfinished.map_err(Failure::from).and_then(|note| {
        let Some(note) = note else {
            return Ok(None);
        };
        let policy = policy::load(&Roots::under(&place.root, Keep::No));
        let mut crossing = of_system(ledger, Some(paying), policy, place)?;
        if occasion.is_batch_end()
            && let Some(why) = way::left_to_somebody(&mut crossing, &note)?
        {
            console.complain(why);
            return Ok(Some(Again::No));
        }
        let ending = way::finish(&mut crossing, &note, console)?;
        Ok((ending != Ending::Done).then(|| again(ledger)))
    });
    finished.unwrap_or_else(|failure| {
        console.complain(&failure);
        Some(again(ledger))
    })
}

/// As long as the note stays there is something to come back to.
fn again(ledger: &Ledger) -> Again {
    match ledger.bus_restart() {
        Ok(None) => Again::No,
        Ok(Some(_)) | Err(_) => Again::Later,
    }
}

fn of_system<'a>(
    ledger: &'a Ledger,
    paying: Option<&'a Paying>,
    policy: Policy,
    place: &Place,
) -> Result<Crossing<'a>, Failure> {
    let wait = policy.settings().init_wait;
    let voice = Voice::new("rcpolicy");
    let mut init = (place.systemd(&policy)?.without_bus())
        .waiting(wait)
        .watched_by(Rc::new(Spoken(voice.clone())));
    let level = local::level(&place.root, InitKind::Systemd, &mut init).ok();
    Ok(Crossing {
        address: BusAddress::system(),
        scope: Scope::System,
        limit: wait,
        level: level.and_then(|level| level.name),
        session: Session {
            ledger: Some(ledger.clone()),
            log: place.log(),
            now: place.seconds(),
            began: crate::init::monotonic(),
            context: Context::default(),
            voice,
            policy,
        },
        notes: ledger,
        paying,
        init,
        bus: None,
    })
}
