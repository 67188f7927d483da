//! Calls that go round the policy.

use super::{DAEMON, package};

#[test]
fn systemctl_that_acts_is_found_and_one_that_asks_is_not() {
    let story = package("foo").unit("foo.service", DAEMON);
    story
        .clone()
        .prerm("systemctl stop -q foo.socket || true")
        .has("systemctl-called");
    for fine in [
        "systemctl daemon-reload || true",
        "systemctl --quiet is-active foo || true",
        "systemctl show foo || true",
    ] {
        story.clone().prerm(fine).lacks("systemctl-called");
    }
}

#[test]
fn what_debhelper_wrote_is_not_the_packagers() {
    let block = "# Automatically added by dh_foo/13\nsystemctl stop foo.service\n# End automatically added section";
    package("foo")
        .unit("foo.service", DAEMON)
        .prerm(block)
        .lacks("systemctl-called");
}

#[test]
fn a_fallback_for_a_system_without_invoke_rc_d_is_never_taken() {
    let fallback =
        "if [ -x /usr/sbin/invoke-rc.d ]; then invoke-rc.d foo stop; else /etc/init.d/foo stop; fi";
    package("foo").prerm(fallback).lacks("init-script-called");
    package("foo")
        .prerm("/etc/init.d/foo stop")
        .has("init-script-called");
}

#[test]
fn a_call_in_a_function_is_found_where_it_is_called_and_not_where_it_never_is() {
    let function = "stop_it() { systemctl stop \"$1\" || true; }\n";
    package("foo")
        .prerm(&format!("{function}stop_it foo.service"))
        .has("systemctl-called");
    package("foo").prerm(function).lacks("systemctl-called");
}

#[test]
fn each_tool_has_its_own_finding() {
    let cases = [
        ("service foo restart", "service-called"),
        ("systemctl enable foo.service || true", "systemctl-enables"),
        (
            "start-stop-daemon --stop --exec /usr/sbin/food || true",
            "start-stop-daemon-called",
        ),
        ("killall food || true", "killed-by-name"),
        ("pkill food || true", "killed-by-name"),
        ("rc-service foo stop || true", "init-tool-called"),
    ];
    for (call, id) in cases {
        package("foo").prerm(call).has(id);
    }
}

#[test]
fn near_misses_of_the_same_tools_are_left_in_peace() {
    let cases = [
        ("service foo status || true", "service-called"),
        (
            "systemctl is-enabled foo.service || true",
            "systemctl-enables",
        ),
        (
            "start-stop-daemon --stop --test --exec /usr/sbin/food || true",
            "start-stop-daemon-called",
        ),
        ("killall -0 food || true", "killed-by-name"),
        ("kill 123 || true", "killed-by-name"),
    ];
    for (call, id) in cases {
        package("foo").prerm(call).lacks(id);
    }
}
