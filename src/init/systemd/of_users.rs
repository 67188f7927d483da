//! Users' managers as inits: who runs one, as PID 1 tells, and what differs when one of them is asked.

use std::path::Path;

use super::dial::Sockets;
use super::manager::Listed;
use super::names::{MANAGER, MANAGER_PATH};
use super::users::{RUNTIME, RunningUser, UsersPlace, uid_of};
use super::{Limit, Systemd, WAIT, no_answer, queries};
use crate::domain::order;
use crate::domain::{FileState, Known, UnitFacts, UnitName};
use crate::init::InitError;
use crate::init::dbus::connection::body;
use crate::init::dbus::link::Link;

impl Systemd {
    /// The manager of `user`; nobody is contacted yet. Everything that a manager can be asked it
    /// can be asked, with the time limits that its fields have.
    pub fn of_user(user: RunningUser, limit: Limit) -> Self {
        Self::of_user_below(Path::new(RUNTIME), user, limit)
    }

    pub(super) fn of_user_below(runtime: &Path, user: RunningUser, limit: Limit) -> Self {
        let place = UsersPlace {
            user,
            runtime: runtime.to_owned(),
        };
        let sockets = Sockets {
            private: None,
            bus: None,
            user: Some(place),
            ..Sockets::default()
        };
        Self {
            limit,
            link: Link::new(sockets, WAIT),
            takes_many: true,
        }
    }

    /// The users whose managers run, or are about to, in the order of their ids.
    ///
    /// # Errors
    /// When PID 1 could not be asked.
    pub fn running_users(&mut self) -> Result<Vec<RunningUser>, InitError> {
        running_users(&mut self.link)
    }

    /// Sends a signal to the main process of `unit`.
    ///
    /// # Errors
    /// When PID 1 could not be asked, or refuses.
    pub fn signal(&mut self, unit: &UnitName, signal: i32) -> Result<(), InitError> {
        self.send_signal(unit, "main", signal)
    }
}

fn running_users(link: &mut Link<Sockets>) -> Result<Vec<RunningUser>, InitError> {
    let (states, patterns): (&[&str], &[&str]) = (&[], &["user@*.service"]);
    let all = (states, patterns);
    let answer = link
        .ask(|link| {
            let call = link.call(MANAGER_PATH, MANAGER, "ListUnitsByPatterns", &all)?;
            Ok(vec![call])
        })?
        .pop();
    let listed: Vec<Listed> = body(answer.unwrap_or_else(|| Err(no_answer())))?;
    let up = |unit: &&Listed| matches!(unit.3.as_str(), "active" | "reloading" | "activating");
    let mut users: Vec<(u32, UnitName)> = listed
        .iter()
        .filter(up)
        .filter_map(|unit| Some((uid_of(&unit.0)?, UnitName::parse(&unit.0).ok()?)))
        .collect();
    order::sort(&mut users);
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let pids = link.ask(|link| {
        let call = |(_, unit): &(u32, UnitName)| queries::get(link, unit, queries::MAIN_PID);
        users.iter().map(call).collect()
    })?;
    let pids = pids.into_iter();
    let pids = pids.map(|answer| queries::value::<u32>(answer).unwrap_or(0));
    let found = users.into_iter().zip(pids);
    Ok(found
        .filter(|(_, main_pid)| *main_pid > 0)
        .map(|((uid, _), main_pid)| RunningUser { uid, main_pid })
        .collect())
}

/// A user's manager knows no init scripts: links to one of the same name say nothing of its unit.
pub(super) fn without_scripts(mut found: Vec<UnitFacts>) -> Vec<UnitFacts> {
    for unit in found.iter_mut().filter(|unit| unit.is_missing()) {
        unit.file = Known::Is(FileState::Other("not-found".to_owned()));
    }
    found
}
