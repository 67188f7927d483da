//! How it stands with one service's definition, from what was kept of it, the stock version and what is live.

use super::error::DefinitionError;
use super::plan::{Plan, Versions, edited, plan};
use super::read::{at, contents, parent};
use super::record::{Phase, Record};
use super::tree::{Node, Part, Tree};
use super::upgrading::{ON_UPGRADE, Upgrading};
use crate::domain::ServiceName;
use crate::files::Directory;

/// How it stands with the definition of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is the stock version, as far as nobody changed it.
    Current,
    /// Nothing was ever kept of it: from now on it is.
    New,
    /// The stock version is another than the one that is live.
    Outdated(Box<Outdated>),
    /// An update was cut off.
    UnderWay(Phase),
    /// Its stock version is gone, and nobody changed the live one.
    Gone,
    /// It cannot be used; why.
    Refused(String),
}

/// What an update of a definition would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// What is to be live, and what stays though the stock version changed it.
    pub plan: Plan,
    /// What is taken down for it.
    pub parts: Vec<Part>,
    /// The version of the stock definition.
    pub version: String,
}

/// One service that has a stock definition, or had one, and a live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Which.
    pub service: ServiceName,
    /// How it stands.
    pub standing: Standing,
    /// The files that somebody changed.
    pub edited: Vec<String>,
    /// How often the stock version was tried in vain, and why the last time.
    pub failed: Option<(u32, String)>,
    /// What its package has done to the service in an upgrade.
    pub upgrading: Upgrading,
}

impl Looked {
    /// How often the stock version was tried in vain.
    pub fn tries(&self) -> u32 {
        self.failed.as_ref().map_or(0, |(tries, _)| *tries)
    }
}

/// What the three versions come to; `None` where there is nothing to be told of.
///
/// # Errors
/// When what is live cannot be looked at.
pub(super) fn standing(
    service: &ServiceName,
    record: Option<&Record>,
    stock: Option<&Tree>,
    live: &Directory,
) -> Result<Option<Looked>, DefinitionError> {
    let empty = Tree::default();
    let base = record.map_or(stock.unwrap_or(&empty), |record| &record.base);
    let paths = base.paths().chain(stock.into_iter().flat_map(Tree::paths));
    let is = at(live, paths)?;
    let standing = match (record, stock) {
        (
            Some(Record {
                update: Some(update),
                ..
            }),
            _,
        ) => Standing::UnderWay(update.phase.clone()),
        (None, None) => return Ok(None),
        (None, Some(_)) => Standing::New,
        (Some(_), None) if is.0.is_empty() => return Ok(None),
        (Some(_), None) => Standing::Gone,
        (Some(record), Some(stock)) if record.base == *stock => Standing::Current,
        (Some(_), Some(stock)) => Standing::Outdated(Box::new(now(base, stock, &is))),
    };
    let edited = edited(base, &is);
    Ok(Some(Looked {
        service: service.clone(),
        failed: record.and_then(|record| failed(record, stock)),
        standing,
        edited,
        upgrading: upgrading(live)?,
    }))
}

/// What an update would do now.
pub(super) fn now(base: &Tree, stock: &Tree, live: &Tree) -> Outdated {
    let plan = plan(Versions { base, stock, live });
    Outdated {
        parts: plan.parts(live),
        version: stock.version(),
        plan,
    }
}

/// What is kept of updates to `stock` that failed.
fn failed(record: &Record, stock: Option<&Tree>) -> Option<(u32, String)> {
    let version = stock?.version();
    let failed = record.failed.as_ref()?;
    (failed.stock == version).then(|| (failed.tries, failed.why.clone()))
}

/// What the live definition says of upgrades: as runit's own helpers, which do not look at the stock one either.
fn upgrading(live: &Directory) -> Result<Upgrading, DefinitionError> {
    let is_file = matches!(
        at(live, std::iter::once(ON_UPGRADE))?.get(ON_UPGRADE),
        Some(Node::File { .. })
    );
    let Some((directory, name)) = parent(live, ON_UPGRADE)?.filter(|_| is_file) else {
        return Ok(Upgrading::Restarts);
    };
    let said = contents(&directory, name)?;
    Ok(Upgrading::parse(&String::from_utf8_lossy(&said)))
}
