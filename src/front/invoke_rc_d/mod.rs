//! invoke-rc.d: the stock script's command line, messages and exit statuses, with our decisions
//! between them. This file is the way of one call; `systemd` and `script` carry it out.

mod arguments;
mod gate;
mod help;
mod native;
mod script;
mod systemd;
mod templates;
mod turns;
mod upstart;

use std::ffi::OsString;
use std::path::Path;

use crate::decide::Part;
use crate::decide::stock::{self, Judgement, status};
use crate::domain::{
    Action, Decision, FrontEnd, HelperAnswer, InitKind, Known, Machine, Manner, Reason, Request,
    Scope, Source, UnitFacts, UnitName, Verdict, Wait,
};
use crate::init::InitError;
use crate::init::systemd::Systemd;
use crate::init::upstart::Upstart;
use crate::observe::offline::{self, Reach};
use crate::observe::{bypass, children, detect};
use crate::policy::Mode;
use crate::report::Voice;

use self::arguments::{Arguments, Parsed};
use super::handover::hand_over;
use super::inquiry::{Origin, Turn};
use super::local::{self, GoingDown};
use super::machine::Picked;
use super::perform::{self, Case, Session};

/// One call, and what was found out for it so far.
#[derive(Debug)]
struct Call {
    arguments: Arguments,
    action: Action,
    unit: UnitName,
    kind: InitKind,
    /// Empty where nobody could tell it.
    runlevel: String,
    /// Nobody is asked then.
    going_down: GoingDown,
    /// Nobody denies the action, but systemd says that the service is disabled and down.
    disabled: bool,
    /// An instance stands in for its template.
    part: Part,
    voice: Voice,
    systemd: Systemd,
    upstart: Upstart,
    /// The init that has the service itself, where neither of these runs.
    native: Option<Picked>,
    session: Session,
    /// What was already found out about the unit.
    known: Option<UnitFacts>,
    /// What the last reload found: whether jobs can be waited for.
    wait: Wait,
    /// What policy-rc.d said.
    answer: HelperAnswer,
}

/// How a call ends, unless ours cannot go on: then nothing was done yet, and stock takes over.
type Ending = Result<u8, InitError>;

/// Runs invoke-rc.d with `raw` arguments (without the program's name); returns the exit status.
pub fn run(program: &str, raw: &[OsString]) -> u8 {
    children::listen();
    let mut voice = Voice::new(program);
    let arguments = match arguments::parse(raw) {
        Parsed::Run(arguments) => arguments,
        Parsed::Help => {
            voice.out(help::TEXT);
            return 0;
        }
        Parsed::Wrong { quiet, text, help } => {
            voice.quiet = quiet;
            voice.error(&text);
            if help {
                voice.out(help::TEXT);
            }
            return status::SYNTAX;
        }
    };
    voice.quiet = arguments.quiet;
    let options = raw.len() - arguments.rest.len();
    let stock = |voice: &Voice| {
        voice.warn(&hand_over(FrontEnd::InvokeRcD, raw, options).to_string());
        status::ERROR
    };
    if bypass::is_on() {
        return stock(&voice);
    }
    let unit = match UnitName::of_script(&arguments.name) {
        Ok(unit) => unit,
        Err(error) => {
            voice.error(&format!("syntax error: {error}"));
            return status::SYNTAX;
        }
    };
    let mut call = begin(voice, arguments, unit);
    let outside = call.kind == InitKind::Systemd && offline::reach() == Reach::Offline;
    if outside || call.session.policy.settings().mode == Mode::Observe {
        return call.outside(outside).unwrap_or_else(|| stock(&call.voice));
    }
    if let Some(ending) = call.denied_outright() {
        return ending;
    }
    // Before anything is undertaken: without a job it is the init script's business.
    let found = call.find_service();
    let requests = call.jobs_asked();
    let undertaken = call.session.undertake(&requests);
    let ending = match found.and_then(|()| call.go_or_each()) {
        Ok(ending) => Ok(ending),
        Err(error) => call.put_off(&requests, &error).ok_or(error),
    };
    call.session.finish(undertaken);
    ending.unwrap_or_else(|error| {
        if call.kind == InitKind::Upstart {
            // The stock script of today would run an init script beside Upstart's job.
            call.voice.warn(&error.to_string());
            return status::ERROR;
        }
        // Whatever we could not find out: who said no has said it to the stock tool too.
        if let Some(ending) = call.outside(true) {
            return ending;
        }
        call.voice
            .warn(&format!("{error}; handing over to the stock invoke-rc.d"));
        stock(&call.voice)
    })
}

fn begin(voice: Voice, arguments: Arguments, unit: UnitName) -> Call {
    let session = Session::begin(&voice);
    let systemd = super::machine::systemd(&session.policy, &voice);
    let upstart = super::machine::upstart(&session.policy, &voice);
    Call {
        action: Action::parse(&arguments.action),
        unit,
        kind: detect::init(),
        runlevel: String::new(),
        going_down: GoingDown::No,
        disabled: false,
        part: Part::Named,
        voice,
        systemd,
        upstart,
        native: None,
        session,
        known: None,
        wait: Wait::Done,
        answer: HelperAnswer::Absent,
        arguments,
    }
}

impl Call {
    /// What an init that takes jobs is asked for; nothing by `--query`, and where scripts are run.
    fn jobs_asked(&self) -> Vec<Request> {
        let takes = match self.kind.manner() {
            Manner::Units | Manner::Jobs => true,
            Manner::Services => self.native.is_some(),
            Manner::Scripts => false,
        };
        match takes && !self.arguments.options.query && !self.is_for_instances() {
            true => vec![self.request(self.action.clone())],
            false => Vec::new(),
        }
    }

    /// What comes of the call when the init did not answer in time.
    fn put_off(&self, requests: &[Request], error: &InitError) -> Option<u8> {
        // Which instances a template has the flush finds out.
        let template = self.is_for_instances() && requests.is_empty();
        let own = template.then(|| vec![self.request(self.action.clone())]);
        let requests = own.as_deref().unwrap_or(requests);
        let request = requests.first().filter(|_| error.is_away())?;
        match self.session.denied(request, self.kind, None) {
            Some(why) => Some(self.denied(&self.arguments.action, &why)),
            None => self.session.put_off(requests, error),
        }
    }

    /// Ends as denied where files alone tell that, under systemd, whose word all else is asked of. policy-rc.d's own is
    /// heard before the policy's: where there is one it is asked, and about what systemd says.
    fn denied_outright(&self) -> Option<u8> {
        let request = self.request(self.action.clone());
        let others = self.arguments.skip_systemd_native || self.is_for_instances();
        if self.kind != InitKind::Systemd || others {
            return None;
        }
        let case = self.session.denied_outright(&request, self.kind)?;
        let level = local::level_without_init(Path::new("/"));
        if level.going_down == GoingDown::Yes || perform::helper(&self.session.policy).exists() {
            return None;
        }
        if self.arguments.options.query {
            return Some(status::DENIED);
        }
        let ending = self.denied(&self.arguments.action, &perform::why(&case.decision));
        self.session.log(&case, Some(ending));
        Some(ending)
    }

    /// Where the init is out of reach (`away`) an admin's deny still holds; in observe mode our decision is
    /// only written down. `None`: the stock tool goes on.
    fn outside(&mut self, away: bool) -> Option<u8> {
        let request = self.request(self.action.clone());
        if !away {
            self.session.watch(&mut self.systemd, request);
            return None;
        }
        if self.going_down == GoingDown::Yes {
            return None;
        }
        let why = self.session.denied(&request, self.kind, None)?;
        let action = self.arguments.action.clone();
        Some(self.denied(&action, &why))
    }

    /// The whole way of the stock script.
    fn go(&mut self) -> Ending {
        self.announce_unknown_script();
        self.find_runlevel()?;
        let judgement = match self.judge()? {
            Ok(judgement) => judgement,
            Err(ending) => {
                self.log_denial(ending);
                return Ok(ending);
            }
        };
        if self.arguments.options.query {
            return Ok(self.query(&judgement));
        }
        // What a stop of ours took down with its template ran although nobody had enabled it.
        let comes_back = self.disabled && self.part == Part::Along;
        if !self.arguments.options.force && judgement.code != status::ALLOWED && !comes_back {
            if self.disabled {
                systemd::bring_back(self)?;
            }
            let ending = self.not_executed(&judgement);
            self.log_denial(ending);
            return Ok(ending);
        }
        self.execute(&judgement)
    }

    /// What `--query` answers: an admin's deny is a deny here too.
    fn query(&self, judgement: &Judgement) -> u8 {
        let request = self.request(self.action.clone());
        let denied = self
            .session
            .denied(&request, self.kind, self.known.as_ref());
        if denied.is_some() && self.going_down == GoingDown::No {
            status::DENIED
        } else {
            judgement.code
        }
    }

    fn execute(&mut self, judgement: &Judgement) -> Ending {
        match self.kind.manner() {
            Manner::Units => systemd::execute(self, judgement),
            Manner::Jobs => upstart::execute(self, judgement),
            Manner::Services => native::execute(self, judgement),
            Manner::Scripts => Ok(script::execute(self, judgement)),
        }
    }

    /// Whether its unit or service says if it may be started, and not links.
    fn is_of_the_init(&self) -> bool {
        let native = self.native.is_some() && !self.kind.runs_scripts_itself();
        self.kind == InitKind::Systemd || native
    }

    /// Writes down that policy-rc.d, or the links or the unit's state, kept the action from being run.
    fn log_denial(&self, ending: u8) {
        if self.arguments.options.query {
            return;
        }
        let (source, text) = match &self.answer {
            HelperAnswer::Said { status, .. } => {
                (Source::PolicyRcD { status: *status }, "does not allow it")
            }
            HelperAnswer::Absent if self.is_of_the_init() => {
                (Source::Unit(self.unit.to_string()), "is not enabled")
            }
            HelperAnswer::Absent => (Source::Links, "do not allow it"),
        };
        let machine = match self.session.life() {
            Some(_) => Known::default(),
            None => Known::Is(Machine::Chroot),
        };
        let request = self.request(self.action.clone());
        let facts = self.session.unseen(&request, self.kind, machine);
        let decision = Decision::because(Verdict::Deny, Reason::new(source, text));
        let case = Case::new(request, facts, decision, None);
        self.session.log(&case, Some(ending));
    }

    /// Ends as denied.
    fn not_executed(&self, judgement: &Judgement) -> u8 {
        let (ending, text) = stock::not_executed(judgement, self.arguments.options.disclose);
        if let Some(text) = text {
            self.voice.error(&text);
        }
        ending
    }

    /// Ends as denied by the policy: the same statuses as a denial by policy-rc.d.
    fn denied(&self, action: &str, why: &str) -> u8 {
        self.voice
            .error(&format!("policy denied execution of {action}: {why}."));
        let actions = vec![action.to_owned()];
        let code = status::DENIED;
        self.not_executed(&Judgement {
            code,
            actions,
            exit: None,
            notices: Vec::new(),
        })
    }

    /// One concrete action in its turn.
    fn turn(&self, word: &str, origin: Origin) -> Turn {
        Turn {
            request: self.request(Action::parse(word)),
            origin,
            going_down: self.going_down,
            known: self.known.clone(),
        }
    }

    /// The request for one concrete action.
    fn request(&self, action: Action) -> Request {
        Request {
            front: FrontEnd::InvokeRcD,
            named: self.arguments.name.clone(),
            unit: self.unit.clone(),
            action,
            flags: self.arguments.flags.clone(),
            scope: Scope::System,
            context: self.session.context.clone(),
        }
    }
}
