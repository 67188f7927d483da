//! The one match that picks the init: from what runs here to what is asked and told. To add an init is to
//! add its folder under `init`, its lines in `domain::init` and its arm here. Nobody is contacted yet.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

use crate::domain::{InitKind, Request, UnitFacts};
use crate::init::openrc::Openrc;
use crate::init::runit::{self, Runit};
use crate::init::s6::S6;
use crate::init::systemd::{Limit, Systemd};
use crate::init::upstart::Upstart;
use crate::init::{Depth, Init, InitError, Supervising};
use crate::policy::{ActionLimit, Policy};
use crate::report::Voice;

use super::perform::{Session, one_unit};
use super::script::Surroundings;
use super::spoken::Spoken;

/// Where the main processes are noted down that were seen under Upstart.
const UPSTART_MEMORY: &str = "/run/rcpolicy/upstart";
/// Where it is noted how the machine's clock was set, by which supervisors tell when something happened.
const CLOCK: &str = "/run/rcpolicy/clock";

/// The init of a machine where `kind` runs, with the policy's limit for its jobs and its patience with an
/// init that is away; `voice` tells what is waited for. `None` where services are init scripts and no
/// more. What an init's own tool starts gets these surroundings.
pub(super) fn init(
    kind: InitKind,
    policy: &Policy,
    voice: &Voice,
    surroundings: Surroundings,
) -> Option<Box<dyn Init>> {
    match kind {
        InitKind::Systemd => Some(Box::new(systemd(policy, voice))),
        InitKind::Upstart => Some(Box::new(upstart(policy, voice))),
        InitKind::Openrc => Some(Box::new(openrc(policy, surroundings))),
        InitKind::Runit => Some(Box::new(on_terms(Runit::new(), policy, voice))),
        InitKind::S6 => Some(Box::new(on_terms(S6::new(), policy, voice))),
        InitKind::Sysv | InitKind::Simulated => None,
    }
}

/// An init that was picked, for whoever keeps it.
pub(super) struct Picked(pub(super) Box<dyn Init>);

impl fmt::Debug for Picked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Picked")
            .field(&self.0.kind())
            .finish()
    }
}

/// The unit of `request` as the init of `kind` has it, where that has it itself: nothing else acts on it
/// then. Not where ours is to be as the stock tool, which runs init scripts, not where the init is
/// another root's, and not where packages have the init's own helpers act beside us.
///
/// # Errors
/// When the init could not be asked.
pub(super) fn own_service(
    session: &Session,
    kind: InitKind,
    request: &Request,
) -> Result<Option<(Picked, UnitFacts)>, InitError> {
    let strict = session.policy.settings().strict;
    if strict || session.life().is_none() || is_left_to_helpers(kind, request) {
        return Ok(None);
    }
    let (policy, voice) = (&session.policy, &session.voice);
    let Some(mut init) = init(kind, policy, voice, Surroundings::Callers) else {
        return Ok(None);
    };
    let unit = one_unit(init.as_mut(), &request.unit, Depth::State)?;
    Ok((!unit.is_missing()).then_some((Picked(init), unit)))
}

/// original: the init script of such a service does nothing then, and says nothing
fn is_left_to_helpers(kind: InitKind, request: &Request) -> bool {
    match kind {
        InitKind::Runit => {
            request.context.script.is_some() && runit::is_kept_by_helpers(&request.unit)
        }
        InitKind::Systemd
        | InitKind::Upstart
        | InitKind::Sysv
        | InitKind::Openrc
        | InitKind::S6
        | InitKind::Simulated => false,
    }
}

/// systemd, for those who ask it for more than an init has to answer.
pub(super) fn systemd(policy: &Policy, voice: &Voice) -> Systemd {
    let settings = policy.settings();
    let limit = match settings.action_limit {
        ActionLimit::Unit => Limit::Unit,
        ActionLimit::After(limit) => Limit::Fixed(limit),
    };
    Systemd::new(limit)
        .waiting(settings.init_wait)
        .watched_by(Rc::new(Spoken(voice.clone())))
}

/// The machine's runit or s6, likewise.
fn on_terms<I: Supervising>(init: I, policy: &Policy, voice: &Voice) -> I {
    let settings = policy.settings();
    let mut init = init
        .remembering(Path::new(CLOCK))
        .waiting(settings.init_wait)
        .watched_by(Rc::new(Spoken(voice.clone())));
    match settings.action_limit {
        // It has none of its own: what ours falls back to holds.
        ActionLimit::Unit => {}
        ActionLimit::After(limit) => init.terms().limit = limit,
    }
    init
}

/// The system's Upstart, likewise.
pub(super) fn upstart(policy: &Policy, voice: &Voice) -> Upstart {
    let settings = policy.settings();
    let mut upstart = Upstart::system()
        .remembering(Path::new(UPSTART_MEMORY))
        .waiting(settings.init_wait)
        .watched_by(Rc::new(Spoken(voice.clone())));
    match settings.action_limit {
        // It has none of its own: what ours falls back to holds.
        ActionLimit::Unit => {}
        ActionLimit::After(limit) => upstart.limit = limit,
    }
    upstart
}

fn openrc(policy: &Policy, surroundings: Surroundings) -> Openrc {
    let mut openrc = Openrc::new();
    match policy.settings().action_limit {
        // It has none of its own: what ours falls back to holds.
        ActionLimit::Unit => {}
        ActionLimit::After(limit) => openrc.limit = limit,
    }
    match surroundings {
        Surroundings::Callers => openrc,
        Surroundings::Plain | Surroundings::Apart => openrc.in_plain_surroundings(),
    }
}

/// Who supervises the services in `directory` itself, whatever they are linked as elsewhere. `None` where
/// services have no such directories.
pub(super) fn supervisor(
    kind: InitKind,
    directory: &Path,
    policy: &Policy,
    voice: &Voice,
) -> Option<Box<dyn Init>> {
    let directories = vec![directory.to_path_buf()];
    match kind {
        InitKind::Runit => Some(Box::new(on_terms(
            Runit::supervising(directories),
            policy,
            voice,
        ))),
        InitKind::S6 => Some(Box::new(on_terms(
            S6::supervising(directories),
            policy,
            voice,
        ))),
        InitKind::Systemd
        | InitKind::Upstart
        | InitKind::Openrc
        | InitKind::Sysv
        | InitKind::Simulated => None,
    }
}
