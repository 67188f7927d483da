//! A play as one SVG: self-contained, dark and light as the reader has it, and narrow enough for a phone, so
//! names stand above their lanes. It needs no script and no network, and may stand within a page of HTML.

use std::fmt::Write as _;

use crate::audit::play::{Play, Played, Stage};

use super::drawing::{Drawing, STYLE, on_one_line};
use super::panel::panel;
use super::words::{
    command, crowd, differences, end, headline, place, remarks, window, worth_showing,
};

/// What calls are listed at most; more are counted.
const MOST_CALLS: usize = 60;

/// Draws `play`: the first of its ways in full, of the others what differs.
pub fn svg(play: &Play) -> String {
    let mut drawing = Drawing::new();
    drawing.heading(&headline(play));
    drawing.note(&format!(
        "{}; how long things take is assumed.",
        crowd(play)
    ));
    match play.ways.first() {
        Some(_) if !play.has_services() => {
            drawing.note("The package brings nothing that this init knows as a service.");
        }
        Some(played) => first(play, played, &mut drawing),
        None => {}
    }
    for (number, played) in play.ways.iter().enumerate().skip(1) {
        other(number, played, &mut drawing);
    }
    if play.left_out > 0 {
        drawing.note(&format!("{} more ways were not played.", play.left_out));
    }
    whole(&headline(play), &drawing)
}

fn first(play: &Play, played: &Played, drawing: &mut Drawing) {
    for assumed in &played.assumed {
        let not = if assumed.held { "" } else { "not " };
        let text = format!(
            "? assumed {not}to succeed, {}:{}: {}",
            assumed.place.script.as_str(),
            assumed.place.line,
            assumed.text
        );
        drawing.note(&text);
    }
    let longest = played.stock.end.max(played.ours.end);
    let shown = worth_showing(played);
    for (name, stage) in [
        ("With Debian's own tools", &played.stock),
        ("With rcpolicy", &played.ours),
    ] {
        drawing.heading(name);
        panel(played, stage, (&shown, longest), drawing);
        told(play, (played, stage), drawing);
    }
    drawing.legend();
    drawing.heading("In the end");
    for last in &played.stock.finals {
        let differs = differences(played)
            .iter()
            .any(|(unit, ..)| *unit == last.unit);
        if shown.contains(&last.unit) && !differs {
            drawing.note(&format!("{}: {}, with both", last.unit, end(last)));
        }
    }
    difference(played, drawing);
    drawing.heading("Calls");
    listed(played, drawing);
}

fn told(play: &Play, (played, stage): (&Played, &Stage), drawing: &mut Drawing) {
    for open in &stage.windows {
        drawing.alarm(&format!("{}: {}", open.unit, window(played, open)));
    }
    for remark in remarks(play, stage) {
        drawing.alarm(&remark);
    }
    let figures = &stage.figures;
    drawing.note(&format!(
        "down {} ms, windows open {} ms, started in them {}, refused {} of {}, old code on new files {} ms",
        figures.down_ms,
        figures.open_ms,
        figures.woken_in_windows,
        figures.refused,
        figures.connections,
        figures.versions_together_ms,
    ));
}

fn difference(played: &Played, drawing: &mut Drawing) {
    for (unit, stock, ours) in differences(played) {
        drawing.alarm(&format!(
            "{unit}: {stock}, with the stock tools; {ours}, with ours"
        ));
    }
}

fn listed(played: &Played, drawing: &mut Drawing) {
    for (number, called) in played.calls.iter().take(MOST_CALLS).enumerate() {
        drawing.note(&format!("{}  {}", number + 1, place(called)));
        drawing.code(&command(called));
    }
    let rest = played.calls.len().saturating_sub(MOST_CALLS);
    if rest > 0 {
        drawing.note(&format!("and {rest} more"));
    }
}

fn other(number: usize, played: &Played, drawing: &mut Drawing) {
    drawing.heading(&format!("Another way ({})", number + 1));
    for assumed in &played.assumed {
        let not = if assumed.held { "" } else { "not " };
        drawing.note(&format!("? assumed {not}to succeed: {}", assumed.text));
    }
    listed(played, drawing);
    difference(played, drawing);
}

fn whole(title: &str, drawing: &Drawing) -> String {
    let (width, height) = drawing.size();
    let mut text = String::new();
    let title = on_one_line(title);
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"rcp\" role=\"img\" width=\"100%\" \
         viewBox=\"0 0 {width} {height}\"><title>{title}</title><style>{STYLE}</style>\
         <rect class=\"rcp-page\" width=\"{width}\" height=\"{height}\"/>{}</svg>",
        drawing.body()
    );
    text
}
