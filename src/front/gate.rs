//! What invoke-rc.d goes by before it decides on an action: links or unit state, an admin's `allow`,
//! policy-rc.d. `rcpolicy explain` comes through here too. Nothing is carried out.

use std::path::{Path, PathBuf};

use crate::decide::is_down_by_our_stop;
use crate::decide::stock::{self, Judgement, Options, status};
use crate::domain::{HelperAnswer, InitKind, Phase, Request, UnitFacts};
use crate::init::{Init, InitError};
use crate::observe::detect::{INIT_SCRIPTS, is_executable};
use crate::observe::helper::HelperError;

use super::inquiry::Asker;
use super::local;
use super::perform::Session;

/// The gate of one call.
pub(super) struct Gate<'a> {
    pub(super) session: &'a Session,
    /// The root directory of the machine in question.
    pub(super) root: &'a Path,
    pub(super) kind: InitKind,
    pub(super) request: &'a Request,
    /// Empty where nobody could tell it.
    pub(super) runlevel: &'a str,
    pub(super) options: Options,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Passage {
    /// All were heard.
    Judged(Judged),
    /// A start or kill link is no link, or leads nowhere; it was told.
    BadLinks,
    /// There is no init script to run.
    NoScript,
    /// policy-rc.d gave no answer.
    Unanswered(HelperError),
    /// The init does not tell whether the service may be started.
    Untold(InitError),
}

/// What all authorities together say.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) judgement: Judgement,
    /// What policy-rc.d said.
    pub(super) answer: HelperAnswer,
    /// Nobody denies the action, but systemd says that the service is disabled and down.
    pub(super) disabled: bool,
}

impl Gate<'_> {
    /// For inits that run scripts.
    pub(super) fn by_links(&self, asker: &mut dyn Asker) -> Passage {
        let (name, action) = (&self.request.named, &self.request.action);
        let (links, wrong) = local::by_links(self.root, self.runlevel, name, action);
        wrong.iter().for_each(|notice| asker.tell(notice));
        if !wrong.is_empty() && !self.options.retry {
            return Passage::BadLinks;
        }
        if !is_executable(&self.script().to_string_lossy()) {
            return Passage::NoScript;
        }
        self.ask(links, asker)
    }

    /// For a service that the init has itself, `unit`. Where it has an init script too, the links of that
    /// one still deny what an admin denied by them.
    pub(super) fn by_service(&self, unit: &UnitFacts, asker: &mut dyn Asker) -> Passage {
        if self.kind.runs_scripts_itself() {
            return self.by_links(asker);
        }
        let script = is_executable(&self.script().to_string_lossy());
        let denied = script && local::is_killed(self.root, self.runlevel, &self.request.named);
        match local::by_service(unit, &self.request.action) {
            Ok(Some(_)) if denied => self.ask(Some(status::DENIED), asker),
            Ok(Some(status::DENIED)) if self.comes_back(unit) => {
                self.ask(Some(status::ALLOWED), asker)
            }
            Ok(local) => self.ask(local, asker),
            Err(error) => Passage::Untold(error),
        }
    }

    /// Whether it ran until a stop in this package's upgrade took it down: an init script would start it
    /// again, whatever is meant to be done at boot.
    fn comes_back(&self, unit: &UnitFacts) -> bool {
        let noted = self.session.owed_to(&self.request.unit.service());
        let upgrade = self.request.context.phase == Phase::Upgrade;
        let comes_back = upgrade && self.kind.comes_back_disabled();
        comes_back && noted.is_some_and(|entry| is_down_by_our_stop(&entry, unit))
    }

    /// For Upstart's jobs, which no link concerns.
    pub(super) fn by_job(&self, asker: &mut dyn Asker) -> Passage {
        self.ask(None, asker)
    }

    /// For systemd; also what was found out about the unit.
    ///
    /// # Errors
    /// When systemd could not be asked.
    pub(super) fn by_unit(
        &self,
        init: &mut dyn Init,
        asker: &mut dyn Asker,
    ) -> Result<(Passage, Option<UnitFacts>), InitError> {
        let Request {
            named,
            unit,
            action,
            ..
        } = self.request;
        let (enabled, unit) = local::by_unit(self.root, init, named, unit, action)?;
        Ok((self.ask(enabled, asker), unit))
    }

    /// The init script that would be run.
    pub(super) fn script(&self) -> PathBuf {
        let directory = self.root.join(INIT_SCRIPTS.trim_start_matches('/'));
        directory.join(&self.request.named)
    }

    fn ask(&self, local: Option<u8>, asker: &mut dyn Asker) -> Passage {
        let (name, action) = (&self.request.named, &self.request.action);
        let local = match local {
            // An admin's `allow` lifts what links and unit state say.
            Some(status::DENIED) if self.session.allows(self.request, self.kind) => {
                Some(status::ALLOWED)
            }
            local => local,
        };
        let answer = match asker.ask(name, &stock::asked_action(action, local)) {
            Ok(answer) => answer,
            Err(error) if self.options.force => {
                asker.warn(&format!("{error}; {action} of {name} is forced"));
                HelperAnswer::Absent
            }
            Err(error) => return Passage::Unanswered(error),
        };
        // One that cannot be looked at is there.
        let has_init = self.root.join("sbin/init").try_exists().unwrap_or(true);
        let systemd = self.kind == InitKind::Systemd && has_init;
        let nobody_else = answer == HelperAnswer::Absent && local == Some(status::DENIED);
        let judgement = stock::judge(action, local, &answer, has_init, self.options);
        judgement
            .notices
            .iter()
            .for_each(|notice| asker.tell(notice));
        Passage::Judged(Judged {
            judgement,
            answer,
            disabled: systemd && nobody_else,
        })
    }
}
