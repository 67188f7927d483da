//! Flushing on the simulated init with a real ledger: what is paid, what is kept and why.

mod age;
mod cut;
mod definitions;
mod families;
mod groups;
mod many;
mod order;
mod partly;
mod same;
mod scripts;
mod side_by_side;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::domain::{
    ActiveState, Caller, Contact, FileState, FrontEnd, Job, JobFailure, LoadState, Phase, Until,
    Verb, Wait,
};
use crate::init::Init;
use crate::init::simulated::{Image, Spec};
use crate::ledger::{Begun, BusRestart, Down, Due, Owed, Stopped, Who};
use crate::policy::{Origin, Policy, Tier, parse};
use crate::testing::{Room, Watched, life, name};

impl Room {
    fn owes(&self, change: impl FnOnce(&mut Entry)) {
        let who = Who {
            caller: Caller {
                package: Some("foo".to_owned()),
                script: Some("prerm".to_owned()),
                phase: Phase::Upgrade,
            },
            front: Some(FrontEnd::InvokeRcD),
            pid: 1,
        };
        let mut entry = Entry::new(name("foo"), life(), who, self.init.epoch(), "x");
        change(&mut entry);
        self.ledger().lock().unwrap().put(&entry).unwrap();
    }

    /// Stops both, and notes it as a stop in an upgrade does.
    fn stopped(&mut self) {
        self.job(Verb::Stop, "foo.socket");
        self.job(Verb::Stop, "foo");
        self.owes(|entry| {
            entry.down = Some(Down {
                units: vec![Stopped {
                    unit: name("foo.socket"),
                    was_enabled: Some(true),
                    down_since: None,
                    dependent: false,
                }],
                service_was_running: Some(true),
                service_down_since: None,
            });
        });
    }

    /// Exit status and what was said.
    fn flush(&mut self, policy: &str) -> (u8, String) {
        let (ledger, root) = (self.ledger(), self.directory.path().to_path_buf());
        flush_by(&mut self.init, ledger, root, policy)
    }

    /// The same while somebody looks on.
    fn flush_watched<'a>(&'a mut self, watch: impl FnOnce(&mut Watched<'a>)) -> (u8, String) {
        let (ledger, root) = (self.ledger(), self.directory.path().to_path_buf());
        let mut init = Watched::new(&mut self.init);
        watch(&mut init);
        flush_by(&mut init, ledger, root, "")
    }

    /// A flush that is cut off when it asks for its first job.
    fn flush_cut_off(&mut self) {
        let cut = std::panic::AssertUnwindSafe(|| {
            self.flush_watched(|init| init.before = Box::new(|_| panic!("cut off")));
        });
        assert!(
            std::panic::catch_unwind(cut).is_err(),
            "nothing was asked for"
        );
    }

    /// policy-rc.d asks for `words` in place of a restart.
    fn list(&self, words: &str) {
        let file = self.directory.path().join("usr/sbin/policy-rc.d");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = format!("#!/bin/sh\n[ $2 = restart ] || exit 101\necho {words}\nexit 106\n");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// An init script of `foo` that writes down what it is called with.
    fn script(&self) {
        let root = self.directory.path();
        let text = format!("#!/bin/sh\necho $1 >>{}/called\n", root.display());
        for directory in ["etc/init.d", "etc/rc2.d"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        let file = root.join("etc/init.d/foo");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("../init.d/foo", root.join("etc/rc2.d/S01foo")).unwrap();
    }

    /// What the script was called with.
    fn called(&self) -> String {
        fs::read_to_string(self.directory.path().join("called")).unwrap_or_default()
    }

    fn run(&self) -> String {
        let process = self.init.view(&name("foo")).unwrap().process;
        process
            .map(|process| process.invocation)
            .unwrap_or_default()
    }

    fn is_owed(&self) -> bool {
        !self.ledger().all().unwrap().entries.is_empty()
    }
}

fn restart(entry: &mut Entry) {
    entry.kept_running = true;
    entry.owed = Some(Owed {
        due: Due::Restart,
        until: Until::Batch,
        reasons: Vec::new(),
        at: None,
        begun: None,
    });
}

/// Asked for by a process that did not see the end.
fn begun(entry: &mut Entry, due: Due, contact: Contact, at: u64) {
    entry.owed = Some(Owed {
        due,
        until: Until::Flush,
        reasons: Vec::new(),
        at: None,
        begun: Some(Begun { at, contact }),
    });
}

fn flush_by(init: &mut dyn Init, ledger: Ledger, root: PathBuf, policy: &str) -> (u8, String) {
    let (left, text) = flush_on(Occasion::ByHand(&[]), init, ledger, root, policy);
    (left.ending.status(), text)
}

fn flush_on(
    occasion: Occasion<'_>,
    init: &mut dyn Init,
    ledger: Ledger,
    root: PathBuf,
    policy: &str,
) -> (Left, String) {
    flush_with(Means::Init(init), occasion, (ledger, root), policy)
}

fn flush_with(
    means: Means<'_>,
    occasion: Occasion<'_>,
    (ledger, root): (Ledger, PathBuf),
    policy: &str,
) -> (Left, String) {
    let parsed = parse("test.toml", Tier::Admin, policy);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    let place = Place {
        root,
        now: 0,
        is_root: true,
    };
    let session = Session {
        policy: Policy::new(Origin::Current, vec![parsed.file], Vec::new()),
        ledger: Some(ledger),
        log: place.log(),
        now: 0,
        began: 0,
        context: Context::default(),
        voice: Voice::new("rcpolicy"),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::new(&mut out, &mut err);
    let left = flush(session, means, occasion, &place, &mut console).unwrap();
    let text = [out, err].concat();
    (left, String::from_utf8(text).unwrap())
}

#[test]
fn what_was_taken_down_and_not_brought_back_is_brought_back_and_struck() {
    let mut room = Room::new();
    room.stopped();
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(room.is_up("foo") && room.is_up("foo.socket"), "{said}");
    assert!(!room.is_owed());
}

#[test]
fn a_restart_that_a_rule_put_off_is_done_by_the_flush_although_the_rule_still_stands() {
    let mut room = Room::new();
    room.owes(restart);
    let before = room.init.view(&name("foo")).unwrap();
    let rule = "[[rule]]\nservice = [\"foo\"]\ndecide = \"defer\"\n";
    let (status, said) = room.flush(rule);
    assert_eq!(
        (status, said.as_str()),
        (0, "foo: restart of foo.service done\n")
    );
    assert_ne!(room.init.view(&name("foo")).unwrap(), before);
    assert!(!room.is_owed());
}

#[test]
fn what_is_denied_now_stays_owed_and_down() {
    let mut room = Room::new();
    room.stopped();
    let rule = "[[rule]]\nservice = [\"foo\"]\naction = [\"start\"]\ndecide = \"deny\"\n";
    let (status, said) = room.flush(rule);
    assert_eq!(status, 1);
    assert!(
        said.starts_with("foo: still owed: denies start of foo"),
        "{said}"
    );
    assert!(!room.is_up("foo") && !room.is_up("foo.socket"));
    assert!(room.is_owed());
}

#[test]
fn what_was_disabled_or_masked_since_is_not_started() {
    for state in [FileState::Disabled, FileState::Masked] {
        let mut room = Room::new();
        room.stopped();
        room.init.set_file_state(&name("foo"), state);
        let (status, said) = room.flush("");
        assert_eq!(status, 0, "{said}");
        assert!(!room.is_up("foo"), "{said}");
    }
}

#[test]
fn what_somebody_stopped_after_it_was_noted_is_not_restarted() {
    let mut room = Room::new();
    room.owes(restart);
    room.init.pass(2_000_000);
    room.job(Verb::Stop, "foo.socket");
    room.job(Verb::Stop, "foo");
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("was stopped by somebody else since"),
        "{said}"
    );
    assert!(!room.is_up("foo"));
}

#[test]
fn a_stop_by_hand_is_left_alone() {
    let mut room = Room::new();
    room.stopped();
    let mut entry = room.ledger().all().unwrap().entries.remove(0);
    entry.who.caller.phase = Phase::None;
    room.ledger().lock().unwrap().put(&entry).unwrap();
    let (status, said) = room.flush("");
    assert_eq!(status, 0);
    assert!(said.contains("stopped by hand"), "{said}");
    assert!(!room.is_up("foo.socket") && room.is_owed());
}

#[test]
fn services_of_a_package_that_is_not_configured_stay_owed() {
    let mut room = Room::new();
    room.owes(restart);
    let dpkg = room.directory.path().join("var/lib/dpkg");
    fs::create_dir_all(&dpkg).unwrap();
    let status = "Package: foo\nStatus: install ok half-configured\n";
    fs::write(dpkg.join("status"), status).unwrap();
    let (status, said) = room.flush("");
    let expected = "foo: still owed: its package foo is half-configured\n";
    assert_eq!((status, said.as_str()), (1, expected));
    assert!(room.is_owed());
}

#[test]
fn another_lifes_entries_are_settled_and_their_holds_released() {
    let mut room = Room::new();
    room.init.hold(&name("foo")).unwrap();
    room.owes(|entry| {
        entry.life.init_started += 1;
        entry.held = true;
    });
    let (status, said) = room.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("settled"), "{said}");
    assert!(room.ledger().all().unwrap().settled.is_empty());
}

#[test]
fn a_soft_reboot_is_another_life_and_settles_what_was_owed_in_the_one_before() {
    let mut room = Room::new();
    room.owes(|entry| {
        restart(entry);
        entry.life.userspace = Some(7);
    });
    let before = room.run();
    let (status, said) = room.flush_watched(|init| init.userspace = Known::Is(8));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("foo: settled"), "{said}");
    assert_eq!(room.run(), before, "nothing was restarted");
    assert!(!room.is_owed());
}

#[test]
fn what_was_put_off_before_a_soft_reboot_while_nobody_could_tell_is_settled_too() {
    for (later, settled) in [(1, true), (0, false)] {
        let mut room = Room::new();
        let at = room.init.now();
        room.owes(|entry| begun(entry, Due::Restart, Contact::Unread, at));
        let before = room.run();
        let (status, said) = room.flush_watched(|init| {
            init.userspace = Known::Is(7);
            init.userspace_since = Known::Is(at + later);
        });
        assert_eq!(status, 0, "{said}");
        assert_eq!(said.contains("foo: settled"), settled, "{said}");
        assert_eq!(room.run() == before, settled, "{said}");
        assert!(!room.is_owed());
    }
}

#[test]
fn in_the_same_life_or_where_nobody_can_tell_it_is_paid() {
    for userspace in [Known::Is(7), Known::default()] {
        let mut room = Room::new();
        room.owes(|entry| {
            restart(entry);
            entry.life.userspace = Some(7);
        });
        let before = room.run();
        let (status, said) = room.flush_watched(|init| init.userspace = userspace);
        assert_eq!(status, 0, "{said}");
        assert_ne!(room.run(), before);
    }
}

#[test]
fn a_list_is_tried_in_turn_where_invoke_rc_d_would_and_no_further_than_deb_systemd_invoke_goes() {
    for (front, paid) in [
        (FrontEnd::InvokeRcD, true),
        (FrontEnd::DebSystemdInvoke, false),
    ] {
        let mut room = Room::new();
        room.list("reload stop");
        room.owes(|entry| {
            restart(entry);
            entry.who.front = Some(front);
        });
        let (status, said) = room.flush_watched(|init| {
            init.before = Box::new(|jobs| {
                let reloads = jobs.iter().any(|job| job.verb == Verb::Reload);
                reloads.then_some(JobFailure::TimedOut { seconds: 1 })
            });
        });
        assert_eq!(status, u8::from(!paid), "{front:?}: {said}");
        assert_eq!(room.is_up("foo"), !paid, "{front:?}: {said}");
        assert_eq!(
            said.contains("still owed: reload of foo.service"),
            !paid,
            "{said}"
        );
    }
}

#[test]
fn what_is_owed_to_a_service_that_the_init_knows_no_more_is_done_by_its_script() {
    for (due, called) in [
        (Due::Restart, "restart\n"),
        (Due::Reload, "reload\n"),
        (Due::Stop, "stop\n"),
        (Due::Start, "start\n"),
    ] {
        let mut room = Room::new();
        room.script();
        room.owes(|entry| begun(entry, due, Contact::Sent, 0));
        let (status, said) = room.flush_watched(|init| {
            init.told = Box::new(|unit| {
                if unit.asked == name("foo") {
                    unit.load = Known::Is(LoadState::NotFound);
                    unit.source_path = Known::Is("/etc/init.d/foo".to_owned());
                }
            });
        });
        assert_eq!(status, 0, "{due:?}: {said}");
        assert_eq!(room.called(), called, "{due:?}: {said}");
        assert!(!room.is_owed());
    }
}

#[test]
fn a_reload_that_only_the_script_knows_is_done_by_the_script_while_the_service_runs() {
    for up in [true, false] {
        let mut room = Room::new();
        room.script();
        if !up {
            room.job(Verb::Stop, "foo.socket");
            room.job(Verb::Stop, "foo");
        }
        room.owes(|entry| {
            restart(entry);
            entry.kept_running = false;
            entry.owed.as_mut().unwrap().due = Due::Reload;
        });
        let (status, said) = room.flush("");
        assert_eq!(status, 0, "{said}");
        assert_eq!(room.called(), if up { "reload\n" } else { "" }, "{said}");
        assert!(!room.is_owed());
    }
}

#[test]
fn each_occasion_pays_what_is_due_then_and_no_more() {
    let named = [name("foo").service()];
    let other = [name("bar").service()];
    for (until, occasion, pays) in [
        (Until::Batch, Occasion::BatchEnd, true),
        (Until::Flush, Occasion::BatchEnd, false),
        (Until::Reboot, Occasion::BatchEnd, false),
        (Until::Flush, Occasion::ByHand(&[]), true),
        (Until::Reboot, Occasion::ByHand(&[]), false),
        (Until::Reboot, Occasion::ByHand(&named), true),
        (Until::Batch, Occasion::ByHand(&other), false),
    ] {
        let mut room = Room::new();
        room.owes(|entry| {
            restart(entry);
            entry.owed.as_mut().unwrap().until = until;
        });
        let before = room.run();
        let (ledger, root) = (room.ledger(), room.directory.path().to_path_buf());
        let (left, said) = flush_on(occasion, &mut room.init, ledger, root, "");
        assert_eq!(left, Left::NOTHING, "{said}");
        assert_eq!(room.run() != before, pays, "{until:?} {occasion:?}: {said}");
        assert_eq!(room.is_owed(), !pays, "{until:?} {occasion:?}: {said}");
    }
}

#[test]
fn an_unfinished_restart_of_a_bus_is_something_to_wait_for_and_what_waits_for_a_person_is_not() {
    let room = Room::new();
    let ledger = room.ledger();
    assert!(!is_anything_due(&ledger));
    room.owes(|entry| {
        restart(entry);
        entry.owed.as_mut().unwrap().until = Until::Flush;
    });
    assert!(!is_anything_due(&ledger));
    let begun = BusRestart {
        version: crate::ledger::VERSION,
        life: life(),
        when: 1,
        unit: name("dbus"),
        invocation: String::new(),
        grace: 1,
        all: false,
        clients: Vec::new(),
    };
    let paying = ledger.begin_paying().unwrap();
    ledger.note_bus_restart(&paying, &begun).unwrap();
    assert!(is_anything_due(&ledger));
    ledger.strike_bus_restart(&paying).unwrap();
    assert!(!is_anything_due(&ledger));
    room.owes(restart);
    assert!(is_anything_due(&ledger));
}
