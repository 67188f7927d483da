//! Paying through the gate of `[flush] gate`: what is only owed waits at it, what is down goes before. Where we are not
//! let in, it stays owed.

use std::path::PathBuf;

use crate::front::rcpolicy::flush::{self, Again, Left, Occasion};
use crate::front::rcpolicy::gate::{Gate, Refused, Waiting};
use crate::front::rcpolicy::{Failure, Place, definitions};
use crate::front::waiter::PROGRAM;
use crate::ledger::Entry;
use crate::policy::{self, Keep, Policy, Roots};
use crate::report::console::Console;

/// Whether the gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// Where there is one.
    Yes,
    /// Somebody goes past it, or nothing is done that it is for.
    No,
}

/// One way through the gate.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    pub(super) asking: Asking,
    /// What ends the wait early.
    pub(super) waiting: Waiting<'a>,
    /// Looked at once we are in, which may be long after: `false` goes away again.
    pub(super) may_pay: &'a dyn Fn() -> bool,
}

impl Passage<'_> {
    /// For whoever does nothing else meanwhile.
    pub(super) fn by_hand(asking: Asking) -> Self {
        Self {
            asking,
            waiting: Waiting {
                told: None,
                goes_on: &|| true,
            },
            may_pay: &|| true,
        }
    }
}

/// Whether the policy has a gate.
pub(super) fn is_there(place: &Place) -> bool {
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    !policy.settings().flush_gate.is_empty()
}

/// Pays what is due on `occasion`, in this machine's turn.
///
/// # Errors
/// As `flush::pay`.
pub(super) fn pay(
    occasion: Occasion<'_>,
    passage: Passage<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Left, Failure> {
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let has_gate = passage.asking == Asking::Yes && !policy.settings().flush_gate.is_empty();
    let waiting = match has_gate {
        true => waiting_at_it(occasion, place)?,
        false => None,
    };
    let Some(waiting) = waiting else {
        return flush::pay(occasion, place, console);
    };
    let only_down = Occasion::OnlyDown(&occasion);
    let before = match flush::due(&place.ledger()?, only_down)?.is_empty() {
        true => Left::NOTHING,
        false => flush::pay(only_down, place, console)?,
    };
    place.require_root("flush")?;
    match enter(&policy, passage, place, console) {
        Ok(mut admitted) => {
            let left = flush::pay(occasion, place, console)?;
            if !admitted.is_held() {
                console.complain(
                    "the gate ended before the flush did: another may have been let in meanwhile",
                );
            }
            Ok(left)
        }
        Err(refused) => Ok(kept(before, &refused, &waiting, console)),
    }
}

/// What has to wait at the gate; `None` where nothing does.
fn waiting_at_it(occasion: Occasion<'_>, place: &Place) -> Result<Option<Vec<Entry>>, Failure> {
    let mut due = flush::due(&place.ledger()?, occasion)?;
    let only_down = Occasion::OnlyDown(&occasion);
    due.retain(|entry| !only_down.pays(entry) && occasion.pays(entry));
    // Definitions that were tried in vain are tried again by hand.
    let definitions = match occasion.is_batch_end() {
        true => flush::is_definition_due(place),
        false => definitions::may_be_any(place),
    };
    let any = !due.is_empty() || definitions && !occasion.is_only_down();
    Ok(any.then_some(due))
}

fn enter(
    policy: &Policy,
    passage: Passage<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<crate::front::rcpolicy::gate::Admitted, Refused> {
    let settings = policy.settings();
    let gate = Gate {
        command: &settings.flush_gate,
        limit: settings.flush_gate_limit,
        holder: std::env::current_exe().unwrap_or_else(|_| PathBuf::from(PROGRAM)),
    };
    let shown = settings.flush_gate.join(" ");
    console.progress(format_args!("waiting until `{shown}` lets us in"));
    let admitted = gate.enter(place, passage.waiting)?;
    match (passage.may_pay)() {
        true => Ok(admitted),
        false => Err(Refused::Interrupted),
    }
}

/// Says of each why it is still owed. The gate may let us in another time, without anybody's doing.
fn kept(mut left: Left, why: &Refused, waiting: &[Entry], console: &mut Console<'_>) -> Left {
    for Entry { service, .. } in waiting {
        let line = format!("{service}: still owed: {why}");
        match why {
            // No news: it goes on waiting.
            Refused::Interrupted => {}
            Refused::Untrusted { .. }
            | Refused::Failed(_)
            | Refused::Denied { .. }
            | Refused::Silent { .. } => console.say_once(service.as_str(), &line),
        }
    }
    if waiting.is_empty() {
        console.say_once("gate", &why.to_string());
    }
    left.keep(Again::Later);
    left
}
