//! What both drop-ins do under systemd once they know their units: observe, decide, plan, act.
//! Printing and exit statuses stay with the front ends.

use std::path::Path;

use nix::unistd::geteuid;

use crate::act::{ActError, Bounds, Report, carry_out_within};
use crate::decide::{Plan, decide, decide_listed, ledger_services, plan_all};
use crate::domain::{
    Action, Context, Decision, Facts, HelperAnswer, InitKind, Known, Machine, Reason, Request,
    ServiceName, Source, UnitFacts, UnitName, Verdict, Wait,
};
use crate::init::related::related;
use crate::init::{Depth, Init, InitError};
use crate::ledger::{self, Entry, Ledger};
use crate::observe::helper::Helper;
use crate::observe::{context, life};
use crate::policy::{self, ActionLimit, Answer, Decide, Keep, Policy, Question, Roots, Tier};
use crate::report::log::Log;
use crate::report::{Voice, systemctl};

pub(super) use super::case::{Case, all_decided};
use super::reboot;
use super::relations::{may_renew_denied, needs_relations};
use super::spoken::Spoken;
pub(super) use super::telling::{explain_to_user, tell_of_group};

/// What stays the same for all units of one call.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) policy: Policy,
    pub(super) ledger: Option<Ledger>,
    /// Who asks: one look at the processes above us is enough for one call.
    pub(super) context: Context,
    pub(super) now: u64,
    /// When it began, in microseconds of the monotonic clock.
    pub(super) began: u64,
    pub(super) log: Log,
    /// Says what went wrong beside the action itself.
    pub(super) voice: Voice,
}

/// policy-rc.d, with the policy's limits.
pub(super) fn helper(policy: &Policy) -> Helper {
    let settings = policy.settings();
    let most = usize::try_from(settings.helper_max_output).unwrap_or(usize::MAX);
    Helper::of_machine(settings.helper_limit, most)
}

impl Session {
    /// A session now: the policy, with its problems said, and the machine's ledger where there is a
    /// running init to keep it for. In a chroot, and by others than root, nothing is kept.
    pub(super) fn begin(voice: &Voice) -> Self {
        let ledger = life::life().map(|life| Ledger::open(Path::new(ledger::DIRECTORY), life));
        let keep = if ledger.is_some() && geteuid().is_root() {
            Keep::Yes
        } else {
            Keep::No
        };
        let policy = policy::load(&Roots::system(keep));
        for problem in policy.problems() {
            voice.error(&problem.to_string());
        }
        Self {
            policy,
            ledger,
            context: context::observe(),
            now: context::now(),
            began: crate::init::monotonic(),
            log: Log::default(),
            voice: voice.clone(),
        }
    }

    /// Facts where the init cannot or must not be asked.
    pub(super) fn unseen(
        &self,
        request: &Request,
        init: InitKind,
        machine: Known<Machine>,
    ) -> Facts {
        Facts {
            now: self.now,
            life: self.life(),
            init,
            capabilities: InitKind::Sysv.capabilities(),
            machine,
            unit: UnitFacts::unknown(&request.unit, "not asked"),
            related: Vec::new(),
            helper: HelperAnswer::Absent,
            helper_related: Vec::new(),
        }
    }

    /// Why the admin's policy denies the request, with as much as is known of its unit.
    pub(super) fn denied(
        &self,
        request: &Request,
        init: InitKind,
        known: Option<&UnitFacts>,
    ) -> Option<String> {
        let mut facts = self.unseen(request, init, self.outside());
        if let Some(unit) = known {
            facts.unit = unit.clone();
        }
        let decision = decide(request, &facts, &self.policy, None);
        (decision.verdict == Verdict::Deny).then(|| why(&decision))
    }

    /// Whether an `allow` in /etc lifts what links or unit state say against the action.
    pub(super) fn allows(&self, request: &Request, init: InitKind) -> bool {
        let service = request.unit.service();
        let answer = self.policy.ask(&ask_about(request, &service, init));
        matches!(answer, Answer::Rule(rule) if rule.tier == Tier::Admin && *rule.decide == Decide::Allow)
    }

    /// Without a life of the init there is none that we could reach.
    pub(super) fn outside(&self) -> Known<Machine> {
        match self.ledger {
            Some(_) => Known::default(),
            None => Known::Is(Machine::Chroot),
        }
    }

    /// Observes what the decision about `request` needs. `machine` is asked only where it matters.
    pub(super) fn observe(
        &self,
        init: &mut dyn Init,
        request: &Request,
        known: Option<UnitFacts>,
    ) -> Result<(Facts, Option<Entry>), InitError> {
        let unit = match known.or_else(|| self.glimpse(init, request)) {
            Some(unit) => unit,
            None => one_unit(init, &request.unit, Depth::State)?,
        };
        let machine = self.machine(init);
        let mut facts = Facts {
            capabilities: init.capabilities(),
            unit,
            ..self.unseen(request, init.kind(), machine)
        };
        if self.policy.settings().strict {
            if facts.unit.is_script_only() {
                // original: systemd from 260 on knows no init scripts, and stock says so
                facts.unit.source_path = Known::Is(String::new());
            }
            return Ok((facts, None));
        }
        // What a note names is brought back among what else can start the service.
        let services = ledger_services(&facts);
        let noted = services.iter().find_map(|service| self.owed_to(service));
        let falls = may_renew_denied(request, &facts, &self.policy, noted.as_ref());
        let around = needs_relations(request, &facts.unit) || self.may_ask_age(request);
        if noted.is_some() || falls || around {
            let anew = one_unit(init, &request.unit, Depth::Relations)?;
            facts.unit = match anew.is_script_only() {
                // What its script has told systemd does not know.
                true => UnitFacts {
                    active: facts.unit.active,
                    file: facts.unit.file,
                    ..anew
                },
                false => anew,
            };
            let action = if falls {
                &Action::Restart
            } else {
                &request.action
            };
            facts.related = related(init, &facts.unit, action)?;
        }
        let owed = self.owed(init, &mut facts)?;
        Ok((facts, owed))
    }

    fn machine(&self, init: &mut dyn Init) -> Known<Machine> {
        match self.asks_for_machine() {
            true => init.machine(),
            false => Known::default(),
        }
    }

    /// Whether some rule looks at what the machine is doing.
    pub(super) fn asks_for_machine(&self) -> bool {
        let mut rules = self.policy.files().iter().flat_map(|file| &file.rules);
        rules.any(|rule| !rule.machine.is_empty())
    }

    /// The note about the service, with the state of every unit that it names.
    fn owed(&self, init: &mut dyn Init, facts: &mut Facts) -> Result<Option<Entry>, InitError> {
        let services = ledger_services(facts);
        let noted = services.iter().find_map(|service| self.owed_to(service));
        let Some(entry) = noted.filter(|entry| self.is_of_this_life(entry, init)) else {
            return Ok(None);
        };
        complete(init, facts, &entry)?;
        self.mark_unconfigured(facts, &entry);
        Ok(Some(entry))
    }

    /// Decides, with policy-rc.d's answers already in the facts.
    pub(super) fn decide(&self, request: Request, facts: Facts, owed: Option<Entry>) -> Case {
        let decision = decide(&request, &facts, &self.policy, owed.as_ref());
        self.settle_age(Case::new(request, facts, decision, owed))
    }

    /// Decides one action of a list of fallbacks: no other list takes its place.
    pub(super) fn decide_listed(
        &self,
        request: Request,
        facts: Facts,
        owed: Option<Entry>,
    ) -> Case {
        let decision = decide_listed(&request, &facts, &self.policy, owed.as_ref());
        self.settle_age(Case::new(request, facts, decision, owed))
    }

    /// Plans all cases as one and carries the plan out.
    pub(super) fn act(
        &self,
        init: &mut dyn Init,
        cases: &mut [Case],
        wait: Wait,
    ) -> Result<Report, ActError> {
        let result = match self.try_act(init, cases, wait) {
            Err(error @ (ActError::Note(_) | ActError::NoLife)) => without_notes(cases, &error)
                .and_then(|warnings| {
                    let mut report = self.try_act(init, cases, wait)?;
                    report.warnings.extend(warnings);
                    Ok(report)
                }),
            other => other,
        };
        let result = result.map(|mut report| {
            report.warnings.extend(self.look_after(cases, Some(init)));
            report
        });
        for case in cases {
            case.settle_on(&result);
        }
        result
    }

    fn try_act(&self, init: &mut dyn Init, cases: &[Case], wait: Wait) -> Result<Report, ActError> {
        let unnoted = cases.iter().any(|case| {
            case.facts.life.is_none()
                && matches!(case.decision.verdict, Verdict::Hold | Verdict::Defer { .. })
        });
        if unnoted {
            return Err(ActError::NoLife);
        }
        let mut plan = plan_all(&all_decided(cases), &self.policy);
        let ledger = self.ledger_for(&mut plan, init);
        let carried = self.carry_out(&plan, wait, init, ledger.as_ref());
        let (records, ledger) = (&plan.records, ledger.as_ref());
        let mut report = reboot::announce_after(carried, records, ledger, &self.voice)?;
        self.leave_unsettled(cases, &mut report);
        self.note_failed(init, cases, &mut report);
        Ok(report)
    }

    /// Carries `plan` out within the policy's limit, and tells the user what is waited for.
    ///
    /// # Errors
    /// As `act::carry_out`.
    pub(super) fn carry_out(
        &self,
        plan: &Plan,
        wait: Wait,
        init: &mut dyn Init,
        ledger: Option<&Ledger>,
    ) -> Result<Report, ActError> {
        let spoken = Spoken(self.voice.clone());
        carry_out_within(plan, wait, init, ledger, &self.bounds(&spoken))
    }

    /// The policy's limit, and who is told what is waited for.
    pub(super) fn bounds<'a>(&self, spoken: &'a Spoken) -> Bounds<'a> {
        Bounds {
            limit: match self.policy.settings().action_limit {
                ActionLimit::Unit => None,
                ActionLimit::After(limit) => Some(limit),
            },
            onlooker: spoken,
            ..Bounds::default()
        }
    }
}

impl Session {
    /// original: systemctl says what can start again what it has just stopped. Only where we are to
    /// be like it: otherwise that is stopped too.
    pub(super) fn warn_of_triggers(&self, init: &mut dyn Init, cases: &[Case], voice: &Voice) {
        if !self.policy.settings().strict {
            return;
        }
        let stops = |case: &&Case| case.request.action == Action::Stop;
        for unit in cases.iter().filter(stops).map(|case| &case.facts.unit.id) {
            // It was stopped all the same: a question that fails now is no reason to say more.
            let by = active_triggers(init, unit).unwrap_or_default();
            for line in systemctl::still_activated(unit, &by) {
                voice.line(&line);
            }
        }
    }
}

/// The question to the policy where the machine's state is not asked for.
pub(super) fn ask_about<'a>(
    request: &'a Request,
    service: &'a ServiceName,
    init: InitKind,
) -> Question<'a> {
    Question {
        service,
        action: &request.action,
        phase: request.context.phase,
        package: request.context.package.as_deref(),
        init,
        scope: request.scope,
        machine: None,
        asked: &request.flags,
    }
}

fn active_triggers(init: &mut dyn Init, unit: &UnitName) -> Result<Vec<UnitName>, InitError> {
    let facts = one_unit(init, unit, Depth::Relations)?;
    if facts.is_masked() {
        return Ok(Vec::new());
    }
    let triggers = init.units(&facts.triggered_by, Depth::State)?;
    let active = triggers
        .into_iter()
        .filter(|trigger| trigger.active.is_and(|state| state.is_active()));
    Ok(active.map(|trigger| trigger.asked).collect())
}

/// Where nothing can be noted down nothing is deferred: what may be done is done now, a stop takes
/// down what was named and no more, and what must be held fails.
fn without_notes(cases: &mut [Case], error: &ActError) -> Result<Vec<String>, ActError> {
    let held = cases
        .iter()
        .any(|case| case.decision.verdict == Verdict::Hold);
    if held {
        return Err(match error {
            ActError::Note(why) => ActError::Unheld(why.to_string()),
            ActError::NoLife | ActError::Init(_) | ActError::Unheld(_) => {
                ActError::Unheld(error.to_string())
            }
        });
    }
    let mut warnings = vec![error.to_string()];
    for case in cases {
        if !std::mem::take(&mut case.companions).is_empty() {
            case.company = Some("the rest of its group goes on: nothing can be noted".to_owned());
        }
        let instead = match &case.decision.verdict {
            Verdict::Defer { .. } => case.request.action.clone(),
            Verdict::Stop | Verdict::Quiesce => Action::Stop,
            _ => continue,
        };
        let text = format!("done as {instead} at once: it could not be noted down");
        warnings.push(format!("{} is {text}", case.facts.unit.id));
        case.decision
            .reasons
            .push(Reason::new(Source::Ledger, text));
        case.decision.verdict = Verdict::Run(instead);
        case.facts.life = None;
    }
    Ok(warnings)
}

/// Adds what is not known yet of the units that `entry` names.
pub(super) fn complete(
    init: &mut dyn Init,
    facts: &mut Facts,
    entry: &Entry,
) -> Result<(), InitError> {
    let named = entry
        .down
        .iter()
        .flat_map(|down| &down.units)
        .map(|stopped| &stopped.unit);
    let missing: Vec<UnitName> = named
        .chain([&entry.unit])
        .filter(|name| facts.of(name).is_none())
        .cloned()
        .collect();
    if !missing.is_empty() {
        let found = init.units(&missing, Depth::Relations)?;
        facts.related.extend(found);
    }
    Ok(())
}

/// One unit's facts.
pub(super) fn one_unit(
    init: &mut dyn Init,
    name: &UnitName,
    depth: Depth,
) -> Result<UnitFacts, InitError> {
    let found = init.units(std::slice::from_ref(name), depth)?;
    Ok(found
        .into_iter()
        .next()
        .unwrap_or_else(|| UnitFacts::unknown(name, "no answer")))
}

/// The front end's word for where a denial came from.
pub(super) fn why(decision: &Decision) -> String {
    let reasons: Vec<String> = decision
        .reasons
        .iter()
        .map(|reason| format!("{} ({})", reason.text, reason.source))
        .collect();
    reasons.join("; ")
}
