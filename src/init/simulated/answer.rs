//! The model as an `Init`: what it can do, what it says of its units, and how it takes jobs.

use std::time::Duration;

use crate::domain::{
    ActiveState, Capabilities, InitKind, Job, JobFailure, JobOutcome, Known, LoadState, Machine,
    Seen, UnitFacts, UnitKind, UnitName, Wait,
};
use crate::init::{Depth, Init, InitError};

use super::clock::Micros;
use super::machine::{Flavour, Simulated};
use super::unit::{Course, Unit};

/// Microseconds that somebody waits for jobs, unless time runs out before.
const PATIENCE: Micros = 90_000_000;
/// When the model's clock was at zero, in seconds since the epoch.
const EPOCH: u64 = 1_700_000_000;
const SECOND: Micros = 1_000_000;

impl Simulated {
    /// The time of the model, in seconds since the epoch.
    pub fn epoch(&self) -> u64 {
        EPOCH + self.now() / SECOND
    }

    fn facts(&self, asked: &UnitName, depth: Depth) -> UnitFacts {
        let mut facts = UnitFacts::unknown(asked, "not modelled");
        let Some(unit) = self.units.get(asked) else {
            facts.load = Known::Is(LoadState::NotFound);
            facts.active = Known::Is(ActiveState::Inactive);
            return facts;
        };
        state_of(unit, &mut facts);
        match depth {
            Depth::State => {}
            Depth::Relations => self.relations_of(unit, &mut facts),
        }
        facts
    }

    fn relations_of(&self, unit: &Unit, facts: &mut UnitFacts) {
        let name = &unit.spec.name;
        facts.triggered_by = self.triggers_of(name);
        facts.triggers.clone_from(&unit.spec.triggers);
        facts.required_by = self.with(|other| other.spec.requires.contains(name));
        facts.bus_activated = unit.spec.bus_activated;
        facts.has_fd_store = unit.spec.stores > 0;
        facts.accepts = unit.spec.accepts;
    }

    pub(super) fn ask(&mut self, job: &Job) -> Result<Option<u64>, JobFailure> {
        self.pass(self.call_takes);
        let asked = self.enqueue(job.verb, &job.unit);
        self.dispatch();
        asked
    }

    /// Lets time pass until the job has ended or patience has.
    fn wait_for(&mut self, id: u64, deadline: Micros) -> JobOutcome {
        loop {
            if let Some(end) = self.ended(id) {
                return end;
            }
            if !self.step(deadline) {
                return JobOutcome::Failed(JobFailure::TimedOut {
                    seconds: PATIENCE / SECOND,
                });
            }
        }
    }

    /// How a job ended, once it has.
    pub(super) fn ended(&self, id: u64) -> Option<JobOutcome> {
        self.results.get(&id).map(|result| match *result {
            "done" => JobOutcome::Done,
            result => ended(result),
        })
    }

    fn kill_now(&mut self, unit: &UnitName) {
        let found = self.units.get(unit);
        if found.is_some_and(|unit| unit.process.is_some()) {
            if !found.is_some_and(Unit::has_stop_pending) {
                self.end_job(unit, "failed");
            }
            self.go_down(unit, ActiveState::Failed);
            if let Some(unit) = self.units.get_mut(unit) {
                unit.result = "signal";
            }
            self.dispatch();
        }
    }

    fn set_held(&mut self, unit: &UnitName, held: bool) {
        if let Some(unit) = self.units.get_mut(unit) {
            unit.held = held;
        }
    }

    fn outcome(&mut self, asked: Result<Option<u64>, JobFailure>, wait: Wait) -> JobOutcome {
        let deadline = self.now().saturating_add(PATIENCE);
        match (asked, wait) {
            (Err(failure), _) => JobOutcome::Failed(failure),
            (Ok(None), _) => JobOutcome::Done,
            (Ok(Some(_)), Wait::Queued) => JobOutcome::Queued,
            (Ok(Some(id)), Wait::Done) => self.wait_for(id, deadline),
        }
    }
}

impl Init for Simulated {
    fn kind(&self) -> InitKind {
        self.kind
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn machine(&mut self) -> Known<Machine> {
        Known::Is(Machine::Running)
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        self.reach()?;
        Ok(names.iter().map(|name| self.facts(name, depth)).collect())
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        self.reach()?;
        let service = |name: &&UnitName| name.kind() == UnitKind::Service;
        let meant = |name: &&UnitName| {
            beginnings
                .iter()
                .any(|text| name.as_str().starts_with(text))
        };
        Ok(self
            .units
            .keys()
            .filter(service)
            .filter(meant)
            .cloned()
            .collect())
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        self.reach()?;
        Ok(units.iter().map(|name| self.seen_of(name)).collect())
    }

    fn clock(&self) -> u64 {
        self.now()
    }

    fn pause(&mut self, span: Duration) {
        self.pass(Micros::try_from(span.as_micros()).unwrap_or(Micros::MAX));
    }

    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        if let Some(interruption) = self.next_interruption()? {
            return Ok(match self.flavour {
                Flavour::Systemd => self.run_interrupted(jobs, wait, interruption),
                Flavour::Sysv | Flavour::Upstart => self.run_in_turn(jobs, interruption),
            });
        }
        match self.flavour {
            Flavour::Systemd => {
                let asked: Vec<_> = jobs.iter().map(|job| self.ask(job)).collect();
                Ok(asked.into_iter().map(|a| self.outcome(a, wait)).collect())
            }
            Flavour::Sysv | Flavour::Upstart => {
                let one_by_one = jobs.iter().map(|job| {
                    let asked = self.ask(job);
                    self.outcome(asked, Wait::Done)
                });
                Ok(one_by_one.collect())
            }
        }
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.do_over_line(|machine| machine.kill_now(unit))
    }

    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.do_over_line(|machine| machine.set_held(unit, true))
    }

    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.do_over_line(|machine| machine.set_held(unit, false))
    }
}

fn state_of(unit: &Unit, facts: &mut UnitFacts) {
    facts.load = Known::Is(match unit.is_masked() {
        true => LoadState::Masked,
        false => LoadState::Loaded,
    });
    facts.active = Known::Is(unit.active);
    facts.file = Known::Is(unit.spec.file.clone());
    facts.source_path = Known::Is(String::new());
    facts.can_reload = Known::Is(unit.spec.can_reload);
    facts.oneshot = unit.spec.course == Course::Once;
    if let Some(process) = &unit.process {
        facts.main_pid = process.pid;
        facts.invocation.clone_from(&process.invocation);
    }
    facts.down_since = unit.down_since;
    facts.down_since_epoch = match unit.down_since {
        0 => 0,
        at => EPOCH + at / SECOND,
    };
}

fn ended(result: &str) -> JobOutcome {
    JobOutcome::Failed(JobFailure::Ended {
        result: result.to_owned(),
        service_result: String::new(),
    })
}
