//! Wrong arguments, and names that could leave a directory, reach a shell, or forge a line of output.

use std::path::Path;

use super::world::World;

const NAMES: [&str; 18] = [
    "..",
    ".",
    "../evil",
    "foo/../../evil",
    "/etc/evil",
    "foo bar",
    " foo",
    "foo\nbar",
    "foo\n",
    "$(touch /tmp/x)",
    "`touch /tmp/x`",
    "foo;touch /tmp/x",
    "foo&",
    "foo|bar",
    "*",
    "f\u{1b}[2Joo",
    "foo'\"",
    "f\u{e4}",
];

/// As one word of a shell command.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[test]
fn wrong_arguments_get_stocks_message_and_103() {
    let stock = ["/usr/sbin/invoke-rc.d.distrib", "/usr/sbin/invoke-rc.d"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap();
    let text = std::fs::read(stock).unwrap();
    let world = World::new().file("stock/invoke-rc.d", &text, 0o755);
    for line in [
        "",
        "foo",
        "--force",
        "--force foo",
        "'' start",
        "foo ''",
        "' ' start",
        "'foo bar' start",
        "foo 'st art'",
        "--nonsense foo start",
        "--quiet --nonsense foo start",
        "foo --nonsense start",
        "--quiet foo",
        "--quiet '' start",
        "'--non sense' foo start",
        "--forc foo start",
        "--force=yes foo start",
        "-- foo start",
    ] {
        let theirs = world.call(&format!("/stock/invoke-rc.d {line}"));
        let ours = world.call(&format!("/tools/invoke-rc.d {line}"));
        ours.ended(103);
        assert_eq!(theirs.status, 103, "{line}: {theirs:#?}");
        assert_eq!(ours.stderr, theirs.stderr, "{line}");
        assert_eq!(ours.stdout, theirs.stdout, "{line}");
        ours.ran(&[]);
    }
}

#[test]
fn deb_systemd_invoke_says_how_it_is_called_and_ends_with_1() {
    let world = World::new();
    for line in ["", "start", "daemon-reload", "--user"] {
        let seen = world.call(&format!("deb-systemd-invoke {line}"));
        seen.ended(1);
        seen.says(&["Syntax: ", "deb-systemd-invoke <action> [<unit file>"]);
    }
}

#[test]
fn a_name_that_is_none_is_refused_and_nothing_is_created_run_or_asked() {
    let world = World::new()
        .recorder("etc/evil")
        .recorder("etc/init.d/evil")
        .recorder("etc/init.d/bar")
        .recorder("usr/sbin/policy-rc.d")
        .policy("[[rule]]\nservice = \"other\"\ndecide = \"defer\"\n");
    // What a first call makes of its own is not meant here.
    world.call("invoke-rc.d foo status");
    world.call("true");
    let before = world.everything();
    for name in NAMES {
        for action in [
            "start",
            "stop",
            "restart",
            "status",
            "--force start",
            "--query start",
            "odd-word",
        ] {
            let (options, action) = action.split_once(' ').unwrap_or(("", action));
            let quoted = quoted(name);
            let seen = world.call(&format!("invoke-rc.d {options} {quoted} {action}"));
            seen.ended(103);
            seen.ran(&[]);
            seen.says(&["invoke-rc.d: syntax error: "]);
            assert_eq!(seen.stderr.lines().count(), 1, "{seen:#?}");
            assert!(!seen.stderr.contains('\u{1b}'), "{seen:#?}");
        }
        for action in ["start", "stop", "restart", "reload", "is-active"] {
            let quoted = quoted(name);
            let seen = world.call(&format!(
                "deb-systemd-invoke {action} good.service {quoted}"
            ));
            seen.ended(1);
            seen.ran(&[]);
            seen.says(&["is not a service name"]);
            assert_eq!(seen.stderr.lines().count(), 1, "{seen:#?}");
            assert!(!seen.stderr.contains('\u{1b}'), "{seen:#?}");
        }
    }
    assert_eq!(world.everything(), before);
}

#[test]
fn a_name_as_long_as_no_init_takes_is_refused() {
    let world = World::new();
    let name = "x".repeat(100_000);
    let seen = world.call(&format!("invoke-rc.d {name} start"));
    seen.ended(103);
    seen.says(&["100000 bytes is too long"]);
    assert!(seen.stderr.len() < 300, "{seen:#?}");
}

#[test]
fn bytes_that_are_no_utf_8_are_refused_in_name_and_action_and_handed_on_behind_them() {
    let world = World::new();
    for words in [
        r#""$(printf 'f\351o')" start"#,
        r#"foo "$(printf 'st\351rt')""#,
        r#""$(printf -- '--f\351rce')" foo start"#,
    ] {
        let seen = world.call(&format!("invoke-rc.d {words}"));
        seen.ended(103);
        seen.ran(&[]);
        seen.says(&["invoke-rc.d: syntax error: "]);
    }
    let seen = world.call(r#"deb-systemd-invoke start "$(printf 'f\351o.service')""#);
    seen.ended(1);
    seen.says(&["is not a service name"]);
    // The test reads names as text, so the byte is compared in the shell.
    let seen = world.call(
        r#"invoke-rc.d foo start "$(printf 'a\351b')" && [ -d "$(printf '/ran/1 foo start a\351b')" ]"#,
    );
    seen.ended(0);
}

#[test]
fn the_admins_command_takes_no_such_name_either() {
    let world = World::new();
    for name in NAMES {
        let seen = world.call(&format!("rcpolicy forget -- {}", quoted(name)));
        seen.ended(2);
        assert!(!seen.stderr.contains('\u{1b}'), "{seen:#?}");
    }
}

#[test]
fn our_policy_rc_d_takes_no_such_name_either() {
    let world = World::new();
    for name in NAMES {
        let seen = world.call(&format!("policy-rc-d {} start 2", quoted(name)));
        seen.ended(103);
        assert!(!seen.stderr.contains('\u{1b}'), "{seen:#?}");
    }
}
