//! Who has the last word, clause by clause, and what holds when the admin's policy is broken.

use super::testing::*;
use crate::decide::{Clearance, also_asked, clearance, decide_listed};
use crate::domain::{
    Action, ActiveState, FileState, Flag, FrontEnd, InitKind, Known, LoadState, Machine, Phase,
    UnitFacts, Until, Verdict,
};
use crate::ledger::Due;
use crate::policy::Origin;

const DENY_START: &str = "service = \"foo\"\naction = \"start\"\ndecide = \"deny\"";

fn run(action: &str) -> Verdict {
    Verdict::Run(Action::parse(action))
}

fn defer(action: Action) -> Verdict {
    let until = Until::Batch;
    Verdict::Defer { action, until }
}

#[test]
fn clause_1_in_a_shutdown_no_policy_is_asked_by_invoke_rc_d() {
    let story = Story::upgrade("start", "foo")
        .rule("decide = \"deny\"")
        .helper(101, "")
        .machine(Machine::Stopping);
    assert_eq!(story.verdict(), Verdict::Deny);
    assert_eq!(story.front(FrontEnd::InvokeRcD).verdict(), run("start"));
}

#[test]
fn clause_2_what_policy_rc_d_denies_stands_before_what_the_admins_rules_allow() {
    let story = Story::upgrade("stop", "foo")
        .with("foo.service", up)
        .rule("decide = \"allow\"");
    assert_eq!(story.clone().helper(101, "").verdict(), Verdict::Deny);
    let fallback = story.clone().helper(106, "reload\n restart");
    let words = ["reload", "restart"].map(str::to_owned).to_vec();
    assert_eq!(fallback.verdict(), Verdict::FallBack(words));
    for allowed in [0, 1, 104, 105] {
        assert_eq!(story.clone().helper(allowed, "").verdict(), Verdict::Stop);
    }
}

#[test]
fn clause_2_an_error_of_policy_rc_d_is_taken_as_each_stock_tool_takes_it() {
    for status in [7, 100, 102, 103, 127, 137] {
        let answer = said(status, "");
        let error = Clearance::Error(status);
        assert_eq!(clearance(FrontEnd::InvokeRcD, &answer), error);
        let goes_on = Clearance::Allowed(status);
        assert_eq!(clearance(FrontEnd::DebSystemdInvoke, &answer), goes_on);
    }
}

#[test]
fn clause_2_force_overrides_policy_rc_d_and_nothing_else() {
    let story = Story::upgrade("start", "foo").flag(Flag::Force);
    assert_eq!(story.clone().helper(101, "").verdict(), run("start"));
    assert_eq!(story.clone().helper(106, "stop").verdict(), run("start"));
    assert_eq!(
        story.helper(0, "").rule(DENY_START).verdict(),
        Verdict::Deny
    );
}

#[test]
fn clause_2_a_trigger_is_judged_by_policy_rc_d_as_the_action_on_what_it_triggers() {
    let story = Story::upgrade("start", "foo.socket")
        .with("foo.service", |_| {})
        .stopped_trigger("foo.socket", &["foo.service"])
        .helper(0, "");
    let asked = also_asked(&story.request, &story.facts, None);
    assert_eq!(asked, [(name("foo.service"), Action::Start)]);
    assert_eq!(
        story.clone().helper_of("foo.service", 0).verdict(),
        run("start")
    );
    assert_eq!(
        story.clone().helper_of("foo.service", 101).verdict(),
        Verdict::Deny
    );
    let restart = Story::upgrade("restart", "foo.socket")
        .with("foo.service", |_| {})
        .stopped_trigger("foo.socket", &["foo.service"]);
    let asked = also_asked(&restart.request, &restart.facts, None);
    let actions = [Action::Restart, Action::Start].map(|action| (name("foo.service"), action));
    assert_eq!(asked, actions);
    // a fallback for the service is no list of actions for its socket
    assert_eq!(story.helper_of("foo.service", 106).verdict(), Verdict::Deny);
}

#[test]
fn clause_3_an_admins_deny_holds_with_force_and_against_later_allows() {
    let deny = Story::upgrade("start", "foo")
        .flag(Flag::Force)
        .rule(DENY_START)
        .rule("decide = \"allow\"");
    assert_eq!(deny.verdict(), Verdict::Deny);
    assert!(deny.plan().is_empty());
}

#[test]
fn clause_3_a_denied_start_denies_whatever_would_bring_up_what_is_down_or_unknown() {
    let story = |action: &str| Story::upgrade(action, "foo").rule(DENY_START);
    for action in ["start", "restart", "force-reload", "rotate"] {
        assert_eq!(story(action).verdict(), Verdict::Deny, "{action}");
        let unknown = story(action).with("foo.service", |unit| {
            unit.active = Known::Unknown("no answer".to_owned());
        });
        assert_eq!(unknown.verdict(), Verdict::Deny, "{action}");
    }
    assert_eq!(
        story("restart").with("foo.service", up).verdict(),
        run("restart")
    );
    assert_eq!(story("try-restart").verdict(), run("try-restart"));
}

#[test]
fn clause_3_a_deny_written_for_an_alias_holds_for_restart_of_what_is_down_too() {
    let mut story = Story::upgrade("restart", "sshd")
        .rule("service = \"sshd\"\naction = \"start\"\ndecide = \"deny\"");
    story.facts.unit.id = name("ssh.service");
    assert_eq!(story.verdict(), Verdict::Deny);
}

#[test]
fn clause_3_a_trigger_and_a_target_are_judged_as_the_start_of_what_they_bring_up() {
    let socket = Story::upgrade("start", "any.socket")
        .with("foo.service", |_| {})
        .stopped_trigger("any.socket", &["foo.service"]);
    assert_eq!(socket.clone().rule(DENY_START).verdict(), Verdict::Deny);
    assert_eq!(socket.verdict(), run("start"));
    let target = |pulled: &[&str]| {
        Story::upgrade("restart", "x.target")
            .with("x.target", |unit| {
                up(unit);
                unit.pulls_in = names(pulled);
            })
            .rule(DENY_START)
    };
    assert_eq!(target(&["foo.service"]).verdict(), Verdict::Deny);
    let running = target(&["foo.service"]).with("foo.service", up);
    assert_eq!(running.verdict(), run("restart"));
    let by_socket = target(&["foo.socket"]).with("foo.socket", |unit| {
        unit.triggers = names(&["foo.service"]);
    });
    assert_eq!(by_socket.verdict(), Verdict::Deny);
}

#[test]
fn clause_4_the_first_rule_says_how_and_vendors_come_last() {
    let story = Story::upgrade("stop", "foo")
        .with("foo.service", up)
        .vendor_rule("decide = \"quiesce\"");
    assert_eq!(story.verdict(), Verdict::Quiesce);
    assert_eq!(story.rule("decide = \"stop\"").verdict(), Verdict::Stop);
}

#[test]
fn clause_4_each_way_of_doing_it() {
    // rule, action, up, verdict
    let (up_, down) = (true, false);
    let table = [
        ("stop", "stop", up_, Verdict::Stop),
        ("stop", "start", up_, run("start")),
        ("quiesce", "stop", up_, Verdict::Quiesce),
        ("restart", "stop", up_, Verdict::Hold),
        ("restart", "stop", down, Verdict::Stop),
        ("restart", "start", up_, Verdict::Restart),
        ("restart", "start", down, run("start")),
        ("if-stale", "stop", up_, Verdict::Hold),
        ("if-stale", "restart", up_, defer(Action::Restart)),
        ("reload", "restart", up_, Verdict::Reload),
        ("reload", "stop", up_, Verdict::Hold),
        ("defer", "stop", up_, Verdict::Hold),
        ("if-stale", "start", up_, defer(Action::Restart)),
        ("defer", "start", up_, run("start")),
        ("defer", "start", down, run("start")),
        ("defer", "restart", up_, defer(Action::Restart)),
        ("defer", "reload", up_, defer(Action::Reload)),
        ("allow", "restart", up_, run("restart")),
        ("deny", "status", up_, Verdict::Deny),
    ];
    for (rule, action, is_up, expected) in table {
        let mut story = Story::upgrade(action, "foo").rule(&format!("decide = \"{rule}\""));
        if is_up {
            story = story.with("foo.service", up);
        }
        assert_eq!(story.verdict(), expected, "{rule} {action} up: {is_up}");
    }
}

#[test]
fn clause_4_without_activation_quiesce_is_stop() {
    let mut story = Story::upgrade("stop", "foo").rule("decide = \"quiesce\"");
    story.facts.capabilities = InitKind::Sysv.capabilities();
    assert_eq!(story.verdict(), Verdict::Stop);
    let mut flagged = Story::upgrade("stop", "foo").flag(Flag::Quiesce);
    flagged.facts.capabilities = InitKind::Sysv.capabilities();
    assert_eq!(flagged.verdict(), Verdict::Stop);
}

#[test]
fn clause_4_a_packages_rule_does_not_turn_a_start_into_a_restart_that_the_admin_denies() {
    let story = Story::upgrade("start", "foo")
        .with("foo.service", up)
        .vendor_rule("decide = \"restart\"")
        .rule("action = \"restart\"\ndecide = \"deny\"");
    assert_eq!(story.verdict(), run("start"));
}

#[test]
fn clause_4_a_restart_out_of_a_reload_starts_nothing_that_is_down() {
    let story = Story::upgrade("reload", "foo")
        .with("foo.service", |unit| {
            unit.active = Known::Unknown("lost".to_owned())
        })
        .rule("decide = \"restart\"");
    assert_eq!(story.verdict(), Verdict::Restart);
    assert_eq!(shown(&story.plan().main), ["try-restart foo.service"]);
}

#[test]
fn clause_4_a_fallback_list_is_followed_once_and_its_actions_are_judged() {
    let story = Story::upgrade("restart", "foo")
        .with("foo.service", up)
        .rule("decide = { fallback = [\"stop\", \"start\"] }");
    assert!(matches!(story.verdict(), Verdict::FallBack(_)));
    let listed = |story: &Story| {
        let policy = story.read_policy();
        decide_listed(&story.request, &story.facts, &policy, None).verdict
    };
    assert_eq!(listed(&story), run("restart"));
    assert_eq!(
        listed(&Story::upgrade("start", "foo").rule(DENY_START)),
        Verdict::Deny
    );
}

#[test]
fn clause_5_the_callers_flags_count_where_no_rule_says_otherwise() {
    let quiesce = Story::upgrade("stop", "foo")
        .with("foo.service", up)
        .flag(Flag::Quiesce);
    assert_eq!(quiesce.verdict(), Verdict::Quiesce);
    assert_eq!(quiesce.rule("decide = \"stop\"").verdict(), Verdict::Stop);
    let later = Story::upgrade("restart", "foo")
        .with("foo.service", up)
        .flag(Flag::Defer);
    assert_eq!(later.verdict(), defer(Action::Restart));
    assert_eq!(
        later.rule("decide = \"restart\"").verdict(),
        Verdict::Restart
    );
}

#[test]
fn clause_5_a_start_is_put_off_only_where_a_rule_is_written_for_installations() {
    let story = || Story::upgrade("start", "foo").phase(Phase::Install);
    assert_eq!(story().flag(Flag::Defer).verdict(), run("start"));
    assert_eq!(story().rule("decide = \"defer\"").verdict(), run("start"));
    let written = story().rule("phase = \"install\"\ndecide = \"defer\"");
    assert_eq!(written.verdict(), defer(Action::Start));
}

#[test]
fn clause_6_stop_takes_the_triggers_and_restart_restarts_now() {
    let story = Story::upgrade("stop", "foo").with("foo.service", up);
    assert_eq!(story.verdict(), Verdict::Stop);
    let story = Story::upgrade("restart", "foo").with("foo.service", up);
    assert_eq!(shown(&story.plan().main), ["restart foo.service"]);
}

#[test]
fn clause_7_what_is_masked_disabled_or_stopped_by_the_admin_is_not_started() {
    type Change = fn(&mut UnitFacts);
    let cases: [(&str, Change); 4] = [
        ("start", |unit| unit.load = Known::Is(LoadState::Masked)),
        ("start", |unit| unit.file = Known::Is(FileState::Disabled)),
        ("restart", |unit| unit.file = Known::Is(FileState::Static)),
        // down since before apt began
        ("start", |unit| unit.down_since_epoch = 500),
    ];
    for (action, change) in cases {
        let story = Story::upgrade(action, "foo").with("foo.service", change);
        assert_eq!(story.verdict(), Verdict::Nothing, "{:?}", story.facts.unit);
        assert!(story.plan().is_empty());
        let lifted = story.clone().rule("decide = \"allow\"");
        assert_eq!(lifted.verdict(), run(action));
        let runtime = story.policy(crate::policy::Tier::Runtime, "[[rule]]\ndecide = \"allow\"");
        assert_eq!(runtime.verdict(), Verdict::Nothing);
    }
}

#[test]
fn clause_7_a_clock_that_is_set_in_an_upgrade_makes_no_stop_of_the_admin_and_hides_none() {
    // The batch began after 40 s, and at 1,000 by a clock that was set back, or forth, afterwards.
    for (down_since, epoch, by_admin) in [
        (39_000_000, 999, true),
        (39_000_000, 90_000, true),
        (41_000_000, 500, false),
        (41_000_000, 1_001, false),
        (0, 500, false),
    ] {
        let mut story = Story::upgrade("start", "foo").with("foo.service", |_| ());
        story.facts.unit.down_since = down_since;
        story.facts.unit.down_since_epoch = epoch;
        story.request.context.batch_began = Some(40_000_000);
        let expected = if by_admin {
            Verdict::Nothing
        } else {
            run("start")
        };
        assert_eq!(story.verdict(), expected, "{down_since} {epoch}");
    }
}

#[test]
fn clause_7_what_failed_or_went_down_during_the_batch_or_is_started_on_demand_is_nobodys_will() {
    type Change = fn(&mut UnitFacts);
    let cases: [Change; 4] = [
        |unit| {
            unit.down_since_epoch = 500;
            unit.active = Known::Is(ActiveState::Failed);
        },
        |unit| unit.down_since_epoch = 1_500,
        |unit| unit.down_since_epoch = 0,
        |unit| {
            unit.down_since_epoch = 500;
            unit.triggered_by = names(&["foo.timer"]);
        },
    ];
    for change in cases {
        let story = Story::upgrade("start", "foo").with("foo.service", change);
        assert_eq!(story.verdict(), run("start"), "{:?}", story.facts.unit);
    }
}

#[test]
fn clause_7_unknown_is_never_a_no() {
    let unknown = |what: &str| Known::<FileState>::Unknown(what.to_owned());
    let start = Story::upgrade("start", "foo").with("foo.service", |u| u.file = unknown("lost"));
    assert_eq!(start.verdict(), Verdict::Emulate(1));
    let restart = Story::upgrade("restart", "foo").with("foo.service", |unit| {
        unit.file = Known::Is(FileState::Disabled);
        unit.active = Known::Unknown("lost".to_owned());
    });
    assert_eq!(restart.verdict(), Verdict::Emulate(1));
    assert!(
        restart.reasons().contains("not known"),
        "{}",
        restart.reasons()
    );
}

#[test]
fn a_broken_policy_without_a_kept_one_holds_the_stop_and_the_start_of_an_upgrade() {
    let broken = |action: &str| Story::upgrade(action, "foo").broken(Origin::None);
    let stop = broken("stop").with("foo.service", up);
    assert_eq!(stop.verdict(), Verdict::Hold);
    assert!(
        stop.reasons().contains("/etc/broken.toml:1"),
        "{}",
        stop.reasons()
    );
    let plan = stop.plan();
    assert!(plan.stops.is_empty() && plan.main.is_empty());
    assert!(plan.records[0].kept_running);
    for action in ["start", "restart", "force-reload"] {
        let plan = broken(action).plan();
        let owed = plan.records[0].owed.as_ref().unwrap();
        assert_eq!(owed.due.action(), Action::parse(action));
        assert!(!plan.records[0].kept_running && plan.main.is_empty());
    }
}

#[test]
fn a_broken_policy_leaves_what_is_down_and_its_triggers_as_they_are() {
    let stop = Story::upgrade("stop", "foo")
        .trigger("foo.socket", &["foo.service"])
        .broken(Origin::None);
    assert_eq!(stop.verdict(), Verdict::Nothing);
    let socket = Story::upgrade("stop", "foo.socket")
        .with("foo.service", up)
        .trigger("foo.socket", &["foo.service"])
        .broken(Origin::None);
    assert_eq!(socket.verdict(), Verdict::Nothing);
    assert!(socket.plan().is_empty());
}

#[test]
fn a_broken_policy_without_a_kept_one_leaves_the_rest_as_stock() {
    for (action, phase) in [
        ("start", Phase::Install),
        ("stop", Phase::Remove),
        ("reload", Phase::Upgrade),
        ("restart", Phase::None),
    ] {
        let story = Story::upgrade(action, "foo")
            .phase(phase)
            .with("foo.service", up)
            .broken(Origin::None);
        assert!(
            matches!(story.verdict(), Verdict::Run(_) | Verdict::Stop),
            "{action}"
        );
    }
}

#[test]
fn a_broken_policy_with_a_kept_one_is_the_kept_one() {
    let story = Story::upgrade("start", "foo").broken(Origin::LastGood);
    assert_eq!(story.verdict(), run("start"));
    assert_eq!(story.rule(DENY_START).verdict(), Verdict::Deny);
}

#[test]
fn a_start_that_would_be_a_restart_is_asked_for_as_a_restart_too() {
    let story = Story::upgrade("start", "foo")
        .with("foo.service", up)
        .noted(kept_running("foo"));
    let asked = also_asked(&story.request, &story.facts, story.owed.as_ref());
    assert_eq!(asked, [(name("foo.service"), Action::Restart)]);
    assert_eq!(story.verdict(), Verdict::Restart);
    assert_eq!(
        story.clone().helper_of("foo.service", 101).verdict(),
        Verdict::Deny
    );
    let denied = story.rule("action = \"restart\"\ndecide = \"deny\"");
    assert_eq!(denied.verdict(), Verdict::Deny);
}

#[test]
fn deciding_a_second_time_says_the_same() {
    let story = Story::upgrade("start", "foo")
        .with("foo.service", up)
        .noted(owing("foo", Due::Reload));
    assert_eq!(story.decide(), story.decide());
    assert_eq!(story.plan(), story.plan());
}
