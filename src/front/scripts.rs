//! Init scripts as an init, as far as a group needs one: which of them run, by their own `status`, where
//! each stands in the order of the links, and one job after the other. Nothing starts on demand, and
//! nothing is known of what a script does not tell.

use std::path::{Path, PathBuf};

use crate::domain::{
    ActiveState, InitKind, Job, JobFailure, JobOutcome, Known, LoadState, Machine, UnitFacts,
    UnitKind, UnitName, Verb, Wait,
};
use crate::init::{Depth, Init, InitError};
use crate::observe::detect::{INIT_SCRIPTS, is_executable};
use crate::observe::links;

use super::script::{Descriptors, Script, Surroundings};

/// The init scripts of one machine.
#[derive(Debug)]
pub(super) struct Scripts {
    kind: InitKind,
    root: PathBuf,
    /// Empty where nobody could tell it.
    runlevel: String,
    surroundings: Surroundings,
}

impl Scripts {
    /// Those of this machine, which runs `runlevel`, as their caller would run them.
    pub(super) fn here(kind: InitKind, runlevel: &str) -> Self {
        Self {
            kind,
            root: PathBuf::from("/"),
            runlevel: runlevel.to_owned(),
            surroundings: Surroundings::Callers,
        }
    }

    /// The same below `root`, as `service` would run them.
    pub(super) fn in_plain_surroundings(self, root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            surroundings: Surroundings::Plain,
            ..self
        }
    }

    fn directory(&self) -> PathBuf {
        self.root.join(INIT_SCRIPTS.trim_start_matches('/'))
    }

    fn script(&self, unit: &UnitName) -> Script {
        let name = unit.service().to_string();
        Script {
            path: self.directory().join(&name).display().to_string(),
            name,
            init: self.kind,
            descriptors: Descriptors::Kept,
            surroundings: self.surroundings,
        }
    }

    fn facts(&self, unit: &UnitName) -> UnitFacts {
        let mut facts = UnitFacts::unknown(unit, "its init script does not tell");
        let script = self.script(unit);
        if !is_executable(&script.path) || unit.kind() != UnitKind::Service {
            facts.load = Known::Is(LoadState::NotFound);
            facts.active = Known::Is(ActiveState::Inactive);
            return facts;
        }
        facts.load = Known::Is(LoadState::Loaded);
        facts.active = script.state();
        let number = links::number(&self.root, &self.runlevel, &script.name);
        facts.start_number = number.unwrap_or(links::NO_NUMBER);
        facts
    }

    /// Runs the script with the word for `verb`. What there is to say the script says itself.
    fn end(&self, unit: &UnitName, verb: Verb) -> JobOutcome {
        let script = self.script(unit);
        let (ending, trouble) = script.run(word(verb), &[]);
        // A stop that has nothing to stop is none that failed.
        let is_over = || verb == Verb::Stop && script.state().is_and(|state| state.is_down());
        if ending == 0 || is_over() {
            return JobOutcome::Done;
        }
        JobOutcome::Failed(match trouble {
            None => JobFailure::Exited { status: ending },
            Some(trouble) => JobFailure::Ended {
                result: "failed".to_owned(),
                service_result: trouble,
            },
        })
    }
}

impl Init for Scripts {
    fn kind(&self) -> InitKind {
        self.kind
    }

    fn machine(&mut self) -> Known<Machine> {
        Known::default()
    }

    fn units(&mut self, names: &[UnitName], _: Depth) -> Result<Vec<UnitFacts>, InitError> {
        Ok(names.iter().map(|name| self.facts(name)).collect())
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        let unlisted = |error: std::io::Error| InitError::NotHere {
            init: "init scripts",
            why: format!("cannot list {INIT_SCRIPTS}: {error}"),
        };
        let directory = std::fs::read_dir(self.directory()).map_err(unlisted)?;
        let names = directory.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let meant = |name: &String| {
            beginnings.iter().any(|text| name.starts_with(text)) && !is_leftover(name)
        };
        let units = names.filter(meant).map(|name| UnitName::of_script(&name));
        Ok(units.filter_map(Result::ok).collect())
    }

    /// One after the other. Each is waited for, whatever was asked.
    fn run(&mut self, jobs: &[Job], _: Wait) -> Result<Vec<JobOutcome>, InitError> {
        let outcomes = jobs.iter().map(|job| self.end(&job.unit, job.verb));
        Ok(outcomes.collect())
    }

    fn kill(&mut self, _: &UnitName) -> Result<(), InitError> {
        Err(InitError::NotHere {
            init: "init scripts",
            why: "nobody knows a script's processes".to_owned(),
        })
    }

    fn hold(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }

    fn release(&mut self, _: &UnitName) -> Result<(), InitError> {
        Ok(())
    }
}

/// Whether a file is another version of a script, which says of the same service that it runs: what dpkg
/// is about to put in place or has put aside, and what editors leave.
fn is_leftover(name: &str) -> bool {
    let by_tools = [".dpkg-", ".ucf-"];
    let endings = ["~", ".bak", ".new", ".old", ".orig", ".save", ".swp"];
    by_tools.iter().any(|text| name.contains(text)) || endings.iter().any(|end| name.ends_with(end))
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Restart => "restart",
        Verb::TryRestart => "try-restart",
        Verb::Reload => "reload",
        Verb::ReloadOrRestart => "force-reload",
    }
}
