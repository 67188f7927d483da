//! Running the init script itself, or OpenRC's rc-service, as the stock script does.

use std::path::Path;

use crate::act::ActError;
use crate::decide::stock::{Judgement, status};
use crate::domain::{
    Action, ActiveState, FileState, JobOutcome, Known, Phase, Request, UnitFacts, Verdict, Wait,
};
use crate::front::inquiry::{Origin, Turn};
use crate::front::local::{self, GoingDown};
use crate::front::perform::{self, Case, one_unit};
use crate::front::script::{Descriptors, Script, Surroundings};
use crate::front::scripts::Scripts;
use crate::front::way::{self, Way};
use crate::init::{Depth, InitError};
use crate::observe::{detect, links};
use crate::report::native;

use super::Call;
use super::gate::Asking;
use super::turns::{Done, Turns};

/// Tries the judged actions in turn.
pub(super) fn execute(call: &mut Call, judgement: &Judgement) -> u8 {
    if !call.script_is_executable() {
        return status::ERROR;
    }
    let mut turns = Turns::new(&judgement.actions, &call.arguments.action);
    while let Some(word) = turns.next(&call.voice) {
        let done = one(call, &word, turns.origin());
        match done {
            Done::Ended(ending) => return ending,
            Done::Instead(actions) => turns.replace(actions),
            Done::Status(0) => return 0,
            Done::Status(failed) => turns.failed(&call.voice, failed),
        }
    }
    turns.give_up(&call.voice, &call.arguments.name)
}

fn one(call: &mut Call, word: &str, origin: Origin) -> Done {
    let mut turn = call.turn(word, origin);
    if turn.known.is_none() && is_to_come_back(call, &turn.request) {
        turn.known = Some(standing(call, &turn.request));
    }
    if turn.known.is_none() && is_down_by_us(call, &turn.request) {
        let unit = standing(call, &turn.request);
        // What does not say that it is up again is as our stop left it.
        turn.known = (!unit.is_up()).then_some(UnitFacts {
            active: Known::Is(ActiveState::Inactive),
            ..unit
        });
    }
    let mut asker = Asking::new(&call.session, &call.voice, &call.runlevel, call.going_down);
    let mut scripts = Scripts::here(call.kind, &call.runlevel);
    let considered = (call.session).consider_scripts(&mut scripts, turn, &mut asker);
    let mut case = match considered {
        Ok(case) => case,
        Err(stuck) => {
            let why = stuck.why();
            call.voice.warn(&format!("{why}; the action is not run"));
            return Done::Ended(status::ERROR);
        }
    };
    let done = match way::of_invoke_rc_d(&case, word) {
        Way::Denied => Done::Ended(call.denied(word, &perform::why(&case.decision))),
        Way::Instead(actions) => Done::Instead(actions),
        Way::Ends(ending) => Done::Ended(ending),
        Way::Note => note(call, &mut case, word),
        Way::Script(_) if !case.companions.is_empty() => together(call, &mut case, &mut scripts),
        Way::Script(word) => run(call, &mut case, &word),
        // These are an init's that takes jobs.
        Way::Plan | Way::ShowStatus | Way::Kill | Way::Masked | Way::Foreign => {
            run(call, &mut case, word)
        }
    };
    call.session.log(&case, done.status());
    done
}

/// Puts the action off. Where that cannot be noted it is done now, or fails if it must not be.
fn note(call: &Call, case: &mut Case, word: &str) -> Done {
    match call.session.note(case) {
        Ok(warnings) => {
            warnings.iter().for_each(|text| call.voice.warn(text));
            perform::explain_to_user(case, &call.voice);
            Done::Ended(0)
        }
        Err(error) if case.decision.verdict == Verdict::Hold => {
            let error = ActError::Unheld(error.to_string());
            let unit = &case.facts.unit.id;
            call.voice.warn(&format!("{word} of {unit}: {error}"));
            case.outcome = Some(error.to_string());
            Done::Status(1)
        }
        Err(error) => {
            let name = &call.arguments.name;
            call.voice
                .warn(&format!("{word} of {name} is done now: {error}"));
            let done = run(call, case, word);
            let at_once = || format!("done at once: {error}");
            case.outcome = (done.status() == Some(0)).then(at_once);
            done
        }
    }
}

/// The script and those of its group: all that goes down before the first comes up.
fn together(call: &Call, case: &mut Case, scripts: &mut Scripts) -> Done {
    let unit = case.facts.unit.id.clone();
    let cases = std::slice::from_mut(case);
    let result = call.session.act(scripts, cases, Wait::Done);
    perform::explain_to_user(case, &call.voice);
    match result {
        Ok(report) => {
            let warnings = report.warnings.iter();
            warnings.for_each(|text| call.voice.warn(text));
            Done::Status(match report.of(&unit) {
                Some((job, JobOutcome::Failed(failure))) => native::ending(call.kind, job, failure),
                Some((_, JobOutcome::Done | JobOutcome::Queued)) | None => 0,
            })
        }
        Err(error) => {
            let action = &case.request.action;
            call.voice.warn(&format!("{action} of {unit}: {error}"));
            Done::Status(1)
        }
    }
}

/// Of a service that systemd does not know, its script says before a stop whether it runs.
///
/// # Errors
/// When systemd could not be asked whether it knows it.
pub(super) fn look_before_stop(call: &mut Call, turn: &mut Turn) -> Result<(), InitError> {
    if !is_to_come_back(call, &turn.request) {
        return Ok(());
    }
    let unit = match turn.known.take() {
        Some(unit) => unit,
        None => one_unit(&mut call.systemd, &turn.request.unit, Depth::State)?,
    };
    turn.known = Some(match unit.is_script_only() {
        true => UnitFacts {
            active: script(call).state(),
            file: match links::enables(Path::new("/"), &call.arguments.name) {
                Ok(true) => Known::Is(FileState::Enabled),
                Ok(false) => Known::Is(FileState::Disabled),
                Err(why) => Known::Unknown(why),
            },
            ..unit
        },
        false => unit,
    });
    Ok(())
}

/// Whether it has to be known if the service runs: what an upgrade stops comes back at its end, where no
/// maintainer script sees to it.
fn is_to_come_back(call: &Call, request: &Request) -> bool {
    let upgrade = request.context.phase == Phase::Upgrade && request.action == Action::Stop;
    let notes = call.session.ledger.is_some() && call.going_down == GoingDown::No;
    upgrade && notes && !call.session.policy.settings().strict
}

/// Whether a restart is asked for of what a stop of ours took down: what does not run is not put off.
fn is_down_by_us(call: &Call, request: &Request) -> bool {
    let renews = match request.action {
        Action::Restart | Action::TryRestart | Action::Reload | Action::ForceReload => true,
        Action::Start | Action::Stop | Action::ForceStop | Action::Status | Action::Other(_) => {
            false
        }
    };
    let noted = || call.session.owed_to(&request.unit.service())?.down;
    let strict = call.session.policy.settings().strict;
    renews && !strict && noted().is_some_and(|down| down.service_was_running == Some(true))
}

/// The service as its script and its links have it.
fn standing(call: &Call, request: &Request) -> UnitFacts {
    let mut unit = UnitFacts::unknown(&request.unit, "init scripts are not asked");
    unit.active = script(call).state();
    let name = &call.arguments.name;
    let (links, _) = local::by_links(Path::new("/"), &call.runlevel, name, &Action::Start);
    unit.file = Known::Is(match links {
        Some(status::DENIED) => FileState::Disabled,
        Some(_) | None => FileState::Enabled,
    });
    unit
}

/// Notes what the stop is about to take down.
fn note_stop(call: &Call, case: &mut Case) {
    match call.session.note(case) {
        Ok(warnings) => warnings.iter().for_each(|text| call.voice.warn(text)),
        Err(error) => call.voice.warn(&error.to_string()),
    }
}

/// Runs the script, with what that takes down noted before and what it settles struck after.
pub(super) fn run(call: &Call, case: &mut Case, word: &str) -> Done {
    perform::tell_of_group(case, &call.voice);
    let noted = case.decision.verdict == Verdict::Stop && case.facts.unit.is_up();
    if noted {
        note_stop(call, case);
    }
    let status = init_script(call, word);
    let settled = (status == 0 && !noted).then(|| call.session.settle(case, &Action::parse(word)));
    if let Some(Err(text)) = settled {
        call.voice.warn(&text);
    }
    Done::Status(status)
}

/// Runs the init script with `word` and the caller's extra arguments.
pub(super) fn init_script(call: &Call, word: &str) -> u8 {
    // original: rc-service gets none of them, and so does no script that it runs
    let strict = call.session.policy.settings().strict;
    let rest = match strict && call.kind.runs_scripts_itself() {
        true => &[][..],
        false => &call.arguments.rest,
    };
    let (status, trouble) = script(call).run(word, rest);
    trouble.iter().for_each(|text| call.voice.warn(text));
    status
}

fn script(call: &Call) -> Script {
    Script {
        path: detect::script_path(&call.arguments.name),
        name: call.arguments.name.clone(),
        init: call.kind,
        descriptors: match call.session.policy.settings().strict {
            true => Descriptors::HandedOn,
            false => Descriptors::Kept,
        },
        surroundings: Surroundings::Callers,
    }
}
