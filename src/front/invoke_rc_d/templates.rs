//! `invoke-rc.d foo@ ACTION` under systemd: the template stands for its instances, each of which goes the
//! whole way of a call.

use crate::decide::Part;
use crate::decide::stock::status;
use crate::domain::{InitKind, Request, UnitName};
use crate::front::inquiry::{Asker, is_denied};
use crate::init::InitError;

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
        let requests: Vec<Request> = instances
            .iter()
            .map(|unit| self.request_for(unit))
            .collect();
        let undertaken = self.session.undertake(&requests);
        let ending = self.each(instances, &requests);
        self.session.finish(undertaken);
        ending
    }

    /// Goes the way of each of `instances`, which `requests` ask for.
    fn each(&mut self, instances: Vec<UnitName>, requests: &[Request]) -> Ending {
        let mut endings = 0;
        for (done, instance) in instances.into_iter().enumerate() {
            self.stand_for(instance);
            let ending = match self.go() {
                Ok(ending) => ending,
                Err(error) => return self.leave_rest(requests, done, error),
            };
            if endings == 0 {
                endings = ending;
            }
        }
        Ok(endings)
    }

    /// The init went away when the first `done` of `requests` were done: the rest is put off. Once one is
    /// done it is too late for the stock tool, which would begin anew.
    fn leave_rest(&self, requests: &[Request], done: usize, error: InitError) -> Ending {
        let mut rest = requests.get(done..).unwrap_or_default().to_vec();
        if !error.is_away() {
            if done == 0 {
                return Err(error);
            }
            let names: Vec<String> = rest.iter().map(|rest| rest.unit.to_string()).collect();
            self.voice.warn(&format!(
                "{error}; {} of {} is not done",
                self.action,
                names.join(" ")
            ));
            return Ok(status::ERROR);
        }
        let mut denied = None;
        rest.retain(
            |request| match self.session.denied(request, self.kind, None) {
                Some(why) => {
                    denied.get_or_insert_with(|| self.denied(&self.arguments.action, &why));
                    false
                }
                None => true,
            },
        );
        let put_off = self.session.put_off(&rest, &error);
        put_off.or(denied).ok_or(error)
    }

    fn request_for(&self, instance: &UnitName) -> Request {
        Request {
            named: instance.service().to_string(),
            unit: instance.clone(),
            ..self.request(self.action.clone())
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, Context, HelperAnswer, Wait};
    use crate::front::invoke_rc_d::arguments::Arguments;
    use crate::front::local::GoingDown;
    use crate::front::machine;
    use crate::front::perform::Session;
    use crate::ledger::{Due, Ledger};
    use crate::policy::{Origin, Policy};
    use crate::report::Voice;
    use crate::report::log::Log;
    use crate::testing::{Room, name};

    fn call(ledger: Ledger) -> Call {
        let voice = Voice::new("invoke-rc.d");
        let policy = Policy::new(Origin::Current, Vec::new(), Vec::new());
        Call {
            arguments: Arguments::default(),
            action: Action::Restart,
            unit: name("mail@"),
            kind: InitKind::Systemd,
            runlevel: String::new(),
            going_down: GoingDown::No,
            disabled: false,
            part: Part::Named,
            systemd: machine::systemd(&policy, &voice),
            upstart: machine::upstart(&policy, &voice),
            native: None,
            session: Session {
                policy,
                ledger: Some(ledger),
                context: Context::default(),
                now: 1,
                began: 1,
                log: Log::default(),
                voice: voice.clone(),
            },
            voice,
            known: None,
            wait: Wait::Done,
            answer: HelperAnswer::Absent,
        }
    }

    fn away() -> InitError {
        InitError::Unreachable {
            init: "systemd",
            why: "nobody listens".to_owned(),
        }
    }

    fn owed(ledger: &Ledger) -> Vec<(String, Due)> {
        let entries = ledger.all().unwrap().entries.into_iter();
        let owed = entries.map(|entry| (entry.service.to_string(), entry.owed.unwrap().due));
        owed.collect()
    }

    #[test]
    fn the_instances_that_the_init_went_away_before_are_put_off() {
        let room = Room::new();
        let call = call(room.ledger());
        let units = ["mail@a", "mail@b", "mail@c"];
        let requests = units.map(|unit| call.request_for(&name(unit)));
        assert_eq!(call.leave_rest(&requests, 1, away()).unwrap(), 1);
        let rest = ["mail@b", "mail@c"].map(|unit| (unit.to_owned(), Due::Restart));
        assert_eq!(owed(&room.ledger()), rest);
    }

    #[test]
    fn a_template_whose_instances_the_init_could_not_tell_is_put_off_itself() {
        let room = Room::new();
        let call = call(room.ledger());
        assert_eq!(call.put_off(&[], &away()), Some(1));
        assert_eq!(owed(&room.ledger()), [("mail@".to_owned(), Due::Restart)]);
    }

    #[test]
    fn once_an_instance_is_done_the_stock_tool_does_not_begin_anew() {
        let room = Room::new();
        let call = call(room.ledger());
        let requests = ["mail@a", "mail@b"].map(|unit| call.request_for(&name(unit)));
        let wrong = || InitError::NotHere {
            init: "systemd",
            why: "x".to_owned(),
        };
        assert!(call.leave_rest(&requests, 0, wrong()).is_err());
        assert_eq!(
            call.leave_rest(&requests, 1, wrong()).unwrap(),
            status::ERROR
        );
        assert_eq!(owed(&room.ledger()), []);
    }
}
