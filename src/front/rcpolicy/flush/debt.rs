//! One debt on its way to being paid: what pays it, and what was observed for that.

use crate::domain::{Action, Facts, Request};
use crate::front::perform::{self, Case, one_unit};
use crate::front::unconfigured::Configured;
use crate::init::related::related;
use crate::init::{Depth, Init, InitError};
use crate::ledger::Entry;

use super::payer::{Listed, Payer, Unpaid};

/// What is to be paid, and how the machine is now.
pub(super) struct Debt {
    pub(super) entry: Entry,
    pub(super) request: Request,
    pub(super) facts: Facts,
}

impl Debt {
    /// `entry`, to be paid by `action`, with what the decision needs.
    ///
    /// # Errors
    /// When the init could not be asked.
    pub(super) fn observed(
        payer: &Payer<'_>,
        init: &mut dyn Init,
        entry: &Entry,
        action: &Action,
    ) -> Result<Self, InitError> {
        let request = payer.request(entry, action);
        let unit = one_unit(init, &entry.unit, Depth::Relations)?;
        let related = related(init, &unit, action)?;
        let machine = init.machine();
        let mut facts = Facts {
            capabilities: init.capabilities(),
            unit,
            related,
            ..payer.session.unseen(&request, init.kind(), machine)
        };
        perform::complete(init, &mut facts, entry)?;
        Configured::of(&payer.unconfigured).mark(&mut facts, entry);
        Ok(Self {
            entry: entry.clone(),
            request,
            facts,
        })
    }

    /// Whether the init would start it by a definition that is not on the disk any more.
    pub(super) fn is_outdated(&self) -> bool {
        let starts = self.request.action.may_start() || self.request.action == Action::TryRestart;
        starts && self.facts.unit.needs_reload
    }

    /// Decides what is done about it.
    ///
    /// # Errors
    /// When policy-rc.d does not answer.
    pub(super) fn decided(self, payer: &Payer<'_>) -> Result<Case, String> {
        payer.decide(self.request, self.facts, &self.entry, Listed::No)
    }
}

impl From<InitError> for Unpaid {
    fn from(error: InitError) -> Self {
        Self::Refused(error.to_string())
    }
}
