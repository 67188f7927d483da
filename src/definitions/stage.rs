//! The complete copies that an update works from, in a hidden directory beside the live definition: what
//! is put in place is moved from there, so both lie on one file system.

use super::error::DefinitionError;
use super::read::{DEEPEST, contents, parent};
use super::tree::{Node, Tree, digest};
use crate::failpoint::{Point, reach};
use crate::files::{Directory, Missing, NodeKind, Rights};

/// What the directories of what is staged are called by: hidden, so that no scanner takes them for services.
const PREFIX: &str = ".rcpolicy-";
/// How deep a staging directory may be nested: the definitions in it are one level deeper.
const NESTED: usize = DEEPEST + 3;
/// Nobody else looks into them.
const PRIVATE: u32 = 0o700;

/// The two copies.
#[derive(Debug)]
pub(super) struct Staged {
    /// What was live.
    pub(super) old: Directory,
    /// What is to be.
    pub(super) new: Directory,
}

/// A version, and where its files are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) tree: &'a Tree,
    pub(super) directory: &'a Directory,
}

/// The name of the staging directory of the service whose file stem is `stem`.
pub(super) fn name(stem: &str) -> String {
    format!("{PREFIX}{stem}")
}

/// The file stem of the service whose staging directory this is.
pub(super) fn stem(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// Copies `old` and `new` into the directory `name` of `beside`; what `new` does not have from `stock` it
/// has from `live`. What is there of an earlier one goes.
///
/// # Errors
/// When anything of it cannot be written, or is not what the trees say any more. Nothing is left then.
pub(super) fn stage(
    beside: &Directory,
    name: &str,
    live: Source<'_>,
    stock: Source<'_>,
    new: &Tree,
) -> Result<Staged, DefinitionError> {
    let staged = fresh(beside, name).and_then(|staged| {
        copy(&staged.old, live.tree, |_| live.directory)?;
        copy(&staged.new, new, |path| {
            let from_stock = stock.tree.get(path) == new.get(path);
            if from_stock {
                stock.directory
            } else {
                live.directory
            }
        })?;
        beside.synchronise()?;
        Ok(staged)
    });
    if staged.is_err() {
        // What counts is the first error; what is left is cleared away by the next flush.
        let _ = clear(beside, name);
    }
    staged
}

fn fresh(beside: &Directory, name: &str) -> Result<Staged, DefinitionError> {
    clear(beside, name)?;
    reach(Point::Defining);
    let itself = beside.itself()?.rights;
    let rights = Rights {
        mode: PRIVATE,
        ..itself
    };
    let top = beside.make_directory(name, rights)?;
    let staged = Staged {
        old: top.make_directory("old", rights)?,
        new: top.make_directory("new", rights)?,
    };
    top.synchronise()?;
    Ok(staged)
}

/// The directory of what was staged before; `None` where somebody removed it.
///
/// # Errors
/// When it cannot be trusted.
pub(super) fn top(beside: &Directory, name: &str) -> Result<Option<Directory>, DefinitionError> {
    match beside.enter(name, Missing::Fail) {
        Ok(top) => Ok(Some(top)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What was staged before; `None` where somebody removed it.
///
/// # Errors
/// When it cannot be trusted.
pub(super) fn open(beside: &Directory, name: &str) -> Result<Option<Staged>, DefinitionError> {
    let Some(top) = top(beside, name)? else {
        return Ok(None);
    };
    let inside = |name| top.enter(name, Missing::Fail);
    let opened = inside("old").and_then(|old| {
        Ok(Staged {
            old,
            new: inside("new")?,
        })
    });
    match opened {
        Ok(staged) => Ok(Some(staged)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes what was staged.
///
/// # Errors
/// When something stays.
pub(super) fn clear(beside: &Directory, name: &str) -> Result<(), DefinitionError> {
    Ok(beside.remove_all(name, NESTED)?)
}

/// Copies all of `tree` to `to`, and waits until it is on the disk.
fn copy<'d>(
    to: &Directory,
    tree: &Tree,
    source: impl Fn(&str) -> &'d Directory,
) -> Result<(), DefinitionError> {
    for (path, node) in &tree.0 {
        let from = source(path);
        let missing = || DefinitionError::Changed {
            path: from.path().join(path),
        };
        let (from, _) = parent(from, path)?.ok_or_else(missing)?;
        let (to, name) = parent(to, path)?.ok_or_else(missing)?;
        reach(Point::Defining);
        copy_node(&from, &to, name, node)?;
    }
    synchronise(to, tree)
}

fn copy_node(
    from: &Directory,
    to: &Directory,
    name: &str,
    node: &Node,
) -> Result<(), DefinitionError> {
    match node {
        Node::Directory { mode, owner } => {
            to.make_directory(name, rights(*mode, *owner))?;
        }
        Node::Link { target } => to.make_link(name, target)?,
        Node::File {
            mode,
            owner,
            digest: expected,
        } => {
            let bytes = contents(from, name)?;
            if digest(&bytes) != *expected {
                let path = from.path().join(name);
                return Err(DefinitionError::Changed { path });
            }
            to.make_file(name, &bytes, rights(*mode, *owner))?;
        }
    }
    Ok(())
}

/// The rights that a node stands for.
pub(super) fn rights(mode: u32, (user, group): (u32, u32)) -> Rights {
    Rights { mode, user, group }
}

/// Waits until all directories of `tree` below `top` are on the disk.
///
/// # Errors
/// When the system says that they are not.
pub(super) fn synchronise(top: &Directory, tree: &Tree) -> Result<(), DefinitionError> {
    top.synchronise()?;
    for (path, _) in tree.0.iter().filter(|(_, node)| node.is_directory()) {
        if let Some((directory, name)) = parent(top, path)?
            && directory
                .find(name)?
                .is_some_and(|found| found.kind == NodeKind::Directory)
        {
            directory.enter(name, Missing::Fail)?.synchronise()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::definitions::read::whole;

    #[test]
    fn what_changed_between_the_look_and_the_copy_is_not_staged_and_nothing_is_left() {
        let top = tempfile::tempdir().unwrap();
        for name in ["stock", "live"] {
            fs::create_dir(top.path().join(name)).unwrap();
            fs::write(top.path().join(name).join("run"), name).unwrap();
        }
        let open = |name| Directory::open(&top.path().join(name), Missing::Fail).unwrap();
        let (stock, live) = (open("stock"), open("live"));
        let (new, old) = (whole(&stock).unwrap(), whole(&live).unwrap());
        fs::write(top.path().join("stock/run"), "changed").unwrap();
        let beside = Directory::open(top.path(), Missing::Fail).unwrap();
        let source = |tree, directory| Source { tree, directory };
        let staged = stage(
            &beside,
            ".rcpolicy-foo",
            source(&old, &live),
            source(&new, &stock),
            &new,
        );
        assert!(matches!(staged, Err(DefinitionError::Changed { .. })));
        assert_eq!(beside.names().unwrap(), ["live", "stock"]);
    }

    #[test]
    fn both_copies_are_whole() {
        let top = tempfile::tempdir().unwrap();
        for name in ["stock", "live"] {
            fs::create_dir_all(top.path().join(name).join("log")).unwrap();
            fs::write(top.path().join(name).join("log/run"), name).unwrap();
        }
        fs::write(top.path().join("live/conf"), "mine").unwrap();
        let open = |name| Directory::open(&top.path().join(name), Missing::Fail).unwrap();
        let (stock, live) = (open("stock"), open("live"));
        let (from_stock, old) = (whole(&stock).unwrap(), whole(&live).unwrap());
        let mut new = from_stock.clone();
        new.0
            .insert("conf".to_owned(), old.get("conf").unwrap().clone());
        let beside = Directory::open(top.path(), Missing::Fail).unwrap();
        let source = |tree, directory| Source { tree, directory };
        let staged = stage(
            &beside,
            &name("foo"),
            source(&old, &live),
            source(&from_stock, &stock),
            &new,
        )
        .unwrap();
        assert_eq!(whole(&staged.old).unwrap(), old);
        assert_eq!(whole(&staged.new).unwrap(), new);
        clear(&beside, &name("foo")).unwrap();
        assert_eq!(beside.names().unwrap(), ["live", "stock"]);
    }
}
