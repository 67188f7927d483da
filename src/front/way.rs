//! How a decided action is carried out: as jobs of the init, by the init script, or not at all. Pure,
//! and the same for the drop-ins, which do it, and for `rcpolicy explain`, which tells it.

use crate::domain::{Action, LoadState, Manner, Verdict};

use super::perform::Case;

/// The way of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Not at all: a policy denies it.
    Denied,
    /// Other actions take its place, in turn.
    Instead(Vec<String>),
    /// Nothing runs; the caller gets this status.
    Ends(u8),
    /// The plan, by the init.
    Plan,
    /// A note on the ledger.
    Note,
    /// The init script with this word.
    Script(String),
    /// `systemctl status`, whose page nobody else can write.
    ShowStatus,
    /// Every process of the unit is killed.
    Kill,
    /// Nothing: a masked unit is left alone.
    Masked,
    /// systemctl itself, for a verb that only it knows.
    Foreign,
}

/// The way that deb-systemd-invoke takes.
pub(super) fn of_deb_systemd_invoke(case: &Case) -> Way {
    let native = match case.request.action {
        Action::Start | Action::Stop | Action::Restart | Action::TryRestart | Action::Reload => {
            true
        }
        Action::ForceReload | Action::ForceStop | Action::Status | Action::Other(_) => false,
    };
    match &case.decision.verdict {
        Verdict::Deny => Way::Denied,
        Verdict::Emulate(ending) => Way::Ends(*ending),
        Verdict::FallBack(actions) => Way::Instead(actions.iter().take(1).cloned().collect()),
        _ if !native => Way::Foreign,
        Verdict::Run(_)
        | Verdict::Nothing
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Restart
        | Verdict::IfStale
        | Verdict::Reload
        | Verdict::Defer { .. }
        | Verdict::Hold => Way::Plan,
    }
}

/// The way that invoke-rc.d takes.
pub(super) fn of_invoke_rc_d(case: &Case, word: &str) -> Way {
    match &case.decision.verdict {
        Verdict::Deny => Way::Denied,
        Verdict::FallBack(actions) => Way::Instead(actions.clone()),
        Verdict::Emulate(ending) => Way::Ends(*ending),
        verdict => match case.facts.init.manner() {
            Manner::Units => by_unit(case, verdict, word),
            Manner::Jobs => under_upstart(verdict),
            Manner::Services if is_its_own(case) => by_service(case, verdict, word),
            Manner::Services | Manner::Scripts => by_script(verdict, word),
        },
    }
}

/// Whether the init has said that it has the service itself. One that it has and cannot use is no
/// script's either: that would run a second one beside it.
fn is_its_own(case: &Case) -> bool {
    let own = |load: &LoadState| matches!(load, LoadState::Loaded | LoadState::Broken);
    case.facts.unit.load.is_and(own)
}

fn by_unit(case: &Case, verdict: &Verdict, word: &str) -> Way {
    match verdict.run() {
        _ if case.facts.unit.is_script_only() => by_script(verdict, word),
        Some(action) => under_systemd(case, action, word),
        None => Way::Plan,
    }
}

/// What the init cannot do its script does, where there is one.
fn by_service(case: &Case, verdict: &Verdict, word: &str) -> Way {
    let scripts = case.facts.init.runs_scripts_itself();
    let deaf = case.facts.unit.can_reload.is_and(|can| !can);
    match verdict.run() {
        Some(Action::Status) if !scripts => Way::ShowStatus,
        Some(Action::ForceStop) if !scripts => Way::Kill,
        Some(Action::Status | Action::ForceStop | Action::Other(_)) => Way::Script(word.to_owned()),
        Some(Action::Reload) if deaf => Way::Script(word.to_owned()),
        Some(
            Action::Start
            | Action::Stop
            | Action::Restart
            | Action::TryRestart
            | Action::Reload
            | Action::ForceReload,
        )
        | None => Way::Plan,
    }
}

fn under_systemd(case: &Case, action: &Action, word: &str) -> Way {
    let unit = &case.facts.unit;
    // original: a masked unit is left alone, but `stop` still asks systemd
    let spared = action.needs_link() || matches!(action, Action::Reload | Action::ForceReload);
    match action {
        Action::Status => Way::ShowStatus,
        Action::ForceStop => Way::Kill,
        Action::Other(word) => Way::Script(word.clone()),
        _ if spared && unit.is_masked() => Way::Masked,
        Action::Reload if unit.can_reload.is_and(|can| !can) => Way::Script(word.to_owned()),
        Action::Start
        | Action::Stop
        | Action::Restart
        | Action::TryRestart
        | Action::Reload
        | Action::ForceReload => Way::Plan,
    }
}

/// original: with Upstart, as long as the stock script knew it, no other words were understood
fn under_upstart(verdict: &Verdict) -> Way {
    match verdict.run() {
        Some(Action::Status) => Way::ShowStatus,
        Some(Action::TryRestart | Action::ForceStop | Action::Other(_)) => Way::Foreign,
        Some(
            Action::Start | Action::Stop | Action::Restart | Action::Reload | Action::ForceReload,
        )
        | None => Way::Plan,
    }
}

fn by_script(verdict: &Verdict, word: &str) -> Way {
    let script = |word: &str| Way::Script(word.to_owned());
    match verdict {
        Verdict::Nothing | Verdict::Deny | Verdict::FallBack(_) | Verdict::Emulate(_) => {
            Way::Ends(0)
        }
        Verdict::Hold | Verdict::Defer { .. } => Way::Note,
        Verdict::Run(_) => script(word),
        Verdict::Stop | Verdict::Quiesce => script("stop"),
        Verdict::Restart | Verdict::IfStale => script("restart"),
        Verdict::Reload => script("reload"),
    }
}
