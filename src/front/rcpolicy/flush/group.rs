//! Groups in a flush: what is restarted takes the running members of its group along. Each of them is a
//! debt of its own from then on, noted before anything goes down, so that none is lost on the way.

use crate::domain::{Action, HelperAnswer, UnitName};
use crate::front::inquiry::Asker;
use crate::front::perform::{Case, why};
use crate::init::Init;
use crate::ledger::{Due, Entry, Owed};
use crate::observe::helper::HelperError;

use super::payer::Payer;
use super::together::Member;

/// Puts questions to policy-rc.d in the words of the tool that a note came by.
struct InItsWords<'a> {
    payer: &'a Payer<'a>,
    entry: &'a Entry,
}

impl Asker for InItsWords<'_> {
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        match UnitName::parse(name) {
            Ok(unit) => self.payer.ask_helper(self.entry, &unit, action),
            // Only units' names are asked about.
            Err(_) => Ok(HelperAnswer::Absent),
        }
    }

    fn tell(&mut self, text: &str) {
        self.payer.session.voice.error(text);
    }

    fn warn(&mut self, text: &str) {
        self.payer.session.voice.warn(text);
    }
}

impl Payer<'_> {
    /// Adds to `case`, which pays `entry`, what its group is asked for because of it.
    ///
    /// # Errors
    /// When the init or policy-rc.d gave no answer.
    pub(super) fn with_group(
        &self,
        init: &mut dyn Init,
        case: Case,
        entry: &Entry,
    ) -> Result<Case, String> {
        let payer = self;
        let mut asker = InItsWords { payer, entry };
        let case = self.session.with_company(init, case, &mut asker);
        case.map_err(|stuck| stuck.why())
    }

    /// The debt `entry`, and those of the members of its group that go along.
    pub(super) fn members(&self, entry: Entry, mut case: Case) -> Vec<Member> {
        let companions = std::mem::take(&mut case.companions);
        let mut members = Vec::with_capacity(companions.len() + 1);
        for companion in companions {
            if let Some(owed) = self.owed_along(&entry, &companion) {
                members.push(Member::new(self, owed, companion));
            }
        }
        members.push(Member::new(self, entry, case));
        members
    }

    /// What is noted of a member that goes along with `entry`; `None` where it can not be: then it
    /// goes on as it is.
    fn owed_along(&self, entry: &Entry, companion: &Case) -> Option<Entry> {
        let ledger = self.session.ledger.as_ref()?;
        let noted = companion.owed.as_ref();
        let due = noted.and_then(|noted| noted.owed.as_ref().map(|owed| owed.due));
        let restarts = matches!(due, Some(Due::Restart | Due::TryRestart));
        if restarts || companion.request.action == Action::Start {
            return noted.cloned();
        }
        let unit = companion.facts.unit.id.clone();
        let because = why(&companion.decision);
        let now = self.session.now;
        let mut note = Entry::new(
            unit,
            ledger.life().clone(),
            entry.who.clone(),
            now,
            &because,
        );
        note.owed = Some(Owed {
            due: Due::Restart,
            until: entry.who.until(),
            reasons: companion.decision.reasons.clone(),
            at: Some(self.clock.get()),
            begun: None,
        });
        let service = note.service.clone();
        let noted = ledger.lock().and_then(|mut locked| {
            locked.merge(note)?;
            locked.current(&service)
        });
        noted.unwrap_or_else(|error| {
            self.session.voice.warn(&error.to_string());
            None
        })
    }
}
