//! The copy of the admin's last policy that read well: one versioned file, replaced by a rename.
//! A first line of JSON names the files; their texts follow, one after the other.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::files::PolicyText;
use super::roots::Roots;
use super::trusted::{self, Refused, Trust};
use crate::files::may_grow_to;
use crate::policy::rule::Tier;

/// Version of the format.
const VERSION: u32 = 1;
/// Name of the copy in its directory.
const NAME: &str = "policy";
/// Largest copy that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// Bytes of the copy that are read at once where it is only compared.
const COMPARED: usize = 16 * 1024;

/// Why the copy could not be used or made.
#[derive(Debug, Error)]
pub(super) enum KeptError {
    /// There is none.
    #[error("none is kept")]
    Missing,
    /// It cannot be read, or not be trusted.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is not what we write.
    #[error("the copy is damaged: {0}")]
    Damaged(&'static str),
    /// It could not be written.
    #[error("cannot keep a copy of this policy: {0}")]
    Write(#[from] io::Error),
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    tier: KeptTier,
    name: String,
    bytes: usize,
}

/// Whose file it was; packages' files are never kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptTier {
    Etc,
    Run,
}

/// Where the copy lies.
pub(super) fn path(roots: &Roots) -> PathBuf {
    roots.cache.join(NAME)
}

/// Makes `texts` the copy, if they are not already. No file at all leaves no copy: who never had a
/// policy is not bound by an empty one.
pub(super) fn keep(roots: &Roots, texts: &[PolicyText]) -> Result<(), KeptError> {
    let path = path(roots);
    if texts.is_empty() {
        return forget(&path);
    }
    let header = header(texts)?;
    let parts = parts(&header, texts);
    if is_kept(roots, &parts).unwrap_or(false) {
        return Ok(());
    }
    replace(&path, &parts).map_err(|error| {
        // an older policy must not come back as the last one
        let _ = forget(&path);
        KeptError::Write(error)
    })
}

/// The copy.
pub(super) fn read(roots: &Roots) -> Result<Vec<PolicyText>, KeptError> {
    parse(roots, bytes(roots)?)
}

/// A first line that says how long each file is, and behind it the files, one after the other.
fn parse(roots: &Roots, bytes: Vec<u8>) -> Result<Vec<PolicyText>, KeptError> {
    let text = String::from_utf8(bytes).map_err(|_| KeptError::Damaged("not UTF-8"))?;
    let (header, mut rest) = text
        .split_once('\n')
        .ok_or(KeptError::Damaged("no header"))?;
    let header: Header =
        serde_json::from_str(header).map_err(|_| KeptError::Damaged("unknown header"))?;
    if header.version != VERSION {
        return Err(KeptError::Damaged("written by another version"));
    }
    let mut texts = Vec::with_capacity(header.files.len());
    for entry in header.files {
        let (text, after) = rest
            .split_at_checked(entry.bytes)
            .ok_or(KeptError::Damaged("cut short"))?;
        texts.push(entry.text(roots, text));
        rest = after;
    }
    if rest.is_empty() {
        Ok(texts)
    } else {
        Err(KeptError::Damaged("too long"))
    }
}

impl Entry {
    fn of(text: &PolicyText) -> Option<Self> {
        let tier = match text.tier {
            Tier::Admin => KeptTier::Etc,
            Tier::Runtime => KeptTier::Run,
            Tier::Vendor => return None,
        };
        Some(Self {
            tier,
            name: text.name.clone(),
            bytes: text.text.len(),
        })
    }

    fn text(&self, roots: &Roots, text: &str) -> PolicyText {
        let tier = match self.tier {
            KeptTier::Etc => Tier::Admin,
            KeptTier::Run => Tier::Runtime,
        };
        let path = roots.directory(tier).join(&self.name);
        PolicyText {
            tier,
            name: self.name.clone(),
            // its lines are not those of the file that is there now
            path: format!("{} (as it last read well)", path.display()),
            text: text.to_owned(),
        }
    }
}

fn bytes(roots: &Roots) -> Result<Vec<u8>, KeptError> {
    found(roots, |path, trust| {
        trusted::read_regular(path, trust, LARGEST)
    })
}

/// Has the copy read, or opened, where there is one that can be trusted.
fn found<T>(
    roots: &Roots,
    read: impl FnOnce(&Path, &Trust<'_>) -> Result<T, Refused>,
) -> Result<T, KeptError> {
    let trust = Trust {
        owner: roots.owner,
        base: roots
            .cache
            .parent()
            .and_then(Path::parent)
            .unwrap_or(Path::new("/")),
    };
    if trusted::directory(&roots.cache, &trust)?.is_none() {
        return Err(KeptError::Missing);
    }
    match read(&path(roots), &trust) {
        Ok(found) => Ok(found),
        Err(error) if error.is_missing() => Err(KeptError::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Whether the copy is all of `parts`, one after the other. It is never in memory as a whole.
fn is_kept(roots: &Roots, parts: &[&[u8]]) -> Result<bool, KeptError> {
    let (mut file, size) = found(roots, trusted::open_regular)?;
    let expected: usize = parts.iter().map(|part| part.len()).sum();
    if u64::try_from(expected) != Ok(size) {
        return Ok(false);
    }
    let mut buffer = vec![0; COMPARED];
    for piece in parts.iter().flat_map(|part| part.chunks(COMPARED)) {
        let Some(kept) = buffer.get_mut(..piece.len()) else {
            return Ok(false);
        };
        file.read_exact(kept)?;
        if kept != piece {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first line of the copy.
fn header(texts: &[PolicyText]) -> Result<Vec<u8>, KeptError> {
    let header = Header {
        version: VERSION,
        files: texts.iter().filter_map(Entry::of).collect(),
    };
    let mut line = serde_json::to_vec(&header).map_err(io::Error::from)?;
    line.push(b'\n');
    Ok(line)
}

/// The copy, piece by piece: a policy may be long, and this is done on every call.
fn parts<'a>(header: &'a [u8], texts: &'a [PolicyText]) -> Vec<&'a [u8]> {
    let texts = texts.iter().map(|text| text.text.as_bytes());
    std::iter::once(header).chain(texts).collect()
}

fn forget(path: &Path) -> Result<(), KeptError> {
    // looked at first: on a read-only disk even removing nothing is an error
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    std::fs::remove_file(path)?;
    Ok(())
}

/// Replaces the file at `path` so that there is always either the old or the new one.
fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)?;
    let temporary = directory.join(format!(".{NAME}.{}", std::process::id()));
    let written = write(&temporary, parts).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    File::open(directory)?.sync_all()
}

fn write(temporary: &Path, parts: &[&[u8]]) -> io::Result<()> {
    may_grow_to(parts.iter().map(|part| part.len() as u64).sum())?;
    // left behind by a crash of a process that had our number
    let _ = std::fs::remove_file(temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Keep;

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let roots = Roots::under(Path::new("/machine"), Keep::No);
        let text = "[[rule]]\ndecide = \"deny\"\n";
        let length = text.len();
        let header = format!(
            "{{\"version\":{VERSION},\"files\":[{{\"tier\":\"etc\",\"name\":\"10-a.toml\",\"bytes\":{length}}},\
             {{\"tier\":\"run\",\"name\":\"b.toml\",\"bytes\":{length}}}]}}"
        );
        let whole = format!("{header}\n{text}{text}");
        assert!(parse(&roots, whole.clone().into_bytes()).is_ok());
        let words = ["\"bytes\":", "18446744073709551615", "\n", "é", "{}", "[]"];
        crate::testing::mutations::mutated(&[whole.as_bytes()], &words, |bytes| {
            let _ = parse(&roots, bytes.to_vec());
        });
    }
}
