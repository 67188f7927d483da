//! A source package's `debian/`: what its binary packages will have, as far as the files say so. What
//! debhelper adds to scripts is not known; `#DEBHELPER#` stays the comment that it is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::contents::Contents;
use super::control::{self, Fields, Texts};
use super::debhelper::{self, Role};
use super::error::Reason;
use super::folder::{Folder, Node};
use super::limits::Limits;
use super::{Entry, Form, Package, paths};

/// Reads the binary packages of `debian`, which is at `path`.
pub(super) fn read(path: &Path, debian: &Folder, limits: &Limits) -> Result<Vec<Package>, Reason> {
    let source = Source {
        path,
        debian,
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
    for file in debian.names(limits.entries)? {
        let Some(file) = file.to_str() else { continue };
        if let Some((package, role)) = debhelper::role(file, &names) {
            roles
                .entry(package)
                .or_default()
                .push((file.to_owned(), role));
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

struct Source<'a> {
    path: &'a Path,
    debian: &'a Folder,
    limits: &'a Limits,
}

impl Source<'_> {
    /// Where a reader finds the file `name`.
    fn shown(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// The text of the file `name`; a link to another file beside it is as good as that.
    fn text(&self, name: &str) -> Result<Option<String>, Reason> {
        let name: &OsStr = name.as_ref();
        let found = match self.debian.find(name)? {
            Some(Node::Link(target)) if is_plain(&target) => self
                .debian
                .read(paths::text(&target).as_ref(), self.limits)?,
            Some(Node::Directory) => None,
            Some(_) => self.debian.read(name, self.limits)?,
            None => None,
        };
        Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// What lies at a path of the source, from where `debian/` is.
    fn find(&self, path: &str) -> Result<Option<Node>, Reason> {
        let Some(inside) = path.strip_prefix("debian/") else {
            return Ok(None);
        };
        if inside.contains('/') {
            return Ok(None);
        }
        self.debian.find(inside.as_ref())
    }
}

fn is_plain(target: &[u8]) -> bool {
    !target.contains(&b'/') && !matches!(target, b"." | b"..")
}

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
    fn new(source: &Source<'_>, files: &[(String, Role)]) -> Result<Self, Reason> {
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
        source: &Source<'_>,
        contents: &mut Contents<'_>,
        text: &str,
    ) -> Result<(), Reason> {
        for (from, path) in debhelper::installed(text) {
            // Two ways to install one file, which both say where it comes from.
            if contents.contains(&path) {
                continue;
            }
            match source.find(&from)? {
                Some(Node::File { mode, .. }) => {
                    let name = from.strip_prefix("debian/").unwrap_or(&from);
                    let text = source.text(name)?.unwrap_or_default();
                    self.add(contents, &path, (mode, &text))?;
                    self.origin(&path, source.shown(name));
                }
                // What the build brings: nothing but programs lies in these directories.
                None if debhelper::is_program(&path) => {
                    let program = Entry::File {
                        mode: 0o755,
                        size: 0,
                        text: None,
                    };
                    contents.add(path, program)?;
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn package(self, source: &Source<'_>, mut fields: Fields, version: &str) -> Package {
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
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::ScriptName;
    use super::*;

    const CONTROL: &str = "Source: src\n\nPackage: foo\nDepends: a\n\nPackage: foo-bar\n";

    fn debian(files: &[(&str, &str)]) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("control"), CONTROL).unwrap();
        fs::write(top.path().join("changelog"), "src (2-1) sid; urgency=low\n").unwrap();
        for (name, text) in files {
            fs::write(top.path().join(name), text).unwrap();
        }
        top
    }

    fn packages(top: &tempfile::TempDir) -> Result<Vec<Package>, String> {
        let folder = Folder::open(top.path()).unwrap();
        let read = read(Path::new("debian"), &folder, &Limits::default());
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn each_binary_package_has_its_own_files() {
        let top = debian(&[
            ("postinst", "#!/bin/sh\n#DEBHELPER#\n"),
            ("foo-bar.prerm", "#!/bin/sh\n"),
            ("foo.service", "[Service]\nExecStart=/usr/sbin/foo\n"),
            ("foo.other.socket", "[Socket]\n"),
            ("foo.init", "#!/bin/sh\n"),
            ("50-foo.toml", "[[rule]]\n"),
            (
                "foo.install",
                "debian/50-foo.toml usr/lib/rcpolicy/policy.d\nusr/sbin/foo\nusr/lib/foo\n",
            ),
            (
                "foo-bar.links",
                "lib/systemd/system/foo.service lib/systemd/system/bar.service\n",
            ),
        ]);
        let all = packages(&top).unwrap();
        let [foo, bar] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!((foo.name.as_str(), foo.version.as_str()), ("foo", "2-1"));
        assert_eq!(foo.scripts[&ScriptName::Postinst].shown, "debian/postinst");
        assert!(
            foo.scripts[&ScriptName::Postinst]
                .text
                .contains("#DEBHELPER#")
        );
        let paths: Vec<&str> = foo.files.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "/etc/init.d/foo",
                "/usr/lib/rcpolicy/policy.d/50-foo.toml",
                "/usr/lib/systemd/system/foo.service",
                "/usr/lib/systemd/system/other.socket",
                "/usr/sbin/foo",
            ]
        );
        assert!(foo.conffiles.contains("/etc/init.d/foo"));
        let policy = "/usr/lib/rcpolicy/policy.d/50-foo.toml";
        assert_eq!(foo.text(policy), Some("[[rule]]\n"));
        assert_eq!(foo.place(policy), "debian/50-foo.toml");
        let unit = "/usr/lib/systemd/system/foo.service";
        assert_eq!(foo.place(unit), "debian/foo.service");
        assert_eq!(
            bar.scripts[&ScriptName::Prerm].shown,
            "debian/foo-bar.prerm"
        );
        assert_eq!(bar.fields["source"], "src");
        assert!(
            bar.files
                .contains_key("/usr/lib/systemd/system/bar.service")
        );
    }

    #[test]
    fn links_beside_each_other_are_read_and_others_are_refused() {
        let top = debian(&[("foo.prerm", "#!/bin/sh\n")]);
        symlink("foo.prerm", top.path().join("foo-bar.prerm")).unwrap();
        let all = packages(&top).unwrap();
        assert_eq!(all[1].scripts[&ScriptName::Prerm].text, "#!/bin/sh\n");
        for out in ["/etc/passwd", "../control", "..", "foo-bar.prerm"] {
            fs::remove_file(top.path().join("foo-bar.prerm")).unwrap();
            symlink(out, top.path().join("foo-bar.prerm")).unwrap();
            let error = packages(&top).unwrap_err();
            assert!(error.contains("is a symbolic link"), "{out}: {error}");
        }
    }

    #[test]
    fn a_file_that_is_installed_in_two_ways_is_one() {
        let top = debian(&[
            ("foo.service", "[Unit]\n"),
            ("foo.install", "debian/foo.service lib/systemd/system\n"),
        ]);
        let all = packages(&top).unwrap();
        assert_eq!(all[0].files.len(), 1);
        let unit = "/usr/lib/systemd/system/foo.service";
        assert_eq!(all[0].place(unit), "debian/foo.service");
    }
}
