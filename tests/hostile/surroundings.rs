//! Callers that leave a tool little to stand on: the action is carried out all the same, what is denied stays denied,
//! and nothing panics.

use super::world::World;

const DENY: &str = "[[rule]]\nservice = \"foo\"\naction = \"start\"\ndecide = \"deny\"\nbecause = \"the admin says no\"\n";

/// What a call goes through, as a shell command that ends in the tool's own words.
const SURROUNDINGS: [(&str, &str); 18] = [
    ("no standard descriptor open", "CALL <&- >&- 2>&-"),
    ("no standard input", "CALL <&-"),
    ("no standard output", "CALL >&-"),
    ("no standard error", "CALL 2>&-"),
    (
        "all output into a pipe that nobody reads",
        "mkfifo /tmp/p; exec 3<>/tmp/p 4>/tmp/p 3>&-; CALL >&4 2>&4",
    ),
    ("all output to a full device", "CALL >/dev/full 2>&1"),
    (
        "SIGPIPE ignored",
        "trap '' PIPE; mkfifo /tmp/p; exec 3<>/tmp/p 4>/tmp/p 3>&-; CALL >&4 2>&4",
    ),
    ("16 descriptors", "prlimit --nofile=16 CALL"),
    ("no file may grow", "prlimit --fsize=0 CALL"),
    ("files of 100 bytes", "prlimit --fsize=100 CALL"),
    (
        "no core files, little stack",
        "prlimit --core=0 --stack=262144 CALL",
    ),
    (
        "a current directory that is gone",
        "mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone; CALL",
    ),
    ("an empty environment", "env -i CALL"),
    (
        "a broken locale",
        "env LANG=xx_YY.NOPE LC_ALL=../../etc LANGUAGE=: CALL",
    ),
    ("no /proc", "umount /proc; CALL"),
    (
        "an empty /dev",
        "umount -l /dev/null /dev/zero /dev/full /dev/urandom; rm -f /dev/*; CALL",
    ),
    (
        "signals blocked or ignored",
        "trap '' HUP INT TERM QUIT USR1; CALL",
    ),
    ("a umask of 777", "umask 777; CALL"),
];

/// The command with `tool` in its place, by its whole path for `env` and `prlimit`.
fn with(surroundings: &str, tool: &str) -> String {
    surroundings.replace("CALL", &format!("/tools/{tool}"))
}

#[test]
fn an_action_is_carried_out_whatever_surrounds_the_call() {
    for (what, surroundings) in SURROUNDINGS {
        let world = World::new().policy("[[rule]]\nservice = \"x\"\ndecide = \"stop\"\n");
        let seen = world.call(&with(surroundings, "invoke-rc.d foo start"));
        assert_eq!(
            seen.ran.iter().collect::<Vec<_>>(),
            ["1 foo start"],
            "{what}: {seen:#?}"
        );
        assert_eq!(seen.status, 0, "{what}: {seen:#?}");
        assert!(!seen.stderr.contains("panicked"), "{what}: {seen:#?}");
    }
}

#[test]
fn what_is_denied_stays_denied_whatever_surrounds_the_call() {
    for (what, surroundings) in SURROUNDINGS {
        for tool in [
            "invoke-rc.d foo start",
            "invoke-rc.d --force foo restart",
            "deb-systemd-invoke start foo.service",
        ] {
            let seen = World::new().policy(DENY).call(&with(surroundings, tool));
            assert!(seen.ran.is_empty(), "{what}: {tool}: {seen:#?}");
            assert_eq!(seen.status, 0, "{what}: {tool}: {seen:#?}");
        }
    }
}

#[test]
fn policy_rc_d_keeps_its_word_whatever_surrounds_the_call() {
    for (what, surroundings) in SURROUNDINGS {
        let world = World::new().helper("#!/bin/sh\necho denied by word\nexit 101\n");
        let seen = world.call(&with(surroundings, "invoke-rc.d foo start"));
        assert!(seen.ran.is_empty(), "{what}: {seen:#?}");
        assert_eq!(seen.status, 0, "{what}: {seen:#?}");
    }
}

#[test]
fn the_scripts_own_status_comes_through_whatever_surrounds_the_call() {
    for (what, surroundings) in SURROUNDINGS {
        let world = World::new().program("etc/init.d/foo", "#!/bin/sh\nexit 7\n");
        let seen = world.call(&with(surroundings, "invoke-rc.d foo stop"));
        assert_eq!(seen.status, 7, "{what}: {seen:#?}");
    }
}

#[test]
fn help_and_errors_into_a_closed_pipe_end_as_they_should() {
    let pipe = "mkfifo /tmp/p; exec 3<>/tmp/p 4>/tmp/p 3>&-; ";
    for (line, status) in [
        ("invoke-rc.d --help", 0),
        ("invoke-rc.d", 103),
        ("invoke-rc.d a", 103),
        ("deb-systemd-invoke", 1),
        ("rcpolicy --help", 0),
        ("rcpolicy simulate", 0),
        ("rcpolicy nonsense", 2),
    ] {
        let world = World::new();
        world.call(&format!("{pipe}{line} >&4 2>&4")).ended(status);
        World::new()
            .call(&format!("{line} <&- >&- 2>&-"))
            .ended(status);
    }
}

#[test]
fn variables_of_the_stock_scripts_name_change_nothing() {
    let stale = "env MODE=query BEQUIET=--quiet ACTION=stop ACTIONS=stop FALLBACK=stop FORCE=yes RETRY=yes RETURNFAILURE=yes \
         RC=104 RL=6 SLINK=/etc/init.d/foo KLINK= INITSCRIPTID=bar INITDPREFIX=/tmp/ POLICYHELPER=/bin/true AFALLBACK=stop \
         PREVLEVEL=N RUNLEVEL=6 is_systemd=1 is_upstart=1 is_openrc=1 sctl_args=--help saction=stop UNIT=bar.service \
         PERL5OPT=-Mnonsense ENV=/tmp/env BASH_ENV=/tmp/env IFS=/ CDPATH=/etc ";
    let seen = World::new()
        .recorder("etc/init.d/bar")
        .call(&format!("{stale} /tools/invoke-rc.d foo start"));
    seen.ended(0);
    seen.ran(&["1 foo start"]);
    let world = World::new()
        .helper("#!/bin/sh\nexit 101\n")
        .recorder("etc/init.d/bar");
    let seen = world.call(&format!("{stale} /tools/invoke-rc.d foo start"));
    seen.ended(0);
    seen.ran(&[]);
    seen.says(&["policy-rc.d denied execution of start."]);
}

#[test]
fn a_huge_environment_and_many_arguments_go_through() {
    let huge = "x=$(head -c 100000 /dev/zero | tr '\\0' x); ";
    let variables: String = (0..12).map(|n| format!("V{n}=$x ")).collect();
    let arguments = "a ".repeat(5000);
    let world = World::new()
        .program(
            "etc/init.d/foo",
            "#!/bin/sh\nmkdir \"/ran/$1 $# ${#V11}\"\n",
        )
        .helper("#!/bin/sh\nmkdir \"/ran/asked ${#V11}\"\n");
    let seen = world.call(&format!(
        "{huge} env {variables} /tools/invoke-rc.d foo start {arguments}"
    ));
    seen.ended(0);
    seen.ran(&["asked 100000", "start 5001 100000"]);
}

#[test]
fn odd_variables_of_dpkg_are_no_way_around_a_deny() {
    for variables in [
        "DPKG_MAINTSCRIPT_PACKAGE=\"$(printf 'f\\351o\\n')\" DPKG_MAINTSCRIPT_NAME=../postinst",
        "DPKG_MAINTSCRIPT_PACKAGE= DPKG_MAINTSCRIPT_NAME=",
        "DPKG_MAINTSCRIPT_PACKAGE=../../etc/passwd DPKG_MAINTSCRIPT_NAME=prerm DPKG_MAINTSCRIPT_ARCH=../..",
        "DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME=postinst DPKG_ROOT=/nowhere",
        "DPKG_ROOT=\"$(printf '\\377')\" DPKG_RUNNING_VERSION=x",
    ] {
        let seen = World::new()
            .policy(DENY)
            .call(&format!("env {variables} /tools/invoke-rc.d foo start"));
        seen.ended(0);
        seen.ran(&[]);
        seen.says(&["the admin says no"]);
    }
}

#[test]
fn somebody_who_is_not_root_gets_the_same_answers_and_no_complaint_about_files() {
    let user = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
    let seen = World::new()
        .policy(DENY)
        .call(&format!("{user} /tools/invoke-rc.d foo start"));
    seen.ran(&[]);
    seen.ended(0);
    seen.says(&["the admin says no"]);
    assert!(!seen.stderr.contains("cannot keep"), "{seen:#?}");
    let seen = World::new()
        .policy("")
        .call(&format!("{user} /tools/invoke-rc.d foo status"));
    seen.ran(&["1 foo status"]);
    seen.ended(0);
    assert_eq!(seen.stderr, "");
    let seen = World::new()
        .policy("")
        .call(&format!("{user} /tools/invoke-rc.d --query foo start"));
    seen.ended(104);
    assert_eq!(seen.stderr, "");
}

#[test]
fn a_caller_that_ignores_the_end_of_its_children_still_gets_the_scripts_status() {
    let world = World::new().program(
        "etc/init.d/foo",
        "#!/bin/sh\nmkdir /ran/once 2>/dev/null\nexit 7\n",
    );
    let seen =
        world.call("perl -e '$SIG{CHLD} = \"IGNORE\"; exec @ARGV' /tools/invoke-rc.d foo stop");
    seen.ran(&["once"]);
    seen.ended(7);
}

#[test]
fn descriptors_above_two_do_not_reach_the_script() {
    let script = "#!/bin/sh\nfor n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || [ \"$(readlink /proc/$$/fd/$n)\" = /etc/init.d/foo ] || mkdir \"/ran/leaked $n\"; done\n";
    let world = World::new().program("etc/init.d/foo", script);
    world
        .call("exec 3</dev/null 7>/dev/null; invoke-rc.d foo start")
        .ran(&[]);
    let strict = World::new()
        .program("etc/init.d/foo", script)
        .policy("[compat]\nstrict = true\n");
    strict
        .call("exec 3</dev/null 7>/dev/null; invoke-rc.d foo start")
        .ran(&["leaked 3", "leaked 7"]);
}
