//! Groups and templates, explained: who goes along, and what would be done with each.

use super::*;

const GROUP: &str = "[group.foo]\nmembers = [\"foo\", \"bar@\"]\n";

/// foo in a group with the instances `a`, which runs, and `b`, which does not; a script of an upgrade asks.
fn family(named: &str, action: Action) -> Told {
    let mut told = Told::about(FrontEnd::DebSystemdInvoke, named, action);
    told.rule = GROUP.to_owned();
    for unit in ["bar@a", "bar@b"] {
        told.init.add(Spec::new(name(unit)), Image::Whole(1));
    }
    let start = [Job::new(Verb::Start, name("bar@a"))];
    let _ = told.init.run(&start, Wait::Done);
    told.request.context = Context {
        package: Some("foo".to_owned()),
        script: Some("prerm".to_owned()),
        phase: Phase::Upgrade,
        batch_started: None,
        batch_began: None,
    };
    told
}

#[test]
fn a_stop_names_the_members_that_go_down_with_it() {
    insta::assert_snapshot!(family("foo", Action::Stop).text());
}

#[test]
fn a_restart_shows_that_all_go_down_before_the_first_comes_up() {
    insta::assert_snapshot!(family("foo", Action::Restart).text());
}

#[test]
fn who_keeps_a_group_from_going_down_is_named() {
    let mut told = family("foo", Action::Stop);
    told.rule
        .push_str("[[rule]]\nservice = \"bar@*\"\ndecide = \"deny\"\n");
    let text = told.text();
    let expected = "the rest of group foo goes on: bar@a.service: denies stop of bar@a";
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("stop bar@a"), "{text}");
}

#[test]
fn a_template_is_explained_by_the_instances_that_it_stands_for() {
    insta::assert_snapshot!(family("bar@", Action::Stop).text());
    let none = family("bar@", Action::Start).text();
    assert!(none.contains("none is concerned"), "{none}");
}
