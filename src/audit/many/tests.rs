use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn jobs(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[test]
fn results_come_in_the_order_of_what_was_asked_however_long_each_takes() {
    let inputs: Vec<usize> = (0..1_000).collect();
    for workers in [1, 2, 7] {
        let mut taken = Vec::new();
        let work = |number: &usize| {
            // The first of a few is the slowest.
            let rounds = if number.is_multiple_of(5) { 20_000 } else { 1 };
            (0..rounds).fold(*number, |a, b: usize| std::hint::black_box(a ^ b ^ b))
        };
        let take = |result| {
            taken.push(result);
            Go::On
        };
        each(&inputs, jobs(workers), work, take).unwrap();
        assert_eq!(taken, inputs);
    }
}

#[test]
fn nothing_to_do_is_done_at_once() {
    let none: [u8; 0] = [];
    each(&none, jobs(4), |_| (), |()| Go::On).unwrap();
}

#[test]
fn when_nobody_takes_the_results_no_more_work_is_begun() {
    let inputs: Vec<usize> = (0..100_000).collect();
    let begun = AtomicUsize::new(0);
    let work = |number: &usize| {
        begun.fetch_add(1, Ordering::Relaxed);
        *number
    };
    let take = |result| if result < 3 { Go::On } else { Go::Stop };
    each(&inputs, jobs(2), work, take).unwrap();
    let begun = begun.into_inner();
    assert!(begun <= 4 + 2 * AHEAD + 2, "{begun} were begun");
}

#[test]
fn while_an_early_one_is_in_work_only_so_many_results_wait_for_it() {
    let inputs: Vec<usize> = (0..10_000).collect();
    let (ready, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |number: &usize| {
        let workers_left = 2 * AHEAD - 1;
        // The first one ends only when the others have gone as far as they may.
        while *number == 0 && ready.load(Ordering::SeqCst) < workers_left {
            thread::yield_now();
        }
        most.fetch_max(ready.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    };
    let take = |()| {
        ready.fetch_sub(1, Ordering::SeqCst);
        Go::On
    };
    each(&inputs, jobs(2), work, take).unwrap();
    assert!(most.into_inner() <= 2 * AHEAD + 2);
}

#[test]
fn a_worker_that_panics_ends_the_run_and_leaves_nobody_waiting() {
    let inputs: Vec<usize> = (0..100).collect();
    let run = || {
        let work = |number: &usize| assert_ne!(*number, 40);
        each(&inputs, jobs(2), work, |()| Go::On)
    };
    assert!(std::panic::catch_unwind(run).is_err());
}
