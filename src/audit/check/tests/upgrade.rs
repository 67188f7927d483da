//! Services that an upgrade leaves down, and windows that it opens.

use super::{DAEMON, HEADER, SOCKET, STATIC, package};
use crate::audit::finding::Severity;

const STOP: &str = "deb-systemd-invoke stop foo.service";
const START: &str = "deb-systemd-invoke start foo.service";

#[test]
fn a_service_that_the_prerm_stops_and_nobody_starts_is_left_down() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst("deb-systemd-helper enable foo.service");
    assert_eq!(
        story.finds("stopped-not-started"),
        ["`foo.service` is stopped in an upgrade and never started"]
    );
}

#[test]
fn one_that_is_started_again_or_only_stopped_on_removal_is_not() {
    let started = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst(START);
    started.lacks("stopped-not-started");
    let removal = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(&format!("if [ \"$1\" = remove ]; then {STOP}; fi"));
    removal.lacks("stopped-not-started");
    let alias =
        "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\nAlias=bar.service\n";
    let by_alias = package("foo")
        .unit("foo.service", alias)
        .prerm(STOP)
        .postinst("invoke-rc.d bar start");
    by_alias.lacks("stopped-not-started");
}

#[test]
fn a_start_that_depends_on_the_machine_may_come() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst(&format!("if grep -q yes /etc/foo.conf; then {START}; fi"));
    story.lacks("stopped-not-started");
}

#[test]
fn a_start_of_a_name_that_is_not_known_may_be_the_one() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst("for unit in $(cat /run/units); do deb-systemd-invoke start $unit; done");
    story.lacks("stopped-not-started");
}

#[test]
fn what_comes_with_another_unit_or_on_demand_is_not_left_down() {
    let target = "[Install]\nWantedBy=multi-user.target\n[Unit]\nWants=foo.service\n";
    let by_target = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.target", target)
        .prerm(STOP)
        .postinst("deb-systemd-invoke start foo.target");
    by_target.lacks("stopped-not-started");
    let by_socket = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .prerm("deb-systemd-invoke stop foo.service foo.socket")
        .postinst("deb-systemd-helper enable foo.socket\ndeb-systemd-invoke start foo.socket");
    by_socket.lacks("stopped-not-started");
}

#[test]
fn a_task_that_ends_by_itself_is_never_left_down() {
    let task = "[Service]\nType=oneshot\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
    package("foo")
        .unit("foo.service", task)
        .prerm(STOP)
        .lacks("stopped-not-started");
}

#[test]
fn a_static_unit_is_not_started_by_deb_systemd_invoke() {
    let wants = "/usr/lib/systemd/system/multi-user.target.wants/foo.service";
    let story = package("foo")
        .unit("foo.service", STATIC)
        .link(wants, "../foo.service")
        .prerm(STOP)
        .postinst(START);
    story.has("stopped-not-started");
    let by_systemctl = story.postinst("systemctl start foo.service");
    by_systemctl.lacks("stopped-not-started");
}

#[test]
fn the_old_prerm_counts_and_not_the_new_one() {
    let old = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst(START);
    let new = package("foo").unit("foo.service", DAEMON).postinst("true");
    new.clone().replacing(old).has("stopped-not-started");
    new.lacks("stopped-not-started");
}

#[test]
fn a_service_that_the_new_version_no_longer_has_may_stay_down() {
    let old = package("foo").unit("foo.service", DAEMON).prerm(STOP);
    package("foo").replacing(old).lacks("stopped-not-started");
}

#[test]
fn an_init_script_is_followed_where_no_systemd_runs() {
    let stop = "if [ -x /etc/init.d/foo ]; then invoke-rc.d foo stop; fi";
    let story = package("foo")
        .init_script("foo", HEADER)
        .prerm(stop)
        .postinst("update-rc.d foo defaults");
    story.has("stopped-not-started");
    story
        .postinst("update-rc.d foo defaults\ninvoke-rc.d foo start")
        .lacks("stopped-not-started");
}

#[test]
fn a_failed_upgrade_brings_back_what_its_prerm_stopped() {
    let story = package("foo").unit("foo.service", DAEMON).prerm(STOP);
    let only = story
        .clone()
        .postinst(&format!("if [ \"$1\" = configure ]; then {START}; fi"));
    only.has("down-after-failed-upgrade");
    story.postinst(START).lacks("down-after-failed-upgrade");
}

#[test]
fn what_requires_a_stopped_service_falls_with_it() {
    let requires = "[Unit]\nRequires=foo.service\n[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("bar.service", requires)
        .prerm(STOP)
        .postinst(START);
    let expected =
        "`bar.service` falls when `foo.service` is stopped in an upgrade, and is never started";
    assert_eq!(story.finds("dependent-left-down"), [expected]);
    let restarted = package("foo")
        .unit("foo.service", DAEMON)
        .unit("bar.service", requires)
        .postinst("deb-systemd-invoke restart foo.service");
    restarted.lacks("dependent-left-down");
}

#[test]
fn a_unit_of_another_package_that_falls_is_named_with_its_package() {
    let story = package("containerd")
        .unit("foo.service", DAEMON)
        .prerm(STOP)
        .postinst(START);
    let bound = "[Unit]\nBindsTo=foo.service\n[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
    let beside = story.beside(&package("docker").unit("docker.service", bound));
    let expected = "`docker.service` of docker falls when `foo.service` is stopped in an upgrade (BindsTo=foo.service), and is not started again";
    assert_eq!(beside.finds("dependent-left-down"), [expected]);
}

#[test]
fn a_socket_that_listens_on_while_its_service_is_stopped_wakes_old_code() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET);
    let enabled = "deb-systemd-helper enable foo.socket\n";
    let stays = story
        .clone()
        .prerm(STOP)
        .postinst(&format!("{enabled}{START}"));
    stays.has("old-code-can-stay");
    let restarted = story
        .clone()
        .prerm(STOP)
        .postinst(&format!("{enabled}deb-systemd-invoke restart foo.service"));
    restarted.lacks("old-code-can-stay");
    restarted.has("trigger-open-in-upgrade");
    let both = "deb-systemd-invoke stop foo.socket foo.service";
    let closed = story.prerm(both).postinst(&format!(
        "{enabled}deb-systemd-invoke start foo.socket foo.service"
    ));
    closed.lacks("old-code-can-stay");
    closed.lacks("trigger-open-in-upgrade");
}

#[test]
fn a_socket_that_only_an_admin_enables_opens_a_window_for_those_who_did() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET)
        .prerm(STOP)
        .postinst(START);
    story.lacks("old-code-can-stay");
    let found = story.audit().0;
    let open = found
        .iter()
        .find(|finding| finding.check == "trigger-open-in-upgrade")
        .unwrap();
    assert_eq!(open.assumed, ["somebody has enabled `foo.socket`"]);
}

#[test]
fn a_bus_name_wakes_a_stopped_service() {
    let bus =
        "[D-BUS Service]\nName=org.foo\nExec=/bin/false\nSystemdService=foo.service\nUser=root\n";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .file("/usr/share/dbus-1/system-services/org.foo.service", bus);
    story
        .clone()
        .prerm(STOP)
        .postinst(START)
        .has("old-code-can-stay");
    story
        .postinst("deb-systemd-invoke restart foo.service")
        .lacks("old-code-can-stay");
}

#[test]
fn socket_and_service_in_one_restart_are_found_and_apart_they_are_not() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.socket", SOCKET);
    let one = "if [ -n \"$2\" ]; then a=restart; else a=start; fi\ndeb-systemd-invoke $a foo.service foo.socket";
    let together = story.clone().postinst(one);
    assert_eq!(
        together.finds("combined-restart"),
        ["`foo.service` and `foo.socket` are restarted in one call"]
    );
    let apart = story
        .clone()
        .postinst("deb-systemd-invoke restart foo.service\ndeb-systemd-invoke start foo.socket");
    apart.lacks("combined-restart");
    let first = story.postinst("deb-systemd-invoke start foo.service foo.socket");
    first.lacks("combined-restart");
}

#[test]
fn a_timer_beside_its_task_is_no_combined_restart() {
    let timer = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo.timer", timer);
    story
        .postinst("deb-systemd-invoke restart foo.service foo.timer")
        .lacks("combined-restart");
}

#[test]
fn a_start_after_a_quiesce_is_found_and_a_restart_is_not() {
    let story = package("foo")
        .field("depends", "rcpolicy")
        .unit("foo.service", DAEMON)
        .prerm("invoke-rc.d --quiesce foo stop");
    story
        .clone()
        .postinst("invoke-rc.d foo start")
        .has("start-after-quiesce");
    story
        .postinst("invoke-rc.d foo restart")
        .lacks("start-after-quiesce");
}

#[test]
fn what_was_assumed_is_said() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(&format!("if pgrep food >/dev/null; then {STOP}; fi"))
        .postinst("deb-systemd-helper enable foo.service");
    let found = story.audit().0;
    let one = found
        .iter()
        .find(|finding| finding.check == "stopped-not-started")
        .unwrap();
    assert_eq!(one.severity, Severity::Error);
    assert_eq!(one.assumed.len(), 1, "{one:#?}");
}
