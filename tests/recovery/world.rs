//! Services on the simulated init, asked over a line that breaks, and what the record says of them.

use std::time::Duration;

use rcpolicy::act::{Bounds, Report, carry_out_within};
use rcpolicy::decide::Plan;
use rcpolicy::domain::{ActiveState, Job, JobOutcome, UnitName, Verb, Wait};
use rcpolicy::init::Init;
use rcpolicy::init::simulated::{
    Break, Course, Flavour, Happened, Image, Interruption, Micros, Simulated, Spec,
};

pub(crate) const MS: Micros = 1000;
pub(crate) const START_TAKES: Micros = 7 * MS;
pub(crate) const STOP_TAKES: Micros = 5 * MS;
pub(crate) const RELOAD_TAKES: Micros = 3 * MS;

pub(crate) const VERBS: [Verb; 6] = [
    Verb::Start,
    Verb::Stop,
    Verb::Restart,
    Verb::TryRestart,
    Verb::Reload,
    Verb::ReloadOrRestart,
];

/// How the service stands when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Up,
    Down,
    Failed,
    Starting,
    Stopping,
    Reloading,
}

/// At rest.
pub(crate) const SETTLED: [Standing; 3] = [Standing::Up, Standing::Down, Standing::Failed];
/// At something that somebody else asked for.
pub(crate) const UNDER_WAY: [Standing; 3] =
    [Standing::Starting, Standing::Stopping, Standing::Reloading];

/// What a service is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) standing: Standing,
    pub(crate) course: Course,
    pub(crate) reload_fails: bool,
}

pub(crate) fn kinds(standings: &[Standing]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for standing in standings {
        for course in [Course::Stays, Course::Once, Course::Fails] {
            // What never stays up is not up.
            let stays = course == Course::Stays;
            if stays || matches!(standing, Standing::Down | Standing::Failed) {
                kinds.push(Kind {
                    standing: *standing,
                    course,
                    reload_fails: false,
                });
            }
        }
        kinds.push(Kind {
            standing: *standing,
            course: Course::Stays,
            reload_fails: true,
        });
    }
    kinds
}

pub(crate) fn unit(number: usize) -> UnitName {
    UnitName::parse(&format!("unit{number}.service")).unwrap()
}

pub(crate) fn job(verb: Verb) -> Job {
    Job::new(verb, unit(0))
}

/// A machine with these services; nothing of what led there is in the counts.
pub(crate) fn machine(kinds: &[Kind]) -> Simulated {
    machine_of(Flavour::Systemd, kinds, Order::None)
}

/// Whether the services wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    None,
    /// Each is started after the next one, and stopped before it.
    Reverse,
}

pub(crate) fn machine_of(flavour: Flavour, kinds: &[Kind], order: Order) -> Simulated {
    let mut machine = Simulated::new(flavour, 1);
    for (number, kind) in kinds.iter().enumerate() {
        let mut spec = Spec::new(unit(number));
        (spec.start_takes, spec.stop_takes) = (START_TAKES, STOP_TAKES);
        (spec.reload_takes, spec.can_reload) = (RELOAD_TAKES, true);
        (spec.reload_fails, spec.course) = (kind.reload_fails, kind.course);
        if order == Order::Reverse {
            spec.after = vec![unit(number + 1)];
        }
        machine.add(spec, Image::Whole(1));
    }
    let run = |machine: &mut Simulated, number, verb| {
        let outcomes = machine.run(&[Job::new(verb, unit(number))], Wait::Done);
        assert!(outcomes.is_ok());
    };
    for (number, kind) in kinds.iter().enumerate() {
        match kind.standing {
            Standing::Up | Standing::Stopping | Standing::Reloading => {
                run(&mut machine, number, Verb::Start);
            }
            Standing::Failed if kind.course == Course::Stays => {
                run(&mut machine, number, Verb::Start);
                machine.kill(&unit(number)).unwrap();
            }
            Standing::Failed => run(&mut machine, number, Verb::Start),
            Standing::Down | Standing::Starting => {}
        }
    }
    machine.pass(20 * MS);
    for (number, kind) in kinds.iter().enumerate() {
        let verb = match kind.standing {
            Standing::Up | Standing::Down | Standing::Failed => continue,
            Standing::Starting => Verb::Start,
            Standing::Stopping => Verb::Stop,
            Standing::Reloading => Verb::Reload,
        };
        machine
            .run(&[Job::new(verb, unit(number))], Wait::Queued)
            .unwrap();
    }
    machine.mark("asked");
    machine
}

/// Carries `jobs` out, as a plan's.
pub(crate) fn act(machine: &mut Simulated, jobs: &[Job], wait: Wait) -> Report {
    let plan = Plan {
        main: jobs.to_vec(),
        ..Plan::default()
    };
    let bounds = Bounds {
        limit: Some(Duration::from_secs(60)),
        ..Bounds::default()
    };
    carry_out_within(&plan, wait, machine, None, &bounds).unwrap()
}

/// How often a unit was started, stopped and reloaded since it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) starts: usize,
    pub(crate) stops: usize,
    pub(crate) reloads: usize,
}

/// The states of `unit` since it was asked for.
pub(crate) fn states(machine: &Simulated, unit: &UnitName) -> Vec<ActiveState> {
    let asked = Happened::Mark("asked".to_owned());
    let since = machine
        .record()
        .iter()
        .skip_while(|moment| moment.what != asked);
    since
        .filter_map(|moment| match &moment.what {
            Happened::State {
                unit: of, active, ..
            } if of == unit => Some(*active),
            _ => None,
        })
        .collect()
}

pub(crate) fn counts(machine: &Simulated, unit: &UnitName) -> Counts {
    let states = states(machine, unit);
    let count = |state| states.iter().filter(|s| **s == state).count();
    Counts {
        starts: count(ActiveState::Activating),
        stops: count(ActiveState::Deactivating),
        reloads: count(ActiveState::Reloading),
    }
}

/// What became of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) done: bool,
    pub(crate) active: ActiveState,
    pub(crate) counts: Counts,
}

/// Runs `jobs` over a line that breaks like this, lets all that is under way end, and tells what
/// became of each unit.
pub(crate) fn ends(
    mut machine: Simulated,
    jobs: &[Job],
    ahead: &[Option<Interruption>],
) -> (Vec<End>, Report) {
    machine.interrupt(ahead.iter().copied());
    let report = act(&mut machine, jobs, Wait::Done);
    machine.pass(1000 * MS);
    let end = |(job, outcome): &(Job, JobOutcome)| End {
        done: *outcome == JobOutcome::Done,
        active: machine.view(&job.unit).unwrap().active,
        counts: counts(&machine, &job.unit),
    };
    (report.outcomes.iter().map(end).collect(), report)
}

/// Every point at which a run of so many jobs can be interrupted.
pub(crate) fn points(jobs: usize) -> Vec<Break> {
    let messages = 2 * jobs;
    let times = [0, 1, 3, 4, 6, 8, 10, 13, 20].map(|ms| Break::Later(ms * MS));
    let mut points: Vec<Break> = (0..=messages).map(Break::Before).collect();
    points.extend((0..messages).map(Break::Unanswered));
    points.extend(times);
    for after in [0, 4 * MS] {
        points.extend((0..messages).map(|read| Break::Silent { read, after }));
    }
    points
}

pub(crate) fn interruptions(jobs: usize, closed: &[Micros]) -> Vec<Interruption> {
    let points = points(jobs);
    let each = |closed: &Micros| {
        let closed = *closed;
        points
            .iter()
            .map(move |at| Interruption { at: *at, closed })
            .collect::<Vec<_>>()
    };
    closed.iter().flat_map(each).collect()
}
