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

#[test]
fn the_start_of_what_runs_is_no_restart_unless_a_stop_of_ours_came_before_it() {
    let start = || Story::upgrade("start", "foo").with("foo.service", up);
    for put_off in [
        start().rule(RULE),
        start().rule(RULE).noted(owing("foo", Due::Reload)),
        start().flag(Flag::Defer),
    ] {
        assert_eq!(put_off.verdict(), Verdict::Run(Action::Start));
        assert!(put_off.plan().records.is_empty());
    }
    // A client woke it with old files.
    let woken = start().rule(RULE).noted(quiesced("foo"));
    let action = Action::Restart;
    let until = Until::Batch;
    assert_eq!(woken.verdict(), Verdict::Defer { action, until });
}

#[test]
fn a_service_whose_restart_is_put_off_does_not_step_aside_for_its_socket() {
    let rule = "service = \"foo\"\naction = \"restart\"\ndecide = \"defer\"\nuntil = \"flush\"";
    let note = took_down("foo", &["foo.socket"]);
    let story = |action: &str, named: &str| {
        let story = Story::upgrade(action, named)
            .with("foo.service", up)
            .stopped_trigger("foo.socket", &["foo.service"]);
        story.noted(note.clone())
    };
    for named in ["foo", "foo.socket"] {
        assert_eq!(
            shown(&story("start", named).plan().stops),
            ["stop foo.service"]
        );
        let plan = story("start", named).rule(rule).plan();
        assert!(plan.stops.is_empty(), "{plan:?}");
        assert!(
            plan.main
                .iter()
                .all(|job| job.unit != super::testing::name("foo.socket"))
        );
        assert!(plan.strikes.is_empty() && plan.leaves.is_empty());
        let owed = merge(note.clone(), plan.records[0].clone());
        assert_eq!(
            owed.owed.as_ref().map(|owed| owed.until),
            Some(Until::Flush)
        );
        let flush = story("restart", "foo").rule(rule);
        let plan = flush.front(FrontEnd::Rcpolicy).noted(owed).plan();
        assert_eq!(shown(&plan.stops), ["stop foo.service"]);
        assert_eq!(shown(&plan.main), ["start foo.socket", "start foo.service"]);
    }
}
