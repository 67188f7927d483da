//! What dpkg's database says of files: which package brings one, and who diverts it. Parsing is pure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const LISTS: &str = "var/lib/dpkg/info";
const DIVERSIONS: &str = "var/lib/dpkg/diversions";

/// A file that one package keeps where another package's would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// The path that everybody names.
    pub from: String,
    /// Where the other packages' file is.
    pub to: String,
    /// Who diverts it; `:` is the admin.
    pub package: String,
}

/// The package that brings one of `paths`, as dpkg lists them; `None` where there is none.
///
/// # Errors
/// When the database is there and cannot be read.
pub fn owner_of(root: &Path, paths: &[PathBuf]) -> io::Result<Option<String>> {
    let entries = match fs::read_dir(root.join(LISTS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(package) = name.strip_suffix(".list") else {
            continue;
        };
        let list = fs::read(root.join(LISTS).join(&name))?;
        let mut lines = list.split(|byte| *byte == b'\n');
        if lines.any(|line| paths.iter().any(|path| is_path(path, line))) {
            let plain = package.split(':').next().unwrap_or(package);
            return Ok(Some(plain.to_owned()));
        }
    }
    Ok(None)
}

fn is_path(path: &Path, line: &[u8]) -> bool {
    path.as_os_str().as_encoded_bytes() == line
}

/// All diversions.
///
/// # Errors
/// When the database is there and cannot be read.
pub fn diversions(root: &Path) -> io::Result<Vec<Diversion>> {
    match fs::read(root.join(DIVERSIONS)) {
        Ok(text) => Ok(parse(&String::from_utf8_lossy(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Three lines each: from, to, package.
fn parse(text: &str) -> Vec<Diversion> {
    let lines: Vec<&str> = text.lines().collect();
    let threes = lines.chunks_exact(3);
    threes
        .filter_map(|three| match three {
            [from, to, package] => Some(Diversion {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                package: (*package).to_owned(),
            }),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diversions_are_three_lines_each_and_half_a_one_is_none() {
        let text = "/usr/sbin/a\n/usr/sbin/a.distrib\nrcpolicy\n/b\n/b.real\n:\n/c\n";
        let found = parse(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].package, "rcpolicy");
        assert_eq!(found[1].to, "/b.real");
    }

    #[test]
    fn a_file_belongs_to_the_package_that_lists_it() {
        let top = tempfile::tempdir().unwrap();
        let of = |path: &str| owner_of(top.path(), &[PathBuf::from(path)]).unwrap();
        assert_eq!(of("/usr/sbin/policy-rc.d"), None);
        let lists = top.path().join(LISTS);
        fs::create_dir_all(&lists).unwrap();
        fs::write(lists.join("foo:amd64.list"), "/.\n/usr/sbin/foo\n").unwrap();
        fs::write(lists.join("foo.md5sums"), "/usr/sbin/other\n").unwrap();
        assert_eq!(of("/usr/sbin/foo").as_deref(), Some("foo"));
        assert_eq!(of("/usr/sbin/fo"), None);
        assert_eq!(of("/usr/sbin/other"), None);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let text = "/usr/sbin/a\n/usr/sbin/a.distrib\nrcpolicy\n/b\n/b.real\n:\n";
        crate::testing::mutations::mutated_text(&[text], &["\n", ":", "/"], |text| {
            let _ = parse(text);
        });
    }
}
