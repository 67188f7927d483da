//! What a restart of a bus has set out to do and not yet finished: who was connected, and so who has to be
//! looked after. Pure: text in, text out. Within one version unknown fields are passed over.

use serde::{Deserialize, Serialize};

use super::{EntryError, VERSION};
use crate::domain::{BusClient, Life, UnitName};

/// A restart of a bus, from before the bus goes until each of its clients is looked after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusRestart {
    /// Of the format, that of entries.
    pub version: u32,
    /// The life of the init in which it is done.
    pub life: Life,
    /// When it began, in seconds since the epoch.
    pub when: u64,
    /// The bus's unit, as the init names it.
    pub unit: UnitName,
    /// That unit's invocation before: as long as it is the same, nothing was done.
    pub invocation: String,
    /// How long clients may take to come back by themselves, in milliseconds.
    pub grace: u64,
    /// Whether rules that put restarts off are passed over.
    #[serde(default)]
    pub all: bool,
    /// Who was connected.
    pub clients: Vec<BusClient>,
}

impl BusRestart {
    /// The text of its file.
    ///
    /// # Errors
    /// When it cannot be written down; none made of parsed names is such.
    pub fn encode(&self) -> Result<String, EntryError> {
        serde_json::to_string(self)
            .map(|text| text + "\n")
            .map_err(damaged)
    }

    /// What stands in a file's text.
    ///
    /// # Errors
    /// When a later version wrote it, or it is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(EntryError::Newer(version));
        }
        let found: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        // Serde takes any text for a name; nothing that reaches an init may be unchecked.
        let units = found
            .clients
            .iter()
            .filter_map(|client| client.unit.as_ref());
        for unit in units.chain([&found.unit]) {
            UnitName::parse(unit.as_str()).map_err(damaged)?;
        }
        Ok(found)
    }
}

fn damaged(error: impl std::fmt::Display) -> EntryError {
    EntryError::Damaged(error.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::entry::tests::life;
    use super::*;
    use crate::domain::BusProcess;

    pub(in crate::ledger) fn restart() -> BusRestart {
        BusRestart {
            version: VERSION,
            life: life(),
            when: 1_000,
            unit: UnitName::parse("dbus").unwrap(),
            invocation: "ab01".to_owned(),
            grace: 10_000,
            all: false,
            clients: vec![BusClient {
                unit: Some(UnitName::parse("avahi-daemon").unwrap()),
                names: vec!["org.freedesktop.Avahi".to_owned()],
                processes: vec![BusProcess { pid: 7, started: 9 }],
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_a_newer_version_is_told_apart_from_damage() {
        let text = restart().encode().unwrap();
        assert_eq!(BusRestart::decode(text.as_bytes()), Ok(restart()));
        let more = text.replacen('{', "{\"colour\":\"blue\",", 1);
        assert_eq!(BusRestart::decode(more.as_bytes()), Ok(restart()));
        let newer = b"{\"version\":2}";
        assert_eq!(BusRestart::decode(newer), Err(EntryError::Newer(2)));
        for bad in ["../../etc/x", "a;b", "", "a b"] {
            let bad = text.replace("avahi-daemon.service", bad);
            let result = BusRestart::decode(bad.as_bytes());
            assert!(matches!(result, Err(EntryError::Damaged(_))), "{bad}");
        }
        for end in 0..text.trim_end().len() {
            let result = BusRestart::decode(&text.as_bytes()[..end]);
            assert!(matches!(result, Err(EntryError::Damaged(_))), "{end}");
        }
    }
}
