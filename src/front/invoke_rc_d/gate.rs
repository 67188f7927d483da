//! Everything that comes before an action is run: is the script known, which runlevel is it, what
//! do links, unit state, policy-rc.d and the policy say. Messages go out in stock's order.

use std::ffi::OsString;
use std::path::Path;

use crate::decide::stock::{self, Judgement, status};
use crate::domain::{Flag, HelperAnswer, InitKind};
use crate::front::local::{self, GoingDown};
use crate::front::perform::helper;
use crate::init::InitError;
use crate::observe::detect;
use crate::observe::helper::{HelperError, Output};

use super::Call;
use super::turns::Origin;

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
        self.shutdown = true;
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
        let local = match self.local_policy()? {
            Ok(Some(status::DENIED)) if self.is_allowed() => Some(status::ALLOWED),
            Ok(local) => local,
            Err(ending) => return Ok(Err(ending)),
        };
        if self.kind != InitKind::Systemd && !self.script_is_executable() {
            let actions = vec![self.arguments.action.clone()];
            let code = status::DENIED;
            return Ok(Ok(Judgement {
                code,
                actions,
                exit: None,
                notices: Vec::new(),
            }));
        }
        let asked = stock::asked_action(&self.action, local);
        let answer = match self.ask_helper(&self.arguments.name, &asked) {
            Ok(answer) => answer,
            Err(error) => {
                let (name, action) = (&self.arguments.name, &self.action);
                let forced = self.arguments.options.force;
                let end = if forced { "forced" } else { "not run" };
                self.voice
                    .warn(&format!("{error}; {action} of {name} is {end}"));
                if !forced {
                    return Ok(Err(status::ERROR));
                }
                HelperAnswer::Absent
            }
        };
        self.answer.clone_from(&answer);
        let has_init = detect::has_sbin_init();
        let options = self.arguments.options;
        let systemd = self.kind == InitKind::Systemd && has_init;
        let nobody_else = answer == HelperAnswer::Absent && local == Some(status::DENIED);
        self.disabled = systemd && nobody_else;
        let judgement = stock::judge(&self.action, local, &answer, has_init, options);
        judgement
            .notices
            .iter()
            .for_each(|notice| self.voice.error(notice));
        Ok(match judgement.exit {
            Some(ending) => Err(ending),
            None => Ok(judgement),
        })
    }

    /// An admin's `allow` lifts what links and unit state say.
    fn is_allowed(&self) -> bool {
        let request = self.request(self.action.clone());
        self.session.allows(&request, self.kind)
    }

    pub(super) fn script_is_executable(&self) -> bool {
        detect::is_executable(&detect::script_path(&self.arguments.name))
    }

    /// Links or unit state: may the service be started at all?
    fn local_policy(&mut self) -> Result<Result<Option<u8>, u8>, InitError> {
        if self.kind == InitKind::Systemd {
            return Ok(Ok(self.enabled_state()?));
        }
        let name = &self.arguments.name;
        let (local, wrong) = local::by_links(Path::new("/"), &self.runlevel, name, &self.action);
        wrong.iter().for_each(|notice| self.voice.error(notice));
        if !wrong.is_empty() && !self.arguments.options.retry {
            return Ok(Err(status::ERROR));
        }
        Ok(Ok(local))
    }

    fn enabled_state(&mut self) -> Result<Option<u8>, InitError> {
        let (name, root) = (&self.arguments.name, Path::new("/"));
        let (code, unit) = local::by_unit(root, &mut self.systemd, name, &self.unit, &self.action)?;
        self.known = unit.or(self.known.take());
        Ok(code)
    }

    /// Asks policy-rc.d about an action that a rule puts in the place of another. About what the
    /// caller asked for it was asked before, and its own list is its answer.
    pub(super) fn ask_again(&self, word: &str, from: Origin) -> Result<HelperAnswer, HelperError> {
        match from {
            Origin::Rule if !self.shutdown => self.ask_helper(&self.arguments.name, word),
            Origin::Caller | Origin::Helper | Origin::Rule => Ok(HelperAnswer::Absent),
        }
    }

    /// Asks policy-rc.d about `action` of `name`.
    pub(super) fn ask_helper(&self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        if self.shutdown {
            return Ok(HelperAnswer::Absent);
        }
        let helper = helper(&self.session.policy);
        let mut arguments: Vec<OsString> = Vec::new();
        if self.voice.quiet {
            arguments.push("--quiet".into());
        }
        arguments.push(name.into());
        arguments.push(action.into());
        if !self.runlevel.is_empty() {
            arguments.push(self.runlevel.clone().into());
        }
        let (answer, notice) = helper.ask(&arguments, Output::Read)?;
        notice.iter().for_each(|notice| self.voice.error(notice));
        Ok(answer)
    }
}
