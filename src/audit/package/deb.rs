//! A `.deb` file: its control archive as a whole, its data archive as a stream of which only names and
//! the texts that describe services are kept. Nothing is ever written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::ar::{self, Member};
use super::archive::{self, Kind};
use super::contents::Contents;
use super::control::Texts;
use super::error::Reason;
use super::limits::{Bounded, Limits};
use super::unpack::{Packing, unpack};
use super::{Entry, Form, Package, paths};

const VERSION: &str = "debian-binary";
const CONTROL: &str = "control.tar";
const DATA: &str = "data.tar";
/// How much is read from the disk at once, in bytes.
const BUFFER: usize = 1 << 16;

/// Reads the package in `file`, which is at `path`.
pub(super) fn read(path: &Path, file: &mut File, limits: &Limits) -> Result<Package, Reason> {
    let members = ar::members(file, limits.members)?;
    let [version, control, data] = parts(&members)?;
    check_version(file, version)?;
    let texts = read_control(file, control, limits)?;
    let file_name = path.file_name().unwrap_or(path.as_os_str());
    let file_name = file_name.to_string_lossy();
    let fields = texts.fields(&format!("{file_name}: control"))?;
    let contents = read_data(file, data, limits)?;
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    Ok(Package {
        path: path.to_owned(),
        form: Form::Deb,
        name: field("package"),
        version: field("version"),
        scripts: texts.scripts(|name| format!("{file_name}: {name}")),
        conffiles: texts.conffiles(),
        triggers: texts.triggers(),
        origins: BTreeMap::new(),
        files: contents,
        fields,
    })
}

/// The three members that matter, which stand in this order; those with `_` before their name may stand between.
fn parts(members: &[Member]) -> Result<[&Member; 3], Reason> {
    let stems = [VERSION, CONTROL, DATA];
    let mut found = Vec::new();
    for member in members
        .iter()
        .filter(|member| !member.name.starts_with('_'))
    {
        let is = |stem: &&str| {
            let rest = member.name.strip_prefix(stem);
            rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && *stem != VERSION))
        };
        let name = member.name.escape_debug();
        match (stems.iter().position(is), found.len()) {
            (Some(known), count) if known == count => found.push(member),
            (Some(known), count) if known < count => {
                return Err(Reason::hostile(
                    "it",
                    format!("it has a second member `{name}`"),
                ));
            }
            // What stands behind the data is for later versions of the format.
            (None, 3) => {}
            (_, count) => {
                let expected = stems.get(count).unwrap_or(&DATA);
                let why = format!("its member `{name}` stands where `{expected}` is expected");
                return Err(Reason::hostile("it", why));
            }
        }
    }
    match found.as_slice() {
        [version, control, data] => Ok([version, control, data]),
        some => Err(Reason::Broken {
            part: "it".to_owned(),
            why: format!(
                "it has no member `{}`",
                stems.get(some.len()).unwrap_or(&DATA)
            ),
        }),
    }
}

/// The bytes of a member.
fn member<'f>(file: &'f mut File, member: &Member) -> Result<std::io::Take<&'f mut File>, Reason> {
    let found = file.seek(SeekFrom::Start(member.start));
    found.map_err(|error| Reason::of_stream(&part(member), error))?;
    Ok(file.take(member.size))
}

fn part(member: &Member) -> String {
    format!("its member `{}`", member.name.escape_debug())
}

fn check_version(file: &mut File, version: &Member) -> Result<(), Reason> {
    let part = part(version);
    let mut text = Vec::new();
    let read = member(file, version)?.take(16).read_to_end(&mut text);
    read.map_err(|error| Reason::of_stream(&part, error))?;
    if text.starts_with(b"2.") {
        return Ok(());
    }
    Err(Reason::Broken {
        part,
        why: "the format is not version 2".to_owned(),
    })
}

/// What a member unpacks to.
fn stream<'f>(
    file: &'f mut File,
    of: &Member,
    stem: &str,
    limits: &Limits,
) -> Result<Bounded<Box<dyn Read + 'f>>, Reason> {
    let packing = Packing::of(&of.name, stem)?;
    let packed = BufReader::with_capacity(BUFFER, member(file, of)?);
    let most = if stem == CONTROL {
        limits.control
    } else {
        limits.stream
    };
    let most = match packing {
        // It cannot unpack to more than there is.
        Packing::None => most,
        Packing::Gzip | Packing::Xz | Packing::Zstd => limits.unpacked(of.size, most),
    };
    Ok(Bounded::new(unpack(packing, packed, limits.memory), most))
}

fn read_control(file: &mut File, of: &Member, limits: &Limits) -> Result<Texts, Reason> {
    let part = part(of);
    let stream = stream(file, of, CONTROL, limits)?;
    let mut texts = Texts::default();
    let mut entries = 0;
    archive::walk(&part, stream, limits, &mut |path, kind, bytes| {
        entries += 1;
        if entries > limits.entries {
            let most = limits.entries as u64;
            return Err(Reason::limit(&part, "the number of its files", most));
        }
        let name = path.strip_prefix('/').unwrap_or(&path);
        let Some(name) = Texts::known(name) else {
            return Ok(());
        };
        let here = format!("`{name}` in {part}");
        let Kind::File { size, .. } = kind else {
            return Err(Reason::hostile(&here, "it is no file"));
        };
        if texts.add(name, &text(&here, bytes, size, limits)?) {
            return Err(Reason::hostile(&part, format!("it has `{name}` twice")));
        }
        Ok(())
    })?;
    Ok(texts)
}

fn read_data(
    file: &mut File,
    of: &Member,
    limits: &Limits,
) -> Result<BTreeMap<String, Entry>, Reason> {
    let part = part(of);
    let stream = stream(file, of, DATA, limits)?;
    let mut contents = Contents::new(&part, limits);
    archive::walk(&part, stream, limits, &mut |path, kind, bytes| {
        let entry = match kind {
            Kind::File { mode, size } => {
                let here = || format!("`{}` in {part}", path.escape_debug());
                let kept = contents.keeps(&path, size)?;
                let text = kept.then(|| text(&here(), bytes, size, limits));
                let text = text.transpose()?;
                let text = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                Entry::File { mode, size, text }
            }
            Kind::HardLink { target } => {
                contents.has_file(&path, &target)?;
                let target = paths::merged(&target).unwrap_or(target);
                Entry::Link { target }
            }
            Kind::Link { target } => Entry::Link { target },
            Kind::Directory => Entry::Directory,
            Kind::Other => Entry::Other,
        };
        contents.add(path, entry)
    })?;
    contents.finish()
}

/// The whole of a file that is `size` bytes long.
fn text(part: &str, bytes: &mut dyn Read, size: u64, limits: &Limits) -> Result<Vec<u8>, Reason> {
    if size > limits.text {
        return Err(Reason::limit(part, "its size in bytes", limits.text));
    }
    let mut whole = Vec::new();
    let read = bytes.take(size).read_to_end(&mut whole);
    match read.map_err(|error| Reason::of_stream(part, error))? {
        count if count as u64 == size => Ok(whole),
        _ => Err(Reason::Truncated {
            part: part.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &str) -> Result<String, String> {
        let members: Vec<Member> = names
            .split_whitespace()
            .map(|name| Member {
                name: name.to_owned(),
                start: 0,
                size: 0,
            })
            .collect();
        match parts(&members) {
            Ok([_, control, data]) => Ok(format!("{} {}", control.name, data.name)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn members_stand_in_their_order_and_others_only_where_the_format_allows_them() {
        for names in [
            "debian-binary control.tar.xz data.tar.zst",
            "debian-binary _x control.tar.xz _y data.tar.zst _z other",
        ] {
            assert_eq!(found(names).unwrap(), "control.tar.xz data.tar.zst");
        }
    }

    #[test]
    fn members_that_are_missing_twice_there_or_in_another_order_are_told() {
        for (names, expected) in [
            ("", "it has no member `debian-binary`"),
            ("debian-binary", "it has no member `control.tar`"),
            ("debian-binary control.tar", "it has no member `data.tar`"),
            (
                "control.tar data.tar",
                "`control.tar` stands where `debian-binary`",
            ),
            (
                "debian-binary data.tar control.tar",
                "`data.tar` stands where `control.tar`",
            ),
            (
                "debian-binary control.tar control.tar.gz data.tar",
                "a second member `control.tar.gz`",
            ),
            (
                "debian-binary control.tar data.tar data.tar.gz",
                "a second member `data.tar.gz`",
            ),
            (
                "debian-binary control.tar data.tar debian-binary",
                "a second member",
            ),
            (
                "debian-binary control.tarx data.tar",
                "`control.tarx` stands where",
            ),
            (
                "debian-binary other control.tar data.tar",
                "`other` stands where",
            ),
        ] {
            let error = found(names).unwrap_err();
            assert!(error.contains(expected), "{names}: {error}");
        }
    }
}
