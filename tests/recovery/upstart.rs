//! The same over an init that shows no more of a unit than its state and its process, as Upstart does:
//! what leaves no trace there may be asked for twice where that does no harm, and nothing is lost.

use rcpolicy::domain::{Job, Verb};
use rcpolicy::init::simulated::{Break, Course, Flavour, Simulated};

use crate::world::{
    Kind, MS, Order, Standing, VERBS, ends, interruptions, job, kinds, machine_of, unit,
};

fn upstart(kinds: &[Kind]) -> Simulated {
    machine_of(Flavour::Upstart, kinds, Order::None)
}

/// Services that stay up once they are started; how a task ended is not to be seen there.
fn services() -> Vec<Kind> {
    let stays = |kind: &Kind| kind.course == Course::Stays && !kind.reload_fails;
    let all = kinds(&[Standing::Up, Standing::Down]).into_iter();
    all.filter(stays).collect()
}

fn check(kinds: &[Kind], jobs: &[Job], closed: &[u64]) {
    let (expected, _) = ends(upstart(kinds), jobs, &[]);
    for interruption in interruptions(jobs.len(), closed) {
        let (found, report) = ends(upstart(kinds), jobs, &[Some(interruption)]);
        let context = format!("{jobs:?} on {kinds:?} with {interruption:?}: {report:?}");
        for ((found, expected), job) in found.iter().zip(&expected).zip(jobs) {
            let (ours, theirs) = (found.counts, expected.counts);
            assert_eq!(found.active, expected.active, "{context}");
            assert_eq!(
                (ours.starts, ours.stops),
                (theirs.starts, theirs.stops),
                "{context}"
            );
            // A reload leaves no trace: it is done again, or owed where it may still come.
            let reload = matches!(job.verb, Verb::Reload | Verb::ReloadOrRestart);
            let silent = matches!(interruption.at, Break::Silent { .. });
            assert!(
                found.done == expected.done || (reload && silent),
                "{context}"
            );
            assert!(ours.reloads >= theirs.reloads, "{context}");
            assert!(
                ours.reloads <= theirs.reloads + usize::from(reload),
                "{context}"
            );
        }
    }
}

#[test]
fn one_interruption_at_any_point_loses_nothing_and_starts_and_stops_once() {
    for kind in services() {
        for verb in VERBS {
            check(&[kind], &[job(verb)], &[0, 3 * MS, 40 * MS]);
        }
    }
}

#[test]
fn what_comes_after_the_job_that_was_lost_is_done_too() {
    let (up, down) = (services()[0], services()[1]);
    for (one, other) in [(up, up), (up, down), (down, up), (down, down)] {
        for first in VERBS {
            for second in VERBS {
                let jobs = [Job::new(first, unit(0)), Job::new(second, unit(1))];
                check(&[one, other], &jobs, &[0, 6 * MS]);
            }
        }
    }
}
