//! Courses of packages that read as stories.

mod enabled;
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Courses, Pair, Scene, Step, Way, course};
use crate::audit::call::{Side, Word};
use crate::audit::package::{Entry, Form, Package, Script, ScriptName};
use crate::domain::InitKind;

/// A package as debhelper makes it: one service with an init script.
fn package(version: &str) -> Package {
    let mut package = Package {
        path: PathBuf::from("foo.deb"),
        form: Form::Deb,
        name: "foo".to_owned(),
        version: version.to_owned(),
        fields: BTreeMap::new(),
        scripts: BTreeMap::new(),
        files: BTreeMap::new(),
        conffiles: BTreeSet::from(["/etc/init.d/foo".to_owned()]),
        triggers: Vec::new(),
        origins: BTreeMap::new(),
    };
    for (path, mode) in [
        ("/etc/init.d/foo", 0o755),
        ("/usr/sbin/food", 0o755),
        ("/usr/share/doc/foo/README", 0o644),
    ] {
        let entry = Entry::File {
            mode,
            size: 10,
            text: None,
        };
        package.files.insert(path.to_owned(), entry);
    }
    package
}

fn with(mut package: Package, name: ScriptName, text: &str) -> Package {
    let script = Script {
        name,
        shown: name.as_str().to_owned(),
        interpreter: "sh".to_owned(),
        text: text.to_owned(),
    };
    package.scripts.insert(name, script);
    package
}

fn with_unit(mut package: Package, name: &str, text: &str) -> Package {
    let path = format!("/usr/lib/systemd/system/{name}");
    let (size, text) = (text.len() as u64, Some(text.to_owned()));
    let mode = 0o644;
    package.files.insert(path, Entry::File { mode, size, text });
    package
}

/// The calls of a way, with the script that makes each; every script has one way.
fn told(way: Way, pair: Pair<'_>, init: InitKind) -> Vec<String> {
    let course = course(way, &pair, &Scene::new(init));
    let mut told = Vec::new();
    for step in &course.steps {
        let Step::Run { script, paths, .. } = step else {
            continue;
        };
        assert_eq!(paths.len(), 1, "{step:#?}");
        told.extend(step.likeliest().iter().map(|call| {
            let words: Vec<&str> = call.words.iter().filter_map(Word::known).collect();
            format!("{}: {}", script.as_str(), words.join(" "))
        }));
    }
    told
}

const PRERM: &str = r#"#!/bin/sh
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ "$1" = remove ] && [ -d /run/systemd/system ] ; then
	deb-systemd-invoke stop 'foo.service' >/dev/null || true
fi
if [ -z "${DPKG_ROOT:-}" ] && [ "$1" = remove ] && [ -x "/etc/init.d/foo" ] ; then
	invoke-rc.d --skip-systemd-native foo stop || exit 1
fi
"#;

const POSTRM: &str = r#"#!/bin/sh
set -e
[ -x /usr/sbin/food ] && systemctl stop never
if [ "$1" = remove ] && [ -x /etc/init.d/foo ]; then systemctl --system daemon-reload; fi
if [ "$1" = purge ] && [ -e /etc/init.d/foo ]; then systemctl stop never; fi
if [ "$1" = "purge" ] ; then update-rc.d foo remove >/dev/null; fi
"#;

#[test]
fn a_machine_with_systemd_and_one_without_are_told_apart() {
    let package = with(package("1"), ScriptName::Prerm, PRERM);
    let pair = Pair {
        old: Some(&package),
        new: None,
    };
    let script = "prerm: invoke-rc.d --skip-systemd-native foo stop";
    assert_eq!(
        told(Way::Remove, pair, InitKind::Systemd),
        ["prerm: deb-systemd-invoke stop foo.service", script]
    );
    assert_eq!(told(Way::Remove, pair, InitKind::Sysv), [script]);
    assert_eq!(
        told(Way::Upgrade, Pair::of_one(&package), InitKind::Systemd),
        [""; 0]
    );
}

#[test]
fn files_are_there_until_they_are_removed_and_configuration_until_it_is_purged() {
    let package = with(package("1"), ScriptName::Postrm, POSTRM);
    let pair = Pair {
        old: None,
        new: Some(&package),
    };
    assert_eq!(
        told(Way::Remove, pair, InitKind::Systemd),
        ["postrm: systemctl --system daemon-reload"]
    );
    assert_eq!(
        told(Way::Purge, pair, InitKind::Systemd),
        ["postrm: update-rc.d foo remove"]
    );
}

#[test]
fn a_first_installation_is_one_for_deb_systemd_helper() {
    let text = "if deb-systemd-helper debian-installed foo.service; then systemctl stop again; fi\n\
                deb-systemd-helper update-state foo.service";
    let package = with(package("1"), ScriptName::Postinst, text);
    let package = with_unit(package, "foo.service", "[Service]\nExecStart=/x\n");
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    assert_eq!(told(Way::Install, one, InitKind::Systemd).len(), 2);
    assert_eq!(
        told(Way::Upgrade, Pair::of_one(&package), InitKind::Systemd).len(),
        3
    );
}

#[test]
fn a_script_that_cannot_be_read_is_a_step_without_ways() {
    let package = with(package("1"), ScriptName::Postinst, "if");
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    let courses = Courses::new(one);
    let errors = courses.errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].0, errors[0].1),
        (Side::New, ScriptName::Postinst)
    );
    let course = courses.course(Way::Install, &Scene::new(InitKind::Systemd));
    let empty = |step: &&Step| matches!(step, Step::Run { paths, .. } if paths.is_empty());
    assert_eq!(course.steps.iter().filter(empty).count(), 1);
}

#[test]
fn a_package_without_scripts_has_steps_alone() {
    let package = package("1");
    for way in Way::ALL {
        let course = course(way, &Pair::of_one(&package), &Scene::new(InitKind::Sysv));
        assert!(
            course
                .steps
                .iter()
                .all(|step| !matches!(step, Step::Run { .. })),
            "{way:?}"
        );
    }
}

#[test]
fn an_upgrade_needs_two_packages() {
    let package = with(package("1"), ScriptName::Prerm, PRERM);
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    assert_eq!(
        course(Way::Upgrade, &one, &Scene::new(InitKind::Sysv)).steps,
        []
    );
}

const WHICH: &str = r#"#!/bin/sh
set -e
if [ -x "$(which invoke-rc.d)" ]; then invoke-rc.d "$(basename "$(command -v food)")" stop; fi
if [ -z "$(which food 2>/dev/null)" ]; then systemctl stop never; fi
if [ -n "$(which rc-service)" ]; then rc-service food stop; fi
"#;

#[test]
fn what_which_prints_is_known_where_the_program_is() {
    let package = with(package("1"), ScriptName::Prerm, WHICH);
    let course = course(
        Way::Remove,
        &Pair::of_one(&package),
        &Scene::new(InitKind::Systemd),
    );
    let [Step::Run { paths, .. }, ..] = course.steps.as_slice() else {
        panic!("{course:#?}");
    };
    let told = paths.iter().map(|path| {
        let words = path.calls.iter().flat_map(|call| &call.words);
        words.filter_map(Word::known).collect::<Vec<_>>().join(" ")
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    // Whether another package brings rc-service is not known.
    assert_eq!(
        told,
        [
            "invoke-rc.d food stop",
            "invoke-rc.d food stop rc-service food stop"
        ]
    );
}
