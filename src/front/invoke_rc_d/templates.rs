//! `invoke-rc.d foo@ ACTION` under systemd: the template stands for its instances, each of which goes the
//! whole way of a call.

use crate::decide::Part;
use crate::domain::{InitKind, UnitName};
use crate::front::inquiry::{Asker, is_denied};

use super::gate::Asking;
use super::{Call, Ending};

impl Call {
    /// Whether it is about the instances of a template.
    pub(super) fn is_for_instances(&self) -> bool {
        let systemd = self.kind == InitKind::Systemd && !self.arguments.options.query;
        systemd && self.session.is_for_instances(&self.unit, &self.action)
    }

    /// The way of the stock script, for each instance where a template is named. Ends with the first
    /// status that is not success.
    pub(super) fn go_or_each(&mut self) -> Ending {
        if !self.is_for_instances() {
            return self.go();
        }
        if let Some(ending) = self.template_denied() {
            return Ok(ending);
        }
        let (session, systemd) = (&self.session, &mut self.systemd);
        let instances = session.instances(systemd, &self.unit, &self.action)?;
        let mut endings = 0;
        for instance in instances {
            self.stand_for(instance);
            let ending = self.go()?;
            if endings == 0 {
                endings = ending;
            }
        }
        Ok(endings)
    }

    fn stand_for(&mut self, instance: UnitName) {
        self.arguments.name = instance.service().to_string();
        self.unit = instance;
        self.part = Part::Along;
        self.known = None;
        self.disabled = false;
    }

    /// Who denies the template denies all its instances; how the call ends then.
    fn template_denied(&mut self) -> Option<u8> {
        let request = self.request(self.action.clone());
        let mut why = self.session.denied(&request, self.kind, None);
        if why.is_none() && !self.arguments.options.force {
            let mut asker =
                Asking::new(&self.session, &self.voice, &self.runlevel, self.going_down);
            let answer = asker.ask(&request.named, request.action.as_str());
            // What gives no answer now gives none for the instances either, and is told there.
            let denied = answer.is_ok_and(|answer| is_denied(&answer));
            why = denied.then(|| "policy-rc.d denies the template".to_owned());
        }
        let action = self.arguments.action.clone();
        why.map(|why| self.denied(&action, &why))
    }
}
