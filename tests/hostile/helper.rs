//! A policy-rc.d that gives no answer: then nothing is run, in time, and the message says whose fault it was.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;

use super::world::World;

const LIMITED: &str = "[policy-rc-d]\nlimit = \"500ms\"\nmax-output = \"1KiB\"\n";

/// Longer than any of these calls may take; the limit is half a second.
const LATE: Duration = Duration::from_secs(20);

fn silent(text: &str) {
    let world = World::new().policy(LIMITED).helper(text);
    for action in ["start", "stop", "restart", "status"] {
        let began = Instant::now();
        let seen = world.call(&format!("invoke-rc.d foo {action}"));
        assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
        seen.ended(102);
        seen.ran(&[]);
        seen.says(&[
            "/usr/sbin/policy-rc.d",
            "killed",
            &format!("{action} of foo"),
        ]);
    }
}

#[test]
fn one_that_hangs() {
    silent("#!/bin/sh\nexec sleep 1000\n");
}

#[test]
fn one_that_hangs_and_is_deaf_to_signals() {
    silent("#!/bin/sh\ntrap '' TERM INT HUP PIPE\nwhile :; do sleep 1000; done\n");
}

#[test]
fn one_that_closes_its_output_and_hangs() {
    silent("#!/bin/sh\nexec >&- 2>&-\nexec sleep 1000\n");
}

#[test]
fn one_that_answers_and_leaves_its_output_open_to_a_child() {
    silent("#!/bin/sh\nsleep 1000 &\nexit 0\n");
}

#[test]
fn one_that_floods_its_output() {
    silent("#!/bin/sh\nexec cat /dev/zero\n");
}

#[test]
fn one_that_floods_slowly() {
    silent("#!/bin/sh\nwhile :; do echo action; sleep 0.1; done\n");
}

#[test]
fn one_that_waits_for_its_input_gets_our_callers() {
    let world = World::new()
        .policy(LIMITED)
        .helper("#!/bin/sh\nread line && [ \"$line\" = yes ] && exit 0\nexit 101\n");
    world
        .call("echo yes | invoke-rc.d foo start")
        .ran(&["1 foo start"]);
    world.call("echo no | invoke-rc.d foo start").ran(&[]);
}

#[test]
fn one_that_is_no_program() {
    let directory = World::new();
    std::fs::create_dir(directory.path("usr/sbin/policy-rc.d")).unwrap();
    let binary = World::new().file("usr/sbin/policy-rc.d", b"\x7fELF\x02\x01\x01", 0o755);
    let interpreter = World::new().helper("#!/nowhere/sh\nexit 0\n");
    let circle = World::new().helper("#!/usr/sbin/policy-rc.d\n");
    for world in [directory, binary, interpreter, circle] {
        let seen = world.call("invoke-rc.d foo start");
        seen.ran(&[]);
        seen.says(&["/usr/sbin/policy-rc.d", "policy-rc.d returned error status"]);
        assert_eq!(seen.status, 102, "{seen:#?}");
    }
}

#[test]
fn a_pipe_a_socket_or_a_file_that_nobody_may_run_never_blocks() {
    let pipe = World::new();
    nix::unistd::mkfifo(
        &pipe.path("usr/sbin/policy-rc.d"),
        Mode::from_bits_truncate(0o755),
    )
    .unwrap();
    let socket = World::new();
    let _listener = UnixListener::bind(socket.path("usr/sbin/policy-rc.d")).unwrap();
    for world in [pipe, socket] {
        let began = Instant::now();
        let seen = world.call("invoke-rc.d foo start");
        assert!(began.elapsed() < LATE);
        assert!([0, 102].contains(&seen.status), "{seen:#?}");
    }
    let plain = World::new().file("usr/sbin/policy-rc.d", b"#!/bin/sh\nexit 101\n", 0o644);
    plain.call("invoke-rc.d foo start").ran(&["1 foo start"]);
}

#[test]
fn force_overrides_one_that_hangs() {
    let world = World::new()
        .policy(LIMITED)
        .helper("#!/bin/sh\nexec sleep 1000\n");
    let seen = world.call("invoke-rc.d --force foo start");
    seen.ended(0);
    seen.ran(&["1 foo start"]);
    seen.says(&["policy-rc.d", "killed"]);
}

#[test]
fn a_fallback_of_strange_words_runs_no_more_than_the_script() {
    let world = World::new()
        .helper("#!/bin/sh\nprintf '../evil\\n$(touch${IFS}/tmp/x) `id` ; * \\n'\nexit 106\n");
    let seen = world.call("cd /etc && invoke-rc.d foo start");
    seen.ended(0);
    assert!(!world.path("tmp/x").exists(), "{seen:#?}");
    assert!(
        seen.ran.iter().all(|call| call.starts_with("1 foo ")),
        "{seen:#?}"
    );
}
