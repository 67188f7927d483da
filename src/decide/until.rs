//! Until when a service whose stop is held goes on running, where no start comes to restart it. Pure.

use crate::domain::Until;
use crate::policy::{Answer, Decide, Policy};

use super::question::question;
use super::step::Decided;

/// As long as the rule that holds it puts things off: who defers a service until the next boot does not
/// want it restarted at the end of the run. Otherwise until the batch is over.
pub(super) fn until(one: &Decided<'_>, policy: &Policy) -> Until {
    let service = one.facts.unit.id.service();
    let asked = question(one.request, one.facts, &service, &one.request.action);
    match policy.ask(&asked) {
        Answer::Rule(rule) => match rule.decide {
            Decide::Defer(until) => *until,
            Decide::Allow
            | Decide::Deny
            | Decide::Stop
            | Decide::Quiesce
            | Decide::Restart
            | Decide::IfStale
            | Decide::Reload
            | Decide::Fallback(_) => Until::Batch,
        },
        Answer::HoldBroken { .. } | Answer::Silent => Until::Batch,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::domain::{Until, Verdict};
    use crate::policy::Origin;

    fn until(story: &Story) -> Until {
        assert_eq!(story.verdict(), Verdict::Hold);
        story.plan().records[0].owed.as_ref().unwrap().until
    }

    #[test]
    fn a_stop_that_a_rule_holds_waits_as_long_as_the_rule_says() {
        let stop = Story::upgrade("stop", "foo").with("foo.service", up);
        for (word, expected) in [
            ("batch", Until::Batch),
            ("flush", Until::Flush),
            ("reboot", Until::Reboot),
        ] {
            let rule = format!("decide = \"defer\"\nuntil = \"{word}\"");
            assert_eq!(until(&stop.clone().rule(&rule)), expected);
        }
        assert_eq!(
            until(&stop.clone().rule("decide = \"restart\"")),
            Until::Batch
        );
        assert_eq!(until(&stop.broken(Origin::None)), Until::Batch);
    }
}
