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
    // For a moment it may be told as starting, again too.
    let is_up = || {
        (0..500).any(|_| {
            state() == "active" || {
                sleep(Duration::from_millis(20));
                false
            }
        })
    };
    assert!(is_up(), "{}", state());
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
