//! Groups, sentence by sentence: who takes part, what is noted, in which order all come up again.

use super::testing::{together as planned, *};
use super::{Payment, Role, Together, companion, objection, payment, together};
use crate::domain::{
    Action, FileState, FrontEnd, Job, Known, LoadState, Machine, Phase, Scope, UnitFacts, Verdict,
    Wait,
};
use crate::ledger::Entry;
use crate::policy::Tier;

const GROUP: &str = "[group.mail]\nmembers = [\"mail\", \"mail@*\"]\n";

/// `action` of a running member, decided with the group in place.
fn member(action: &str, named: &str) -> Story {
    let service = name(named).to_string();
    Story::upgrade(action, named)
        .with(&service, up)
        .policy(Tier::Admin, GROUP)
}

fn whole(story: &Story) -> Option<Together> {
    let decision = story.decide();
    together(&story.decided(&decision))
}

fn objected(story: &Story) -> Option<String> {
    let decision = story.decide();
    objection(&story.decided(&decision), &story.read_policy())
}

/// The jobs of each step, in order.
fn turns(plan: &super::Plan) -> Vec<Vec<String>> {
    let steps = plan.steps(Wait::Done);
    let jobs = steps.into_iter().filter_map(|step| match step {
        super::Step::Jobs { jobs, .. } => Some(jobs),
        _ => None,
    });
    jobs.map(|jobs: Vec<Job>| shown(&jobs)).collect()
}

#[test]
fn what_becomes_of_a_group_follows_what_is_decided_about_one_of_it() {
    let up = |action: &str| member(action, "mail");
    let down = |action: &str| Story::upgrade(action, "mail");
    for (story, expected) in [
        (up("stop"), Some(Together::Down)),
        (up("restart"), Some(Together::Renewed)),
        (up("try-restart"), Some(Together::Renewed)),
        (up("reload"), None),
        (down("start"), Some(Together::Up)),
        (down("try-restart"), Some(Together::Up)),
        (up("start").noted(quiesced("mail")), Some(Together::Renewed)),
        (up("stop").rule("decide = \"defer\""), None),
        (up("stop").rule("decide = \"deny\""), None),
        (up("restart").rule("decide = \"reload\""), None),
        (up("stop").phase(Phase::Remove), None),
        (up("stop").phase(Phase::None), None),
        (up("restart").phase(Phase::None), None),
        (up("restart").phase(Phase::Trigger), Some(Together::Renewed)),
        (up("stop").front(FrontEnd::Rcpolicy), None),
        (up("restart").machine(Machine::Stopping), None),
    ] {
        assert_eq!(whole(&story), expected, "{}", story.request.action);
    }
    let mut unnoted = up("stop");
    unnoted.facts.life = None;
    assert_eq!(
        whole(&unnoted),
        None,
        "what could not be noted would not come back"
    );
    let mut user = up("stop");
    user.request.scope = Scope::User;
    assert_eq!(whole(&user), None);
    let socket = Story::upgrade("stop", "mail.socket").with("mail.socket", super::testing::up);
    assert_eq!(whole(&socket), None);
    let store = up("restart").with("mail.service", |unit| unit.has_fd_store = true);
    assert_eq!(whole(&store), None);
    let disabled = down("start").with("mail.service", |unit| {
        unit.file = Known::Is(FileState::Static);
    });
    assert_eq!(disabled.verdict(), Verdict::Nothing);
    assert_eq!(whole(&disabled), Some(Together::Up));
}

#[test]
fn a_member_is_asked_about_in_the_words_of_the_tool_that_was_called() {
    let of = member("stop", "mail").request;
    let unit = name("mail@a");
    let stopped = companion(&of, &unit, Role::Stopped);
    assert_eq!(stopped.named, "mail@a.service");
    assert_eq!((stopped.front, stopped.action), (of.front, Action::Stop));
    let started = companion(&of, &unit, Role::Started);
    assert_eq!(
        started.front,
        FrontEnd::Rcpolicy,
        "brought back, not asked for"
    );
    let of = member("stop", "mail").front(FrontEnd::InvokeRcD).request;
    assert_eq!(companion(&of, &unit, Role::Renewed).named, "mail@a");
}

#[test]
fn a_stop_takes_all_down_in_one_transaction_and_notes_each_with_its_triggers() {
    let other = member("stop", "mail@a")
        .trigger("mail-a.socket", &["mail@a.service"])
        .along();
    let plan = planned(&[&member("stop", "mail"), &other]);
    let stops = [
        "stop mail-a.socket",
        "stop mail@a.service",
        "stop mail.service",
    ];
    assert_eq!(turns(&plan), [stops.map(str::to_owned).to_vec()]);
    assert_eq!(plan.records.len(), 2);
    let of = |service: &str| {
        let mut records = plan.records.iter();
        records
            .find(|record| record.service.as_str() == service)
            .unwrap()
    };
    assert!(!of("mail").went_along(), "its own script starts it");
    assert!(of("mail@a").went_along());
    let units = &of("mail@a").down.as_ref().unwrap().units;
    let names: Vec<&str> = units.iter().map(|stopped| stopped.unit.as_str()).collect();
    assert_eq!(names, ["mail-a.socket", "mail@a.service"]);
}

#[test]
fn a_restart_stops_all_before_the_first_is_started_and_starts_them_in_their_order() {
    let a = member("restart", "mail@a")
        .trigger("mail-a.socket", &["mail@a.service"])
        .along();
    let b = member("restart", "mail@b").along();
    let plan = planned(&[&b, &a, &member("restart", "mail")]);
    let expected: [&[&str]; 3] = [
        &[
            "stop mail-a.socket",
            "stop mail@a.service",
            "stop mail@b.service",
            "stop mail.service",
        ],
        &["start mail.service"],
        &[
            "start mail-a.socket",
            "start mail@a.service",
            "start mail@b.service",
        ],
    ];
    assert_eq!(turns(&plan), expected);
    assert_eq!(plan.records.len(), 3, "all noted before");
    assert!(plan.records.iter().all(Entry::went_along));
    assert_eq!(plan.strikes.len(), 3, "and struck after");
}

#[test]
fn what_stands_in_no_group_and_a_member_without_company_are_restarted_as_ever() {
    let alone = member("restart", "mail@a").plan();
    assert_eq!(turns(&alone), [["restart mail@a.service"]]);
    let other = Story::upgrade("restart", "other").with("other.service", up);
    let plan = planned(&[&member("restart", "mail@a"), &other]);
    assert_eq!(
        turns(&plan),
        [["restart mail@a.service", "restart other.service"]]
    );
    let strict = "[compat]\nstrict = true\n[group.x]\nmembers = [\"*\"]\n";
    let strict = |named: &str| {
        let story = Story::upgrade("restart", named).with(&name(named).to_string(), up);
        story.policy(Tier::Admin, strict)
    };
    let plan = planned(&[&strict("a"), &strict("b")]);
    assert_eq!(turns(&plan), [["restart a.service", "restart b.service"]]);
}

#[test]
fn a_member_that_runs_goes_down_also_where_another_is_only_started() {
    let owed = Story::upgrade("start", "mail")
        .front(FrontEnd::Rcpolicy)
        .policy(Tier::Admin, GROUP)
        .noted(went_along("mail"))
        .with("mail.service", |unit| unit.down_since = OUR_STOP)
        .along();
    let plan = planned(&[&member("restart", "mail@a"), &owed]);
    let expected = [
        ["stop mail@a.service"],
        ["start mail.service"],
        ["start mail@a.service"],
    ];
    assert_eq!(turns(&plan), expected);
}

#[test]
fn one_that_may_not_be_stopped_or_started_again_keeps_the_group_from_going_down() {
    let stop = || member("stop", "mail@a").along();
    assert_eq!(objected(&stop()), None);
    let deny = |action: &str| {
        let rule = format!("service = \"mail@*\"\naction = \"{action}\"\ndecide = \"deny\"");
        stop().rule(&rule)
    };
    let defer = stop().rule("service = \"mail@*\"\ndecide = \"defer\"");
    let mut unknown = stop();
    unknown.facts.unit.active = Known::Unknown("lost".to_owned());
    for (what, story, words) in [
        ("denied", deny("stop"), "denies stop of mail@a"),
        (
            "start",
            deny("start"),
            "mail@a.service may not be started again",
        ),
        ("helper", stop().helper(101, ""), "denies stop of mail@a"),
        (
            "helper's start",
            stop().helper_of("mail@a", 101),
            "may not be started",
        ),
        ("deferred", defer, "matches"),
        (
            "unknown",
            unknown,
            "whether mail@a.service runs is not known",
        ),
        (
            "descriptors",
            stop().with("mail@a.service", |unit| unit.has_fd_store = true),
            "keeps file descriptors",
        ),
    ] {
        let why = objected(&story).unwrap_or_default();
        assert!(why.contains(words), "{what}: {why}");
    }
    for action in ["stop", "restart"] {
        let running = |change: fn(&mut UnitFacts)| {
            let story = member(action, "mail@a").along();
            objected(&story.with("mail@a.service", change)).unwrap_or_default()
        };
        let masked = |unit: &mut UnitFacts| unit.load = Known::Is(LoadState::Masked);
        let file = |unit: &mut UnitFacts| unit.file = Known::Is(FileState::Masked);
        let transient =
            |unit: &mut UnitFacts| unit.file = Known::Is(FileState::Other("transient".to_owned()));
        assert_eq!(running(masked), "mail@a.service is masked", "{action}");
        assert_eq!(running(file), "mail@a.service is masked", "{action}");
        assert_eq!(
            running(transient),
            "mail@a.service is transient",
            "{action}"
        );
    }
    let restart = || member("restart", "mail@a").along();
    assert_eq!(objected(&restart()), None);
    let masked = restart().with("mail@a.service", |unit| {
        unit.load = Known::Is(LoadState::Masked);
    });
    let store = restart().with("mail@a.service", |unit| unit.has_fd_store = true);
    let reload = restart().rule("decide = \"reload\"");
    for story in [masked, store, reload] {
        assert!(objected(&story).is_some(), "{}", story.reasons());
    }
}

/// The note of a member that our stop took down with its group.
fn went_along(service: &str) -> Entry {
    let unit = name(service).to_string();
    let mut entry = took_down(service, &[&unit]);
    entry.down.as_mut().unwrap().service_down_since = Some(OUR_STOP);
    assert!(entry.went_along());
    entry
}

#[test]
fn what_went_along_comes_back_although_it_is_not_enabled_unless_the_admin_touched_it() {
    type Change = fn(&mut UnitFacts);
    let was = |enabled: bool| {
        let mut entry = went_along("mail@a");
        entry.down.as_mut().unwrap().units[0].was_enabled = Some(enabled);
        entry
    };
    let disabled: Change = |unit| unit.file = Known::Is(FileState::Disabled);
    let fixed: Change = |unit| unit.file = Known::Is(FileState::Static);
    let stopped: Change = |unit| unit.down_since = OUR_STOP + 1;
    let masked: Change = |unit| unit.load = Known::Is(LoadState::Masked);
    for front in [
        FrontEnd::Rcpolicy,
        FrontEnd::DebSystemdInvoke,
        FrontEnd::InvokeRcD,
    ] {
        for (entry, change, comes) in [
            (was(false), disabled, true),
            (was(false), fixed, true),
            (was(true), disabled, front == FrontEnd::InvokeRcD),
            (was(false), masked, false),
            (was(false), stopped, front != FrontEnd::Rcpolicy),
        ] {
            // A script that names it asks for its start; whether that may be is invoke-rc.d's gate.
            let story = Story::upgrade("start", "mail@a").front(front);
            let story = story.with("mail@a.service", |unit| unit.down_since = OUR_STOP);
            let story = story.with("mail@a.service", change).noted(entry.clone());
            let starts = shown(&story.plan().main) == ["start mail@a.service"];
            assert_eq!(starts, comes, "{front:?} {:?}", story.facts.unit);
        }
    }
    let restart = Story::upgrade("restart", "mail@a")
        .with("mail@a.service", fixed)
        .with("mail@a.service", |unit| unit.down_since = OUR_STOP)
        .noted(was(false));
    assert_eq!(shown(&restart.plan().main), ["restart mail@a.service"]);
    assert_eq!(restart.plan().strikes.len(), 1);
}

#[test]
fn what_a_triggers_script_took_along_is_healed_too_and_what_the_admin_took_down_by_hand_is_not() {
    let of = |phase| {
        let mut entry = went_along("mail@a");
        entry.who.caller.phase = phase;
        payment(&entry)
    };
    for phase in [Phase::Upgrade, Phase::Trigger, Phase::Install] {
        assert_eq!(of(phase), Payment::Act(Action::Start), "{phase:?}");
    }
    assert_eq!(of(Phase::None), Payment::NextStart);
}
