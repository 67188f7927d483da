//! What is said, as text and as JSON, on a machine with init scripts.

use super::world::{Seen, World};

const DEFER: &str = "[[rule]]\nservice = \"foo\"\naction = \"restart\"\nphase = \"upgrade\"\ndecide = \"defer\"\nuntil = \"flush\"\nbecause = \"the admin does it\"\n";

fn shown(seen: &Seen) -> String {
    format!(
        "status: {}\n--- stdout\n{}--- stderr\n{}",
        seen.status, seen.stdout, seen.stderr
    )
}

#[test]
fn an_init_script_is_run_as_asked_where_nobody_says_otherwise() {
    let seen = World::new().call("rcpolicy explain foo restart");
    seen.ran(&[]);
    insta::assert_snapshot!(shown(&seen));
}

#[test]
fn a_maintainer_scripts_request_is_told_from_one_of_nobody() {
    let world = World::new().policy(DEFER);
    let nobody = world.call("rcpolicy explain foo restart");
    let postinst = world.call("rcpolicy explain foo restart --as foo:postinst:upgrade");
    insta::assert_snapshot!(format!("{}\n\n{}", shown(&nobody), shown(&postinst)));
    // And so it is: the drop-in comes to the same.
    world
        .call("invoke-rc.d foo restart")
        .ran(&["1 foo restart"]);
    let variables = "env DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME=prerm";
    let seen = world.call(&format!("{variables} invoke-rc.d foo restart"));
    seen.ran(&[]);
    seen.says(&["is deferred", "the admin does it"]);
}

#[test]
fn the_json_document_keeps_its_form() {
    let world = World::new().policy(DEFER).helper("#!/bin/sh\nexit 101\n");
    let seen = world.call("rcpolicy explain foo restart --as foo:postinst:upgrade --json");
    seen.ended(0);
    insta::assert_snapshot!(seen.stdout);
    let seen = world.call("rcpolicy explain foo restart --flag force --json --ask");
    insta::assert_snapshot!(seen.stdout);
    let seen = world.call("rcpolicy explain foo start --json --ask");
    insta::assert_snapshot!(seen.stdout);
}

#[test]
fn what_no_tool_would_be_called_with_is_wrong_usage() {
    let world = World::new();
    for (call, word) in [
        ("foo restart --as foo:postinst", "PACKAGE:SCRIPT:PHASE"),
        (
            "foo restart --as foo:postinst:upgrade:x",
            "PACKAGE:SCRIPT:PHASE",
        ),
        (
            "foo restart --as :postinst:upgrade",
            "the package is missing",
        ),
        (
            "foo restart --as foo:triggers:upgrade",
            "no maintainer script",
        ),
        ("foo restart --as foo:postinst:none", "no phase"),
        ("foo restart --flag quick", "--flag"),
        ("../foo restart", "is not a service name"),
        ("foo", "<ACTION>"),
    ] {
        let seen = world.call(&format!("rcpolicy explain {call}"));
        seen.ended(2);
        seen.says(&[word]);
        assert_eq!(seen.stdout, "", "{call}");
    }
}

#[test]
fn nothing_on_the_machine_is_changed() {
    let world = World::new().policy(DEFER).helper("#!/bin/sh\nexit 0\n");
    world.call("true");
    let before = world.everything();
    for call in [
        "foo restart --ask",
        "foo stop --as foo:prerm:upgrade",
        "foo restart --as foo:postinst:upgrade --json",
    ] {
        let seen = world.call(&format!("rcpolicy explain {call}"));
        seen.ended(0);
        seen.ran(&[]);
        assert_eq!(world.everything(), before, "{call}");
    }
}

#[test]
fn the_bypass_and_observe_mode_are_said_to_keep_ours_from_deciding() {
    let world = World::new();
    let seen = world.call("rcpolicy bypass on >/dev/null; rcpolicy explain foo restart");
    assert!(seen.stdout.contains("note: the bypass is on"), "{seen:#?}");
    let world = World::new().policy("[rcpolicy]\nmode = \"observe\"\n");
    let seen = world.call("rcpolicy explain foo restart");
    let note = "note: the policy only observes";
    assert!(seen.stdout.contains(note), "{seen:#?}");
}
