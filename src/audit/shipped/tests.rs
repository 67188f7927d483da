//! What is found in packages of every shape.

use super::*;
use crate::audit::package::{Entry, Form};

/// A package with these files; a text that begins with `->` is a link.
fn package(files: &[(&str, &str)]) -> Package {
    let entry = |text: &str| match text.strip_prefix("->") {
        Some(target) => Entry::Link {
            target: target.to_owned(),
        },
        None => Entry::File {
            mode: 0o644,
            size: text.len() as u64,
            text: Some(text.to_owned()),
        },
    };
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), entry(text)));
    Package {
        path: "foo.deb".into(),
        form: Form::Deb,
        name: "foo".to_owned(),
        version: "1".to_owned(),
        fields: BTreeMap::new(),
        scripts: BTreeMap::new(),
        files: files.collect(),
        conffiles: Default::default(),
        triggers: Vec::new(),
        origins: BTreeMap::new(),
    }
}

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn names(units: &BTreeMap<UnitName, Unit>) -> Vec<&str> {
    units.keys().map(UnitName::as_str).collect()
}

#[test]
fn units_are_found_with_their_aliases_and_masks() {
    let shipped = of(&package(&[
        (
            "/usr/lib/systemd/system/foo.service",
            "[Service]\nExecStart=/bin/foo\n[Install]\nAlias=bar.service foo.service\n",
        ),
        (
            "/usr/lib/systemd/system/dbus-org.foo.service",
            "->foo.service",
        ),
        ("/usr/lib/systemd/system/masked.service", "->/dev/null"),
        ("/usr/lib/systemd/system/empty.socket", ""),
        (
            "/usr/lib/systemd/system/out.service",
            "->/usr/share/out.service",
        ),
        ("/usr/lib/systemd/system/README", "no unit"),
        ("/usr/lib/systemd/system/foo.conf", "no unit"),
        (
            "/usr/lib/systemd/user/foo.service",
            "[Service]\nExecStart=/bin/u\n",
        ),
    ]));
    assert_eq!(
        names(&shipped.units),
        ["empty.socket", "foo.service", "masked.service"]
    );
    let foo = &shipped.units[&name("foo.service")];
    assert_eq!(
        foo.aliases,
        [name("bar.service"), name("dbus-org.foo.service")]
    );
    assert!(!foo.masked && shipped.units[&name("masked.service")].masked);
    assert!(shipped.units[&name("empty.socket")].masked);
    assert_eq!(names(&shipped.user_units), ["foo.service"]);
    assert_eq!(shipped.problems, []);
}

#[test]
fn the_admins_directory_hides_the_packages_and_a_unit_may_lie_elsewhere() {
    let shipped = of(&package(&[
        (
            "/usr/lib/systemd/system/foo.service",
            "[Service]\nExecStart=/bin/a\n",
        ),
        (
            "/etc/systemd/system/foo.service",
            "[Service]\nExecStart=/bin/b\n",
        ),
        (
            "/usr/lib/systemd/system/bar.service",
            "->/usr/share/bar/bar.service",
        ),
        (
            "/usr/share/bar/bar.service",
            "[Service]\nExecStart=/bin/c\n",
        ),
    ]));
    let exec = |unit: &str| shipped.units[&name(unit)].value("Service", "ExecStart");
    assert_eq!(exec("foo"), Some("/bin/b"));
    assert_eq!(exec("bar"), Some("/bin/c"));
    assert_eq!(
        shipped.units[&name("bar")].path,
        "/usr/share/bar/bar.service"
    );
}

#[test]
fn drop_ins_apply_by_their_names_and_the_nearer_hides_the_more_general() {
    let shipped = of(&package(&[
        (
            "/usr/lib/systemd/system/foo-bar.service",
            "[Service]\nExecStart=/bin/a\n",
        ),
        (
            "/usr/lib/systemd/system/foo-bar.service.d/20-b.conf",
            "[Service]\nExecStart=\nExecStart=/bin/b\n",
        ),
        (
            "/etc/systemd/system/foo-bar.service.d/20-b.conf",
            "[Service]\nExecStart=\nExecStart=/bin/admin\n",
        ),
        (
            "/usr/lib/systemd/system/foo-.service.d/30-c.conf",
            "[Service]\nNice=1\n",
        ),
        (
            "/usr/lib/systemd/system/service.d/30-c.conf",
            "[Service]\nNice=2\n",
        ),
        (
            "/usr/lib/systemd/system/service.d/10-d.conf",
            "[Unit]\nAfter=d.service\n",
        ),
        (
            "/usr/lib/systemd/system/other.service.d/x.conf",
            "[Unit]\nAfter=foo-bar.service\n",
        ),
        (
            "/usr/lib/systemd/system/other.service.d/readme",
            "no drop-in",
        ),
    ]));
    assert_eq!(names(&shipped.units), ["foo-bar.service", "other.service"]);
    let foo = &shipped.units[&name("foo-bar")];
    let lines: Vec<String> = foo
        .directives
        .iter()
        .map(|d| format!("{}={}", d.key, d.value))
        .collect();
    assert_eq!(lines, ["After=d.service", "ExecStart=/bin/admin", "Nice=1"]);
    let other = &shipped.units[&name("other")];
    assert_eq!(other.path, "");
    assert_eq!(
        other.words("Unit", "After"),
        ["d.service", "foo-bar.service"]
    );
}

#[test]
fn what_links_pull_in_is_known() {
    let shipped = of(&package(&[
        (
            "/usr/lib/systemd/system/foo.socket",
            "[Socket]\nListenStream=/run/foo\n",
        ),
        (
            "/usr/lib/systemd/system/sockets.target.wants/foo.socket",
            "->../foo.socket",
        ),
        (
            "/usr/lib/systemd/system/a.service.requires/b.service",
            "->../b.service",
        ),
        (
            "/usr/lib/systemd/system/a.service.likes/b.service",
            "->../b.service",
        ),
    ]));
    let pulled: Vec<(&str, &str, &str)> = shipped
        .pulled
        .iter()
        .map(|p| (p.by.as_str(), p.how, p.unit.as_str()))
        .collect();
    assert_eq!(
        pulled,
        [
            ("a.service", "Requires", "b.service"),
            ("sockets.target", "Wants", "foo.socket"),
        ]
    );
}

#[test]
fn bus_names_start_units() {
    let shipped = of(&package(&[
        (
            "/usr/share/dbus-1/system-services/org.foo.service",
            "[D-BUS Service]\nName=org.foo\nExec=/bin/false\nSystemdService=dbus-org.foo.service\n",
        ),
        (
            "/usr/share/dbus-1/system-services/org.bar.service",
            "[D-BUS Service]\nName=org.bar\nSystemdService=a b\n",
        ),
        (
            "/usr/share/dbus-1/system-services/none.service",
            "[D-BUS Service]\nExec=/bin/x\n",
        ),
        (
            "/usr/share/dbus-1/services/org.session.service",
            "[D-BUS Service]\nName=org.session\n",
        ),
    ]));
    let bus: Vec<(&str, Option<&str>)> = shipped
        .bus
        .iter()
        .map(|b| (b.name.as_str(), b.unit.as_ref().map(UnitName::as_str)))
        .collect();
    assert_eq!(
        bus,
        [("org.bar", None), ("org.foo", Some("dbus-org.foo.service"))]
    );
    let problems: Vec<String> = shipped.problems.iter().map(ToString::to_string).collect();
    assert!(
        problems[0].contains("none.service:1: it names no bus name"),
        "{problems:?}"
    );
    assert!(problems[1].contains("org.bar.service:3: "), "{problems:?}");
}

#[test]
fn scripts_and_directories_of_other_inits_are_told_apart() {
    let shipped = of(&package(&[
        (
            "/etc/init.d/foo",
            "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: foo\n### END INIT INFO\n",
        ),
        ("/etc/init.d/open", "#!/sbin/openrc-run\ncommand=/bin/x\n"),
        ("/etc/init.d/README", "text\n"),
        ("/etc/init.d/linked", "->/lib/init/upstart-job"),
        ("/etc/init/up.conf", "exec /bin/x\n"),
        ("/etc/init/sub/other.conf", "exec /bin/x\n"),
        ("/etc/sv/run-it/run", "#!/bin/sh\nexec x\n"),
        ("/etc/sv/run-it/log/run", "#!/bin/sh\nexec svlogd\n"),
        ("/usr/share/runit/sv/stock/run", "#!/bin/sh\n"),
        ("/usr/share/s6/sv/six/type", "longrun\n"),
        ("/usr/share/s6/sv/six/run", "#!/bin/sh\n"),
        ("/usr/lib/rcpolicy/policy.d/50-foo.toml", "[[rule]]\n"),
        ("/usr/lib/rcpolicy/policy.d/README", "text"),
    ]));
    let natives = |all: &[Native]| -> Vec<String> {
        all.iter()
            .map(|n| format!("{} {}", n.name, n.path))
            .collect()
    };
    let scripts: Vec<&str> = shipped
        .init_scripts
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(scripts, ["foo", "linked"]);
    assert_eq!(shipped.init_scripts[0].header["provides"], "foo");
    assert_eq!(natives(&shipped.openrc), ["open /etc/init.d/open"]);
    assert_eq!(natives(&shipped.upstart), ["up /etc/init/up.conf"]);
    assert_eq!(
        natives(&shipped.runit),
        ["run-it /etc/sv/run-it", "stock /usr/share/runit/sv/stock"]
    );
    assert_eq!(natives(&shipped.s6), ["six /usr/share/s6/sv/six"]);
    let policies: Vec<&String> = shipped.policies.keys().collect();
    assert_eq!(policies, ["/usr/lib/rcpolicy/policy.d/50-foo.toml"]);
}
