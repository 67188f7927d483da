//! Findings for people, each with its source lines underlined as a compiler does it. What packages say
//! is made harmless before it is drawn. Pure.

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};

use super::about::{About, counted, word};
use super::seen::Seen;
use crate::audit::audited::{Audited, Counts, Unreadable};
use crate::audit::finding::{Finding, Severity, Spot};
use crate::report::plain::{lines, one_line};
use crate::report::timeline::{Charset, Color, Look};

/// Columns of running text.
const WIDTH: usize = 79;
/// Columns of source lines, which nothing is said beside.
const SOURCE_WIDTH: usize = 110;

/// Whether silenced findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Each, with its reason.
    Shown,
    /// They are only counted.
    Counted,
}

/// All that was found in a package; empty where there is nothing to say.
pub fn package(audited: &Audited, allowed: Allowed, look: Look) -> String {
    let shown = audited
        .findings
        .iter()
        .filter(|finding| finding.allowed.is_none() || allowed == Allowed::Shown);
    let mut text: String = shown
        .map(|finding| format!("{}\n\n", self::finding(finding, look)))
        .collect();
    for unread in &audited.unread {
        let name = format!("{} {}", audited.package, audited.version);
        let line = format!("{name}: not judged: {unread}");
        text.push_str(&format!("{}\n\n", in_charset(&one_line(&line), look)));
    }
    text
}

/// One that could not be read, in a line.
pub fn unreadable(unreadable: &Unreadable) -> String {
    one_line(&unreadable.error)
}

/// One finding, without a line's end behind it.
pub fn finding(finding: &Finding, look: Look) -> String {
    let of = format!("{} {}", finding.package, finding.version);
    let title = one_line(&format!("{}: {}", of, finding.message));
    let level = match (&finding.allowed, finding.severity) {
        (Some(_), _) => Level::INFO.with_name("allowed"),
        (None, Severity::Error) => Level::ERROR,
        (None, Severity::Warning) => Level::WARNING,
        (None, Severity::Note) => Level::NOTE,
    };
    let check = one_line(&finding.check);
    let titled = level.primary_title(title).id(check);
    let report = [Group::with_title(titled).elements(elements(finding))];
    in_charset(&renderer(look).render(&report), look)
}

fn elements(finding: &Finding) -> Vec<Element<'_>> {
    let mut elements: Vec<Element<'_>> = Vec::new();
    for (place, spot) in finding.spots.iter().enumerate() {
        let kind = match place {
            0 => AnnotationKind::Primary,
            _ => AnnotationKind::Context,
        };
        elements.extend(source(spot, kind));
    }
    for assumed in &finding.assumed {
        let text = format!("assumed: {}", one_line(assumed));
        elements.push(Level::NOTE.message(text).into());
    }
    if let Some(reason) = &finding.allowed {
        let text = format!("allowed: {}", one_line(reason));
        elements.push(Level::NOTE.message(text).into());
    } else if !finding.suggestion.is_empty() {
        let text = lines(finding.suggestion.trim_end());
        elements.push(Level::HELP.message(text).into());
    }
    elements
}

/// Where it stands, and the line itself where there is one.
fn source(spot: &Spot, kind: AnnotationKind) -> Vec<Element<'_>> {
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let seen = Seen::of(spot);
    let (file, line) = (one_line(&spot.file), number(spot.line));
    let column = number(spot.column.max(1));
    let label = (!spot.label.is_empty()).then(|| one_line(&spot.label));
    if seen.line().trim().is_empty() {
        let place = Origin::path(file).line(line).char_column(column);
        let label = label.map(|label| Level::NOTE.message(label).into());
        return [place.into()].into_iter().chain(label).collect();
    }
    let (from, to) = (seen.before.len(), seen.before.len() + seen.meant.len());
    let annotation: Annotation<'_> = kind.span(from..to).label(label);
    let snippet = Snippet::source(seen.line()).line_start(line);
    // The column is counted in what is shown: of a line that was cut it is told apart.
    if seen.before.chars().count() + 1 == column {
        return vec![snippet.path(file).annotation(annotation).into()];
    }
    let place = Origin::path(file).line(line).char_column(column);
    vec![place.into(), snippet.annotation(annotation).into()]
}

fn renderer(look: Look) -> Renderer {
    let renderer = match look.color {
        Color::Ansi => Renderer::styled().hyperlink(false),
        Color::None => Renderer::plain(),
    };
    renderer.term_width(SOURCE_WIDTH)
}

/// A terminal that has only ASCII gets nothing else.
fn in_charset(text: &str, look: Look) -> String {
    let fitting = |c: char| match (look.charset, c) {
        (Charset::Unicode, c) => c,
        (Charset::Ascii, c) if c.is_ascii() => c,
        (Charset::Ascii, '…') => '~',
        (Charset::Ascii, _) => '?',
    };
    text.chars().map(fitting).collect()
}

/// What it came to, in one line.
pub fn summary(packages: usize, unreadable: usize, counts: Counts) -> String {
    let mut found = Vec::new();
    for (number, noun) in [
        (counts.errors, "error"),
        (counts.warnings, "warning"),
        (counts.notes, "note"),
    ] {
        if number > 0 {
            found.push(counted(number, noun));
        }
    }
    let found = match found.is_empty() {
        true => "nothing found".to_owned(),
        false => found.join(", "),
    };
    let allowed = match counts.allowed {
        0 => String::new(),
        number => format!("; {number} allowed"),
    };
    let broken = match unreadable {
        0 => String::new(),
        number => format!("; {number} could not be read"),
    };
    format!("{}: {found}{allowed}{broken}", counted(packages, "package"))
}

/// All that there is to know of a check.
pub fn explanation(about: &About<'_>, look: Look) -> String {
    let mut text = format!("{} ({})\n", about.id, word(about.severity));
    for part in [about.title, about.explanation, about.change] {
        if !part.is_empty() {
            text.push_str(&format!("\n{}\n", filled(part)));
        }
    }
    in_charset(&text, look)
}

/// A line for each check.
pub fn list(checks: &[About<'_>], look: Look) -> String {
    let width = checks.iter().map(|about| about.id.len()).max().unwrap_or(0);
    let line = |about: &About<'_>| {
        let severity = word(about.severity);
        format!("{:<width$}  {severity:<7}  {}\n", about.id, about.title)
    };
    in_charset(&checks.iter().map(line).collect::<String>(), look)
}

/// Running text in lines; what is indented stays as it is.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for line in text.lines() {
        if line.is_empty() || line.starts_with(' ') {
            let end = if column > 0 { "\n" } else { "" };
            out.push_str(&format!("{end}{line}\n"));
            column = 0;
            continue;
        }
        for word in line.split_whitespace() {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > WIDTH {
                out.push('\n');
                column = 0;
            }
            if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += width;
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests;
