//! A template, explained: which instances it stands for. What becomes of each is explained for itself.

use crate::domain::{Decision, Reason, Request, Source, Verdict};
use crate::front::inquiry::Stuck;
use crate::front::perform::Case;
use crate::init::Init;
use crate::report::explain::Explanation;

use super::scene::Scene;

impl Scene<'_> {
    /// Under systemd, for a request that names a template.
    pub(super) fn for_instances(
        &mut self,
        init: &mut dyn Init,
        request: &Request,
    ) -> Result<Explanation, Stuck> {
        let action = &request.action;
        let instances = self.session.instances(init, &request.unit, action)?;
        let steps: Vec<String> = instances
            .iter()
            .map(|unit| format!("{action} of {unit}, as explained for itself"))
            .collect();
        let text = match steps.is_empty() {
            true => "a template stands for its instances, and none is concerned",
            false => "a template stands for those of its instances that run or went down with it",
        };
        let reason = Reason::new(Source::BuiltIn, text);
        let decision = Decision::because(Verdict::Run(action.clone()), reason);
        let outside = self.session.outside();
        let facts = self.session.unseen(request, self.kind, outside);
        let case = Case::new(request.clone(), facts, decision, None);
        Ok(self.conclude(request, case, steps))
    }
}
