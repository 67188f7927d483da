//! Definitions that a tool compiles: those of s6-rc. What packages bring are its sources; what is live is the
//! database that was compiled of them, which is switched as a whole. Here is only told when that is due;
//! how it is done, and undone, is the compiler's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::DefinitionError;
use super::read::whole_of;
use super::record::Record;
use super::store::Store;
use super::tree::Tree;
use crate::domain::ServiceName;
use crate::files::{Directory, FileError, Missing};
use crate::init::s6::Database;

/// Most files of all sources together.
const MOST: usize = 1 << 16;
/// Where the record lies, beside those of the services.
const RECORDS: &str = "s6-rc";
/// Under which name.
const NAME: &str = "sources";

/// What compiles definitions and makes them live.
pub trait Compiler {
    /// The directories that are compiled: in each, one directory for each service.
    fn sources(&self) -> &[PathBuf];

    /// Whether the last switch came to its end.
    fn is_settled(&self) -> bool;

    /// Compiles and switches; what some services made of it, where they made trouble.
    ///
    /// # Errors
    /// Why what was live still is.
    fn switch(&mut self) -> Result<Option<String>, String>;
}

/// s6-rc on the machine that runs.
#[derive(Debug)]
pub struct S6Rc {
    database: Database,
    limit: Duration,
}

impl S6Rc {
    /// As s6-rc is documented to have its places; a switch may take as long as `limit`.
    pub fn of_machine(limit: Duration) -> Self {
        Self::of(Database::of_machine(), limit)
    }

    /// With the places in `database`.
    pub fn of(database: Database, limit: Duration) -> Self {
        Self { database, limit }
    }
}

impl Compiler for S6Rc {
    fn sources(&self) -> &[PathBuf] {
        // Where nothing was compiled yet, nobody uses s6-rc.
        match self.database.boot.exists() {
            true => &self.database.sources,
            false => &[],
        }
    }

    fn is_settled(&self) -> bool {
        self.database.is_settled()
    }

    fn switch(&mut self) -> Result<Option<String>, String> {
        let updated = self.database.update(self.limit);
        let updated = updated.map_err(|error| error.to_string())?;
        Ok(updated.trouble)
    }
}

/// How it stands with compiled definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The services whose sources changed since they were compiled, by the names of their directories.
    pub changed: Vec<String>,
    /// Whether something is to be done.
    pub due: Due,
    /// How often these sources were compiled in vain, and why the last time.
    pub failed: Option<(u32, String)>,
    tree: Tree,
}

impl Sources {
    /// The version of all of them together.
    pub fn version(&self) -> String {
        self.tree.version()
    }
}

/// What is to be done about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Nothing was ever noted: from now on it is.
    Noting,
    /// They changed, or a switch was cut off.
    Switch,
}

/// The record of what was compiled last.
#[derive(Debug)]
pub struct Compiled {
    records: PathBuf,
}

impl Compiled {
    /// With its record beside `records`, those of the services.
    pub fn beside(records: &Path) -> Self {
        Self {
            records: records.with_file_name(RECORDS),
        }
    }

    /// How it stands; `None` where there are no sources.
    ///
    /// # Errors
    /// When they, or the record, cannot be read or trusted.
    pub fn look(&self, compiler: &dyn Compiler) -> Result<Option<Sources>, DefinitionError> {
        let Some(tree) = all(compiler.sources())? else {
            return Ok(None);
        };
        let store = Store::open(&self.records, Missing::Fail)?;
        let record = name().map(|name| store.read(&name)).transpose()?.flatten();
        let changed = record.as_ref().map(|record| changed(&record.base, &tree));
        let due = match &changed {
            None => Due::Noting,
            Some(changed) if changed.is_empty() && compiler.is_settled() => Due::Nothing,
            Some(_) => Due::Switch,
        };
        let version = tree.version();
        let failed = record.and_then(|record| record.failed);
        let failed = failed.filter(|failed| failed.stock == version);
        Ok(Some(Sources {
            changed: changed.unwrap_or_default(),
            due,
            failed: failed.map(|failed| (failed.tries, failed.why)),
            tree,
        }))
    }

    /// Does what is due; what some services made of it. The policies were asked.
    ///
    /// # Errors
    /// Why what was live still is: that is noted. Or why nothing can be noted.
    pub fn bring(
        &self,
        sources: &Sources,
        compiler: &mut dyn Compiler,
    ) -> Result<Option<String>, DefinitionError> {
        let store = Store::open(&self.records, Missing::Create)?;
        let _lock = store.lock()?;
        let Some(name) = name() else {
            return Ok(None);
        };
        let trouble = match sources.due {
            Due::Nothing => return Ok(None),
            Due::Noting => None,
            Due::Switch => match compiler.switch() {
                Ok(trouble) => trouble,
                Err(why) => {
                    if let Some(mut record) = store.read(&name)? {
                        record.fail(sources.tree.version(), why.clone());
                        store.write(&name, &record)?;
                    }
                    return Err(DefinitionError::Supervisor(why));
                }
            },
        };
        // What changed while they were compiled differs from this, and is compiled again.
        store.write(&name, &Record::of(sources.tree.clone()))?;
        Ok(trouble)
    }
}

fn name() -> Option<ServiceName> {
    ServiceName::parse(NAME).ok()
}

/// All sources as one tree, each below its number; `None` where none of them is there.
fn all(sources: &[PathBuf]) -> Result<Option<Tree>, DefinitionError> {
    let mut found = None;
    for (number, source) in sources.iter().enumerate() {
        let directory = match Directory::open(source, Missing::Fail) {
            Ok(directory) => directory,
            Err(error) if FileError::is_missing(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        let tree = whole_of(&directory, MOST)?;
        let below = tree.0.into_iter();
        let below = below.map(|(path, node)| (format!("{number}/{path}"), node));
        found.get_or_insert_with(Tree::default).0.extend(below);
    }
    Ok(found)
}

/// The services of which something differs, each once.
fn changed(base: &Tree, now: &Tree) -> Vec<String> {
    let paths = base.paths().chain(now.paths());
    let differs = paths.filter(|path| base.get(path) != now.get(path));
    let mut services: Vec<String> = differs
        .filter_map(|path| path.split('/').nth(1).map(str::to_owned))
        .collect();
    services.sort();
    services.dedup();
    services
}

#[cfg(test)]
mod switching;
#[cfg(test)]
mod tests;
