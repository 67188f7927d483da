//! What is kept of a service's definition: which stock version is live, an update that is under way, and
//! one that failed. Pure: its bytes, and how an update goes on from wherever it was cut off.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::tree::{Part, Tree};

/// Version of the format.
const VERSION: u32 = 1;

/// Why a record is none.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is not what we write.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Written by another version of rcpolicy.
    #[error("it is of version {0}, which is not known")]
    Version(u32),
}

/// All that is kept of one service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    version: u32,
    /// The stock version that the live one was last brought up to.
    pub base: Tree,
    /// The directory that it was in.
    #[serde(default)]
    stock: PathBuf,
    /// What is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
    /// What was tried in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
}

/// An update that did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failed {
    /// The stock version that it was to bring.
    pub stock: String,
    /// How often in a row.
    pub tries: u32,
    /// Why.
    pub why: String,
}

/// How a part of the service was found before it was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Before {
    /// Up, or on its way up: it is brought up again.
    Up,
    /// Down: it stays down.
    Down,
    /// It was started for once, and runs: it is let end, and then it is down.
    Once,
    /// Nothing supervised it.
    Unsupervised,
}

/// One part, and what is to be restored of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Touched {
    /// Which.
    pub part: Part,
    /// How it was.
    pub before: Before,
    /// Whether somebody had put a down file of their own there: it stays.
    pub own_down_file: bool,
    /// How it was left when it had been taken down for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Mark>,
}

/// How a part stood when nobody but us had had a hand in it; in its supervisor's words, to be compared alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mark {
    /// Another one after each start and each end.
    pub since: String,
    /// Another one, too, whenever the supervisor was told anything.
    pub version: String,
}

impl Touched {
    /// Whether it was up, or on its way up.
    pub fn was_up(&self) -> bool {
        self.before == Before::Up
    }

    /// Whether somebody else has taken it down since it was left: it stands as `now` says, and is down. `free` is
    /// whether its supervisor starts it by itself when that comes back.
    pub fn is_somebodys_stop(&self, now: &Mark, free: bool) -> bool {
        match &self.left {
            // It was told to go down once more.
            Some(left) if left.since == now.since => left.version != now.version,
            // It has been up since then; or its supervisor is a new one, which would have started it.
            Some(_) => free,
            None => false,
        }
    }
}

/// The journal of an update. Both versions are whole in the staging directory from its first phase on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Update {
    /// How far it is.
    pub phase: Phase,
    /// What is taken down for it.
    pub parts: Vec<Touched>,
    /// What was live before, at the paths in question.
    pub old: Tree,
    /// What is to be live.
    pub new: Tree,
    /// The stock version that `new` brings.
    pub stock: Tree,
}

/// How far an update is. Each phase is entered durably before anything of it is done, and all that is done
/// in one may be done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The old version is live and whole. The service is kept down, and taken down.
    Stopping,
    /// Nothing of the service runs. What is live may be mixed.
    Replacing,
    /// The new version is live and whole. The service may start, and is brought up where it was.
    Starting,
    /// It did not work, for this reason. The service is taken down; what is live may be mixed.
    Restoring(String),
    /// The old version is live and whole again. The service may start, and is brought up where it was.
    Restored(String),
}

/// What a phase does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Keeps the service from being started by its supervisor, and takes it down: afterwards nothing of it
    /// runs.
    TakeDown,
    /// The same, and then makes this version the live one.
    Put(Which),
    /// Lets the service be started again, and brings it up where it was: afterwards it is up, and stays so.
    BringUp(Which),
}

/// Which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that was live.
    Old,
    /// The one that is to be.
    New,
}

/// What follows a step.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This phase.
    Phase(Phase),
    /// The new version is live.
    Done,
    /// The old version is live; why.
    Failed(String),
    /// It cannot go on now, and stays in its phase until it is tried again; why.
    Stuck(String),
}

impl Phase {
    /// Whether the service may start in it, and is brought up.
    pub fn starts(&self) -> bool {
        matches!(self.step(), Step::BringUp(_))
    }

    /// What is done in it.
    pub fn step(&self) -> Step {
        match self {
            Self::Stopping => Step::TakeDown,
            Self::Replacing => Step::Put(Which::New),
            Self::Starting => Step::BringUp(Which::New),
            Self::Restoring(_) => Step::Put(Which::Old),
            Self::Restored(_) => Step::BringUp(Which::Old),
        }
    }

    /// Where its step leads.
    pub fn next(self, ended: Result<(), String>) -> Next {
        match (self, ended) {
            (Self::Stopping, Ok(())) => Next::Phase(Self::Replacing),
            // Nothing was replaced: only what keeps it down goes away.
            (Self::Stopping, Err(why)) => Next::Phase(Self::Restored(why)),
            (Self::Replacing, Ok(())) => Next::Phase(Self::Starting),
            (Self::Starting, Ok(())) => Next::Done,
            (Self::Replacing | Self::Starting, Err(why)) => Next::Phase(Self::Restoring(why)),
            (Self::Restoring(why), Ok(())) => Next::Phase(Self::Restored(why)),
            (Self::Restoring(why), Err(also)) => {
                Next::Stuck(format!("{why}; and what it was cannot be restored: {also}"))
            }
            (Self::Restored(why), Ok(())) => Next::Failed(why),
            (Self::Restored(why), Err(also)) => Next::Failed(format!(
                "{why}; and with its old definition it does not come up either: {also}"
            )),
        }
    }
}

impl Record {
    /// A service whose live definition is the stock version `base`, as far as nobody changed it.
    pub fn of(base: Tree) -> Self {
        Self {
            version: VERSION,
            base,
            stock: PathBuf::new(),
            update: None,
            failed: None,
        }
    }

    /// The same, with the stock definition in the directory `stock`.
    #[must_use]
    pub fn made_of(mut self, stock: &Path) -> Self {
        self.stock = stock.to_path_buf();
        self
    }

    /// Whether it is about the stock definitions in `stock`; one that is under way comes to its end wherever
    /// those are.
    pub fn is_of(&self, stock: &Path) -> bool {
        self.update.is_some() || self.stock == stock
    }

    /// How often in a row the stock version `stock` was tried in vain.
    pub fn tries(&self, stock: &str) -> u32 {
        let failed = self.failed.as_ref();
        let same = failed.filter(|failed| failed.stock == stock);
        same.map_or(0, |failed| failed.tries)
    }

    /// Notes that the stock version `stock` was tried in vain once more.
    pub fn fail(&mut self, stock: String, why: String) {
        self.failed = Some(Failed {
            tries: self.tries(&stock).saturating_add(1),
            stock,
            why,
        });
    }

    /// Its bytes.
    ///
    /// # Errors
    /// Never, as far as anybody knows.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        serde_json::to_vec(self).map_err(|error| RecordError::Damaged(error.to_string()))
    }

    /// The record that `bytes` are.
    ///
    /// # Errors
    /// When they are none, or of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Header {
            version: u32,
        }
        let damaged = |error: serde_json::Error| RecordError::Damaged(error.to_string());
        let Header { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why() -> String {
        "why".to_owned()
    }

    #[test]
    fn an_update_that_goes_well_passes_three_phases() {
        let mut phase = Phase::Stopping;
        let mut steps = Vec::new();
        loop {
            steps.push(phase.step());
            match phase.next(Ok(())) {
                Next::Phase(next) => phase = next,
                end => break assert_eq!(end, Next::Done),
            }
        }
        let expected = [
            Step::TakeDown,
            Step::Put(Which::New),
            Step::BringUp(Which::New),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn what_fails_before_anything_was_replaced_only_brings_the_service_up_again() {
        let next = Phase::Stopping.next(Err(why()));
        assert_eq!(next, Next::Phase(Phase::Restored(why())));
        assert_eq!(Phase::Restored(why()).next(Ok(())), Next::Failed(why()));
    }

    #[test]
    fn what_fails_later_is_rolled_back() {
        for phase in [Phase::Replacing, Phase::Starting] {
            let next = phase.next(Err(why()));
            assert_eq!(next, Next::Phase(Phase::Restoring(why())));
        }
        let next = Phase::Restoring(why()).next(Ok(()));
        assert_eq!(next, Next::Phase(Phase::Restored(why())));
        assert!(matches!(
            Phase::Restoring(why()).next(Err(why())),
            Next::Stuck(_)
        ));
    }

    #[test]
    fn a_stop_is_somebodys_where_the_supervisor_was_told_more_than_by_us() {
        let mark = |since: &str, version: &str| Mark {
            since: since.to_owned(),
            version: version.to_owned(),
        };
        let touched = |left| Touched {
            part: Part::Service,
            before: Before::Up,
            own_down_file: false,
            left,
        };
        let ours = touched(Some(mark("1", "a")));
        for (now, free, expected) in [
            (mark("1", "a"), false, false),
            (mark("1", "a"), true, false),
            (mark("1", "b"), false, true),
            (mark("1", "b"), true, true),
            // Another supervisor found our down file.
            (mark("2", "c"), false, false),
            (mark("2", "c"), true, true),
        ] {
            assert_eq!(ours.is_somebodys_stop(&now, free), expected, "{now:?}");
            assert!(!touched(None).is_somebodys_stop(&now, free));
        }
    }

    #[test]
    fn a_record_of_an_update_that_noted_no_marks_is_read() {
        let old = br#"{"part":"service","before":"up","own-down-file":false}"#;
        let touched: Touched = serde_json::from_slice(old).unwrap();
        assert_eq!((touched.before, touched.left), (Before::Up, None));
    }

    /// An update that failed, and was killed while it was taken back.
    fn cut_off(record: &mut Record) {
        record.fail("v".to_owned(), why());
        record.update = Some(Update {
            phase: Phase::Restoring(why()),
            parts: Vec::new(),
            old: Tree::default(),
            new: Tree::default(),
            stock: Tree::default(),
        });
    }

    #[test]
    fn a_record_survives_its_bytes_and_a_foreign_one_is_told() {
        let mut record = Record::of(Tree::default());
        record.fail("v".to_owned(), why());
        cut_off(&mut record);
        let bytes = record.encode().unwrap();
        let again = Record::decode(&bytes).unwrap();
        assert_eq!(again, record);
        assert_eq!((again.tries("v"), again.tries("w")), (2, 0));
        assert!(matches!(
            Record::decode(b"{\"version\":2,\"later\":1}"),
            Err(RecordError::Version(2))
        ));
        for bytes in [&b""[..], b"{}", b"[1]", &bytes[..bytes.len() / 2]] {
            assert!(matches!(
                Record::decode(bytes),
                Err(RecordError::Damaged(_))
            ));
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let mut record = Record::of(Tree::default()).made_of(Path::new("/usr/share/runit/sv/foo"));
        cut_off(&mut record);
        let bytes = record.encode().unwrap();
        crate::testing::mutations::mutated(
            &[&bytes],
            &[
                "null",
                "\"\"",
                "{}",
                "[]",
                "-1",
                "\"restoring\"",
                "\"../x\"",
            ],
            |bytes| {
                if let Ok(record) = Record::decode(bytes) {
                    assert_eq!(Record::decode(&record.encode().unwrap()).unwrap(), record);
                }
            },
        );
    }
}
