//! What is left when nothing more can be done: how long and how often is tried, what is said of it,
//! and what may be done twice or must not.

use std::cell::RefCell;
use std::time::Duration;

use rcpolicy::act::{Bounds, carry_out_within, kill};
use rcpolicy::decide::Plan;
use rcpolicy::domain::{
    Capabilities, Contact, InitKind, Job, JobFailure, JobOutcome, Known, Machine, Seen, SeenJob,
    UnitFacts, UnitName, Verb, Wait,
};
use rcpolicy::init::simulated::{Break, Flavour, Image, Interruption, Simulated, Spec};
use rcpolicy::init::{Depth, Init, InitError, Onlooker};

use crate::world::{MS, Standing, act, counts, job, kinds, machine, unit};

fn up() -> Simulated {
    machine(&[kinds(&[Standing::Up])[0]])
}

fn broken(at: Break) -> Option<Interruption> {
    Some(Interruption { at, closed: 0 })
}

fn plan(verb: Verb) -> Plan {
    Plan {
        main: vec![job(verb)],
        ..Plan::default()
    }
}

#[test]
fn what_is_never_read_is_given_up_in_the_end_and_owed() {
    let mut machine = up();
    let lost_each_time = (0..200).map(|at| broken(Break::Before(0)).filter(|_| at % 2 == 0));
    machine.interrupt(lost_each_time);
    let report = act(&mut machine, &[job(Verb::Restart)], Wait::Done);
    let left: Vec<_> = report.unsettled().collect();
    let [(owed, JobFailure::Lost(loss))] = left[..] else {
        panic!("{left:?}");
    };
    assert_eq!(*owed, job(Verb::Restart));
    assert_eq!(loss.contact, Contact::Unread);
    assert_eq!(
        loss.why,
        "asked 20 times, and lost each time: the connection was closed"
    );
    assert_eq!(counts(&machine, &unit(0)).starts, 0);
}

#[test]
fn a_job_that_outlasts_the_limit_runs_on_and_is_owed() {
    let mut machine = up();
    machine.interrupt([broken(Break::Later(0))]);
    let limit = Duration::from_millis(5);
    let bounds = Bounds {
        limit: Some(limit),
        ..Bounds::default()
    };
    let report = carry_out_within(
        &plan(Verb::Restart),
        Wait::Done,
        &mut machine,
        None,
        &bounds,
    );
    let report = report.unwrap();
    let left: Vec<_> = report.unsettled().collect();
    assert!(
        matches!(left[..], [(_, JobFailure::TimedOut { seconds: 0 })]),
        "{left:?}"
    );
    machine.pass(100 * MS);
    assert_eq!(counts(&machine, &unit(0)).starts, 1);
}

#[test]
fn an_init_that_stays_away_is_named_and_the_request_is_owed() {
    let mut machine = up();
    let away = Interruption {
        at: Break::Unanswered(1),
        closed: 100_000 * MS,
    };
    machine.interrupt([Some(away)]);
    let report = act(&mut machine, &[job(Verb::Restart)], Wait::Done);
    let left: Vec<_> = report.unsettled().collect();
    let [(_, JobFailure::Lost(loss))] = left[..] else {
        panic!("{left:?}");
    };
    assert_eq!(loss.contact, Contact::Sent);
    assert!(
        loss.why
            .ends_with("cannot reach the simulated init: nobody listens"),
        "{}",
        loss.why
    );
}

#[test]
fn a_request_that_nobody_waits_for_is_queued_once() {
    for at in [
        Break::Before(0),
        Break::Before(1),
        Break::Unanswered(1),
        Break::Later(0),
    ] {
        let mut machine = up();
        machine.interrupt([broken(at)]);
        let report = act(&mut machine, &[job(Verb::Restart)], Wait::Queued);
        assert_eq!(
            report.outcomes,
            [(job(Verb::Restart), JobOutcome::Queued)],
            "{at:?}"
        );
        assert!(machine.view(&unit(0)).unwrap().has_job);
        machine.pass(100 * MS);
        assert_eq!(counts(&machine, &unit(0)).starts, 1, "{at:?}");
    }
}

#[test]
fn a_job_that_another_took_the_place_of_is_done_where_that_one_did_it() {
    let mut machine = up();
    // The restart is canceled by a stop, and that by a start.
    machine.ask_later(2 * MS, &job(Verb::Stop));
    machine.ask_later(3 * MS, &job(Verb::Start));
    let report = act(&mut machine, &[job(Verb::Restart)], Wait::Done);
    assert_eq!(report.outcomes, [(job(Verb::Restart), JobOutcome::Done)]);
    assert_eq!(counts(&machine, &unit(0)).starts, 1);
}

#[test]
fn a_job_that_another_took_the_place_of_stays_canceled_otherwise() {
    let mut machine = up();
    machine.ask_later(2 * MS, &job(Verb::Stop));
    let report = act(&mut machine, &[job(Verb::Restart)], Wait::Done);
    let canceled = JobFailure::Ended {
        result: "canceled".to_owned(),
        service_result: String::new(),
    };
    assert_eq!(
        report.outcomes,
        [(job(Verb::Restart), JobOutcome::Failed(canceled))]
    );
    assert!(machine.view(&unit(0)).unwrap().active.is_down());
}

#[test]
fn a_start_that_somebody_cut_short_is_not_taken_for_one_that_ended_well() {
    let mut machine = machine(&[kinds(&[Standing::Down])[0]]);
    machine.ask_later(2 * MS, &job(Verb::Stop));
    let report = act(&mut machine, &[job(Verb::Start)], Wait::Done);
    let said: Vec<String> = report.failures().map(|(_, why)| why.to_string()).collect();
    assert_eq!(said, ["its job ended as canceled"]);
    assert_eq!(report.unsettled().count(), 0);
}

#[test]
fn holding_and_releasing_come_through_and_are_not_worth_a_word() {
    for at in [Break::Before(0), Break::Unanswered(0)] {
        let mut machine = up();
        machine.interrupt([broken(at), broken(at), broken(at), None, broken(at)]);
        let plan = Plan {
            holds: vec![unit(0)],
            releases: vec![unit(0)],
            ..plan(Verb::Restart)
        };
        let bounds = Bounds::default();
        let report = carry_out_within(&plan, Wait::Done, &mut machine, None, &bounds).unwrap();
        assert_eq!(report.warnings, Vec::<String>::new());
        assert_eq!(report.outcomes, [(job(Verb::Restart), JobOutcome::Done)]);
        assert_eq!(counts(&machine, &unit(0)).starts, 1);
    }
}

#[test]
fn what_was_started_after_a_kill_is_not_killed() {
    for (at, restarted) in [
        (Break::Before(0), false),
        (Break::Unanswered(0), false),
        (Break::Before(0), true),
        (Break::Unanswered(0), true),
    ] {
        let mut machine = up();
        if restarted {
            machine.ask_later(MS, &job(Verb::Restart));
        }
        machine.interrupt([Some(Interruption {
            at,
            closed: 30 * MS,
        })]);
        kill(&mut machine, &unit(0), &Bounds::default()).unwrap();
        let is_up = machine.view(&unit(0)).unwrap().active.is_active();
        assert_eq!(is_up, restarted, "{at:?}");
    }
}

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Told(RefCell<Vec<String>>);

impl Onlooker for Told {
    fn away(&self, _: &'static str, _: &str, _: Duration) {}
    fn back(&self, _: &'static str, _: Duration) {}
    fn working(&self, jobs: &[&Job], since: Duration) {
        let jobs: Vec<String> = jobs
            .iter()
            .map(|job| format!("{} {}", job.verb, job.unit))
            .collect();
        let line = format!("{} after {} s", jobs.join(", "), since.as_secs());
        self.0.borrow_mut().push(line);
    }
}

#[test]
fn a_long_wait_is_told_now_and_then() {
    let mut machine = up();
    let silent = Break::Silent {
        read: 0,
        after: 12_000 * MS,
    };
    machine.interrupt([broken(silent)]);
    let told = Told::default();
    let bounds = Bounds {
        onlooker: &told,
        ..Bounds::default()
    };
    let report = carry_out_within(
        &plan(Verb::Restart),
        Wait::Done,
        &mut machine,
        None,
        &bounds,
    );
    assert_eq!(
        report.unwrap().outcomes,
        [(job(Verb::Restart), JobOutcome::Done)]
    );
    let lines = told.0.into_inner();
    assert_eq!(
        lines,
        [
            "restart unit0.service after 5 s",
            "restart unit0.service after 10 s"
        ]
    );
    assert_eq!(machine.connections().len(), 0);
    machine.pass(MS);
    assert_eq!(counts(&machine, &unit(0)).starts, 1);
}

/// A machine whose unit takes so long to start, in microseconds.
fn slow(takes: u64) -> Simulated {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut spec = Spec::new(unit(0));
    spec.start_takes = takes;
    machine.add(spec, Image::Whole(1));
    machine
}

fn unlimited() -> Bounds<'static> {
    Bounds {
        limit: None,
        ..Bounds::default()
    }
}

#[test]
fn what_the_init_itself_does_not_bound_is_waited_for_however_its_answer_was_lost() {
    let mut machine = slow(1_000_000 * MS);
    machine.interrupt([broken(Break::Later(0))]);
    let bounds = unlimited();
    let report = carry_out_within(&plan(Verb::Start), Wait::Done, &mut machine, None, &bounds);
    assert_eq!(
        report.unwrap().outcomes,
        [(job(Verb::Start), JobOutcome::Done)]
    );
}

/// An init with a limit of its own, or with jobs that wait for us.
#[derive(Debug)]
struct Telling {
    machine: Simulated,
    limit: Option<Duration>,
    waits_for_us: bool,
}

impl Init for Telling {
    fn kind(&self) -> InitKind {
        self.machine.kind()
    }
    fn capabilities(&self) -> Capabilities {
        self.machine.capabilities()
    }
    fn machine(&mut self) -> Known<Machine> {
        self.machine.machine()
    }
    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        self.machine.units(names, depth)
    }
    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        self.machine.seen(units)
    }
    fn clock(&self) -> u64 {
        self.machine.clock()
    }
    fn pause(&mut self, span: Duration) {
        self.machine.pause(span);
    }
    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        self.machine.run(jobs, wait)
    }
    fn limit_of(&mut self, _: &[Job]) -> Result<Option<Duration>, InitError> {
        Ok(self.limit)
    }
    fn waiting_for_us(&mut self, jobs: &[SeenJob]) -> Result<Vec<u32>, InitError> {
        let ids = jobs.iter().filter(|_| self.waits_for_us).map(|job| job.id);
        Ok(ids.collect())
    }
    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.machine.kill(unit)
    }
    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.machine.hold(unit)
    }
    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        self.machine.release(unit)
    }
}

/// How a slow start ends whose answer was lost, and after how many seconds nobody waits any longer.
fn left(limit: Option<Duration>, waits_for_us: bool) -> (JobOutcome, u64) {
    let mut machine = slow(1_000_000 * MS);
    machine.interrupt([broken(Break::Later(0))]);
    let mut init = Telling {
        machine,
        limit,
        waits_for_us,
    };
    let begun = init.clock();
    let bounds = unlimited();
    let report = carry_out_within(&plan(Verb::Start), Wait::Done, &mut init, None, &bounds);
    let outcome = report.unwrap().outcomes.remove(0).1;
    (outcome, (init.clock() - begun) / 1_000_000)
}

#[test]
fn the_limit_that_the_init_has_is_the_limit_after_a_loss_as_well() {
    let (outcome, seconds) = left(Some(Duration::from_secs(90)), false);
    assert!(
        matches!(outcome, JobOutcome::Failed(JobFailure::TimedOut { .. })),
        "{outcome:?}"
    );
    assert!((90..110).contains(&seconds), "{seconds}");
}

#[test]
fn a_job_that_waits_for_us_is_left_to_itself_after_a_loss_as_well() {
    let (outcome, seconds) = left(None, true);
    assert_eq!(outcome, JobOutcome::Queued);
    assert!(seconds < 10, "{seconds}");
}
