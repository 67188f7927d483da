//! `if-stale`: when it is judged whether a service is older than what lies on the disk, and what then
//! comes of it. Pure. What is not known is never taken for "not stale".

use crate::domain::{
    Action, Decision, Facts, Phase, Reason, Request, Source, Staleness, Until, Verdict,
};
use crate::ledger::Entry;
use crate::policy::Decide;

use super::defer::defer;

/// What is said of a decision that is put off for it.
const LATER: &str = "whether it is stale is judged when the packages are all in place";
/// How many files are named in a reason; the rest is counted.
const NAMED: usize = 3;

/// In a maintainer script it is too early: what the service runs may still be replaced in this run. It is
/// put off, and judged when that is over.
pub(super) fn if_stale(request: &Request, facts: &Facts, owed: Option<&Entry>) -> Verdict {
    let is_over = request.context.phase == Phase::None || facts.life.is_none();
    let mut asked = request.clone();
    if asked.action == Action::Start && asked.context.phase == Phase::Upgrade {
        // A start is a question of age too.
        asked.action = Action::Restart;
    }
    let later = (!is_over)
        .then(|| defer(&asked, facts, owed, Until::Batch))
        .flatten();
    later.unwrap_or(Verdict::IfStale)
}

/// Says so where it is put off.
pub(super) fn judged_later(decide: &Decide, verdict: Option<&Verdict>) -> Option<Reason> {
    let later = matches!(verdict, Some(Verdict::Defer { .. } | Verdict::Hold));
    (later && *decide == Decide::IfStale).then(|| Reason::new(Source::BuiltIn, LATER))
}

/// Whether the decision puts something off that then hangs on the service's age.
pub fn is_judged_later(decision: &Decision) -> bool {
    decision.reasons.iter().any(|reason| reason.text == LATER)
}

/// What was found out, in one line.
pub fn age_in_words(found: &Staleness) -> String {
    why_stale(found).unwrap_or_else(|| fresh(found))
}

/// What comes of a decision that hangs on how old the service is.
pub fn judge_staleness(
    request: &Request,
    facts: &Facts,
    mut decision: Decision,
    found: &Staleness,
) -> Decision {
    if decision.verdict != Verdict::IfStale {
        return decision;
    }
    let (verdict, text) = match why_stale(found) {
        Some(why) => (Verdict::Restart, why),
        None => (otherwise(request, facts), fresh(found)),
    };
    let source = Source::Staleness(facts.unit.id.to_string());
    decision.verdict = verdict;
    decision.reasons.push(Reason::new(source, text));
    decision
}

/// Why it is to be restarted.
fn why_stale(found: &Staleness) -> Option<String> {
    let mut parts = Vec::new();
    if !found.replaced.is_empty() {
        parts.push(format!("runs replaced files: {}", first(&found.replaced)));
    }
    if !found.changed.is_empty() {
        let what = first(&found.changed);
        parts.push(format!("changed since it was started: {what}"));
    }
    if parts.is_empty() && !found.unknown.is_empty() {
        let why = first(&found.unknown);
        parts.push(format!("it may be stale, which is not known: {why}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn first(all: &[String]) -> String {
    let named = all.get(..NAMED).unwrap_or(all).join(", ");
    match all.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{named} and {more} more"),
        Some(_) | None => named,
    }
}

fn fresh(found: &Staleness) -> String {
    let count = match found.processes {
        0 => "no process of its own runs".to_owned(),
        1 => "its process runs what lies on the disk".to_owned(),
        many => format!("its {many} processes run what lies on the disk"),
    };
    format!("not stale: {count}; unit, package and configuration are as they were")
}

/// What is done to a service that is not stale. Reading its configuration anew is no restart.
fn otherwise(request: &Request, facts: &Facts) -> Verdict {
    match request.action {
        Action::Reload => Verdict::Run(Action::Reload),
        Action::ForceReload if facts.unit.can_reload.is_and(|can| *can) => {
            Verdict::Run(Action::ForceReload)
        }
        Action::Start
        | Action::Stop
        | Action::Restart
        | Action::TryRestart
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => Verdict::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::domain::{FrontEnd, Known, Machine};
    use crate::ledger::Due;

    const BY_HAND: &str = "phase = [\"none\"]\ndecide = \"if-stale\"";
    const RULE: &str = "decide = \"if-stale\"\nbecause = \"it drops its clients\"";

    fn story(action: &str) -> Story {
        Story::upgrade(action, "foo")
            .with("foo.service", up)
            .rule(RULE)
    }

    /// Asked for by hand, where the rule is about that.
    fn by_hand(action: &str) -> Story {
        let story = Story::upgrade(action, "foo").with("foo.service", up);
        story.rule(BY_HAND).phase(Phase::None)
    }

    #[test]
    fn what_a_person_asks_for_is_done_unless_the_rule_names_that_phase() {
        for action in ["restart", "try-restart", "force-reload", "reload"] {
            let asked = story(action).phase(Phase::None);
            let plain = Story::upgrade(action, "foo").with("foo.service", up);
            assert_eq!(asked.verdict(), plain.phase(Phase::None).verdict());
            assert_eq!(by_hand(action).verdict(), Verdict::IfStale, "{action}");
        }
    }

    fn judged(story: &Story, found: &Staleness) -> (Verdict, String) {
        let decision = judge_staleness(&story.request, &story.facts, story.decide(), found);
        let text = decision.reasons.last().unwrap().text.clone();
        (decision.verdict, text)
    }

    fn replaced(count: usize) -> Staleness {
        Staleness {
            replaced: (0..count).map(|n| format!("/usr/lib/{n}.so")).collect(),
            processes: 1,
            ..Staleness::default()
        }
    }

    fn fresh() -> Staleness {
        Staleness {
            processes: 2,
            ..Staleness::default()
        }
    }

    #[test]
    fn in_a_maintainer_script_it_is_put_off_and_said_when_it_is_judged() {
        for phase in [Phase::Install, Phase::Upgrade, Phase::Trigger] {
            let story = story("restart").phase(phase);
            let action = Action::Restart;
            let until = Until::Batch;
            assert_eq!(
                story.verdict(),
                Verdict::Defer { action, until },
                "{phase:?}"
            );
            assert!(
                story.reasons().contains("judged when"),
                "{}",
                story.reasons()
            );
        }
        assert_eq!(story("stop").verdict(), Verdict::Hold);
    }

    #[test]
    fn by_hand_in_a_flush_and_where_nothing_can_be_noted_it_is_judged_at_once() {
        let flush = story("restart")
            .front(FrontEnd::Rcpolicy)
            .noted(owing("foo", Due::Restart));
        let mut unnoted = story("restart");
        unnoted.facts.life = None;
        let mut chroot = story("restart").machine(Machine::Chroot);
        chroot.facts.life = None;
        for story in [by_hand("restart"), flush, unnoted, chroot] {
            assert_eq!(story.verdict(), Verdict::IfStale);
        }
    }

    #[test]
    fn what_runs_replaced_files_is_restarted_and_the_first_of_them_are_named() {
        let (verdict, why) = judged(&by_hand("restart"), &replaced(2));
        assert_eq!(verdict, Verdict::Restart);
        assert_eq!(why, "runs replaced files: /usr/lib/0.so, /usr/lib/1.so");
        let (_, why) = judged(&by_hand("restart"), &replaced(5));
        assert!(why.ends_with("/usr/lib/2.so and 2 more"), "{why}");
    }

    #[test]
    fn what_is_not_known_is_never_taken_for_fresh() {
        let unknown = Staleness::unknown("permission denied");
        let (verdict, why) = judged(&by_hand("try-restart"), &unknown);
        assert_eq!(verdict, Verdict::Restart);
        assert!(why.contains("not known: permission denied"), "{why}");
        let mut both = replaced(1);
        both.unknown.push("x".to_owned());
        let (_, why) = judged(&by_hand("restart"), &both);
        assert_eq!(why, "runs replaced files: /usr/lib/0.so");
    }

    #[test]
    fn what_is_not_stale_is_left_alone_but_a_reload_is_done() {
        for (action, expected) in [
            ("restart", Verdict::Nothing),
            ("try-restart", Verdict::Nothing),
            ("start", Verdict::Nothing),
            ("reload", Verdict::Run(Action::Reload)),
            ("force-reload", Verdict::Run(Action::ForceReload)),
        ] {
            let (verdict, why) = judged(&by_hand(action), &fresh());
            assert_eq!(verdict, expected, "{action}");
            assert!(why.starts_with("not stale: its 2 processes run"), "{why}");
        }
        let restarted = by_hand("force-reload").with("foo.service", |unit| {
            up(unit);
            unit.can_reload = Known::Is(false);
        });
        assert_eq!(judged(&restarted, &fresh()).0, Verdict::Nothing);
    }

    #[test]
    fn every_other_decision_stays_as_it_is() {
        let story = Story::upgrade("restart", "foo").with("foo.service", up);
        let decision = judge_staleness(&story.request, &story.facts, story.decide(), &fresh());
        assert_eq!(decision, story.decide());
    }
}
