//! What a stop in an upgrade took down and no script brought back: what is noted for it, and what comes
//! back at the batch's end.

use super::testing::*;
use super::{Payment, payment};
use crate::domain::{
    Action, ActiveState, Contact, FileState, FrontEnd, InitKind, Known, LoadState, Phase,
    UnitFacts, Verdict,
};
use crate::ledger::{Begun, Due};

/// The start that a flush asks for, of a service that an upgrade's stop took down.
fn healing() -> Story {
    let story = Story::upgrade("start", "foo").front(FrontEnd::Rcpolicy);
    story
        .with("foo.service", |unit| unit.down_since = OUR_STOP)
        .noted(taken_down())
}

/// The note of that stop, without any trigger.
fn taken_down() -> crate::ledger::Entry {
    let mut entry = took_down("foo", &[]);
    entry.down.as_mut().unwrap().service_down_since = Some(OUR_STOP);
    entry
}

#[test]
fn the_stop_of_a_running_service_in_an_upgrade_is_noted_and_the_start_strikes_it() {
    let stop = Story::upgrade("stop", "foo").with("foo.service", up);
    let plan = stop.plan();
    assert_eq!(plan.records.len(), 1);
    let down = plan.records[0].down.as_ref().unwrap();
    assert_eq!(
        (down.service_was_running, down.units.len()),
        (Some(true), 0)
    );
    assert_eq!(payment(&plan.records[0]), Payment::Act(Action::Start));
    let start = Story::upgrade("start", "foo").noted(plan.records[0].clone());
    assert_eq!(shown(&start.plan().main), ["start foo.service"]);
    assert_eq!(start.plan().strikes.len(), 1);
}

#[test]
fn what_would_not_be_started_at_boot_or_does_not_run_is_not_noted() {
    type Change = fn(&mut UnitFacts);
    let file = |state: FileState| {
        Story::upgrade("stop", "foo").with("foo.service", move |unit| {
            up(unit);
            unit.file = Known::Is(state);
        })
    };
    let other = |word: &str| FileState::Other(word.to_owned());
    for (state, noted) in [
        (FileState::Enabled, 1),
        (other("generated"), 1),
        (FileState::Disabled, 0),
        (FileState::Static, 0),
        (other("transient"), 0),
    ] {
        assert_eq!(file(state.clone()).plan().records.len(), noted, "{state:?}");
    }
    let down: Change = |unit| unit.active = Known::Is(ActiveState::Failed);
    let stopped = Story::upgrade("stop", "foo").with("foo.service", down);
    assert!(stopped.plan().records.is_empty());
    for phase in [Phase::Remove, Phase::None, Phase::Install, Phase::Trigger] {
        let story = file(FileState::Enabled).phase(phase);
        assert!(story.plan().records.is_empty(), "{phase:?}");
    }
    assert!(file(FileState::Enabled).strict().plan().records.is_empty());
}

#[test]
fn what_an_interrupted_run_of_dpkg_stopped_is_started_by_the_next_one() {
    let later = || {
        let mut story = Story::upgrade("start", "foo").with("foo.service", |unit| {
            unit.down_since = OUR_STOP;
            unit.down_since_epoch = 900;
        });
        story.request.context.batch_began = Some(OUR_STOP + 1_000);
        story
    };
    let by_admin = later();
    assert_eq!(by_admin.verdict(), Verdict::Nothing);
    let ours = later().noted(taken_down());
    assert_eq!(ours.verdict(), Verdict::Run(Action::Start));
    assert_eq!(ours.plan().strikes.len(), 1);
    let mut unseen = taken_down();
    unseen.down.as_mut().unwrap().service_down_since = None;
    let killed = later().noted(unseen);
    assert_eq!(killed.verdict(), Verdict::Run(Action::Start));
    let since = later().noted(taken_down()).with("foo.service", |unit| {
        unit.down_since = OUR_STOP + 1;
    });
    assert_eq!(since.verdict(), Verdict::Nothing, "the admin stopped it");
    let mut by_hand = taken_down();
    by_hand.who.caller.phase = Phase::None;
    assert_eq!(later().noted(by_hand).verdict(), Verdict::Nothing);
}

#[test]
fn a_flush_heals_what_ran_and_is_still_wanted() {
    assert_eq!(healing().verdict(), Verdict::Run(Action::Start));
    assert_eq!(shown(&healing().plan().main), ["start foo.service"]);
    type Change = fn(&mut UnitFacts);
    let changes: [(&str, Change); 5] = [
        ("disabled", |unit| {
            unit.file = Known::Is(FileState::Disabled)
        }),
        ("masked", |unit| unit.load = Known::Is(LoadState::Masked)),
        ("removed", |unit| unit.load = Known::Is(LoadState::NotFound)),
        ("removed, and systemd was not told", |unit| {
            unit.file = Known::Is(FileState::Other("not-found".to_owned()))
        }),
        ("stopped by the admin", |unit| {
            unit.down_since = OUR_STOP + 1
        }),
    ];
    for (what, change) in changes {
        let story = healing().with("foo.service", change);
        assert_eq!(story.verdict(), Verdict::Nothing, "{what}");
        let plan = story.plan();
        assert!(plan.main.is_empty() && plan.after.is_empty(), "{what}");
        assert_eq!(
            plan.strikes.len(),
            1,
            "{what}: and nothing is owed any more"
        );
    }
}

#[test]
fn dependents_of_dependents_are_noted_and_come_back_but_not_what_the_admin_stopped_meanwhile() {
    let stop = Story::upgrade("stop", "low")
        .with("low.service", |unit| {
            up(unit);
            unit.required_by = names(&["engine.service"]);
        })
        .with("engine.service", |unit| {
            up(unit);
            unit.required_by = names(&["swarm.service"]);
        })
        .with("swarm.service", up)
        .plan();
    assert_eq!(noted_down(&stop), ["+engine.service", "+swarm.service"]);
    assert_eq!(shown(&stop.stops), ["stop low.service"]);
    let start = |engine_since| {
        Story::upgrade("start", "low")
            .with("engine.service", |unit| {
                unit.down_since = engine_since;
                unit.required_by = names(&["swarm.service"]);
            })
            .with("swarm.service", |unit| unit.down_since = OUR_STOP)
            .noted(took_down("low", &["+engine", "+swarm"]))
    };
    let plan = start(OUR_STOP).plan();
    assert_eq!(shown(&plan.main), ["start low.service"]);
    let after = ["start engine.service", "start swarm.service"];
    assert_eq!(shown(&plan.after), after);
    let plan = start(OUR_STOP + 1).plan();
    assert!(plan.after.is_empty(), "swarm would start engine");
}

#[test]
fn a_dependent_whose_package_is_not_configured_stays_noted_until_it_is() {
    let story = Story::upgrade("start", "low")
        .with("engine.service", |unit| {
            unit.down_since = OUR_STOP;
            unit.unconfigured = true;
            unit.required_by = names(&["swarm.service"]);
        })
        .with("swarm.service", |unit| unit.down_since = OUR_STOP)
        .with("other.service", |unit| unit.down_since = OUR_STOP)
        .noted(took_down("low", &["+engine", "+other", "+swarm"]));
    let plan = story.plan();
    assert_eq!(shown(&plan.after), ["start other.service"]);
    assert!(plan.strikes.is_empty());
    let left = plan.leaves[0].down.as_ref().unwrap();
    let left: Vec<&str> = left.units.iter().map(|s| s.unit.as_str()).collect();
    assert_eq!(left, ["engine.service", "swarm.service"]);
}

#[test]
fn what_ran_beside_a_down_file_is_noted_where_a_script_would_start_it_again() {
    for (init, noted) in [
        (InitKind::Systemd, 0),
        (InitKind::Openrc, 0),
        (InitKind::Runit, 1),
        (InitKind::S6, 1),
    ] {
        let mut story = Story::upgrade("stop", "foo").with("foo.service", |unit| {
            up(unit);
            unit.file = Known::Is(FileState::Disabled);
        });
        story.facts.init = init;
        assert_eq!(story.plan().records.len(), noted, "{init:?}");
    }
}

#[test]
fn what_a_failed_restart_left_down_comes_back_with_the_next_start_in_an_upgrade() {
    use crate::decide::note_of_failed_restart;
    let before = || {
        let mut story = Story::upgrade("restart", "foo").with("foo.service", up);
        story.facts.init = InitKind::Openrc;
        story.facts.capabilities = InitKind::Openrc.capabilities();
        story
    };
    let down = |text: &str| {
        let mut unit = unit(text);
        unit.down_since = OUR_STOP;
        unit
    };
    let note = |story: &Story, after: &UnitFacts| {
        let decision = story.decide();
        note_of_failed_restart(&story.decided(&decision), after, &[down("bar.service")])
    };
    let entry = note(&before(), &down("foo.service")).unwrap();
    assert_eq!(payment(&entry), Payment::Act(Action::Start));
    // The next run of dpkg: by the times alone the admin would have stopped it.
    for action in ["start", "restart"] {
        let mut story = Story::upgrade(action, "foo")
            .with("foo.service", |unit| {
                unit.down_since = OUR_STOP;
                unit.down_since_epoch = 900;
                unit.required_by = names(&["bar.service"]);
            })
            .with("bar.service", |unit| unit.down_since = OUR_STOP)
            .noted(entry.clone());
        story.request.context.batch_began = Some(OUR_STOP + 1_000);
        let plan = story.plan();
        assert_eq!(shown(&plan.main), [format!("{action} foo.service")]);
        assert_eq!(shown(&plan.after), ["start bar.service"]);
        assert_eq!(plan.strikes.len(), 1);
    }
    let mut whole = before();
    whole.facts.capabilities = InitKind::Systemd.capabilities();
    let mut up_again = down("foo.service");
    up(&mut up_again);
    for (what, found) in [
        (
            "by hand",
            note(&before().phase(Phase::None), &down("foo.service")),
        ),
        ("one job of the init's", note(&whole, &down("foo.service"))),
        ("it is up again", note(&before(), &up_again)),
    ] {
        assert!(found.is_none(), "{what}");
    }
}

#[test]
fn a_restart_that_was_cut_off_between_its_halves_is_done_where_its_stop_may_be_ours() {
    for (init, expected) in [
        (InitKind::Systemd, Verdict::Nothing),
        (InitKind::Runit, Verdict::Nothing),
        (InitKind::Openrc, Verdict::Run(Action::Restart)),
    ] {
        let mut entry = owing("foo", Due::Restart);
        let owed = entry.owed.as_mut().unwrap();
        owed.at = Some(OUR_STOP);
        owed.begun = Some(Begun {
            at: OUR_STOP,
            contact: Contact::Sent,
        });
        let story = Story::upgrade("restart", "foo").front(FrontEnd::Rcpolicy);
        let mut story = story.noted(entry).with("foo.service", |unit| {
            unit.down_since = OUR_STOP + 1;
        });
        story.facts.init = init;
        story.facts.capabilities = init.capabilities();
        assert_eq!(story.verdict(), expected, "{init:?}");
    }
}
