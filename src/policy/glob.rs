//! Anchored globs: `*`, `?`, `[a-z]`, `[!x]`. Nothing escapes: none of these can stand in a name.
//! Matching takes at most name times pattern steps, whatever the pattern is, and allocates nothing.

use thiserror::Error;

/// Longest pattern, in bytes: no name is longer than 255.
const LONGEST: usize = 512;

/// Why a text is not a glob.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GlobError {
    /// Nothing at all.
    #[error("an empty pattern matches nothing")]
    Empty,
    /// Longer than any name.
    #[error("a pattern of {0} bytes is too long (at most {LONGEST})")]
    TooLong(usize),
    /// `[` without its `]`.
    #[error("`[` is never closed in `{0}`")]
    Unclosed(String),
    /// `[]` or `[!]`.
    #[error("`[]` in `{0}` matches nothing")]
    EmptyClass(String),
    /// `[z-a]`
    #[error("the range `{from}-{to}` in `{pattern}` is the wrong way round")]
    Backwards {
        /// The pattern.
        pattern: String,
        /// First of the range.
        from: char,
        /// Last of the range.
        to: char,
    },
    /// A character that no name has, so the pattern could never match.
    #[error("{character:?} in `{pattern}` cannot be part of a name{hint}")]
    Character {
        /// The pattern, on one line.
        pattern: String,
        /// The character.
        character: char,
        /// What to write instead, where that is known.
        hint: &'static str,
    },
}

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: Box<str>,
}

impl Glob {
    /// Checks a pattern. `allowed` says which characters a name can have.
    ///
    /// # Errors
    /// When the pattern is malformed or could never match a name.
    pub fn parse(text: &str, allowed: impl Fn(char) -> bool) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > LONGEST {
            return Err(GlobError::TooLong(text.len()));
        }
        check_characters(text, &allowed)?;
        check_classes(text)?;
        Ok(Self { text: text.into() })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has no wildcard.
    pub fn is_literal(&self) -> bool {
        !self.text.contains(['*', '?', '['])
    }

    /// Whether all of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        run(self.text.as_bytes(), name.as_bytes())
    }
}

fn check_characters(text: &str, allowed: &impl Fn(char) -> bool) -> Result<(), GlobError> {
    let bad = |c: &char| !(allowed(*c) || matches!(c, '*' | '?' | '[' | ']' | '!' | '-'));
    let Some(character) = text.chars().find(bad) else {
        return Ok(());
    };
    Err(GlobError::Character {
        pattern: text.escape_debug().to_string(),
        character,
        hint: if character == '^' {
            ": write `[!...]`"
        } else {
            ""
        },
    })
}

/// What is wrong with the brackets of `text`, and with `]` and `!` outside of them.
fn check_classes(text: &str) -> Result<(), GlobError> {
    let mut rest = text;
    while let Some((before, class)) = rest.split_once('[') {
        check_outside(text, before)?;
        let Some((members, after)) = class.split_once(']') else {
            return Err(GlobError::Unclosed(text.to_owned()));
        };
        let members = members.strip_prefix('!').unwrap_or(members);
        if members.is_empty() {
            return Err(GlobError::EmptyClass(text.to_owned()));
        }
        for (from, to) in ranges(members.as_bytes()) {
            if from > to {
                return Err(GlobError::Backwards {
                    pattern: text.to_owned(),
                    from: from.into(),
                    to: to.into(),
                });
            }
        }
        rest = after;
    }
    check_outside(text, rest)
}

/// `]` and `!` mean nothing outside of a class, and no name has them.
fn check_outside(text: &str, part: &str) -> Result<(), GlobError> {
    match part.chars().find(|c| matches!(c, ']' | '!')) {
        None => Ok(()),
        Some(character) => Err(GlobError::Character {
            pattern: text.to_owned(),
            character,
            hint: "",
        }),
    }
}

/// The ranges of a class; a single character is a range of one.
fn ranges(members: &[u8]) -> impl Iterator<Item = (u8, u8)> {
    let mut rest = members;
    std::iter::from_fn(move || match rest {
        [from, b'-', to, tail @ ..] => {
            rest = tail;
            Some((*from, *to))
        }
        [one, tail @ ..] => {
            rest = tail;
            Some((*one, *one))
        }
        [] => None,
    })
}

/// The first element of a pattern, as far as one character of a name is concerned.
enum Head<'p> {
    End,
    Star(&'p [u8]),
    One { fits: bool, rest: &'p [u8] },
}

/// The first element of `pattern`, held against the character `c`.
fn head(pattern: &[u8], c: u8) -> Head<'_> {
    match pattern {
        [] => Head::End,
        [b'*', rest @ ..] => Head::Star(rest),
        [b'?', rest @ ..] => Head::One { fits: true, rest },
        [b'[', class @ ..] => {
            let mut parts = class.splitn(2, |b| *b == b']');
            let members = parts.next().unwrap_or_default();
            let rest = parts.next().unwrap_or_default();
            let (negated, members) = match members {
                [b'!', members @ ..] => (true, members),
                members => (false, members),
            };
            let inside = ranges(members).any(|(from, to)| (from..=to).contains(&c));
            Head::One {
                fits: inside != negated,
                rest,
            }
        }
        [literal, rest @ ..] => Head::One {
            fits: *literal == c,
            rest,
        },
    }
}

/// Matches greedily; on a mismatch only the last star takes one character more, which is enough
/// because an earlier star that took more could only make the rest shorter.
fn run(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut last_star: Option<(&[u8], &[u8])> = None;
    while let [c, tail @ ..] = name {
        match head(pattern, *c) {
            Head::Star(rest) => {
                last_star = Some((rest, name));
                pattern = rest;
                continue;
            }
            Head::One { fits: true, rest } => {
                pattern = rest;
                name = tail;
                continue;
            }
            Head::One { fits: false, .. } | Head::End => {}
        }
        let Some((after_star, [_, shorter @ ..])) = last_star else {
            return false;
        };
        last_star = Some((after_star, shorter));
        pattern = after_star;
        name = shorter;
    }
    pattern.iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn name_character(c: char) -> bool {
        c.is_ascii_alphanumeric() || "_-.@:\\+~%=,".contains(c)
    }

    fn glob(text: &str) -> Result<Glob, GlobError> {
        Glob::parse(text, name_character)
    }

    #[test]
    fn globs_match_whole_names() {
        let cases = [
            ("ssh", "ssh", true),
            ("ssh", "sshguard", false),
            ("ssh", "openssh", false),
            ("ssh*", "sshguard", true),
            ("*", "foo.socket", true),
            ("postgresql@*", "postgresql@15-main", true),
            ("postgresql@*", "postgresql", false),
            ("php?.?-fpm", "php8.2-fpm", true),
            ("php[78].[0-9]-fpm", "php8.2-fpm", true),
            ("php[!8].*", "php8.2-fpm", false),
            ("php[!8].*", "php7.4-fpm", true),
            ("a[b-]c", "a-c", true),
            ("a[-b]c", "a-c", true),
            ("*a*b*c", "xxaxxbxxbc", true),
            ("*a*b*c", "xxaxxcxxb", false),
            ("a**", "a", true),
            ("mnt-a\\x2db", "mnt-a\\x2db", true),
            ("?", "", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                glob(pattern).unwrap().matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for text in [
            "", "a[", "a[b", "a[]", "a[!]", "[z-a]", "a b", "a/b", "[^a]", "é", "a][", "a]", "!a",
        ] {
            assert!(glob(text).is_err(), "{text}");
        }
        assert!(glob(&"a".repeat(513)).is_err());
        assert!(glob("[^a]").unwrap_err().to_string().contains("[!...]"));
    }

    #[test]
    fn a_pattern_of_many_stars_does_not_blow_up() {
        let pattern = glob(&format!("{}b", "*a".repeat(120))).unwrap();
        let name = "a".repeat(255);
        let begun = Instant::now();
        for _ in 0..100 {
            assert!(!pattern.matches(&name));
        }
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    /// The plainest matcher there is: tries everything.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=name.len()).any(|n| naive(rest, &name[n..])),
            ([b'?', rest @ ..], [_, tail @ ..]) => naive(rest, tail),
            ([b'[', ..], [c, tail @ ..]) => {
                let close = pattern.iter().position(|b| *b == b']').unwrap();
                let class = &pattern[1..close];
                let negated = class[0] == b'!';
                let class = if negated { &class[1..] } else { class };
                let inside = if class.len() == 3 && class[1] == b'-' {
                    class[0] <= *c && *c <= class[2]
                } else {
                    class.contains(c)
                };
                inside != negated && naive(&pattern[close + 1..], tail)
            }
            ([p, rest @ ..], [c, tail @ ..]) => p == c && naive(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_matcher_agrees_with_the_naive_one(
            parts in prop::collection::vec("[abc]|\\*|\\?|\\[a-b\\]|\\[!a\\]|\\[bc\\]", 1..9),
            name in "[abc]{0,9}",
        ) {
            let pattern = parts.concat();
            let expected = naive(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(glob(&pattern).unwrap().matches(&name), expected, "{} {}", pattern, name);
        }

        #[test]
        fn parsing_and_matching_never_panic(pattern in ".{0,40}", name in ".{0,40}") {
            if let Ok(glob) = Glob::parse(&pattern, |_| true) {
                let _ = glob.matches(&name);
            }
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(
            &["postgresql@[0-9]*", "foo?", "[!a-c]x*"],
            &["*", "?", "[", "]", "-", "**"],
            |text| {
                if let Ok(glob) = glob(text) {
                    let name = text.replace(['*', '?'], "x");
                    let _ = (glob.matches(text), glob.matches(&name), glob.matches(""));
                }
            },
        );
    }
}
