//! What the admin denies whatever the init would say of the service: a drop-in need not ask it then, nor wait for one that
//! is away.

use crate::decide::decide;
use crate::domain::{InitKind, Known, Request, ServiceName, Verdict};

use super::perform::{Case, Session, ask_about};

impl Session {
    /// The decision where a hold, or a rule of the admin's, denies what is asked for under the name that it is asked by. All
    /// else that could still be found out, such as another name of the service, can only deny it once more.
    ///
    /// INVARIANT: `decide` takes a denial under that name for one, whatever the facts are, but for policy-rc.d's own
    /// answer and a machine that is going down, which come first: the caller knows of neither.
    pub(super) fn denied_outright(&self, request: &Request, kind: InitKind) -> Option<Case> {
        let service = ServiceName::parse(&request.named).ok()?;
        let question = ask_about(request, &service, kind);
        if self.asks_for_machine() || self.policy.denies(&question).is_none() {
            return None;
        }
        let facts = self.unseen(request, kind, Known::default());
        let decision = decide(request, &facts, &self.policy, None);
        let denied = decision.verdict == Verdict::Deny;
        denied.then(|| Case::new(request.clone(), facts, decision, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, Context, FrontEnd, Scope};
    use crate::policy::{Origin, Policy, Tier, parse};
    use crate::report::Voice;
    use crate::report::log::Log;
    use crate::testing::name;

    /// Whether a restart of `foo.service` is denied outright under the admin's one rule.
    fn denied(rule: &str) -> bool {
        let parsed = parse("/etc/x.toml", Tier::Admin, &format!("[[rule]]\n{rule}"));
        assert_eq!(parsed.problems, [], "{rule}");
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
        let case = session.denied_outright(&request, InitKind::Systemd);
        case.is_some_and(|case| case.decision.verdict == Verdict::Deny)
    }

    #[test]
    fn what_the_admin_denies_by_its_name_is_denied_whatever_its_init_would_say() {
        for rule in [
            "service = \"foo\"\naction = [\"restart\"]\ndecide = \"deny\"\n",
            "decide = \"deny\"\n",
        ] {
            assert!(denied(rule), "{rule}");
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
            assert!(!denied(rule), "{rule}");
        }
    }
}
