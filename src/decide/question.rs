//! The question that a request puts to the policy, and what policy-rc.d's answer amounts to. Pure.

use crate::domain::{Action, Facts, FrontEnd, HelperAnswer, Request, ServiceName};
use crate::policy::Question;

use super::stock::status;

/// What policy-rc.d's answer amounts to, as the asking tool takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clearance {
    /// Nobody was asked.
    Absent,
    /// Go on.
    Allowed(u8),
    /// Do not.
    Denied(u8),
    /// These actions instead, in turn.
    Fallback(Vec<String>),
    /// invoke-rc.d ends with this status; deb-systemd-invoke goes on, as stock does.
    Error(u8),
}

/// Takes policy-rc.d's answer as `front` takes it.
pub fn clearance(front: FrontEnd, answer: &HelperAnswer) -> Clearance {
    match answer {
        HelperAnswer::Absent => Clearance::Absent,
        HelperAnswer::Said {
            status: said,
            stdout,
        } => match *said {
            0 | 1 | status::ALLOWED | status::UNDEFINED => Clearance::Allowed(*said),
            status::DENIED => Clearance::Denied(*said),
            status::FALLBACK => {
                Clearance::Fallback(stdout.split_whitespace().map(str::to_owned).collect())
            }
            // original: deb-systemd-invoke warns and goes on
            other if front == FrontEnd::DebSystemdInvoke => Clearance::Allowed(other),
            other => Clearance::Error(other),
        },
    }
}

/// The question to the policy about `service` and `action`, with all else as in the request.
pub(super) fn question<'a>(
    request: &'a Request,
    facts: &Facts,
    service: &'a ServiceName,
    action: &'a Action,
) -> Question<'a> {
    Question {
        service,
        action,
        phase: request.context.phase,
        package: request.context.package.as_deref(),
        init: facts.init,
        scope: request.scope,
        machine: facts.machine.get().copied(),
        asked: &request.flags,
    }
}
