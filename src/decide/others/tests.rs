//! What others are told: denials, fallbacks, parentheses, lists, names.

use super::*;
use crate::domain::{InitKind, Phase, Scope};
use crate::policy::{Origin, parse};

fn policy(tier: Tier, text: &str) -> Policy {
    let parsed = parse("f", tier, text);
    assert_eq!(parsed.problems, [], "{text}");
    Policy::new(Origin::Current, vec![parsed.file], Vec::new())
}

fn ask(policy: &Policy, name: &str, word: &str) -> Said {
    let service = service(name).unwrap();
    let (action, standing) = action(word);
    let question = Question {
        service: &service,
        action: &action,
        phase: Phase::None,
        package: None,
        init: InitKind::Systemd,
        scope: Scope::System,
        machine: None,
        asked: &[],
    };
    answer(policy, &question, standing)
}

/// The answers to several questions about `foo`, as `WORD=STATUS`.
fn answers(text: &str, words: &str) -> String {
    let policy = policy(Tier::Admin, text);
    let said = words
        .split_whitespace()
        .map(|word| format!("{word}={}", ask(&policy, "foo", word).status));
    said.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_decision_has_its_status() {
    let rule = |decide: &str, action: &str| {
        format!("[[rule]]\nservice = \"foo\"\naction = [{action}]\ndecide = {decide}\n")
    };
    let all = "start (start) restart (restart) try-restart stop reload odd";
    for (text, expected) in [
        (String::new(), "0 101 0 101 0 0 0 0"),
        (
            "[[rule]]\ndecide = \"deny\"\n".to_owned(),
            "101 101 101 101 101 101 101 101",
        ),
        (
            "[[rule]]\ndecide = \"allow\"\n".to_owned(),
            "0 0 0 0 0 0 0 0",
        ),
        // what may start it counts as a start
        (rule("\"deny\"", "\"start\""), "101 101 101 101 0 0 0 101"),
        (rule("\"deny\"", "\"stop\""), "0 101 0 101 0 101 0 0"),
        (rule("\"allow\"", "\"start\""), "0 0 0 101 0 0 0 0"),
        // how it is done is ours to see to
        (rule("\"defer\"", "\"restart\""), "0 101 0 101 0 0 0 0"),
        (rule("\"quiesce\"", "\"stop\""), "0 101 0 101 0 0 0 0"),
        // a list does not lift what the runlevel says
        (
            rule("{ fallback = [\"reload\"] }", "\"restart\""),
            "0 101 106 101 0 0 0 0",
        ),
    ] {
        let words = all.split_whitespace().zip(expected.split_whitespace());
        let expected: Vec<String> = words.map(|(word, said)| format!("{word}={said}")).collect();
        assert_eq!(answers(&text, all), expected.join(" "), "{text}");
    }
}

#[test]
fn a_service_is_the_same_by_whatever_name() {
    let policy = policy(
        Tier::Admin,
        "[[rule]]\nservice = \"foo\"\ndecide = \"deny\"\n",
    );
    for (name, expected) in [
        ("foo", 101),
        ("foo.service", 101),
        ("foo.sh", 101),
        ("/etc/init.d/foo", 101),
        ("/usr/lib/systemd/system/foo.service", 101),
        // what starts it on demand
        ("foo.socket", 101),
        ("foo.timer", 101),
        ("foo.target", 0),
        ("foobar", 0),
        ("foo@x", 0),
    ] {
        assert_eq!(ask(&policy, name, "start").status, expected, "{name}");
    }
}

#[test]
fn a_list_of_others_leaves_out_what_is_denied() {
    let text = "[[rule]]\naction = \"start\"\ndecide = \"deny\"\n\
        [[rule]]\naction = \"reload\"\ndecide = { fallback = [\"restart\", \"stop\"] }\n\
        [[rule]]\naction = \"stop\"\ndecide = { fallback = [\"restart\"] }\n";
    let policy = policy(Tier::Admin, text);
    assert_eq!(ask(&policy, "foo", "reload").fallback, ["stop"]);
    assert_eq!(ask(&policy, "foo", "stop").status, 101);
}

#[test]
fn of_several_actions_one_denial_is_a_denial_of_all_in_whatever_order() {
    let text = "[[rule]]\naction = \"stop\"\ndecide = \"deny\"\n\
        [[rule]]\naction = \"restart\"\ndecide = { fallback = [\"reload\", \"force-reload\"] }\n";
    let policy = policy(Tier::Admin, text);
    let all = |words: &str| {
        let words = words.split_whitespace();
        let answers: Vec<(String, Said)> = words
            .map(|word| (word.to_owned(), ask(&policy, "foo", word)))
            .collect();
        combined(&answers)
    };
    assert_eq!(all("restart stop").status, 101);
    assert_eq!(all("stop restart").status, 101);
    assert_eq!(all("start reload").status, 0);
    let said = all("start restart status");
    let tried = ["start", "reload", "force-reload", "status"];
    assert_eq!(
        (said.status, said.fallback),
        (106, tried.map(str::to_owned).to_vec())
    );
}

#[test]
fn what_is_no_action_is_unknown_and_denied_where_everything_is() {
    let nothing = policy(Tier::Admin, "");
    let deny = policy(Tier::Admin, "[[rule]]\ndecide = \"deny\"\n");
    for word in ["()", "st\u{1b}art", "(start", "((start))"] {
        assert_eq!(ask(&nothing, "foo", word).status, 1, "{word}");
        assert_eq!(ask(&deny, "foo", word).status, 101, "{word}");
    }
}

#[test]
fn what_packages_and_the_admins_of_until_the_next_boot_say_lifts_no_runlevel() {
    let allow = policy(Tier::Runtime, "[[rule]]\ndecide = \"allow\"\n");
    assert_eq!(ask(&allow, "foo", "(start)").status, 101);
    assert_eq!(ask(&allow, "foo", "start").status, 0);
}

#[test]
fn nothing_is_decided_where_rcpolicy_only_watches() {
    let watches = policy(Tier::Admin, "[rcpolicy]\nmode = \"observe\"\n");
    assert_eq!(Authority::of(&watches), Authority::Watches);
    assert_eq!(Authority::of(&policy(Tier::Admin, "")), Authority::Decides);
}
