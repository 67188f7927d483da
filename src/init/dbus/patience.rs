//! How long, and with which pauses, an init that does not answer is waited for, and who is told.
//! One deadline an absence: it begins with the first attempt that fails and ends with the first
//! question that is answered, not with a connection that is lost again. It sleeps; it asks nothing.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::stream::Deadline;
use crate::init::{InitError, Onlooker, Unwatched};

/// Before the second attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Between attempts once it has taken long. An init that executes itself anew again and again is at home for some
/// tens of milliseconds at a time: a longer pause misses it time after time (seen with 300 ms under load, in 4 of 50
/// calls, up to the deadline). An attempt that is refused costs a tenth of a millisecond.
const LONGEST_PAUSE: Duration = Duration::from_millis(80);
/// A shorter absence is not spoken of: a re-exec takes a fraction of this.
const NOTICE: Duration = Duration::from_secs(1);
/// The first handshake may take this long. A process that is stopped accepts connections, by way of
/// the kernel's backlog, and answers none.
const FIRST_HANDSHAKE: Duration = Duration::from_secs(1);
/// Later handshakes may take longer, on a machine that is only slow, but not more than this.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(5);
/// The one attempt that remains past the deadline may take this long.
const LAST_HANDSHAKE: Duration = Duration::from_secs(1);

/// One attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) struct Attempt {
    /// How long it may take, all in all.
    pub(in crate::init) limit: Duration,
    /// For how long nobody has answered so far.
    pub(in crate::init) away_for: Duration,
}

/// What to do after an attempt that failed.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::init) enum Next {
    /// Try again; a pause has passed.
    Again,
    /// The deadline has passed.
    GiveUp,
}

/// The patience with one init.
#[derive(Debug)]
pub(in crate::init) struct Patience {
    init: &'static str,
    wait: Duration,
    onlooker: Rc<dyn Onlooker>,
    absence: Option<Absence>,
}

/// A time in which nothing was answered.
#[derive(Debug)]
struct Absence {
    since: Instant,
    attempts: u32,
    told: bool,
}

impl Absence {
    fn from(since: Instant) -> Self {
        Self {
            since,
            attempts: 0,
            told: false,
        }
    }
}

impl Patience {
    /// With `init`, for as long as `wait` an absence.
    pub(in crate::init) fn new(init: &'static str, wait: Duration) -> Self {
        Self {
            init,
            wait,
            onlooker: Rc::new(Unwatched),
            absence: None,
        }
    }

    /// How long it is.
    pub(in crate::init) fn wait(&self) -> Duration {
        self.wait
    }

    /// Waits this long from now on.
    pub(in crate::init) fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
    }

    /// Tells this one.
    pub(in crate::init) fn set_onlooker(&mut self, onlooker: Rc<dyn Onlooker>) {
        self.onlooker = onlooker;
    }

    /// Who is told.
    pub(in crate::init) fn onlooker(&self) -> &Rc<dyn Onlooker> {
        &self.onlooker
    }

    /// When to give up, if a wait began now or has begun before.
    pub(in crate::init) fn deadline(&self) -> Deadline {
        let since = self.absence.as_ref().map(|absence| absence.since);
        Deadline(since.unwrap_or_else(Instant::now).checked_add(self.wait))
    }

    /// When somebody is to be told of a silence that began at `since`; `None` where that was done.
    pub(in crate::init) fn notice(&self, since: Instant) -> Option<Deadline> {
        match &self.absence {
            Some(absence) if absence.told => None,
            Some(absence) => Some(Deadline(absence.since.checked_add(NOTICE))),
            None => Some(Deadline(since.checked_add(NOTICE))),
        }
    }

    /// What the next attempt to connect may cost.
    pub(in crate::init) fn attempt(&self) -> Attempt {
        let (away_for, attempts) = match &self.absence {
            Some(absence) => (absence.since.elapsed(), absence.attempts),
            None => (Duration::ZERO, 0),
        };
        let longest = grown(FIRST_HANDSHAKE, attempts, LONGEST_HANDSHAKE);
        let left = self.wait.saturating_sub(away_for).max(LAST_HANDSHAKE);
        Attempt {
            limit: longest.min(left),
            away_for,
        }
    }

    /// An attempt that began at `since` failed because of `why`. Pauses, unless it is too late.
    pub(in crate::init) fn failed(&mut self, since: Instant, why: &InitError) -> Next {
        let left = self.wait.saturating_sub(self.begun(since).since.elapsed());
        if left.is_zero() {
            return Next::GiveUp;
        }
        let absence = self.begun(since);
        let pause = grown(FIRST_PAUSE, absence.attempts, LONGEST_PAUSE);
        absence.attempts = absence.attempts.saturating_add(1);
        if absence.since.elapsed() + pause >= NOTICE {
            self.tell(&why.to_string(), self.wait);
        }
        std::thread::sleep(jittered(pause, seed()).min(left));
        Next::Again
    }

    /// Nothing has come since `since`, long enough to speak of it.
    pub(in crate::init) fn silent(&mut self, since: Instant) {
        self.silent_within(since, self.wait);
    }

    /// The same, where it is waited for as long as `limit`.
    pub(in crate::init) fn silent_within(&mut self, since: Instant, limit: Duration) {
        self.begun(since);
        self.tell("no answer so far", limit);
    }

    /// Nothing has come since `since`, or for longer, and nobody waits any more: what follows has no
    /// time of its own. The error names the whole time.
    pub(in crate::init) fn gave_up(&mut self, since: Instant) -> InitError {
        InitError::Silent {
            init: self.init,
            seconds: self.begun(since).since.elapsed().as_secs(),
        }
    }

    /// It was heard: whatever absence there was is over.
    pub(in crate::init) fn answered(&mut self) {
        if let Some(absence) = self.absence.take().filter(|absence| absence.told) {
            self.onlooker.back(self.init, absence.since.elapsed());
        }
    }

    fn begun(&mut self, since: Instant) -> &mut Absence {
        self.absence.get_or_insert_with(|| Absence::from(since))
    }

    fn tell(&mut self, why: &str, limit: Duration) {
        if let Some(absence) = self.absence.as_mut().filter(|absence| !absence.told) {
            absence.told = true;
            self.onlooker.away(self.init, why, limit);
        }
    }
}

/// `first`, doubled so many times, but `most` at most.
fn grown(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
    first
        .checked_mul(factor)
        .map_or(most, |long| long.min(most))
}

/// Between a half and the whole of `pause`: many that wait for the same init shall not all come
/// back at the same moment.
fn jittered(pause: Duration, seed: u64) -> Duration {
    // One step of splitmix64: each bit of the seed reaches each bit of the result.
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let half = pause / 2;
    let span = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_nanos((mixed ^ (mixed >> 31)) % span)
}

/// Differs between processes and between moments.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |now| u64::from(now.subsec_nanos()));
    nanos ^ (u64::from(std::process::id()) << 32)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::domain::Job;

    #[derive(Debug, Default)]
    struct Told(RefCell<Vec<String>>);

    impl Onlooker for Told {
        fn away(&self, init: &'static str, why: &str, _: Duration) {
            self.0.borrow_mut().push(format!("{init} is away: {why}"));
        }
        fn back(&self, init: &'static str, _: Duration) {
            self.0.borrow_mut().push(format!("{init} is back"));
        }
        fn working(&self, _: &[&Job], _: Duration) {}
    }

    fn gone() -> InitError {
        InitError::Unreachable {
            init: "init",
            why: "gone".to_owned(),
        }
    }

    fn watched(wait: Duration) -> (Patience, Rc<Told>) {
        let told = Rc::new(Told::default());
        let mut patience = Patience::new("init", wait);
        patience.set_onlooker(Rc::clone(&told) as Rc<dyn Onlooker>);
        (patience, told)
    }

    fn ago(time: Duration) -> Instant {
        Instant::now().checked_sub(time).unwrap()
    }

    #[test]
    fn pauses_grow_to_a_limit_and_never_reach_it_all_at_once() {
        let pauses: Vec<u128> = (0..9)
            .map(|n| grown(FIRST_PAUSE, n, LONGEST_PAUSE).as_millis())
            .collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 80, 80, 80, 80]);
        assert_eq!(grown(FIRST_PAUSE, 400, LONGEST_PAUSE), LONGEST_PAUSE);
        let spread: Vec<Duration> = (0..1000)
            .map(|seed| jittered(LONGEST_PAUSE, seed))
            .collect();
        let within = |pause: &&Duration| **pause >= LONGEST_PAUSE / 2 && **pause < LONGEST_PAUSE;
        assert_eq!(spread.iter().filter(within).count(), 1000);
        let late = spread
            .iter()
            .filter(|pause| **pause > LONGEST_PAUSE * 3 / 4);
        assert!((350..650).contains(&late.count()));
    }

    #[test]
    fn one_deadline_holds_for_a_whole_absence_and_a_new_one_for_the_next() {
        let (mut patience, _) = watched(Duration::from_millis(60));
        let begun = Instant::now();
        let mut attempts = 0;
        while patience.failed(begun, &gone()) == Next::Again {
            attempts += 1;
        }
        assert!((2..20).contains(&attempts), "{attempts}");
        assert!(begun.elapsed() >= Duration::from_millis(60));
        assert_eq!(patience.failed(Instant::now(), &gone()), Next::GiveUp);
        patience.answered();
        assert_eq!(patience.failed(Instant::now(), &gone()), Next::Again);
    }

    #[test]
    fn a_blink_is_not_spoken_of_and_a_long_absence_once() {
        let (mut patience, told) = watched(Duration::from_secs(30));
        let _ = patience.failed(Instant::now(), &gone());
        patience.answered();
        assert!(told.0.borrow().is_empty());
        for _ in 0..3 {
            let _ = patience.failed(ago(Duration::from_secs(2)), &gone());
        }
        patience.silent(Instant::now());
        patience.answered();
        patience.answered();
        let expected = [
            "init is away: cannot reach init: gone".to_owned(),
            "init is back".to_owned(),
        ];
        assert_eq!(*told.0.borrow(), expected);
    }

    #[test]
    fn a_handshake_gets_more_time_with_each_attempt_and_some_past_the_deadline() {
        let (mut patience, _) = watched(Duration::from_secs(3));
        assert_eq!(patience.attempt().limit, FIRST_HANDSHAKE);
        let _ = patience.failed(Instant::now(), &gone());
        assert_eq!(patience.attempt().limit, FIRST_HANDSHAKE * 2);
        patience.answered();
        let _ = patience.failed(ago(Duration::from_secs(9)), &gone());
        let last = patience.attempt();
        assert_eq!(last.limit, LAST_HANDSHAKE);
        assert!(last.away_for >= Duration::from_secs(9));
    }
}
