//! A play as JSON. The format is stable: within a version, fields are only added. Times are microseconds from
//! the beginning, unless a name ends in `_ms`.

use serde::Serialize;

use crate::audit::call::Assumption;
use crate::audit::play::{Called, Play, Played, Stage};
use crate::domain::UnitName;

use super::words;

/// Of the format.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    version: u32,
    package: &'a str,
    /// Version that is there before; `null` for an installation.
    old: Option<&'a str>,
    /// Version that is there afterwards; `null` for a removal.
    new: Option<&'a str>,
    operation: String,
    init: &'static str,
    clients: u32,
    every_us: u64,
    seed: u64,
    /// Ways that differ in their calls, the likeliest first.
    ways: Vec<Way<'a>>,
    /// How many more there are that were not played.
    ways_left_out: usize,
    /// Runs of scripts that were not followed on all ways to their end, or not at all: calls may be missing.
    unfollowed: &'a [String],
}

#[derive(Serialize)]
struct Way<'a> {
    assumed: Vec<Assumed<'a>>,
    calls: Vec<Call<'a>>,
    stock: &'a Stage,
    ours: &'a Stage,
    /// What is not as it should be in the end, with each.
    remarks: Remarks,
    /// Units that end otherwise with ours.
    differences: Vec<Difference>,
}

#[derive(Serialize)]
struct Remarks {
    stock: Vec<String>,
    ours: Vec<String>,
}

#[derive(Serialize)]
struct Difference {
    unit: UnitName,
    stock: String,
    ours: String,
}

#[derive(Serialize)]
struct Assumed<'a> {
    side: &'static str,
    script: &'static str,
    line: u32,
    text: &'a str,
    held: bool,
}

/// A call: whose script, run with which words, at which line, and what it calls. A word that is not known
/// stands there as it is written, and `known` is false.
#[derive(Serialize)]
struct Call<'a> {
    side: &'static str,
    script: &'static str,
    arguments: &'a [String],
    line: u32,
    argv: Vec<&'a str>,
    known: bool,
    assumed: Vec<Assumed<'a>>,
}

/// `play` as one JSON object on one line.
///
/// # Errors
/// Never, as far as is known: all of it can be written.
pub fn json(play: &Play) -> Result<String, serde_json::Error> {
    let report = Report {
        format: "rcpolicy-simulation",
        version: VERSION,
        package: &play.package,
        old: play.old.as_deref(),
        new: play.new.as_deref(),
        operation: words::word(play.way),
        init: play.init.as_str(),
        clients: play.clients,
        every_us: play.every,
        seed: play.seed,
        ways: play.ways.iter().map(|played| way(play, played)).collect(),
        ways_left_out: play.left_out,
        unfollowed: &play.unfollowed,
    };
    let mut text = serde_json::to_string(&report)?;
    text.push('\n');
    Ok(text)
}

fn way<'a>(play: &Play, played: &'a Played) -> Way<'a> {
    let differences = words::differences(played).into_iter();
    Way {
        assumed: played.assumed.iter().map(assumed).collect(),
        calls: played.calls.iter().map(call).collect(),
        stock: &played.stock,
        ours: &played.ours,
        remarks: Remarks {
            stock: words::remarks(play, &played.stock),
            ours: words::remarks(play, &played.ours),
        },
        differences: differences
            .map(|(unit, stock, ours)| Difference { unit, stock, ours })
            .collect(),
    }
}

fn assumed(assumption: &Assumption) -> Assumed<'_> {
    Assumed {
        side: words::side_word(assumption.place.side),
        script: assumption.place.script.as_str(),
        line: assumption.place.line,
        text: &assumption.text,
        held: assumption.held,
    }
}

fn call(called: &Called) -> Call<'_> {
    use crate::audit::call::Word;
    let words = &called.call.words;
    Call {
        side: words::side_word(called.run.side),
        script: called.run.script.as_str(),
        arguments: &called.run.arguments,
        line: called.call.place.line,
        argv: called.argv(),
        known: words.iter().all(|word| matches!(word, Word::Known(_))),
        assumed: called.call.assumed.iter().map(assumed).collect(),
    }
}
