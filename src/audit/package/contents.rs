//! The files of a package as they are met: counted against the limits, each name once, none below
//! what is no directory. Pure: whoever reads them says what they are.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Reason;
use super::limits::Limits;
use super::paths;
use super::{Entry, paths::Keep};

/// What was met so far.
pub(super) struct Contents<'a> {
    limits: &'a Limits,
    /// What they are part of, for errors.
    part: &'a str,
    files: BTreeMap<String, Entry>,
    /// Those that stand below /usr on a merged system only.
    moved: BTreeSet<String>,
    met: usize,
    names: u64,
    texts: u64,
}

impl<'a> Contents<'a> {
    /// Nothing yet of `part`.
    pub(super) fn new(part: &'a str, limits: &'a Limits) -> Self {
        Self {
            limits,
            part,
            files: BTreeMap::new(),
            moved: BTreeSet::new(),
            met: 0,
            names: 0,
            texts: 0,
        }
    }

    /// Whether the text of the file at `path` is kept, which is `size` bytes long.
    pub(super) fn keeps(&self, path: &str, size: u64) -> Result<bool, Reason> {
        let moved = paths::merged(path);
        match paths::keep(moved.as_deref().unwrap_or(path)) {
            Keep::No => Ok(false),
            Keep::Short => Ok(size <= self.limits.text),
            Keep::Always if size <= self.limits.text => Ok(true),
            Keep::Always => {
                let part = format!("`{}` in {}", path.escape_debug(), self.part);
                Err(Reason::limit(&part, "its size in bytes", self.limits.text))
            }
        }
    }

    /// Refuses a hard link from `path` to what is no file that came before it: dpkg would link to what is on the disk.
    pub(super) fn has_file(&self, path: &str, target: &str) -> Result<(), Reason> {
        let merged = paths::merged(target);
        let found = self.files.get(merged.as_deref().unwrap_or(target));
        // The file itself, or another name of it.
        if matches!(found, Some(Entry::File { .. } | Entry::Link { .. })) {
            return Ok(());
        }
        let [path, target] = [path, target].map(|path| path.escape_debug().to_string());
        let why = format!("`{path}` is another name of `{target}`, which is no file before it");
        Err(Reason::hostile(self.part, why))
    }

    /// Whether something is at `path` already.
    pub(super) fn contains(&self, path: &str) -> bool {
        let merged = paths::merged(path);
        self.files.contains_key(merged.as_deref().unwrap_or(path))
    }

    /// Takes in what is at `path`, which is absolute.
    pub(super) fn add(&mut self, path: String, entry: Entry) -> Result<(), Reason> {
        self.count(&path, &entry)?;
        let moved = paths::merged(&path);
        let here = moved.is_some();
        let path = moved.unwrap_or(path);
        let Some(known) = self.files.get(&path) else {
            if here {
                self.moved.insert(path.clone());
            }
            self.files.insert(path, entry);
            return Ok(());
        };
        let directories = (known, &entry) == (&Entry::Directory, &Entry::Directory);
        if !directories && self.moved.contains(&path) == here {
            let why = format!("it has `{}` twice", path.escape_debug());
            return Err(Reason::hostile(self.part, why));
        }
        // Under both of its names: a link from one to the other says nothing.
        if !matches!(known, Entry::File { .. }) {
            self.files.insert(path, entry);
        }
        Ok(())
    }

    fn count(&mut self, path: &str, entry: &Entry) -> Result<(), Reason> {
        let limits = self.limits;
        let mut length = path.len() as u64;
        match entry {
            Entry::Link { target } => length += target.len() as u64,
            Entry::File {
                text: Some(text), ..
            } => self.texts += text.len() as u64,
            Entry::File { text: None, .. } | Entry::Directory | Entry::Other => {}
        }
        self.names += length;
        self.met += 1;
        if self.met > limits.entries {
            let most = limits.entries as u64;
            return Err(Reason::limit(self.part, "the number of its files", most));
        }
        if self.names > limits.names {
            let what = "the length of all names in it, in bytes,";
            return Err(Reason::limit(self.part, what, limits.names));
        }
        if self.texts > limits.texts {
            let what = "the size of all texts in it that describe services, in bytes,";
            return Err(Reason::limit(self.part, what, limits.texts));
        }
        Ok(())
    }

    /// All of them, when nothing more comes.
    pub(super) fn finish(self) -> Result<BTreeMap<String, Entry>, Reason> {
        for (path, _) in self.files.iter().filter(|(_, e)| **e != Entry::Directory) {
            let below = format!("{path}/");
            let next = self.files.range(below.clone()..).next();
            if let Some((inside, _)) = next.filter(|(next, _)| next.starts_with(&below)) {
                let [inside, path] = [inside, path].map(|path| path.escape_debug());
                let why = format!("`{inside}` lies behind `{path}`, which is no directory");
                return Err(Reason::hostile(self.part, why));
            }
        }
        Ok(self.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Entry {
        Entry::File {
            mode: 0o644,
            size: 0,
            text: None,
        }
    }

    fn link(target: &str) -> Entry {
        Entry::Link {
            target: target.to_owned(),
        }
    }

    fn all(entries: &[(&str, Entry)]) -> Result<BTreeMap<String, Entry>, String> {
        let limits = Limits {
            entries: 5,
            names: 60,
            ..Limits::default()
        };
        let mut contents = Contents::new("its files", &limits);
        for (path, entry) in entries {
            let added = contents.add((*path).to_owned(), entry.clone());
            added.map_err(|error| error.to_string())?;
        }
        contents.finish().map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_is_there_twice_is_refused_and_a_directory_is_not() {
        let error = all(&[("/a", file()), ("/a", link("b"))]).unwrap_err();
        assert!(error.contains("`/a` twice"), "{error}");
        all(&[("/a", Entry::Directory), ("/a", Entry::Directory)]).unwrap();
        assert!(all(&[("/a", Entry::Directory), ("/a", file())]).is_err());
        assert!(all(&[("/bin/a", file()), ("/bin/a", file())]).is_err());
    }

    #[test]
    fn a_file_under_both_names_of_a_merged_directory_is_one() {
        for entries in [
            [("/bin/a", file()), ("/usr/bin/a", link("/bin/a"))],
            [("/usr/bin/a", link("/bin/a")), ("/bin/a", file())],
        ] {
            let found = all(&entries).unwrap();
            assert_eq!(
                found.into_iter().collect::<Vec<_>>(),
                [("/usr/bin/a".to_owned(), file())]
            );
        }
        let found = all(&[("/lib", link("usr/lib")), ("/usr/lib", Entry::Directory)]);
        assert_eq!(found.unwrap().len(), 2);
    }

    #[test]
    fn nothing_lies_behind_a_link_or_a_file() {
        for other in [link("/etc"), file(), Entry::Other] {
            let error = all(&[("/x", other.clone()), ("/x/passwd", file())]).unwrap_err();
            assert!(error.contains("lies behind `/x`"), "{error}");
            all(&[("/x", other), ("/x-y", file()), ("/xy", file())]).unwrap();
        }
    }

    #[test]
    fn many_files_and_long_names_are_refused() {
        let names: Vec<String> = (0..6).map(|n| format!("/{n}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), file())).collect();
        assert!(all(&many[..5]).is_ok());
        assert!(all(&many).unwrap_err().contains("number of its files"));
        let error = all(&[("/a", link(&"x".repeat(60)))]).unwrap_err();
        assert!(error.contains("length of all names"), "{error}");
    }
}
