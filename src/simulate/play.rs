//! Plays one upgrade: what dpkg and the maintainer scripts do, one after the other, in the model's
//! time. What a script's stop and start come to is decided by the real decide and plan.

use crate::domain::{Job, UnitName, Verb, Wait};
use crate::init::Init;
use crate::init::simulated::{Image, Micros, Simulated};

use super::scenario::{MS, NEW, Scenario};

/// A way to stop before an upgrade and to start after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The scripts' own jobs on the service alone.
    Stock,
    /// The service and all that can start it; the default.
    Stop,
    /// The service alone, with a start that knows it may have come back.
    Quiesce,
    /// No stop at all, and a restart in place of the start.
    Restart,
}

impl Way {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Stock, Self::Stop, Self::Quiesce, Self::Restart];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Stop => "stop",
            Self::Quiesce => "quiesce",
            Self::Restart => "restart",
        }
    }
}

/// An upgrade that was played.
#[derive(Debug, Clone)]
pub struct Played {
    /// How.
    pub way: Way,
    /// The machine afterwards, with all that happened.
    pub machine: Simulated,
    /// The machine's time at which the clients had settled and the upgrade's time began.
    pub zero: Micros,
    /// When prerm asked for its stop, and when postinst asked for its start.
    pub window: (Micros, Micros),
}

/// Time for the clients to settle before anything is shown.
const BEFORE: Micros = 100 * MS;
/// Time for what is still open afterwards to end.
const AFTER: Micros = 1000 * MS;

/// Plays the upgrade.
pub fn play(scenario: &Scenario, way: Way) -> Played {
    let mut machine = scenario.machine();
    for unit in [&scenario.socket, &scenario.service] {
        ask(&mut machine, Verb::Start, unit);
    }
    scenario.open(&mut machine);
    machine.pass(BEFORE);
    let zero = machine.now();
    pass_until(&mut machine, zero + scenario.prerm);
    let stopped = machine.now();
    prerm(&mut machine, scenario, way);
    pass_until(&mut machine, zero + scenario.unpack);
    machine.replace_files(&scenario.service, Image::Mixed);
    pass_until(&mut machine, zero + scenario.unpacked);
    machine.replace_files(&scenario.service, NEW);
    pass_until(&mut machine, zero + scenario.postinst);
    let started = machine.now();
    postinst(&mut machine, scenario, way);
    pass_until(&mut machine, zero + scenario.end);
    machine.dismiss_clients();
    machine.pass(AFTER);
    Played {
        way,
        machine,
        zero,
        window: (stopped, started),
    }
}

fn pass_until(machine: &mut Simulated, time: Micros) {
    machine.pass(time.saturating_sub(machine.now()));
}

fn ask(machine: &mut Simulated, verb: Verb, unit: &UnitName) {
    // what became of the job is in the machine's record
    let _ = machine.run(&[Job::new(verb, unit.clone())], Wait::Done);
}
fn ask_all(machine: &mut Simulated, verb: Verb, units: &[&UnitName]) {
    let jobs: Vec<Job> = units.iter().map(|u| Job::new(verb, (*u).clone())).collect();
    let _ = machine.run(&jobs, Wait::Done);
}
fn prerm(machine: &mut Simulated, scenario: &Scenario, way: Way) {
    match way {
        Way::Stock | Way::Quiesce => ask(machine, Verb::Stop, &scenario.service),
        Way::Stop => ask_all(machine, Verb::Stop, &[&scenario.socket, &scenario.service]),
        Way::Restart => {}
    }
}
fn postinst(machine: &mut Simulated, scenario: &Scenario, way: Way) {
    match way {
        Way::Stock => ask(machine, Verb::Start, &scenario.service),
        Way::Quiesce | Way::Restart => ask(machine, Verb::Restart, &scenario.service),
        Way::Stop => ask_all(machine, Verb::Start, &[&scenario.socket, &scenario.service]),
    }
}
