//! Where calls stand.

use super::evaluated;

/// The text at the place of each call, and its line.
fn places(text: &str) -> Vec<(u32, String)> {
    let evaluated = evaluated(text, &["configure"]);
    let calls = evaluated.paths.iter().flat_map(|path| &path.calls);
    calls
        .map(|call| {
            (
                call.place.line,
                text[call.place.start..call.place.end].to_owned(),
            )
        })
        .collect()
}

fn one(line: u32, text: &str) -> Vec<(u32, String)> {
    vec![(line, text.to_owned())]
}

#[test]
fn a_call_stands_where_it_is_written() {
    assert_eq!(
        places("#!/bin/sh\n\n  systemctl stop é >/dev/null || true\n"),
        one(3, "systemctl stop é >/dev/null")
    );
    assert_eq!(
        places("a=é; if :; then systemctl stop x; fi"),
        one(1, "systemctl stop x")
    );
}

#[test]
fn also_within_a_substitution() {
    assert_eq!(
        places("# é\nx=\"a$(\n true\n systemctl   is-active 'x'  )\""),
        one(4, "systemctl   is-active 'x'")
    );
    assert_eq!(
        places("echo $(( 1 + $(systemctl show x) ))"),
        one(1, "systemctl show x")
    );
    assert_eq!(
        places("x=\necho ${x:-$(systemctl show y)}"),
        one(2, "systemctl show y")
    );
}

#[test]
fn also_within_backquotes_whose_escapes_are_taken_off() {
    assert_eq!(
        places("echo \"`echo \\\"q\\\"; systemctl show a`\""),
        one(1, "systemctl show a")
    );
    assert_eq!(
        places("echo `echo \\`systemctl show b\\``"),
        one(1, "systemctl show b")
    );
}

#[test]
fn also_within_a_here_document_and_behind_it() {
    let text = "cat <<EOF >/dev/null\nfirst\n é $(systemctl show c)\nEOF\nsystemctl stop d\n";
    assert_eq!(
        places(text),
        [
            (3, "systemctl show c".to_owned()),
            (5, "systemctl stop d".to_owned())
        ]
    );
    let tabs = "if :; then\n\tcat <<-'EOF'\n\t$(systemctl show e)\n\tEOF\n\tsystemctl stop f\nfi";
    assert_eq!(places(tabs), one(5, "systemctl stop f"));
}

#[test]
fn also_over_continued_lines() {
    assert_eq!(
        places("systemctl \\\n  stop \\\n  g\n"),
        one(1, "systemctl \\\n  stop \\\n  g")
    );
}

#[test]
fn a_function_says_from_where_it_was_called() {
    let text = "f() {\n systemctl stop h\n}\ng() { f; }\n\ng\n";
    let evaluated = evaluated(text, &[]);
    let call = &evaluated.paths[0].calls[0];
    assert_eq!(
        (call.place.line, call.through.as_slice()),
        (2, [6, 4].as_slice())
    );
}

#[test]
fn what_a_script_puts_together_itself_stands_where_it_is_carried_out() {
    assert_eq!(
        places("x='systemctl stop'\neval \"$x i\""),
        one(2, "eval \"$x i\"")
    );
}
