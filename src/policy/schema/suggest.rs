//! What somebody may have meant who wrote a word that nobody knows. Pure.

/// Words that are longer are not compared, in characters: the work grows with the square.
const LONGEST: usize = 32;

/// `: did you mean ...?` for the known word nearest to `word`, or nothing where none is near.
pub(super) fn hint<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    match nearest(word, known) {
        Some(near) => format!(": did you mean `{near}`?"),
        None => String::new(),
    }
}

fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if word.chars().count() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    known
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(steps, candidate)| *steps <= candidate.len().div_ceil(3).min(2))
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, a plural or a swapped pair counting as it falls.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(from != *to);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_recognized_and_far_ones_left_alone() {
        let known = ["service", "action", "phase", "decide", "until"];
        let cases = [
            ("services", Some("service")),
            ("Action", Some("action")),
            ("acton", Some("action")),
            ("dceide", Some("decide")),
            ("colour", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
        }
    }

    #[test]
    fn the_distance_counts_single_changes() {
        for (a, b, steps) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), steps, "{a} {b}");
        }
    }
}
