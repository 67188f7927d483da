//! Text that came from outside, such as an error that a user's manager wrote, without what could move a
//! terminal's cursor or make one message look like two. Pure.

/// What stands for a character that is not shown.
const NOT_SHOWN: char = '\u{fffd}';

/// As one line: a tab becomes a blank.
pub fn one_line(text: &str) -> String {
    let plain = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => NOT_SHOWN,
        c => c,
    };
    text.chars().map(plain).collect()
}

/// As the lines that it has, its tabs kept: for what we laid out ourselves.
pub fn lines(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => NOT_SHOWN,
        c => c,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_is_not_shown_and_all_else_is() {
        let text = "a\u{1b}[2Jb\rc\u{7}d\u{9b}1me\u{7f}\tf\ngrün\u{fffd}";
        assert_eq!(
            one_line(text),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}1me\u{fffd} f\u{fffd}grün\u{fffd}"
        );
        assert_eq!(
            lines(text),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}1me\u{fffd}\tf\ngrün\u{fffd}"
        );
    }
}
