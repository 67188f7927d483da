//! Links in /etc/rc?.d.

use super::{HEADER, package};

const REMOVE: &str = "if [ \"$1\" = purge ]; then update-rc.d foo remove; fi";

#[test]
fn links_are_made_in_the_postinst_and_removed_on_purge() {
    let story = package("foo")
        .init_script("foo", HEADER)
        .postinst("update-rc.d foo defaults >/dev/null")
        .postrm(REMOVE);
    for id in [
        "links-left-behind",
        "init-script-not-registered",
        "registers-missing-script",
        "links-changed-early",
        "links-made-twice",
    ] {
        story.lacks(id);
    }
}

#[test]
fn links_that_nobody_removes_are_left_behind() {
    package("foo")
        .init_script("foo", HEADER)
        .postinst("update-rc.d foo defaults")
        .has("links-left-behind");
}

#[test]
fn a_script_that_nobody_registers_is_found() {
    package("foo")
        .init_script("foo", HEADER)
        .has("init-script-not-registered");
    let manual = HEADER.replace(
        "# Short-Description",
        "# X-Manual: true\n# Short-Description",
    );
    package("foo")
        .init_script("foo", &manual)
        .lacks("init-script-not-registered");
}

#[test]
fn a_script_that_is_not_shipped_cannot_be_registered() {
    package("foo")
        .postinst("update-rc.d foo defaults")
        .has("registers-missing-script");
    let guarded = "if [ -x /etc/init.d/foo ]; then update-rc.d foo defaults; fi";
    package("foo")
        .postinst(guarded)
        .lacks("registers-missing-script");
    package("foo")
        .postinst("update-rc.d foo defaults || true")
        .lacks("registers-missing-script");
}

#[test]
fn links_are_not_changed_before_the_unpacking() {
    package("foo")
        .init_script("foo", HEADER)
        .prerm("update-rc.d foo remove")
        .has("links-changed-early");
    package("foo")
        .init_script("foo", HEADER)
        .postrm("update-rc.d foo remove")
        .lacks("links-changed-early");
}

#[test]
fn a_second_registration_is_found() {
    let twice = "update-rc.d foo defaults\nupdate-rc.d foo defaults 20 80";
    package("foo")
        .init_script("foo", HEADER)
        .postinst(twice)
        .has("links-made-twice");
    let different = "update-rc.d foo defaults\nupdate-rc.d bar defaults";
    package("foo")
        .init_script("foo", HEADER)
        .init_script("bar", HEADER)
        .postinst(different)
        .lacks("links-made-twice");
}
