//! What a lost reply means: from what was asked, what was seen before and after, and how far the
//! request came, to what is to be done now. Pure, and one function for all inits.
//!
//! Asking again is right where some order of all that happened explains what is there then; what is
//! not known is never taken for a yes. Where nothing was seen before, times tell: what began later
//! than the request counts as its work.

use crate::domain::{ActiveState, Contact, Job, LoadState, Seen, UnitKind, Verb};

/// A request whose end is not known.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What was asked.
    pub job: &'a Job,
    /// How far it came.
    pub contact: Contact,
    /// The unit right before it was asked, where that is known.
    pub before: Option<&'a Seen>,
    /// When it was asked, in microseconds of the monotonic clock.
    pub at: u64,
}

/// What is to be done about it.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// It was done.
    Settled,
    /// The init is still at it, or about to be: look again later, and ask for nothing.
    StillRunning,
    /// It was not done, and will not be unless it is asked for again.
    AskAgain,
    /// It was tried and failed, or cannot be done any more; why.
    Failed(String),
}

/// What became of `asked`, whose unit is now as `after` says.
///
/// A job that ended as `canceled` because another took its place is a case for it too, with the
/// contact `Taken`: where the answer is `Settled` and the unit is up (after a stop: down), the other
/// did what was asked. Anything else leaves it canceled.
///
/// INVARIANT: with the contact `Pending` the answer is never `AskAgain`.
pub fn recover(asked: &Asked<'_>, after: &Seen) -> Recovery {
    let found = match asked.contact {
        // Nothing can have come of it: whatever else the unit is at, asking is no second time.
        Contact::Unread if is_needless(asked, after) => Recovery::Settled,
        Contact::Unread => Recovery::AskAgain,
        Contact::Sent | Contact::Pending | Contact::Taken => evident(asked, after),
    };
    match found {
        Recovery::AskAgain if asked.contact == Contact::Pending => Recovery::StillRunning,
        found => found,
    }
}

/// Where the unit stands, as far as the verbs tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Up,
    Reloading,
    Down,
    Failed,
    ComingUp,
    /// Going down, in maintenance, or nobody knows.
    Unclear,
}

fn standing(seen: &Seen) -> Standing {
    match seen.active.get() {
        Some(ActiveState::Active) => Standing::Up,
        Some(ActiveState::Reloading) => Standing::Reloading,
        Some(ActiveState::Inactive) => Standing::Down,
        Some(ActiveState::Failed) => Standing::Failed,
        Some(ActiveState::Activating) => Standing::ComingUp,
        Some(ActiveState::Deactivating | ActiveState::Maintenance) | None => Standing::Unclear,
    }
}

/// Whether what was asked is there without any request.
fn is_needless(asked: &Asked<'_>, after: &Seen) -> bool {
    let still = after.job.is_and(Option::is_none);
    match (asked.job.verb, standing(after)) {
        // A target that is up may lack what it pulls in.
        (Verb::Start, Standing::Up) => still && asked.job.unit.kind() != UnitKind::Target,
        // Of a unit that it does not have the init says so itself.
        (Verb::Stop, Standing::Down | Standing::Failed) => {
            still && after.load.is_and(|load| *load == LoadState::Loaded)
        }
        (Verb::Restart | Verb::TryRestart | Verb::Reload | Verb::ReloadOrRestart, Standing::Up) => {
            still && is_anew(asked, after)
        }
        _ => false,
    }
}

fn evident(asked: &Asked<'_>, after: &Seen) -> Recovery {
    // Ours, or one that ours waits for, or a foreign one: what it leaves is seen when it is over.
    if !after.job.is_and(Option::is_none) {
        return Recovery::StillRunning;
    }
    match (standing(after), asked.job.verb) {
        (Standing::Unclear, _) => Recovery::StillRunning,
        // As while it waits to be restarted on its own.
        (Standing::ComingUp, Verb::Stop) => Recovery::AskAgain,
        (Standing::ComingUp, _) => Recovery::StillRunning,
        (Standing::Reloading, Verb::Reload | Verb::ReloadOrRestart) => Recovery::StillRunning,
        (Standing::Up | Standing::Reloading, verb) => while_up(verb, asked, after),
        (Standing::Down | Standing::Failed, verb) => while_down(verb, asked, after),
    }
}

fn while_up(verb: Verb, asked: &Asked<'_>, after: &Seen) -> Recovery {
    let anew = is_anew(asked, after);
    match verb {
        Verb::Start if anew || !is_half_started_target(asked) => Recovery::Settled,
        Verb::Start | Verb::Stop => Recovery::AskAgain,
        // Nothing was to be done; what came up since is somebody else's.
        Verb::TryRestart if was_down(asked) == Some(true) => Recovery::Settled,
        Verb::Restart | Verb::TryRestart if anew => Recovery::Settled,
        Verb::Restart | Verb::TryRestart => Recovery::AskAgain,
        // It read its configuration when it started.
        Verb::Reload | Verb::ReloadOrRestart if anew => Recovery::Settled,
        Verb::Reload | Verb::ReloadOrRestart if !is_reloaded(asked, after) => Recovery::AskAgain,
        Verb::Reload | Verb::ReloadOrRestart => match after.reload_result.as_str() {
            "success" => Recovery::Settled,
            "" => Recovery::AskAgain,
            result => Recovery::Failed(format!("its reload failed ({result})")),
        },
    }
}

fn while_down(verb: Verb, asked: &Asked<'_>, after: &Seen) -> Recovery {
    let missing = after.load.is_and(|load| *load == LoadState::NotFound);
    let anew = is_anew(asked, after);
    match verb {
        Verb::Start | Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart if anew => {
            ended(after)
        }
        Verb::Start | Verb::Restart | Verb::ReloadOrRestart => Recovery::AskAgain,
        // Harmless to what is down, and the init says best what it does not have.
        Verb::Stop | Verb::TryRestart if missing && was_down(asked) != Some(false) => {
            Recovery::AskAgain
        }
        Verb::Stop => Recovery::Settled,
        // It came down by itself or by somebody's will: not ours to start.
        Verb::TryRestart if fell_since(asked, after) => Recovery::Failed(
            "it went down meanwhile, and what somebody stopped is not started".to_owned(),
        ),
        Verb::TryRestart => Recovery::Settled,
        Verb::Reload => Recovery::Failed("it is not active, so it cannot be reloaded".to_owned()),
    }
}

/// How a run ended that began after the request.
fn ended(after: &Seen) -> Recovery {
    match (standing(after), after.result.as_str()) {
        // A condition of its own that does not hold is no failure: systemctl exits with 0.
        (Standing::Down, "success" | "exec-condition") => Recovery::Settled,
        (_, "") => Recovery::Failed("it was started and ended, nobody knows how".to_owned()),
        (_, result) => Recovery::Failed(format!("it was started and failed ({result})")),
    }
}

/// Whether the unit was started since it was asked for.
fn is_anew(asked: &Asked<'_>, after: &Seen) -> bool {
    let Some(before) = known_before(asked) else {
        return after.started > asked.at;
    };
    match (before.invocation.as_str(), after.invocation.as_str()) {
        // An init without such ids, or a unit that it has forgotten meanwhile.
        (_, "") => {
            let other_process = after.main_pid != 0 && after.main_pid != before.main_pid;
            other_process || after.started > before.started
        }
        (old, new) => old != new,
    }
}

/// Whether a unit that went on running was reloaded since it was asked for.
fn is_reloaded(asked: &Asked<'_>, after: &Seen) -> bool {
    match known_before(asked) {
        // The end of a start or of somebody else's reload looks the same, and began too early.
        Some(before) => standing(before) == Standing::Up && after.changed != before.changed,
        None => after.changed > asked.at,
    }
}

/// Whether a unit that is down now was not when it was asked for.
fn fell_since(asked: &Asked<'_>, after: &Seen) -> bool {
    match was_down(asked) {
        Some(down) => !down,
        None => after.changed > asked.at,
    }
}

/// Whether there was nothing that could be restarted; `None` where that is not known.
fn was_down(asked: &Asked<'_>) -> Option<bool> {
    let before = known_before(asked)?;
    // On its way down counts, as systemd has it.
    before.active.get().map(|active| {
        active.is_down() || matches!(active, ActiveState::Deactivating | ActiveState::Maintenance)
    })
}

/// Whether asking once more may bring up what a target pulls in, and can do no harm.
fn is_half_started_target(asked: &Asked<'_>) -> bool {
    let target = asked.job.unit.kind() == UnitKind::Target;
    target && asked.contact == Contact::Sent && was_down(asked) != Some(true)
}

fn known_before<'a>(asked: &Asked<'a>) -> Option<&'a Seen> {
    asked.before.filter(|before| !before.active.is_unknown())
}

#[cfg(test)]
mod tests;
