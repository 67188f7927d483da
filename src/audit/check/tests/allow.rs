//! Comments that silence.

use super::{DAEMON, package};
use crate::audit::finding::Finding;

fn one(script: &str, id: &str) -> Finding {
    let found = package("foo")
        .unit("foo.service", DAEMON)
        .prerm(script)
        .audit()
        .0;
    found
        .into_iter()
        .find(|finding| finding.check == id)
        .unwrap()
}

#[test]
fn a_comment_with_a_reason_silences_one_finding_and_the_reason_is_kept() {
    let above = one(
        "# rcpolicy: allow systemctl-called — the tool of 1999\nsystemctl stop foo || true",
        "systemctl-called",
    );
    assert_eq!(above.allowed.as_deref(), Some("the tool of 1999"));
    let beside = one(
        "systemctl stop foo || true # rcpolicy: allow systemctl-called -- old",
        "systemctl-called",
    );
    assert_eq!(beside.allowed.as_deref(), Some("old"));
}

#[test]
fn without_a_reason_or_two_lines_above_it_silences_nothing_and_is_found_itself() {
    for comment in [
        "# rcpolicy: allow systemctl-called\nsystemctl stop foo || true",
        "# rcpolicy: allow systemctl-called — far\n\nsystemctl stop foo || true",
        "# rcpolicy: allow systemctl-caled — misspelled\nsystemctl stop foo || true",
    ] {
        assert_eq!(one(comment, "systemctl-called").allowed, None, "{comment}");
        one(comment, "allow-unused");
    }
}

#[test]
fn a_comment_in_a_unit_file_silences_what_is_found_there() {
    let unit = "[Service]\n# rcpolicy: allow runs-as-nobody — it opens no file\nUser=nobody\nExecStart=/x\n";
    let found = package("foo").unit("foo.service", unit).audit().0;
    let one = found
        .iter()
        .find(|finding| finding.check == "runs-as-nobody")
        .unwrap();
    assert_eq!(one.allowed.as_deref(), Some("it opens no file"));
    assert!(!found.iter().any(|finding| finding.check == "allow-unused"));
}
