//! When services went down, over several calls.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use super::super::*;
use super::{Machine, OPENRCS, unit};

/// Microseconds by which times of files may be off: their clock goes in steps.
const STEP: u64 = 1_000_000;

impl Machine {
    /// Some service last came up or went down five seconds ago.
    fn quiet(&self) {
        let started = fs::File::open(self.path("run/started")).unwrap();
        let at = SystemTime::now() - Duration::from_secs(5);
        started.set_modified(at).unwrap();
    }

    /// A call of its own, of one of the project's programs.
    fn call(&self) -> Openrc {
        self.openrc().remembering(&self.path("memory"))
    }

    fn down_since(&self, name: &str) -> u64 {
        let units = self.call().units(&[unit(name)], Depth::State);
        units.unwrap().remove(0).down_since
    }
}

#[test]
fn what_was_down_before_another_was_restarted_is_not_taken_for_stopped_by_that() {
    let machine = Machine::new();
    machine.is("started", "bar");
    machine.quiet();
    machine.tool("down $1; up $1");
    let began = crate::init::monotonic() - STEP;
    let jobs = [Job::new(Verb::Restart, unit("bar"))];
    let outcomes = machine.call().run(&jobs, Wait::Done).unwrap();
    assert_eq!(outcomes, [JobOutcome::Done]);
    let down = machine.down_since("foo");
    assert!(0 < down && down < began, "{down} {began}");
}

#[test]
fn a_note_does_not_outlive_a_start_that_a_call_for_another_service_sees() {
    let machine = Machine::new();
    machine.quiet();
    let first = machine.down_since("foo");
    for state in ["started", "starting", "stopping", "inactive"] {
        machine.is(state, "foo");
        machine.down_since("bar");
        assert!(!machine.path("memory/foo").exists(), "{state}");
        let link = machine.path("run").join(state).join("foo");
        fs::remove_file(link).unwrap();
    }
    // Its own prerm stopped it just now.
    symlink("x", machine.path("run/started/x")).unwrap();
    assert!(machine.down_since("foo") > first + STEP);
}

#[test]
fn only_services_of_openrcs_own_are_noted() {
    let machine = Machine::new();
    machine.script("lsb", "#!/bin/sh\n### BEGIN INIT INFO\n");
    machine.write("init.d/README", OPENRCS);
    machine.script("idle.sh", OPENRCS);
    machine.down_since("foo");
    let noted = fs::read_dir(machine.path("memory")).unwrap();
    let mut noted: Vec<_> = noted.map(|entry| entry.unwrap().file_name()).collect();
    noted.sort();
    assert_eq!(noted, ["bar", "foo", "idle.sh"]);
}

#[test]
fn notes_stay_as_they_are_while_openrcs_own_are_not_to_be_believed() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    machine.quiet();
    let first = machine.down_since("foo");
    let path = machine.path("run/inactive");
    machine.is("started", "foo");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    machine.down_since("bar");
    assert!(machine.path("memory/foo").exists());
    fs::remove_file(machine.path("run/started/foo")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(machine.down_since("foo"), first);
}
