//! What the admin denies whatever the init would say of the service: it need not be asked then, nor waited for where it is
//! away.

use crate::domain::{InitKind, Request, ServiceName};

use super::perform::{Session, ask_about};

impl Session {
    /// Whether a hold, or a rule of the admin's, denies what is asked for under the name that it is asked by. All else that
    /// could still be found out, such as another name of the service, can only deny it once more.
    ///
    /// INVARIANT: `decide` takes a denial under that name for one, whatever the facts are, but for policy-rc.d's own
    /// answer and a machine that is going down, which come first.
    pub(super) fn denies_outright(&self, request: &Request, kind: InitKind) -> bool {
        let Ok(service) = ServiceName::parse(&request.named) else {
            return false;
        };
        let question = ask_about(request, &service, kind);
        !self.asks_for_machine() && self.policy.denies(&question).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::inquiry::{Asker, Heard};
    use super::*;
    use crate::domain::{
        Action, Context, FrontEnd, HelperAnswer, Job, JobOutcome, Known, Machine, Scope, UnitFacts,
        UnitName, Verdict, Wait,
    };
    use crate::front::inquiry::Stuck;
    use crate::init::{Depth, Init, InitError};
    use crate::observe::helper::HelperError;
    use crate::policy::{Origin, Policy, Tier, parse};
    use crate::report::Voice;
    use crate::report::log::Log;
    use crate::testing::name;

    /// An init that answers nothing.
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
        fn units(&mut self, _: &[UnitName], _: Depth) -> Result<Vec<UnitFacts>, InitError> {
            Err(away())
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

    /// policy-rc.d, which says the same to everything.
    struct Says(HelperAnswer);

    impl Asker for Says {
        fn ask(&mut self, _: &str, _: &str) -> Result<HelperAnswer, HelperError> {
            Ok(self.0.clone())
        }
        fn tell(&mut self, _: &str) {}
        fn warn(&mut self, _: &str) {}
    }

    fn fallback() -> HelperAnswer {
        HelperAnswer::Said {
            status: 106,
            stdout: "reload\n".to_owned(),
        }
    }

    /// What becomes of a restart of `foo.service` under `rules` of the admin's; `None` where the init had to be asked.
    fn asked(rules: &str, answer: HelperAnswer) -> Option<Verdict> {
        let parsed = parse("/etc/x.toml", Tier::Admin, rules);
        assert_eq!(parsed.problems, [], "{rules}");
        let session = Session {
            policy: Policy::new(Origin::Current, vec![parsed.file], Vec::new()),
            ledger: None,
            log: Log::default(),
            now: 1,
            began: 1,
            context: Context::default(),
            voice: Voice::new("test"),
        };
        let request = Request {
            front: FrontEnd::DebSystemdInvoke,
            named: "foo.service".to_owned(),
            unit: name("foo"),
            action: Action::Restart,
            flags: Vec::new(),
            scope: Scope::System,
            context: session.context.clone(),
        };
        let mut asker = Says(answer);
        let heard = session.hear(std::slice::from_ref(&request), &mut asker);
        let heard: Heard = heard.unwrap();
        match session.consider_unit(&mut Away, (0, request), &heard, &mut asker) {
            Ok(case) => Some(case.decision.verdict),
            Err(Stuck::Init(error)) => {
                assert_eq!(error, away());
                None
            }
            Err(stuck) => panic!("{}", stuck.why()),
        }
    }

    #[test]
    fn what_the_admin_denies_by_its_name_is_denied_although_the_init_is_away() {
        for rule in [
            "service = \"foo\"\naction = [\"restart\"]\ndecide = \"deny\"\n",
            "decide = \"deny\"\n",
        ] {
            let rules = format!("[[rule]]\n{rule}");
            let verdict = asked(&rules, HelperAnswer::Absent);
            assert_eq!(verdict, Some(Verdict::Deny), "{rule}");
        }
    }

    #[test]
    fn the_init_is_asked_where_it_could_make_a_difference() {
        for rule in [
            // It may be running, and a restart no start.
            "service = \"foo\"\naction = [\"start\"]\ndecide = \"deny\"\n",
            "service = \"foo\"\nmachine = [\"starting\"]\ndecide = \"deny\"\n",
            // It may be another name of it.
            "service = \"bar\"\ndecide = \"deny\"\n",
            "service = \"foo\"\ndecide = \"allow\"\n",
        ] {
            let rules = format!("[[rule]]\n{rule}");
            assert_eq!(asked(&rules, HelperAnswer::Absent), None, "{rule}");
        }
    }

    #[test]
    fn policy_rc_ds_list_of_fallbacks_still_comes_first() {
        let rules = "[[rule]]\nservice = \"foo\"\naction = [\"restart\"]\ndecide = \"deny\"\n";
        assert_eq!(asked(rules, fallback()), None);
    }
}
