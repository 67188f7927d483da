//! Definitions as they are on the disk. No link is followed, no fifo is waited for, and what others may
//! write to is refused.

use super::error::DefinitionError;
use super::tree::{Node, Tree, digest, is_supervisors};
use crate::files::{Directory, FileError, Found, Missing, NodeKind};

/// Largest file of a definition, in bytes.
const LARGEST: u64 = 1 << 20;
/// Most files, links and directories of one definition.
const MOST: usize = 1024;
/// Deepest nesting of a definition's directories; also of what was staged of one.
pub(super) const DEEPEST: usize = 8;

/// All of the definition in `top`, but for what is the supervisor's.
///
/// # Errors
/// When something of it cannot be read or trusted, is neither file, directory nor link, or there is more
/// than a definition would have.
pub(super) fn whole(top: &Directory) -> Result<Tree, DefinitionError> {
    whole_of(top, MOST)
}

/// The same of a directory that may have `most` files, links and directories.
///
/// # Errors
/// As [`whole`].
pub(super) fn whole_of(top: &Directory, most: usize) -> Result<Tree, DefinitionError> {
    let mut tree = Tree::default();
    let limits = Limits {
        most,
        depth: DEEPEST,
    };
    collect(top, "", limits, &mut tree)?;
    Ok(tree)
}

/// How much is read.
#[derive(Debug, Clone, Copy)]
struct Limits {
    most: usize,
    depth: usize,
}

fn collect(
    directory: &Directory,
    prefix: &str,
    limits: Limits,
    into: &mut Tree,
) -> Result<(), DefinitionError> {
    let refused = |path, why| Err(DefinitionError::Refused { path, why });
    let Some(depth) = limits.depth.checked_sub(1) else {
        return refused(directory.path().to_owned(), "it is nested too deeply");
    };
    for name in directory.names()? {
        let path = directory.path().join(&name);
        let Some(name) = name.to_str() else {
            return refused(path, "its name is not UTF-8");
        };
        let inside = format!("{prefix}{name}");
        // dpkg unpacks beside what it is about to replace.
        if is_supervisors(&inside) || name.ends_with(".dpkg-new") || name.ends_with(".dpkg-tmp") {
            continue;
        }
        let Some(node) = node(directory, name)? else {
            return Err(DefinitionError::Changed { path });
        };
        let is_directory = node.is_directory();
        into.0.insert(inside.clone(), node);
        if into.0.len() > limits.most {
            return refused(path, "its definition has too many files");
        }
        if is_directory {
            let child = directory.enter(name, Missing::Fail)?;
            let deeper = Limits { depth, ..limits };
            collect(&child, &format!("{inside}/"), deeper, into)?;
        }
    }
    Ok(())
}

/// What is at `paths` below `top`; nothing else of it is looked at.
///
/// # Errors
/// As [`whole`].
pub(super) fn at<'p>(
    top: &Directory,
    paths: impl Iterator<Item = &'p str>,
) -> Result<Tree, DefinitionError> {
    let mut tree = Tree::default();
    for path in paths {
        if let Some((directory, name)) = parent(top, path)?
            && let Some(node) = node(&directory, name)?
        {
            tree.0.insert(path.to_owned(), node);
        }
    }
    Ok(tree)
}

/// The directory that `path` is in, and the name there; `None` where there is no such directory.
///
/// # Errors
/// When a directory on the way cannot be opened or trusted.
pub(super) fn parent<'p>(
    top: &Directory,
    path: &'p str,
) -> Result<Option<(Directory, &'p str)>, FileError> {
    let mut directory = top.enter(".", Missing::Fail)?;
    let mut rest = path;
    while let Some((first, inside)) = rest.split_once('/') {
        let found = directory.find(first)?;
        if found.is_none_or(|found| found.kind != NodeKind::Directory) {
            return Ok(None);
        }
        directory = directory.enter(first, Missing::Fail)?;
        rest = inside;
    }
    Ok(Some((directory, rest)))
}

/// What `name` is.
pub(super) fn node(directory: &Directory, name: &str) -> Result<Option<Node>, DefinitionError> {
    let Some(found) = directory.find(name)? else {
        return Ok(None);
    };
    let Found { kind, rights, .. } = found;
    let owner = (rights.user, rights.group);
    Ok(Some(match kind {
        NodeKind::File => Node::File {
            mode: rights.mode,
            owner,
            digest: digest(&contents(directory, name)?),
        },
        NodeKind::Link => Node::Link {
            target: directory.link_target(name)?,
        },
        NodeKind::Directory => Node::Directory {
            mode: rights.mode,
            owner,
        },
        NodeKind::Other => {
            let path = directory.path().join(name);
            let why = "it is neither a file nor a directory nor a link";
            return Err(DefinitionError::Refused { path, why });
        }
    }))
}

/// What the file `name` holds.
///
/// # Errors
/// When it cannot be read or trusted, or is too large.
pub(super) fn contents(directory: &Directory, name: &str) -> Result<Vec<u8>, FileError> {
    directory.read(name, LARGEST)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use nix::sys::stat::Mode;

    use super::*;

    fn definition(path: &Path) -> Directory {
        fs::create_dir_all(path.join("log/supervise")).unwrap();
        fs::create_dir_all(path.join("env")).unwrap();
        fs::write(path.join("run"), "#!/bin/sh\n").unwrap();
        fs::write(path.join("env/A"), "1").unwrap();
        symlink("/etc/sv/svlogd/run", path.join("log/run")).unwrap();
        symlink("/run/runit/supervise/foo", path.join("supervise")).unwrap();
        Directory::open(path, Missing::Fail).unwrap()
    }

    #[test]
    fn a_definition_is_all_but_what_is_the_supervisors() {
        let top = tempfile::tempdir().unwrap();
        let tree = whole(&definition(&top.path().join("foo"))).unwrap();
        let paths: Vec<&str> = tree.paths().collect();
        assert_eq!(paths, ["env", "env/A", "log", "log/run", "run"]);
    }

    #[test]
    fn only_the_paths_in_question_are_looked_at_and_never_through_a_link() {
        let top = tempfile::tempdir().unwrap();
        let foo = definition(&top.path().join("foo"));
        let fifo = top.path().join("foo/fifo");
        nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
        symlink("/etc", top.path().join("foo/etc")).unwrap();
        let tree = at(&foo, ["run", "env/A", "etc/passwd", "nosuch/x"].into_iter()).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["env/A", "run"]);
        let error = whole(&foo).unwrap_err().to_string();
        assert!(error.contains("neither a file"), "{error}");
    }

    #[test]
    fn what_others_may_write_to_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let foo = definition(&top.path().join("foo"));
        for (path, mode) in [("foo/run", 0o777), ("foo/env", 0o775)] {
            let path = top.path().join(path);
            let before = path.metadata().unwrap().permissions();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = whole(&foo).unwrap_err().to_string();
            assert!(error.contains("others than its owner"), "{error}");
            fs::set_permissions(&path, before).unwrap();
        }
    }

    #[test]
    fn what_is_larger_or_deeper_than_a_definition_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let foo = definition(&top.path().join("foo"));
        let huge = fs::File::create(top.path().join("foo/huge")).unwrap();
        huge.set_len(1 << 40).unwrap();
        let error = whole(&foo).unwrap_err().to_string();
        assert!(error.contains("larger than"), "{error}");
        fs::remove_file(top.path().join("foo/huge")).unwrap();
        fs::create_dir_all(top.path().join("foo/1/2/3/4/5/6/7/8/9")).unwrap();
        let error = whole(&foo).unwrap_err().to_string();
        assert!(error.contains("too deeply"), "{error}");
    }
}
