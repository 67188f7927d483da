//! Waiting for several jobs at once: all are asked for before the first is waited for, each is looked at
//! again and again until it has ended or its time is over. Looking is reading a few bytes, so it is
//! done often in the beginning and less often the longer it takes.

use std::time::{Duration, Instant};

use crate::domain::{Job, JobOutcome};
use crate::init::Onlooker;

/// The first pause between two looks. A supervisor of runit or s6 starts a process in less than this.
const SHORTEST: Duration = Duration::from_micros(500);
/// The longest one.
const LONGEST: Duration = Duration::from_millis(100);
/// A pause is this part of what has gone by: nobody waits much longer than it takes.
const PART: u32 = 20;
/// Somebody who watches hears of it this often.
const TELL: Duration = Duration::from_secs(10);

/// One job on its way.
pub(in crate::init) trait Errand {
    /// The job.
    fn job(&self) -> &Job;

    /// Looks, asks where that is still to be done, and returns the outcome once there is one.
    fn step(&mut self, now: Instant) -> Option<JobOutcome>;

    /// What it comes to when its time is over, after `waited`.
    fn overdue(&mut self, waited: Duration) -> JobOutcome;
}

/// Carries out all `errands` within `limit`; their outcomes, in order.
pub(in crate::init) fn run_all<E: Errand>(
    errands: &mut [E],
    limit: Duration,
    onlooker: &dyn Onlooker,
) -> Vec<JobOutcome> {
    let begun = Instant::now();
    let mut outcomes: Vec<Option<JobOutcome>> = errands.iter().map(|_| None).collect();
    let mut told = Duration::ZERO;
    loop {
        let now = Instant::now();
        let waited = now.duration_since(begun);
        for (errand, outcome) in errands.iter_mut().zip(&mut outcomes) {
            if outcome.is_none() {
                *outcome = errand.step(now);
            }
            if outcome.is_none() && waited >= limit {
                *outcome = Some(errand.overdue(waited));
            }
        }
        if outcomes.iter().all(Option::is_some) {
            return outcomes.into_iter().flatten().collect();
        }
        if waited.saturating_sub(told) >= TELL {
            told = waited;
            onlooker.working(&unfinished(errands, &outcomes), waited);
        }
        std::thread::sleep(pause(waited).min(limit.saturating_sub(waited)));
    }
}

fn pause(waited: Duration) -> Duration {
    (waited / PART).clamp(SHORTEST, LONGEST)
}

fn unfinished<'a, E: Errand>(errands: &'a [E], outcomes: &[Option<JobOutcome>]) -> Vec<&'a Job> {
    let all = errands.iter().zip(outcomes);
    let open = all.filter(|(_, outcome)| outcome.is_none());
    open.map(|(errand, _)| errand.job()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{JobFailure, UnitName, Verb};
    use crate::init::Unwatched;

    struct Counted {
        job: Job,
        steps: u32,
        needs: u32,
    }

    impl Errand for Counted {
        fn job(&self) -> &Job {
            &self.job
        }

        fn step(&mut self, _: Instant) -> Option<JobOutcome> {
            self.steps += 1;
            (self.steps >= self.needs).then_some(JobOutcome::Done)
        }

        fn overdue(&mut self, waited: Duration) -> JobOutcome {
            let seconds = waited.as_secs();
            JobOutcome::Failed(JobFailure::TimedOut { seconds })
        }
    }

    fn counted(needs: u32) -> Counted {
        let job = Job::new(Verb::Start, UnitName::parse("foo").unwrap());
        Counted {
            job,
            steps: 0,
            needs,
        }
    }

    #[test]
    fn each_is_asked_before_the_first_is_waited_for_and_outcomes_keep_their_order() {
        let mut errands = [counted(u32::MAX), counted(1), counted(3)];
        let limit = Duration::from_millis(20);
        let outcomes = run_all(&mut errands, limit, &Unwatched);
        let late = JobOutcome::Failed(JobFailure::TimedOut { seconds: 0 });
        assert_eq!(outcomes, [late, JobOutcome::Done, JobOutcome::Done]);
        assert_eq!((errands[1].steps, errands[2].steps), (1, 3));
    }

    #[test]
    fn no_time_at_all_is_still_one_look() {
        let outcomes = run_all(&mut [counted(1)], Duration::ZERO, &Unwatched);
        assert_eq!(outcomes, [JobOutcome::Done]);
        let none: &mut [Counted] = &mut [];
        assert!(run_all(none, Duration::ZERO, &Unwatched).is_empty());
    }

    #[test]
    fn looks_become_rarer_but_never_rare() {
        assert_eq!(pause(Duration::ZERO), SHORTEST);
        assert_eq!(pause(Duration::from_millis(100)), Duration::from_millis(5));
        assert_eq!(pause(Duration::from_secs(3600)), LONGEST);
    }
}
