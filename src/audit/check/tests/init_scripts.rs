//! Init scripts and their headers.

use super::{DAEMON, HEADER, package};

fn script(text: &str) -> super::Story {
    package("foo")
        .unit("foo.service", DAEMON)
        .init_script("foo", text)
}

const ALL: [&str; 11] = [
    "lsb-header-missing",
    "lsb-header-malformed",
    "lsb-field-missing",
    "lsb-runlevels",
    "lsb-facilities",
    "init-script-action-missing",
    "defaults-file-required",
    "switched-off-in-defaults",
    "init-script-form",
    "init-script-without-unit",
    "init-script-not-redirected",
];

#[test]
fn an_init_script_as_it_should_be_has_nothing() {
    for id in ALL {
        script(HEADER).lacks(id);
    }
}

#[test]
fn each_fault_of_a_header_is_found() {
    let cases = [
        ("### BEGIN INIT INFO\n", "", "lsb-header-missing"),
        ("### END INIT INFO\n", "", "lsb-header-malformed"),
        (
            "# Provides: foo\n",
            "# Provides: foo\n# Provides: bar\n",
            "lsb-header-malformed",
        ),
        (
            "# Provides: foo\n",
            "# Provides: foo\n#Foo\n",
            "lsb-header-malformed",
        ),
        ("# Required-Stop: $remote_fs\n", "", "lsb-field-missing"),
        ("2 3 4 5", "2 3 4", "lsb-runlevels"),
        ("2 3 4 5", "0 2 3 4 5", "lsb-runlevels"),
        ("0 1 6", "0 6", "lsb-runlevels"),
        ("0 1 6", "S 0 1 6", "lsb-runlevels"),
        ("2 3 4 5", "2 3 4 7", "lsb-runlevels"),
        (
            "Required-Start: $remote_fs",
            "Required-Start: $postgres",
            "lsb-facilities",
        ),
        (
            "Required-Start: $remote_fs",
            "Required-Start: $all",
            "lsb-facilities",
        ),
        ("Provides: foo", "Provides: $foo", "lsb-facilities"),
    ];
    for (from, to, id) in cases {
        let text = HEADER.replace(from, to);
        assert_ne!(text, HEADER, "{from}");
        script(&text).has(id);
    }
}

#[test]
fn what_a_header_may_have_besides_is_left_in_peace() {
    let long =
        "# Description: foo\n#  goes on\n#\tand on\n# X-Start-Before: bar\n#\n### END INIT INFO";
    let text = HEADER.replace("### END INIT INFO", long);
    script(&text).lacks("lsb-header-malformed");
    let early = HEADER.replace("2 3 4 5", "S").replace("0 1 6", "");
    script(&early).lacks("lsb-runlevels");
}

#[test]
fn an_action_that_is_not_there_is_found() {
    let without = HEADER.replace("|force-reload", "");
    assert_eq!(
        script(&without).finds("init-script-action-missing"),
        ["it does not know `force-reload`"]
    );
    let quoted = HEADER.replace(
        "start|stop|restart|force-reload|status)",
        "'start' | \"stop\"|restart|force-reload|status )",
    );
    script(&quoted).lacks("init-script-action-missing");
}

#[test]
fn defaults_may_be_gone() {
    let blind = HEADER.replace(
        ". /lib/lsb/init-functions",
        ". /lib/lsb/init-functions\n. /etc/default/foo",
    );
    script(&blind).has("defaults-file-required");
    let tested = HEADER.replace(
        ". /lib/lsb/init-functions",
        ". /lib/lsb/init-functions\n[ -r /etc/default/foo ] && . /etc/default/foo",
    );
    script(&tested).lacks("defaults-file-required");
    script(HEADER)
        .file("/etc/default/foo", "ENABLED=0\n")
        .has("switched-off-in-defaults");
    script(HEADER)
        .file("/etc/default/foo", "OPTIONS=-v\n#ENABLED=0\n")
        .lacks("switched-off-in-defaults");
}

#[test]
fn the_rest_of_an_init_script() {
    package("foo")
        .init_script("foo", HEADER)
        .has("init-script-without-unit");
    let bare = HEADER.replace(". /lib/lsb/init-functions\n", "");
    script(&bare).has("init-script-not-redirected");
    package("foo")
        .init_script("foo", &bare)
        .lacks("init-script-not-redirected");
    package("foo")
        .file("/etc/init.d/foo", HEADER)
        .has("init-script-form");
    script(&HEADER.replace("#!/bin/sh", "#!/usr/bin/python3")).has("init-script-form");
    script(HEADER)
        .link("/etc/rc2.d/S20foo", "../init.d/foo")
        .has("rc-links-shipped");
    script(HEADER)
        .file("/etc/init/foo.conf", "exec /usr/sbin/food\n")
        .has("upstart-job-shipped");
}

#[test]
fn a_script_that_uses_var_comes_behind_what_mounts_it() {
    let using = |line: &str, needs: &str| {
        let text = HEADER.replace("$remote_fs", needs) + line + "\n";
        let story = package("foo").init_script("foo", &text);
        story.finds("lsb-facilities").len()
    };
    assert_eq!(
        using("LOG=/var/log/foo", "$time"),
        2,
        "at its start and at its stop"
    );
    assert_eq!(using(". \"/var/lib/foo/x\"", ""), 2);
    for needs in [
        "$local_fs",
        "$remote_fs",
        "$syslog",
        "$time mountall.sh",
        "other",
    ] {
        assert_eq!(using("LOG=/var/log/foo", needs), 0, "{needs}");
    }
    for line in [
        "# /var/log/foo",
        "LOG=/srv/var/log",
        "LOG=$x/var/log",
        "LOG=${x}/var/log",
        "echo variable",
    ] {
        assert_eq!(using(line, "$time"), 0, "{line}");
    }
}
