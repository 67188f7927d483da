//! A long file is parsed in pieces that begin with a `[[rule]]`: half the time and a fraction of the memory.
//! Only where that surely means the same; everything else, errors included, is left to the whole.

use toml::de::{DeTable, DeValue};

/// Files that are shorter are parsed in one piece, in bytes.
const WORTHWHILE: usize = 32 * 1024;
/// Size of a piece, in bytes: small enough for the processor's cache.
const PIECE: usize = 8 * 1024;
/// The line with which a piece begins.
const BEGIN: &str = "\n[[rule]]\n";

/// Hands the table of each piece of `text`, and its offset, to `read`; `None` where the text must be parsed
/// whole, and what was read so far be forgotten.
pub(super) fn each(text: &str, mut read: impl FnMut(usize, &DeTable<'_>)) -> Option<()> {
    // inside a string of several lines a line may look like the beginning of a rule
    if text.len() < WORTHWHILE || text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let (head, pieces) = pieces(text)?;
    let table = DeTable::parse(head).ok()?.into_inner();
    is_head(&table).then(|| read(0, &table))?;
    for (offset, piece) in pieces {
        let table = DeTable::parse(piece).ok()?.into_inner();
        is_rules(&table).then(|| read(offset, &table))?;
    }
    Some(())
}

/// Whether the first piece has no rule of its own, which later ones could clash with.
fn is_head(table: &DeTable<'_>) -> bool {
    !table.contains_key("rule")
}

/// Whether a later piece has nothing but rules, which cannot clash with anything.
fn is_rules(table: &DeTable<'_>) -> bool {
    let mut entries = table.iter();
    let only = match entries.next() {
        Some((key, value)) => {
            key.get_ref() == "rule" && matches!(value.get_ref(), DeValue::Array(_))
        }
        None => false,
    };
    only && entries.next().is_none()
}

/// What stands before all rules, and pieces of some rules with their offsets; `None` where there are no rules.
fn pieces(text: &str) -> Option<(&str, impl Iterator<Item = (usize, &str)>)> {
    let first = if text.starts_with(BEGIN.trim_start()) {
        0
    } else {
        next(text, 0)?
    };
    let mut start = first;
    let pieces = std::iter::from_fn(move || {
        let end = next(text, start + PIECE).unwrap_or(text.len());
        let piece = text.get(start..end).filter(|piece| !piece.is_empty())?;
        Some((std::mem::replace(&mut start, end), piece))
    });
    Some((text.get(..first)?, pieces))
}

/// Where, at or after byte `from`, a line `[[rule]]` begins.
fn next(text: &str, from: usize) -> Option<usize> {
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at))?;
    text.get(from..)?.find(BEGIN).map(|at| from + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(rule: &str) -> String {
        format!("[[rule]]\n{rule}\n").repeat(2 * WORTHWHILE / rule.len())
    }

    #[test]
    fn a_long_plain_file_is_cut_without_losing_a_byte() {
        for head in ["", "[init]\nwait = \"3s\"\n", "# é\n"] {
            let text = format!("{head}{}", many("decide = \"stop\" # é"));
            let (begin, parts) = pieces(&text).unwrap();
            let parts: Vec<&str> = parts.map(|(_, piece)| piece).collect();
            assert!(parts.len() > 4);
            assert_eq!(format!("{begin}{}", parts.concat()), text);
            let mut tables = 0;
            each(&text, |_, _| tables += 1).unwrap();
            assert_eq!(tables, parts.len() + 1);
        }
    }

    #[test]
    fn what_could_mean_something_else_in_pieces_is_left_whole() {
        let rules = many("decide = \"stop\"");
        for text in [
            "[[rule]]\n".to_owned(),
            format!("rule = []\n{rules}"),
            format!("[rule]\n{rules}"),
            format!("a = [\n{rules}"),
            format!("a = \"\"\"\n{rules}\"\"\""),
            format!("{rules}[group.a]\n"),
            format!("{rules}x"),
        ] {
            assert!(each(&text, |_, _| ()).is_none(), "{text:.30}");
        }
    }
}
