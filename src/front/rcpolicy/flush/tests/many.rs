//! Flushing many debts at once: one transaction, and each paid, kept or counted for itself.

use super::*;
use crate::domain::UnitName;
use crate::init::simulated::Course;
use crate::ledger::Failed;

const MS: u64 = 1_000;
const NAMES: [&str; 3] = ["bar", "baz", "qux"];

impl Room {
    /// `foo` and three more that run, each of which is owed a restart.
    fn with_many() -> Self {
        let mut room = Self::new();
        for text in NAMES {
            let mut spec = Spec::new(name(text));
            spec.start_takes = 10 * MS;
            room.init.add(spec, Image::Whole(1));
            room.job(Verb::Start, text);
        }
        for text in NAMES {
            room.owes_to(text, restart);
        }
        room.owes(restart);
        room
    }

    fn owes_to(&self, text: &str, change: impl FnOnce(&mut Entry)) {
        let who = Who {
            front: Some(FrontEnd::InvokeRcD),
            ..Who::default()
        };
        let mut entry = Entry::new(name(text), life(), who, self.init.epoch(), "x");
        change(&mut entry);
        self.ledger().lock().unwrap().put(&entry).unwrap();
    }

    fn noted(&self, text: &str) -> Option<Entry> {
        let reading = self.ledger().read(&name(text).service());
        reading.ok()?.current()
    }

    fn owed_names(&self) -> Vec<String> {
        let entries = self.ledger().all().unwrap().entries;
        entries
            .iter()
            .map(|entry| entry.service.to_string())
            .collect()
    }

    fn flush_at_batch_end(&mut self, broken: &[&str]) -> (Left, String) {
        let (ledger, root) = (self.ledger(), self.directory.path().to_path_buf());
        let mut init = Watched::new(&mut self.init);
        init.broken = broken.iter().map(|text| name(text)).collect();
        flush_on(Occasion::BatchEnd, &mut init, ledger, root, "")
    }
}

fn tries(entry: &Entry) -> u32 {
    entry.failed.as_ref().map_or(0, |failed| failed.tries)
}

#[test]
fn all_jobs_are_asked_for_before_the_first_is_awaited() {
    let mut room = Room::with_many();
    let mut asked = Vec::new();
    let (status, said) = room.flush_watched(|init| {
        init.before = Box::new(|jobs| {
            asked.push(jobs.len());
            None
        });
    });
    assert_eq!(status, 0, "{said}");
    assert_eq!(asked, [4], "{said}");
    assert!(!room.is_owed());
    assert_eq!(said.matches(" done\n").count(), 4, "{said}");
}

#[test]
fn one_that_fails_fails_no_other_and_stays_owed_with_the_reason() {
    let mut room = Room::with_many();
    let (status, said) = room.flush_watched(|init| init.broken = vec![name("baz")]);
    assert_eq!(status, 1, "{said}");
    assert_eq!(room.owed_names(), ["baz"], "{said}");
    let failed = room.noted("baz").unwrap().failed.unwrap();
    assert_eq!(failed.tries, 1);
    assert!(failed.why.contains("exit-code"), "{failed:?}");
    let line = "baz: still owed: restart of baz.service failed: its job ended as failed";
    assert!(said.contains(line), "{said}");
}

#[test]
fn a_batchs_end_tries_so_often_and_no_more_and_a_person_as_often_as_they_like() {
    let mut room = Room::with_many();
    for (again, count) in [(Again::Later, 1), (Again::Later, 2), (Again::No, 3)] {
        let (left, said) = room.flush_at_batch_end(&["baz"]);
        assert_eq!(left.again, again, "{said}");
        assert_eq!(tries(&room.noted("baz").unwrap()), count, "{said}");
    }
    let (left, said) = room.flush_at_batch_end(&[]);
    assert_eq!((left.ending, left.again), (Ending::No, Again::No), "{said}");
    assert!(said.contains("it failed 3 times"), "{said}");
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(!room.is_owed(), "{said}");
}

#[test]
fn what_is_asked_for_anew_is_tried_anew() {
    let mut room = Room::with_many();
    for _ in 0..3 {
        let _left = room.flush_at_batch_end(&["baz"]);
    }
    let mut anew = room.noted("baz").unwrap();
    anew.failed = None;
    let _merged = room.ledger().lock().unwrap().merge(anew).unwrap();
    let (left, said) = room.flush_at_batch_end(&[]);
    assert_eq!(left, Left::NOTHING, "{said}");
    assert!(!room.is_owed());
}

#[test]
fn a_service_that_our_own_try_left_down_is_started_by_the_next_one() {
    let mut room = Room::with_many();
    room.init.pass(2_000_000);
    room.job(Verb::Stop, "baz");
    room.init.pass(2_000_000);
    let at = room.init.now();
    room.owes_to("baz", |entry| {
        restart(entry);
        entry.owed.as_mut().unwrap().at = Some(1);
        entry.failed = Some(Failed {
            tries: 1,
            why: "x".to_owned(),
            when: 0,
            at,
        });
    });
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(room.is_up("baz"), "{said}");
}

#[test]
fn what_was_restarted_since_it_was_asked_for_is_struck_and_not_restarted_again() {
    let mut room = Room::with_many();
    let at = room.init.now();
    room.owes_to("baz", |entry| {
        restart(entry);
        entry.owed.as_mut().unwrap().at = Some(at);
    });
    room.init.pass(1);
    room.job(Verb::Restart, "baz");
    let run = |room: &Room| room.init.view(&name("baz")).unwrap().process;
    let before = run(&room);
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    let line = "baz: was started since its restart was asked for\n";
    assert!(said.contains(line), "{said}");
    assert_eq!(run(&room), before);
    assert!(!room.is_owed());
}

#[test]
fn a_service_that_runs_once_and_takes_long_keeps_no_other_from_being_struck() {
    let mut room = Room::with_many();
    let slow = Spec {
        course: Course::Once,
        start_takes: 300_000_000,
        ..Spec::new(name("slow"))
    };
    room.init.add(slow, Image::Whole(1));
    room.owes_to("slow", restart);
    let began = room.init.now();
    let (left, said) = room.flush_at_batch_end(&[]);
    assert_eq!(left.again, Again::Later, "{said}");
    assert_eq!(room.owed_names(), ["slow"], "{said}");
    assert!(room.init.now() - began < 1_000_000, "{said}");
    // A person is told how it ends.
    room.init.pass(250_000_000);
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("slow: its restart was done already"),
        "{said}"
    );
    assert!(!room.is_owed());
}

#[test]
fn a_service_that_runs_once_is_struck_if_it_has_ended_by_the_time_that_the_others_have() {
    let mut room = Room::with_many();
    for (text, course, start_takes) in [
        ("once", Course::Once, 300 * MS),
        ("long", Course::Stays, 5_000 * MS),
    ] {
        let spec = Spec {
            course,
            start_takes,
            ..Spec::new(name(text))
        };
        room.init.add(spec, Image::Whole(1));
        room.owes_to(text, restart);
    }
    let (left, said) = room.flush_at_batch_end(&[]);
    assert!(
        said.contains("once: its restart was done already"),
        "{said}"
    );
    assert_eq!(left.again, Again::No, "{said}");
    assert!(!room.is_owed(), "{said}");
}

#[test]
fn one_that_takes_long_and_fails_is_tried_once_a_flush() {
    let mut room = Room::with_many();
    let slow = Spec {
        start_takes: 5_000_000,
        ..Spec::new(name("slow"))
    };
    room.init.add(slow, Image::Whole(1));
    room.owes_to("slow", restart);
    let mut asked = 0;
    let (status, said) = room.flush_watched(|init| {
        init.told = Box::new(|unit| unit.oneshot = unit.id == name("slow"));
        init.shown = Box::new(|seen| {
            if seen.unit == name("slow") && seen.active.is_and(|state| state.is_active()) {
                seen.active = Known::Is(ActiveState::Failed);
                seen.result = "exit-code".to_owned();
            }
        });
        init.before = Box::new(|jobs| {
            asked += jobs.iter().filter(|job| job.unit == name("slow")).count();
            None
        });
    });
    assert_eq!((status, asked), (1, 1), "{said}");
    assert_eq!(room.owed_names(), ["slow"], "{said}");
    assert_eq!(tries(&room.noted("slow").unwrap()), 1, "{said}");
}

#[test]
fn definitions_are_read_again_once_and_only_where_one_that_is_needed_has_changed() {
    for (outdated, expected) in [(vec!["bar", "baz"], 1), (vec![], 0)] {
        let mut room = Room::with_many();
        let outdated: Vec<UnitName> = outdated.into_iter().map(name).collect();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let mut init = Watched::new(&mut room.init);
        init.told = Box::new(move |unit| unit.needs_reload = outdated.contains(&unit.id));
        let (status, said) = flush_by(&mut init, ledger, root, "");
        assert_eq!(status, 0, "{said}");
        assert_eq!(init.rereads, expected, "{said}");
    }
}

#[test]
fn a_flush_that_is_cut_off_has_noted_of_all_that_they_were_begun() {
    let mut room = Room::with_many();
    room.flush_cut_off();
    let entries = room.ledger().all().unwrap().entries;
    let begun = |entry: &Entry| entry.owed.as_ref().unwrap().begun.is_some();
    assert!(entries.len() == 4 && entries.iter().all(begun));
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(!room.is_owed());
}

#[test]
fn what_may_not_be_done_keeps_nobody_else_from_being_paid() {
    let mut room = Room::with_many();
    let rule = "[[rule]]\nservice = [\"baz\"]\naction = [\"restart\"]\ndecide = \"deny\"\n";
    let (status, said) = room.flush(rule);
    assert_eq!(status, 1, "{said}");
    assert_eq!(room.owed_names(), ["baz"], "{said}");
    assert_eq!(
        tries(&room.noted("baz").unwrap()),
        0,
        "a denial is no failure"
    );
}

#[test]
fn one_that_is_not_over_in_time_goes_on_and_is_no_failure() {
    let mut room = Room::with_many();
    let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
    let mut init = Watched::new(&mut room.init);
    init.before = Box::new(|_| Some(JobFailure::TimedOut { seconds: 100 }));
    let (left, said) = flush_on(Occasion::BatchEnd, &mut init, ledger, root, "");
    drop(init);
    assert_eq!(left.again, Again::Later, "{said}");
    let line = "baz: still owed: restart of baz.service: its job has not ended within 100 s";
    assert!(said.contains(line), "{said}");
    let noted = room.noted("baz").unwrap();
    assert_eq!(tries(&noted), 0, "{said}");
    let begun = noted.owed.unwrap().begun.unwrap();
    assert_eq!(begun.contact, Contact::Taken);
    for text in ["foo", "bar", "baz", "qux"] {
        room.job(Verb::Restart, text);
    }
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert_eq!(said.matches("its restart was done already").count(), 4);
    assert!(!room.is_owed());
}
