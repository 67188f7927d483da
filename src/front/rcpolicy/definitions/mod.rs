//! Where this machine has its service definitions, what may be done about them now, and what is due. `words` says
//! it. Changes nothing.

mod words;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::definitions::{
    Asked, Before, ByInit, Compiled, Compiles, Definitions, Due, Looked, Part, Patience, Places,
    S6Rc, Standing, Supervisor, Told, Way, is_anything_kept,
};
use crate::domain::{InitKind, ServiceName, UnitName};
use crate::front::machine;
use crate::observe::{bypass, detect};
use crate::policy::{self, ActionLimit, Keep, Mode, Policy, Roots};
use crate::report::Voice;

pub(super) use self::words::{LOGGER_WAITS, kept, said, said_of_compiled, stock_of, times};
use super::Place;

/// How long a switch of compiled definitions may take where nobody says otherwise: it stops and starts
/// services.
const SWITCHING: Duration = Duration::from_secs(90);
/// What makes a logger, in a live definition.
const LOGGER: &str = "log/run";

/// What may be done about definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Each that is outdated is brought up to date.
    All,
    /// Nothing is begun: where all is to be as with the stock tools, which leave live definitions alone. What was
    /// cut off comes to its end all the same, for its service may be down because of us.
    CutOff,
}

/// The definitions of one init's services.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) kind: InitKind,
    pub(super) places: Places,
    pub(super) scope: Scope,
}

/// Whether there may be any here: else nothing more need be read.
pub(super) fn may_be_any(place: &Place) -> bool {
    has_places(detect::init_under(&place.root)) || is_anything_kept(&place.root)
}

/// Those of the init that runs here, and what was cut off under another one that may run next, or only later on.
pub(super) fn all(place: &Place, policy: &Policy) -> Vec<Kept> {
    let running = detect::init_under(&place.root);
    let kept = |kind: InitKind| {
        let places = places(kind, place, policy)?;
        let scope = match kind == running {
            true => scope(place, policy),
            false => Scope::CutOff,
        };
        Some(Kept {
            kind,
            places,
            scope,
        })
    };
    InitKind::ALL.into_iter().filter_map(kept).collect()
}

fn scope(place: &Place, policy: &Policy) -> Scope {
    let settings = policy.settings();
    let put_aside = place.path(bypass::DIRECTORY).join(bypass::NAME).exists();
    match settings.strict || settings.mode == Mode::Observe || put_aside {
        true => Scope::CutOff,
        false => Scope::All,
    }
}

/// As the policy or else the init has them; `None` where live definitions are no directories of their own.
fn places(kind: InitKind, place: &Place, policy: &Policy) -> Option<Places> {
    let settings = policy.settings();
    let told = Told {
        stock: settings.definitions_stock.as_deref(),
        live: settings.definitions_live.as_deref(),
    };
    match Way::of(kind, &place.root, told) {
        Way::Replace(places) => Some(places),
        Way::Reread | Way::Nothing => None,
    }
}

fn has_places(kind: InitKind) -> bool {
    matches!(
        Way::of(kind, Path::new("/"), Told::default()),
        Way::Replace(_)
    )
}

/// What a batch's end has to bring up to date, or at least to look at, each with what it is about: another version
/// is another one. What cannot be looked at is told by whoever tries to bring it up to date. No more is looked at
/// than `most` has.
pub(super) fn dues(place: &Place, most: Scope) -> BTreeSet<String> {
    if !may_be_any(place) {
        return BTreeSet::new();
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let tries = policy.settings().flush_tries;
    let mut dues = BTreeSet::new();
    for kept in all(place, &policy) {
        let kept = kept.within(most);
        let kind = kept.kind.as_str();
        match kept.survey() {
            Ok(found) => {
                let due = found.iter().filter_map(|looked| due(looked, tries));
                dues.extend(due.map(|due| format!("{kind} {due}")));
            }
            Err(why) => dues.extend([format!("{kind} {why}")]),
        }
        dues.extend(kept.due_compiled(place, &policy));
    }
    dues
}

fn due(looked: &Looked, tries: u32) -> Option<String> {
    let what = match &looked.standing {
        Standing::New => "is new",
        Standing::UnderWay(_) => "was cut off",
        Standing::Gone => "is gone",
        Standing::Outdated(outdated) if looked.tries() < tries => &outdated.version,
        Standing::Outdated(_) | Standing::Current | Standing::Refused(_) => return None,
    };
    Some(format!("{} {what}", looked.service))
}

impl Kept {
    /// The same, where no more than `most` may be done.
    pub(super) fn within(self, most: Scope) -> Self {
        match most {
            Scope::All => self,
            Scope::CutOff => Self {
                scope: Scope::CutOff,
                ..self
            },
        }
    }

    /// All services whose definitions are apart, as far as anything may be done about them.
    ///
    /// # Errors
    /// Why they cannot be looked at.
    pub(super) fn survey(&self) -> Result<Vec<Looked>, String> {
        let looked = || {
            let definitions = Definitions::open(self.places.clone())?;
            match self.scope {
                Scope::All => definitions.survey(),
                Scope::CutOff => definitions.cut_off(),
            }
        };
        looked().map_err(|error| error.to_string())
    }

    /// What compiles definitions on this machine, where something does.
    pub(super) fn compiler(&self, place: &Place, policy: &Policy) -> Option<S6Rc> {
        match (self.places.compiles, self.scope) {
            // Its programs act on the machine that runs.
            (Compiles::ByS6Rc, Scope::All) if place.root == Path::new("/") => {
                let limit = match policy.settings().action_limit {
                    ActionLimit::Unit => SWITCHING,
                    ActionLimit::After(limit) => limit,
                };
                Some(S6Rc::of_machine(limit))
            }
            (Compiles::ByS6Rc | Compiles::Nothing, _) => None,
        }
    }

    fn due_compiled(&self, place: &Place, policy: &Policy) -> Option<String> {
        let compiler = self.compiler(place, policy)?;
        match Compiled::beside(&self.places.records).look(&compiler) {
            Ok(None) => None,
            Ok(Some(found)) if found.due == Due::Nothing => None,
            Ok(Some(found)) => Some(format!("compiled {}", found.version())),
            Err(error) => Some(format!("compiled {error}")),
        }
    }

    /// Whom to ask about a part of a service.
    pub(super) fn asked(
        &self,
        policy: &Policy,
        service: &ServiceName,
        part: Part,
    ) -> Option<Asked> {
        let (directory, name) = part.found_in(&self.places.live, service);
        let voice = Voice::new("rcpolicy");
        Some(Asked {
            init: machine::supervisor(self.kind, &directory, policy, &voice)?,
            unit: UnitName::parse(name).ok()?,
        })
    }

    /// Whether a logger has come that nobody runs: a supervisor looks for one when it begins, and no more.
    pub(super) fn is_logger_waiting(&self, policy: &Policy, service: &ServiceName) -> bool {
        let logger = self.places.live.join(service.as_str()).join(LOGGER);
        if !logger.exists() {
            return false;
        }
        let find = |service: &ServiceName, part| self.asked(policy, service, part);
        let patience = Patience {
            limit: Duration::ZERO,
            ..Patience::default()
        };
        let mut supervisor = ByInit::new(&find, patience);
        let mut found = |part| supervisor.found(service, part);
        let is_up = found(Part::Service).is_ok_and(|found| found != Before::Unsupervised);
        is_up && found(Part::Log) == Ok(Before::Unsupervised)
    }
}

/// Whether there is something to be looked at; what cannot be read is told by whoever tries.
pub(super) fn is_compiled(compiled: &Compiled, compiler: &S6Rc) -> bool {
    let found = compiled.look(compiler);
    found.map_or(true, |found| {
        found.is_some_and(|found| found.due != Due::Nothing)
    })
}
