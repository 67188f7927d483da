//! A flush's first step where live definitions are directories of their own: each that is not as packages
//! brought it is brought there, if its service may be restarted. What is owed to services comes after it.

use crate::definitions::{Changing, DefinitionError, Ended, Looked, Outcome, Outdated, Places};
use crate::definitions::{Definitions, Part, Standing, Starts, Supervisor, Touched};
use crate::domain::ServiceName;
use crate::front::perform::Case;
use crate::front::rcpolicy::definitions::{kept, stock_of, times};
use crate::ledger::Due;
use crate::report::console::Console;

use super::leave::Leave;
use super::look_back::without;
use super::occasion::{Again, Left};

/// The definitions of a machine in one flush.
pub(super) struct Bringing<'a, 'c> {
    pub(super) leave: Leave<'a>,
    pub(super) supervisor: &'a mut dyn Supervisor,
    pub(super) console: &'a mut Console<'c>,
    pub(super) places: &'a Places,
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
        for pass in [Pass::UnderWay, Pass::All] {
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
        let going = match changing.touched(looked, self.supervisor) {
            Err(error) => return Said::Kept(error.to_string()),
            Ok(touched) if touched.iter().any(Touched::was_up) => {
                match self.leave.may_restart(&looked.service) {
                    Err(why) => {
                        let kept = kept(&outdated.plan.kept);
                        return Said::Kept(format!("its new definition{kept} waits: {why}"));
                    }
                    Ok(case) => Going {
                        case: Some(case),
                        renews: renewed(&touched),
                        starts: Starts::Allowed,
                    },
                }
            }
            Ok(_) => Going::on(Starts::Allowed),
        };
        self.brought(looked, going, changing)
    }

    /// Does it, and says what came of it.
    fn brought(&mut self, looked: &Looked, going: Going, changing: &Changing) -> Said {
        let (case, left_down) = (going.case.as_ref(), going.left_down());
        let outcome = match changing.bring(looked, self.supervisor, going.starts) {
            Ok(outcome) => outcome,
            Err(error) => return Said::Kept(format!("its definition stays: {error}")),
        };
        let most = self.leave.payer.session.policy.settings().flush_tries;
        let said = match outcome {
            Outcome::Noted => noted(looked, self.places),
            Outcome::Removed => Said::Done("its definition went with its package".to_owned()),
            Outcome::Waits(_) if looked.standing == Standing::Gone => Said::Nothing,
            Outcome::Waits(why) => Said::Kept(why),
            Outcome::Ended(Ended::Stuck(why)) => Said::Later(why),
            Outcome::Ended(Ended::Updated) => {
                if going.renews == Some(Part::Service) {
                    self.restarted(&looked.service);
                }
                let stays = stays(looked);
                Said::Done(format!(
                    "its definition was brought up to date{stays}{left_down}"
                ))
            }
            Outcome::Ended(Ended::RolledBack(why)) => {
                let why = format!("its new definition was rolled back: {why}{left_down}");
                match looked.tries().saturating_add(1) < most {
                    true => Said::Later(why),
                    false => Said::Kept(why),
                }
            }
        };
        if let (Some(case), Said::Done(text)) = (case, &said) {
            self.leave.payer.session.log_outcome(case, text, Some(0));
        } else if let (Some(case), Said::Later(text) | Said::Kept(text)) = (case, &said) {
            self.leave.payer.session.log_outcome(case, text, Some(1));
        }
        said
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
