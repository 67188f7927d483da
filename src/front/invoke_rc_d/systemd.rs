//! Carrying out under systemd: which of the stock script's ways an action takes, and what is said
//! when it failed. Only `systemctl status`, whose page nobody else can write, is run as a child.

use std::process::Command;

use crate::act::{self, ActError, Bounds, Report};
use crate::decide::stock::Judgement;
use crate::domain::{Action, Machine, Wait};
use crate::front::inquiry::{Origin, Stuck};
use crate::front::perform::{self, Case, one_unit};
use crate::front::way::{self, Way};
use crate::init::{Depth, Init, InitError};
use crate::observe::helper::shell_status;
use crate::report::systemctl;

use super::gate::Asking;
use super::turns::{Done, Turns, answered};
use super::{Call, Ending, script};

/// Tries the judged actions in turn.
pub(super) fn execute(call: &mut Call, judgement: &Judgement) -> Ending {
    let mut turns = Turns::new(&judgement.actions, &call.arguments.action);
    while let Some(word) = turns.next(&call.voice) {
        if call.arguments.skip_systemd_native && !call.is_generated()? {
            return Ok(0);
        }
        match one(call, &word, turns.origin())? {
            Done::Ended(ending) => return Ok(ending),
            Done::Instead(actions) => turns.replace(actions),
            Done::Status(0) => return Ok(0),
            Done::Status(failed) => turns.failed(&call.voice, failed),
        }
    }
    let ending = turns.give_up(&call.voice, &call.arguments.name);
    if Action::parse(turns.current()).needs_link() {
        show_status(call, &["--full", "--no-pager"]);
    }
    Ok(ending)
}

fn one(call: &mut Call, word: &str, origin: Origin) -> Result<Done, InitError> {
    let mut turn = call.turn(word, origin);
    script::look_before_stop(call, &mut turn)?;
    let mut asker = Asking::new(&call.session, &call.voice, &call.runlevel, call.going_down);
    let considered = call.session.consider(&mut call.systemd, turn, &mut asker);
    let mut case = match answered(considered, &call.voice)? {
        Ok(case) => Case {
            part: call.part,
            ..case
        },
        Err(done) => return Ok(done),
    };
    let done = match way::of_invoke_rc_d(&case, word) {
        Way::Denied => Done::Ended(call.denied(word, &perform::why(&case.decision))),
        Way::Instead(actions) => Done::Instead(actions),
        Way::Ends(ending) => {
            call.voice.warn(&perform::why(&case.decision));
            Done::Ended(ending)
        }
        Way::ShowStatus => Done::Status(show_status(call, &[])),
        Way::Kill => Done::Status(kill(call)?),
        Way::Script(word) => {
            if case.request.action == Action::Reload && call.strict() {
                call.wait_for(&Action::Reload);
            }
            script::run(call, &mut case, &word)
        }
        Way::Masked => Done::Status(0),
        Way::Plan | Way::Note | Way::Foreign => return jobs(call, case),
    };
    call.session.log(&case, done.status());
    Ok(done)
}

/// A service that is disabled is not started, but what its stop took down comes back.
pub(super) fn bring_back(call: &mut Call) -> Result<(), InitError> {
    let turn = call.turn(call.action.as_str(), Origin::Caller);
    let (session, systemd) = (&call.session, &mut call.systemd);
    let mut asker = Asking::new(session, &call.voice, &call.runlevel, call.going_down);
    match session.consider_disabled(systemd, turn, &mut asker) {
        Ok(Some(case)) => jobs(call, case).map(drop),
        Ok(None) => Ok(()),
        Err(Stuck::Init(error)) => Err(error),
        Err(Stuck::Helper(error)) => {
            call.voice.warn(&format!("{error}; the action is not run"));
            Ok(())
        }
    }
}

fn jobs(call: &mut Call, case: Case) -> Result<Done, InitError> {
    let wait = call.wait_for(&case.request.action);
    let mut cases = [case];
    let result = call.session.act(&mut call.systemd, &mut cases, wait);
    let [case] = &cases;
    let done = match result {
        Ok(report) => {
            let status = call.tell(case, &report);
            let (session, systemd) = (&call.session, &mut call.systemd);
            session.warn_of_triggers(systemd, &cases, &call.voice);
            Done::Status(status)
        }
        Err(ActError::Init(error)) => return Err(error),
        Err(error) => {
            call.voice.warn(&format!(
                "{} of {}: {error}",
                case.request.action, case.facts.unit.id
            ));
            Done::Status(1)
        }
    };
    call.session.log(case, done.status());
    Ok(done)
}

fn kill(call: &mut Call) -> Result<u8, InitError> {
    match act::kill(&mut call.systemd, &call.unit, &Bounds::default()) {
        Ok(()) => Ok(0),
        Err(InitError::Refused { message, .. }) => {
            call.voice
                .line(&format!("Failed to kill unit {}: {message}", call.unit));
            Ok(1)
        }
        Err(error) => Err(error),
    }
}

/// Runs `systemctl status`; its exit status.
fn show_status(call: &Call, options: &[&str]) -> u8 {
    let shown = Command::new("systemctl")
        .arg("status")
        .args(options)
        .arg(call.unit.as_str())
        .status();
    match shown {
        Ok(status) => shell_status(status),
        Err(error) => {
            call.voice.warn(&format!(
                "cannot run `systemctl status {}`: {error}",
                call.unit
            ));
            127
        }
    }
}

impl Call {
    /// original: units that were not made from an init script are deb-systemd-invoke's business
    fn is_generated(&mut self) -> Result<bool, InitError> {
        let unit = match self.known.take() {
            Some(unit) => unit,
            None => one_unit(&mut self.systemd, &self.unit, Depth::State)?,
        };
        let scripts = !(self.strict() && unit.is_script_only());
        let script = |path: &String| scripts && path.starts_with("/etc/init.d/");
        let generated = unit.source_path.is_and(script);
        self.known = Some(unit);
        Ok(generated)
    }

    fn strict(&self) -> bool {
        self.session.policy.settings().strict
    }

    /// original: while the system is not fully up, a reload may wait for the boot that waits for us
    fn wait_for(&mut self, action: &Action) -> Wait {
        let strict = self.strict();
        if *action == Action::Reload {
            // original: a degraded system, which is up, is taken for one that is not
            let up = if strict {
                self.systemd.is_fully_up()
            } else {
                let machine = self.systemd.machine();
                machine.is_and(|machine| *machine == Machine::Running)
            };
            self.wait = if up { Wait::Done } else { Wait::Queued };
            return self.wait;
        }
        // original: the actions after such a reload are not waited for either
        if strict { self.wait } else { Wait::Done }
    }

    /// Says what failed, and returns the exit status of the unit that was named.
    fn tell(&self, case: &Case, report: &Report) -> u8 {
        report
            .warnings
            .iter()
            .for_each(|warning| self.voice.warn(warning));
        perform::explain_to_user(case, &self.voice);
        let named = &case.facts.unit.id;
        for (job, failure) in report.failures() {
            for line in systemctl::lines(job.verb, &job.unit, failure) {
                self.voice.line(&line);
            }
        }
        systemctl::exit_status_of(report.of(named).map(|(job, outcome)| (job.verb, outcome)))
    }
}
