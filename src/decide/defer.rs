//! What a request that is put off comes to: what is owed then, and what is neither done nor owed as such.
//! Pure.

use crate::domain::{Action, Facts, FrontEnd, Phase, Request, Until, Verdict};
use crate::ledger::Entry;

use super::built_in::becomes_restart;

/// Triggers are never put off: what is owed is owed to a service.
pub(super) fn defer(
    request: &Request,
    facts: &Facts,
    owed: Option<&Entry>,
    until: Until,
) -> Option<Verdict> {
    if request.front == FrontEnd::Rcpolicy {
        // A flush is what it was put off until.
        return None;
    }
    let phase = request.context.phase;
    let up = !facts.unit.is_down();
    let later = |action: Action| (!is_trigger(facts)).then_some(Verdict::Defer { action, until });
    match &request.action {
        Action::Stop if phase == Phase::Remove => None,
        Action::Stop if phase == Phase::Upgrade => up.then(|| hold(facts)),
        Action::Stop => later(Action::Stop),
        // Scripts go on to use what they start; and what runs is not restarted because it is started.
        Action::Start if phase == Phase::Upgrade && becomes_restart(facts, owed).is_some() => {
            later(Action::Restart)
        }
        Action::Restart | Action::TryRestart | Action::Reload | Action::ForceReload if up => {
            later(request.action.clone())
        }
        Action::Start
        | Action::Restart
        | Action::TryRestart
        | Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => None,
    }
}

/// A service whose stop is held goes on until its restart. Its trigger is simply left alone.
pub(super) fn hold(facts: &Facts) -> Verdict {
    if is_trigger(facts) {
        Verdict::Nothing
    } else {
        Verdict::Hold
    }
}

pub(super) fn is_trigger(facts: &Facts) -> bool {
    facts.unit.id.kind().is_trigger()
}
