//! Acting on the simulated init with a real ledger in a temporary directory.

use std::fs;

use super::*;
use crate::decide::{Decided, Part, decide, plan_all};
use crate::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Known, Machine, Phase, Request,
    Scope, Verb,
};
use crate::init::related::related;
use crate::policy::Policy;
use crate::testing::{Room, Watched, life, name};

impl Room {
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
                batch_began: None,
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
            part: Part::Named,
        };
        plan_all(&[decided], &policy)
    }

    fn act(&mut self, action: Action) -> Result<Report, ActError> {
        let plan = self.plan(action);
        let ledger = self.ledger();
        carry_out(&plan, Wait::Done, &mut self.init, Some(&ledger))
    }
}

#[test]
fn a_stop_is_noted_before_the_init_is_asked() {
    let mut room = Room::new();
    let plan = room.plan(Action::Stop);
    let ledger = room.ledger();
    let mut noted = Vec::new();
    let mut init = Watched::new(&mut room.init);
    init.before = Box::new(|jobs| {
        let stops = jobs.iter().any(|job| job.verb == Verb::Stop);
        noted.extend(stops.then(|| ledger.all().unwrap().entries.len()));
        None
    });
    let report = carry_out(&plan, Wait::Done, &mut init, Some(&ledger)).unwrap();
    drop(init);
    assert_eq!(noted, [1]);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert!(!room.is_up("foo") && !room.is_up("foo.socket"));
}

#[test]
fn when_each_unit_went_down_is_remembered_the_service_included() {
    let mut room = Room::new();
    let _report = room.act(Action::Stop).unwrap();
    let facts = room
        .init
        .units(&[name("foo"), name("foo.socket")], Depth::State)
        .unwrap();
    let down = room.owed().unwrap().down.unwrap();
    assert_eq!(down.service_down_since, Some(facts[0].down_since));
    assert_eq!(down.units[0].down_since, Some(facts[1].down_since));
}

#[test]
fn the_note_is_struck_by_a_start_that_succeeded_and_not_by_one_that_failed() {
    let mut room = Room::new();
    let _report = room.act(Action::Stop).unwrap();
    let before = room.owed();
    let plan = room.plan(Action::Start);
    let ledger = room.ledger();
    let mut init = Watched::failing(&mut room.init);
    let report = carry_out(&plan, Wait::Done, &mut init, Some(&ledger)).unwrap();
    drop(init);
    assert!(report.failures().count() > 0);
    assert_eq!(room.owed(), before);
    let _report = room.act(Action::Start).unwrap();
    assert_eq!(room.owed(), None);
    assert!(room.is_up("foo") && room.is_up("foo.socket"));
}

#[test]
fn where_nothing_can_be_noted_nothing_is_stopped() {
    let mut room = Room::new();
    fs::write(room.directory.path().join("rcpolicy"), "a file").unwrap();
    let error = room.act(Action::Stop).unwrap_err();
    assert!(matches!(error, ActError::Note(_)), "{error}");
    assert!(room.is_up("foo") && room.is_up("foo.socket"));
    let plan = room.plan(Action::Stop);
    let none = carry_out(&plan, Wait::Done, &mut room.init, None);
    assert!(matches!(none, Err(ActError::NoLife)));
    assert!(room.is_up("foo"));
}

#[test]
fn a_damaged_note_is_set_aside_and_said_in_words() {
    let mut room = Room::new();
    drop(room.ledger().lock().unwrap());
    let file = room.directory.path().join("rcpolicy/ledger/foo.json");
    let plan = room.plan(Action::Stop);
    fs::write(file, "{").unwrap();
    let ledger = room.ledger();
    let report = carry_out(&plan, Wait::Done, &mut room.init, Some(&ledger)).unwrap();
    let warning = report.warnings.join("\n");
    assert!(
        warning.starts_with("set damaged ledger entry `"),
        "{warning}"
    );
}
