//! Draws lanes of time, left to right, into a given width. It knows nothing of what they show.
//! It never asks whether it writes to a terminal: who calls it says how it may look.

use std::io::{self, Write};

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// ANSI colours.
    Ansi,
    /// None.
    None,
}

/// Which characters lines are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Box drawing characters.
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// How things may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colours.
    pub color: Color,
    /// Characters.
    pub charset: Charset,
}

/// What a stretch or a point means; it becomes a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// In the background.
    Dim,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
}

/// What a stretch of time is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// A thin line.
    Thin,
    /// A thick line.
    Thick,
    /// A broken line.
    Broken,
    /// This character.
    Char(char),
    /// A thin line between two ends.
    Bracket,
}

/// A stretch of time, or a point where both ends are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// What it is drawn with.
    pub fill: Fill,
    /// Written into it where there is room.
    pub text: String,
    /// What it means.
    pub tone: Tone,
}

/// One row. Later spans cover earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name, on the left.
    pub label: String,
    /// What is on it.
    pub spans: Vec<Span>,
}

/// Rows over one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The time at the left end.
    pub from: u64,
    /// The time at the right end.
    pub to: u64,
    /// Columns that names have; longer ones are cut.
    pub names: usize,
    /// The rows.
    pub lanes: Vec<Lane>,
}

/// Columns around a name: indentation, and a space behind it.
const AROUND: usize = 3;
/// Columns in all.
const WIDTH: usize = 79;

type Cell = (char, Tone);

impl Timeline {
    /// Writes all lanes.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn draw(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        for lane in &self.lanes {
            let mut row = vec![(' ', Tone::Plain); self.columns()];
            for span in &lane.spans {
                self.put(span, look.charset, &mut row);
            }
            while row.last().is_some_and(|(char, _)| *char == ' ') {
                row.pop();
            }
            let name = cut(&lane.label, self.names);
            write!(out, "  {name:<width$}", width = self.names + 1)?;
            write_row(&row, look.color, out)?;
            writeln!(out)?;
        }
        Ok(())
    }

    /// Columns of a lane.
    fn columns(&self) -> usize {
        WIDTH.saturating_sub(self.names + AROUND)
    }

    fn column(&self, time: u64) -> usize {
        let columns = self.columns();
        let length = self.to.saturating_sub(self.from).max(1);
        let offset = time.saturating_sub(self.from).min(length);
        let wide = u128::from(offset) * columns as u128 / u128::from(length);
        usize::try_from(wide).unwrap_or(columns)
    }

    /// A span has one column at least.
    fn put(&self, span: &Span, charset: Charset, row: &mut [Cell]) {
        let from = self.column(span.from).min(row.len().saturating_sub(1));
        let to = self.column(span.to).max(from + 1);
        let Some(cells) = row.get_mut(from..to.min(self.columns())) else {
            return;
        };
        let length = cells.len();
        for (place, cell) in cells.iter_mut().enumerate() {
            *cell = (glyph(span.fill, charset, place, length), span.tone);
        }
        let text = span.text.chars().count();
        let (room, start) = match span.fill {
            Fill::Bracket => (length.saturating_sub(2), length.saturating_sub(text) / 2),
            Fill::Thin | Fill::Thick | Fill::Broken | Fill::Char(_) => (length, 0),
        };
        if text <= room {
            for (cell, char) in cells.iter_mut().skip(start).zip(span.text.chars()) {
                *cell = (char, span.tone);
            }
        }
    }
}

/// `name`, with a mark where its end is cut off.
fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept: String = name.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}~")
}

fn glyph(fill: Fill, charset: Charset, place: usize, length: usize) -> char {
    match (fill, charset) {
        (Fill::Char(char), _) => char,
        (Fill::Bracket, Charset::Unicode) if place == 0 => '├',
        (Fill::Bracket, Charset::Unicode) if place + 1 == length => '┤',
        (Fill::Bracket, Charset::Ascii) if place == 0 => '[',
        (Fill::Bracket, Charset::Ascii) if place + 1 == length => ']',
        (Fill::Bracket | Fill::Thin, Charset::Unicode) => '─',
        (Fill::Bracket | Fill::Thin, Charset::Ascii) => '-',
        (Fill::Thick, Charset::Unicode) => '━',
        (Fill::Thick, Charset::Ascii) => '=',
        (Fill::Broken, Charset::Unicode) => '╌',
        (Fill::Broken, Charset::Ascii) => '~',
    }
}

fn write_row(row: &[Cell], color: Color, out: &mut dyn Write) -> io::Result<()> {
    for run in row.chunk_by(|one, other| one.1 == other.1) {
        let text: String = run.iter().map(|(char, _)| char).collect();
        let tone = run.first().map_or(Tone::Plain, |(_, tone)| *tone);
        write!(out, "{}", paint(&text, tone, color))?;
    }
    Ok(())
}

/// `text` in the colour of `tone`.
pub fn paint(text: &str, tone: Tone, color: Color) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Dim => "2",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "1;31",
    };
    match color {
        Color::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Color::None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u64, to: u64, fill: Fill, text: &str) -> Span {
        Span {
            from,
            to,
            fill,
            text: text.to_owned(),
            tone: Tone::Bad,
        }
    }

    fn drawn(spans: Vec<Span>, look: Look) -> String {
        let lanes = vec![Lane {
            label: "lane".to_owned(),
            spans,
        }];
        let mut out = Vec::new();
        let timeline = Timeline {
            from: 0,
            to: 680,
            names: 8,
            lanes,
        };
        timeline.draw(look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const PLAIN: Look = Look {
        color: Color::None,
        charset: Charset::Ascii,
    };

    #[test]
    fn a_span_covers_its_time_and_carries_its_text_where_there_is_room() {
        let line = drawn(vec![span(100, 200, Fill::Thin, "old")], PLAIN);
        assert_eq!(line, "  lane               old-------\n");
        let line = drawn(vec![span(100, 120, Fill::Thin, "old")], PLAIN);
        assert_eq!(line, "  lane               --\n");
        let line = drawn(vec![span(0, 100, Fill::Bracket, "dpkg")], PLAIN);
        assert_eq!(line, "  lane     [--dpkg--]\n");
    }

    #[test]
    fn a_point_has_one_column_and_time_outside_stays_inside() {
        let line = drawn(vec![span(50, 50, Fill::Char('x'), "")], PLAIN);
        assert_eq!(line, "  lane          x\n");
        let line = drawn(vec![span(900, 9000, Fill::Char('x'), "")], PLAIN);
        assert_eq!(line.trim_end().len(), WIDTH);
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_and_marked() {
        assert_eq!(cut("acpid.service", 8), "acpid.s~");
        assert_eq!(cut("acpid.so", 8), "acpid.so");
    }

    #[test]
    fn colours_are_used_only_where_they_are_asked_for() {
        let red = Look {
            color: Color::Ansi,
            charset: Charset::Unicode,
        };
        let spans = vec![span(0, 20, Fill::Thick, "")];
        assert!(drawn(spans.clone(), red).contains("\u{1b}[1;31m━━\u{1b}[0m"));
        assert!(!drawn(spans, PLAIN).contains('\u{1b}'));
    }
}
