//! The right to be the one that waits for a batch's end. It goes with its process, whatever ends that.

use nix::fcntl::OFlag;

use crate::files::{Directory, FileLock, Missing};

use super::error::LedgerError;
use super::read::Ledger;

/// Its lock, beside the ledger.
const LOCK: &str = "waiter";

/// The right to be the waiter.
#[must_use = "the right is given back when this is dropped"]
#[derive(Debug)]
pub struct Waiting {
    _lock: FileLock,
}

impl Ledger {
    /// Makes this process the waiter, until the result is dropped. INVARIANT: who drops it looks at the
    /// ledger once more afterwards: whoever noted something before that found a waiter there.
    ///
    /// # Errors
    /// `Busy` where another process is; or when the directory cannot be made or trusted.
    pub fn begin_waiting(&self) -> Result<Waiting, LedgerError> {
        let top = Directory::open(&self.root, Missing::Create).map_err(LedgerError::writing)?;
        let lock = self.lock_file(&top, LOCK)?;
        Ok(Waiting { _lock: lock })
    }

    /// Whether some process is the waiter. Two system calls; what cannot be told is a no.
    pub fn is_waited_for(&self) -> bool {
        let Ok(top) = Directory::open(&self.root, Missing::Fail) else {
            return false;
        };
        let Ok(file) = top.open_file(LOCK, OFlag::O_RDONLY, 0) else {
            return false;
        };
        // Given back at once: one that begins to wait at this moment tries again.
        FileLock::is_held(&file) == Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::entry::tests::life;

    #[test]
    fn there_is_one_waiter_at_a_time_and_everybody_can_see_whether_there_is() {
        let root = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(root.path(), life()).with_lock_limit(Duration::ZERO);
        assert!(!ledger.is_waited_for());
        let waiting = ledger.begin_waiting().unwrap();
        assert!(ledger.is_waited_for());
        let second = ledger.begin_waiting();
        assert!(
            matches!(second, Err(LedgerError::Busy { .. })),
            "{second:?}"
        );
        drop(waiting);
        assert!(!ledger.is_waited_for());
        drop(ledger.begin_waiting().unwrap());
    }
}
