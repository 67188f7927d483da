//! `foo@1-*`: stock hands a pattern to systemctl, which takes the loaded units that it matches. So do we, and decide
//! about each of them.

use crate::decide::Part;
use crate::domain::Action;
use crate::front::inquiry::{Asker, Stuck, is_denied};
use crate::front::perform;

use super::asking::Asking;
use super::{Call, Named};

impl Call {
    /// Puts the units that match in the places of the patterns, each once. Who denies a pattern, as policy-rc.d is
    /// asked about it, denies all of them.
    pub(super) fn expand_patterns(&mut self) -> Result<(), Stuck> {
        for pattern in std::mem::take(&mut self.patterns) {
            if self.is_pattern_denied(&pattern)? {
                self.units.clear();
                return Ok(());
            }
            if self.action == Action::Start {
                // original: no pattern is enabled
                self.voice.line(&format!(
                    "{pattern} is a disabled or a static unit, not starting it."
                ));
                continue;
            }
            for unit in self.systemd.matching(&pattern)? {
                if self.units.iter().all(|named| named.unit != unit) {
                    self.units.push(Named {
                        word: unit.to_string(),
                        unit,
                        part: Part::Named,
                    });
                }
            }
        }
        self.expanded = self.session.undertake(&self.jobs_asked());
        Ok(())
    }

    /// original: one denial ends the whole call
    fn is_pattern_denied(&self, pattern: &str) -> Result<bool, Stuck> {
        let mut asker = Asking::new(&self.session, &self.voice);
        let denied = is_denied(&asker.ask(pattern, self.action.as_str())?);
        if denied {
            let path = perform::helper(&self.session.policy).path;
            let line = self.line();
            self.voice
                .line(&format!("{path} returned 101, not running {line}"));
        }
        Ok(denied)
    }
}
