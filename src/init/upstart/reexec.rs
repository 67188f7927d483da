//! Re-executing an Upstart. Its answer never comes; what tells is that the connection ends, and that it
//! answers again. What it knows then is compared by whoever asked.

use std::time::{Duration, Instant};

use thiserror::Error;

use super::address::Address;
use super::names::{MANAGER, MANAGER_PATH, Trouble, UPSTART};
use crate::init::InitError;
use crate::init::dbus::connection::{Incoming, serial};
use crate::init::dbus::link::Link;
use crate::init::dbus::stream::Deadline;

/// Why an Upstart was not re-executed, or not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ReexecError {
    /// It could not be asked, or does not answer since.
    #[error("{0}")]
    Init(#[from] InitError),
    /// It knows no such request: it is older than keeping its state is.
    #[error("this {UPSTART} is too old to re-execute itself and keep its state")]
    TooOld,
    /// It does know it, but has not done it.
    #[error("{UPSTART} has not re-executed itself within {seconds} s")]
    NotDone {
        /// Seconds waited.
        seconds: u64,
    },
}

/// Re-executes it and waits until it answers again; how long that took.
pub(super) fn reexec(link: &mut Link<Address>, wait: Duration) -> Result<Duration, ReexecError> {
    let begun = Instant::now();
    restart(link, wait)?;
    link.connected()?;
    Ok(begun.elapsed())
}

/// Asks for the re-exec and waits for the connection to end. Asked again where the request cannot
/// have been read: once too often does no harm.
fn restart(link: &mut Link<Address>, wait: Duration) -> Result<(), ReexecError> {
    let deadline = Deadline::after(wait);
    loop {
        let connection = link.connected()?;
        let call = connection.call(MANAGER_PATH, MANAGER, "Restart", &())?;
        let asked = serial(&call);
        match connection.send(&[call], wait) {
            Err(InitError::Lost { .. }) if !deadline.passed() => continue,
            result => result?,
        }
        let gone = loop {
            match connection.receive(deadline) {
                Ok(Some(Incoming::Answer(to, Err(error)))) if to == asked => break Err(error),
                Ok(Some(_)) => {}
                Ok(None) => {
                    let seconds = wait.as_secs();
                    link.disconnect();
                    return Err(ReexecError::NotDone { seconds });
                }
                Err(_) => break Ok(()),
            }
        };
        link.disconnect();
        return gone.map_err(|error| match Trouble::of(&error) {
            Some(Trouble::UnknownMethod) => ReexecError::TooOld,
            Some(_) | None => ReexecError::Init(error),
        });
    }
}
