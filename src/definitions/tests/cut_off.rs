//! Updates that are cut off at any of their steps.

use super::*;

#[test]
fn cut_off_at_any_step_it_is_the_old_or_the_new_version_afterwards_and_runs() {
    let mut steps = 0;
    for nth in 1.. {
        let mut again = false;
        for happens in ["nothing", "it dies", "boot"] {
            let mut room = Room::new();
            room.ship(&NEW, "2");
            let reached = cut_off(&mut room, nth);
            again |= reached;
            room.model.undergo(happens);
            room.flush();
            assert_eq!(room.live(), Some("2"), "{happens} at step {nth}");
            assert!(room.model.running, "{happens} at step {nth}");
            assert!(room.is_clean(), "{happens} at step {nth}");
            for read in &room.model.read {
                assert!(["1", "2"].contains(&read.as_str()), "{read} at step {nth}");
            }
        }
        if !again {
            break;
        }
        steps = nth;
    }
    assert!(steps > 20, "only {steps} steps");
}

/// Cuts an update off at each of its steps, and lets `then` judge each room.
pub(super) fn cut_off_at_each(mut then: impl FnMut(Room, usize)) {
    for nth in 1.. {
        let mut room = Room::new();
        room.ship(&NEW, "2");
        if !cut_off(&mut room, nth) {
            assert!(nth > 10, "{nth} steps");
            return;
        }
        then(room, nth);
    }
}

#[test]
fn a_down_file_that_the_admin_makes_after_it_was_cut_off_keeps_it_down() {
    cut_off_at_each(|mut room, nth| {
        let down = room.model.live.join("down");
        if down.exists() {
            // Nobody can tell the admin's from ours, which is there.
            return;
        }
        (room.model.wanted, room.model.running) = (false, false);
        fs::write(&down, "").unwrap();
        let read = room.model.read.len();
        room.flush();
        assert!(down.exists() && !room.model.wanted, "step {nth}");
        assert_eq!(room.model.read.len(), read, "step {nth}");
    });
}

#[test]
fn what_was_cut_off_ends_whole_and_starts_nothing_where_that_is_denied() {
    cut_off_at_each(|mut room, nth| {
        let (ran, read) = (room.model.running, room.model.read.len());
        let changing = Definitions::change(room.places()).unwrap();
        for looked in changing.survey().unwrap() {
            if matches!(looked.standing, Standing::UnderWay(_)) {
                let denied = Starts::Denied("held".to_owned());
                let _outcome = changing.bring(&looked, &mut room.model, denied).unwrap();
            }
        }
        assert!(room.live().is_some(), "step {nth}");
        assert_eq!(room.model.read.len(), read, "step {nth}");
        assert_eq!(room.model.running, ran, "step {nth}");
        assert!(room.is_clean(), "step {nth}");
    });
}

#[test]
fn a_roll_back_that_is_cut_off_at_any_step_still_ends_in_the_old_version() {
    for nth in 1.. {
        let mut again = false;
        for happens in ["nothing", "it dies", "boot"] {
            let mut room = Room::new();
            room.ship(&NEW, "2");
            room.model.broken = Some("2");
            let reached = cut_off(&mut room, nth);
            again |= reached;
            room.model.undergo(happens);
            room.flush();
            assert_eq!(room.live(), Some("1"), "{happens} at step {nth}");
            assert!(room.model.running, "{happens} at step {nth}");
            assert!(room.is_clean(), "{happens} at step {nth}");
        }
        if !again {
            break;
        }
    }
}

#[test]
fn cut_off_twice_it_still_ends_whole() {
    for first in (1..60).step_by(3) {
        for second in (1..60).step_by(4) {
            let mut room = Room::new();
            room.ship(&NEW, "2");
            let reached = cut_off(&mut room, first);
            room.model.die();
            cut_off(&mut room, second);
            room.model.boot();
            room.flush();
            assert_eq!(room.live(), Some("2"), "{first} and {second}");
            assert!(
                room.model.running && room.is_clean(),
                "{first} and {second}"
            );
            if !reached {
                break;
            }
        }
    }
}
