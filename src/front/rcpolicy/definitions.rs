//! Where this machine has its service definitions, and what is to be said of those that are not as packages
//! brought them. Changes nothing.

use std::path::Path;
use std::time::Duration;

use crate::definitions::{
    Compiled, Compiles, Definitions, Due, Looked, Outdated, Phase, Places, S6Rc, Standing, Told,
    Way,
};
use crate::domain::{InitKind, ServiceName};
use crate::observe::bypass;
use crate::policy::{ActionLimit, Mode, Policy};

use super::Place;

/// How long a switch of compiled definitions may take where nobody says otherwise: it stops and starts
/// services.
const SWITCHING: Duration = Duration::from_secs(90);

/// The places of `kind`, as the policy or else the init has them; `None` where live definitions are no
/// directories of their own, and where all is to be as with the stock tools, which leave them alone.
pub(super) fn places(kind: InitKind, place: &Place, policy: &Policy) -> Option<Places> {
    let settings = policy.settings();
    let put_aside = place.path(bypass::DIRECTORY).join(bypass::NAME).exists();
    if settings.strict || settings.mode == Mode::Observe || put_aside {
        return None;
    }
    let told = Told {
        stock: settings.definitions_stock.as_deref(),
        live: settings.definitions_live.as_deref(),
    };
    match Way::of(kind, &place.root, told) {
        Way::Replace(places) => Some(places),
        Way::Reread | Way::Nothing => None,
    }
}

/// Whether `kind` can have such places at all: for no other is anything read.
pub(super) fn has_places(kind: InitKind) -> bool {
    matches!(
        Way::of(kind, Path::new("/"), Told::default()),
        Way::Replace(_)
    )
}

/// What a batch's end has to bring up to date, or at least to look at; nothing where that cannot be told.
pub(super) fn may_be_due(looked: &Looked, tries: u32) -> bool {
    match &looked.standing {
        Standing::New | Standing::UnderWay(_) | Standing::Gone => true,
        Standing::Outdated(_) => looked.tries() < tries,
        Standing::Current | Standing::Refused(_) => false,
    }
}

/// All services whose definitions are apart.
///
/// # Errors
/// Why they cannot be looked at.
pub(super) fn survey(places: Places) -> Result<Vec<Looked>, String> {
    let definitions = Definitions::open(places);
    let looked = definitions.and_then(|definitions| definitions.survey());
    looked.map_err(|error| error.to_string())
}

/// What `rcpolicy pending` says of a definition; `None` where it is the stock one.
pub(super) fn line(looked: &Looked, places: &Places) -> Option<String> {
    let service = &looked.service;
    let edited = match looked.edited.as_slice() {
        [] => None,
        paths => Some(format!("changed here, and kept: {}", paths.join(" "))),
    };
    let standing = match &looked.standing {
        Standing::Current => None,
        Standing::New => {
            Some("nothing is known yet of what its live definition was made of".into())
        }
        Standing::Outdated(outdated) => Some(waits(looked, outdated)),
        Standing::UnderWay(phase) => Some(under_way(phase)),
        Standing::Gone => Some(format!(
            "its stock definition is gone; the live one goes when nothing supervises it: {}",
            places.live.join(service.as_str()).display()
        )),
        Standing::Refused(why) => Some(format!("its definition is not touched: {why}")),
    };
    let said: Vec<String> = standing.into_iter().chain(edited).collect();
    (!said.is_empty()).then(|| format!("{service}: {}", said.join("; ")))
}

fn waits(looked: &Looked, outdated: &Outdated) -> String {
    let kept = kept(&outdated.plan.kept);
    match &looked.failed {
        None => format!("its stock definition is newer than the live one{kept}"),
        Some((tries, why)) => {
            format!(
                "its new definition was rolled back {}{kept}: {why}",
                times(*tries)
            )
        }
    }
}

/// Once, twice, three times.
pub(super) fn times(tries: u32) -> String {
    match tries {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        tries => format!("{tries} times"),
    }
}

/// What stays as somebody made it, though the stock version changed it.
pub(super) fn kept(paths: &[String]) -> String {
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
pub(super) fn stock_of(places: &Places, service: &ServiceName) -> String {
    places.stock.join(service.as_str()).display().to_string()
}

/// What compiles definitions on this machine, where something does.
pub(super) fn compiler(places: &Places, place: &Place, policy: &Policy) -> Option<S6Rc> {
    match places.compiles {
        // Its programs act on the machine that runs.
        Compiles::ByS6Rc if place.root == Path::new("/") => {
            let limit = match policy.settings().action_limit {
                ActionLimit::Unit => SWITCHING,
                ActionLimit::After(limit) => limit,
            };
            Some(S6Rc::of_machine(limit))
        }
        Compiles::ByS6Rc | Compiles::Nothing => None,
    }
}

/// Whether there is something to be looked at; what cannot be read is told by whoever tries.
pub(super) fn is_compiled(compiled: &Compiled, compiler: &S6Rc) -> bool {
    let found = compiled.look(compiler);
    found.map_or(true, |found| {
        found.is_some_and(|found| found.due != Due::Nothing)
    })
}

/// What `rcpolicy pending` says of definitions that are compiled.
pub(super) fn line_of_compiled(places: &Places, place: &Place, policy: &Policy) -> Option<String> {
    let compiler = compiler(places, place, policy)?;
    let found = match Compiled::beside(&places.records).look(&compiler) {
        Ok(found) => found?,
        Err(error) => return Some(format!("s6-rc: {error}")),
    };
    let changed = found.changed.join(" ");
    match (found.due, found.failed) {
        (Due::Nothing | Due::Noting, _) => None,
        (Due::Switch, None) if changed.is_empty() => Some(
            "s6-rc: a switch of its definitions was cut off; `rcpolicy flush` goes on".to_owned(),
        ),
        (Due::Switch, None) => Some(format!("s6-rc: its sources changed: {changed}")),
        (Due::Switch, Some((tries, why))) => {
            let tries = times(tries);
            Some(format!(
                "s6-rc: its sources changed, and were compiled in vain {tries}: {why}"
            ))
        }
    }
}
