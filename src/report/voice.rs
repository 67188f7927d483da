//! The messages of the drop-ins: `program: text` on standard error, silenced by `--quiet`.

use std::io::Write;

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

    /// One line as it is, on standard error.
    pub fn line(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Text as it is, on standard output.
    pub fn out(&self, text: &str) {
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}
