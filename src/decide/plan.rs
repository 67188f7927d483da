//! From decisions to steps: which jobs, in which order, what is noted down before and struck after.
//! Pure. Several units asked for in one call become one plan, so that nothing starts in between.

use crate::domain::{
    Action, Decision, Facts, FileState, Job, Phase, Request, ServiceName, UnitFacts, UnitKind,
    UnitName, Until, Verb, Verdict, Wait,
};
use crate::ledger::{Down, Due, Entry, Owed, Quiesced, Stopped, Who};
use crate::policy::Policy;

use super::judge::{ledger_services, question};
use super::step::Step;
use super::triggers::{Taken, served, taken};

/// All that has to be done, in stages.
#[must_use]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Notes to write before anything is stopped.
    pub records: Vec<Entry>,
    /// Units kept from D-Bus activation.
    pub holds: Vec<UnitName>,
    /// Stopped together: triggers first, all asked for before the first is awaited.
    pub stops: Vec<Job>,
    /// Holds taken away again.
    pub releases: Vec<UnitName>,
    /// What was asked for, with the triggers that come back: those first.
    pub main: Vec<Job>,
    /// What had fallen with the triggers.
    pub after: Vec<Job>,
    /// Notes that are settled when all of this succeeded.
    pub strikes: Vec<ServiceName>,
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The steps in their order; `wait` is for what was asked for.
    pub fn steps(&self, wait: Wait) -> Vec<Step> {
        let jobs = |jobs: &[Job], wait| {
            (!jobs.is_empty()).then(|| Step::Jobs {
                jobs: jobs.to_vec(),
                wait,
            })
        };
        let records = self
            .records
            .iter()
            .cloned()
            .map(|entry| Step::Record(Box::new(entry)));
        records
            .chain(self.holds.iter().cloned().map(Step::Hold))
            .chain(jobs(&self.stops, Wait::Done))
            .chain(self.releases.iter().cloned().map(Step::Release))
            .chain(jobs(&self.main, wait))
            .chain(jobs(&self.after, Wait::Done))
            .chain(self.strikes.iter().cloned().map(Step::Strike))
            .collect()
    }

    fn absorb(&mut self, other: Self) {
        self.records.extend(other.records);
        self.holds.extend(other.holds);
        self.releases.extend(other.releases);
        self.strikes.extend(other.strikes);
        other
            .stops
            .into_iter()
            .for_each(|job| push_job(&mut self.stops, job));
        other
            .main
            .into_iter()
            .for_each(|job| push_job(&mut self.main, job));
        other
            .after
            .into_iter()
            .for_each(|job| push_job(&mut self.after, job));
    }
}

/// A unit stands once in a list, with the stronger of two verbs.
fn push_job(jobs: &mut Vec<Job>, job: Job) {
    match jobs.iter_mut().find(|known| known.unit == job.unit) {
        Some(known) if job.verb == Verb::Restart => known.verb = Verb::Restart,
        Some(_) => {}
        None => jobs.push(job),
    }
}

/// One decided request, with what it was decided on.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What was observed.
    pub facts: &'a Facts,
    /// What was decided.
    pub decision: &'a Decision,
    /// What the ledger holds for it.
    pub owed: Option<&'a Entry>,
}

/// The plan for all units of one call.
pub fn plan_all(all: &[Decided<'_>], policy: &Policy) -> Plan {
    let mut whole = Plan::default();
    for one in all {
        whole.absorb(plan(one, policy));
    }
    if !policy.settings().strict {
        split_combined_restarts(&mut whole, all);
    }
    triggers_first(&mut whole.stops);
    triggers_first(&mut whole.main);
    whole
}

fn triggers_first(jobs: &mut [Job]) {
    jobs.sort_by_key(|job| !job.unit.kind().is_trigger());
}

/// A socket refuses to start while its service runs, so a restart of both in one call is a stop
/// of both, then a start of both.
fn split_combined_restarts(plan: &mut Plan, all: &[Decided<'_>]) {
    let restarted = |name: &UnitName, main: &[Job]| {
        main.iter()
            .any(|job| job.unit == *name && job.verb == Verb::Restart)
    };
    let mut split: Vec<UnitName> = Vec::new();
    for socket in all.iter().map(|one| &one.facts.unit) {
        let service = socket
            .triggers
            .iter()
            .find(|service| restarted(service, &plan.main));
        if let Some(service) = service.filter(|_| restarted(&socket.id, &plan.main)) {
            split.extend([socket.id.clone(), service.clone()]);
        }
    }
    for job in plan.main.iter_mut().filter(|job| split.contains(&job.unit)) {
        push_job(&mut plan.stops, Job::new(Verb::Stop, job.unit.clone()));
        job.verb = Verb::Start;
    }
}

/// The plan for one decided request.
pub fn plan(one: &Decided<'_>, policy: &Policy) -> Plan {
    let unit = &one.facts.unit.id;
    let action = &one.request.action;
    let only = |verb| Plan {
        main: vec![Job::new(verb, unit.clone())],
        ..Plan::default()
    };
    match &one.decision.verdict {
        Verdict::Deny | Verdict::Emulate(_) | Verdict::FallBack(_) => Plan::default(),
        Verdict::Nothing if matches!(action, Action::Start | Action::Restart) => restore(one),
        Verdict::Nothing => Plan::default(),
        Verdict::Hold => note(one, |entry| {
            entry.kept_running = true;
            entry.owed = Some(owed(one, Due::Restart, Until::Batch));
        }),
        Verdict::Defer { action, until } => note(one, |entry| {
            entry.owed = Due::try_from(action).ok().map(|due| owed(one, due, *until));
        }),
        Verdict::Stop => stop(one, policy),
        Verdict::Quiesce => quiesce(one),
        Verdict::Restart | Verdict::IfStale => start(one, Verb::Restart, policy),
        Verdict::Reload => only(Verb::Reload),
        Verdict::Run(action) => match action {
            Action::Start => start(one, Verb::Start, policy),
            Action::Restart => start(one, Verb::Restart, policy),
            Action::Stop => Plan {
                stops: vec![Job::new(Verb::Stop, unit.clone())],
                ..Plan::default()
            },
            Action::TryRestart => only(Verb::TryRestart),
            Action::Reload => only(Verb::Reload),
            Action::ForceReload if one.facts.unit.can_reload.is_and(|can| !can) => {
                only(Verb::Restart)
            }
            Action::ForceReload => only(Verb::Reload),
            // These are no jobs: the front end runs them.
            Action::ForceStop | Action::Status | Action::Other(_) => Plan::default(),
        },
    }
}

fn owed(one: &Decided<'_>, due: Due, until: Until) -> Owed {
    Owed {
        due,
        until,
        reasons: one.decision.reasons.clone(),
    }
}

/// A new note about the service behind the request. None where no life of an init could be
/// told: there is nothing then that a note could be about.
fn entry(one: &Decided<'_>) -> Option<Entry> {
    let facts = one.facts;
    let life = facts.life.clone()?;
    let services = ledger_services(facts);
    let service = services
        .into_iter()
        .next()
        .unwrap_or_else(|| facts.unit.id.service());
    let context = &one.request.context;
    let who = Who {
        package: context.package.clone(),
        script: context.script.clone(),
        phase: context.phase,
        front: Some(one.request.front),
        pid: 0,
    };
    let because = one
        .decision
        .reasons
        .first()
        .map_or("", |reason| &reason.text);
    Some(Entry::new(service.unit(), life, who, facts.now, because))
}

fn note(one: &Decided<'_>, fill: impl FnOnce(&mut Entry)) -> Plan {
    let entry = entry(one).map(|mut entry| {
        fill(&mut entry);
        entry
    });
    Plan {
        records: entry.into_iter().collect(),
        ..Plan::default()
    }
}

fn stop(one: &Decided<'_>, policy: &Policy) -> Plan {
    let unit = &one.facts.unit;
    let Taken {
        triggers,
        dependents,
        spared: _,
    } = taken(one.request, one.facts, policy);
    let mut plan = Plan::default();
    let removal = one.request.context.phase == Phase::Remove;
    let holds = unit.bus_activated && !removal;
    let mut units: Vec<Stopped> = triggers
        .iter()
        .map(|name| stopped(one.facts, name, false))
        .collect();
    if one.request.context.phase == Phase::Upgrade && unit.id.kind().is_trigger() && unit.is_up() {
        units.push(stopped(one.facts, &unit.id, false));
    }
    units.extend(dependents.iter().map(|name| stopped(one.facts, name, true)));
    if removal {
        plan.strikes
            .extend(one.owed.map(|owed| owed.service.clone()));
        plan.releases.extend(
            one.owed
                .filter(|owed| owed.held)
                .map(|owed| owed.unit.clone()),
        );
    } else if holds || !units.is_empty() {
        plan.records.extend(entry(one).map(|mut entry| {
            let service_was_running = one.facts.of(&entry.unit).map(UnitFacts::is_up);
            entry.held = holds;
            entry.down = Some(Down {
                units,
                service_was_running,
                service_down_since: None,
            });
            entry
        }));
    }
    if holds {
        plan.holds.push(unit.id.clone());
    }
    plan.stops = triggers
        .into_iter()
        .map(|name| Job::new(Verb::Stop, name))
        .collect();
    // What is not loaded cannot be stopped, and need not be.
    if !unit.is_missing() {
        plan.stops.push(Job::new(Verb::Stop, unit.id.clone()));
    }
    plan
}

fn stopped(facts: &Facts, name: &UnitName, dependent: bool) -> Stopped {
    let enabled = facts
        .of(name)
        .and_then(|unit| unit.file.get())
        .map(|f| *f == FileState::Enabled);
    Stopped {
        unit: name.clone(),
        was_enabled: enabled,
        down_since: None,
        dependent,
    }
}

fn quiesce(one: &Decided<'_>) -> Plan {
    let unit = &one.facts.unit;
    let mut plan = if one.request.context.phase == Phase::Remove || !unit.is_up() {
        Plan::default()
    } else {
        note(one, |entry| {
            let quiesced = Quiesced {
                invocation: unit.invocation.clone(),
                main_pid: unit.main_pid,
            };
            entry.quiesced = Some(quiesced);
        })
    };
    if !unit.is_missing() {
        plan.stops.push(Job::new(Verb::Stop, unit.id.clone()));
    }
    plan
}

/// What the note says was taken down, is still as we left it, and is still wanted.
fn wanted_back<'a>(entry: &'a Entry, facts: &'a Facts) -> impl Iterator<Item = &'a Stopped> {
    entry
        .down
        .iter()
        .flat_map(|down| &down.units)
        .filter(|stopped| {
            facts.of(&stopped.unit).is_some_and(|unit| {
                let untouched = stopped
                    .down_since
                    .is_none_or(|since| since == unit.down_since);
                let disabled = stopped.was_enabled == Some(true)
                    && unit
                        .file
                        .is_and(|f| matches!(f, FileState::Disabled | FileState::Masked));
                unit.is_down() && untouched && !disabled && !unit.is_masked()
            })
        })
}

/// Brings back what an earlier stop took down, whatever becomes of the service itself.
fn restore(one: &Decided<'_>) -> Plan {
    let Some(entry) = one.owed else {
        return Plan::default();
    };
    let mut plan = Plan {
        strikes: vec![entry.service.clone()],
        ..Plan::default()
    };
    plan.releases.extend(entry.held.then(|| entry.unit.clone()));
    for stopped in wanted_back(entry, one.facts) {
        let list = if stopped.dependent {
            &mut plan.after
        } else {
            &mut plan.main
        };
        push_job(list, Job::new(Verb::Start, stopped.unit.clone()));
    }
    plan
}

fn start(one: &Decided<'_>, verb: Verb, policy: &Policy) -> Plan {
    let unit = &one.facts.unit;
    let mut plan = restore(one);
    push_job(&mut plan.main, Job::new(verb, unit.id.clone()));
    let sockets_start = plan.main.iter().any(|job| {
        let socket = job.unit.kind() == UnitKind::Socket;
        socket && one.facts.of(&job.unit).is_some_and(UnitFacts::is_down)
    });
    if !sockets_start || policy.settings().strict {
        return plan;
    }
    // A socket refuses to start while its service runs: the service goes down first.
    let running: Vec<ServiceName> = served(one.facts)
        .into_iter()
        .filter(|service| service.is_up())
        .map(|service| service.id.service())
        .collect();
    for service in running {
        let named = service.unit() == unit.id;
        let upgrade = one.request.context.phase == Phase::Upgrade;
        let asked = question(one.request, one.facts, &service, &Action::Restart);
        let denied = || policy.denies(&asked).is_some();
        if named || upgrade && !denied() {
            plan.stops.push(Job::new(Verb::Stop, service.unit()));
            match plan.main.iter_mut().find(|job| job.unit == service.unit()) {
                Some(job) => job.verb = Verb::Start,
                None => plan.main.push(Job::new(Verb::Start, service.unit())),
            }
        }
    }
    plan
}
