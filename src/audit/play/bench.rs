//! One machine of the play: the simulated init, with whose definitions lie on its disk. It carries out jobs
//! and takes in what dpkg does to files; it decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::call::Side;
use crate::audit::shipped::is_reached_at_boot;
use crate::domain::{
    FileState, InitKind, Job, JobFailure, JobOutcome, Manner, UnitKind, UnitName, Verb, Wait,
};
use crate::init::Init;
use crate::init::simulated::{Course, Image, Micros, Simulated, Spec};

use super::definitions::Definitions;
use super::meaning::Change;

/// What lies on the disk, as the model counts versions.
pub(super) const GONE: Image = Image::GONE;
pub(super) const OLD: Image = Image::Whole(1);
pub(super) const NEW: Image = Image::Whole(2);

/// A machine, and what is known of its units beside their state.
#[derive(Debug, Clone)]
pub(super) struct Bench<'a> {
    pub(super) machine: Simulated,
    pub(super) init: InitKind,
    old: &'a Definitions,
    new: &'a Definitions,
    /// Whose files lie on the disk; `None` where there are none.
    here: Option<Side>,
    /// Units of other packages that a script named.
    pub(super) foreign: BTreeSet<UnitName>,
    /// Instances of the package's own templates that a script named.
    instances: BTreeSet<UnitName>,
    /// What masked units were before.
    masked: BTreeMap<UnitName, FileState>,
}

/// A job, and how it ended.
pub(super) type Ended = (Job, JobOutcome);

impl<'a> Bench<'a> {
    /// An empty machine.
    pub(super) fn new(
        init: InitKind,
        seed: u64,
        old: &'a Definitions,
        new: &'a Definitions,
    ) -> Self {
        Self {
            machine: Simulated::like(init, seed),
            init,
            old,
            new,
            here: None,
            foreign: BTreeSet::new(),
            instances: BTreeSet::new(),
            masked: BTreeMap::new(),
        }
    }

    /// The definitions on the disk.
    pub(super) fn definitions(&self) -> Option<&'a Definitions> {
        self.here.map(|side| self.of(side))
    }

    fn of(&self, side: Side) -> &'a Definitions {
        match side {
            Side::Old => self.old,
            Side::New => self.new,
        }
    }

    fn image(side: Side) -> Image {
        match side {
            Side::Old => OLD,
            Side::New => NEW,
        }
    }

    /// All units that one of the two packages brings, and the instances that there are of them.
    pub(super) fn own(&self) -> BTreeSet<UnitName> {
        let names = self.old.specs.keys().chain(self.new.specs.keys());
        names.chain(&self.instances).cloned().collect()
    }

    /// The files of `side` are there, all of them.
    pub(super) fn unpacked(&mut self, side: Side) {
        let before = self.definitions();
        self.here = Some(side);
        let (definitions, image) = (self.of(side), Self::image(side));
        for spec in definitions.specs.values() {
            // What is loaded keeps its definition until it is told to read anew.
            if self.machine.view(&spec.name).is_none() {
                self.machine.add(spec.clone(), image);
            }
            self.machine.replace_files(&spec.name, image);
        }
        for name in &self.instances {
            self.machine.replace_files(name, image);
        }
        for name in before.into_iter().flat_map(|before| before.specs.keys()) {
            if !definitions.specs.contains_key(name) {
                self.take_away(name);
            }
        }
    }

    /// Some of the files are there, and some are not yet.
    pub(super) fn half_unpacked(&mut self) {
        for name in self.own() {
            self.machine.replace_files(&name, Image::Mixed);
        }
    }

    /// The files are gone; the configuration, and with it init scripts, stays.
    pub(super) fn removed(&mut self) {
        for name in self.own() {
            self.take_away(&name);
        }
        self.here = None;
    }

    fn take_away(&mut self, name: &UnitName) {
        self.machine.replace_files(name, GONE);
        self.machine.undefine(name);
    }

    /// The init reads what is on the disk.
    pub(super) fn reread(&mut self) {
        let (Some(side), Some(definitions)) = (self.here, self.definitions()) else {
            return;
        };
        for spec in definitions.specs.values() {
            self.machine.redefine(spec.clone(), Self::image(side));
        }
    }

    /// The unit that `text` names; an instance of a template of the package, and what another package
    /// brings, come into being by being named: up, as far as anybody knows.
    pub(super) fn unit(&mut self, text: &str) -> Option<UnitName> {
        let named = UnitName::parse(text).ok()?;
        let name = self.real(&named);
        let known = self.machine.view(&name).is_some() || self.own().contains(&name);
        if known || name.is_template() {
            return Some(name);
        }
        let template = self.definitions().and_then(|here| here.template_of(&name));
        let mut spec = match template {
            Some(template) => Spec {
                name: name.clone(),
                ..template.clone()
            },
            None => Spec::new(name.clone()),
        };
        spec.file = FileState::Enabled;
        match template {
            Some(_) => self.instances.insert(name.clone()),
            None => self.foreign.insert(name.clone()),
        };
        let image = self.here.map_or(OLD, Self::image);
        self.machine.add(spec, image);
        self.run(Verb::Start, std::slice::from_ref(&name));
        Some(name)
    }

    /// The units that `text` names: one, or with wildcards those that are up.
    pub(super) fn units(&mut self, text: &str) -> Vec<UnitName> {
        if !text.contains(['*', '?', '[']) {
            return self.unit(text).into_iter().collect();
        }
        let pattern = text.trim_end_matches(".service");
        let beginning = pattern.split(['*', '?', '[']).next().unwrap_or_default();
        let mut names = self.machine.names();
        names.retain(|name| name.as_str().starts_with(beginning) && self.is_up(name));
        names
    }

    /// The unit that `text` names, where there is one.
    pub(super) fn named(&self, text: &str) -> Option<UnitName> {
        let name = self.real(&UnitName::parse(text).ok()?);
        self.machine.view(&name).map(|_| name)
    }

    fn real(&self, name: &UnitName) -> UnitName {
        let here = self.definitions().unwrap_or(self.old);
        here.real(name)
    }

    pub(super) fn is_up(&self, name: &UnitName) -> bool {
        let view = self.machine.view(name);
        view.is_some_and(|view| !view.active.is_down())
    }

    /// Whether the unit is enabled.
    pub(super) fn is_enabled(&self, name: &UnitName) -> bool {
        let view = self.machine.view(name);
        view.is_some_and(|view| view.file == FileState::Enabled)
    }

    pub(super) fn is_masked(&self, name: &UnitName) -> bool {
        let view = self.machine.view(name);
        view.is_some_and(|view| view.file == FileState::Masked)
    }

    /// Whether a unit is one that systemd made of an init script.
    pub(super) fn is_generated(&self, name: &UnitName) -> bool {
        let here = self.definitions();
        here.is_some_and(|here| here.generated.contains(name))
    }

    /// Whether the package has an init script of that name that is started at boot.
    pub(super) fn has_start_link(&self, script: &str) -> bool {
        let here = self.definitions();
        here.is_some_and(|here| here.scripts.get(script) == Some(&true))
    }

    /// Asks for `verb` of all `units` before the first is awaited. A template is refused, and with it all.
    pub(super) fn run(&mut self, verb: Verb, units: &[UnitName]) -> Vec<Ended> {
        let jobs: Vec<Job> = units
            .iter()
            .map(|unit| Job::new(verb, unit.clone()))
            .collect();
        let outcomes = match units.iter().find(|unit| unit.is_template()) {
            Some(template) => vec![refused(template); jobs.len()],
            None => self.machine.run(&jobs, Wait::Done).unwrap_or_default(),
        };
        jobs.into_iter().zip(outcomes).collect()
    }

    /// The instances that a template stands for; any other unit alone.
    pub(super) fn instances_of(&self, unit: UnitName) -> Vec<UnitName> {
        if !unit.is_template() {
            return vec![unit];
        }
        let mut names = self.machine.names();
        names.retain(|name| name.is_instance_of(&unit));
        names
    }

    /// Changes what is started at boot, and what is enabled with it.
    pub(super) fn install(&mut self, change: Change, name: &UnitName) {
        let Some(definitions) = self.definitions() else {
            return self.set(change, name);
        };
        self.set(change, name);
        for also in definitions.also.get(name).into_iter().flatten() {
            self.set(change, &definitions.real(also));
        }
    }

    fn set(&mut self, change: Change, name: &UnitName) {
        let here = self.definitions();
        let by_file = here.and_then(|here| here.specs.get(name));
        let by_file = by_file.map_or(FileState::Disabled, |spec| spec.file.clone());
        let enables = match self.init.manner() {
            Manner::Units => here.is_some_and(|here| here.can_be_enabled(name)),
            Manner::Jobs | Manner::Services | Manner::Scripts => true,
        };
        let state = match change {
            Change::Unmask if self.is_masked(name) => self.masked.remove(name).unwrap_or(by_file),
            Change::Mask if !self.is_masked(name) => {
                let before = self.machine.view(name).map(|view| view.file);
                self.masked.insert(name.clone(), before.unwrap_or(by_file));
                FileState::Masked
            }
            Change::Unmask | Change::Mask => return,
            Change::Enable | Change::Disable if self.is_masked(name) => return,
            Change::Enable if enables => FileState::Enabled,
            Change::Disable if self.init.manner() != Manner::Units => FileState::Disabled,
            Change::Enable | Change::Disable | Change::Remove => by_file,
        };
        self.machine.set_file_state(name, state);
    }

    /// Starts what a boot starts, and lets it settle.
    pub(super) fn boot(&mut self) {
        let Some(definitions) = self.definitions() else {
            return;
        };
        let mut started: Vec<UnitName> = Vec::new();
        loop {
            let wanted = |name: &&UnitName| {
                !started.contains(name)
                    && !name.is_template()
                    && (self.is_wanted(definitions, name, &started))
            };
            let more: Vec<UnitName> = definitions.specs.keys().filter(wanted).cloned().collect();
            if more.is_empty() {
                break;
            }
            started.extend(more);
        }
        // Sockets first, as sockets.target comes before what it serves.
        started.sort_by_key(|name| !name.kind().is_trigger());
        started.retain(|name| !self.is_up(name));
        self.run(Verb::Start, &started);
    }

    fn is_wanted(&self, here: &Definitions, name: &UnitName, started: &[UnitName]) -> bool {
        let wanted = |by: &UnitName| {
            let wants = here.wants.get(by).into_iter().flatten();
            wants.map(|unit| here.real(unit)).any(|unit| unit == *name)
        };
        if started.iter().any(wanted) {
            return true;
        }
        if self.init.manner() != Manner::Units || here.generated.contains(name) {
            let script = here.scripts.get(name.stem());
            return script.map_or(self.is_enabled(name), |at_boot| *at_boot);
        }
        let reached = |by: &UnitName| {
            let target = by.kind() == UnitKind::Target;
            target && is_reached_at_boot(by.as_str()) || started.contains(by)
        };
        let by = here.wanted_by.get(name).into_iter().flatten();
        let mut by = by.filter_map(|by| UnitName::parse(by).ok());
        let mut pulled = here.pulled.get(name).into_iter().flatten();
        pulled.any(reached) || self.is_enabled(name) && by.any(|by| reached(&by))
    }

    /// Services that come to an end by themselves, or leave no process behind.
    pub(super) fn tasks(&self) -> BTreeSet<UnitName> {
        let all = self.old.tasks.iter().chain(&self.new.tasks);
        all.cloned().collect()
    }

    /// What starts each of the package's services on demand; itself where a call on the bus does.
    pub(super) fn triggers(&self) -> BTreeMap<UnitName, BTreeSet<UnitName>> {
        let mut found: BTreeMap<UnitName, BTreeSet<UnitName>> = BTreeMap::new();
        if !self.init.capabilities().activation.is_native() {
            return found;
        }
        for spec in self.old.specs.values().chain(self.new.specs.values()) {
            for service in &spec.triggers {
                found
                    .entry(service.clone())
                    .or_default()
                    .insert(spec.name.clone());
            }
            if spec.bus_activated {
                let name = spec.name.clone();
                found.entry(name.clone()).or_default().insert(name);
            }
        }
        found
    }

    /// Lets `span` pass.
    pub(super) fn pass(&mut self, span: Micros) {
        self.machine.pass(span);
    }

    /// Whether a unit runs once and ends by itself.
    pub(super) fn ends_by_itself(&self, name: &UnitName) -> bool {
        let specs = [self.old, self.new].into_iter();
        let mut specs = specs.filter_map(|definitions| definitions.specs.get(name));
        specs.any(|spec| spec.course == Course::Once)
    }
}

fn refused(template: &UnitName) -> JobOutcome {
    JobOutcome::Failed(JobFailure::Refused {
        name: "org.freedesktop.DBus.Error.InvalidArgs".to_owned(),
        message: format!("Unit name {template} is missing the instance name."),
    })
}
