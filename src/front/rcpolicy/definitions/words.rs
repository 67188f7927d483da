//! What is to be said of definitions that are not as packages brought them.

use crate::definitions::{Compiled, Due, Looked, Outdated, Phase, Places, Standing};
use crate::domain::ServiceName;
use crate::policy::Policy;
use crate::report::pending::Definition;

use super::Kept;
use crate::front::rcpolicy::Place;

/// In place of a service.
const COMPILED: &str = "s6-rc";
/// What is said of a definition with a logger that nobody runs.
pub(in crate::front::rcpolicy) const LOGGER_WAITS: &str =
    "its new logger runs only once the service's supervisor has been started anew";

/// What is to be told of a definition; `None` where it is the stock one. `logger` is whether its logger waits.
pub(in crate::front::rcpolicy) fn said(
    looked: &Looked,
    places: &Places,
    logger: bool,
) -> Option<Definition> {
    let service = &looked.service;
    let edited = match looked.edited.as_slice() {
        [] => None,
        paths => Some(format!("changed here, and kept: {}", paths.join(" "))),
    };
    let standing = match &looked.standing {
        Standing::Current => None,
        Standing::New => {
            Some("nothing is known yet of what its live definition was made of".to_owned())
        }
        Standing::Outdated(outdated) => Some(waits(looked, outdated)),
        Standing::UnderWay(phase) => Some(under_way(phase)),
        Standing::Gone => Some(format!(
            "its stock definition is gone; the live one goes when nothing supervises it: {}",
            places.live.join(service.as_str()).display()
        )),
        Standing::Refused(why) => Some(format!("its definition is not touched: {why}")),
    };
    let logger = logger.then(|| LOGGER_WAITS.to_owned());
    let said = standing.into_iter().chain(edited).chain(logger);
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| Definition {
        service: service.to_string(),
        standing: word(&looked.standing),
        edited: looked.edited.clone(),
        tries: looked.tries(),
        says: said.join("; "),
    })
}

/// The standing as one word, for programs.
fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Current => "current",
        Standing::New => "new",
        Standing::Outdated(_) => "outdated",
        Standing::UnderWay(_) => "cut-off",
        Standing::Gone => "gone",
        Standing::Refused(_) => "refused",
    }
}

fn waits(looked: &Looked, outdated: &Outdated) -> String {
    let kept = kept(&outdated.plan.kept);
    match &looked.failed {
        None => {
            let why = looked.upgrading.against_restart();
            let why = why.map(|why| format!("; while its service runs it waits: {why}"));
            let why = why.unwrap_or_default();
            format!("its stock definition is newer than the live one{kept}{why}")
        }
        Some((tries, why)) => {
            format!(
                "its new definition was rolled back {}{kept}: {why}",
                times(*tries)
            )
        }
    }
}

/// Once, twice, three times.
pub(in crate::front::rcpolicy) fn times(tries: u32) -> String {
    match tries {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        tries => format!("{tries} times"),
    }
}

/// What stays as somebody made it, though the stock version changed it.
pub(in crate::front::rcpolicy) fn kept(paths: &[String]) -> String {
    match paths {
        [] => String::new(),
        paths => format!(" (but for what was changed here: {})", paths.join(" ")),
    }
}

fn under_way(phase: &Phase) -> String {
    let how_far = match phase {
        Phase::Stopping | Phase::Replacing | Phase::Starting => "brought up to date",
        Phase::Restoring(_) | Phase::Restored(_) => "rolled back",
    };
    format!("it was cut off while its definition was {how_far}; `rcpolicy flush` goes on")
}

/// Where the definition of `service` that packages brought is, for a message.
pub(in crate::front::rcpolicy) fn stock_of(places: &Places, service: &ServiceName) -> String {
    places.stock.join(service.as_str()).display().to_string()
}

/// What is to be told of definitions that are compiled, all as one.
pub(in crate::front::rcpolicy) fn said_of_compiled(
    kept: &Kept,
    place: &Place,
    policy: &Policy,
) -> Option<Definition> {
    let compiler = kept.compiler(place, policy)?;
    let told = |standing, tries, says| Definition {
        service: COMPILED.to_owned(),
        standing,
        edited: Vec::new(),
        tries,
        says,
    };
    let found = match Compiled::beside(&kept.places.records).look(&compiler) {
        Ok(found) => found?,
        Err(error) => return Some(told("refused", 0, error.to_string())),
    };
    let changed = found.changed.join(" ");
    match (found.due, found.failed) {
        (Due::Nothing | Due::Noting, _) => None,
        (Due::Switch, None) if changed.is_empty() => {
            let text = "a switch of its definitions was cut off; `rcpolicy flush` goes on";
            Some(told("cut-off", 0, text.to_owned()))
        }
        (Due::Switch, None) => {
            let text = format!("its sources changed: {changed}");
            Some(told("outdated", 0, text))
        }
        (Due::Switch, Some((tries, why))) => {
            let times = times(tries);
            let text = format!("its sources changed, and were compiled in vain {times}: {why}");
            Some(told("outdated", tries, text))
        }
    }
}
