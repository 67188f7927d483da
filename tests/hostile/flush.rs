//! `rcpolicy flush` under sysv, as a whole command: what a rule put off is paid by the init script, under the same
//! authorities as a call of invoke-rc.d. A machine lives for one call here, so each story is one command.

use super::world::{Seen, World};

const DEFER: &str = "[[rule]]\nservice = [\"foo\", \"bar\"]\naction = [\"restart\", \"reload\"]\ndecide = \"defer\"\nuntil = \"flush\"\nbecause = \"not now\"\n";
/// Shows what is owed, pays it, and shows it again.
const STORY: &str =
    "invoke-rc.d foo restart 2>/dev/null; rcpolicy flush; echo \"status $?\"; rcpolicy pending";

fn indebted() -> World {
    World::new().policy(DEFER)
}

/// Fails unless `lines` stand one after the other on standard output.
#[track_caller]
fn told(seen: &Seen, lines: &[&str]) {
    let text = lines.join("\n");
    assert!(seen.stdout.contains(&text), "no `{text}` in {seen:#?}");
    seen.ended(0);
}

const PAID: [&str; 3] = ["foo: restart done", "status 0", "nothing is owed"];

#[test]
fn what_was_put_off_is_paid_by_the_init_script_and_struck() {
    let seen = indebted().call(&format!("{STORY}; rcpolicy flush; echo \"again $?\""));
    told(&seen, &PAID);
    told(&seen, &["nothing is owed", "again 0"]);
    seen.ran(&["1 foo restart"]);
}

#[test]
fn only_the_named_services_are_paid() {
    let world = indebted()
        .recorder("etc/init.d/bar")
        .setup("ln -sf ../init.d/bar /etc/rc2.d/S01bar");
    let seen = world.call(
        "invoke-rc.d foo restart 2>/dev/null; invoke-rc.d bar reload 2>/dev/null; rcpolicy flush bar nosuch; echo \"status $?\"; rcpolicy flush",
    );
    told(
        &seen,
        &["bar: reload done", "status 0", "foo: restart done"],
    );
    seen.says(&["nothing is owed to nosuch"]);
    seen.ran(&["1 bar reload", "1 foo restart"]);
}

#[test]
fn policy_rc_d_is_asked_with_the_runlevel_as_invoke_rc_d_asks_it() {
    let asked = "#!/bin/sh\necho \"$#: $*\" >>/tmp/asked\nexit 104\n";
    let world = indebted().helper(asked);
    told(&world.call(STORY), &PAID);
    let asked = std::fs::read_to_string(world.path("tmp/asked")).unwrap();
    assert_eq!(asked, "3: foo restart 2\n3: foo restart 2\n");
}

#[test]
fn a_denial_by_policy_rc_d_or_by_a_rule_leaves_it_owed() {
    let by_helper = indebted().helper("#!/bin/sh\n[ -e /tmp/later ] && exit 101\nexit 0\n");
    let by_rule = indebted();
    let deny = "printf '[[rule]]\\nservice = \"foo\"\\ndecide = \"deny\"\\nbecause = \"not today\"\\n' >/etc/rcpolicy/policy.d/05-deny.toml";
    for (world, change, why) in [
        (by_helper, "touch /tmp/later", "denies restart of foo"),
        (by_rule, deny, "not today"),
    ] {
        let story = STORY.replace("rcpolicy flush", &format!("{change}; rcpolicy flush"));
        let seen = world.call(&story);
        assert!(seen.stdout.contains("foo: still owed: "), "{seen:#?}");
        assert!(seen.stdout.contains(why), "{seen:#?}");
        assert!(seen.stdout.contains("status 1\nSERVICE"), "{seen:#?}");
        seen.ran(&[]);
    }
}

/// policy-rc.d that gives a list in place of a restart, once it is flushed, and answers nothing else.
fn list(words: &str) -> String {
    format!(
        "#!/bin/sh\necho \"$*\" >>/tmp/asked\n[ -e /tmp/later ] || exit 0\n[ \"$2\" = restart ] || exit 101\necho {words}\nexit 106\n"
    )
}

#[test]
fn a_list_of_policy_rc_d_is_tried_in_turn_until_one_succeeds() {
    let script = "#!/bin/sh\nmkdir \"/ran/$1\"\n[ \"$1\" = force-reload ]\n";
    let world = indebted()
        .helper(&list("reload force-reload stop"))
        .program("etc/init.d/foo", script);
    let story = STORY.replace("rcpolicy flush", "touch /tmp/later; rcpolicy flush");
    let seen = world.call(&story);
    told(
        &seen,
        &["foo: force-reload done", "status 0", "nothing is owed"],
    );
    seen.ran(&["force-reload", "reload"]);
    let asked = std::fs::read_to_string(world.path("tmp/asked")).unwrap();
    assert_eq!(
        asked, "foo restart 2\nfoo restart 2\n",
        "its list is its answer"
    );
}

#[test]
fn a_list_of_which_nothing_succeeds_leaves_it_owed_with_every_reason() {
    let world = indebted()
        .helper(&list("reload force-reload"))
        .program("etc/init.d/foo", "#!/bin/sh\nexit 7\n");
    let story = STORY.replace("rcpolicy flush", "touch /tmp/later; rcpolicy flush");
    let seen = world.call(&story);
    let why = "foo: still owed: reload ended with status 7; force-reload ended with status 7\nstatus 1\nSERVICE";
    assert!(seen.stdout.contains(why), "{seen:#?}");
}

#[test]
fn a_rules_list_is_tried_in_turn_and_policy_rc_d_is_asked_about_each_of_it() {
    let rule = "printf '[[rule]]\\nservice = \"foo\"\\naction = \"restart\"\\ndecide = { fallback = [\"reload\", \"force-reload\", \"stop\"] }\\n' >/etc/rcpolicy/policy.d/05-list.toml";
    let script = "#!/bin/sh\nmkdir \"/ran/$1\"\n[ \"$1\" = force-reload ]\n";
    let world = indebted()
        .helper("#!/bin/sh\necho \"$*\" >>/tmp/asked\nexit 0\n")
        .program("etc/init.d/foo", script);
    let story = STORY.replace("rcpolicy flush", &format!("{rule}; rcpolicy flush"));
    let seen = world.call(&story);
    told(
        &seen,
        &["foo: force-reload done", "status 0", "nothing is owed"],
    );
    seen.ran(&["force-reload", "reload"]);
    let asked = std::fs::read_to_string(world.path("tmp/asked")).unwrap();
    let expected = "foo restart 2\nfoo restart 2\nfoo reload 2\nfoo force-reload 2\n";
    assert_eq!(asked, expected);
}

#[test]
fn what_fails_stays_owed_and_what_has_no_link_or_script_any_more_or_was_stopped_is_struck() {
    let stopped = "printf '#!/bin/sh\\n# status)\\nmkdir \"/ran/$1\"\\n[ \"$1\" != status ] || exit 3\\n' >/etc/init.d/foo";
    for (change, status, said) in [
        (
            "printf '#!/bin/sh\\nexit 7\\n' >/etc/init.d/foo",
            1,
            "foo: still owed: restart ended with status 7",
        ),
        ("rm /etc/init.d/foo", 0, "is gone"),
        (
            "mv /etc/rc2.d/S01foo /etc/rc2.d/K01foo",
            0,
            "foo: not started: it has no start link in runlevel 2",
        ),
        (stopped, 0, "foo: not started: somebody stopped it since"),
        (
            "printf '#!/bin/sh\\necho 2 6\\n' >/usr/sbin/runlevel",
            1,
            "foo: still owed: the system is shutting down",
        ),
        (
            "printf '#!/bin/sh\\nexit 1\\n' >/usr/sbin/runlevel",
            1,
            "foo: still owed: the runlevel is not known",
        ),
        (
            "mkdir -p /var/lib/dpkg; printf 'Package: foo\\nStatus: install ok unpacked\\n' >/var/lib/dpkg/status",
            1,
            "foo: still owed: its package foo is unpacked",
        ),
    ] {
        let owing = "DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME=postinst invoke-rc.d foo restart 2>/dev/null";
        let story =
            format!("{owing}; {change}; rcpolicy flush; echo \"status $?\"; rcpolicy pending");
        let seen = indebted().call(&story);
        assert!(seen.stdout.contains(said), "{change}: {seen:#?}");
        let end = if status == 0 {
            "nothing is owed"
        } else {
            "SERVICE"
        };
        let end = format!("status {status}\n{end}");
        assert!(seen.stdout.contains(&end), "{change}: {seen:#?}");
        assert!(
            !seen.ran.iter().any(|call| call.contains("restart")),
            "{seen:#?}"
        );
    }
}

/// Killed by SIGKILL, which no handler and no destructor sees, while the second of three is paid: the script that kills
/// does so before or after its own work.
#[test]
fn a_flush_that_is_killed_leaves_what_is_not_done_and_repeats_nothing_that_is_struck() {
    const SCRIPT: &str = "#!/bin/sh\nname=${0##*/}\nn=1\n";
    const NOTE: &str =
        "until mkdir \"/ran/$n $name $1\" 2>/dev/null || [ $n = 9 ]; do n=$((n+1)); done\n";
    const KILL: &str = "[ -e /tmp/killed ] || { mkdir /tmp/killed; kill -9 $PPID; exit 0; }\n";
    let owing = "for s in aa bb cc; do invoke-rc.d $s restart 2>/dev/null; done";
    let flushes = "rcpolicy flush 2>/dev/null; echo \"status $?\"; rcpolicy pending | cut -c1-3; rcpolicy flush; echo \"status $?\"; rcpolicy pending";
    for (killer, twice) in [
        (format!("{SCRIPT}{KILL}{NOTE}"), None),
        // Whether an init script has done its work nobody but itself can tell: it is called again, never forgotten.
        (format!("{SCRIPT}{NOTE}{KILL}"), Some("2 bb restart")),
    ] {
        let rule = DEFER.replace("\"foo\", \"bar\"", "\"aa\", \"bb\", \"cc\"");
        let world = World::new()
            .policy(&rule)
            .program("etc/init.d/aa", &format!("{SCRIPT}{NOTE}"))
            .program("etc/init.d/bb", &killer)
            .program("etc/init.d/cc", &format!("{SCRIPT}{NOTE}"))
            .setup("for s in aa bb cc; do ln -sf ../init.d/$s /etc/rc2.d/S01$s; done");
        let seen = world.call(&format!("{owing}; {flushes}"));
        let story = "status 137\nSER\nbb \ncc \nbb: restart done\ncc: restart done\nstatus 0\nnothing is owed\n";
        assert!(seen.stdout.ends_with(story), "{seen:#?}");
        let mut ran = vec!["1 aa restart", "1 bb restart", "1 cc restart"];
        ran.extend(twice);
        seen.ran(&ran);
    }
}

/// The flush dies between the stop and the start of one restart: the note says that it was begun.
#[test]
fn a_flush_that_is_killed_between_a_stop_and_a_start_leaves_the_start_to_the_next() {
    let script = "#!/bin/sh\ncase $1 in\nstatus) [ -e /tmp/up ] || exit 3; exit 0 ;;\nrestart) rm /tmp/up; kill -9 $PPID; exit 1 ;;\nstart) : >/tmp/up ;;\nesac\nmkdir \"/ran/$1\"\n";
    let world = indebted().program("etc/init.d/foo", script);
    let seen = world.call("touch /tmp/up; invoke-rc.d foo restart 2>/dev/null; rcpolicy flush 2>/dev/null; echo \"status $?\"; rcpolicy flush; ls /tmp/up; rcpolicy pending");
    let story = "status 137\nfoo: start done\n/tmp/up\nnothing is owed\n";
    assert!(seen.stdout.ends_with(story), "{seen:#?}");
    seen.ran(&["start"]);
}

#[test]
fn what_a_hold_keeps_owed_is_said_to_need_a_flush_once_the_hold_has_ended() {
    let story = "invoke-rc.d foo restart 2>/dev/null; rcpolicy hold foo --until 2h --because audit >/dev/null; rcpolicy flush; rcpolicy pending";
    let seen = indebted().call(story);
    for said in [
        "; `rcpolicy flush` pays it once the hold has ended\n",
        ", and `rcpolicy flush` then: audit",
    ] {
        assert!(seen.stdout.contains(said), "{said}: {seen:#?}");
    }
    seen.ran(&[]);
}
