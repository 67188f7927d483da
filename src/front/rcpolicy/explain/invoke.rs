//! The way of invoke-rc.d, explained: runlevel, gate, and then each action in its turn. Whom it asks,
//! and in which order, is the drop-in's own code.

use crate::decide::stock::status;
use crate::domain::{Action, Decision, Reason, Request, Source, UnitFacts, Verdict, Wait};
use crate::front::inquiry::{Asker, Origin, Stuck, Turn};
use crate::front::local::{self, GoingDown};
use crate::front::perform::{Case, Session, why};
use crate::front::scripts::Scripts;
use crate::front::way::{self, Way};
use crate::init::Init;
use crate::report::explain::Explanation;
use crate::report::log::verdict_word;

use super::asking::Asking;
use super::gate::{Opening, opening};
use super::scene::{Scene, begun_with};

/// What the turns of one call have in common.
pub(super) struct Turns<'a> {
    pub(super) request: &'a Request,
    pub(super) level: &'a str,
    pub(super) going_down: GoingDown,
    pub(super) known: Option<UnitFacts>,
}

/// How the drop-in decides about one turn on this init.
pub(super) type Consider<'a> =
    &'a mut dyn FnMut(&Session, Turn, &mut dyn Asker) -> Result<Case, Stuck>;

impl Turns<'_> {
    fn turn(&self, word: &str, origin: Origin) -> Turn {
        Turn {
            request: Request {
                action: Action::parse(word),
                ..self.request.clone()
            },
            origin,
            going_down: self.going_down,
            known: self.known.clone(),
        }
    }
}

impl Scene<'_> {
    /// On an init that runs scripts.
    pub(super) fn by_script(&mut self, request: &Request) -> Result<Explanation, Stuck> {
        let found = local::level_without_init(self.root());
        let level = self.told.level(&found);
        self.tell_links(request, &level);
        let (options, passage) =
            self.at_gate(request, (&level, found.going_down), |gate, asker| {
                gate.by_links(asker)
            });
        let turns = Turns {
            request,
            level: &level,
            going_down: found.going_down,
            known: None,
        };
        match opening(passage, options, Source::Links, &mut self.told) {
            Opening::Open(actions) => {
                let scripts = Scripts::here(self.kind, &level);
                let mut scripts = scripts.in_plain_surroundings(self.root());
                self.in_turn(&turns, actions, &mut |session, turn, asker| {
                    session.consider_scripts(&mut scripts, turn, asker)
                })
            }
            Opening::Shut(decision) | Opening::Disabled(decision) => {
                Ok(self.shut(&turns, decision))
            }
        }
    }

    fn tell_links(&mut self, request: &Request, level: &str) {
        let (name, action) = (&request.named, &request.action);
        let (links, wrong) = local::by_links(&self.place.root, level, name, action);
        for text in wrong {
            self.told.seen("link", text);
        }
        if action.needs_link() {
            let text = match links {
                Some(status::ALLOWED) => "a start link",
                Some(_) | None => "no start link",
            };
            self.told.seen("links of this runlevel", text);
        }
        let script = self.init_script(name);
        self.told.seen("init script", script);
    }

    /// Under systemd.
    pub(super) fn by_unit(
        &mut self,
        init: &mut dyn Init,
        request: &Request,
    ) -> Result<Explanation, Stuck> {
        let found = local::level(self.root(), self.kind, init)?;
        let level = self.told.level(&found);
        let (options, passed) = self.at_gate(request, (&level, found.going_down), |gate, asker| {
            gate.by_unit(init, asker)
        });
        let (passage, known) = passed?;
        let noted = self.noted(init, request)?;
        let request = begun_with(request.clone(), noted);
        let turns = Turns {
            request: &request,
            level: &level,
            going_down: found.going_down,
            known,
        };
        let source = Source::Unit(request.unit.to_string());
        match opening(passage, options, source, &mut self.told) {
            Opening::Open(actions) => self.in_turn(&turns, actions, &mut |session, turn, asker| {
                session.consider(init, turn, asker)
            }),
            Opening::Shut(decision) => Ok(self.shut(&turns, decision)),
            Opening::Disabled(decision) => self.disabled(init, &turns, decision),
        }
    }

    /// The actions are tried in turn, until one succeeds: what the first comes to.
    pub(super) fn in_turn(
        &mut self,
        turns: &Turns<'_>,
        judged: Vec<String>,
        consider: Consider<'_>,
    ) -> Result<Explanation, Stuck> {
        let origin = Origin::of(&judged, turns.request.action.as_str());
        let (case, way) = self.first(turns, &judged, origin, consider)?;
        match (way, origin) {
            (Way::Instead(listed), Origin::Caller) => {
                let decision = case.decision;
                let (case, way) = self.first(turns, &listed, Origin::Rule, consider)?;
                Ok(self.listed(turns, (decision, listed), case, &way))
            }
            (way, Origin::Caller) => {
                let steps = self.steps_of(&way, &case, Wait::Done);
                Ok(self.conclude(turns.request, case, steps))
            }
            (way, Origin::Helper | Origin::Rule) => {
                let status = status::FALLBACK;
                let reason = Reason::new(Source::PolicyRcD { status }, "asks for other actions");
                let verdict = Verdict::FallBack(judged.clone());
                let decision = Decision::because(verdict, reason);
                Ok(self.listed(turns, (decision, judged), case, &way))
            }
        }
    }

    fn first(
        &mut self,
        turns: &Turns<'_>,
        actions: &[String],
        origin: Origin,
        consider: Consider<'_>,
    ) -> Result<(Case, Way), Stuck> {
        let word = actions.first().map_or("", String::as_str);
        let mut asking = Asking::new(self.helper(), self.permission, &mut self.told)
            .in_runlevel(turns.level, turns.going_down);
        let case = consider(&self.session, turns.turn(word, origin), &mut asking)?;
        let way = way::of_invoke_rc_d(&case, word);
        Ok((case, way))
    }

    fn listed(
        &mut self,
        turns: &Turns<'_>,
        (decision, actions): (Decision, Vec<String>),
        first: Case,
        way: &Way,
    ) -> Explanation {
        let mut steps = self.steps_of(&Way::Instead(actions), &first, Wait::Done);
        steps.extend(self.steps_of(way, &first, Wait::Done));
        self.told.notes.push(format!(
            "{} comes first, which is decided as: {}, because {}",
            first.request.action,
            verdict_word(&first.decision.verdict),
            why(&first.decision)
        ));
        self.conclude(turns.request, Case { decision, ..first }, steps)
    }

    /// A service that is disabled is not started, but what its stop took down comes back.
    fn disabled(
        &mut self,
        init: &mut dyn Init,
        turns: &Turns<'_>,
        decision: Decision,
    ) -> Result<Explanation, Stuck> {
        let mut asking = Asking::new(self.helper(), self.permission, &mut self.told)
            .in_runlevel(turns.level, turns.going_down);
        let turn = turns.turn(turns.request.action.as_str(), Origin::Caller);
        let Some(case) = self.session.consider_disabled(init, turn, &mut asking)? else {
            return Ok(self.shut(turns, decision));
        };
        let steps = self.steps_of(&Way::Plan, &case, Wait::Done);
        let text = "the service is not started, but what its stop took down comes back";
        self.told.notes.push(text.to_owned());
        Ok(self.conclude(turns.request, Case { decision, ..case }, steps))
    }

    /// The gate did not let the action pass.
    pub(super) fn shut(&mut self, turns: &Turns<'_>, decision: Decision) -> Explanation {
        let request = turns.request.clone();
        let mut facts = self
            .session
            .unseen(&request, self.kind, self.session.outside());
        if let Some(known) = &turns.known {
            facts.unit = known.clone();
        }
        let owed = self.session.owed_to(&request.unit.service());
        let case = Case::new(request, facts, decision, owed);
        let way = way::of_invoke_rc_d(&case, case.request.action.as_str());
        let steps = self.steps_of(&way, &case, Wait::Done);
        self.conclude(turns.request, case, steps)
    }
}
