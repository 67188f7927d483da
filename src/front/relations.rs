//! How far around a unit is looked before it is decided about: no farther than the decision needs.

use crate::domain::{Action, Facts, Phase, Request, Scope, UnitFacts, UnitKind};
use crate::ledger::Entry;
use crate::policy::{Policy, Question};

/// Nothing is observed that the decision does not need.
pub(super) fn needs_relations(request: &Request, unit: &UnitFacts) -> bool {
    let kind = unit.id.kind();
    let trigger = kind.is_trigger() || kind == UnitKind::Target;
    let stopped_before = request.context.phase == Phase::Upgrade && unit.is_down();
    match request.action {
        Action::Stop => true,
        Action::Start | Action::Restart | Action::TryRestart => trigger || stopped_before,
        Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => trigger,
    }
}

/// Whether the request may come to a restart of what runs, with which something could fall that the
/// admin denies a restart.
pub(super) fn may_renew_denied(
    request: &Request,
    facts: &Facts,
    policy: &Policy,
    noted: Option<&Entry>,
) -> bool {
    let renews = match request.action {
        Action::Restart | Action::TryRestart | Action::Reload | Action::ForceReload => true,
        // Only after a stop of ours.
        Action::Start => noted.is_some_and(|entry| entry.kept_running || entry.quiesced.is_some()),
        Action::Stop | Action::ForceStop | Action::Status | Action::Other(_) => false,
    };
    if !renews || request.scope == Scope::User || facts.unit.is_down() {
        return false;
    }
    let restart = Question {
        service: &facts.unit.id.service(),
        action: &Action::Restart,
        phase: request.context.phase,
        package: request.context.package.as_deref(),
        init: facts.init,
        scope: request.scope,
        machine: facts.machine.get().copied(),
        asked: &request.flags,
    };
    // Where its own is denied that is the end of it.
    policy.may_deny(&restart) && policy.denies(&restart).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::decide;
    use crate::domain::{Context, FrontEnd, Job, Verb, Verdict, Wait};
    use crate::front::perform::Session;
    use crate::init::Init;
    use crate::init::simulated::{Flavour, Image, Simulated, Spec};
    use crate::policy::{Hold, Holds, Origin};
    use crate::report::Voice;
    use crate::report::log::Log;
    use crate::testing::name;

    /// What becomes of an upgrade's restart of containerd, which docker requires, and of how many other
    /// units the init was asked for it.
    fn restart(holds: Holds) -> (Verdict, usize) {
        let mut init = Simulated::new(Flavour::Systemd, 7);
        let mut docker = Spec::new(name("docker"));
        docker.requires = vec![name("containerd")];
        for spec in [Spec::new(name("containerd")), docker] {
            let job = Job::new(Verb::Start, spec.name.clone());
            init.add(spec, Image::Whole(1));
            let _ended = init.run(&[job], Wait::Done).unwrap();
        }
        let session = Session {
            policy: Policy::new(Origin::Current, Vec::new(), Vec::new()).with_holds(holds),
            ledger: None,
            log: Log::default(),
            now: 1,
            began: 0,
            context: Context {
                phase: Phase::Upgrade,
                ..Context::default()
            },
            voice: Voice::new("test"),
        };
        let request = Request {
            front: FrontEnd::InvokeRcD,
            named: "containerd".to_owned(),
            unit: name("containerd"),
            action: Action::Restart,
            flags: Vec::new(),
            scope: Scope::System,
            context: session.context.clone(),
        };
        let (facts, owed) = session.observe(&mut init, &request, None).unwrap();
        let decision = decide(&request, &facts, &session.policy, owed.as_ref());
        (decision.verdict, facts.related.len())
    }

    #[test]
    fn a_plain_restart_looks_at_what_requires_the_service_only_where_something_is_denied() {
        assert_eq!(
            restart(Holds::default()),
            (Verdict::Run(Action::Restart), 0)
        );
        let mut holds = Holds::default();
        let hold = Hold::new(name("docker").service(), 0, 9, "cable");
        holds.add("docker.json", "holds/docker.json".to_owned(), Ok(hold), 1);
        let (verdict, related) = restart(holds);
        assert!(matches!(verdict, Verdict::Defer { .. }), "{verdict:?}");
        assert_eq!(related, 1);
    }
}
