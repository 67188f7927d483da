//! Text that came from outside, such as an error that a user's manager wrote, without what could move a
//! terminal's cursor, make one message look like two, or show it in another order than it has. Pure.

use std::borrow::Cow;

/// What stands for a character that is not shown.
const NOT_SHOWN: char = '\u{fffd}';
/// What stands for the rest of what was cut.
const CUT: &str = "…";

/// Whether a character shows itself and no more: not one that controls a terminal, turns the direction of
/// what follows it, is not seen, or ends a line where only some programs see an end.
pub fn is_plain(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{61c}' // turns the direction
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}' // no width, and directions
        | '\u{2028}'..='\u{202e}' // ends of lines, and directions
        | '\u{2060}'..='\u{206f}' // likewise
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}'..='\u{ffff}' // no characters, which XML forbids
        | '\u{e0000}'..='\u{e007f}' // tags, which repeat ASCII unseen
    );
    !c.is_control() && !hidden
}

/// As one line: a tab becomes a blank. It has as many characters as before.
pub fn one_line(text: &str) -> String {
    let plain = |c: char| match c {
        '\t' => ' ',
        c if is_plain(c) => c,
        _ => NOT_SHOWN,
    };
    text.chars().map(plain).collect()
}

/// As the lines that it has, its tabs kept: for what we laid out ourselves.
pub fn lines(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' => c,
        c if is_plain(c) => c,
        _ => NOT_SHOWN,
    };
    text.chars().map(plain).collect()
}

/// At most `most` bytes of it, with a sign where something is missing.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let most = most.saturating_sub(CUT.len());
    let end = (0..=most)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    Cow::Owned(format!("{}{CUT}", text.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_ends_with_a_whole_character_and_says_so() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcdef", 5, "ab…"),
            ("ääää", 7, "ää…"),
            ("ääää", 6, "ä…"),
            ("abc", 0, "…"),
        ] {
            assert_eq!(cut(text, most), expected);
        }
    }

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

    #[test]
    fn what_turns_the_direction_or_is_not_seen_is_not_shown() {
        let text =
            "stop\u{202e}trats\u{2066}a\u{200b}b\u{feff}c\u{2028}d\u{e0041}e – „é“ 漢 \u{301}";
        let expected =
            "stop\u{fffd}trats\u{fffd}a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e – „é“ 漢 \u{301}";
        assert_eq!(one_line(text), expected);
        assert_eq!(lines(text), expected);
    }
}
