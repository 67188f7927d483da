//! Making a version the live one, file by file, by moves from its staged copy: each can be done again, so
//! that whoever was cut off goes on, or back. The directory itself, and what is its supervisor's, stay.

use super::error::DefinitionError;
use super::read::{at, node, parent};
use super::record::Touched;
use super::stage::{rights, synchronise};
use super::tree::{Node, Part, Tree};
use crate::failpoint::{Point, reach};
use crate::files::{Directory, NodeKind, Rights};

/// What a down file of ours says: one that anybody else made is not taken away.
const OURS: &[u8] = b"rcpolicy brings the definition up to date, and takes this away\n";

/// A version that is to be the live one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version<'a> {
    /// What it consists of.
    pub(super) target: &'a Tree,
    /// What else may be live at those paths and others.
    pub(super) other: &'a Tree,
    /// Its staged copy, where that is still there: what is live already may be missing in it.
    pub(super) staged: Option<&'a Directory>,
}

/// Makes `version` what is live, but for the files that keep its services down.
///
/// # Errors
/// When something could not be put in place, or is not what it should be afterwards.
pub(super) fn put(live: &Directory, version: Version<'_>) -> Result<(), DefinitionError> {
    for path in version.other.paths().rev() {
        if version.target.get(path).is_none() && !is_down_file(path) {
            remove(live, path)?;
        }
    }
    for (path, node) in &version.target.0 {
        if !is_down_file(path) {
            place(live, version.staged, path, node)?;
        }
    }
    synchronise(live, version.target)?;
    synchronise(live, version.other)?;
    verify(live, version)
}

/// Whether what is live is `version`, but for the files that keep its services down.
fn verify(live: &Directory, version: Version<'_>) -> Result<(), DefinitionError> {
    let paths = || version.target.paths().chain(version.other.paths());
    let found = at(live, paths().filter(|path| !is_down_file(path)))?;
    for path in paths().filter(|path| !is_down_file(path)) {
        let stays = is_left_over(version, path, found.get(path));
        if found.get(path) != version.target.get(path) && !stays {
            let path = live.path().join(path);
            return Err(DefinitionError::Changed { path });
        }
    }
    Ok(())
}

/// A directory that belongs to no version any more stays where something else is in it.
fn is_left_over(version: Version<'_>, path: &str, found: Option<&Node>) -> bool {
    version.target.get(path).is_none() && found.is_some_and(Node::is_directory)
}

fn remove(live: &Directory, path: &str) -> Result<(), DefinitionError> {
    let Some((directory, name)) = parent(live, path)? else {
        return Ok(());
    };
    reach(Point::Defining);
    match directory.find(name)? {
        None => {}
        Some(found) if found.kind == NodeKind::Directory => {
            directory.remove_empty(name)?;
        }
        Some(_) => directory.unlink(name)?,
    }
    Ok(())
}

/// Makes what is at `path` what `wanted` is.
fn place(
    live: &Directory,
    staged: Option<&Directory>,
    path: &str,
    wanted: &Node,
) -> Result<(), DefinitionError> {
    let missing = |top: &Directory| DefinitionError::Changed {
        path: top.path().join(path),
    };
    let (to, name) = parent(live, path)?.ok_or_else(|| missing(live))?;
    let found = node(&to, name)?;
    if found.as_ref() == Some(wanted) {
        return Ok(());
    }
    reach(Point::Defining);
    match (wanted, found) {
        (Node::Directory { mode, owner }, found) => {
            if found.is_some_and(|found| !found.is_directory()) {
                to.unlink(name)?;
            }
            to.make_directory(name, rights(*mode, *owner))?;
        }
        (Node::File { .. } | Node::Link { .. }, found) => {
            let is_directory = found.is_some_and(|found| found.is_directory());
            if is_directory && !to.remove_empty(name)? {
                return Err(missing(live));
            }
            let staged = staged.ok_or_else(|| missing(live))?;
            let (from, name) = parent(staged, path)?.ok_or_else(|| missing(staged))?;
            from.move_into(name, &to)?;
        }
    }
    Ok(())
}

fn is_down_file(path: &str) -> bool {
    Part::ALL.iter().any(|part| part.down_file() == path)
}

/// Keeps the supervisor of `touched` from starting it by itself, also one that is started only now. The file is whole
/// from its first moment on, moved from `staging`: an empty one, as a full disk or an outage of power would leave it,
/// could be anybody's.
///
/// # Errors
/// When its down file could not be made: then there is none, or half of one where there is no `staging`.
pub(super) fn keep_down(
    live: &Directory,
    staging: Option<&Directory>,
    touched: &Touched,
) -> Result<(), DefinitionError> {
    let Some((directory, name)) = parent(live, touched.part.down_file())? else {
        return Ok(());
    };
    if directory.find(name)?.is_some() {
        return Ok(());
    }
    reach(Point::Defining);
    let rights = Rights {
        mode: 0o644,
        ..directory.itself()?.rights
    };
    match staging {
        // Somebody has removed it: there is no other place that is nobody else's.
        None => directory.make_file(name, OURS, rights)?,
        Some(staging) => {
            // What whoever was cut off left there.
            staging.unlink(name)?;
            staging.make_file(name, OURS, rights)?;
            reach(Point::Defining);
            staging.move_into(name, &directory)?;
        }
    }
    Ok(directory.synchronise()?)
}

/// Takes away what keeps `touched` down, as far as `version` and the admin have nothing there.
///
/// # Errors
/// When it could not be made what it should be.
pub(super) fn let_start(
    live: &Directory,
    touched: &Touched,
    version: Version<'_>,
) -> Result<(), DefinitionError> {
    let path = touched.part.down_file();
    let Some((directory, name)) = parent(live, path)? else {
        return Ok(());
    };
    let found = node(&directory, name)?;
    match (version.target.get(path), version.other.get(path)) {
        (Some(wanted), _) => place(live, version.staged, path, wanted)?,
        (None, None) if touched.own_down_file => {}
        (None, other) if is_ours(&directory, name) || found.as_ref() == other => {
            reach(Point::Defining);
            directory.unlink(name)?;
        }
        // The admin's, made meanwhile.
        (None, _) => {}
    }
    Ok(directory.synchronise()?)
}

/// Whether the down file `name` was made by us.
fn is_ours(directory: &Directory, name: &str) -> bool {
    let limit = u64::try_from(OURS.len()).unwrap_or(u64::MAX);
    directory.read(name, limit).is_ok_and(|said| said == OURS)
}
