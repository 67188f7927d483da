//! The end of a definition whose package is gone: what nobody changed goes, once nothing supervises it.

use super::error::DefinitionError;
use super::plan::edited;
use super::read::at;
use super::record::{Before, Record};
use super::stage;
use super::tree::{Part, is_supervisors};
use super::update::{Outcome, Work};
use crate::failpoint::{Point, reach};
use crate::files::{Directory, Missing, NodeKind};

/// Removes the live definition, or leaves it to whoever changed it.
///
/// # Errors
/// When it cannot be looked at, or stays.
pub(super) fn remove(work: &mut Work<'_>) -> Result<Outcome, DefinitionError> {
    let Some(record) = work.store.read(work.service)? else {
        return Ok(Outcome::Noted);
    };
    if is_somebodys(work.live, &record)? {
        work.store.forget(work.service)?;
        return Ok(Outcome::Noted);
    }
    for touched in work.touched(&Part::ALL)? {
        if touched.before != Before::Unsupervised {
            let why = "its stock definition is gone, and it is still supervised";
            return Ok(Outcome::Waits(why.to_owned()));
        }
    }
    // Away as a whole: nobody ever finds half of it.
    let name = stage::name(&work.service.file_stem());
    stage::clear(work.beside, &name)?;
    reach(Point::Defining);
    work.beside.rename(work.service.as_str(), &name)?;
    reach(Point::Defining);
    stage::clear(work.beside, &name)?;
    work.store.forget(work.service)?;
    Ok(Outcome::Removed)
}

/// Whether anything in it was changed, or added: then it is not ours to remove.
fn is_somebodys(live: &Directory, record: &Record) -> Result<bool, DefinitionError> {
    let found = at(live, record.base.paths())?;
    let changed = edited(&record.base, &found)
        .iter()
        .any(|path| found.get(path).is_some());
    Ok(changed || has_more(live, "", record)?)
}

/// What Debian's runit notes in a live definition: when the program was last seen to change.
fn is_helpers(path: &str) -> bool {
    path == ".meta/wtime"
}

/// Whether something is there that is neither of the stock version nor of the supervisor, nor a link that
/// only fills a gap.
fn has_more(directory: &Directory, prefix: &str, record: &Record) -> Result<bool, DefinitionError> {
    for name in directory.names()? {
        let Some(name) = name.to_str() else {
            return Ok(true);
        };
        let path = format!("{prefix}{name}");
        let Some(found) = directory.find(name)? else {
            continue;
        };
        let known = record.base.get(&path);
        let is_link = found.kind == NodeKind::Link;
        if is_supervisors(&path) || is_helpers(&path) || known.is_none() && is_link {
            continue;
        }
        match known {
            None => return Ok(true),
            Some(node) if node.is_directory() => {
                let inside = directory.enter(name, Missing::Fail)?;
                if has_more(&inside, &format!("{path}/"), record)? {
                    return Ok(true);
                }
            }
            Some(_) => {}
        }
    }
    Ok(false)
}
