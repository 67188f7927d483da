//! What is done about the debts that wait for a batch's end, when one of the nets asks for it. Several
//! nets ask, since each of them can be missing: the earliest that may flush does.

use std::time::Duration;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net {
    /// Our package's own script, at the end of a dpkg run.
    Trigger,
    /// apt's hook, after the last of its dpkg runs.
    Apt,
    /// The waiter, once all has been quiet for long enough.
    Waiter,
}

/// Who runs dpkg, as far as the processes above us tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// A person's front end, or dpkg itself: its end is the batch's end.
    Plain,
    /// One that makes many small runs of one upgrade: none of its ends is known to be the last.
    Piecemeal,
}

/// What was observed of the package operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFacts {
    /// What somebody who is not above us is at, where a lock of dpkg's or apt's is held.
    pub busy: Option<String>,
    /// Who runs dpkg.
    pub driver: Driver,
    /// What has to come before any restart: a pending re-exec of the init; or why that is not known.
    pub first: Option<String>,
    /// What dpkg has still to do for other packages than ours.
    pub unfinished: Option<String>,
    /// How long it has to be quiet after a bare dpkg run.
    pub settle: Duration,
}

/// What is to be done now.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// The batch is over: what waits for it is paid.
    Flush,
    /// Not yet, and why: the waiter sees to it.
    Later(String),
}

/// Judges what was observed for the net that asks. Services of packages that are not configured are
/// left alone by every flush; they keep nobody else's from being paid once the batch is over.
pub fn readiness(net: Net, facts: &BatchFacts) -> Readiness {
    let later = |why: &str| Readiness::Later(why.to_owned());
    match (&facts.busy, &facts.first) {
        // dpkg runs our script, and apt our hook: that they do is no news.
        (Some(busy), _) if net != Net::Trigger => return later(busy),
        (_, Some(first)) => return later(first),
        (Some(_) | None, None) => {}
    }
    match (net, facts.driver, &facts.unfinished) {
        (Net::Waiter, _, _) | (Net::Apt, Driver::Plain, _) => Readiness::Flush,
        (Net::Apt | Net::Trigger, Driver::Piecemeal, _) => later("more runs of dpkg may follow"),
        (Net::Trigger, Driver::Plain, Some(unfinished)) => later(unfinished),
        (Net::Trigger, Driver::Plain, None) if facts.settle.is_zero() => Readiness::Flush,
        (Net::Trigger, Driver::Plain, None) => later("another run of dpkg may follow"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> BatchFacts {
        BatchFacts {
            busy: None,
            driver: Driver::Plain,
            first: None,
            unfinished: None,
            settle: Duration::from_secs(10),
        }
    }

    fn with(change: impl FnOnce(&mut BatchFacts)) -> BatchFacts {
        let mut facts = facts();
        change(&mut facts);
        facts
    }

    /// Which of the nets flush: a letter for each that does.
    fn flushing(facts: &BatchFacts) -> String {
        let nets = [(Net::Trigger, 't'), (Net::Apt, 'a'), (Net::Waiter, 'w')];
        let flushes = |net| readiness(net, facts) == Readiness::Flush;
        let found = nets.into_iter().filter(|(net, _)| flushes(*net));
        found.map(|(_, letter)| letter).collect()
    }

    #[test]
    fn the_earliest_net_that_may_flush_does() {
        let some = || Some("x".to_owned());
        let table = [
            ("aw", facts()),
            ("taw", with(|f| f.settle = Duration::ZERO)),
            // apt is done with what it was asked for, and its hook comes once.
            ("aw", with(|f| f.unfinished = some())),
            (
                "aw",
                with(|f| (f.settle, f.unfinished) = (Duration::ZERO, some())),
            ),
            ("w", with(|f| f.driver = Driver::Piecemeal)),
            (
                "w",
                with(|f| (f.driver, f.settle) = (Driver::Piecemeal, Duration::ZERO)),
            ),
            ("", with(|f| f.busy = some())),
            ("t", with(|f| (f.busy, f.settle) = (some(), Duration::ZERO))),
            ("", with(|f| f.first = some())),
            ("", with(|f| (f.first, f.settle) = (some(), Duration::ZERO))),
        ];
        for (expected, facts) in table {
            assert_eq!(flushing(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn what_is_not_done_now_says_why() {
        let facts = with(|f| f.first = Some("libc-upgrade is pending".to_owned()));
        for net in [Net::Trigger, Net::Apt, Net::Waiter] {
            let expected = Readiness::Later("libc-upgrade is pending".to_owned());
            assert_eq!(readiness(net, &facts), expected);
        }
    }
}
