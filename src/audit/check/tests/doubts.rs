//! What is rightly down after an upgrade, or rightly up after a removal, is no error.

use super::{DAEMON, SOCKET, Story, package};
use crate::audit::finding::Severity;

const STOP: &str = "deb-systemd-invoke stop foo.service";
const STOP_ON_REMOVAL: &str =
    "if [ \"$1\" = remove ]; then deb-systemd-invoke stop foo.service; fi";
const ENABLE: &str = "deb-systemd-helper enable foo.service";
const ENABLE_SOCKET: &str = "deb-systemd-helper enable foo.socket";

fn with_socket() -> Story {
    package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .prerm(STOP_ON_REMOVAL)
}

#[test]
fn what_runs_only_while_the_machine_goes_down_is_not_left_down() {
    let splash = "[Service]\nType=forking\nExecStart=/usr/sbin/food\n";
    let story = package("foo").unit("foo.service", splash).prerm(STOP);
    let wants = |target: &str| format!("/usr/lib/systemd/system/{target}.wants/foo.service");
    let halting = story.clone().link(&wants("halt.target"), "../foo.service");
    halting.lacks("stopped-not-started");
    let both = halting.link(&wants("sysinit.target"), "../foo.service");
    both.has("stopped-not-started");
    let by_itself = format!("{splash}[Install]\nWantedBy=reboot.target initrd.target\n");
    let installed = package("foo").unit("foo.service", &by_itself).prerm(STOP);
    installed.lacks("stopped-not-started");
}

#[test]
fn a_unit_that_counts_as_up_after_its_program_has_ended_is_in_doubt() {
    let kept = "[Service]\nType=forking\nRemainAfterExit=yes\nExecStart=/usr/sbin/food\n\
                [Install]\nWantedBy=multi-user.target\n";
    let story = package("foo")
        .unit("foo.service", kept)
        .prerm(STOP)
        .postinst(ENABLE);
    let found = story.first("stopped-not-started");
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!(found.assumed, ["`foo.service` still has a process"]);
    let undone = kept.replace("ExecStart", "ExecStop=/usr/sbin/food --undo\nExecStart");
    let undone = story.unit("foo.service", &undone);
    assert_eq!(
        undone.first("stopped-not-started").severity,
        Severity::Error
    );
}

#[test]
fn a_unit_that_is_disabled_with_its_stop_may_be_meant_to_stay_down() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm("systemctl disable --now foo.service")
        .postinst(ENABLE);
    let found = story.first("stopped-not-started");
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!(
        found.assumed,
        ["`foo.service` is not switched off on purpose"]
    );
}

#[test]
fn a_stop_that_hangs_on_an_answer_given_to_debconf_is_in_doubt() {
    let asked = "db_get foo/run\nwanted=\"$RET\"\nif [ \"$wanted\" != true ]; then deb-systemd-invoke stop foo.service; fi";
    let story = package("foo").unit("foo.service", DAEMON);
    let found = story
        .clone()
        .postinst(&format!("{ENABLE}\n{asked}"))
        .first("stopped-not-started");
    assert_eq!(found.severity, Severity::Warning, "{found:#?}");
    let other = asked.replace("db_get foo/run", "RET=$(cat /etc/foo)");
    let found = story
        .postinst(&format!("{ENABLE}\n{other}"))
        .first("stopped-not-started");
    assert_eq!(found.severity, Severity::Error, "{found:#?}");
}

#[test]
fn a_service_that_its_package_leaves_disabled_is_stopped_where_somebody_enabled_it() {
    let story = package("foo").unit("foo.service", DAEMON).prerm(STOP);
    let found = story.first("stopped-not-started");
    assert_eq!(found.severity, Severity::Error);
    assert_eq!(found.assumed, ["somebody has enabled `foo.service`"]);
    let enabled = story.postinst(ENABLE).first("stopped-not-started");
    assert!(enabled.assumed.is_empty(), "{enabled:#?}");
}

#[test]
fn a_trigger_of_dpkgs_that_the_package_does_not_wait_for_starts_nothing_of_it() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst("dpkg-trigger --no-await update-initramfs");
    story.has("stopped-not-started");
    let waits = |line| story.clone().trigger(line);
    waits("interest-noawait update-initramfs").lacks("stopped-not-started");
    waits("activate update-initramfs").has("stopped-not-started");
    waits("interest other").has("stopped-not-started");
    let unknown = story.clone().postinst("dpkg-trigger \"$(cat /run/foo)\"");
    unknown.lacks("stopped-not-started");
}

#[test]
fn a_package_whose_prerm_refuses_the_removal_leaves_nothing() {
    let refuses = "if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then exit 1; fi";
    let story = with_socket().postinst(ENABLE_SOCKET);
    story.has("trigger-not-stopped");
    story.clone().prerm(refuses).lacks("trigger-not-stopped");
    let perhaps = "if [ \"$1\" = remove ] && pgrep food; then exit 1; fi";
    story.prerm(perhaps).has("trigger-not-stopped");
}

#[test]
fn sockets_that_no_tool_stops_are_left_alone_on_removal() {
    let story = package("foo")
        .unit("dbus.service", DAEMON)
        .unit("dbus.socket", SOCKET)
        .postinst("deb-systemd-helper enable dbus.socket");
    story.lacks("trigger-not-stopped");
    let other = package("foo")
        .unit("bus.service", DAEMON)
        .unit("bus.socket", SOCKET)
        .postinst("deb-systemd-helper enable bus.socket");
    other.has("trigger-not-stopped");
}

#[test]
fn a_socket_that_excludes_a_service_of_the_package_that_is_on_may_be_down() {
    let either = format!("[Unit]\nConflicts=foo.service\n{SOCKET}");
    let story = with_socket().unit("foo.socket", &either);
    let alone = story.clone().postinst(ENABLE_SOCKET);
    assert_eq!(alone.first("trigger-not-stopped").severity, Severity::Error);
    let both = story.postinst(&format!("{ENABLE_SOCKET}\n{ENABLE}"));
    let found = both.first("trigger-not-stopped");
    assert_eq!(found.severity, Severity::Warning);
    assert_eq!(
        found.assumed,
        ["`foo.service` does not run, which `foo.socket` excludes"]
    );
}

#[test]
fn a_trigger_that_the_installation_may_switch_off_again_is_in_doubt() {
    let asked = "if ! grep -q yes /etc/foo; then systemctl disable foo.socket; fi";
    let story = with_socket();
    let off = story
        .clone()
        .postinst(&format!("{ENABLE_SOCKET}\n{asked}"))
        .first("trigger-not-stopped");
    assert_eq!(off.severity, Severity::Warning);
    assert_eq!(
        off.assumed,
        ["`foo.socket` is not disabled by the postinst, line 4"]
    );
    let on = story
        .postinst(&format!("{asked}\n{ENABLE_SOCKET}"))
        .first("trigger-not-stopped");
    assert_eq!(on.severity, Severity::Error, "the last word counts");
}

#[test]
fn a_trigger_that_only_comes_with_a_unit_that_may_be_off_is_in_doubt() {
    let with_service =
        "[Timer]\nOnCalendar=daily\nUnit=bar.service\n[Install]\nWantedBy=foo.service\n";
    let enable = "deb-systemd-helper enable foo.timer\ndeb-systemd-helper enable foo.service";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("bar.service", DAEMON)
        .unit("foo.timer", with_service)
        .prerm(STOP_ON_REMOVAL);
    let on = story.clone().postinst(enable).first("trigger-not-stopped");
    assert_eq!(on.severity, Severity::Error);
    let off = "if ! grep -q yes /etc/foo; then systemctl disable foo.service; fi";
    let off = format!("{enable}\n{off}");
    let doubtful = story.clone().postinst(&off).first("trigger-not-stopped");
    assert_eq!(doubtful.severity, Severity::Warning);
    let by_others = with_service.replace("foo.service", "foo.service timers.target");
    let story = story.unit("foo.timer", &by_others).postinst(&off);
    assert_eq!(story.first("trigger-not-stopped").severity, Severity::Error);
}

#[test]
fn what_runs_in_the_initrd_alone_is_started_by_something() {
    let link = "/usr/lib/systemd/system/initrd.target.wants/foo.service";
    let unit = "[Service]\nExecStart=/usr/sbin/food\n";
    let story = package("foo").unit("foo.service", unit);
    story.has("unit-never-started");
    story
        .link(link, "../foo.service")
        .lacks("unit-never-started");
}

#[test]
fn a_service_that_deb_systemd_invoke_does_not_start_is_not_left_running() {
    let indirect = "[Service]\nExecStart=/usr/sbin/food\n[Install]\nAlso=foo.socket\n";
    let start =
        format!("{ENABLE}\n{ENABLE_SOCKET}\ndeb-systemd-invoke start foo.service foo.socket");
    let story = package("foo").unit("foo.socket", SOCKET).postinst(&start);
    let indirect = story.clone().unit("foo.service", indirect);
    indirect.lacks("left-running-after-removal");
    indirect.has("trigger-not-stopped");
    story
        .unit("foo.service", DAEMON)
        .has("left-running-after-removal");
}
