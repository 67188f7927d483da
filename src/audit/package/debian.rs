//! What lies in a source package's `debian/`: texts, what patterns stand for, whole directories. What the build
//! would bring is not there, and links that lead away from it are not followed.

use std::ffi::OsStr;
use std::path::Path;

use super::Entry;
use super::error::Reason;
use super::folder::{Folder, Node};
use super::limits::Limits;
use super::paths;
use crate::policy::Glob;

/// The folder, and how it is shown.
pub(super) struct Debian<'a> {
    pub(super) path: &'a Path,
    pub(super) folder: &'a Folder,
    pub(super) limits: &'a Limits,
}

/// Something in it.
pub(super) struct Found {
    /// Its path within the folder.
    pub(super) inside: String,
    /// Its path below what was asked for; empty for that itself.
    pub(super) below: String,
    /// What it is, a file or a link; texts are read by [`Debian::read`].
    pub(super) entry: Entry,
}

impl Debian<'_> {
    /// Where a reader finds the file `name`.
    pub(super) fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// The text of the file `name`; a link to another file beside it is as good as that.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Reason> {
        let name: &OsStr = name.as_ref();
        let found = match self.folder.find(name)? {
            Some(Node::Link(target)) if is_plain(&target) => self
                .folder
                .read(paths::text(&target).as_ref(), self.limits)?,
            Some(Node::Directory) => None,
            Some(_) => self.folder.read(name, self.limits)?,
            None => None,
        };
        Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The names in it that debhelper's own name says what they are for.
    pub(super) fn names(&self) -> Result<Vec<String>, Reason> {
        names(self.folder, self.limits)
    }

    /// The paths in it that `pattern` stands for, which is seen from where `debian/` is. Wildcards may stand in its last
    /// part; what is not in `debian/` is not known.
    pub(super) fn matching(&self, pattern: &str) -> Result<Vec<String>, Reason> {
        let Some(inside) = pattern.strip_prefix("debian/") else {
            return Ok(Vec::new());
        };
        let inside = inside.trim_end_matches('/');
        if !has_wildcards(inside) {
            return Ok(vec![inside.to_owned()]);
        }
        let (above, last) = inside.rsplit_once('/').unwrap_or(("", inside));
        let (false, Ok(glob)) = (has_wildcards(above), Glob::parse(last, |_| true)) else {
            return Ok(Vec::new());
        };
        let all = self.look(above, |folder| names(folder, self.limits))?;
        // As in a shell, what begins with a dot has to be asked for.
        let hidden = last.starts_with('.');
        let meant = all
            .unwrap_or_default()
            .into_iter()
            .filter(|name| glob.matches(name) && name.starts_with('.') == hidden);
        Ok(meant.map(|name| joined(above, &name)).collect())
    }

    /// The file or link at a path in it, or all below the directory there; nothing where there is neither.
    pub(super) fn all(&self, inside: &str) -> Result<Vec<Found>, Reason> {
        let (above, name) = inside.rsplit_once('/').unwrap_or(("", inside));
        let mut found = Vec::new();
        let collected = self.look(above, |folder| {
            self.collect(folder, (above, "", name), &mut found)
        })?;
        Ok(collected.map(|()| found).unwrap_or_default())
    }

    /// The text of a file that was found in it.
    pub(super) fn read(&self, inside: &str) -> Result<Option<String>, Reason> {
        let (above, name) = inside.rsplit_once('/').unwrap_or(("", inside));
        let read = self.look(above, |folder| folder.read(name.as_ref(), self.limits))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(read.flatten().map(text))
    }

    /// What `look` makes of a directory in it; `None` where there is none.
    fn look<T>(
        &self,
        directory: &str,
        look: impl FnOnce(&Folder) -> Result<T, Reason>,
    ) -> Result<Option<T>, Reason> {
        let mut here: Option<Folder> = None;
        for part in directory.split('/').filter(|part| !part.is_empty()) {
            let above = here.as_ref().unwrap_or(self.folder);
            if part == ".." || above.find(part.as_ref())? != Some(Node::Directory) {
                return Ok(None);
            }
            here = Some(above.enter(part.as_ref())?);
        }
        look(here.as_ref().unwrap_or(self.folder)).map(Some)
    }

    /// Takes in what `name` is in a folder, whose path within `debian/` is `above`, and `below` what was asked for.
    fn collect(
        &self,
        folder: &Folder,
        (above, below, name): (&str, &str, &str),
        found: &mut Vec<Found>,
    ) -> Result<(), Reason> {
        let inside = joined(above, name);
        let mut take = |entry| {
            found.push(Found {
                inside: inside.clone(),
                below: below.to_owned(),
                entry,
            });
        };
        match folder.find(name.as_ref())? {
            Some(Node::File { mode, size }) => take(Entry::File {
                mode,
                size,
                text: None,
            }),
            Some(Node::Link(target)) => take(Entry::Link {
                target: paths::text(&target),
            }),
            Some(Node::Directory) if inside.matches('/').count() < self.limits.depth => {
                let inner = folder.enter(name.as_ref())?;
                for name in names(&inner, self.limits)? {
                    let below = joined(below, &name);
                    self.collect(&inner, (&inside, &below, &name), found)?;
                }
            }
            Some(Node::Directory | Node::Other) | None => {}
        }
        if found.len() > self.limits.entries {
            let most = self.limits.entries as u64;
            return Err(Reason::limit("debian/", "the number of its files", most));
        }
        Ok(())
    }
}

fn names(folder: &Folder, limits: &Limits) -> Result<Vec<String>, Reason> {
    let all = folder.names(limits.entries)?.into_iter();
    Ok(all.filter_map(|name| name.into_string().ok()).collect())
}

fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn joined(above: &str, name: &str) -> String {
    match above {
        "" => name.to_owned(),
        above => format!("{above}/{name}"),
    }
}

fn is_plain(target: &[u8]) -> bool {
    !target.contains(&b'/') && !matches!(target, b"." | b"..")
}
