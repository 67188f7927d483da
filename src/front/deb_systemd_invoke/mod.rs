//! deb-systemd-invoke: policy-rc.d asked for each unit, and for what a named trigger or target would
//! start; all that may be done becomes one plan. `users` does it for users' managers, `managers` what
//! concerns a manager as a whole. Foreign verbs go to systemctl.

mod arguments;
mod asking;
mod managers;
mod once;
mod patterns;
mod templates;
mod users;
mod whole;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::act::{ActError, Report};
use crate::decide::Part;
use crate::domain::{
    Action, FrontEnd, HelperAnswer, InitKind, NameError, Request, Scope, UnitName, Verdict, Wait,
};
use crate::init::InitError;
use crate::init::systemd::Systemd;
use crate::ledger::Undertaken;
use crate::observe::offline::{self, Reach};
use crate::observe::{bypass, children, detect};
use crate::policy::Mode;
use crate::report::{Voice, systemctl};

use self::arguments::{Arguments, is_pattern};
use self::asking::Asking;
use self::whole::Whole;
use super::handover::hand_over;
use super::inquiry::{Heard, Stuck, is_denied};
use super::machine;
use super::perform::{self, Case, Session};

/// Where bookworm's stock tool stands when it says that systemctl failed; Perl's `die` tells it.
const LINE_OF_DEATH: u32 = 145;

/// One call.
#[derive(Debug)]
struct Call {
    /// The path that it was called by.
    program: String,
    action: Action,
    arguments: Arguments,
    units: Vec<Named>,
    /// What else was named: patterns, until systemd has told what they match.
    patterns: Vec<String>,
    voice: Voice,
    systemd: Systemd,
    session: Session,
    /// The note of the instances that templates stand for.
    expanded: Option<Undertaken>,
}

/// A unit, and how the caller wrote it: policy-rc.d and the messages get it as it was written.
#[derive(Debug, Clone)]
struct Named {
    word: String,
    unit: UnitName,
    part: Part,
}

impl Named {
    fn parse(word: &str) -> Result<Self, NameError> {
        Ok(Self {
            word: word.to_owned(),
            unit: UnitName::parse(word)?,
            part: Part::Named,
        })
    }
}

/// Runs deb-systemd-invoke with `raw` arguments (without the program's name); the exit status.
pub fn run(program: &str, raw: &[OsString]) -> u8 {
    children::listen();
    let voice = Voice::new(program);
    let stock = || {
        let error = hand_over(FrontEnd::DebSystemdInvoke, raw, raw.len());
        voice.warn(&error.to_string());
        1
    };
    if bypass::is_on() {
        return stock();
    }
    let Some(arguments) = arguments::parse(raw) else {
        voice.line(&format!(
            "Syntax: {program} <action> [<unit file> [<unit file> ...]]"
        ));
        return 1;
    };
    arguments
        .warnings
        .iter()
        .for_each(|warning| voice.line(warning));
    let mut call = match begin(program, voice.clone(), arguments) {
        Ok(call) => call,
        Err(text) => {
            voice.warn(&text);
            return 1;
        }
    };
    let offline = offline::reach() == Reach::Offline;
    if offline && call.arguments.no_dbus && Whole::parse(&call.action).is_some() {
        // original: its signal goes to the machine's process 1 all the same
        voice.line(&format!(
            "Running in chroot, ignoring command '{}'",
            call.action
        ));
        return 0;
    }
    let away = offline || detect::init() != InitKind::Systemd;
    if away || call.session.policy.settings().mode == Mode::Observe {
        return call.outside(away).unwrap_or_else(stock);
    }
    if !call.patterns.is_empty() && !call.expands() {
        return call.outside(true).unwrap_or_else(stock);
    }
    let undertaken = call.session.undertake(&call.jobs_asked());
    let result = match call.do_it() {
        // The instances are in the places of their templates now, where they could be told.
        Err(Stuck::Init(error)) => call
            .put_off(&call.jobs_asked(), &error)
            .ok_or(Stuck::Init(error)),
        other => other,
    };
    call.session.finish(undertaken);
    call.session.finish(call.expanded.take());
    match result {
        Ok(ending) => ending,
        Err(Stuck::Init(error)) => {
            if let Some(ending) = call.outside(true) {
                return ending;
            }
            voice.warn(&format!(
                "{error}; handing over to the stock deb-systemd-invoke"
            ));
            stock()
        }
        Err(Stuck::Helper(error)) => {
            voice.warn(&format!("{error}; {} is not run", call.line()));
            1
        }
    }
}

fn begin(program: &str, voice: Voice, arguments: Arguments) -> Result<Call, String> {
    let mut words = arguments.words.iter();
    let action = Action::parse(words.next().map_or("", String::as_str));
    let (patterns, names): (Vec<&String>, Vec<&String>) = words.partition(|word| is_pattern(word));
    let units: Result<Vec<Named>, _> = names.iter().map(|word| Named::parse(word)).collect();
    let units = units.map_err(|error| error.to_string())?;
    let session = Session::begin(&voice);
    let systemd = machine::systemd(&session.policy, &voice);
    Ok(Call {
        program: program.to_owned(),
        action,
        patterns: patterns.into_iter().cloned().collect(),
        arguments,
        units,
        voice,
        systemd,
        session,
        expanded: None,
    })
}

impl Call {
    fn line(&self) -> String {
        format!("'{}'", self.arguments.words.join(" "))
    }

    fn request(&self, named: &Named) -> Request {
        Request {
            front: FrontEnd::DebSystemdInvoke,
            named: named.word.clone(),
            unit: named.unit.clone(),
            action: self.action.clone(),
            flags: self.arguments.flags.clone(),
            scope: self.arguments.scope,
            context: self.session.context.clone(),
        }
    }

    /// What systemd is asked for; other verbs are systemctl's, and the ledger is the machine's.
    fn jobs_asked(&self) -> Vec<Request> {
        let noted = self.is_native() && self.arguments.scope == Scope::System;
        // What a template stands for is noted once that is known.
        let alone = |named: &&Named| !self.session.is_for_instances(&named.unit, &self.action);
        let native = self.units.iter().filter(|_| noted).filter(alone);
        native.map(|named| self.request(named)).collect()
    }

    /// What comes of the call when systemd did not answer in time.
    fn put_off(&self, requests: &[Request], error: &InitError) -> Option<u8> {
        // Which instances a template has the flush finds out.
        let asked = |named: &&Named| self.session.is_for_instances(&named.unit, &self.action);
        // The ledger is the system's.
        let system = self.arguments.scope == Scope::System;
        let templates = self.units.iter().filter(|_| system).filter(asked);
        let mut owed = requests.to_vec();
        owed.extend(templates.map(|named| self.request(named)));
        if owed.is_empty() || !error.is_away() {
            return None;
        }
        owed.retain(|request| !self.is_denied_unseen(request));
        match owed.is_empty() {
            true => Some(0),
            false => self.session.put_off(&owed, error),
        }
    }

    /// Whether the admin denies it, as far as that can be told without systemd. Says so.
    fn is_denied_unseen(&self, request: &Request) -> bool {
        let why = self.session.denied(request, InitKind::Systemd, None);
        if let Some(why) = &why {
            let (action, unit) = (&request.action, &request.named);
            self.voice
                .warn(&format!("policy denied {action} of {unit}: {why}"));
        }
        why.is_some()
    }

    /// What is done where systemd is out of reach or only watched: an admin's deny still holds in
    /// a chroot. `None`: the stock tool goes on.
    fn outside(&mut self, away: bool) -> Option<u8> {
        for named in self.units.clone() {
            let request = self.request(&named);
            if !away && self.arguments.scope == Scope::System {
                self.session.watch(&mut self.systemd, request);
            } else if away && self.is_denied_unseen(&request) {
                return Some(0);
            }
        }
        None
    }

    fn do_it(&mut self) -> Result<u8, Stuck> {
        match (Whole::parse(&self.action), self.arguments.scope) {
            (Some(whole), _) => self.for_managers(whole),
            (None, Scope::User) => self.act_for_users(),
            (None, Scope::System) => self.go(),
        }
    }

    fn for_managers(&mut self, whole: Whole) -> Result<u8, Stuck> {
        // original: policy-rc.d is asked about what was named, and that is all that names are for
        let requests: Vec<Request> = self.units.iter().map(|unit| self.request(unit)).collect();
        let mut asker = Asking::new(&self.session, &self.voice);
        if let Heard::NoneAllowed = self.session.hear_for_all(&requests, &mut asker)? {
            return Ok(self.none_allowed(&asker));
        }
        let systemctls = self.arguments.scope == Scope::System && !self.arguments.no_dbus;
        if systemctls && !self.units.is_empty() {
            return Ok(self.become_systemctl());
        }
        self.act_on_managers(whole)
    }

    /// Says so; it is a success.
    fn none_allowed(&self, asker: &Asking<'_>) -> u8 {
        let (path, line) = (&asker.helper.path, self.line());
        self.voice
            .line(&format!("{path} returned 101, not running {line}"));
        0
    }

    fn strict(&self) -> bool {
        self.session.policy.settings().strict
    }

    fn go(&mut self) -> Result<u8, Stuck> {
        if !self.is_native() && self.units.is_empty() {
            return Ok(self.become_systemctl());
        }
        if !self.patterns.is_empty() {
            self.expand_patterns()?;
            if self.units.is_empty() {
                return Ok(0);
            }
        }
        if self.is_native() {
            self.expand_templates()?;
        }
        let parts: Vec<Part> = self.units.iter().map(|named| named.part).collect();
        let requests: Vec<Request> = self.units.iter().map(|unit| self.request(unit)).collect();
        let mut asker = Asking::new(&self.session, &self.voice);
        let heard = self.session.hear(&requests, &mut asker)?;
        if let Heard::NoneAllowed = heard {
            return Ok(self.none_allowed(&asker));
        }
        let mut cases = Vec::new();
        for (request, part) in requests.into_iter().enumerate().zip(parts) {
            let (session, systemd) = (&self.session, &mut self.systemd);
            let unheard = heard.at(request.0) == HelperAnswer::Absent;
            let denied = session.denied_outright(&request.1, InitKind::Systemd);
            let mut case = match denied.filter(|_| unheard) {
                Some(case) => case,
                None => session.consider_unit(systemd, request, &heard, &mut asker)?,
            };
            case.part = part;
            cases.extend(self.announce(case));
        }
        if cases.is_empty() {
            return Ok(0);
        }
        if !self.is_native() {
            // A denied unit must not be reached by a verb of systemctl's either.
            return Ok(self.become_systemctl_for(&cases));
        }
        self.act(cases)
    }

    /// Whether patterns are ours to expand: where the stock tools are followed to the letter, for users' managers and for
    /// what only systemctl knows they are the stock tool's.
    fn expands(&self) -> bool {
        self.is_native() && self.arguments.scope == Scope::System && !self.strict()
    }

    /// Whether the action is one of ours; systemctl knows many more.
    fn is_native(&self) -> bool {
        matches!(
            self.action,
            Action::Start | Action::Stop | Action::Restart | Action::TryRestart | Action::Reload
        )
    }

    fn announce(&self, case: Case) -> Option<Case> {
        let (unit, why) = (&case.request.named, perform::why(&case.decision));
        match &case.decision.verdict {
            Verdict::Deny if is_denied(&case.facts.helper) => {
                let path = perform::helper(&self.session.policy).path;
                let action = &self.action;
                self.voice.line(&format!(
                    "{path} returned 101, not running '{action} {unit}'"
                ));
                self.session.log(&case, Some(0));
                None
            }
            Verdict::Deny => {
                self.voice
                    .warn(&format!("policy denied {} of {unit}: {why}", self.action));
                self.session.log(&case, Some(0));
                None
            }
            Verdict::Nothing => {
                if let Some(reason) = case.decision.reasons.last() {
                    let disabled = reason.text.contains(" is a disabled or a static unit");
                    let text = reason.text.clone();
                    if disabled {
                        self.voice.line(&text)
                    } else if case.facts.unit.is_masked()
                        && matches!(self.action, Action::Start | Action::Restart)
                    {
                        self.voice
                            .line(&format!("{unit} is masked, not starting it."));
                    } else {
                        perform::explain_to_user(&case, &self.voice)
                    }
                }
                Some(case)
            }
            _ => Some(case),
        }
    }

    fn act(&mut self, mut cases: Vec<Case>) -> Result<u8, Stuck> {
        let unknown = cases.iter().find_map(|case| match case.decision.verdict {
            Verdict::Emulate(ending) => Some((ending, perform::why(&case.decision))),
            _ => None,
        });
        let result = self.session.act(&mut self.systemd, &mut cases, Wait::Done);
        let ending = match result {
            Ok(report) => {
                let ending = self.tell(&cases, &report);
                self.session
                    .warn_of_triggers(&mut self.systemd, &cases, &self.voice);
                ending
            }
            Err(ActError::Init(error)) => return Err(error.into()),
            Err(error) => {
                self.voice.warn(&format!("{}: {error}", self.line()));
                1
            }
        };
        let ending = match unknown {
            Some((unknown, why)) => {
                self.voice.warn(&why);
                unknown
            }
            None => ending,
        };
        cases
            .iter()
            .for_each(|case| self.session.log(case, Some(ending)));
        Ok(ending)
    }

    fn tell(&self, cases: &[Case], report: &Report) -> u8 {
        report
            .warnings
            .iter()
            .for_each(|warning| self.voice.warn(warning));
        for case in cases
            .iter()
            .filter(|case| case.decision.verdict != Verdict::Nothing)
        {
            perform::explain_to_user(case, &self.voice);
        }
        // original: stock starts and restarts with `systemctl --quiet`, and dies where that fails
        let dies = matches!(self.action, Action::Start | Action::Restart);
        for (job, failure) in report.failures() {
            if dies && self.strict() && !systemctl::is_said_with_quiet(failure) {
                continue;
            }
            for line in systemctl::lines(job.verb, &job.unit, failure) {
                self.voice.line(&line);
            }
        }
        let named = cases
            .iter()
            .filter_map(|case| report.of(&case.facts.unit.id));
        let failed = systemctl::exit_status_of(named.map(|(job, outcome)| (job.verb, outcome)));
        if dies && failed != 0 {
            self.died(cases, report);
        }
        failed
    }

    fn died(&self, cases: &[Case], report: &Report) {
        if self.strict() {
            self.voice.line(&last_words(&self.program));
            return;
        }
        let named = |unit: &UnitName| cases.iter().any(|case| case.facts.unit.id == *unit);
        for (job, failure) in report.failures().filter(|(job, _)| named(&job.unit)) {
            self.voice
                .warn(&format!("{} of {} failed: {failure}", job.verb, job.unit));
        }
    }

    fn become_systemctl(&self) -> u8 {
        self.exec_systemctl(&self.arguments.words)
    }

    fn become_systemctl_for(&self, cases: &[Case]) -> u8 {
        let mut words = vec![self.action.as_str().to_owned()];
        words.extend(cases.iter().map(|case| case.request.named.clone()));
        self.exec_systemctl(&words)
    }

    fn exec_systemctl(&self, words: &[String]) -> u8 {
        let error = Command::new("systemctl").args(words).exec();
        self.voice.warn(&format!(
            "cannot run `systemctl {}`: {error}",
            words.join(" ")
        ));
        1
    }
}

/// What Perl's `die` says: no reason, for there is no errno. The exit status is systemctl's.
fn last_words(program: &str) -> String {
    format!("Could not execute systemctl:  at {program} line {LINE_OF_DEATH}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_name_the_program_as_it_was_called_and_no_reason() {
        assert_eq!(
            last_words("/usr/bin/deb-systemd-invoke"),
            "Could not execute systemctl:  at /usr/bin/deb-systemd-invoke line 145."
        );
    }
}
