//! Starting on demand: sockets, paths, timers and bus calls, and when they keep still.

use crate::domain::{ActiveState, UnitKind, UnitName, Verb};

use super::clock::{Due, Micros};
use super::machine::{Simulated, next_elapse};
use super::record::Happened;
use super::unit::Schedule;

impl Simulated {
    /// Lets `name` act on what waits for it, if anything does: a socket with connections, a path
    /// whose condition holds, a service with bus calls.
    pub(super) fn poke(&mut self, name: &UnitName) {
        match name.kind() {
            UnitKind::Socket => self.poke_socket(name),
            UnitKind::Path => self.poke_path(name),
            UnitKind::Service => self.poke_service(name),
            UnitKind::Timer | UnitKind::Automount | UnitKind::Target | UnitKind::Other => {}
        }
    }

    fn poke_socket(&mut self, name: &UnitName) {
        let Some(socket) = self.units.get(name) else {
            return;
        };
        if socket.active != ActiveState::Active || socket.waiting.is_empty() {
            return;
        }
        let Some(service) = socket.spec.triggers.first().cloned() else {
            return;
        };
        let stop_pending = socket.has_stop_pending();
        let Some(unit) = self.units.get(&service) else {
            return self.fail_trigger(name);
        };
        if unit.active == ActiveState::Active {
            self.take_waiting(&service, name);
        } else if !unit.is_idle() {
            // systemd looks at a socket again only once its service is down and has no job left
        } else if stop_pending {
            self.note(Happened::Suppressed {
                trigger: name.clone(),
            });
            self.refuse_waiting(name);
        } else {
            self.activate(&service, name);
        }
    }

    fn poke_path(&mut self, name: &UnitName) {
        let Some(path) = self.units.get(name) else {
            return;
        };
        if path.active == ActiveState::Active && path.found {
            self.trigger(name);
        }
    }

    /// Bus calls that wait for a service, or connections to one that listens by itself.
    fn poke_service(&mut self, name: &UnitName) {
        let Some(service) = self.units.get(name) else {
            return;
        };
        if service.waiting.is_empty() {
            return;
        }
        if service.active == ActiveState::Active {
            self.take_waiting(name, name);
        } else if service.is_idle() {
            if service.held || !service.spec.bus_activated {
                self.refuse_waiting(name);
            } else {
                self.activate(name, name);
            }
        }
    }

    /// A timer's time has come.
    pub(super) fn elapse(&mut self, name: &UnitName, transition: u64) {
        let Some(timer) = self.units.get(name) else {
            return;
        };
        if timer.active != ActiveState::Active || timer.transition != transition {
            return;
        }
        if let Some(Schedule::Every(span)) = timer.spec.schedule {
            let again: Option<Micros> = next_elapse(Schedule::Every(span), self.clock.now());
            let unit = name.clone();
            self.clock
                .after(again.unwrap_or(span), Due::Elapsed { unit, transition });
        }
        self.trigger(name);
    }

    /// A path or timer starts its unit, unless a stop of the trigger itself is queued.
    fn trigger(&mut self, name: &UnitName) {
        let Some(trigger) = self.units.get(name) else {
            return;
        };
        let Some(started) = trigger.spec.triggers.first().cloned() else {
            return;
        };
        if !self
            .units
            .get(&started)
            .is_some_and(super::unit::Unit::is_idle)
        {
            return;
        }
        if trigger.has_stop_pending() {
            self.note(Happened::Suppressed {
                trigger: name.clone(),
            });
        } else {
            self.activate(&started, name);
        }
    }

    fn activate(&mut self, unit: &UnitName, by: &UnitName) {
        if self.enqueue(Verb::Start, unit).is_err() {
            return self.fail_trigger(by);
        }
        self.note(Happened::Activated {
            unit: unit.clone(),
            by: by.clone(),
        });
    }

    /// What cannot start anything gives up: a socket or path fails, a bus call gets an error.
    fn fail_trigger(&mut self, name: &UnitName) {
        self.refuse_waiting(name);
        if name.kind().is_trigger() {
            if let Some(unit) = self.units.get_mut(name) {
                unit.active = ActiveState::Failed;
                unit.transition += 1;
            }
            self.note_state(name);
        }
    }
}
