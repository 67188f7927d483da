//! policy-rc.d as deb-systemd-invoke asks it: with the unit and the action alone, its output passed on to
//! the caller. What an answer means is decided elsewhere.

use std::ffi::OsString;

use crate::decide::stock::status;
use crate::domain::HelperAnswer;
use crate::front::inquiry::Asker;
use crate::front::perform::{self, Session};
use crate::observe::helper::{Helper, HelperError, Output};
use crate::report::Voice;

/// Asks policy-rc.d, and says which of its answers mean nothing here.
pub(super) struct Asking<'a> {
    pub(super) helper: Helper,
    session: &'a Session,
    voice: &'a Voice,
}

impl<'a> Asking<'a> {
    pub(super) fn new(session: &'a Session, voice: &'a Voice) -> Self {
        Self {
            helper: perform::helper(&session.policy),
            session,
            voice,
        }
    }

    fn warn_of(&self, said: u8) {
        let known = [0, status::DENIED, status::ALLOWED];
        let strict = self.session.policy.settings().strict;
        let honoured = said == status::FALLBACK && !strict;
        if known.contains(&said) || honoured {
            return;
        }
        let path = &self.helper.path;
        self.voice.line(&format!(
            "deb-systemd-invoke only supports {path} return codes 0, 101, and 104!"
        ));
        self.voice
            .line(&format!("Got return code {said}, ignoring."));
    }
}

impl Asker for Asking<'_> {
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        let words: [OsString; 2] = [name.into(), action.into()];
        let (answer, notice) = {
            let mut out = std::io::stdout();
            self.helper.ask(&words, Output::ReadAndPassOn(&mut out))?
        };
        notice.iter().for_each(|notice| self.voice.warn(notice));
        if let HelperAnswer::Said { status, .. } = &answer {
            self.warn_of(*status);
        }
        Ok(answer)
    }

    fn tell(&mut self, text: &str) {
        self.voice.warn(text);
    }

    fn warn(&mut self, text: &str) {
        self.voice.warn(text);
    }
}
