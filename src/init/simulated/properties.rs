//! Properties of the model that hold whatever is asked of it, in whatever order.

use proptest::prelude::*;

use super::*;
use crate::domain::{ActiveState, FileState, Job, JobFailure, JobOutcome, UnitName, Verb, Wait};
use crate::init::Init;

const MS: Micros = 1000;
const UNITS: [&str; 7] = [
    "a.service",
    "a.socket",
    "a2.socket",
    "b.service",
    "b.path",
    "c.service",
    "c.timer",
];

#[derive(Debug, Clone)]
enum Deed {
    Run(Vec<(usize, usize)>, Wait),
    Pass(u64),
    Connect(usize),
    Files(usize, u32),
    Kill(usize),
    Hold(usize),
    Release(usize),
    Found(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    let unit = 0..UNITS.len();
    let wait = prop_oneof![Just(Wait::Done), Just(Wait::Queued)];
    prop_oneof![
        4 => (prop::collection::vec((0..6_usize, unit.clone()), 1..5), wait)
            .prop_map(|(jobs, wait)| Deed::Run(jobs, wait)),
        3 => (0..60 * MS).prop_map(Deed::Pass),
        3 => unit.clone().prop_map(Deed::Connect),
        1 => (unit.clone(), 0..3_u32).prop_map(|(unit, version)| Deed::Files(unit, version)),
        1 => unit.clone().prop_map(Deed::Kill),
        1 => unit.clone().prop_map(Deed::Hold),
        1 => unit.prop_map(Deed::Release),
        1 => any::<bool>().prop_map(Deed::Found),
    ]
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    prop::collection::vec(deed(), 0..25)
}

fn name(index: usize) -> UnitName {
    UnitName::parse(UNITS[index]).unwrap()
}

/// Services that require, follow and wake each other, with two clients.
fn world(seed: u64) -> Simulated {
    let mut machine = Simulated::new(Flavour::Systemd, seed);
    for (index, text) in UNITS.iter().enumerate() {
        let mut spec = Spec::new(name(index));
        (spec.start_takes, spec.stop_takes) = (7 * MS, 11 * MS);
        spec.serve_takes = MS;
        match *text {
            "a.service" => spec.requires = vec![name(1)],
            "a.socket" | "a2.socket" => spec.triggers = vec![name(0)],
            "b.service" => {
                spec.requires = vec![name(0)];
                spec.after = vec![name(0)];
                spec.bus_activated = true;
            }
            "b.path" => spec.triggers = vec![name(3)],
            "c.service" => spec.part_of = vec![name(3)],
            _ => {
                spec.triggers = vec![name(5)];
                spec.schedule = Some(Schedule::Every(23 * MS));
            }
        }
        machine.add(spec, Image::Whole(1));
    }
    for to in [name(1), name(3)] {
        machine.connect_every(Client { to, every: 9 * MS });
    }
    machine
}

const VERBS: [Verb; 6] = [
    Verb::Start,
    Verb::Stop,
    Verb::Restart,
    Verb::TryRestart,
    Verb::Reload,
    Verb::ReloadOrRestart,
];

fn carry_out(machine: &mut Simulated, deed: &Deed) -> Vec<JobOutcome> {
    match deed {
        Deed::Run(jobs, wait) => {
            let jobs: Vec<Job> = jobs
                .iter()
                .map(|(verb, unit)| Job::new(VERBS[*verb], name(*unit)))
                .collect();
            return machine.run(&jobs, *wait).unwrap();
        }
        Deed::Pass(span) => machine.pass(*span),
        Deed::Connect(unit) => {
            machine.connect(&name(*unit));
        }
        Deed::Files(unit, 0) => machine.replace_files(&name(*unit), Image::Mixed),
        Deed::Files(unit, version) => {
            machine.replace_files(&name(*unit), Image::Whole(*version));
        }
        Deed::Kill(unit) => machine.kill(&name(*unit)).unwrap(),
        Deed::Hold(unit) => machine.hold(&name(*unit)).unwrap(),
        Deed::Release(unit) => machine.release(&name(*unit)).unwrap(),
        Deed::Found(found) => machine.set_found(&name(4), *found),
    }
    Vec::new()
}

fn waits_somewhere(machine: &Simulated, connection: usize) -> usize {
    let units = machine.units.values();
    units
        .map(|unit| {
            let waiting = unit.waiting.iter().filter(|c| **c == connection).count();
            waiting + unit.serving.iter().filter(|c| **c == connection).count()
        })
        .sum()
}

proptest! {
    #[test]
    fn every_connection_ends_once_or_waits_in_one_place(seed: u64, deeds in deeds()) {
        let mut machine = world(seed);
        for deed in &deeds {
            carry_out(&mut machine, deed);
            for (number, connection) in machine.connections().iter().enumerate() {
                let is_open = connection.outcome == Outcome::Waiting;
                prop_assert_eq!(is_open, connection.ended.is_none());
                prop_assert_eq!(usize::from(is_open), waits_somewhere(&machine, number));
            }
        }
    }

    #[test]
    fn time_never_goes_back(seed: u64, deeds in deeds()) {
        let mut machine = world(seed);
        let mut before = 0;
        for deed in &deeds {
            carry_out(&mut machine, deed);
            prop_assert!(machine.now() >= before);
            before = machine.now();
        }
        prop_assert!(machine.record().is_sorted_by_key(|moment| moment.at));
        prop_assert!(machine.connections().iter().all(|c| c.ended.is_none_or(|e| e >= c.opened)));
    }

    #[test]
    fn what_is_masked_while_down_never_comes_up(
        seed: u64, before in deeds(), after in deeds(), masked in 0..UNITS.len(),
    ) {
        let mut machine = world(seed);
        for deed in &before {
            carry_out(&mut machine, deed);
        }
        machine.run(&[Job::new(Verb::Stop, name(masked))], Wait::Done).unwrap();
        machine.set_file_state(&name(masked), FileState::Masked);
        let known = machine.record().len();
        let was_down = machine.view(&name(masked)).unwrap().active.is_down();
        for deed in &after {
            carry_out(&mut machine, deed);
        }
        let came_up = machine.record()[known..].iter().any(|moment| matches!(
            &moment.what,
            Happened::State { unit, active: ActiveState::Activating, .. } if *unit == name(masked)
        ));
        prop_assert!(!(was_down && came_up));
    }

    #[test]
    fn a_job_always_ends(seed: u64, deeds in deeds()) {
        let mut machine = world(seed);
        for deed in &deeds {
            let ends = carry_out(&mut machine, deed);
            let lasting = |end: &JobOutcome| {
                matches!(end, JobOutcome::Failed(JobFailure::TimedOut { .. }))
            };
            prop_assert!(!ends.iter().any(lasting));
        }
        machine.dismiss_clients();
        machine.run(&[Job::new(Verb::Stop, name(6)), Job::new(Verb::Stop, name(4))], Wait::Done).unwrap();
        machine.pass(1000 * MS);
        for unit in machine.names() {
            let view = machine.view(&unit).unwrap();
            prop_assert!(!view.has_job, "{unit} has a job left");
            prop_assert_ne!(view.active, ActiveState::Activating);
            prop_assert_ne!(view.active, ActiveState::Deactivating);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_history(seed: u64, deeds in deeds()) {
        let play = || {
            let mut machine = world(seed);
            let ends: Vec<_> = deeds.iter().map(|deed| carry_out(&mut machine, deed)).collect();
            (ends, machine.record().to_vec(), machine.connections().to_vec())
        };
        prop_assert_eq!(play(), play());
    }

    #[test]
    fn a_socket_that_is_down_holds_no_connection(seed: u64, deeds in deeds()) {
        let mut machine = world(seed);
        for deed in &deeds {
            carry_out(&mut machine, deed);
            for unit in machine.units.values().filter(|unit| !unit.spec.bus_activated) {
                prop_assert!(unit.active == ActiveState::Active || unit.waiting.is_empty());
            }
        }
    }
}
