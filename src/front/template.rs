//! Templates: `foo@` stands for its instances. What runs is stopped or restarted; a start brings back those
//! that an earlier stop took down, and starts nothing else.

use crate::decide::comes_back;
use crate::domain::order;
use crate::domain::{Action, UnitFacts, UnitKind, UnitName};
use crate::init::related::may_be_up;
use crate::init::{Depth, Init, InitError};
use crate::ledger::Entry;

use super::perform::Session;

impl Session {
    /// Whether `unit` stands for its instances in `action`: where the stock tools are followed to the
    /// letter, and for what is no job, it does not.
    pub(super) fn is_for_instances(&self, unit: &UnitName, action: &Action) -> bool {
        let jobs = match action {
            Action::Start
            | Action::Stop
            | Action::Restart
            | Action::TryRestart
            | Action::Reload
            | Action::ForceReload => true,
            Action::ForceStop | Action::Status | Action::Other(_) => false,
        };
        let service = unit.kind() == UnitKind::Service;
        jobs && service && unit.is_template() && !self.policy.settings().strict
    }

    /// The instances that `template` stands for in `action`, in the order of their names.
    ///
    /// # Errors
    /// When the init could not be asked.
    pub(super) fn instances(
        &self,
        init: &mut dyn Init,
        template: &UnitName,
        action: &Action,
    ) -> Result<Vec<UnitName>, InitError> {
        let noted = match action {
            Action::Start | Action::Restart | Action::ForceReload => self.noted_of(template),
            _ => Vec::new(),
        };
        let mut names: Vec<UnitName> = noted.iter().map(|entry| entry.unit.clone()).collect();
        if *action != Action::Start {
            names.extend(init.services(&[template.stem().to_owned()])?);
        }
        names.retain(|name| name.is_instance_of(template));
        order::sort(&mut names);
        names.dedup();
        let mut units = init.units(&names, Depth::Relations)?;
        let wanted = |unit: &UnitFacts| {
            let mut noted = noted.iter().filter(|entry| entry.unit == unit.asked);
            let comes = noted.any(|entry| comes_back(entry, unit));
            comes || *action != Action::Start && may_be_up(unit)
        };
        units.retain(wanted);
        Ok(units.into_iter().map(|unit| unit.asked).collect())
    }

    /// What is noted of instances that went down because of their template, or of their group.
    fn noted_of(&self, template: &UnitName) -> Vec<Entry> {
        let Some(ledger) = &self.ledger else {
            return Vec::new();
        };
        let mut entries = match ledger.about(|name| name.unit().is_instance_of(template)) {
            Ok(entries) => entries,
            Err(error) => {
                self.voice.warn(&error.to_string());
                Vec::new()
            }
        };
        entries.retain(Entry::went_along);
        entries
    }
}
