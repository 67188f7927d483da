//! Connections: opened by clients, kept in a backlog, taken by a process, answered or refused.

use crate::domain::{ActiveState, UnitKind, UnitName};

use super::clock::{Due, Micros};
use super::connection::{Connection, Outcome};
use super::machine::Simulated;
use super::unit::Family;

/// Microseconds until TCP tries again (the first retransmission of a SYN).
const TCP_RETRY: Micros = 1_000_000;
/// A client's interval varies by one part in this many.
const IRREGULARITY: Micros = 10;

impl Simulated {
    /// Opens one connection now, and returns its number in `connections`.
    pub fn connect(&mut self, to: &UnitName) -> usize {
        let now = self.clock.now();
        self.connections.push(Connection::new(to.clone(), now));
        let connection = self.connections.len().saturating_sub(1);
        self.knock(connection);
        self.dispatch();
        connection
    }

    /// One of the clients opens a connection, and plans its next.
    pub(super) fn connect_next(&mut self, client: usize) {
        let Some(found) = self.clients.get(client).cloned() else {
            return;
        };
        let spread = found.every / IRREGULARITY;
        let varied = found.every - spread / 2 + self.chance.below(spread.saturating_add(1));
        self.clock.after(varied.max(1), Due::Connect { client });
        self.connect(&found.to);
    }

    /// A connection comes to whoever listens.
    pub(super) fn knock(&mut self, connection: usize) {
        let Some(to) = self.connections.get(connection).map(|c| c.to.clone()) else {
            return;
        };
        let Some(unit) = self.units.get(&to) else {
            return self.refuse(&[connection]);
        };
        let is_listening = match to.kind() {
            UnitKind::Service => unit.active == ActiveState::Active || unit.spec.bus_activated,
            _ => unit.active == ActiveState::Active,
        };
        if !is_listening {
            self.refuse(&[connection]);
        } else if unit.spec.accepts {
            self.spawn_instance(&to, connection);
        } else if unit.waiting.len() >= unit.spec.backlog {
            match unit.spec.family {
                Family::Unix => self.refuse(&[connection]),
                Family::Tcp => self.clock.after(TCP_RETRY, Due::Retry { connection }),
            }
        } else {
            self.queue(&to, connection);
        }
    }

    fn queue(&mut self, to: &UnitName, connection: usize) {
        if let Some(unit) = self.units.get_mut(to) {
            unit.waiting.push_back(connection);
        }
        self.poke(to);
    }

    /// The process of `service` takes all that waits at `listener`.
    pub(super) fn take_waiting(&mut self, service: &UnitName, listener: &UnitName) {
        let Some(waiting) = self
            .units
            .get_mut(listener)
            .map(|u| std::mem::take(&mut u.waiting))
        else {
            return;
        };
        let Some(unit) = self.units.get_mut(service) else {
            return;
        };
        let image = unit.process.as_ref().map_or(unit.files, |p| p.image);
        let (files, takes) = (unit.files, unit.spec.serve_takes);
        unit.serving.extend(&waiting);
        for connection in waiting {
            if let Some(found) = self.connections.get_mut(connection) {
                found.taken = Some((image, files));
            }
            self.clock.after(takes, Due::Answered { connection });
        }
    }

    /// Accept=yes: the connection gets an instance of its own, which no stop of the socket reaches.
    fn spawn_instance(&mut self, socket: &UnitName, connection: usize) {
        let unit = self.units.get(socket);
        if unit.is_some_and(super::unit::Unit::has_stop_pending) {
            return self.refuse(&[connection]);
        }
        let template = unit.and_then(|unit| unit.spec.triggers.first());
        let Some(template) = template.and_then(|name| self.units.get(name)) else {
            return self.refuse(&[connection]);
        };
        if template.is_masked() {
            return self.refuse(&[connection]);
        }
        let files = template.files;
        let takes = template.spec.start_takes + template.spec.serve_takes;
        if let Some(found) = self.connections.get_mut(connection) {
            found.taken = Some((files, files));
        }
        self.clock.after(takes, Due::Answered { connection });
    }

    /// A connection has its answer, unless the process went away before.
    pub(super) fn answer(&mut self, connection: usize) {
        let now = self.clock.now();
        if let Some(found) = self.connections.get_mut(connection)
            && let Some((by, files)) = found.taken
        {
            found.end(now, Outcome::Served { by, files });
        }
        for unit in self.units.values_mut() {
            unit.serving.retain(|taken| *taken != connection);
        }
    }

    /// Nobody will take what waits at `listener`.
    pub(super) fn refuse_waiting(&mut self, listener: &UnitName) {
        if let Some(unit) = self.units.get_mut(listener) {
            let waiting: Vec<usize> = std::mem::take(&mut unit.waiting).into();
            self.refuse(&waiting);
        }
    }

    pub(super) fn refuse(&mut self, connections: &[usize]) {
        let now = self.clock.now();
        for connection in connections {
            if let Some(found) = self.connections.get_mut(*connection) {
                found.end(now, Outcome::Refused);
            }
        }
    }
}
