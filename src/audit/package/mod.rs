//! A package, as much of it as matters to services: control fields, maintainer scripts, the list of its
//! files, and the text of those that describe services. Large files are never kept.
//!
//! The types here are pure, and so are `paths`, `contents`, `control` and `debhelper`; [`read`] and what
//! it uses alone touch files: `deb` (with `ar`, `unpack` and `archive`), `tree` and `source` (with
//! `debian` and `folder`). None of them writes anything, follows a link within a package, or reads past [`Limits`].

mod ar;
mod archive;
mod contents;
mod control;
mod deb;
mod debhelper;
mod debian;
mod error;
mod folder;
mod limits;
mod paths;
mod read;
mod source;
mod tree;
mod unpack;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use self::error::{PackageError, Reason};
pub use self::limits::Limits;
pub use self::read::read;

/// Where a package was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A `.deb` file.
    Deb,
    /// A directory as `dpkg-deb -R` leaves it: the files, and `DEBIAN/` beside them.
    Tree,
    /// One binary package of a source package's `debian/`: what debhelper would add is not in it.
    Source,
}

/// One of dpkg's maintainer scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptName {
    /// Before files are unpacked.
    Preinst,
    /// After they are, when the package is configured or triggered.
    Postinst,
    /// Before files are removed or replaced.
    Prerm,
    /// After they were.
    Postrm,
}

impl ScriptName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Preinst, Self::Postinst, Self::Prerm, Self::Postrm];

    /// Its file name in the control archive.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preinst => "preinst",
            Self::Postinst => "postinst",
            Self::Prerm => "prerm",
            Self::Postrm => "postrm",
        }
    }
}

/// A maintainer script's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Which one it is.
    pub name: ScriptName,
    /// Where a reader finds it: `acpid_2.0.34-1_amd64.deb: prerm`, `debian/acpid.prerm`.
    pub shown: String,
    /// The program behind `#!`, without its directory: `sh`, `bash`, `perl`; empty where there is none.
    pub interpreter: String,
    /// Its text; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// What the package has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// Bytes.
        size: u64,
        /// Its text, where it describes services.
        text: Option<String>,
    },
    /// A symbolic link, or a hard link to another path of the package.
    Link {
        /// Where it leads, as it is written; a hard link's is absolute.
        target: String,
    },
    /// A directory.
    Directory,
    /// A device, a fifo.
    Other,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The file or directory that it was read from.
    pub path: PathBuf,
    /// What that is.
    pub form: Form,
    /// Its name.
    pub name: String,
    /// Its version; empty where nobody says.
    pub version: String,
    /// Control fields, by their names in lower case.
    pub fields: BTreeMap<String, String>,
    /// Its maintainer scripts.
    pub scripts: BTreeMap<ScriptName, Script>,
    /// All its paths, absolute, with /bin, /sbin and /lib* below /usr, where a merged system has them.
    pub files: BTreeMap<String, Entry>,
    /// The paths that dpkg treats as configuration.
    pub conffiles: BTreeSet<String>,
    /// The lines of its `triggers` file, without comments.
    pub triggers: Vec<String>,
    /// Which file of a source package it is that lies at a path, as a reader finds it.
    pub origins: BTreeMap<String, String>,
}

/// How many links one after the other are followed within a package.
const MOST_LINKS: usize = 8;

impl Package {
    /// The text of the file at `path`, where it was kept; links within the package are followed.
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.resolve(path)? {
            (_, Entry::File { text, .. }) => text.as_deref(),
            (_, Entry::Link { .. } | Entry::Directory | Entry::Other) => None,
        }
    }

    /// What is at `path` in the end, and where that is; `None` for what is not in the package.
    pub fn resolve<'a>(&'a self, path: &str) -> Option<(&'a str, &'a Entry)> {
        let mut path = paths::merged(path).unwrap_or_else(|| path.to_owned());
        for _ in 0..MOST_LINKS {
            let (at, entry) = self.files.get_key_value(&path)?;
            match entry {
                Entry::Link { target } => path = paths::target(at, target),
                Entry::File { .. } | Entry::Directory | Entry::Other => return Some((at, entry)),
            }
        }
        None
    }

    /// Where a reader finds the file at `path`: in the package, or in the source package.
    pub fn place<'a>(&'a self, path: &'a str) -> &'a str {
        self.origins.get(path).map_or(path, String::as_str)
    }
}

/// Where the link at `from` leads, as an absolute path with one spelling; nothing is looked up.
pub fn target(from: &str, to: &str) -> String {
    paths::target(from, to)
}
