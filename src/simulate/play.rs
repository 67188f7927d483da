//! Plays one upgrade: what dpkg and the maintainer scripts do, one after the other, in the model's
//! time. What a script's stop and start come to is decided by the real decide and plan.

use crate::domain::{
    Action, Context, Flag, FrontEnd, Job, Phase, Request, Scope, UnitName, Verb, Wait,
};
use crate::init::simulated::{Image, Micros, Simulated};
use crate::init::{Init, InitError};

use super::scenario::{MS, NEW, Scenario};
use super::tool::Tool;

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

/// The policy of the way `restart`.
const RESTART_RULE: &str = "[[rule]]\nservice = [\"acpid\"]\ndecide = \"restart\"\n";
/// Time for the clients to settle before anything is shown.
const BEFORE: Micros = 100 * MS;
/// Time for what is still open afterwards to end.
const AFTER: Micros = 1000 * MS;

/// Plays the upgrade.
///
/// # Errors
/// Never: the simulated init always answers.
pub fn play(scenario: &Scenario, way: Way) -> Result<Played, InitError> {
    let mut machine = scenario.machine();
    let mut caller = Caller::new(way);
    for unit in [&scenario.socket, &scenario.service] {
        run_job(&mut machine, Verb::Start, unit)?;
    }
    scenario.open(&mut machine);
    machine.pass(BEFORE);
    let zero = machine.now();
    pass_until(&mut machine, zero + scenario.prerm);
    let stopped = machine.now();
    caller.call(&mut machine, Action::Stop, scenario)?;
    pass_until(&mut machine, zero + scenario.unpack);
    machine.replace_files(&scenario.service, Image::Mixed);
    pass_until(&mut machine, zero + scenario.unpacked);
    machine.replace_files(&scenario.service, NEW);
    pass_until(&mut machine, zero + scenario.postinst);
    let started = machine.now();
    caller.call(&mut machine, Action::Start, scenario)?;
    pass_until(&mut machine, zero + scenario.end);
    machine.dismiss_clients();
    machine.pass(AFTER);
    Ok(Played {
        way,
        machine,
        zero,
        window: (stopped, started),
    })
}

fn pass_until(machine: &mut Simulated, time: Micros) {
    machine.pass(time.saturating_sub(machine.now()));
}

/// What a maintainer script's calls come to under a way.
enum Caller {
    /// The job that is named, and nothing else.
    Stock,
    /// rcpolicy, with these flags on the stop.
    Tool(Box<Tool>, Vec<Flag>),
}

impl Caller {
    fn new(way: Way) -> Self {
        let tool = |policy, flags| Self::Tool(Box::new(Tool::new(policy)), flags);
        match way {
            Way::Stock => Self::Stock,
            Way::Stop => tool("", Vec::new()),
            Way::Quiesce => tool("", vec![Flag::Quiesce]),
            Way::Restart => tool(RESTART_RULE, Vec::new()),
        }
    }

    fn call(
        &mut self,
        machine: &mut Simulated,
        action: Action,
        scenario: &Scenario,
    ) -> Result<(), InitError> {
        match self {
            Self::Stock => match action {
                Action::Stop => run_job(machine, Verb::Stop, &scenario.service),
                _ => run_job(machine, Verb::Start, &scenario.service),
            },
            Self::Tool(tool, flags) => {
                let flags = match action {
                    Action::Stop => flags.clone(),
                    _ => Vec::new(),
                };
                let request = request(scenario, action, flags);
                tool.ask(machine, &[request]).map(drop)
            }
        }
    }
}

fn request(scenario: &Scenario, action: Action, flags: Vec<Flag>) -> Request {
    let script = match action {
        Action::Stop => "prerm",
        _ => "postinst",
    };
    let package = scenario.service.stem().to_owned();
    Request {
        front: FrontEnd::InvokeRcD,
        named: package.clone(),
        unit: scenario.service.clone(),
        action,
        flags,
        scope: Scope::System,
        context: Context {
            package: Some(package),
            script: Some(script.to_owned()),
            phase: Phase::Upgrade,
            batch_started: None,
            batch_began: None,
        },
    }
}

fn run_job(machine: &mut Simulated, verb: Verb, unit: &UnitName) -> Result<(), InitError> {
    // how the job ended is in the machine's record
    machine
        .run(&[Job::new(verb, unit.clone())], Wait::Done)
        .map(drop)
}
