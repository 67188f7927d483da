//! How two entries about one service become one. Pure, associative and idempotent, so that it does
//! not matter how often or in what groups what happened is written down; only the order matters.

use super::{Down, Entry, Owed, Stopped};

/// Something that happened to what is owed to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This was noted.
    Noted(Box<Entry>),
    /// The service's package was removed, or what was promised is there: nothing is owed any more.
    Removed,
}

/// What is owed after `event`.
pub fn after(owed: Option<Entry>, event: Event) -> Option<Entry> {
    match (owed, event) {
        (_, Event::Removed) => None,
        (None, Event::Noted(later)) => Some(*later),
        (Some(earlier), Event::Noted(later)) => Some(merge(earlier, *later)),
    }
}

/// `earlier` and, after it, `later`, about the same service in the same life of the init.
#[must_use]
pub fn merge(earlier: Entry, later: Entry) -> Entry {
    // A stop that was carried out cancels all that was owed to the service as it ran before. One of
    // its triggers alone does not.
    let stops = |down: &Down| down.service_was_running.is_some();
    let cancelled = later.down.as_ref().is_some_and(stops);
    let before = Running::of(&earlier);
    let now = Running::of(&later);
    let running = if cancelled { now } else { before.then(now) };
    Entry {
        since: earlier.since.min(later.since),
        down: join(earlier.down, later.down, merge_down),
        held: earlier.held || later.held,
        quiesced: running.quiesced,
        kept_running: running.kept_running,
        owed: running.owed,
        ..later
    }
}

/// What is owed to the service as it runs.
struct Running {
    quiesced: Option<super::Quiesced>,
    kept_running: bool,
    owed: Option<Owed>,
}

impl Running {
    fn of(entry: &Entry) -> Self {
        Self {
            quiesced: entry.quiesced.clone(),
            kept_running: entry.kept_running,
            owed: entry.owed.clone(),
        }
    }

    fn then(self, later: Self) -> Self {
        Self {
            quiesced: later.quiesced.or(self.quiesced),
            kept_running: self.kept_running || later.kept_running,
            owed: join(self.owed, later.owed, merge_owed),
        }
    }
}

fn join<T>(earlier: Option<T>, later: Option<T>, both: impl FnOnce(T, T) -> T) -> Option<T> {
    match (earlier, later) {
        (Some(earlier), Some(later)) => Some(both(earlier, later)),
        (earlier, later) => earlier.or(later),
    }
}

fn merge_owed(earlier: Owed, later: Owed) -> Owed {
    let mut reasons = earlier.reasons;
    for reason in later.reasons {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let due = earlier.due.then(later.due);
    Owed {
        due,
        // What both come to was asked for by the later one alone, or by nobody yet.
        begun: later.begun.filter(|_| due == later.due),
        // Who wants it to wait longest is heeded.
        until: longest(earlier.until, later.until),
        reasons,
        // What was started between the two runs without the later one's files.
        at: later.at,
    }
}

fn longest(a: crate::domain::Until, b: crate::domain::Until) -> crate::domain::Until {
    use crate::domain::Until::{Batch, Flush, Reboot};
    match (a, b) {
        (Reboot, _) | (_, Reboot) => Reboot,
        (Flush, _) | (_, Flush) => Flush,
        (Batch, Batch) => Batch,
    }
}

fn merge_down(earlier: Down, later: Down) -> Down {
    let mut units = earlier.units;
    for stopped in later.units {
        match units.iter_mut().find(|known| known.unit == stopped.unit) {
            Some(known) => stop_again(known, stopped),
            None => units.push(stopped),
        }
    }
    Down {
        units,
        // The second stop found only what the first had left.
        service_was_running: earlier.service_was_running.or(later.service_was_running),
        service_down_since: match later.service_was_running {
            Some(_) => later.service_down_since,
            None => later.service_down_since.or(earlier.service_down_since),
        },
    }
}

/// How it was before us is what the first stop saw; when it went down, what the last one saw, and
/// nobody yet where that one was killed: an earlier time would make its stop somebody else's.
fn stop_again(known: &mut Stopped, again: Stopped) {
    known.was_enabled = known.was_enabled.or(again.was_enabled);
    known.down_since = again.down_since;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::due::tests::ALL;
    use super::super::entry::tests::entry;
    use super::super::{Begun, Due, Failed, Quiesced};
    use super::*;
    use crate::domain::{Contact, Reason, Source, UnitName, Until};

    fn owing(due: Due) -> Entry {
        let mut entry = entry("foo");
        entry.owed = Some(Owed {
            due,
            until: Until::Batch,
            reasons: vec![Reason::new(Source::BuiltIn, format!("{due:?}"))],
            at: None,
            begun: None,
        });
        entry
    }

    fn stopping(unit: &str, was_running: bool) -> Entry {
        let mut entry = entry("foo");
        entry.down = Some(Down {
            units: vec![Stopped {
                unit: UnitName::parse(unit).unwrap(),
                was_enabled: Some(was_running),
                down_since: None,
                dependent: false,
            }],
            service_was_running: Some(was_running),
            service_down_since: None,
        });
        entry
    }

    fn due(entry: &Entry) -> Option<Due> {
        entry.owed.as_ref().map(|owed| owed.due)
    }

    #[test]
    fn a_stop_that_was_carried_out_cancels_what_was_owed_before_it() {
        let merged = merge(owing(Due::Restart), stopping("foo.socket", true));
        assert_eq!(due(&merged), None);
        let mut held = entry("foo");
        held.kept_running = true;
        assert!(!merge(held, stopping("foo.socket", true)).kept_running);
    }

    #[test]
    fn what_is_owed_after_a_stop_stays_with_what_was_taken_down() {
        let merged = merge(stopping("foo.socket", true), owing(Due::Start));
        assert_eq!(due(&merged), Some(Due::Start));
        assert_eq!(merged.down.unwrap().units.len(), 1);
    }

    #[test]
    fn a_second_stop_does_not_forget_that_the_service_was_running() {
        let merged = merge(stopping("a.socket", true), stopping("b.socket", false));
        let down = merged.down.unwrap();
        assert_eq!(down.service_was_running, Some(true));
        let units: Vec<&str> = down.units.iter().map(|s| s.unit.as_str()).collect();
        assert_eq!(units, ["a.socket", "b.socket"]);
    }

    #[test]
    fn what_is_asked_for_anew_counts_from_then_and_has_not_failed_yet() {
        let failed = Failed {
            tries: 3,
            why: "x".to_owned(),
            when: 1,
            at: 1,
        };
        let at = |at| {
            let mut entry = owing(Due::Restart);
            entry.owed.as_mut().unwrap().at = Some(at);
            entry
        };
        let mut earlier = at(5);
        earlier.failed = Some(failed);
        let merged = merge(earlier, at(9));
        assert_eq!((merged.owed.unwrap().at, merged.failed), (Some(9), None));
    }

    #[test]
    fn removal_cancels_all_and_what_comes_after_it_starts_anew() {
        let owed = after(None, Event::Noted(Box::new(stopping("a.socket", true))));
        let owed = after(owed, Event::Removed);
        assert_eq!(owed, None);
        let owed = after(owed, Event::Noted(Box::new(owing(Due::Start))));
        assert_eq!(owed, Some(owing(Due::Start)));
    }

    #[test]
    fn who_wants_the_longest_wait_is_heeded() {
        let mut earlier = owing(Due::Restart);
        if let Some(owed) = &mut earlier.owed {
            owed.until = Until::Reboot;
        }
        let merged = merge(earlier, owing(Due::Restart));
        assert_eq!(merged.owed.unwrap().until, Until::Reboot);
    }

    fn any_down() -> impl Strategy<Value = Option<Down>> {
        let unit = (0..3_u8, any::<Option<bool>>(), any::<Option<u64>>());
        let stopped = unit.prop_map(|(n, was_enabled, down_since)| Stopped {
            unit: UnitName::parse(&format!("t{n}.socket")).unwrap(),
            was_enabled,
            down_since,
            dependent: n == 2,
        });
        let units = prop::collection::vec(stopped, 0..4).prop_map(|mut units| {
            let mut seen = Vec::new();
            units.retain(|s| {
                let new = !seen.contains(&s.unit);
                seen.push(s.unit.clone());
                new
            });
            units
        });
        let down = (units, any::<Option<bool>>(), any::<Option<u64>>());
        prop::option::of(down.prop_map(|(units, service_was_running, since)| Down {
            units,
            service_was_running,
            service_down_since: since,
        }))
    }

    fn any_owed() -> impl Strategy<Value = Option<Owed>> {
        let until = prop_oneof![Just(Until::Batch), Just(Until::Flush), Just(Until::Reboot)];
        let begun = prop::option::of((1..9_u64).prop_map(|at| Begun {
            at,
            contact: Contact::Sent,
        }));
        let owed = (0..ALL.len(), until, begun, any::<Option<u64>>());
        let owed = owed.prop_map(|(due, until, begun, at)| Owed {
            due: ALL[due],
            until,
            reasons: vec![Reason::new(Source::BuiltIn, format!("{until:?}"))],
            at,
            begun,
        });
        prop::option::of(owed)
    }

    prop_compose! {
        fn any_entry()(
            down in any_down(),
            owed in any_owed(),
            quiesced in prop::option::of(1..9_u32),
            flags in any::<(bool, bool)>(),
            failed in prop::option::of(1..4_u32),
            times in (0..9_u64, 9..20_u64),
        ) -> Entry {
            let mut entry = entry("foo");
            entry.down = down;
            entry.owed = owed;
            entry.quiesced = quiesced.map(|main_pid| Quiesced { invocation: String::new(), main_pid, down_since: None });
            (entry.held, entry.kept_running) = flags;
            (entry.since, entry.when) = times;
            entry.failed = failed.map(|tries| Failed { tries, why: String::new(), when: 7, at: 8 });
            entry
        }
    }

    #[test]
    fn a_stop_that_nobody_saw_the_end_of_leaves_no_earlier_time_behind() {
        let stopped = |since: Option<u64>| {
            let mut entry = entry("foo");
            entry.down = Some(Down {
                units: vec![Stopped {
                    unit: UnitName::parse("foo.socket").unwrap(),
                    was_enabled: Some(true),
                    down_since: since,
                    dependent: false,
                }],
                service_was_running: Some(true),
                service_down_since: since,
            });
            entry
        };
        let down = merge(stopped(Some(5)), stopped(None)).down.unwrap();
        assert_eq!(down.units[0].down_since, None);
        assert_eq!(down.service_down_since, None);
    }

    #[test]
    fn what_was_asked_for_counts_only_where_nothing_else_came_before_it() {
        let asked = |due| {
            let mut entry = owing(due);
            let owed = entry.owed.as_mut().unwrap();
            owed.begun = Some(Begun {
                at: 7,
                contact: Contact::Sent,
            });
            entry
        };
        let begun = |entry: Entry| entry.owed.unwrap().begun.is_some();
        assert!(begun(merge(owing(Due::Reload), asked(Due::Restart))));
        assert!(!begun(merge(asked(Due::Stop), asked(Due::Start))));
        assert!(!begun(merge(asked(Due::Restart), owing(Due::Restart))));
    }

    proptest! {
        #[test]
        fn merging_is_associative(a in any_entry(), b in any_entry(), c in any_entry()) {
            let left = merge(merge(a.clone(), b.clone()), c.clone());
            prop_assert_eq!(left, merge(a, merge(b, c)));
        }

        #[test]
        fn noting_the_same_twice_is_noting_it_once(a in any_entry(), b in any_entry()) {
            prop_assert_eq!(merge(b.clone(), b.clone()), b.clone());
            let once = merge(a, b.clone());
            prop_assert_eq!(merge(once.clone(), b), once);
        }

        #[test]
        fn no_unit_that_was_taken_down_is_lost_by_merging(a in any_entry(), b in any_entry()) {
            let merged = merge(a.clone(), b.clone());
            let kept: Vec<Stopped> = merged.down.into_iter().flat_map(|d| d.units).collect();
            for stopped in [a, b].into_iter().filter_map(|e| e.down).flat_map(|d| d.units) {
                prop_assert!(kept.iter().any(|k| k.unit == stopped.unit));
            }
        }
    }
}
