//! A program that systemd runs apart from us.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rcpolicy::init::systemd::Systemd;
use rcpolicy::init::{Apart, Init};

use super::{command, name};

/// Runs `script` apart, as a unit of its own.
fn apart(unit: &str, script: &str) -> Apart {
    let mut init = Systemd::default();
    let words = ["/bin/sh", "-c", script];
    init.run_apart(&name(unit), &words).unwrap()
}

fn text(path: &str) -> String {
    for _ in 0..100 {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            Ok(_) | Err(_) => sleep(Duration::from_millis(50)),
        }
    }
    fs::read_to_string(path).unwrap()
}

/// Waits until it is active, for 10 s: no other state may come on the way there but `inactive`, as long as its job has not
/// begun, which systemd has answered for before, and then `activating`.
fn comes_up(unit: &str) {
    let mut begun = false;
    for _ in 0..500 {
        let (told, ..) = command(&format!("systemctl show -p ActiveState -p Job {unit}"));
        let says = |line: &str| told.lines().any(|told| told == line);
        let is_queued = told.lines().any(|line| line.starts_with("Job=")) && !says("Job=0");
        if says("ActiveState=active") {
            return;
        }
        let is_waiting = says("ActiveState=inactive") && is_queued && !begun;
        begun |= says("ActiveState=activating");
        assert!(is_waiting || says("ActiveState=activating"), "{told}");
        sleep(Duration::from_millis(20));
    }
    panic!(
        "it does not come up: {}",
        command(&format!("systemctl status {unit}")).0
    );
}

#[test]
fn what_runs_apart_is_in_a_group_of_its_own_and_has_nothing_of_ours() {
    let script = "{ cat /proc/self/cgroup; env; ls -l /proc/self/fd; } >/run/apart.new; \
        mv /run/apart.new /run/apart";
    let _ = fs::remove_file("/run/apart");
    let kept = fs::File::open("/etc/hostname").unwrap();
    assert_eq!(apart("lab-apart.service", script), Apart::Begun);
    let seen = text("/run/apart");
    drop(kept);
    assert!(seen.contains("/lab-apart.service\n"), "{seen}");
    assert!(!seen.contains("hostname"), "{seen}");
    assert!(!seen.contains("CARGO"), "{seen}");
}

#[test]
fn there_is_one_of_a_name_at_a_time_and_one_that_failed_is_in_nobodys_way() {
    let unit = "lab-apart-twice.service";
    let state = || command(&format!("systemctl is-active {unit}")).0;
    assert_eq!(apart(unit, "sleep 1000; exit 1"), Apart::Begun);
    assert_eq!(apart(unit, "true"), Apart::Exists);
    comes_up(unit);
    let killed = Command::new("systemctl").args(["kill", unit]).status();
    assert!(killed.unwrap().success());
    while state() == "active" {
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(200));
    assert_eq!(apart(unit, "exit 1"), Apart::Begun);
    sleep(Duration::from_millis(500));
    assert_eq!(apart(unit, "exit 0"), Apart::Begun);
}
