//! The report to look through in a browser, without a network: an index that can be searched and sorted, and
//! the findings with their sources. One file, or a directory with a page a package; both are written as
//! results come, and only the index's rows are kept in memory.

mod frame;
mod index;
mod section;
mod text;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::about::{About, counted};
use crate::audit::audited::{Audited, Line};
use crate::audit::spool::spool;
use index::Row;
use section::Abouts;

/// The page to open.
const INDEX: &str = "index.html";
/// Where the packages' pages are, beside it.
const PAGES: &str = "packages";

/// Why a report is not written.
#[derive(Debug, Error)]
pub enum HtmlError {
    /// A file of it cannot be written.
    #[error("cannot write the report `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There are other files, which are left alone.
    #[error(
        "the directory `{}` has files in it and is no earlier report: name another one, or a file NAME.html",
        .0.display()
    )]
    Occupied(PathBuf),
}

/// A report that is being written.
#[derive(Debug)]
pub struct Report<'a> {
    shape: Shape,
    rows: Vec<Row>,
    unreadable: Vec<String>,
    abouts: Abouts<'a>,
}

#[derive(Debug)]
enum Shape {
    /// One file: the packages' sections are gathered, and follow the index in the end.
    One {
        path: PathBuf,
        sections: BufWriter<File>,
    },
    /// A directory: each package has a page at once, the index comes in the end.
    Many {
        path: PathBuf,
        names: BTreeSet<String>,
    },
}

impl<'a> Report<'a> {
    /// Begins a report at `path`: one file where that ends in `.html`, else a directory, which is made.
    /// `checks` are what it explains.
    ///
    /// # Errors
    /// When nothing can be written there, or the directory has something else in it.
    pub fn begin(path: &Path, checks: &[About<'a>]) -> Result<Self, HtmlError> {
        let extension = path.extension().map(|text| text.to_ascii_lowercase());
        let one = extension.is_some_and(|text| text == "html" || text == "htm");
        let shape = match one && !path.is_dir() {
            true => {
                let spooled = spool(parent(path)).map_err(|error| io_error(path, error))?;
                Shape::One {
                    path: path.to_owned(),
                    sections: BufWriter::new(spooled),
                }
            }
            false => {
                prepare(path)?;
                Shape::Many {
                    path: path.to_owned(),
                    names: BTreeSet::new(),
                }
            }
        };
        Ok(Self {
            shape,
            rows: Vec::new(),
            unreadable: Vec::new(),
            abouts: checks.iter().map(|about| (about.id, *about)).collect(),
        })
    }

    /// Adds one result.
    ///
    /// # Errors
    /// When the disk is full, for one.
    pub fn add(&mut self, line: &Line) -> Result<(), HtmlError> {
        match line {
            Line::Package(audited) => self.package(audited),
            Line::Unreadable(unreadable) => {
                self.unreadable.push(unreadable.error.clone());
                Ok(())
            }
        }
    }

    fn package(&mut self, audited: &Audited) -> Result<(), HtmlError> {
        let id = format!("p{}", self.rows.len() + 1);
        let link = match &mut self.shape {
            Shape::One { path, sections } => {
                let text = section::section(audited, &id, &self.abouts);
                let written = sections.write_all(text.as_bytes());
                written.map_err(|error| io_error(path, error))?;
                format!("#{id}")
            }
            Shape::Many { path, names } => {
                let name = free_name(audited, names);
                let text = page(audited, &section::section(audited, &id, &self.abouts));
                put(&path.join(PAGES).join(&name), |file| {
                    file.write_all(text.as_bytes())
                })?;
                format!("{PAGES}/{name}")
            }
        };
        self.rows.push(Row::of(audited, link));
        Ok(())
    }

    /// Writes the index, and returns the page to open.
    ///
    /// # Errors
    /// When the disk is full, for one; an earlier report of that name is then still whole.
    pub fn finish(mut self) -> Result<PathBuf, HtmlError> {
        let title = format!("Services in {}", counted(self.rows.len(), "package"));
        let top = frame::top(&format!("<h1>{title}</h1>"));
        let index = index::index(&mut self.rows, &self.unreadable, &self.abouts);
        let before = format!("{}{top}<main>\n{index}", frame::open(&title));
        let behind = format!("</main>\n{}", frame::close());
        match self.shape {
            Shape::One { path, sections } => {
                let mut sections = whole(sections).map_err(|error| io_error(&path, error))?;
                put(&path, |file| {
                    file.write_all(before.as_bytes())?;
                    io::copy(&mut sections, file)?;
                    file.write_all(behind.as_bytes())
                })?;
                Ok(path)
            }
            Shape::Many { path, .. } => {
                let page = path.join(INDEX);
                put(&page, |file| {
                    file.write_all(before.as_bytes())?;
                    file.write_all(behind.as_bytes())
                })?;
                Ok(page)
            }
        }
    }
}

/// A package's own page.
fn page(audited: &Audited, section: &str) -> String {
    let name = format!("{} {}", audited.package, audited.version);
    let top = frame::top(&format!(
        "<h1 class=\"small\"><a href=\"../{INDEX}\">All packages</a></h1>"
    ));
    format!(
        "{}{top}<main>\n{section}</main>\n{}",
        frame::open(&name),
        frame::close()
    )
}

/// Its page's name, which no other one of this report has.
fn free_name(audited: &Audited, names: &mut BTreeSet<String>) -> String {
    let Audited {
        package,
        version,
        architecture,
        ..
    } = audited;
    let stem = text::file_name(&format!("{package}_{version}_{architecture}"));
    let mut name = format!("{stem}.html");
    let mut number = 1;
    // Some file systems take upper and lower case for the same.
    while !names.insert(name.to_lowercase()) {
        number += 1;
        name = format!("{stem}-{number}.html");
    }
    name
}

/// A directory that is empty or has an earlier report, with room for pages.
fn prepare(path: &Path) -> Result<(), HtmlError> {
    let failed = |error| io_error(path, error);
    fs::create_dir_all(path).map_err(failed)?;
    let empty = fs::read_dir(path).map_err(failed)?.next().is_none();
    if !empty && !is_report(&path.join(INDEX)) {
        let begun = is_begun(path).map_err(failed)?;
        if !begun {
            return Err(HtmlError::Occupied(path.to_owned()));
        }
    }
    fs::create_dir_all(path.join(PAGES)).map_err(failed)
}

/// Whether only an audit that was cut off was here: there is nothing but pages of ours.
fn is_begun(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != PAGES {
            return Ok(false);
        }
    }
    for entry in fs::read_dir(path.join(PAGES))? {
        let path = entry?.path();
        let part = path
            .extension()
            .is_some_and(|extension| extension == "part");
        if !part && !is_report(&path) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_report(page: &Path) -> bool {
    /// The head of a page is well within.
    const HEAD: u64 = 4096;
    let mut head = Vec::new();
    let read = File::open(page).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains(frame::GENERATOR)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What was gathered, from its beginning.
fn whole(sections: BufWriter<File>) -> io::Result<File> {
    let mut file = sections
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Puts a file in place whole, or not at all.
fn put(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), HtmlError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let written = create(&part)
        .and_then(|mut file| fill(&mut file))
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        // It is of no use to anybody.
        let _ = fs::remove_file(&part);
        io_error(path, error)
    })
}

/// Never through what another may have put there.
fn create(part: &Path) -> io::Result<File> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(part)
}

fn io_error(path: &Path, source: io::Error) -> HtmlError {
    HtmlError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
