//! The policy files of one directory, in the order of their names, without those that are hidden.
//! Knows nothing of what is in them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::roots::Roots;
use super::trusted::{self, Found, Refused, Trust};
use crate::policy::problem::{Lines, Problem, Severity};
use crate::policy::rule::Tier;

/// A policy file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolicyText {
    /// Whose it is.
    pub(super) tier: Tier,
    /// Its name within the directory.
    pub(super) name: String,
    /// Where it lies, as messages name it.
    pub(super) path: String,
    /// What is in it; nothing for a link to /dev/null.
    pub(super) text: String,
}

/// The names that earlier directories have taken.
#[derive(Debug, Default)]
pub(super) struct Hidden(BTreeSet<OsString>);

impl Hidden {
    /// What `texts` hide.
    pub(super) fn of(texts: &[PolicyText]) -> Self {
        Self(
            texts
                .iter()
                .map(|text| OsString::from(&text.name))
                .collect(),
        )
    }
}

/// Reads the files of the directory of `tier`, and hides their names from later ones.
pub(super) fn read(
    roots: &Roots,
    tier: Tier,
    hidden: &mut Hidden,
) -> (Vec<PolicyText>, Vec<Problem>) {
    let directory = roots.directory(tier);
    let trust = Trust {
        owner: roots.owner,
        base: directory
            .parent()
            .and_then(Path::parent)
            .unwrap_or(directory),
    };
    read_directory(directory, tier, &trust, hidden)
}

/// Reads the files of `directory` as those of `tier`.
pub(super) fn read_directory(
    directory: &Path,
    tier: Tier,
    trust: &Trust<'_>,
    hidden: &mut Hidden,
) -> (Vec<PolicyText>, Vec<Problem>) {
    let names = match names(directory, trust) {
        Ok(names) => names,
        Err(error) => return (Vec::new(), vec![refused(directory, &error)]),
    };
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for name in names {
        // a broken file hides too: its author meant to take the place of the other
        if !hidden.0.insert(name.clone()) {
            continue;
        }
        let path = directory.join(&name);
        match text(&path, trust) {
            Ok(text) => texts.push(PolicyText {
                tier,
                name: name.to_string_lossy().into_owned(),
                path: path.display().to_string(),
                text,
            }),
            Err(problem) => problems.push(problem),
        }
    }
    (texts, problems)
}

/// The names of the policy files in `directory`, sorted; none where it is missing.
fn names(directory: &Path, trust: &Trust<'_>) -> Result<Vec<OsString>, Refused> {
    let Some(directory) = trusted::directory(directory, trust)? else {
        return Ok(Vec::new());
    };
    let cannot = |source: io::Error| Refused::cannot("read", &directory, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&directory).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        if is_policy(name.as_bytes()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Dot files, editors' copies and dpkg's leavings are none.
fn is_policy(name: &[u8]) -> bool {
    name.ends_with(b".toml") && !name.starts_with(b".")
}

fn text(path: &Path, trust: &Trust<'_>) -> Result<String, Problem> {
    match trusted::read(path, trust) {
        Ok(Found::Nothing) => Ok(String::new()),
        Ok(Found::Bytes(bytes)) => String::from_utf8(bytes).map_err(|error| not_utf8(path, &error)),
        Err(error) => Err(refused(path, &error)),
    }
}

fn refused(path: &Path, error: &Refused) -> Problem {
    Problem::whole(
        Severity::Error,
        path.display().to_string(),
        error.to_string(),
    )
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    Problem {
        severity: Severity::Error,
        path: path.display().to_string(),
        place: Some(Lines::of(&text).place(&(at..at + 1))),
        message: "this is not UTF-8 text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_toml_files_are_policies() {
        let cases = [
            ("10-a.toml", true),
            (".toml", false),
            (".10-a.toml", false),
            ("10-a.toml~", false),
            ("10-a.toml.dpkg-new", false),
            ("10-a.TOML", false),
            ("README", false),
        ];
        for (name, expected) in cases {
            assert_eq!(is_policy(name.as_bytes()), expected, "{name}");
        }
    }
}
