//! Stop, quiesce and what comes back, sentence by sentence.

use super::testing::*;
use super::{Step, also_asked};
use crate::domain::{
    Action, ActiveState, FileState, Flag, FrontEnd, Known, LoadState, Phase, Until, Verdict, Wait,
};
use crate::ledger::Due;

#[test]
fn stop_takes_all_that_can_start_the_service_in_one_transaction_triggers_first() {
    let plan = socket_service("stop").plan();
    let stops = ["stop foo.path", "stop foo.socket", "stop foo.service"];
    assert_eq!(shown(&plan.stops), stops);
    assert_eq!(noted_down(&plan), ["foo.path", "foo.socket"]);
    let steps = plan.steps(Wait::Done);
    assert_eq!(steps.len(), 2, "a note, then one batch of jobs: {steps:?}");
}

#[test]
fn a_scripts_separate_stops_of_several_triggers_are_one_stop_in_an_upgrade() {
    let stop = |phase| {
        let story = Story::upgrade("stop", "foo.path").phase(phase);
        let story = story.with("foo.service", up);
        let story = story.trigger("foo.path", &["foo.service"]);
        story.trigger("foo.socket", &["foo.service"]).plan()
    };
    let plan = stop(Phase::Upgrade);
    assert_eq!(shown(&plan.stops), ["stop foo.path", "stop foo.socket"]);
    assert_eq!(noted_down(&plan), ["foo.path", "foo.socket"]);
    assert_eq!(plan.records[0].service.as_str(), "foo");
    for other in [Phase::None, Phase::Install, Phase::Remove] {
        assert_eq!(shown(&stop(other).stops), ["stop foo.path"], "{other:?}");
    }
}

#[test]
fn a_socket_that_the_service_requires_is_stopped_last_of_the_triggers() {
    let mut story = socket_service("stop").trigger("foo.timer", &["foo.service"]);
    for unit in &mut story.facts.related {
        if unit.id == name("foo.path") {
            unit.required_by = names(&["foo.service"]);
        }
    }
    let plan = story.plan();
    let stops = [
        "stop foo.socket",
        "stop foo.timer",
        "stop foo.path",
        "stop foo.service",
    ];
    assert_eq!(shown(&plan.stops), stops);
    assert!(noted_down(&plan).iter().all(|unit| !unit.starts_with('+')));
}

#[test]
fn what_is_already_stopped_still_loses_its_triggers_and_gets_them_back() {
    let story = Story::upgrade("stop", "foo").trigger("foo.socket", &["foo.service"]);
    let plan = story.plan();
    assert_eq!(shown(&plan.stops), ["stop foo.socket", "stop foo.service"]);
    assert_eq!(noted_down(&plan), ["foo.socket"]);
}

#[test]
fn the_sockets_of_dbus_udev_journald_and_logind_are_never_stopped_as_triggers() {
    for essential in [
        "dbus.socket",
        "systemd-udevd-control.socket",
        "systemd-udevd-kernel.socket",
        "systemd-journald.socket",
        "systemd-journald-dev-log.socket",
        "systemd-journald@ns.socket",
        "systemd-logind-varlink.socket",
    ] {
        let story = Story::upgrade("stop", "foo")
            .with("foo.service", up)
            .trigger(essential, &["foo.service"]);
        assert_eq!(
            shown(&story.plan().stops),
            ["stop foo.service"],
            "{essential}"
        );
        assert!(story.reasons().contains(essential));
    }
}

#[test]
fn a_socket_that_other_running_services_share_goes_on_and_is_named() {
    let shared = |other: ActiveState| {
        Story::upgrade("stop", "foo")
            .with("foo.service", up)
            .with("bar.service", |unit| unit.active = Known::Is(other))
            .trigger("s.socket", &["foo.service", "bar.service"])
    };
    let story = shared(ActiveState::Active);
    assert_eq!(shown(&story.plan().stops), ["stop foo.service"]);
    assert!(
        story
            .reasons()
            .contains("s.socket, which goes on: bar.service is running")
    );
    let alone = shared(ActiveState::Inactive);
    assert_eq!(
        shown(&alone.plan().stops),
        ["stop s.socket", "stop foo.service"]
    );
    let mut unknown = shared(ActiveState::Inactive);
    unknown.facts.related[0].active = Known::Unknown("lost".to_owned());
    assert_eq!(shown(&unknown.plan().stops), ["stop foo.service"]);
    assert!(unknown.reasons().contains("bar.service may be running"));
}

#[test]
fn the_listener_of_an_accepting_socket_goes_on_when_one_instance_is_meant() {
    let story = Story::upgrade("stop", "foo@x")
        .with("foo@x.service", up)
        .with("foo.socket", |unit| {
            up(unit);
            unit.accepts = true;
        })
        .with("foo@x.service", |unit| {
            unit.triggered_by = names(&["foo.socket"])
        });
    assert_eq!(shown(&story.plan().stops), ["stop foo@x.service"]);
    assert!(story.reasons().contains("foo.socket, which goes on"));
    let own = Story::upgrade("stop", "foo@x")
        .with("foo@x.service", up)
        .trigger("foo@x.socket", &["foo@x.service"]);
    assert_eq!(
        shown(&own.plan().stops),
        ["stop foo@x.socket", "stop foo@x.service"]
    );
}

#[test]
fn a_trigger_whose_stop_the_admin_denies_goes_on_and_is_named() {
    let story = socket_service("stop").rule("service = \"foo.socket\"\ndecide = \"deny\"");
    assert_eq!(
        shown(&story.plan().stops),
        ["stop foo.path", "stop foo.service"]
    );
    assert!(story.reasons().contains("denies its stop"));
}

#[test]
fn a_bus_activated_service_is_held_and_the_next_start_releases_it() {
    let bus = |action: &str| {
        Story::upgrade(action, "foo").with("foo.service", |unit| unit.bus_activated = true)
    };
    let plan = bus("stop").plan();
    assert_eq!(plan.holds, names(&["foo"]));
    assert!(plan.records[0].held);
    let mut entry = took_down("foo", &[]);
    entry.held = true;
    for action in ["start", "restart"] {
        let plan = bus(action).noted(entry.clone()).plan();
        assert_eq!(plan.releases, names(&["foo"]), "{action}");
        assert_eq!(plan.strikes.len(), 1);
    }
    let removal = bus("stop").phase(Phase::Remove).noted(entry).plan();
    assert!(removal.holds.is_empty() && removal.records.is_empty());
    assert_eq!((removal.releases.len(), removal.strikes.len()), (1, 1));
}

#[test]
fn without_a_life_nothing_is_held_or_taken_along_that_could_not_come_back() {
    let mut story = socket_service("stop").with("foo.service", |unit| unit.bus_activated = true);
    story.facts.life = None;
    let plan = story.plan();
    assert_eq!(shown(&plan.stops), ["stop foo.service"]);
    assert!(plan.holds.is_empty() && plan.records.is_empty());
    story.request.context.phase = Phase::Remove;
    assert_eq!(story.plan().stops.len(), 3);
}

#[test]
fn what_falls_with_a_trigger_is_named_noted_and_comes_back_after_it() {
    let story = Story::upgrade("stop", "rpcbind")
        .with("rpcbind.service", up)
        .with("rpc-statd.service", |unit| {
            up(unit);
            unit.required_by = names(&["nfs.service"]);
        })
        .with("nfs.service", up)
        .with("idle.service", |_| {})
        .trigger("rpcbind.socket", &["rpcbind.service"]);
    let mut story = story;
    for unit in &mut story.facts.related {
        if unit.id == name("rpcbind.socket") {
            unit.required_by = names(&["rpc-statd.service", "idle.service"]);
        }
    }
    let plan = story.plan();
    let noted = ["rpcbind.socket", "+nfs.service", "+rpc-statd.service"];
    assert_eq!(noted_down(&plan), noted);
    assert!(
        story
            .reasons()
            .contains("takes rpc-statd.service down with it")
    );
    assert_eq!(
        shown(&plan.stops),
        ["stop rpcbind.socket", "stop rpcbind.service"]
    );
    let start = Story::upgrade("start", "rpcbind")
        .stopped_trigger("rpcbind.socket", &["rpcbind.service"])
        .with("rpc-statd.service", |unit| unit.down_since = OUR_STOP)
        .noted(took_down(
            "rpcbind",
            &["rpcbind.socket", "+rpc-statd.service"],
        ));
    let plan = start.plan();
    assert_eq!(
        shown(&plan.main),
        ["start rpcbind.socket", "start rpcbind.service"]
    );
    assert_eq!(shown(&plan.after), ["start rpc-statd.service"]);
    assert_eq!(plan.strikes.len(), 1);
}

#[test]
fn a_second_stop_adds_nothing_and_forgets_nothing() {
    let plan = after_stop("stop", "foo").plan();
    assert!(plan.records.is_empty() && plan.strikes.is_empty());
    assert_eq!(shown(&plan.stops), ["stop foo.service"]);
}

#[test]
fn quiesce_stops_the_service_alone_by_flag_and_by_rule() {
    let story = socket_service("stop");
    for story in [
        story.clone().flag(Flag::Quiesce),
        story.rule("decide = \"quiesce\""),
    ] {
        let plan = story.plan();
        assert_eq!(shown(&plan.stops), ["stop foo.service"]);
        assert!(plan.records[0].quiesced.is_some() && plan.holds.is_empty());
    }
}

#[test]
fn a_start_after_a_quiesce_is_a_restart_where_it_was_woken_meanwhile() {
    let start = Story::upgrade("start", "foo").noted(quiesced("foo"));
    assert_eq!(start.verdict(), Verdict::Run(Action::Start));
    let woken = start.with("foo.service", up);
    assert_eq!(woken.verdict(), Verdict::Restart);
    assert_eq!(shown(&woken.plan().main), ["restart foo.service"]);
    assert_eq!(woken.plan().strikes.len(), 1);
}

#[test]
fn a_disabled_or_static_service_that_was_woken_or_kept_running_is_restarted_too() {
    for file in [FileState::Disabled, FileState::Static] {
        for entry in [quiesced("foo"), kept_running("foo")] {
            let woken = Story::upgrade("start", "foo").noted(entry);
            let woken = woken.with("foo.service", |unit| {
                up(unit);
                unit.file = Known::Is(file.clone());
            });
            assert_eq!(woken.verdict(), Verdict::Restart);
            let down = woken.with("foo.service", |unit| {
                unit.active = Known::Is(ActiveState::Inactive);
            });
            assert_eq!(down.verdict(), Verdict::Nothing);
        }
    }
}

#[test]
fn a_try_restart_does_not_bring_back_a_socket_whose_service_policy_rc_d_does_not_let_start() {
    let story = after_stop("try-restart", "foo").helper(0, "");
    let asked = also_asked(&story.request, &story.facts, story.owed.as_ref());
    assert!(asked.contains(&(name("foo.service"), Action::Start)));
    let plan = story.helper_of("foo.service", 101).plan();
    assert_eq!(shown(&plan.main), ["try-restart foo.service"]);
    assert_eq!(plan.leaves.len(), 1);
}

#[test]
fn a_service_that_was_down_when_it_was_quiesced_may_have_been_woken_with_old_files() {
    let story = Story::upgrade("stop", "foo")
        .trigger("foo.socket", &["foo.service"])
        .flag(Flag::Quiesce);
    assert!(story.plan().records[0].quiesced.is_some());
}

#[test]
fn the_start_of_a_trigger_does_not_settle_what_is_owed_to_its_service() {
    for entry in [
        quiesced("foo"),
        kept_running("foo"),
        owing("foo", Due::Restart),
    ] {
        let story = Story::upgrade("start", "foo.socket")
            .with("foo.service", up)
            .trigger("foo.socket", &["foo.service"])
            .noted(entry.clone());
        let plan = story.plan();
        assert_eq!(shown(&plan.main), ["start foo.socket"]);
        assert!(plan.strikes.is_empty(), "{entry:?}");
        assert_eq!(plan.leaves, [entry]);
    }
}

#[test]
fn a_trigger_stopped_after_a_quiesce_does_not_make_the_quiesce_forgotten() {
    let trigger = Story::upgrade("stop", "foo.socket")
        .with("foo.service", up)
        .trigger("foo.socket", &["foo.service"])
        .plan();
    let merged = crate::ledger::merge(quiesced("foo"), trigger.records[0].clone());
    assert!(merged.quiesced.is_some() && merged.down.is_some());
}

#[test]
fn a_start_of_what_runs_does_not_pay_a_restart_and_a_stop_cancels_it() {
    let start = |due| {
        let story = Story::upgrade("start", "foo").with("foo.service", up);
        story.noted(owing("foo", due)).plan()
    };
    assert_eq!(start(Due::Restart).leaves, [owing("foo", Due::Restart)]);
    // what is to stop later, and is started now, is to go on
    assert_eq!(start(Due::Stop).leaves, [owing("foo", Due::Restart)]);
    assert_eq!(start(Due::Start).strikes.len(), 1);
    let stop = Story::upgrade("stop", "foo").with("foo.service", up);
    let plan = stop.noted(owing("foo", Due::Restart)).plan();
    let left = crate::ledger::merge(owing("foo", Due::Restart), plan.records[0].clone());
    assert_eq!(left.owed, None);
}

#[test]
fn a_service_with_a_descriptor_store_is_never_split_in_an_upgrade() {
    let store = |action: &str| {
        Story::upgrade(action, "foo").with("foo.service", |unit| {
            up(unit);
            unit.has_fd_store = true;
        })
    };
    for stop in [
        store("stop"),
        store("stop").rule("decide = \"stop\""),
        store("stop").vendor_rule("decide = \"quiesce\""),
        store("stop").flag(Flag::Quiesce),
    ] {
        assert_eq!(stop.verdict(), Verdict::Hold);
        assert!(stop.plan().stops.is_empty());
        assert!(stop.plan().records[0].kept_running);
        let removal = stop.phase(Phase::Remove);
        assert_eq!(removal.plan().stops.len(), 1);
    }
    let start = store("start").noted(kept_running("foo")).plan();
    assert_eq!(shown(&start.main), ["restart foo.service"]);
    let socket = Story::upgrade("stop", "foo.socket")
        .with("foo.service", |unit| {
            up(unit);
            unit.has_fd_store = true;
        })
        .trigger("foo.socket", &["foo.service"]);
    assert_eq!(socket.verdict(), Verdict::Nothing);
}

#[test]
fn in_an_upgrade_a_trigger_goes_on_with_a_service_that_is_kept_running() {
    let stop = |decide: &str| {
        Story::upgrade("stop", "foo.socket")
            .with("foo.service", up)
            .trigger("foo.socket", &["foo.service"])
            .rule(&format!("service = \"foo\"\ndecide = \"{decide}\""))
    };
    for decide in ["restart", "if-stale", "reload", "defer", "quiesce"] {
        assert_eq!(stop(decide).verdict(), Verdict::Nothing, "{decide}");
        assert_eq!(stop(decide).phase(Phase::Remove).verdict(), Verdict::Stop);
    }
    assert_eq!(stop("stop").verdict(), Verdict::Stop);
}

#[test]
fn what_is_put_off_is_owed_to_a_service_and_never_to_its_trigger() {
    for (action, expected) in [
        ("stop", Verdict::Nothing),
        ("start", Verdict::Run(Action::Start)),
        ("restart", Verdict::Run(Action::Restart)),
    ] {
        let story = Story::upgrade(action, "foo.socket")
            .with("foo.service", up)
            .trigger("foo.socket", &["foo.service"])
            .flag(Flag::Defer);
        assert_eq!(story.verdict(), expected);
    }
    let until = Until::Batch;
    let action = Action::Stop;
    let by_hand = Story::upgrade("stop", "foo").phase(Phase::None);
    let later = by_hand.with("foo.service", up).flag(Flag::Defer);
    assert_eq!(later.verdict(), Verdict::Defer { action, until });
}

#[test]
fn a_combined_restart_stops_both_starts_the_sockets_then_the_service() {
    let service = socket_service("restart");
    let socket = Story::upgrade("restart", "foo.socket")
        .with("foo.service", up)
        .trigger("foo.socket", &["foo.service"]);
    let plan = together(&[&service, &socket]);
    assert_eq!(shown(&plan.stops), ["stop foo.socket", "stop foo.service"]);
    assert_eq!(shown(&plan.main), ["start foo.socket", "start foo.service"]);
    assert_eq!(plan, together(&[&socket, &service]));
}

#[test]
fn a_combined_restart_brings_back_what_fell_with_the_service() {
    let requires = |unit: &mut crate::domain::UnitFacts| {
        up(unit);
        unit.required_by = names(&["docker.service"]);
    };
    let service = Story::upgrade("restart", "foo")
        .with("foo.service", requires)
        .with("docker.service", up)
        .trigger("foo.socket", &["foo.service"]);
    let socket = Story::upgrade("restart", "foo.socket")
        .with("foo.service", requires)
        .with("docker.service", up)
        .trigger("foo.socket", &["foo.service"]);
    let plan = together(&[&service, &socket]);
    assert_eq!(shown(&plan.after), ["start docker.service"]);
}

#[test]
fn a_socket_that_comes_back_while_its_service_runs_is_started_while_that_is_down() {
    let plan = after_stop("start", "foo").with("foo.service", up).plan();
    assert_eq!(shown(&plan.stops), ["stop foo.service"]);
    let main = ["start foo.socket", "start foo.path", "start foo.service"];
    assert_eq!(shown(&plan.main), main);
}

#[test]
fn while_a_socket_comes_back_no_other_trigger_wakes_the_service() {
    let story = Story::upgrade("start", "foo")
        .with("foo.service", up)
        .stopped_trigger("foo.socket", &["foo.service"])
        .trigger("foo.timer", &["foo.service"])
        .noted(took_down("foo", &["foo.socket"]));
    let plan = story.plan();
    assert_eq!(shown(&plan.stops), ["stop foo.timer", "stop foo.service"]);
    assert_eq!(noted_down(&plan), ["foo.timer"]);
    assert_eq!(plan.strikes.len(), 1);
    let main = ["start foo.socket", "start foo.timer", "start foo.service"];
    assert_eq!(shown(&plan.main), main);
}

#[test]
fn sockets_are_back_before_a_bus_call_can_wake_their_service() {
    let mut entry = took_down("foo", &["foo.socket"]);
    entry.held = true;
    let start = Story::upgrade("start", "foo").stopped_trigger("foo.socket", &["foo.service"]);
    let steps = start.noted(entry).plan().steps(Wait::Done);
    let jobs = |at: usize| match &steps[at] {
        Step::Jobs { jobs, .. } => shown(jobs),
        other => panic!("{other:?}"),
    };
    assert_eq!(jobs(0), ["start foo.socket"]);
    assert_eq!(steps[1], Step::Release(name("foo")));
    assert_eq!(jobs(2), ["start foo.service"]);
}

#[test]
fn what_requires_a_socket_that_the_admin_stopped_does_not_bring_that_back() {
    let mut story = Story::upgrade("start", "rpcbind")
        .stopped_trigger("rpcbind.socket", &["rpcbind.service"])
        .with("rpc-statd.service", |unit| unit.down_since = OUR_STOP)
        .noted(took_down(
            "rpcbind",
            &["rpcbind.socket", "+rpc-statd.service"],
        ));
    for unit in &mut story.facts.related {
        if unit.id == name("rpcbind.socket") {
            unit.down_since = OUR_STOP + 1;
            unit.required_by = names(&["rpc-statd.service"]);
        }
    }
    assert!(story.plan().after.is_empty());
}

#[test]
fn a_socket_comes_back_also_while_its_disabled_service_runs() {
    let story = after_stop("start", "foo").with("foo.service", |unit| {
        up(unit);
        unit.file = Known::Is(FileState::Disabled);
    });
    assert_eq!(story.verdict(), Verdict::Nothing);
    let plan = story.plan();
    assert_eq!(shown(&plan.stops), ["stop foo.service"]);
    let main = ["start foo.socket", "start foo.path", "start foo.service"];
    assert_eq!(shown(&plan.main), main);
    let masked = story.with("foo.service", |unit| {
        unit.load = Known::Is(LoadState::Masked)
    });
    assert!(masked.plan().stops.is_empty());
}

#[test]
fn stop_of_what_is_not_loaded_succeeds_without_a_job() {
    let story = Story::upgrade("stop", "foo").with("foo.service", |unit| {
        unit.load = Known::Is(LoadState::NotFound)
    });
    assert_eq!(story.verdict(), Verdict::Nothing);
    assert!(story.plan().is_empty());
    let left = story.trigger("foo.socket", &["foo.service"]);
    assert_eq!(shown(&left.plan().stops), ["stop foo.socket"]);
}

#[test]
fn strict_mode_gives_stock_back() {
    let stop = socket_service("stop").strict();
    assert_eq!(stop.verdict(), Verdict::Run(Action::Stop));
    assert_eq!(shown(&stop.plan().stops), ["stop foo.service"]);
    assert!(stop.plan().records.is_empty());
    let missing = Story::upgrade("stop", "foo")
        .with("foo.service", |unit| {
            unit.load = Known::Is(LoadState::NotFound)
        })
        .strict();
    assert_eq!(shown(&missing.plan().stops), ["stop foo.service"]);
    let by_admin = Story::upgrade("start", "foo").with("foo.service", |u| u.down_since_epoch = 500);
    assert_eq!(by_admin.strict().verdict(), Verdict::Run(Action::Start));
    let disabled = Story::upgrade("start", "foo")
        .with("foo.service", |unit| {
            unit.file = Known::Is(FileState::Disabled)
        })
        .strict();
    assert_eq!(disabled.verdict(), Verdict::Nothing);
    assert_eq!(
        disabled.front(FrontEnd::InvokeRcD).verdict(),
        Verdict::Run(Action::Start)
    );
    let z = Story::upgrade("restart", "z")
        .strict()
        .with("z.service", up);
    let a = Story::upgrade("restart", "a").with("a.service", up);
    let both = together(&[&z, &a]);
    assert_eq!(
        shown(&both.main),
        ["restart z.service", "restart a.service"]
    );
}

#[test]
fn a_note_under_the_name_of_an_alias_is_found() {
    let mut story = Story::upgrade("start", "old");
    story.facts.unit.id = name("new.service");
    let services = crate::decide::ledger_services(&story.facts);
    let services: Vec<&str> = services.iter().map(|service| service.as_str()).collect();
    assert_eq!(services, ["new", "old"]);
}

#[test]
fn a_trigger_of_several_services_is_noted_for_the_same_one_in_any_order() {
    let stop = |services: &[&str]| {
        let mut story = Story::upgrade("stop", "s.socket");
        for service in services {
            story = story.with(service, |_| {});
        }
        story.trigger("s.socket", services).plan()
    };
    let (one, other) = (
        stop(&["a.service", "b.service"]),
        stop(&["b.service", "a.service"]),
    );
    assert_eq!(one.records[0].service.as_str(), "a");
    assert_eq!(one.records, other.records);
}
