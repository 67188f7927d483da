//! The way of deb-systemd-invoke, explained: policy-rc.d first, then the unit. Whom it asks, and in
//! which order, is the drop-in's own code.

use crate::decide::stock::status;
use crate::domain::{Decision, InitKind, Known, Reason, Request, Source, Verdict, Wait};
use crate::front::inquiry::{Heard, Stuck};
use crate::front::perform::Case;
use crate::front::way;
use crate::init::Init;
use crate::report::explain::Explanation;

use super::asking::Asking;
use super::scene::{Scene, begun_with};

impl Scene<'_> {
    /// Under systemd, for one unit.
    pub(super) fn one_of_units(
        &mut self,
        init: &mut dyn Init,
        request: &Request,
    ) -> Result<Explanation, Stuck> {
        let mut asking = Asking::new(self.helper(), self.permission, &mut self.told);
        let heard = self
            .session
            .hear(std::slice::from_ref(request), &mut asking)?;
        if let Heard::NoneAllowed = heard {
            return Ok(self.none_allowed(request));
        }
        let noted = self.noted(init, request)?;
        let begun = begun_with(request.clone(), noted);
        let mut asking = Asking::new(self.helper(), self.permission, &mut self.told);
        let case = self
            .session
            .consider_unit(init, (0, begun), &heard, &mut asking)?;
        let way = way::of_deb_systemd_invoke(&case);
        let steps = self.steps_of(&way, &case, Wait::Done);
        Ok(self.conclude(request, case, steps))
    }

    /// original: one denial is a denial for all units that are named
    fn none_allowed(&mut self, request: &Request) -> Explanation {
        let status = status::DENIED;
        let text = "denies it, and with it all that the call names";
        let reason = Reason::new(Source::PolicyRcD { status }, text);
        let session = &self.session;
        let facts = session.unseen(request, InitKind::Systemd, Known::default());
        let decision = Decision::because(Verdict::Deny, reason);
        let case = Case::new(request.clone(), facts, decision, None);
        self.conclude(request, case, Vec::new())
    }
}
