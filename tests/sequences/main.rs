//! Sequences of calls on the simulated init, through the real observing, deciding, planning and
//! carrying out, with a ledger on disk: what holds whatever is called in whatever order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing helper is a failing test"
)]

mod breaking;
mod world;

use proptest::prelude::*;

use rcpolicy::domain::{Action, FileState, Flag, Phase, UnitName, Verb};
use rcpolicy::init::simulated::{Client, Happened, Image, Schedule, Spec};
use rcpolicy::policy::Tier;
use world::{MS, World, name, request};

const FOO: [&str; 5] = [
    "foo.service",
    "foo.socket",
    "foo2.socket",
    "foo.path",
    "foo.timer",
];
const TRIGGERS: [&str; 4] = ["foo.socket", "foo2.socket", "foo.path", "foo.timer"];

/// foo with four triggers; dep requires its first socket; bar stands beside it.
fn foo_and_its_neighbours() -> Vec<Spec> {
    let mut specs: Vec<Spec> = TRIGGERS
        .iter()
        .map(|trigger| Spec::trigger(name(trigger), name("foo")))
        .collect();
    specs[3].schedule = Some(Schedule::OnceAt(0));
    for text in ["foo", "dep", "bar"] {
        let mut spec = Spec::new(name(text));
        (spec.start_takes, spec.stop_takes) = (3 * MS, 5 * MS);
        spec.can_reload = true;
        specs.push(spec);
    }
    let dep = specs.len() - 2;
    specs[dep].requires = vec![name("foo.socket")];
    specs
}

fn chosen<'a>(all: &[&'a str], bits: u8) -> Vec<&'a str> {
    let numbered = all.iter().enumerate();
    numbered
        .filter(|(at, _)| bits & (1 << at) != 0)
        .map(|(_, unit)| *unit)
        .collect()
}

#[derive(Debug, Clone)]
struct Deed {
    action: usize,
    units: u8,
    phase: usize,
    flags: u8,
}

const ACTIONS: [&str; 8] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    "start",
    "stop",
];
const PHASES: [Phase; 5] = [
    Phase::Upgrade,
    Phase::Install,
    Phase::Remove,
    Phase::Trigger,
    Phase::None,
];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (
        0..ACTIONS.len(),
        1..128_u8,
        prop_oneof![3 => Just(0_usize), 1 => 1..5_usize],
        0..8_u8,
    );
    let deed = deed.prop_map(|(action, units, phase, flags)| Deed {
        action,
        units,
        phase,
        flags,
    });
    prop::collection::vec(deed, 1..12)
}

fn flags(bits: u8) -> Vec<Flag> {
    let all = [Flag::Quiesce, Flag::Defer, Flag::Force]
        .into_iter()
        .enumerate();
    all.filter(|(at, _)| bits & (1 << at) != 0)
        .map(|(_, flag)| flag)
        .collect()
}

const HOW: [&str; 8] = [
    "", "stop", "quiesce", "restart", "if-stale", "reload", "defer", "restart",
];

fn rule(service: &str, decide: &str) -> String {
    match decide {
        "" => String::new(),
        word => format!("[[rule]]\nservice = \"{service}\"\ndecide = \"{word}\"\n"),
    }
}

const ALL: [&str; 7] = [
    "foo.service",
    "foo.socket",
    "foo2.socket",
    "foo.path",
    "foo.timer",
    "dep.service",
    "bar.service",
];

/// Asked for foo itself, policy-rc.d denies all that can bring it up; for what a trigger would do to
/// it, it is enough that it denies `start`.
fn no_start_of_foo(unit: &UnitName, action: &Action) -> bool {
    *unit != name("foo.service") || !action.may_start()
}

fn files(denying: bool, vendor: usize, admin: usize) -> Vec<(Tier, String)> {
    let deny = "[[rule]]\nservice = \"foo\"\naction = \"start\"\ndecide = \"deny\"\n";
    let lists = [
        "",
        "[[rule]]\nservice = \"foo*\"\naction = \"restart\"\ndecide = { fallback = [\"start\", \"stop\"] }\n",
        "[[rule]]\nservice = \"foo\"\naction = \"stop\"\ndecide = { fallback = [\"restart\"] }\n",
    ];
    let first = if denying { deny } else { "" };
    vec![
        (Tier::Admin, format!("{first}{}", lists[admin])),
        (Tier::Vendor, rule("foo*", HOW[vendor])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 192, ..ProptestConfig::default() })]

    /// No call, flag or package's file brings up what is denied as `start`, nor what could start it.
    #[test]
    fn what_is_denied_as_start_never_comes_up_and_neither_do_its_triggers(
        deeds in deeds(),
        were_up in 0..16_u8,
        by_toml: bool,
        vendor in 0..HOW.len(),
        admin in 0..3_usize,
    ) {
        let mut world = World::new(foo_and_its_neighbours(), &files(by_toml, vendor, admin));
        for trigger in chosen(&TRIGGERS, were_up) {
            world.job(Verb::Start, trigger);
        }
        if !by_toml {
            world.helper = no_start_of_foo;
        }
        for deed in &deeds {
            let mut flags = flags(deed.flags);
            // --force overrides policy-rc.d
            flags.retain(|flag| by_toml || *flag != Flag::Force);
            let before = TRIGGERS.map(|trigger| world.is_up(trigger));
            // dep requires a socket of foo's: starting it is its own affair
            let units = chosen(&ALL, deed.units & !32);
            if units.is_empty() {
                continue;
            }
            world.call(&request(ACTIONS[deed.action], PHASES[deed.phase], &flags), &units);
            world.machine.pass(20 * MS);
            prop_assert_eq!(world.starts("foo.service", 0), 0, "{:?}", deed);
            for (trigger, was_up) in TRIGGERS.iter().zip(before) {
                prop_assert!(was_up || !world.is_up(trigger), "{} came up: {:?}", trigger, deed);
            }
        }
    }

    /// Whatever prerm names in whatever calls, postinst's starts bring back what was up.
    #[test]
    fn after_the_stops_and_starts_of_an_upgrade_every_trigger_that_was_up_is_up_again(
        were_up in 0..16_u8,
        service_was_up: bool,
        stops in prop::collection::vec((1..32_u8, 0..2_u8), 1..4),
        starts in prop::collection::vec(1..32_u8, 0..4),
        disabled: bool,
        touched in prop::option::of((0..4_usize, 0..3_usize)),
        clients: bool,
    ) {
        let mut specs = foo_and_its_neighbours();
        if disabled {
            specs[4].file = FileState::Disabled;
        }
        let mut world = World::new(specs, &[]);
        for trigger in chosen(&TRIGGERS, were_up) {
            world.job(Verb::Start, trigger);
        }
        let dep_was_up = were_up & 1 != 0;
        if dep_was_up {
            world.job(Verb::Start, "dep.service");
        }
        if service_was_up {
            world.job(Verb::Start, "foo.service");
        }
        if clients {
            world.machine.connect_every(Client { to: name("foo.socket"), every: 4 * MS });
            world.machine.pass(30 * MS);
        }
        for (units, flags) in &stops {
            let flags = if *flags == 1 { vec![Flag::Quiesce] } else { Vec::new() };
            world.call(&request("stop", Phase::Upgrade, &flags), &chosen(&FOO, *units));
            world.machine.pass(10 * MS);
        }
        let mut left_alone = None;
        if let Some((trigger, how)) = touched.filter(|(trigger, _)| !world.is_up(TRIGGERS[*trigger])) {
            left_alone = Some(trigger);
            let trigger = TRIGGERS[trigger];
            match how {
                0 if !world.is_up("foo.service") => {
                    world.job(Verb::Start, trigger);
                    world.job(Verb::Stop, trigger);
                    // it may have woken the service for a moment
                    world.job(Verb::Stop, "foo.service");
                }
                1 => world.machine.set_file_state(&name(trigger), FileState::Disabled),
                _ => world.machine.set_file_state(&name(trigger), FileState::Masked),
            }
        }
        let named = |units: u8, trigger: usize| units & (2 << trigger) != 0;
        for units in starts.iter().chain([&1]) {
            world.call(&request("start", Phase::Upgrade, &[]), &chosen(&FOO, *units));
            world.machine.pass(10 * MS);
        }
        if clients {
            world.make_good();
        }
        for (at, trigger) in TRIGGERS.iter().enumerate() {
            let was_up = were_up & (1 << at) != 0;
            let asked_for = starts.iter().any(|units| named(*units, at));
            if left_alone == Some(at) {
                prop_assert!(!world.is_up(trigger) || asked_for, "{} is the admin's", trigger);
            } else if was_up {
                prop_assert!(world.is_up(trigger), "{} was up: {}", trigger, world.told());
            } else if !asked_for {
                prop_assert!(!world.is_up(trigger), "{} was down", trigger);
            }
        }
        // it cannot come back without the socket that it requires
        if dep_was_up && left_alone != Some(0) {
            prop_assert!(world.is_up("dep.service"));
        }
        if left_alone.is_none() {
            prop_assert_eq!(world.noted(), 0);
            prop_assert!(disabled || world.is_up("foo.service"));
        }
    }

    /// From the stop on, nothing wakes the service until somebody starts it.
    #[test]
    fn a_stop_leaves_no_moment_for_a_reactivation(
        triggers in 0..16_u8,
        bus: bool,
        requires: bool,
        stop_takes in 0..40_u64,
        every in 1..12_u64,
        named in 0..5_usize,
    ) {
        let mut specs = foo_and_its_neighbours();
        specs[3].schedule = Some(Schedule::Every(every * MS));
        specs[4].stop_takes = stop_takes * MS;
        specs[4].bus_activated = bus;
        if requires {
            specs[4].requires = vec![name("foo.socket")];
        }
        let mut world = World::new(specs, &[]);
        for trigger in chosen(&TRIGGERS, triggers) {
            world.job(Verb::Start, trigger);
        }
        world.job(Verb::Start, "foo.service");
        for to in ["foo.socket", "foo2.socket", "foo.service"] {
            world.machine.connect_every(Client { to: name(to), every: every * MS });
        }
        world.machine.set_found(&name("foo.path"), true);
        world.machine.pass(50 * MS);
        // a script may name one of the triggers first, in a call of its own
        if named > 0 {
            world.call(&request("stop", Phase::Upgrade, &[]), &[FOO[named]]);
        }
        let since = world.machine.record().len();
        world.call(&request("stop", Phase::Upgrade, &[]), &["foo.service"]);
        world.machine.pass(300 * MS);
        prop_assert_eq!(world.starts("foo.service", since), 0, "{}", world.told());
        prop_assert!(!world.is_up("foo.service"));
        world.call(&request("start", Phase::Upgrade, &[]), &["foo.service"]);
        world.machine.pass(100 * MS);
        world.make_good();
        prop_assert!(world.is_up("foo.service"));
        prop_assert_eq!(world.noted(), 0, "{}", world.told());
    }
}

/// prerm quiesces, something wakes the service with the old files, postinst starts.
#[test]
fn after_a_quiesce_the_new_version_runs_however_the_service_was_woken() {
    for (was_up, socket_first) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut world = World::new(foo_and_its_neighbours(), &[]);
        world.job(Verb::Start, "foo.socket");
        if was_up {
            world.job(Verb::Start, "foo.service");
        }
        world.call(
            &request("stop", Phase::Upgrade, &[Flag::Quiesce]),
            &["foo.service"],
        );
        world.machine.connect(&name("foo.socket"));
        world.machine.pass(50 * MS);
        assert!(world.is_up("foo.service"), "the connection wakes it");
        world.machine.replace_files(&name("foo"), Image::Whole(2));
        if socket_first {
            world.call(&request("start", Phase::Upgrade, &[]), &["foo.socket"]);
        }
        world.call(&request("start", Phase::Upgrade, &[]), &["foo.service"]);
        let view = world.machine.view(&name("foo")).unwrap();
        assert_eq!(view.process.unwrap().image, Image::Whole(2));
        assert_eq!(world.noted(), 0);
    }
}

#[test]
fn a_held_stop_becomes_one_restart_and_keeps_the_descriptors() {
    let mut specs = foo_and_its_neighbours();
    specs[4].stores = 3;
    let mut world = World::new(specs, &[]);
    world.job(Verb::Start, "foo.socket");
    world.job(Verb::Start, "foo.service");
    let stop = request("stop", Phase::Upgrade, &[]);
    world.call(&stop, &["foo.socket"]);
    world.call(&stop, &["foo.service"]);
    world.machine.replace_files(&name("foo"), Image::Whole(2));
    let start = request("start", Phase::Upgrade, &[]);
    world.call(&start, &["foo.socket"]);
    world.call(&start, &["foo.service"]);
    let view = world.machine.view(&name("foo")).unwrap();
    assert_eq!(
        (view.process.unwrap().image, view.stored),
        (Image::Whole(2), 3)
    );
    let lost = |what: &Happened| matches!(what, Happened::LostDescriptors { .. });
    assert!(
        !world
            .machine
            .record()
            .iter()
            .any(|moment| lost(&moment.what))
    );
    assert_eq!(world.starts("foo.service", 0), 2);
    assert_eq!(world.noted(), 0);
}

#[test]
fn a_removal_after_an_aborted_upgrade_leaves_nothing_noted_and_nothing_started() {
    let mut world = World::new(foo_and_its_neighbours(), &[]);
    // a socket refuses to start while its service runs
    for unit in FOO.into_iter().rev() {
        world.job(Verb::Start, unit);
    }
    world.call(&request("stop", Phase::Upgrade, &[]), &["foo.service"]);
    assert_eq!(world.noted(), 1);
    let since = world.machine.record().len();
    world.call(&request("stop", Phase::Remove, &[]), &["foo.service"]);
    assert_eq!(world.noted(), 0);
    for unit in FOO {
        assert_eq!(world.starts(unit, since), 0, "{unit}");
    }
}

#[test]
fn what_the_admin_stopped_by_hand_stays_down_through_an_upgrade() {
    let mut world = World::new(foo_and_its_neighbours(), &[]);
    // a socket refuses to start while its service runs
    for unit in FOO.into_iter().rev() {
        world.job(Verb::Start, unit);
    }
    world.call(&request("stop", Phase::None, &[]), &["foo.service"]);
    for (action, unit) in [("stop", "foo.service"), ("start", "foo.service")] {
        world.call(&request(action, Phase::Upgrade, &[]), &[unit]);
    }
    assert!(FOO.iter().all(|unit| !world.is_up(unit)));
    world.call(&request("start", Phase::None, &[]), &["foo.service"]);
    assert!(FOO.iter().all(|unit| world.is_up(unit)));
}
