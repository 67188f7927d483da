//! What a flush brings back in part: the rest waits, for dpkg or for a person.

use super::*;

#[test]
fn a_dependent_that_is_not_configured_is_waited_for_and_one_that_is_denied_is_not() {
    let deny = "[[rule]]\nservice = [\"bar\"]\naction = [\"start\"]\ndecide = \"deny\"\n";
    for (state, rule, again) in [
        ("unpacked", "", Again::Later),
        ("installed", deny, Again::No),
    ] {
        let mut room = Room::new();
        room.init.add(Spec::new(name("bar")), Image::Whole(1));
        room.stopped();
        let mut entry = room.ledger().all().unwrap().entries.remove(0);
        entry.down.as_mut().unwrap().units.push(Stopped {
            unit: name("bar"),
            was_enabled: Some(true),
            down_since: None,
            dependent: true,
        });
        room.ledger().lock().unwrap().put(&entry).unwrap();
        let dpkg = room.directory.path().join("var/lib/dpkg");
        fs::create_dir_all(dpkg.join("info")).unwrap();
        let status = format!("Package: bar\nStatus: install ok {state}\n");
        fs::write(dpkg.join("status"), status).unwrap();
        fs::write(
            dpkg.join("info/bar.list"),
            "/usr/lib/systemd/system/bar.service\n",
        )
        .unwrap();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (left, said) = flush_on(Occasion::BatchEnd, &mut room.init, ledger, root, rule);
        assert_eq!(left.again, again, "{said}");
        assert!(
            room.is_up("foo") && !room.is_up("bar") && room.is_owed(),
            "{said}"
        );
        let why = match again {
            Again::Later => "bar.service waits until its package is configured",
            Again::No => "start of bar.service is denied",
        };
        assert!(said.contains(why), "{said}");
    }
}

/// `foo` runs and is owed a restart until somebody flushes or the machine boots; its timer and its socket
/// went down by a stop of ours.
fn waits_for_longer(until: Until) -> Room {
    let mut room = Room::new();
    let timer = Spec::trigger(name("foo.timer"), name("foo"));
    room.init.add(timer, Image::Whole(1));
    room.job(Verb::Start, "foo.timer");
    for unit in ["foo.timer", "foo.socket"] {
        room.job(Verb::Stop, unit);
    }
    assert!(room.is_up("foo"));
    room.owes(|entry| {
        restart(entry);
        entry.kept_running = false;
        entry.owed.as_mut().unwrap().until = until;
        let stopped = |unit: &str| Stopped {
            unit: name(unit),
            was_enabled: Some(true),
            down_since: None,
            dependent: false,
        };
        entry.down = Some(Down {
            units: vec![stopped("foo.socket"), stopped("foo.timer")],
            ..Down::default()
        });
    });
    room
}

#[test]
fn what_can_come_back_beside_the_service_does_although_its_restart_waits_for_longer() {
    for (until, occasion) in [
        (Until::Flush, Occasion::BatchEnd),
        (Until::Reboot, Occasion::BatchEnd),
        (Until::Reboot, Occasion::ByHand(&[])),
    ] {
        let mut room = waits_for_longer(until);
        let before = room.run();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (left, said) = flush_on(occasion, &mut room.init, ledger, root, "");
        assert_eq!(left, Left::NOTHING, "{said}");
        assert_eq!(said, "foo: start of foo.timer done\n");
        assert!(room.is_up("foo.timer") && !room.is_up("foo.socket"));
        assert_eq!(room.run(), before, "it was not restarted: {said}");
        let entry = room.owed().unwrap();
        assert_eq!(entry.owed.map(|owed| owed.until), Some(until));
        let units = entry.down.unwrap().units;
        assert_eq!(units.len(), 1, "the socket comes up with its restart");
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (left, said) = flush_on(occasion, &mut room.init, ledger, root, "");
        assert_eq!((left, said.as_str()), (Left::NOTHING, ""));
    }
}

#[test]
fn what_may_not_be_started_is_not_brought_back_beside_what_waits_either() {
    let mut room = waits_for_longer(Until::Flush);
    let rule = "[[rule]]\nservice = [\"foo.timer\"]\naction = [\"start\"]\ndecide = \"deny\"\n";
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let (_, said) = flush_on(Occasion::BatchEnd, &mut room.init, ledger, root, rule);
    assert!(!room.is_up("foo.timer"), "{said}");
    assert_eq!(room.owed().unwrap().down.unwrap().units.len(), 2, "{said}");
}

#[test]
fn a_service_that_is_down_itself_comes_back_and_needs_no_restart_any_more() {
    let mut room = Room::new();
    room.stopped();
    let mut entry = room.owed().unwrap();
    restart(&mut entry);
    entry.kept_running = false;
    entry.owed.as_mut().unwrap().until = Until::Reboot;
    room.ledger().lock().unwrap().put(&entry).unwrap();
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let (left, said) = flush_on(Occasion::BatchEnd, &mut room.init, ledger, root, "");
    assert_eq!(left, Left::NOTHING, "{said}");
    assert!(room.is_up("foo") && room.is_up("foo.socket"), "{said}");
    assert!(!room.is_owed(), "{said}");
}

#[test]
fn what_a_flush_by_hand_has_left_down_with_its_group_is_finished_at_the_batchs_end() {
    let half = |entry: &mut Entry| {
        begun(entry, Due::Restart, Contact::Sent, 0);
        let unit = entry.unit.clone();
        entry.down = Some(Down {
            units: vec![Stopped {
                unit,
                was_enabled: Some(true),
                down_since: None,
                dependent: false,
            }],
            ..Down::default()
        });
    };
    let mut room = Room::new();
    room.job(Verb::Stop, "foo.socket");
    room.job(Verb::Stop, "foo");
    room.owes(half);
    assert!(is_anything_due(&room.ledger()));
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let (left, said) = flush_on(Occasion::BatchEnd, &mut room.init, ledger, root, "");
    assert_eq!(left, Left::NOTHING, "{said}");
    assert!(room.is_up("foo") && !room.is_owed(), "{said}");
}

#[test]
fn of_services_that_nobody_named_no_more_is_paid_than_by_a_flush_of_all() {
    let foo = [name("foo").service()];
    for (until, occasion, paid) in [
        (Until::Reboot, Occasion::Among(&foo), false),
        (Until::Flush, Occasion::Among(&foo), true),
        (Until::Reboot, Occasion::ByHand(&foo), true),
    ] {
        let mut room = Room::new();
        room.owes(|entry| {
            restart(entry);
            entry.owed.as_mut().unwrap().until = until;
        });
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (_, said) = flush_on(occasion, &mut room.init, ledger, root, "");
        assert_eq!(!room.is_owed(), paid, "{until:?} {occasion:?}: {said}");
    }
}

#[test]
fn while_no_window_is_open_what_is_only_owed_waits_and_what_is_down_comes_back() {
    let shut = Occasion::OnlyDown(&Occasion::BatchEnd);
    let mut waits = Room::new();
    waits.owes(restart);
    let before = waits.run();
    let (ledger, root) = (waits.ledger(), waits.directory.path().to_path_buf());
    let (left, said) = flush_on(shut, &mut waits.init, ledger, root, "");
    assert_eq!((left, said.as_str()), (Left::NOTHING, ""));
    assert!(waits.run() == before && waits.is_owed());
    for owes_restart in [false, true] {
        let mut room = Room::new();
        room.stopped();
        let mut entry = room.owed().unwrap();
        if owes_restart {
            restart(&mut entry);
            entry.kept_running = false;
        }
        room.ledger().lock().unwrap().put(&entry).unwrap();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (left, said) = flush_on(shut, &mut room.init, ledger, root, "");
        assert_eq!(left, Left::NOTHING, "{said}");
        assert!(room.is_up("foo") && room.is_up("foo.socket"), "{said}");
        assert!(!room.is_owed(), "{said}");
    }
}

#[test]
fn a_start_that_is_owed_and_what_was_begun_wait_for_no_window() {
    let shut = Occasion::OnlyDown(&Occasion::BatchEnd);
    let owing = |due: Due, begun: Option<Begun>| {
        let mut entry = Entry::new(name("foo"), life(), Who::default(), 0, "x");
        entry.owed = Some(Owed {
            due,
            until: Until::Batch,
            reasons: Vec::new(),
            at: None,
            begun,
        });
        entry
    };
    let at = Begun {
        at: 1,
        contact: Contact::Sent,
    };
    for (entry, pays) in [
        (owing(Due::Start, None), true),
        (owing(Due::Restart, Some(at)), true),
        (owing(Due::Restart, None), false),
        (owing(Due::Reload, None), false),
        (owing(Due::Stop, None), false),
    ] {
        assert_eq!(shut.pays(&entry), pays, "{entry:?}");
        assert!(Occasion::BatchEnd.pays(&entry));
    }
    let foo = [name("foo").service()];
    let without = Occasion::Without(&Occasion::BatchEnd, &foo);
    assert!(!Occasion::OnlyDown(&without).pays(&owing(Due::Start, None)));
    assert!(shut.is_only_down() && shut.is_batch_end() && shut.is_of_all());
}
