//! What is evaluated once for several moments is what each of them would have come to by itself.

use super::*;

/// Asks for everything that can be different from one moment to another.
const ASKS: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ -x /etc/init.d/foo ]; then invoke-rc.d foo restart; fi
if [ -e /etc/foo.conf ]; then service foo reload; fi
if [ -e /usr/sbin/food ]; then /etc/init.d/foo start; fi
if command -v food >/dev/null; then deb-systemd-invoke start foo.service; fi
if deb-systemd-helper was-enabled foo.service; then deb-systemd-helper enable foo.service; fi
if deb-systemd-helper debian-installed foo.service; then deb-systemd-helper update-state foo.service; fi
if [ \"$DPKG_MAINTSCRIPT_NAME\" = postinst ]; then systemctl start \"$1-$2-$DPKG_MAINTSCRIPT_PACKAGE.service\"; fi
";

fn asking(version: &str, conffiles: &[&str]) -> Package {
    let mut package = with_unit(
        package(version),
        "foo.service",
        "[Service]\nExecStart=/usr/sbin/food\n[Install]\nWantedBy=multi-user.target\n",
    );
    for path in conffiles {
        package.conffiles.insert((*path).to_owned());
        let entry = Entry::File {
            mode: 0o644,
            size: 1,
            text: None,
        };
        package.files.insert((*path).to_owned(), entry);
    }
    package.triggers.push("interest-noawait foo".to_owned());
    ScriptName::ALL
        .into_iter()
        .fold(package, |package, name| with(package, name, ASKS))
}

#[test]
fn a_way_comes_to_the_same_whatever_was_evaluated_before_it() {
    let (one, other) = (asking("1.0", &["/etc/foo.conf"]), asking("2.0", &[]));
    for pair in [
        Pair::of_one(&one),
        Pair {
            old: Some(&one),
            new: Some(&other),
        },
        Pair {
            old: None,
            new: Some(&one),
        },
    ] {
        let together = Courses::new(pair);
        for init in InitKind::ALL {
            for way in Way::ALL {
                let scene = Scene::new(init);
                let (shared, alone) = (together.course(way, &scene), course(way, &pair, &scene));
                assert_eq!(shared, alone, "{way:?} {init:?}");
            }
        }
    }
}

#[test]
fn the_moments_differ_by_each_of_the_questions() {
    let (one, other) = (asking("1.0", &["/etc/foo.conf"]), asking("2.0", &[]));
    let pair = Pair {
        old: Some(&one),
        new: Some(&other),
    };
    let all = |way, init| told(way, pair, init).join("\n");
    let (upgrade, again) = (
        all(Way::Upgrade, InitKind::Systemd),
        all(Way::Again, InitKind::Systemd),
    );
    assert!(upgrade.contains("systemctl daemon-reload"), "{upgrade}");
    assert!(!all(Way::Upgrade, InitKind::Sysv).contains("systemctl daemon-reload"));
    assert!(
        upgrade.contains("postinst: service foo reload"),
        "{upgrade}"
    );
    assert!(!again.contains("postinst: service foo reload"), "{again}");
    assert!(
        upgrade.contains("deb-systemd-helper update-state"),
        "{upgrade}"
    );
    // Of the old version's files the init script is there, too.
    let install = all(Way::Install, InitKind::Systemd);
    assert!(upgrade.contains("preinst: invoke-rc.d foo"), "{upgrade}");
    assert!(!install.contains("preinst: invoke-rc.d foo"), "{install}");
}

#[test]
fn a_script_that_asks_for_more_than_is_kept_is_evaluated_each_time() {
    let name = "x".repeat(4000);
    let lines: String = (0..400)
        .map(|n| format!("if [ -e /{name}{n} ]; then invoke-rc.d foo start; fi\n"))
        .collect();
    let package = with(
        package("1.0"),
        ScriptName::Prerm,
        &format!(
            "#!/bin/sh\nif [ -d /run/systemd/system ]; then systemctl stop foo.service; fi\n{lines}"
        ),
    );
    let pair = Pair::of_one(&package);
    let courses = Courses::new(pair);
    for init in [InitKind::Systemd, InitKind::Sysv] {
        let scene = Scene::new(init);
        let shared = courses.course(Way::Remove, &scene);
        assert_eq!(shared, course(Way::Remove, &pair, &scene), "{init:?}");
    }
}
