//! Acting on the simulated init with a real ledger in a temporary directory.

use std::fs;

use super::*;
use crate::decide::{Decided, decide, plan_all};
use crate::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Known, Life, Machine, Phase, Request,
    Scope, ServiceName, Verb,
};
use crate::init::related::related;
use crate::init::simulated::{Flavour, Image, Simulated, Spec};
use crate::policy::Policy;

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn life() -> Life {
    Life {
        boot_id: "b".to_owned(),
        pid_namespace: 1,
        init_started: 1,
        userspace: None,
    }
}

/// A service behind a socket, both up, and a ledger.
struct World {
    init: Simulated,
    ledger: Ledger,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let mut init = Simulated::new(Flavour::Systemd, 1);
        init.add(Spec::new(name("foo")), Image::Whole(1));
        let socket = Spec::trigger(name("foo.socket"), name("foo"));
        init.add(socket, Image::Whole(1));
        for unit in ["foo.socket", "foo"] {
            let job = Job::new(Verb::Start, name(unit));
            assert_eq!(init.run(&[job], Wait::Done).unwrap(), [JobOutcome::Done]);
        }
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&directory.path().join("rcpolicy"), life());
        Self {
            init,
            ledger,
            directory,
        }
    }

    /// The plan for `action` in an upgrade.
    fn plan(&mut self, action: Action) -> Plan {
        let request = Request {
            front: FrontEnd::InvokeRcD,
            named: "foo".to_owned(),
            unit: name("foo"),
            action,
            flags: Vec::new(),
            scope: Scope::System,
            context: Context {
                package: Some("foo".to_owned()),
                script: Some("prerm".to_owned()),
                phase: Phase::Upgrade,
                batch_started: None,
            },
        };
        let unit = self
            .init
            .units(&[name("foo")], Depth::Relations)
            .unwrap()
            .remove(0);
        let facts = Facts {
            now: self.init.epoch(),
            life: Some(life()),
            init: InitKind::Simulated,
            capabilities: self.init.capabilities(),
            machine: Known::Is(Machine::Running),
            related: related(&mut self.init, &unit, &request.action).unwrap(),
            unit,
            helper: HelperAnswer::Absent,
            helper_related: Vec::new(),
        };
        let owed = self.owed();
        let policy = Policy::new(crate::policy::Origin::Current, Vec::new(), Vec::new());
        let decision = decide(&request, &facts, &policy, owed.as_ref());
        let decided = Decided {
            request: &request,
            facts: &facts,
            decision: &decision,
            owed: owed.as_ref(),
        };
        plan_all(&[decided], &policy)
    }

    fn owed(&self) -> Option<Entry> {
        let service = ServiceName::parse("foo").unwrap();
        self.ledger.read(&service).ok()?.current()
    }

    fn act(&mut self, action: Action) -> Result<Report, ActError> {
        let plan = self.plan(action);
        carry_out(&plan, Wait::Done, &mut self.init, Some(&self.ledger))
    }

    fn is_up(&self, unit: &str) -> bool {
        self.init.view(&name(unit)).unwrap().active.is_active()
    }
}

/// An init that looks into the ledger when it is asked for a job, and may fail.
struct Watching<'a> {
    inner: &'a mut Simulated,
    ledger: &'a Ledger,
    noted_before_stop: Option<bool>,
    fails: bool,
}

impl Init for Watching<'_> {
    fn kind(&self) -> InitKind {
        self.inner.kind()
    }
    fn capabilities(&self) -> crate::domain::Capabilities {
        self.inner.capabilities()
    }
    fn machine(&mut self) -> Known<Machine> {
        self.inner.machine()
    }
    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        self.inner.units(names, depth)
    }
    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        if jobs.iter().any(|job| job.verb == Verb::Stop) {
            let entries = self.ledger.all().unwrap().entries;
            self.noted_before_stop = Some(!entries.is_empty());
        }
        if self.fails {
            let failure = crate::domain::JobFailure::Ended {
                result: "failed".to_owned(),
                service_result: String::new(),
            };
            return Ok(vec![JobOutcome::Failed(failure); jobs.len()]);
        }
        self.inner.run(jobs, wait)
    }
    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.inner.kill(unit)
    }
    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.inner.hold(unit)
    }
    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.inner.release(unit)
    }
}

#[test]
fn a_stop_is_noted_before_the_init_is_asked() {
    let mut world = World::new();
    let plan = world.plan(Action::Stop);
    let mut init = Watching {
        inner: &mut world.init,
        ledger: &world.ledger,
        noted_before_stop: None,
        fails: false,
    };
    let report = carry_out(&plan, Wait::Done, &mut init, Some(&world.ledger)).unwrap();
    assert_eq!(init.noted_before_stop, Some(true));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert!(!world.is_up("foo") && !world.is_up("foo.socket"));
}

#[test]
fn when_each_unit_went_down_is_remembered_the_service_included() {
    let mut world = World::new();
    let _report = world.act(Action::Stop).unwrap();
    let facts = world
        .init
        .units(&[name("foo"), name("foo.socket")], Depth::State)
        .unwrap();
    let down = world.owed().unwrap().down.unwrap();
    assert_eq!(down.service_down_since, Some(facts[0].down_since));
    assert_eq!(down.units[0].down_since, Some(facts[1].down_since));
}

#[test]
fn the_note_is_struck_by_a_start_that_succeeded_and_not_by_one_that_failed() {
    let mut world = World::new();
    let _report = world.act(Action::Stop).unwrap();
    let before = world.owed();
    let plan = world.plan(Action::Start);
    let mut init = Watching {
        inner: &mut world.init,
        ledger: &world.ledger,
        noted_before_stop: None,
        fails: true,
    };
    let report = carry_out(&plan, Wait::Done, &mut init, Some(&world.ledger)).unwrap();
    assert!(report.failures().count() > 0);
    assert_eq!(world.owed(), before);
    let _report = world.act(Action::Start).unwrap();
    assert_eq!(world.owed(), None);
    assert!(world.is_up("foo") && world.is_up("foo.socket"));
}

#[test]
fn where_nothing_can_be_noted_nothing_is_stopped() {
    let mut world = World::new();
    fs::write(world.directory.path().join("rcpolicy"), "a file").unwrap();
    let error = world.act(Action::Stop).unwrap_err();
    assert!(matches!(error, ActError::Note(_)), "{error}");
    assert!(world.is_up("foo") && world.is_up("foo.socket"));
    let plan = world.plan(Action::Stop);
    let none = carry_out(&plan, Wait::Done, &mut world.init, None);
    assert!(matches!(none, Err(ActError::NoLife)));
    assert!(world.is_up("foo"));
}

#[test]
fn a_damaged_note_is_set_aside_and_said_in_words() {
    let mut world = World::new();
    drop(world.ledger.lock().unwrap());
    let file = world.directory.path().join("rcpolicy/ledger/foo.json");
    let plan = world.plan(Action::Stop);
    fs::write(file, "{").unwrap();
    let report = carry_out(&plan, Wait::Done, &mut world.init, Some(&world.ledger)).unwrap();
    let warning = report.warnings.join("\n");
    assert!(
        warning.starts_with("set damaged ledger entry `"),
        "{warning}"
    );
}
