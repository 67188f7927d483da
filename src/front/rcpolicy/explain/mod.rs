//! `rcpolicy explain SERVICE ACTION`: what a call would come to and why, by the code that would carry
//! it out. It changes nothing, and runs policy-rc.d only when told to.

mod arguments;
mod asking;
mod ending;
mod gate;
mod invoke;
mod outside;
mod scene;
mod service;
mod step;
mod template;
mod told;
mod units;

use super::{Ending, Failure, Place, definitions};
use crate::domain::{Context, FrontEnd, InitKind, Request};
use crate::front::inquiry::Stuck;
use crate::front::perform::Session;
use crate::init::Init;
use crate::observe::bypass;
use crate::observe::detect;
use crate::observe::life::life_under;
use crate::observe::offline::{self, Reach};
use crate::policy::{self, Keep, Mode, Roots};
use crate::report::Voice;
use crate::report::console::Console;
use crate::report::explain::Explanation;
use crate::report::log::verdict_word;

pub(super) use self::arguments::Arguments;
use self::asking::Permission;
use self::outside::Silence;
use self::scene::Scene;
use self::told::Told;

/// How long an init is waited for: a person looks on.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let request = arguments.request(place.seconds())?;
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    for problem in policy.problems() {
        console.complain(problem);
    }
    let systemd = place.systemd(&policy);
    let session = Session {
        ledger: place.ledger().ok(),
        log: place.log(),
        now: place.seconds(),
        began: 0,
        context: Context::default(),
        voice: Voice::new("rcpolicy"),
        policy,
    };
    let mut scene = Scene {
        kind: detect::init_under(&place.root),
        away: is_away(place),
        place,
        permission: match arguments.ask {
            true => Permission::Given,
            false => Permission::Withheld,
        },
        session,
        told: Told::default(),
    };
    let explanation = match systemd {
        Ok(mut init) => {
            init.set_wait(PATIENCE);
            scene.explain(Ok(&mut init), &request)
        }
        Err(error) => scene.explain(Err(error.to_string()), &request),
    };
    if arguments.json {
        console.say(explanation.json()?);
    } else {
        console.say(explanation.text(&verdict_word(&explanation.verdict)));
    }
    Ok(Ending::Done)
}

fn is_away(place: &Place) -> bool {
    match place.root.as_os_str() == "/" {
        true => offline::reach() == Reach::Offline,
        false => life_under(&place.root).is_none(),
    }
}

/// An init to ask, or why there is none.
type Asked<'a> = Result<&'a mut dyn Init, String>;

impl Scene<'_> {
    fn explain(&mut self, init: Asked<'_>, request: &Request) -> Explanation {
        self.look_around();
        self.tell_definition(request);
        let under_systemd = self.kind == InitKind::Systemd;
        let invoked = request.front == FrontEnd::InvokeRcD;
        let result = match (under_systemd, invoked, init) {
            (true, _, _) if self.away => return self.left_to_stock(request),
            (false, false, _) => return self.left_to_stock(request),
            (false, true, _) => self.by_own_or_script(request),
            (true, _, Err(why)) => return self.unreached(request, &why, Silence::Away),
            (true, _, Ok(init)) if self.is_template(request) => self.for_instances(init, request),
            (true, true, Ok(init)) => self.by_unit(init, request),
            (true, false, Ok(init)) => self.one_of_units(init, request),
        };
        match result {
            Ok(explanation) => explanation,
            Err(Stuck::Init(error)) => {
                self.unreached(request, &error.to_string(), Silence::from(&error))
            }
            Err(Stuck::Helper(error)) => self.unanswered(request, &error),
        }
    }

    fn is_template(&self, request: &Request) -> bool {
        let session = &self.session;
        session.is_for_instances(&request.unit, &request.action)
    }

    /// What its service is started by, where that is not what packages brought.
    fn tell_definition(&mut self, request: &Request) {
        if self.away || !definitions::may_be_any(self.place) {
            return;
        }
        let (policy, service) = (&self.session.policy, request.unit.service());
        for kept in definitions::all(self.place, policy) {
            let found = kept.survey().unwrap_or_default().into_iter();
            for looked in found.filter(|looked| looked.service == service) {
                let logger = kept.is_logger_waiting(policy, &looked.service);
                if let Some(told) = definitions::said(&looked, &kept.places, logger) {
                    self.told
                        .seen(&format!("definition of {service}"), told.says);
                }
            }
        }
    }

    fn look_around(&mut self) {
        self.told.seen("init", self.kind.as_str());
        if self
            .place
            .path(bypass::DIRECTORY)
            .join(bypass::NAME)
            .exists()
        {
            let text = "the bypass is on: the stock tool gets every call, and this is what would be \
                        decided without it";
            self.told.notes.push(text.to_owned());
        }
        let settings = self.session.policy.settings();
        if settings.mode == Mode::Observe {
            let text = "the policy only observes: the stock tool gets every call, and this is what \
                        would be decided otherwise";
            self.told.notes.push(text.to_owned());
        }
        if settings.strict {
            self.told.seen("compatibility", "strict");
        }
    }
}

#[cfg(test)]
mod tests;
