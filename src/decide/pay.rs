//! Paying what the ledger holds: which action that comes to, what must not be started any more, and
//! what is left afterwards. Pure. That policies are asked again is `decide`'s and its caller's.

use crate::domain::{
    Action, ActiveState, Facts, FileState, FrontEnd, Phase, Reason, Request, Seen, Source,
    UnitFacts,
};
use crate::ledger::{Down, Due, Entry};

/// What paying an entry comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// This action, with all that was taken down and not brought back.
    Act(Action),
    /// Nothing now. Somebody stopped it who was no upgrade: the next start brings all of it back.
    NextStart,
    /// Nothing is owed.
    Nothing,
}

/// The action that pays `entry`. Only what a maintainer script stopped in an upgrade is healed.
pub fn payment(entry: &Entry) -> Payment {
    // What a script took down with a group comes back whatever the script was called for.
    let heals = match entry.who.caller.phase {
        Phase::Upgrade => true,
        Phase::Install | Phase::Trigger => entry.went_along(),
        Phase::Remove | Phase::None => false,
    };
    let down = entry.down.as_ref();
    let due = entry.owed.as_ref().map(|owed| owed.due);
    match due {
        Some(due @ (Due::Stop | Due::ForceStop)) => Payment::Act(due.action()),
        // Down by our stop: nothing of what ran before is left that could be reloaded.
        Some(Due::Reload | Due::TryRestart | Due::ForceReload) if down.is_some() && heals => {
            Payment::Act(Action::Restart)
        }
        Some(due) => Payment::Act(due.action()),
        None if entry.kept_running => Payment::Act(Action::Restart),
        None if down.is_none() && entry.quiesced.is_none() && !entry.held => Payment::Nothing,
        None if heals => Payment::Act(Action::Start),
        None => Payment::NextStart,
    }
}

/// What is left of `entry` once `done` was carried out.
pub fn rest(entry: &Entry, done: &Action) -> Option<Entry> {
    let stops = matches!(done, Action::Stop | Action::ForceStop);
    let heals = entry.who.caller.phase == Phase::Upgrade;
    let comes_back = |down: &Down| heals || !down.units.is_empty();
    let taken_down = entry.held || entry.down.as_ref().is_some_and(comes_back);
    // What a stop took down comes back with the next start.
    (stops && taken_down).then(|| Entry {
        owed: None,
        kept_running: false,
        quiesced: None,
        failed: None,
        ..entry.clone()
    })
}

/// Whether somebody else stopped the service after this was noted. A unit that failed, and one that
/// runs once and ends, is nobody's will.
pub fn stopped_since(entry: &Entry, unit: &UnitFacts) -> bool {
    let inactive = unit.active.is_and(|state| *state == ActiveState::Inactive);
    let quiesced = entry.quiesced.as_ref();
    let by_us = match (&entry.down, quiesced) {
        (Some(down), _) => Some(down.service_down_since),
        (None, Some(quiesced)) => Some(quiesced.down_since),
        (None, None) => None,
    };
    let later = match by_us {
        // systemd forgets the times of what it unloads.
        Some(ours) => ours.is_some_and(|ours| ours != unit.down_since && unit.down_since != 0),
        None => match last_touched(entry) {
            Some(at) => unit.down_since > at,
            // Whole seconds: what was stopped in the same one may have been stopped before.
            None => unit.down_since_epoch > 0 && unit.down_since_epoch >= entry.since,
        },
    };
    inactive && later && !unit.oneshot
}

/// When we last had a hand in it, in microseconds of the monotonic clock.
fn last_touched(entry: &Entry) -> Option<u64> {
    // A try of ours that failed may have left it down.
    let failed = entry.failed.as_ref().map(|failed| failed.at);
    failed.or_else(|| entry.asked_at())
}

/// Whether the restart or reload that is owed has meanwhile happened: the service was started later
/// than that was last asked for, and runs.
pub fn has_happened(entry: &Entry, seen: &Seen) -> bool {
    let Some(owed) = &entry.owed else {
        return false;
    };
    let renews = match owed.due {
        Due::Restart | Due::TryRestart | Due::Reload | Due::ForceReload => true,
        // What is up already is no work for a start, and these want it down.
        Due::Start | Due::Stop | Due::ForceStop => false,
    };
    // Asked for before the files were replaced, what was started later may run the old ones.
    let script = entry.who.caller.script.as_deref();
    let replaced = !matches!(script, Some("preinst" | "prerm"));
    let up = seen.active.is_and(|state| *state == ActiveState::Active);
    let idle = seen.job.is_and(Option::is_none);
    renews && replaced && up && idle && owed.at.is_some_and(|at| seen.started > at)
}

/// Why `rcpolicy flush` does not start a service that is down, although that is owed.
pub(super) fn not_wanted(request: &Request, facts: &Facts, owed: Option<&Entry>) -> Option<Reason> {
    let unit = &facts.unit;
    let entry = owed.filter(|_| request.front == FrontEnd::Rcpolicy && unit.is_down())?;
    let state = |text: &str| Reason::new(Source::Unit(unit.id.to_string()), text);
    if is_gone(unit) {
        return Some(state("is not there any more"));
    }
    if unit.file.is_and(|file| *file == FileState::Disabled) {
        return Some(state("is disabled and not running"));
    }
    if stopped_since(entry, unit) && !is_half_restarted(entry, facts) {
        return Some(state("was stopped by somebody else since"));
    }
    let was_down = |down: &Down| down.service_was_running == Some(false);
    let only_triggers = entry.owed.is_none() && entry.down.as_ref().is_some_and(was_down);
    only_triggers.then(|| Reason::new(Source::Ledger, "was not running when it was stopped"))
}

/// Whether it may be down because a restart of ours was cut off between its two halves: as with an init
/// script's, its stop was ours as far as anybody can tell.
fn is_half_restarted(entry: &Entry, facts: &Facts) -> bool {
    let restarts = |due: Due| matches!(due, Due::Restart | Due::TryRestart | Due::ForceReload);
    let begun = entry.owed.as_ref().filter(|owed| owed.begun.is_some());
    let halves = !facts.capabilities.whole_restarts.is_native();
    halves && begun.is_some_and(|owed| restarts(owed.due))
}

/// Whether its package was removed: systemd may not have been told yet.
fn is_gone(unit: &UnitFacts) -> bool {
    let no_file = |file: &FileState| *file == FileState::Other("not-found".to_owned());
    (unit.is_missing() || unit.file.is_and(no_file)) && !unit.is_script_only()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Caller, Contact, Known, Life, SeenJob, UnitName, Until};
    use crate::ledger::{Begun, Owed, Quiesced, Who};

    fn entry(phase: Phase) -> Entry {
        let life = Life {
            boot_id: "b".to_owned(),
            pid_namespace: 1,
            init_started: 1,
            userspace: None,
        };
        let who = Who {
            caller: Caller {
                phase,
                ..Caller::default()
            },
            ..Who::default()
        };
        Entry::new(UnitName::parse("foo").unwrap(), life, who, 1_000, "x")
    }

    fn owing(mut entry: Entry, due: Due) -> Entry {
        entry.owed = Some(Owed {
            due,
            until: Until::Batch,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
        entry
    }

    fn down(mut entry: Entry, service_down_since: Option<u64>) -> Entry {
        entry.down = Some(Down {
            service_was_running: Some(true),
            service_down_since,
            ..Down::default()
        });
        entry
    }

    #[test]
    fn only_what_an_upgrade_stopped_is_healed_and_what_is_owed_is_always_paid() {
        use Payment::{Act, NextStart, Nothing};
        let (upgrade, hand) = (entry(Phase::Upgrade), entry(Phase::None));
        let mut kept = hand.clone();
        kept.kept_running = true;
        for (entry, expected) in [
            (upgrade.clone(), Nothing),
            (down(upgrade.clone(), None), Act(Action::Start)),
            (down(hand.clone(), None), NextStart),
            (kept, Act(Action::Restart)),
            (owing(hand.clone(), Due::Reload), Act(Action::Reload)),
            (
                owing(down(upgrade.clone(), None), Due::Reload),
                Act(Action::Restart),
            ),
            (
                owing(down(upgrade.clone(), None), Due::Stop),
                Act(Action::Stop),
            ),
        ] {
            assert_eq!(payment(&entry), expected, "{entry:?}");
        }
    }

    #[test]
    fn a_stop_that_is_paid_leaves_what_it_took_down_and_a_start_leaves_nothing() {
        let entry = owing(down(entry(Phase::Upgrade), None), Due::Stop);
        let left = rest(&entry, &Action::Stop).unwrap();
        assert!(left.owed.is_none() && left.down.is_some());
        assert_eq!(rest(&entry, &Action::Restart), None);
        let mut by_hand = entry;
        by_hand.who.caller.phase = Phase::None;
        assert_eq!(
            rest(&by_hand, &Action::Stop),
            None,
            "nothing would come back"
        );
    }

    fn unit(active: ActiveState, down_since: u64, epoch: u64) -> UnitFacts {
        let mut unit = UnitFacts::unknown(&UnitName::parse("foo").unwrap(), "not asked");
        unit.active = Known::Is(active);
        unit.down_since = down_since;
        unit.down_since_epoch = epoch;
        unit
    }

    #[test]
    fn only_what_was_started_after_the_last_request_and_with_the_new_files_has_happened() {
        let asked = |due, at, script: &str| {
            let mut entry = owing(entry(Phase::Upgrade), due);
            entry.owed.as_mut().unwrap().at = at;
            entry.who.caller.script = Some(script.to_owned());
            entry
        };
        let seen = |started, active, job| Seen {
            started,
            active: Known::Is(active),
            job: Known::Is(job),
            ..Seen::unknown(&UnitName::parse("foo").unwrap(), "x")
        };
        let job = || Some(SeenJob { id: 1, verb: None });
        use ActiveState::{Activating, Active};
        for (entry, seen, expected) in [
            (
                asked(Due::Restart, Some(9), "postinst"),
                seen(10, Active, None),
                true,
            ),
            (
                asked(Due::Reload, Some(9), "postinst"),
                seen(10, Active, None),
                true,
            ),
            (
                asked(Due::Restart, Some(9), "postinst"),
                seen(9, Active, None),
                false,
            ),
            (
                asked(Due::Restart, Some(9), "prerm"),
                seen(10, Active, None),
                false,
            ),
            (
                asked(Due::Restart, Some(9), "postinst"),
                seen(10, Activating, None),
                false,
            ),
            (
                asked(Due::Restart, Some(9), "postinst"),
                seen(10, Active, job()),
                false,
            ),
            (
                asked(Due::Restart, None, "postinst"),
                seen(10, Active, None),
                false,
            ),
            (
                asked(Due::Stop, Some(9), "postinst"),
                seen(10, Active, None),
                false,
            ),
        ] {
            assert_eq!(has_happened(&entry, &seen), expected, "{entry:?} {seen:?}");
        }
    }

    #[test]
    fn our_own_stop_is_told_from_one_that_came_after_it() {
        use ActiveState::{Active, Failed, Inactive};
        let (upgrade, owed) = (
            entry(Phase::Upgrade),
            owing(entry(Phase::None), Due::Restart),
        );
        let mut quiesced = upgrade.clone();
        quiesced.quiesced = Some(Quiesced {
            invocation: String::new(),
            main_pid: 7,
            down_since: Some(50),
        });
        let asked_at = |at| {
            let mut entry = owed.clone();
            let contact = Contact::Unread;
            if let Some(owed) = &mut entry.owed {
                owed.begun = Some(Begun { at, contact });
            }
            entry
        };
        for (entry, unit, expected) in [
            (
                down(upgrade.clone(), Some(50)),
                unit(Inactive, 50, 2_000),
                false,
            ),
            (
                down(upgrade.clone(), Some(50)),
                unit(Inactive, 70, 2_000),
                true,
            ),
            (
                down(upgrade.clone(), None),
                unit(Inactive, 70, 2_000),
                false,
            ),
            (quiesced.clone(), unit(Inactive, 50, 2_000), false),
            (quiesced, unit(Inactive, 51, 2_000), true),
            (owed.clone(), unit(Inactive, 70, 1_000), true),
            (owed.clone(), unit(Inactive, 70, 999), false),
            (owed.clone(), unit(Inactive, 0, 0), false),
            (asked_at(60), unit(Inactive, 59, 1_000), false),
            (asked_at(60), unit(Inactive, 61, 1_000), true),
            (owed.clone(), unit(Failed, 70, 2_000), false),
            (owed, unit(Active, 70, 2_000), false),
        ] {
            assert_eq!(stopped_since(&entry, &unit), expected, "{entry:?} {unit:?}");
        }
    }
}
