//! The pieces that an SVG is put together of, from top to bottom. Whatever comes from a package is escaped here,
//! and nowhere else.

use std::fmt::Write as _;

use super::text::lines;
use crate::report::markup::escaped;

/// Width of the drawing, in its own units; a phone shows it at about this size.
pub(super) const WIDTH: f64 = 400.0;
/// Room at the left and at the right.
pub(super) const MARGIN: f64 = 10.0;
/// Characters of a line of text, of a heading, and of what is written with letters of one width.
const LETTERS: usize = 62;
const HEADING: usize = 50;
const CODE: usize = 60;
/// Height of a line of text.
const LINE: f64 = 14.0;

/// Colours and letters. A page can set `--rcp-...` itself for a choice of its own.
pub(super) const STYLE: &str = "\
.rcp{--rcp-page:#fff;--rcp-ink:#1d2127;--rcp-dim:#667080;--rcp-line:#c9d0d8;--rcp-old:#d08a1d;\
--rcp-new:#1f8a5b;--rcp-bad:#c93131;--rcp-up:#4a7bb5;max-width:860px;font-family:system-ui,sans-serif}\
@media(prefers-color-scheme:dark){.rcp{--rcp-page:#14171b;--rcp-ink:#e4e8ed;--rcp-dim:#98a3b0;\
--rcp-line:#3a424c;--rcp-old:#e0a343;--rcp-new:#45b883;--rcp-bad:#f0645f;--rcp-up:#76a5dc}}\
:root[data-theme=light] .rcp{--rcp-page:#fff;--rcp-ink:#1d2127;--rcp-dim:#667080;--rcp-line:#c9d0d8;\
--rcp-old:#d08a1d;--rcp-new:#1f8a5b;--rcp-bad:#c93131;--rcp-up:#4a7bb5}\
:root[data-theme=dark] .rcp{--rcp-page:#14171b;--rcp-ink:#e4e8ed;--rcp-dim:#98a3b0;--rcp-line:#3a424c;\
--rcp-old:#e0a343;--rcp-new:#45b883;--rcp-bad:#f0645f;--rcp-up:#76a5dc}\
.rcp text{fill:var(--rcp-ink);font-size:11px}.rcp .rcp-h{font-size:13px;font-weight:600}\
.rcp .rcp-dim{fill:var(--rcp-dim)}.rcp .rcp-red{fill:var(--rcp-bad)}\
.rcp .rcp-code{font-family:ui-monospace,monospace;font-size:10px}.rcp .rcp-small{font-size:9px}\
.rcp .rcp-in{fill:var(--rcp-page);font-size:9px;font-weight:600}.rcp .rcp-page{fill:var(--rcp-page)}\
.rcp .rcp-base{fill:var(--rcp-line)}.rcp .rcp-old{fill:var(--rcp-old)}.rcp .rcp-new{fill:var(--rcp-new)}\
.rcp .rcp-bad{fill:var(--rcp-bad)}.rcp .rcp-up{fill:var(--rcp-up)}.rcp .rcp-soft{opacity:.45}\
.rcp .rcp-step{fill:none;stroke:var(--rcp-dim)}.rcp .rcp-tick{stroke:var(--rcp-line)}\
.rcp .rcp-apart{fill:none;stroke:var(--rcp-bad);stroke-width:2}\
.rcp .rcp-open{fill:var(--rcp-bad);fill-opacity:.16;stroke:var(--rcp-bad);stroke-dasharray:3 2}";

/// A drawing that grows downwards.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    body: String,
    y: f64,
}

impl Drawing {
    pub(super) fn new() -> Self {
        Self {
            body: String::new(),
            y: 6.0,
        }
    }

    /// What was drawn.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// Its width and height.
    pub(super) fn size(&self) -> (f64, f64) {
        (WIDTH, (self.y + MARGIN).ceil())
    }

    /// How far down it goes.
    pub(super) fn y(&self) -> f64 {
        self.y
    }

    /// Leaves room.
    pub(super) fn down(&mut self, by: f64) {
        self.y += by;
    }

    /// A heading, in as many lines as it takes.
    pub(super) fn heading(&mut self, text: &str) {
        self.y += 6.0;
        for line in lines(text, HEADING) {
            self.y += 16.0;
            self.text("rcp-h", (MARGIN, self.y - 4.0), &line);
        }
    }

    /// Small print.
    pub(super) fn note(&mut self, text: &str) {
        self.paragraph("rcp-dim", text, LETTERS);
    }

    /// What is wrong.
    pub(super) fn alarm(&mut self, text: &str) {
        self.paragraph("rcp-red", text, LETTERS);
    }

    /// A command.
    pub(super) fn code(&mut self, text: &str) {
        self.paragraph("rcp-code", text, CODE);
    }

    fn paragraph(&mut self, class: &str, text: &str, most: usize) {
        for line in lines(text, most) {
            self.y += LINE;
            self.text(class, (MARGIN, self.y - 3.0), &line);
        }
    }

    /// A line of text whose left end is at a point.
    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = on_one_line(text);
        let _ = write!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    /// A line of text whose right end is at a point.
    pub(super) fn text_before(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = on_one_line(text);
        let _ = write!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{text}</text>"
        );
    }

    /// A box, with what is said of it where a pointer rests on it.
    pub(super) fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], title: &str) {
        let width = width.max(0.8);
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\""
        );
        match title {
            "" => self.body.push_str("/>"),
            title => {
                let title = on_one_line(title);
                let _ = write!(self.body, "><title>{title}</title></rect>");
            }
        }
    }

    /// An upright line.
    pub(super) fn line(&mut self, class: &str, x: f64, (from, to): (f64, f64)) {
        let _ = write!(
            self.body,
            "<path class=\"{class}\" d=\"M{x:.1} {from:.1}V{to:.1}\"/>"
        );
    }

    /// A mark that points up at `(x, y)`.
    pub(super) fn arrow(&mut self, (x, y): (f64, f64)) {
        let _ = write!(
            self.body,
            "<path class=\"rcp-bad\" d=\"M{x:.1} {y:.1}l3 6h-6z\"/>"
        );
    }

    /// What the colours mean.
    pub(super) fn legend(&mut self) {
        self.y += LINE + 4.0;
        let y = self.y;
        let all = [
            ("rcp-old", "old code"),
            ("rcp-new", "new code"),
            ("rcp-bad", "mixed"),
            ("rcp-up", "listens"),
            ("rcp-apart", "other code than files"),
            ("rcp-open", "window"),
        ];
        let mut x = MARGIN;
        for (class, text) in all {
            self.rect(class, [x, y - 8.0, 9.0, 8.0], "");
            self.text("rcp-small", (x + 12.0, y - 1.0), text);
            let letters = u32::try_from(text.len()).unwrap_or(u32::MAX);
            x += 20.0 + 4.6 * f64::from(letters);
        }
        self.y += 4.0;
    }
}

/// A text that goes over several lines is drawn as one.
pub(super) fn on_one_line(text: &str) -> String {
    escaped(&text.replace('\n', " "))
}
