//! Upgrades of a family of services, played on the simulated init with a real ledger: what ran runs the new
//! files afterwards, nothing else does, and at no moment an old one ran beside a new one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{ActiveState, Context, FileState, HelperAnswer, Phase, Scope, Verb, Wait};
use crate::front::inquiry::Heard;
use crate::init::simulated::{Client, Flavour, Happened, Image, Simulated, Spec};
use crate::ledger::Ledger;
use crate::observe::helper::HelperError;
use crate::policy::{Origin, Policy, Tier, parse};
use crate::report::Voice;
use crate::report::log::Log;
use crate::testing::{life, name};

const GROUP: &str = "[group.mail]\nmembers = [\"mail\", \"mail@\"]\n";
const MEMBERS: [&str; 4] = ["mail", "mail@a", "mail@b", "mail@c"];

/// policy-rc.d that denies one action of one unit.
struct Denying(Option<(&'static str, &'static str)>);

impl Asker for Denying {
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        let status = if self.0 == Some((name, action)) {
            101
        } else {
            104
        };
        let stdout = String::new();
        Ok(HelperAnswer::Said { status, stdout })
    }
    fn tell(&mut self, _: &str) {}
    fn warn(&mut self, _: &str) {}
}

/// `mail`, the instances `a` (behind a socket), `b` and `c`; all but `c` are up.
struct Family {
    init: Simulated,
    directory: tempfile::TempDir,
    policy: String,
    denied: Option<(&'static str, &'static str)>,
    version: u32,
}

impl Family {
    fn new(policy: &str) -> Self {
        let mut init = Simulated::new(Flavour::Systemd, 7);
        for unit in MEMBERS {
            init.add(Spec::new(name(unit)), Image::Whole(1));
        }
        let socket = Spec::trigger(name("mail-a.socket"), name("mail@a"));
        init.add(socket, Image::Whole(1));
        let directory = tempfile::tempdir().unwrap();
        let mut family = Self {
            init,
            directory,
            policy: format!("{GROUP}{policy}"),
            denied: None,
            version: 1,
        };
        for unit in ["mail-a.socket", "mail", "mail@a", "mail@b"] {
            family.job(Verb::Start, unit);
        }
        family
    }

    fn job(&mut self, verb: Verb, unit: &str) {
        let job = crate::domain::Job::new(verb, name(unit));
        let _ended = self.init.run(&[job], Wait::Done).unwrap();
    }

    fn session(&self) -> Session {
        let parsed = parse("test.toml", Tier::Admin, &self.policy);
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        let root = self.directory.path();
        Session {
            policy: Policy::new(Origin::Current, vec![parsed.file], Vec::new()),
            ledger: Some(Ledger::open(&root.join("rcpolicy"), life())),
            log: Log::at(&root.join("log"), &root.join("journal")),
            now: self.init.epoch(),
            began: 0,
            context: Context {
                package: Some("mail".to_owned()),
                script: Some("postinst".to_owned()),
                phase: Phase::Upgrade,
                batch_started: None,
                batch_began: None,
            },
            voice: Voice::new("test"),
        }
    }

    /// `deb-systemd-invoke ACTION UNIT` of a maintainer script.
    fn request(&self, action: &str, unit: &str) -> Request {
        Request {
            front: FrontEnd::DebSystemdInvoke,
            named: name(unit).to_string(),
            unit: name(unit),
            action: Action::parse(action),
            flags: Vec::new(),
            scope: Scope::System,
            context: self.session().context,
        }
    }

    /// Does it; what was said of the group.
    fn script(&mut self, action: &str, unit: &str) -> Option<String> {
        let session = self.session();
        let request = self.request(action, unit);
        let heard = Heard::Each(Vec::new());
        let mut asker = Denying(self.denied);
        let case = session
            .consider_unit(&mut self.init, (0, request), &heard, &mut asker)
            .unwrap();
        let mut cases = [case];
        let report = session.act(&mut self.init, &mut cases, Wait::Done).unwrap();
        assert_eq!(report.warnings, [""; 0]);
        let [case] = cases;
        case.company
    }

    /// What dpkg does between the scripts.
    fn unpack(&mut self) {
        self.version += 1;
        for unit in MEMBERS {
            self.init
                .replace_files(&name(unit), Image::Whole(self.version));
        }
    }

    fn upgrade(&mut self, stops: &[&str], comes: &str, starts: &[&str]) {
        for unit in stops {
            self.script("stop", unit);
        }
        self.unpack();
        for unit in starts {
            self.script(comes, unit);
        }
    }

    /// Which members run, and with which files.
    fn running(&self) -> BTreeMap<&'static str, Image> {
        let image = |unit: &&'static str| {
            let process = self.init.view(&name(unit)).unwrap().process;
            process.map(|process| (*unit, process.image))
        };
        MEMBERS.iter().filter_map(image).collect()
    }

    fn runs(&self, members: &[&'static str]) -> bool {
        let expected = members
            .iter()
            .map(|unit| (*unit, Image::Whole(self.version)));
        self.running() == expected.collect()
    }

    /// Moments at which two versions ran.
    fn mixed(&self) -> Vec<String> {
        let mut running: BTreeMap<UnitName, Image> = BTreeMap::new();
        let mut mixed = Vec::new();
        for moment in self.init.record() {
            let Happened::State {
                unit,
                active,
                image,
            } = &moment.what
            else {
                continue;
            };
            match image.filter(|_| *active != ActiveState::Inactive) {
                Some(image) => running.insert(unit.clone(), image),
                None => running.remove(unit),
            };
            let mut images: Vec<&Image> = running.values().collect();
            images.dedup();
            if images.len() > 1 {
                mixed.push(format!("{}: {running:?}", moment.at));
            }
        }
        mixed
    }

    fn owed(&self) -> Vec<String> {
        let ledger = Ledger::open(&self.directory.path().join("rcpolicy"), life());
        let entries = ledger.all().unwrap().entries;
        entries
            .iter()
            .map(|entry| entry.service.to_string())
            .collect()
    }
}

const UP: [&str; 3] = ["mail", "mail@a", "mail@b"];

#[test]
fn a_stop_takes_the_family_down_and_a_start_brings_back_what_ran() {
    let mut family = Family::new("");
    let said = family.script("stop", "mail").unwrap();
    let expected = "group mail goes down with it: mail@a.service mail@b.service";
    assert_eq!(said, expected);
    assert!(family.runs(&[]));
    assert!(
        !family
            .init
            .view(&name("mail-a.socket"))
            .unwrap()
            .active
            .is_active()
    );
    family.unpack();
    let said = family.script("start", "mail").unwrap();
    assert_eq!(
        said,
        "group mail comes up with it: mail@a.service mail@b.service"
    );
    assert!(family.runs(&UP), "{:?}", family.running());
    assert!(
        family
            .init
            .view(&name("mail-a.socket"))
            .unwrap()
            .active
            .is_active()
    );
    assert_eq!((family.mixed(), family.owed()), (vec![], vec![]));
}

#[test]
fn a_restart_of_any_member_renews_all_that_run() {
    for unit in UP {
        for action in ["restart", "try-restart"] {
            let mut family = Family::new("");
            family.upgrade(&[], action, &[unit]);
            assert!(family.runs(&UP), "{unit} {action}: {:?}", family.running());
            assert_eq!((family.mixed(), family.owed()), (vec![], vec![]), "{unit}");
        }
    }
}

#[test]
fn no_client_wakes_a_member_while_the_rest_is_down() {
    for (stops, comes) in [(&["mail"][..], "start"), (&[][..], "restart")] {
        let mut family = Family::new("");
        let to = name("mail-a.socket");
        family.init.connect_every(Client { to, every: 700 });
        family.init.pass(10_000);
        for _ in 0..20 {
            family.upgrade(stops, comes, &["mail"]);
            assert_eq!(family.mixed(), [""; 0]);
        }
    }
}

#[test]
fn where_one_may_not_go_down_or_come_back_only_what_was_named_is_touched() {
    for denied in [("mail@a.service", "stop"), ("mail@a.service", "start")] {
        let mut family = Family::new("");
        family.denied = Some(denied);
        let said = family.script("stop", "mail").unwrap();
        assert!(
            said.starts_with("the rest of group mail goes on: mail@a"),
            "{said}"
        );
        assert_eq!(
            family.running().keys().copied().collect::<Vec<_>>(),
            ["mail@a", "mail@b"]
        );
        assert_eq!(family.owed(), ["mail"]);
    }
    let mut family =
        Family::new("[[rule]]\nservice = \"mail@b\"\naction = \"restart\"\ndecide = \"deny\"\n");
    family.unpack();
    let said = family.script("restart", "mail").unwrap();
    assert!(
        said.starts_with("the rest of group mail goes on: mail@b"),
        "{said}"
    );
    assert_eq!(family.running()["mail@a"], Image::Whole(1));
}

#[test]
fn a_task_of_the_group_that_is_under_way_is_not_killed() {
    let mut family = Family::new("");
    let mut unit = family.init.units(&[name("mail@b")], Depth::State).unwrap();
    let mut task = unit.remove(0);
    task.oneshot = true;
    let mut take = |task: &UnitFacts, what| role(&mut family.init, task, &[], what).unwrap();
    assert_eq!(take(&task, Together::Down), Some(Role::Stopped), "is over");
    task.active = crate::domain::Known::Is(ActiveState::Activating);
    for what in [Together::Down, Together::Renewed, Together::Up] {
        assert_eq!(take(&task, what), None, "{what:?}");
    }
    task.oneshot = false;
    assert_eq!(take(&task, Together::Renewed), Some(Role::Renewed));
}

#[test]
fn a_group_of_whose_packages_nothing_is_known_is_not_taken_down_with_a_restart() {
    let mut family = Family::new("");
    let session = family.session();
    let unit = name("mail@a");
    assert_eq!(Configured::default().package_of(&unit), Package::Unknown);
    let request = family.request("restart", "mail");
    let (facts, owed) = session.observe(&mut family.init, &request, None).unwrap();
    let decision = decide(&request, &facts, &session.policy, owed.as_ref());
    let mut case = Case::new(request, facts, decision, owed);
    let of = |package| Member {
        unit: one_unit(&mut family.init, &unit, Depth::Relations).unwrap(),
        role: Role::Renewed,
        package,
    };
    let [known, unknown] = [Package::Ready, Package::Unknown].map(of);
    let mut asker = Denying(None);
    let members = vec![known, unknown];
    let why = session.consider_members(&mut family.init, &mut case, members, &mut asker);
    let expected = "whether the package of mail@a.service is configured is not known";
    assert_eq!(why.unwrap().as_deref(), Some(expected));
    assert!(case.companions.is_empty());
}

#[test]
fn what_the_admin_stops_disables_or_masks_meanwhile_stays_down() {
    type Change = fn(&mut Family);
    let changes: [(&str, Change); 3] = [
        ("stopped", |family| {
            family.init.pass(5_000);
            family.job(Verb::Start, "mail@b");
            family.job(Verb::Stop, "mail@b");
        }),
        ("disabled", |family| {
            family
                .init
                .set_file_state(&name("mail@b"), FileState::Disabled);
        }),
        ("masked", |family| {
            family
                .init
                .set_file_state(&name("mail@b"), FileState::Masked);
        }),
    ];
    for (what, change) in changes {
        let mut family = Family::new("");
        family.script("stop", "mail");
        change(&mut family);
        family.unpack();
        family.script("start", "mail");
        assert!(
            family.runs(&["mail", "mail@a"]),
            "{what}: {:?}",
            family.running()
        );
        assert_eq!(family.owed(), [""; 0], "{what}");
    }
}

#[test]
fn what_is_not_enabled_comes_back_and_a_disabled_member_brings_the_others_back() {
    let mut family = Family::new("");
    for unit in ["mail", "mail@b"] {
        family.init.set_file_state(&name(unit), FileState::Static);
    }
    family.upgrade(&["mail"], "start", &["mail"]);
    // As with the stock tool, which starts nothing that is static.
    assert!(family.runs(&["mail@a", "mail@b"]), "{:?}", family.running());
}

#[test]
fn a_note_that_cannot_be_written_leaves_the_rest_of_the_group_alone() {
    let mut family = Family::new("");
    std::fs::write(family.directory.path().join("rcpolicy"), "in the way").unwrap();
    let session = family.session();
    let request = Request {
        front: FrontEnd::DebSystemdInvoke,
        named: "mail.service".to_owned(),
        unit: name("mail"),
        action: Action::Stop,
        flags: Vec::new(),
        scope: Scope::System,
        context: session.context.clone(),
    };
    let heard = Heard::Each(Vec::new());
    let mut asker = Denying(None);
    let case = session.consider_unit(&mut family.init, (0, request), &heard, &mut asker);
    let mut cases = [case.unwrap()];
    let report = session
        .act(&mut family.init, &mut cases, Wait::Done)
        .unwrap();
    assert!(!report.warnings.is_empty());
    assert_eq!(family.running().len(), 2, "only mail went down");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn after_any_upgrades_what_ran_runs_the_new_files_and_nothing_was_ever_mixed(
        upgrades in prop::collection::vec((0..4_usize, any::<bool>(), any::<bool>(), any::<bool>()), 1..6),
    ) {
        let mut family = Family::new("");
        for (first, stops, restarts, twice) in upgrades {
            // Of the stops and starts that its scripts ask for, the order is the package's.
            let unit = UP[first % UP.len()];
            let named = if twice { vec![unit, "mail"] } else { vec![unit] };
            let stopped = if stops { named.clone() } else { vec![] };
            let comes = if stops && !restarts { "start" } else { "restart" };
            family.upgrade(&stopped, comes, &named);
            prop_assert!(family.runs(&UP), "{:?}", family.running());
            prop_assert_eq!(family.mixed(), Vec::<String>::new());
            prop_assert_eq!(family.owed(), Vec::<String>::new());
        }
    }
}
