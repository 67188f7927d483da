//! Flushes that were cut off, and what others asked for and did not see the end of.

use super::*;

#[test]
fn a_flush_that_is_cut_off_before_its_restart_leaves_it_to_the_next_one() {
    let mut room = Room::new();
    room.owes(restart);
    let before = room.run();
    room.flush_cut_off();
    assert_eq!(room.run(), before);
    assert!(room.is_owed());
    let (status, said) = room.flush("");
    assert_eq!(
        (status, said.as_str()),
        (0, "foo: restart of foo.service done\n")
    );
    assert_ne!(room.run(), before);
    assert!(!room.is_owed());
}

#[test]
fn what_a_flush_did_before_it_was_cut_off_is_not_done_twice() {
    let mut room = Room::new();
    room.owes(restart);
    room.flush_cut_off();
    room.job(Verb::Restart, "foo");
    let after = room.run();
    let (status, said) = room.flush("");
    assert_eq!(
        (status, said.as_str()),
        (0, "foo: its restart was done already\n")
    );
    assert_eq!(room.run(), after);
    assert!(!room.is_owed());
}

#[test]
fn what_a_cut_off_flush_has_restarted_still_gets_its_triggers_back() {
    let mut room = Room::new();
    room.stopped();
    let mut entry = room.owed().unwrap();
    restart(&mut entry);
    room.ledger().lock().unwrap().put(&entry).unwrap();
    room.job(Verb::Start, "foo");
    room.flush_cut_off();
    room.job(Verb::Restart, "foo");
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    // A socket cannot be started while its service runs: here a second restart has to be.
    assert!(room.is_up("foo.socket") && room.is_up("foo"), "{said}");
    assert!(!room.is_owed());
}

#[test]
fn a_restart_that_came_to_be_owed_after_the_cut_is_done() {
    let mut room = Room::new();
    room.owes(restart);
    room.flush_cut_off();
    room.job(Verb::Restart, "foo");
    let after = room.run();
    let mut later = room.owed().unwrap();
    later.owed.as_mut().unwrap().begun = None;
    let _merged = room.ledger().lock().unwrap().merge(later).unwrap();
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert_ne!(room.run(), after, "{said}");
}

#[test]
fn a_force_stop_that_is_owed_kills_the_service_and_is_struck_once_that_is_down() {
    let mut room = Room::new();
    let at = room.init.now();
    room.owes(|entry| begun(entry, Due::ForceStop, Contact::Sent, at));
    let (status, said) = room.flush("");
    assert_eq!((status, said.as_str()), (0, "foo: foo.service killed\n"));
    assert!(!room.is_up("foo"));
    assert!(!room.is_owed());
}

#[test]
fn a_killed_service_that_stands_for_active_with_nothing_left_that_runs_is_paid() {
    for (main_pid, paid) in [(0, true), (7, false)] {
        let mut room = Room::new();
        room.owes(|entry| {
            restart(entry);
            entry.kept_running = false;
            entry.owed.as_mut().unwrap().due = Due::ForceStop;
        });
        let (status, said) = room.flush_watched(|init| {
            init.shown = Box::new(move |seen| {
                seen.active = Known::Is(ActiveState::Active);
                seen.main_pid = main_pid;
            });
        });
        assert_eq!(status, u8::from(!paid), "{said}");
        assert_eq!(room.is_owed(), !paid, "{said}");
    }
}

#[test]
fn a_force_stop_that_is_denied_stays_owed() {
    let mut room = Room::new();
    room.owes(|entry| begun(entry, Due::ForceStop, Contact::Sent, 0));
    let rule = "[[rule]]\nservice = [\"foo\"]\naction = [\"force-stop\"]\ndecide = \"deny\"\n";
    let (status, said) = room.flush(rule);
    assert_eq!(status, 1, "{said}");
    assert!(room.is_up("foo") && room.is_owed(), "{said}");
}

#[test]
fn what_a_frozen_init_dropped_with_its_connection_is_asked_for_again() {
    let mut room = Room::new();
    let (at, before) = (room.init.now(), room.run());
    room.owes(|entry| begun(entry, Due::Restart, Contact::Pending, at));
    let (status, said) = room.flush("");
    assert_eq!(
        (status, said.lines().next()),
        (0, Some("foo: restart of foo.service done"))
    );
    assert_ne!(room.run(), before);
    let seconds = (room.init.now() - at) / 1_000_000;
    assert!((5..10).contains(&seconds), "after {seconds} s");
    assert!(!room.is_owed());
}

#[test]
fn what_a_frozen_init_carried_out_after_all_is_not_done_twice() {
    let mut room = Room::new();
    let at = room.init.now();
    room.owes(|entry| begun(entry, Due::Restart, Contact::Pending, at));
    room.init.pass(1_000_000);
    room.job(Verb::Restart, "foo");
    let after = room.run();
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert_eq!(room.run(), after);
    assert!(!room.is_owed());
}

#[test]
fn who_has_to_wait_for_what_is_under_way_is_told_so() {
    let mut room = Room::new();
    let slow = Spec {
        stop_takes: 20_000_000,
        ..Spec::new(name("foo"))
    };
    room.init.add(slow, Image::Whole(1));
    room.job(Verb::Start, "foo");
    let at = room.init.now();
    let stop = Job::new(Verb::Stop, name("foo"));
    let _queued = room.init.run(&[stop], Wait::Queued).unwrap();
    room.owes(|entry| begun(entry, Due::Stop, Contact::Taken, at));
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    let waiting = "waiting to see what becomes of the stop of foo, for 100 s";
    assert_eq!(said.matches(waiting).count(), 1, "{said}");
    assert!(said.contains("foo: its stop was done already"), "{said}");
}

#[test]
fn a_restart_in_two_halves_that_a_cut_off_flush_had_done_is_not_done_twice() {
    let mut room = Room::new();
    room.stopped();
    let mut entry = room.owed().unwrap();
    restart(&mut entry);
    room.ledger().lock().unwrap().put(&entry).unwrap();
    room.job(Verb::Start, "foo");
    room.flush_cut_off();
    // What the flush was about to ask for: a socket cannot be started while its service runs.
    room.job(Verb::Stop, "foo");
    room.job(Verb::Start, "foo.socket");
    room.job(Verb::Start, "foo");
    let after = room.run();
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert_eq!(room.run(), after, "{said}");
    assert!(!room.is_owed());
}
