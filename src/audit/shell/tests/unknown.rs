//! What cannot be known is followed both ways; what makes no difference is not.

use super::{Fresh, evaluated, line, parsed, ways};
use crate::audit::call::Side;

/// What a way assumed, and its calls.
type Told = (Vec<(String, bool)>, Vec<String>);

/// The assumptions of each way, and its calls.
fn told(text: &str) -> Vec<Told> {
    let evaluated = evaluated(text, &["configure", "1"]);
    let paths = evaluated.paths.iter().map(|path| {
        let assumed = path.assumed.iter().map(|one| (one.text.clone(), one.held));
        (assumed.collect(), path.calls.iter().map(line).collect())
    });
    paths.collect()
}

#[test]
fn a_condition_around_no_call_costs_nothing() {
    let many = "if [ -f /x$n ]; then touch /y; else rm /z; fi\n".repeat(40);
    let text = format!("set -e\n{many}systemctl stop a\n");
    let told = told(&text);
    assert_eq!(told, [(vec![], vec!["systemctl stop a".to_owned()])]);
}

#[test]
fn a_condition_around_a_call_is_said() {
    let told = told("if [ -f /x ]; then systemctl stop a; fi\nsystemctl stop b");
    let condition = |held| vec![("[ -f /x ]".to_owned(), held)];
    let both = vec!["systemctl stop a".to_owned(), "systemctl stop b".to_owned()];
    assert_eq!(
        told,
        [
            (condition(true), both.clone()),
            (condition(false), vec![both[1].clone()])
        ]
    );
}

#[test]
fn a_call_that_is_reached_either_way_needs_no_assumption() {
    let evaluated = evaluated(
        "if unknown; then systemctl stop a; fi\nsystemctl stop b",
        &[],
    );
    let assumed = evaluated.paths.iter().flat_map(|path| &path.calls);
    let assumed: Vec<_> = assumed
        .map(|call| (line(call), call.assumed.len()))
        .collect();
    assert!(
        assumed.contains(&("systemctl stop a".to_owned(), 1)),
        "{assumed:?}"
    );
}

#[test]
fn the_same_condition_is_answered_once() {
    let text = "[ -x /p ] && systemctl stop a\n[ -x /p ] && systemctl start a\n:";
    assert_eq!(
        ways(text, &[]),
        [
            vec![],
            vec![
                "systemctl stop a".to_owned(),
                "systemctl start a".to_owned()
            ]
        ]
    );
    let text = "[ ! -x /p ] || systemctl stop a\nif test -x /p; then systemctl start a; fi";
    assert_eq!(ways(text, &[]).len(), 2);
}

#[test]
fn but_not_where_a_command_may_have_changed_it() {
    let text = "[ -x /p ] && systemctl stop a\nrm -f /p\n[ -x /p ] && systemctl start a\n:";
    assert_eq!(ways(text, &[]).len(), 4);
}

#[test]
fn something_unknown_is_found_out_by_asking() {
    let text = r#"
x=$(unknown)
case "$x" in
    yes) systemctl stop "$x" ;;
    no) systemctl start "$x" ;;
esac
[ "$x" = yes ] && systemctl restart y
:"#;
    let expected = [
        vec![],
        vec!["systemctl start no".to_owned()],
        vec![
            "systemctl stop yes".to_owned(),
            "systemctl restart y".to_owned(),
        ],
    ];
    let mut found = ways(text, &[]);
    // The way on which it is neither is followed again at the end, where it is still not `yes`.
    found.dedup();
    assert_eq!(found, expected);
}

#[test]
fn words_are_known_as_far_as_they_are() {
    assert_eq!(
        ways("systemctl stop \"foo@$x.service\" b", &[]),
        [["systemctl stop <\"foo@$x.service\"> b"]]
    );
    assert_eq!(
        ways("x=$(unknown); invoke-rc.d $x stop", &[]),
        [["invoke-rc.d <$x> stop"]]
    );
}

#[test]
fn patterns_of_files_are_names_that_are_not_known() {
    let text = "for f in /etc/foo/*.conf; do [ -e \"$f\" ] || continue; systemctl start \"foo@$(basename $f .conf)\"; done";
    assert_eq!(
        ways(text, &[]),
        [
            vec![],
            vec!["systemctl start <\"foo@$(basename $f .conf)\">".to_owned()]
        ]
    );
}

#[test]
fn a_loop_over_what_is_not_known_goes_round_once_or_not_at_all() {
    let text = "unknown | while read unit; do systemctl stop \"$unit\"; done";
    assert_eq!(
        ways(text, &[]),
        [vec![], vec!["systemctl stop <\"$unit\">".to_owned()]]
    );
    let text = "while unknown; do systemctl stop a; done";
    assert_eq!(
        ways(text, &[]),
        [vec![], vec!["systemctl stop a".to_owned()]]
    );
    let text = "for x in $(unknown); do systemctl stop $x; done";
    assert_eq!(
        ways(text, &[]),
        [vec![], vec!["systemctl stop <$x>".to_owned()]]
    );
}

#[test]
fn a_failure_that_would_end_the_script_is_no_way_of_its_own() {
    assert_eq!(
        ways("set -e\nadduser x\nmkdir /y\nsystemctl start a", &[]),
        [["systemctl start a"]]
    );
}

#[test]
fn where_nothing_is_known_all_is_followed() {
    let parsed =
        parsed("if [ -d /run/systemd/system ]; then systemctl stop a || true; fi").unwrap();
    let evaluated = parsed.evaluate(Side::Old, &[], &Fresh);
    assert_eq!(evaluated.paths.len(), 2);
}
