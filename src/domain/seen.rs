//! A unit at one moment, as far as it tells afterwards whether an action took effect. Pure.

use serde::{Deserialize, Serialize};

use super::{ActiveState, Known, LoadState, UnitName, Verb};

/// What was seen of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The unit, under the name by which it was asked for.
    pub unit: UnitName,
    /// Whether the init knows it.
    pub load: Known<LoadState>,
    /// What it does.
    pub active: Known<ActiveState>,
    /// Changes with each start; empty where the init has no such thing, or it never ran.
    pub invocation: String,
    /// Process id of the main process, 0 if none.
    pub main_pid: u32,
    /// When the main process was started, in microseconds of the monotonic clock, 0 if never. Of a
    /// unit that has none: when it was last started itself.
    pub started: u64,
    /// When the unit last changed its state, in microseconds of the monotonic clock, 0 if never.
    /// A reload that was carried out changes it too.
    pub changed: u64,
    /// What the init is doing with it, or is going to do.
    pub job: Known<Option<SeenJob>>,
    /// How its last run ended, in the init's word: `success`, `exit-code`; empty where unknown.
    pub result: String,
    /// How its last reload ended, likewise.
    pub reload_result: String,
}

/// A job that an init has for a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenJob {
    /// Its number in this life of the init; 0 where it has none.
    pub id: u32,
    /// What it does; `None` for a kind that we never ask for.
    pub verb: Option<Verb>,
}

impl Seen {
    /// A unit of which nothing could be seen.
    pub fn unknown(unit: &UnitName, why: &str) -> Self {
        Self {
            unit: unit.clone(),
            load: Known::Unknown(why.to_owned()),
            active: Known::Unknown(why.to_owned()),
            invocation: String::new(),
            main_pid: 0,
            started: 0,
            changed: 0,
            job: Known::Unknown(why.to_owned()),
            result: String::new(),
            reload_result: String::new(),
        }
    }
}

/// How far a request came before the connection to the init was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contact {
    /// It was not read, and never will be.
    Unread,
    /// It was sent; nothing tells whether it was read.
    Sent,
    /// It was sent and not answered in time: it may still be carried out, at any time.
    Pending,
    /// The init has taken it on; how it ended is not known.
    Taken,
}
