//! What comes back with the next start, and what does not.

use super::testing::*;
use crate::domain::{FileState, Flag, Known, LoadState, Phase, Verdict};
use crate::ledger::Entry;

#[test]
fn exactly_what_was_stopped_is_restored_by_the_next_start_or_restart() {
    for action in ["start", "restart"] {
        let plan = after_stop(action, "foo")
            .with("other.socket", |_| {})
            .plan();
        let verb = format!("{action} foo.service");
        assert_eq!(
            shown(&plan.main),
            ["start foo.socket", "start foo.path", &verb]
        );
        assert_eq!(plan.strikes.len(), 1);
    }
}

#[test]
fn the_start_of_one_trigger_brings_the_others_back_too() {
    let plan = after_stop("start", "foo.socket").plan();
    assert_eq!(shown(&plan.main), ["start foo.socket", "start foo.path"]);
}

#[test]
fn a_try_restart_brings_triggers_back_and_starts_nothing_else() {
    let plan = after_stop("try-restart", "foo").plan();
    let main = [
        "start foo.socket",
        "start foo.path",
        "try-restart foo.service",
    ];
    assert_eq!(shown(&plan.main), main);
    // The service itself was running: a flush looks whether it is still wanted.
    let left = plan.leaves[0].down.as_ref().unwrap();
    assert!(plan.strikes.is_empty() && left.units.is_empty());
    assert_eq!(left.service_was_running, Some(true));
}

#[test]
fn triggers_come_back_also_when_the_start_itself_has_nothing_to_do() {
    for file in [FileState::Disabled, FileState::Static] {
        for action in ["start", "restart"] {
            let story = after_stop(action, "foo");
            let story = story.with("foo.service", |unit| unit.file = Known::Is(file.clone()));
            assert_eq!(story.verdict(), Verdict::Nothing);
            let plan = story.plan();
            assert_eq!(shown(&plan.main), ["start foo.socket", "start foo.path"]);
            assert_eq!(plan.strikes.len(), 1);
        }
    }
}

#[test]
fn where_the_start_is_denied_no_trigger_comes_back() {
    let deny = "service = \"foo\"\naction = \"start\"\ndecide = \"deny\"";
    assert!(after_stop("start", "foo").rule(deny).plan().is_empty());
    assert!(after_stop("start", "foo").helper(101, "").plan().is_empty());
    assert!(after_stop("start", "foo.path").rule(deny).plan().is_empty());
}

#[test]
fn a_trigger_or_dependent_that_may_not_start_stays_noted_while_the_rest_comes_back() {
    let deny = "service = \"foo.path\"\naction = \"start\"\ndecide = \"deny\"";
    let story = after_stop("start", "foo");
    for story in [story.clone().rule(deny), story.helper_of("foo.path", 101)] {
        let plan = story.plan();
        assert_eq!(shown(&plan.main), ["start foo.socket", "start foo.service"]);
        assert!(plan.strikes.is_empty());
        let left = plan.leaves[0].down.as_ref().unwrap();
        assert_eq!(left.units[0].unit, name("foo.path"));
        assert_eq!(left.units.len(), 1);
    }
    let shared = Story::upgrade("start", "foo")
        .with("bar.service", |_| {})
        .stopped_trigger("s.socket", &["foo.service", "bar.service"])
        .noted(took_down("foo", &["s.socket"]))
        .rule("service = \"bar\"\naction = \"start\"\ndecide = \"deny\"");
    assert_eq!(shown(&shared.plan().main), ["start foo.service"]);
}

#[test]
fn nothing_is_restored_on_removal_and_removal_settles_what_an_aborted_upgrade_noted() {
    let story = socket_service("stop").phase(Phase::Remove);
    assert!(story.plan().records.is_empty());
    for entry in [
        took_down("foo", &["foo.socket"]),
        quiesced("foo"),
        kept_running("foo"),
    ] {
        let plan = story.clone().noted(entry.clone()).plan();
        assert_eq!(plan.strikes.len(), 1, "{entry:?}");
        assert!(plan.main.is_empty());
        let gone = Story::upgrade("stop", "foo")
            .phase(Phase::Remove)
            .with("foo.service", |unit| {
                unit.load = Known::Is(LoadState::NotFound)
            })
            .noted(entry.clone());
        assert_eq!(gone.verdict(), Verdict::Nothing);
        assert_eq!(gone.plan().strikes.len(), 1);
        let flagged = story.clone().flag(Flag::Quiesce).noted(entry).plan();
        assert_eq!(flagged.strikes.len(), 1);
    }
}

#[test]
fn what_the_admin_stopped_masked_disabled_or_removed_meanwhile_stays_down() {
    type Change = fn(&mut crate::domain::UnitFacts);
    let changes: [(&str, Change); 5] = [
        ("stopped", |unit| unit.down_since = OUR_STOP + 1),
        ("masked", |unit| unit.load = Known::Is(LoadState::Masked)),
        ("disabled", |unit| {
            unit.file = Known::Is(FileState::Disabled)
        }),
        ("removed", |unit| unit.load = Known::Is(LoadState::NotFound)),
        ("started", up),
    ];
    for (what, change) in changes {
        let mut story = after_stop("start", "foo");
        let mut related = story.facts.related.iter_mut();
        change(related.find(|unit| unit.id == name("foo.path")).unwrap());
        let main = shown(&story.plan().main);
        assert_eq!(main, ["start foo.socket", "start foo.service"], "{what}");
    }
    let masked = after_stop("start", "foo").with("foo.service", |unit| {
        unit.load = Known::Is(LoadState::Masked)
    });
    assert!(
        masked.plan().main.is_empty(),
        "no socket for a masked service"
    );
}

#[test]
fn what_was_stopped_by_hand_is_neither_started_nor_restored_by_a_script() {
    let by_hand = |mut entry: Entry| {
        entry.who.caller.phase = Phase::None;
        entry
    };
    let entry = by_hand(took_down("foo", &["foo.path", "foo.socket"]));
    let script = after_stop("start", "foo").noted(entry.clone());
    assert_eq!(script.verdict(), Verdict::Nothing);
    assert!(script.plan().is_empty(), "{:?}", script.plan());
    let hand = script.clone().phase(Phase::None);
    assert_eq!(hand.plan().main.len(), 3);
    assert_eq!(script.rule("decide = \"allow\"").plan().main.len(), 3);
    let other = after_stop("try-restart", "foo.timer")
        .with("foo.timer", |unit| {
            up(unit);
            unit.triggers = names(&["foo.service"]);
        })
        .noted(entry.clone());
    assert_eq!(shown(&other.plan().main), ["try-restart foo.timer"]);
    // a script's own stop is noted anew, without what the admin took down
    let again = Story::upgrade("stop", "foo")
        .with("foo.service", up)
        .stopped_trigger("foo.path", &["foo.service"])
        .trigger("foo.socket", &["foo.service"])
        .noted(entry)
        .plan();
    assert_eq!(noted_down(&again), ["foo.socket"]);
    assert_eq!(again.forgets.len(), 1);
}

#[test]
fn a_stop_by_hand_takes_the_triggers_down_and_the_next_start_by_hand_brings_them_back() {
    let plan = socket_service("stop").phase(Phase::None).plan();
    assert_eq!(noted_down(&plan), ["foo.path", "foo.socket"]);
    assert_eq!(plan.records[0].who.caller.phase, Phase::None);
}
