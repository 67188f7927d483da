//! One file's text: what it means, and every way in which it can be wrong.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::domain::{Action, Flag, InitKind, Machine, Phase, Scope, Until};
use crate::policy::rule::Decide;
use crate::policy::settings::{ActionLimit, HelperLimit, Mode};

/// `line:column message` of every problem.
fn problems_in(tier: Tier, text: &str) -> Vec<String> {
    parse("f", tier, text)
        .problems
        .iter()
        .map(|p| p.to_string().trim_start_matches("f:").to_owned())
        .collect()
}

#[test]
fn every_key_of_a_rule_is_understood() {
    let text = r#"
        [[rule]]
        service = ["postgresql@*", "mariadb.service"]
        action  = ["restart", "rotate"]
        phase   = ["upgrade", "none"]
        package = ["postgresql-*"]
        init    = ["systemd", "s6"]
        scope   = "user"
        machine = ["running", "chroot"]
        asked   = ["quiesce"]
        decide  = "defer"
        until   = "reboot"
        because = "the DBA restarts databases"
    "#;
    let parsed = parse("f", Tier::Admin, text);
    assert_eq!(parsed.problems, []);
    let rule = &parsed.file.rules[0];
    assert_eq!(rule.service[1].as_str(), "mariadb");
    assert_eq!(
        *rule.action,
        [Action::Restart, Action::Other("rotate".into())]
    );
    assert_eq!(*rule.phase, [Phase::Upgrade, Phase::None]);
    assert_eq!(rule.package[0].as_str(), "postgresql-*");
    assert_eq!(*rule.init, [InitKind::Systemd, InitKind::S6]);
    assert_eq!(*rule.scope, [Scope::User]);
    assert_eq!(*rule.machine, [Machine::Running, Machine::Chroot]);
    assert_eq!(*rule.asked, [Flag::Quiesce]);
    assert_eq!(rule.decide, Decide::Defer(Until::Reboot));
    assert_eq!(rule.because.as_deref(), Some("the DBA restarts databases"));
    assert_eq!(rule.line, 2);
}

#[test]
fn every_decision_is_understood() {
    let cases = [
        ("\"allow\"", Decide::Allow),
        ("\"deny\"", Decide::Deny),
        ("\"stop\"", Decide::Stop),
        ("\"quiesce\"", Decide::Quiesce),
        ("\"restart\"", Decide::Restart),
        ("\"if-stale\"", Decide::IfStale),
        ("\"reload\"", Decide::Reload),
        ("\"defer\"", Decide::Defer(Until::Batch)),
        (
            "{ fallback = [\"reload\", \"x\"] }",
            Decide::Fallback(vec!["reload".into(), "x".into()]),
        ),
    ];
    for (text, expected) in cases {
        let parsed = parse("f", Tier::Admin, &format!("[[rule]]\ndecide = {text}\n"));
        assert_eq!(parsed.problems, [], "{text}");
        assert_eq!(parsed.file.rules[0].decide, expected);
    }
}

#[test]
fn every_setting_is_understood() {
    let text = r#"
        init.wait = "5s"
        action.limit = "2min"
        flush.settle = "500ms"
        flush.tries = 5
        flush.window = ["Sat 02:00-04:00", "daily 23:30-00:30"]
        flush.gate = ["/usr/bin/etcdctl", "lock", "rcpolicy"]
        flush.gate-limit = "3min"
        rcpolicy.mode = "observe"
        compat.strict = true
        [policy-rc-d]
        limit = "none"
        max-output = "1MiB"
        [group.mail]
        members = ["postfix", "postfix@*"]
    "#;
    let parsed = parse("f", Tier::Runtime, text);
    assert_eq!(parsed.problems, []);
    let settings = parsed.file.settings;
    assert_eq!(settings.init_wait, Some(Duration::from_secs(5)));
    assert_eq!(
        settings.action_limit,
        Some(ActionLimit::After(Duration::from_secs(120)))
    );
    assert_eq!(settings.flush_settle, Some(Duration::from_millis(500)));
    assert_eq!(settings.flush_tries, Some(5));
    let gate = settings.flush_gate.unwrap();
    assert_eq!(gate, ["/usr/bin/etcdctl", "lock", "rcpolicy"]);
    assert_eq!(settings.flush_gate_limit, Some(Duration::from_secs(180)));
    let windows = settings.flush_windows.unwrap();
    let windows: Vec<String> = windows.iter().map(ToString::to_string).collect();
    assert_eq!(windows, ["Sat 02:00-04:00", "daily 23:30-00:30"]);
    assert_eq!(settings.mode, Some(Mode::Observe));
    assert_eq!(settings.strict, Some(true));
    assert_eq!(settings.helper_limit, Some(HelperLimit::Endless));
    assert_eq!(settings.helper_max_output, Some(1024 * 1024));
    assert_eq!(parsed.file.groups[0].line, 14);
}

#[test]
fn each_mistake_is_reported_at_its_place() {
    let rule = |line: &str| format!("[[rule]]\ndecide = \"stop\"\n{line}\n");
    let cases = [
        (
            rule("serivce = \"a\""),
            "3:1: unknown key `serivce`: did you mean `service`?",
        ),
        (
            "[flush]\nwindow = [\"Sat 02:00-04:00\", \"Sat 2-4\"]\n".to_owned(),
            "2:30: `Sat 2-4` is not a window: write `Sat 02:00-04:00`, `Mon-Fri 22:00-06:00` or `daily 03:00-03:30`",
        ),
        (
            "[flush]\ngate = [\"etcdctl\", \"lock\"]\n".to_owned(),
            "2:8: `etcdctl` is no program's path from the root on",
        ),
        (
            "[flush]\ngate = []\n".to_owned(),
            "2:8: an empty list fits nothing: leave the key out",
        ),
        (
            rule("service = 1"),
            "3:11: expected a string or a list of strings, found a number",
        ),
        (
            rule("service = [true]"),
            "3:12: expected a string, found true or false",
        ),
        (
            rule("service = []"),
            "3:11: an empty list fits nothing: leave the key out",
        ),
        (
            rule("service = [\"a\", \"b[\"]"),
            "3:17: `[` is never closed in `b[`",
        ),
        (
            rule("service = \"a b\""),
            "3:11: ' ' in `a b` cannot be part of a name",
        ),
        (
            rule("package = \"Foo\""),
            "3:11: 'F' in `Foo` cannot be part of a name",
        ),
        (
            rule("phase = \"upgrad\""),
            "3:9: unknown phase `upgrad`: did you mean `upgrade`?",
        ),
        (
            rule("scope = \"x\""),
            "3:9: unknown scope `x` (known: system, user)",
        ),
        (
            rule("init = \"sytemd\""),
            "3:8: unknown init `sytemd`: did you mean `systemd`?",
        ),
        (
            rule("machine = \"up\""),
            "3:11: unknown machine state `up` (known: starting, running, stopping, chroot)",
        ),
        (
            rule("asked = \"forced\""),
            "3:9: unknown flag `forced`: did you mean `force`?",
        ),
        (
            rule("action = \"re start\""),
            "3:10: `re start` is not an action",
        ),
        (
            rule("until = \"batch\""),
            "3:1: `until` needs `decide = \"defer\"`",
        ),
        (
            rule("because = 1"),
            "3:11: expected a string, found a number",
        ),
        (rule("decide = \"deny\""), "3:1: duplicate key"),
        ("[[rule]]\n".into(), "1:1: this rule has no `decide`"),
        (
            "[[rule]]\ndecide = \"denny\"\n".into(),
            "2:10: unknown decision `denny`: did you mean `deny`?",
        ),
        (
            "[[rule]]\ndecide = \"denny\"\nuntil = \"batch\"\n".into(),
            "2:10: unknown decision `denny`: did you mean `deny`?",
        ),
        (
            "[[rule]]\ndecide = 3\n".into(),
            "2:10: expected a string, found a number",
        ),
        (
            "[[rule]]\ndecide = { fallback = [] }\n".into(),
            "2:23: an empty list fits nothing: leave the key out",
        ),
        (
            "[[rule]]\ndecide = {}\n".into(),
            "2:10: expected `{ fallback = [...] }`",
        ),
        (
            "[[rule]]\ndecide = \"defer\"\nuntil = \"bacth\"\n".into(),
            "3:9: unknown time to wait for `bacth`: did you mean `batch`?",
        ),
        (
            "[rule]\ndecide = \"stop\"\n".into(),
            "1:1: rules are written `[[rule]]`, with two brackets",
        ),
        (
            "[rules]\n".into(),
            "1:2: unknown table `rules`: did you mean `rule`?",
        ),
        (
            "[init]\nwait = \"soon\"\n".into(),
            "2:8: `soon` is not a time: write `30s`, `500ms` or `1min 30s`",
        ),
        (
            "[init]\nwait = 30\n".into(),
            "2:8: expected a string, found a number",
        ),
        (
            "[action]\nlimit = \"0s\"\n".into(),
            "2:9: no time at all would let nothing end",
        ),
        (
            "[flush]\nsettel = \"1s\"\n".into(),
            "2:1: unknown key `settel`: did you mean `settle`?",
        ),
        (
            "[flush]\ntries = 0\n".into(),
            "2:9: expected a number from 1 to 100",
        ),
        (
            "[flush]\ntries = \"3\"\n".into(),
            "2:9: expected a number, found a string",
        ),
        (
            "[compat]\nstrict = \"yes\"\n".into(),
            "2:10: expected true or false, found a string",
        ),
        (
            "[rcpolicy]\nmode = \"off\"\n".into(),
            "2:8: unknown mode `off` (known: enforce, observe)",
        ),
        (
            "compat = 1\n".into(),
            "1:10: expected a table, found a number",
        ),
        (
            "[policy-rc-d]\nmax-output = \"0B\"\n".into(),
            "2:14: a size of nothing would let nothing be read",
        ),
        (
            "[group]\n".into(),
            "1:2: a group needs a name: `[group.NAME]`",
        ),
        ("[group.a]\n".into(), "1:8: this group has no `members`"),
        (
            "[group.a]\nmembers = []\n".into(),
            "2:11: an empty list fits nothing: leave the key out",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems_in(Tier::Admin, &text), [expected], "{text}");
    }
}

#[test]
fn a_packages_file_may_say_how_and_never_whether() {
    for word in ["stop", "quiesce", "restart", "if-stale", "reload", "defer"] {
        let text = format!("[[rule]]\ndecide = \"{word}\"\n");
        assert_eq!(problems_in(Tier::Vendor, &text), [""; 0], "{word}");
    }
    let forbidden = [
        "[[rule]]\ndecide = \"allow\"\n",
        "[[rule]]\ndecide = \"deny\"\n",
        "[[rule]]\ndecide = { fallback = [\"stop\"] }\n",
        "[compat]\nstrict = true\n",
        "[rcpolicy]\nmode = \"enforce\"\n",
    ];
    for text in forbidden {
        assert_eq!(problems_in(Tier::Vendor, text).len(), 1, "{text}");
        assert_eq!(problems_in(Tier::Runtime, text), [""; 0], "{text}");
    }
}

#[test]
fn all_problems_are_reported_at_once_syntax_and_meaning() {
    let text = "[[rule]]\nservice = [\ndecide = \"stop\"\n[[rule]]\nfoo = 1\n[init\nwait = \"x\"\n[flush]\nsettle = 1\n";
    let found = problems_in(Tier::Admin, text);
    for line in ["3:", "5:", "6:", "9:"] {
        assert!(
            found.iter().any(|p| p.starts_with(line)),
            "{line} {found:#?}"
        );
    }
}

#[test]
fn what_is_no_toml_at_all_is_refused_quickly() {
    for text in ["]", "[", "\"", "a=", "\n[[rule]]\n", "a."] {
        let text = text.repeat(400_000 / text.len());
        let begun = Instant::now();
        let parsed = parse("f", Tier::Admin, &text);
        assert!(parsed.is_broken());
        assert!(parsed.problems.len() <= MOST_PROBLEMS + 1);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

/// A long file: `rules` rules, and `broken` of them with a mistake.
fn long(rules: usize, broken: usize) -> String {
    let rule = |i: usize| {
        let decide = if i < broken { "defre" } else { "defer" };
        format!(
            "[[rule]]\nservice = [\"svc{i}@*\", \"other{i}\"]\naction = [\"restart\", \"try-restart\"]\nphase = [\"upgrade\"]\ndecide = \"{decide}\"\nbecause = \"rule {i} é\"\n\n"
        )
    };
    (0..rules).map(rule).collect()
}

#[test]
fn a_long_file_means_the_same_in_pieces_and_as_a_whole() {
    let text = format!("[init]\nwait = \"3s\"\n{}", long(1000, 2));
    let pieces = parse("f", Tier::Admin, &text);
    // a trailing table makes it one piece
    let whole = parse(
        "f",
        Tier::Admin,
        &format!("{text}[group.a]\nmembers = \"a\"\n"),
    );
    assert_eq!(pieces.problems, whole.problems);
    assert_eq!(pieces.file.rules, whole.file.rules);
    assert_eq!(pieces.file.settings, whole.file.settings);
    assert_eq!(pieces.problems.len(), 2);
    assert_eq!(pieces.file.rules.len(), 998);
    assert_eq!(pieces.file.rules.last().unwrap().line, 2 + 999 * 7 + 1);
}

proptest! {
    #[test]
    fn parsing_never_panics_on_any_text(text in ".{0,300}") {
        let parsed = parse("f", Tier::Admin, &text);
        prop_assert!(parsed.problems.iter().all(|p| p.place.is_some()));
    }

    #[test]
    fn parsing_never_panics_on_what_looks_like_a_policy(
        parts in prop::collection::vec(
            "(\\[\\[rule\\]\\]|\\[group.a\\]|\\[init\\]|service|decide|until|wait|members) ?(=|\\.)? ?(\"[a-z*\\[é]{0,5}\"|\\[\"a\", 1\\]|\\{|\\}|\\[\\]|1)?\n",
            0..20,
        ),
    ) {
        for tier in [Tier::Admin, Tier::Vendor] {
            let parsed = parse("f", tier, &parts.concat());
            for rule in parsed.file.rules {
                let forbidden = matches!(rule.decide, Decide::Allow | Decide::Deny);
                prop_assert!(tier != Tier::Vendor || !forbidden);
            }
        }
    }
}
