//! Every action, with a re-exec at every moment that it has: nothing lost, nothing done twice, no wrong
//! outcome. Judged by processes, not by what anybody says.

use std::sync::Mutex;

use rcpolicy::domain::{JobFailure, JobOutcome, Verb};

use crate::jobs::{Kind, Spec};
use crate::server::Cut;
use crate::world::{Standing, World};

/// Where the service stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Down,
    Up,
}

/// What is to be there afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// Down, and nothing was started.
    Down,
    /// Up, in the process that ran before.
    Same,
    /// Up, in a process that was started once.
    New,
    /// As `Same`, and told to read its configuration.
    Reloaded,
    /// Down, with an error: it cannot start.
    Failed,
    /// As `Down`, with an error: what is down cannot reload.
    Refused,
}

const ACTIONS: [(Verb, From, To); 13] = [
    (Verb::Start, From::Down, To::New),
    (Verb::Start, From::Up, To::Same),
    (Verb::Stop, From::Up, To::Down),
    (Verb::Stop, From::Down, To::Down),
    (Verb::Restart, From::Up, To::New),
    (Verb::Restart, From::Down, To::New),
    (Verb::TryRestart, From::Up, To::New),
    (Verb::TryRestart, From::Down, To::Down),
    (Verb::Reload, From::Up, To::Reloaded),
    (Verb::Reload, From::Down, To::Refused),
    (Verb::ReloadOrRestart, From::Up, To::Reloaded),
    (Verb::ReloadOrRestart, From::Down, To::New),
    (Verb::Start, From::Down, To::Failed),
];

/// What went wrong, and how much was tried.
#[derive(Debug, Default)]
struct Count {
    interruptions: usize,
    lost: Vec<String>,
    twice: Vec<String>,
    wrong: Vec<String>,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.interruptions += other.interruptions;
        self.lost.extend(other.lost);
        self.twice.extend(other.twice);
        self.wrong.extend(other.wrong);
    }

    fn judge(&mut self, to: To, old: Option<u32>, now: &Standing, outcome: &JobOutcome, of: &str) {
        let is_done = match to {
            To::Down | To::Failed | To::Refused => !now.up && now.alive.is_empty(),
            To::Same | To::Reloaded => now.up && old.is_some_and(|old| now.alive == [old]),
            To::New => now.up && now.alive.len() == 1 && Some(now.alive[0]) != old,
        } && (to != To::Reloaded || now.tally.reloads > 0);
        let once = match to {
            To::New => now.tally.started.len() == 1,
            To::Down | To::Same | To::Reloaded | To::Failed | To::Refused => {
                now.tally.started.is_empty()
            }
        };
        let is_told = match to {
            // How it failed is not known where the answer was lost; that it did is.
            To::Failed => is_ended(outcome, "failed") || is_refused(outcome),
            To::Refused => is_refused(outcome),
            To::Down | To::Same | To::New | To::Reloaded => *outcome == JobOutcome::Done,
        };
        let text = || format!("{of}: {outcome:?}, {now:?}, before {old:?}");
        if !is_done {
            self.lost.push(text());
        }
        if !once {
            self.twice.push(text());
        }
        if !is_told {
            self.wrong.push(text());
        }
    }
}

fn is_ended(outcome: &JobOutcome, how: &str) -> bool {
    matches!(outcome, JobOutcome::Failed(JobFailure::Ended { result, .. }) if result == how)
}

fn is_refused(outcome: &JobOutcome) -> bool {
    match outcome {
        JobOutcome::Failed(JobFailure::Refused { .. }) => true,
        other => is_ended(other, "invalid"),
    }
}

/// One action with one way of being interrupted; whether it came to be.
fn once(action: (Verb, From, To), cut: Cut, world: &World, name: &str, count: &mut Count) -> bool {
    let (verb, from, to) = action;
    let old = (from == From::Up).then(|| world.pid(name));
    let mut upstart = world.upstart();
    world.arm(cut);
    let outcome = world.act(&mut upstart, verb, name);
    let (cuts, point) = world.server(|server| {
        let point = match server.reexec.cut {
            Cut::At(point) => server.trail.get(point - 1).cloned(),
            Cut::Never | Cut::Every(_) => None,
        };
        server.reexec.cut = Cut::Never;
        (server.cuts, point)
    });
    let now = world.settled(name);
    let of = format!("{verb} {from:?} {cut:?} ({})", point.unwrap_or_default());
    count.judge(to, old, &now, &outcome, &of);
    count.interruptions += cuts;
    cuts > 0
}

fn prepared(action: (Verb, From, To)) -> World {
    let mut spec = Spec::service("foo-d");
    spec.fails = action.2 == To::Failed;
    let world = World::new(&[spec]);
    if action.1 == From::Up {
        world.start("foo-d");
    }
    world
}

/// Runs `work` for each action, side by side.
fn each(work: impl Fn((Verb, From, To), &mut Count) + Sync) -> Count {
    let whole = Mutex::new(Count::default());
    std::thread::scope(|scope| {
        for action in ACTIONS {
            let (work, whole) = (&work, &whole);
            scope.spawn(move || {
                let mut count = Count::default();
                work(action, &mut count);
                whole.lock().unwrap().add(count);
            });
        }
    });
    whole.into_inner().unwrap()
}

fn tell(what: &str, count: &Count) {
    crate::say(format_args!(
        "upstart, {what}: {} interruptions of {} actions: {} lost, {} done twice, {} wrong outcomes",
        count.interruptions,
        ACTIONS.len(),
        count.lost.len(),
        count.twice.len(),
        count.wrong.len()
    ));
    let none = count.lost.is_empty() && count.twice.is_empty() && count.wrong.is_empty();
    assert!(none, "{count:#?}");
}

#[test]
fn a_re_exec_at_any_moment_of_any_action_loses_nothing_and_does_nothing_twice() {
    let count = each(|action, count| {
        let mut point = 1;
        while once(action, Cut::At(point), &prepared(action), "foo-d", count) {
            point += 1;
        }
        assert!(point > 5, "{action:?} was interrupted {} times", point - 1);
    });
    assert!(count.interruptions > 300, "{}", count.interruptions);
    tell("a re-exec at each moment", &count);
}

#[test]
fn a_storm_of_re_execs_loses_nothing_and_does_nothing_twice() {
    let count = each(|action, count| {
        for points in [16, 19, 23, 29, 37, 53] {
            once(
                action,
                Cut::Every(points),
                &prepared(action),
                "foo-d",
                count,
            );
        }
    });
    tell("a storm of re-execs", &count);
}

#[test]
fn a_task_interrupted_while_it_runs_is_not_run_again() {
    let mut point = 1;
    loop {
        let mut spec = Spec::service("once");
        spec.kind = Kind::Task(40);
        let world = World::new(&[spec]);
        world.arm(Cut::At(point));
        let outcome = world.act(&mut world.upstart(), Verb::Start, "once");
        let (cuts, what) = world.server(|server| {
            let what = server.trail.get(point - 1).cloned();
            server.reexec.cut = Cut::Never;
            (server.cuts, what)
        });
        // It is up as long as it runs: wait for its end.
        let begun = std::time::Instant::now();
        while world.settled("once").up {
            assert!(begun.elapsed().as_secs() < 20);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let started = world.settled("once").tally.started.len();
        assert_eq!(started, 1, "at {point} ({what:?}): {outcome:?}");
        if cuts == 0 {
            assert_eq!(outcome, JobOutcome::Done);
            break;
        }
        point += 1;
    }
    crate::say(format_args!(
        "upstart, a task: {} interruptions, run once each time",
        point - 1
    ));
}
