//! A long file is parsed in pieces that begin with a `[[rule]]`: half the time and a fraction of the memory.
//! Only where that surely means the same; everything else, errors included, is left to the whole.

use toml::de::{DeTable, DeValue};

/// Files that are shorter are parsed in one piece, in bytes.
const WORTHWHILE: usize = 32 * 1024;
/// Size of a piece, in bytes: small enough for the processor's cache.
const PIECE: usize = 8 * 1024;
/// The line with which a piece begins.
const BEGIN: &str = "\n[[rule]]\n";

/// The tables of the pieces of `text` and the offset of each, or `None` where it must be parsed whole.
pub(super) fn tables(text: &str) -> Option<Vec<(usize, DeTable<'_>)>> {
    // inside a string of several lines a line may look like the beginning of a rule
    if text.len() < WORTHWHILE || text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let mut tables = Vec::new();
    for (offset, piece) in pieces(text) {
        let table = DeTable::parse(piece).ok()?.into_inner();
        if offset == 0 {
            is_head(&table)
        } else {
            is_rules(&table)
        }
        .then_some(())?;
        tables.push((offset, table));
    }
    Some(tables)
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

/// Cuts before lines that are `[[rule]]`: first what stands before all rules, then pieces of some rules.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let first = if text.starts_with(BEGIN.trim_start()) {
        Some(0)
    } else {
        next(text, 0)
    };
    let mut pieces = Vec::new();
    let Some(mut start) = first else {
        return vec![(0, text)];
    };
    // the head may be empty, and is there nonetheless: only the first piece is judged as one
    pieces.push((0, text.get(..start).unwrap_or("")));
    while start < text.len() {
        let end = next(text, start + PIECE).unwrap_or(text.len());
        pieces.push((start, text.get(start..end).unwrap_or("")));
        start = end;
    }
    pieces
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
            let parts = pieces(&text);
            assert!(parts.len() > 4);
            assert_eq!(parts.iter().map(|(_, p)| *p).collect::<String>(), text);
            let tables = tables(&text).unwrap();
            assert_eq!(tables.len(), parts.len());
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
            assert!(tables(&text).is_none(), "{}", text.get(..30).unwrap());
        }
    }
}
