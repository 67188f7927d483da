//! policy-rc.d as `explain` asks it: what the drop-in would ask, in its order, each question and each
//! answer kept as a fact. It is run only where that was allowed: it may do anything.

use std::ffi::OsString;

use crate::domain::HelperAnswer;
use crate::front::inquiry::Asker;
use crate::front::local::GoingDown;
use crate::observe::helper::{Helper, HelperError, Output};
use crate::report::explain::Fact;

use super::told::Told;

/// Whether policy-rc.d may be run (`--ask`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    Given,
    Withheld,
}

/// Asks, or says what would be asked.
pub(super) struct Asking<'a> {
    helper: Helper,
    permission: Permission,
    /// What invoke-rc.d adds to each question.
    level: Option<String>,
    going_down: GoingDown,
    told: &'a mut Told,
}

impl<'a> Asking<'a> {
    /// As deb-systemd-invoke asks.
    pub(super) fn new(helper: Helper, permission: Permission, told: &'a mut Told) -> Self {
        Self {
            helper,
            permission,
            level: None,
            going_down: GoingDown::No,
            told,
        }
    }

    /// As invoke-rc.d asks in runlevel `level`, which is empty where nobody could tell it.
    pub(super) fn in_runlevel(self, level: &str, going_down: GoingDown) -> Self {
        Self {
            level: Some(level.to_owned()).filter(|level| !level.is_empty()),
            going_down,
            ..self
        }
    }

    fn really_ask(&mut self, called: &str, words: &[&str]) -> Result<HelperAnswer, HelperError> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let heard = self.helper.ask(&words, Output::Read);
        let (answer, notice) =
            heard.inspect_err(|error| self.told.unknown(called, error.to_string()))?;
        self.told.notes.extend(notice);
        if let HelperAnswer::Said { status, stdout } = &answer {
            let said = match stdout.trim() {
                "" => format!("exit status {status}"),
                text => format!("exit status {status}, and `{text}`"),
            };
            self.told.seen(called, said);
        }
        Ok(answer)
    }
}

impl Asker for Asking<'_> {
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        if self.going_down == GoingDown::Yes {
            return Ok(HelperAnswer::Absent);
        }
        let path = self.helper.path.clone();
        if !self.helper.exists() {
            let standing = match self.helper.is_ours() {
                true => format!("{path} is rcpolicy's own answer to other tools: it is not asked"),
                false => format!("there is no {path}"),
            };
            let fact = Fact::seen("policy-rc.d", standing);
            if !self.told.facts.contains(&fact) {
                self.told.facts.push(fact);
            }
            return Ok(HelperAnswer::Absent);
        }
        let level = self.level.clone();
        let words: Vec<&str> = [name, action].into_iter().chain(level.as_deref()).collect();
        let called = format!("policy-rc.d {}", words.join(" "));
        if self.permission == Permission::Withheld {
            let why = format!("{path} was not asked, it may do anything (--ask asks it)");
            self.told.unknown(&called, why);
            self.told.unasked = true;
            return Ok(HelperAnswer::Absent);
        }
        self.really_ask(&called, &words)
    }

    fn tell(&mut self, text: &str) {
        self.told.notices.push(text.to_owned());
    }

    fn warn(&mut self, text: &str) {
        self.told.notes.push(text.to_owned());
    }
}
