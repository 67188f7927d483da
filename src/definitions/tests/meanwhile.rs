//! What others do to the service while it is due, or while its update is cut off.

use super::cut_off::cut_off_at_each;
use super::*;
use crate::definitions::record::Update;
use crate::definitions::store::Store;
use crate::files::Missing;

/// How far the update was noted to be when it was cut off; `None` where it was not noted at all.
fn noted(room: &Room) -> Option<Update> {
    let store = Store::open(&room.places().records, Missing::Fail).unwrap();
    let record = store.read(&ServiceName::parse("foo").unwrap()).unwrap();
    record.unwrap().update
}

#[test]
fn what_was_started_for_once_is_let_end_and_not_brought_up_for_good() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    room.model.told_down();
    room.model.told_once();
    let read = room.model.read.len();
    assert!(matches!(room.flush()[0], Outcome::Lasts(_)));
    assert!(room.model.running && !room.model.wanted);
    assert_eq!(room.live(), Some("1"));
    room.model.die();
    assert_eq!(room.flush(), [Outcome::Ended(Ended::Updated)]);
    assert_eq!((room.live(), room.model.read.len()), (Some("2"), read));
    assert!(!room.model.wanted && room.is_clean());
}

#[test]
fn an_update_that_is_denied_before_anything_was_replaced_is_no_try_and_stays_due() {
    let mut withheld = 0;
    cut_off_at_each(|mut room, nth| {
        let changing = Definitions::change(room.places()).unwrap();
        let mut looked = changing.survey().unwrap();
        let looked = looked.remove(0);
        if looked.standing != Standing::UnderWay(Phase::Stopping) {
            return;
        }
        let denied = Starts::Denied("held".to_owned());
        let ended = changing.bring(&looked, &mut room.model, denied).unwrap();
        let expected = Outcome::Ended(Ended::Withheld("held".to_owned()));
        assert_eq!(ended, expected, "step {nth}");
        drop(changing);
        let looked = room.look().remove(0);
        assert!(matches!(looked.standing, Standing::Outdated(_)));
        assert_eq!(looked.failed, None, "step {nth}");
        withheld += 1;
    });
    assert!(withheld > 0);
}

#[test]
fn what_somebody_takes_down_after_it_was_cut_off_stays_down_and_is_brought_up_to_date() {
    let mut told = 0;
    cut_off_at_each(|mut room, nth| {
        let update = noted(&room);
        let has_marks = |update: &Update| update.parts.iter().all(|part| part.left.is_some());
        room.model.told_down();
        let read = room.model.read.len();
        room.flush();
        assert!(room.is_clean(), "step {nth}");
        match update {
            // It was up, and is down now.
            None => assert_eq!(room.model.read.len(), read, "step {nth}"),
            Some(update) if has_marks(&update) => {
                assert_eq!(room.model.read.len(), read, "step {nth}");
                assert!(!room.model.wanted && room.live() == Some("2"), "step {nth}");
                told += 1;
            }
            // Nobody can tell it from what we were about to do.
            Some(_) => {}
        }
    });
    assert!(told > 5, "{told}");
}

#[test]
fn without_a_supervisor_what_was_up_comes_up_with_it_and_is_not_rolled_back() {
    cut_off_at_each(|mut room, nth| {
        let Some(_) = noted(&room) else { return };
        // The machine boots, and its scanner does not run yet.
        (room.model.running, room.model.supervised) = (false, false);
        room.flush();
        assert_eq!(room.live(), Some("2"), "step {nth}");
        assert!(room.is_clean() && room.look()[0].failed.is_none());
        room.model.supervised = true;
        room.model.boot();
        assert!(room.model.running, "step {nth}");
        assert_eq!(room.model.read.last().unwrap(), "2", "step {nth}");
    });
}

#[test]
fn what_was_cut_off_is_finished_also_where_all_stock_definitions_are_gone() {
    cut_off_at_each(|mut room, nth| {
        fs::remove_dir_all(room.top.path().join("stock")).unwrap();
        let was_noted = noted(&room).is_some();
        let found = Definitions::open(room.places()).unwrap().cut_off().unwrap();
        assert_eq!(found.len(), usize::from(was_noted), "step {nth}");
        room.flush();
        assert!(room.live().is_some() && room.model.running, "step {nth}");
        assert!(!room.model.live.join("down").exists(), "step {nth}");
        assert_eq!(room.look(), [], "step {nth}");
    });
}

#[test]
fn what_its_package_has_done_in_upgrades_is_read_beside_the_live_definition() {
    let room = Room::new();
    room.write("live", &[".meta/onupgrade"], "nostop");
    assert_eq!(room.look()[0].upgrading, Upgrading::Stays);
    let file = room.model.live.join(".meta/onupgrade");
    fs::remove_file(&file).unwrap();
    symlink("/etc/hostname", &file).unwrap();
    assert_eq!(room.look()[0].upgrading, Upgrading::Restarts);
}
