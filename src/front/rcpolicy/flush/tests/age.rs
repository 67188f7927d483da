//! Flushing what is restarted only where it is stale.

use super::*;

const RULE: &str = "[[rule]]\nservice = \"foo\"\ndecide = \"if-stale\"\n";

#[test]
fn what_nobody_knows_to_be_fresh_is_restarted_and_it_is_said_why() {
    let mut room = Room::new();
    room.owes(restart);
    let before = room.run();
    let (status, said) = room.flush(RULE);
    assert_eq!(status, 0, "{said}");
    assert_ne!(room.run(), before);
    assert!(!room.is_owed());
    let why = "restart of foo.service done (it may be stale, which is not known: ";
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_service_that_somebody_stopped_is_not_started_to_find_out() {
    let mut room = Room::new();
    room.owes(restart);
    room.job(Verb::Stop, "foo.socket");
    room.job(Verb::Stop, "foo");
    let (_, said) = room.flush(RULE);
    assert!(!room.is_up("foo"), "{said}");
}
