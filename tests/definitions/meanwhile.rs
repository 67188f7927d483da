//! What happens to a service just before its definition is brought up to date, or while that is cut off.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcpolicy::definitions::{Ended, Outcome};

use super::world::{By, World};

/// No patience with a supervisor that does not come.
const SHORT: Duration = Duration::from_millis(300);

fn end(pid: u32) {
    let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL);
}

#[test]
fn a_service_whose_supervisor_was_killed_keeps_its_definition_until_there_is_another() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        world.ship(2);
        world.freeze_scanner();
        let left = world.kill_supervisor();
        let tried = world.flush_within(SHORT);
        assert!(matches!(tried.as_slice(), [Err(_)]), "{by:?}: {tried:?}");
        assert_eq!(world.live_version(), Some(1), "{by:?}");
        end(left);
        // Down as well, and still not free: its scanner starts the next supervisor.
        let tried = world.flush_within(SHORT);
        assert!(matches!(tried.as_slice(), [Err(_)]), "{by:?}: {tried:?}");
        world.thaw_scanner();
        world.is_up();
        assert_eq!(world.flush(), [Outcome::Ended(Ended::Updated)], "{by:?}");
        assert_eq!(world.live_version(), Some(2));
        world.is_up();
        assert_eq!(world.records().mixed, Vec::<String>::new());
    }
}

#[test]
fn a_process_that_a_killed_supervisor_left_behind_keeps_the_definition_that_it_runs() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        world.ship(2);
        world.freeze_scanner();
        let left = world.kill_supervisor();
        world.unlink_alone();
        let tried = world.flush_within(SHORT);
        let why = format!("{tried:?}");
        assert!(
            why.contains(&format!("process {left} still runs")),
            "{by:?}: {why}"
        );
        assert_eq!(world.live_version(), Some(1), "{by:?}");
        end(left);
        world.wait_for("it has ended", || {
            world.flush_within(SHORT).iter().all(Result::is_ok)
        });
        assert_eq!(world.live_version(), Some(2), "{by:?}");
        world.thaw_scanner();
    }
}

#[test]
fn what_was_started_for_once_is_not_touched_before_it_has_ended() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        world.take_down();
        world.told_once();
        let pid = world.pid();
        world.ship(2);
        let told = world.flush();
        assert!(
            matches!(told.as_slice(), [Outcome::Lasts(_), ..]),
            "{told:?}"
        );
        assert_eq!((world.pid(), world.live_version()), (pid, Some(1)));
        let runs = world.records().runs;
        end(pid);
        world.wait_for("it has ended", || world.is_down());
        assert_eq!(world.flush(), [Outcome::Ended(Ended::Updated)], "{by:?}");
        assert_eq!((world.live_version(), world.pid()), (Some(2), 0));
        assert_eq!(world.records().runs, runs, "{by:?}");
    }
}

/// After an update that was killed the admin takes the service down, at some of its steps.
#[cfg(feature = "failpoints")]
#[test]
fn what_the_admin_takes_down_after_a_killed_update_stays_down() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        let (mut told, mut version) = (0, 2);
        for step in (1..).step_by(super::stride()) {
            world.ship(version);
            let reached = world.flush_killed_at(&format!("defining:{step}"));
            let noted = world.is_left_noted();
            world.told_down();
            world.wait_for("it is down", || world.is_down());
            let runs = world.records().runs;
            world.flush();
            assert_eq!(world.live_version(), Some(version), "{by:?}, {step}");
            if noted {
                assert!(world.is_down(), "{by:?}, {step}");
                assert_eq!(world.records().runs, runs, "{by:?}, {step}");
                told += 1;
            }
            world.bring_up();
            version += 1;
            if !reached {
                break;
            }
        }
        assert!(told > 0, "{by:?}");
        assert_eq!(world.records().mixed, Vec::<String>::new());
    }
}

/// After an update that was killed the machine goes down, and boots.
#[cfg(feature = "failpoints")]
#[test]
fn what_was_cut_off_is_finished_at_boot_before_the_scanner_runs_and_comes_up_with_it() {
    for by in [By::Runit, By::S6] {
        let mut world = World::new(by);
        for (version, step) in (2..).zip((1..).step_by(super::stride())) {
            world.ship(version);
            let reached = world.flush_killed_at(&format!("defining:{step}"));
            world.shut_down();
            let runs = world.records().runs;
            world.flush();
            assert_eq!(world.live_version(), Some(version), "{by:?}, {step}");
            assert_eq!(world.records().runs, runs, "{by:?}, {step}");
            world.scan();
            world.is_up();
            world.wait_for("it has started", || world.records().runs > runs);
            if !reached {
                break;
            }
        }
        assert_eq!(world.records().mixed, Vec::<String>::new());
    }
}
