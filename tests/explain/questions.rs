//! `explain --ask` puts the questions to policy-rc.d that invoke-rc.d puts, all of them, in their order.

use super::world::World;
use super::{asked_by, noting};

/// One call, on one machine.
struct Case {
    world: World,
    /// What policy-rc.d does.
    helper: &'static str,
    /// What stands behind `invoke-rc.d`.
    call: &'static str,
    asked: &'static [&'static str],
}

fn case(
    world: World,
    helper: &'static str,
    call: &'static str,
    asked: &'static [&'static str],
) -> Case {
    Case {
        world,
        helper,
        call,
        asked,
    }
}

/// foo may not be started in this runlevel.
fn killed() -> World {
    World::new().setup("mv /etc/rc2.d/S01foo /etc/rc2.d/K01foo 2>/dev/null || true")
}

fn ruled(rule: &str) -> World {
    World::new().policy(&format!("[[rule]]\nservice = \"foo\"\n{rule}\n"))
}

fn cases() -> Vec<Case> {
    let new = World::new;
    let fallback = "action = \"restart\"\ndecide = { fallback = [\"stop\", \"start\"] }";
    let allow = "[[rule]]\nservice = \"foo\"\ndecide = \"allow\"\n";
    let stop_first = "[ $2 = restart ] || exit 0; echo stop start; exit 106";
    let level = |text| new().program("usr/sbin/runlevel", text);
    vec![
        case(new(), "exit 0", "foo restart", &["foo restart 2"]),
        case(new(), "exit 0", "foo stop", &["foo stop 2"]),
        case(new(), "exit 0", "foo status", &["foo status 2"]),
        case(new(), "exit 0", "foo frobnicate", &["foo frobnicate 2"]),
        case(new(), "exit 101", "foo start", &["foo start 2"]),
        case(new(), "exit 102", "foo start", &["foo start 2"]),
        case(new(), "exit 101", "--force foo start", &["foo start 2"]),
        case(new(), stop_first, "foo restart", &["foo restart 2"]),
        case(new(), stop_first, "--force foo restart", &["foo restart 2"]),
        case(killed(), "exit 101", "foo start", &["foo (start) 2"]),
        case(killed(), "exit 0", "foo restart", &["foo (restart) 2"]),
        case(killed(), "exit 0", "foo stop", &["foo stop 2"]),
        case(
            killed().policy(allow),
            "exit 0",
            "foo start",
            &["foo start 2"],
        ),
        case(
            ruled(fallback),
            "exit 0",
            "foo restart",
            &["foo restart 2", "foo stop 2"],
        ),
        case(
            ruled(fallback),
            "[ $2 = restart ] || exit 101",
            "foo restart",
            &["foo restart 2", "foo stop 2"],
        ),
        case(
            ruled(fallback),
            "exit 101",
            "foo restart",
            &["foo restart 2"],
        ),
        case(
            ruled("decide = \"deny\""),
            "exit 0",
            "foo restart",
            &["foo restart 2"],
        ),
        case(level("#!/bin/false\n"), "exit 0", "foo stop", &["foo stop"]),
        case(level("#!/bin/sh\necho 5 6\n"), "exit 0", "foo stop", &[]),
        case(
            new().setup("rm -f /etc/init.d/foo"),
            "exit 0",
            "foo restart",
            &[],
        ),
        case(
            new().setup("chmod -x /etc/init.d/foo"),
            "exit 0",
            "foo stop",
            &[],
        ),
        case(
            new().setup("rm -f /etc/rc2.d/S01foo; touch /etc/rc2.d/S01foo"),
            "exit 0",
            "foo start",
            &[],
        ),
    ]
}

#[test]
fn explain_asks_what_invoke_rc_d_asks() {
    for Case {
        world,
        helper,
        call,
        asked,
    } in cases()
    {
        let world = noting(world, helper);
        let explained = call.replace("--force foo", "--flag force foo");
        let (ours, seen) = asked_by(&world, &format!("rcpolicy explain {explained} --ask"));
        let what = format!("{call} where policy-rc.d does `{helper}`");
        assert_eq!(ours, asked, "explain {what}: {seen:#?}");
        seen.ended(0);
        seen.ran(&[]);
        // Each question is shown, with its answer.
        for question in asked {
            let line = format!("policy-rc.d {question}: exit status ");
            assert!(seen.stdout.contains(&line), "{what}: {seen:#?}");
        }
        let (theirs, seen) = asked_by(&world, &format!("invoke-rc.d {call}"));
        assert_eq!(theirs, asked, "invoke-rc.d {what}: {seen:#?}");
    }
}

#[test]
fn without_leave_nothing_is_run_and_the_question_is_shown_as_open() {
    let world = noting(killed(), "exit 0");
    let (asked, seen) = asked_by(&world, "rcpolicy explain foo start");
    assert_eq!(asked, [""; 0]);
    insta::assert_snapshot!(seen.stdout);
}

#[test]
fn one_that_hangs_is_said_to_give_no_answer() {
    let world = noting(
        World::new().policy("[policy-rc-d]\nlimit = \"1500ms\"\n"),
        "exec sleep 100",
    );
    let (asked, seen) = asked_by(&world, "rcpolicy explain foo start --ask");
    assert_eq!(asked, ["foo start 2"]);
    seen.ended(0);
    insta::assert_snapshot!(seen.stdout);
}
