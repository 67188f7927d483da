//! Whole calls over a line to the init that breaks again and again, questions and holds included: what
//! runs, what is noted, and how often anything was started, is as with a line that holds.

use proptest::prelude::*;

use rcpolicy::domain::Phase;
use rcpolicy::init::simulated::{Break, Interruption};

use crate::foo_and_its_neighbours;
use crate::world::{MS, World, request};

const ACTIONS: [&str; 5] = ["stop", "start", "restart", "try-restart", "reload"];
const UNITS: [&str; 4] = ["foo.service", "dep.service", "bar.service", "foo.socket"];
/// Not its socket alone, which cannot be started again while the service runs: who requires it comes
/// up all the same, and its start is called failed by who heard so, and done by who looked.
const ASKED: usize = 3;

fn any_break() -> impl Strategy<Value = Interruption> {
    let at = prop_oneof![
        (0..12_usize).prop_map(Break::Before),
        (0..12_usize).prop_map(Break::Unanswered),
        (0..12 * MS).prop_map(Break::Later),
        (0..6_usize).prop_map(|read| Break::Silent { read, after: MS }),
    ];
    (at, prop::sample::select(vec![0, 5 * MS, 90 * MS]))
        .prop_map(|(at, closed)| Interruption { at, closed })
}

type Call = (usize, usize, bool, Vec<Option<Interruption>>);

fn any_call() -> impl Strategy<Value = Call> {
    let line = prop::collection::vec(prop::option::weighted(0.5, any_break()), 0..8);
    (0..ACTIONS.len(), 0..ASKED, any::<bool>(), line)
}

/// What came of the calls: the units that run, the notes, and how often each unit was started.
fn play(calls: &[Call], breaks: bool) -> (Vec<bool>, usize, Vec<usize>) {
    let mut world = World::new(foo_and_its_neighbours(), &[]);
    world.call(&request("start", Phase::None, &[]), &UNITS);
    world.machine.pass(100 * MS);
    for (action, unit, upgrade, line) in calls {
        let phase = if *upgrade {
            Phase::Upgrade
        } else {
            Phase::None
        };
        if breaks {
            world.machine.interrupt(line.iter().copied());
        }
        world.call(&request(ACTIONS[*action], phase, &[]), &[UNITS[*unit]]);
        world.machine.pass(200 * MS);
    }
    let up = UNITS.iter().map(|unit| world.is_up(unit)).collect();
    let starts = UNITS.iter().map(|unit| world.starts(unit, 0)).collect();
    (up, world.noted(), starts)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn calls_over_a_line_that_breaks_do_what_they_do_over_one_that_holds(
        calls in prop::collection::vec(any_call(), 1..8),
    ) {
        prop_assert_eq!(play(&calls, true), play(&calls, false));
    }
}
