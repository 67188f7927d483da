//! From a decision to its explanation: what would be done, in words, and all that is known.

use crate::decide::{Step, plan_all};
use crate::domain::{FrontEnd, Known, Manner, Request, Wait};
use crate::front::perform::{Case, all_decided};
use crate::front::way::Way;
use crate::init::{Init, InitError};
use crate::observe::detect::{self, is_executable};
use crate::report::explain::{self as words, Explanation};
use crate::report::pending;

use super::scene::Scene;
use super::step;

/// Of the format of the JSON document.
const VERSION: u32 = 1;

impl Scene<'_> {
    /// What would be done, in order.
    pub(super) fn steps_of(&self, way: &Way, case: &Case, wait: Wait) -> Vec<String> {
        let unit = &case.facts.unit.id;
        match way {
            Way::Denied | Way::Masked => Vec::new(),
            Way::Ends(status) => vec![format!("nothing runs, the exit status is {status}")],
            Way::Instead(actions) => vec![format!(
                "these are tried in turn, until one succeeds: {}",
                actions.join(", ")
            )],
            Way::Script(_) if !case.companions.is_empty() => self
                .plan_of(case, wait)
                .iter()
                .flat_map(step::by_scripts)
                .collect(),
            Way::Script(word) => {
                let path = detect::script_path(&case.request.named);
                let mut steps = vec![format!("run `{path} {word}`")];
                steps.extend(case.owed.as_ref().map(|entry| {
                    format!(
                        "strike the note about {} where that settles it",
                        entry.service
                    )
                }));
                steps
            }
            Way::ShowStatus => match case.facts.init.manner() {
                Manner::Units => vec![format!("run `systemctl status {unit}`")],
                Manner::Jobs | Manner::Services | Manner::Scripts => {
                    vec![format!("tell how {unit} stands")]
                }
            },
            Way::Kill => vec![format!("kill all processes of {unit}")],
            Way::Foreign => vec![format!("run `systemctl {} {unit}`", case.request.action)],
            Way::Plan | Way::Note => self.plan_of(case, wait).iter().map(step::step).collect(),
        }
    }

    fn plan_of(&self, case: &Case, wait: Wait) -> Vec<Step> {
        let all = all_decided(std::slice::from_ref(case));
        plan_all(&all, &self.session.policy).steps(wait)
    }

    /// Everything there is to say about `asked`, which came to `case`.
    pub(super) fn conclude(
        &mut self,
        asked: &Request,
        case: Case,
        steps: Vec<String>,
    ) -> Explanation {
        if let Some(age) = self.session.age_now(&case) {
            let unit = &case.facts.unit.id;
            self.told.seen(&format!("age of {unit} now"), age);
        }
        let Case {
            facts,
            decision,
            owed,
            companions,
            ..
        } = case;
        match &facts.machine {
            Known::Is(machine) => self.told.seen("machine", machine.as_str()),
            Known::Unknown(why) => self.told.unknown("machine", why),
        }
        match &owed {
            Some(entry) => self.told.seen("ledger", pending::what(entry)),
            None if self.session.life().is_none() => {
                let why = "there is no running init here to keep one for";
                self.told.unknown("ledger", why);
            }
            None => self.told.seen("ledger", "nothing is owed"),
        }
        let told = std::mem::take(&mut self.told);
        let mut known = told.facts;
        known.extend(words::units(&facts));
        for companion in &companions {
            let around = words::units(&companion.facts).into_iter();
            known.extend(
                around
                    .filter(|fact| !known.contains(fact))
                    .collect::<Vec<_>>(),
            );
        }
        Explanation {
            version: VERSION,
            call: call(asked),
            asked_by: asked_by(asked),
            verdict: decision.verdict,
            reasons: decision.reasons,
            steps,
            facts: known,
            notes: told.notes,
        }
    }

    /// Since when something is noted about the service, in seconds since the epoch.
    pub(super) fn noted(
        &self,
        init: &mut dyn Init,
        request: &Request,
    ) -> Result<Option<u64>, InitError> {
        if request.context.batch_started.is_none() {
            return Ok(None);
        }
        let (_, owed) = self.session.observe(init, request, None)?;
        Ok(owed.map(|entry| entry.since))
    }

    /// The init script as a fact.
    pub(super) fn init_script(&self, name: &str) -> String {
        let path = self.place.path(detect::INIT_SCRIPTS).join(name);
        let path = path.display().to_string();
        match is_executable(&path) {
            true => path,
            false => "none to run".to_owned(),
        }
    }
}

/// The call as it would be typed.
fn call(request: &Request) -> String {
    let (tool, named, action) = (
        request.front.as_str(),
        &request.named,
        request.action.as_str(),
    );
    let flags: Vec<String> = request
        .flags
        .iter()
        .map(|flag| format!("--{} ", flag.as_str()))
        .collect();
    let flags = flags.concat();
    match request.front {
        FrontEnd::DebSystemdInvoke => format!("{tool} {flags}{action} {named}"),
        FrontEnd::InvokeRcD | FrontEnd::Rcpolicy => format!("{tool} {flags}{named} {action}"),
    }
}

fn asked_by(request: &Request) -> String {
    let context = &request.context;
    match (&context.package, &context.script) {
        (Some(package), Some(script)) => {
            format!("{package}'s {script} ({})", context.phase.as_str())
        }
        _ => "nobody, as on a command line".to_owned(),
    }
}
