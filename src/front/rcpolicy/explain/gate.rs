//! What invoke-rc.d goes through before it decides on an action: runlevel, links or unit state, and
//! policy-rc.d. The judgement is the drop-in's own; here it becomes reasons and facts.

use std::ffi::OsString;

use crate::decide::stock::{self, Judgement, Options, status};
use crate::domain::{Flag, HelperAnswer, InitKind, Reason, Request, Source};
use crate::front::local::{self, GoingDown};
use crate::front::perform;
use crate::init::{Init, InitError};
use crate::observe::detect::{self, is_executable};
use crate::observe::helper::Output;
use crate::report::explain::Fact;

use super::scene::{NOT_ASKED, Scene};

/// What the gate says.
pub(super) enum Gate {
    /// These actions may be tried.
    Open(Vec<String>),
    /// It is not run.
    Shut(Reason),
    /// The tool ends with this status.
    Ends(u8, Reason),
    /// Nobody is asked: the system is shutting down.
    GoingDown,
}

impl Scene<'_> {
    /// For inits that run scripts.
    pub(super) fn gate_by_links(&mut self, request: &Request) -> Gate {
        let level = match crate::observe::runlevel::ask_under(&self.place.root) {
            crate::observe::runlevel::Runlevel::Is(level) => level,
            crate::observe::runlevel::Runlevel::Unknown => String::new(),
        };
        self.tell_level(&level);
        if matches!(level.as_str(), "0" | "6") {
            return Gate::GoingDown;
        }
        let (root, name) = (&self.place.root, &request.named);
        let (links, wrong) = local::by_links(root, &level, name, &request.action);
        for text in wrong {
            self.facts.push(Fact::seen("link", text));
        }
        if request.action.needs_link() {
            let text = match links {
                Some(status::ALLOWED) => "a start link",
                Some(_) | None => "no start link",
            };
            self.facts.push(Fact::seen("links of this runlevel", text));
        }
        let path = self.place.path(detect::INIT_SCRIPTS).join(name);
        let path = path.display().to_string();
        if !is_executable(&path) {
            self.facts.push(Fact::seen("init script", "none to run"));
            return Gate::Shut(Reason::new(
                Source::BuiltIn,
                "there is no init script to run",
            ));
        }
        self.facts.push(Fact::seen("init script", path));
        self.judge(request, links, &level, Source::Links)
    }

    /// For systemd.
    pub(super) fn gate_by_unit(
        &mut self,
        init: &mut dyn Init,
        request: &Request,
    ) -> Result<Gate, InitError> {
        let level = local::level(&self.place.root, InitKind::Systemd, init)?;
        let name = level.name.unwrap_or_default();
        self.tell_level(&name);
        if level.going_down == GoingDown::Yes {
            return Ok(Gate::GoingDown);
        }
        let root = &self.place.root;
        let (code, _) = local::by_unit(root, init, &request.named, &request.unit, &request.action)?;
        let source = Source::Unit(request.unit.to_string());
        Ok(self.judge(request, code, &name, source))
    }

    fn tell_level(&mut self, level: &str) {
        self.facts.push(match level {
            "" => Fact::unknown("runlevel", "nobody could tell it"),
            level => Fact::seen("runlevel", level),
        });
    }

    fn judge(&mut self, request: &Request, local: Option<u8>, level: &str, from: Source) -> Gate {
        let asked = stock::asked_action(&request.action, local);
        let mut words = vec![request.named.as_str(), asked.as_str()];
        if !level.is_empty() {
            words.push(level);
        }
        let answer = self.ask_helper(&words);
        let options = Options {
            force: request.has(Flag::Force),
            ..Options::default()
        };
        let has_init = self.place.path("/sbin/init").exists();
        let judgement = stock::judge(&request.action, local, &answer, has_init, options);
        self.tell(judgement, &answer, from, has_init, options)
    }

    fn tell(
        &self,
        judgement: Judgement,
        answer: &HelperAnswer,
        from: Source,
        has_init: bool,
        options: Options,
    ) -> Gate {
        let reason = match answer {
            HelperAnswer::Said { status, .. } => Reason::new(
                Source::PolicyRcD { status: *status },
                judgement.notices.join("; "),
            ),
            HelperAnswer::Absent if !has_init => {
                Reason::new(Source::BuiltIn, "there is no /sbin/init and no policy-rc.d")
            }
            HelperAnswer::Absent => Reason::new(from, "may not be started: not enabled"),
        };
        if let Some(ending) = judgement.exit {
            return Gate::Ends(ending, reason);
        }
        if judgement.code == status::ALLOWED || options.force {
            return Gate::Open(judgement.actions);
        }
        Gate::Shut(reason)
    }

    /// policy-rc.d's answer where it may be asked; for deb-systemd-invoke, about these units.
    pub(super) fn asked_helper(&mut self, request: &Request, units: &[&str]) -> HelperAnswer {
        let mut words = units.to_vec();
        words.push(request.action.as_str());
        self.ask_helper(&words)
    }

    pub(super) fn ask_helper(&mut self, words: &[&str]) -> HelperAnswer {
        let mut helper = perform::helper(&self.session.policy);
        helper.path = self.place.path(&helper.path).display().to_string();
        let called = format!("policy-rc.d {}", words.join(" "));
        if !helper.exists() {
            let fact = Fact::seen("policy-rc.d", format!("there is no {}", helper.path));
            if !self.facts.contains(&fact) {
                self.facts.push(fact);
            }
            return NOT_ASKED;
        }
        if !self.ask {
            let why = format!(
                "{} was not asked, it may do anything (--ask asks it)",
                helper.path
            );
            self.facts.push(Fact::unknown(called, why));
            return NOT_ASKED;
        }
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        match helper.ask(&words, Output::Read) {
            Ok((answer, notice)) => {
                self.notes.extend(notice);
                if let HelperAnswer::Said { status, stdout } = &answer {
                    let said = match stdout.trim() {
                        "" => format!("exit status {status}"),
                        text => format!("exit status {status}, and `{text}`"),
                    };
                    self.facts.push(Fact::seen(called, said));
                }
                answer
            }
            Err(error) => {
                self.facts.push(Fact::unknown(called, error.to_string()));
                HelperAnswer::Said {
                    status: status::ERROR,
                    stdout: String::new(),
                }
            }
        }
    }
}
