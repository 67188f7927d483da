//! Explanations on the simulated init, as snapshots, and the questions that they put to policy-rc.d.

mod groups;

use super::*;
use crate::domain::{Action, Caller, Flag, Job, Life, Phase, Scope, UnitName, Verb, Wait};
use crate::init::simulated::{Flavour, Image, Simulated, Spec};
use crate::ledger::{Down, Entry, Ledger, Stopped, Who};
use crate::policy::{Origin, Policy, Tier, parse};

const ASKED: &str = "asked";

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

/// A machine with foo and its socket, both running, and a request about foo.
struct Told {
    root: tempfile::TempDir,
    init: Simulated,
    rule: String,
    request: Request,
}

impl Told {
    fn about(front: FrontEnd, named: &str, action: Action) -> Self {
        Self::with(Spec::new(name("foo")), front, named, action)
    }

    fn with(foo: Spec, front: FrontEnd, named: &str, action: Action) -> Self {
        let mut init = Simulated::new(Flavour::Systemd, 1);
        init.add(foo, Image::Whole(1));
        init.add(
            Spec::trigger(name("foo.socket"), name("foo")),
            Image::Whole(1),
        );
        for unit in ["foo.socket", "foo"] {
            let _ = init.run(&[Job::new(Verb::Start, name(unit))], Wait::Done);
        }
        let root = tempfile::tempdir().unwrap();
        for directory in ["sbin", "usr/sbin"] {
            std::fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        std::fs::write(root.path().join("sbin/init"), "").unwrap();
        Self {
            root,
            init,
            rule: String::new(),
            request: Request {
                front,
                named: named.to_owned(),
                unit: name(named),
                action,
                flags: Vec::new(),
                scope: Scope::System,
                context: Context::default(),
            },
        }
    }

    fn rule(self, rule: &str) -> Self {
        let rule = format!("\n[[rule]]\n{rule}\n");
        Self { rule, ..self }
    }

    fn flag(mut self, flag: Flag) -> Self {
        self.request.flags.push(flag);
        self
    }

    /// policy-rc.d notes down what it was asked, and does this. Another process puts it in place: a child
    /// of another test's could hold a file open that we wrote, and then it cannot be run.
    fn helper(self, lines: &str) -> Self {
        let at = |path: &str| self.root.path().join(path);
        let asked = at(ASKED).display().to_string();
        let text = format!("#!/bin/sh\necho \"$*\" >>{asked}\n{lines}\n");
        std::fs::write(at("helper"), text).unwrap();
        let placed = std::process::Command::new("install")
            .args([at("helper"), at("usr/sbin/policy-rc.d")])
            .status();
        assert!(placed.unwrap().success());
        self
    }

    /// foo was taken down with its socket by a script, which is noted.
    fn stopped(mut self) -> Self {
        for unit in ["foo.socket", "foo"] {
            let _ = self
                .init
                .run(&[Job::new(Verb::Stop, name(unit))], Wait::Done);
        }
        let who = Who {
            caller: Caller {
                package: Some("foo".to_owned()),
                script: Some("prerm".to_owned()),
                phase: Phase::Upgrade,
            },
            front: Some(FrontEnd::InvokeRcD),
            pid: 11,
        };
        let mut entry = Entry::new(name("foo"), life(), who, 0, "stopped in an upgrade");
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
        let ledger = self.ledger();
        ledger.lock().unwrap().put(&entry).unwrap();
        self
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.root.path().join("rcpolicy"), life())
    }

    fn explanation(&mut self, permission: Permission, reached: bool) -> Explanation {
        let place = Place {
            root: self.root.path().to_path_buf(),
            now: 0,
            is_root: true,
        };
        let path = "/etc/rcpolicy/policy.d/10-foo.toml";
        let parsed = parse(path, Tier::Admin, &self.rule);
        let mut scene = Scene {
            kind: InitKind::Systemd,
            away: false,
            place: &place,
            permission,
            session: Session {
                policy: Policy::new(Origin::Current, vec![parsed.file], parsed.problems),
                ledger: Some(self.ledger()),
                log: place.log(),
                now: 0,
                began: 0,
                context: Context::default(),
                voice: Voice::new("rcpolicy"),
            },
            told: told::Told::default(),
        };
        let asked: Asked<'_> = match reached {
            true => Ok(&mut self.init),
            false => Err("cannot reach systemd: nobody listens".to_owned()),
        };
        scene.explain(asked, &self.request)
    }

    fn text_of(&self, explanation: &Explanation) -> String {
        let text = explanation.text(&verdict_word(&explanation.verdict));
        text.replace(&self.root.path().display().to_string(), "ROOT")
    }

    fn text(mut self) -> String {
        let explanation = self.explanation(Permission::Given, true);
        self.text_of(&explanation)
    }

    /// What policy-rc.d was asked, in order.
    fn asked(mut self) -> Vec<String> {
        let _ = self.explanation(Permission::Given, true);
        self.questions()
    }

    fn questions(&self) -> Vec<String> {
        let asked = std::fs::read_to_string(self.root.path().join(ASKED));
        asked
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

#[test]
fn a_stop_names_the_triggers_that_go_with_it() {
    let told = Told::about(FrontEnd::InvokeRcD, "foo", Action::Stop);
    insta::assert_snapshot!(told.text());
}

#[test]
fn a_denial_names_file_and_line() {
    let rule = "service = [\"foo\"]\ndecide = \"deny\"\nbecause = \"not in July\"";
    let told = Told::about(FrontEnd::DebSystemdInvoke, "foo", Action::Restart);
    insta::assert_snapshot!(told.rule(rule).text());
}

#[test]
fn an_init_that_cannot_be_reached_is_said_to_be_so() {
    let mut told = Told::about(FrontEnd::InvokeRcD, "foo", Action::Restart);
    let explanation = told.explanation(Permission::Given, false);
    insta::assert_snapshot!(told.text_of(&explanation));
}

#[test]
fn what_a_start_brings_back_is_asked_about_and_shown() {
    let told = Told::about(FrontEnd::InvokeRcD, "foo", Action::Start);
    insta::assert_snapshot!(told.stopped().helper("exit 0").text());
}

#[test]
fn a_rules_fallback_is_explained_with_its_first_action() {
    let rule =
        "service = \"foo\"\naction = \"restart\"\ndecide = { fallback = [\"stop\", \"start\"] }";
    let told = Told::about(FrontEnd::InvokeRcD, "foo", Action::Restart);
    insta::assert_snapshot!(told.rule(rule).helper("exit 0").text());
}

#[test]
fn what_policy_rc_d_asks_for_instead_is_explained_with_its_first_action() {
    let told = Told::about(FrontEnd::InvokeRcD, "foo", Action::Restart);
    let helper = "[ $2 = restart ] || exit 0; echo stop start; exit 106";
    insta::assert_snapshot!(told.helper(helper).text());
}

#[test]
fn of_a_disabled_service_only_what_its_stop_took_down_comes_back() {
    let mut foo = Spec::new(name("foo"));
    foo.file = crate::domain::FileState::Disabled;
    let told = Told::with(foo, FrontEnd::InvokeRcD, "foo", Action::Start);
    insta::assert_snapshot!(told.stopped().text());
}

#[test]
fn without_leave_policy_rc_d_is_not_run_and_its_questions_are_shown() {
    let mut told = Told::about(FrontEnd::DebSystemdInvoke, "foo.socket", Action::Restart);
    told = told.helper("exit 101");
    let explanation = told.explanation(Permission::Withheld, true);
    insta::assert_snapshot!(told.text_of(&explanation));
    assert_eq!(told.questions(), [""; 0]);
}

#[test]
fn policy_rc_d_is_asked_what_the_tool_asks_and_nothing_after_a_denial() {
    use FrontEnd::{DebSystemdInvoke, InvokeRcD};
    let about = Told::about;
    let fallback = "action = \"restart\"\ndecide = { fallback = [\"reload\"] }";
    let cases: [(Told, &str, &[&str]); 8] = [
        (
            about(InvokeRcD, "foo", Action::Restart),
            "exit 0",
            &["foo restart"],
        ),
        (
            about(InvokeRcD, "foo", Action::Restart).rule(fallback),
            "exit 0",
            &["foo restart", "foo reload"],
        ),
        (
            about(DebSystemdInvoke, "foo.socket", Action::Start),
            "exit 0",
            &["foo.socket start", "foo.service start"],
        ),
        (
            about(DebSystemdInvoke, "foo.socket", Action::Start),
            "exit 101",
            &["foo.socket start"],
        ),
        (
            // As it was written, not as the unit is called.
            about(DebSystemdInvoke, "foo", Action::Restart).rule(fallback),
            "exit 0",
            &["foo restart", "foo reload"],
        ),
        (
            about(InvokeRcD, "foo", Action::Start).stopped(),
            "exit 0",
            &["foo start", "foo.socket start"],
        ),
        (
            about(InvokeRcD, "foo", Action::Start).stopped(),
            "exit 101",
            &["foo start"],
        ),
        (
            about(InvokeRcD, "foo", Action::Start)
                .stopped()
                .flag(Flag::Force),
            "exit 101",
            &["foo start", "foo.socket start"],
        ),
    ];
    for (at, (told, helper, asked)) in cases.into_iter().enumerate() {
        assert_eq!(told.helper(helper).asked(), asked, "case {at}");
    }
}

#[test]
fn one_that_gives_no_answer_runs_nothing() {
    let told = Told::about(FrontEnd::DebSystemdInvoke, "foo", Action::Restart);
    let told = told.rule("decide = \"restart\"\n[policy-rc-d]\nlimit = \"50ms\"");
    insta::assert_snapshot!(told.helper("exec sleep 10").text());
}

#[test]
fn an_init_that_stays_away_leads_to_a_note_and_one_that_refuses_to_the_stock_tool() {
    use super::outside::Silence;
    use crate::init::InitError;
    let away = InitError::Unreachable {
        init: "systemd",
        why: "x".to_owned(),
    };
    let other = InitError::WrongPeer {
        init: "systemd",
        path: "x".to_owned(),
        why: "y".to_owned(),
    };
    assert_eq!(Silence::from(&away), Silence::Away);
    assert_eq!(Silence::from(&other), Silence::Refused);
}
