//! Problems of policy files, as `rcpolicy check` shows them: the message, the line, a caret under it.
//! Writes to whatever it is given; counting and exit statuses are the caller's.

use std::io::{self, Write};

use crate::policy::{Place, Problem};

/// Writes every problem of `problems`.
///
/// # Errors
/// When `out` takes no more.
pub fn render(out: &mut dyn Write, problems: &[Problem]) -> io::Result<()> {
    for problem in problems {
        let message: String = problem.to_string().chars().map(printable).collect();
        writeln!(out, "{message}")?;
        if let Some(place) = &problem.place {
            line(out, place)?;
        }
    }
    Ok(())
}

/// The line and the caret. A tab of the line is a tab before the caret too.
fn line(out: &mut dyn Write, place: &Place) -> io::Result<()> {
    let shown: String = place.shown.chars().map(shown).collect();
    let indent: String = shown
        .chars()
        .take(place.before)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    // at the very end of a line the caret stands behind it
    let missing = " ".repeat(place.before.saturating_sub(indent.chars().count()));
    let carets = "^".repeat(place.width);
    writeln!(out, "    {shown}")?;
    writeln!(out, "    {indent}{missing}{carets}")
}

fn shown(c: char) -> char {
    if c == '\t' { c } else { printable(c) }
}

/// What a file says must not steer the terminal.
fn printable(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Severity, Tier, parse};

    fn rendered(problems: &[Problem]) -> String {
        let mut out = Vec::new();
        render(&mut out, problems).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_problem_is_shown_with_its_line_and_a_caret() {
        let text = "[[rule]]\n\tserivce = \"é\"\ndecide = \"defer\" \nuntil = \"never\"\n";
        let shown = rendered(&parse("x.toml", Tier::Admin, text).problems);
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn a_file_as_a_whole_has_no_line() {
        let problem = Problem::whole(Severity::Warning, "/etc/x", "is\nodd");
        assert_eq!(rendered(&[problem]), "/etc/x: warning: is\u{fffd}odd\n");
    }

    #[test]
    fn a_line_cannot_steer_the_terminal() {
        let text = "a = \"\u{1b}[31m\"\n";
        let problems = parse("x.toml", Tier::Admin, text).problems;
        assert!(!problems.is_empty());
        assert!(!rendered(&problems).contains('\u{1b}'));
    }
}
