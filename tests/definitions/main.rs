//! Definitions are brought up to date under real supervisors, with services that are killed at random, and
//! with updates that are killed themselves. Built and run by tests/run, which puts the programs of Debian's
//! runit and s6 into PATH: `cargo test --features failpoints --test definitions`.
//! `DEFINITIONS_FULL=1` plays the long counts. Figures go to standard output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "every function here belongs to a test"
)]

mod hands;
mod meanwhile;
mod world;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rcpolicy::definitions::{Ended, Outcome};

use world::{By, World, xorshift};

/// How many updates are played under a service that is killed at random.
fn updates() -> u32 {
    match world::is_full() {
        true => 200,
        false => 10,
    }
}

/// Every how many steps an update is killed.
#[cfg(feature = "failpoints")]
pub(crate) fn stride() -> usize {
    match world::is_full() {
        true => 1,
        false => 9,
    }
}

fn updates_under_fire(by: By) {
    let world = World::new(by);
    let (over, kills) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut rolled_back = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = 0x9e37_79b9_7f4a_7c15;
            while !over.load(Ordering::Relaxed) {
                let pause = 20 + xorshift(&mut random) % 900;
                std::thread::sleep(Duration::from_millis(pause));
                kills.fetch_add(u32::from(world.kill_service()), Ordering::Relaxed);
            }
        });
        for version in 2..updates() + 2 {
            world.ship(version);
            loop {
                match world.flush().as_slice() {
                    [Outcome::Ended(Ended::Updated)] => break,
                    // Killed more often than it may be while it comes up.
                    [Outcome::Ended(Ended::RolledBack(_))] => rolled_back += 1,
                    other => panic!("{version}: {other:?}"),
                }
                assert_eq!(world.live_version(), Some(version - 1));
            }
            assert_eq!(world.live_version(), Some(version));
        }
        over.store(true, Ordering::Relaxed);
    });
    world.is_up();
    let seen = world.records();
    let kills = kills.into_inner();
    println!(
        "definitions: {by:?}: {} updates, {rolled_back} rolled back, under {kills} kills: {} starts and {} finishes, \
         {} saw more than one version, 0 left down",
        updates(),
        seen.runs,
        seen.finishes,
        seen.mixed.len()
    );
    assert_eq!(seen.mixed, Vec::<String>::new());
    assert!(seen.runs > updates() as usize && kills > 0, "{seen:?}");
}

#[test]
fn no_service_of_runit_sees_two_versions_at_once() {
    updates_under_fire(By::Runit);
}

#[test]
fn no_service_of_s6_sees_two_versions_at_once() {
    updates_under_fire(By::S6);
}

/// Kills the update itself where it reaches its steps, one after the other.
#[cfg(feature = "failpoints")]
fn killed_updates(by: By) {
    let world = World::new(by);
    let (mut killed, mut version) = (0, 2);
    // Between its own changes, and between writing and renaming a file of its journal.
    for point in ["defining", "replacing"] {
        for step in (1..).step_by(stride()) {
            world.ship(version);
            let reached = world.flush_killed_at(&format!("{point}:{step}"));
            // The service may die while nobody looks after it.
            world.kill_service();
            world.flush();
            assert_eq!(world.live_version(), Some(version), "{point}, step {step}");
            world.is_up();
            version += 1;
            if !reached {
                break;
            }
            killed += 1;
        }
    }
    let seen = world.records();
    println!(
        "definitions: {by:?}: an update killed at {killed} of its steps: {} starts and {} finishes, {} saw more than one \
         version, 0 left down",
        seen.runs,
        seen.finishes,
        seen.mixed.len()
    );
    assert_eq!(seen.mixed, Vec::<String>::new());
    assert!(killed > 3, "{killed}");
}

#[cfg(feature = "failpoints")]
#[test]
fn an_update_of_runits_that_is_killed_at_any_step_is_finished_by_the_next_flush() {
    killed_updates(By::Runit);
}

#[cfg(feature = "failpoints")]
#[test]
fn an_update_of_s6s_that_is_killed_at_any_step_is_finished_by_the_next_flush() {
    killed_updates(By::S6);
}

#[test]
fn one_that_does_not_come_up_is_rolled_back_and_runs_on() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        world.ship(2);
        world.break_stock();
        let outcomes = world.flush();
        assert!(
            matches!(
                outcomes.as_slice(),
                [Outcome::Ended(Ended::RolledBack(_)), ..]
            ),
            "{outcomes:?}"
        );
        assert_eq!(world.live_version(), Some(1));
        world.is_up();
    }
}

#[test]
fn one_that_the_admin_has_down_is_not_started() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        world.take_down();
        let before = world.records().runs;
        world.ship(2);
        assert_eq!(world.flush(), [Outcome::Ended(Ended::Updated)]);
        assert_eq!(world.live_version(), Some(2));
        assert_eq!(world.records().runs, before);
    }
}

#[test]
fn a_logger_is_brought_up_to_date_while_its_service_runs_on() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        let pid = world.pid();
        world.ship_logger(2);
        assert_eq!(world.flush(), [Outcome::Ended(Ended::Updated)]);
        world.wait_for("the new logger", || world.logger() == "2");
        assert_eq!(world.pid(), pid);
    }
}

#[test]
fn a_definition_goes_after_its_package_once_nothing_supervises_it() {
    for by in [By::Runit, By::S6] {
        let world = World::new(by);
        world.unship();
        assert!(matches!(world.flush()[0], Outcome::Waits(_)), "{by:?}");
        world.unlink();
        world.wait_for("it goes", || world.flush().contains(&Outcome::Removed));
        assert!(!world.is_live());
    }
}

/// What the others have killed: it flushes once where it is told to.
#[test]
fn child_flushes() {
    if let Some(world) = World::of_parent() {
        world.flush();
        world.leave();
    }
}
