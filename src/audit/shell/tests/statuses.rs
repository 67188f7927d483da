//! What becomes of exit statuses, and of descriptors.

use super::{End, evaluated};
use crate::audit::call::StatusUse::{self, Fatal, Hidden, Tested};

fn uses(text: &str) -> Vec<StatusUse> {
    let evaluated = evaluated(text, &["configure"]);
    evaluated.paths[0]
        .calls
        .iter()
        .map(|call| call.status)
        .collect()
}

#[test]
fn set_e_and_what_stands_behind_decide_what_becomes_of_a_status() {
    let table: [(&str, &[StatusUse]); 20] = [
        ("set -e\nsystemctl a\n:", &[Fatal]),
        ("systemctl a\n:", &[Hidden]),
        ("#!/bin/sh -e\nsystemctl a\n:", &[Fatal]),
        ("set -e\nsystemctl a || true", &[Hidden]),
        ("set -e\nsystemctl a || :", &[Hidden]),
        ("systemctl a || exit 1", &[Fatal]),
        ("systemctl a || exit $?", &[Fatal]),
        ("systemctl a || { echo no >&2; exit 1; }", &[Fatal]),
        ("systemctl a || exit 0", &[Tested]),
        ("set -e\nif systemctl a; then :; fi", &[Tested]),
        ("set -e\nif ! systemctl a; then :; fi", &[Tested]),
        ("set -e\n! systemctl a", &[Hidden]),
        ("set -e\nsystemctl a && systemctl b\n:", &[Tested, Fatal]),
        (
            "set -e\nf() { systemctl a; systemctl b; }\nf || true",
            &[Hidden, Hidden],
        ),
        (
            "set -e\nf() { systemctl a; systemctl b; }\nf\n:",
            &[Fatal, Fatal],
        ),
        ("set -e\nx=$(systemctl a)\n:", &[Fatal]),
        ("set -e\necho $(systemctl a)", &[Hidden]),
        ("set -e\nsystemctl a | cat\n:", &[Hidden]),
        ("systemctl a", &[Fatal]),
        ("systemctl a\nexit 0", &[Hidden]),
    ];
    for (text, expected) in table {
        assert_eq!(uses(text), expected, "{text}");
    }
}

#[test]
fn a_status_that_is_looked_at_later_is_tested() {
    assert_eq!(
        uses("systemctl a\nif [ $? -ne 0 ]; then :; fi\n:"),
        [Tested]
    );
    assert_eq!(uses("systemctl a || r=$?\n:"), [Tested]);
}

#[test]
fn descriptors_are_the_scripts_own_where_nothing_leads_them_elsewhere() {
    let table = [
        ("systemctl a", [true, true, true]),
        ("systemctl a >/dev/null", [true, false, true]),
        ("systemctl a >/dev/null 2>&1", [true, false, false]),
        ("systemctl a 2>&1 >/dev/null", [true, false, true]),
        ("systemctl a >&2", [true, true, true]),
        ("systemctl a </dev/null", [false, true, true]),
        ("echo x | systemctl a", [false, true, true]),
        ("x=$(systemctl a)", [true, false, true]),
        ("{ systemctl a; } >/dev/null", [true, false, true]),
        ("exec >/dev/null\nsystemctl a", [true, false, true]),
        ("exec 3>&1 >/dev/null\nsystemctl a >&3", [true, true, true]),
        ("daemon >/dev/null 2>&1 &", [false, false, false]),
        ("systemctl a <&- >&-", [false, false, true]),
    ];
    for (text, expected) in table {
        assert_eq!(
            evaluated(text, &[]).paths[0].calls[0].inherits,
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_script_ends_with_the_status_that_it_says() {
    let table = [
        ("exit 3", End::Status(3)),
        ("false\nexit", End::Status(1)),
        ("set -e\nfalse\ntrue", End::Status(1)),
        ("unknown-program", End::Unknown),
        ("set -e\nunknown-program", End::Status(0)),
        ("exec unknown-program", End::Elsewhere),
        ("exit 256", End::Status(0)),
    ];
    for (text, expected) in table {
        assert_eq!(evaluated(text, &[]).paths[0].end, expected, "{text}");
    }
}
