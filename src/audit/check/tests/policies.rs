//! Policy files, flags, groups, and debhelper's mark.

use super::{DAEMON, package};

const FILE: &str = "/usr/lib/rcpolicy/policy.d/50-foo.toml";

fn with(policy: &str) -> super::Story {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm("if [ \"$1\" = remove ]; then deb-systemd-invoke stop foo.service; fi");
    story
        .postinst("deb-systemd-invoke restart foo.service")
        .file(FILE, policy)
}

#[test]
fn a_policy_file_that_cannot_be_read_is_an_error() {
    with("[[rule]]\nservice = [\"foo\"]\ndecide = \"qiesce\"\n").has("policy-file-broken");
    with("[[rule]]\nservice = [\"foo\"]\ndecide = \"quiesce\"\naction = [\"stop\"]\n")
        .lacks("policy-file-broken");
}

#[test]
fn a_rule_for_another_service_or_action_contradicts_the_scripts() {
    with("[[rule]]\nservice = [\"food\"]\ndecide = \"restart\"\n")
        .has("policy-contradicts-scripts");
    with("[[rule]]\nservice = [\"foo\"]\naction = [\"reload\"]\ndecide = \"restart\"\n")
        .has("policy-contradicts-scripts");
    with("[[rule]]\nservice = [\"foo\"]\naction = [\"stop\", \"restart\"]\ndecide = \"restart\"\n")
        .lacks("policy-contradicts-scripts");
    with("[group.foo]\nmembers = [\"foo\", \"bar\"]\n").has("policy-contradicts-scripts");
    with("[group.foo]\nmembers = [\"foo\", \"foo@\"]\n").lacks("policy-contradicts-scripts");
}

#[test]
fn a_flag_needs_rcpolicy() {
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .prerm("invoke-rc.d --quiesce foo stop");
    story.has("flag-without-dependency");
    story
        .clone()
        .field("depends", "libc6 (>= 2), rcpolicy (>= 0.1)")
        .lacks("flag-without-dependency");
    story
        .clone()
        .field("depends", "rcpolicy | init-system-helpers")
        .has("flag-without-dependency");
    story
        .field("depends", "rcpolicy-doc")
        .has("flag-without-dependency");
}

#[test]
fn instances_of_a_template_are_named_by_a_group_or_a_tie() {
    let template = "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
    let restart = "deb-systemd-invoke restart foo.service";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("foo@.service", template)
        .postinst(restart);
    story.has("template-without-group");
    story
        .clone()
        .file(FILE, "[group.foo]\nmembers = [\"foo\", \"foo@\"]\n")
        .lacks("template-without-group");
    let tied = format!("[Unit]\nPartOf=foo.service\n{template}");
    story
        .clone()
        .unit("foo@.service", &tied)
        .lacks("template-without-group");
    let helper = "[Service]\nExecStart=/x\n";
    story
        .unit("foo@.service", helper)
        .lacks("template-without-group");
}

#[test]
fn services_that_are_tied_are_restarted_together() {
    let tied = "[Unit]\nBindsTo=foo.service\n[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n";
    let story = package("foo")
        .unit("foo.service", DAEMON)
        .unit("bar.service", tied);
    let apart = "deb-systemd-invoke restart foo.service\ndeb-systemd-invoke restart bar.service";
    story.clone().postinst(apart).has("services-without-group");
    story
        .clone()
        .postinst("deb-systemd-invoke restart foo.service bar.service")
        .lacks("services-without-group");
    let grouped = story
        .postinst(apart)
        .file(FILE, "[group.foo]\nmembers = [\"foo\", \"bar\"]\n");
    grouped.lacks("services-without-group");
}

#[test]
fn debhelpers_mark_belongs_into_sources_and_not_into_packages() {
    let story = package("foo").unit("foo.service", DAEMON);
    story
        .clone()
        .postinst("#DEBHELPER#")
        .has("debhelper-token-left");
    story.clone().postinst("true").lacks("debhelper-token-left");
    story
        .clone()
        .postinst("true")
        .of_a_source()
        .has("debhelper-token-missing");
    story
        .postinst("#DEBHELPER#")
        .of_a_source()
        .lacks("debhelper-token-missing");
}
