//! `rcpolicy flush`, on whatever occasion: by hand, or at a batch's end by one of its nets. `look` observes,
//! `apart` keeps a flush from cutting its own branch, `gated` pays in this machine's turn, `wait` is the waiter. A net never fails: it stands in dpkg's and apt's way.

mod apart;
mod gated;
mod look;
mod wait;

use super::flush::{self, Again, Arguments, BatchEnd, Left, Occasion};
use super::opening::Shut;
use super::{Ending, Failure, Place};
use crate::batch::{Net, Readiness, readiness};
use crate::domain::InitKind;
use crate::front::{lookout, waiter};
use crate::ledger::{Ledger, LedgerError};
use crate::observe::detect;
use crate::observe::offline::{self, Reach};
use crate::report::console::Console;

use self::gated::Asking;

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    if arguments.boot {
        return at_boot(place, console);
    }
    match (arguments.batch_end, arguments.settled) {
        (Some(end), _) => {
            if let Err(failure) = at_end(end, place, console) {
                console.complain(failure);
            }
            Ok(Ending::Done)
        }
        (None, true) => wait::run(place, console),
        (None, false) => {
            let occasion = match arguments.among {
                true => Occasion::Among(&arguments.services),
                false => Occasion::ByHand(&arguments.services),
            };
            if !arguments.among {
                tell_of_window(occasion, place, console);
            }
            let asking = match arguments.ungated {
                true => Asking::No,
                false => Asking::Yes,
            };
            let left = apart::pay(occasion, asking, place, console)?;
            leave_waiter(left, place, console);
            Ok(left.ending)
        }
    }
}

/// Whoever asks does not wait for a window, and is told of it.
fn tell_of_window(occasion: Occasion<'_>, place: &Place, console: &mut Console<'_>) {
    let Some(shut) = Shut::now(place) else {
        return;
    };
    let waiting = |ledger: &Ledger| {
        let paid = flush::due(ledger, occasion).map_or(0, |due| due.len());
        let down = flush::due(ledger, Occasion::OnlyDown(&occasion)).map_or(0, |due| due.len());
        paid > down
    };
    if !place.ledger().is_ok_and(|ledger| waiting(&ledger)) {
        return;
    }
    console.complain(format_args!(
        "no window opens before {}; what waits for it is done now, for you ask",
        shut.wall
    ));
    if let Some(why) = &shut.trouble {
        console.complain(why);
    }
}

/// What is not done at boot, the waiter does later on. Definitions that wait for a window are still due after a boot.
fn at_boot(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    let left = match flush::finish_cut_off(place, console) {
        // Nothing can be brought up here.
        Err(Failure::NoLife) => return Ok(Ending::Done),
        left => left?,
    };
    leave_waiter(left, place, console);
    if let (Some(_), Ok(ledger)) = (Shut::now(place), place.ledger())
        && flush::is_definition_due(place)
    {
        start_waiter(&ledger, console);
    }
    Ok(left.ending)
}

/// dpkg's, or apt's, run is at its end.
fn at_end(end: BatchEnd, place: &Place, console: &mut Console<'_>) -> Result<(), Failure> {
    let net = match end {
        BatchEnd::Trigger => Net::Trigger,
        BatchEnd::Apt => Net::Apt,
    };
    if !place.is_root || is_outside(place) {
        return Ok(());
    }
    let ledger = match place.ledger() {
        Ok(ledger) => ledger,
        // A chroot, or a container without a running init: nothing can be owed there.
        Err(Failure::NoLife) => return Ok(()),
        Err(failure) => return Err(failure),
    };
    if net == Net::Trigger {
        // What is noted from here on, by another package's trigger, needs it once more.
        lookout::forget(&place.root);
    }
    let is_due = flush::is_anything_due(&ledger) || flush::is_definition_due(place);
    if !is_due || look::is_going_down(place) {
        return Ok(());
    }
    match readiness(net, &look::observe(place)) {
        // The restart of a bus may take our session along.
        Readiness::Flush if !flush::is_bus_unfinished(&ledger) => match Shut::now(place) {
            None if !gated::is_there(place) => pay_now(&ledger, place, console),
            shut => pay_what_is_down(shut.as_ref(), &ledger, place, console),
        },
        Readiness::Flush | Readiness::Later(_) => start_waiter(&ledger, console),
    }
    Ok(())
}

/// Pays what does not carry us, and leaves the rest to the waiter: dpkg and apt have work left.
fn pay_now(ledger: &Ledger, place: &Place, console: &mut Console<'_>) {
    match apart::pay_others(Occasion::BatchEnd, place, console) {
        Ok(left) => leave_waiter(left, place, console),
        // Whoever is at it may be asked for something else, or have its list already.
        Err(Failure::Ledger(LedgerError::Busy { .. })) => start_waiter(ledger, console),
        Err(failure) => {
            console.complain(failure);
            start_waiter(ledger, console);
        }
    }
}

/// No window is open, or there is a gate to wait at: brings up what is down, and leaves the rest to the waiter.
fn pay_what_is_down(
    shut: Option<&Shut>,
    ledger: &Ledger,
    place: &Place,
    console: &mut Console<'_>,
) {
    let only_down = Occasion::OnlyDown(&Occasion::BatchEnd);
    if let Err(failure) = apart::pay_others(only_down, place, console) {
        console.complain(failure);
    }
    let waiting = flush::due(ledger, Occasion::BatchEnd).map_or(0, |due| due.len());
    if waiting > 0 {
        let what = match shut {
            Some(shut) => format!("for the window that opens {}", shut.wall),
            None => "at the gate".to_owned(),
        };
        console.say(format_args!(
            "{waiting} services wait {what}; see `rcpolicy pending`"
        ));
    }
    if flush::is_anything_due(ledger) || flush::is_definition_due(place) {
        start_waiter(ledger, console);
    }
}

/// A chroot whose /proc is the machine's looks like the machine; systemd's tools are told otherwise.
fn is_outside(place: &Place) -> bool {
    detect::init_under(&place.root) == InitKind::Systemd && offline::reach() == Reach::Offline
}

/// A flush that leaves what may be paid later leaves somebody who does it: not what waits for more than a
/// batch's end, which the waiter never pays.
fn leave_waiter(left: Left, place: &Place, console: &mut Console<'_>) {
    match (left.again, place.ledger()) {
        (Again::Later, Ok(ledger))
            if flush::is_anything_due(&ledger) || flush::is_definition_due(place) =>
        {
            start_waiter(&ledger, console);
        }
        (Again::Later, _) | (Again::No, _) => {}
    }
}

fn start_waiter(ledger: &Ledger, console: &mut Console<'_>) {
    if let Err(why) = waiter::start_here(ledger) {
        console.complain(format_args!(
            "nobody waits for the end of the package operations: {why}; see `rcpolicy pending`"
        ));
    }
}
