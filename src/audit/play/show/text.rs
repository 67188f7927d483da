//! A play on a terminal: the calls, a timeline for each hand, the windows, the end, and the difference.

use std::io::{self, Write};

use crate::audit::play::{Carried, Play, Played, Stage};
use crate::report::plain::one_line;
use crate::report::timeline::{Charset, Look, Tone, paint};

use super::lanes;
use super::words::{
    command, crowd, differences, end, headline, place, remarks, window, worth_showing,
};

/// Columns of a line; longer ones are wrapped.
const WIDTH: usize = 79;
/// Ways of which more is told than their calls.
const IN_FULL: usize = 1;

/// Writes `play`.
///
/// # Errors
/// When `out` cannot be written to.
pub fn text(play: &Play, look: Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", one_line(&headline(play)))?;
    if !play.has_services() {
        return writeln!(
            out,
            "The package brings nothing that {} knows as a service.",
            play.init.as_str()
        );
    }
    let assumed = format!("{}; how long things take is assumed.", crowd(play));
    wrapped(&assumed, out)?;
    legend(look, out)?;
    for (number, played) in play.ways.iter().enumerate() {
        writeln!(out)?;
        way(play, (number, played), look, out)?;
    }
    if play.left_out > 0 {
        writeln!(out, "\n{} more ways were not played.", play.left_out)?;
    }
    for run in &play.unfollowed {
        let told = format!("Not all of `{run}` could be followed: calls may be missing.");
        writeln!(out)?;
        wrapped(&one_line(&told), out)?;
    }
    Ok(())
}

fn legend(look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (old, new) = match look.charset {
        Charset::Unicode => ("old──", "new━━"),
        Charset::Ascii => ("old--", "new=="),
    };
    let paint = |text: &str, tone| paint(text, tone, look.color);
    writeln!(
        out,
        "units    {} old code   {} new code   \\\\ stops   // starts   {} on demand\n\
         clients  {} answered   {} answered late   {} refused",
        paint(old, Tone::Warn),
        paint(new, Tone::Good),
        paint("^", Tone::Bad),
        paint(".", Tone::Dim),
        paint("w", Tone::Warn),
        paint("x", Tone::Bad),
    )
}

fn way(
    play: &Play,
    (number, played): (usize, &Played),
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    if play.ways.len() > 1 {
        writeln!(out, "WAY {} of {}", number + 1, play.ways.len())?;
    }
    for assumed in &played.assumed {
        let not = match assumed.held {
            true => "",
            false => "not ",
        };
        let script = assumed.place.script.as_str();
        let line = assumed.place.line;
        wrapped(
            &format!(
                "? assumed {not}to succeed, {script}:{line}: {}",
                assumed.text
            ),
            out,
        )?;
    }
    calls(played, out)?;
    if number < IN_FULL {
        stages(play, played, look, out)?;
    }
    differ(played, look, out)
}

fn calls(played: &Played, out: &mut dyn Write) -> io::Result<()> {
    if played.calls.is_empty() {
        return writeln!(out, "The scripts ask for nothing.");
    }
    let places = played.calls.iter().map(|called| place(called).len());
    let wide = places.max().unwrap_or_default();
    for (number, called) in played.calls.iter().enumerate() {
        let line = format!(
            "{:>3}  {:<wide$}  {}",
            number + 1,
            place(called),
            command(called)
        );
        writeln!(out, "{}", one_line(&line))?;
    }
    Ok(())
}

fn stages(play: &Play, played: &Played, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let longest = played.stock.end.max(played.ours.end);
    for (name, stage) in [
        ("STOCK  Debian's own tools", &played.stock),
        ("OURS   rcpolicy", &played.ours),
    ] {
        writeln!(out, "\n{name}")?;
        let shown = worth_showing(played);
        lanes::timeline(stage, &shown, longest).draw(look, out)?;
        let rest = stage.tracks.iter().filter(|track| !track.foreign).count();
        let rest = rest.saturating_sub(shown.len());
        if rest > 0 {
            writeln!(out, "  and {rest} units that nothing happens to")?;
        }
        for carried in &stage.carried {
            notes(carried, look, out)?;
        }
        for open in &stage.windows {
            let line = format!("{}: {}", open.unit, window(played, open));
            listed("window", (&line, Tone::Bad), look, out)?;
        }
        for remark in remarks(play, stage) {
            listed("so", (&remark, Tone::Bad), look, out)?;
        }
        figures(stage, look, out)?;
    }
    Ok(())
}

/// What is to be said of a call beside its jobs.
fn notes(carried: &Carried, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let number = carried
        .call
        .map_or("*".to_owned(), |call| (call + 1).to_string());
    for said in &carried.said {
        listed(&number, (said, Tone::Dim), look, out)?;
    }
    for job in &carried.jobs {
        if let Some(why) = &job.failed {
            let line = format!("{} of {} failed: {why}", job.verb, job.unit);
            listed(&number, (&line, Tone::Bad), look, out)?;
        }
    }
    Ok(())
}

fn figures(stage: &Stage, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let figures = &stage.figures;
    let line = format!(
        "down {} ms, windows open {} ms, started in them {}, refused {} of {}, old code on new files {} ms, \
         slowest answer {} ms",
        figures.down_ms,
        figures.open_ms,
        figures.woken_in_windows,
        figures.refused,
        figures.connections,
        figures.versions_together_ms,
        figures.longest_wait_ms,
    );
    listed("in all", (&line, Tone::Plain), look, out)
}

fn differ(played: &Played, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let differences = differences(played);
    writeln!(out, "\nIN THE END")?;
    let differing = |unit: &_| differences.iter().any(|(other, ..)| other == unit);
    for last in &played.stock.finals {
        let both = !differing(&last.unit) && worth_showing(played).contains(&last.unit);
        if both {
            writeln!(out, "  {}: {}, with both", last.unit, end(last))?;
        }
    }
    for (unit, stock, ours) in &differences {
        let line = format!("  {unit}: {stock}, with the stock tools; {ours}, with ours");
        writeln!(out, "{}", paint(&line, Tone::Warn, look.color))?;
    }
    Ok(())
}

fn listed(
    head: &str,
    (text, tone): (&str, Tone),
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let room = WIDTH.saturating_sub(11);
    let mut head = head;
    for line in lines(&one_line(text), room) {
        writeln!(out, "  {head:<8} {}", paint(&line, tone, look.color))?;
        head = "";
    }
    Ok(())
}

fn wrapped(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in lines(&one_line(text), WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// `text` in lines of at most `most` characters, broken at blanks where there are any.
pub(super) fn lines(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(most.max(1)) {
            let part: String = part.iter().collect();
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + part.chars().count() <= most => {
                    line.push(' ');
                    line.push_str(&part);
                }
                _ => lines.push(part),
            }
        }
    }
    lines
}
