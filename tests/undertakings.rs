//! What a process notes of its own work, on real file systems: while it lives, when it is done, and
//! after it was killed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper is a failing test"
)]

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rcpolicy::domain::{Contact, Life, UnitName};
use rcpolicy::ledger::{Due, Ledger, Task, Undertaking, VERSION, Who};

fn life(init_started: u64) -> Life {
    Life {
        boot_id: "0f1e".to_owned(),
        pid_namespace: 1,
        init_started,
        userspace: None,
    }
}

fn ledger(root: &Path) -> Ledger {
    Ledger::open(root, life(1))
}

fn undertaking(pid: u32, at: u64, tasks: &[(&str, Due)]) -> Undertaking {
    let task = |(unit, due): &(&str, Due)| Task {
        unit: UnitName::parse(unit).unwrap(),
        due: *due,
    };
    Undertaking {
        version: VERSION,
        life: life(1),
        who: Who {
            pid,
            ..Who::default()
        },
        at,
        when: 5,
        tasks: tasks.iter().map(task).collect(),
    }
}

fn files(root: &Path) -> Vec<String> {
    let found = fs::read_dir(root.join("begun")).unwrap();
    found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_is_done_leaves_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    let undertaken = ledger
        .undertake(&undertaking(7, 100, &[("foo", Due::Restart)]))
        .unwrap();
    assert!(!undertaken.has_neighbours());
    assert_eq!(files(root.path()), ["7-100.json"]);
    undertaken.end().unwrap();
    assert!(files(root.path()).is_empty());
}

#[test]
fn what_turns_out_to_be_more_takes_the_place_of_the_first_note() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    let undertake = |tasks| ledger.undertake(&undertaking(7, 100, tasks)).unwrap();
    let first = undertake(&[("foo", Due::Restart)]);
    let all = undertake(&[("foo", Due::Restart), ("bar@1", Due::Restart)]);
    assert!(!all.has_neighbours());
    assert!(ledger.abandoned().unwrap().is_empty());
    drop((first, all));
    let left = ledger.abandoned().unwrap();
    assert_eq!((left.len(), left[0].tasks.len()), (1, 2));
    let (first, all) = (undertake(&[]), undertake(&[]));
    first.end().unwrap();
    all.end().unwrap();
    assert!(files(root.path()).is_empty());
}

#[test]
fn a_process_that_lives_has_abandoned_nothing() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    let undertaken = ledger
        .undertake(&undertaking(7, 100, &[("foo", Due::Restart)]))
        .unwrap();
    assert!(ledger.abandoned().unwrap().is_empty());
    assert!(ledger.lock().unwrap().adopt().unwrap().is_empty());
    undertaken.end().unwrap();
}

#[test]
fn what_dead_processes_left_becomes_entries_in_the_order_in_which_they_set_out() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    // The earlier one has the later name.
    for (pid, at, due) in [(9, 100, Due::Stop), (7, 200, Due::Start)] {
        let tasks = [("foo", due), ("bar", Due::Reload)];
        drop(ledger.undertake(&undertaking(pid, at, &tasks)).unwrap());
    }
    assert_eq!(ledger.abandoned().unwrap()[0].who.pid, 9);
    let adopted = ledger.lock().unwrap().adopt().unwrap();
    assert_eq!(adopted.len(), 4);
    assert!(files(root.path()).is_empty());
    let listing = ledger.all().unwrap();
    let owed: Vec<_> = listing
        .entries
        .iter()
        .map(|entry| (entry.service.as_str(), entry.owed.as_ref().unwrap().due))
        .collect();
    // Stopped, then started: nothing of what ran before runs on.
    assert_eq!(owed, [("bar", Due::Reload), ("foo", Due::Restart)]);
    let bar = listing.entries[0].owed.as_ref().unwrap().begun.unwrap();
    assert_eq!((bar.at, bar.contact), (200, Contact::Sent));
    assert!(listing.entries[1].owed.as_ref().unwrap().begun.is_none());
}

#[test]
fn what_is_adopted_twice_is_owed_once() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    let one = undertaking(7, 100, &[("foo", Due::Restart)]);
    drop(ledger.undertake(&one).unwrap());
    let bytes = fs::read(root.path().join("begun/7-100.json")).unwrap();
    let first = ledger.lock().unwrap().adopt().unwrap();
    // Killed after the entry was written and before the note was removed.
    fs::write(root.path().join("begun/7-100.json"), bytes).unwrap();
    let second = ledger.lock().unwrap().adopt().unwrap();
    assert_eq!(first, second);
}

#[test]
fn half_written_damaged_and_foreign_notes_are_cleared_away_and_nothing_is_owed() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    drop(
        ledger
            .undertake(&undertaking(7, 100, &[("foo", Due::Restart)]))
            .unwrap(),
    );
    let whole = fs::read(root.path().join("begun/7-100.json")).unwrap();
    let place = |name: &str, bytes: &[u8]| fs::write(root.path().join("begun").join(name), bytes);
    place(".8-1.json", &whole[..whole.len() / 2]).unwrap();
    place(".9-1.json", &whole).unwrap();
    for hidden in [".8-1.json", ".9-1.json"] {
        age(root.path(), hidden);
    }
    place("10-1.json", b"").unwrap();
    let shell = String::from_utf8(whole.clone())
        .unwrap()
        .replace("foo.service", "../$(id).service");
    place("11-1.json", shell.as_bytes()).unwrap();
    let other = Ledger::open(root.path(), life(2));
    assert!(other.abandoned().unwrap().is_empty());
    let adopted = ledger.lock().unwrap().adopt().unwrap();
    assert_eq!(adopted.len(), 1);
    assert!(files(root.path()).is_empty());
}

/// As if it had been there for more than a minute.
fn age(root: &Path, name: &str) {
    let file = File::options()
        .write(true)
        .open(root.join("begun").join(name));
    let before = SystemTime::now() - Duration::from_secs(90);
    file.unwrap().set_modified(before).unwrap();
}

#[test]
fn a_note_that_another_process_is_about_to_lock_is_left_to_it() {
    let root = tempfile::tempdir().unwrap();
    let ledger = ledger(root.path());
    drop(
        ledger
            .undertake(&undertaking(7, 100, &[("foo", Due::Restart)]))
            .unwrap(),
    );
    fs::write(root.path().join("begun/.8-1.json"), b"").unwrap();
    assert_eq!(ledger.lock().unwrap().adopt().unwrap().len(), 1);
    assert_eq!(files(root.path()), [".8-1.json"]);
    age(root.path(), ".8-1.json");
    assert!(ledger.lock().unwrap().adopt().unwrap().is_empty());
    assert!(files(root.path()).is_empty());
}

#[test]
fn what_was_undertaken_before_a_soft_reboot_is_owed_no_more_once_the_init_tells_when_that_was() {
    for (since, owed) in [(99, 1), (100, 1), (101, 0)] {
        let root = tempfile::tempdir().unwrap();
        let one = undertaking(7, 100, &[("foo", Due::Restart)]);
        drop(ledger(root.path()).undertake(&one).unwrap());
        let later = ledger(root.path())
            .with_userspace(7)
            .with_userspace_since(since);
        let adopted = later.lock().unwrap().adopt().unwrap();
        assert_eq!(adopted.len(), owed, "{since}");
        assert!(adopted.iter().all(|entry| entry.life.userspace == Some(7)));
        assert_eq!(later.all().unwrap().entries.len(), owed);
        assert!(files(root.path()).is_empty());
    }
}

#[test]
fn another_life_of_the_init_owes_nothing_of_it() {
    let root = tempfile::tempdir().unwrap();
    let one = undertaking(7, 100, &[("foo", Due::Restart)]);
    drop(ledger(root.path()).undertake(&one).unwrap());
    let later = Ledger::open(root.path(), life(2));
    assert!(later.lock().unwrap().adopt().unwrap().is_empty());
    assert!(later.all().unwrap().entries.is_empty());
    assert!(files(root.path()).is_empty());
}

#[test]
fn a_killed_process_gives_its_note_free_at_once() {
    let root = tempfile::tempdir().unwrap();
    if let Some(root) = std::env::var_os("UNDERTAKING_ROOT") {
        let one = undertaking(std::process::id(), 100, &[("foo", Due::Restart)]);
        let _undertaken = ledger(Path::new(&root)).undertake(&one).unwrap();
        let myself = nix::unistd::Pid::this();
        nix::sys::signal::kill(myself, nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_process_gives_its_note_free_at_once"])
        .env("UNDERTAKING_ROOT", root.path())
        .output()
        .unwrap()
        .status;
    assert_eq!(status.signal(), Some(9));
    let left = ledger(root.path()).abandoned().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].tasks[0].due, Due::Restart);
}
