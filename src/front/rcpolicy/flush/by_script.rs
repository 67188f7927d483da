//! Paying through init scripts. What runs cannot be observed there, so what stopped in between is
//! asked of the script itself, where it knows `status`.

use std::fs;

use crate::decide::stock::status;
use crate::domain::{Action, InitKind, Known, Machine};
use crate::front::local::{self, GoingDown, Level};
use crate::front::perform::{self, Case};
use crate::front::script::{Descriptors, Script};
use crate::front::way::{self, Way};
use crate::ledger::Entry;
use crate::observe::detect::{INIT_SCRIPTS, is_executable};

use super::payer::{Listed, Paid, Payer, Unpaid, in_turn};

/// What a script's `status` ends with where the service is not running: LSB.
const NOT_RUNNING: u8 = 3;

impl Payer<'_> {
    /// Pays `entry` by `action`.
    ///
    /// # Errors
    /// Why it stays owed.
    pub(super) fn by_script(
        &self,
        kind: InitKind,
        entry: &Entry,
        action: &Action,
    ) -> Result<Paid, String> {
        let level = self.running_level()?;
        let script = self.script(kind, entry);
        if !is_executable(&script.path) {
            let done = format!("its init script {} is gone", script.path);
            return Ok(self.strike(entry, None, &done));
        }
        let name = entry.service.as_str();
        let (links, wrong) = local::by_links(&self.place.root, level, name, action);
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        if links == Some(status::DENIED) {
            let done = format!("not started: it has no start link in runlevel {level}");
            return Ok(self.strike(entry, None, &done));
        }
        let starts = action.may_start() && *action != Action::Start;
        if starts && is_stopped(&script) {
            return Ok(self.strike(entry, None, "not started: somebody stopped it since"));
        }
        let case = self.judge_for_script(kind, entry, action, Listed::No)?;
        match way::of_invoke_rc_d(&case, action.as_str()) {
            Way::Instead(actions) => in_turn(&actions, |action| {
                let listed = self.judge_for_script(kind, entry, action, Listed::of(&case))?;
                let way = way::of_invoke_rc_d(&listed, action.as_str());
                self.run_script(entry, &listed, &way, &script)
            }),
            way => self
                .run_script(entry, &case, &way, &script)
                .map_err(Unpaid::why),
        }
    }

    fn judge_for_script(
        &self,
        kind: InitKind,
        entry: &Entry,
        action: &Action,
        listed: Listed,
    ) -> Result<Case, String> {
        let request = self.request(entry, action);
        let machine = Known::Is(Machine::Running);
        let facts = self.session.unseen(&request, kind, machine);
        self.decide(request, facts, entry, listed)
    }

    /// Does what was decided, and strikes the note where that pays it.
    fn run_script(
        &self,
        entry: &Entry,
        case: &Case,
        way: &Way,
        script: &Script,
    ) -> Result<Paid, Unpaid> {
        let word = match way {
            Way::Script(word) => word,
            Way::Ends(0) => {
                let why = perform::why(&case.decision);
                self.session.log(case, Some(0));
                return Ok(self.strike(entry, None, &why));
            }
            Way::Instead(_)
            | Way::Denied
            | Way::Ends(_)
            | Way::Plan
            | Way::Note
            | Way::ShowStatus
            | Way::Kill
            | Way::Masked
            | Way::Foreign => {
                let why = perform::why(&case.decision);
                self.session
                    .log_outcome(case, &format!("still owed: {why}"), Some(1));
                return Err(Unpaid::Refused(why));
            }
        };
        let (ending, trouble) = script.run(word, &[]);
        if ending == 0 {
            self.session.log(case, Some(0));
            return Ok(self.strike(entry, None, &format!("{word} done")));
        }
        let failed = trouble.unwrap_or_else(|| format!("{word} ended with status {ending}"));
        self.session.log_outcome(case, &failed, Some(ending));
        Err(Unpaid::Failed(failed))
    }

    /// The runlevel of a machine that is not going down.
    fn running_level(&self) -> Result<&str, String> {
        match &self.level {
            Some(level) if level.going_down == GoingDown::Yes => {
                Err("the system is shutting down".to_owned())
            }
            Some(Level {
                name: Some(name), ..
            }) => Ok(name),
            Some(_) | None => Err("the runlevel is not known".to_owned()),
        }
    }
    fn script(&self, kind: InitKind, entry: &Entry) -> Script {
        let name = entry.service.to_string();
        let path = self.place.path(INIT_SCRIPTS).join(&name);
        Script {
            path: path.display().to_string(),
            name,
            init: kind,
            descriptors: Descriptors::Kept,
        }
    }
}

/// Whether the script says that its service is down. Scripts without `status` end with just that
/// status for every word they do not know, so only one that mentions it is asked.
fn is_stopped(script: &Script) -> bool {
    let text = fs::read(&script.path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let knows = text.contains("status)") || text.contains("init-d-script");
    knows && script.run("status", &[]).0 == NOT_RUNNING
}
