//! Lines of JSON in a file that grows as packages are audited. A run that is killed leaves all that it had
//! finished, and another one goes on with the rest: a last line that is not whole is cut off first.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::audit::audited::{Input, Line, LineError};
use crate::files::FileLock;

/// Why the file cannot be gone on with.
#[derive(Debug, Error)]
pub enum KeptError {
    /// The file itself.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// A verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else, and is left as it is.
    #[error("{}:{line}: this is no line of an audit, and nothing was written: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: LineError,
    },
    /// Another run is at it.
    #[error("`{}` is being written by another audit", .0.display())]
    Busy(PathBuf),
}

/// The file, ours alone.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    file: FileLock,
    /// Bytes of whole lines.
    whole: u64,
    done: BTreeSet<Input>,
}

impl Kept {
    /// Opens `path`, or makes it, and reads what it has already.
    ///
    /// # Errors
    /// When it cannot be read or written, another run is at it, or it has something else in it.
    pub fn open(path: &Path) -> Result<Self, KeptError> {
        let failed = |doing| move |source| io_error(doing, path, source);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(failed("open"))?;
        if !file.metadata().map_err(failed("open"))?.is_file() {
            let source = io::Error::other("it is no regular file");
            return Err(io_error("write", path, source));
        }
        let locked = FileLock::within(Duration::ZERO, file, path).ok().flatten();
        let file = locked.ok_or_else(|| KeptError::Busy(path.to_owned()))?;
        let (done, whole) = read(path, file.file())?;
        file.file().set_len(whole).map_err(failed("write"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            whole,
            done,
        })
    }

    /// Whether it has what was asked for, read and judged. What could not be read is tried again.
    pub fn has(&self, input: &Input) -> bool {
        self.done.contains(input)
    }

    /// Adds all lines of one thing that was asked for, whole or not at all.
    ///
    /// # Errors
    /// When the disk is full, for one; what was added before stays.
    pub fn add(&mut self, lines: &[String]) -> Result<(), KeptError> {
        let text: String = lines.iter().map(|json| format!("{json}\n")).collect();
        let mut file = self.file.file();
        let mut written = file.seek(SeekFrom::Start(self.whole)).map(|_| ());
        written = written.and_then(|()| file.write_all(text.as_bytes()));
        if let Err(source) = written {
            // What stands of it is cut off now, or else by the next run.
            let _ = file.set_len(self.whole);
            return Err(io_error("write", &self.path, source));
        }
        self.whole += u64::try_from(text.len()).unwrap_or(0);
        Ok(())
    }
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> KeptError {
    KeptError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// What was read of the file up to now.
#[derive(Debug, Default)]
struct Read {
    done: BTreeSet<Input>,
    /// Bytes of whole lines.
    whole: u64,
    /// What the last line is about, and where the first line about it begins: a source package has several,
    /// which are written together.
    last: Option<(Input, u64)>,
}

/// What was done, and the bytes of all whole lines.
fn read(path: &Path, file: &File) -> Result<(BTreeSet<Input>, u64), KeptError> {
    let mut reader = BufReader::new(file);
    let mut read = Read::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let got = reader.read_until(b'\n', &mut line);
        let got = got.map_err(|source| io_error("read", path, source))?;
        if got == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            if !begins_as_ours(&line) {
                return Err(foreign(path, number, &line));
            }
            read.give_up_last();
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let parsed = Line::parse(&text).map_err(|_| foreign(path, number, &line))?;
        read.note(parsed, u64::try_from(got).unwrap_or(0));
    }
    Ok((read.done, read.whole))
}

impl Read {
    fn note(&mut self, line: Line, bytes: u64) {
        let input = line.input().clone();
        let same = self.last.as_ref().is_some_and(|(last, _)| *last == input);
        if !same {
            self.last = Some((input.clone(), self.whole));
        }
        if let Line::Package(_) = line {
            self.done.insert(input);
        }
        self.whole += bytes;
    }

    /// The line behind the last one is not whole, and may be about the same.
    fn give_up_last(&mut self) {
        if let Some((input, start)) = self.last.take() {
            self.done.remove(&input);
            self.whole = start;
        }
    }
}

/// Whether a last line that is not whole may be cut off.
fn begins_as_ours(line: &[u8]) -> bool {
    let begin = br#"{"format":"rcpolicy-audit/"#;
    line.starts_with(begin) || begin.starts_with(line)
}

fn foreign(path: &Path, line: usize, text: &[u8]) -> KeptError {
    let source = match Line::parse(&String::from_utf8_lossy(text)) {
        Err(source) => source,
        Ok(_) => LineError::Other("unknown".to_owned()),
    };
    KeptError::Line {
        path: path.to_owned(),
        line,
        source,
    }
}

#[cfg(test)]
mod tests;
