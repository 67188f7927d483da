//! Everything that comes before an action is run: is the script known, which runlevel is it, what
//! do links, unit state, policy-rc.d and the policy say. Messages go out in stock's order.

use std::ffi::OsString;
use std::path::Path;

use crate::decide::stock::{self, Judgement, status};
use crate::domain::{
    ActiveState, FileState, Flag, HelperAnswer, InitKind, Links, LoadState, UnitFacts, UnitName,
};
use crate::front::perform::one_unit;
use crate::init::{Depth, InitError};
use crate::observe::helper::{Helper, HelperError, Output};
use crate::observe::runlevel::{self, Runlevel};
use crate::observe::{detect, links};

use super::Call;
use super::turns::Origin;

/// Reached when early boot is over; systemctl's callers take it for "up".
const SYSINIT: &str = "sysinit.target";
/// The runlevel that stands for "up" where systemd has none.
const UP: &str = "5";

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
        self.runlevel = match runlevel::ask() {
            Runlevel::Is(level) => level,
            Runlevel::Unknown if self.is_up()? => UP.to_owned(),
            Runlevel::Unknown => {
                self.voice.error("could not determine current runlevel");
                String::new()
            }
        };
        let going_down = |level: &str| matches!(level, "0" | "6");
        if going_down(&self.runlevel) && runlevel::init_is_booting() {
            self.runlevel = "S".to_owned();
        }
        if going_down(&self.runlevel) {
            self.force_through_shutdown();
        }
        Ok(())
    }

    fn is_up(&mut self) -> Result<bool, InitError> {
        if self.kind != InitKind::Systemd {
            return Ok(false);
        }
        let Ok(name) = UnitName::parse(SYSINIT) else {
            return Ok(false);
        };
        let unit = one_unit(&mut self.systemd, &name, Depth::State)?;
        Ok(unit.active.is_and(|state| state.is_active()))
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
        let links = match self.runlevel.as_str() {
            "" => Links::default(),
            level => links::of_runlevel(level, &self.arguments.name),
        };
        let wrong = stock::check_links(&links);
        wrong.iter().for_each(|notice| self.voice.error(notice));
        if !wrong.is_empty() && !self.arguments.options.retry {
            return Ok(Err(status::ERROR));
        }
        Ok(Ok(stock::judge_links(&self.action, &links)))
    }

    fn enabled_state(&mut self) -> Result<Option<u8>, InitError> {
        if !self.action.needs_link() {
            return Ok(None);
        }
        if links::enables(&self.arguments.name) {
            return Ok(Some(status::ALLOWED));
        }
        let unit = one_unit(&mut self.systemd, &self.unit, Depth::State)?;
        let code = if may_start(&unit)? {
            status::ALLOWED
        } else {
            status::DENIED
        };
        self.known = Some(unit);
        Ok(Some(code))
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
        let helper = self.helper();
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

    fn helper(&self) -> Helper {
        let settings = self.session.policy.settings();
        let most = usize::try_from(settings.helper_max_output).unwrap_or(usize::MAX);
        Helper::of_machine(settings.helper_limit, most)
    }
}

/// Enabled as `systemctl is-enabled` has it, or running. A question that failed is no no.
fn may_start(unit: &UnitFacts) -> Result<bool, InitError> {
    let unknown = |why: &str| InitError::Refused {
        name: String::new(),
        message: format!("cannot tell whether {} is enabled: {why}", unit.asked),
    };
    let missing = unit.load.is_and(|load| *load == LoadState::NotFound);
    let enabled = match unit.file.get() {
        Some(FileState::Enabled | FileState::Static) => true,
        Some(FileState::Other(word)) => matches!(word.as_str(), "alias" | "indirect" | "generated"),
        Some(FileState::Disabled | FileState::Masked) => false,
        None if missing => false,
        None if unit.is_up() => true,
        None => return Err(unknown("systemd did not say")),
    };
    if enabled {
        return Ok(true);
    }
    match unit.active.get() {
        Some(ActiveState::Active | ActiveState::Reloading) => Ok(true),
        Some(_) => Ok(false),
        None => Err(unknown("its state is not known")),
    }
}
