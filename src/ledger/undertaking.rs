//! What a process has set out to do and not yet finished. What is found without its process was left
//! half-way, or not begun at all; it becomes an entry like any other. Pure: text in, text out.

use serde::{Deserialize, Serialize};

use super::{Begun, Due, Entry, EntryError, Owed, VERSION, Who};
use crate::domain::{Contact, Life, Reason, Source, UnitName};

/// One action of an undertaking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The unit.
    pub unit: UnitName,
    /// What is to be done to it.
    pub due: Due,
}

/// What one process has set out to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undertaking {
    /// Of the format, that of entries.
    pub version: u32,
    /// The life of the init in which it is done.
    pub life: Life,
    /// For whom.
    pub who: Who,
    /// When, in microseconds of the monotonic clock.
    pub at: u64,
    /// When, in seconds since the epoch.
    pub when: u64,
    /// What, in the order in which it is asked for.
    pub tasks: Vec<Task>,
}

impl Undertaking {
    /// The entries that it comes to where its process ended before it was done.
    pub fn entries(&self) -> Vec<Entry> {
        self.tasks.iter().map(|task| self.entry(task)).collect()
    }

    fn entry(&self, task: &Task) -> Entry {
        let (pid, action) = (self.who.pid, task.due.action());
        let because = format!("process {pid} ended before its {action} was done");
        let mut entry = Entry::new(
            task.unit.clone(),
            self.life.clone(),
            self.who.clone(),
            self.when,
            &because,
        );
        entry.owed = Some(Owed {
            due: task.due,
            until: self.who.until(),
            reasons: vec![Reason::new(Source::Ledger, because)],
            at: Some(self.at),
            begun: Some(Begun {
                at: self.at,
                contact: Contact::Sent,
            }),
        });
        entry
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let damaged = |why: &dyn std::fmt::Display| EntryError::Damaged(why.to_string());
        let undertaking: Self = serde_json::from_slice(bytes).map_err(|error| damaged(&error))?;
        if undertaking.version > VERSION {
            return Err(EntryError::Newer(undertaking.version));
        }
        for task in &undertaking.tasks {
            UnitName::parse(task.unit.as_str()).map_err(|error| damaged(&error))?;
        }
        Ok(undertaking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let text = r#"{"version":1,"life":{"boot_id":"b","pid_namespace":1,"init_started":1,"userspace":null},"who":{"package":"foo",
        "script":"postinst","phase":"upgrade","front":"invoke-rc.d","pid":7},"at":66196813510,"when":1795295033,
        "tasks":[{"unit":"foo.service","due":"restart"},{"unit":"bar.socket","due":"start"}]}"#;
        assert!(Undertaking::decode(text.as_bytes()).is_ok());
        crate::testing::mutations::mutated_text(
            &[text],
            &["null", "\"\"", "{}", "[]", "-1", "1e400", "\"../x\""],
            |text| {
                let undertaking = Undertaking::decode(text.as_bytes());
                for entry in undertaking.iter().flat_map(Undertaking::entries) {
                    assert_eq!(
                        Entry::decode(entry.encode().unwrap().as_bytes()).as_ref(),
                        Ok(&entry)
                    );
                }
            },
        );
    }
}
