//! Jobs that wait for us: a job ordered after the unit that we run in cannot begin before that unit's
//! own job has ended, which waits for us. So it is with a service that a unit of the boot restarts.
//! It asks and tells; what becomes of such a job is the caller's to say.

use std::collections::{HashSet, VecDeque};

use zbus::Message;
use zbus::wire::OwnedObjectPath;

use super::names::{JOB, MANAGER, MANAGER_PATH, UNIT};
use super::queries::{get_at, value};
use crate::init::InitError;
use crate::init::dbus::connection::{Answer, Connection, body};
use crate::init::dbus::link::{Dial, Link};

/// More jobs than these are not looked at: a boot has some hundreds.
const MOST: usize = 512;

/// Puts calls and returns their answers, in order.
pub(super) trait Ask {
    /// Sends what `calls` makes of the connection there is.
    fn ask(
        &mut self,
        calls: &dyn Fn(&Connection) -> Result<Vec<Message>, InitError>,
    ) -> Result<Vec<Answer>, InitError>;
}

/// Where no jobs are watched.
impl<D: Dial> Ask for Link<D> {
    fn ask(
        &mut self,
        calls: &dyn Fn(&Connection) -> Result<Vec<Message>, InitError>,
    ) -> Result<Vec<Answer>, InitError> {
        Link::ask(self, calls)
    }
}

/// As `GetBefore` tells of a job: number, unit, type, state, path, the unit's path.
type JobLine = (
    u32,
    String,
    String,
    String,
    OwnedObjectPath,
    OwnedObjectPath,
);

/// Those of `jobs`, by path, that cannot begin before we have ended.
pub(super) fn for_us(ask: &mut dyn Ask, jobs: &[String]) -> Result<Vec<String>, InitError> {
    let Some(own) = own_job(ask)? else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for job in jobs.iter().filter(|job| **job != own) {
        if is_waiting(ask, job)? && comes_after(ask, job, &own)? {
            found.push(job.clone());
        }
    }
    Ok(found)
}

/// The job of the unit that this process belongs to, where it has one.
fn own_job(ask: &mut dyn Ask) -> Result<Option<String>, InitError> {
    let pid = std::process::id();
    let unit = one(ask, &|link| {
        link.call(MANAGER_PATH, MANAGER, "GetUnitByPID", &pid)
    })?;
    let Ok(unit) = body::<OwnedObjectPath>(unit) else {
        // Not in a unit.
        return Ok(None);
    };
    let job = one(ask, &|link| get_at(link, unit.as_str(), (UNIT, "Job")))?;
    let job = value::<(u32, OwnedObjectPath)>(job).ok();
    Ok(job
        .filter(|(id, _)| *id != 0)
        .map(|(_, path)| path.as_str().to_owned()))
}

/// Whether one of `jobs`, by path, waits for others.
pub(super) fn is_any_waiting(ask: &mut dyn Ask, jobs: &[String]) -> Result<bool, InitError> {
    for job in jobs {
        if is_waiting(ask, job)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_waiting(ask: &mut dyn Ask, job: &str) -> Result<bool, InitError> {
    let state = one(ask, &|link| get_at(link, job, (JOB, "State")))?;
    Ok(value::<String>(state).is_ok_and(|state| state == "waiting"))
}

/// Whether `job` begins only when `own` has ended, whatever lies between.
fn comes_after(ask: &mut dyn Ask, job: &str, own: &str) -> Result<bool, InitError> {
    let mut open = VecDeque::from([job.to_owned()]);
    let mut known = HashSet::from([job.to_owned()]);
    while let Some(next) = open.pop_front() {
        let before = one(ask, &|link| link.call(&next, JOB, "GetBefore", &()))?;
        for (_, _, _, _, path, _) in body::<Vec<JobLine>>(before).unwrap_or_default() {
            if path.as_str() == own {
                return Ok(true);
            }
            if known.len() < MOST && known.insert(path.as_str().to_owned()) {
                open.push_back(path.as_str().to_owned());
            }
        }
    }
    Ok(false)
}

fn one(
    ask: &mut dyn Ask,
    call: &dyn Fn(&Connection) -> Result<Message, InitError>,
) -> Result<Answer, InitError> {
    let answer = ask.ask(&|link| Ok(vec![call(link)?]))?.pop();
    Ok(answer.unwrap_or_else(|| Err(super::no_answer())))
}
