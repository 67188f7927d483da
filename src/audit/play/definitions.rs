//! The units of a package as the model takes them: what they need, start on demand and fall with, and
//! whether they are enabled when nobody has said anything yet. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::shipped::{InitScript, Native, Shipped, Unit};
use crate::domain::{FileState, InitKind, Manner, UnitKind, UnitName};
use crate::init::simulated::{Course, Micros, Spec};

/// Microseconds in a millisecond.
pub(super) const MS: Micros = 1000;
/// Microseconds until a service is up, down, and has answered a client: assumptions, those of the upgrade
/// that `rcpolicy simulate` plays by itself.
const START: Micros = 25 * MS;
const STOP: Micros = 20 * MS;
const SERVE: Micros = MS / 2;
/// Settings in whose `[Install]` sections a unit names what it is enabled for.
const INSTALL: [&str; 4] = ["WantedBy", "RequiredBy", "UpheldBy", "Alias"];
/// Settings that name what a unit cannot be without.
const NEEDS: [&str; 3] = ["Requires", "BindsTo", "Requisite"];

/// What one package brings.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    /// Each unit, down and as enabled as its file says.
    pub(super) specs: BTreeMap<UnitName, Spec>,
    /// Other names of units.
    pub(super) aliases: BTreeMap<UnitName, UnitName>,
    /// Init scripts, by name: whether their header wants them started at boot.
    pub(super) scripts: BTreeMap<String, bool>,
    /// Units that systemd makes of init scripts.
    pub(super) generated: BTreeSet<UnitName>,
    /// Services that leave no process behind (Type=oneshot).
    pub(super) tasks: BTreeSet<UnitName>,
    /// Targets and units for which each unit is enabled.
    pub(super) wanted_by: BTreeMap<UnitName, Vec<String>>,
    /// What else is enabled with each unit, and what it pulls in when it starts.
    pub(super) also: BTreeMap<UnitName, Vec<UnitName>>,
    /// Units that each unit starts beside itself (Wants=).
    pub(super) wants: BTreeMap<UnitName, Vec<UnitName>>,
    /// What pulls in each unit by a link of the package, whether or not it is enabled.
    pub(super) pulled: BTreeMap<UnitName, Vec<UnitName>>,
    /// What is said of a unit in the file of another: the first comes after the second.
    before: Vec<(UnitName, UnitName)>,
    /// The same: the first starts the second on demand.
    sockets: Vec<(UnitName, UnitName)>,
}

impl Definitions {
    /// What `shipped` brings under `init`.
    pub(super) fn of(shipped: &Shipped, init: InitKind) -> Self {
        let mut found = Self::default();
        for script in &shipped.init_scripts {
            let at_boot = at_boot(script);
            found.scripts.insert(script.name.clone(), at_boot);
        }
        match init.manner() {
            Manner::Units => found.take_units(shipped),
            Manner::Jobs => found.take_natives(&shipped.upstart),
            Manner::Services => {
                found.take_natives(&shipped.runit);
                found.take_natives(&shipped.s6);
                found.take_natives(&shipped.openrc);
            }
            Manner::Scripts => {}
        }
        found.take_scripts(init);
        found.link();
        found
    }

    fn take_units(&mut self, shipped: &Shipped) {
        for unit in shipped.units.values() {
            if unit.path.is_empty() {
                continue;
            }
            for alias in &unit.aliases {
                self.aliases.insert(alias.clone(), unit.name.clone());
            }
            if is_task(unit) {
                self.tasks.insert(unit.name.clone());
            }
            let mut spec = spec(unit);
            let names = |bus: &UnitName| *bus == unit.name || unit.aliases.contains(bus);
            let mut buses = shipped.bus.iter().filter_map(|bus| bus.unit.as_ref());
            spec.bus_activated = buses.any(names);
            self.wanted_by.insert(unit.name.clone(), wanted_by(unit));
            let also = parsed(&unit.words("Install", "Also"));
            self.also.insert(unit.name.clone(), also);
            let wants = parsed(&unit.words("Unit", "Wants"));
            self.wants.insert(unit.name.clone(), wants);
            let pair = |other: UnitName| (other, unit.name.clone());
            let before = parsed(&unit.words("Unit", "Before"));
            self.before.extend(before.into_iter().map(pair));
            let sockets = parsed(&unit.words("Service", "Sockets"));
            self.sockets.extend(sockets.into_iter().map(pair));
            self.specs.insert(unit.name.clone(), spec);
        }
        for pulled in &shipped.pulled {
            let by = self.pulled.entry(pulled.unit.clone()).or_default();
            by.push(pulled.by.clone());
        }
    }

    fn take_natives(&mut self, natives: &[Native]) {
        for native in natives {
            if let Ok(name) = UnitName::of_script(&native.name) {
                self.specs.insert(name.clone(), timed(Spec::new(name)));
            }
        }
    }

    /// An init script is a service of its own where no unit or job has its name.
    fn take_scripts(&mut self, init: InitKind) {
        for (script, at_boot) in &self.scripts {
            let Ok(name) = UnitName::of_script(script) else {
                continue;
            };
            if self.specs.contains_key(&name) || self.aliases.contains_key(&name) {
                continue;
            }
            let mut spec = timed(Spec::new(name.clone()));
            spec.can_reload = true;
            spec.file = match (init.manner(), at_boot) {
                (Manner::Units, _) => FileState::Other("generated".to_owned()),
                (_, true) => FileState::Enabled,
                (_, false) => FileState::Disabled,
            };
            self.generated.insert(name.clone());
            self.specs.insert(name, spec);
        }
    }

    /// What one unit says of another is noted with that one: Before=, Sockets=, aliases.
    fn link(&mut self) {
        let known: Vec<UnitName> = self.specs.keys().cloned().collect();
        let real = |name: &UnitName| self.aliases.get(name).unwrap_or(name).clone();
        let mut specs = std::mem::take(&mut self.specs);
        for (later, earlier) in &self.before {
            if let Some(spec) = specs.get_mut(&real(later)) {
                spec.after.push(earlier.clone());
            }
        }
        for (socket, service) in &self.sockets {
            if let Some(spec) = specs.get_mut(&real(socket)) {
                spec.triggers = vec![service.clone()];
            }
        }
        for spec in specs.values_mut() {
            for list in [&mut spec.requires, &mut spec.part_of, &mut spec.after] {
                let mut names: Vec<UnitName> = list.iter().map(real).collect();
                // What another package brings is taken to be there.
                names.retain(|name| known.contains(name) && *name != spec.name);
                *list = names;
            }
            for name in &mut spec.triggers {
                *name = real(name);
            }
        }
        self.specs = specs;
    }

    /// The name behind `name`, which may be an alias.
    pub(super) fn real(&self, name: &UnitName) -> UnitName {
        self.aliases.get(name).unwrap_or(name).clone()
    }

    /// The template that `name` is an instance of.
    pub(super) fn template_of(&self, name: &UnitName) -> Option<&Spec> {
        let mut specs = self.specs.values();
        specs.find(|spec| name.is_instance_of(&spec.name))
    }

    /// Whether enabling the unit does anything.
    pub(super) fn can_be_enabled(&self, name: &UnitName) -> bool {
        let wanted = self.wanted_by.get(name);
        wanted.is_some_and(|wanted| !wanted.is_empty())
    }
}

fn at_boot(script: &InitScript) -> bool {
    let levels = script.header.get("default-start");
    levels.is_some_and(|levels| !levels.trim().is_empty())
}

fn timed(spec: Spec) -> Spec {
    match spec.name.kind() {
        UnitKind::Service => Spec {
            start_takes: START,
            stop_takes: STOP,
            reload_takes: STOP,
            serve_takes: SERVE,
            ..spec
        },
        _ => spec,
    }
}

fn spec(unit: &Unit) -> Spec {
    let named = |section: &str, key: &str| parsed(&unit.words(section, key));
    let all = |keys: &[&str]| keys.iter().flat_map(|key| named("Unit", key)).collect();
    let mut spec = timed(Spec::new(unit.name.clone()));
    spec.requires = all(&NEEDS);
    spec.part_of = all(&["PartOf", "BindsTo"]);
    spec.after = all(&["After"]);
    spec.accepts = is_true(unit.value("Socket", "Accept"));
    spec.triggers = triggered(unit, spec.accepts).into_iter().collect();
    spec.can_reload = unit.value("Service", "ExecReload").is_some()
        || unit.value("Service", "Type") == Some("notify-reload");
    let store = unit.value("Service", "FileDescriptorStoreMax");
    spec.stores = u32::from(store.is_some_and(|most| most != "0" && !most.is_empty()));
    if is_task(unit) && !is_true(unit.value("Service", "RemainAfterExit")) {
        spec.course = Course::Once;
    }
    spec.file = file_state(unit);
    spec
}

/// What a trigger starts: what it names, or what has its own name.
fn triggered(unit: &Unit, accepts: bool) -> Option<UnitName> {
    let (section, key) = match unit.name.kind() {
        UnitKind::Socket => ("Socket", "Service"),
        UnitKind::Path => ("Path", "Unit"),
        UnitKind::Timer => ("Timer", "Unit"),
        UnitKind::Automount | UnitKind::Service | UnitKind::Target | UnitKind::Other => {
            return None;
        }
    };
    let stem = unit.name.stem();
    let own = match accepts {
        true => format!("{stem}@.service"),
        false => format!("{stem}.service"),
    };
    UnitName::parse(unit.value(section, key).unwrap_or(&own)).ok()
}

fn file_state(unit: &Unit) -> FileState {
    if unit.masked {
        return FileState::Masked;
    }
    if !wanted_by(unit).is_empty() {
        return FileState::Disabled;
    }
    match unit.words("Install", "Also").is_empty() {
        true => FileState::Static,
        false => FileState::Other("indirect".to_owned()),
    }
}

fn wanted_by(unit: &Unit) -> Vec<String> {
    let keys = INSTALL.iter();
    let words = keys.flat_map(|key| unit.words("Install", key));
    words.map(str::to_owned).collect()
}

fn is_task(unit: &Unit) -> bool {
    unit.value("Service", "Type") == Some("oneshot")
}

fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| {
        ["1", "yes", "true", "on", "y", "t"].contains(&value.to_lowercase().as_str())
    })
}

/// The names among `words`; what is none, a specifier for example, names no unit of the package.
fn parsed(words: &[&str]) -> Vec<UnitName> {
    let names = words.iter().map(|word| UnitName::parse(word));
    names.filter_map(Result::ok).collect()
}
