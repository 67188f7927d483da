//! The lanes of a terminal's timeline: dpkg's steps, the calls, the files, each unit, its clients.

use std::collections::BTreeSet;

use crate::audit::play::{Knock, Met, Stage, Stretch, Track, Version, Window};
use crate::domain::{ActiveState, UnitKind, UnitName};
use crate::init::simulated::Micros;
use crate::report::timeline::{Fill, Lane, Span, Timeline, Tone};

use super::words::{MS, in_order};

/// Columns of the names.
const NAMES: usize = 20;
/// Marks of the time axis, at most.
const MARKS: u64 = 8;

/// The timeline of a stage up to `end`.
pub(super) fn timeline(stage: &Stage, shown: &BTreeSet<UnitName>, end: Micros) -> Timeline {
    let mut lanes = vec![
        lane("ms", ticks(end)),
        lane("dpkg", phases(stage)),
        lane("calls", calls(stage)),
    ];
    let tracks = in_order(stage, shown);
    lanes.extend(files(&tracks).map(|spans| lane("files", spans)));
    for track in tracks {
        lanes.push(lane(track.unit.as_str(), unit(track)));
        let woken: Vec<Span> = track.wakes.iter().map(|wake| woken(wake.at)).collect();
        if !woken.is_empty() {
            lanes.push(lane("", woken));
        }
        let open: Vec<Span> = windows(stage, &track.unit)
            .map(|one| open(one, end))
            .collect();
        if !open.is_empty() {
            lanes.push(lane("  window", open));
        }
        let knocks = clients(stage, &track.unit);
        if !knocks.is_empty() {
            lanes.push(lane("  clients", knocks));
        }
    }
    Timeline {
        from: 0,
        to: end,
        names: NAMES,
        lanes,
    }
}

fn lane(label: &str, spans: Vec<Span>) -> Lane {
    Lane {
        label: label.to_owned(),
        spans,
    }
}

fn span((from, to): (Micros, Micros), fill: Fill, text: &str, tone: Tone) -> Span {
    Span {
        from,
        to,
        fill,
        text: text.to_owned(),
        tone,
    }
}

/// Milliseconds between two marks of an axis of this length: 50, 100, 200, 500, 1000 ...
pub(super) fn tick(end: Micros) -> Micros {
    let steps = [50, 100, 200, 500, 1000, 2000, 5000, 10_000];
    let wide = |step: &&u64| end / (**step * MS) <= MARKS;
    steps
        .iter()
        .find(wide)
        .copied()
        .unwrap_or(end / MS / MARKS)
        .max(1)
        * MS
}

fn ticks(end: Micros) -> Vec<Span> {
    let step = tick(end);
    let times = (0..end).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    times
        .map(|at| {
            let text = (at / MS).to_string();
            span((at, at + step), Fill::Char(' '), &text, Tone::Dim)
        })
        .collect()
}

fn phases(stage: &Stage) -> Vec<Span> {
    let all = stage.phases.iter().map(|phase| {
        let script = phase.what.split(' ').next().unwrap_or_default();
        span((phase.from, phase.to), Fill::Bracket, script, Tone::Plain)
    });
    all.collect()
}

/// Each call by its number, from 1.
fn calls(stage: &Stage) -> Vec<Span> {
    let all = stage.carried.iter().map(|carried| {
        let failed = carried.jobs.iter().any(|job| job.failed.is_some());
        let text = carried
            .call
            .map_or("*".to_owned(), |call| (call + 1).to_string());
        let tone = match failed {
            true => Tone::Bad,
            false => Tone::Plain,
        };
        span((carried.from, carried.to), Fill::Char('.'), &text, tone)
    });
    all.collect()
}

/// The files of the package are replaced all at once: those of its first unit stand for all.
fn files(tracks: &[&Track]) -> Option<Vec<Span>> {
    let own = tracks.iter().find(|track| !track.foreign)?;
    let same = own
        .stretches
        .chunk_by(|one, other| one.files == other.files);
    let spans = same.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        let fill = match first.files {
            Version::Old => Fill::Thin,
            Version::New => Fill::Thick,
            Version::Mixed => Fill::Broken,
            Version::Gone => Fill::Char(' '),
        };
        let text = match first.files {
            Version::Mixed => "half",
            Version::Old | Version::New | Version::Gone => first.files.as_str(),
        };
        Some(span((first.from, last.to), fill, text, Tone::Dim))
    });
    Some(spans.collect())
}

fn unit(track: &Track) -> Vec<Span> {
    let mut before = None;
    let all = track.stretches.iter().map(|stretch| {
        let begins = before != Some((stretch.active, stretch.runs));
        before = Some((stretch.active, stretch.runs));
        let (fill, tone) = look(track, stretch);
        let text = match (stretch.active, stretch.runs) {
            (ActiveState::Active, Some(version)) if begins => version.as_str(),
            _ => "",
        };
        span((stretch.from, stretch.to), fill, text, tone)
    });
    all.collect()
}

fn look(track: &Track, stretch: &Stretch) -> (Fill, Tone) {
    let tone = match stretch.runs {
        _ if stretch.is_apart() && !track.foreign => Tone::Bad,
        Some(Version::Old) => Tone::Warn,
        Some(Version::New) => Tone::Good,
        Some(Version::Mixed | Version::Gone) => Tone::Bad,
        None => Tone::Plain,
    };
    match (stretch.active, stretch.runs) {
        (ActiveState::Activating, _) => (Fill::Char('/'), Tone::Dim),
        (ActiveState::Deactivating, _) => (Fill::Char('\\'), Tone::Dim),
        (ActiveState::Failed, _) => (Fill::Char('!'), Tone::Bad),
        (ActiveState::Inactive, _) => (Fill::Char(' '), Tone::Plain),
        (_, Some(Version::New)) => (Fill::Thick, tone),
        (_, Some(Version::Mixed)) => (Fill::Broken, tone),
        (_, Some(Version::Old | Version::Gone) | None) => (Fill::Thin, tone),
    }
}

fn woken(at: Micros) -> Span {
    span((at, at), Fill::Char('^'), "", Tone::Bad)
}

fn windows<'a>(stage: &'a Stage, unit: &'a UnitName) -> impl Iterator<Item = &'a Window> {
    stage
        .windows
        .iter()
        .filter(move |window| window.unit == *unit)
}

fn open(window: &Window, end: Micros) -> Span {
    let to = window.closed.as_ref().map_or(end, |edge| edge.at);
    span((window.opened.at, to), Fill::Bracket, " open ", Tone::Bad)
}

/// Refusals cover waits, and both cover prompt answers, where they share a column.
fn clients(stage: &Stage, of: &UnitName) -> Vec<Span> {
    let listens = matches!(of.kind(), UnitKind::Socket | UnitKind::Service);
    let mut knocks: Vec<&Knock> = stage
        .knocks
        .iter()
        .filter(|knock| listens && knock.to == *of)
        .collect();
    knocks.sort_by_key(|knock| weight(knock.met));
    let spans = knocks.iter().map(|knock| {
        let (char, tone) = match knock.met {
            Met::Answered => ('.', Tone::Dim),
            Met::Late => ('w', Tone::Warn),
            Met::Waiting => ('w', Tone::Bad),
            Met::Refused => ('x', Tone::Bad),
        };
        span((knock.at, knock.at), Fill::Char(char), "", tone)
    });
    spans.collect()
}

fn weight(met: Met) -> u8 {
    match met {
        Met::Answered => 0,
        Met::Late => 1,
        Met::Waiting => 2,
        Met::Refused => 3,
    }
}
