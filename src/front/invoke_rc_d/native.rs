//! Carrying out by an init that has the service itself, as runit, s6 and OpenRC may: decided, noted and
//! verified as under systemd, with the messages and statuses that the stock script has for init scripts.
//! What such an init does not have is its init script's business, as it always was.

use crate::act::{self, ActError, Bounds, Report};
use crate::decide::stock::Judgement;
use crate::domain::{JobOutcome, Known, Manner, UnitFacts, Wait};
use crate::front::inquiry::Origin;
use crate::front::machine::{self, Picked};
use crate::front::perform::{self, Case};
use crate::front::way::{self, Way};
use crate::init::{Init, InitError};
use crate::report::native;

use super::gate::Asking;
use super::turns::{Done, Turns, answered};
use super::{Call, Ending, script};

impl Call {
    /// Where the init that runs has no service of this name, its init script is run instead, as sysvinit
    /// would; `Err` where the init does not answer.
    pub(super) fn find_service(&mut self) -> Result<(), InitError> {
        match self.kind.manner() {
            Manner::Units | Manner::Scripts => {}
            Manner::Jobs => {
                if self.upstart.status_line(&self.unit)?.is_none() {
                    self.kind = self.kind.of_scripts();
                }
            }
            Manner::Services => match self.own_service()? {
                Some((mut init, unit)) => {
                    init.0.hand_on(&self.unit, &self.arguments.rest);
                    self.native = Some(init);
                    self.known = Some(unit);
                }
                None => self.kind = self.kind.of_scripts(),
            },
        }
        Ok(())
    }

    fn own_service(&self) -> Result<Option<(Picked, UnitFacts)>, InitError> {
        let request = self.request(self.action.clone());
        machine::own_service(&self.session, self.kind, &request)
    }
}

/// Tries the judged actions in turn.
pub(super) fn execute(call: &mut Call, judgement: &Judgement) -> Ending {
    let Some(Picked(mut init)) = call.native.take() else {
        return Ok(script::execute(call, judgement));
    };
    let mut turns = Turns::new(&judgement.actions, &call.arguments.action);
    while let Some(word) = turns.next(&call.voice) {
        match one(call, init.as_mut(), &word, turns.origin())? {
            Done::Ended(ending) => return Ok(ending),
            Done::Instead(actions) => turns.replace(actions),
            Done::Status(0) => return Ok(0),
            Done::Status(failed) => turns.failed(&call.voice, failed),
        }
    }
    Ok(turns.give_up(&call.voice, &call.arguments.name))
}

fn one(
    call: &mut Call,
    init: &mut dyn Init,
    word: &str,
    origin: Origin,
) -> Result<Done, InitError> {
    let turn = call.turn(word, origin);
    let mut asker = Asking::new(&call.session, &call.voice, &call.runlevel, call.going_down);
    let considered = call.session.consider(init, turn, &mut asker);
    let case = match answered(considered, &call.voice)? {
        Ok(case) => case,
        Err(done) => return Ok(done),
    };
    let done = match way::of_invoke_rc_d(&case, word) {
        Way::Denied => Done::Ended(call.denied(word, &perform::why(&case.decision))),
        Way::Instead(actions) => Done::Instead(actions),
        Way::Ends(ending) => {
            call.voice.warn(&perform::why(&case.decision));
            Done::Ended(ending)
        }
        Way::ShowStatus => Done::Status(show(call, &case.facts.unit)),
        Way::Kill => Done::Status(kill(call, init, &case)?),
        Way::Script(word) => Done::Status(script::init_script(call, &word)),
        Way::Plan | Way::Note => return jobs(call, init, case),
        // These are other inits'.
        Way::Masked | Way::Foreign => Done::Status(0),
    };
    call.session.log(&case, done.status());
    Ok(done)
}

fn jobs(call: &mut Call, init: &mut dyn Init, case: Case) -> Result<Done, InitError> {
    let mut cases = [case];
    let result = call.session.act(init, &mut cases, Wait::Done);
    let [case] = &cases;
    let done = match result {
        Ok(report) => Done::Status(tell(call, case, &report)),
        Err(ActError::Init(error)) => return Err(error),
        Err(error) => {
            let (action, service) = (&case.request.action, call.unit.service());
            call.voice.warn(&format!("{action} of {service}: {error}"));
            Done::Status(1)
        }
    };
    call.session.log(case, done.status());
    Ok(done)
}

/// Says what failed; the exit status.
fn tell(call: &Call, case: &Case, report: &Report) -> u8 {
    let warnings = report.warnings.iter();
    warnings.for_each(|warning| call.voice.warn(warning));
    perform::explain_to_user(case, &call.voice);
    for (job, failure) in report.failures() {
        call.voice.line(&native::failed(job, failure));
    }
    match report.of(&case.facts.unit.id) {
        Some((job, JobOutcome::Failed(failure))) => native::ending(call.kind, job, failure),
        Some((_, JobOutcome::Done | JobOutcome::Queued)) | None => 0,
    }
}

fn kill(call: &Call, init: &mut dyn Init, case: &Case) -> Result<u8, InitError> {
    match act::kill(init, &case.facts.unit.id, &Bounds::default()) {
        Ok(()) => Ok(0),
        Err(InitError::Refused { message, .. }) => {
            let service = call.unit.service();
            call.voice
                .line(&format!("cannot kill {service}: {message}"));
            Ok(1)
        }
        Err(error) => Err(error),
    }
}

/// Says how the service stands; LSB's exit status for it.
fn show(call: &Call, unit: &UnitFacts) -> u8 {
    let (line, ending) = native::standing(unit);
    call.voice.out(&format!("{line}\n"));
    if let Known::Unknown(why) = &unit.active {
        call.voice.warn(why);
    }
    ending
}
