//! Files of JSON lines, put together in any order: sorted by package and version, and what several of
//! them have of the same upgrade made one. Only where the lines are is kept in memory.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Go;
use crate::audit::audited::{Audited, Input, Line, LineError, Unreadable};
use crate::audit::spool::spool;
use crate::audit::version;

/// A longer line is no result of ours, in bytes.
const LONGEST_LINE: u64 = 256 << 20;

/// Why files cannot be put together.
#[derive(Debug, Error)]
pub enum MergeError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is none of an audit's.
    #[error("{}:{line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: LineError,
    },
    /// The last line is not whole: the run that wrote it was killed.
    #[error(
        "{}:{line}: the last line is not whole: the run that wrote it was cut off; finish it with `--into`, or remove that line",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A line is longer than any result is.
    #[error("{}:{line}: the line is too long for a result", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// What makes two lines the same upgrade, in the order in which they are shown.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    package: String,
    version: String,
    architecture: String,
    from: String,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let exact = |key: &Self| (key.version.clone(), key.architecture.clone());
        let package = self.package.cmp(&other.package);
        package
            .then_with(|| version::compare(&self.version, &other.version))
            .then_with(|| exact(self).cmp(&exact(other)))
            .then_with(|| version::compare(&self.from, &other.from))
            .then_with(|| self.from.cmp(&other.from))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
struct Spot {
    file: usize,
    line: usize,
    start: u64,
    length: u64,
}

/// Files that were looked through.
#[derive(Debug)]
pub struct Merged {
    files: Vec<(PathBuf, File)>,
    packages: BTreeMap<Key, Vec<Spot>>,
    unreadable: Vec<Unreadable>,
}

impl Merged {
    /// Looks through all of `paths`; `-` is standard input. Nothing is handed on before all of them read well.
    ///
    /// # Errors
    /// At the first line that is none of an audit's.
    pub fn of(paths: &[PathBuf]) -> Result<Self, MergeError> {
        let mut merged = Self {
            files: Vec::new(),
            packages: BTreeMap::new(),
            unreadable: Vec::new(),
        };
        let mut done = BTreeSet::new();
        for path in paths {
            let file = open(path).map_err(|source| io_error(path, source))?;
            merged.files.push((path.clone(), file));
            merged.look_through(&mut done)?;
        }
        // What another run could read is not missing.
        merged.unreadable.retain(|one| !done.contains(&one.input));
        merged.unreadable.sort_by(|a, b| a.input.cmp(&b.input));
        merged.unreadable.dedup_by(|a, b| a.input == b.input);
        Ok(merged)
    }

    /// Looks through the file that came last.
    fn look_through(&mut self, done: &mut BTreeSet<Input>) -> Result<(), MergeError> {
        let number = self.files.len().saturating_sub(1);
        let Some((path, file)) = self.files.last() else {
            return Ok(());
        };
        let mut reader = BufReader::new(file);
        let (mut start, mut line) = (0, 0);
        let mut text = Vec::new();
        loop {
            line += 1;
            text.clear();
            let limited = &mut Read::take(&mut reader, LONGEST_LINE);
            let read = limited.read_until(b'\n', &mut text);
            let length = read.map_err(|source| io_error(path, source))?;
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            if length == 0 {
                return Ok(());
            }
            let spot = Spot {
                file: number,
                line,
                start,
                length,
            };
            start += length;
            if text.trim_ascii().is_empty() {
                continue;
            }
            match parse(path, line, &text)? {
                Line::Package(audited) => {
                    done.insert(audited.input.clone());
                    self.packages.entry(key(&audited)).or_default().push(spot);
                }
                Line::Unreadable(unreadable) => self.unreadable.push(unreadable),
            }
        }
    }

    /// How many lines there will be.
    pub fn len(&self) -> usize {
        self.packages.len() + self.unreadable.len()
    }

    /// Whether there will be none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands over every package in turn, then what could not be read.
    ///
    /// # Errors
    /// When a file has changed meanwhile, or cannot be read any more.
    pub fn each(self, mut take: impl FnMut(Line) -> Go) -> Result<(), MergeError> {
        for spots in self.packages.values() {
            let mut together: Option<Audited> = None;
            for spot in spots {
                let audited = self.read(*spot)?;
                together = match (together, audited) {
                    (Some(one), Some(other)) => Some(joined(one, other)),
                    (one, other) => one.or(other),
                };
            }
            let Some(audited) = together else { continue };
            if take(Line::Package(Box::new(audited))) == Go::Stop {
                return Ok(());
            }
        }
        for unreadable in self.unreadable {
            if take(Line::Unreadable(unreadable)) == Go::Stop {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read(&self, spot: Spot) -> Result<Option<Audited>, MergeError> {
        let Some((path, file)) = self.files.get(spot.file) else {
            return Ok(None);
        };
        let mut file: &File = file;
        let mut text = Vec::new();
        let read = file.seek(SeekFrom::Start(spot.start));
        let read = read.and_then(|_| file.take(spot.length).read_to_end(&mut text));
        read.map_err(|source| io_error(path, source))?;
        Ok(match parse(path, spot.line, &text)? {
            Line::Package(audited) => Some(*audited),
            Line::Unreadable(_) => None,
        })
    }
}

fn io_error(path: &Path, source: io::Error) -> MergeError {
    MergeError::Io {
        path: path.to_owned(),
        source,
    }
}

fn key(audited: &Audited) -> Key {
    Key {
        package: audited.package.clone(),
        version: audited.version.clone(),
        architecture: audited.architecture.clone(),
        from: audited.from.clone(),
    }
}

/// Two audits of the same upgrade as one: all that either found.
fn joined(one: Audited, other: Audited) -> Audited {
    let mut both = one;
    both.findings.extend(other.findings);
    both.unread.extend(other.unread);
    both.unread.sort();
    both.unread.dedup();
    both.services.extend(other.services);
    both.services.sort();
    both.services.dedup();
    if both.timelines.is_empty() {
        both.timelines = other.timelines;
    }
    both.tidied()
}

fn parse(path: &Path, line: usize, text: &[u8]) -> Result<Line, MergeError> {
    let path = path.to_owned();
    let whole = text.last() == Some(&b'\n');
    match Line::parse(&String::from_utf8_lossy(text)) {
        Ok(parsed) => Ok(parsed),
        Err(_)
            if !whole && u64::try_from(text.len()).is_ok_and(|length| length >= LONGEST_LINE) =>
        {
            Err(MergeError::TooLong { path, line })
        }
        Err(_) if !whole => Err(MergeError::Truncated { path, line }),
        Err(source) => Err(MergeError::Line { path, line, source }),
    }
}

/// A file that can be read twice: what comes through a pipe goes into one without a name first.
fn open(path: &Path) -> io::Result<File> {
    let mut source: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => {
            let file = File::open(path)?;
            if file.metadata()?.is_file() {
                return Ok(file);
            }
            Box::new(file)
        }
    };
    let mut spool = spool(&std::env::temp_dir())?;
    io::copy(&mut source, &mut spool)?;
    spool.seek(SeekFrom::Start(0))?;
    Ok(spool)
}

#[cfg(test)]
mod tests;
