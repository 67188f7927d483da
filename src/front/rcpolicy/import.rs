//! `rcpolicy import`: another tool's policy as a policy file of ours, on standard output or in a new file. What could not
//! be carried over stands in it as comments, and on standard error.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nix::fcntl::OFlag;
use thiserror::Error;

use super::{Ending, Failure};
use crate::files::{errno_of, may_grow_to};
use crate::import::{self, Format, ImportError, Imported};
use crate::report::console::Console;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Arguments of `rcpolicy import`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files of another tool's policy, in the order in which that reads them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Whose they are; told by their names and contents where it is not given.
    #[arg(long, value_enum)]
    format: Option<Whose>,
    /// Write to this file in place of standard output. It must not be there yet.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    /// policy-rcd-declarative: *.pol
    Declarative,
    /// needrestart's override_rc
    Needrestart,
    /// charm-helpers: /etc/policy-rc.d/*.policy
    Charm,
    /// a policy-rc.d script for a shell
    Script,
}

impl Whose {
    fn format(self) -> Format {
        match self {
            Self::Declarative => Format::Declarative,
            Self::Needrestart => Format::Needrestart,
            Self::Charm => Format::Charm,
            Self::Script => Format::Script,
        }
    }
}

/// Why nothing was imported.
#[derive(Debug, Error)]
pub(super) enum ImportFailure {
    #[error("cannot read `{}`: {why}", path.display())]
    Unread { path: PathBuf, why: String },
    #[error("`{}`, {source}", path.display())]
    NotUnderstood { path: PathBuf, source: ImportError },
    #[error("cannot tell whose policy `{}` is: say it by --format", .0.display())]
    Whose(PathBuf),
    #[error("cannot write `{}`: {why}", path.display())]
    Unwritten { path: PathBuf, why: String },
}

pub(super) fn run(arguments: &Arguments, console: &mut Console<'_>) -> Result<Ending, Failure> {
    let mut text = String::new();
    let mut ending = Ending::Done;
    for path in &arguments.files {
        let imported = read(path, arguments.format)?;
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&import::document(&path.display().to_string(), &imported));
        complain(path, &imported, console);
        if !imported.lost.is_empty() {
            ending = Ending::No;
        }
    }
    match &arguments.output {
        Some(path) => write(path, text.as_bytes())?,
        None => console.say(text.trim_end()),
    }
    Ok(ending)
}

fn complain(path: &Path, imported: &Imported, console: &mut Console<'_>) {
    for lost in &imported.lost {
        let line = lost
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        console.complain(format_args!(
            "{}{line}: not carried over: {}",
            path.display(),
            lost.text
        ));
    }
}

fn read(path: &Path, whose: Option<Whose>) -> Result<Imported, Failure> {
    let text = contents(path).map_err(|why| ImportFailure::Unread {
        path: path.to_owned(),
        why,
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let format = whose
        .map(Whose::format)
        .or_else(|| Format::detect(&name, &text))
        .ok_or_else(|| ImportFailure::Whose(path.to_owned()))?;
    let imported = import::read(format, &text).map_err(|source| ImportFailure::NotUnderstood {
        path: path.to_owned(),
        source,
    })?;
    Ok(imported)
}

/// A pipe or a device is not waited for.
fn contents(path: &Path) -> Result<String, String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)
        .map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is not a plain file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// Whole, or not at all; never over what is there.
fn write(path: &Path, bytes: &[u8]) -> Result<(), ImportFailure> {
    let failed = |why: String| ImportFailure::Unwritten {
        path: path.to_owned(),
        why,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .map_err(|error| failed(error.to_string()))?;
    let written = may_grow_to(bytes.len() as u64).and_then(|()| {
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|error| errno_of(&error))
    });
    written.map_err(|error| {
        // Half a policy would be a policy.
        let _ = std::fs::remove_file(path);
        failed(error.desc().to_owned())
    })
}
