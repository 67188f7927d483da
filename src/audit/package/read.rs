//! What was given is told apart and read. The only way into this room's readers.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::error::{PackageError, Reason};
use super::folder::{Folder, Node};
use super::limits::Limits;
use super::{Package, ar, deb, source, tree};

/// Reads what is at `path`: a `.deb` or an unpacked tree, which is one package, or a source package, or
/// its `debian/`, which is one for each of its binary packages.
///
/// # Errors
/// When it cannot be read, is nothing of this, is broken, or exceeds a limit. Nothing was written then
/// either, and no link within it followed.
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<Package>, PackageError> {
    of(path, limits).map_err(|reason| PackageError {
        path: path.to_owned(),
        reason,
    })
}

fn of(path: &Path, limits: &Limits) -> Result<Vec<Package>, Reason> {
    let mut file = open(path)?;
    let kind = file
        .metadata()
        .map_err(|error| system("examine", error))?
        .file_type();
    if kind.is_dir() {
        return directory(path, limits);
    }
    let mut magic = Vec::new();
    if kind.is_file() {
        let read = file.by_ref().take(8).read_to_end(&mut magic);
        read.map_err(|error| system("read", error))?;
    }
    if ar::is_archive(&magic) {
        return deb::read(path, &mut file, limits).map(|package| vec![package]);
    }
    Err(Reason::NoPackage)
}

/// Opens it without waiting, which a fifo would have us do.
fn open(path: &Path) -> Result<File, Reason> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut options = File::options();
    let opened = options.read(true).custom_flags(flags.bits()).open(path);
    opened.map_err(|error| system("open", error))
}

fn system(doing: &'static str, source: std::io::Error) -> Reason {
    Reason::System {
        doing,
        what: "it".to_owned(),
        source,
    }
}

fn directory(path: &Path, limits: &Limits) -> Result<Vec<Package>, Reason> {
    let folder = Folder::open(path)?;
    if folder.find("DEBIAN".as_ref())?.is_some() {
        return tree::read(path, &folder, limits).map(|package| vec![package]);
    }
    if let Some(Node::Directory) = folder.find("debian".as_ref())? {
        let debian = folder.enter("debian".as_ref())?;
        return source::read(&below(path, "debian"), &debian, limits);
    }
    match folder.find("control".as_ref())? {
        Some(Node::File { .. }) => source::read(path, &folder, limits),
        Some(_) | None => Err(Reason::NoPackage),
    }
}

/// `path/name`, without a dot in front.
fn below(path: &Path, name: &str) -> PathBuf {
    match path.as_os_str() == "." {
        true => PathBuf::from(name),
        false => path.join(name),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn error(path: &Path) -> String {
        read(path, &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_package_is_told_what_one_is() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("file");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let fifo = top.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        for path in [file.as_path(), &fifo, top.path(), Path::new("/dev/null")] {
            let error = error(path);
            assert!(error.contains("give a .deb file"), "{error}");
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        let error = error(&top.path().join("missing"));
        assert!(error.contains("cannot open it: No such file"), "{error}");
    }

    #[test]
    fn an_empty_archive_is_broken() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("x.deb");
        fs::write(&file, "!<arch>\n").unwrap();
        let error = error(&file);
        assert!(error.contains("no member `debian-binary`"), "{error}");
    }
}
