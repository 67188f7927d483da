//! Carrying out under Upstart, as the stock script did while it knew it: silent where nothing is to be
//! done, `initctl`'s line where something was. Nothing is handed over once Upstart is known to run:
//! the stock script of today would run init scripts beside its jobs.

use crate::act::{ActError, Report};
use crate::decide::stock::Judgement;
use crate::domain::{Action, FileState, JobOutcome, Verdict, Wait};
use crate::front::inquiry::Origin;
use crate::front::perform::{self, Case};
use crate::front::way::{self, Way};
use crate::init::InitError;
use crate::report::initctl;

use super::gate::Asking;
use super::turns::{Done, Turns, answered};
use super::{Call, Ending};

/// Tries the judged actions in turn.
pub(super) fn execute(call: &mut Call, judgement: &Judgement) -> Ending {
    let mut turns = Turns::new(&judgement.actions, &call.arguments.action);
    while let Some(word) = turns.next(&call.voice) {
        match one(call, &word, turns.origin())? {
            Done::Ended(ending) => return Ok(ending),
            Done::Instead(actions) => turns.replace(actions),
            Done::Status(0) => return Ok(0),
            Done::Status(failed) => turns.failed(&call.voice, failed),
        }
    }
    Ok(turns.give_up(&call.voice, &call.arguments.name))
}

fn one(call: &mut Call, word: &str, origin: Origin) -> Result<Done, InitError> {
    let turn = call.turn(word, origin);
    let mut asker = Asking::new(&call.session, &call.voice, &call.runlevel, call.going_down);
    let considered = call.session.consider(&mut call.upstart, turn, &mut asker);
    let case = match answered(considered, &call.voice)? {
        Ok(case) => case,
        Err(done) => return Ok(done),
    };
    let done = match way::of_invoke_rc_d(&case, word) {
        Way::Denied => Done::Ended(call.denied(word, &perform::why(&case.decision))),
        Way::Instead(actions) => Done::Instead(actions),
        Way::Ends(ending) => {
            call.voice.warn(&perform::why(&case.decision));
            Done::Ended(ending)
        }
        Way::ShowStatus => Done::Status(show(call)),
        Way::Plan | Way::Note if is_needless(&case) => Done::Status(0),
        Way::Plan | Way::Note => return jobs(call, case),
        Way::Foreign | Way::Script(_) | Way::Kill | Way::Masked => {
            call.voice.error(&format!(
                "action \"{word}\" is not supported for the Upstart job {}.",
                call.unit.service()
            ));
            Done::Status(1)
        }
    };
    call.session.log(&case, done.status());
    Ok(done)
}

/// original: what no event starts is not started here either, unless it runs
fn is_needless(case: &Case) -> bool {
    let unit = &case.facts.unit;
    let disabled = unit.file.is_and(|state| *state == FileState::Disabled);
    match &case.decision.verdict {
        Verdict::Run(Action::Start | Action::Restart) | Verdict::Restart | Verdict::IfStale => {
            disabled && !unit.is_up()
        }
        Verdict::Run(
            Action::Stop
            | Action::TryRestart
            | Action::Reload
            | Action::ForceReload
            | Action::ForceStop
            | Action::Status
            | Action::Other(_),
        )
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Reload
        | Verdict::Defer { .. }
        | Verdict::Hold
        | Verdict::Nothing
        | Verdict::Deny
        | Verdict::FallBack(_)
        | Verdict::Emulate(_) => false,
    }
}

fn jobs(call: &mut Call, mut case: Case) -> Result<Done, InitError> {
    // original: a reload is a reload; what does not run is not started for it
    if case.decision.verdict == Verdict::Run(Action::ForceReload) {
        case.decision.verdict = Verdict::Run(Action::Reload);
    }
    let mut cases = [case];
    let result = call.session.act(&mut call.upstart, &mut cases, Wait::Done);
    let [case] = &cases;
    let done = match result {
        Ok(report) => Done::Status(tell(call, case, &report)),
        Err(ActError::Init(error)) => return Err(error),
        Err(error) => {
            let (action, unit) = (&case.request.action, &case.facts.unit.id);
            call.voice.warn(&format!("{action} of {unit}: {error}"));
            Done::Status(1)
        }
    };
    call.session.log(case, done.status());
    Ok(done)
}

/// Says what failed, or how the service stands where something was done; the exit status.
fn tell(call: &mut Call, case: &Case, report: &Report) -> u8 {
    let warnings = report.warnings.iter();
    warnings.for_each(|warning| call.voice.warn(warning));
    perform::explain_to_user(case, &call.voice);
    for (job, failure) in report.failures() {
        call.voice.line(&initctl::line(job.verb, failure));
    }
    if let Some((_, JobOutcome::Failed(_))) = report.of(&case.facts.unit.id) {
        return 1;
    }
    if is_changed(case, report) {
        // What was done stands, whether or not its line can be had.
        let _ = show(call);
    }
    0
}

/// Whether a job had anything to do, which `initctl` was asked for only then.
fn is_changed(case: &Case, report: &Report) -> bool {
    let unit = &case.facts.unit;
    use crate::domain::Verb;
    match report.of(&unit.id).map(|(job, _)| job.verb) {
        None | Some(Verb::Reload | Verb::ReloadOrRestart) => false,
        Some(Verb::Start) => !unit.is_up(),
        Some(Verb::Stop | Verb::TryRestart) => unit.is_up(),
        Some(Verb::Restart) => true,
    }
}

/// `foo start/running, process 42`. Success also where it is stopped, as `initctl` has it.
fn show(call: &mut Call) -> u8 {
    match call.upstart.status_line(&call.unit) {
        Ok(Some(line)) => {
            call.voice.out(&format!("{line}\n"));
            0
        }
        Ok(None) => 1,
        Err(error) => {
            call.voice.warn(&error.to_string());
            1
        }
    }
}
