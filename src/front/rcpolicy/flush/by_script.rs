//! Paying through init scripts. What runs cannot be observed there, so what stopped in between is
//! asked of the script itself, where it knows `status`.

use std::fs;

use crate::decide::stock::status;
use crate::domain::{Action, InitKind, Known, Machine};
use crate::front::local::{self, GoingDown, Level};
use crate::front::perform;
use crate::front::script::{Descriptors, Script};
use crate::front::way::{self, Way};
use crate::ledger::Entry;
use crate::observe::detect::{INIT_SCRIPTS, is_executable};
use crate::observe::runlevel::{self, Runlevel};

use super::payer::{Paid, Payer};

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
        let level = self.level()?;
        let script = self.script(kind, entry);
        if !is_executable(&script.path) {
            let done = format!("its init script {} is gone", script.path);
            return Ok(self.strike(entry, None, &done));
        }
        let name = entry.service.as_str();
        let (links, wrong) = local::by_links(&self.place.root, &level, name, action);
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
        self.run(kind, entry, action, &script)
    }

    fn level(&self) -> Result<String, String> {
        let level = match runlevel::ask_under(&self.place.root) {
            Runlevel::Is(name) => Level {
                going_down: match name.as_str() {
                    "0" | "6" => GoingDown::Yes,
                    _ => GoingDown::No,
                },
                name: Some(name),
            },
            Runlevel::Unknown => return Err("the runlevel is not known".to_owned()),
        };
        match level.going_down {
            GoingDown::Yes => Err("the system is shutting down".to_owned()),
            GoingDown::No => Ok(level.name.unwrap_or_default()),
        }
    }

    fn run(
        &self,
        kind: InitKind,
        entry: &Entry,
        action: &Action,
        script: &Script,
    ) -> Result<Paid, String> {
        let request = self.request(entry, action);
        let machine = Known::Is(Machine::Running);
        let mut facts = self.session.unseen(&request, kind, machine);
        self.ask_for(&request, entry, &mut facts)?;
        let mut case = self.session.decide(request, facts, Some(entry.clone()));
        let word = match way::of_invoke_rc_d(&case, action.as_str()) {
            Way::Script(word) => word,
            Way::Ends(0) => {
                let why = perform::why(&case.decision);
                return Ok(self.strike(entry, None, &why));
            }
            Way::Instead(actions) => match actions.into_iter().next() {
                Some(word) => word,
                None => return Err(perform::why(&case.decision)),
            },
            Way::Denied
            | Way::Ends(_)
            | Way::Plan
            | Way::Note
            | Way::ShowStatus
            | Way::Kill
            | Way::Masked
            | Way::Foreign => return Err(perform::why(&case.decision)),
        };
        let (ending, trouble) = script.run(&word, &[]);
        let failed = trouble.unwrap_or_else(|| format!("{word} ended with status {ending}"));
        case.outcome = (ending != 0).then(|| failed.clone());
        self.session.log(&case, Some(ending));
        match ending {
            0 => Ok(self.strike(entry, None, &format!("{word} done"))),
            _ => Err(failed),
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
