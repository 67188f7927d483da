//! Every action over a line to the init that breaks at every point: what was asked is done, once, and
//! said to be done only then. The record of the simulated init is the judge, not our own output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing helper is a failing test"
)]

mod bounds;
mod foreign;
mod upstart;
mod world;

use proptest::prelude::*;

use rcpolicy::domain::{Job, Verb, Wait};
use rcpolicy::init::simulated::{Break, Flavour, Interruption};
use world::{
    End, Kind, MS, Order, SETTLED, Standing, UNDER_WAY, VERBS, ends, interruptions, job, kinds,
    machine, machine_of, unit,
};

/// The end of each unit with an undisturbed line.
fn undisturbed(kinds: &[Kind], jobs: &[Job]) -> Vec<End> {
    ends(machine(kinds), jobs, &[]).0
}

/// Asserts that interruptions change nothing: neither what is done, nor how often, nor what is said.
fn assert_same(kinds: &[Kind], jobs: &[Job], expected: &[End], ahead: &[Option<Interruption>]) {
    let (found, report) = ends(machine(kinds), jobs, ahead);
    assert_eq!(
        found, expected,
        "{jobs:?} on {kinds:?} with {ahead:?}: {:?}",
        report.outcomes
    );
    assert_eq!(report.unsettled().count(), 0);
}

#[test]
fn one_interruption_at_any_point_changes_nothing() {
    for kind in kinds(&SETTLED) {
        for verb in VERBS {
            let (kinds, jobs) = ([kind], [job(verb)]);
            let expected = undisturbed(&kinds, &jobs);
            for interruption in interruptions(1, &[0, 3 * MS, 40 * MS, 2000 * MS]) {
                assert_same(&kinds, &jobs, &expected, &[Some(interruption)]);
            }
        }
    }
}

#[test]
fn two_interruptions_at_any_points_change_nothing() {
    let all = interruptions(1, &[0, 6 * MS]);
    for kind in kinds(&SETTLED) {
        for verb in VERBS {
            let (kinds, jobs) = ([kind], [job(verb)]);
            let expected = undisturbed(&kinds, &jobs);
            for first in &all {
                for second in &all {
                    // The second breaks the look at what came of it, or the next asking.
                    assert_same(
                        &kinds,
                        &jobs,
                        &expected,
                        &[Some(*first), None, Some(*second)],
                    );
                }
                assert_same(&kinds, &jobs, &expected, &[Some(*first), Some(*first)]);
            }
        }
    }
}

#[test]
fn two_jobs_of_one_request_are_each_done_once_wherever_it_breaks() {
    let up = Kind {
        ..kinds(&[Standing::Up])[0]
    };
    let down = Kind {
        ..kinds(&[Standing::Down])[0]
    };
    for (one, other) in [(up, up), (up, down), (down, up), (down, down)] {
        for first in VERBS {
            for second in VERBS {
                let jobs = [Job::new(first, unit(0)), Job::new(second, unit(1))];
                let expected = undisturbed(&[one, other], &jobs);
                for interruption in interruptions(2, &[0, 6 * MS]) {
                    assert_same(&[one, other], &jobs, &expected, &[Some(interruption)]);
                }
            }
        }
    }
}

/// A unit whose job waits for another's is down, or up as before, for a while with nothing done.
#[test]
fn a_job_that_waits_for_another_is_waited_for() {
    let (up, down) = (kinds(&[Standing::Up])[0], kinds(&[Standing::Down])[0]);
    for kinds in [[up, up], [up, down], [down, up], [down, down]] {
        let machine = || machine_of(Flavour::Systemd, &kinds, Order::Reverse);
        for first in VERBS {
            for second in VERBS {
                let jobs = [Job::new(first, unit(0)), Job::new(second, unit(1))];
                let expected = ends(machine(), &jobs, &[]).0;
                // Where both are asked for at once, or neither was, they wait for each other alike.
                let whole =
                    |i: &Interruption| matches!(i.at, Break::Before(0 | 1 | 4) | Break::Later(_));
                for interruption in interruptions(2, &[0, 6 * MS]).into_iter().filter(whole) {
                    let (found, report) = ends(machine(), &jobs, &[Some(interruption)]);
                    let context = format!("{jobs:?} on {kinds:?}, {interruption:?}: {report:?}");
                    assert_eq!(found, expected, "{context}");
                }
            }
        }
    }
}

/// What somebody else began before is over first, or is joined: no more is done than he and we asked
/// for, and what we asked for is there.
#[test]
fn a_unit_that_is_under_way_ends_as_asked() {
    let reloads = |kind: &Kind| !kind.reload_fails;
    for kind in kinds(&UNDER_WAY).into_iter().filter(reloads) {
        for verb in VERBS {
            let (kinds, jobs) = ([kind], [job(verb)]);
            let expected = undisturbed(&kinds, &jobs)[0];
            for interruption in interruptions(1, &[0, 3 * MS, 40 * MS]) {
                let (found, report) = ends(machine(&kinds), &jobs, &[Some(interruption)]);
                let found = found[0];
                let context = format!("{verb} on {kind:?} with {interruption:?}: {report:?}");
                if report.unsettled().count() == 0 {
                    foreign::check_done(verb, &found, &context);
                } else {
                    assert!(foreign::may_come_later(interruption), "{context}");
                }
                assert!(
                    found.counts.starts <= expected.counts.starts + 1,
                    "{context}"
                );
                assert!(found.counts.stops <= expected.counts.stops + 1, "{context}");
                assert!(found.counts.reloads <= 3, "{context}");
            }
        }
    }
}

fn any_verb() -> impl Strategy<Value = Verb> {
    prop::sample::select(VERBS.to_vec())
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(kinds(&SETTLED))
}

/// Up to a dozen contacts in a row that break or not.
fn any_line(jobs: usize) -> impl Strategy<Value = Vec<Option<Interruption>>> {
    let all = interruptions(jobs, &[0, MS, 6 * MS, 90 * MS]);
    prop::collection::vec(
        prop::option::weighted(0.7, prop::sample::select(all)),
        0..12,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn many_interruptions_change_nothing(
        asked in prop::collection::vec((any_verb(), any_kind()), 1..4), ahead in any_line(3),
    ) {
        let kinds: Vec<Kind> = asked.iter().map(|(_, kind)| *kind).collect();
        let verbs = asked.iter().enumerate();
        let jobs: Vec<Job> = verbs.map(|(at, (verb, _))| Job::new(*verb, unit(at))).collect();
        let expected = undisturbed(&kinds, &jobs);
        assert_same(&kinds, &jobs, &expected, &ahead);
    }
}

/// A storm: hardly a contact that does not break, over many actions in a row.
#[test]
fn three_hundred_actions_survive_a_storm() {
    let kind = kinds(&[Standing::Up])[0];
    let all = interruptions(1, &[0, 20 * MS, 90 * MS]);
    let (mut calm, mut stormy) = (machine(&[kind]), machine(&[kind]));
    for number in 0..300 {
        let jobs = [job(VERBS[number % VERBS.len()])];
        let line = (0..9).map(|at| (at % 4 != 3).then(|| all[(number * 37 + at * 11) % all.len()]));
        stormy.interrupt(line);
        let ours = world::act(&mut stormy, &jobs, Wait::Done);
        let theirs = world::act(&mut calm, &jobs, Wait::Done);
        assert_eq!(ours.outcomes, theirs.outcomes, "{number}");
        while !stormy.is_undisturbed() {
            stormy.interrupt([]);
            let _left = rcpolicy::init::Init::seen(&mut stormy, &[]);
        }
        for machine in [&mut stormy, &mut calm] {
            machine.pass(200 * MS);
        }
        let name = unit(0);
        assert_eq!(
            world::counts(&stormy, &name),
            world::counts(&calm, &name),
            "{number}"
        );
        assert_eq!(
            stormy.view(&name).unwrap().active,
            calm.view(&name).unwrap().active
        );
    }
}
