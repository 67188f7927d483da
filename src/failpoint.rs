//! Where a test may cut a flush off: each step has a name, and a program that was built with the feature
//! `failpoints` kills itself at the one that it is told. In any other build there is nothing of it.
//! `RCPOLICY_FAILPOINT=begun` kills at that point, `begun:3` where it is reached for the third time.

/// A step at which a flush may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Nobody else may pay; nothing was read.
    Paying,
    /// What a killed process left is an entry, and is still in its own file too.
    Adopting,
    /// All was decided, nothing was noted.
    Decided,
    /// Of one of several it is noted that it was begun.
    Beginning,
    /// Of all it is noted, and nothing was asked.
    Begun,
    /// Some jobs are done, and others that belong to them were not asked for: between a stop and a start.
    Halfway,
    /// All jobs are done, nothing was verified.
    Done,
    /// One was verified, and is not struck.
    Verified,
    /// One was struck, or what is left of it was noted.
    Struck,
    /// An init script has run, and nothing was struck.
    Ran,
    /// A file's new text is there under a name of its own.
    Replacing,
    /// Between any two changes that bring a service's definition up to date.
    Defining,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Paying,
        Self::Adopting,
        Self::Decided,
        Self::Beginning,
        Self::Begun,
        Self::Halfway,
        Self::Done,
        Self::Verified,
        Self::Struck,
        Self::Ran,
        Self::Replacing,
        Self::Defining,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paying => "paying",
            Self::Adopting => "adopting",
            Self::Decided => "decided",
            Self::Beginning => "beginning",
            Self::Begun => "begun",
            Self::Halfway => "halfway",
            Self::Done => "done",
            Self::Verified => "verified",
            Self::Struck => "struck",
            Self::Ran => "ran",
            Self::Replacing => "replacing",
            Self::Defining => "defining",
        }
    }
}

/// Nothing, in what is shipped.
#[cfg(not(any(feature = "failpoints", test)))]
#[inline]
pub fn reach(_: Point) {}

/// Ends the thread of a unit test where it was told so.
#[cfg(all(not(feature = "failpoints"), test))]
pub fn reach(point: Point) {
    cut::reach(point);
}

/// Kills this process where it was told so.
#[cfg(feature = "failpoints")]
pub fn reach(point: Point) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static REACHED: AtomicUsize = AtomicUsize::new(0);
    #[cfg(test)]
    cut::reach(point);
    let Ok(told) = std::env::var("RCPOLICY_FAILPOINT") else {
        return;
    };
    let (name, nth) = told.split_once(':').unwrap_or((&told, "1"));
    if name != point.name() {
        return;
    }
    if REACHED.fetch_add(1, Ordering::Relaxed) + 1 == nth.parse().unwrap_or(1) {
        let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
    }
}

/// Being cut off within one process: what the thread was doing ends with a panic, which a test catches.
#[cfg(test)]
pub(crate) mod cut {
    use std::cell::Cell;

    use crate::failpoint::Point;

    thread_local! {
        static LEFT: Cell<Option<(Point, usize)>> = const { Cell::new(None) };
    }

    /// What the panic carries.
    pub(crate) struct CutOff;

    /// From now on, the thread is cut off where it reaches `point` for the `nth` time; `None` is never.
    pub(crate) fn at(told: Option<(Point, usize)>) {
        LEFT.set(told);
    }

    pub(super) fn reach(point: Point) {
        match LEFT.get() {
            Some((told, 1)) if told == point => {
                LEFT.set(None);
                std::panic::resume_unwind(Box::new(CutOff));
            }
            Some((told, nth)) if told == point => LEFT.set(Some((told, nth - 1))),
            Some(_) | None => {}
        }
    }
}
