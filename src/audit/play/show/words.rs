//! Words and choices that all of the reports share.

use std::collections::BTreeSet;

use crate::audit::call::Side;
use crate::audit::course::Way;
use crate::audit::play::{Called, Edge, Final, Play, Played, Stage, Track, Version, Window};
use crate::domain::{ActiveState, UnitKind, UnitName};
use crate::init::simulated::Micros;

/// Microseconds in a millisecond.
pub(super) const MS: Micros = 1000;

/// What dpkg does, in a word.
pub fn word(way: Way) -> String {
    match way {
        Way::Install => "install".to_owned(),
        Way::Again => "install-again".to_owned(),
        Way::Upgrade => "upgrade".to_owned(),
        Way::Failed(side, script) => format!("failed-{}-{}", side_word(side), script.as_str()),
        Way::Remove => "remove".to_owned(),
        Way::FailedRemove => "failed-remove".to_owned(),
        Way::Purge => "purge".to_owned(),
        Way::Deconfigure => "deconfigure".to_owned(),
        Way::Trigger => "trigger".to_owned(),
    }
}

/// Whose script it is.
pub(super) fn side_word(side: Side) -> &'static str {
    match side {
        Side::Old => "old",
        Side::New => "new",
    }
}

/// `upgrade of acpid 1.0 by 2.0, under systemd`
pub fn headline(play: &Play) -> String {
    let versions = match (&play.old, &play.new) {
        (Some(old), Some(new)) if old == new => format!(" {old} by itself"),
        (Some(old), Some(new)) => format!(" {old} by {new}"),
        (Some(only), None) | (None, Some(only)) => format!(" {only}"),
        (None, None) => String::new(),
    };
    let init = play.init.as_str();
    format!(
        "{} of {}{versions}, under {init}",
        word(play.way),
        play.package
    )
}

/// Who connects, in words.
pub(super) fn crowd(play: &Play) -> String {
    match play.clients {
        0 => "nobody connects".to_owned(),
        1 => format!(
            "1 client of each socket and bus name, every {} ms",
            play.every / MS
        ),
        many => format!(
            "{many} clients of each socket and bus name, every {} ms",
            play.every / MS
        ),
    }
}

/// Where a call stands: `old prerm:12`.
pub(super) fn place(called: &Called) -> String {
    let side = side_word(called.run.side);
    let script = called.run.script.as_str();
    format!("{side} {script}:{}", called.call.place.line)
}

/// The call as it is called, with a question mark where something was assumed for it.
pub(super) fn command(called: &Called) -> String {
    let mark = match called.call.assumed.is_empty() {
        true => "",
        false => "? ",
    };
    format!("{mark}{}", called.argv().join(" "))
}

/// Units of which there is something to be seen, under one hand or the other: what jobs name, what changes,
/// what windows are about.
pub(super) fn worth_showing(played: &Played) -> BTreeSet<UnitName> {
    let stages = [&played.stock, &played.ours];
    let mut units = BTreeSet::new();
    for stage in stages {
        for job in stage.carried.iter().flat_map(|carried| &carried.jobs) {
            units.insert(job.unit.clone());
        }
        for window in &stage.windows {
            units.insert(window.unit.clone());
            units.extend(window.by.iter().cloned());
        }
        let changing = stage.tracks.iter().filter(|track| changes(track));
        units.extend(changing.map(|track| track.unit.clone()));
    }
    units
}

fn changes(track: &Track) -> bool {
    let mut states = track.stretches.iter().map(|stretch| stretch.active);
    let first = states.next();
    let moves = states.any(|state| Some(state) != first);
    let runs = track.stretches.iter().any(|stretch| stretch.runs.is_some());
    moves || (runs && !track.foreign)
}

/// Services before what starts them, each with its triggers behind it.
pub(super) fn in_order<'a>(stage: &'a Stage, shown: &BTreeSet<UnitName>) -> Vec<&'a Track> {
    let tracks = stage.tracks.iter();
    let mut tracks: Vec<&Track> = tracks.filter(|track| shown.contains(&track.unit)).collect();
    tracks.sort_by_key(|track| {
        let name = &track.unit;
        (
            track.foreign,
            name.stem().to_owned(),
            name.kind() != UnitKind::Service,
            name.clone(),
        )
    });
    tracks
}

/// How a unit stands, in words.
pub(super) fn state(active: ActiveState, runs: Option<Version>) -> String {
    let state = match active {
        ActiveState::Active => "up",
        ActiveState::Reloading => "reloading",
        ActiveState::Inactive => "down",
        ActiveState::Failed => "failed",
        ActiveState::Activating => "starting",
        ActiveState::Deactivating => "stopping",
        ActiveState::Maintenance => "in maintenance",
    };
    match runs {
        Some(Version::Mixed) => format!("{state}, a mixture of old and new code"),
        Some(version) => format!("{state}, {} code", version.as_str()),
        None => state.to_owned(),
    }
}

/// How a unit stands in the end, in words.
pub(super) fn end(last: &Final) -> String {
    let held = match last.held {
        true => ", calls on the bus are kept from starting it",
        false => "",
    };
    format!("{}{held}", state(last.active, last.runs))
}

/// A window in one sentence.
pub(super) fn window(played: &Played, window: &Window) -> String {
    let at = |edge: &Edge| {
        let called = edge.call.and_then(|call| played.calls.get(call));
        let by = called.map(|called| format!(" ({})", place(called)));
        format!(
            "at {} ms: {}{}",
            edge.at / MS,
            edge.what,
            by.unwrap_or_default()
        )
    };
    let closed = match &window.closed {
        Some(edge) => format!("closed {}", at(edge)),
        None => "never closed".to_owned(),
    };
    let dangers = window.dangers.iter().map(|danger| danger.as_str());
    let dangers: Vec<&str> = dangers.collect();
    let woken = match window.woken {
        0 => "nobody came".to_owned(),
        1 => "started once".to_owned(),
        many => format!("started {many} times"),
    };
    let by = window.by.iter().map(|name| match *name == window.unit {
        true => "a call on the bus",
        false => name.as_str(),
    });
    let by: Vec<&str> = by.collect();
    format!(
        "opened {}; {closed}; by {} could run {}; {woken}",
        at(&window.opened),
        by.join(", "),
        dangers.join(", "),
    )
}

/// What is not as it should be in the end; empty where all is well.
pub(super) fn remarks(play: &Play, stage: &Stage) -> Vec<String> {
    let goes = matches!(play.way, Way::Remove | Way::Purge);
    let mut lines = Vec::new();
    for last in &stage.finals {
        let is_foreign = stage
            .tracks
            .iter()
            .any(|track| track.unit == last.unit && track.foreign);
        let unit = &last.unit;
        let up = !last.active.is_down();
        match last.runs {
            _ if is_foreign => {}
            _ if goes && up => lines.push(format!("{unit} goes on, and its files are gone")),
            Some(Version::Old) if up && play.way == Way::Upgrade => {
                lines.push(format!("{unit} goes on with the old code"));
            }
            Some(Version::Mixed) if up => {
                lines.push(format!("{unit} runs a mixture of old and new code"));
            }
            _ => {}
        }
        let fell = last.was_active.is_active() && last.active.is_down() && !goes;
        if fell && last.file.is_some() {
            lines.push(format!("{unit} was up and is {}", state(last.active, None)));
        }
    }
    lines
}

/// Units that end otherwise with ours than with the stock tools: the unit, and how with each.
pub(super) fn differences(played: &Played) -> Vec<(UnitName, String, String)> {
    let mut found = Vec::new();
    for ours in &played.ours.finals {
        let stock = played.stock.finals.iter().find(|one| one.unit == ours.unit);
        let Some(stock) = stock else {
            continue;
        };
        let (stock, ours_end) = (end(stock), end(ours));
        if stock != ours_end {
            found.push((ours.unit.clone(), stock, ours_end));
        }
    }
    found
}
