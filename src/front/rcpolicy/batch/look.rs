//! What is to be known of the package operations, gathered from the machine. It decides nothing.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use crate::batch::{BatchFacts, Driver, Trace};
use crate::domain::{InitKind, Machine};
use crate::front::local::{self, GoingDown};
use crate::front::rcpolicy::Place;
use crate::init::Init;
use crate::ledger;
use crate::observe::above::{Above, above};
use crate::observe::detect;
use crate::observe::dpkg::Unconfigured;
use crate::observe::locks;
use crate::policy::{self, Keep, Roots};

/// Our package.
const OURS: &str = "rcpolicy";
/// What makes many small runs of one upgrade, as the kernel shortens the names.
const PIECEMEAL: [&str; 4] = ["unattended-upgr", "apt.systemd.dai", "packagekitd", "aptd"];
/// What changes with packages and with notes, below the root directory.
const TRACES: [&str; 2] = ["var/lib/dpkg/status", "var/lib/dpkg/updates"];

/// All that the decision needs.
pub(super) fn observe(place: &Place) -> BatchFacts {
    let above: Vec<Above> = above().collect();
    let piecemeal = |above: &Above| PIECEMEAL.contains(&above.name.as_str());
    let settings = policy::load(&Roots::under(&place.root, Keep::No));
    let (first, unfinished) = match Unconfigured::under(&place.root) {
        Ok(unconfigured) => (first(&unconfigured), unfinished(&unconfigured)),
        // What cannot be read is never taken for the end.
        Err(error) => (Some(error.to_string()), None),
    };
    BatchFacts {
        busy: busy(place, &above),
        driver: match above.iter().any(piecemeal) {
            true => Driver::Piecemeal,
            false => Driver::Plain,
        },
        first,
        unfinished,
        settle: settings.settings().flush_settle,
    }
}

/// What somebody is at who is not `above` us. A lock that cannot be looked at may be held.
pub(super) fn busy(place: &Place, above: &[Above]) -> Option<String> {
    match locks::held_under(&place.root) {
        Ok(held) => {
            let others = |held: &&locks::Held| !above.iter().any(|above| above.pid == held.by);
            let other = held.iter().find(others);
            other.map(|held| format!("{} (process {})", held.what, held.by))
        }
        Err(error) => Some(error.to_string()),
    }
}

fn first(unconfigured: &Unconfigured) -> Option<String> {
    let trigger = unconfigured.awaited_reexec()?;
    Some(format!("dpkg has yet to process the trigger {trigger}"))
}

fn unfinished(unconfigured: &Unconfigured) -> Option<String> {
    let package = unconfigured.others(OURS).next();
    let trigger = || unconfigured.triggers_of_others(OURS).next();
    match package {
        Some((package, state)) => Some(format!("the package {package} is {state}")),
        None => trigger().map(|trigger| format!("the trigger {trigger} is pending")),
    }
}

/// The times of what packages and notes are kept in.
pub(super) fn trace(place: &Place) -> Trace {
    let notes = place.path(ledger::DIRECTORY).join("ledger");
    let files = TRACES.iter().map(|name| place.root.join(name));
    let files = files.chain([notes]);
    Trace(
        files
            .map(|path| Some(stamp(&path.metadata().ok()?)))
            .collect(),
    )
}

/// When it was changed, in nanoseconds since the epoch, and which file it is.
fn stamp(data: &Metadata) -> (u64, u64) {
    let seconds = u64::try_from(data.mtime()).unwrap_or(0);
    let nanoseconds = u64::try_from(data.mtime_nsec()).unwrap_or(0);
    let time = seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds);
    (time, data.ino())
}

/// What is restarted while the machine goes down would be in its way.
pub(super) fn is_going_down(place: &Place) -> bool {
    if detect::init_under(&place.root) != InitKind::Systemd {
        return local::level_without_init(&place.root).going_down == GoingDown::Yes;
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let machine = place.systemd(&policy).map(|mut init| init.machine());
    machine.is_ok_and(|machine| machine.is_and(|machine| *machine == Machine::Stopping))
}
