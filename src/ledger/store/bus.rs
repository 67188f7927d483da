//! The note about a bus that is being restarted: ROOT/bus.json, written before the bus goes and away once
//! all its clients are looked after. Only who may pay writes it.

use super::write::Paying;
use super::{Ledger, LedgerError};
use crate::files::{Directory, Missing};
use crate::ledger::{BusRestart, EntryError};

const FILE: &str = "bus.json";
/// Where a damaged one is put: the last of them is kept.
const ASIDE: &str = "bus.json.damaged";
/// Largest file that is read, in bytes: a client has some hundred.
const LARGEST: u64 = 8 << 20;

impl Ledger {
    /// The restart of a bus that was begun in this life of the init and not finished. It may be under
    /// way: whoever holds the right to pay knows that it is not.
    ///
    /// # Errors
    /// When the note cannot be read, or is damaged, or of a later version.
    pub fn bus_restart(&self) -> Result<Option<BusRestart>, LedgerError> {
        let read = Directory::open(self.root(), Missing::Fail)
            .and_then(|directory| directory.read(FILE, LARGEST));
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let path = self.root().join(FILE);
        match BusRestart::decode(&bytes) {
            Ok(found) => Ok(Some(found).filter(|found| found.life.is_same(self.life()))),
            Err(why @ EntryError::Newer(_)) => Err(LedgerError::Newer { path, why }),
            Err(why @ EntryError::Damaged(_)) => Err(LedgerError::Damaged { path, why }),
        }
    }

    /// Notes down that a bus is being restarted.
    ///
    /// # Errors
    /// When it could not be written; then nothing must be done.
    pub fn note_bus_restart(&self, _: &Paying, restart: &BusRestart) -> Result<(), LedgerError> {
        let path = self.root().join(FILE);
        let text = restart
            .encode()
            .map_err(|why| LedgerError::Damaged { path, why })?;
        let directory =
            Directory::open(self.root(), Missing::Create).map_err(LedgerError::writing)?;
        directory
            .replace(FILE, text.as_bytes())
            .map_err(LedgerError::writing)
    }

    /// Puts a damaged note where it is in nobody's way.
    ///
    /// # Errors
    /// When the file stays.
    pub fn set_bus_restart_aside(&self, _: &Paying) -> Result<(), LedgerError> {
        let directory =
            Directory::open(self.root(), Missing::Create).map_err(LedgerError::writing)?;
        let renamed = directory.rename(FILE, ASIDE);
        renamed.map_err(LedgerError::writing)
    }

    /// Strikes that note; nothing to strike is success.
    ///
    /// # Errors
    /// When the file stays.
    pub fn strike_bus_restart(&self, _: &Paying) -> Result<(), LedgerError> {
        let directory =
            Directory::open(self.root(), Missing::Create).map_err(LedgerError::writing)?;
        let removed = directory.remove(FILE);
        removed.map(drop).map_err(LedgerError::writing)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bus::tests::restart;
    use super::*;

    #[test]
    fn a_note_is_read_until_it_is_struck_and_never_in_another_life() {
        let top = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&top.path().join("new"), restart().life);
        assert_eq!(ledger.bus_restart().unwrap(), None);
        let paying = ledger.begin_paying().unwrap();
        ledger.note_bus_restart(&paying, &restart()).unwrap();
        assert_eq!(ledger.bus_restart().unwrap(), Some(restart()));
        let mut other = restart().life;
        other.init_started += 1;
        let later = Ledger::open(&top.path().join("new"), other);
        assert_eq!(later.bus_restart().unwrap(), None);
        ledger.strike_bus_restart(&paying).unwrap();
        ledger.strike_bus_restart(&paying).unwrap();
        assert_eq!(ledger.bus_restart().unwrap(), None);
    }

    #[test]
    fn a_damaged_note_is_an_error_until_it_is_set_aside_and_is_kept_then() {
        let top = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(top.path(), restart().life);
        std::fs::write(top.path().join(FILE), "{").unwrap();
        let result = ledger.bus_restart();
        assert!(
            matches!(result, Err(LedgerError::Damaged { .. })),
            "{result:?}"
        );
        let paying = ledger.begin_paying().unwrap();
        ledger.set_bus_restart_aside(&paying).unwrap();
        assert_eq!(ledger.bus_restart().unwrap(), None);
        assert!(top.path().join(ASIDE).exists());
    }
}
