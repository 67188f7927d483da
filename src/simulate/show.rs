//! What a reader sees of the played upgrades: an introduction, a timeline for each way, a table.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::ActiveState;
use crate::init::simulated::{Connection, Image, Micros, Outcome, Standing};
use crate::report::timeline::{Charset, Color, Fill, Lane, Look, Span, Timeline, Tone, paint};

use super::figures::{Figures, stretches, version_word, wakes};
use super::play::{Played, Way};
use super::scenario::{MS, NEW, OLD, Scenario};

/// An answer that took longer than this is shown as a wait.
const PROMPT: Micros = 5 * MS;
/// Microseconds between two marks of the time axis.
const TICK: usize = 50_000;

/// Whether the time axis is drawn; once is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Axis {
    Shown,
    Hidden,
}

/// Writes timelines and table.
pub(super) fn text(
    scenario: &Scenario,
    played: &[Played],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    introduce(scenario, look, out)?;
    let axes = std::iter::once(Axis::Shown).chain(std::iter::repeat(Axis::Hidden));
    for (one, axis) in played.iter().zip(axes) {
        let figures = Figures::of(scenario, one);
        let name = one.way.as_str().to_uppercase();
        writeln!(out, "\n{name:<11}{}", what(one.way))?;
        timeline(scenario, one, axis).draw(look, out)?;
        let (remark, tone) = remark(&figures);
        writeln!(out, "  {:<9}{}", "so", paint(&remark, tone, look.color))?;
    }
    writeln!(out)?;
    table(scenario, played, look.color, out)
}

fn introduce(scenario: &Scenario, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (old, new) = match look.charset {
        Charset::Unicode => ("old──", "new━━"),
        Charset::Ascii => ("old--", "new=="),
    };
    let paint = |text: &str, tone| paint(text, tone, look.color);
    writeln!(
        out,
        "{} is upgraded while {} clients connect to its socket, each every {} ms.\n\
         The old package's prerm asks to stop it, dpkg replaces its files, the new\n\
         package's postinst asks to start it. In between it should be down, but its\n\
         socket starts it again for the next client (Debian bug 736258).\n\
         The same upgrade, simulated in each of these ways:\n\n\
         service   {} old code runs   {} new code runs   \\\\ stopping   // starting\n\
         clients   {} answered   {} answered late   {} refused",
        scenario.service.stem(),
        scenario.clients,
        scenario.every / MS,
        paint(old, Tone::Warn),
        paint(new, Tone::Good),
        paint(".", Tone::Dim),
        paint("w", Tone::Warn),
        paint("x", Tone::Bad),
    )
}

fn what(way: Way) -> &'static str {
    match way {
        Way::Stock => "as today: the service alone is stopped and started",
        Way::Stop => "rcpolicy's default: the socket goes down and comes back with it",
        Way::Quiesce => "rcpolicy --quiesce: the socket listens on, so clients wait",
        Way::Restart => "a rule says restart: the stop is held, the start becomes a restart",
    }
}

/// What the figures come to, in one line.
fn remark(figures: &Figures) -> (String, Tone) {
    let Figures {
        refused,
        down_ms,
        longest_wait_ms,
        versions_together_ms: apart,
        ..
    } = figures;
    if figures.version_at_end != "new" {
        let runs = match figures.version_at_end {
            "nothing" => "nothing runs",
            "old" => "the old code goes on running",
            _ => "a mixture of old and new code runs",
        };
        return (
            format!("the new version is installed, but {runs}"),
            Tone::Bad,
        );
    }
    let clients = match refused {
        0 => format!("nobody refused, all within {longest_wait_ms} ms"),
        some => format!("{some} connections refused"),
    };
    match apart {
        0 => {
            let text = format!("down for {down_ms} ms, {clients}; only new code on new files");
            (text, Tone::Good)
        }
        some => {
            let text = format!("{clients}; old code on new files for {some} ms");
            (text, Tone::Warn)
        }
    }
}

fn timeline(scenario: &Scenario, played: &Played, axis: Axis) -> Timeline {
    let all = stretches(scenario, played);
    let (from, to) = (played.zero, played.zero + scenario.end);
    let mut lanes = Vec::new();
    match axis {
        Axis::Shown => lanes.push(lane("ms", ticks(from, to))),
        Axis::Hidden => {}
    }
    lanes.push(lane("dpkg", window(played)));
    lanes.push(lane("files", files(&all)));
    lanes.push(lane("service", services(&all)));
    let woken = wakes(scenario, played);
    if !woken.is_empty() {
        lanes.push(lane("", woken.iter().map(|at| wake(*at, to)).collect()));
    }
    lanes.push(lane("clients", clients(played.machine.connections())));
    Timeline {
        from,
        to,
        names: 8,
        lanes,
    }
}

fn lane(label: &str, spans: Vec<Span>) -> Lane {
    Lane {
        label: label.to_owned(),
        spans,
    }
}

fn span(from: Micros, to: Micros, fill: Fill, text: &str, tone: Tone) -> Span {
    Span {
        from,
        to,
        fill,
        text: text.to_owned(),
        tone,
    }
}

fn ticks(from: Micros, to: Micros) -> Vec<Span> {
    let times = (from..to).step_by(TICK);
    times
        .map(|at| {
            let text = ((at - from) / MS).to_string();
            span(at, at + TICK as Micros, Fill::Char(' '), &text, Tone::Dim)
        })
        .collect()
}

fn window(played: &Played) -> Vec<Span> {
    let (from, to) = played.window;
    let text = " prerm: stop ... postinst: start ";
    vec![span(from, to, Fill::Bracket, text, Tone::Plain)]
}

fn line(image: Image) -> (Fill, Tone) {
    match image {
        image if image == OLD => (Fill::Thin, Tone::Warn),
        image if image == NEW => (Fill::Thick, Tone::Good),
        Image::Mixed | Image::Whole(_) => (Fill::Broken, Tone::Bad),
    }
}

fn files(all: &[Standing]) -> Vec<Span> {
    let same = all.chunk_by(|one, other| one.files == other.files);
    same.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        let (fill, _) = line(first.files);
        let text = match first.files {
            Image::Mixed => "half and half",
            image @ Image::Whole(_) => version_word(Some(image)),
        };
        Some(span(first.from, last.to, fill, text, Tone::Dim))
    })
    .collect()
}

/// The service's stretches, each version named where it begins. Red is what runs on other files.
fn services(all: &[Standing]) -> Vec<Span> {
    let mut before = None;
    let spans = all.iter().map(|stretch| {
        let (fill, tone) = match (stretch.active, stretch.image) {
            (ActiveState::Activating, _) => (Fill::Char('/'), Tone::Dim),
            (ActiveState::Deactivating, _) => (Fill::Char('\\'), Tone::Dim),
            (_, None) => (Fill::Char(' '), Tone::Plain),
            (_, Some(image)) if image == stretch.files => line(image),
            (_, Some(image)) => (line(image).0, Tone::Bad),
        };
        let begins = before != Some((stretch.active, stretch.image));
        before = Some((stretch.active, stretch.image));
        let text = match (stretch.active, stretch.image) {
            (ActiveState::Active, Some(image)) if begins => version_word(Some(image)),
            _ => "",
        };
        span(stretch.from, stretch.to, fill, text, tone)
    });
    spans.collect()
}

fn wake(at: Micros, end: Micros) -> Span {
    let text = "^ started for a client";
    span(at, end, Fill::Char(' '), text, Tone::Bad)
}

/// Refusals cover waits, and both cover prompt answers, where they share a column.
fn clients(connections: &[Connection]) -> Vec<Span> {
    let mut spans: Vec<(u8, Span)> = Vec::new();
    for connection in connections {
        let (weight, char, tone) = match connection.outcome {
            Outcome::Refused => (2, 'x', Tone::Bad),
            Outcome::Served { .. } if connection.waited() > PROMPT => (1, 'w', Tone::Warn),
            Outcome::Served { .. } => (0, '.', Tone::Dim),
            Outcome::Waiting => (1, 'w', Tone::Bad),
        };
        let at = connection.opened;
        spans.push((weight, span(at, at, Fill::Char(char), "", tone)));
    }
    spans.sort_by_key(|(weight, _)| *weight);
    spans.into_iter().map(|(_, span)| span).collect()
}

fn table(
    scenario: &Scenario,
    played: &[Played],
    color: Color,
    out: &mut dyn Write,
) -> io::Result<()> {
    let heads = [
        [
            "",
            "started",
            "clients",
            "answered by",
            "old code on",
            "slowest",
            "",
            "runs at",
        ],
        [
            "",
            "between",
            "refused",
            "old code",
            "new files",
            "answer",
            "down",
            "the end",
        ],
    ];
    for head in heads {
        writeln!(out, "{}", row(head))?;
    }
    for one in played {
        let figures = Figures::of(scenario, one);
        let (_, tone) = remark(&figures);
        writeln!(out, "{}", paint(&figures_row(&figures), tone, color))?;
    }
    Ok(())
}

fn figures_row(figures: &Figures) -> String {
    let ms = |number: u64| format!("{number} ms");
    row([
        figures.way,
        &figures.woken_in_window.to_string(),
        &figures.refused.to_string(),
        &figures.served_by_other_version.to_string(),
        &ms(figures.versions_together_ms),
        &ms(figures.longest_wait_ms),
        &ms(figures.down_ms),
        figures.version_at_end,
    ])
}

fn row([way, started, refused, served, together, slowest, down, end]: [&str; 8]) -> String {
    format!(
        "{way:<8}{started:>8}{refused:>9}{served:>13}{together:>13}{slowest:>9}{down:>8}  {end}"
    )
}

#[derive(Serialize)]
struct Report<'a> {
    scenario: &'a str,
    seed: u64,
    clients: u32,
    every_ms: u64,
    ways: Vec<Figures>,
}

/// Writes the figures as one JSON object.
pub(super) fn json(scenario: &Scenario, played: &[Played], out: &mut dyn Write) -> io::Result<()> {
    let report = Report {
        scenario: scenario.service.stem(),
        seed: scenario.seed,
        clients: scenario.clients,
        every_ms: scenario.every / MS,
        ways: played.iter().map(|p| Figures::of(scenario, p)).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}
