//! Any init that supervises as the supervisor of an update: its own answers, waited for with its limits.

use std::time::Duration;

use super::record::{Before, Mark};
use super::supervisor::Supervisor;
use super::tree::Part;
use crate::domain::{
    ActiveState, Job, JobOutcome, Known, LoadState, Seen, ServiceName, UnitName, Verb, Wait,
};
use crate::init::{Init, Run};

/// Between two looks at a service that has to stay up.
const PAUSE: Duration = Duration::from_millis(20);

/// Who is asked about one service, and the name that it goes by there.
pub struct Asked {
    /// The init, looking where that service is.
    pub init: Box<dyn Init>,
    /// Its name there.
    pub unit: UnitName,
}

/// How long an update waits for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// So long it has to have been up without a break to count as up.
    pub steady: Duration,
    /// After so long one that was not is given up.
    pub limit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // Supervisors start what ends at once again after a second.
            steady: Duration::from_secs(1),
            limit: Duration::from_secs(10),
        }
    }
}

/// Supervisors that are asked over [`Init`].
pub struct ByInit<'a> {
    /// Whom to ask about a part of a service; nobody where its init cannot be asked.
    find: &'a dyn Fn(&ServiceName, Part) -> Option<Asked>,
    patience: Patience,
}

impl<'a> ByInit<'a> {
    /// With `find` telling whom to ask.
    pub fn new(find: &'a dyn Fn(&ServiceName, Part) -> Option<Asked>, patience: Patience) -> Self {
        Self { find, patience }
    }

    fn asked(&self, service: &ServiceName, part: Part) -> Result<Asked, String> {
        (self.find)(service, part).ok_or_else(|| "its supervisor cannot be asked".to_owned())
    }
}

impl Supervisor for ByInit<'_> {
    fn found(&mut self, service: &ServiceName, part: Part) -> Result<Before, String> {
        let patience = self.patience.limit;
        self.asked(service, part)?.found(patience)
    }

    fn take_down(&mut self, service: &ServiceName, part: Part) -> Result<(), String> {
        let mut asked = self.asked(service, part)?;
        if asked.found(self.patience.limit)? == Before::Unsupervised {
            return Ok(());
        }
        asked.run(Verb::Stop)?;
        let seen = asked.look()?;
        let gone = seen.load.is_and(|load| *load == LoadState::NotFound);
        match gone || seen.active.is_and(|active| active.is_down()) {
            true => Ok(()),
            false => Err("it was taken down, and something of it still runs".to_owned()),
        }
    }

    fn mark(&mut self, service: &ServiceName, part: Part) -> Option<Mark> {
        let mut asked = self.asked(service, part).ok()?;
        let noted = asked.init.noted(&asked.unit)?;
        Some(Mark {
            since: noted.since,
            version: noted.version,
        })
    }

    fn bring_up(&mut self, service: &ServiceName, part: Part) -> Result<(), String> {
        let mut asked = self.asked(service, part)?;
        asked.run(Verb::Start)?;
        asked.stays_up(self.patience)
    }
}

impl Asked {
    fn look(&mut self) -> Result<Seen, String> {
        let seen = self.init.seen(std::slice::from_ref(&self.unit));
        let seen = seen.map_err(|error| error.to_string())?;
        let first = seen.into_iter().next();
        first.ok_or_else(|| "it cannot be seen".to_owned())
    }

    /// What is only without a supervisor at the moment is waited for, for as long as `patience`: nothing is known of
    /// it before the next one has come.
    fn found(&mut self, patience: Duration) -> Result<Before, String> {
        let begun = self.init.clock();
        let mut seen = self.look()?;
        while seen.active.is_unknown() && self.since(begun) < patience {
            self.init.pause(PAUSE);
            seen = self.look()?;
        }
        if seen.load.is_and(|load| *load == LoadState::NotFound) {
            return Ok(Before::Unsupervised);
        }
        let noted = self.init.noted(&self.unit);
        if noted.is_some_and(|noted| noted.run == Run::Once) {
            return Ok(Before::Once);
        }
        match seen.active {
            Known::Is(ActiveState::Active | ActiveState::Reloading | ActiveState::Activating) => {
                Ok(Before::Up)
            }
            Known::Is(ActiveState::Inactive | ActiveState::Failed | ActiveState::Deactivating) => {
                Ok(Before::Down)
            }
            Known::Is(ActiveState::Maintenance) => Err("it is in maintenance".to_owned()),
            Known::Unknown(why) => Err(why),
        }
    }

    fn since(&self, begun: u64) -> Duration {
        Duration::from_micros(self.init.clock().saturating_sub(begun))
    }

    fn run(&mut self, verb: Verb) -> Result<(), String> {
        let job = Job::new(verb, self.unit.clone());
        let outcomes = self.init.run(&[job], Wait::Done);
        match outcomes.map_err(|error| error.to_string())?.pop() {
            Some(JobOutcome::Done | JobOutcome::Queued) => Ok(()),
            Some(JobOutcome::Failed(failure)) => Err(failure.to_string()),
            None => Err(format!("{verb} was not answered")),
        }
    }

    /// Waits until one process has been up for long enough: what dies at once is started again and again.
    fn stays_up(&mut self, patience: Patience) -> Result<(), String> {
        let begun = self.init.clock();
        let mut since: Option<(u32, u64, u64)> = None;
        loop {
            let seen = self.look()?;
            let now = self.init.clock();
            let is_up = seen.active.is_and(|active| active.is_active());
            since = match since {
                Some((pid, started, at))
                    if is_up && (pid, started) == (seen.main_pid, seen.started) =>
                {
                    Some((pid, started, at))
                }
                _ if is_up => Some((seen.main_pid, seen.started, now)),
                _ => None,
            };
            let stood = since.map_or(0, |(_, _, at)| now.saturating_sub(at));
            if since.is_some() && Duration::from_micros(stood) >= patience.steady {
                return Ok(());
            }
            if Duration::from_micros(now.saturating_sub(begun)) >= patience.limit {
                return Err("it comes up, and does not stay up".to_owned());
            }
            self.init.pause(PAUSE);
        }
    }
}
