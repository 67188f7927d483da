//! From the model's record to what a report shows: how each unit stood, the connections, the end, and what can
//! be counted. Reads the record and no more.

use crate::domain::{ActiveState, UnitKind, UnitName};
use crate::init::simulated::{Connection, Happened, Image, Micros, Moment, Outcome};

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

/// The unit that a moment is about, where it is about one.
fn about(moment: &Moment) -> Option<&UnitName> {
    match &moment.what {
        Happened::State { unit, .. }
        | Happened::Files { unit, .. }
        | Happened::Activated { unit, .. } => Some(unit),
        Happened::Suppressed { .. }
        | Happened::JobEnded { .. }
        | Happened::LostDescriptors { .. }
        | Happened::Mark(_) => None,
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
    let mut now = Stretch {
        from: 0,
        to: 0,
        active: before.map_or(ActiveState::Inactive, |view| view.active),
        runs: before.and_then(|view| view.process.as_ref().map(|p| version(p.image))),
        files: before.map_or(Version::Gone, |view| version(view.files)),
    };
    let mut all = Vec::new();
    for moment in since(bench, seen).filter(|moment| about(moment) == Some(unit)) {
        let at = moment.at - seen.zero;
        if at >= seen.end {
            break;
        }
        let mut next = now;
        match &moment.what {
            Happened::State { active, image, .. } => {
                (next.active, next.runs) = (*active, image.map(version));
                // what dpkg has brought comes with its files
                if next.files == Version::Gone {
                    next.files = image.map_or(next.files, version);
                }
            }
            Happened::Files { files, .. } => next.files = version(*files),
            Happened::Activated { .. }
            | Happened::Suppressed { .. }
            | Happened::JobEnded { .. }
            | Happened::LostDescriptors { .. }
            | Happened::Mark(_) => continue,
        }
        now.to = at;
        all.push(now);
        next.from = at;
        now = next;
    }
    now.to = seen.end;
    all.push(now);
    all.retain(|stretch| stretch.length() > 0);
    all
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
            Outcome::Served { .. } if waited(one) > PROMPT => Met::Late,
            Outcome::Served { .. } => Met::Answered,
        },
    });
    all.collect()
}

/// Microseconds until a connection had its answer; 0 where it got none.
fn waited(connection: &Connection) -> Micros {
    match (connection.outcome, connection.ended) {
        (Outcome::Served { .. }, Some(ended)) => ended.saturating_sub(connection.opened),
        (Outcome::Served { .. } | Outcome::Refused | Outcome::Waiting, _) => 0,
    }
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
    let connections: Vec<&Connection> = shown(bench, seen).collect();
    let count = |test: &dyn Fn(Outcome) -> bool| {
        let all = connections.iter();
        all.filter(|one| test(one.outcome)).count()
    };
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
        connections: connections.len(),
        served: count(&|outcome| matches!(outcome, Outcome::Served { .. })),
        refused: count(&|outcome| outcome == Outcome::Refused),
        served_by_other_version: count(
            &|outcome| matches!(outcome, Outcome::Served { by, files } if by != files),
        ),
        longest_wait_ms: connections.iter().map(|one| waited(one)).max().unwrap_or(0) / MS,
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
