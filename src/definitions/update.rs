//! One update on its way: each phase is noted before anything of it is done (`record` says which follows
//! which), so that whoever comes after a process that was cut off goes on where it was.

use super::error::DefinitionError;
use super::put::{Version, keep_down, let_start, put};
use super::read::at;
use super::record::{Before, Mark, Next, Phase, Record, Step, Touched, Update, Which};
use super::stage::{self, Staged};
use super::store::Store;
use super::supervisor::Supervisor;
use super::tree::Part;
use crate::domain::ServiceName;
use crate::failpoint::{Point, reach};
use crate::files::Directory;

/// How an update ended.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The new version is live.
    Updated,
    /// The old version is live; why.
    RolledBack(String),
    /// The old version is live: nothing was tried, because somebody denies it; why.
    Withheld(String),
    /// It could not go on, and stays under way; why.
    Stuck(String),
}

/// What became of a definition.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do but to note it.
    Noted,
    /// It was brought up to date, or an update that was cut off came to its end.
    Ended(Ended),
    /// The live one went after the stock one.
    Removed,
    /// Nothing was done, and why: only somebody's doing changes that.
    Waits(String),
    /// Nothing was done, and why: that passes by itself.
    Lasts(String),
}

/// Whether what was taken down may be brought up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Starts {
    /// It may.
    Allowed,
    /// Somebody denies it now; why. What is cut off comes to its end all the same, but for that.
    Denied(String),
}

/// What an update works on.
pub(super) struct Work<'a> {
    pub(super) service: &'a ServiceName,
    /// The service directory.
    pub(super) live: &'a Directory,
    /// The directory that it is in.
    pub(super) beside: &'a Directory,
    pub(super) store: &'a Store,
    pub(super) supervisor: &'a mut dyn Supervisor,
    pub(super) starts: Starts,
}

impl Work<'_> {
    /// The parts that an update takes down, as they are now.
    ///
    /// # Errors
    /// When that cannot be told.
    pub(super) fn touched(&mut self, parts: &[Part]) -> Result<Vec<Touched>, DefinitionError> {
        let mut touched = Vec::with_capacity(parts.len());
        for part in parts {
            let before = self.supervisor.found(self.service, *part);
            let down_file = at(self.live, std::iter::once(part.down_file()))?;
            touched.push(Touched {
                part: *part,
                before: before.map_err(DefinitionError::Supervisor)?,
                own_down_file: down_file.get(part.down_file()).is_some(),
                left: None,
            });
        }
        Ok(touched)
    }

    /// Goes on with `update`, which is noted in `record`, until it ends.
    ///
    /// # Errors
    /// When its end cannot be noted: it is then found under way again, and ends the same way.
    pub(super) fn carry_on(
        &mut self,
        mut record: Record,
        mut update: Update,
    ) -> Result<Ended, DefinitionError> {
        let withheld = match (&self.starts, &update.phase) {
            // Nothing is replaced yet, and what still runs goes on.
            (Starts::Denied(why), Phase::Stopping) => {
                update.phase = Phase::Restored(why.clone());
                true
            }
            (Starts::Allowed | Starts::Denied(_), _) => false,
        };
        let ended = loop {
            let done = self.step(&update);
            if done.is_ok() && !update.phase.starts() {
                self.mark(&mut update);
            }
            match update
                .phase
                .clone()
                .next(done.map_err(|error| error.to_string()))
            {
                Next::Phase(next) => self.enter(&mut record, &mut update, next),
                Next::Stuck(why) => return Ok(Ended::Stuck(why)),
                Next::Done => break Ended::Updated,
                Next::Failed(why) if withheld => break Ended::Withheld(why),
                Next::Failed(why) => break Ended::RolledBack(why),
            }
        };
        record.update = None;
        match &ended {
            Ended::RolledBack(why) => record.fail(update.stock.version(), why.clone()),
            Ended::Withheld(_) => {}
            Ended::Updated | Ended::Stuck(_) => {
                record.base = update.stock;
                record.failed = None;
            }
        }
        self.store.write(self.service, &record)?;
        stage::clear(self.beside, &stage::name(&self.service.file_stem()))?;
        Ok(ended)
    }

    /// Notes how what was just taken down was left.
    fn mark(&mut self, update: &mut Update) {
        for touched in &mut update.parts {
            let now = self.supervisor.mark(self.service, touched.part);
            let same = |left: &Mark| now.as_ref().is_some_and(|now| now.since == left.since);
            // It is as it was left the first time: who has had a hand in it since then is not us.
            if !touched.left.as_ref().is_some_and(same) {
                touched.left = now;
            }
        }
    }

    /// What somebody has taken down since `update` was cut off is not brought up again.
    pub(super) fn heed_others(&mut self, update: &mut Update) {
        let free = update.phase.starts();
        for touched in &mut update.parts {
            let down_file = at(self.live, std::iter::once(touched.part.down_file()));
            let is_kept = down_file.map_or(true, |found| !found.0.is_empty());
            let is_down = touched.was_up()
                && self.supervisor.found(self.service, touched.part) == Ok(Before::Down);
            let now = self.supervisor.mark(self.service, touched.part);
            if is_down && now.is_some_and(|now| touched.is_somebodys_stop(&now, free && !is_kept)) {
                touched.before = Before::Down;
            }
        }
    }

    /// Enters the phase `next`. What cannot be noted does not stop an update but where something would be
    /// replaced without anybody's knowing: all other phases lead to the same end from the one before them.
    fn enter(&self, record: &mut Record, update: &mut Update, next: Phase) {
        update.phase = next;
        record.update = Some(update.clone());
        if let Err(error) = self.store.write(self.service, record)
            && update.phase == Phase::Replacing
        {
            update.phase = Phase::Restored(error.to_string());
        }
    }

    fn step(&mut self, update: &Update) -> Result<(), DefinitionError> {
        match update.phase.step() {
            Step::TakeDown => {
                self.take_down(update)?;
                self.is_unchanged(update)
            }
            Step::Put(which) => {
                self.take_down(update)?;
                let staged = self.staged()?;
                put(self.live, version(update, staged.as_ref(), which))
            }
            Step::BringUp(which) => {
                let staged = self.staged()?;
                let version = version(update, staged.as_ref(), which);
                for touched in &update.parts {
                    let_start(self.live, touched, version)?;
                }
                match self.starts {
                    Starts::Allowed => self.bring_up(update, version),
                    Starts::Denied(_) => Ok(()),
                }
            }
        }
    }

    fn staged(&self) -> Result<Option<Staged>, DefinitionError> {
        stage::open(self.beside, &stage::name(&self.service.file_stem()))
    }

    /// First the service, then its logger, which takes down what it says on its way.
    fn take_down(&mut self, update: &Update) -> Result<(), DefinitionError> {
        let staging = stage::top(self.beside, &stage::name(&self.service.file_stem()))?;
        for touched in &update.parts {
            keep_down(self.live, staging.as_ref(), touched)?;
        }
        for touched in &update.parts {
            reach(Point::Defining);
            let down = self.supervisor.take_down(self.service, touched.part);
            down.map_err(DefinitionError::Supervisor)?;
        }
        reach(Point::Defining);
        Ok(())
    }

    fn bring_up(&mut self, update: &Update, version: Version<'_>) -> Result<(), DefinitionError> {
        for touched in update.parts.iter().rev() {
            reach(Point::Defining);
            if self.comes_up(touched, version)? {
                let up = self.supervisor.bring_up(self.service, touched.part);
                up.map_err(DefinitionError::Supervisor)?;
            }
        }
        reach(Point::Defining);
        Ok(())
    }

    /// What was up comes up again, unless somebody has put a down file there meanwhile. What nothing
    /// supervised may have been found by its scanner, and only our down file kept it from starting.
    fn comes_up(
        &mut self,
        touched: &Touched,
        version: Version<'_>,
    ) -> Result<bool, DefinitionError> {
        let path = touched.part.down_file();
        let kept_down = at(self.live, std::iter::once(path))?.get(path).is_some();
        let was_there = touched.own_down_file || version.target.get(path).is_some();
        let mut now = || {
            let found = self.supervisor.found(self.service, touched.part);
            found.map_err(DefinitionError::Supervisor)
        };
        match touched.before {
            // Without a supervisor, as before its scanner runs at boot, that one starts it when it comes.
            Before::Up => Ok((!kept_down || was_there) && now()? != Before::Unsupervised),
            Before::Down | Before::Once => Ok(false),
            Before::Unsupervised => Ok(!kept_down && now()? == Before::Down),
        }
    }

    /// Whether what is live is what the update was planned for.
    fn is_unchanged(&self, update: &Update) -> Result<(), DefinitionError> {
        let paths = || update.old.paths().chain(update.new.paths());
        let found = at(self.live, paths())?;
        for path in paths() {
            let is_ours = Part::ALL.iter().any(|part| part.down_file() == path);
            if !is_ours && found.get(path) != update.old.get(path) {
                let path = self.live.path().join(path);
                return Err(DefinitionError::Changed { path });
            }
        }
        Ok(())
    }
}

/// The version that is meant.
fn version<'a>(update: &'a Update, staged: Option<&'a Staged>, which: Which) -> Version<'a> {
    match which {
        Which::New => Version {
            target: &update.new,
            other: &update.old,
            staged: staged.map(|staged| &staged.new),
        },
        Which::Old => Version {
            target: &update.old,
            other: &update.new,
            staged: staged.map(|staged| &staged.old),
        },
    }
}
