//! `rcpolicy wait init|flush`: returns when the init answers, or when nothing is owed and nobody flushes.
//! Changes nothing. Every wait has an end, and the exit status says which end it was.

use std::thread;
use std::time::{Duration, Instant};

use super::{Ending, Failure, Place, Telling};
use crate::domain::{Manner, Until};
use crate::front::machine::upstart;
use crate::ledger::{Entry, Ledger, LedgerError};
use crate::observe::detect;
use crate::observe::offline::{self, Reach};
use crate::policy::{self, Keep, Roots, positive_duration};
use crate::report::Voice;
use crate::report::console::Console;

/// How long flushing is waited for where nobody says: restarting many services takes its time.
const FLUSH: Duration = Duration::from_secs(600);
/// Between two looks at the ledger.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `rcpolicy wait`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) telling: Telling,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Until the init answers, as after a re-exec that somebody asked for.
    Init(Limit),
    /// Until nothing is owed before the next boot and no flush is under way.
    Flush(Limit),
}

#[derive(Debug, clap::Args)]
struct Limit {
    /// At most so long, such as `30s`; by default what the policy says of an init that is away
    /// (`[init] wait`), and 10min for a flush.
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    timeout: Option<Duration>,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    match &arguments.what {
        What::Init(limit) => wait_for_init(limit.timeout, place, console),
        What::Flush(limit) => wait_for_flush(limit.timeout.unwrap_or(FLUSH), place, console),
    }
}

fn wait_for_init(
    limit: Option<Duration>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let kind = detect::init_under(&place.root);
    match kind.manner() {
        Manner::Units | Manner::Jobs => {}
        // None of these is ever away: there is nothing that would have to answer.
        Manner::Services | Manner::Scripts => return Ok(Ending::Done),
    }
    if offline::reach() == Reach::Offline {
        // No init of this root: nothing that is done here waits for one.
        return Ok(Ending::Done);
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let limit = limit.unwrap_or(policy.settings().init_wait);
    let answered = match kind.manner() {
        Manner::Jobs => upstart(&policy, &Voice::new("rcpolicy")).answers_within(limit),
        Manner::Units | Manner::Services | Manner::Scripts => {
            place.systemd(&policy)?.answers_within(limit)
        }
    };
    match answered {
        Ok(_) => Ok(Ending::Done),
        Err(error) if error.is_away() => {
            let seconds = limit.as_secs_f32();
            console.complain(format_args!(
                "the init does not answer after {seconds} s: {error}"
            ));
            Ok(Ending::No)
        }
        Err(error) => Err(Failure::Unreachable(error.to_string())),
    }
}

fn wait_for_flush(
    limit: Duration,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let ledger = place.ledger()?;
    let begun = Instant::now();
    loop {
        let why = match unsettled(&ledger, place)? {
            None => return Ok(Ending::Done),
            Some(why) => why,
        };
        if begun.elapsed() >= limit {
            let seconds = limit.as_secs_f32();
            console.complain(format_args!("{why} after {seconds} s"));
            return Ok(Ending::No);
        }
        thread::sleep(PAUSE.min(limit.saturating_sub(begun.elapsed())));
    }
}

/// What is still to be waited for.
fn unsettled(ledger: &Ledger, place: &Place) -> Result<Option<String>, Failure> {
    let listing = ledger.all()?;
    // What waits for the next boot is no flush's to do.
    let flushed = |entry: &&Entry| {
        let owed = entry.owed.as_ref();
        owed.is_none_or(|owed| owed.until != Until::Reboot)
    };
    let mut entries = listing.entries.iter().filter(flushed);
    if let Some(first) = entries.next() {
        let all = entries.count() + 1;
        return Ok(Some(format!(
            "{all} services are still owed something, {} the first,",
            first.service
        )));
    }
    if let Some(trouble) = listing.troubles.first() {
        return Ok(Some(format!("what is owed cannot be told ({trouble})")));
    }
    if let Some(restart) = ledger.bus_restart()? {
        let bus = restart.unit;
        return Ok(Some(format!("a restart of {bus} is not finished")));
    }
    // Whoever has just struck the last entry may not be at its end; others than root cannot tell.
    if !place.is_root || !place.path(crate::ledger::DIRECTORY).exists() {
        return Ok(None);
    }
    match ledger.begin_paying() {
        Ok(_free) => Ok(None),
        Err(LedgerError::Busy { .. }) => Ok(Some("a flush is still under way".to_owned())),
        Err(error) => Err(error.into()),
    }
}
