//! What a removal leaves active.

use super::{DAEMON, SOCKET, package};
use crate::audit::finding::Severity;

const STOP: &str = "if [ \"$1\" = remove ]; then deb-systemd-invoke stop foo.service; fi";
const ENABLE: &str = "deb-systemd-helper enable foo.socket";

#[test]
fn a_socket_that_nobody_stops_on_removal_is_found() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .prerm(STOP);
    let on = story.clone().postinst(ENABLE).audit().0;
    let on = on
        .iter()
        .find(|finding| finding.check == "trigger-not-stopped")
        .unwrap();
    assert_eq!(on.severity, Severity::Error);
    let off = story.audit().0;
    let off = off
        .iter()
        .find(|finding| finding.check == "trigger-not-stopped")
        .unwrap();
    assert_eq!(
        off.severity,
        Severity::Warning,
        "only where an admin has enabled it"
    );
}

#[test]
fn one_that_is_stopped_is_not_and_one_that_falls_with_its_service_is_worth_a_note() {
    let both = "if [ \"$1\" = remove ]; then deb-systemd-invoke stop foo.service foo.socket; fi";
    let story = package("foo").unit("foo.service", DAEMON).postinst(ENABLE);
    story
        .clone()
        .unit("foo.socket", SOCKET)
        .prerm(both)
        .lacks("trigger-not-stopped");
    let tied = format!("[Unit]\nPartOf=foo.service\n{SOCKET}");
    let found = story.unit("foo.socket", &tied).prerm(STOP).audit().0;
    let found = found
        .iter()
        .find(|finding| finding.check == "trigger-not-stopped");
    assert_eq!(
        found.unwrap().severity,
        Severity::Note,
        "it falls, and nobody says so"
    );
}

#[test]
fn a_socket_by_another_name_belongs_to_the_service_that_it_names() {
    let other =
        "[Socket]\nListenStream=1\nService=foo.service\n[Install]\nWantedBy=sockets.target\n";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo-admin.socket", other)
        .prerm(STOP);
    assert_eq!(
        story.finds("trigger-not-stopped"),
        ["`foo-admin.socket` is never stopped when the package is removed"]
    );
}

#[test]
fn a_package_that_nobody_removes_leaves_nothing() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .prerm(STOP)
        .postinst(ENABLE);
    story.field("essential", "yes").lacks("trigger-not-stopped");
}

#[test]
fn a_stop_of_a_name_that_is_not_known_may_be_the_one() {
    let any = "for unit in $(cat /run/x); do deb-systemd-invoke stop $unit; done";
    package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .postinst(ENABLE)
        .prerm(any)
        .lacks("trigger-not-stopped");
}

#[test]
fn what_debhelper_adds_to_a_source_package_is_not_known() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .postinst("#DEBHELPER#");
    story.of_a_source().lacks("trigger-not-stopped");
}

#[test]
fn a_service_that_is_started_and_never_stopped_runs_on() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .postinst("deb-systemd-helper enable foo.service\ndeb-systemd-invoke start foo.service");
    story.has("left-running-after-removal");
    story.prerm(STOP).lacks("left-running-after-removal");
    let task = "[Service]\nType=oneshot\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
    package("foo")
        .unit("foo.service", task)
        .postinst("deb-systemd-helper enable foo.service\ndeb-systemd-invoke start foo.service")
        .lacks("left-running-after-removal");
}
