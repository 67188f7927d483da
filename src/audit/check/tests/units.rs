//! Unit files and names on the bus.

use super::{DAEMON, STATIC, package};

fn unit(text: &str) -> super::Story {
    package("foo").unit("foo.service", text)
}

#[test]
fn each_setting_that_is_not_as_it_seems_is_found() {
    let cases = [
        ("[Unit]\nBindTo=bar.service\n", "setting-obsolete"),
        ("[Unit]\nAfter=syslog.target\n", "setting-obsolete"),
        ("[Service]\nPIDFile=/var/run/foo.pid\n", "setting-obsolete"),
        (
            "[Service]\nStandardOutput=syslog+console\n",
            "setting-obsolete",
        ),
        ("[Service]\nUser=nobody\n", "runs-as-nobody"),
        (
            "[Service]\nExecStart=/etc/init.d/foo start\n",
            "unit-wraps-init-script",
        ),
        ("[Install]\nWantedBy=default.target\n", "wanted-by-unusual"),
        ("[Install]\nAlias=bar\n", "alias-suffix"),
        (
            "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\n",
            "lingers-at-shutdown",
        ),
        ("[Service]\nExecStart=/x\n", "unit-never-started"),
    ];
    for (text, id) in cases {
        unit(text).has(id);
        unit(DAEMON).lacks(id);
    }
}

#[test]
fn near_misses_of_these_settings_are_left_in_peace() {
    let cases = [
        (
            "[Unit]\nBindsTo=bar.service\nAfter=network.target\n",
            "setting-obsolete",
        ),
        (
            "[Service]\nPIDFile=/run/foo.pid\nStandardOutput=journal\n",
            "setting-obsolete",
        ),
        ("[Service]\nUser=nobody-else\n", "runs-as-nobody"),
        ("[Install]\nAlias=bar.service\n", "alias-suffix"),
        (
            "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n",
            "lingers-at-shutdown",
        ),
        ("[Unit]\nConflicts=shutdown.target\n", "lingers-at-shutdown"),
    ];
    for (text, id) in cases {
        unit(text).lacks(id);
    }
}

#[test]
fn a_service_that_something_of_its_package_starts_is_in_use() {
    let timer = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n";
    unit(STATIC)
        .unit("foo.timer", timer)
        .lacks("unit-never-started");
    unit(STATIC)
        .unit(
            "bar.service",
            "[Unit]\nWants=foo.service\n[Install]\nWantedBy=multi-user.target\n",
        )
        .lacks("unit-never-started");
    unit(STATIC)
        .link(
            "/usr/lib/systemd/system/basic.target.wants/foo.service",
            "../foo.service",
        )
        .lacks("unit-never-started");
    unit(STATIC)
        .postinst("systemctl start foo.service")
        .lacks("unit-never-started");
    let bus = "[D-BUS Service]\nName=org.foo\nExec=/x\nSystemdService=foo.service\n";
    unit(STATIC)
        .file("/usr/share/dbus-1/system-services/org.foo.service", bus)
        .lacks("unit-never-started");
}

#[test]
fn a_trigger_needs_something_to_start() {
    let socket = "[Socket]\nListenStream=1\n";
    package("foo")
        .unit("foo.socket", socket)
        .has("trigger-starts-nothing");
    unit(STATIC)
        .unit("foo.socket", socket)
        .lacks("trigger-starts-nothing");
    let accepts = "[Socket]\nListenStream=1\nAccept=yes\n";
    package("foo")
        .unit("foo.socket", accepts)
        .unit("foo@.service", STATIC)
        .lacks("trigger-starts-nothing");
}

#[test]
fn a_bus_name_needs_its_unit_and_its_file() {
    let path = "/usr/share/dbus-1/system-services/org.foo.service";
    let bus = "[D-BUS Service]\nName=org.foo\nExec=/x\nSystemdService=dbus-org.foo.service\n";
    unit(DAEMON).file(path, bus).has("bus-name-starts-nothing");
    let alias = format!("{DAEMON}Alias=dbus-org.foo.service\n");
    unit(&alias)
        .file(path, bus)
        .lacks("bus-name-starts-nothing");
    unit(&alias)
        .file("/usr/share/dbus-1/system-services/foo.service", bus)
        .has("bus-file-name");
    unit(&alias).file(path, bus).lacks("bus-file-name");
}

#[test]
fn a_unit_belongs_into_usr() {
    package("foo")
        .file("/etc/systemd/system/foo.service", DAEMON)
        .has("unit-in-odd-place");
    unit(DAEMON).lacks("unit-in-odd-place");
    let drop_in = package("foo").file(
        "/etc/systemd/system/foo.service.d/x.conf",
        "[Service]\nNice=1\n",
    );
    drop_in.lacks("unit-in-odd-place");
}

#[test]
fn what_has_a_units_name_and_is_no_file_is_found() {
    let story = package("foo").unit("foo.service", DAEMON);
    let at = |name: &str| format!("/usr/lib/systemd/system/{name}");
    let odd = "unit-not-a-file";
    let found = |story: super::Story| story.finds(odd);
    let directory = story.clone().directory(&at("bar.service"));
    assert_eq!(found(directory), ["`bar.service` is no file"]);
    let leads = story
        .clone()
        .directory(&at("x"))
        .link(&at("bar.service"), "x");
    assert_eq!(found(leads), ["`bar.service` is no file"]);
    let round = story.clone().link(&at("bar.service"), "bar.service");
    assert_eq!(found(round), ["`bar.service` is no file"]);
    let fine = story
        .directory(&at("foo.service.d"))
        .directory(&at("foo.target.wants"))
        .link(&at("alias.service"), "foo.service")
        .link(&at("other.service"), "of-another-package.service")
        .link(&at("masked.service"), "/dev/null");
    fine.lacks(odd);
}
