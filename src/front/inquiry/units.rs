//! The units that one call of deb-systemd-invoke names: all are asked about before the first is decided
//! on. Whom that asks, and what is decided then.

use crate::decide::also_asked;
use crate::decide::stock::status;
use crate::domain::{Action, Facts, HelperAnswer, InitKind, Known, Request, UnitName, Verdict};
use crate::front::perform::{Case, Session, why};
use crate::init::Init;
use crate::ledger::Entry;
use crate::observe::helper::HelperError;

use super::{Asker, Stuck, is_denied};

/// What policy-rc.d said of the units that one call of deb-systemd-invoke names, before any of them
/// was touched.
#[derive(Debug)]
pub(in crate::front) enum Heard {
    /// original: one denial is a denial for all
    NoneAllowed,
    /// An answer for each request, or none at all where they count for all of them alike.
    Each(Vec<(UnitName, Action, HelperAnswer)>),
}

impl Heard {
    /// What was answered for the request at `index`.
    pub(in crate::front) fn at(&self, index: usize) -> HelperAnswer {
        match self {
            Self::NoneAllowed => HelperAnswer::Absent,
            Self::Each(answers) => answers
                .get(index)
                .map_or(HelperAnswer::Absent, |(_, _, answer)| answer.clone()),
        }
    }

    /// What was answered for a unit that was named itself: it is not asked about twice.
    fn of(&self, unit: &UnitName, action: &Action) -> Option<HelperAnswer> {
        let Self::Each(answers) = self else {
            return None;
        };
        let asked = answers
            .iter()
            .find(|(named, done, _)| named == unit && done == action);
        asked.map(|(_, _, answer)| answer.clone())
    }
}

/// What deb-systemd-invoke decides on.
impl Session {
    /// Asks about each unit that is named, in their order, before anything is done.
    ///
    /// # Errors
    /// When policy-rc.d gave no answer.
    pub(in crate::front) fn hear(
        &self,
        requests: &[Request],
        asker: &mut dyn Asker,
    ) -> Result<Heard, HelperError> {
        if self.policy.settings().strict {
            return self.hear_for_all(requests, asker);
        }
        let mut answers = Vec::new();
        for request in requests {
            let answer = asker.ask(&request.named, request.action.as_str())?;
            answers.push((request.unit.clone(), request.action.clone(), answer));
        }
        Ok(Heard::Each(answers))
    }

    /// original: asks until the first denial, which is a denial for all
    ///
    /// # Errors
    /// When policy-rc.d gave no answer.
    pub(in crate::front) fn hear_for_all(
        &self,
        requests: &[Request],
        asker: &mut dyn Asker,
    ) -> Result<Heard, HelperError> {
        for request in requests {
            let answer = asker.ask(&request.named, request.action.as_str())?;
            if is_denied(&answer) {
                return Ok(Heard::NoneAllowed);
            }
        }
        Ok(Heard::Each(Vec::new()))
    }

    /// Decides about the request at `index` of those that were heard about.
    ///
    /// # Errors
    /// When the init or policy-rc.d gave no answer.
    pub(in crate::front) fn consider_unit(
        &self,
        init: &mut dyn Init,
        (index, request): (usize, Request),
        heard: &Heard,
        asker: &mut dyn Asker,
    ) -> Result<Case, Stuck> {
        let answer = heard.at(index);
        if is_denied(&answer) {
            // Nothing that systemd could say changes this verdict: it need not be disturbed.
            let (kind, machine) = (InitKind::Systemd, Known::default());
            let mut facts = self.unseen(&request, kind, machine);
            facts.helper = answer;
            return Ok(self.decide(request, facts, None));
        }
        let (mut facts, owed) = self.observe(init, &request, None)?;
        facts.helper = answer;
        let case = self.consider_seen(request, (facts, owed), heard, asker)?;
        self.with_company(init, case, asker)
    }

    /// The same where the unit was observed already, and what policy-rc.d said of it is in the facts.
    ///
    /// # Errors
    /// When policy-rc.d gave no answer.
    pub(in crate::front) fn consider_seen(
        &self,
        request: Request,
        (mut facts, owed): (Facts, Option<Entry>),
        heard: &Heard,
        asker: &mut dyn Asker,
    ) -> Result<Case, HelperError> {
        if !self.policy.settings().strict {
            for (other, action) in also_asked(&request, &facts, owed.as_ref()) {
                let answer = match heard.of(&other, &action) {
                    Some(known) => known,
                    None => asker.ask(other.as_str(), action.as_str())?,
                };
                facts.helper_related.push((other, answer));
            }
        }
        let case = self.decide(request, facts, owed);
        match &case.decision.verdict {
            Verdict::FallBack(actions) => {
                let first = actions.first().cloned();
                self.fall_back(case, first, asker)
            }
            _ => Ok(case),
        }
    }

    /// deb-systemd-invoke takes the first action of a fallback list that it can do.
    fn fall_back(
        &self,
        mut case: Case,
        action: Option<String>,
        asker: &mut dyn Asker,
    ) -> Result<Case, HelperError> {
        let Some(word) = action else {
            case.decision.verdict = Verdict::Deny;
            return Ok(case);
        };
        let unit = &case.facts.unit.id;
        let why = why(&case.decision);
        asker.warn(&format!("executing \"{word}\" of {unit} instead: {why}"));
        let request = Request {
            action: Action::parse(&word),
            ..case.request
        };
        // policy-rc.d's own list is its answer; about a rule's list it is asked.
        let own = matches!(&case.facts.helper, HelperAnswer::Said { status, .. } if *status == status::FALLBACK);
        let helper = if own || self.policy.settings().strict {
            HelperAnswer::Absent
        } else {
            asker.ask(&request.named, request.action.as_str())?
        };
        let facts = Facts {
            helper,
            ..case.facts
        };
        Ok(self.decide_listed(request, facts, case.owed))
    }
}
