//! What is put off needs no more of its service than that it runs, which some inits tell without being
//! asked: a deferral costs PID 1 nothing then, and does not wait for one that is away.

use crate::domain::{Action, Flag, FrontEnd, Request, Scope, UnitFacts};
use crate::init::Init;
use crate::policy::{Answer, Decide};

use super::perform::{Session, ask_about};

impl Session {
    /// What can be seen of the service without the init, where a restart is put off: whoever pays it
    /// looks again.
    pub(super) fn glimpse(&self, init: &dyn Init, request: &Request) -> Option<UnitFacts> {
        let restarts = matches!(request.action, Action::Restart | Action::TryRestart);
        let system = request.scope == Scope::System && !self.policy.settings().strict;
        if !restarts || !system || request.front == FrontEnd::Rcpolicy || self.ledger.is_none() {
            return None;
        }
        let service = request.unit.service();
        let defers = match self.policy.ask(&ask_about(request, &service, init.kind())) {
            Answer::Rule(rule) => matches!(rule.decide, Decide::Defer(_)),
            Answer::Silent => request.has(Flag::Defer),
            Answer::HoldBroken { .. } => false,
        };
        defers.then(|| init.glimpse(&request.unit))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ActiveState, Context, InitKind, Job, JobOutcome, Known, LoadState, Machine, UnitName,
        Verdict, Wait,
    };
    use crate::init::{Depth, InitError};
    use crate::policy::{Origin, Policy, Tier, parse};
    use crate::report::Voice;
    use crate::report::log::Log;
    use crate::testing::{Room, name};

    /// An init that answers nothing; that `foo` runs can be seen all the same.
    struct Away;

    fn away() -> InitError {
        InitError::Silent {
            init: "the init",
            seconds: 30,
        }
    }

    impl Init for Away {
        fn kind(&self) -> InitKind {
            InitKind::Systemd
        }
        fn machine(&mut self) -> Known<Machine> {
            Known::Unknown(away().to_string())
        }
        fn userspace(&mut self) -> Known<u64> {
            unreachable!("the note says when it was asked for")
        }
        fn units(&mut self, _: &[UnitName], _: Depth) -> Result<Vec<UnitFacts>, InitError> {
            Err(away())
        }
        fn glimpse(&self, unit: &UnitName) -> Option<UnitFacts> {
            (*unit == name("foo")).then(|| UnitFacts {
                load: Known::Is(LoadState::Loaded),
                active: Known::Is(ActiveState::Active),
                ..UnitFacts::unknown(unit, "not asked")
            })
        }
        fn run(&mut self, _: &[Job], _: Wait) -> Result<Vec<JobOutcome>, InitError> {
            Err(away())
        }
        fn kill(&mut self, _: &UnitName) -> Result<(), InitError> {
            Err(away())
        }
        fn hold(&mut self, _: &UnitName) -> Result<(), InitError> {
            Err(away())
        }
        fn release(&mut self, _: &UnitName) -> Result<(), InitError> {
            Err(away())
        }
    }

    /// What becomes of a script's `action` on `service` under `rule`, and what is noted of `foo` then.
    fn asked(rule: &str, service: &str, action: Action) -> (Result<Verdict, InitError>, bool) {
        let room = Room::new();
        let parsed = parse("/etc/x.toml", Tier::Admin, rule);
        assert_eq!(parsed.problems, [], "{rule}");
        let session = Session {
            policy: Policy::new(Origin::Current, vec![parsed.file], Vec::new()),
            ledger: Some(room.ledger()),
            log: Log::default(),
            now: 1,
            began: 1,
            context: Context::default(),
            voice: Voice::new("test"),
        };
        let request = Request {
            front: FrontEnd::DebSystemdInvoke,
            named: service.to_owned(),
            unit: name(service),
            action,
            flags: Vec::new(),
            scope: Scope::System,
            context: session.context.clone(),
        };
        let verdict = session
            .observe(&mut Away, &request, None)
            .map(|(facts, owed)| {
                let mut cases = [session.decide(request, facts, owed)];
                let _report = session.act(&mut Away, &mut cases, Wait::Done);
                let [case] = cases;
                case.decision.verdict
            });
        (verdict, room.owed().is_some())
    }

    const DEFER: &str = "[[rule]]\nservice = [\"*\"]\ndecide = \"defer\"\nuntil = \"flush\"\n";

    #[test]
    fn a_restart_that_is_put_off_is_noted_although_the_init_is_away() {
        let (verdict, noted) = asked(DEFER, "foo", Action::Restart);
        assert!(matches!(verdict, Ok(Verdict::Defer { .. })), "{verdict:?}");
        assert!(noted);
    }

    #[test]
    fn the_init_is_asked_where_it_cannot_be_seen_or_is_to_be_done_now() {
        for (rule, service, action) in [
            (DEFER, "bar", Action::Restart),
            (DEFER, "foo", Action::Stop),
            ("", "foo", Action::Restart),
        ] {
            let (verdict, noted) = asked(rule, service, action.clone());
            assert_eq!(verdict, Err(away()), "{rule} {service} {action}");
            assert!(!noted);
        }
    }
}
