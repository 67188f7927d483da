//! The messages of the drop-ins: `program: text` on standard error, silenced by `--quiet`.

use std::io::Write;

use super::plain::one_line;

/// Speaks for one program.
#[derive(Debug, Clone)]
pub struct Voice {
    program: String,
    /// Whether `--quiet` was given.
    pub quiet: bool,
}

impl Voice {
    /// Speaks for the program that was called as `path`.
    pub fn new(path: &str) -> Self {
        let program = path.rsplit('/').next().unwrap_or(path).to_owned();
        Self {
            program,
            quiet: false,
        }
    }

    /// A message that `--quiet` silences.
    pub fn error(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// A message that is always said.
    pub fn warn(&self, text: &str) {
        self.line(&format!("{}: {text}", self.program));
    }

    /// One line, on standard error. Much of what it tells was written by others: nothing in it can
    /// move a terminal's cursor or begin a line of its own.
    pub fn line(&self, text: &str) {
        write_line(&mut std::io::stderr(), text);
    }

    /// Text as it is, on standard output.
    pub fn out(&self, text: &str) {
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}

fn write_line(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{}", one_line(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_users_manager_wrote_stays_in_its_line_and_leaves_the_terminal_alone() {
        let mut written = Vec::new();
        write_line(
            &mut written,
            "user 1000: \u{1b}]0;title\u{7}\ninvoke-rc.d: all is well\u{9b}2J",
        );
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "user 1000: \u{fffd}]0;title\u{fffd}\u{fffd}invoke-rc.d: all is well\u{fffd}2J\n"
        );
    }
}
