//! Somebody else asks for something at the same time: what is said to be done was done, what both
//! asked for explains all that happened, and the end is one that some order of both leads to.

use rcpolicy::domain::{ActiveState, Job, JobOutcome, Verb, Wait};
use rcpolicy::init::Init;
use rcpolicy::init::simulated::{Break, Interruption, Micros, Simulated};

use crate::world::{
    End, Kind, MS, SETTLED, Standing, VERBS, act, counts, interruptions, job, kinds, machine,
    states, unit,
};

/// What is said to be done is there; nothing that is to be up is left down.
pub(crate) fn check_done(verb: Verb, end: &End, context: &str) {
    let down = end.active.is_down();
    match verb {
        Verb::Start | Verb::Restart | Verb::ReloadOrRestart => {
            assert!(end.done && end.active == ActiveState::Active, "{context}");
        }
        Verb::Stop => assert!(end.done && down, "{context}"),
        Verb::TryRestart => assert!(!end.done || end.counts.starts > 0 || down, "{context}"),
        Verb::Reload => assert!(!end.done || !down, "{context}"),
    }
}

/// The states in which the unit ends where both are asked one after the other, in either order.
fn serial_ends(kind: Kind, ours: &Job, theirs: &Job) -> Vec<ActiveState> {
    let in_order = |jobs: [&Job; 2]| {
        let mut machine = machine(&[kind]);
        for job in jobs {
            machine.run(std::slice::from_ref(job), Wait::Done).unwrap();
            machine.pass(100 * MS);
        }
        machine.view(&ours.unit).unwrap().active
    };
    vec![in_order([ours, theirs]), in_order([theirs, ours])]
}

fn starts(verb: Verb) -> usize {
    usize::from(!matches!(verb, Verb::Stop | Verb::Reload))
}

fn stops(verb: Verb) -> usize {
    usize::from(!matches!(verb, Verb::Start | Verb::Reload))
}

fn reloads(verb: Verb) -> usize {
    usize::from(matches!(verb, Verb::Reload | Verb::ReloadOrRestart))
}

/// Whether what is said to be done was really done since it was asked.
fn was_done(verb: Verb, was: Standing, machine: &Simulated) -> bool {
    let states = states(machine, &unit(0));
    let any = |test: fn(ActiveState) -> bool| states.iter().any(|state| test(*state));
    let was_up = was == Standing::Up;
    let started = any(|state| state == ActiveState::Activating);
    let reloaded = any(|state| state == ActiveState::Reloading);
    let down = any(ActiveState::is_down);
    // What goes down is not restarted: systemd takes a try-restart for done then.
    let going = any(|state| state == ActiveState::Deactivating);
    match verb {
        Verb::Start => was_up || started,
        Verb::Stop => !was_up || down,
        Verb::Restart => started,
        Verb::TryRestart => started || !was_up || down || going,
        Verb::Reload | Verb::ReloadOrRestart => started || reloaded,
    }
}

/// Whether it may still be carried out when it is lost: what then somebody else undoes, or what he
/// did already, cannot be told from what is to come. It is not asked for again, but owed.
pub(crate) fn may_come_later(interruption: Interruption) -> bool {
    matches!(interruption.at, Break::Silent { .. })
}

fn check(kind: Kind, ours: Verb, theirs: Verb, after: Micros, closed: &[Micros]) {
    let (mine, other) = (job(ours), job(theirs));
    let allowed = serial_ends(kind, &mine, &other);
    for interruption in interruptions(1, closed) {
        let mut machine = machine(&[kind]);
        machine.ask_later(after, &other);
        machine.interrupt([Some(interruption)]);
        let report = act(&mut machine, std::slice::from_ref(&mine), Wait::Done);
        let done = report.outcomes[0].1 == JobOutcome::Done;
        let context = format!(
            "{ours} on {kind:?}, {theirs} after {after} µs, {interruption:?}: {:?}, {:?}",
            report.outcomes,
            states(&machine, &unit(0)),
        );
        assert!(
            !done || was_done(ours, kind.standing, &machine),
            "{context}"
        );
        let owed = report.unsettled().count();
        assert!(owed == 0 || may_come_later(interruption), "{context}");
        machine.pass(1000 * MS);
        let active = machine.view(&unit(0)).unwrap().active;
        assert!(
            allowed.contains(&active),
            "not {allowed:?} but {active:?}: {context}"
        );
        let found = counts(&machine, &unit(0));
        // Whoever is cut short by the other may be asked for, and done, once more.
        assert!(
            found.starts <= 2 * starts(ours) + starts(theirs),
            "{found:?} {context}"
        );
        assert!(
            found.stops <= 2 * stops(ours) + stops(theirs),
            "{found:?} {context}"
        );
        assert!(
            found.reloads <= 2 * reloads(ours) + reloads(theirs),
            "{found:?} {context}"
        );
        // Only what somebody cut short may fail, or what cannot be done.
        let can_fail = owed > 0 || stops(theirs) > 0 || ours == Verb::Reload || ours == Verb::Stop;
        assert!(done || can_fail, "{context}");
    }
}

#[test]
fn whatever_somebody_else_asks_for_meanwhile_nothing_is_lost_or_said_falsely() {
    for kind in kinds(&SETTLED).into_iter().filter(|kind| {
        kind.course == rcpolicy::init::simulated::Course::Stays && !kind.reload_fails
    }) {
        for ours in VERBS {
            for theirs in VERBS {
                for after in [0, MS, 4 * MS, 9 * MS, 15 * MS] {
                    check(kind, ours, theirs, after, &[0, 12 * MS]);
                }
            }
        }
    }
}
