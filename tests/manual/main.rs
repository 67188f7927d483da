//! What `rcpolicy manual` writes, in what reads it: the pages in mandoc and man, the completions in bash, zsh and fish.
//! `tests/run` installs these.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test cannot do ends it"
)]

mod completions;
mod pages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with all that `rcpolicy manual` writes.
struct Manual(tempfile::TempDir);

impl Manual {
    fn written() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
            .args(["manual", "--date", "1795230103"])
            .arg(directory.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// All pages, as `man8/rcpolicy.8`.
    fn pages(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for section in ["man5", "man8"] {
            for entry in fs::read_dir(self.path().join(section)).unwrap() {
                found.push(entry.unwrap().path());
            }
        }
        found.sort();
        found
    }
}

/// Runs a program that the test needs.
fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{name}, which tests/run installs: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
