//! What one entry of the ledger says, and how it stands in a file. Pure: text in, text out.
//! Within one version unknown fields are passed over; a higher version is never touched.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Due;
use crate::domain::{
    Caller, Contact, FrontEnd, Life, Phase, Reason, ServiceName, UnitKind, UnitName, Until,
};

/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

/// Why a file is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Written by a later rcpolicy. To be left alone.
    #[error("version {0} is newer than this rcpolicy understands ({VERSION})")]
    Newer(u32),
    /// Not what any version writes.
    #[error("{0}")]
    Damaged(String),
}

/// Who asked for what is noted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Who {
    /// The maintainer script.
    #[serde(flatten)]
    pub caller: Caller,
    /// Which command line it came by.
    #[serde(default)]
    pub front: Option<FrontEnd>,
    /// Process id of ours.
    #[serde(default)]
    pub pid: u32,
}

impl Who {
    /// Until when waits what was left half-way: a maintainer script's is done with the rest of its
    /// batch. What a person asked for is not done behind their back, at some later batch's end.
    pub fn until(&self) -> Until {
        match self.caller.phase {
            Phase::Install | Phase::Upgrade | Phase::Remove | Phase::Trigger => Until::Batch,
            Phase::None => Until::Flush,
        }
    }
}

/// A trigger or a dependent that we took down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The unit.
    pub unit: UnitName,
    /// Whether it was enabled then; `None` where that was not known.
    #[serde(default)]
    pub was_enabled: Option<bool>,
    /// When our stop took it down, in microseconds of the monotonic clock; `None` until that was
    /// seen. A later one on the machine means that somebody else stopped it since.
    #[serde(default)]
    pub down_since: Option<u64>,
    /// It fell with the others and triggers nothing itself.
    #[serde(default)]
    pub dependent: bool,
}

/// A stop that was carried out (or is about to be).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Down {
    /// Triggers and dependents, in the order in which they are to come back.
    #[serde(default)]
    pub units: Vec<Stopped>,
    /// Whether the service itself was running; `None` where it was not stopped with the rest.
    #[serde(default)]
    pub service_was_running: Option<bool>,
    /// When the service itself went down by our stop, in microseconds of the monotonic clock.
    #[serde(default)]
    pub service_down_since: Option<u64>,
}

/// The service as it ran before it was stopped alone, its triggers listening on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiesced {
    /// Its invocation then; empty where the init has no such thing.
    #[serde(default)]
    pub invocation: String,
    /// Its main process then, 0 if none.
    #[serde(default)]
    pub main_pid: u32,
    /// When our stop took it down, in microseconds of the monotonic clock; `None` until that was seen.
    #[serde(default)]
    pub down_since: Option<u64>,
}

/// An action put off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// What.
    pub due: Due,
    /// Until when.
    #[serde(default)]
    pub until: Until,
    /// Why, each reason once.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// When it was last asked for, in microseconds of the monotonic clock: what was started later
    /// runs with it. `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// It was, or may have been, asked for already: before it is done, it is to be looked whether
    /// that was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Begun>,
}

/// That paying was tried and failed. What is asked for later is tried anew, and forgets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// How often in a row.
    pub tries: u32,
    /// Why the last time, one line.
    pub why: String,
    /// When that was, in seconds since the epoch.
    pub when: u64,
    /// The same in microseconds of the monotonic clock: what went down before may have done so by
    /// that try.
    pub at: u64,
}

/// A request whose end nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// When, in microseconds of the monotonic clock.
    pub at: u64,
    /// How far it is known to have come.
    pub contact: Contact,
}

/// What is owed to one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of the format.
    pub version: u32,
    /// To whom it is owed.
    pub service: ServiceName,
    /// Its unit, as the init names it.
    pub unit: UnitName,
    /// The life of the init for which all this holds.
    pub life: Life,
    /// Who wrote to it last.
    pub who: Who,
    /// Since when something is owed, in seconds since the epoch.
    pub since: u64,
    /// When it was last written to, in seconds since the epoch.
    pub when: u64,
    /// Why, one line.
    pub because: String,
    /// What we took down.
    #[serde(default)]
    pub down: Option<Down>,
    /// A hold keeps D-Bus calls from starting the service.
    #[serde(default)]
    pub held: bool,
    /// It was stopped alone.
    #[serde(default)]
    pub quiesced: Option<Quiesced>,
    /// Its stop in an upgrade was held: the start to come is a restart.
    #[serde(default)]
    pub kept_running: bool,
    /// An action put off.
    #[serde(default)]
    pub owed: Option<Owed>,
    /// It was tried and failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Entry {
    /// An entry that owes nothing yet. `when` is in seconds since the epoch.
    pub fn new(unit: UnitName, life: Life, who: Who, when: u64, because: &str) -> Self {
        Self {
            version: VERSION,
            service: unit.service(),
            unit,
            life,
            who,
            since: when,
            when,
            because: because.to_owned(),
            down: None,
            held: false,
            quiesced: None,
            kept_running: false,
            owed: None,
            failed: None,
        }
    }

    /// Whether it waits for no more than the end of the package operations.
    pub fn waits_for_batch(&self) -> bool {
        let owed = self.owed.as_ref();
        owed.is_none_or(|owed| owed.until == Until::Batch)
    }

    /// When its action was last asked for, or begun, in microseconds of the monotonic clock.
    pub fn asked_at(&self) -> Option<u64> {
        let owed = self.owed.as_ref()?;
        owed.begun.map(|begun| begun.at).or(owed.at)
    }

    /// Whether what it owes was, or may have been, asked for already.
    pub fn is_begun(&self) -> bool {
        self.owed.as_ref().is_some_and(|owed| owed.begun.is_some())
    }

    /// Whether the service itself was taken down as a member of a group or an instance of a template:
    /// a script may never ask for it by its name.
    pub fn went_along(&self) -> bool {
        let units = self.down.iter().flat_map(|down| &down.units);
        let mut own = units.filter(|stopped| stopped.unit == self.unit && !stopped.dependent);
        self.unit.kind() == UnitKind::Service && own.next().is_some()
    }

    /// Whether it is owed to be down.
    pub fn is_owed_stop(&self) -> bool {
        let due = self.owed.as_ref().map(|owed| owed.due);
        matches!(due, Some(Due::Stop | Due::ForceStop))
    }

    /// Whether a flush was killed while the service was down for a moment with its group: whatever it was put
    /// off until has come, and what is down must not wait for it again.
    pub fn is_half_turned(&self) -> bool {
        self.is_begun() && self.went_along()
    }

    /// What of it comes back although the rest waits for longer: what was taken down. What is owed to the
    /// service as it runs is no part of that.
    pub fn fallen(&self) -> Option<Self> {
        self.down.as_ref()?;
        Some(Self {
            owed: None,
            kept_running: false,
            quiesced: None,
            failed: None,
            ..self.clone()
        })
    }

    /// The text of its file.
    ///
    /// # Errors
    /// When it cannot be written down; no entry made of parsed names is such.
    pub fn encode(&self) -> Result<String, EntryError> {
        serde_json::to_string(self)
            .map(|text| text + "\n")
            .map_err(damaged)
    }

    /// The entry in a file's text.
    ///
    /// # Errors
    /// When a later version wrote it, or it is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(EntryError::Newer(version));
        }
        let entry: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        entry.check_names()?;
        Ok(entry)
    }

    /// Serde takes any text for a name; nothing that reaches an init or a path may be unchecked.
    fn check_names(&self) -> Result<(), EntryError> {
        let service = ServiceName::parse(self.service.as_str()).map_err(damaged)?;
        if service != self.service {
            let why = format!("`{}` is not a canonical name", self.service);
            return Err(EntryError::Damaged(why));
        }
        let stopped = self.down.iter().flat_map(|down| &down.units);
        for unit in stopped.map(|s| &s.unit).chain([&self.unit]) {
            UnitName::parse(unit.as_str()).map_err(damaged)?;
        }
        Ok(())
    }
}

fn damaged(error: impl std::fmt::Display) -> EntryError {
    EntryError::Damaged(error.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::Source;

    pub(in crate::ledger) fn life() -> Life {
        Life {
            boot_id: "0f1e".to_owned(),
            pid_namespace: 4_026_531_836,
            init_started: 12,
            userspace: None,
        }
    }

    pub(in crate::ledger) fn entry(service: &str) -> Entry {
        let unit = UnitName::parse(service).unwrap();
        Entry::new(unit, life(), Who::default(), 1_000, "an upgrade stops it")
    }

    fn full() -> Entry {
        let mut entry = entry("acpid");
        entry.down = Some(Down {
            units: vec![Stopped {
                unit: UnitName::parse("acpid.socket").unwrap(),
                was_enabled: Some(true),
                down_since: Some(77),
                dependent: false,
            }],
            service_was_running: Some(true),
            service_down_since: Some(78),
        });
        entry.owed = Some(Owed {
            due: Due::Restart,
            until: Until::Batch,
            reasons: vec![Reason::new(Source::BuiltIn, "x\ny")],
            at: Some(79),
            begun: None,
        });
        entry.failed = Some(Failed {
            tries: 2,
            why: "its job ended as failed".to_owned(),
            when: 1_100,
            at: 80,
        });
        entry
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = full().encode().unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(Entry::decode(text.as_bytes()), Ok(full()));
    }

    #[test]
    fn unknown_fields_are_passed_over_and_a_newer_version_is_told_apart_from_damage() {
        let text = full().encode().unwrap();
        let more = text.replacen('{', "{\"colour\":\"blue\",", 1);
        assert_eq!(Entry::decode(more.as_bytes()), Ok(full()));
        let newer = "{\"version\":2,\"anything\":[]}";
        assert_eq!(Entry::decode(newer.as_bytes()), Err(EntryError::Newer(2)));
    }

    #[test]
    fn every_truncation_is_damage_and_never_an_entry() {
        let text = full().encode().unwrap();
        let body = text.trim_end();
        for end in 0..body.len() {
            let result = Entry::decode(&body.as_bytes()[..end]);
            assert!(matches!(result, Err(EntryError::Damaged(_))), "{end}");
        }
    }

    #[test]
    fn a_name_that_could_reach_a_shell_or_another_directory_is_damage() {
        let text = full().encode().unwrap();
        for bad in ["../../etc/x", "a;b", "", "a b"] {
            let bad = text.replace("acpid.socket", bad);
            let result = Entry::decode(bad.as_bytes());
            assert!(matches!(result, Err(EntryError::Damaged(_))), "{bad}");
        }
    }
}
