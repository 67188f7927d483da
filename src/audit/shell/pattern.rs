//! The shell's patterns, on strings of which parts may not be known.

use super::value::{Piece, Value};

/// An element of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Glob {
    One(char),
    /// `?`
    AnyOne,
    /// `*`
    Any,
    /// `[...]`: ranges, and whether what is in them is meant.
    Set(Vec<(char, char)>, bool),
    /// Text that is not known.
    Unknown,
}

/// A pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Glob>);

/// Whether it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    Maybe,
}

/// A character of the string that is matched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Known(char),
    /// Any number of characters.
    Unknown,
}

/// Longest string and pattern that are compared; of longer ones it is not known.
const LONGEST: usize = 4096;

impl Pattern {
    /// Adds text in which no character is special.
    pub(super) fn literal(&mut self, text: &str) {
        self.0.extend(text.chars().map(Glob::One));
    }

    /// Adds text in which they are.
    pub(super) fn special(&mut self, text: &str) {
        let mut rest = text.chars();
        while let Some(first) = rest.next() {
            let glob = match first {
                '*' => Glob::Any,
                '?' => Glob::AnyOne,
                '\\' => Glob::One(rest.next().unwrap_or('\\')),
                '[' => match set(rest.as_str()) {
                    Some((set, behind)) => {
                        rest = behind.chars();
                        set
                    }
                    None => Glob::One('['),
                },
                other => Glob::One(other),
            };
            self.0.push(glob);
        }
    }

    /// The text that it is, where it matches just one.
    pub(super) fn text(&self) -> Option<String> {
        let characters = self.0.iter().map(|glob| match glob {
            Glob::One(character) => Some(*character),
            Glob::AnyOne | Glob::Any | Glob::Set(..) | Glob::Unknown => None,
        });
        characters.collect()
    }

    /// Whether it matches the whole of `value`.
    pub(super) fn matches(&self, value: &Value) -> Match {
        if let Some(text) = value.text().filter(|text| text.len() <= LONGEST)
            && let Some(is) = self.is(text)
        {
            return if is { Match::Yes } else { Match::No };
        }
        let units = units(value);
        if units.len() > LONGEST || self.0.len() > LONGEST {
            return Match::Maybe;
        }
        if !self.reaches(&units, Reading::Kind) {
            return Match::No;
        }
        if self.reaches(&units, Reading::Strict) {
            return Match::Yes;
        }
        Match::Maybe
    }

    /// Whether it is `text` to the letter; `None` where something in it is special, or it is long.
    fn is(&self, text: &str) -> Option<bool> {
        if self.0.len() > LONGEST || !self.0.iter().all(|glob| matches!(glob, Glob::One(_))) {
            return None;
        }
        let letters = self.0.iter().filter_map(|glob| match glob {
            Glob::One(letter) => Some(*letter),
            Glob::AnyOne | Glob::Any | Glob::Set(..) | Glob::Unknown => None,
        });
        Some(letters.eq(text.chars()))
    }

    /// Whether it matches `text`, all of which is known.
    pub(super) fn matches_text(&self, text: &str) -> bool {
        let units: Vec<Unit> = text.chars().map(Unit::Known).collect();
        units.len() <= LONGEST && self.reaches(&units, Reading::Strict)
    }

    /// Follows all ways through pattern and string at once: a set of places in the pattern.
    fn reaches(&self, units: &[Unit], reading: Reading) -> bool {
        let mut places = vec![false; self.0.len().saturating_add(1)];
        mark(&mut places, 0);
        self.pass_empty(&mut places, reading);
        for unit in units {
            let mut next = vec![false; places.len()];
            for (place, _) in places.iter().enumerate().filter(|(_, here)| **here) {
                self.follow(place, *unit, reading, &mut next);
            }
            self.pass_empty(&mut next, reading);
            places = next;
        }
        places.last().copied().unwrap_or(false)
    }

    /// Marks where one step over `unit` may lead.
    fn follow(&self, place: usize, unit: Unit, reading: Reading, next: &mut [bool]) {
        let glob = self.0.get(place);
        match (unit, reading) {
            // It may stand for anything: also for what brings us further by any number of places.
            (Unit::Unknown, Reading::Kind) => {
                for later in next.iter_mut().skip(place) {
                    *later = true;
                }
            }
            (Unit::Unknown, Reading::Strict) => {
                if glob == Some(&Glob::Any) {
                    mark(next, place);
                }
            }
            (Unit::Known(character), _) => match glob {
                Some(Glob::Any) => mark(next, place),
                Some(Glob::Unknown) if reading == Reading::Kind => mark(next, place),
                Some(glob) if takes(glob, character) => mark(next, place.saturating_add(1)),
                Some(_) | None => {}
            },
        }
    }

    /// Marks what is reached without a character.
    fn pass_empty(&self, places: &mut [bool], reading: Reading) {
        for (place, glob) in self.0.iter().enumerate() {
            let empty = match glob {
                Glob::Any => true,
                Glob::Unknown => reading == Reading::Kind,
                Glob::One(_) | Glob::AnyOne | Glob::Set(..) => false,
            };
            if empty && places.get(place) == Some(&true) {
                mark(places, place.saturating_add(1));
            }
        }
    }
}

/// How what is not known is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It may be what it takes to match.
    Kind,
    /// Only what matches anything matches it.
    Strict,
}

fn mark(places: &mut [bool], place: usize) {
    if let Some(flag) = places.get_mut(place) {
        *flag = true;
    }
}

fn takes(glob: &Glob, character: char) -> bool {
    match glob {
        Glob::One(one) => *one == character,
        Glob::AnyOne | Glob::Any => true,
        Glob::Set(ranges, meant) => {
            ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&character))
                == *meant
        }
        Glob::Unknown => false,
    }
}

fn units(value: &Value) -> Vec<Unit> {
    let mut units = Vec::new();
    for piece in value.pieces() {
        match piece {
            Piece::Known(text) => units.extend(text.chars().map(Unit::Known)),
            Piece::Unknown(_) => units.push(Unit::Unknown),
        }
    }
    units
}

/// The set behind `[`, and what follows it; `None` where it is not closed.
fn set(text: &str) -> Option<(Glob, &str)> {
    let negated = text.starts_with(['!', '^']);
    let body = if negated { text.get(1..)? } else { text };
    let mut ranges = Vec::new();
    let mut rest = body.chars();
    loop {
        let left = rest.as_str();
        let low = rest.next()?;
        if low == ']' && !ranges.is_empty() {
            return Some((Glob::Set(ranges, !negated), rest.as_str()));
        }
        if let Some(class) = left.strip_prefix("[:") {
            let end = class.find(":]")?;
            ranges.extend_from_slice(named(class.get(..end)?)?);
            rest = class.get(end.saturating_add(2)..)?.chars();
            continue;
        }
        let low = if low == '\\' { rest.next()? } else { low };
        let mut ahead = rest.clone();
        let range = (ahead.next() == Some('-')).then(|| ahead.next()).flatten();
        match range.filter(|high| *high != ']') {
            Some(high) => {
                ranges.push((low, high));
                rest = ahead;
            }
            None => ranges.push((low, low)),
        }
    }
}

/// A class of characters by its name.
fn named(class: &str) -> Option<&'static [(char, char)]> {
    Some(match class {
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "digit" => &[('0', '9')],
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "lower" => &[('a', 'z')],
        "upper" => &[('A', 'Z')],
        "xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "cntrl" => &[('\0', '\u{1f}'), ('\u{7f}', '\u{7f}')],
        "print" => &[(' ', '~')],
        "graph" => &[('!', '~')],
        _ => return None,
    })
}
