//! Jobs: what one request pulls in, how it replaces what was queued, in which order jobs run and
//! how they end. The rules are systemd's, mode `replace`.

use std::collections::BTreeMap;

use crate::domain::{ActiveState, JobFailure, UnitKind, UnitName, Verb};

use super::machine::Simulated;
use super::pending::{Pending, Progress, Task};
use super::record::Happened;
use super::unit::Unit;

type Transaction = BTreeMap<UnitName, Task>;

impl Simulated {
    /// Queues a job and all that it pulls in; returns the number of its own, `None` where there is
    /// nothing to do.
    pub(super) fn enqueue(
        &mut self,
        verb: Verb,
        unit: &UnitName,
    ) -> Result<Option<u64>, JobFailure> {
        let found = self.units.get(unit).ok_or_else(|| not_found(unit))?;
        let Some(task) = collapse(verb, found) else {
            return Ok(None);
        };
        let mut transaction = Transaction::new();
        self.pull_in(unit, task, &mut transaction)?;
        for (name, task) in &transaction {
            self.install(name, *task);
        }
        let job = self.units.get(unit).and_then(|unit| unit.job.as_ref());
        Ok(job.map(|job| job.id))
    }

    fn pull_in(
        &self,
        name: &UnitName,
        task: Task,
        transaction: &mut Transaction,
    ) -> Result<(), JobFailure> {
        let unit = self.units.get(name).ok_or_else(|| not_found(name))?;
        if transaction.contains_key(name) {
            return Ok(());
        }
        match task {
            Task::Start | Task::Restart if unit.is_masked() => return Err(masked(name)),
            Task::Start | Task::Restart | Task::Stop | Task::Reload => {}
        }
        transaction.insert(name.clone(), task);
        match task {
            Task::Start => self.pull_in_required(unit, transaction),
            Task::Stop => self.pull_in_dependents(name, Task::Stop, transaction),
            Task::Restart => {
                self.pull_in_required(unit, transaction)?;
                self.pull_in_dependents(name, Task::Restart, transaction)
            }
            Task::Reload => Ok(()),
        }
    }

    fn pull_in_required(
        &self,
        unit: &Unit,
        transaction: &mut Transaction,
    ) -> Result<(), JobFailure> {
        for name in &unit.spec.requires {
            let is_there = |unit: &Unit| unit.active.is_active() && !unit.has_stop_pending();
            if !self.units.get(name).is_some_and(is_there) {
                self.pull_in(name, Task::Start, transaction)?;
            }
        }
        Ok(())
    }

    fn pull_in_dependents(
        &self,
        name: &UnitName,
        task: Task,
        transaction: &mut Transaction,
    ) -> Result<(), JobFailure> {
        for dependent in self.followers(name) {
            let is_up = |unit: &Unit| !unit.active.is_down() || unit.job.is_some();
            if self.units.get(&dependent).is_some_and(is_up) {
                self.pull_in(&dependent, task, transaction)?;
            }
        }
        Ok(())
    }

    /// The units that fall with `name`, and are restarted with it.
    pub(super) fn followers(&self, name: &UnitName) -> Vec<UnitName> {
        self.with(|unit| unit.spec.requires.contains(name) || unit.spec.part_of.contains(name))
    }

    /// Gives a unit its job: merged with the one it has, or in its place.
    fn install(&mut self, name: &UnitName, task: Task) {
        let Some(unit) = self.units.get(name) else {
            return;
        };
        let queued = unit.job.as_ref().map(|job| (job.task, job.progress));
        let (task, progress) = match queued {
            // what is being reloaded may have read too early
            Some((Task::Reload, _)) if task == Task::Reload => (task, Progress::Queued),
            Some((before, progress)) if before == task => (task, progress),
            Some((before, _)) if before != Task::Stop && task != Task::Stop => {
                (merge(before, task), Progress::Queued)
            }
            Some(_) => {
                self.end_job(name, "canceled");
                (task, Progress::Queued)
            }
            None => (task, Progress::Queued),
        };
        self.jobs_made += 1;
        let made = self.jobs_made;
        if let Some(unit) = self.units.get_mut(name) {
            // a merged job keeps the number under which others wait for it
            let id = unit.job.as_ref().map_or(made, |job| job.id);
            let restarting = unit.job.as_ref().is_some_and(|job| job.restarting);
            unit.job = Some(Pending {
                id,
                task,
                progress,
                restarting,
            });
        }
    }

    /// Begins every job that need not wait for another, until none is left.
    pub(super) fn dispatch(&mut self) {
        while let Some(name) = self.next_runnable() {
            self.begin(&name);
        }
    }

    fn next_runnable(&self) -> Option<UnitName> {
        let mut queued = self.units.values();
        let found = queued.find(|unit| {
            unit.job
                .as_ref()
                .is_some_and(|job| job.progress == Progress::Queued && self.is_its_turn(unit, job))
        });
        found.map(|unit| unit.spec.name.clone())
    }

    /// Stops go first, in reverse order; then starts, in order.
    fn is_its_turn(&self, unit: &Unit, job: &Pending) -> bool {
        let mut others = self.units.values();
        others.all(|other| match other.job.as_ref() {
            None => true,
            Some(_) if other.spec.name == unit.spec.name => true,
            Some(_) if comes_after(unit, other) => job.goes_down(),
            Some(theirs) if comes_after(other, unit) => !theirs.goes_down(),
            Some(_) => true,
        })
    }

    fn begin(&mut self, name: &UnitName) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let (active, masked) = (unit.active, unit.is_masked());
        let Some(job) = unit.job.as_mut() else {
            return;
        };
        job.progress = Progress::Running;
        match (job.task, active) {
            (Task::Start, ActiveState::Active | ActiveState::Reloading)
            | (Task::Stop, ActiveState::Inactive | ActiveState::Failed) => {
                self.end_job(name, "done");
            }
            (Task::Reload, ActiveState::Active | ActiveState::Reloading)
                if name.kind() == UnitKind::Service =>
            {
                self.begin_reload(name);
            }
            (Task::Reload, ActiveState::Active | ActiveState::Reloading) => {
                self.end_job(name, "done");
            }
            (Task::Start | Task::Restart, ActiveState::Inactive | ActiveState::Failed) => {
                job.task = Task::Start;
                if masked || self.service_is_up(name) {
                    self.fail_start(name, "failed");
                } else {
                    self.begin_start(name);
                }
            }
            (Task::Reload, _) => self.end_job(name, "failed"),
            (
                Task::Restart,
                ActiveState::Active | ActiveState::Reloading | ActiveState::Activating,
            ) => {
                job.restarting = true;
                self.begin_stop(name);
            }
            (
                Task::Stop,
                ActiveState::Active | ActiveState::Reloading | ActiveState::Activating,
            ) => {
                self.begin_stop(name);
            }
            // under way already: whoever finishes it looks at the job
            (Task::Start, ActiveState::Activating | ActiveState::Deactivating)
            | (Task::Stop | Task::Restart, ActiveState::Deactivating)
            | (Task::Start | Task::Stop | Task::Restart, ActiveState::Maintenance) => {}
        }
    }

    /// "Socket service already active, refusing": a socket starts only while its service is down.
    fn service_is_up(&self, name: &UnitName) -> bool {
        let Some(socket) = self.units.get(name) else {
            return false;
        };
        if name.kind() != UnitKind::Socket || socket.spec.accepts {
            return false;
        }
        let mut services = socket
            .spec
            .triggers
            .iter()
            .filter_map(|s| self.units.get(s));
        services.any(|service| !service.active.is_down())
    }

    /// A start failed, and with it every queued start that requires it.
    pub(super) fn fail_start(&mut self, name: &UnitName, result: &'static str) {
        self.end_job(name, result);
        if self
            .units
            .get(name)
            .is_some_and(|unit| unit.active.is_down())
        {
            self.refuse_waiting(name);
        }
        let starts = |job: &Pending| job.task == Task::Start;
        let waiting = self.with(|unit| {
            unit.spec.requires.contains(name) && unit.job.as_ref().is_some_and(starts)
        });
        for dependent in waiting {
            self.fail_start(&dependent, "dependency");
        }
    }

    /// A unit came up: a job that wanted that is done.
    pub(super) fn started(&mut self, name: &UnitName) {
        let job = self.units.get(name).and_then(|unit| unit.job.as_ref());
        let started = |job: &Pending| job.task == Task::Start && job.progress == Progress::Running;
        if job.is_some_and(started) {
            self.end_job(name, "done");
        }
    }

    /// A unit was reloaded: a job that wanted that has ended.
    pub(super) fn reloaded(&mut self, name: &UnitName, result: &'static str) {
        let job = self.units.get(name).and_then(|unit| unit.job.as_ref());
        let reloads = |job: &Pending| job.task == Task::Reload && job.progress == Progress::Running;
        if job.is_some_and(reloads) {
            self.end_job(name, result);
        }
    }

    /// A unit went down: a stop is done, a restart or a start that waited goes on.
    pub(super) fn stopped(&mut self, name: &UnitName) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        let keeps = unit.job.as_ref().is_some_and(|job| job.restarting);
        let lost = if keeps {
            0
        } else {
            std::mem::take(&mut unit.stored)
        };
        match unit.job.as_mut() {
            Some(job) if job.task == Task::Stop => self.end_job(name, "done"),
            Some(job) if job.task == Task::Reload => self.end_job(name, "failed"),
            Some(job) => {
                job.task = Task::Start;
                job.progress = Progress::Queued;
            }
            None => {}
        }
        if lost > 0 {
            self.note(Happened::LostDescriptors {
                unit: name.clone(),
                count: lost,
            });
        }
    }

    pub(super) fn end_job(&mut self, name: &UnitName, result: &'static str) {
        let Some(job) = self.units.get_mut(name).and_then(|unit| unit.job.take()) else {
            return;
        };
        self.results.insert(job.id, result);
        self.note(Happened::JobEnded {
            unit: name.clone(),
            result,
        });
    }
}

/// What is asked comes down to, for a unit that stands like this.
fn collapse(verb: Verb, unit: &Unit) -> Option<Task> {
    let is_up = unit.active.is_active() || unit.active == ActiveState::Activating;
    match verb {
        Verb::Start => Some(Task::Start),
        Verb::Stop => Some(Task::Stop),
        Verb::Restart => Some(Task::Restart),
        Verb::TryRestart => is_up.then_some(Task::Restart),
        Verb::Reload => Some(Task::Reload),
        Verb::ReloadOrRestart if is_up && unit.spec.can_reload => Some(Task::Reload),
        Verb::ReloadOrRestart => Some(Task::Restart),
    }
}

/// The job that does what both would.
fn merge(one: Task, other: Task) -> Task {
    match (one, other) {
        (Task::Restart, _) | (_, Task::Restart) => Task::Restart,
        (Task::Start, _) | (_, Task::Start) => Task::Start,
        (Task::Stop, _) | (_, Task::Stop) => Task::Stop,
        (Task::Reload, Task::Reload) => Task::Reload,
    }
}

/// Whether `unit` is ordered after `other`: said so, or started by it on demand.
fn comes_after(unit: &Unit, other: &Unit) -> bool {
    unit.spec.after.contains(&other.spec.name) || other.spec.triggers.contains(&unit.spec.name)
}

fn not_found(unit: &UnitName) -> JobFailure {
    JobFailure::Refused {
        name: "org.freedesktop.systemd1.NoSuchUnit".to_owned(),
        message: format!("Unit {unit} not found."),
    }
}

fn masked(unit: &UnitName) -> JobFailure {
    JobFailure::Refused {
        name: "org.freedesktop.systemd1.UnitMasked".to_owned(),
        message: format!("Unit {unit} is masked."),
    }
}
