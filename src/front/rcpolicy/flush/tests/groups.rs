//! Flushing what is owed to members of a group: one stop of all and one start of all, in their order, also
//! after a flush that was cut off on the way.

use std::cell::Cell;

use super::*;

const GROUP: &str = "[group.mail]\nmembers = [\"mail\", \"mail@\"]\n";
const UP: [&str; 3] = ["mail", "mail@a", "mail@b"];

impl Room {
    /// `mail` and two instances that run, `mail@c` that does not, and a restart that is owed to the
    /// instance `a`.
    fn with_family() -> Self {
        let mut room = Self::new();
        for text in UP.into_iter().chain(["mail@c"]) {
            room.init.add(Spec::new(name(text)), Image::Whole(1));
        }
        for text in UP {
            room.job(Verb::Start, text);
        }
        room.owes_to_upgrade("mail@a", restart);
        for text in UP.into_iter().chain(["mail@c"]) {
            room.init.replace_files(&name(text), Image::Whole(2));
        }
        room
    }

    fn owes_to_upgrade(&self, text: &str, change: impl FnOnce(&mut Entry)) {
        let who = Who {
            caller: Caller {
                package: Some("mail".to_owned()),
                script: Some("postinst".to_owned()),
                phase: Phase::Upgrade,
            },
            front: Some(FrontEnd::DebSystemdInvoke),
            pid: 1,
        };
        let mut entry = Entry::new(name(text), life(), who, self.init.epoch(), "x");
        change(&mut entry);
        self.ledger().lock().unwrap().put(&entry).unwrap();
    }

    fn owed_to_members(&self) -> Vec<String> {
        let entries = self.ledger().all().unwrap().entries;
        entries
            .iter()
            .map(|entry| entry.service.to_string())
            .collect()
    }

    /// The members that run new files.
    fn renewed(&self) -> Vec<&'static str> {
        let runs_new = |text: &&&'static str| {
            let process = self.init.view(&name(text)).unwrap().process;
            process.is_some_and(|process| process.image == Image::Whole(2))
        };
        UP.iter().filter(runs_new).copied().collect()
    }
}

#[test]
fn a_restart_of_one_member_stops_all_and_starts_all_in_their_order() {
    let mut room = Room::with_family();
    let mut asked: Vec<Vec<String>> = Vec::new();
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let mut init = Watched::new(&mut room.init);
    init.before = Box::new(|jobs| {
        let words = jobs.iter().map(|job| format!("{} {}", job.verb, job.unit));
        asked.push(words.collect());
        None
    });
    let (status, said) = flush_by(&mut init, ledger, root, GROUP);
    drop(init);
    assert_eq!(status, 0, "{said}");
    let expected: [&[&str]; 3] = [
        &[
            "stop mail@a.service",
            "stop mail@b.service",
            "stop mail.service",
        ],
        &["start mail.service"],
        &["start mail@a.service", "start mail@b.service"],
    ];
    assert_eq!(asked, expected);
    assert_eq!(room.renewed(), UP);
    assert!(!room.is_up("mail@c"), "what did not run stays down");
    assert!(!room.is_owed(), "{said}");
}

#[test]
fn members_that_are_all_owed_a_restart_are_restarted_once() {
    let mut room = Room::with_family();
    room.owes_to_upgrade("mail", restart);
    room.owes_to_upgrade("mail@b", restart);
    let (status, said) = room.flush(GROUP);
    assert_eq!((status, said.lines().count()), (0, 3), "{said}");
    assert_eq!(room.renewed(), UP);
    let starts = |unit: &str| {
        let jobs = room.init.record().iter().filter(|moment| {
            matches!(&moment.what, crate::init::simulated::Happened::State { unit: of, active, .. }
                if *of == name(unit) && *active == ActiveState::Active)
        });
        jobs.count()
    };
    assert_eq!(UP.map(starts), [2, 2, 2], "its first start and one more");
}

#[test]
fn a_member_that_is_owed_a_reload_is_restarted_with_its_group() {
    let mut room = Room::with_family();
    room.owes_to_upgrade("mail", |entry| {
        restart(entry);
        entry.kept_running = false;
        entry.owed.as_mut().unwrap().due = Due::Reload;
    });
    let (status, said) = room.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert_eq!(room.renewed(), UP);
    assert!(!room.is_owed(), "{said}");
}

#[test]
fn a_flush_that_is_cut_off_between_any_two_steps_is_finished_by_the_next_one() {
    for calls in 0..3 {
        let mut room = Room::with_family();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let done = Cell::new(0);
        let cut = std::panic::AssertUnwindSafe(|| {
            let mut init = Watched::new(&mut room.init);
            init.before = Box::new(|_| {
                assert!(done.get() < calls, "cut off");
                done.set(done.get() + 1);
                None
            });
            flush_by(&mut init, ledger, root, GROUP)
        });
        assert!(std::panic::catch_unwind(cut).is_err(), "{calls}");
        let (status, said) = room.flush(GROUP);
        assert_eq!(status, 0, "{calls}: {said}");
        let (status, said) = room.flush(GROUP);
        assert_eq!((status, said.as_str()), (0, "nothing is owed\n"), "{calls}");
        assert_eq!(room.renewed(), UP, "{calls}");
        assert!(!room.is_up("mail@c"), "{calls}");
    }
}

#[test]
fn a_member_that_fails_stays_owed_and_fails_no_other() {
    let mut room = Room::with_family();
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let mut init = Watched::new(&mut room.init);
    init.broken = vec![name("mail@b")];
    let (status, said) = flush_by(&mut init, ledger, root, GROUP);
    drop(init);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("mail@b: still owed"), "{said}");
    assert_eq!(room.owed_to_members(), ["mail@b"], "{said}");
}

#[test]
fn where_a_member_may_not_be_restarted_what_is_owed_is_paid_alone() {
    let mut room = Room::with_family();
    let rule = "[[rule]]\nservice = \"mail\"\naction = \"restart\"\ndecide = \"deny\"\n";
    let (status, said) = room.flush(&format!("{GROUP}{rule}"));
    assert_eq!(status, 0, "{said}");
    assert_eq!(room.renewed(), ["mail@a"]);
}

#[test]
fn a_template_that_was_asked_for_while_its_init_was_away_stands_for_what_runs_of_it() {
    let mut room = Room::with_family();
    room.ledger()
        .lock()
        .unwrap()
        .strike(&name("mail@a").service())
        .unwrap();
    room.owes_to_upgrade("mail@", |entry| {
        restart(entry);
        entry.kept_running = false;
    });
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let (left, said) = flush_on(Occasion::BatchEnd, &mut room.init, ledger, root, "");
    assert_eq!(left, Left::NOTHING, "{said}");
    assert_eq!(room.renewed(), ["mail@a", "mail@b"], "{said}");
    assert!(!room.is_up("mail@c"), "what did not run stays down");
    assert_eq!(room.owed_to_members(), Vec::<String>::new(), "{said}");
}

#[test]
fn a_member_that_is_owed_a_stop_stays_down_while_its_group_turns() {
    let mut room = Room::with_family();
    room.owes_to_upgrade("mail@b", |entry| {
        restart(entry);
        entry.kept_running = false;
        entry.owed.as_mut().unwrap().due = Due::Stop;
    });
    let (status, said) = room.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert_eq!(room.renewed(), ["mail", "mail@a"], "{said}");
    assert!(!room.is_up("mail@b"), "{said}");
}
