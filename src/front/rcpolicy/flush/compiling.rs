//! A flush's step for definitions that are compiled: switched as a whole, where each service that runs and
//! whose source changed may be restarted.

use crate::definitions::{Compiled, Compiler, Due, Sources};
use crate::domain::ServiceName;
use crate::report::console::Console;

use super::leave::Leave;
use super::occasion::{Again, Left};

/// What is said of them, in place of a service.
const SUBJECT: &str = "s6-rc";

/// The compiled definitions of a machine in one flush.
pub(super) struct Compiling<'a, 'c> {
    pub(super) leave: Leave<'a>,
    pub(super) compiled: Compiled,
    pub(super) compiler: &'a mut dyn Compiler,
    pub(super) console: &'a mut Console<'c>,
}

impl Compiling<'_, '_> {
    /// Switches to what the sources say now, where that may be. What is left of it; `None` where there was
    /// nothing to be said.
    pub(super) fn all(mut self) -> Option<Left> {
        // They are one whole: whoever names services means others.
        if !self.leave.occasion.named().is_empty() || self.leave.is_going_down() {
            return None;
        }
        let found = match self.compiled.look(self.compiler) {
            Ok(found) => found?,
            Err(error) => return Some(self.kept(&error.to_string(), Again::No)),
        };
        match found.due {
            Due::Nothing => None,
            Due::Noting => match self.compiled.bring(&found, self.compiler) {
                Ok(_) => None,
                Err(error) => Some(self.kept(&error.to_string(), Again::Later)),
            },
            Due::Switch => Some(self.switch(&found)),
        }
    }

    fn switch(&mut self, found: &Sources) -> Left {
        let most = self.leave.payer.session.policy.settings().flush_tries;
        let tries = found.failed.as_ref().map_or(0, |(tries, _)| *tries);
        if let Some((_, why)) = &found.failed
            && self.leave.occasion.is_batch_end()
            && tries >= most
        {
            return self.kept(why, Again::No);
        }
        if let Err((why, again)) = self.may_switch(found) {
            return self.kept(&why, again);
        }
        match self.compiled.bring(found, self.compiler) {
            Ok(None) => self.done("its definitions were compiled and are live"),
            Ok(Some(trouble)) => self.done(&format!(
                "its definitions were compiled and are live: {trouble}"
            )),
            Err(error) => {
                let again = match tries.saturating_add(1) < most {
                    true => Again::Later,
                    false => Again::No,
                };
                self.kept(&error.to_string(), again)
            }
        }
    }

    /// Whether all whose sources changed may be restarted.
    fn may_switch(&mut self, found: &Sources) -> Result<(), (String, Again)> {
        for name in &found.changed {
            for source in self.compiler.sources() {
                let path = source.join(name).display().to_string();
                let owner = self.leave.payer.unconfigured.owner_of_file(&path);
                if let Some((package, state)) = owner {
                    return Err((format!("the package {package} is {state}"), Again::Later));
                }
            }
            let Ok(service) = ServiceName::parse(name) else {
                continue;
            };
            let active = self.leave.init.active(&service.unit());
            let active = active.map_err(|error| (error.to_string(), Again::Later))?;
            // What cannot be told may run.
            if !active.is_and(|state| state.is_down()) {
                let allowed = self.leave.may_restart(&service);
                allowed.map_err(|why| (format!("{service}: {why}"), Again::No))?;
            }
        }
        Ok(())
    }

    fn done(&mut self, text: &str) -> Left {
        self.console
            .say_last(SUBJECT, &format!("{SUBJECT}: {text}"));
        Left::NOTHING
    }

    fn kept(&mut self, why: &str, again: Again) -> Left {
        let line = format!("{SUBJECT}: its definitions stay as they were compiled: {why}");
        self.console.say_once(SUBJECT, &line);
        let mut left = Left::NOTHING;
        left.keep(again);
        left
    }
}
