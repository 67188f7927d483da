//! Versions of packages, ordered as dpkg orders them (deb-version(7)).

use std::cmp::Ordering;

/// Whether `left RELATION right` holds, as `dpkg --compare-versions` takes it; an empty version is no
/// version: the words that end in `-nl` take it for later than any, all others for earlier. `None` where
/// there is no such relation.
pub fn holds(left: &str, relation: &str, right: &str) -> Option<bool> {
    let order = match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (false, false) => compare(left, right),
        (left_is_none, _) => {
            let none_is_later = relation.ends_with("-nl");
            // Less where the empty one is on the left and earlier, or on the right and later.
            if left_is_none == none_is_later {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    };
    Some(match relation {
        "lt" | "lt-nl" | "<<" => order.is_lt(),
        "le" | "le-nl" | "<=" | "<" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | "ge-nl" | ">=" | ">" => order.is_ge(),
        "gt" | "gt-nl" | ">>" => order.is_gt(),
        _ => return None,
    })
}

/// Which of two versions is the later one.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Version::parse(left), Version::parse(right));
    let epochs = number(left.epoch, right.epoch);
    let upstream = || part(left.upstream, right.upstream);
    epochs
        .then_with(upstream)
        .then_with(|| part(left.revision, right.revision))
}

/// A version, taken apart.
struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self {
            epoch,
            upstream,
            revision,
        }
    }
}

/// What stands between two numbers, then a number, and so on.
fn part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    while !(left.is_empty() && right.is_empty()) {
        let (words, left_rest) = split(left, |letter| !letter.is_ascii_digit());
        let (others, right_rest) = split(right, |letter| !letter.is_ascii_digit());
        let order = word(words, others);
        let (digits, left_rest) = split(left_rest, |letter| letter.is_ascii_digit());
        let (others, right_rest) = split(right_rest, |letter| letter.is_ascii_digit());
        let order = order.then_with(|| number(digits, others));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn split(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|letter| !of(letter)).unwrap_or(text.len());
    text.split_at(end)
}

/// Numbers of any length.
fn number(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Letters before all else, and a tilde before the end.
fn word(left: &str, right: &str) -> Ordering {
    let mut letters = (left.chars(), right.chars());
    loop {
        let (one, other) = (letters.0.next(), letters.1.next());
        if one.is_none() && other.is_none() {
            return Ordering::Equal;
        }
        let order = weight(one).cmp(&weight(other));
        if order.is_ne() {
            return order;
        }
    }
}

fn weight(letter: Option<char>) -> (u8, Option<char>) {
    match letter {
        Some('~') => (0, None),
        None => (1, None),
        Some(letter) if letter.is_ascii_alphabetic() => (2, Some(letter)),
        Some(letter) => (3, Some(letter)),
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{compare, holds};

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let rising = [
            "0~~", "0~", "0", "0.1", "0.9~rc1", "0.9", "0.9-0", "0.9-1", "0.9-1+b1", "0.9-1.1",
            "0.10", "1.0a", "1.0a1", "1.0+dfsg", "1.0.1", "10", "1:0", "1:0-1", "2:0~",
        ];
        for (first, one) in rising.iter().enumerate() {
            for (second, other) in rising.iter().enumerate() {
                let expected = match (*one, *other) {
                    // A revision of 0 is none.
                    ("0.9", "0.9-0") | ("0.9-0", "0.9") => Ordering::Equal,
                    _ => first.cmp(&second),
                };
                assert_eq!(compare(one, other), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn no_version_is_earlier_than_any_but_for_the_words_that_say_otherwise() {
        for (left, relation, right, expected) in [
            ("", "lt", "1", true),
            ("", "lt-nl", "1", false),
            ("", "le-nl", "1", false),
            ("1", "gt", "", true),
            ("1", "gt-nl", "", false),
            ("1", "lt-nl", "", true),
            ("", "ge", "1", false),
            ("", "ge-nl", "1", true),
            ("", "eq", "", true),
            ("", "ne", "1", true),
        ] {
            assert_eq!(
                holds(left, relation, right),
                Some(expected),
                "`{left}` {relation} `{right}`"
            );
        }
        assert_eq!(holds("1", "before", "2"), None);
    }
}
