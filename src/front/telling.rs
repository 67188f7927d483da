//! What a drop-in tells besides what the stock tool would say: what is put off, what is not started, and
//! what becomes of the group of a service.

use crate::domain::{Until, Verdict};
use crate::report::Voice;

use super::perform::{Case, why};

fn until_when(until: Until) -> &'static str {
    match until {
        Until::Batch => " until the package operations are over",
        Until::Flush => "",
        Until::Reboot => " until the next boot",
    }
}

/// Says what becomes of the group of what was asked for.
pub(super) fn tell_of_group(case: &Case, voice: &Voice) {
    let (action, unit) = (&case.request.action, &case.facts.unit.id);
    if let Some(text) = &case.company {
        voice.error(&format!("{action} of {unit}: {text}"));
    }
}

/// Says what the user would otherwise wonder about: what is put off, and what is not started.
pub(super) fn explain_to_user(case: &Case, voice: &Voice) {
    let (action, unit) = (&case.request.action, &case.facts.unit.id);
    tell_of_group(case, voice);
    match &case.decision.verdict {
        Verdict::Hold => voice.error(&format!(
            "{action} of {unit} is held, it goes on running: {}; `rcpolicy flush {}` restarts it",
            why(&case.decision),
            unit.service()
        )),
        Verdict::Defer {
            action: later,
            until,
        } => voice.error(&format!(
            "{action} of {unit} is deferred{}: {}; `rcpolicy flush {}` does the {later} now",
            until_when(*until),
            why(&case.decision),
            unit.service()
        )),
        Verdict::Nothing if action.may_start() && !case.facts.unit.is_masked() => {
            voice.error(&format!(
                "{action} of {unit} is not needed: {}",
                why(&case.decision)
            ));
        }
        Verdict::Nothing
        | Verdict::Run(_)
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Restart
        | Verdict::IfStale
        | Verdict::Reload
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_) => {}
    }
}
