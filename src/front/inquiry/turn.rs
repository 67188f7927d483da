//! One action in its turn, as invoke-rc.d comes to it: asked for by the caller, or from a list that
//! takes its place. Whom that asks, and what is decided then.

use crate::decide::also_asked;
use crate::domain::{
    Decision, Facts, HelperAnswer, InitKind, Known, Machine, Manner, Reason, Request, Source,
    UnitFacts, Verdict,
};
use crate::front::local::GoingDown;
use crate::front::perform::{Case, Session};
use crate::front::scripts::Scripts;
use crate::init::Init;
use crate::ledger::Entry;
use crate::observe::helper::HelperError;

use super::{Asker, Stuck};

/// Where an action comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front) enum Origin {
    /// The caller asked for it.
    Caller,
    /// It stands in policy-rc.d's list of fallbacks: no other list takes its place.
    Helper,
    /// It stands in a rule's list of fallbacks: no other list takes its place.
    Rule,
}

impl Origin {
    /// Where the judged `actions` come from, where the caller asked for `asked`.
    pub(in crate::front) fn of(actions: &[String], asked: &str) -> Self {
        match actions {
            [only] if only == asked => Self::Caller,
            _ => Self::Helper,
        }
    }
}

/// One action in its turn, as invoke-rc.d comes to it.
#[derive(Debug)]
pub(in crate::front) struct Turn {
    pub(in crate::front) request: Request,
    pub(in crate::front) origin: Origin,
    pub(in crate::front) going_down: GoingDown,
    /// What was already found out about the unit.
    pub(in crate::front) known: Option<UnitFacts>,
}

impl Turn {
    /// About what the caller asked for policy-rc.d was asked before, and its own list is its answer.
    fn ask_again(&self, asker: &mut dyn Asker) -> Result<HelperAnswer, HelperError> {
        match (self.origin, self.going_down) {
            (Origin::Rule, GoingDown::No) => {
                asker.ask(&self.request.named, self.request.action.as_str())
            }
            (Origin::Caller | Origin::Helper, _) | (Origin::Rule, GoingDown::Yes) => {
                Ok(HelperAnswer::Absent)
            }
        }
    }

    /// Asks about what the action would bring back or turn into.
    fn ask_besides(
        &self,
        facts: &mut Facts,
        owed: Option<&Entry>,
        asker: &mut dyn Asker,
    ) -> Result<(), HelperError> {
        if self.going_down == GoingDown::Yes {
            return Ok(());
        }
        for (unit, action) in also_asked(&self.request, facts, owed) {
            let answer = asker.ask(unit.service().as_str(), action.as_str())?;
            facts.helper_related.push((unit, answer));
        }
        Ok(())
    }

    fn decide(self, session: &Session, facts: Facts, owed: Option<Entry>) -> Case {
        match self.origin {
            Origin::Caller => session.decide(self.request, facts, owed),
            Origin::Helper | Origin::Rule => session.decide_listed(self.request, facts, owed),
        }
    }
}

/// What invoke-rc.d decides on.
impl Session {
    /// Decides about an action that the init itself would carry out.
    ///
    /// # Errors
    /// When the init or policy-rc.d gave no answer.
    pub(in crate::front) fn consider(
        &self,
        init: &mut dyn Init,
        mut turn: Turn,
        asker: &mut dyn Asker,
    ) -> Result<Case, Stuck> {
        let (mut facts, owed) = self.observe(init, &turn.request, turn.known.take())?;
        facts.helper = turn.ask_again(asker)?;
        if turn.going_down == GoingDown::Yes {
            facts.machine = Known::Is(Machine::Stopping);
        }
        turn.ask_besides(&mut facts, owed.as_ref(), asker)?;
        let case = turn.decide(self, facts, owed);
        self.with_company(init, case, asker)
    }

    /// Decides about an action of an init script, whose init cannot be asked.
    ///
    /// # Errors
    /// When policy-rc.d gave no answer.
    pub(in crate::front) fn consider_script(
        &self,
        kind: InitKind,
        mut turn: Turn,
        asker: &mut dyn Asker,
    ) -> Result<Case, HelperError> {
        let machine = match turn.going_down {
            GoingDown::Yes => Known::Is(Machine::Stopping),
            GoingDown::No => self.outside(),
        };
        let mut facts = self.unseen(&turn.request, kind, machine);
        // What the script itself has said; one without a job of its init is no news.
        if let Some(unit) = turn.known.take().filter(|unit| !unit.is_missing()) {
            facts.unit = unit;
        }
        facts.helper = turn.ask_again(asker)?;
        let owed = self.owed_to(&turn.request.unit.service());
        Ok(turn.decide(self, facts, owed))
    }

    /// The same with the members of its group, where scripts are all that there is: whether those of other
    /// inits run is not known.
    ///
    /// # Errors
    /// When the scripts cannot be listed, or policy-rc.d gave no answer.
    pub(in crate::front) fn consider_scripts(
        &self,
        scripts: &mut Scripts,
        turn: Turn,
        asker: &mut dyn Asker,
    ) -> Result<Case, Stuck> {
        let kind = scripts.kind();
        let asks = kind.manner() == Manner::Scripts && turn.going_down == GoingDown::No;
        let case = self.consider_script(kind, turn, asker)?;
        match asks {
            true => self.with_company(scripts, case, asker),
            false => Ok(case),
        }
    }

    /// A service that is disabled is not started, but what its stop took down comes back: `None`
    /// where there is no such thing, or where it may not.
    ///
    /// # Errors
    /// When the init or policy-rc.d gave no answer.
    pub(in crate::front) fn consider_disabled(
        &self,
        init: &mut dyn Init,
        mut turn: Turn,
        asker: &mut dyn Asker,
    ) -> Result<Option<Case>, Stuck> {
        let (mut facts, owed) = self.observe(init, &turn.request, turn.known.take())?;
        if owed.is_none() {
            return Ok(None);
        }
        turn.ask_besides(&mut facts, owed.as_ref(), asker)?;
        let mut case = self.decide(turn.request, facts, owed);
        if case.decision.verdict == Verdict::Deny {
            return Ok(None);
        }
        let source = Source::Unit(case.facts.unit.id.to_string());
        let reason = Reason::new(source, "is disabled and not running");
        case.decision = Decision::because(Verdict::Nothing, reason);
        self.with_company(init, case, asker).map(Some)
    }
}
