//! What is held, as a table or as JSON. Pure: holds in, text out.

use super::plain::one_line;
use super::time::minute;
use crate::policy::{Held, Holds};

/// The table of what is held.
pub fn table(holds: &Holds) -> String {
    let head = ["SERVICE", "HELD UNTIL", "WHY"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(head)
        .chain(holds.held.iter().map(row))
        .collect();
    let width = |cell: fn(&[String; 3]) -> &String| {
        let widths = rows.iter().map(|row| cell(row).chars().count());
        widths.max().unwrap_or(0)
    };
    let (first, second) = (width(|[name, ..]| name), width(|[_, until, _]| until));
    let lines = rows
        .iter()
        .map(|[name, until, why]| format!("{name:first$}  {until:second$}  {why}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn row(held: &Held) -> [String; 3] {
    let until = held.until.map_or_else(|| "it is lifted".to_owned(), minute);
    [names(held).join(" "), until, one_line(&held.because)]
}

fn names(held: &Held) -> Vec<String> {
    held.services.iter().map(ToString::to_string).collect()
}

/// The same as one JSON document.
///
/// # Errors
/// Never for what was parsed from names.
pub fn json(holds: &Holds) -> Result<String, serde_json::Error> {
    let held: Vec<serde_json::Value> = holds
        .held
        .iter()
        .map(|held| {
            serde_json::json!({
                "services": names(held),
                "until": held.until,
                "because": held.because,
                "path": held.path,
            })
        })
        .collect();
    let document = serde_json::json!({
        "version": 1,
        "held": held,
        "unreadable": holds.unreadable,
    });
    serde_json::to_string_pretty(&document)
}
