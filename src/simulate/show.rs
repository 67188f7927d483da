//! What a reader sees of the played upgrades: an introduction, a timeline for each way, a table.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::ActiveState;
use crate::init::simulated::{Connection, Image, Micros, Outcome};
use crate::report::timeline::{Charset, Color, Fill, Lane, Look, Span, Timeline, Tone, paint};

use super::figures::{Figures, Stretch, stretches, version_word, waited, wakes};
use super::play::{Played, Way};
use super::scenario::{MS, NEW, OLD, Scenario};

/// An answer that took longer than this is shown as a wait.
const PROMPT: Micros = 5 * MS;

/// Writes timelines and table.
pub(super) fn text(
    scenario: &Scenario,
    played: &[Played],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    introduce(scenario, look, out)?;
    for one in played {
        let figures = Figures::of(scenario, one);
        writeln!(
            out,
            "\n{:<9}  {}",
            one.way.as_str().to_uppercase(),
            what(one.way)
        )?;
        timeline(scenario, one, look.charset).draw(look, out)?;
        let (remark, tone) = remark(&figures);
        writeln!(
            out,
            "  {:<9}{}",
            "outcome",
            paint(&remark, tone, look.color)
        )?;
    }
    writeln!(out)?;
    table(scenario, played, look.color, out)
}

fn introduce(scenario: &Scenario, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (thin, thick) = match look.charset {
        Charset::Unicode => ("──", "━━"),
        Charset::Ascii => ("--", "=="),
    };
    writeln!(
        out,
        "A package is upgraded while {} clients connect to its socket every {} ms.\n\
         Its prerm asks to stop {}, dpkg replaces the files, its postinst asks\n\
         to start it. Until then it should stay down, but a client may wake it through\n\
         its socket (Debian bug 736258). The same upgrade, simulated in {} ways:\n\n\
         old{thin} the old version runs   new{thick} the new one   \\ stopping   / starting\n\
         ^ woken too early   clients: . answered   w answered late   x refused",
        scenario.clients,
        scenario.every / MS,
        scenario.service,
        Way::ALL.len(),
    )
}

fn what(way: Way) -> &'static str {
    match way {
        Way::Stock => "as today: stop and start name the service alone",
        Way::Stop => "rcpolicy's default: the socket is stopped and started with it",
        Way::Quiesce => "rcpolicy, --quiesce: the socket goes on listening",
        Way::Restart => "rcpolicy, a rule says restart: no stop, one restart at the end",
    }
}

/// What the figures come to, in one line.
fn remark(figures: &Figures) -> (String, Tone) {
    let refused = figures.refused;
    if figures.version_at_end != "new" {
        let text = format!(
            "the new version is installed, but what runs is {}",
            figures.version_at_end
        );
        (text, Tone::Bad)
    } else if figures.mixed_processes > 0 {
        let text = "a process with some old and some new files ran".to_owned();
        (text, Tone::Warn)
    } else if refused > 0 {
        let text = format!("nothing ran in between; {refused} connections refused meanwhile");
        (text, Tone::Good)
    } else {
        let wait = figures.longest_wait_ms;
        let text = format!("nobody refused, the slowest answer took {wait} ms; old code ran on");
        (text, Tone::Good)
    }
}

fn timeline(scenario: &Scenario, played: &Played, charset: Charset) -> Timeline {
    let all = stretches(scenario, played);
    let mut lanes = vec![
        lane("dpkg", dpkg(scenario, played)),
        lane("files", files(&all)),
        lane("service", all.iter().map(stretch).collect()),
    ];
    let woken = wakes(scenario, played);
    if !woken.is_empty() {
        lanes.push(lane("", woken.iter().map(|at| wake(*at)).collect()));
    }
    lanes.push(lane("clients", clients(played.machine.connections())));
    let _ = charset;
    Timeline {
        from: played.zero,
        to: played.zero + scenario.end,
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

fn dpkg(scenario: &Scenario, played: &Played) -> Vec<Span> {
    let (from, to) = played.window;
    let _ = scenario;
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

fn files(all: &[Stretch]) -> Vec<Span> {
    let same = all.chunk_by(|one, other| one.files == other.files);
    same.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        let (fill, _) = line(first.files);
        let text = match first.files {
            Image::Mixed => "half old, half new",
            image @ Image::Whole(_) => version_word(Some(image)),
        };
        Some(span(first.from, last.to, fill, text, Tone::Dim))
    })
    .collect()
}

fn stretch(stretch: &Stretch) -> Span {
    let (fill, text, tone) = match (stretch.active, stretch.image) {
        (ActiveState::Activating, _) => (Fill::Char('/'), "", Tone::Dim),
        (ActiveState::Deactivating, _) => (Fill::Char('\\'), "", Tone::Dim),
        (_, None) => (Fill::Char(' '), "", Tone::Plain),
        (_, Some(image)) => {
            let (fill, tone) = line(image);
            (fill, version_word(Some(image)), tone)
        }
    };
    span(stretch.from, stretch.to, fill, text, tone)
}

fn wake(at: Micros) -> Span {
    span(
        at,
        at + 120 * MS,
        Fill::Char(' '),
        "^ woken by a client",
        Tone::Bad,
    )
}

/// Refusals cover waits, and both cover prompt answers, where they share a column.
fn clients(connections: &[Connection]) -> Vec<Span> {
    let mut spans: Vec<(u8, Span)> = Vec::new();
    for connection in connections {
        let (weight, char, tone) = match connection.outcome {
            Outcome::Refused => (2, 'x', Tone::Bad),
            Outcome::Served { .. } if waited(connection) > PROMPT => (1, 'w', Tone::Warn),
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
    writeln!(
        out,
        "           woken   refused  old code on  mixed  slowest  down  runs at\n\
         \x20          early   clients  new files     code   answer         the end"
    )?;
    for one in played {
        let f = Figures::of(scenario, one);
        let (_, tone) = remark(&f);
        writeln!(
            out,
            "{:<9} {:>6} {:>9} {:>9} ms {:>6} {:>5} ms {:>3} ms {}",
            f.way,
            f.woken_in_window,
            f.refused,
            f.versions_together_ms,
            f.mixed_processes,
            f.longest_wait_ms,
            f.down_ms,
            paint(&format!(" {}", f.version_at_end), tone, color),
        )?;
    }
    Ok(())
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
