//! Init scripts as an init, as far as a group needs one: which of them run, by their own `status`, and one
//! job after the other. Nothing starts on demand, and nothing is known of what a script does not tell.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::{
    ActiveState, InitKind, Job, JobFailure, JobOutcome, Known, LoadState, Machine, UnitFacts,
    UnitKind, UnitName, Verb, Wait,
};
use crate::init::{Depth, Init, InitError};
use crate::observe::detect::{INIT_SCRIPTS, is_executable, script_path};

use super::script::{Descriptors, Script, Surroundings};

/// The machine's init scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    kind: InitKind,
    /// What the last word for each ended with.
    endings: BTreeMap<UnitName, u8>,
}

impl Scripts {
    pub(super) fn under(kind: InitKind) -> Self {
        Self {
            kind,
            endings: BTreeMap::new(),
        }
    }

    /// What the last script of `unit` ended with.
    pub(super) fn ending_of(&self, unit: &UnitName) -> Option<u8> {
        self.endings.get(unit).copied()
    }

    fn script(&self, unit: &UnitName) -> Script {
        let name = unit.service().to_string();
        Script {
            path: script_path(&name),
            name,
            init: self.kind,
            descriptors: Descriptors::Kept,
            surroundings: Surroundings::Callers,
        }
    }

    fn facts(&self, unit: &UnitName) -> UnitFacts {
        let mut facts = UnitFacts::unknown(unit, "its init script does not tell");
        let there = is_executable(&script_path(unit.service().as_str()));
        if !there || unit.kind() != UnitKind::Service {
            facts.load = Known::Is(LoadState::NotFound);
            facts.active = Known::Is(ActiveState::Inactive);
            return facts;
        }
        facts.load = Known::Is(LoadState::Loaded);
        facts.active = self.script(unit).state();
        facts
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
        let directory = std::fs::read_dir(Path::new(INIT_SCRIPTS)).map_err(unlisted)?;
        let names = directory.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let meant = |name: &String| beginnings.iter().any(|text| name.starts_with(text));
        let units = names.filter(meant).map(|name| UnitName::of_script(&name));
        Ok(units.filter_map(Result::ok).collect())
    }

    /// One after the other. Each is waited for, whatever was asked.
    fn run(&mut self, jobs: &[Job], _: Wait) -> Result<Vec<JobOutcome>, InitError> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            // What there is to say the script says itself.
            let (ending, _) = self.script(&job.unit).run(word(job.verb), &[]);
            self.endings.insert(job.unit.clone(), ending);
            outcomes.push(match ending {
                0 => JobOutcome::Done,
                ending => JobOutcome::Failed(JobFailure::Ended {
                    result: "failed".to_owned(),
                    service_result: format!("exit status {ending}"),
                }),
            });
        }
        Ok(outcomes)
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

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "start",
        Verb::Stop => "stop",
        Verb::Restart | Verb::TryRestart => "restart",
        Verb::Reload | Verb::ReloadOrRestart => "force-reload",
    }
}
