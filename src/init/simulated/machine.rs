//! The machine as a whole: its units, its clock, its clients, and how time passes.

use std::collections::BTreeMap;

use crate::domain::{ActiveState, Capabilities, FileState, InitKind, Manner, UnitKind, UnitName};

use super::clock::{Chance, Clock, Due, Micros};
use super::connection::{Client, Connection};
use super::line::Line;
use super::record::{Happened, Moment};
use super::unit::{Course, EXIT_CODE, Image, Process, SUCCESS, Schedule, Spec, Unit, View};

/// Which kind of init the model plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Jobs are queued together, and triggers start services on demand.
    Systemd,
    /// Services only, one action after the other, nothing starts on demand.
    Sysv,
    /// The same, and of a unit no more is to be seen than its state and its process.
    Upstart,
}

impl Flavour {
    fn capabilities(self) -> Capabilities {
        match self {
            Self::Systemd => InitKind::Simulated.capabilities(),
            Self::Upstart => InitKind::Upstart.capabilities(),
            Self::Sysv => InitKind::Sysv.capabilities(),
        }
    }
}

/// An init in memory.
#[derive(Debug, Clone)]
pub struct Simulated {
    pub(super) flavour: Flavour,
    pub(super) kind: InitKind,
    pub(super) capabilities: Capabilities,
    pub(super) clock: Clock,
    pub(super) chance: Chance,
    pub(super) units: BTreeMap<UnitName, Unit>,
    pub(super) clients: Vec<Client>,
    pub(super) connections: Vec<Connection>,
    pub(super) record: Vec<Moment>,
    pub(super) results: BTreeMap<u64, &'static str>,
    pub(super) jobs_made: u64,
    pub(super) processes_made: u32,
    pub(super) call_takes: Micros,
    pub(super) line: Line,
}

/// Microseconds between two calls to the init: an assumption, of the order of one round trip.
const CALL_TAKES: Micros = 300;
/// The first process id that is given out, less one.
const FIRST_PID: u32 = 1000;

impl Simulated {
    /// An empty machine. The seed decides the clients' small irregularities.
    pub fn new(flavour: Flavour, seed: u64) -> Self {
        Self {
            flavour,
            kind: InitKind::Simulated,
            capabilities: flavour.capabilities(),
            clock: Clock::default(),
            chance: Chance::new(seed),
            units: BTreeMap::new(),
            clients: Vec::new(),
            connections: Vec::new(),
            record: Vec::new(),
            results: BTreeMap::new(),
            jobs_made: 0,
            processes_made: 0,
            call_takes: CALL_TAKES,
            line: Line::default(),
        }
    }

    /// An empty machine that stands for one under `kind`, and can do what that can.
    pub fn like(kind: InitKind, seed: u64) -> Self {
        let flavour = match kind.manner() {
            Manner::Units => Flavour::Systemd,
            Manner::Jobs => Flavour::Upstart,
            Manner::Services | Manner::Scripts => Flavour::Sysv,
        };
        Self {
            kind,
            capabilities: kind.capabilities(),
            ..Self::new(flavour, seed)
        }
    }

    /// Adds a unit, down, with `files` on disk. On an init without activation, triggers are not units.
    pub fn add(&mut self, spec: Spec, files: Image) {
        if self.flavour != Flavour::Systemd && spec.name.kind() != UnitKind::Service {
            return;
        }
        self.units.insert(spec.name.clone(), Unit::new(spec, files));
    }

    /// Adds a client; its first connection comes within its first interval.
    pub fn connect_every(&mut self, client: Client) {
        let first = self.chance.below(client.every);
        self.clients.push(client);
        let client = self.clients.len().saturating_sub(1);
        self.clock.after(first, Due::Connect { client });
    }

    /// Sends all clients away; what they have open goes on.
    pub fn dismiss_clients(&mut self) {
        self.clients.clear();
    }

    /// The time.
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Lets `span` microseconds pass.
    pub fn pass(&mut self, span: Micros) {
        let until = self.clock.now().saturating_add(span);
        while self.step(until) {}
        self.clock.reach(until);
    }

    /// Lets the next thing happen that is due until `limit`; false where there is none.
    pub(super) fn step(&mut self, limit: Micros) -> bool {
        let Some(due) = self.clock.next(limit) else {
            return false;
        };
        match due {
            Due::Settled { unit, transition } => self.settle(&unit, transition),
            Due::Connect { client } => self.connect_next(client),
            Due::Retry { connection } => self.knock(connection),
            Due::Answered { connection } => self.answer(connection),
            Due::Elapsed { unit, transition } => self.elapse(&unit, transition),
            // Whoever asked is not there to hear of a refusal.
            Due::Asked { verb, unit } => drop(self.enqueue(verb, &unit)),
        }
        self.dispatch();
        true
    }

    /// Puts `files` on disk for `unit`. A process that is still loading then has some of both.
    pub fn replace_files(&mut self, unit: &UnitName, files: Image) {
        let Some(found) = self.units.get_mut(unit) else {
            return;
        };
        if found.files == files {
            return;
        }
        found.files = files;
        let loading = found.active == ActiveState::Activating;
        if let Some(process) = found.process.as_mut().filter(|_| loading) {
            process.image = Image::Mixed;
        }
        self.note(Happened::Files {
            unit: unit.clone(),
            files,
        });
        if loading {
            self.note_image(unit);
        }
    }

    /// Takes in a unit's definition anew, as after `daemon-reload`: what runs goes on running. One that is
    /// not there yet comes down, with `files` on disk. Whether it is enabled stays as it was.
    pub fn redefine(&mut self, spec: Spec, files: Image) {
        match self.units.get_mut(&spec.name) {
            Some(unit) => {
                let file = std::mem::replace(&mut unit.spec, spec).file;
                unit.spec.file = file;
            }
            None => self.add(spec, files),
        }
    }

    /// Takes a unit's definition away: one that is down is gone, one that is not goes on running and fails
    /// when it is started again.
    pub fn undefine(&mut self, unit: &UnitName) {
        let Some(found) = self.units.get_mut(unit) else {
            return;
        };
        found.spec.course = Course::Fails;
        if found.is_idle() {
            self.refuse_waiting(unit);
            self.units.remove(unit);
        }
    }

    /// Enables, disables or masks a unit. What runs goes on running.
    pub fn set_file_state(&mut self, unit: &UnitName, file: FileState) {
        if let Some(unit) = self.units.get_mut(unit) {
            unit.spec.file = file;
        }
    }

    /// Says whether what a path unit watches for is there.
    pub fn set_found(&mut self, path: &UnitName, found: bool) {
        if let Some(unit) = self.units.get_mut(path) {
            unit.found = found;
        }
        self.poke(path);
        self.dispatch();
    }

    /// How a unit stands.
    pub fn view(&self, unit: &UnitName) -> Option<View> {
        self.units.get(unit).map(Unit::view)
    }

    /// All units, in the order of their names.
    pub fn names(&self) -> Vec<UnitName> {
        self.units.keys().cloned().collect()
    }

    /// All that happened so far.
    pub fn record(&self) -> &[Moment] {
        &self.record
    }

    /// All connections so far, in the order in which they were opened.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// How often a trigger or a bus call started `unit`.
    pub fn activations(&self, unit: &UnitName) -> usize {
        let of_unit = |moment: &&Moment| matches!(&moment.what, Happened::Activated { unit: started, .. } if started == unit);
        self.record.iter().filter(of_unit).count()
    }

    /// Writes a remark into the record.
    pub fn mark(&mut self, text: &str) {
        self.note(Happened::Mark(text.to_owned()));
    }

    pub(super) fn note(&mut self, what: Happened) {
        let at = self.clock.now();
        self.record.push(Moment { at, what });
    }

    pub(super) fn note_state(&mut self, unit: &UnitName) {
        let now = self.clock.now();
        if let Some(found) = self.units.get_mut(unit) {
            found.changed = now;
        }
        self.note_image(unit);
    }

    fn note_image(&mut self, unit: &UnitName) {
        if let Some(found) = self.units.get(unit) {
            let what = Happened::State {
                unit: unit.clone(),
                active: found.active,
                image: found.process.as_ref().map(|process| process.image),
            };
            self.note(what);
        }
    }

    /// A unit begins to come up. Its process loads what is on disk now.
    pub(super) fn begin_start(&mut self, name: &UnitName) {
        self.processes_made += 1;
        let (made, now) = (self.processes_made, self.clock.now());
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.active = ActiveState::Activating;
        unit.transition += 1;
        (unit.started, unit.result) = (now, SUCCESS);
        unit.invocation = format!("{made:032x}");
        if unit.is_service() {
            unit.process = Some(Process {
                pid: FIRST_PID.saturating_add(made),
                invocation: unit.invocation.clone(),
                image: unit.files,
            });
        }
        let (takes, transition) = (unit.spec.start_takes, unit.transition);
        self.settle_after(name, takes, transition);
    }

    /// A unit begins to go down. A socket closes at once, with all that waits in it.
    pub(super) fn begin_stop(&mut self, name: &UnitName) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.active = ActiveState::Deactivating;
        unit.transition += 1;
        let (takes, transition) = (unit.spec.stop_takes, unit.transition);
        self.refuse_waiting(name);
        self.settle_after(name, takes, transition);
    }

    fn settle_after(&mut self, name: &UnitName, takes: Micros, transition: u64) {
        self.note_state(name);
        let unit = name.clone();
        self.clock.after(takes, Due::Settled { unit, transition });
    }

    fn settle(&mut self, name: &UnitName, transition: u64) {
        let current = self.units.get(name);
        let Some(unit) = current.filter(|unit| unit.transition == transition) else {
            return;
        };
        match (unit.active, unit.spec.course) {
            (ActiveState::Activating, Course::Stays) => self.come_up(name),
            (ActiveState::Activating, Course::Once) => {
                self.started(name);
                self.go_down(name, ActiveState::Inactive);
            }
            (ActiveState::Activating, Course::Fails) => self.break_down(name),
            (ActiveState::Deactivating, _) => self.go_down(name, ActiveState::Inactive),
            (ActiveState::Reloading, _) => self.end_reload(name),
            (
                ActiveState::Active
                | ActiveState::Inactive
                | ActiveState::Failed
                | ActiveState::Maintenance,
                _,
            ) => {}
        }
    }

    /// A unit rereads its configuration; its process stays.
    pub(super) fn begin_reload(&mut self, name: &UnitName) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.active = ActiveState::Reloading;
        unit.transition += 1;
        let (takes, transition) = (unit.spec.reload_takes, unit.transition);
        self.settle_after(name, takes, transition);
    }

    fn end_reload(&mut self, name: &UnitName) {
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.active = ActiveState::Active;
        let (service, job) = match unit.spec.reload_fails {
            true => (EXIT_CODE, "failed"),
            false => (SUCCESS, "done"),
        };
        unit.reload_result = service;
        self.note_state(name);
        self.reloaded(name, job);
        self.poke(name);
        for trigger in self.triggers_of(name) {
            self.poke(&trigger);
        }
    }

    /// A start failed in the end.
    fn break_down(&mut self, name: &UnitName) {
        if let Some(unit) = self.units.get_mut(name) {
            unit.result = EXIT_CODE;
        }
        self.fail_start(name, "failed");
        self.go_down(name, ActiveState::Failed);
    }

    fn come_up(&mut self, name: &UnitName) {
        let now = self.clock.now();
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.active = ActiveState::Active;
        unit.stored = unit.spec.stores;
        let (schedule, transition) = (unit.spec.schedule, unit.transition);
        self.note_state(name);
        if let Some(wait) = schedule.and_then(|schedule| next_elapse(schedule, now)) {
            let unit = name.clone();
            self.clock.after(wait, Due::Elapsed { unit, transition });
        }
        self.started(name);
        for trigger in self.triggers_of(name) {
            self.poke(&trigger);
        }
        self.poke(name);
    }

    /// A unit is down: its process is gone, and with it what it had not answered.
    pub(super) fn go_down(&mut self, name: &UnitName, state: ActiveState) {
        let now = self.clock.now();
        let Some(unit) = self.units.get_mut(name) else {
            return;
        };
        unit.active = state;
        unit.process = None;
        unit.down_since = now;
        unit.transition += 1;
        let unanswered = std::mem::take(&mut unit.serving);
        self.refuse(&unanswered);
        self.note_state(name);
        self.stopped(name);
        self.poke(name);
        if self.units.get(name).is_some_and(Unit::is_idle) {
            for trigger in self.triggers_of(name) {
                self.poke(&trigger);
            }
        }
    }

    /// The units that start `name` on demand.
    pub(super) fn triggers_of(&self, name: &UnitName) -> Vec<UnitName> {
        self.with(|unit| unit.spec.triggers.contains(name))
    }

    /// The names of the units for which `test` holds.
    pub(super) fn with(&self, test: impl Fn(&Unit) -> bool) -> Vec<UnitName> {
        let chosen = self.units.values().filter(|unit| test(unit));
        chosen.map(|unit| unit.spec.name.clone()).collect()
    }
}

/// Microseconds until a timer that is started now elapses, if it ever does.
pub(super) fn next_elapse(schedule: Schedule, now: Micros) -> Option<Micros> {
    match schedule {
        Schedule::Every(span) => Some(span.max(1)),
        Schedule::OnceAt(at) => at.checked_sub(now),
    }
}
