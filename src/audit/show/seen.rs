//! A place in a file as it can be shown: harmless, within bounds, and split where the underlining begins
//! and ends. Pure.

use crate::audit::finding::Spot;
use crate::report::plain::one_line;

/// So many characters of a line are shown, around what is meant.
const WIDEST: usize = 240;
/// And so many of these before it.
const BEFORE: usize = 60;

/// A line, split at what is meant in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What stands before it.
    pub before: String,
    /// What is meant; empty where the line was cut before it.
    pub meant: String,
    /// What stands behind it.
    pub behind: String,
}

impl Seen {
    /// The line of `spot`. Every character stays one, but for what is cut off at either end of a long line.
    pub fn of(spot: &Spot) -> Self {
        let line: Vec<char> = one_line(&spot.text).chars().collect();
        let column = usize::try_from(spot.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let width = usize::try_from(spot.width.max(1)).unwrap_or(usize::MAX);
        let start = column.min(line.len());
        let end = start.saturating_add(width).min(line.len());
        let first = match line.len() > WIDEST {
            true => start.saturating_sub(BEFORE),
            false => 0,
        };
        let last = first.saturating_add(WIDEST).min(line.len());
        let part = |from: usize, to: usize| -> String {
            let part = line.get(from..to.max(from)).unwrap_or_default();
            part.iter().collect()
        };
        let mark = |cut: bool| if cut { "…" } else { "" };
        Self {
            before: format!("{}{}", mark(first > 0), part(first, start)),
            meant: part(start, end.min(last)),
            behind: format!("{}{}", part(end.min(last), last), mark(last < line.len())),
        }
    }

    /// All of it.
    pub fn line(&self) -> String {
        format!("{}{}{}", self.before, self.meant, self.behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(text: &str, column: u32, width: u32) -> Spot {
        Spot {
            file: "prerm".to_owned(),
            line: 1,
            column,
            width,
            text: text.to_owned(),
            label: String::new(),
        }
    }

    fn split(text: &str, column: u32, width: u32) -> [String; 3] {
        let seen = Seen::of(&spot(text, column, width));
        [seen.before, seen.meant, seen.behind]
    }

    #[test]
    fn a_line_is_split_at_what_is_meant_in_it_counted_in_characters() {
        assert_eq!(split("\tstop é || true", 2, 6), [" ", "stop é", " || true"]);
        assert_eq!(split("stop", 1, 4), ["", "stop", ""]);
    }

    #[test]
    fn a_place_that_lies_outside_of_the_line_is_clipped_to_it() {
        assert_eq!(split("stop", 3, 99), ["st", "op", ""]);
        assert_eq!(split("stop", 99, 5), ["stop", "", ""]);
        assert_eq!(split("", 0, 0), ["", "", ""]);
        assert_eq!(split("x", u32::MAX, u32::MAX), ["x", "", ""]);
    }

    #[test]
    fn of_a_huge_line_only_the_surroundings_are_shown() {
        let text = format!("{}stop{}", "a".repeat(500_000), "b".repeat(500_000));
        let [before, meant, behind] = split(&text, 500_001, 4);
        assert_eq!(before, format!("…{}", "a".repeat(BEFORE)));
        assert_eq!(meant, "stop");
        assert_eq!(behind, format!("{}…", "b".repeat(WIDEST - BEFORE - 4)));
        let wide = split(&text, 1, 1_000_000);
        assert_eq!(wide[1].chars().count(), WIDEST);
    }

    #[test]
    fn what_would_steer_a_terminal_becomes_a_mark_of_the_same_width() {
        let [before, meant, behind] = split("\u{1b}[2J\u{202e}stop\r\u{9b}", 6, 4);
        assert_eq!(
            [before, meant, behind],
            ["\u{fffd}[2J\u{fffd}", "stop", "\u{fffd}\u{fffd}"]
        );
    }
}
