//! Where our tools do not come to a decision of their own: the stock tool goes on, and only an admin's
//! deny holds. Also what is said where a question got no answer.

use crate::decide::stock::status;
use crate::domain::{
    Action, Decision, Facts, FrontEnd, InitKind, Known, Reason, Request, Scope, Source, Verdict,
};
use crate::front::handover::stock_path;
use crate::front::inquiry::{Asker, is_denied};
use crate::front::local::{self, GoingDown};
use crate::front::perform::Case;
use crate::init::InitError;
use crate::ledger::Due;
use crate::observe::helper::HelperError;
use crate::report::explain::Explanation;

use super::asking::Asking;
use super::scene::Scene;

/// What kind of silence met a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The init is away and may come back.
    Away,
    /// It refuses, or somebody else answers.
    Refused,
}

impl From<&InitError> for Silence {
    fn from(error: &InitError) -> Self {
        match error.is_away() {
            true => Self::Away,
            false => Self::Refused,
        }
    }
}

/// Whether the drop-in notes the action down when systemd stays away.
fn is_notable(request: &Request) -> bool {
    let native = match request.front {
        FrontEnd::InvokeRcD => true,
        FrontEnd::DebSystemdInvoke | FrontEnd::Rcpolicy => {
            !matches!(request.action, Action::ForceReload | Action::ForceStop)
        }
    };
    native && request.scope == Scope::System && Due::try_from(&request.action).is_ok()
}

impl Scene<'_> {
    /// Where our tool does not touch the init.
    pub(super) fn left_to_stock(&mut self, request: &Request) -> Explanation {
        let mut case = self.decide_unseen(request);
        if case.decision.verdict == Verdict::Deny {
            return self.conclude(request, case, Vec::new());
        }
        self.ask_as_stock(request);
        let why = match self.away {
            true => "systemd is not touched from a chroot, or when told to stay offline",
            false => "it works with systemd alone",
        };
        let reason = Reason::new(Source::BuiltIn, why);
        case.decision = Decision::because(Verdict::Run(request.action.clone()), reason);
        if self.away {
            let text =
                "nobody was contacted; the stock tool lets systemctl ignore the call as well";
            self.told.notes.push(text.to_owned());
        }
        let path = stock_path(request.front);
        let steps = vec![format!("the stock tool takes over: {path}")];
        self.conclude(request, case, steps)
    }

    /// The question that the stock tool asks: where systemctl ignores questions, every unit passes
    /// for enabled, and the system for up.
    fn ask_as_stock(&mut self, request: &Request) {
        let found = local::level_offline(self.root());
        let asking = Asking::new(self.helper(), self.permission, &mut self.told);
        let mut asking = match request.front {
            FrontEnd::InvokeRcD => {
                let level = found.name.as_deref().unwrap_or_default();
                asking.in_runlevel(level, found.going_down)
            }
            FrontEnd::DebSystemdInvoke | FrontEnd::Rcpolicy => {
                asking.in_runlevel("", GoingDown::No)
            }
        };
        let answer = asking.ask(&request.named, request.action.as_str());
        if answer.is_ok_and(|answer| is_denied(&answer)) {
            let text = "policy-rc.d denies it to the stock tool";
            self.told.notes.push(text.to_owned());
        }
    }

    /// systemd gave no answer: the drop-ins wait for it, and note down what they can.
    pub(super) fn unreached(
        &mut self,
        request: &Request,
        why: &str,
        silence: Silence,
    ) -> Explanation {
        self.told.unknown("what systemd says", why);
        let mut case = self.decide_unseen(request);
        case.facts.machine = Known::Unknown(why.to_owned());
        let path = stock_path(request.front);
        let is_noted = silence == Silence::Away && is_notable(request);
        let asked = match is_noted {
            true => "`rcpolicy flush` asks it, before it does what was noted down".to_owned(),
            false => format!("{path} asks it, once it has taken over"),
        };
        self.told.unknown("policy-rc.d", asked);
        let steps = match (&case.decision.verdict, is_noted) {
            (Verdict::Deny, _) => Vec::new(),
            (_, true) => vec![
                "wait for systemd; unless it answers by then, note the action down for `rcpolicy \
                 flush`, and exit with status 1"
                    .to_owned(),
            ],
            (_, false) => vec![format!("{path} takes over, unless systemd answers by then")],
        };
        let text = "systemd cannot be reached: this is decided on what is not known";
        self.told.notes.push(text.to_owned());
        self.conclude(request, case, steps)
    }

    /// policy-rc.d gave no answer: the action is not run.
    pub(super) fn unanswered(&mut self, request: &Request, error: &HelperError) -> Explanation {
        let ending = match request.front {
            FrontEnd::InvokeRcD => status::ERROR,
            FrontEnd::DebSystemdInvoke | FrontEnd::Rcpolicy => 1,
        };
        let reason = Reason::new(Source::BuiltIn, error.to_string());
        let decision = Decision::because(Verdict::Emulate(ending), reason);
        let case = Case::new(request.clone(), self.unseen(request), decision, None);
        let steps = vec![format!("nothing runs, the exit status is {ending}")];
        self.conclude(request, case, steps)
    }

    fn unseen(&self, request: &Request) -> Facts {
        let machine = self.session.outside();
        self.session.unseen(request, InitKind::Systemd, machine)
    }

    /// As the drop-ins decide whether an admin denies it, and with what is noted for the reader.
    fn decide_unseen(&self, request: &Request) -> Case {
        let facts = self.unseen(request);
        let case = self.session.decide(request.clone(), facts, None);
        let owed = self.session.owed_to(&request.unit.service());
        Case { owed, ..case }
    }
}
