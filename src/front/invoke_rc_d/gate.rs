//! Everything that comes before an action is run: is the script known, which runlevel is it, what
//! do links, unit state, policy-rc.d and the policy say. Messages go out in stock's order.

use std::ffi::OsString;
use std::path::Path;

use crate::decide::stock::{Judgement, status};
use crate::domain::{Flag, HelperAnswer, InitKind, Manner};
use crate::front::gate::{Gate, Judged, Passage};
use crate::front::inquiry::Asker;
use crate::front::local::{self, GoingDown};
use crate::front::perform::{Session, helper};
use crate::init::InitError;
use crate::observe::detect;
use crate::observe::helper::{Helper, HelperError, Output};
use crate::report::Voice;

use super::Call;

impl Call {
    /// Says that a script is missing, where the init would run it.
    pub(super) fn announce_unknown_script(&self) {
        let path = detect::script_path(&self.arguments.name);
        if self.kind == InitKind::Sysv && !Path::new(&path).is_file() {
            self.voice
                .error(&format!("unknown initscript, {path} not found."));
        }
    }

    /// Finds the runlevel, and whether the system is shutting down.
    pub(super) fn find_runlevel(&mut self) -> Result<(), InitError> {
        let level = local::level(Path::new("/"), self.kind, &mut self.systemd)?;
        if level.name.is_none() {
            self.voice.error("could not determine current runlevel");
        }
        self.runlevel = level.name.unwrap_or_default();
        if level.going_down == GoingDown::Yes {
            self.force_through_shutdown();
        }
        Ok(())
    }

    fn force_through_shutdown(&mut self) {
        self.going_down = GoingDown::Yes;
        self.arguments.options.force = true;
        self.arguments.options.retry = true;
        self.arguments.flags.push(Flag::Force);
        self.voice.quiet = false;
        let line = "-----------------------------------------------------";
        self.voice.error(line);
        let (name, action) = (&self.arguments.name, &self.arguments.action);
        self.voice
            .error(&format!("WARNING: 'invoke-rc.d {name} {action}' called"));
        self.voice.error("during shutdown sequence.");
        self.voice
            .error("enabling safe mode: initscript policy layer disabled");
        self.voice.error(line);
    }

    /// What all authorities together say; `Err` where the call ends here with a status.
    pub(super) fn judge(&mut self) -> Result<Result<Judgement, u8>, InitError> {
        let request = self.request(self.action.clone());
        let gate = Gate {
            session: &self.session,
            root: Path::new("/"),
            kind: self.kind,
            request: &request,
            runlevel: &self.runlevel,
            options: self.arguments.options,
        };
        let mut asker = Asking::new(&self.session, &self.voice, &self.runlevel, self.going_down);
        let passage = match self.kind.manner() {
            Manner::Units => {
                let (passage, unit) = gate.by_unit(&mut self.systemd, &mut asker)?;
                self.known = unit.or(self.known.take());
                passage
            }
            Manner::Jobs => gate.by_job(&mut asker),
            Manner::Services => match (&self.native, &self.known) {
                (Some(_), Some(unit)) => gate.by_service(unit, &mut asker),
                _ => gate.by_links(&mut asker),
            },
            Manner::Scripts => gate.by_links(&mut asker),
        };
        Ok(match passage {
            Passage::Judged(judged) => self.judged(judged),
            Passage::BadLinks => Err(status::ERROR),
            Passage::NoScript => Ok(Judgement {
                code: status::DENIED,
                actions: vec![self.arguments.action.clone()],
                exit: None,
                notices: Vec::new(),
            }),
            Passage::Untold(error) => return Err(error),
            Passage::Unanswered(error) => {
                let (name, action) = (&self.arguments.name, &self.action);
                self.voice
                    .warn(&format!("{error}; {action} of {name} is not run"));
                Err(status::ERROR)
            }
        })
    }

    fn judged(&mut self, judged: Judged) -> Result<Judgement, u8> {
        self.answer = judged.answer;
        self.disabled = judged.disabled;
        match judged.judgement.exit {
            Some(ending) => Err(ending),
            None => Ok(judged.judgement),
        }
    }

    pub(super) fn script_is_executable(&self) -> bool {
        detect::is_executable(&detect::script_path(&self.arguments.name))
    }
}

/// Asks policy-rc.d as invoke-rc.d does.
pub(super) struct Asking<'a> {
    helper: Helper,
    voice: &'a Voice,
    runlevel: &'a str,
    /// Nobody is asked then.
    going_down: GoingDown,
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        session: &Session,
        voice: &'a Voice,
        runlevel: &'a str,
        going_down: GoingDown,
    ) -> Self {
        Self {
            helper: helper(&session.policy),
            voice,
            runlevel,
            going_down,
        }
    }
}

impl Asker for Asking<'_> {
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        if self.going_down == GoingDown::Yes {
            return Ok(HelperAnswer::Absent);
        }
        let quiet = self.voice.quiet.then_some("--quiet");
        let level = Some(self.runlevel).filter(|level| !level.is_empty());
        let words = quiet.into_iter().chain([name, action]).chain(level);
        let words: Vec<OsString> = words.map(OsString::from).collect();
        let (answer, notice) = self.helper.ask(&words, Output::Read)?;
        notice.iter().for_each(|notice| self.voice.error(notice));
        Ok(answer)
    }

    fn tell(&mut self, text: &str) {
        self.voice.error(text);
    }

    fn warn(&mut self, text: &str) {
        self.voice.warn(text);
    }
}
