//! Full and read-only disks under /run/rcpolicy, /var/log/rcpolicy and /var/lib/rcpolicy: then nothing is deferred,
//! what must be held fails loudly, what is denied stays denied, and a log that cannot be written fails nothing.

use super::world::{Seen, World};

const UPGRADE: &str = "env DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME";
const DEFER: &str = "[[rule]]\nservice = \"foo\"\naction = [\"restart\", \"reload\"]\ndecide = \"defer\"\nuntil = \"flush\"\nbecause = \"not now\"\n";
const HOLD: &str = "[[rule]]\nservice = \"foo\"\nphase = \"upgrade\"\ndecide = \"restart\"\nbecause = \"one restart\"\n";
const DENY: &str = "[[rule]]\nservice = \"foo\"\naction = \"start\"\ndecide = \"deny\"\nbecause = \"the admin says no\"\n";

/// A tmpfs of 64 KiB that is filled to the last byte, and one that nobody may write to.
fn spoiled(world: World, directories: &[&str]) -> [(World, &'static str); 2] {
    let commands = |last: &str| {
        let each = directories.iter().map(|directory| {
            format!(
                "mkdir -p {directory}; mount -t tmpfs -o mode=755,size=64k hostile {directory}; cd {directory}; {last}; cd /; "
            )
        });
        each.collect::<String>()
    };
    let full = commands(
        "mkdir ledger; : >lock; : >decisions.jsonl; cat /dev/zero >fill 2>/dev/null || true",
    );
    let read_only = commands("mount -o remount,ro .");
    let other = World::new();
    let copied = std::fs::read(world.path("etc/rcpolicy/policy.d/10-test.toml")).unwrap();
    let other = other.file("etc/rcpolicy/policy.d/10-test.toml", &copied, 0o644);
    [
        (world.setup(&full), "No space left on device"),
        (other.setup(&read_only), "Read-only file system"),
    ]
}

const ALL: [&str; 3] = ["/run/rcpolicy", "/var/log/rcpolicy", "/var/lib/rcpolicy"];

fn done_now(seen: &Seen, action: &str, why: &str) {
    seen.ended(0);
    seen.ran(&[&format!("1 foo {action}")]);
    seen.says(&[
        "/run/rcpolicy",
        why,
        &format!("{action} of foo"),
        "done now",
    ]);
}

#[test]
fn where_it_can_be_noted_down_it_is_deferred() {
    let seen = World::new().policy(DEFER).call("invoke-rc.d foo restart");
    seen.ended(0);
    seen.ran(&[]);
    seen.says(&["restart of foo.service is deferred", "not now"]);
}

#[test]
fn nothing_is_deferred_without_a_ledger() {
    for (world, why) in spoiled(World::new().policy(DEFER), &["/run/rcpolicy"]) {
        for action in ["restart", "reload"] {
            done_now(
                &world.call(&format!("invoke-rc.d foo {action}")),
                action,
                why,
            );
        }
    }
    for (world, why) in spoiled(World::new().policy(DEFER), &ALL) {
        done_now(&world.call("invoke-rc.d foo restart"), "restart", why);
    }
}

#[test]
fn a_request_to_defer_is_done_now_too() {
    let empty = World::new().policy("");
    for (world, why) in spoiled(empty, &["/run/rcpolicy"]) {
        done_now(
            &world.call("invoke-rc.d --defer foo restart"),
            "restart",
            why,
        );
    }
}

#[test]
fn what_must_be_held_fails_loudly_and_is_not_stopped() {
    for (world, why) in spoiled(World::new().policy(HOLD), &ALL) {
        let seen = world.call(&format!("{UPGRADE}=prerm invoke-rc.d foo stop"));
        assert_ne!(seen.status, 0, "{seen:#?}");
        seen.ran(&[]);
        seen.says(&["stop of foo", "/run/rcpolicy", why]);
        let quiet = world.call(&format!("{UPGRADE}=prerm invoke-rc.d --quiet foo stop"));
        assert_ne!(quiet.status, 0, "{quiet:#?}");
        quiet.says(&["stop of foo", why]);
    }
}

#[test]
fn a_broken_policy_that_holds_fails_loudly_too() {
    for (world, why) in spoiled(World::new().policy("[[rule"), &ALL) {
        let seen = world.call(&format!("{UPGRADE}=prerm invoke-rc.d foo stop"));
        assert_ne!(seen.status, 0, "{seen:#?}");
        seen.ran(&[]);
        seen.says(&["10-test.toml:1:", "stop of foo", why]);
    }
}

#[test]
fn what_is_denied_stays_denied() {
    for (world, _) in spoiled(World::new().policy(DENY), &ALL) {
        for call in [
            "foo start",
            "--force foo start",
            "foo restart",
            "--defer foo restart",
        ] {
            let seen = world.call(&format!("invoke-rc.d {call}"));
            seen.ended(0);
            seen.ran(&[]);
            seen.says(&["the admin says no"]);
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_fails_no_action() {
    for (world, why) in spoiled(World::new().policy(""), &["/var/log/rcpolicy"]) {
        for action in ["start", "stop", "restart", "status"] {
            let seen = world.call(&format!("invoke-rc.d foo {action}"));
            seen.ended(0);
            seen.ran(&[&format!("1 foo {action}")]);
            seen.says(&[
                "/var/log/rcpolicy",
                why,
                &format!("{action} of foo.service is not in the log"),
            ]);
            let quiet = world.call(&format!("invoke-rc.d --quiet foo {action}"));
            quiet.ended(0);
            assert_eq!(quiet.stderr, "");
        }
    }
}

#[test]
fn a_policy_that_cannot_be_kept_applies_all_the_same() {
    for (world, why) in spoiled(World::new().policy(DENY), &["/var/lib/rcpolicy"]) {
        let seen = world.call("invoke-rc.d foo start");
        seen.ran(&[]);
        seen.says(&["/var/lib/rcpolicy/last-good", why, "the admin says no"]);
    }
}

#[test]
fn nothing_else_in_their_places_is_written_through_or_fails_an_action() {
    for trap in [
        "ln -s /tmp/trap",
        "ln -s /nowhere",
        ": >",
        "mkfifo",
        "mkdir -m 777",
    ] {
        let world = World::new().policy("").setup(&format!(
            "mkdir -p /tmp/trap; for p in /run/rcpolicy /var/log/rcpolicy /var/lib/rcpolicy; do rm -rf $p; {trap} $p; done"
        ));
        let seen = world.call(
            "invoke-rc.d foo start && rm -rf /run/rcpolicy /var/log/rcpolicy /var/lib/rcpolicy",
        );
        seen.ended(0);
        seen.ran(&["1 foo start"]);
        let written = std::fs::read_dir(world.path("tmp/trap")).unwrap().count();
        assert_eq!(written, 0, "{trap}");
    }
}
