//! What a service definition consists of: its files with their rights and digests, its links, its
//! directories. Pure: `read` makes one of a directory, `plan` compares them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::ServiceName;

/// What belongs to the supervisor, at the top of a service directory and of its logger's: never part of a
/// definition, and never touched.
const SUPERVISORS: [&str; 2] = ["supervise", "event"];

/// One of the two services of a service directory.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The service.
    Service,
    /// Its logger, in `log/`.
    Log,
}

impl Part {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Service, Self::Log];

    /// The part that reads `path`.
    pub fn of(path: &str) -> Self {
        match path == "log" || path.starts_with("log/") {
            true => Self::Log,
            false => Self::Service,
        }
    }

    /// The directory below `live` that its service directory is in, and its name there.
    pub fn found_in<'n>(self, live: &Path, service: &'n ServiceName) -> (PathBuf, &'n str) {
        match self {
            Self::Service => (live.to_path_buf(), service.as_str()),
            Self::Log => (live.join(service.as_str()), "log"),
        }
    }

    /// The file that keeps a supervisor from starting it by itself: runsv(8), s6-supervise's servicedir.
    pub fn down_file(self) -> &'static str {
        match self {
            Self::Service => "down",
            Self::Log => "log/down",
        }
    }
}

/// One file, link or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Node {
    /// A plain file.
    File {
        /// Permission bits.
        mode: u32,
        /// The numbers of its owner and its group.
        owner: (u32, u32),
        /// What it holds, as [`digest`] has it.
        digest: String,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as it stands there.
        target: String,
    },
    /// A directory.
    Directory {
        /// Permission bits.
        mode: u32,
        /// The numbers of its owner and its group.
        owner: (u32, u32),
    },
}

impl Node {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory { .. })
    }
}

/// A definition: paths below the service directory, and what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(pub BTreeMap<String, Node>);

impl Tree {
    /// What is at `path`.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.0.get(path)
    }

    /// All paths, a directory before what is in it.
    pub fn paths(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Its version: a digest over all paths, rights and contents. Two definitions that behave alike are
    /// one version.
    pub fn version(&self) -> String {
        let mut text = String::new();
        for (path, node) in &self.0 {
            let shown = match node {
                Node::File {
                    mode,
                    owner: (user, group),
                    digest,
                } => format!("file {mode:o} {user} {group} {digest}"),
                Node::Link { target } => format!("link {target}"),
                Node::Directory {
                    mode,
                    owner: (user, group),
                } => format!("directory {mode:o} {user} {group}"),
            };
            // No name holds a zero byte.
            let _ = write!(text, "{path}\0{shown}\0");
        }
        digest(text.as_bytes())
    }
}

/// A digest that no two different contents share, in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether `path` is the supervisor's.
pub(super) fn is_supervisors(path: &str) -> bool {
    let inside = path.strip_prefix("log/").unwrap_or(path);
    let top = inside.split('/').next().unwrap_or_default();
    SUPERVISORS.contains(&top)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u32, text: &str) -> Node {
        Node::File {
            mode,
            owner: (0, 0),
            digest: digest(text.as_bytes()),
        }
    }

    #[test]
    fn the_digest_is_sha_256() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), expected);
    }

    #[test]
    fn a_version_changes_with_contents_modes_names_and_links() {
        let one = |path: &str, node| Tree(BTreeMap::from([(path.to_owned(), node)])).version();
        let versions = [
            one("run", file(0o755, "a")),
            one("run", file(0o755, "b")),
            one("run", file(0o644, "a")),
            one("finish", file(0o755, "a")),
            one(
                "run",
                Node::Link {
                    target: "a".to_owned(),
                },
            ),
        ];
        for (at, version) in versions.iter().enumerate() {
            assert!(!versions[at + 1..].contains(version), "{at}");
        }
        assert_eq!(versions[0], one("run", file(0o755, "a")));
    }

    #[test]
    fn what_is_the_supervisors_is_told_in_the_service_and_its_logger() {
        for path in [
            "supervise",
            "supervise/ok",
            "event",
            "log/supervise",
            "log/event/x",
        ] {
            assert!(is_supervisors(path), "{path}");
        }
        for path in ["run", "log", "log/run", "data/event", "supervised"] {
            assert!(!is_supervisors(path), "{path}");
        }
    }
}
