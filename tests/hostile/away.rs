//! systemd was booted here, as far as anybody can tell, and does not answer: what was asked for is
//! not lost, whether we gave up waiting or were killed. Where it is not systemd that is away, nobody
//! waits.

use std::time::{Duration, Instant};

use super::world::{Seen, World};

const RESTART: [&str; 2] = [
    "invoke-rc.d foo restart",
    "deb-systemd-invoke restart foo.service",
];

/// PID 1 looks like a systemd that does not listen.
fn away() -> World {
    booted().setup("echo systemd >/tmp/comm; mount --bind /tmp/comm /proc/1/comm")
}

/// systemd was booted, says /run.
fn booted() -> World {
    World::new()
        .setup("mkdir -p /run/systemd/system /run/rcpolicy")
        .policy("[init]\nwait = \"1s\"\n")
}

/// What is owed afterwards, asked in the same life of the init.
fn then_pending(world: &World, command: &str) -> Seen {
    world.call(&format!("{command}; rcpolicy pending >&2"))
}

#[test]
fn what_systemd_did_not_answer_in_time_is_noted_down_and_the_caller_is_told() {
    for line in RESTART {
        let world = away();
        world.call(line).ended(1);
        let seen = then_pending(&world, line);
        seen.says(&[
            "systemd does not answer",
            "waiting for up to 1 s",
            "restart of foo.service is noted down: ",
            "`rcpolicy flush` does it once the init answers",
            "restart until flush",
        ]);
        seen.ran(&[]);
    }
}

#[test]
fn a_process_killed_while_it_waits_leaves_what_it_was_asked_for() {
    let world = away().policy("[init]\nwait = \"20s\"\n");
    for (line, signal) in RESTART.into_iter().zip(["KILL", "TERM"]) {
        let seen = then_pending(&world, &format!("timeout -s {signal} 2 {line}"));
        seen.says(&[
            "foo",
            "restart until flush",
            "ended before its restart was done",
        ]);
        assert!(!seen.stderr.contains("noted down"), "{seen:#?}");
    }
    let seen = then_pending(&world, "timeout -s INT 2 invoke-rc.d foo stop");
    seen.says(&["stop until flush"]);
}

#[test]
fn two_killed_calls_are_owed_as_one() {
    let seen = then_pending(
        &away().policy("[init]\nwait = \"20s\"\n"),
        "timeout -s KILL 2 invoke-rc.d foo stop; timeout -s KILL 2 invoke-rc.d foo start",
    );
    seen.says(&["restart until flush"]);
}

#[test]
fn where_nothing_can_be_noted_the_caller_is_told_that_it_was_not_done() {
    let world = away().setup("mount -t tmpfs -o mode=755,size=4k,nr_inodes=1 full /run/rcpolicy");
    for line in RESTART {
        let seen = world.call(line);
        seen.ended(1);
        seen.says(&["restart of foo.service is not done and cannot be noted down"]);
        seen.ran(&[]);
    }
}

#[test]
fn that_nothing_can_be_noted_down_first_is_said_once_and_to_root_alone() {
    let world = away().setup("mount -t tmpfs -o mode=755,size=4k,nr_inodes=1 full /run/rcpolicy");
    let text = "what is asked for cannot be noted down first";
    for line in RESTART {
        let seen = world.call(line);
        assert_eq!(seen.stderr.matches(text).count(), 1, "{seen:#?}");
        let other = world.call(&format!("setpriv --reuid 1 --clear-groups {line}"));
        assert!(!other.stderr.contains(text), "{other:#?}");
    }
}

#[test]
fn a_question_is_not_noted_and_goes_to_the_stock_tool() {
    let world = away();
    let seen = then_pending(&world, "invoke-rc.d foo status");
    seen.says(&["handing over to the stock invoke-rc.d", "nothing is owed"]);
    seen.ran(&["1 invoke-rc.d.distrib foo status"]);
}

#[test]
fn what_is_denied_is_not_owed_when_systemd_is_away() {
    let world = away().policy(
        "[init]\nwait = \"1s\"\n[[rule]]\nservice = [\"foo\"]\naction = [\"restart\"]\ndecide = \"deny\"\n",
    );
    for line in RESTART {
        let seen = then_pending(&world, line);
        seen.says(&["denie", "nothing is owed"]);
    }
}

#[test]
fn where_process_1_is_no_systemd_the_stock_tool_is_called_at_once() {
    let world = booted()
        .policy("[init]\nwait = \"20s\"\n")
        .setup("mount --bind /usr/sbin/invoke-rc.d.distrib /usr/bin/deb-systemd-invoke");
    let stock = [
        "1 invoke-rc.d.distrib foo restart",
        "1 deb-systemd-invoke restart foo.service",
    ];
    for (line, stock) in RESTART.into_iter().zip(stock) {
        let begun = Instant::now();
        let seen = then_pending(&world, line);
        assert!(begun.elapsed() < Duration::from_secs(10), "{seen:#?}");
        seen.says(&[
            "systemd does not run here",
            "process 1 is `sh`; handing over to the stock",
            "nothing is owed",
        ]);
        seen.ran(&[stock]);
    }
}

#[test]
fn others_than_root_do_not_wait_where_there_is_no_bus() {
    let world = away().policy("[init]\nwait = \"20s\"\n");
    for line in RESTART {
        let begun = Instant::now();
        let seen = world.call(&format!("setpriv --reuid 1 --clear-groups {line}"));
        assert!(begun.elapsed() < Duration::from_secs(10), "{seen:#?}");
        seen.says(&["systemd does not run here: /run/dbus/system_bus_socket"]);
    }
}
