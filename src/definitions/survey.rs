//! Which live definitions are not what packages brought, and bringing them there. Looking changes nothing;
//! whoever acts decides first whether the service may be touched.

use std::path::Path;

use super::error::DefinitionError;
use super::plan::{Plan, Versions, edited, plan};
use super::read::{at, whole};
use super::record::{Phase, Record, Touched, Update};
use super::removal;
use super::stage::{self, Source};
use super::store::{Lock, Store};
use super::supervisor::Supervisor;
use super::tree::{Part, Tree};
use super::update::{Outcome, Starts, Work};
use super::way::Places;
use crate::domain::{ServiceName, UnitKind};
use crate::files::{Directory, Missing, NodeKind};

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
}

impl Looked {
    /// How often the stock version was tried in vain.
    pub fn tries(&self) -> u32 {
        self.failed.as_ref().map_or(0, |(tries, _)| *tries)
    }
}

/// The definitions of one init's services.
#[derive(Debug)]
pub struct Definitions {
    places: Places,
    store: Store,
}

/// The same, and nobody else changes them.
#[must_use = "the right to change them is given back when this is dropped"]
#[derive(Debug)]
pub struct Changing {
    definitions: Definitions,
    _lock: Lock,
}

impl Definitions {
    /// Those in `places`, to be looked at.
    ///
    /// # Errors
    /// When the records are not to be trusted.
    pub fn open(places: Places) -> Result<Self, DefinitionError> {
        let store = Store::open(&places.records, Missing::Fail)?;
        Ok(Self { places, store })
    }

    /// Those in `places`, to be changed. What cut-off processes staged in vain is cleared away.
    ///
    /// # Errors
    /// When somebody else changes them, or the records cannot be kept.
    pub fn change(places: Places) -> Result<Changing, DefinitionError> {
        let store = Store::open(&places.records, Missing::Create)?;
        let lock = store.lock()?;
        let definitions = Self { places, store };
        // What cannot be cleared away is in nobody's way, but for an update of the same service.
        let _ = definitions.clear();
        Ok(Changing {
            definitions,
            _lock: lock,
        })
    }

    /// How it stands with each service that has a live definition, and a stock one or a record of one.
    /// Where both are one directory there is nothing to be told.
    ///
    /// # Errors
    /// When the directories themselves cannot be read or trusted: a missing one has nothing in it.
    pub fn survey(&self) -> Result<Vec<Looked>, DefinitionError> {
        let (Some(stock), Some(live)) = (opened(&self.places.stock)?, opened(&self.places.live)?)
        else {
            return Ok(Vec::new());
        };
        let mut services = self.store.services()?;
        let stocked = stock.names()?;
        let named = stocked.iter().filter_map(|name| service(name.to_str()?));
        services.extend(named);
        services.sort();
        services.dedup();
        let mut found = Vec::new();
        for service in services {
            match self.look(&service, &stock, &live) {
                Ok(looked) => found.extend(looked),
                Err(error) => found.push(Looked {
                    service,
                    standing: Standing::Refused(error.to_string()),
                    edited: Vec::new(),
                    failed: None,
                }),
            }
        }
        Ok(found)
    }

    fn look(
        &self,
        service: &ServiceName,
        stock: &Directory,
        live: &Directory,
    ) -> Result<Option<Looked>, DefinitionError> {
        let record = self.store.read(service)?;
        // What was made of a stock definition somewhere else has no part in what is here.
        let record = record.filter(|record| record.is_of(&self.places.stock));
        let name = service.as_str();
        let is_directory = |directory: &Directory| -> Result<bool, DefinitionError> {
            let found = directory.find(name)?;
            Ok(found.is_some_and(|found| found.kind == NodeKind::Directory))
        };
        // A link in its place is somebody's own way to have it.
        if !is_directory(live)? {
            return Ok(None);
        }
        let live = live.enter(name, Missing::Fail)?;
        let from_stock = match stock.find(name)?.map(|found| found.kind) {
            Some(NodeKind::Directory) => Some(stock.enter(name, Missing::Fail)?),
            // One way or the other it is there: what is live is not left over.
            Some(_) if record.as_ref().is_none_or(|record| record.update.is_none()) => {
                return Ok(None);
            }
            Some(_) | None => None,
        };
        if from_stock
            .as_ref()
            .is_some_and(|stock| is_same(stock, &live))
        {
            return Ok(None);
        }
        let stock = from_stock.as_ref().map(whole).transpose()?;
        let looked = standing(service, record.as_ref(), stock.as_ref(), &live)?;
        Ok(looked)
    }

    /// Removes what was staged for updates that never began, or have ended.
    fn clear(&self) -> Result<(), DefinitionError> {
        let Some(live) = opened(&self.places.live)? else {
            return Ok(());
        };
        for name in live.names()? {
            let Some(stem) = name.to_str().and_then(stage::stem) else {
                continue;
            };
            let service = ServiceName::of_file_stem(stem);
            let record = service.map(|service| self.store.read(&service)).transpose();
            // What cannot be read may be needed.
            if let Ok(record) = record
                && record
                    .flatten()
                    .is_none_or(|record| record.update.is_none())
            {
                stage::clear(&live, &stage::name(stem))?;
            }
        }
        Ok(())
    }
}

/// What the three versions come to.
fn standing(
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
    }))
}

/// What an update would do now.
fn now(base: &Tree, stock: &Tree, live: &Tree) -> Outdated {
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

impl Changing {
    /// How it stands, as [`Definitions::survey`].
    ///
    /// # Errors
    /// Likewise.
    pub fn survey(&self) -> Result<Vec<Looked>, DefinitionError> {
        self.definitions.survey()
    }

    /// How the parts of the service that its update would take down are now.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn touched(
        &self,
        looked: &Looked,
        supervisor: &mut dyn Supervisor,
    ) -> Result<Vec<Touched>, DefinitionError> {
        let Standing::Outdated(outdated) = &looked.standing else {
            return Ok(Vec::new());
        };
        let beside = Directory::open(&self.definitions.places.live, Missing::Fail)?;
        let live = beside.enter(looked.service.as_str(), Missing::Fail)?;
        self.work(&looked.service, &beside, &live, supervisor)
            .touched(&outdated.parts)
    }

    /// Does what is to be done about `looked`. The policies were asked.
    ///
    /// # Errors
    /// When nothing could be done: then nothing was changed, or what was begun is noted.
    pub fn bring(
        &self,
        looked: &Looked,
        supervisor: &mut dyn Supervisor,
        starts: Starts,
    ) -> Result<Outcome, DefinitionError> {
        let beside = Directory::open(&self.definitions.places.live, Missing::Fail)?;
        let live = beside.enter(looked.service.as_str(), Missing::Fail)?;
        let store = &self.definitions.store;
        let service = &looked.service;
        match &looked.standing {
            Standing::Current | Standing::Refused(_) => Ok(Outcome::Noted),
            Standing::New => {
                let record = Record::of(self.stock(service)?.1);
                let record = record.made_of(&self.definitions.places.stock);
                store.write(service, &record)?;
                Ok(Outcome::Noted)
            }
            Standing::UnderWay(_) => {
                let record = store.read(service)?;
                let Some((record, update)) = record.and_then(with_update) else {
                    return Ok(Outcome::Noted);
                };
                let mut work = Work {
                    starts,
                    ..self.work(service, &beside, &live, supervisor)
                };
                work.carry_on(record, update).map(Outcome::Ended)
            }
            Standing::Outdated(outdated) => {
                let mut work = self.work(service, &beside, &live, supervisor);
                self.update(&mut work, outdated)
            }
            Standing::Gone => removal::remove(&mut self.work(service, &beside, &live, supervisor)),
        }
    }

    fn work<'a>(
        &'a self,
        service: &'a ServiceName,
        beside: &'a Directory,
        live: &'a Directory,
        supervisor: &'a mut dyn Supervisor,
    ) -> Work<'a> {
        Work {
            service,
            live,
            beside,
            store: &self.definitions.store,
            supervisor,
            starts: Starts::Allowed,
        }
    }

    fn stock(&self, service: &ServiceName) -> Result<(Directory, Tree), DefinitionError> {
        let stock = Directory::open(&self.definitions.places.stock, Missing::Fail)?;
        let stock = stock.enter(service.as_str(), Missing::Fail)?;
        let tree = whole(&stock)?;
        Ok((stock, tree))
    }

    /// Stages both versions, notes the update, and carries it out.
    fn update(&self, work: &mut Work<'_>, outdated: &Outdated) -> Result<Outcome, DefinitionError> {
        let (directory, stock) = self.stock(work.service)?;
        let store = &self.definitions.store;
        let Some(mut record) = store.read(work.service)? else {
            return Ok(Outcome::Noted);
        };
        let old = at(work.live, record.base.paths().chain(stock.paths()))?;
        let new = &outdated.plan.target;
        // Others were brought up to date since the look, which takes its time.
        if now(&record.base, &stock, &old) != *outdated {
            let path = work.live.path().to_owned();
            return Err(DefinitionError::Changed { path });
        }
        if old == *new {
            record.base = stock;
            record.failed = None;
            store.write(work.service, &record)?;
            return Ok(Outcome::Noted);
        }
        if let Some(why) = loses_logger(&old, new, work)? {
            return Ok(Outcome::Waits(why));
        }
        let parts = work.touched(&outdated.parts)?;
        let source = |tree, directory| Source { tree, directory };
        let name = stage::name(&work.service.file_stem());
        let (from_live, from_stock) = (source(&old, work.live), source(&stock, &directory));
        is_movable(work)?;
        stage::stage(work.beside, &name, from_live, from_stock, new)?;
        let update = Update {
            phase: Phase::Stopping,
            parts,
            new: new.clone(),
            old,
            stock,
        };
        record.update = Some(update.clone());
        store.write(work.service, &record)?;
        work.carry_on(record, update).map(Outcome::Ended)
    }
}

/// What is put in place is moved there from beside it.
fn is_movable(work: &Work<'_>) -> Result<(), DefinitionError> {
    match work.live.itself()?.device == work.beside.itself()?.device {
        true => Ok(()),
        false => Err(DefinitionError::Refused {
            path: work.live.path().to_owned(),
            why: "it is a file system of its own",
        }),
    }
}

/// A supervisor that runs a logger goes on to write into its pipe when its directory has gone: the service
/// would hang. That waits until nothing supervises it.
fn loses_logger(
    old: &Tree,
    new: &Tree,
    work: &mut Work<'_>,
) -> Result<Option<String>, DefinitionError> {
    if old.get("log/run").is_none() || new.get("log/run").is_some() {
        return Ok(None);
    }
    let touched = work.touched(&[Part::Log])?;
    let supervised = touched
        .iter()
        .any(|touched| touched.before != super::record::Before::Unsupervised);
    let why = "its logger goes, and its supervisor has it: it waits until nothing supervises it";
    Ok(supervised.then(|| why.to_owned()))
}

fn with_update(mut record: Record) -> Option<(Record, Update)> {
    let update = record.update.take()?;
    record.update = Some(update.clone());
    Some((record, update))
}

/// The directory at `path`; `None` where there is none.
fn opened(path: &Path) -> Result<Option<Directory>, DefinitionError> {
    match Directory::open(path, Missing::Fail) {
        Ok(directory) => Ok(Some(directory)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The service whose definition is called `name`; `None` for what is none, or goes by another name.
fn service(name: &str) -> Option<ServiceName> {
    let service = ServiceName::parse(name).ok()?;
    // One that is called as another kind of unit would be asked about as that.
    let is_service = service.unit().kind() == UnitKind::Service;
    (is_service && service.as_str() == name && !name.starts_with('.')).then_some(service)
}

fn is_same(one: &Directory, other: &Directory) -> bool {
    match (one.identity(), other.identity()) {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), _) | (_, Err(_)) => false,
    }
}
