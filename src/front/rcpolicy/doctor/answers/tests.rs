//! policy-rc.d scripts as they are found on machines, each as a function from its arguments to its answer.

use super::*;

/// A script: of its words, the exit status and standard output.
type Script = fn(&[&str]) -> (u8, &'static str);

fn heard(script: Script, services: &[&str]) -> Vec<Heard> {
    let mut heard = Vec::new();
    let actions = ["start", "stop", "restart"];
    for service in services {
        for action in actions {
            let (unit, aside) = (format!("{service}.service"), format!("({action})"));
            for (form, words) in [
                (Form::Plain, vec![*service, action, "2"]),
                (Form::Quiet, vec!["--quiet", service, action, "2"]),
                (Form::NoLevel, vec![service, action]),
                (Form::Unit, vec![&unit, action]),
                (Form::Parentheses, vec![service, &aside, "2"]),
            ] {
                if form == Form::Parentheses && action == "stop" {
                    continue;
                }
                heard.push(one(script, (form, service, action), &words));
            }
        }
    }
    heard.push(one(
        script,
        (Form::List, NOBODY, "start"),
        &["--list", NOBODY, "2"],
    ));
    heard
}

fn one(script: Script, of: (Form, &str, &'static str), words: &[&str]) -> Heard {
    let (status, stdout) = script(words);
    Heard {
        form: of.0,
        service: of.1.to_owned(),
        action: of.2,
        words: words.join(" "),
        status,
        stdout: stdout.to_owned(),
    }
}

/// What is said of a script, but for notes: `LEVEL TEXT`.
fn said(script: Script) -> Vec<String> {
    let found = judge(&heard(script, &[NOBODY, "slapd"]), Machine::Runs);
    let found = found.iter().filter(|one| one.level > Level::Note);
    found
        .map(|one| format!("{:?} {}", one.level, one.text))
        .collect()
}

#[track_caller]
fn says(script: Script, expected: &[&str]) {
    let said = said(script);
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (one, part) in said.iter().zip(expected) {
        assert!(one.contains(part), "`{part}` is not in {said:#?}");
    }
}

fn without_options<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words
        .iter()
        .copied()
        .filter(|word| !word.starts_with('-'))
        .collect()
}

#[test]
fn one_that_denies_everything_keeps_a_machine_from_restarting_anything() {
    let script: Script = |_| (101, "");
    says(script, &["Problem denies every start, stop and restart"]);
    let in_chroot = judge(&heard(script, &[NOBODY]), Machine::Chroot);
    assert!(
        in_chroot.iter().all(|one| one.level == Level::Note),
        "{in_chroot:?}"
    );
}

#[test]
fn one_that_allows_everything_starts_what_is_not_enabled() {
    says(
        |_| (0, ""),
        &["Warning says yes to `rcpolicy-doctor (start) 2`"],
    );
}

#[test]
fn one_that_takes_an_option_for_the_service_is_found_out() {
    says(
        |words| match words {
            ["slapd" | "slapd.service", ..] => (101, ""),
            [_, action, ..] if action.starts_with('(') => (101, ""),
            _ => (0, ""),
        },
        &["Problem `slapd start 2` is 101 and `--quiet slapd start 2` is 0, and 2 more"],
    );
}

#[test]
fn one_that_does_not_know_a_units_name_is_found_out() {
    says(
        |words| match without_options(words).as_slice() {
            ["slapd", ..] => (101, ""),
            [_, action, ..] if action.starts_with('(') => (101, ""),
            _ => (0, ""),
        },
        &["Problem `slapd start` is 101 and `slapd.service start` is 0, and 2 more"],
    );
}

#[test]
fn one_that_denies_a_start_and_not_in_parentheses_is_found_out() {
    says(
        |words| match without_options(words).as_slice() {
            ["slapd" | "slapd.service", "start", ..] => (101, ""),
            [NOBODY, action, ..] if action.starts_with('(') => (101, ""),
            _ => (0, ""),
        },
        &["Problem denies start of slapd and says yes to `slapd (start) 2`"],
    );
}

#[test]
fn statuses_that_nobody_understands_and_those_that_fail_a_package_are_named() {
    says(|_| (127, ""), &["ends with 127, so that it cannot be run"]);
    says(|_| (7, ""), &["ends with 7"]);
    says(|_| (102, ""), &["`rcpolicy-doctor start 2` ends with 102"]);
    // Nobody has the other service, so it may well be unknown.
    says(|_| (100, ""), &["Problem `slapd start 2` ends with 100"]);
    says(|_| (106, ""), &["ends with 106 and names nothing"]);
}

#[test]
fn one_that_keeps_to_the_protocol_is_left_alone() {
    says(
        |words| match without_options(words).as_slice() {
            _ if words.contains(&"--list") => (0, "slapd: no restarts\n"),
            ["slapd" | "slapd.service", "restart", ..] => (106, "reload\n"),
            [_, action, ..] if action.starts_with('(') => (101, ""),
            _ => (0, ""),
        },
        &[],
    );
}
