//! Exit statuses, branches that are never run, and what a process takes along.

use super::{DAEMON, HEADER, package};

#[test]
fn a_hidden_failure_of_the_own_service_is_found() {
    let story = package("foo").unit("foo.service", DAEMON);
    story
        .clone()
        .postinst("invoke-rc.d foo start || true")
        .has("status-hidden");
    story
        .clone()
        .postinst("invoke-rc.d foo start")
        .lacks("status-hidden");
    story
        .clone()
        .postinst("invoke-rc.d bar start || true")
        .lacks("status-hidden");
    story
        .postinst("if ! invoke-rc.d foo start; then echo failed >&2; fi")
        .lacks("status-hidden");
}

#[test]
fn debhelper_hides_statuses_on_purpose() {
    let block = "# Automatically added by dh_installsystemd/13\ndeb-systemd-invoke start foo.service >/dev/null || true\n# End automatically added section";
    package("foo")
        .unit("foo.service", DAEMON)
        .postinst(block)
        .lacks("status-hidden");
}

#[test]
fn a_failure_of_another_packages_service_is_not_ours() {
    let story = package("foo").unit("foo.service", DAEMON);
    story
        .clone()
        .postinst("invoke-rc.d apache2 reload")
        .has("foreign-status-fatal");
    story
        .clone()
        .postinst("invoke-rc.d apache2 reload || true")
        .lacks("foreign-status-fatal");
    story
        .postinst("invoke-rc.d foo reload")
        .lacks("foreign-status-fatal");
}

#[test]
fn a_stop_before_the_unit_is_there_fails_the_first_installation() {
    let story = package("foo").unit("foo.service", DAEMON);
    story
        .clone()
        .preinst("systemctl stop foo.service")
        .has("fatal-without-unit");
    let upgrade = "if [ \"$1\" = upgrade ]; then systemctl stop foo.service; fi";
    story.clone().preinst(upgrade).lacks("fatal-without-unit");
    story
        .preinst("systemctl stop foo.service || true")
        .lacks("fatal-without-unit");
}

#[test]
fn systemctl_without_systemd_fails_the_script() {
    let story = package("foo").unit("foo.service", DAEMON);
    story
        .clone()
        .postinst("systemctl daemon-reload")
        .has("fatal-without-systemd");
    story
        .clone()
        .postinst("systemctl daemon-reload || true")
        .lacks("fatal-without-systemd");
    let guarded = "if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi";
    story.postinst(guarded).lacks("fatal-without-systemd");
}

#[test]
fn a_branch_for_a_word_that_dpkg_never_passes_is_dead() {
    let dead = "if [ \"$1\" = \"triggered\" ]; then\n    if [ -x /etc/init.d/foo ]; then\n        invoke-rc.d foo start\n    fi\nfi";
    let story = package("foo").unit("foo.service", DAEMON);
    let expected = "dpkg never passes `triggered` to a postrm";
    assert_eq!(
        story.clone().postrm(dead).finds("branch-never-run"),
        [expected]
    );
    story.clone().postinst(dead).lacks("branch-never-run");
    let case = "action=\"$1\"\ncase \"$action\" in\nconfigure|upgrade) invoke-rc.d foo start;;\nupgrade) invoke-rc.d foo restart;;\nesac";
    assert_eq!(
        story.clone().postinst(case).finds("branch-never-run").len(),
        1
    );
    let short = "[ \"$1\" = upgrade ] && invoke-rc.d foo restart || true";
    story.clone().postinst(short).has("branch-never-run");
    story.clone().prerm(short).lacks("branch-never-run");
}

#[test]
fn a_dead_branch_without_a_service_in_it_is_nobodys_business() {
    package("foo")
        .unit("foo.service", DAEMON)
        .postrm("if [ \"$1\" = triggered ]; then ldconfig; fi")
        .lacks("branch-never-run");
}

#[test]
fn the_first_word_of_a_function_is_its_own() {
    let function = "act() { if [ \"$1\" = now ]; then invoke-rc.d foo start; fi; }\nact now";
    package("foo")
        .unit("foo.service", DAEMON)
        .postinst(function)
        .lacks("branch-never-run");
}

#[test]
fn conditions_that_are_turned_round_or_loose_are_not_dead() {
    for fine in [
        "if ! [ \"$1\" = upgrade ]; then invoke-rc.d foo start; fi",
        "if [ \"$1\" != upgrade ]; then invoke-rc.d foo start; fi",
        "if [ \"$1\" = upgrade ] || [ \"$1\" = configure ]; then invoke-rc.d foo start; fi",
        "if [ \"$1\" = upgrade -o \"$1\" = configure ]; then invoke-rc.d foo start; fi",
        "case \"$1\" in abort-*) invoke-rc.d foo start;; *) invoke-rc.d foo stop;; esac",
    ] {
        package("foo")
            .unit("foo.service", DAEMON)
            .postinst(fine)
            .lacks("branch-never-run");
    }
}

#[test]
fn a_script_that_waits_for_status_100_is_found() {
    let waits = "set +e\ninvoke-rc.d foo stop\nerrno=$?\nset -e\nif [ \"$errno\" != 0 -a \"$errno\" != 100 ]; then exit 1; fi";
    package("foo").preinst(waits).has("status-100-expected");
    let other =
        "df / | tail -n 1\nif [ \"$(id -u)\" != 100 ]; then exit 1; fi\ninvoke-rc.d foo stop";
    package("foo").preinst(other).lacks("status-100-expected");
    let elsewhere = "set +e\nfood --check\nerrno=$?\nif [ $errno = 100 ]; then exit 1; fi\ninvoke-rc.d foo stop";
    package("foo")
        .preinst(elsewhere)
        .lacks("status-100-expected");
}

#[test]
fn what_stays_in_the_background_keeps_the_output_open() {
    let left = package("foo")
        .file("/usr/sbin/food", "")
        .postinst("/usr/sbin/food &");
    left.has("inherits-descriptors");
    let quiet = package("foo")
        .file("/usr/sbin/food", "")
        .postinst("/usr/sbin/food </dev/null >/dev/null 2>&1 &");
    quiet.lacks("inherits-descriptors");
}

#[test]
fn debconf_is_told_to_stop_before_a_daemon_starts() {
    let story = package("foo")
        .init_script("foo", HEADER)
        .unit("foo.service", DAEMON);
    let start = "invoke-rc.d foo start";
    story
        .clone()
        .postinst(&format!(". /usr/share/debconf/confmodule\n{start}"))
        .has("debconf-held-open");
    story
        .clone()
        .postinst(&format!(
            ". /usr/share/debconf/confmodule\ndb_stop\n{start}"
        ))
        .lacks("debconf-held-open");
    story.postinst(start).lacks("debconf-held-open");
}
