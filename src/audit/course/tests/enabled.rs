//! What deb-systemd-helper answers in an upgrade: what the package's own installation enabled, and nothing else.

use super::{package, with, with_unit};
use crate::audit::call::Word;
use crate::audit::course::{Courses, Pair, Scene, Step, Way};
use crate::audit::package::{Package, ScriptName};
use crate::domain::InitKind;

const ON: &str = "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";

/// debhelper's lines for a unit that an installation enables.
fn enables(unit: &str) -> String {
    format!(
        "if deb-systemd-helper --quiet was-enabled '{unit}'; then deb-systemd-helper enable '{unit}' >/dev/null || true\n\
         else deb-systemd-helper update-state '{unit}' >/dev/null || true; fi\n"
    )
}

/// Those for one that it leaves disabled.
fn leaves(unit: &str) -> String {
    format!(
        "if deb-systemd-helper debian-installed '{unit}'; then\n\
         if deb-systemd-helper --quiet was-enabled '{unit}'; then deb-systemd-helper enable '{unit}' || true; fi\nfi\n\
         deb-systemd-helper update-state '{unit}' >/dev/null || true\n"
    )
}

fn built(postinst: &str) -> Package {
    let text = format!("#!/bin/sh\nset -e\n{postinst}");
    let package = with(package("1"), ScriptName::Postinst, &text);
    let package = with_unit(package, "foo.service", ON);
    with_unit(package, "bar.service", ON)
}

/// What is enabled on each way through the scripts.
fn enabled(way: Way, pair: Pair<'_>) -> Vec<Vec<String>> {
    let course = Courses::new(pair).course(way, &Scene::new(InitKind::Systemd));
    let paths = course.steps.iter().flat_map(|step| match step {
        Step::Run { paths, .. } => &**paths,
        _ => &[],
    });
    let of_path = |calls: &[crate::audit::call::Call]| {
        let words = calls.iter().map(|call| {
            let words: Vec<&str> = call.words.iter().filter_map(Word::known).collect();
            words.join(" ")
        });
        words
            .filter_map(|words| Some(words.strip_prefix("deb-systemd-helper enable ")?.to_owned()))
            .collect()
    };
    paths.map(|path| of_path(&path.calls)).collect()
}

#[test]
fn an_upgrade_enables_again_what_the_installation_enabled_and_leaves_the_rest() {
    let package = built(&(enables("foo.service") + &leaves("bar.service")));
    let pair = Pair::of_one(&package);
    for way in [Way::Install, Way::Upgrade, Way::Again] {
        assert_eq!(enabled(way, pair), [["foo.service"]], "{way:?}");
    }
}

#[test]
fn a_unit_that_the_new_version_brings_is_enabled_by_the_upgrade() {
    let old = built(&enables("foo.service"));
    let new = built(&(enables("foo.service") + &enables("bar.service") + &leaves("new.service")));
    let new = with_unit(new, "new.service", ON);
    let pair = Pair {
        old: Some(&old),
        new: Some(&new),
    };
    assert_eq!(
        enabled(Way::Upgrade, pair).last().unwrap(),
        &["foo.service", "bar.service"]
    );
}

#[test]
fn what_was_noted_in_the_same_script_counts() {
    let noted_first = built(&(leaves("foo.service") + &enables("foo.service")));
    let none: [[&str; 0]; 1] = [[]];
    assert_eq!(enabled(Way::Install, Pair::of_one(&noted_first)), none);
    let enabled_first = built(&(enables("foo.service") + &leaves("foo.service")));
    let both = [["foo.service", "foo.service"]];
    assert_eq!(enabled(Way::Install, Pair::of_one(&enabled_first)), both);
    assert_eq!(enabled(Way::Upgrade, Pair::of_one(&enabled_first)), both);
}

#[test]
fn a_unit_is_enabled_by_another_that_names_it_in_also() {
    let socket = format!("{ON}Also=bar.service\n");
    let package = built(&(enables("foo.service") + &leaves("bar.service")));
    let package = with_unit(package, "foo.service", &socket);
    assert_eq!(
        enabled(Way::Upgrade, Pair::of_one(&package)),
        [["foo.service", "bar.service"]]
    );
}

#[test]
fn where_it_hangs_on_the_machine_what_was_enabled_both_is_followed() {
    let package = built(&format!(
        "{}if [ -z \"$2\" ] && grep -q no /etc/foo; then deb-systemd-helper disable foo.service; fi\n",
        enables("foo.service")
    ));
    let ways = enabled(Way::Upgrade, Pair::of_one(&package));
    let none: Vec<String> = Vec::new();
    assert!(ways.contains(&none), "{ways:?}");
    assert!(ways.contains(&vec!["foo.service".to_owned()]), "{ways:?}");
}

#[test]
fn the_users_units_have_notes_of_their_own() {
    let user = |text: &str| text.replace("deb-systemd-helper", "deb-systemd-helper --user");
    let package = built(&(leaves("foo.service") + &user(&enables("foo.service"))));
    let mut package = with_unit(package, "foo.service", ON);
    let entry = package
        .files
        .get("/usr/lib/systemd/system/foo.service")
        .cloned()
        .unwrap();
    package
        .files
        .insert("/usr/lib/systemd/user/foo.service".to_owned(), entry);
    let course =
        Courses::new(Pair::of_one(&package)).course(Way::Upgrade, &Scene::new(InitKind::Systemd));
    let calls = course.steps.iter().flat_map(Step::likeliest);
    let mut told = calls.map(|call| {
        call.words
            .iter()
            .filter_map(Word::known)
            .collect::<Vec<_>>()
    });
    assert!(told.any(|words| words == ["deb-systemd-helper", "--user", "enable", "foo.service"]));
    assert!(
        enabled(Way::Upgrade, Pair::of_one(&package))
            .concat()
            .is_empty()
    );
}

#[test]
fn units_that_the_package_does_not_have_count_as_enabled_as_the_helper_has_it() {
    let package = built(&enables("other.service"));
    assert_eq!(
        enabled(Way::Upgrade, Pair::of_one(&package)),
        [["other.service"]]
    );
}
