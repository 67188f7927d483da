//! The waiter: holds off until package operations have been over for long enough, pays what waits for
//! that, and goes on waiting for as long as something is left that may be paid later. It ends when there
//! is nothing of that kind, or when it is told to; killed at any point, it has lost nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::SIGTERM;
use signal_hook::low_level::pipe;

use crate::batch::{Look, Net, Next, Readiness, Trace, Vigil, readiness};
use crate::domain::ServiceName;
use crate::front::rcpolicy::definitions::{self, Scope};
use crate::front::rcpolicy::flush::{self, Again, Left, Occasion};
use crate::front::rcpolicy::gate::Waiting;
use crate::front::rcpolicy::opening::Shut;
use crate::front::rcpolicy::{Ending, Failure, Place};
use crate::front::waiter::{PROGRAM, WORDS};
use crate::init::monotonic;
use crate::ledger::{Entry, Ledger, LedgerError};
use crate::policy::{self, Keep, Roots};
use crate::report::console::Console;

use super::gated::{self, Asking, Passage};
use super::look;

/// How long a second waiter tries: whoever looks whether there is one is in the way for a moment.
const SECOND: Duration = Duration::from_millis(500);
/// What /proc says behind the name of a program whose file was replaced or removed.
const DELETED: &str = " (deleted)";

/// What is paid while no window is open.
const ONLY_DOWN: Occasion<'_> = Occasion::OnlyDown(&Occasion::BatchEnd);

/// What is due at a batch's end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Dues {
    /// To which service, and since which request (seconds since the epoch, and microseconds of the monotonic clock
    /// where those are noted: a second may see two).
    owed: BTreeSet<(ServiceName, u64, Option<u64>)>,
    /// Which definitions, in which versions.
    definitions: BTreeSet<String>,
}

impl Dues {
    fn of(ledger: &Ledger, place: &Place) -> Result<Self, LedgerError> {
        Self::on(Occasion::BatchEnd, Scope::All, (ledger, place))
    }

    /// What no window keeps from being paid.
    fn that_are_down(ledger: &Ledger, place: &Place) -> Result<Self, LedgerError> {
        Self::on(ONLY_DOWN, Scope::CutOff, (ledger, place))
    }

    fn on(
        occasion: Occasion<'_>,
        scope: Scope,
        (ledger, place): (&Ledger, &Place),
    ) -> Result<Self, LedgerError> {
        let due = flush::due(ledger, occasion)?.into_iter();
        Ok(Self {
            owed: due.map(which).collect(),
            definitions: definitions::dues(place, scope),
        })
    }

    /// Whether `other` knows of all of it.
    fn is_known(&self, other: &Self) -> bool {
        self.owed.is_subset(&other.owed) && self.definitions.is_subset(&other.definitions)
    }
}

/// Why a wait is over.
enum Over {
    /// Nothing but this is due, and of this nothing can be paid without somebody's doing.
    Settled(Dues),
    /// Our package was upgraded: the new program is to go on.
    Replaced,
    /// Somebody tells us to end, or the machine goes down.
    Told,
}

/// Waits and pays. There is one waiter at a time; a second one ends at once.
pub(super) fn run(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    place.require_root("flush")?;
    // As a unit it leads one already.
    let _ = nix::unistd::setsid();
    let told = Told::listen()?;
    let ledger = place.ledger()?.with_lock_limit(SECOND);
    loop {
        let waiting = match ledger.begin_waiting() {
            Ok(waiting) => waiting,
            Err(LedgerError::Busy { .. }) => return Ok(Ending::Done),
            Err(error) => return Err(error.into()),
        };
        let over = Wait::begin(place, &ledger).go(&told, console);
        drop(waiting);
        match over {
            Over::Told => return Ok(Ending::Done),
            Over::Replaced => return Ok(become_new(console)),
            // What was noted until now found a waiter.
            Over::Settled(known) if Dues::of(&ledger, place)?.is_known(&known) => {
                return Ok(Ending::Done);
            }
            Over::Settled(_) => {}
        }
    }
}

/// The new program begins as we did.
fn become_new(console: &mut Console<'_>) -> Ending {
    let error = Command::new(PROGRAM).args(WORDS).exec();
    // Where the package is gone there is nothing that would know what to do, and nothing wrong.
    if error.kind() == std::io::ErrorKind::NotFound {
        return Ending::Done;
    }
    console.complain(format_args!("cannot run `{PROGRAM}`: {error}"));
    Ending::Failed
}

fn which(entry: Entry) -> (ServiceName, u64, Option<u64>) {
    let at = entry.owed.and_then(|owed| owed.at);
    (entry.service, entry.when, at)
}

/// One wait.
struct Wait<'a> {
    place: &'a Place,
    ledger: &'a Ledger,
    vigil: Vigil,
    /// Whether anything is due, as of when the ledger looked so.
    due: Option<(Trace, bool)>,
    /// What no window keeps from being paid, and was tried in vain.
    tried: Dues,
    /// What was complained about last.
    said: String,
}

impl<'a> Wait<'a> {
    fn begin(place: &'a Place, ledger: &'a Ledger) -> Self {
        let policy = policy::load(&Roots::under(&place.root, Keep::No));
        Self {
            place,
            ledger,
            vigil: Vigil::new(policy.settings().flush_settle),
            due: None,
            tried: Dues::default(),
            said: String::new(),
        }
    }

    fn go(mut self, told: &Told, console: &mut Console<'_>) -> Over {
        loop {
            if is_replaced() {
                return Over::Replaced;
            }
            let look = self.look();
            let pause = match self.vigil.look(look) {
                Next::End => return Over::Settled(Dues::default()),
                Next::Pause(pause) => pause,
                Next::Flush if look::is_going_down(self.place) => return Over::Told,
                Next::Flush => match self.flush(told, console) {
                    Some(known) => return Over::Settled(known),
                    None => {
                        let look = self.look();
                        self.vigil.left(&look);
                        Duration::ZERO
                    }
                },
            };
            if told.within(pause) {
                return Over::Told;
            }
        }
    }

    fn look(&mut self) -> Look {
        let trace = look::trace(self.place);
        let due = match &self.due {
            Some((seen, due)) if *seen == trace => *due,
            Some(_) | None => {
                flush::is_anything_due(self.ledger) || flush::is_definition_due(self.place)
            }
        };
        self.due = Some((trace.clone(), due));
        Look {
            at: monotonic(),
            busy: look::busy(self.place, &[]).is_some(),
            trace,
            owed: due,
        }
    }

    /// Pays what may be paid. What is left where only somebody's doing can change that; `None` where it
    /// is to be tried again.
    fn flush(&mut self, told: &Told, console: &mut Console<'_>) -> Option<Dues> {
        let place = now(self.place);
        if let Some(shut) = Shut::now(&place) {
            self.flush_what_is_down(&shut, &place, console);
            // There is somebody's doing to wait for: the window's.
            return None;
        }
        let known = Dues::of(self.ledger, self.place).unwrap_or_default();
        let again = self.flush_in_turn(told, &place, console);
        (again == Again::No).then_some(known)
    }

    /// While no window is open: only what no window may put off, and that once more only where it can be otherwise.
    fn flush_what_is_down(&mut self, shut: &Shut, place: &Place, console: &mut Console<'_>) {
        if let Some(why) = &shut.trouble {
            self.complain(why.clone(), console);
        }
        let down = Dues::that_are_down(self.ledger, place).unwrap_or_default();
        if down.is_known(&self.tried) && !flush::is_bus_unfinished(self.ledger) {
            return;
        }
        if self.flush_on(ONLY_DOWN, place, console) == Again::No {
            self.tried = down;
        }
    }

    fn flush_on(
        &mut self,
        occasion: Occasion<'_>,
        place: &Place,
        console: &mut Console<'_>,
    ) -> Again {
        match may_flush(place) {
            true => {
                let paid = flush::pay(occasion, place, console);
                self.again(paid, console)
            }
            false => Again::Later,
        }
    }

    /// Pays all that is due, in this machine's turn where there is a gate. It leaves the line for package operations.
    fn flush_in_turn(&mut self, told: &Told, place: &Place, console: &mut Console<'_>) -> Again {
        if !may_flush(place) {
            return Again::Later;
        }
        let passage = Passage {
            asking: Asking::Yes,
            waiting: Waiting {
                told: Some(told.0.as_fd()),
                goes_on: &|| look::busy(place, &[]).is_none(),
            },
            may_pay: &|| may_flush(place) && Shut::now(&now(place)).is_none(),
        };
        let paid = gated::pay(Occasion::BatchEnd, passage, place, console);
        self.again(paid, console)
    }

    fn again(&mut self, paid: Result<Left, Failure>, console: &mut Console<'_>) -> Again {
        let again = match paid {
            Ok(left) => left.again,
            Err(failure) => {
                self.complain(failure.to_string(), console);
                Again::Later
            }
        };
        // Each line when it is true, not when we end.
        let _ = console.finish();
        again
    }

    /// Says it once: the next try is not far.
    fn complain(&mut self, text: String, console: &mut Console<'_>) {
        if self.said != text {
            console.complain(&text);
            self.said = text;
        }
    }
}

/// Whether the batch is over.
fn may_flush(place: &Place) -> bool {
    readiness(Net::Waiter, &look::observe(place)) == Readiness::Flush
}

/// The same place later.
fn now(place: &Place) -> Place {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(place.now, |since| {
        since.as_micros().try_into().unwrap_or(place.now)
    });
    Place {
        now,
        ..place.clone()
    }
}

/// Whether the file that we were started from is there no more.
fn is_replaced() -> bool {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    program.to_str() == Some(&format!("{PROGRAM}{DELETED}"))
}

/// Hears SIGTERM, at once also while we sleep.
struct Told(UnixStream);

impl Told {
    fn listen() -> Result<Self, Failure> {
        let unheard = |error: std::io::Error| Failure::Unheard(error.to_string());
        let (read, write) = UnixStream::pair().map_err(unheard)?;
        pipe::register(SIGTERM, write).map_err(unheard)?;
        Ok(Self(read))
    }

    /// Waits for `limit`; whether we were told meanwhile, or before.
    fn within(&self, limit: Duration) -> bool {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        // Interrupted: whatever it was is seen by the next look.
        poll(&mut fds, limit).is_ok_and(|ready| ready > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Until;
    use crate::ledger::{Due, Owed, Who};
    use crate::testing::{Room, life, name};

    #[test]
    fn what_is_asked_for_again_in_the_same_second_is_not_known_yet() {
        let room = Room::new();
        let ledger = room.ledger();
        let place = Place {
            root: room.directory.path().to_path_buf(),
            now: 0,
            is_root: true,
        };
        let mut seen = Vec::new();
        for at in [1, 2] {
            let mut entry = Entry::new(name("foo"), life(), Who::default(), 7, "x");
            entry.owed = Some(Owed {
                due: Due::Restart,
                until: Until::Batch,
                reasons: Vec::new(),
                at: Some(at),
                begun: None,
            });
            ledger.lock().unwrap().put(&entry).unwrap();
            seen.push(Dues::of(&ledger, &place).unwrap());
        }
        assert_eq!(Dues::of(&ledger, &place).unwrap(), seen[1]);
        assert!(!seen[1].is_known(&seen[0]), "{seen:?}");
    }

    #[test]
    fn a_definition_that_became_due_while_others_were_paid_is_not_known_yet() {
        let dues = |definitions: &[&str]| Dues {
            owed: BTreeSet::new(),
            definitions: definitions.iter().map(|due| (*due).to_owned()).collect(),
        };
        let known = dues(&["runit foo 1", "runit bar is gone"]);
        assert!(dues(&["runit foo 1"]).is_known(&known));
        assert!(dues(&[]).is_known(&known));
        for new in ["runit foo 2", "runit baz 1", "s6 foo 1"] {
            assert!(!dues(&["runit foo 1", new]).is_known(&known), "{new}");
        }
    }
}
