//! An unpacked package: its files, and `DEBIAN/` with what the control archive would have.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::contents::Contents;
use super::control::Texts;
use super::error::Reason;
use super::folder::{Folder, Node};
use super::limits::Limits;
use super::{Entry, Form, Package, paths};

const CONTROL: &str = "DEBIAN";

/// Reads the package that lies unpacked in `root`.
pub(super) fn read(path: &Path, root: &Folder, limits: &Limits) -> Result<Package, Reason> {
    let control = root.enter(CONTROL.as_ref())?;
    let texts = read_control(&control, limits)?;
    let shown = |name: &str| path.join(CONTROL).join(name).display().to_string();
    let fields = texts.fields(&shown("control"))?;
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    Ok(Package {
        path: path.to_owned(),
        form: Form::Tree,
        name: field("package"),
        version: field("version"),
        scripts: texts.scripts(shown),
        files: read_files(root, limits)?,
        conffiles: texts.conffiles(),
        triggers: texts.triggers(),
        origins: BTreeMap::new(),
        fields,
    })
}

fn read_control(control: &Folder, limits: &Limits) -> Result<Texts, Reason> {
    let mut texts = Texts::default();
    for name in Texts::NAMES {
        if let Some(bytes) = control.read(name.as_ref(), limits)? {
            texts.add(name, &bytes);
        }
    }
    Ok(texts)
}

fn read_files(root: &Folder, limits: &Limits) -> Result<BTreeMap<String, Entry>, Reason> {
    let contents = Contents::new("it", limits);
    let mut walk = Walk {
        contents,
        limits,
        listed: 0,
    };
    walk.directory(root, "", 0)?;
    walk.contents.finish()
}

struct Walk<'a> {
    contents: Contents<'a>,
    limits: &'a Limits,
    /// How many names were read, those of directories that are not done included.
    listed: usize,
}

impl Walk<'_> {
    /// Takes in what is in `folder`, which is at `path` of the package, `depth` directories down.
    fn directory(&mut self, folder: &Folder, path: &str, depth: usize) -> Result<(), Reason> {
        let names = folder.names(self.limits.entries.saturating_sub(self.listed))?;
        self.listed += names.len();
        for name in names {
            let is_control = depth == 0 && name == CONTROL;
            if !is_control {
                self.node(folder, &name, path, depth)?;
            }
        }
        Ok(())
    }

    fn node(
        &mut self,
        folder: &Folder,
        name: &OsString,
        above: &str,
        depth: usize,
    ) -> Result<(), Reason> {
        let path = format!("{above}/{}", paths::text(name.as_bytes()));
        if depth >= self.limits.depth {
            let deepest = self.limits.depth as u64;
            let what = "the depth of its directories";
            return Err(Reason::limit(&folder.shown(name), what, deepest));
        }
        // What went away since it was listed is not part of it.
        let Some(node) = folder.find(name)? else {
            return Ok(());
        };
        let entry = match node {
            Node::File { mode, size } => Entry::File {
                mode,
                size,
                text: self.text(folder, name, (&path, size))?,
            },
            Node::Link(target) => Entry::Link {
                target: paths::text(&target),
            },
            Node::Directory => Entry::Directory,
            Node::Other => Entry::Other,
        };
        let enter = entry == Entry::Directory;
        self.contents.add(path.clone(), entry)?;
        if enter {
            let inside = folder.enter(name)?;
            self.directory(&inside, &path, depth + 1)?;
        }
        Ok(())
    }

    fn text(
        &self,
        folder: &Folder,
        name: &OsStr,
        (path, size): (&str, u64),
    ) -> Result<Option<String>, Reason> {
        if !self.contents.keeps(path, size)? {
            return Ok(None);
        }
        let bytes = folder.read(name, self.limits)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree with a control file, and these files.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        let control = ("DEBIAN/control", "Package: foo\nVersion: 1-1\n");
        for (path, text) in [control].iter().chain(files) {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        top
    }

    fn read_at(top: &tempfile::TempDir, limits: &Limits) -> Result<Package, String> {
        let root = Folder::open(top.path()).unwrap();
        read(top.path(), &root, limits).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tree_is_read_with_its_links_as_they_are_written() {
        let top = tree(&[
            ("DEBIAN/prerm", "#!/bin/sh\nset -e\n"),
            ("DEBIAN/md5sums", "x"),
            ("lib/systemd/system/foo.service", "[Unit]\n"),
            ("usr/bin/foo", "code"),
        ]);
        symlink("/etc", top.path().join("usr/bin/out")).unwrap();
        let package = read_at(&top, &Limits::default()).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("foo", "1-1")
        );
        let paths: Vec<&str> = package.files.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "/lib",
                "/usr",
                "/usr/bin",
                "/usr/bin/foo",
                "/usr/bin/out",
                "/usr/lib/systemd",
                "/usr/lib/systemd/system",
                "/usr/lib/systemd/system/foo.service"
            ]
        );
        let unit = package.text("/usr/lib/systemd/system/foo.service");
        assert_eq!(unit, Some("[Unit]\n"));
        assert_eq!(package.text("/usr/bin/foo"), None);
        let out = Entry::Link {
            target: "/etc".to_owned(),
        };
        assert_eq!(package.files["/usr/bin/out"], out);
        assert!(
            package.scripts[&super::super::ScriptName::Prerm]
                .shown
                .ends_with("DEBIAN/prerm")
        );
    }

    #[test]
    fn links_in_place_of_control_files_are_refused() {
        let top = tree(&[]);
        symlink("/etc/shadow", top.path().join("DEBIAN/postinst")).unwrap();
        let error = read_at(&top, &Limits::default()).unwrap_err();
        assert!(
            error.contains("DEBIAN/postinst` is a symbolic link"),
            "{error}"
        );
        let top = tree(&[]);
        fs::rename(top.path().join("DEBIAN"), top.path().join("real")).unwrap();
        symlink("real", top.path().join("DEBIAN")).unwrap();
        let error = read_at(&top, &Limits::default()).unwrap_err();
        assert!(error.contains("DEBIAN` is a symbolic link"), "{error}");
    }

    #[test]
    fn a_very_deep_or_very_large_tree_is_refused() {
        let top = tree(&[("a/b/c/d", "")]);
        let limits = |depth, entries| Limits {
            depth,
            entries,
            ..Limits::default()
        };
        assert!(read_at(&top, &limits(4, 10)).is_ok());
        let error = read_at(&top, &limits(3, 10)).unwrap_err();
        assert!(error.contains("depth of its directories"), "{error}");
        let error = read_at(&top, &limits(4, 3)).unwrap_err();
        assert!(error.contains("number of its files"), "{error}");
    }
}
