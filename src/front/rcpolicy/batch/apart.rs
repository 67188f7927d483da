//! Not cutting one's own branch: what carries the session that asks for a flush is paid last, and by a
//! process outside of it, which goes on when the session ends. It is waited for, and its result shown.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::{ActiveState, InitKind, Known, ServiceName, UnitName};
use crate::front::rcpolicy::flush::{self, Again, Left, Occasion};
use crate::front::rcpolicy::{Ending, Failure, Place};
use crate::front::waiter::PROGRAM;
use crate::init::systemd::Systemd;
use crate::init::{Apart, Init, InitError};
use crate::ledger::{Entry, Ledger};
use crate::observe::above::Branch;
use crate::observe::detect;
use crate::report::console::Console;

use super::gated::{self, Asking, Passage};

/// The unit that pays it.
const UNIT: &str = "rcpolicy-flush-apart.service";
/// Tells it that nobody has named its services.
const AMONG: &str = "--among";
/// Tells it that the gate is not to be asked.
const UNGATED: &str = "--ungated";
/// How long it may take to begin, on a machine that has much to do.
const START: Duration = Duration::from_secs(5);
/// Between two looks at what became of it.
const PAUSE: Duration = Duration::from_millis(100);

/// Pays what is due on `occasion`, and last what carries us.
///
/// # Errors
/// As `flush::pay`.
pub(super) fn pay(
    occasion: Occasion<'_>,
    asking: Asking,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    let (rest, carrying) = pay_what_does_not_carry(occasion, asking, place, console)?;
    if carrying.is_empty() {
        return Ok(rest);
    }
    // What is restarted from here on may take this line's reader along.
    for service in &carrying {
        console.say(format_args!(
            "{service} carries this session: it comes last, by {UNIT}"
        ));
    }
    let _ = console.finish();
    // What is owed until the next boot is paid to who was named, and to nobody else.
    let named = !occasion.named().is_empty();
    let rest_of = match named {
        true => Occasion::ByHand(&carrying),
        false => Occasion::Among(&carrying),
    };
    let last = match begin(&words(rest_of, asking)) {
        Ok(mut systemd) => {
            wait_for(&mut systemd);
            tell(&carrying, &place.ledger()?, console)
        }
        Err(why) => {
            console.complain(format_args!("cannot do it outside of the session: {why}"));
            gated::pay(rest_of, Passage::by_hand(asking), place, console)?
        }
    };
    Ok(both(rest, last))
}

/// Pays all but what carries us, and names that.
fn pay_what_does_not_carry(
    occasion: Occasion<'_>,
    asking: Asking,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<(Left, Vec<ServiceName>), Failure> {
    let carrying = carrying(occasion, place)?;
    let rest = match carrying.is_empty() {
        true => occasion,
        false => Occasion::Without(&occasion, &carrying),
    };
    let left = gated::pay(rest, Passage::by_hand(asking), place, console)?;
    Ok((left, carrying))
}

/// Pays what is due on `occasion`, but not what carries us: that is left for later.
///
/// # Errors
/// As `flush::pay`.
pub(super) fn pay_others(
    occasion: Occasion<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    // Whoever is in dpkg's or apt's way does not wait at a gate.
    let (mut left, carrying) = pay_what_does_not_carry(occasion, Asking::No, place, console)?;
    for service in &carrying {
        console.say(format_args!(
            "{service} carries this session: it comes last, once the package operations are over"
        ));
        left.keep(Again::Later);
    }
    Ok(left)
}

/// To whom something is due that we hang on. Only systemd tells which service a process belongs to.
fn carrying(occasion: Occasion<'_>, place: &Place) -> Result<Vec<ServiceName>, Failure> {
    if place.root != Path::new("/") || detect::init() != InitKind::Systemd {
        return Ok(Vec::new());
    }
    let due = match place.ledger() {
        Ok(ledger) => flush::due(&ledger, occasion)?,
        Err(_) => Vec::new(),
    };
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let branch = Branch::observe();
    // What is only brought back takes nobody along.
    let restarted = due.into_iter().filter(|entry| occasion.pays(entry));
    let carrying = restarted.filter(|entry| branch.hangs_on(&entry.unit));
    // What a killed process left may be noted besides.
    let carrying: BTreeSet<ServiceName> = carrying.map(|entry| entry.service).collect();
    Ok(carrying.into_iter().collect())
}

/// How another process is told what to pay.
fn words(occasion: Occasion<'_>, asking: Asking) -> Vec<&str> {
    let services: &[ServiceName] = match occasion {
        Occasion::ByHand(services) | Occasion::Among(services) => services,
        Occasion::BatchEnd | Occasion::Without(..) | Occasion::OnlyDown(_) => &[],
    };
    let among = matches!(occasion, Occasion::Among(_)).then_some(AMONG);
    let ungated = (asking == Asking::No).then_some(UNGATED);
    let words = ["flush"].into_iter().chain(ungated).chain(among);
    let names = services.iter().map(ServiceName::as_str);
    words.chain(["--"]).chain(names).collect()
}

/// Has systemd run `rcpolicy` with `words` outside of everything.
fn begin(words: &[&str]) -> Result<Systemd, String> {
    let unit = UnitName::parse(UNIT).map_err(|error| error.to_string())?;
    let command: Vec<&str> = std::iter::once(PROGRAM)
        .chain(words.iter().copied())
        .collect();
    let mut systemd = Systemd::default();
    match systemd.run_apart(&unit, &command) {
        Ok(Apart::Begun) => Ok(systemd),
        Ok(Apart::Exists) => Err(format!("{UNIT} is at work already")),
        Ok(Apart::Unknown) => Err("the init has no such thing".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Until the unit has ended: it has its own limits. An init that cannot be asked is not asked again.
fn wait_for(systemd: &mut Systemd) {
    let Ok(unit) = UnitName::parse(UNIT) else {
        return;
    };
    let begun = Instant::now();
    let mut seen = false;
    loop {
        let active = is_at_work(systemd.active(&unit));
        seen = seen || active;
        // What was taken on is not yet there, or it has ended between two looks.
        if !active && (seen || begun.elapsed() > START) {
            return;
        }
        thread::sleep(PAUSE);
    }
}

fn is_at_work(found: Result<Known<ActiveState>, InitError>) -> bool {
    found.is_ok_and(|state| state.is_and(|state| !state.is_down()))
}

/// Says what became of each, by what is noted now.
fn tell(services: &[ServiceName], ledger: &Ledger, console: &mut Console<'_>) -> Left {
    let mut left = Left::NOTHING;
    for service in services {
        let noted = ledger.read(service).map(|reading| reading.current());
        match noted {
            Ok(None) => console.say(format_args!("{service}: done")),
            Ok(Some(entry)) => {
                console.say(format_args!("{service}: still owed: {}", why(&entry)));
                // Whether it can be paid later, the waiter finds out.
                left.keep(Again::Later);
            }
            Err(error) => {
                console.complain(error);
                left.keep(Again::No);
            }
        }
    }
    left
}

fn why(entry: &Entry) -> String {
    match &entry.failed {
        Some(failed) => failed.why.clone(),
        None => format!("see `journalctl -u {UNIT}`"),
    }
}

/// What two flushes left together.
fn both(one: Left, other: Left) -> Left {
    Left {
        ending: match one.ending {
            Ending::Done => other.ending,
            Ending::No | Ending::Usage | Ending::Failed | Ending::Problems => one.ending,
        },
        again: match one.again {
            Again::Later => Again::Later,
            Again::No => other.again,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    #[test]
    fn who_pays_in_our_place_is_told_whether_its_services_were_named() {
        let services = [name("ssh").service(), name("getty@tty1").service()];
        let named = words(Occasion::ByHand(&services), Asking::Yes);
        assert_eq!(named, ["flush", "--", "ssh", "getty@tty1"]);
        let all = words(Occasion::Among(&services), Asking::Yes);
        assert_eq!(all, ["flush", "--among", "--", "ssh", "getty@tty1"]);
        let past = words(Occasion::ByHand(&services), Asking::No);
        assert_eq!(past, ["flush", "--ungated", "--", "ssh", "getty@tty1"]);
    }
}
