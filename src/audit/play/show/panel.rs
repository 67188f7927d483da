//! One hand's lanes in the SVG: a lane a row, its name above it.

use std::collections::BTreeSet;

use crate::audit::play::{Met, Played, Stage, Stretch, Track, Version};
use crate::domain::{ActiveState, UnitKind, UnitName};
use crate::init::simulated::Micros;

use super::drawing::{Drawing, MARGIN, WIDTH};
use super::lanes::tick;
use super::words::{MS, command, in_order, place, state};

/// Width of a lane.
const WIDE: f64 = WIDTH - 2.0 * MARGIN;
/// Height of a bar.
const BAR: f64 = 11.0;
/// Least width of a box that has words in it, for each letter.
const LETTER: f64 = 5.2;

/// Draws one stage over `longest` microseconds.
pub(super) fn panel(
    played: &Played,
    stage: &Stage,
    (shown, longest): (&BTreeSet<UnitName>, Micros),
    drawing: &mut Drawing,
) {
    let scale = Scale { longest };
    axis(scale, drawing);
    phases(stage, scale, drawing);
    calls(played, stage, scale, drawing);
    let tracks = in_order(stage, shown);
    for track in tracks {
        unit(stage, track, scale, drawing);
    }
    drawing.down(4.0);
}

/// Where a time lies.
#[derive(Clone, Copy)]
struct Scale {
    longest: Micros,
}

impl Scale {
    fn x(self, at: Micros) -> f64 {
        MARGIN + self.width(at)
    }

    fn width(self, span: Micros) -> f64 {
        // Thousandths are fine enough, and fit.
        let part = u128::from(span) * 1_000_000 / u128::from(self.longest.max(1));
        let part = u32::try_from(part.min(1_000_000)).unwrap_or(1_000_000);
        WIDE * f64::from(part) / 1_000_000.0
    }

    fn bar(self, from: Micros, to: Micros, (y, height): (f64, f64)) -> [f64; 4] {
        [self.x(from), y, self.width(to.saturating_sub(from)), height]
    }
}

fn axis(scale: Scale, drawing: &mut Drawing) {
    drawing.down(12.0);
    let y = drawing.y();
    let step = tick(scale.longest);
    let times = (0..scale.longest).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    for at in times {
        let unit = if at == 0 { " ms" } else { "" };
        let x = scale.x(at);
        drawing.line("rcp-tick", x, (y - 8.0, y + 4.0));
        drawing.text(
            "rcp-small rcp-dim",
            (x + 2.0, y),
            &format!("{}{unit}", at / MS),
        );
    }
    drawing.down(5.0);
}

fn phases(stage: &Stage, scale: Scale, drawing: &mut Drawing) {
    let y = drawing.y();
    for phase in &stage.phases {
        let place = scale.bar(phase.from, phase.to, (y, 13.0));
        let span = format!(
            "{}, {} to {} ms",
            phase.what,
            phase.from / MS,
            phase.to / MS
        );
        drawing.rect("rcp-step", place, &span);
        let script = phase.what.split(' ').next().unwrap_or_default();
        inside("rcp-small", script, place, drawing);
    }
    drawing.down(15.0);
}

/// `text` in a box that has room for it.
fn inside(class: &str, text: &str, [x, y, width, height]: [f64; 4], drawing: &mut Drawing) {
    let letters = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if f64::from(letters) * LETTER + 2.0 <= width {
        drawing.text(class, (x + 2.0, y + height - 3.0), text);
    }
}

/// Each call's number, those that would cover another left out.
fn calls(played: &Played, stage: &Stage, scale: Scale, drawing: &mut Drawing) {
    let y = drawing.y();
    let mut free = f64::MIN;
    for carried in &stage.carried {
        let called = carried.call.and_then(|call| played.calls.get(call));
        let what = called.map_or("what was put off".to_owned(), |called| {
            format!("{}: {}", place(called), command(called))
        });
        let failed = carried.jobs.iter().any(|job| job.failed.is_some());
        let class = if failed { "rcp-bad" } else { "rcp-base" };
        let jobs = carried
            .jobs
            .iter()
            .map(|job| format!("{} {}", job.verb, job.unit));
        let said: Vec<String> = jobs.chain(carried.said.iter().cloned()).collect();
        let title = format!("{what}: {}", said.join("; "));
        drawing.rect(class, scale.bar(carried.from, carried.to, (y, 3.0)), &title);
        let x = scale.x(carried.from);
        if x >= free {
            let number = carried
                .call
                .map_or("*".to_owned(), |call| (call + 1).to_string());
            drawing.text("rcp-small", (x, y + 12.0), &number);
            free = x + 12.0;
        }
    }
    drawing.down(14.0);
}

fn unit(stage: &Stage, track: &Track, scale: Scale, drawing: &mut Drawing) {
    drawing.down(13.0);
    let y = drawing.y();
    drawing.text("", (MARGIN, y - 3.0), track.unit.as_str());
    if !track.wakes.is_empty() {
        let text = format!("started on demand: {}", track.wakes.len());
        drawing.text_before("rcp-small rcp-red", (WIDTH - MARGIN, y - 3.0), &text);
    }
    let base = [MARGIN, y + BAR / 2.0 - 0.5, WIDE, 1.0];
    drawing.rect("rcp-base", base, "");
    for stretch in &track.stretches {
        bar(track, stretch, scale, drawing);
    }
    for window in stage
        .windows
        .iter()
        .filter(|window| window.unit == track.unit)
    {
        let to = window.closed.as_ref().map_or(stage.end, |edge| edge.at);
        let place = scale.bar(window.opened.at, to, (y - 1.0, BAR + 2.0));
        let title = format!("window, {} to {} ms", window.opened.at / MS, to / MS);
        drawing.rect("rcp-open", place, &title);
    }
    drawing.down(BAR + 1.0);
    let y = drawing.y();
    for wake in &track.wakes {
        drawing.arrow((scale.x(wake.at), y));
    }
    if !track.wakes.is_empty() {
        drawing.down(7.0);
    }
    clients(stage, &track.unit, scale, drawing);
}

fn bar(track: &Track, stretch: &Stretch, scale: Scale, drawing: &mut Drawing) {
    let y = drawing.y();
    let service = track.unit.kind() == UnitKind::Service;
    let class = match (stretch.active, stretch.runs) {
        (ActiveState::Inactive, _) => return,
        (ActiveState::Failed, _) | (_, Some(Version::Mixed | Version::Gone)) => "rcp-bad",
        (_, Some(Version::Old)) => "rcp-old",
        (_, Some(Version::New)) => "rcp-new",
        (_, None) => "rcp-up",
    };
    let moving = matches!(
        stretch.active,
        ActiveState::Activating | ActiveState::Deactivating
    );
    let class = if moving {
        format!("{class} rcp-soft")
    } else {
        class.to_owned()
    };
    let (top, height) = match service {
        true => (y, BAR),
        false => (y + BAR / 2.0 - 2.0, 4.0),
    };
    let place = scale.bar(stretch.from, stretch.to, (top, height));
    let words = state(stretch.active, stretch.runs);
    let title = format!("{words}, {} to {} ms", stretch.from / MS, stretch.to / MS);
    drawing.rect(&class, place, &title);
    if let Some(version) = stretch.runs.filter(|_| !moving) {
        inside("rcp-in", version.as_str(), place, drawing);
    }
    if stretch.is_apart() && !track.foreign {
        drawing.rect(
            "rcp-apart",
            scale.bar(stretch.from, stretch.to, (y + BAR, 1.0)),
            "",
        );
    }
}

/// One mark a column: the worst that a client met there.
fn clients(stage: &Stage, unit: &UnitName, scale: Scale, drawing: &mut Drawing) {
    let of_unit = stage.knocks.iter().filter(|knock| knock.to == *unit);
    let mut columns: std::collections::BTreeMap<u32, Met> = std::collections::BTreeMap::new();
    for knock in of_unit {
        let worst = columns.entry(column(scale, knock.at)).or_insert(knock.met);
        if weight(knock.met) > weight(*worst) {
            *worst = knock.met;
        }
    }
    if columns.is_empty() {
        return;
    }
    let y = drawing.y() + 2.0;
    for (column, met) in columns {
        let (class, height) = match met {
            Met::Answered => ("rcp-base", 3.0),
            Met::Late => ("rcp-old", 5.0),
            Met::Waiting => ("rcp-bad", 5.0),
            Met::Refused => ("rcp-bad", 7.0),
        };
        let x = MARGIN + f64::from(column) * COLUMN;
        drawing.rect(class, [x, y, COLUMN - 0.4, height], "");
    }
    drawing.down(10.0);
}

/// Marks beside each other, and the width of one.
const COLUMNS: u32 = 190;
const COLUMN: f64 = WIDE / COLUMNS as f64;

fn column(scale: Scale, at: Micros) -> u32 {
    let found = u128::from(at) * u128::from(COLUMNS) / u128::from(scale.longest.max(1));
    u32::try_from(found).unwrap_or(COLUMNS).min(COLUMNS)
}

fn weight(met: Met) -> u8 {
    match met {
        Met::Answered => 0,
        Met::Late => 1,
        Met::Waiting => 2,
        Met::Refused => 3,
    }
}
