//! A session's look at how old a service is, where a decision hangs on it and nowhere else.

use crate::decide::{age_in_words, is_judged_later, judge_staleness};
use crate::domain::{Phase, Request, Scope, Staleness, Verdict};
use crate::observe::stale::staleness;
use crate::policy::Decide;

use super::perform::{Case, Session};

impl Session {
    /// The case, with its decision taken where that hangs on the service's age.
    pub(super) fn settle_age(&self, case: Case) -> Case {
        if case.decision.verdict != Verdict::IfStale {
            return case;
        }
        let found = age(&case);
        Case {
            decision: judge_staleness(&case.request, &case.facts, case.decision, &found),
            ..case
        }
    }

    /// What would be found out now, where the decision is put off until it is judged.
    pub(super) fn age_now(&self, case: &Case) -> Option<String> {
        is_judged_later(&case.decision).then(|| age_in_words(&age(case)))
    }

    /// Whether the decision may hang on the service's age: then more is asked about its unit.
    pub(super) fn may_ask_age(&self, request: &Request) -> bool {
        let mut rules = self.policy.files().iter().flat_map(|file| &file.rules);
        request.context.phase == Phase::None && rules.any(|rule| rule.decide == Decide::IfStale)
    }
}

fn age(case: &Case) -> Staleness {
    if case.facts.life.is_none() {
        // The processes that we see in a chroot are those of the machine around it.
        return Staleness::unknown("there is no running init of this root directory");
    }
    match case.request.scope {
        Scope::User => Staleness::unknown("it belongs to a user's manager"),
        Scope::System => staleness(&case.facts.unit, case.facts.init),
    }
}
