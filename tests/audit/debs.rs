//! What packages are made of: trees for dpkg-deb, and archives without any tool that would refuse.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcpolicy::audit::package::{Limits, Package, PackageError, read};
use tar::{EntryType, Header};

/// Writes files below `top`, each with the directories above it.
pub(crate) fn tree(top: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = top.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Has dpkg-deb build the package that lies in `tree`.
pub(crate) fn dpkg_deb(tree: &Path, options: &[&str]) -> PathBuf {
    let deb = tree.with_extension("deb");
    let mut command = Command::new("dpkg-deb");
    command.arg("--root-owner-group").args(options).arg("-b");
    let output = command.arg(tree).arg(&deb).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "dpkg-deb {options:?}: {said}");
    deb
}

/// The one package at `path`.
pub(crate) fn one(path: &Path, limits: &Limits) -> Result<Package, PackageError> {
    let mut all = read(path, limits)?;
    assert_eq!(all.len(), 1);
    Ok(all.remove(0))
}

/// An entry of a tar archive, whatever it says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: EntryType,
    pub(crate) link: &'a str,
    pub(crate) body: &'a [u8],
}

pub(crate) fn file<'a>(name: &'a str, body: &'a str) -> Item<'a> {
    Item {
        name,
        kind: EntryType::Regular,
        link: "",
        body: body.as_bytes(),
    }
}

pub(crate) fn link<'a>(name: &'a str, kind: EntryType, link: &'a str) -> Item<'a> {
    Item {
        link,
        kind,
        ..file(name, "")
    }
}

pub(crate) fn tar(items: &[Item<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..item.name.len()].copy_from_slice(item.name.as_bytes());
        old.linkname[..item.link.len()].copy_from_slice(item.link.as_bytes());
        header.set_entry_type(item.kind);
        header.set_size(item.body.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, item.body).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A control archive that says what it must.
pub(crate) fn control() -> Vec<u8> {
    tar(&[
        file("./control", "Package: foo\nVersion: 1\nArchitecture: all\n"),
        file("./prerm", "#!/bin/sh\nset -e\ninvoke-rc.d foo stop\n"),
    ])
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A member's header, with a size that may lie.
pub(crate) fn header(name: &str, size: impl std::fmt::Display) -> Vec<u8> {
    format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
        0, 0, 0, 100_644
    )
    .into_bytes()
}

/// The outer archive.
pub(crate) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut whole = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        whole.extend(header(name, bytes.len()));
        whole.extend(*bytes);
        if bytes.len() % 2 == 1 {
            whole.push(b'\n');
        }
    }
    whole
}

/// A `.deb` whose data archive holds `items`.
pub(crate) fn deb(items: &[Item<'_>]) -> Vec<u8> {
    ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control()),
        ("data.tar", &tar(items)),
    ])
}

/// Reads `bytes` as if they were a file of that name.
pub(crate) fn read_bytes(bytes: &[u8], limits: &Limits) -> Result<Package, String> {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("foo.deb");
    fs::write(&path, bytes).unwrap();
    let found = one(&path, limits).map_err(|error| error.to_string());
    let left: Vec<_> = fs::read_dir(top.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "something was written");
    assert_eq!(fs::read(&path).unwrap(), bytes, "the package was changed");
    found
}
