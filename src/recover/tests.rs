//! Every verb, by how far it came, what was there before and what is there now: one line a case,
//! and what holds of all of them.

use proptest::prelude::*;

use super::*;
use crate::domain::{Known, SeenJob, UnitName};

const AT: u64 = 1000;
const EARLIER: u64 = 500;
const LATER: u64 = 2000;

const VERBS: [Verb; 6] = [
    Verb::Start,
    Verb::Stop,
    Verb::Restart,
    Verb::TryRestart,
    Verb::Reload,
    Verb::ReloadOrRestart,
];
const CONTACTS: [Contact; 4] = [
    Contact::Unread,
    Contact::Sent,
    Contact::Pending,
    Contact::Taken,
];

fn name() -> UnitName {
    UnitName::parse("foo.service").unwrap()
}

fn verb(word: &str) -> Verb {
    VERBS
        .into_iter()
        .find(|verb| verb.as_str() == word)
        .unwrap()
}

/// A unit in a few words: its state; `new` for a run that began after the request, `touched` for a
/// change of state after it; `job`, `job?`; `gone`, `masked`, `target`; `broke` and `reload-broke`
/// for how it ended.
fn seen(words: &str) -> Seen {
    let mut seen = Seen {
        load: Known::Is(LoadState::Loaded),
        job: Known::Is(None),
        invocation: "one".to_owned(),
        main_pid: 7,
        started: EARLIER,
        changed: EARLIER,
        result: "success".to_owned(),
        reload_result: "success".to_owned(),
        ..Seen::unknown(&name(), "nobody looked")
    };
    for word in words.split(' ') {
        let state = |state| Known::Is(state);
        match word {
            "up" => seen.active = state(ActiveState::Active),
            "reloading" => seen.active = state(ActiveState::Reloading),
            "down" => seen.active = state(ActiveState::Inactive),
            "failed" => seen.active = state(ActiveState::Failed),
            "coming" => seen.active = state(ActiveState::Activating),
            "going" => seen.active = state(ActiveState::Deactivating),
            "unknown" => seen.active = Known::default(),
            "new" => {
                (seen.started, seen.changed, seen.main_pid) = (LATER, LATER, 8);
                seen.invocation = "two".to_owned();
            }
            "touched" => seen.changed = LATER,
            "job" => seen.job = Known::Is(Some(SeenJob { id: 3, verb: None })),
            "job?" => seen.job = Known::default(),
            "gone" => seen.load = Known::Is(LoadState::NotFound),
            "masked" => seen.load = Known::Is(LoadState::Masked),
            "broke" => seen.result = "exit-code".to_owned(),
            "reload-broke" => seen.reload_result = "exit-code".to_owned(),
            "no-result" => (seen.result, seen.reload_result) = Default::default(),
            "no-ids" => seen.invocation = String::new(),
            other => panic!("what is `{other}`?"),
        }
    }
    seen
}

fn contact(word: &str) -> Contact {
    match word {
        "unread" => Contact::Unread,
        "sent" => Contact::Sent,
        "pending" => Contact::Pending,
        "taken" => Contact::Taken,
        other => panic!("what is `{other}`?"),
    }
}

/// `before` is `-` where nobody could say.
fn recovered(verb: Verb, contact: Contact, before: Option<&Seen>, after: &Seen) -> Recovery {
    let job = Job::new(verb, name());
    let asked = Asked {
        job: &job,
        contact,
        before,
        at: AT,
    };
    recover(&asked, after)
}

fn check(table: &str) {
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [word, contacts, before, after, expected] = cells[..] else {
            panic!("not a case: {line}");
        };
        let before = (before != "-").then(|| seen(before));
        for how in contacts.split(' ') {
            let found = recovered(verb(word), contact(how), before.as_ref(), &seen(after));
            let found = match found {
                Recovery::Settled => "settled",
                Recovery::StillRunning => "wait",
                Recovery::AskAgain => "ask",
                Recovery::Failed(_) => "failed",
            };
            assert_eq!(found, expected, "{how}: {line}");
        }
    }
}

#[test]
fn a_start_is_done_when_the_unit_is_up_and_asked_for_again_when_it_never_ran() {
    check(
        "start | sent taken         | down   | up new          | settled
         start | sent taken pending | up     | up              | settled
         start | sent taken         | down   | down            | ask
         start | sent taken         | failed | failed broke    | ask
         start | pending            | down   | down            | wait
         start | sent taken pending | down   | down new        | settled
         start | sent taken pending | down   | failed new broke | failed
         start | sent taken pending | down   | down new no-result | failed
         start | sent taken         | -      | up              | settled
         start | sent taken         | -      | down new        | settled
         start | sent taken         | -      | failed new broke | failed
         start | sent taken         | -      | failed broke    | ask
         start | sent taken         | down no-ids | down no-ids | ask
         start | sent taken         | down   | coming          | wait
         start | sent taken         | going  | going           | wait
         start | sent taken         | down   | down masked     | ask
         start | sent taken         | down   | down gone       | ask
         start | sent taken pending | down   | reloading new   | settled",
    );
}

#[test]
fn a_stop_is_done_when_the_unit_is_down() {
    check(
        "stop | sent taken pending | up     | down touched    | settled
         stop | sent taken pending | up     | failed touched broke | settled
         stop | sent taken pending | down   | down            | settled
         stop | sent taken         | up     | up              | ask
         stop | sent taken         | up     | up new          | ask
         stop | sent taken         | up     | reloading       | ask
         stop | sent taken         | up     | coming          | ask
         stop | pending            | up     | up              | wait
         stop | sent taken pending | up     | going           | wait
         stop | sent taken         | -      | down            | settled
         stop | sent taken         | -      | up              | ask
         stop | sent taken pending | up     | down gone       | settled
         stop | sent taken         | down gone | down gone    | ask
         stop | sent taken         | -      | down gone       | ask
         stop | pending            | -      | down gone       | wait
         stop | sent taken pending | up     | down masked     | settled",
    );
}

#[test]
fn a_restart_is_done_when_the_unit_was_started_since() {
    check(
        "restart | sent taken pending | up   | up new          | settled
         restart | sent taken pending | down | up new          | settled
         restart | sent taken         | up   | up              | ask
         restart | sent taken         | up   | up touched      | ask
         restart | pending            | up   | up              | wait
         restart | sent taken         | up   | down touched    | ask
         restart | sent taken pending | up   | down new        | settled
         restart | sent taken pending | up   | failed new broke | failed
         restart | sent taken         | up   | failed touched broke | ask
         restart | sent taken pending | up   | reloading new   | settled
         restart | sent taken         | up   | going           | wait
         restart | sent taken         | up   | coming new      | wait
         restart | sent taken         | up   | coming          | wait
         restart | sent taken pending | -    | up new          | settled
         restart | sent taken         | -    | up              | ask
         restart | pending            | -    | up touched      | wait
         restart | sent taken         | up no-ids | up new no-ids | settled
         restart | sent taken         | up no-ids | up no-ids  | ask
         restart | sent taken         | up   | down no-ids     | ask
         restart | sent taken         | unknown | up           | ask
         restart | sent taken         | unknown | up new       | settled",
    );
}

#[test]
fn a_try_restart_never_starts_what_somebody_stopped() {
    check(
        "try-restart | sent taken pending | up    | up new       | settled
         try-restart | sent taken         | up    | up           | ask
         try-restart | pending            | up    | up           | wait
         try-restart | sent taken pending | up    | down touched | failed
         try-restart | sent taken pending | up    | failed touched broke | failed
         try-restart | sent taken pending | up    | down new     | settled
         try-restart | sent taken pending | up    | failed new broke | failed
         try-restart | sent taken pending | down  | down         | settled
         try-restart | sent taken pending | down  | up new       | settled
         try-restart | sent taken pending | failed | failed      | settled
         try-restart | sent taken pending | going | down touched | settled
         try-restart | sent taken pending | coming | up touched new | settled
         try-restart | sent taken         | coming | up touched  | ask
         try-restart | sent taken pending | -     | down         | settled
         try-restart | sent taken pending | -     | down touched | failed
         try-restart | sent taken         | -     | up           | ask
         try-restart | sent taken pending | -     | up new       | settled
         try-restart | sent taken         | down gone | down gone | ask
         try-restart | sent taken         | up    | down gone touched | failed
         try-restart | unread             | -     | down touched | ask
         try-restart | unread             | up    | down touched | ask",
    );
}

#[test]
fn a_reload_is_done_when_the_unit_changed_or_was_started_since() {
    check(
        "reload | sent taken pending | up        | up touched       | settled
         reload | sent taken pending | up        | up touched reload-broke | failed
         reload | sent taken         | up        | up               | ask
         reload | pending            | up        | up               | wait
         reload | sent taken         | up        | up touched no-result | ask
         reload | sent taken pending | up        | up new           | settled
         reload | sent taken pending | up        | reloading touched | wait
         reload | sent taken pending | up        | down touched     | failed
         reload | sent taken pending | up        | down new         | failed
         reload | sent taken pending | down      | down             | failed
         reload | sent taken         | reloading | up touched       | ask
         reload | sent taken         | coming    | up touched       | ask
         reload | sent taken pending | -         | up touched       | settled
         reload | sent taken pending | -         | up touched reload-broke | failed
         reload | sent taken         | -         | up               | ask
         reload | sent taken         | up no-ids | up no-ids        | ask",
    );
}

#[test]
fn a_reload_or_restart_is_done_by_either() {
    check(
        "reload-or-restart | sent taken pending | up   | up touched       | settled
         reload-or-restart | sent taken pending | up   | up new           | settled
         reload-or-restart | sent taken pending | down | up new           | settled
         reload-or-restart | sent taken pending | up   | up touched reload-broke | failed
         reload-or-restart | sent taken         | up   | up               | ask
         reload-or-restart | sent taken         | up   | down touched     | ask
         reload-or-restart | sent taken         | down | down             | ask
         reload-or-restart | pending            | up   | up               | wait
         reload-or-restart | sent taken pending | up   | failed new broke | failed
         reload-or-restart | sent taken pending | up   | down new         | settled
         reload-or-restart | sent taken         | up   | reloading        | wait",
    );
}

#[test]
fn what_was_never_read_is_asked_for_unless_it_is_there() {
    check(
        "start       | unread | -  | up            | settled
         start       | unread | -  | down          | ask
         start       | unread | -  | unknown       | ask
         start       | unread | -  | down job      | ask
         start       | unread | -  | up job        | ask
         start       | unread | -  | coming        | ask
         stop        | unread | -  | down          | settled
         stop        | unread | -  | failed        | settled
         stop        | unread | -  | down job      | ask
         stop        | unread | -  | down gone     | ask
         stop        | unread | -  | up            | ask
         restart     | unread | -  | up            | ask
         restart     | unread | -  | up new        | settled
         restart     | unread | -  | down new      | ask
         restart     | unread | -  | going job     | ask
         try-restart | unread | -  | up new        | settled
         try-restart | unread | -  | up            | ask
         try-restart | unread | -  | down          | ask
         reload      | unread | -  | up            | ask
         reload      | unread | -  | up touched    | ask
         reload      | unread | -  | up new        | settled
         reload      | unread | -  | down          | ask
         reload-or-restart | unread | - | up new   | settled
         reload-or-restart | unread | - | up touched | ask",
    );
}

#[test]
fn a_target_that_is_up_is_asked_for_what_it_pulls_in() {
    let target = Job::new(Verb::Start, UnitName::parse("foo.target").unwrap());
    let (up, down, new) = (seen("up"), seen("down"), seen("up new"));
    let found = |contact, before: Option<&Seen>, after: &Seen| {
        let job = &target;
        let asked = Asked {
            job,
            contact,
            before,
            at: AT,
        };
        recover(&asked, after)
    };
    assert_eq!(found(Contact::Unread, None, &up), Recovery::AskAgain);
    assert_eq!(found(Contact::Sent, Some(&up), &up), Recovery::AskAgain);
    assert_eq!(found(Contact::Pending, Some(&up), &up), Recovery::Settled);
    assert_eq!(found(Contact::Sent, Some(&down), &new), Recovery::Settled);
    assert_eq!(found(Contact::Taken, Some(&up), &up), Recovery::Settled);
}

#[test]
fn what_somebody_stopped_is_said_in_words() {
    let found = recovered(
        Verb::TryRestart,
        Contact::Sent,
        Some(&seen("up")),
        &seen("down touched"),
    );
    let text = "it went down meanwhile, and what somebody stopped is not started";
    assert_eq!(found, Recovery::Failed(text.to_owned()));
}

const STATES: [&str; 7] = [
    "up",
    "reloading",
    "down",
    "failed",
    "coming",
    "going",
    "unknown",
];
const TRAITS: [&str; 9] = [
    "new",
    "touched",
    "job",
    "job?",
    "gone",
    "masked",
    "broke",
    "reload-broke",
    "no-ids",
];

fn any_seen() -> impl Strategy<Value = Seen> {
    let traits = prop::sample::subsequence(TRAITS.to_vec(), 0..=TRAITS.len());
    (prop::sample::select(STATES.to_vec()), traits)
        .prop_map(|(state, traits)| seen(&[vec![state], traits].concat().join(" ")))
}

fn any_before() -> impl Strategy<Value = Option<Seen>> {
    prop::option::of(any_seen())
}

proptest! {
    #[test]
    fn what_may_still_be_carried_out_is_never_asked_for_again(
        verb in prop::sample::select(VERBS.to_vec()), before in any_before(), after in any_seen(),
    ) {
        let found = recovered(verb, Contact::Pending, before.as_ref(), &after);
        prop_assert_ne!(found, Recovery::AskAgain);
    }

    #[test]
    fn what_was_read_waits_for_any_job_and_for_what_is_unknown(
        verb in prop::sample::select(VERBS.to_vec()),
        contact in prop::sample::select(CONTACTS[1..].to_vec()),
        before in any_before(), mut after in any_seen(), which in 0..3,
    ) {
        match which {
            0 => after.job = Known::default(),
            1 => after.job = Known::Is(Some(SeenJob { id: 1, verb: Some(verb) })),
            _ => after.active = Known::default(),
        }
        let found = recovered(verb, contact, before.as_ref(), &after);
        prop_assert_eq!(found, Recovery::StillRunning);
    }

    #[test]
    fn what_was_never_read_never_waits_and_never_fails(
        verb in prop::sample::select(VERBS.to_vec()), before in any_before(), after in any_seen(),
    ) {
        let found = recovered(verb, Contact::Unread, before.as_ref(), &after);
        prop_assert!(matches!(found, Recovery::AskAgain | Recovery::Settled), "{:?}", found);
    }

    #[test]
    fn what_is_not_as_asked_is_never_settled(
        contact in prop::sample::select(CONTACTS.to_vec()),
        before in any_before(), after in any_seen(),
    ) {
        let settled = |verb| {
            recovered(verb, contact, before.as_ref(), &after) == Recovery::Settled
        };
        let up = after.active.is_and(|state| state.is_active());
        let down = after.active.is_and(|state| state.is_down());
        prop_assert!(!settled(Verb::Stop) || down);
        // Up, or run to a good end.
        prop_assert!(!settled(Verb::Start) || up || after.result == "success");
        prop_assert!(!settled(Verb::Reload) || up);
        let same = before.as_ref().is_some_and(|before| {
            !before.active.is_unknown() && before.invocation == after.invocation
                && before.main_pid == after.main_pid && before.started == after.started
        });
        prop_assert!(!settled(Verb::Restart) || !same);
        let unchanged = before.as_ref().is_some_and(|before| before.changed == after.changed);
        prop_assert!(!settled(Verb::Reload) || !same || !unchanged);
    }

    #[test]
    fn nothing_that_is_down_is_started_by_a_try_restart_that_was_read(
        contact in prop::sample::select(CONTACTS[1..].to_vec()),
        before in any_before(), after in any_seen(),
    ) {
        let found = recovered(Verb::TryRestart, contact, before.as_ref(), &after);
        let down = after.active.is_and(|state| state.is_down());
        let there = !after.load.is_and(|load| *load == LoadState::NotFound);
        prop_assert!(!(down && there && found == Recovery::AskAgain));
    }
}
