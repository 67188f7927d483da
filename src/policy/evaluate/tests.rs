//! Precedence, matchers and what is unknown; and that an admin's deny is found whatever packages say.

use proptest::prelude::*;

use super::*;
use crate::domain::Until;
use crate::policy::Severity;
use crate::policy::hold::Holds;
use crate::policy::merge::PolicyFile;
use crate::policy::schema::parse;

fn file(tier: Tier, path: &str, text: &str) -> PolicyFile {
    let parsed = parse(path, tier, text);
    assert_eq!(parsed.problems, [], "{text}");
    parsed.file
}

fn policy(files: &[(Tier, &str)]) -> Policy {
    let files = files.iter().map(|(tier, text)| file(*tier, "f", text));
    Policy::new(Origin::Current, files.collect(), Vec::new())
}

/// A question that tests change as they need it.
struct Asked {
    service: ServiceName,
    action: Action,
    phase: Phase,
    package: Option<&'static str>,
    machine: Option<Machine>,
    flags: Vec<Flag>,
}

fn asked(service: &str, action: &str) -> Asked {
    Asked {
        service: ServiceName::parse(service).unwrap(),
        action: Action::parse(action),
        phase: Phase::Upgrade,
        package: Some("pkg"),
        machine: Some(Machine::Running),
        flags: Vec::new(),
    }
}

impl Asked {
    fn question(&self) -> Question<'_> {
        Question {
            service: &self.service,
            action: &self.action,
            phase: self.phase,
            package: self.package,
            init: InitKind::Systemd,
            scope: Scope::System,
            machine: self.machine,
            asked: &self.flags,
        }
    }

    fn of(&self, policy: &Policy) -> Option<Decide> {
        match policy.ask(&self.question()) {
            Answer::Rule(matched) => Some(matched.decide.clone()),
            Answer::HoldBroken { .. } => panic!("held"),
            Answer::Silent => None,
        }
    }
}

fn rule(decide: &str, more: &str) -> String {
    format!("[[rule]]\ndecide = \"{decide}\"\n{more}\n")
}

#[test]
fn all_of_etc_comes_before_run_and_run_before_usr_lib() {
    let (stop, reload, quiesce) = (rule("stop", ""), rule("reload", ""), rule("quiesce", ""));
    let all = [
        (Tier::Admin, &*stop),
        (Tier::Runtime, &*reload),
        (Tier::Vendor, &*quiesce),
    ];
    let ssh = asked("ssh", "restart");
    assert_eq!(ssh.of(&policy(&all)), Some(Decide::Stop));
    assert_eq!(ssh.of(&policy(&all[1..])), Some(Decide::Reload));
    assert_eq!(ssh.of(&policy(&all[2..])), Some(Decide::Quiesce));
    assert_eq!(ssh.of(&policy(&[])), None);
}

#[test]
fn the_first_matching_rule_of_a_file_wins_and_says_where_it_stands() {
    let text = "[[rule]]\nservice = \"a\"\ndecide = \"deny\"\n\n[[rule]]\ndecide = \"defer\"\nuntil = \"flush\"\nbecause = \"later\"\n";
    let policy = Policy::new(
        Origin::Current,
        vec![file(Tier::Runtime, "/run/x.toml", text)],
        Vec::new(),
    );
    assert_eq!(asked("a", "stop").of(&policy), Some(Decide::Deny));
    let other = asked("b", "stop");
    let Answer::Rule(matched) = policy.ask(&other.question()) else {
        panic!("silent")
    };
    assert_eq!(*matched.decide, Decide::Defer(Until::Flush));
    assert_eq!(matched.because, Some("later"));
    assert_eq!(matched.tier, Tier::Runtime);
    assert_eq!(matched.source.to_string(), "/run/x.toml:5");
}

#[test]
fn every_matcher_that_is_given_must_match() {
    let cases = [
        ("service = [\"ssh\", \"x\"]", true),
        ("service = \"ss\"", false),
        ("service = \"ssh.service\"", true),
        ("action = [\"stop\", \"restart\"]", true),
        ("action = \"try-restart\"", false),
        ("phase = \"upgrade\"", true),
        ("phase = [\"install\", \"none\"]", false),
        ("package = \"p*\"", true),
        ("package = \"q*\"", false),
        ("init = \"systemd\"", true),
        ("init = \"sysv\"", false),
        ("scope = \"system\"", true),
        ("scope = \"user\"", false),
        ("machine = \"running\"", true),
        ("machine = [\"starting\", \"chroot\"]", false),
        ("asked = [\"force\", \"quiesce\"]", true),
        ("asked = \"defer\"", false),
        ("service = \"ssh\"\nscope = \"user\"", false),
    ];
    let mut ssh = asked("ssh", "restart");
    ssh.flags = vec![Flag::Quiesce];
    for (matcher, expected) in cases {
        for decide in ["stop", "deny"] {
            let text = rule(decide, matcher);
            let found = ssh.of(&policy(&[(Tier::Admin, &text)])).is_some();
            assert_eq!(found, expected, "{decide} {matcher}");
        }
    }
}

#[test]
fn what_is_unknown_makes_a_deny_match_and_no_other_rule() {
    let mut ssh = asked("ssh", "start");
    ssh.machine = None;
    ssh.package = None;
    for matcher in [
        "machine = \"chroot\"",
        "package = \"foo\"",
        "machine = \"running\"\npackage = \"*\"",
    ] {
        for (decide, expected) in [
            ("deny", true),
            ("allow", false),
            ("stop", false),
            ("defer", false),
        ] {
            let text = rule(decide, matcher);
            let found = ssh.of(&policy(&[(Tier::Admin, &text)])).is_some();
            assert_eq!(found, expected, "{decide} {matcher}");
        }
    }
    // unknown does not outweigh what is known not to match
    let text = rule("deny", "machine = \"chroot\"\nscope = \"user\"");
    assert_eq!(ssh.of(&policy(&[(Tier::Admin, &text)])), None);
}

#[test]
fn where_no_maintainer_script_asks_there_is_no_package_rather_than_an_unknown_one() {
    let mut ssh = asked("ssh", "start");
    ssh.phase = Phase::None;
    ssh.package = None;
    let text = rule("deny", "package = \"*\"");
    assert_eq!(ssh.of(&policy(&[(Tier::Admin, &text)])), None);
}

#[test]
fn an_unknown_machine_lets_a_deny_behind_an_allow_through() {
    let text = rule("allow", "machine = \"running\"") + &rule("deny", "");
    let policy = policy(&[(Tier::Admin, &text)]);
    let mut ssh = asked("ssh", "start");
    assert_eq!(ssh.of(&policy), Some(Decide::Allow));
    ssh.machine = None;
    assert_eq!(ssh.of(&policy), Some(Decide::Deny));
}

#[test]
fn only_the_first_rule_of_etc_and_run_is_a_deny() {
    let (deny, defer) = (rule("deny", "action = \"start\""), rule("defer", ""));
    let start = asked("ssh", "start");
    let etc_first = policy(&[(Tier::Admin, &deny), (Tier::Runtime, &defer)]);
    assert_eq!(
        etc_first.denies(&start.question()).unwrap().tier,
        Tier::Admin
    );
    let run_only = policy(&[(Tier::Runtime, &deny)]);
    assert_eq!(
        run_only.denies(&start.question()).unwrap().tier,
        Tier::Runtime
    );
    let overruled = policy(&[(Tier::Admin, &defer), (Tier::Runtime, &deny)]);
    assert!(overruled.denies(&start.question()).is_none());
}

#[test]
fn a_deny_of_start_is_found_for_whatever_can_start() {
    let text = rule("deny", "action = \"start\"");
    let policy = policy(&[(Tier::Admin, &text)]);
    for action in ["restart", "force-reload", "frobnicate"] {
        let ssh = asked("ssh", action);
        assert!(ssh.action.may_start());
        assert!(policy.denies(&ssh.question()).is_none(), "{action}");
        assert!(policy.denies_start(&ssh.question()).is_some(), "{action}");
    }
}

#[test]
fn with_nothing_to_go_by_an_upgrade_neither_stops_nor_starts() {
    let problem = Problem::whole(Severity::Error, "/etc/x.toml", "broken");
    let policy = Policy::new(Origin::None, Vec::new(), vec![problem]);
    let cases = [
        ("stop", Phase::Upgrade, true),
        ("start", Phase::Upgrade, true),
        ("restart", Phase::Upgrade, true),
        ("try-restart", Phase::Upgrade, true),
        ("force-reload", Phase::Upgrade, true),
        ("reload", Phase::Upgrade, false),
        ("status", Phase::Upgrade, false),
        ("rotate", Phase::Upgrade, false),
        ("start", Phase::Install, false),
        ("stop", Phase::Remove, false),
        ("restart", Phase::Trigger, false),
        ("restart", Phase::None, false),
    ];
    for (action, phase, held) in cases {
        let mut ssh = asked("ssh", action);
        ssh.phase = phase;
        let expected = if held {
            Answer::HoldBroken {
                problem: "/etc/x.toml: broken".to_owned(),
            }
        } else {
            Answer::Silent
        };
        assert_eq!(policy.ask(&ssh.question()), expected, "{action} {phase:?}");
    }
}

#[test]
fn with_holds_that_cannot_be_read_no_package_and_no_trigger_interrupts_a_service() {
    let holds = Holds {
        unreadable: Some("damaged".to_owned()),
        ..Holds::default()
    };
    let policy = policy(&[]).with_holds(holds);
    let cases = [
        ("stop", Phase::Remove, true),
        ("restart", Phase::Trigger, true),
        ("restart", Phase::Install, true),
        ("try-restart", Phase::Trigger, true),
        ("force-reload", Phase::Remove, true),
        ("stop", Phase::Upgrade, true),
        ("start", Phase::Upgrade, true),
        ("start", Phase::Install, false),
        ("reload", Phase::Trigger, false),
        ("status", Phase::Trigger, false),
        ("restart", Phase::None, false),
    ];
    for (action, phase, held) in cases {
        let mut ssh = asked("ssh", action);
        ssh.phase = phase;
        let is_held = matches!(policy.ask(&ssh.question()), Answer::HoldBroken { .. });
        assert_eq!(is_held, held, "{action} {phase:?}");
        let users = Question {
            scope: Scope::User,
            ..ssh.question()
        };
        let is_held = matches!(policy.ask(&users), Answer::HoldBroken { .. });
        assert_eq!(
            is_held,
            held && phase == Phase::Upgrade,
            "{action} of a user's"
        );
    }
}

fn flags() -> impl Strategy<Value = Vec<Flag>> {
    prop::sample::subsequence(vec![Flag::Quiesce, Flag::Defer, Flag::Force], 0..=3)
}

fn package_file() -> impl Strategy<Value = String> {
    let rule = (
        prop::sample::select(vec![
            "stop", "quiesce", "restart", "if-stale", "reload", "defer",
        ]),
        prop::sample::select(vec![
            "",
            "service = \"*\"",
            "service = \"ssh\"",
            "action = \"start\"",
        ]),
        prop::sample::select(vec![
            "",
            "asked = \"force\"",
            "machine = \"running\"",
            "package = \"*\"",
        ]),
    );
    let rules = prop::collection::vec(rule, 0..5);
    rules.prop_map(|rules| {
        rules
            .iter()
            .map(|(decide, first, second)| self::rule(decide, &format!("{first}\n{second}")))
            .collect()
    })
}

proptest! {
    #[test]
    fn no_package_file_and_no_flag_hides_an_admins_deny(
        packages in prop::collection::vec(package_file(), 0..4),
        flags in flags(),
        tier in prop::sample::select(vec![Tier::Admin, Tier::Runtime]),
        machine in prop::sample::select(vec![None, Some(Machine::Running), Some(Machine::Chroot)]),
        matcher in prop::sample::select(vec![
            "", "service = \"s*\"", "action = \"start\"", "package = \"p*\"",
            "phase = \"upgrade\"", "scope = \"system\"", "init = \"systemd\"",
        ]),
    ) {
        let deny = rule("deny", matcher);
        let mut files = vec![(tier, &*deny)];
        files.extend(packages.iter().map(|text| (Tier::Vendor, &**text)));
        let policy = policy(&files);
        let mut ssh = asked("ssh", "start");
        ssh.flags = flags;
        ssh.machine = machine;
        let question = ssh.question();
        prop_assert!(policy.denies(&question).is_some());
        prop_assert!(matches!(policy.ask(&question), Answer::Rule(m) if *m.decide == Decide::Deny));
    }

    #[test]
    fn the_answer_is_that_of_the_first_file_that_answers_at_all(
        texts in prop::collection::vec(package_file(), 1..5),
        flags in flags(),
    ) {
        let mut ssh = asked("ssh", "start");
        ssh.flags = flags;
        let files: Vec<_> = texts.iter().map(|text| (Tier::Vendor, &**text)).collect();
        let first = files.iter().find_map(|one| ssh.of(&policy(&[*one])));
        prop_assert_eq!(ssh.of(&policy(&files)), first);
    }
}

#[test]
fn in_strict_compatibility_only_the_admins_rules_and_groups_apply() {
    let strict = "[compat]\nstrict = true\n";
    let (stop, package) = (
        rule("stop", "service = \"ssh\""),
        rule("quiesce", "") + "[group.x]\nmembers = [\"a\"]\n",
    );
    let loose = policy(&[(Tier::Admin, &*stop), (Tier::Vendor, &*package)]);
    let strict = policy(&[
        (Tier::Admin, strict),
        (Tier::Admin, &*stop),
        (Tier::Vendor, &*package),
    ]);
    for (policy, expected) in [(&loose, Some(Decide::Quiesce)), (&strict, None)] {
        assert_eq!(asked("foo", "stop").of(policy), expected);
        assert_eq!(policy.groups().len(), usize::from(expected.is_some()));
        assert_eq!(asked("ssh", "stop").of(policy), Some(Decide::Stop));
    }
}
