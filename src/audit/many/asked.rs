//! What is to be audited: the words of a command line, the lines of a list, and where the older version of
//! a package is among many.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::audit::audited::Input;
use crate::audit::version;

/// One thing to audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The new version.
    pub path: PathBuf,
    /// The old one, where it was named with it.
    pub from: Option<PathBuf>,
}

impl Asked {
    /// As the results name it.
    pub fn input(&self) -> Input {
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        Input {
            path: shown(&self.path),
            from: self.from.as_ref().map(shown),
        }
    }

    /// About how much there is to read, in bytes: for the estimate.
    pub fn weight(&self) -> u64 {
        /// What a directory counts as.
        const TREE: u64 = 1 << 20;
        let weight = |path: &PathBuf| match fs::metadata(path) {
            Ok(data) if data.is_file() => data.len(),
            Ok(_) => TREE,
            Err(_) => 0,
        };
        // Finding out that it is not there takes time, too.
        1 + weight(&self.path) + self.from.as_ref().map_or(0, weight)
    }
}

/// Why a list cannot be followed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "line {line} of the list has {words} words: a path, or OLD NEW; where paths have blanks, a tab stands between the two"
)]
pub struct ListError {
    /// From 1.
    pub line: usize,
    /// How many there are.
    pub words: usize,
}

/// The lines of a list: a path, or the old and the new one with a blank or a tab between them. A line with
/// a tab is divided there alone. Empty lines mean nothing.
///
/// # Errors
/// When a line has more words.
pub fn list(text: &[u8]) -> Result<Vec<Asked>, ListError> {
    let mut asked = Vec::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let parts: Vec<&[u8]> = match line.contains(&b'\t') {
            true => line.split(|byte| *byte == b'\t').collect(),
            false => line.split(|byte| *byte == b' ').collect(),
        };
        let words = parts.into_iter().filter(|part| !part.is_empty());
        let words: Vec<PathBuf> = words.map(|word| OsStr::from_bytes(word).into()).collect();
        match words.as_slice() {
            [] => {}
            [path] => asked.push(Asked {
                path: path.clone(),
                from: None,
            }),
            [from, path] => asked.push(Asked {
                path: path.clone(),
                from: Some(from.clone()),
            }),
            more => {
                return Err(ListError {
                    line: number + 1,
                    words: more.len(),
                });
            }
        }
    }
    Ok(asked)
}

/// A `.deb` among the older ones, by what its file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    version: String,
    architecture: String,
    path: PathBuf,
}

/// The `.deb` files of a directory, by the names of their packages.
#[derive(Debug, Default)]
pub struct Older {
    packages: BTreeMap<String, Vec<Candidate>>,
}

impl Older {
    /// Those of `directory`, whose names are `NAME_VERSION_ARCHITECTURE.deb`, as apt and dpkg-deb give them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut packages: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if let Some((name, candidate)) = candidate(&path) {
                packages.entry(name).or_default().push(candidate);
            }
        }
        Ok(Self { packages })
    }

    /// How many packages it has.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The newest that is older than this version of the package and can be installed in its place.
    pub fn than(&self, name: &str, newer: &str, architecture: &str) -> Option<&Path> {
        let fits = |one: &&Candidate| {
            let same = one.architecture == architecture;
            let anywhere = one.architecture == "all" || ["all", ""].contains(&architecture);
            (same || anywhere) && without_epoch(one, newer).is_lt()
        };
        let all = self.packages.get(name)?.iter().filter(fits);
        let newest = all.max_by(|a, b| version::compare(&a.version, &b.version));
        newest.map(|one| one.path.as_path())
    }
}

/// Many tools leave the epoch out of a file's name: there it does not count.
fn without_epoch(candidate: &Candidate, newer: &str) -> std::cmp::Ordering {
    let newer = match candidate.version.contains(':') {
        true => newer,
        false => newer.split_once(':').map_or(newer, |(_, rest)| rest),
    };
    version::compare(&candidate.version, newer)
}

fn candidate(path: &Path) -> Option<(String, Candidate)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".deb")?;
    let mut parts = name.split('_');
    let (package, version) = (parts.next()?, parts.next()?);
    let architecture = parts.next().unwrap_or_default().to_owned();
    let candidate = Candidate {
        version: version.replace("%3a", ":").replace("%3A", ":"),
        architecture,
        path: path.to_owned(),
    };
    parts
        .next()
        .is_none()
        .then(|| (package.to_owned(), candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Result<Vec<(Option<String>, String)>, ListError> {
        let asked = list(text.as_bytes())?.into_iter().map(|asked| {
            let input = asked.input();
            (input.from, input.path)
        });
        Ok(asked.collect())
    }

    #[test]
    fn a_list_has_paths_or_pairs_and_a_tab_lets_paths_have_blanks() {
        let one = |path: &str| (None, path.to_owned());
        let pair = |old: &str, new: &str| (Some(old.to_owned()), new.to_owned());
        for (text, expected) in [
            ("", vec![]),
            ("\n \n\r\n", vec![]),
            ("a.deb\nb.deb", vec![one("a.deb"), one("b.deb")]),
            ("a.deb\r\n", vec![one("a.deb")]),
            ("old new\n", vec![pair("old", "new")]),
            ("old  new ", vec![pair("old", "new")]),
            ("an old\ta new\n", vec![pair("an old", "a new")]),
            ("\tone with blanks\n", vec![one("one with blanks")]),
        ] {
            assert_eq!(paths(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_means_nothing_is_named() {
        let error = paths("a\n\nb c d\n").unwrap_err();
        assert_eq!((error.line, error.words), (3, 3));
        assert!(error.to_string().contains("line 3"));
    }

    #[test]
    fn the_older_version_is_the_newest_of_those_that_are_older() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "foo_1.0-1_amd64.deb",
            "foo_1.9-1_amd64.deb",
            "foo_1.10-1_amd64.deb",
            "foo_2.0-1_amd64.deb",
            "foo_1.11-1_arm64.deb",
            "foo-data_1.0-1_all.deb",
            "bar_1%3a2.0-1_amd64.deb",
            "baz_2.0-1_amd64.deb",
            "foo_1.10-2_amd64_x.deb",
            "notes.txt",
        ] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let older = Older::of(directory.path()).unwrap();
        let found = |name, version, architecture| {
            let path = older.than(name, version, architecture)?;
            Some(path.file_name()?.to_str()?.to_owned())
        };
        for (name, version, architecture, expected) in [
            ("foo", "2.0-1", "amd64", Some("foo_1.10-1_amd64.deb")),
            ("foo", "1.0-1", "amd64", None),
            ("foo", "1.12-1", "arm64", Some("foo_1.11-1_arm64.deb")),
            ("foo", "2.0-2", "", Some("foo_2.0-1_amd64.deb")),
            ("foo-data", "1.0-2", "all", Some("foo-data_1.0-1_all.deb")),
            ("bar", "2:1.0-1", "amd64", Some("bar_1%3a2.0-1_amd64.deb")),
            ("bar", "9.0-1", "amd64", None),
            ("baz", "1:2.0-2", "amd64", Some("baz_2.0-1_amd64.deb")),
            ("nix", "1", "amd64", None),
        ] {
            assert_eq!(
                found(name, version, architecture).as_deref(),
                expected,
                "{name} {version}"
            );
        }
    }
}
