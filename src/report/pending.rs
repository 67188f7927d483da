//! What is owed to the machine, as a table. Pure: entries in, text out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::plain::one_line;
use super::time;
use crate::ledger::{Entry, LedgerError, Listing, Who};

const HEAD: [&str; COLUMNS] = [
    "SERVICE",
    "AGE",
    "OWED",
    "FLUSH WOULD",
    "WAITS FOR",
    "WHO",
    "WHY",
];
const COLUMNS: usize = 7;

/// What is told about an entry that it does not say itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What a flush would do about it.
    pub flush: String,
    /// What it waits for.
    pub waits: String,
}

/// What is told of a definition that is not as packages brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Of which service.
    pub service: String,
    /// `new`, `outdated`, `cut-off`, `gone` or `refused`; `current` where only something else is to be told.
    pub standing: &'static str,
    /// The files that somebody changed.
    pub edited: Vec<String>,
    /// How often the stock version was tried in vain.
    pub tries: u32,
    /// The same for people.
    pub says: String,
}

/// The table of `entries`; `now` is in seconds since the epoch.
pub fn table(entries: &[Entry], now: u64, tell: &dyn Fn(&Entry) -> Told) -> String {
    let head = HEAD.map(str::to_owned);
    let rows = entries.iter().map(|entry| row(entry, now, tell(entry)));
    align(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

fn row(entry: &Entry, now: u64, told: Told) -> [String; COLUMNS] {
    [
        entry.service.to_string(),
        age(now.saturating_sub(entry.since)),
        what(entry),
        told.flush,
        one_line(&told.waits),
        who(&entry.who),
        one_line(&entry.because),
    ]
}

/// Columns two blanks apart, the last as long as it is.
fn align(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// All that an entry promises, in words.
pub fn what(entry: &Entry) -> String {
    let mut parts = Vec::new();
    if let Some(owed) = &entry.owed {
        parts.push(format!(
            "{} until {}",
            owed.due.action(),
            owed.until.as_str()
        ));
    }
    if let Some(down) = &entry.down {
        let others = down.units.iter().filter(|s| s.unit != entry.unit);
        let units: Vec<&str> = others.map(|s| s.unit.as_str()).collect();
        parts.push(match units.as_slice() {
            [] => "stopped".to_owned(),
            units => format!("stopped with {}", units.join(" ")),
        });
        parts.extend(entry.went_along().then(|| "along with others".to_owned()));
    }
    if entry.quiesced.is_some() {
        parts.push("quiesced".to_owned());
    }
    if entry.kept_running {
        parts.push("stop held".to_owned());
    }
    if entry.held {
        parts.push("D-Bus starts held".to_owned());
    }
    match parts.as_slice() {
        [] => "nothing".to_owned(),
        parts => parts.join(", "),
    }
}

fn who(who: &Who) -> String {
    match (&who.caller.package, &who.caller.script) {
        (Some(package), Some(script)) => one_line(&format!("{package} {script}")),
        (Some(package), None) => one_line(package),
        (None, _) => format!("process {}", who.pid),
    }
}

/// An age in its largest unit.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The listing, and the definitions that are not as packages brought them, as one JSON document; `opens`, in seconds since
/// the epoch, is when the window opens that all waits for.
///
/// # Errors
/// When an entry cannot be written down; none that was read is such.
pub fn json(
    listing: &Listing,
    definitions: &[Definition],
    opens: Option<i64>,
    tell: &dyn Fn(&Entry) -> Told,
) -> Result<String, serde_json::Error> {
    let each = |part: fn(Told) -> String| -> BTreeMap<String, String> {
        let entries = listing.entries.iter();
        let pairs = entries.map(|entry| (entry.service.to_string(), part(tell(entry))));
        pairs.collect()
    };
    let troubles: Vec<String> = listing
        .troubles
        .iter()
        .map(LedgerError::to_string)
        .collect();
    let document = serde_json::json!({
        "version": 1,
        "entries": listing.entries,
        "definitions": definitions,
        "flush": each(|told| told.flush),
        "waits": each(|told| told.waits),
        "opens": opens.map(|opens| time::rfc3339(opens.saturating_mul(1_000_000))),
        "settled": listing.settled,
        "troubles": troubles,
    });
    serde_json::to_string_pretty(&document)
}
