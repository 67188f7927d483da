//! When services went down, over several calls.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::super::memory::VALUE;
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

    /// Somebody stops it without us: OpenRC takes its link and its values away.
    fn falls(&self, name: &str) {
        fs::remove_file(self.path("run/started").join(name)).unwrap();
        let _ = fs::remove_dir_all(self.path("run/options").join(name));
    }

    fn note_of(&self, name: &str) -> std::path::PathBuf {
        self.path("run/options").join(name).join(VALUE)
    }

    fn down_since(&self, name: &str) -> u64 {
        let units = self.openrc().units(&[unit(name)], Depth::State);
        units.unwrap().remove(0).down_since
    }

    fn job(&self, verb: Verb, name: &str) -> JobOutcome {
        let jobs = [Job::new(verb, unit(name))];
        self.openrc().run(&jobs, Wait::Done).unwrap().remove(0)
    }
}

#[test]
fn what_was_down_before_another_was_restarted_is_not_taken_for_stopped_by_that() {
    let machine = Machine::new();
    machine.is("started", "bar");
    machine.quiet();
    machine.tool("down $1; up $1");
    let began = crate::init::monotonic() - STEP;
    assert_eq!(machine.job(Verb::Restart, "bar"), JobOutcome::Done);
    let down = machine.down_since("foo");
    assert!(0 < down && down < began, "{down} {began}");
}

#[test]
fn what_the_admin_started_and_a_prerm_stopped_without_us_is_not_taken_for_stopped_by_the_admin() {
    let machine = Machine::new();
    machine.quiet();
    let first = machine.down_since("foo");
    assert!(first > 0 && machine.note_of("foo").exists());
    machine.is("started", "foo");
    // A call for another one in between makes no difference.
    machine.down_since("bar");
    machine.falls("foo");
    let second = machine.down_since("foo");
    assert!(second > first + STEP, "{first} {second}");
    // Who is down all the while keeps its time, whatever came and went.
    assert_eq!(machine.down_since("bar"), first);
}

#[test]
fn a_start_that_fails_leaves_the_time_as_it_was() {
    let machine = Machine::new();
    machine.quiet();
    let first = machine.down_since("foo");
    machine.tool("rm -r run/options/$1; up other; exit 1");
    for verb in [Verb::Start, Verb::Restart] {
        assert!(matches!(machine.job(verb, "foo"), JobOutcome::Failed(_)));
        assert_eq!(machine.down_since("foo"), first, "{verb}");
    }
}

#[test]
fn only_services_of_openrcs_own_are_noted() {
    let machine = Machine::new();
    machine.script("lsb", "#!/bin/sh\n### BEGIN INIT INFO\n");
    machine.write("init.d/README", OPENRCS);
    machine.script("idle.sh", OPENRCS);
    machine.down_since("foo");
    let noted = fs::read_dir(machine.path("run/options")).unwrap();
    let mut noted: Vec<_> = noted.map(|entry| entry.unwrap().file_name()).collect();
    noted.sort();
    assert_eq!(noted, ["bar", "foo", "idle.sh"]);
}

#[test]
fn nothing_is_noted_where_openrcs_own_notes_are_not_to_be_believed() {
    let machine = Machine::new();
    let open = |below: &str, mode: u32| {
        fs::set_permissions(machine.path(below), fs::Permissions::from_mode(mode)).unwrap();
    };
    for below in ["run/inactive", "run/options", "run"] {
        open(below, 0o777);
        machine.down_since("bar");
        open(below, 0o755);
        assert!(!machine.note_of("foo").exists(), "{below}");
    }
    fs::remove_dir(machine.path("run/options")).unwrap();
    machine.down_since("bar");
    assert!(!machine.path("run/options").exists());
}
