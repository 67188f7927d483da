//! Stock and live definitions in other places than usual, or in others' hands.

use super::*;

#[test]
fn where_stock_and_live_are_one_place_nothing_is_done() {
    let mut room = Room::new();
    fs::remove_dir_all(room.top.path().join("stock")).unwrap();
    symlink("live", room.top.path().join("stock")).unwrap();
    assert!(Definitions::open(room.places()).unwrap().survey().is_err());
    fs::remove_file(room.top.path().join("stock")).unwrap();
    fs::create_dir(room.top.path().join("stock")).unwrap();
    symlink("../live/foo", room.top.path().join("stock/foo")).unwrap();
    room.model.supervised = false;
    assert!(room.flush().is_empty());
    assert_eq!(room.live(), Some("1"));
}

#[test]
fn a_stock_definition_that_is_elsewhere_now_is_not_gone() {
    let mut room = Room::new();
    room.model.supervised = false;
    let stock = room.top.path().join("stock/foo");
    fs::remove_dir_all(&stock).unwrap();
    symlink("/nowhere", &stock).unwrap();
    assert!(room.flush().is_empty());
    let other = room.top.path().join("other");
    fs::create_dir(&other).unwrap();
    let places = Places {
        stock: other,
        ..room.places()
    };
    assert_eq!(Definitions::open(places).unwrap().survey().unwrap(), []);
    assert_eq!(room.live(), Some("1"));
}

#[test]
fn a_live_directory_that_others_may_write_to_is_refused_and_told() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    fs::set_permissions(&room.model.live, fs::Permissions::from_mode(0o777)).unwrap();
    let Standing::Refused(why) = room.look().remove(0).standing else {
        panic!();
    };
    assert!(why.contains("others than its owner"), "{why}");
    let changing = Definitions::change(room.places()).unwrap();
    let looked = room.look().remove(0);
    let brought = changing.bring(&looked, &mut room.model, Starts::Allowed);
    assert!(brought.is_err());
    assert_eq!((room.live(), room.model.read.len()), (Some("1"), 0));
}
