//! The nets for a batch's end, without any package tool: dpkg's locks are held and its database is written by the
//! tests, and what is called `dpkg` is a script. Nothing here goes by time: each step waits for what it needs.

use super::world::{Seen, World};

const DEFER: &str = "[[rule]]\nservice = [\"foo\", \"bar\"]\naction = [\"restart\"]\ndecide = \"defer\"\nuntil = \"batch\"\nbecause = \"not now\"\n[flush]\nsettle = \"0s\"\n";
/// Shell functions: what holds dpkg's lock until it is told to let go, the waiter, and what it waits for.
const TOOLS: &str = r#"
lock() {
    perl -e 'use Fcntl; open my $file, "+<", $ARGV[0] or die; my $lock = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0);
        fcntl($file, F_SETLK, $lock) or die $!; mkdir "/tmp/locked"; select undef, undef, undef, 0.02 until -e "/tmp/free"' "$1" &
    until [ -e /tmp/locked ]; do sleep 0.02; done
}
waiter() { rcpolicy flush --settled >>/tmp/waiter.log 2>&1 & waiter=$!; }
waits() { until [ -e /run/rcpolicy/waiter ] && ! flock -n -s /run/rcpolicy/waiter true; do sleep 0.02; done; }
restart() { invoke-rc.d "$1" restart 2>/dev/null; }
status() { printf 'Package: pkg\nStatus: install ok %s\nArchitecture: all\n%s\n' "$1" "$2" >/var/lib/dpkg/status.new
    mv /var/lib/dpkg/status.new /var/lib/dpkg/status; }
ran() { ls /ran | tr '\n' ';'; echo; }
"#;

fn world() -> World {
    World::new()
        .policy(DEFER)
        .file("var/lib/dpkg/lock", b"", 0o640)
        .file("var/lib/dpkg/lock-frontend", b"", 0o640)
        .file("var/lib/dpkg/status", b"", 0o644)
        .file("var/lib/dpkg/info/pkg.list", b"/etc/init.d/foo\n", 0o644)
        .recorder("etc/init.d/bar")
        .setup("ln -sf ../init.d/bar /etc/rc2.d/S01bar")
}

fn play(world: &World, story: &str) -> Seen {
    let seen = world.call(&format!("{TOOLS}{story}"));
    seen.ended(0);
    seen
}

/// Fails unless these were the lines on standard output.
#[track_caller]
fn told(seen: &Seen, lines: &[&str]) {
    let got: Vec<&str> = seen.stdout.lines().collect();
    assert_eq!(got, lines, "{seen:#?}");
}

#[test]
fn the_waiter_holds_off_while_a_lock_of_dpkgs_is_held_and_pays_then() {
    for lock in ["lock", "lock-frontend"] {
        let story = format!(
            "lock /var/lib/dpkg/{lock}; restart foo; waiter; waits; restart bar; sleep 1.5; ran
             mkdir /tmp/free; wait $waiter; ran; rcpolicy pending"
        );
        let seen = play(&world(), &story);
        told(
            &seen,
            &["", "1 bar restart;1 foo restart;", "nothing is owed"],
        );
    }
}

#[test]
fn there_is_one_waiter_and_another_one_ends_at_once() {
    let story = "lock /var/lib/dpkg/lock; restart foo; waiter; waits; rcpolicy flush --settled; echo $?; ran
        mkdir /tmp/free; wait $waiter; ran";
    told(&play(&world(), story), &["0", "", "1 foo restart;"]);
}

#[test]
fn a_waiter_that_is_told_to_end_does_so_and_leaves_all_that_is_owed() {
    let story = "lock /var/lib/dpkg/lock; restart foo; waiter; waits; kill -TERM $waiter; wait $waiter; echo $?
        ran; rcpolicy flush; ran; mkdir /tmp/free";
    let lines = ["0", "", "foo: restart done", "1 foo restart;"];
    told(&play(&world(), story), &lines);
}

#[test]
fn the_waiter_goes_on_waiting_for_what_is_not_configured_and_pays_the_rest() {
    let story = "status half-configured; restart foo; restart bar; waiter
        until [ -e '/ran/1 bar restart' ]; do sleep 0.02; done; waits; ran
        status installed; wait $waiter; ran";
    let lines = ["1 bar restart;", "1 bar restart;1 foo restart;"];
    told(&play(&world(), story), &lines);
}

#[test]
fn before_a_new_libc_has_taken_over_nothing_is_paid() {
    let pending = "status triggers-pending 'Triggers-Pending: libc-upgrade'";
    let story = format!(
        "{pending}; restart bar; waiter; waits; sleep 1; ran; rcpolicy flush --batch-end apt; ran
         status installed; wait $waiter; ran"
    );
    told(&play(&world(), &story), &["", "", "1 bar restart;"]);
}

#[test]
fn a_waiter_without_anything_to_wait_for_ends_and_so_does_one_whose_debts_wait_for_a_person() {
    let refused = world().helper("#!/bin/sh\n[ ! -e /tmp/no ] || exit 101\nexit 104\n");
    let story = "rcpolicy flush --settled; echo $?; restart foo; mkdir /tmp/no; rcpolicy flush --settled >/dev/null; echo $?
        ran; rcpolicy pending | grep -c foo";
    told(&play(&refused, story), &["0", "0", "", "1"]);
}

#[test]
fn apts_hook_pays_unless_somebody_else_than_apt_is_at_work() {
    let own = "rcpolicy flush --batch-end apt; restart foo
        perl -e 'use Fcntl; open my $file, \"+<\", \"/var/lib/dpkg/lock-frontend\" or die; my $lock = pack(\"s s x4 q q l x4\", F_WRLCK, 0, 0, 0, 0);
            fcntl($file, F_SETLK, $lock) or die $!; system \"rcpolicy flush --batch-end apt\"'; ran";
    let lines = ["foo: restart done", "1 foo restart;"];
    told(&play(&world(), own), &lines);
    let anothers = "lock /var/lib/dpkg/lock; restart foo; rcpolicy flush --batch-end apt; echo $?; ran; mkdir /tmp/free";
    told(&play(&world(), anothers), &["0", ""]);
}

#[test]
fn under_what_makes_many_small_runs_no_hook_pays() {
    let world = world()
        .program(
            "usr/sbin/unattended-upgrade",
            "#!/bin/sh\nrcpolicy flush --batch-end apt\necho $?\n",
        )
        .setup("cp /usr/sbin/unattended-upgrade /tmp/unattended-upgr");
    let story = "restart foo; /tmp/unattended-upgr; ran";
    told(&play(&world, story), &["0", ""]);
}

#[test]
fn dpkgs_end_pays_only_where_nothing_can_follow() {
    let story = "status triggers-pending 'Triggers-Pending: /usr/share/man'; restart bar; rcpolicy flush --batch-end trigger; ran
        status unpacked; rcpolicy flush --batch-end trigger; ran
        status installed; rcpolicy flush --batch-end trigger; ran";
    let lines = ["", "", "bar: restart done", "1 bar restart;"];
    told(&play(&world(), story), &lines);
    let settling = DEFER.replace("0s", "10s");
    let story = "restart bar; rcpolicy flush --batch-end trigger; echo $?; ran";
    told(&play(&world().policy(&settling), story), &["0", ""]);
}

#[test]
fn a_net_never_fails_and_says_nothing_where_nothing_is_owed() {
    let broken = world().setup("rm -r /var/lib/dpkg/status; mkdir /var/lib/dpkg/status");
    let story =
        "for net in trigger apt; do rcpolicy flush --batch-end $net; echo $?; done; restart foo
        for net in trigger apt; do rcpolicy flush --batch-end $net; echo $?; done; ran";
    told(&play(&broken, story), &["0", "0", "0", "0", ""]);
}

const SCRIPT: &str =
    "DPKG_MAINTSCRIPT_PACKAGE=pkg DPKG_MAINTSCRIPT_NAME=postinst DPKG_ADMINDIR=/var/lib/dpkg";
const IN_DPKG: &str = "#!/bin/sh\neval \"$1\"\n";

#[test]
fn the_trigger_is_activated_once_a_dpkg_run_and_again_after_we_were_called_for_it() {
    let world = world()
        .program("usr/sbin/dpkg", IN_DPKG)
        .recorder("usr/sbin/dpkg-trigger");
    let one = format!("{SCRIPT} invoke-rc.d foo restart; {SCRIPT} invoke-rc.d bar restart");
    let called = "rcpolicy flush --batch-end trigger >/dev/null";
    let story = format!(
        "dpkg '{one}' 2>/dev/null; ran; dpkg '{one}' 2>/dev/null; ran; dpkg '{one}; {called}; {one}' 2>/dev/null; ran"
    );
    let activated = |times: u32| {
        let line = |n| format!("{n} dpkg-trigger --no-await rcpolicy-flush;");
        (1..=times).map(line).collect::<String>()
    };
    let seen = play(&world, &story);
    let paid = "1 bar restart;1 dpkg-trigger --no-await rcpolicy-flush;1 foo restart;";
    let last = format!(
        "{paid}2 dpkg-trigger --no-await rcpolicy-flush;3 dpkg-trigger --no-await rcpolicy-flush;4 dpkg-trigger --no-await rcpolicy-flush;"
    );
    told(&seen, &[&activated(1), &activated(2), &last]);
}

#[test]
fn outside_of_another_package_s_script_nothing_is_activated() {
    let world = world()
        .program("usr/sbin/dpkg", IN_DPKG)
        .recorder("usr/sbin/dpkg-trigger");
    for variables in [
        "A=1".to_owned(),
        SCRIPT.replace("pkg ", "rcpolicy "),
        format!("{SCRIPT} DPKG_ROOT=/target"),
        SCRIPT.replace("/var/lib/dpkg", "/target/var/lib/dpkg"),
    ] {
        let story = format!("dpkg '{variables} invoke-rc.d foo restart' 2>/dev/null; ran");
        told(&play(&world, &story), &[""]);
    }
    // Whoever sets dpkg's variables is not dpkg.
    let story = format!("{SCRIPT} invoke-rc.d foo restart 2>/dev/null; ran");
    told(&play(&world, &story), &[""]);
}

#[test]
fn a_trigger_that_cannot_be_activated_is_a_warning_and_no_failure() {
    let world = world()
        .program("usr/sbin/dpkg", IN_DPKG)
        .program("usr/sbin/dpkg-trigger", "#!/bin/sh\nexit 2\n");
    let seen = play(
        &world,
        &format!("dpkg '{SCRIPT} invoke-rc.d foo restart'; echo $?"),
    );
    told(&seen, &["0"]);
    seen.says(&[
        "may go unseen",
        "`dpkg-trigger rcpolicy-flush` ended with status 2",
    ]);
}

#[test]
fn a_drop_in_starts_the_waiter_apart_from_everything_and_nobody_waits_for_it() {
    let world = world().setup("cp /tools/rcpolicy /usr/sbin/rcpolicy");
    // The reader of what invoke-rc.d writes to is back although the waiter goes on.
    let story = "lock /var/lib/dpkg/lock; (SECRET=1 DPKG_FRONTEND_LOCKED=true invoke-rc.d foo restart 3>/tmp/three 2>&1) | cat >/dev/null
        waits; waiter=$(pgrep -f '^/usr/sbin/rcpolicy flush --settled'); echo $(echo $waiter | wc -w)
        tr '\\0' '\\n' </proc/$waiter/environ | cut -d= -f1; readlink /proc/$waiter/cwd /proc/$waiter/fd/0 /proc/$waiter/fd/1 /proc/$waiter/fd/2
        ls -l /proc/$waiter/fd | grep -c three; [ $(ps -o sid= -p $waiter) = $waiter ]; echo $?
        restart bar; pgrep -cf '^/usr/sbin/rcpolicy flush --settled'
        mkdir /tmp/free; while pgrep -f '^/usr/sbin/rcpolicy flush --settled' >/dev/null; do sleep 0.05; done; ran";
    let lines = [
        "1",
        "PATH",
        "/",
        "/dev/null",
        "/dev/null",
        "/dev/null",
        "0",
        "0",
        "1",
        "1 bar restart;1 foo restart;",
    ];
    told(&play(&world, story), &lines);
}

#[test]
fn an_upgraded_program_takes_over_from_the_waiter_and_a_removed_one_ends_it() {
    let world = world().setup("cp /tools/rcpolicy /usr/sbin/rcpolicy");
    let replaced = "lock /var/lib/dpkg/lock; restart foo; waits; waiter=$(pgrep -f '^/usr/sbin/rcpolicy flush --settled')
        cp /tools/rcpolicy /usr/sbin/new; mv /usr/sbin/new /usr/sbin/rcpolicy
        while readlink /proc/$waiter/exe | grep -q deleted; do sleep 0.05; done; waits; readlink /proc/$waiter/exe
        rm /usr/sbin/rcpolicy; while [ -e /proc/$waiter ] && ! grep -q '^State:.Z' /proc/$waiter/status; do sleep 0.05; done; ran; mkdir /tmp/free";
    told(&play(&world, replaced), &["/usr/sbin/rcpolicy", ""]);
}

#[test]
fn apts_hook_that_finds_another_flush_at_work_leaves_a_waiter() {
    let world = world();
    let story = "restart foo; cp /tools/rcpolicy /usr/sbin/rcpolicy
        flock /run/rcpolicy/paying rcpolicy flush --batch-end apt; echo $?
        while pgrep -f '^/usr/sbin/rcpolicy flush --settled' >/dev/null; do sleep 0.05; done; ran";
    told(&play(&world, story), &["0", "1 foo restart;"]);
}

#[test]
fn while_the_machine_goes_down_no_hook_pays_and_nobody_waits() {
    let level = "#!/bin/sh\n[ -e /tmp/down ] && echo 2 0 || echo N 2\n";
    let world = world().program("usr/sbin/runlevel", level);
    let story = "restart foo; mkdir /tmp/down; cp /tools/rcpolicy /usr/sbin/rcpolicy
        for net in trigger apt; do rcpolicy flush --batch-end $net; echo $?; done; ran; ls /run/rcpolicy | grep waiter | wc -l";
    told(&play(&world, story), &["0", "0", "", "0"]);
}

#[test]
fn a_waiter_whose_package_is_removed_has_not_failed() {
    let story = "cp /tools/rcpolicy /usr/sbin/rcpolicy; lock /var/lib/dpkg/lock; restart foo; waits
        kill $(pgrep -f '^/usr/sbin/rcpolicy flush --settled'); while ! flock -n /run/rcpolicy/waiter true; do sleep 0.02; done
        /usr/sbin/rcpolicy flush --settled & waiter=$!; waits; rm /usr/sbin/rcpolicy; wait $waiter; echo $?; mkdir /tmp/free";
    told(&play(&world(), story), &["0"]);
}

#[test]
fn what_waits_for_a_flush_by_hand_starts_no_waiter_though_it_fails() {
    let policy = DEFER.replace("\"batch\"", "\"flush\"");
    let world = world()
        .policy(&policy)
        .program("etc/init.d/foo", "#!/bin/sh\nexit 1\n");
    let story = "restart foo; printf '#!/bin/sh\\nmkdir /tmp/started\\n' >/usr/sbin/rcpolicy; chmod 755 /usr/sbin/rcpolicy
        rcpolicy flush >/dev/null 2>&1; echo $?; sleep 0.3; ls -d /tmp/started 2>/dev/null | wc -l; rcpolicy pending | grep -c foo";
    told(&play(&world, story), &["1", "0", "1"]);
}
