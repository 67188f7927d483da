//! A source package's `debian/`: what its binary packages will have, as far as the files say so. What
//! debhelper adds to scripts is not known; `#DEBHELPER#` stays the comment that it is.

use std::collections::BTreeMap;
use std::path::Path;

use super::contents::Contents;
use super::control::{self, Fields, Texts};
use super::debhelper::{self, Role, Runscript};
use super::debian::Debian;
use super::error::Reason;
use super::folder::Folder;
use super::limits::Limits;
use super::{Entry, Form, Package, paths};

/// Reads the binary packages of `debian`, which is at `path`.
pub(super) fn read(path: &Path, debian: &Folder, limits: &Limits) -> Result<Vec<Package>, Reason> {
    let source = Debian {
        path,
        folder: debian,
        limits,
    };
    let shown = source.shown("control");
    let text = source.text("control")?.unwrap_or_default();
    let binaries = control::binaries(&text, &shown)?;
    let version = source.text("changelog")?.unwrap_or_default();
    let version = control::changelog_version(&version);
    let names: Vec<String> = binaries
        .iter()
        .map(|fields| field(fields, "package"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut roles: BTreeMap<&str, Vec<(String, Role)>> = BTreeMap::new();
    for file in source.names()? {
        if let Some((package, role)) = debhelper::role(&file, &names) {
            roles.entry(package).or_default().push((file, role));
        }
    }
    let mut found = Vec::new();
    for (fields, name) in binaries.into_iter().zip(&names) {
        let files = roles.remove(*name).unwrap_or_default();
        let made = Made::new(&source, &files)?;
        found.push(made.package(&source, fields, &version));
    }
    Ok(found)
}

fn field(fields: &Fields, name: &str) -> String {
    fields.get(name).cloned().unwrap_or_default()
}

/// A program of which nothing more is known.
const PROGRAM: Entry = Entry::File {
    mode: 0o755,
    size: 0,
    text: None,
};

/// What was made out of the files of one binary package.
struct Made {
    texts: Texts,
    /// Which file a text of the control archive comes from.
    shown: BTreeMap<&'static str, String>,
    /// Which file a path of the package comes from.
    origins: BTreeMap<String, String>,
    files: BTreeMap<String, Entry>,
}

impl Made {
    fn new(source: &Debian<'_>, files: &[(String, Role)]) -> Result<Self, Reason> {
        let mut made = Self {
            texts: Texts::default(),
            shown: BTreeMap::new(),
            origins: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        let mut contents = Contents::new("debian/", source.limits);
        for (file, role) in files {
            let Some(text) = source.text(file)? else {
                continue;
            };
            match role {
                Role::Control(name) => {
                    made.texts.add(name, text.as_bytes());
                    made.shown.insert(name, source.shown(file));
                }
                Role::File { path, mode } => {
                    made.add(&mut contents, path, (*mode, &text))?;
                    made.origin(path, source.shown(file));
                }
                Role::Install => made.install(source, &mut contents, &text)?,
                Role::Runscripts => made.runscripts(source, &mut contents, &text)?,
                Role::Links => {
                    for (path, target) in debhelper::links(&text) {
                        if !contents.contains(&path) {
                            contents.add(path, Entry::Link { target })?;
                        }
                    }
                }
            }
        }
        made.files = contents.finish()?;
        Ok(made)
    }

    fn add(
        &self,
        contents: &mut Contents<'_>,
        path: &str,
        (mode, text): (u32, &str),
    ) -> Result<(), Reason> {
        if contents.contains(path) {
            return Ok(());
        }
        let size = text.len() as u64;
        let kept = contents.keeps(path, size)?;
        let text = kept.then(|| text.to_owned());
        contents.add(path.to_owned(), Entry::File { mode, size, text })
    }

    fn origin(&mut self, path: &str, shown: String) {
        let path = paths::merged(path).unwrap_or_else(|| path.to_owned());
        self.origins.insert(path, shown);
    }

    /// What a `.install` file says, as far as it needs no build to be known.
    fn install(
        &mut self,
        source: &Debian<'_>,
        contents: &mut Contents<'_>,
        text: &str,
    ) -> Result<(), Reason> {
        for installed in debhelper::installed(text) {
            let matching = source.matching(&installed.source)?;
            if let Some(path) = installed.path(&installed.source)
                && matching.is_empty()
                && debhelper::is_program(&path)
                && !contents.contains(&path)
            {
                // What the build brings: nothing but programs lies in these directories.
                contents.add(path, PROGRAM)?;
            }
            for inside in matching {
                if let Some(path) = installed.path(&format!("debian/{inside}")) {
                    self.copy(source, contents, (&inside, &path))?;
                }
            }
        }
        Ok(())
    }

    /// What a `.runit` file says.
    fn runscripts(
        &mut self,
        source: &Debian<'_>,
        contents: &mut Contents<'_>,
        text: &str,
    ) -> Result<(), Reason> {
        for Runscript { source: of, path } in debhelper::runscripts(text) {
            for inside in source.matching(&of)? {
                let found = source.all(&inside)?;
                // A file is the program itself, a directory is the service's.
                let alone = found.iter().any(|one| one.below.is_empty());
                let path = if alone {
                    format!("{path}/run")
                } else {
                    path.clone()
                };
                self.copy(source, contents, (&inside, &path))?;
            }
        }
        Ok(())
    }

    /// What lies at a path of `debian/`, file or directory, comes to lie at a path of the package.
    fn copy(
        &mut self,
        source: &Debian<'_>,
        contents: &mut Contents<'_>,
        (inside, path): (&str, &str),
    ) -> Result<(), Reason> {
        for found in source.all(inside)? {
            let path = match found.below.as_str() {
                "" => path.to_owned(),
                below => format!("{path}/{below}"),
            };
            // Two ways to install one file, which both say where it comes from.
            if contents.contains(&path) {
                continue;
            }
            let mut entry = found.entry;
            if let Entry::File { size, text, .. } = &mut entry
                && contents.keeps(&path, *size)?
            {
                *text = source.read(&found.inside)?;
            }
            self.origin(&path, source.shown(&found.inside));
            contents.add(path, entry)?;
        }
        Ok(())
    }

    fn package(self, source: &Debian<'_>, mut fields: Fields, version: &str) -> Package {
        fields.insert("version".to_owned(), version.to_owned());
        let shown = |name: &str| match self.shown.get(name) {
            Some(shown) => shown.clone(),
            None => source.shown(name),
        };
        let mut conffiles = self.texts.conffiles();
        // debhelper takes all that is there for configuration.
        let files = self
            .files
            .iter()
            .filter(|(_, e)| matches!(e, Entry::File { .. }));
        conffiles.extend(
            files
                .map(|(path, _)| path.clone())
                .filter(|path| path.starts_with("/etc/")),
        );
        Package {
            path: source.path.to_owned(),
            form: Form::Source,
            name: field(&fields, "package"),
            version: version.to_owned(),
            scripts: self.texts.scripts(shown),
            conffiles,
            triggers: self.texts.triggers(),
            files: self.files,
            origins: self.origins,
            fields,
        }
    }
}

#[cfg(test)]
mod tests;
