//! Text that came from outside, as it may stand in HTML and XML: nothing in it is markup, and what
//! [`plain`](super::plain) does not show is not there. Pure.

use super::plain::{lines, one_line};

/// Text on one line, between tags or between the quotes of an attribute.
pub fn escaped(text: &str) -> String {
    entities(&one_line(text))
}

/// The same of text that has lines.
pub fn escaped_lines(text: &str) -> String {
    entities(&lines(text))
}

fn entities(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_opens_a_tag_or_ends_an_attribute_is_left() {
        let text = "</script><img src=x onerror='alert(1)'>\"&\u{1b}\u{202e}\0";
        assert_eq!(
            escaped(text),
            "&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot;&amp;\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(escaped_lines("a\n<b>"), "a\n&lt;b&gt;");
    }

    #[test]
    fn what_xml_forbids_is_not_there() {
        let forbidden = ('\0'..=' ').chain(['\u{fffe}', '\u{ffff}']);
        let text: String = forbidden.filter(|c| *c != ' ').collect();
        let safe = escaped(&text);
        assert!(
            safe.chars().all(|c| matches!(c, ' ' | '\u{fffd}')),
            "{safe:?}"
        );
    }
}
