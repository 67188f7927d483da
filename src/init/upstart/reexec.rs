//! Re-executing an Upstart and seeing that it knows its services as before. Its answer never comes;
//! what tells is that the connection ends, that it answers again, and what it says then.

use std::time::{Duration, Instant};

use thiserror::Error;

use super::address::Address;
use super::names::{MANAGER, MANAGER_PATH, Trouble, UPSTART};
use super::process::Process;
use super::queries::all_instances;
use super::sessions::Session;
use super::state::Instance;
use crate::init::InitError;
use crate::init::dbus::connection::{Incoming, serial};
use crate::init::dbus::link::Link;
use crate::init::dbus::stream::Deadline;

/// What a re-exec left as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reexecuted {
    /// Instances that Upstart still knows.
    pub instances: usize,
    /// From the request until it answered again.
    pub took: Duration,
}

/// A service that Upstart knows no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its instance's object.
    pub path: String,
    /// Its main process, which still runs; 0 where it had none.
    pub pid: u32,
}

/// Why an Upstart was not re-executed, or not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReexecError {
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
    /// It did, and lost its state.
    #[error("{UPSTART} has lost track of {}", listed(.0))]
    LostTrack(Vec<Lost>),
}

fn listed(lost: &[Lost]) -> String {
    let one = |lost: &Lost| match lost.pid {
        0 => lost.path.clone(),
        pid => format!("{} (process {pid} still runs)", lost.path),
    };
    lost.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Re-executes the Upstart behind `link`.
pub(super) fn reexec(link: &mut Link<Address>, wait: Duration) -> Result<Reexecuted, ReexecError> {
    let before = known(link)?;
    let begun = Instant::now();
    restart(link, wait)?;
    let after = known(link)?;
    let took = begun.elapsed();
    let lost: Vec<Lost> = before
        .iter()
        .filter_map(|known| known.lost_in(&after))
        .collect();
    if lost.is_empty() {
        let instances = after.len();
        return Ok(Reexecuted { instances, took });
    }
    Err(ReexecError::LostTrack(lost))
}

/// Re-executes it and waits until it answers again; how long that took. What it knows then is for the
/// caller to compare.
pub(super) fn only(link: &mut Link<Address>, wait: Duration) -> Result<Duration, ReexecError> {
    let begun = Instant::now();
    restart(link, wait)?;
    link.connected()?;
    Ok(begun.elapsed())
}

fn known(link: &mut Link<Address>) -> Result<Vec<Before>, InitError> {
    let known = |instance: Instance| Before {
        process: Process::of(instance.main_pid()),
        instance,
    };
    Ok(all_instances(link)?.into_iter().map(known).collect())
}

/// Re-executes all of `sessions` at once; each is waited for as long as `wait`.
pub(super) fn all_at_once(
    sessions: &[Session],
    wait: Duration,
) -> Vec<Result<Reexecuted, ReexecError>> {
    let one = |session: Session| reexec(&mut Link::new(session.address(), wait), wait);
    std::thread::scope(|scope| {
        let begin = |session: &Session| {
            let session = *session;
            scope.spawn(move || one(session))
        };
        let threads: Vec<_> = sessions.iter().map(begin).collect();
        let end = |thread: std::thread::ScopedJoinHandle<'_, Result<Reexecuted, ReexecError>>| {
            thread
                .join()
                .unwrap_or(Err(ReexecError::NotDone { seconds: 0 }))
        };
        threads.into_iter().map(end).collect()
    })
}

/// An instance, with its main process told from later ones of the same number.
#[derive(Debug)]
struct Before {
    instance: Instance,
    process: Option<Process>,
}

impl Before {
    /// What is lost, where Upstart knew it before and knows it no more. What has ended meanwhile is not.
    fn lost_in(&self, after: &[Self]) -> Option<Lost> {
        let path = &self.instance.path;
        let now = after.iter().find(|one| one.instance.path == *path);
        let is_lost = match self.process {
            Some(process) => {
                let pids = now.map_or(&[][..], |now| &now.instance.processes);
                process.is_alive() && !pids.iter().any(|(_, pid)| *pid == process.pid)
            }
            None => self.instance.is_up() && now.is_none(),
        };
        is_lost.then(|| Lost {
            path: path.clone(),
            pid: self.process.map_or(0, |process| process.pid),
        })
    }
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
