//! Which live definitions are not what packages brought, and bringing them there. Looking changes nothing;
//! whoever acts decides first whether the service may be touched.

use std::path::Path;

use super::error::DefinitionError;
use super::read::{at, whole};
use super::record::{Before, Phase, Record, Touched, Update};
use super::removal;
use super::stage::{self, Source};
use super::standing::{Looked, Outdated, Standing, now, standing};
use super::store::{Lock, Store};
use super::supervisor::Supervisor;
use super::tree::{Part, Tree};
use super::update::{Outcome, Starts, Work};
use super::upgrading::Upgrading;
use super::way::Places;
use crate::domain::{ServiceName, UnitKind};
use crate::files::{Directory, Missing, NodeKind};

/// Why what was started for once is left alone: brought up again it would be up for good.
const ONCE: &str = "it was started for once, or is being stopped: it waits until that has ended";

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
    /// When the directories themselves cannot be read or trusted. Where the one of the stock definitions is missing,
    /// only what was cut off is told of: nobody knows what has become of the rest.
    pub fn survey(&self) -> Result<Vec<Looked>, DefinitionError> {
        let Some(live) = opened(&self.places.live)? else {
            return Ok(Vec::new());
        };
        let stock = opened(&self.places.stock)?;
        let mut services = self.store.services()?;
        let stocked = stock.as_ref().map(Directory::names).transpose()?;
        let stocked = stocked.unwrap_or_default();
        let named = stocked.iter().filter_map(|name| service(name.to_str()?));
        services.extend(named);
        services.sort();
        services.dedup();
        let mut found = Vec::new();
        for service in services {
            match self.look(&service, stock.as_ref(), &live) {
                Ok(looked) => found.extend(looked),
                Err(error) => found.push(Looked {
                    service,
                    standing: Standing::Refused(error.to_string()),
                    edited: Vec::new(),
                    failed: None,
                    upgrading: Upgrading::Restarts,
                }),
            }
        }
        Ok(found)
    }

    /// Of these, what was cut off: nothing else is read where there is none of it.
    ///
    /// # Errors
    /// As `survey`.
    pub fn cut_off(&self) -> Result<Vec<Looked>, DefinitionError> {
        let mut any = false;
        for service in self.store.services()? {
            // What cannot be read may be such.
            let record = self.store.read(&service);
            any |= record.map_or(true, |record| {
                record.is_some_and(|record| record.update.is_some())
            });
        }
        if !any {
            return Ok(Vec::new());
        }
        let mut found = self.survey()?;
        found.retain(|looked| matches!(looked.standing, Standing::UnderWay(_)));
        Ok(found)
    }

    fn look(
        &self,
        service: &ServiceName,
        stock: Option<&Directory>,
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
        let is_under_way = record
            .as_ref()
            .is_some_and(|record| record.update.is_some());
        let from_stock = match (stock, stock.map(|stock| stock.find(name)).transpose()?) {
            (Some(stock), Some(Some(found))) if found.kind == NodeKind::Directory => {
                Some(stock.enter(name, Missing::Fail)?)
            }
            // One way or the other it is there, or may be: what is live is not left over.
            (_, None | Some(Some(_))) if !is_under_way => return Ok(None),
            (_, None | Some(_)) => None,
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
                let mut update = update;
                work.heed_others(&mut update);
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
        if parts.iter().any(|touched| touched.before == Before::Once) {
            return Ok(Outcome::Lasts(ONCE.to_owned()));
        }
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
        .any(|touched| touched.before != Before::Unsupervised);
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
