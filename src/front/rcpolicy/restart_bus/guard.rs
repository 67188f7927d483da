//! A second process, apart from all that a bus carries, which brings the restart to its end where the first one
//! does not: it waits for the right to, which goes with its holder, and finishes what it finds unfinished.

use std::path::Path;

use super::Arguments;
use super::crossing::Crossing;
use crate::domain::{Scope, UnitName};
use crate::front::waiter::PROGRAM;
use crate::init::{Apart, Init};
use crate::ledger::{Ledger, LedgerError, Paying};

/// Its unit.
const UNIT: &str = "rcpolicy-restart-bus.service";

impl Crossing<'_> {
    /// Sees to it that a guard runs.
    ///
    /// # Errors
    /// Why there is none: then what is interrupted waits for the next flush.
    pub(super) fn set_guard(&mut self) -> Result<(), String> {
        if !Path::new(PROGRAM).exists() {
            return Err(format!("there is no {PROGRAM}"));
        }
        let unit = UnitName::parse(UNIT).map_err(|error| error.to_string())?;
        let user = (self.scope == Scope::User).then_some("--user");
        let words = [PROGRAM, "restart-bus", "--finish"].into_iter().chain(user);
        let command: Vec<&str> = words.collect();
        match self.init.run_apart(&unit, &command) {
            // An earlier one has not heard yet that there is nothing left to do, and will hear of this.
            Ok(Apart::Begun | Apart::Exists) => Ok(()),
            Ok(Apart::Unknown) => Err("the init runs nothing apart".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Arguments {
    /// The right to note down what is begun, and to keep a flush away from it. A guard waits for it as
    /// long as somebody has it; a dry run makes no files.
    pub(super) fn right(&self, notes: &Ledger) -> Result<Option<Paying>, LedgerError> {
        if self.dry_run {
            return Ok(None);
        }
        loop {
            match notes.begin_paying() {
                Err(LedgerError::Busy { .. }) if self.finish => {}
                other => return other.map(Some),
            }
        }
    }
}
