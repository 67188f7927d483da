//! Explanations on the simulated init, as snapshots.

use super::*;
use crate::domain::{Action, FrontEnd, Job, Life, Scope, UnitName, Verb};
use crate::init::simulated::{Flavour, Image, Simulated, Spec};
use crate::ledger::Ledger;
use crate::policy::{Origin, Policy, Tier, parse};

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn life() -> Life {
    Life {
        boot_id: "b".to_owned(),
        pid_namespace: 1,
        init_started: 1,
        userspace: None,
    }
}

fn explained(front: FrontEnd, action: Action, rule: &str, reached: bool) -> String {
    let mut init = Simulated::new(Flavour::Systemd, 1);
    init.add(Spec::new(name("foo")), Image::Whole(1));
    init.add(
        Spec::trigger(name("foo.socket"), name("foo")),
        Image::Whole(1),
    );
    for unit in ["foo.socket", "foo"] {
        let _ = init.run(&[Job::new(Verb::Start, name(unit))], Wait::Done);
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("sbin")).unwrap();
    std::fs::write(root.path().join("sbin/init"), "").unwrap();
    let place = Place {
        root: root.path().to_path_buf(),
        now: 0,
        is_root: true,
    };
    let parsed = parse("/etc/rcpolicy/policy.d/10-foo.toml", Tier::Admin, rule);
    let mut scene = Scene {
        kind: InitKind::Systemd,
        away: false,
        place: &place,
        ask: false,
        session: Session {
            policy: Policy::new(Origin::Current, vec![parsed.file], parsed.problems),
            ledger: Some(Ledger::open(&root.path().join("rcpolicy"), life())),
            log: place.log(),
            now: 0,
            context: Context::default(),
            voice: Voice::new("rcpolicy"),
            began: 0,
        },
        notes: Vec::new(),
        facts: Vec::new(),
    };
    let request = Request {
        front,
        named: "foo".to_owned(),
        unit: name("foo"),
        action,
        flags: Vec::new(),
        scope: Scope::System,
        context: Context::default(),
    };
    let asked: Asked<'_> = match reached {
        true => Ok(&mut init),
        false => Err("cannot reach systemd: nobody listens".to_owned()),
    };
    let explanation = scene.explain(asked, request);
    let text = explanation.text(&verdict_word(&explanation.verdict));
    text.replace(&root.path().display().to_string(), "ROOT")
}

#[test]
fn a_stop_names_the_triggers_that_go_with_it() {
    let text = explained(FrontEnd::InvokeRcD, Action::Stop, "", true);
    insta::assert_snapshot!(text);
}

#[test]
fn a_denial_names_file_and_line() {
    let rule = "\n[[rule]]\nservice = [\"foo\"]\ndecide = \"deny\"\nbecause = \"not in July\"\n";
    let text = explained(FrontEnd::DebSystemdInvoke, Action::Restart, rule, true);
    insta::assert_snapshot!(text);
}

#[test]
fn an_init_that_cannot_be_reached_is_said_to_be_so() {
    let text = explained(FrontEnd::InvokeRcD, Action::Restart, "", false);
    insta::assert_snapshot!(text);
}
