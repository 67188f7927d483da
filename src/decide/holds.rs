//! What `rcpolicy hold` keeps: nothing that policies judge is done to it, whoever asks and however.

use super::testing::*;
use crate::domain::{Flag, FrontEnd, Phase, Scope, Verdict};
use crate::ledger::Due;
use crate::policy::Origin;

#[test]
fn clause_3_a_hold_denies_every_action_with_force_and_against_every_allow() {
    for action in [
        "start",
        "stop",
        "restart",
        "try-restart",
        "reload",
        "rotate",
    ] {
        let story = Story::upgrade(action, "foo")
            .with("foo.service", up)
            .flag(Flag::Force)
            .rule("decide = \"allow\"")
            .held("foo");
        assert_eq!(story.verdict(), Verdict::Deny, "{action}");
        assert!(story.plan().is_empty());
        let why = format!("denies {action} of foo: cable (hold until 1970-01-01 02:30 UTC)");
        assert_eq!(story.reasons(), why);
        let other = Story::upgrade(action, "foobar").held("foo");
        assert_ne!(other.verdict(), Verdict::Deny, "{action}");
    }
}

#[test]
fn the_status_of_what_is_held_can_be_asked() {
    let story = Story::upgrade("status", "foo").held("foo");
    assert_ne!(story.verdict(), Verdict::Deny);
    assert_eq!(story.rule("decide = \"deny\"").verdict(), Verdict::Deny);
}

#[test]
fn a_hold_stands_in_every_phase_in_strict_compatibility_and_beside_a_broken_policy() {
    for phase in [Phase::Install, Phase::Remove, Phase::Trigger, Phase::None] {
        let story = Story::upgrade("stop", "foo").phase(phase).held("foo");
        assert_eq!(story.strict().verdict(), Verdict::Deny, "{phase:?}");
    }
    for origin in [Origin::LastGood, Origin::None] {
        let story = Story::upgrade("reload", "foo").broken(origin).held("foo");
        assert_eq!(story.verdict(), Verdict::Deny);
    }
}

#[test]
fn a_hold_is_not_paid_over_by_a_flush() {
    let story = Story::upgrade("restart", "foo")
        .with("foo.service", up)
        .front(FrontEnd::Rcpolicy)
        .noted(owing("foo", Due::Restart))
        .held("foo");
    assert_eq!(story.verdict(), Verdict::Deny);
}

#[test]
fn a_trigger_is_not_touched_while_its_service_is_held() {
    let story = |action: &str| {
        Story::upgrade(action, "any.socket")
            .with("foo.service", |_| {})
            .stopped_trigger("any.socket", &["foo.service"])
            .held("foo")
    };
    assert_eq!(story("start").verdict(), Verdict::Deny);
    assert_eq!(story("stop").verdict(), Verdict::Deny);
}

#[test]
fn what_a_start_would_bring_back_stays_down_while_it_is_held() {
    let plan = after_stop("start", "foo").held("foo.socket").plan();
    let main = ["start foo.path", "start foo.service"];
    assert_eq!(shown(&plan.main), main);
}

#[test]
fn a_hold_that_nobody_can_read_leaves_every_service_of_an_upgrade_as_it_runs() {
    let story = |action: &str| {
        Story::upgrade(action, "foo")
            .with("foo.service", up)
            .held_unreadably()
    };
    assert_eq!(story("stop").verdict(), Verdict::Hold);
    assert!(story("restart").reasons().contains("holds/x"));
    assert_eq!(
        story("reload").verdict(),
        Verdict::Run(crate::domain::Action::Reload)
    );
    let denied = story("stop").rule("decide = \"deny\"");
    assert_eq!(denied.verdict(), Verdict::Deny);
}

#[test]
fn a_hold_is_the_systems_services_alone() {
    let mut story = Story::upgrade("restart", "foo")
        .with("foo.service", up)
        .held("foo");
    story.request.scope = Scope::User;
    assert_ne!(story.verdict(), Verdict::Deny);
}
