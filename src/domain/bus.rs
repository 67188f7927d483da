//! Who is connected to a message bus: connections as the bus tells them, and the units behind them.

use serde::{Deserialize, Serialize};

use super::UnitName;

/// A process that was seen running. Its number alone may be another's later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BusProcess {
    /// Process id.
    pub pid: u32,
    /// When it was started, in clock ticks since the boot.
    pub started: u64,
}

/// One connection to a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusConnection {
    /// Whose it is; `None` where the bus could not tell, or the process has ended since.
    pub process: Option<BusProcess>,
    /// The unit of that process; `None` where the init knows none.
    pub unit: Option<UnitName>,
    /// The well-known names that it owns.
    pub names: Vec<String>,
}

/// A client of a bus: a unit with all its connections, or a process that belongs to no unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusClient {
    /// The unit, where there is one.
    #[serde(default)]
    pub unit: Option<UnitName>,
    /// The well-known names that it owns, in their order.
    #[serde(default)]
    pub names: Vec<String>,
    /// The processes that are connected, each once.
    #[serde(default)]
    pub processes: Vec<BusProcess>,
}

impl BusClient {
    /// What messages call it.
    pub fn name(&self) -> String {
        match (&self.unit, self.processes.first()) {
            (Some(unit), _) => unit.to_string(),
            (None, Some(process)) => format!("process {}", process.pid),
            (None, None) => "a process that nobody knows".to_owned(),
        }
    }
}
