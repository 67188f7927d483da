//! The way of invoke-rc.d where the init may have the service itself, as runit, s6 and OpenRC may: what
//! it does not have is an init script's business.

use std::path::Path;

use crate::domain::{Manner, Request, Source, UnitFacts};
use crate::front::inquiry::Stuck;
use crate::front::local;
use crate::front::machine::{self, Picked};
use crate::report::explain::Explanation;

use super::gate::{Opening, opening};
use super::invoke::Turns;
use super::scene::{Scene, begun_with};

impl Scene<'_> {
    /// By the init where it has the service itself, and by its init script elsewhere.
    pub(super) fn by_own_or_script(&mut self, request: &Request) -> Result<Explanation, Stuck> {
        match self.own_service(request)? {
            Some((init, unit)) => self.by_service(init, unit, request),
            None => self.by_script(request),
        }
    }

    fn own_service(&mut self, request: &Request) -> Result<Option<(Picked, UnitFacts)>, Stuck> {
        let here = !self.away && self.place.root == Path::new("/");
        if self.kind.manner() != Manner::Services || !here {
            return Ok(None);
        }
        let own = machine::own_service(&self.session, self.kind, request)?;
        if own.is_none() {
            self.kind = self.kind.of_scripts();
        }
        Ok(own)
    }

    fn by_service(
        &mut self,
        Picked(mut init): Picked,
        unit: UnitFacts,
        request: &Request,
    ) -> Result<Explanation, Stuck> {
        let found = local::level_without_init(self.root());
        let level = self.told.level(&found);
        let (options, passage) =
            self.at_gate(request, (&level, found.going_down), |gate, asker| {
                gate.by_service(&unit, asker)
            });
        let noted = self.noted(init.as_mut(), request)?;
        let request = begun_with(request.clone(), noted);
        let turns = Turns {
            request: &request,
            level: &level,
            going_down: found.going_down,
            known: Some(unit),
        };
        let source = Source::Unit(request.unit.to_string());
        match opening(passage, options, source, &mut self.told) {
            Opening::Open(actions) => self.in_turn(&turns, actions, &mut |session, turn, asker| {
                session.consider(init.as_mut(), turn, asker)
            }),
            Opening::Shut(decision) | Opening::Disabled(decision) => {
                Ok(self.shut(&turns, decision))
            }
        }
    }
}
