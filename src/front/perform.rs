//! What both drop-ins do under systemd once they know their units: observe, decide, plan, act.
//! Printing and exit statuses stay with the front ends.

use std::path::Path;

use nix::unistd::geteuid;

use crate::act::{ActError, Report, carry_out, note};
use crate::decide::{Decided, decide, decide_listed, ledger_services, plan, plan_all};
use crate::domain::{
    Action, Capabilities, Context, Decision, Facts, HelperAnswer, InitKind, Known, Life, Machine,
    Phase, Reason, Request, ServiceName, Source, UnitFacts, UnitName, Verdict, Wait,
};
use crate::init::related::related;
use crate::init::systemd::{Limit, Systemd};
use crate::init::{Depth, Init, InitError};
use crate::ledger::{self, Entry, Ledger};
use crate::observe::{context, detect, life};
use crate::policy::{self, ActionLimit, Answer, Decide, Keep, Policy, Question, Roots, Tier};
use crate::report::log::{Log, LogContext, LogLine, Would};
use crate::report::time;
use crate::report::{Voice, systemctl};

/// What stays the same for all units of one call.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) policy: Policy,
    pub(super) ledger: Option<Ledger>,
    /// Who asks: one look at the processes above us is enough for one call.
    pub(super) context: Context,
    pub(super) now: u64,
    /// Says what went wrong beside the action itself.
    voice: Voice,
}

/// One request with all that belongs to it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) request: Request,
    pub(super) facts: Facts,
    pub(super) decision: Decision,
    pub(super) owed: Option<Entry>,
}

/// systemd, with the policy's limit for its jobs. Nobody is contacted yet.
pub(super) fn systemd(policy: &Policy) -> Systemd {
    Systemd::new(match policy.settings().action_limit {
        ActionLimit::Unit => Limit::Unit,
        ActionLimit::After(limit) => Limit::Fixed(limit),
    })
}

impl Case {
    fn decided(&self) -> Decided<'_> {
        Decided {
            request: &self.request,
            facts: &self.facts,
            decision: &self.decision,
            owed: self.owed.as_ref(),
        }
    }
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
            voice: voice.clone(),
        }
    }

    /// The life of the init that notes are kept for.
    pub(super) fn life(&self) -> Option<Life> {
        self.ledger.as_ref().map(|ledger| ledger.life().clone())
    }

    /// What is noted about `service`. A damaged note says nothing; the next writer sets it aside.
    pub(super) fn owed_to(&self, service: &ServiceName) -> Option<Entry> {
        self.ledger.as_ref()?.read(service).ok()?.current()
    }

    /// Notes down what is put off. Returns what to say about it.
    ///
    /// # Errors
    /// When it could not be noted.
    pub(super) fn note(&self, case: &Case) -> Result<(), ActError> {
        let plan = plan(&case.decided(), &self.policy);
        note(&plan, self.ledger.as_ref())
    }

    /// Strikes a note that the action has just settled.
    pub(super) fn settle(&self, case: &Case, voice: &Voice) {
        let settles = matches!(case.request.action, Action::Start | Action::Restart);
        let (Some(ledger), Some(entry)) = (&self.ledger, case.owed.as_ref().filter(|_| settles))
        else {
            return;
        };
        if let Err(error) = ledger
            .lock()
            .and_then(|mut locked| locked.strike(&entry.service))
        {
            voice.warn(&format!(
                "cannot strike the note about {}: {error}",
                entry.service
            ));
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
            capabilities: Capabilities {
                activation: false,
                transactions: false,
            },
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
        let answer = self.policy.ask(&Question {
            service: &service,
            action: &request.action,
            phase: request.context.phase,
            package: request.context.package.as_deref(),
            init,
            scope: request.scope,
            machine: None,
            asked: &request.flags,
        });
        matches!(answer, Answer::Rule(rule) if rule.tier == Tier::Admin && *rule.decide == Decide::Allow)
    }

    /// Without a life of the init there is none that we could reach.
    fn outside(&self) -> Known<Machine> {
        match self.ledger {
            Some(_) => Known::default(),
            None => Known::Is(Machine::Chroot),
        }
    }

    /// Observe mode: writes down what ours would do where the stock tool is called.
    pub(super) fn watch(&self, init: &mut dyn Init, request: Request) {
        let observed = match detect::init() {
            InitKind::Systemd => self.observe(init, &request, None),
            other => Ok((self.unseen(&request, other, Known::default()), None)),
        };
        let Ok((facts, owed)) = observed else { return };
        let case = self.decide(request, facts, owed);
        let strict = Policy::strict();
        let stock = decide(&case.request, &case.facts, &strict, None);
        let ours = plan(&case.decided(), &self.policy);
        let theirs = plan(
            &Decided {
                decision: &stock,
                owed: None,
                ..case.decided()
            },
            &strict,
        );
        let same_end = matches!(case.decision.verdict, Verdict::Run(_) | Verdict::Stop);
        let would = Would {
            differs: ours.steps(Wait::Done) != theirs.steps(Wait::Done) || !same_end,
            verdict: case.decision.verdict.clone(),
        };
        let reasons = case.decision.reasons.clone();
        let line = LogLine {
            would: Some(would),
            verdict: stock.verdict,
            reasons,
            ..line(&case, None)
        };
        self.write(&line);
    }

    /// Writes the decision down. A log that cannot be written never fails an action.
    pub(super) fn log(&self, case: &Case, status: Option<u8>) {
        // A chroot's log is not the machine's.
        if case.facts.machine.get() != Some(&Machine::Chroot) {
            self.write(&line(case, status));
        }
    }

    fn write(&self, line: &LogLine) {
        // Nobody but root may write it, and others need not hear so with every call.
        if let Err(error) = Log::default().write(line)
            && geteuid().is_root()
        {
            self.voice.error(&format!(
                "{} of {} is not in the log: {error}",
                line.action, line.unit
            ));
        }
    }

    /// Observes what the decision about `request` needs. `machine` is asked only where it matters.
    pub(super) fn observe(
        &self,
        init: &mut dyn Init,
        request: &Request,
        known: Option<UnitFacts>,
    ) -> Result<(Facts, Option<Entry>), InitError> {
        let unit = match known {
            Some(unit) => unit,
            None => one_unit(init, &request.unit, Depth::State)?,
        };
        let mut facts = Facts {
            now: self.now,
            life: self.life(),
            init: init.kind(),
            capabilities: init.capabilities(),
            machine: self.machine(init),
            unit,
            related: Vec::new(),
            helper: HelperAnswer::Absent,
            helper_related: Vec::new(),
        };
        if self.policy.settings().strict {
            return Ok((facts, None));
        }
        // What a note names is brought back among what else can start the service.
        let noted = ledger_services(&facts)
            .iter()
            .any(|service| self.owed_to(service).is_some());
        if noted || needs_relations(request, &facts.unit) {
            facts.unit = one_unit(init, &request.unit, Depth::Relations)?;
            facts.related = related(init, &facts.unit, &request.action)?;
        }
        let owed = self.owed(init, &mut facts)?;
        Ok((facts, owed))
    }

    fn machine(&self, init: &mut dyn Init) -> Known<Machine> {
        let mut rules = self.policy.files().iter().flat_map(|file| &file.rules);
        if rules.any(|rule| !rule.machine.is_empty()) {
            init.machine()
        } else {
            Known::default()
        }
    }

    /// The note about the service, with the state of every unit that it names.
    fn owed(&self, init: &mut dyn Init, facts: &mut Facts) -> Result<Option<Entry>, InitError> {
        let services = ledger_services(facts);
        let Some(entry) = services.iter().find_map(|service| self.owed_to(service)) else {
            return Ok(None);
        };
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
            facts
                .related
                .extend(init.units(&missing, Depth::Relations)?);
        }
        Ok(Some(entry))
    }

    /// Decides, with policy-rc.d's answers already in the facts.
    pub(super) fn decide(&self, request: Request, facts: Facts, owed: Option<Entry>) -> Case {
        let decision = decide(&request, &facts, &self.policy, owed.as_ref());
        Case {
            request,
            facts,
            decision,
            owed,
        }
    }

    /// Decides one action of a list of fallbacks: no other list takes its place.
    pub(super) fn decide_listed(
        &self,
        request: Request,
        facts: Facts,
        owed: Option<Entry>,
    ) -> Case {
        let decision = decide_listed(&request, &facts, &self.policy, owed.as_ref());
        Case {
            request,
            facts,
            decision,
            owed,
        }
    }

    /// Plans all cases as one and carries the plan out.
    pub(super) fn act(
        &self,
        init: &mut dyn Init,
        cases: &mut [Case],
        wait: Wait,
    ) -> Result<Report, ActError> {
        match self.try_act(init, cases, wait) {
            Err(error @ (ActError::Note(_) | ActError::NoLife)) => {
                let warnings = without_notes(cases, &error)?;
                let mut report = self.try_act(init, cases, wait)?;
                report.warnings.extend(warnings);
                Ok(report)
            }
            other => other,
        }
    }

    fn try_act(&self, init: &mut dyn Init, cases: &[Case], wait: Wait) -> Result<Report, ActError> {
        let unnoted = cases.iter().any(|case| {
            case.facts.life.is_none()
                && matches!(case.decision.verdict, Verdict::Hold | Verdict::Defer { .. })
        });
        if unnoted {
            return Err(ActError::NoLife);
        }
        let decided: Vec<Decided<'_>> = cases.iter().map(Case::decided).collect();
        carry_out(
            &plan_all(&decided, &self.policy),
            wait,
            init,
            self.ledger.as_ref(),
        )
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

/// Nothing is observed that the decision does not need.
fn needs_relations(request: &Request, unit: &UnitFacts) -> bool {
    let kind = unit.id.kind();
    let trigger = kind.is_trigger() || kind == crate::domain::UnitKind::Target;
    let stopped_before = request.context.phase == Phase::Upgrade && unit.is_down();
    match request.action {
        Action::Stop => true,
        Action::Start | Action::Restart | Action::TryRestart => trigger || stopped_before,
        Action::Reload
        | Action::ForceReload
        | Action::ForceStop
        | Action::Status
        | Action::Other(_) => trigger,
    }
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

/// Says what the user would otherwise wonder about: what is put off, and what is not started.
pub(super) fn explain_to_user(case: &Case, voice: &Voice) {
    let (action, unit) = (&case.request.action, &case.facts.unit.id);
    match &case.decision.verdict {
        Verdict::Hold => voice.error(&format!(
            "{action} of {unit} is held, it goes on running: {}; `rcpolicy flush` restarts it",
            why(&case.decision)
        )),
        Verdict::Defer { action: later, .. } => voice.error(&format!(
            "{action} of {unit} is deferred: {}; `rcpolicy flush` does the {later} now",
            why(&case.decision)
        )),
        Verdict::Nothing if action.may_start() && !case.facts.unit.is_masked() => {
            voice.error(&format!(
                "{action} of {unit} is not needed: {}",
                why(&case.decision)
            ));
        }
        Verdict::Nothing
        | Verdict::Run(_)
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Restart
        | Verdict::IfStale
        | Verdict::Reload
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_) => {}
    }
}

/// One decision as it stands in the log.
fn line(case: &Case, status: Option<u8>) -> LogLine {
    let (request, decision) = (&case.request, &case.decision);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = now
        .ok()
        .and_then(|now| i64::try_from(now.as_micros()).ok())
        .unwrap_or(0);
    LogLine {
        version: crate::report::log::VERSION,
        time: time::rfc3339(micros),
        front: request.front,
        service: case.facts.unit.id.service(),
        unit: case.facts.unit.id.clone(),
        action: request.action.clone(),
        verdict: decision.verdict.clone(),
        reasons: decision.reasons.clone(),
        context: LogContext {
            package: request.context.package.clone(),
            script: request.context.script.clone(),
            phase: request.context.phase,
        },
        outcome: None,
        status: status.map(i32::from),
        would: None,
        pid: std::process::id(),
    }
}
