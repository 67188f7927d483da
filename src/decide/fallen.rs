//! What falls with a service because it requires it: whoever may not be stopped, or not be started again,
//! keeps up what a script or a flush would take down.

use super::also_asked;
use super::testing::*;
use crate::domain::{Action, FrontEnd, Phase, UnitFacts, Until, Verdict};
use crate::ledger::Due;

fn requires(unit: &mut UnitFacts) {
    up(unit);
    unit.required_by = names(&["docker.service"]);
}

/// containerd, which a running docker requires.
fn containerd(action: &str) -> Story {
    Story::upgrade(action, "containerd")
        .with("containerd.service", requires)
        .with("docker.service", up)
}

fn put_off(action: Action) -> Verdict {
    let until = Until::Batch;
    Verdict::Defer { action, until }
}

#[test]
fn a_held_dependent_holds_the_stop_and_its_restart_waits_for_the_end_of_the_hold() {
    let stop = containerd("stop").held("docker");
    assert_eq!(stop.verdict(), Verdict::Hold);
    assert!(
        stop.reasons()
            .contains("docker.service goes down with it and may not be stopped: cable (hold until"),
        "{}",
        stop.reasons()
    );
    let plan = stop.plan();
    assert!(plan.stops.is_empty() && plan.records[0].kept_running);
    let start = containerd("start").noted(plan.records[0].clone());
    assert_eq!(start.verdict(), Verdict::Restart);
    let start = start.held("docker");
    assert_eq!(start.verdict(), put_off(Action::Restart));
    let flush = |story: Story| story.front(FrontEnd::Rcpolicy);
    let owed = flush(containerd("restart")).noted(owing("containerd", Due::Restart));
    assert_eq!(owed.verdict(), Verdict::Run(Action::Restart));
    assert_eq!(owed.held("docker").verdict(), Verdict::Deny);
}

#[test]
fn a_script_does_not_restart_what_takes_a_denied_dependent_round() {
    for phase in [Phase::Upgrade, Phase::Install, Phase::Trigger] {
        for (action, due) in [
            ("restart", Action::Restart),
            ("try-restart", Action::TryRestart),
        ] {
            let story = || containerd(action).phase(phase);
            assert_eq!(story().verdict(), Verdict::Run(due.clone()));
            assert_eq!(story().held("docker").verdict(), put_off(due.clone()));
            let deny = "service = \"docker\"\ndecide = \"deny\"\naction = ";
            let restart = story().rule(&format!("{deny}\"restart\""));
            assert_eq!(restart.verdict(), put_off(due.clone()));
            // What runs is not started by its restart.
            let start = story().rule(&format!("{deny}\"start\""));
            assert_eq!(start.verdict(), Verdict::Run(due.clone()));
        }
    }
    let reload = containerd("reload").held("docker");
    assert_eq!(reload.verdict(), Verdict::Run(Action::Reload));
    let reload = reload.rule("decide = \"restart\"");
    assert_eq!(reload.verdict(), put_off(Action::Reload));
}

#[test]
fn a_dependent_that_may_not_come_back_is_not_taken_down_by_a_stop_of_any_kind() {
    for action in ["start", "stop"] {
        let rule = format!("service = \"docker\"\naction = \"{action}\"\ndecide = \"deny\"");
        assert_eq!(containerd("stop").rule(&rule).verdict(), Verdict::Hold);
        let quiesce = containerd("stop")
            .rule(&rule)
            .flag(crate::domain::Flag::Quiesce);
        assert_eq!(quiesce.verdict(), Verdict::Hold);
    }
    // The socket is what is required; what is down stays down, and what is required stays up.
    let socket = |unit: fn(&mut UnitFacts)| {
        let story = Story::upgrade("stop", "containerd")
            .with("containerd.service", unit)
            .with("docker.service", up)
            .trigger("containerd.socket", &["containerd.service"]);
        let mut story = story.held("docker");
        story.facts.related[1].required_by = names(&["docker.service"]);
        story
    };
    assert_eq!(socket(up).verdict(), Verdict::Hold);
    assert_eq!(socket(|_| {}).verdict(), Verdict::Nothing);
    let down = containerd("stop").held("docker");
    let idle = down.with("docker.service", |_| {});
    let mut idle = idle;
    idle.facts.related.remove(0);
    assert_eq!(idle.verdict(), Verdict::Stop, "it does not run");
}

#[test]
fn by_hand_and_in_a_removal_it_is_done_and_said_what_it_costs() {
    for (phase, action, verdict) in [
        (Phase::None, "stop", Verdict::Stop),
        (Phase::None, "restart", Verdict::Run(Action::Restart)),
        (Phase::Remove, "stop", Verdict::Stop),
    ] {
        let story = containerd(action).phase(phase).held("docker");
        assert_eq!(story.verdict(), verdict);
        assert!(story.reasons().contains("docker.service goes down with it"));
    }
}

#[test]
fn policy_rc_d_is_asked_about_what_falls_with_a_stop_and_its_denial_keeps_that_up() {
    let asked = |story: &Story| also_asked(&story.request, &story.facts, None);
    let docker = name("docker.service");
    let expected = [(docker.clone(), Action::Stop), (docker, Action::Start)];
    assert_eq!(asked(&containerd("stop")), expected);
    assert_eq!(asked(&containerd("restart")), [], "it comes back at once");
    assert_eq!(asked(&containerd("stop").phase(Phase::Remove)), []);
    assert_eq!(asked(&containerd("stop").phase(Phase::None)), []);
    let denied = |status| containerd("stop").helper_of("docker", status);
    assert_eq!(denied(104).verdict(), Verdict::Stop);
    assert_eq!(denied(101).verdict(), Verdict::Hold);
    assert!(
        denied(101)
            .reasons()
            .contains("docker.service goes down with it and may not be stopped"),
        "{}",
        denied(101).reasons()
    );
    let forced = denied(101).flag(crate::domain::Flag::Force);
    assert_eq!(forced.verdict(), Verdict::Stop);
    let removal = denied(101).phase(Phase::Remove);
    assert_eq!(removal.verdict(), Verdict::Stop, "its files go");
}

#[test]
fn a_service_that_a_named_socket_takes_down_is_asked_about_once_and_for_its_stop() {
    let story = Story::upgrade("stop", "foo.socket")
        .with("foo.socket", |unit| {
            up(unit);
            unit.triggers = names(&["foo.service"]);
            unit.required_by = names(&["foo.service"]);
        })
        .with("foo.service", |unit| {
            up(unit);
            unit.triggered_by = names(&["foo.socket"]);
        });
    let asked = also_asked(&story.request, &story.facts, None);
    assert_eq!(asked, [(name("foo.service"), Action::Stop)]);
}
