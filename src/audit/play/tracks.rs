//! From the model's record to what a report shows: how each unit stood, the connections, the end, and what can
//! be counted. Reads the record and no more.

use crate::domain::{ActiveState, UnitKind, UnitName};
use crate::init::simulated::{
    Answers, Connection, Happened, Image, Micros, Moment, Outcome, Standing,
};

use super::bench::{Bench, GONE, NEW, OLD};
use super::definitions::MS;
use super::seen::Seen;
use super::stage::{
    Carried, Figures, Final, Knock, Met, Phase, Stage, Stretch, Track, Version, Wake, Window,
};
use super::windows;

/// An answer that took longer than this is a late one.
const PROMPT: Micros = 5 * MS;

/// Puts together what is shown.
pub(super) fn stage(
    bench: &Bench<'_>,
    seen: Seen,
    (phases, carried): (Vec<Phase>, Vec<Carried>),
) -> Stage {
    let tracks = tracks(bench, &seen);
    let windows = windows::windows(bench, &seen, (&tracks, &phases, &carried));
    let knocks = knocks(bench, &seen);
    let finals = finals(bench, &seen, &tracks);
    let figures = figures(bench, &seen, (&tracks, &windows));
    Stage {
        end: seen.end,
        phases,
        carried,
        tracks,
        windows,
        knocks,
        finals,
        figures,
    }
}

fn version(image: Image) -> Version {
    match image {
        image if image == OLD => Version::Old,
        image if image == NEW => Version::New,
        image if image == GONE => Version::Gone,
        Image::Mixed | Image::Whole(_) => Version::Mixed,
    }
}

fn tracks(bench: &Bench<'_>, seen: &Seen) -> Vec<Track> {
    let mut names = bench.own();
    names.extend(bench.foreign.iter().cloned());
    names.retain(|name| !name.is_template());
    let tasks = bench.tasks();
    let all = names.into_iter().map(|unit| {
        let mut stretches = stretches(bench, seen, &unit);
        let has_process = unit.kind() == UnitKind::Service && !tasks.contains(&unit);
        for stretch in stretches.iter_mut().filter(|_| !has_process) {
            stretch.runs = None;
        }
        Track {
            foreign: bench.foreign.contains(&unit),
            wakes: wakes(bench, seen, &unit),
            stretches,
            unit,
        }
    });
    all.collect()
}

fn stretches(bench: &Bench<'_>, seen: &Seen, unit: &UnitName) -> Vec<Stretch> {
    let before = seen.before.get(unit);
    let begun = Standing {
        from: seen.zero,
        to: seen.zero + seen.end,
        active: before.map_or(ActiveState::Inactive, |view| view.active),
        image: before.and_then(|view| view.process.as_ref().map(|process| process.image)),
        files: before.map_or(GONE, |view| view.files),
    };
    let all = begun.over(since(bench, seen), unit).into_iter();
    all.map(|standing| Stretch {
        from: standing.from - seen.zero,
        to: standing.to - seen.zero,
        active: standing.active,
        runs: standing.image.map(version),
        files: version(standing.files),
    })
    .collect()
}

/// What happened from the beginning on.
fn since<'a>(bench: &'a Bench<'_>, seen: &'a Seen) -> impl Iterator<Item = &'a Moment> {
    let moments = bench.machine.record().iter();
    moments.filter(|moment| moment.at >= seen.zero)
}

fn wakes(bench: &Bench<'_>, seen: &Seen, of: &UnitName) -> Vec<Wake> {
    let moments = since(bench, seen).filter(|moment| moment.at - seen.zero < seen.end);
    let woken = moments.filter_map(|moment| match &moment.what {
        Happened::Activated { unit, by } if unit == of => Some(Wake {
            at: moment.at - seen.zero,
            by: by.clone(),
        }),
        Happened::Activated { .. }
        | Happened::State { .. }
        | Happened::Suppressed { .. }
        | Happened::JobEnded { .. }
        | Happened::Files { .. }
        | Happened::LostDescriptors { .. }
        | Happened::Mark(_) => None,
    });
    woken.collect()
}

fn shown<'a>(bench: &'a Bench<'_>, seen: &'a Seen) -> impl Iterator<Item = &'a Connection> {
    let connections = bench.machine.connections().iter();
    connections.filter(|one| (seen.zero..seen.zero + seen.end).contains(&one.opened))
}

fn knocks(bench: &Bench<'_>, seen: &Seen) -> Vec<Knock> {
    let all = shown(bench, seen).map(|one| Knock {
        to: one.to.clone(),
        at: one.opened - seen.zero,
        met: match one.outcome {
            Outcome::Refused => Met::Refused,
            Outcome::Waiting => Met::Waiting,
            Outcome::Served { .. } if one.waited() > PROMPT => Met::Late,
            Outcome::Served { .. } => Met::Answered,
        },
    });
    all.collect()
}

fn finals(bench: &Bench<'_>, seen: &Seen, tracks: &[Track]) -> Vec<Final> {
    let all = tracks.iter().map(|track| {
        let view = bench.machine.view(&track.unit);
        let last = track.stretches.last();
        let before = seen.before.get(&track.unit);
        Final {
            unit: track.unit.clone(),
            active: last.map_or(ActiveState::Inactive, |last| last.active),
            runs: last.and_then(|last| last.runs),
            file: view.as_ref().map(|view| view.file.clone()),
            held: view.is_some_and(|view| view.held),
            was_active: before.map_or(ActiveState::Inactive, |view| view.active),
        }
    });
    all.collect()
}

fn figures(bench: &Bench<'_>, seen: &Seen, (tracks, windows): (&[Track], &[Window])) -> Figures {
    let answers = Answers::of(shown(bench, seen));
    let services = tracks
        .iter()
        .filter(|track| track.unit.kind() == UnitKind::Service);
    let total = |test: &dyn Fn(&Track, &Stretch) -> bool| -> u64 {
        let all = services.clone().flat_map(|track| {
            let stretches = track.stretches.iter();
            stretches.filter(move |stretch| test(track, stretch))
        });
        all.map(Stretch::length).sum::<Micros>() / MS
    };
    let ran = |track: &Track| {
        let before = seen.before.get(&track.unit);
        before.is_some_and(|view| view.active.is_active())
    };
    let open = windows.iter().map(|window| {
        let closed = window.closed.as_ref().map_or(seen.end, |edge| edge.at);
        closed.saturating_sub(window.opened.at)
    });
    Figures {
        woken_in_windows: windows.iter().map(|window| window.woken).sum(),
        connections: answers.opened,
        served: answers.served,
        refused: answers.refused,
        served_by_other_version: answers.by_other_version,
        longest_wait_ms: answers.longest_wait / MS,
        versions_together_ms: total(&|_, stretch| stretch.is_apart()),
        mixed_processes: mixed(tracks),
        down_ms: total(&|track, stretch| ran(track) && !stretch.active.is_active()),
        open_ms: open.sum::<Micros>() / MS,
    }
}

/// Processes that came up with some old and some new files.
fn mixed(tracks: &[Track]) -> usize {
    let began = |pair: &&[Stretch]| match pair {
        [before, after] => {
            let mixed = |one: &Stretch| one.runs == Some(Version::Mixed);
            let up = |one: &Stretch| one.active == ActiveState::Active;
            mixed(after) && up(after) && !(mixed(before) && up(before))
        }
        _ => false,
    };
    let each = tracks.iter();
    each.map(|track| track.stretches.windows(2).filter(began).count())
        .sum()
}
