//! A flush's first step where live definitions are directories of their own: each that is not as packages
//! brought it is brought there, if its service may be restarted. What is owed to services comes after it.

use crate::definitions::{Before, Definitions, Part, Standing, Starts, Supervisor, Touched};
use crate::definitions::{Changing, DefinitionError, Ended, Looked, Outcome, Outdated, Places};
use crate::domain::ServiceName;
use crate::front::perform::Case;
use crate::front::rcpolicy::definitions::{LOGGER_WAITS, Scope, kept, stock_of, times};
use crate::ledger::Due;
use crate::report::console::Console;

use super::leave::Leave;
use super::look_back::without;
use super::occasion::{Again, Left};

/// What makes a logger.
const LOGGER: &str = "log/run";

/// The definitions of a machine in one flush.
pub(super) struct Bringing<'a, 'c> {
    pub(super) leave: Leave<'a>,
    pub(super) supervisor: &'a mut dyn Supervisor,
    pub(super) console: &'a mut Console<'c>,
    pub(super) places: &'a Places,
    pub(super) scope: Scope,
}

/// How one is brought up to date.
struct Going {
    /// The decision about a service that runs.
    case: Option<Case>,
    /// Which of its processes are new ones afterwards.
    renews: Option<Part>,
    starts: Starts,
}

impl Going {
    /// Nothing that runs is restarted for it.
    fn on(starts: Starts) -> Self {
        Self {
            case: None,
            renews: None,
            starts,
        }
    }

    fn left_down(&self) -> String {
        match &self.starts {
            Starts::Allowed => String::new(),
            Starts::Denied(why) => format!("; nothing is brought up for it: {why}"),
        }
    }
}

/// What runs in the place of what ran before: the service itself, or its logger alone.
fn renewed(touched: &[Touched]) -> Option<Part> {
    let mut up = touched.iter().filter(|touched| touched.was_up());
    let service = up.clone().find(|touched| touched.part == Part::Service);
    service.or_else(|| up.next()).map(|touched| touched.part)
}

/// What is to be said of one.
enum Said {
    Nothing,
    Done(String),
    /// Only somebody's doing changes it.
    Kept(String),
    /// It may pass by itself.
    Later(String),
}

/// Which definitions are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    UnderWay,
    All,
}

impl Pass {
    fn takes(self, looked: &Looked) -> bool {
        let under_way = matches!(looked.standing, Standing::UnderWay(_));
        // What is stuck was tried just now.
        under_way == (self == Self::UnderWay)
    }
}

impl Bringing<'_, '_> {
    /// Brings all up to date that may be. What is left of it; `None` where there was nothing to be said.
    pub(super) fn all(mut self) -> Option<Left> {
        let mut left = Left::NOTHING;
        let mut said_anything = false;
        if self.leave.is_going_down() {
            return None;
        }
        let changing = match Definitions::change(self.places.clone()) {
            Ok(changing) => changing,
            Err(error) => return Some(self.cannot(&error)),
        };
        // First what was cut off: its stock version may be another one by now.
        let passes: &[Pass] = match self.scope {
            Scope::All => &[Pass::UnderWay, Pass::All],
            Scope::CutOff => &[Pass::UnderWay],
        };
        for pass in passes {
            let found = match changing.survey() {
                Ok(found) => found,
                Err(error) => return Some(self.cannot(&error)),
            };
            for looked in found {
                if pass.takes(&looked) && self.leave.occasion.covers(&looked.service) {
                    let said = self.one(&looked, &changing);
                    said_anything |= !matches!(said, Said::Nothing);
                    self.tell(&looked.service, said, &mut left);
                }
            }
        }
        said_anything.then_some(left)
    }

    fn cannot(&mut self, error: &DefinitionError) -> Left {
        let why = format!("no definition can be brought up to date: {error}");
        self.console.say_once("definitions", &why);
        let mut left = Left::NOTHING;
        left.keep(Again::Later);
        left
    }

    fn tell(&mut self, service: &ServiceName, said: Said, left: &mut Left) {
        let (text, again) = match said {
            Said::Nothing => return,
            Said::Done(text) => {
                let line = format!("{service}: {text}");
                return self.console.say_last(service.as_str(), &line);
            }
            Said::Kept(text) => (text, Again::No),
            Said::Later(text) => (text, Again::Later),
        };
        self.console
            .say_once(service.as_str(), &format!("{service}: {text}"));
        left.keep(again);
    }

    fn one(&mut self, looked: &Looked, changing: &Changing) -> Said {
        match &looked.standing {
            Standing::Current => Said::Nothing,
            Standing::Refused(why) => Said::Kept(format!("its definition is not touched: {why}")),
            Standing::Outdated(outdated) => self.outdated(looked, outdated, changing),
            Standing::UnderWay(_) => self.cut_off(looked, changing),
            Standing::New | Standing::Gone => {
                self.brought(looked, Going::on(Starts::Allowed), changing)
            }
        }
    }

    /// What was cut off comes to its end, but brings up nothing that somebody denies now.
    fn cut_off(&mut self, looked: &Looked, changing: &Changing) -> Said {
        if let Some(why) = self.unconfigured(&looked.service) {
            return Said::Later(why);
        }
        let starts = match self.leave.may_start(&looked.service) {
            Ok(()) => Starts::Allowed,
            Err(why) => Starts::Denied(why),
        };
        self.brought(looked, Going::on(starts), changing)
    }

    /// Why what dpkg has not configured is left alone: the definition's package, or the service's.
    fn unconfigured(&self, service: &ServiceName) -> Option<String> {
        let packages = &self.leave.payer.unconfigured;
        let of_stock = packages.owner_of_file(&stock_of(self.places, service));
        let (package, state) = of_stock.or_else(|| packages.owner_of(&service.unit()))?;
        Some(format!("its package {package} is {state}"))
    }

    fn outdated(&mut self, looked: &Looked, outdated: &Outdated, changing: &Changing) -> Said {
        let (tries, most) = (
            looked.tries(),
            self.leave.payer.session.policy.settings().flush_tries,
        );
        if self.leave.occasion.is_batch_end() && tries >= most {
            let tries = times(tries);
            return Said::Kept(format!(
                "its new definition was rolled back {tries}, and is left to `rcpolicy flush`"
            ));
        }
        if let Some(why) = self.unconfigured(&looked.service) {
            return Said::Later(why);
        }
        let touched = match changing.touched(looked, self.supervisor) {
            Ok(touched) => touched,
            Err(error) => return failed(&error, waits(outdated, &error.to_string())),
        };
        if !touched.iter().any(Touched::was_up) {
            return self.brought(looked, Going::on(Starts::Allowed), changing);
        }
        let renews = renewed(&touched);
        match self.may_restart(looked, renews) {
            Err(why) => Said::Kept(waits(outdated, &why)),
            Ok(case) => {
                let going = Going {
                    case: Some(case),
                    renews,
                    starts: Starts::Allowed,
                };
                self.brought(looked, going, changing)
            }
        }
    }

    /// Whether what `renews` may be restarted: its package is heard where the admin says nothing.
    fn may_restart(&mut self, looked: &Looked, renews: Option<Part>) -> Result<Case, String> {
        let service = &looked.service;
        let package = looked.upgrading.against_restart();
        let package = package.filter(|_| renews == Some(Part::Service));
        match package.filter(|_| !self.leave.is_told(service)) {
            Some(why) => Err(format!("{why}: `rcpolicy flush {service}` does it")),
            None => self.leave.may_restart(service),
        }
    }

    /// Does it, and says what came of it.
    fn brought(&mut self, looked: &Looked, going: Going, changing: &Changing) -> Said {
        let starts = going.starts.clone();
        let outcome = match changing.bring(looked, self.supervisor, starts) {
            Ok(outcome) => outcome,
            Err(error) => return failed(&error, format!("its definition stays: {error}")),
        };
        let said = self.came_of(outcome, looked, &going);
        let Some(case) = &going.case else {
            return said;
        };
        let session = &self.leave.payer.session;
        match &said {
            Said::Nothing => {}
            Said::Done(text) => session.log_outcome(case, text, Some(0)),
            Said::Later(text) | Said::Kept(text) => session.log_outcome(case, text, Some(1)),
        }
        said
    }

    fn came_of(&mut self, outcome: Outcome, looked: &Looked, going: &Going) -> Said {
        let new_waits = |why: String| format!("its new definition waits: {why}");
        match outcome {
            Outcome::Noted => noted(looked, self.places),
            Outcome::Removed => Said::Done("its definition went with its package".to_owned()),
            Outcome::Waits(_) if looked.standing == Standing::Gone => Said::Nothing,
            Outcome::Waits(why) | Outcome::Ended(Ended::Withheld(why)) => {
                Said::Kept(new_waits(why))
            }
            Outcome::Lasts(why) => Said::Later(new_waits(why)),
            Outcome::Ended(Ended::Stuck(why)) => Said::Later(why),
            Outcome::Ended(Ended::Updated) => self.updated(looked, going),
            Outcome::Ended(Ended::RolledBack(why)) => {
                let left_down = going.left_down();
                let why = format!("its new definition was rolled back: {why}{left_down}");
                let most = self.leave.payer.session.policy.settings().flush_tries;
                match looked.tries().saturating_add(1) < most {
                    true => Said::Later(why),
                    false => Said::Kept(why),
                }
            }
        }
    }

    fn updated(&mut self, looked: &Looked, going: &Going) -> Said {
        if going.renews == Some(Part::Service) {
            self.restarted(&looked.service);
        }
        let (stays, left_down) = (stays(looked), going.left_down());
        let logger = self.logger(looked);
        Said::Done(format!(
            "its definition was brought up to date{stays}{left_down}{logger}"
        ))
    }

    /// A supervisor looks for a logger when it begins, and no more.
    fn logger(&mut self, looked: &Looked) -> String {
        let Standing::Outdated(outdated) = &looked.standing else {
            return String::new();
        };
        let mut found = |part| self.supervisor.found(&looked.service, part);
        let is_new = outdated.parts.contains(&Part::Log)
            && outdated.plan.target.get(LOGGER).is_some()
            && found(Part::Log) == Ok(Before::Unsupervised);
        match is_new && found(Part::Service) != Ok(Before::Unsupervised) {
            true => format!("; {LOGGER_WAITS}"),
            false => String::new(),
        }
    }

    /// A restart that is owed was done with it.
    fn restarted(&self, service: &ServiceName) {
        let Some(entry) = self.leave.payer.session.owed_to(service) else {
            return;
        };
        let due = entry.owed.as_ref().map(|owed| owed.due);
        let restart = due.filter(|due| matches!(due, Due::Restart | Due::TryRestart));
        if let Some(due) =
            restart.filter(|_| entry.down.is_none() && self.leave.occasion.pays(&entry))
        {
            // What cannot be struck is done once more.
            let _ = self
                .leave
                .payer
                .strike(&entry, without(&entry, due).as_ref(), "restarted");
        }
    }
}

/// A supervisor that cannot be asked may be back in a moment; all else is somebody's to put right.
fn failed(error: &DefinitionError, text: String) -> Said {
    match error {
        DefinitionError::Supervisor(_) => Said::Later(text),
        DefinitionError::File(_)
        | DefinitionError::Record { .. }
        | DefinitionError::Refused { .. }
        | DefinitionError::Changed { .. }
        | DefinitionError::Busy => Said::Kept(text),
    }
}

fn waits(outdated: &Outdated, why: &str) -> String {
    format!(
        "its new definition{} waits: {why}",
        kept(&outdated.plan.kept)
    )
}

fn noted(looked: &Looked, places: &Places) -> Said {
    match (&looked.standing, looked.edited.as_slice()) {
        (Standing::New, [_, ..]) => Said::Done(format!(
            "its live definition differs from {} in {}, and is taken as changed here",
            stock_of(places, &looked.service),
            looked.edited.join(" ")
        )),
        _ => Said::Nothing,
    }
}

/// What of it is still as somebody made it.
fn stays(looked: &Looked) -> String {
    match &looked.standing {
        Standing::Outdated(outdated) => kept(&outdated.plan.kept),
        Standing::Current
        | Standing::New
        | Standing::UnderWay(_)
        | Standing::Gone
        | Standing::Refused(_) => String::new(),
    }
}
