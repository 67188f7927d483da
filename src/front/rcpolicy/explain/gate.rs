//! What came of invoke-rc.d's gate, with a reason. The judgement is the drop-in's own.

use crate::decide::stock::{Options, status};
use crate::domain::{Decision, Flag, HelperAnswer, Reason, Request, Source, Verdict};
use crate::front::gate::{Gate, Judged, Passage};
use crate::front::inquiry::Asker;
use crate::front::local::GoingDown;

use super::asking::Asking;
use super::scene::Scene;
use super::told::Told;

/// What the gate lets pass.
pub(super) enum Opening {
    /// These actions may be tried in turn.
    Open(Vec<String>),
    /// The action is not run.
    Shut(Decision),
    /// Nor is it, but what an earlier stop of the service took down may come back.
    Disabled(Decision),
}

impl Scene<'_> {
    /// Goes to the drop-in's gate with `request`, in a runlevel of a machine that may be going down;
    /// `through` goes the way of its init. What came of it, and by which options.
    pub(super) fn at_gate<T>(
        &mut self,
        request: &Request,
        (runlevel, going_down): (&str, GoingDown),
        through: impl FnOnce(&Gate<'_>, &mut dyn Asker) -> T,
    ) -> (Options, T) {
        let options = options(request, going_down);
        let gate = Gate {
            session: &self.session,
            root: &self.place.root,
            kind: self.kind,
            request,
            runlevel,
            options,
        };
        let asking = Asking::new(self.helper(), self.permission, &mut self.told);
        let mut asking = asking.in_runlevel(runlevel, going_down);
        (options, through(&gate, &mut asking))
    }
}

/// The options that matter, as the drop-in sets them.
fn options(request: &Request, going_down: GoingDown) -> Options {
    let down = going_down == GoingDown::Yes;
    Options {
        force: down || request.has(Flag::Force),
        retry: down,
        ..Options::default()
    }
}

/// Takes the gate's word. `local` is where the machine's own word comes from.
pub(super) fn opening(
    passage: Passage,
    options: Options,
    local: Source,
    told: &mut Told,
) -> Opening {
    let notices = std::mem::take(&mut told.notices).join("; ");
    let ends = |ending, source, text: String| {
        Opening::Shut(Decision::because(
            Verdict::Emulate(ending),
            Reason::new(source, text),
        ))
    };
    match passage {
        Passage::BadLinks => ends(status::ERROR, local, notices),
        Passage::Unanswered(error) => ends(status::ERROR, Source::BuiltIn, error.to_string()),
        Passage::Untold(error) => ends(status::ERROR, local, error.to_string()),
        Passage::NoScript => {
            let text = "there is no init script to run".to_owned();
            match options.force {
                true => ends(status::ERROR, Source::BuiltIn, text),
                false => Opening::Shut(denied(Reason::new(Source::BuiltIn, text))),
            }
        }
        Passage::Judged(judged) => {
            let reason = reason(&judged, &notices, local, told);
            let code = judged.judgement.code;
            match judged.judgement.exit {
                Some(ending) => ends(ending, reason.source, reason.text),
                None if code == status::ALLOWED || options.force => {
                    told.notes
                        .extend(Some(notices).filter(|text| !text.is_empty()));
                    Opening::Open(judged.judgement.actions)
                }
                None if judged.disabled => Opening::Disabled(denied(reason)),
                None => Opening::Shut(denied(reason)),
            }
        }
    }
}

fn denied(reason: Reason) -> Decision {
    Decision::because(Verdict::Deny, reason)
}

fn reason(judged: &Judged, notices: &str, local: Source, told: &Told) -> Reason {
    let unasked = match told.unasked {
        true => "; policy-rc.d, which may say otherwise, was not asked",
        false => "",
    };
    match (&judged.answer, notices) {
        (HelperAnswer::Said { status, .. }, text) => {
            Reason::new(Source::PolicyRcD { status: *status }, text)
        }
        (HelperAnswer::Absent, "") => {
            Reason::new(local, format!("may not be started: not enabled{unasked}"))
        }
        (HelperAnswer::Absent, text) => Reason::new(Source::BuiltIn, format!("{text}{unasked}")),
    }
}
