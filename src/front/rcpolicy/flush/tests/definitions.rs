//! A flush's step for definitions, with a real tree of files, a supervisor in memory, and the simulated init
//! for what the policies decide by.

use std::path::Path;

use super::*;
use crate::definitions::{Before, Compiles, Definitions, Part, Places, Supervisor};
use crate::front::rcpolicy::definitions::Scope;
use crate::front::rcpolicy::flush::bringing::Bringing;
use crate::front::rcpolicy::flush::leave::Leave;

/// A supervisor that notes what it is asked for.
struct Noting {
    before: Before,
    log: Before,
    /// Why nothing comes up with a definition that says so.
    broken: Option<(PathBuf, &'static str)>,
    asked: Vec<&'static str>,
}

impl Supervisor for Noting {
    fn found(&mut self, _: &ServiceName, part: Part) -> Result<Before, String> {
        Ok(match part {
            Part::Service => self.before,
            Part::Log => self.log,
        })
    }

    fn take_down(&mut self, _: &ServiceName, _: Part) -> Result<(), String> {
        self.asked.push("down");
        Ok(())
    }

    fn bring_up(&mut self, _: &ServiceName, _: Part) -> Result<(), String> {
        self.asked.push("up");
        let broken = self.broken.as_ref();
        match broken.filter(|(path, text)| fs::read_to_string(path).unwrap() == *text) {
            Some(_) => Err("it ended".to_owned()),
            None => Ok(()),
        }
    }
}

/// Version 2 is stock, and version 1 was brought up to date.
struct Scene {
    room: Room,
    supervisor: Noting,
    scope: Scope,
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Scene {
    fn new() -> Self {
        let supervisor = Noting {
            before: Before::Up,
            log: Before::Unsupervised,
            broken: None,
            asked: Vec::new(),
        };
        let mut scene = Self {
            room: Room::new(),
            supervisor,
            scope: Scope::All,
        };
        write(&scene.places().live.join("foo/run"), "1");
        write(&scene.places().stock.join("foo/run"), "1");
        assert_eq!(scene.flush(""), None);
        write(&scene.places().stock.join("foo/run"), "2");
        scene
    }

    fn places(&self) -> Places {
        let root = self.room.directory.path();
        Places {
            stock: root.join("stock"),
            live: root.join("live"),
            records: root.join("records"),
            compiles: Compiles::Nothing,
        }
    }

    fn live(&self) -> String {
        fs::read_to_string(self.places().live.join("foo/run")).unwrap()
    }

    /// A batch's end is cut off at this step of it.
    fn cut_off_at(&mut self, step: usize) {
        use crate::failpoint::cut;
        cut::at(Some((Point::Defining, step)));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.flush("")));
        cut::at(None);
        assert!(ended.is_err(), "step {step}");
    }

    /// What a batch's end leaves, and says.
    fn flush(&mut self, policy: &str) -> Option<(Again, String)> {
        self.flush_on(Occasion::BatchEnd, policy)
    }

    fn flush_on(&mut self, occasion: Occasion<'_>, policy: &str) -> Option<(Again, String)> {
        let place = Place {
            root: self.room.directory.path().to_path_buf(),
            now: 0,
            is_root: true,
        };
        let places = self.places();
        let parsed = parse("p.toml", Tier::Admin, policy);
        assert_eq!(parsed.problems, []);
        let policy = Policy::new(Origin::Current, vec![parsed.file], Vec::new());
        let session = session(self.room.ledger(), policy, &place);
        let means = &mut Means::Init(&mut self.room.init);
        let payer = payer(session, means, &place).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        let left = Bringing {
            leave: Leave {
                payer: &payer,
                occasion,
                init: &mut self.room.init,
            },
            supervisor: &mut self.supervisor,
            console: &mut console,
            places: &places,
            scope: self.scope,
        }
        .all();
        let _ = console.finish();
        let said = String::from_utf8([out, err].concat()).unwrap();
        left.map(|left| (left.again, said))
    }
}

#[test]
fn a_service_that_runs_is_taken_down_for_its_new_definition_and_comes_up_again() {
    let mut scene = Scene::new();
    let (again, said) = scene.flush("").unwrap();
    assert_eq!(again, Again::No);
    assert_eq!(said, "foo: its definition was brought up to date\n");
    assert_eq!(scene.live(), "2");
    assert_eq!(scene.supervisor.asked, ["down", "down", "up"]);
    assert_eq!(scene.flush(""), None);
}

#[test]
fn who_may_not_be_restarted_keeps_the_old_definition() {
    let rule =
        |decide: &str| format!("[[rule]]\nservice = \"foo\"\naction = \"restart\"\n{decide}\n");
    for decide in [
        "decide = \"deny\"",
        "decide = \"reload\"",
        "decide = \"defer\"\nuntil = \"flush\"",
        "decide = \"defer\"\nuntil = \"reboot\"",
    ] {
        let mut scene = Scene::new();
        let (again, said) = scene.flush(&rule(decide)).unwrap();
        assert_eq!(again, Again::No, "{decide}");
        assert!(
            said.contains("its new definition waits: "),
            "{decide}: {said}"
        );
        assert_eq!(
            (scene.live(), scene.supervisor.asked.len()),
            ("1".into(), 0)
        );
    }
    let mut scene = Scene::new();
    let deferred = rule("decide = \"defer\"\nuntil = \"flush\"");
    assert!(scene.flush_on(Occasion::ByHand(&[]), &deferred).is_some());
    assert_eq!(scene.live(), "2");
}

#[test]
fn policy_rc_d_is_asked_about_a_restart() {
    let mut scene = Scene::new();
    let file = scene.room.directory.path().join("usr/sbin/policy-rc.d");
    write(&file, "#!/bin/sh\nexit 101\n");
    let (_, said) = scene.flush("").unwrap();
    assert!(said.contains("policy-rc.d"), "{said}");
    assert_eq!(scene.live(), "1");
}

#[test]
fn one_that_is_down_is_brought_up_to_date_without_asking_and_stays_down() {
    let mut scene = Scene::new();
    scene.supervisor.before = Before::Down;
    let deny = "[[rule]]\naction = \"restart\"\ndecide = \"deny\"\n";
    assert!(scene.flush(deny).is_some());
    assert_eq!(scene.live(), "2");
    assert!(!scene.supervisor.asked.contains(&"up"));
}

#[test]
fn one_that_does_not_come_up_is_rolled_back_and_tried_as_often_as_the_policy_has_it() {
    let mut scene = Scene::new();
    let run = scene.places().live.join("foo/run");
    scene.supervisor.broken = Some((run, "2"));
    let policy = "[flush]\ntries = 2\n";
    let (again, said) = scene.flush(policy).unwrap();
    assert_eq!(again, Again::Later);
    assert_eq!(said, "foo: its new definition was rolled back: it ended\n");
    assert_eq!(scene.live(), "1");
    assert_eq!(scene.flush(policy).unwrap().0, Again::No);
    scene.supervisor.asked.clear();
    let (again, said) = scene.flush(policy).unwrap();
    assert_eq!(again, Again::No);
    assert!(said.contains("rolled back twice"), "{said}");
    assert!(scene.supervisor.asked.is_empty());
    scene.supervisor.broken = None;
    assert!(scene.flush_on(Occasion::ByHand(&[]), policy).is_some());
    assert_eq!(scene.live(), "2");
}

#[test]
fn one_whose_package_is_not_configured_waits_for_dpkg() {
    let mut scene = Scene::new();
    let root = scene.room.directory.path().to_path_buf();
    let status = "Package: foo\nStatus: install ok unpacked\nArchitecture: all\n";
    write(&root.join("var/lib/dpkg/status"), status);
    let stock = scene.places().stock.join("foo");
    let list = format!("/usr\n{}\n", stock.display());
    write(&root.join("var/lib/dpkg/info/foo.list"), &list);
    let (again, said) = scene.flush("").unwrap();
    assert_eq!(again, Again::Later);
    assert!(said.contains("its package foo is unpacked"), "{said}");
    assert_eq!(scene.live(), "1");
}

#[test]
fn a_restart_that_is_owed_is_done_with_it() {
    let mut scene = Scene::new();
    scene.room.owes(|entry| {
        entry.owed = Some(Owed {
            due: Due::Restart,
            until: Until::Batch,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
    });
    assert!(scene.flush("").is_some());
    assert!(!scene.room.is_owed());
}

#[test]
fn a_restart_that_is_owed_stays_owed_where_only_the_logger_was_restarted() {
    let mut scene = Scene::new();
    let places = scene.places();
    write(&places.live.join("foo/log/run"), "1");
    write(&places.stock.join("foo/log/run"), "1");
    assert!(scene.flush("").is_some());
    write(&places.stock.join("foo/log/run"), "2");
    scene.supervisor.log = Before::Up;
    scene.room.owes(|entry| {
        entry.owed = Some(Owed {
            due: Due::Restart,
            until: Until::Batch,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
    });
    let (_, said) = scene.flush("").unwrap();
    assert!(said.contains("brought up to date"), "{said}");
    assert!(scene.room.is_owed());
}

#[test]
fn what_was_cut_off_is_not_brought_up_where_its_start_is_denied_now() {
    let mut scene = Scene::new();
    scene.cut_off_at(12);
    scene.supervisor.asked.clear();
    let deny = "[[rule]]\naction = \"start\"\ndecide = \"deny\"\n";
    let (_, said) = scene.flush(deny).unwrap();
    assert!(said.contains("nothing is brought up for it"), "{said}");
    assert!(!scene.supervisor.asked.contains(&"up"));
    assert_eq!(scene.live(), "2");
}

#[test]
fn only_who_was_named_is_brought_up_to_date() {
    let mut scene = Scene::new();
    let others = [ServiceName::parse("bar").unwrap()];
    assert_eq!(scene.flush_on(Occasion::ByHand(&others), ""), None);
    let foo = [ServiceName::parse("foo").unwrap()];
    assert_eq!(
        scene.flush_on(Occasion::Without(&Occasion::BatchEnd, &foo), ""),
        None
    );
    assert!(scene.flush_on(Occasion::ByHand(&foo), "").is_some());
    assert_eq!(scene.live(), "2");
}

#[test]
fn what_was_cut_off_comes_to_its_end_and_what_changed_since_comes_after_it() {
    for step in [8, 12, 16] {
        let mut scene = Scene::new();
        scene.cut_off_at(step);
        write(&scene.places().stock.join("foo/run"), "3");
        // Whatever the rules say now: it is down because of us.
        let deny = "[[rule]]\naction = \"restart\"\ndecide = \"deny\"\n";
        let (_, said) = scene.flush(deny).unwrap();
        assert_eq!(scene.live(), "2", "step {step}: {said}");
        assert!(said.contains("waits"), "step {step}: {said}");
        assert!(scene.flush("").is_some());
        assert_eq!(scene.live(), "3", "step {step}");
    }
}

#[test]
fn what_its_package_leaves_running_waits_for_who_names_it_or_for_the_admins_rule() {
    let restart = "[[rule]]\nservice = \"foo\"\naction = \"restart\"\ndecide = \"restart\"\n";
    let foo = [ServiceName::parse("foo").unwrap()];
    for said in ["nostop", "reload"] {
        let scene = || {
            let scene = Scene::new();
            write(&scene.places().live.join("foo/.meta/onupgrade"), said);
            scene
        };
        let mut waits = scene();
        let (again, text) = waits.flush("").unwrap();
        assert_eq!(again, Again::No, "{said}");
        assert!(text.contains("`rcpolicy flush foo`"), "{said}: {text}");
        assert_eq!(
            (waits.live(), waits.supervisor.asked.len()),
            ("1".into(), 0)
        );
        assert!(waits.flush_on(Occasion::ByHand(&[]), "").is_some());
        assert_eq!(waits.live(), "1");
        assert!(waits.flush_on(Occasion::ByHand(&foo), "").is_some());
        assert_eq!(waits.live(), "2");
        let mut told = scene();
        assert!(told.flush(restart).is_some());
        assert_eq!(told.live(), "2", "{said}");
        let mut down = scene();
        down.supervisor.before = Before::Down;
        assert!(down.flush("").is_some());
        assert_eq!(down.live(), "2", "{said}");
    }
}

#[test]
fn what_was_started_for_once_is_waited_for() {
    let mut scene = Scene::new();
    scene.supervisor.before = Before::Once;
    let (again, said) = scene.flush("").unwrap();
    assert_eq!(again, Again::Later);
    assert!(said.contains("started for once"), "{said}");
    assert_eq!(
        (scene.live(), scene.supervisor.asked.len()),
        ("1".into(), 0)
    );
}

#[test]
fn put_aside_nothing_is_begun_and_what_was_cut_off_comes_to_its_end() {
    let mut scene = Scene::new();
    scene.scope = Scope::CutOff;
    assert_eq!(scene.flush(""), None);
    assert_eq!(scene.live(), "1");
    scene.scope = Scope::All;
    scene.cut_off_at(12);
    scene.scope = Scope::CutOff;
    let (_, said) = scene.flush("").unwrap();
    assert_eq!(said, "foo: its definition was brought up to date\n");
    assert_eq!(scene.live(), "2");
    assert!(scene.supervisor.asked.contains(&"up"));
}

#[test]
fn what_was_cut_off_is_whole_after_a_boot_outside_of_the_window_and_nothing_else_is_begun() {
    const SHUT: &str = "[flush]\nwindow = [\"Sat 02:00-04:00\"]\n";
    for step in 1..=16 {
        let mut scene = Scene::new();
        scene.cut_off_at(step);
        write(&scene.places().stock.join("foo/run"), "3");
        scene.scope = Scope::CutOff;
        let said = scene.flush(SHUT);
        assert!(
            ["1", "2"].contains(&&*scene.live()),
            "step {step}: {said:?}"
        );
        let left = Definitions::open(scene.places()).unwrap().cut_off();
        assert!(left.unwrap().is_empty(), "step {step}: {said:?}");
        let last = scene.supervisor.asked.last();
        assert_ne!(last, Some(&"down"), "step {step}: {said:?}");
        // Afterwards there is nothing more to be done at a boot, and the rest in its time.
        assert_eq!(scene.flush(SHUT), None, "step {step}");
        scene.scope = Scope::All;
        scene.flush("");
        assert_eq!(scene.live(), "3", "step {step}");
    }
}

#[test]
fn an_update_that_is_denied_before_it_replaced_anything_is_no_try() {
    let mut scene = Scene::new();
    // Noted, and nothing more.
    let deny =
        "[flush]\ntries = 1\n[[rule]]\naction = [\"start\", \"restart\"]\ndecide = \"deny\"\n";
    let step = (1..20).find(|step| {
        scene = Scene::new();
        scene.cut_off_at(*step);
        let found = Definitions::open(scene.places())
            .unwrap()
            .cut_off()
            .unwrap();
        !found.is_empty()
    });
    assert!(step.is_some());
    let (again, said) = scene.flush(deny).unwrap();
    assert_eq!((again, scene.live()), (Again::No, "1".into()), "{said}");
    assert!(said.contains("its new definition waits: "), "{said}");
    assert!(scene.flush("[flush]\ntries = 1\n").is_some());
    assert_eq!(scene.live(), "2");
}

#[test]
fn a_logger_that_came_with_the_new_definition_is_told_of() {
    let mut scene = Scene::new();
    write(&scene.places().stock.join("foo/log/run"), "1");
    let (_, said) = scene.flush("").unwrap();
    assert!(said.contains("its new logger runs only once"), "{said}");
}
