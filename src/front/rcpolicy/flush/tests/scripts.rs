//! Services that only their init scripts know, as systemd from 260 on has them.

use super::*;

/// Its start fails until somebody repairs it.
const BREAKS: &str = r#"
case $1 in
status) [ -e "$at/up" ] || exit 3 ;;
stop) rm -f "$at/up" ;;
start) [ -e "$at/repaired" ] && : >"$at/up" ;;
restart) rm -f "$at/up"; [ -e "$at/repaired" ] && : >"$at/up" ;;
try-restart | force-reload) [ ! -e "$at/up" ] || "$0" restart ;;
esac
"#;

impl Room {
    /// A service that runs, and whose script breaks.
    fn breaking(&self) {
        self.script();
        let root = self.directory.path();
        let text = format!("#!/bin/sh\nat={}\n{BREAKS}", root.display());
        fs::write(root.join("etc/init.d/foo"), text).unwrap();
        fs::write(root.join("up"), "").unwrap();
    }

    fn runs(&self) -> bool {
        self.directory.path().join("up").exists()
    }

    fn repair(&self) {
        fs::write(self.directory.path().join("repaired"), "").unwrap();
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.directory.path().join(file)).unwrap();
    }

    fn flush_by_script(&mut self) -> (u8, String) {
        self.flush_watched(|init| {
            init.told = Box::new(|unit| {
                if unit.asked == name("foo") {
                    unit.load = Known::Is(LoadState::NotFound);
                    unit.source_path = Known::Is("/etc/init.d/foo".to_owned());
                }
            });
        })
    }
}

#[test]
fn what_a_failed_restart_left_down_is_started_by_the_next_flush() {
    for due in [Due::Restart, Due::TryRestart, Due::ForceReload] {
        let mut room = Room::new();
        room.breaking();
        room.owes(|entry| {
            restart(entry);
            entry.kept_running = false;
            entry.owed.as_mut().unwrap().due = due;
        });
        for tries in 1..3 {
            let (status, said) = room.flush_by_script();
            assert_eq!((status, room.runs()), (1, false), "{due:?}: {said}");
            let entry = room.ledger().all().unwrap().entries.remove(0);
            assert_eq!(entry.failed.unwrap().tries, tries, "{due:?}: {said}");
        }
        room.repair();
        let (status, said) = room.flush_by_script();
        assert_eq!((status, room.runs()), (0, true), "{due:?}: {said}");
        assert!(!room.is_owed());
    }
}

#[test]
fn what_was_only_kept_running_and_fails_is_counted_and_started_too() {
    let mut room = Room::new();
    room.breaking();
    room.owes(|entry| entry.kept_running = true);
    let (_, said) = room.flush_by_script();
    let entry = room.ledger().all().unwrap().entries.remove(0);
    assert_eq!(entry.failed.map(|failed| failed.tries), Some(1), "{said}");
    room.repair();
    let (status, said) = room.flush_by_script();
    assert_eq!(
        (status, room.runs(), room.is_owed()),
        (0, true, false),
        "{said}"
    );
}

#[test]
fn what_a_killed_flush_has_stopped_is_started_and_what_somebody_else_stopped_is_not() {
    for ours in [true, false] {
        let mut room = Room::new();
        room.breaking();
        room.repair();
        room.owes(|entry| match ours {
            true => begun(entry, Due::Restart, Contact::Sent, 0),
            false => restart(entry),
        });
        room.remove("up");
        let (status, said) = room.flush_by_script();
        assert_eq!((status, room.runs()), (0, ours), "{said}");
        assert_eq!(said.contains("somebody stopped it since"), !ours, "{said}");
        assert!(!room.is_owed());
    }
}
