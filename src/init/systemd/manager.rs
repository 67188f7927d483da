//! What is asked of a manager as a whole: to read its files again, to re-execute itself, and whether it is there again
//! afterwards. Measured on 252, 257 and 262: at a re-exec the manager closes every connection and makes its private
//! socket anew, and its answers come from the new process image alone; no timestamp tells a re-exec from a reload.

use std::time::{Duration, Instant};

use zbus::wire::OwnedObjectPath;

use super::dial::Sockets;
use super::names::{MANAGER, MANAGER_PATH};
use super::{Systemd, no_answer, queries};
use crate::domain::{UnitKind, UnitName};
use crate::init::InitError;
use crate::init::dbus::connection::{Connection, Incoming, body};
use crate::init::dbus::link::{Dial, Link};
use crate::init::dbus::patience::Attempt;
use crate::init::dbus::stream::Deadline;
use crate::init::reexec::{Reexecutes, Standing};

/// A connection from before a re-exec: that it breaks is the sign that the re-exec has begun.
#[derive(Debug)]
pub struct Before(Connection);

impl Before {
    /// Asks the manager to re-execute itself. It does not answer that.
    ///
    /// # Errors
    /// When it could not be sent.
    pub fn ask(&self, limit: Duration) -> Result<(), InitError> {
        let call = self.0.call(MANAGER_PATH, MANAGER, "Reexecute", &())?;
        self.0.send(&[call], limit)
    }

    /// Waits until the connection breaks.
    fn breaks(mut self, deadline: Deadline, limit: Duration) -> Result<(), InitError> {
        loop {
            match self.0.receive(deadline) {
                Err(InitError::Lost { .. }) => return Ok(()),
                Err(other) => return Err(other),
                Ok(Some(Incoming::Answer(_, Err(refused)))) => return Err(refused),
                Ok(Some(_)) if !deadline.passed() => {}
                Ok(Some(_) | None) => return Err(silent(limit)),
            }
        }
    }
}

fn silent(limit: Duration) -> InitError {
    InitError::Silent {
        init: super::names::SYSTEMD,
        seconds: limit.as_secs(),
    }
}

impl Systemd {
    /// Lets the manager read its files again, and waits until it has. One that goes away meanwhile, to
    /// re-execute itself, is asked again: twice does no harm.
    ///
    /// # Errors
    /// When it could not be asked, refuses, or takes longer than `limit`.
    pub fn reload(&mut self, limit: Duration) -> Result<(), InitError> {
        self.link.repeat(|link| {
            let call = link
                .connected()?
                .call(MANAGER_PATH, MANAGER, "Reload", &())?;
            let answer = link.call_all_within(&[call], limit)?.pop();
            body::<()>(answer.unwrap_or_else(|| Err(no_answer())))
        })
    }

    /// A connection of its own to the manager's private socket, kept to see a re-exec by.
    ///
    /// # Errors
    /// When nobody, or somebody else, listens there, or it does not answer in time.
    pub fn before_reexec(&mut self, limit: Duration) -> Result<Before, InitError> {
        self.answers_within(limit)?;
        // A bus between would keep the connection open.
        let sockets = Sockets {
            bus: None,
            ..self.link.dialer().clone()
        };
        let away_for = Duration::ZERO;
        sockets.dial(Attempt { limit, away_for }).map(Before)
    }

    /// Waits until the re-exec that was asked for, by `Before::ask` or by a signal, is over:
    /// `before` is broken and the manager answers again. Returns how long that took.
    ///
    /// # Errors
    /// When that did not happen within `limit`, or the manager refused.
    pub fn back(&mut self, before: Before, limit: Duration) -> Result<Duration, InitError> {
        let begun = Instant::now();
        before.breaks(Deadline::after(limit), limit)?;
        self.disconnect();
        self.answers_within(limit.saturating_sub(begun.elapsed()))?;
        Ok(begun.elapsed())
    }

    /// Waits until the manager answers a question, and returns how long that took. An answer to
    /// what is asked after a signal was sent says that the signal was taken.
    ///
    /// # Errors
    /// When it does not within `limit`, or somebody else answers: that is never waited for.
    pub fn answers_within(&mut self, limit: Duration) -> Result<Duration, InitError> {
        let begun = Instant::now();
        let kept = self.link.patience.wait();
        self.set_wait(limit);
        let result = self.userspace_timestamp();
        self.set_wait(kept);
        result.map(|_| begun.elapsed())
    }
}

/// A unit in the answer to `ListUnits`: name, description, load, active and sub state, whom it
/// follows, its path, its job's number, kind and path.
pub(super) type Listed = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

impl Reexecutes for Systemd {
    fn standing(&mut self) -> Result<Vec<Standing>, InitError> {
        standing(&mut self.link)
    }

    fn reexec(&mut self, limit: Duration) -> Result<Duration, InitError> {
        let begun = Instant::now();
        let before = self.before_reexec(limit)?;
        before.ask(limit)?;
        self.back(before, limit.saturating_sub(begun.elapsed()))
    }
}

fn standing(link: &mut Link<Sockets>) -> Result<Vec<Standing>, InitError> {
    let answer = link
        .ask(|link| Ok(vec![link.call(MANAGER_PATH, MANAGER, "ListUnits", &())?]))?
        .pop();
    let listed: Vec<Listed> = body(answer.unwrap_or_else(|| Err(no_answer())))?;
    let parsed = |unit: Listed| UnitName::parse(&unit.0).ok().map(|name| (name, unit.3));
    let units: Vec<(UnitName, String)> = listed.into_iter().filter_map(parsed).collect();
    let is_service = |unit: &UnitName| unit.kind() == UnitKind::Service;
    let mut answers = link
        .ask(|link| {
            let services = units.iter().filter(|(unit, _)| is_service(unit));
            let questions = services.flat_map(|(unit, _)| {
                [queries::MAIN_PID, queries::RESULT].map(|of| queries::get(link, unit, of))
            });
            questions.collect()
        })?
        .into_iter();
    let mut known = |(unit, word): (UnitName, String)| {
        let mut answer = || is_service(&unit).then(|| answers.next()).flatten();
        let main_pid = answer().map(queries::value::<u32>);
        let result = answer().map(queries::value::<String>);
        Standing {
            active: queries::active(&word).is_and(|state| state.is_active()),
            main_pid: main_pid.and_then(Result::ok).unwrap_or(0),
            result: result.and_then(Result::ok).unwrap_or_default(),
            unit,
        }
    };
    let mut standing = Vec::with_capacity(units.len());
    for unit in units {
        standing.push(known(unit));
    }
    Ok(standing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buss_own_errors_are_nobodys_answer_and_a_wrong_peer_is_not_waited_for() {
        let refused = |name: &str| InitError::Refused {
            name: format!("org.freedesktop.{name}"),
            message: String::new(),
        };
        assert!(refused("DBus.Error.NoReply").is_away());
        assert!(refused("DBus.Error.NameHasNoOwner").is_away());
        assert!(!refused("DBus.Error.AccessDenied").is_away());
        assert!(!refused("systemd1.NoSuchUnit").is_away());
        let wrong = InitError::WrongPeer {
            init: "systemd",
            path: String::new(),
            why: String::new(),
        };
        assert!(!wrong.is_away());
    }
}
