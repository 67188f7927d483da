//! Starting the waiter: the process that pays what waits for a batch's end, once that has come. It is
//! `rcpolicy flush --settled`, apart from whoever starts it, and there is one at a time. It is started
//! where something was noted down for it; where that fails the other nets are left.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::domain::{ActiveState, Known, Manner, UnitName};
use crate::init::systemd::Systemd;
use crate::init::{Apart, Init};
use crate::ledger::{self, Ledger};
use crate::observe::detect;

/// The program, and how it is told to wait.
pub(super) const PROGRAM: &str = "/usr/sbin/rcpolicy";
/// See `PROGRAM`.
pub(super) const WORDS: [&str; 2] = ["flush", "--settled"];
/// Its unit, where the init makes one of it.
const UNIT: &str = "rcpolicy-flush.service";
/// What it runs init scripts with, as at boot.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A unit whose process has just ended is there for so long, and another starter's has not yet begun.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a silent init is waited for: it can be done without.
const INIT_PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Sees to it that a waiter runs for `ledger`, the machine's. `init` is asked to run it, where there is
/// one that can.
///
/// # Errors
/// In words, when there is none and none could be started.
pub(super) fn start(ledger: &Ledger, mut init: Option<&mut dyn Init>) -> Result<(), String> {
    let usable = ledger.is_under(Path::new(ledger::DIRECTORY)) && Path::new(PROGRAM).exists();
    let begun = Instant::now();
    while usable && !ledger.is_waited_for() {
        let apart = match &mut init {
            Some(init) => run_apart(*init),
            None => Ok(Apart::Unknown),
        };
        match apart {
            Ok(Apart::Begun) => break,
            Ok(Apart::Exists) if begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            // On a slow disk a program takes its time to begin.
            Ok(Apart::Exists) if init.as_mut().is_some_and(|init| is_at_work(*init)) => break,
            Ok(Apart::Exists) => return Err(format!("{UNIT} does not get to work")),
            // In a session's or a service's control group it lives as long as that: better than none.
            Ok(Apart::Unknown) | Err(_) => return detach(),
        }
    }
    Ok(())
}

/// The same, by the init that runs here.
///
/// # Errors
/// As `start`.
pub(super) fn start_here(ledger: &Ledger) -> Result<(), String> {
    // Mostly somebody has seen to it before: then it does not matter which init runs.
    if ledger.is_waited_for() {
        return Ok(());
    }
    let mut systemd = Systemd::default().waiting(INIT_PATIENCE);
    match detect::init().manner() {
        Manner::Units => start(ledger, Some(&mut systemd)),
        Manner::Jobs | Manner::Services | Manner::Scripts => start(ledger, None),
    }
}

fn run_apart(init: &mut dyn Init) -> Result<Apart, String> {
    let unit = UnitName::parse(UNIT).map_err(|error| error.to_string())?;
    let command: Vec<&str> = std::iter::once(PROGRAM).chain(WORDS).collect();
    let begun = init.run_apart(&unit, &command);
    begun.map_err(|error| error.to_string())
}

/// Whether the unit is up, or on its way up.
fn is_at_work(init: &mut dyn Init) -> bool {
    let state = UnitName::parse(UNIT).map(|unit| init.active(&unit));
    matches!(state, Ok(Ok(Known::Is(state))) if comes(state))
}

/// One on its way down takes in nothing any more.
fn comes(state: ActiveState) -> bool {
    state.is_active() || state == ActiveState::Activating
}

/// Runs it as a child of nobody: nothing of ours is open in it, so that nobody waits for it, and of dpkg's
/// and debconf's variables it knows none. It begins a session of its own.
fn detach() -> Result<(), String> {
    close_fds::set_fds_cloexec(3, &[]);
    let spawned = Command::new(PROGRAM)
        .args(WORDS)
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // It outlives us, and is process 1's to collect.
    spawned
        .map(drop)
        .map_err(|error| format!("cannot run `{PROGRAM}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_has_only_begun_is_trusted_and_one_that_ends_is_not() {
        for (state, expected) in [
            (ActiveState::Active, true),
            (ActiveState::Activating, true),
            (ActiveState::Deactivating, false),
            (ActiveState::Inactive, false),
            (ActiveState::Failed, false),
        ] {
            assert_eq!(comes(state), expected, "{state:?}");
        }
    }
}
