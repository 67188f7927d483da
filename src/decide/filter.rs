//! What is not started whatever the verdict says: what is masked, disabled or stopped by the admin.
//! Pure. That a question failed is never a no: then the caller gets an error.

use crate::domain::{
    Action, ActiveState, Context, Facts, FileState, FrontEnd, Phase, Reason, Request, Source,
    UnitFacts, Verdict,
};
use crate::ledger::{Down, Entry};

use super::pay::{not_wanted, stopped_since};
use super::wanted::comes_back_itself;

/// What is masked, disabled and not running, or stopped by the admin is not started.
pub(super) fn filter(
    request: &Request,
    facts: &Facts,
    owed: Option<&Entry>,
) -> Option<(Verdict, Reason)> {
    let unit = &facts.unit;
    let state = |text: String| Reason::new(Source::Unit(unit.id.to_string()), text);
    if unit.is_masked() || unit.file.is_and(|state| *state == FileState::Masked) {
        return Some((Verdict::Nothing, state("is masked".to_owned())));
    }
    let along = owed.is_some_and(|entry| comes_back_itself(entry, facts));
    if let Some(found) = stock_filter(request, facts).filter(|_| !along) {
        return Some(found);
    }
    if let Some(reason) = not_wanted(request, facts, owed) {
        return Some((Verdict::Nothing, reason));
    }
    if owed.is_some_and(|entry| unit.is_down() && stopped_by_hand(request, entry)) {
        return Some((Verdict::Nothing, state("was stopped by hand".to_owned())));
    }
    // What an earlier run of dpkg was to bring back, and was killed before it could, is ours.
    let ours = owed.is_some_and(|entry| is_down_by_our_stop(entry, unit));
    let by_admin = matches!(request.action, Action::Start | Action::Restart)
        && stopped_by_admin(request, unit)
        && !ours;
    by_admin.then(|| {
        (
            Verdict::Nothing,
            state("was stopped before this upgrade began".to_owned()),
        )
    })
}

/// What the stock tool filters too; invoke-rc.d does it before policy-rc.d is asked.
pub(super) fn stock_filter(request: &Request, facts: &Facts) -> Option<(Verdict, Reason)> {
    let asks = request.front == FrontEnd::DebSystemdInvoke;
    asks.then(|| not_enabled(request, &facts.unit)).flatten()
}

/// deb-systemd-invoke starts what is enabled, and restarts that or what runs. A question that
/// failed is not a no: the caller gets an error.
fn not_enabled(request: &Request, unit: &UnitFacts) -> Option<(Verdict, Reason)> {
    let source = Source::Unit(unit.id.to_string());
    let asked = &request.named;
    let restart = match request.action {
        Action::Start => false,
        Action::Restart => true,
        Action::Stop
        | Action::TryRestart
        | Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => return None,
    };
    if restart && unit.is_up() || unit.file.is_and(|state| *state == FileState::Enabled) {
        return None;
    }
    // original: of what it does not have, and only an init script knows, systemctl says that it does not run
    if restart && unit.active.is_unknown() && !unit.is_missing() {
        let text = format!("whether {asked} is running is not known: not restarting it");
        return Some((Verdict::Emulate(1), Reason::new(source, text)));
    }
    if unit.file.is_unknown() && !unit.is_missing() {
        let text = format!("whether {asked} is enabled is not known: not starting it");
        return Some((Verdict::Emulate(1), Reason::new(source, text)));
    }
    let text = if restart {
        format!("{asked} is a disabled or a static unit not running, not starting it.")
    } else {
        format!("{asked} is a disabled or a static unit, not starting it.")
    };
    Some((Verdict::Nothing, Reason::new(source, text)))
}

/// Whether it ran, and an upgrade's stop took it down, and nobody else since.
pub fn is_down_by_our_stop(entry: &Entry, unit: &UnitFacts) -> bool {
    let ran = |down: &Down| down.service_was_running == Some(true);
    let stopped = entry.down.as_ref().is_some_and(ran) || entry.quiesced.is_some();
    let upgrade = entry.who.caller.phase == Phase::Upgrade;
    upgrade && stopped && !stopped_since(entry, unit)
}

/// Enabled, ran in this boot, and was taken down before dpkg or apt began: not by a script of
/// this batch, so by the admin. A failed or a never started unit is nobody's will.
fn stopped_by_admin(request: &Request, unit: &UnitFacts) -> bool {
    let context = &request.context;
    let inactive = unit.active.is_and(|state| *state == ActiveState::Inactive);
    // What can be started on demand is down because nobody needs it.
    let on_demand = unit.bus_activated || !unit.triggered_by.is_empty();
    let upgrades = context.phase == Phase::Upgrade;
    upgrades && inactive && was_down_before(context, unit) && !unit.oneshot && !on_demand
}

/// Whether the unit went down before dpkg or apt began. A clock that is set meanwhile, by a machine
/// that has just got its time, moves what is told in seconds since the epoch: that is compared only
/// where nothing else is known.
fn was_down_before(context: &Context, unit: &UnitFacts) -> bool {
    let before = |down: u64, began: u64| down > 0 && down < began;
    match (context.batch_began, context.batch_started) {
        (Some(began), _) => before(unit.down_since, began),
        (None, Some(began)) => before(unit.down_since_epoch, began),
        (None, None) => false,
    }
}

/// Whether nobody but the admin, or a job of theirs, took down what the note names: a maintainer
/// script does not bring that back.
pub(super) fn stopped_by_hand(request: &Request, entry: &Entry) -> bool {
    let by_hand = entry.who.caller.phase == Phase::None && entry.down.is_some();
    by_hand && request.context.phase != Phase::None
}
