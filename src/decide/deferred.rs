//! Stops and starts that are put off: in an upgrade both come to one restart at the end, a removal is never
//! put off, and what does not run is started at once.

use super::testing::*;
use super::{Payment, payment};
use crate::domain::{Action, Flag, FrontEnd, Phase, Until, Verdict};
use crate::ledger::{Due, Entry, merge};

const RULE: &str = "service = \"foo\"\ndecide = \"defer\"";

/// What `story` leaves on the ledger after `before`.
fn noted(before: Option<Entry>, story: &Story) -> Option<Entry> {
    let plan = story.plan();
    assert!(plan.stops.is_empty() && plan.main.is_empty(), "{plan:?}");
    let record = plan.records.first().cloned();
    match (before, record) {
        (Some(before), Some(record)) => Some(merge(before, record)),
        (before, record) => record.or(before),
    }
}

#[test]
fn a_stop_and_a_start_that_are_put_off_in_an_upgrade_are_one_restart_at_its_end() {
    let running = |action: &str| Story::upgrade(action, "foo").with("foo.service", up);
    for with in [
        |story: Story| story.rule(RULE),
        |story: Story| story.flag(Flag::Defer),
    ] {
        let held = noted(None, &with(running("stop"))).unwrap();
        assert!(held.kept_running);
        let start = with(running("start")).noted(held.clone());
        let action = Action::Restart;
        let until = Until::Batch;
        assert_eq!(start.verdict(), Verdict::Defer { action, until });
        let owed = noted(Some(held), &start).unwrap();
        assert_eq!(owed.owed.as_ref().map(|owed| owed.due), Some(Due::Restart));
        assert_eq!(payment(&owed), Payment::Act(Action::Restart));
        // Once more, as packages do: it stays one.
        let again = noted(
            Some(owed.clone()),
            &with(running("restart")).noted(owed.clone()),
        );
        assert_eq!(payment(&again.unwrap()), Payment::Act(Action::Restart));
        let flush = with(running("restart")).front(FrontEnd::Rcpolicy);
        let plan = flush.noted(owed).plan();
        assert_eq!(shown(&plan.main), ["restart foo.service"]);
        assert_eq!(plan.strikes.len(), 1);
    }
}

#[test]
fn a_removal_is_never_put_off_and_cancels_what_was_owed() {
    for owed in [
        kept_running("foo"),
        owing("foo", Due::Restart),
        owing("foo", Due::Reload),
    ] {
        let stop = Story::upgrade("stop", "foo")
            .phase(Phase::Remove)
            .with("foo.service", up)
            .rule(RULE)
            .flag(Flag::Defer)
            .noted(owed);
        assert_eq!(stop.verdict(), Verdict::Stop);
        let plan = stop.plan();
        assert_eq!(shown(&plan.stops), ["stop foo.service"]);
        assert!(plan.records.is_empty());
        assert_eq!(plan.strikes.len(), 1);
    }
}

#[test]
fn what_does_not_run_is_started_at_once_and_nothing_is_owed_then() {
    let start = Story::upgrade("start", "foo").rule(RULE).flag(Flag::Defer);
    assert_eq!(start.verdict(), Verdict::Run(Action::Start));
    assert_eq!(shown(&start.plan().main), ["start foo.service"]);
    // Its stop was held, and then it died by itself.
    let died = start.noted(kept_running("foo"));
    assert_eq!(died.verdict(), Verdict::Run(Action::Start));
    assert_eq!(died.plan().strikes.len(), 1);
}

#[test]
fn the_stop_of_what_does_not_run_owes_nothing() {
    let stop = Story::upgrade("stop", "foo").rule(RULE);
    let plan = stop.plan();
    assert!(plan.records.is_empty(), "{:?}", stop.verdict());
}
