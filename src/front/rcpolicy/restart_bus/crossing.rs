//! A bus, the init that runs it and its clients, as they are seen from outside while one bus gives way to the
//! next. It looks and waits; what is to be done about what it sees is not decided here.

use std::time::{Duration, Instant};

use crate::decide::bus::{Lack, clients, lack};
use crate::domain::{BusClient, BusConnection, BusProcess, Scope, UnitFacts, UnitName};
use crate::front::perform::{Session, one_unit};
use crate::init::bus::{BusAddress, MessageBus};
use crate::init::systemd::Systemd;
use crate::init::{Depth, InitError};
use crate::ledger::{BusRestart, Ledger, LedgerError, Paying};
use crate::observe::process::Process;

/// What both dbus-daemon and dbus-broker are known as to the init.
const UNIT: &str = "dbus.service";
/// How long one answer of the bus may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Between the first two looks; each pause is longer than the one before, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// All that belongs to the restart of one bus.
pub(super) struct Crossing<'a> {
    /// Who restarts units: PID 1 by its private socket, or the user's manager.
    pub(super) init: Systemd,
    pub(super) address: BusAddress,
    pub(super) scope: Scope,
    /// How long the bus may be away.
    pub(super) limit: Duration,
    pub(super) session: Session,
    /// Where it is noted who is to be looked after, and the right to write there: not in a dry run.
    pub(super) notes: &'a Ledger,
    pub(super) paying: Option<&'a Paying>,
    /// The runlevel, which policy-rc.d is told.
    pub(super) level: Option<String>,
    /// The connection, made when it is needed.
    pub(super) bus: Option<MessageBus>,
}

/// A client that is not back, and what it lacks.
pub(super) type Missing = (BusClient, Lack);

impl Crossing<'_> {
    /// Notes down who is to be looked after.
    pub(super) fn note(&self, restart: &BusRestart) -> Result<(), LedgerError> {
        let write = |paying| self.notes.note_bus_restart(paying, restart);
        self.paying.map_or(Ok(()), write)
    }

    /// Strikes that note.
    pub(super) fn strike(&self) -> Result<(), LedgerError> {
        let strike = |paying| self.notes.strike_bus_restart(paying);
        self.paying.map_or(Ok(()), strike)
    }

    /// The bus's own unit.
    pub(super) fn unit(&mut self) -> Result<UnitFacts, InitError> {
        let name = UnitName::parse(UNIT).map_err(|error| InitError::NotHere {
            init: "the bus",
            why: error.to_string(),
        })?;
        one_unit(&mut self.init, &name, Depth::Relations)
    }

    /// Who is connected now, we and the bus itself left out.
    pub(super) fn clients(&mut self, bus: &UnitName) -> Result<Vec<BusClient>, InitError> {
        let result = self.look(bus);
        if result.is_err() {
            self.bus = None;
        }
        result
    }

    fn look(&mut self, bus: &UnitName) -> Result<Vec<BusClient>, InitError> {
        let connected = self.connected()?.connections()?;
        let processes: Vec<Option<Process>> = connected
            .iter()
            .map(|one| one.pid.and_then(Process::of))
            .collect();
        let pids: Vec<u32> = connected.iter().map(|one| one.pid.unwrap_or(0)).collect();
        let units = self.units_of(&pids)?;
        let ours = std::process::id();
        let found = connected.into_iter().zip(processes).zip(units);
        let connections = found.filter_map(|((one, process), unit)| {
            // Looked at before and after the question for its unit: the number was its all the time.
            let process = process.filter(|process| process.runs())?;
            let pid = one.pid.filter(|pid| *pid != ours)?;
            Some(BusConnection {
                process: Some(BusProcess {
                    pid,
                    started: process.started(),
                }),
                unit,
                names: one.names,
            })
        });
        let others = |client: &BusClient| client.unit.as_ref() != Some(bus);
        Ok(clients(connections.collect())
            .into_iter()
            .filter(others)
            .collect())
    }

    /// The manager takes a process number of 0 for whoever asks: it is never asked for that.
    fn units_of(&mut self, pids: &[u32]) -> Result<Vec<Option<UnitName>>, InitError> {
        let mut known: Vec<u32> = pids.iter().copied().filter(|pid| *pid > 0).collect();
        known.sort_unstable();
        known.dedup();
        let units = self.init.units_of(&known)?;
        let unit = |pid: &u32| {
            let place = known.binary_search(pid).ok()?;
            units.get(place).cloned().flatten()
        };
        Ok(pids.iter().map(unit).collect())
    }

    fn connected(&mut self) -> Result<&mut MessageBus, InitError> {
        let bus = match self.bus.take() {
            Some(bus) => bus,
            None => MessageBus::connect(&self.address, ANSWER.min(self.limit))?,
        };
        Ok(self.bus.insert(bus))
    }

    /// Waits until the bus answers.
    pub(super) fn answers(&mut self) -> Result<(), InitError> {
        let begun = Instant::now();
        self.bus = None;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.connected().and_then(MessageBus::id) {
                Ok(_) => return Ok(()),
                Err(error) if !error.is_away() || begun.elapsed() >= self.limit => {
                    return Err(error);
                }
                Err(_) => self.bus = None,
            }
            rest(&mut pause);
        }
    }

    /// Waits until all of `before` are back, at most for `grace`; returns who is not.
    pub(super) fn missing(
        &mut self,
        before: &[BusClient],
        bus: &UnitName,
        grace: Duration,
    ) -> Result<Vec<Missing>, InitError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let over = begun.elapsed() >= grace;
            match self.clients(bus) {
                Ok(now) => {
                    let missing = still_missing(before, &now);
                    if missing.is_empty() || over {
                        return Ok(missing);
                    }
                }
                // It may be restarted once more while we look.
                Err(error) if !error.is_away() || over => return Err(error),
                Err(_) => {}
            }
            rest(&mut pause);
        }
    }
}

/// Who of `before` is not back. What no init can start again and has ended has nobody to come back.
fn still_missing(before: &[BusClient], now: &[BusClient]) -> Vec<Missing> {
    let missing = |client: &BusClient| Some((client.clone(), lack(client, now)?));
    before.iter().filter_map(missing).collect()
}

/// Whether any of the processes that were connected still runs.
pub(super) fn still_runs(client: &BusClient) -> bool {
    let seen = |one: &BusProcess| Process::seen(one.pid, one.started);
    client.processes.iter().any(|one| seen(one).runs())
}

fn rest(pause: &mut Duration) {
    std::thread::sleep(*pause);
    *pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
}
