//! Paying through init scripts. What runs cannot be observed there, so what stopped in between is
//! asked of the script itself, where it knows `status`.

use std::path::{Path, PathBuf};

use crate::decide::stock::status;
use crate::domain::{Action, ActiveState, InitKind, Known, LoadState, Machine, UnitFacts};
use crate::failpoint::{Point, reach};
use crate::front::local::{self, GoingDown, Level};
use crate::front::perform::{self, Case};
use crate::front::script::{Descriptors, SYSTEMD_RUN, Script, Surroundings};
use crate::front::way::{self, Way};
use crate::ledger::Entry;
use crate::observe::detect::{INIT_SCRIPTS, is_executable};
use crate::observe::links;

use super::look_back::without;
use super::payer::{Listed, Paid, Payer, Unpaid, in_turn};
use super::together::Begins;

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
    ) -> Result<Paid, Unpaid> {
        match self.judged(kind, entry, action, None)? {
            Judged::Over(done) => Ok(self.strike(entry, None, &done)),
            Judged::Due(case) => self.carried_out(kind, entry, &case),
        }
    }

    /// What is still to be done by a script of what `action` was to pay. `seen` is what it says of its
    /// service, where that was asked already.
    ///
    /// # Errors
    /// Why it stays owed.
    pub(super) fn judged(
        &self,
        kind: InitKind,
        entry: &Entry,
        action: &Action,
        seen: Option<UnitFacts>,
    ) -> Result<Judged, Unpaid> {
        self.is_staying_up()?;
        let script = self.script(kind, entry);
        if !is_executable(&script.path) {
            return Ok(Judged::Over(format!(
                "its init script {} is gone",
                script.path
            )));
        }
        let name = entry.service.as_str();
        if let Some(done) = self.denied_by_links(kind, name, action)? {
            return Ok(Judged::Over(done));
        }
        let state = || match &seen {
            Some(seen) => seen.active.clone(),
            None => script.state(),
        };
        let action = &match by_state(state, entry, action) {
            Ok(action) => action,
            Err(done) => return Ok(Judged::Over(done.to_owned())),
        };
        let asked = Asked {
            action,
            listed: Listed::No,
            seen,
        };
        let case = self.judge_for_script(kind, entry, asked)?;
        Ok(Judged::Due(Box::new(case)))
    }

    /// Does by its script what `case` was decided to be.
    ///
    /// # Errors
    /// Why it stays owed.
    pub(super) fn carried_out(
        &self,
        kind: InitKind,
        entry: &Entry,
        case: &Case,
    ) -> Result<Paid, Unpaid> {
        let script = self.script(kind, entry);
        match way::of_invoke_rc_d(case, case.request.action.as_str()) {
            Way::Instead(actions) => in_turn(&actions, |action| {
                let asked = Asked {
                    action,
                    listed: Listed::of(case),
                    seen: None,
                };
                let listed = self.judge_for_script(kind, entry, asked)?;
                let way = way::of_invoke_rc_d(&listed, action.as_str());
                self.run_script(Note::of(entry), &listed, &way, &script)
            }),
            way => self.run_script(Note::of(entry), case, &way, &script),
        }
    }

    /// What a start link that is missing says of `action`.
    fn denied_by_links(
        &self,
        kind: InitKind,
        name: &str,
        action: &Action,
    ) -> Result<Option<String>, String> {
        let root = &self.place.root;
        if kind == InitKind::Systemd {
            // As invoke-rc.d has it there, in whatever runlevel.
            let denied = action.needs_link() && !links::enables(root, name)?;
            return Ok(denied.then(|| "not started: it has no start link".to_owned()));
        }
        let level = self.running_level()?;
        let (links, wrong) = local::by_links(root, level, name, action);
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let denied = links == Some(status::DENIED);
        Ok(denied.then(|| format!("not started: it has no start link in runlevel {level}")))
    }

    /// Pays what systemd leaves to the init script of a unit that it knows itself.
    ///
    /// # Errors
    /// Why it stays owed.
    pub(super) fn by_own_script(
        &self,
        entry: &Entry,
        case: &Case,
        word: &str,
    ) -> Result<Paid, Unpaid> {
        let script = self.script(case.facts.init, entry);
        let rest = entry
            .owed
            .as_ref()
            .and_then(|owed| without(entry, owed.due));
        let is_gone = !is_executable(&script.path);
        let gone = format!("its init script {} is gone", script.path);
        let nothing = match case.facts.unit.is_down() {
            true => Some("it does not run".to_owned()),
            false => is_gone.then(|| gone.clone()),
        };
        let owed = entry.owed.as_ref().map(|owed| owed.due.action());
        if is_gone && owed.as_ref() != Some(&case.request.action) {
            // One of several that may pay.
            self.session.log_outcome(case, &gone, Some(1));
            return Err(Unpaid::Failed(format!("no {word}: {gone}")));
        }
        if let Some(why) = nothing {
            self.session.log_outcome(case, &why, Some(0));
            return Ok(self.strike(entry, rest.as_ref(), &format!("no {word}: {why}")));
        }
        self.is_staying_up()?;
        let way = Way::Script(word.to_owned());
        let note = Note {
            entry,
            rest: rest.as_ref(),
            // Of what the init knows itself it can tell what became.
            begins: Begins::Other,
        };
        self.run_script(note, case, &way, &script)
    }

    fn judge_for_script(
        &self,
        kind: InitKind,
        entry: &Entry,
        asked: Asked<'_>,
    ) -> Result<Case, String> {
        let request = self.request(entry, asked.action);
        let machine = Known::Is(Machine::Running);
        let mut facts = self.session.unseen(&request, kind, machine);
        if let Some(seen) = asked.seen {
            facts.unit = seen;
        }
        if kind == InitKind::Systemd {
            // One that it does not know.
            let path = PathBuf::from(INIT_SCRIPTS).join(entry.service.to_string());
            facts.unit.load = Known::Is(LoadState::NotFound);
            facts.unit.source_path = Known::Is(path.display().to_string());
        }
        self.decide(request, facts, entry, asked.listed)
    }

    /// Does what was decided, and leaves the rest of the note where that pays it.
    pub(super) fn run_script(
        &self,
        note: Note<'_>,
        case: &Case,
        way: &Way,
        script: &Script,
    ) -> Result<Paid, Unpaid> {
        let word = match self.word(&note, case, way)? {
            Word::Run(word) => word,
            Word::Needless(paid) => return Ok(paid),
        };
        let noted = self.begin_script(&note, &case.request.action);
        let ran = Ran::of(&word, script.run(&word, &[]));
        let entry = noted.as_ref().unwrap_or(note.entry);
        self.has_run(entry, note.rest, case, ran)
    }

    /// What a script is to be run with, or what becomes of the note where none need be.
    ///
    /// # Errors
    /// Why it stays owed.
    pub(super) fn word(&self, note: &Note<'_>, case: &Case, way: &Way) -> Result<Word, Unpaid> {
        match way {
            Way::Script(word) => Ok(Word::Run(word.clone())),
            Way::Ends(0) => {
                let why = perform::why(&case.decision);
                self.session.log(case, Some(0));
                Ok(Word::Needless(self.strike(note.entry, note.rest, &why)))
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
                Err(Unpaid::Refused(why))
            }
        }
    }

    /// What becomes of `entry` now that its script has run; `rest` is left of it where that pays it.
    ///
    /// # Errors
    /// Why it stays owed.
    pub(super) fn has_run(
        &self,
        entry: &Entry,
        rest: Option<&Entry>,
        case: &Case,
        ran: Ran,
    ) -> Result<Paid, Unpaid> {
        reach(Point::Ran);
        match ran {
            Ran::Done(done) => {
                self.session.log(case, Some(0));
                Ok(self.strike(entry, rest, &done))
            }
            Ran::Failed(ending, why) => {
                self.session.log_outcome(case, &why, Some(ending));
                Err(Unpaid::Failed(why))
            }
        }
    }

    /// Notes that a script is about to take its service down for a moment. Paying needs no room on a disk:
    /// where that cannot be noted it is paid all the same. What is noted then.
    pub(super) fn begin_script(&self, note: &Note<'_>, action: &Action) -> Option<Entry> {
        self.change(note.entry, |noted| match (note.begins, action) {
            (Begins::Other, _) => {}
            (Begins::Restart, action) if goes_down_for_a_moment(action) => self.note_begun(noted),
            (Begins::Restart, _) => {}
        })
    }

    /// Nothing is run on a machine that is going down.
    fn is_staying_up(&self) -> Result<(), String> {
        let level = self.level.as_ref();
        match level.is_some_and(|level| level.going_down == GoingDown::Yes) {
            true => Err("the system is shutting down".to_owned()),
            false => Ok(()),
        }
    }

    fn running_level(&self) -> Result<&str, String> {
        match &self.level {
            Some(Level {
                name: Some(name), ..
            }) => Ok(name),
            Some(_) | None => Err("the runlevel is not known".to_owned()),
        }
    }

    /// systemd kills what is left in the unit of a waiter that has ended.
    fn surroundings(&self, kind: InitKind) -> Surroundings {
        let running = self.place.root == Path::new("/");
        match kind == InitKind::Systemd && running && is_executable(SYSTEMD_RUN) {
            true => Surroundings::Apart,
            false => Surroundings::Plain,
        }
    }

    pub(super) fn script(&self, kind: InitKind, entry: &Entry) -> Script {
        let name = entry.service.to_string();
        let path = self.place.path(INIT_SCRIPTS).join(&name);
        Script {
            path: path.display().to_string(),
            name,
            init: kind,
            descriptors: Descriptors::Kept,
            surroundings: self.surroundings(kind),
        }
    }
}

/// What is left of an entry that a script is to pay.
pub(super) enum Judged {
    /// Nothing, and why.
    Over(String),
    /// This, as it was decided now.
    Due(Box<Case>),
}

/// An action that is to be decided about.
struct Asked<'a> {
    action: &'a Action,
    listed: Listed,
    /// What is known of the service.
    seen: Option<UnitFacts>,
}

/// What is to be done by a script.
pub(super) enum Word {
    /// It is run with this.
    Run(String),
    /// Nothing.
    Needless(Paid),
}

/// How a script's run ended.
pub(super) enum Ran {
    /// What was done.
    Done(String),
    /// With this exit status; why.
    Failed(u8, String),
}

impl Ran {
    /// What a run with `word` came to.
    pub(super) fn of(word: &str, (ending, trouble): (u8, Option<String>)) -> Self {
        match (ending, trouble) {
            (0, _) => Self::Done(format!("{word} done")),
            (ending, Some(why)) => Self::Failed(ending, why),
            (ending, None) => Self::Failed(ending, format!("{word} ended with status {ending}")),
        }
    }
}

/// What a script is run for.
pub(super) struct Note<'e> {
    entry: &'e Entry,
    /// What is left of it where that pays it.
    rest: Option<&'e Entry>,
    /// Whether a restart is noted before it begins.
    begins: Begins,
}

impl<'e> Note<'e> {
    /// All of `entry`, whose service only its script knows.
    pub(super) fn of(entry: &'e Entry) -> Self {
        Self {
            entry,
            rest: None,
            begins: Begins::Restart,
        }
    }

    /// What of `entry` is not in `rest`.
    pub(super) fn part(entry: &'e Entry, rest: &'e Entry) -> Self {
        Self {
            entry,
            rest: Some(rest),
            begins: Begins::Other,
        }
    }
}

/// Whether a script may stop its service on the way.
fn goes_down_for_a_moment(action: &Action) -> bool {
    matches!(
        action,
        Action::Restart | Action::TryRestart | Action::ForceReload
    )
}

/// What is still to be done by what the script says of its service, or why that is nothing.
fn by_state(
    state: impl FnOnce() -> Known<ActiveState>,
    entry: &Entry,
    action: &Action,
) -> Result<Action, &'static str> {
    let begun = entry.owed.as_ref().is_some_and(|owed| owed.begun.is_some());
    let tried = goes_down_for_a_moment(action) && (begun || entry.failed.is_some());
    if !tried && !action.may_start() {
        return Ok(action.clone());
    }
    let state = state();
    match action {
        // A flush that was killed has started it, or somebody else has.
        Action::Start if state.is_and(|state| state.is_active()) => Err("it runs already"),
        Action::Start => Ok(Action::Start),
        // Its stop was ours, as far as anybody can tell, and it was not brought back.
        _ if tried && state.is_and(|state| state.is_down()) => Ok(Action::Start),
        _ if !tried && state.is_and(|state| *state == ActiveState::Inactive) => {
            Err("not started: somebody stopped it since")
        }
        _ => Ok(action.clone()),
    }
}
