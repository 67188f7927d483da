//! `foo@.service`: stock hands it to systemctl, which refuses a template. Here it stands for its instances.

use crate::decide::Part;
use crate::front::inquiry::{Asker, Stuck, is_denied};
use crate::front::perform;

use super::asking::Asking;
use super::{Call, Named};

impl Call {
    /// Puts the instances in the places of their templates. Who denies a template denies all of them.
    pub(super) fn expand_templates(&mut self) -> Result<(), Stuck> {
        let mut units = Vec::with_capacity(self.units.len());
        // Where the init goes away in the middle of it, all that was named is still known.
        for named in self.units.clone() {
            if !self.session.is_for_instances(&named.unit, &self.action) {
                units.push(named);
            } else if !self.is_template_denied(&named)? {
                let (session, systemd) = (&self.session, &mut self.systemd);
                let instances = session.instances(systemd, &named.unit, &self.action)?;
                units.extend(instances.into_iter().map(|unit| Named {
                    word: unit.to_string(),
                    unit,
                    part: Part::Along,
                }));
            }
        }
        self.units = units;
        self.undertake_instances();
        Ok(())
    }

    /// What templates stand for is noted down before any of it is begun: one note of all that is asked for
    /// takes the place of the one without them.
    fn undertake_instances(&mut self) {
        if self.units.iter().any(|named| named.part == Part::Along) {
            self.expanded = self.session.undertake(&self.jobs_asked());
        }
    }

    fn is_template_denied(&self, named: &Named) -> Result<bool, Stuck> {
        let request = self.request(named);
        if self.is_denied_unseen(&request) {
            return Ok(true);
        }
        let mut asker = Asking::new(&self.session, &self.voice);
        let denied = is_denied(&asker.ask(&named.word, self.action.as_str())?);
        if denied {
            let path = perform::helper(&self.session.policy).path;
            let (action, unit) = (&self.action, &named.word);
            self.voice.line(&format!(
                "{path} returned 101, not running '{action} {unit}'"
            ));
        }
        Ok(denied)
    }
}
