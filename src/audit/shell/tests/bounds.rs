//! Hostile scripts end with an error or a cut, never in a crash or without end.

use super::super::Cut;
use super::{ScriptError, evaluated, parsed};
use crate::audit::call::Word;

#[test]
fn nesting_without_end_is_an_error() {
    for (open, close) in [
        ("(", ")"),
        ("{ ", "; }"),
        ("$(", ")"),
        ("\"$(", ")\""),
        ("if ", "; then :; fi"),
        ("! ", ""),
        ("${x:-", "}"),
        ("\"${x:-\"", "\"}\""),
        ("`", "`"),
        ("$((1+", "))"),
        ("while ", "; do :; done"),
        ("case x in x) ", ";; esac"),
        ("f() { ", "; }"),
        ("echo <<E\n$(", ""),
    ] {
        for count in [10, 60, 5_000] {
            let text = format!("{}:{}", open.repeat(count), close.repeat(count));
            // Either it is refused, or it is carried out within the bounds.
            if parsed(&text).is_ok() {
                evaluated(&text, &[]);
            }
            let cut_off = open.repeat(count);
            let _ = parsed(&cut_off);
        }
    }
}

#[test]
fn nesting_of_bashs_own_is_an_error() {
    for (open, close) in [
        ("((", "))"),
        ("[[ ( ", " ) ]]"),
        ("[[ ! ", ""),
        ("[[ a && ", ""),
        ("<(", ")"),
        ("@(", ")"),
    ] {
        for count in [10, 60, 5_000] {
            let text = format!(
                "#!/bin/bash\n{}a{}",
                open.repeat(count),
                close.repeat(count)
            );
            if parsed(&text).is_ok() {
                evaluated(&text, &[]);
            }
        }
    }
    let terms = format!("#!/bin/bash\n[[ a{} ]]", " || a".repeat(100_000));
    assert!(matches!(parsed(&terms), Err(ScriptError::Syntax { .. })));
}

#[test]
fn a_function_that_calls_itself_is_cut() {
    assert_eq!(evaluated("f() { f; }\nf", &[]).cut, Some(Cut::Depth));
    assert!(evaluated("f() { f | f; f & }\nf", &[]).cut.is_some());
    assert!(evaluated("f() { x=$(f)$(f); }\nf", &[]).cut.is_some());
    assert!(evaluated("x='eval \"$x\"'\neval \"$x\"", &[]).cut.is_some());
}

#[test]
fn a_loop_without_end_is_cut() {
    assert_eq!(evaluated("while :; do :; done", &[]).cut, Some(Cut::Steps));
    assert_eq!(
        evaluated("i=0\nwhile :; do i=$((i + 1)); done", &[]).cut,
        Some(Cut::Steps)
    );
    assert!(
        evaluated("while :; do systemctl start a; done", &[])
            .cut
            .is_some()
    );
    assert!(
        evaluated("x=a\nwhile :; do x=$x$x; done", &[])
            .cut
            .is_some()
    );
}

#[test]
fn a_string_that_doubles_with_every_line_is_not_kept_whole() {
    for begin in ["x=ab", "x=$(unknown)", "x=a$(unknown)"] {
        let text = format!(
            "{begin}\n{}systemctl start \"$x\"\n",
            "x=$x$x\n".repeat(3_000)
        );
        let evaluated = evaluated(&text, &[]);
        let calls = &evaluated.paths[0].calls;
        let [Word::Known(word) | Word::Unknown(word)] = &calls[0].words[2..] else {
            panic!("{calls:?}");
        };
        assert!(word.len() < 100_000, "{}", word.len());
    }
}

#[test]
fn more_ways_than_are_followed_are_cut() {
    let text: String = (0..40)
        .map(|number| format!("if unknown {number}; then systemctl start a{number}; fi\n"))
        .collect();
    let evaluated = evaluated(&text, &[]);
    assert_eq!(evaluated.cut, Some(Cut::Ways));
    // The one with all calls is among those that are kept.
    assert!(evaluated.paths.iter().any(|path| path.calls.len() == 40));
}

#[test]
fn of_a_long_script_with_many_ways_some_are_followed_to_the_end() {
    let mut text: String = (0..700)
        .map(|number| format!("if unknown {number}; then x{number}=a; : $x{number}; fi\n"))
        .collect();
    text.push_str("systemctl start a\n");
    let evaluated = evaluated(&text, &[]);
    assert_eq!(evaluated.cut, Some(Cut::Ways));
    assert!(evaluated.paths.iter().any(|path| path.calls.len() == 1));
}

#[test]
fn what_no_shell_reads_is_an_error_with_its_line() {
    for (text, line) in [
        (":\nif :; then", 2),
        (":\n\nfi", 3),
        ("echo 'x", 1),
        ("echo \"x\n", 2),
        ("x() { :", 1),
        ("case x in\nx) :", 2),
        (":\n)", 2),
        ("echo $(", 1),
        ("a | | b", 1),
        ("; a", 1),
        ("a && ", 1),
        (">", 1),
        ("for 1 in a; do :; done", 1),
    ] {
        let Err(ScriptError::Syntax { line: found, .. }) = parsed(text) else {
            panic!("{text} is read");
        };
        assert_eq!(found, line, "{text}");
    }
}

#[test]
fn numbers_that_no_descriptor_has_are_no_crash() {
    evaluated(
        "systemctl a 99999999999999999999>x 4294967295>y 2>&99999999999",
        &[],
    );
    evaluated(
        "echo $((9223372036854775807 + 1)) $((1 / 0)) $((1 << 99)) ${99999999999999999999}",
        &[],
    );
    evaluated("shift 99999999999999999999\nexit 99999999999999999999", &[]);
    evaluated("#!/bin/bash\necho {1..99999999999999999999}", &[]);
}

#[test]
fn bytes_that_mean_nothing_are_no_crash() {
    for text in [
        "\0", "\u{feff}", "echo \\", "$", "`", "\\\n", "<<", "<<\n", "<<x", "a=", "${", "$((",
        "é=1", "\"\\", "#",
    ] {
        if parsed(text).is_ok() {
            evaluated(text, &[]);
        }
    }
}
