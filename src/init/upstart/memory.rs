//! Which main processes were seen, kept from one call to the next: after a re-exec that kept no state
//! Upstart shows a service as stopped whose process lives, and only who saw it before knows that.
//! One small file a service; one that cannot be read or written is one that is not there.

use std::path::PathBuf;

use crate::domain::UnitName;
use crate::files::{Directory, Missing};
use crate::init::process::Process;

/// Version of the format: `1 PID TICKS`.
const VERSION: &str = "1";
/// No such file is longer, in bytes.
const LONGEST: u64 = 128;

/// Where they are kept; nowhere without a directory.
#[derive(Debug, Default)]
pub(super) struct Memory(pub(super) Option<PathBuf>);

impl Memory {
    /// The process noted down for `unit`, whether or not it still runs.
    pub(super) fn recall(&self, unit: &UnitName) -> Option<Process> {
        let directory = Directory::open(self.0.as_ref()?, Missing::Fail).ok()?;
        let bytes = directory.read(unit.service().as_str(), LONGEST).ok()?;
        parse(std::str::from_utf8(&bytes).ok()?)
    }

    /// Notes `process` down for `unit`.
    pub(super) fn note(&self, unit: &UnitName, process: Process) {
        let Some(path) = self
            .0
            .as_ref()
            .filter(|_| self.recall(unit) != Some(process))
        else {
            return;
        };
        let text = format!("{VERSION} {} {}\n", process.pid, process.ticks);
        // By others than root nothing can be noted, and nothing has to be: they start nothing.
        let _ = Directory::open(path, Missing::Create)
            .and_then(|directory| directory.replace(unit.service().as_str(), text.as_bytes()));
    }
}

fn parse(text: &str) -> Option<Process> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let version = words.next()?;
    let (pid, ticks) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let whole = version == VERSION && words.next().is_none() && pid > 0;
    whole.then_some(Process { pid, ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_recalled_by_whoever_comes_next() {
        let place = tempfile::tempdir().unwrap();
        let memory = || Memory(Some(place.path().join("a/b")));
        let (foo, bar) = (
            UnitName::parse("foo").unwrap(),
            UnitName::parse("bar").unwrap(),
        );
        let process = Process { pid: 7, ticks: 42 };
        memory().note(&foo, process);
        assert_eq!(memory().recall(&foo), Some(process));
        assert_eq!(memory().recall(&bar), None);
        let next = Process { pid: 8, ticks: 43 };
        memory().note(&foo, next);
        assert_eq!(memory().recall(&foo), Some(next));
        Memory::default().note(&foo, process);
        assert_eq!(Memory::default().recall(&foo), None);
    }

    #[test]
    fn what_is_no_note_is_none() {
        assert_eq!(parse("1 7 42\n"), Some(Process { pid: 7, ticks: 42 }));
        for text in [
            "",
            "1 7 42",
            "2 7 42\n",
            "1 7\n",
            "1 0 42\n",
            "1 7 42 9\n",
            "1 x y\n",
            "1 -7 42\n",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(&["1 7 42\n"], &["1", " ", "\n"], |text| {
            let _ = parse(text);
        });
    }
}
