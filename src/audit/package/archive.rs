//! The tar archive within a member, entry by entry, as dpkg reads it: its own kinds of entries and GNU's
//! long names, and nothing else, so that no archive says one thing to dpkg and another to us.

use std::io::Read;

use tar::{Archive, Entry, EntryType};

use super::error::Reason;
use super::limits::Limits;
use super::paths;

/// How many bytes of a bad name are shown.
const SHOWN: usize = 80;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// Bytes.
        size: u64,
    },
    /// Another name of a file of the archive.
    HardLink {
        /// Its path, absolute.
        target: String,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as it is written.
        target: String,
    },
    /// A directory.
    Directory,
    /// A device, a fifo.
    Other,
}

/// What is done with an entry: its path, what it is, and its bytes.
pub(super) type Visit<'v> = dyn FnMut(String, Kind, &mut dyn Read) -> Result<(), Reason> + 'v;

/// Shows all entries of the archive that `stream` is to `visit`; the root directory is left out.
pub(super) fn walk(
    part: &str,
    stream: impl Read,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<(), Reason> {
    let unreadable = |error| Reason::of_stream(part, error);
    let mut archive = Archive::new(stream);
    let mut walker = Walker {
        part,
        limits,
        name: None,
        link: None,
    };
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        if let Some((path, kind)) = walker.next(&mut entry)? {
            visit(path, kind, &mut entry)?;
        }
    }
    match (&walker.name, &walker.link) {
        (None, None) => Ok(()),
        _ => Err(walker.broken("a long name stands at its end, and nothing that has it")),
    }
}

/// What entries that only say how the next one is called have said.
struct Walker<'a> {
    part: &'a str,
    limits: &'a Limits,
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Walker<'_> {
    /// `None` where it is no entry of its own.
    fn next<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
    ) -> Result<Option<(String, Kind)>, Reason> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::GNULongName | EntryType::GNULongLink) {
            let long = self.long(entry)?;
            let slot = match kind {
                EntryType::GNULongName => &mut self.name,
                _ => &mut self.link,
            };
            return match slot.replace(long) {
                None => Ok(None),
                Some(_) => Err(self.broken("two long names stand before one entry")),
            };
        }
        let header = entry.header();
        let name = self.name.take();
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = self.link.take().or_else(|| {
            let link = header.link_name_bytes();
            link.map(std::borrow::Cow::into_owned)
        });
        let path = self.path(&name)?;
        let kind = self.kind(entry, &name, link.as_deref())?;
        Ok((!path.is_empty()).then_some((path, kind)))
    }

    fn kind<R: Read>(
        &self,
        entry: &Entry<'_, R>,
        name: &[u8],
        link: Option<&[u8]>,
    ) -> Result<Kind, Reason> {
        let size = entry.size();
        let kind = match entry.header().entry_type() {
            // Before there was a kind for directories the slash said it.
            EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => {
                let mode = entry.header().mode();
                let mode = mode.map_err(|error| Reason::of_stream(self.part, error))? & 0o7777;
                return Ok(Kind::File { mode, size });
            }
            EntryType::Link => Kind::HardLink {
                target: self.path(link.unwrap_or_default())?,
            },
            EntryType::Symlink => Kind::Link {
                target: self.target(link.unwrap_or_default())?,
            },
            EntryType::Directory => Kind::Directory,
            EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Other,
            other => {
                let letter = char::from(other.as_byte()).escape_debug().to_string();
                let why = format!("it has an entry of the kind `{letter}`, which dpkg refuses");
                return Err(Reason::hostile(self.part, why));
            }
        };
        if size == 0 {
            return Ok(kind);
        }
        // dpkg does not skip what stands behind it, tar does: two readers would see two archives.
        let shown = paths::text(name).escape_debug().to_string();
        let why = format!("`{shown}` is no file, and is said to have {size} bytes");
        Err(Reason::hostile(self.part, why))
    }

    fn long<R: Read>(&self, entry: &mut Entry<'_, R>) -> Result<Vec<u8>, Reason> {
        let most = self.limits.path as u64;
        if entry.size() > most {
            return Err(Reason::limit(self.part, "the length of a name in it", most));
        }
        let mut bytes = Vec::new();
        let read = entry.read_to_end(&mut bytes);
        let read = read.map_err(|error| Reason::of_stream(self.part, error))?;
        if read as u64 != entry.size() {
            let part = self.part.to_owned();
            return Err(Reason::Truncated { part });
        }
        let text = bytes.split(|byte| *byte == 0).next();
        Ok(text.unwrap_or_default().to_vec())
    }

    fn path(&self, name: &[u8]) -> Result<String, Reason> {
        paths::absolute(name, self.limits.path, self.limits.depth).map_err(|odd| {
            let shown = paths::text(name.get(..SHOWN).unwrap_or(name));
            let why = format!("the name `{}` in it {odd}", shown.escape_debug());
            Reason::hostile(self.part, why)
        })
    }

    fn target(&self, bytes: &[u8]) -> Result<String, Reason> {
        if bytes.is_empty() {
            return Err(self.broken("a link in it leads nowhere"));
        }
        Ok(paths::text(bytes))
    }

    fn broken(&self, why: &str) -> Reason {
        Reason::Broken {
            part: self.part.to_owned(),
            why: why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    struct One<'a> {
        name: &'a str,
        kind: EntryType,
        link: &'a str,
        body: &'a str,
    }

    fn one<'a>(name: &'a str, kind: EntryType, body: &'a str) -> One<'a> {
        let link = "";
        One {
            name,
            kind,
            link,
            body,
        }
    }

    fn archive(entries: &[One<'_>]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for entry in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
            header.as_old_mut().linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
            header.set_entry_type(entry.kind);
            header.set_size(entry.body.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, entry.body.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn shown(bytes: &[u8]) -> Result<Vec<String>, String> {
        let limits = Limits {
            path: 200,
            ..Limits::default()
        };
        let mut found = Vec::new();
        let walked = walk("it", bytes, &limits, &mut |path, kind, bytes| {
            let mut text = String::new();
            bytes.read_to_string(&mut text).unwrap();
            found.push(format!("{path} {kind:?} {text}"));
            Ok(())
        });
        walked.map(|()| found).map_err(|error| error.to_string())
    }

    #[test]
    fn entries_are_shown_with_what_they_are() {
        let bytes = archive(&[
            one("./", EntryType::Directory, ""),
            one("./a/", EntryType::Directory, ""),
            one("./a/b", EntryType::Regular, "text"),
            One {
                link: "./a/b",
                ..one("./a/c", EntryType::Link, "")
            },
            One {
                link: "../x",
                ..one("./a/d", EntryType::Symlink, "")
            },
            one("./a/e", EntryType::Fifo, ""),
        ]);
        assert_eq!(
            shown(&bytes).unwrap(),
            [
                "/a Directory ",
                "/a/b File { mode: 420, size: 4 } text",
                "/a/c HardLink { target: \"/a/b\" } ",
                "/a/d Link { target: \"../x\" } ",
                "/a/e Other ",
            ]
        );
    }

    #[test]
    fn long_names_belong_to_the_entry_behind_them() {
        let long = format!("./{}", "x".repeat(150));
        let bytes = archive(&[
            one(
                "././@LongLink",
                EntryType::GNULongName,
                &format!("{long}\0"),
            ),
            one("././@LongLink", EntryType::GNULongLink, "target\0"),
            one("./cut", EntryType::Symlink, ""),
            one("./next", EntryType::Regular, ""),
        ]);
        let found = shown(&bytes).unwrap();
        assert_eq!(
            found[0],
            format!("{} Link {{ target: \"target\" }} ", &long[1..])
        );
        assert_eq!(found[1], "/next File { mode: 420, size: 0 } ");
    }

    #[test]
    fn what_dpkg_and_tar_read_differently_is_refused() {
        let long = "y".repeat(201);
        let name = |body| one("././@LongLink", EntryType::GNULongName, body);
        let file = || one("./a", EntryType::Regular, "");
        for (entries, expected) in [
            (vec![one("./a", EntryType::XHeader, "")], "of the kind `x`"),
            (
                vec![one("./a", EntryType::XGlobalHeader, "")],
                "of the kind `g`",
            ),
            (
                vec![one("./a", EntryType::GNUSparse, "")],
                "of the kind `S`",
            ),
            (
                vec![one("./a", EntryType::new(b'Z'), "")],
                "of the kind `Z`",
            ),
            (
                vec![one("./a", EntryType::Directory, "hidden")],
                "is said to have 6 bytes",
            ),
            (vec![one("./a", EntryType::Symlink, "")], "leads nowhere"),
            (vec![name("a"), name("b"), file()], "two long names"),
            (vec![name("a")], "at its end"),
            (vec![name(&long), file()], "length of a name"),
            (
                vec![one("/etc/a", EntryType::Regular, "")],
                "`/etc/a` in it is absolute",
            ),
            (
                vec![one("./../a", EntryType::Regular, "")],
                "`./../a` in it has `..` in it",
            ),
        ] {
            let error = shown(&archive(&entries)).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn an_archive_that_is_cut_off_or_has_a_wrong_sum_is_an_error() {
        let bytes = archive(&[one("./a", EntryType::Regular, "text")]);
        for cut in [100, 514, 700] {
            assert!(shown(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut wrong = bytes;
        wrong[0] = b'x';
        let error = shown(&wrong).unwrap_err();
        assert!(error.contains("checksum"), "{error}");
    }
}
