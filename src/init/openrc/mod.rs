//! OpenRC: its services' states read from /run/openrc, all that changes them done by rc-service. All that is
//! written there is a value of a service's, which nobody else reads (`memory`).
//! It observes and carries out; it decides nothing, and what is said rc-service says itself.

mod daemons;
mod memory;
mod places;
mod runlevels;
mod script;
mod standing;
mod survey;
mod times;
mod tool;
mod work;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use self::memory::Moment;
use self::places::Places;
use self::script::Script;
pub use self::script::is_openrcs;
use self::standing::{Standing, State};
use self::survey::Survey;
use self::tool::{Surroundings, Tool};
use self::work::Work;
use super::{Depth, Init, InitError};
use crate::domain::{
    ActiveState, InitKind, Job, JobFailure, JobOutcome, Known, LoadState, Machine, Seen, SeenJob,
    UnitFacts, UnitName, Verb, Wait,
};

/// How long a job may take where nobody says otherwise: several times the minute that OpenRC itself waits
/// for another service.
const LIMIT: Duration = Duration::from_secs(600);

/// OpenRC. Nothing is looked at before the first question.
#[derive(Debug)]
pub struct Openrc {
    /// How long a job may take before it is left to itself. rc-service has no limit of its own.
    pub limit: Duration,
    places: Places,
    tool: Tool,
    /// What its caller wants each service's script to be given after the action.
    arguments: BTreeMap<UnitName, Vec<OsString>>,
    /// What a call begins with.
    survey: Survey,
}

impl Default for Openrc {
    fn default() -> Self {
        Self::new()
    }
}

impl Openrc {
    /// The machine's.
    pub fn new() -> Self {
        Self::at(Places::system())
    }

    fn at(places: Places) -> Self {
        Self {
            limit: LIMIT,
            places,
            tool: Tool {
                surroundings: Surroundings::Callers,
            },
            arguments: BTreeMap::new(),
            survey: Survey::Due,
        }
    }

    /// Lets a job take this long.
    #[must_use]
    pub fn waiting(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts what is started with the variables and the directory of the boot, whoever calls us.
    #[must_use]
    pub fn in_plain_surroundings(mut self) -> Self {
        self.tool.surroundings = Surroundings::Plain;
        self
    }

    fn facts(&self, unit: &UnitName, depth: Depth) -> UnitFacts {
        let Some(script) = Script::of(&self.places, unit) else {
            return self.not_ours(unit);
        };
        let mut facts = UnitFacts::unknown(unit, "");
        facts.load = Known::Is(LoadState::Loaded);
        facts.file = runlevels::file_state(&self.places, &script.name);
        facts.source_path = Known::Is(String::new());
        facts.can_reload = Known::Is(script.knows("reload"));
        match Standing::of(&self.places, &script.name) {
            Ok(standing) => self.describe(&mut facts, &script, &standing),
            Err(why) => facts.active = Known::Unknown(why),
        }
        if depth == Depth::Relations {
            facts.required_by = self.needing(&script);
        }
        facts
    }

    /// What has no script of OpenRC's; an init script of another kind is to be run as under sysvinit.
    fn not_ours(&self, unit: &UnitName) -> UnitFacts {
        let mut facts = UnitFacts::unknown(unit, "OpenRC keeps no state of it");
        facts.load = Known::Is(LoadState::NotFound);
        let path = Script::path_of(&self.places, unit);
        if path.is_none() {
            facts.active = Known::Is(ActiveState::Inactive);
        }
        let path = path.map(|path| path.display().to_string());
        facts.source_path = Known::Is(path.unwrap_or_default());
        facts
    }

    fn describe(&self, facts: &mut UnitFacts, script: &Script, standing: &Standing) {
        facts.active = Known::Is(standing.active());
        facts.main_pid = standing.main().map_or(0, |main| main.pid);
        facts.invocation = standing.invocation();
        if let Some(down) = self.down_since(script, standing) {
            facts.down_since = down.monotonic;
            facts.down_since_epoch = down.epoch;
        }
    }

    /// When it went down, as exactly as is known.
    fn down_since(&self, script: &Script, standing: &Standing) -> Option<Moment> {
        if standing.state != State::Stopped {
            return None;
        }
        memory::recall(&self.places, &script.name).or_else(|| {
            let last = standing::last_change(&self.places).and_then(times::moment)?;
            memory::note(&self.places, &script.name, last);
            Some(last)
        })
    }

    /// Has it noted of `name`, where that is down, that it went down then.
    fn keep(&self, name: &str, down: Moment) {
        let is_down = State::of(&self.places, name) == Ok(State::Stopped);
        if is_down && memory::recall(&self.places, name) != Some(down) {
            memory::note(&self.places, name, down);
        }
    }

    fn needing(&self, script: &Script) -> Vec<UnitName> {
        let names = self.tool.needing(&self.places, &script.name).into_iter();
        let there = names.filter(|name| self.places.scripts.join(name).exists());
        let units = there.map(|name| UnitName::of_script(&name));
        units.filter_map(Result::ok).collect()
    }

    fn see(&self, unit: &UnitName) -> Seen {
        let Some(script) = Script::of(&self.places, unit) else {
            return Seen {
                load: Known::Is(LoadState::NotFound),
                ..Seen::unknown(unit, "OpenRC keeps no state of it")
            };
        };
        let standing = match Standing::of(&self.places, &script.name) {
            Ok(standing) => standing,
            Err(why) => return Seen::unknown(unit, &why),
        };
        let begun = standing
            .begun
            .map(|begun| (begun.seconds, begun.nanoseconds));
        let begun = begun.and_then(times::moment);
        let begun = begun.map_or(0, |moment| moment.monotonic);
        let main = standing.main();
        let down = self.down_since(&script, &standing);
        Seen {
            load: Known::Is(LoadState::Loaded),
            active: Known::Is(standing.active()),
            invocation: standing.invocation(),
            main_pid: main.map_or(0, |main| main.pid),
            started: main.map_or(begun, |main| main.started()),
            changed: down.map_or(begun, |down| down.monotonic),
            job: Known::Is(self.job(&script, &standing)),
            ..Seen::unknown(unit, "")
        }
    }

    /// What somebody is doing with it.
    fn job(&self, script: &Script, standing: &Standing) -> Option<SeenJob> {
        let (places, name) = (&self.places, script.name.as_str());
        let (verb, at_work) = match standing.state {
            State::Starting => (Some(Verb::Start), standing::is_at_work(places, name)),
            State::Stopping => (Some(Verb::Stop), standing::is_at_work(places, name)),
            State::Stopped => (None, standing::is_between(places, name)),
            State::Started | State::Inactive => return None,
        };
        at_work.then_some(SeenJob { id: 0, verb })
    }

    fn one(&mut self, job: &Job) -> JobOutcome {
        let Some(script) = Script::of(&self.places, &job.unit) else {
            return JobOutcome::Failed(JobFailure::Refused {
                name: "org.freedesktop.DBus.Error.FileNotFound".to_owned(),
                message: format!("OpenRC has no service {}", job.unit.service()),
            });
        };
        let begun = Instant::now();
        let mut work = Work {
            places: &self.places,
            tool: &self.tool,
            script: &script,
            end: begun.checked_add(self.limit).unwrap_or(begun),
            limit: self.limit,
            arguments: self.arguments.get(&job.unit).map_or(&[], Vec::as_slice),
            found: None,
        };
        let done = work.carry_out(job.verb);
        let down = match work.found {
            // What was down already went down when it did: a start that fails takes the note of that away.
            Some((State::Stopped, noted)) => noted,
            Some(_) if job.verb == Verb::Stop && done.is_ok() => Some(times::now()),
            Some(_) | None => None,
        };
        if let Some(down) = down {
            self.keep(&script.name, down);
        }
        match done {
            Ok(()) => JobOutcome::Done,
            Err(failure) => JobOutcome::Failed(failure),
        }
    }
}

impl Init for Openrc {
    fn kind(&self) -> InitKind {
        InitKind::Openrc
    }

    fn machine(&mut self) -> Known<Machine> {
        runlevels::machine(&self.places)
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        self.survey.take(&self.places);
        Ok(names.iter().map(|unit| self.facts(unit, depth)).collect())
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        let unlisted = |error: std::io::Error| InitError::NotHere {
            init: "OpenRC",
            why: format!("cannot list {}: {error}", self.places.scripts.display()),
        };
        let entries = std::fs::read_dir(&self.places.scripts).map_err(unlisted)?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let meant = |name: &String| beginnings.iter().any(|text| name.starts_with(text));
        let units = names.filter(meant).map(|name| UnitName::of_script(&name));
        let ours = |unit: &UnitName| Script::of(&self.places, unit).is_some();
        Ok(units.filter_map(Result::ok).filter(ours).collect())
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        self.survey.take(&self.places);
        Ok(units.iter().map(|unit| self.see(unit)).collect())
    }

    /// One after the other. Each is waited for, whatever was asked: rc-service cannot do otherwise.
    fn run(&mut self, jobs: &[Job], _: Wait) -> Result<Vec<JobOutcome>, InitError> {
        self.survey.take(&self.places);
        Ok(jobs.iter().map(|job| self.one(job)).collect())
    }

    /// rc-service gives them to the script. openrc-run takes each as an action, or an option, of its own.
    fn hand_on(&mut self, unit: &UnitName, arguments: &[OsString]) {
        self.arguments.insert(unit.clone(), arguments.to_vec());
    }

    fn kill(&mut self, _: &UnitName) -> Result<(), InitError> {
        Err(InitError::NotHere {
            init: "OpenRC",
            why: "it does not know all processes of a service".to_owned(),
        })
    }

    /// Nothing starts a service of OpenRC's by a call on the bus.
    fn hold(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }

    fn release(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
