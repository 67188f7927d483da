//! The order of maintainer scripts against the real dpkg: two versions of a package whose scripts note their
//! words, in a root of their own, each script failing in turn.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rcpolicy::audit::call::Side;
use rcpolicy::audit::course::{Pair, Scene, Step, Way, course};
use rcpolicy::audit::package::{Entry, Form, Package, Script, ScriptName};
use rcpolicy::domain::InitKind;

use crate::dpkg::{Root, text};

/// The same package as the audit sees it.
fn seen(version: &str, failing: &[ScriptName]) -> Package {
    let file = |size| Entry::File {
        mode: 0o644,
        size,
        text: None,
    };
    let mut files = std::collections::BTreeMap::new();
    let mut conffiles = std::collections::BTreeSet::from(["/etc/story.conf".to_owned()]);
    files.insert("/etc/story.conf".to_owned(), file(0));
    if version == "2" {
        conffiles.insert("/etc/story-2.conf".to_owned());
        files.insert("/etc/story-2.conf".to_owned(), file(0));
    }
    files.insert("/usr/share/story/both".to_owned(), file(1));
    files.insert(format!("/usr/share/story/only-{version}"), file(0));
    let scripts = ScriptName::ALL.into_iter().map(|name| {
        let script = Script {
            name,
            shown: name.as_str().to_owned(),
            interpreter: "sh".to_owned(),
            text: text(name, version, failing),
        };
        (name, script)
    });
    Package {
        path: PathBuf::from("story.deb"),
        form: Form::Deb,
        name: "story".to_owned(),
        version: version.to_owned(),
        fields: std::collections::BTreeMap::new(),
        scripts: scripts.collect(),
        files,
        conffiles,
        origins: std::collections::BTreeMap::new(),
        triggers: vec![
            "interest-noawait /story".to_owned(),
            "interest-noawait told".to_owned(),
        ],
    }
}

/// The calls of a course, the program's name left out. What neither version has the audit does not know of:
/// it is not there.
fn said(way: Way, pair: &Pair<'_>) -> Vec<Vec<String>> {
    let course = course(way, pair, &Scene::new(InitKind::Systemd));
    let mut calls = Vec::new();
    for step in &course.steps {
        let Step::Run { paths, .. } = step else {
            continue;
        };
        let mut none = paths
            .iter()
            .filter(|path| path.assumed.iter().all(|one| !one.held));
        for call in &none.next().unwrap().calls {
            let words = call.words.iter().skip(1);
            calls.push(words.map(|word| word.known().unwrap().to_owned()).collect());
        }
    }
    calls
}

#[test]
fn scripts_run_in_the_order_that_dpkg_has() {
    let none: [ScriptName; 0] = [];
    let root = Root::new();
    let (first, second) = (seen("1", &none), seen("2", &none));
    let one = Pair {
        old: None,
        new: Some(&first),
    };
    let both = Pair {
        old: Some(&first),
        new: Some(&second),
    };
    let (old, new) = (root.package("1", &none), root.package("2", &none));
    assert_eq!(said(Way::Install, &one), root.install(&old));
    assert_eq!(said(Way::Upgrade, &both), root.install(&new));
    let two = Pair {
        old: None,
        new: Some(&second),
    };
    let told = root.dpkg(&["--triggers-only", "-a"]);
    assert_eq!(told, Vec::<Vec<String>>::new());
    assert_eq!(said(Way::Remove, &two), root.dpkg(&["--remove", "story"]));
    assert_eq!(said(Way::Purge, &two), root.dpkg(&["--purge", "story"]));
    root.install(&old);
    root.dpkg(&["--remove", "story"]);
    assert_eq!(said(Way::Again, &both), root.install(&new));
}

#[test]
fn a_script_that_fails_is_unwound_as_dpkg_does_it() {
    use ScriptName::{Postinst, Postrm, Preinst, Prerm};
    use Side::{New, Old};
    let table: [(Way, &[ScriptName], &[ScriptName]); 8] = [
        (Way::Failed(Old, Prerm), &[Prerm], &[]),
        (Way::Failed(New, Prerm), &[Prerm], &[Prerm]),
        (Way::Failed(New, Preinst), &[], &[Preinst]),
        (Way::Failed(Old, Postinst), &[Postinst], &[Preinst]),
        (Way::Failed(Old, Postrm), &[Postrm], &[]),
        (Way::Failed(New, Postrm), &[Postrm], &[Postrm]),
        (Way::Failed(Old, Preinst), &[Preinst, Postrm], &[Postrm]),
        (Way::Failed(New, Postinst), &[], &[Postinst]),
    ];
    for (way, old, new) in table {
        let root = Root::new();
        root.install(&root.package("1", &[]));
        // From here on what is installed fails.
        for name in old {
            let installed = root.path(&format!("root/var/lib/dpkg/info/story.{}", name.as_str()));
            let text = fs::read_to_string(&installed).unwrap();
            fs::write(&installed, text + "exit 1\n").unwrap();
        }
        let (first, second) = (seen("1", old), seen("2", new));
        let pair = Pair {
            old: Some(&first),
            new: Some(&second),
        };
        assert_eq!(
            said(way, &pair),
            root.install(&root.package("2", new)),
            "{way:?}"
        );
    }
}

#[test]
fn a_prerm_that_fails_on_removal_is_followed_by_abort_remove() {
    let root = Root::new();
    let failing = [ScriptName::Prerm];
    root.install(&root.package("1", &failing));
    let package = seen("1", &failing);
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    assert_eq!(
        said(Way::FailedRemove, &one),
        root.dpkg(&["--remove", "story"])
    );
}

#[test]
fn all_triggers_of_a_run_come_as_one_word() {
    let root = Root::new();
    root.install(&root.package("1", &[]));
    let package = seen("1", &[]);
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    let database = root.path("root/var/lib/dpkg");
    for name in ["/story", "told"] {
        let mut trigger = Command::new("dpkg-trigger");
        trigger
            .arg(format!("--admindir={}", database.display()))
            .args(["--by-package=dpkg", "--no-await", name]);
        assert!(trigger.status().unwrap().success());
    }
    let real = root.dpkg(&["--configure", "-a"]);
    let told = said(Way::Trigger, &one);
    let (words, names) = real[0].split_at(2);
    assert_eq!(words, ["postinst-1", "triggered"]);
    let sorted = |names: &str| {
        let mut names: Vec<&str> = names.split(' ').collect();
        names.sort_unstable();
        names.join(" ")
    };
    // In which order they are named is dpkg's affair.
    assert_eq!(sorted(&names[0]), sorted(&told[0][2]));
}

/// The words of each script that dpkg ran, what it saw left out.
fn words(noted: &[Vec<String>]) -> Vec<String> {
    let words = noted.iter().map(|words| &words[..words.len() - 1]);
    words.map(|words| words.join(" ")).collect()
}

#[test]
fn what_breaks_a_package_has_it_deconfigured_and_configured_again_where_it_is_not_unpacked() {
    let root = Root::new();
    root.install(&root.package("1", &[]));
    let coming = root.other("coming", "Breaks: story", "exit 1\n");
    let package = seen("1", &[]);
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    let real = root.dpkg(&["--auto-deconfigure", "-i", coming.to_str().unwrap()]);
    assert_eq!(said(Way::Deconfigure, &one), real);
    assert_eq!(
        words(&real),
        [
            "prerm-1 deconfigure in-favour coming 1",
            "postinst-1 abort-deconfigure in-favour coming 1"
        ]
    );
}

#[test]
fn what_takes_away_that_a_package_depends_on_names_that_too() {
    let root = Root::new();
    let needed = root.other("needed", "", "");
    root.install(&needed);
    root.package("1", &[]);
    root.depending("needed");
    let coming = root.other("coming", "Conflicts: needed\nReplaces: needed", "exit 1\n");
    let real = root.dpkg(&["--auto-deconfigure", "-i", coming.to_str().unwrap()]);
    assert_eq!(
        words(&real),
        [
            "prerm-1 deconfigure in-favour coming 1 removing needed 1",
            "postinst-1 abort-deconfigure in-favour coming 1 removing needed 1"
        ]
    );
}

#[test]
fn a_package_that_was_deconfigured_is_configured_again_with_its_own_version() {
    let root = Root::new();
    root.install(&root.package("1", &[]));
    let coming = root.other("coming", "Breaks: story (<< 2)", "");
    let new = root.package("2", &[]);
    let both = [coming.to_str().unwrap(), new.to_str().unwrap()];
    let real = root.dpkg(&["--auto-deconfigure", "-i", both[0], both[1]]);
    assert_eq!(
        words(&real),
        [
            "prerm-1 deconfigure in-favour coming 1",
            "prerm-1 upgrade 2",
            "preinst-2 upgrade 1 2",
            "postrm-1 upgrade 2",
            "postinst-2 configure 1",
        ]
    );
}
