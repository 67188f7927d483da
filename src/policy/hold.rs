//! A hold: what the admin keeps from being touched until a time. A deny that ends by itself, and how it
//! stands in its file. Pure: text in, text out; `load::holds` reads and writes the files.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::ServiceName;

/// Version of the format.
const VERSION: u32 = 1;

/// Why a file is not a hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoldError {
    /// Written by a later rcpolicy.
    #[error("version {0} is newer than this rcpolicy understands ({VERSION})")]
    Newer(u32),
    /// Not what any version writes.
    #[error("{0}")]
    Damaged(String),
}

/// What one hold says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Of the format.
    version: u32,
    /// The service, as it was named; its file is called after it.
    pub service: ServiceName,
    /// Other names of the same service.
    #[serde(default)]
    pub aliases: Vec<ServiceName>,
    /// When it was made, in seconds since the epoch.
    pub since: u64,
    /// When it ends, in seconds since the epoch.
    pub until: u64,
    /// Why, in the admin's words.
    pub because: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Hold {
    /// A hold on `service` that lasts from `since` to `until`, in seconds since the epoch.
    pub fn new(service: ServiceName, since: u64, until: u64, because: &str) -> Self {
        Self {
            version: VERSION,
            service,
            aliases: Vec::new(),
            since,
            until,
            because: because.to_owned(),
        }
    }

    /// Whether it holds what is called `service`.
    pub fn names(&self, service: &ServiceName) -> bool {
        self.service == *service || self.aliases.contains(service)
    }

    /// The name of its file.
    pub fn file_name(service: &ServiceName) -> String {
        service.file_stem() + ".json"
    }

    /// The text of its file.
    ///
    /// # Errors
    /// When it cannot be written down; none that is made of parsed names is such.
    pub fn encode(&self) -> Result<String, HoldError> {
        serde_json::to_string(self)
            .map(|text| text + "\n")
            .map_err(damaged)
    }

    /// The hold in the text of the file `name`.
    ///
    /// # Errors
    /// When a later version wrote it, or it is damaged.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Self, HoldError> {
        let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(HoldError::Newer(version));
        }
        let hold: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        // Serde takes any text for a name.
        for service in hold.aliases.iter().chain([&hold.service]) {
            ServiceName::parse(service.as_str()).map_err(damaged)?;
        }
        if Self::file_name(&hold.service) != name {
            return Err(damaged(format!("it speaks of `{}`", hold.service)));
        }
        Ok(hold)
    }
}

fn damaged(error: impl std::fmt::Display) -> HoldError {
    HoldError::Damaged(error.to_string())
}

/// A hold in force, as a decision sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The names that it stands for.
    pub services: Vec<ServiceName>,
    /// Its file.
    pub path: String,
    /// When it ends, in seconds since the epoch; `None` where nobody can tell: until it is lifted.
    pub until: Option<u64>,
    /// Why.
    pub because: String,
}

/// All that is held. What cannot be read holds too: that the admin said no is known, not for how long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds {
    /// Service by service.
    pub held: Vec<Held>,
    /// Why there may be more that nobody can read, where it is so.
    pub unreadable: Option<String>,
}

impl Holds {
    /// What holds `service`.
    pub fn of(&self, service: &ServiceName) -> Option<&Held> {
        self.held
            .iter()
            .find(|held| held.services.contains(service))
    }

    /// Takes in what was found in the file `name` at `path`, in force at `now`, in seconds since the
    /// epoch.
    pub fn add(&mut self, name: &str, path: String, found: Result<Hold, String>, now: u64) {
        match found {
            Ok(hold) if hold.until <= now => {}
            Ok(hold) => self.held.push(Held {
                path,
                until: Some(hold.until),
                because: hold.because,
                services: std::iter::once(hold.service).chain(hold.aliases).collect(),
            }),
            Err(why) => {
                let stem = name.strip_suffix(".json").unwrap_or(name);
                match ServiceName::of_file_stem(stem) {
                    Some(service) => self.held.push(Held {
                        services: vec![service],
                        path,
                        until: None,
                        because: format!("its hold cannot be read ({why})"),
                    }),
                    None => self.unreadable = Some(format!("cannot read hold `{path}`: {why}")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    fn hold() -> Hold {
        let mut hold = Hold::new(name("sshd"), 1_000, 2_000, "the cable is being changed");
        hold.aliases.push(name("ssh"));
        hold
    }

    #[test]
    fn what_is_written_is_read_again_on_one_line() {
        let text = hold().encode().unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert_eq!(Hold::decode("sshd.json", text.as_bytes()), Ok(hold()));
    }

    #[test]
    fn every_truncation_another_file_name_and_a_later_version_are_no_hold() {
        let text = hold().encode().unwrap();
        for end in 0..text.trim_end().len() {
            let found = Hold::decode("sshd.json", &text.as_bytes()[..end]);
            assert!(matches!(found, Err(HoldError::Damaged(_))), "{end}");
        }
        assert!(Hold::decode("ssh.json", text.as_bytes()).is_err());
        assert!(Hold::decode("sshd.json", text.replace("\"ssh\"", "\"../x\"").as_bytes()).is_err());
        let newer = Hold::decode("sshd.json", b"{\"version\":2}");
        assert_eq!(newer, Err(HoldError::Newer(2)));
    }

    #[test]
    fn a_hold_is_in_force_under_each_of_its_names_until_its_time_has_come() {
        for (now, expected) in [(1_999, true), (2_000, false), (0, true)] {
            let mut holds = Holds::default();
            holds.add("sshd.json", "x".to_owned(), Ok(hold()), now);
            for service in ["ssh", "sshd"] {
                assert_eq!(holds.of(&name(service)).is_some(), expected, "{now}");
            }
            assert!(holds.of(&name("ssh.socket")).is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_holds_its_service_or_leaves_all_in_doubt_where_no_service_is_told() {
        let damaged = || Err("it is empty".to_owned());
        let mut holds = Holds::default();
        holds.add("a%5Cx2db.json", "x".to_owned(), damaged(), u64::MAX);
        let held = holds.of(&name("a\\x2db")).unwrap();
        assert_eq!((held.until, &holds.unreadable), (None, &None));
        holds.add("x%%00.json", "holds/x".to_owned(), damaged(), 0);
        assert!(holds.unreadable.unwrap().contains("holds/x"));
    }
}
