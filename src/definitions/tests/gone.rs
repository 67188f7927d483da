//! Definitions whose packages are gone.

use super::*;

#[test]
fn a_definition_without_a_package_goes_once_nothing_supervises_it() {
    let mut room = Room::new();
    fs::remove_dir_all(room.top.path().join("stock/foo")).unwrap();
    fs::create_dir(room.model.live.join("supervise")).unwrap();
    assert!(matches!(room.flush()[0], Outcome::Waits(_)));
    room.model.supervised = false;
    assert_eq!(room.flush(), [Outcome::Removed]);
    assert!(!room.model.live.exists());
}

#[test]
fn what_runits_helpers_noted_in_it_keeps_no_definition_without_a_package() {
    let mut room = Room::new();
    let own = [&OLD[..], &[".meta/bin"]].concat();
    room.ship(&own, "1");
    room.write("live", &[".meta/bin"], "1");
    room.flush();
    room.write("live", &[".meta/wtime"], "now");
    room.model.supervised = false;
    fs::remove_dir_all(room.top.path().join("stock/foo")).unwrap();
    assert_eq!(room.flush(), [Outcome::Removed]);
}

#[test]
fn a_definition_without_a_package_stays_where_somebody_changed_it_or_added_to_it() {
    for (path, text) in [("run", "mine"), ("conf", "mine")] {
        let mut room = Room::new();
        room.model.supervised = false;
        fs::remove_dir_all(room.top.path().join("stock/foo")).unwrap();
        room.write("live", &[path], text);
        assert_eq!(room.flush(), [Outcome::Noted], "{path}");
        assert!(room.model.live.join(path).exists());
        assert!(room.look().is_empty());
    }
}

#[test]
fn a_removal_that_is_cut_off_leaves_all_or_nothing() {
    for nth in 1.. {
        let mut room = Room::new();
        room.model.supervised = false;
        fs::remove_dir_all(room.top.path().join("stock/foo")).unwrap();
        let reached = cut_off(&mut room, nth);
        assert!(room.live() == Some("1") || !room.model.live.exists());
        room.flush();
        assert!(!room.model.live.exists(), "step {nth}");
        let left = fs::read_dir(room.top.path().join("live")).unwrap().count();
        assert_eq!(left, 0, "step {nth}");
        if !reached {
            break;
        }
    }
}
