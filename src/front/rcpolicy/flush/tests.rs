//! Flushing on the simulated init with a real ledger: what is paid, what is kept and why.

use std::fs;

use super::*;
use crate::domain::{
    FileState, FrontEnd, Job, JobOutcome, Life, Phase, UnitName, Until, Verb, Wait,
};
use crate::init::Init;
use crate::init::simulated::{Flavour, Image, Simulated, Spec};
use crate::ledger::{Down, Due, Owed, Stopped, Who};
use crate::policy::{Origin, Policy, Tier, parse};

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

struct World {
    init: Simulated,
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let mut init = Simulated::new(Flavour::Systemd, 1);
        init.add(Spec::new(name("foo")), Image::Whole(1));
        let socket = Spec::trigger(name("foo.socket"), name("foo"));
        init.add(socket, Image::Whole(1));
        let mut world = Self {
            init,
            root: tempfile::tempdir().unwrap(),
        };
        world.job(Verb::Start, "foo.socket");
        world.job(Verb::Start, "foo");
        world
    }

    fn job(&mut self, verb: Verb, unit: &str) {
        let outcome = self.init.run(&[Job::new(verb, name(unit))], Wait::Done);
        assert_eq!(outcome.unwrap(), [JobOutcome::Done]);
    }

    fn ledger(&self) -> Ledger {
        let life = Life {
            boot_id: "b".to_owned(),
            pid_namespace: 1,
            init_started: 1,
            userspace: None,
        };
        Ledger::open(&self.root.path().join("rcpolicy"), life)
    }

    fn owes(&self, change: impl FnOnce(&mut Entry)) {
        let who = Who {
            package: Some("foo".to_owned()),
            script: Some("prerm".to_owned()),
            phase: Phase::Upgrade,
            front: Some(FrontEnd::InvokeRcD),
            pid: 1,
        };
        let life = self.ledger().life().clone();
        let mut entry = Entry::new(name("foo"), life, who, self.init.epoch(), "x");
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
        let parsed = parse("test.toml", Tier::Admin, policy);
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        let place = Place {
            root: self.root.path().to_path_buf(),
            now: 0,
            is_root: true,
        };
        let session = Session {
            policy: Policy::new(Origin::Current, vec![parsed.file], Vec::new()),
            ledger: Some(self.ledger()),
            log: place.log(),
            now: 0,
            context: Context::default(),
            voice: Voice::new("rcpolicy"),
            began: 0,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        let arguments = Arguments {
            services: Vec::new(),
        };
        let means = Means::Init(&mut self.init);
        let ending = flush(session, means, &arguments, &place, &mut console).unwrap();
        let text = [out, err].concat();
        (ending.status(), String::from_utf8(text).unwrap())
    }

    fn is_up(&self, unit: &str) -> bool {
        self.init.view(&name(unit)).unwrap().active.is_active()
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
        begun: None,
    });
}

#[test]
fn what_was_taken_down_and_not_brought_back_is_brought_back_and_struck() {
    let mut world = World::new();
    world.stopped();
    let (status, said) = world.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(world.is_up("foo") && world.is_up("foo.socket"), "{said}");
    assert!(!world.is_owed());
}

#[test]
fn a_restart_that_a_rule_put_off_is_done_by_the_flush_although_the_rule_still_stands() {
    let mut world = World::new();
    world.owes(restart);
    let before = world.init.view(&name("foo")).unwrap();
    let rule = "[[rule]]\nservice = [\"foo\"]\ndecide = \"defer\"\n";
    let (status, said) = world.flush(rule);
    assert_eq!(
        (status, said.as_str()),
        (0, "foo: restart of foo.service done\n")
    );
    assert_ne!(world.init.view(&name("foo")).unwrap(), before);
    assert!(!world.is_owed());
}

#[test]
fn what_is_denied_now_stays_owed_and_down() {
    let mut world = World::new();
    world.stopped();
    let rule = "[[rule]]\nservice = [\"foo\"]\naction = [\"start\"]\ndecide = \"deny\"\n";
    let (status, said) = world.flush(rule);
    assert_eq!(status, 1);
    assert!(
        said.starts_with("foo: still owed: denies start of foo"),
        "{said}"
    );
    assert!(!world.is_up("foo") && !world.is_up("foo.socket"));
    assert!(world.is_owed());
}

#[test]
fn what_was_disabled_or_masked_since_is_not_started() {
    for state in [FileState::Disabled, FileState::Masked] {
        let mut world = World::new();
        world.stopped();
        world.init.set_file_state(&name("foo"), state);
        let (status, said) = world.flush("");
        assert_eq!(status, 0, "{said}");
        assert!(!world.is_up("foo"), "{said}");
    }
}

#[test]
fn what_somebody_stopped_after_it_was_noted_is_not_restarted() {
    let mut world = World::new();
    world.owes(restart);
    world.init.pass(2_000_000);
    world.job(Verb::Stop, "foo.socket");
    world.job(Verb::Stop, "foo");
    let (status, said) = world.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("was stopped by somebody else since"),
        "{said}"
    );
    assert!(!world.is_up("foo"));
}

#[test]
fn a_stop_by_hand_is_left_alone() {
    let mut world = World::new();
    world.stopped();
    let mut entry = world.ledger().all().unwrap().entries.remove(0);
    entry.who.phase = Phase::None;
    world.ledger().lock().unwrap().put(&entry).unwrap();
    let (status, said) = world.flush("");
    assert_eq!(status, 0);
    assert!(said.contains("stopped by hand"), "{said}");
    assert!(!world.is_up("foo.socket") && world.is_owed());
}

#[test]
fn services_of_a_package_that_is_not_configured_stay_owed() {
    let mut world = World::new();
    world.owes(restart);
    let dpkg = world.root.path().join("var/lib/dpkg");
    fs::create_dir_all(&dpkg).unwrap();
    let status = "Package: foo\nStatus: install ok half-configured\n";
    fs::write(dpkg.join("status"), status).unwrap();
    let (status, said) = world.flush("");
    let expected = "foo: still owed: its package foo is half-configured\n";
    assert_eq!((status, said.as_str()), (1, expected));
    assert!(world.is_owed());
}

#[test]
fn another_lifes_entries_are_settled_and_their_holds_released() {
    let mut world = World::new();
    world.init.hold(&name("foo")).unwrap();
    world.owes(|entry| {
        entry.life.init_started += 1;
        entry.held = true;
    });
    let (status, said) = world.flush("");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("settled"), "{said}");
    assert!(world.ledger().all().unwrap().settled.is_empty());
}
