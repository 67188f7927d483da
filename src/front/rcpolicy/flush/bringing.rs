//! A flush's first step where live definitions are directories of their own: each that is not as packages
//! brought it is brought there, if its service may be restarted. What is owed to services comes after it.

use crate::definitions::{Changing, DefinitionError, Ended, Looked, Outcome, Outdated, Places};
use crate::definitions::{Definitions, Standing, Supervisor, Touched};
use crate::domain::{Action, Phase, ServiceName, Until, Verdict};
use crate::front::local::GoingDown;
use crate::front::perform::{self, Case, ask_about};
use crate::front::rcpolicy::definitions::{kept, stock_of, times};
use crate::init::Init;
use crate::ledger::{Due, Entry, Owed, Who};
use crate::policy::{Answer, Decide};
use crate::report::console::Console;

use super::debt::Debt;
use super::look_back::without;
use super::occasion::{Again, Left, Occasion};
use super::payer::Payer;

/// The definitions of a machine in one flush.
pub(super) struct Bringing<'a, 'c> {
    pub(super) payer: &'a Payer<'a>,
    pub(super) occasion: Occasion<'a>,
    pub(super) init: &'a mut dyn Init,
    pub(super) supervisor: &'a mut dyn Supervisor,
    pub(super) console: &'a mut Console<'c>,
    pub(super) places: &'a Places,
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
        let level = self.payer.level.as_ref();
        if level.is_some_and(|level| level.going_down == GoingDown::Yes) {
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
                if pass.takes(&looked) && self.occasion.covers(&looked.service) {
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
            Standing::New | Standing::UnderWay(_) | Standing::Gone => {
                self.brought(looked, None, changing)
            }
        }
    }

    fn outdated(&mut self, looked: &Looked, outdated: &Outdated, changing: &Changing) -> Said {
        let (tries, most) = (
            looked.tries(),
            self.payer.session.policy.settings().flush_tries,
        );
        if self.occasion.is_batch_end() && tries >= most {
            let tries = times(tries);
            return Said::Kept(format!(
                "its new definition was rolled back {tries}, and is left to `rcpolicy flush`"
            ));
        }
        let stock = stock_of(self.places, &looked.service);
        if let Some((package, state)) = self.payer.unconfigured.owner_of_file(&stock) {
            return Said::Later(format!("its package {package} is {state}"));
        }
        let case = match changing.touched(looked, self.supervisor) {
            Err(error) => return Said::Later(error.to_string()),
            Ok(touched) if touched.iter().any(Touched::was_up) => match self.may_restart(looked) {
                Err(why) => {
                    let kept = kept(&outdated.plan.kept);
                    return Said::Kept(format!("its new definition{kept} waits: {why}"));
                }
                Ok(case) => Some(case),
            },
            Ok(_) => None,
        };
        self.brought(looked, case.as_ref(), changing)
    }

    /// Does it, and says what came of it.
    fn brought(&mut self, looked: &Looked, case: Option<&Case>, changing: &Changing) -> Said {
        let outcome = match changing.bring(looked, self.supervisor) {
            Ok(outcome) => outcome,
            Err(error) => return Said::Later(format!("its definition stays: {error}")),
        };
        let most = self.payer.session.policy.settings().flush_tries;
        let said = match outcome {
            Outcome::Noted => noted(looked, self.places),
            Outcome::Removed => Said::Done("its definition went with its package".to_owned()),
            Outcome::Waits(_) if looked.standing == Standing::Gone => Said::Nothing,
            Outcome::Waits(why) | Outcome::Ended(Ended::Stuck(why)) => Said::Later(why),
            Outcome::Ended(Ended::Updated) => {
                if case.is_some() {
                    self.restarted(&looked.service);
                }
                Said::Done(format!(
                    "its definition was brought up to date{}",
                    stays(looked)
                ))
            }
            Outcome::Ended(Ended::RolledBack(why)) => {
                let why = format!("its new definition was rolled back: {why}");
                match looked.tries().saturating_add(1) < most {
                    true => Said::Later(why),
                    false => Said::Kept(why),
                }
            }
        };
        if let (Some(case), Said::Done(text)) = (case, &said) {
            self.payer.session.log_outcome(case, text, Some(0));
        } else if let (Some(case), Said::Later(text) | Said::Kept(text)) = (case, &said) {
            self.payer.session.log_outcome(case, text, Some(1));
        }
        said
    }

    /// Whether its service, which runs, may be restarted for it: as for a restart that is owed.
    fn may_restart(&mut self, looked: &Looked) -> Result<Case, String> {
        let Some(life) = self.payer.session.life() else {
            return Err("there is no running init".to_owned());
        };
        let because = "its stock definition changed";
        let now = self.payer.session.now;
        let unit = looked.service.unit();
        let mut who = Who::default();
        who.caller.phase = Phase::Upgrade;
        let mut entry = Entry::new(unit, life, who, now, because);
        entry.owed = Some(Owed {
            due: Due::Restart,
            until: Until::Batch,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
        // What is owed is paid whatever a rule put it off for, or made of it; this was never decided before.
        let request = self.payer.request(&entry, &Action::Restart);
        let question = ask_about(&request, &looked.service, self.init.kind());
        if let Answer::Rule(rule) = self.payer.session.policy.ask(&question) {
            match rule.decide {
                Decide::Defer(until) if !self.is_the_time(*until) => {
                    return Err(waits_for(*until).to_owned());
                }
                Decide::Reload => {
                    return Err("a rule has it reloaded and not restarted".to_owned());
                }
                Decide::Allow
                | Decide::Deny
                | Decide::Stop
                | Decide::Quiesce
                | Decide::Restart
                | Decide::IfStale
                | Decide::Defer(_)
                | Decide::Fallback(_) => {}
            }
        }
        let debt = Debt::observed(self.payer, self.init, &entry, &Action::Restart);
        let case = debt
            .map_err(|error| error.to_string())?
            .decided(self.payer)?;
        match self.allows(&case.decision.verdict) {
            true => Ok(case),
            false => Err(perform::why(&case.decision)),
        }
    }

    /// A definition is only brought up to date by a restart: what comes instead of one leaves it.
    fn allows(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Run(action) => matches!(action, Action::Restart | Action::TryRestart),
            Verdict::Restart | Verdict::IfStale => true,
            Verdict::Defer { until, .. } => self.is_the_time(*until),
            Verdict::Stop
            | Verdict::Quiesce
            | Verdict::Reload
            | Verdict::Hold
            | Verdict::FallBack(_)
            | Verdict::Deny
            | Verdict::Emulate(_)
            | Verdict::Nothing => false,
        }
    }

    /// As with what is owed: what waits for the next boot is done for who is named.
    fn is_the_time(&self, until: Until) -> bool {
        match until {
            Until::Batch => true,
            Until::Flush => !self.occasion.is_batch_end(),
            Until::Reboot => !self.occasion.named().is_empty(),
        }
    }

    /// A restart that is owed was done with it.
    fn restarted(&self, service: &ServiceName) {
        let Some(entry) = self.payer.session.owed_to(service) else {
            return;
        };
        let due = entry.owed.as_ref().map(|owed| owed.due);
        let restart = due.filter(|due| matches!(due, Due::Restart | Due::TryRestart));
        if let Some(due) = restart.filter(|_| entry.down.is_none() && self.occasion.pays(&entry)) {
            // What cannot be struck is done once more.
            let _ = self
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

/// Why nothing is done before `until`.
fn waits_for(until: Until) -> &'static str {
    match until {
        Until::Batch => "a rule defers its restart until package operations are over",
        Until::Flush => "a rule defers its restart until somebody calls `rcpolicy flush`",
        Until::Reboot => "a rule defers its restart until the next boot",
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
