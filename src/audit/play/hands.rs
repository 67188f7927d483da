//! Who carries a call out on a machine of the play: Debian's own tools, as they were measured, or ours. What
//! goes past both, systemctl and init scripts, goes to the init alike.

use crate::domain::{
    Action, Context, Decision, Flag, FrontEnd, JobOutcome, Manner, Phase, Request, Scope, UnitKind,
    UnitName, Verb, Verdict,
};
use crate::ledger::Entry;
use crate::simulate::Tool;

use super::bench::{Bench, Ended};
use super::meaning::{Change, Invoked, Meant, Named};

/// Who carries out what scripts ask of invoke-rc.d and deb-systemd-invoke.
#[derive(Debug)]
pub(super) enum Hand {
    /// The stock tools.
    Stock,
    /// rcpolicy.
    Ours(Box<Tool>),
}

/// What came of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Did {
    /// The jobs that the init was asked for.
    pub(super) jobs: Vec<Ended>,
    /// What else is to be said of it.
    pub(super) said: Vec<String>,
}

impl Did {
    fn said(text: impl Into<String>) -> Self {
        Self {
            jobs: Vec::new(),
            said: vec![text.into()],
        }
    }

    fn of(jobs: Vec<Ended>) -> Self {
        Self {
            jobs,
            said: Vec::new(),
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.jobs.extend(other.jobs);
        self.said.extend(other.said);
        self
    }
}

/// Whose script asks, and in which phase.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The package.
    pub(super) package: String,
    /// The script: `postinst`.
    pub(super) script: &'static str,
    /// What dpkg is doing.
    pub(super) phase: Phase,
}

/// Carries out what was meant.
pub(super) fn carry_out(
    bench: &mut Bench<'_>,
    hand: &mut Hand,
    meant: &Meant,
    asker: &Asker,
) -> Did {
    match meant {
        Meant::InvokeRcD(invoked) => by_invoke_rc_d(bench, hand, invoked, asker),
        Meant::DebSystemdInvoke(named) => by_deb_systemd_invoke(bench, hand, named, asker),
        other => directly(bench, other),
    }
}

fn by_invoke_rc_d(bench: &mut Bench<'_>, hand: &mut Hand, invoked: &Invoked, asker: &Asker) -> Did {
    let Invoked { name, action, .. } = invoked;
    let Some(unit) = script_unit(bench, name) else {
        return Did::said("no service has such a name");
    };
    let skipped = invoked.skip_native && !bench.is_generated(&unit);
    match (left_alone(bench, &unit, invoked), hand) {
        (Some(why), Hand::Ours(tool)) if !skipped => {
            Did::said(why).and(bring_back(bench, tool, &unit, asker))
        }
        (Some(why), Hand::Stock | Hand::Ours(_)) => Did::said(why),
        (None, Hand::Stock) => by_script_action(bench, &unit, action),
        (None, Hand::Ours(tool)) => {
            let asked = (
                FrontEnd::InvokeRcD,
                name.as_str(),
                action,
                &invoked.flags[..],
            );
            let request = request(asked, unit, asker);
            ours(bench, tool, &[request])
        }
    }
}

fn by_deb_systemd_invoke(
    bench: &mut Bench<'_>,
    hand: &mut Hand,
    asked: &Named,
    asker: &Asker,
) -> Did {
    let mut named = Vec::new();
    for text in &asked.units {
        named.extend(bench.units(text).into_iter().map(|unit| (text, unit)));
    }
    let tool = match hand {
        Hand::Stock => {
            let units = named.into_iter().map(|(_, unit)| unit).collect();
            return by_stock(bench, &asked.action, units);
        }
        Hand::Ours(tool) => tool,
    };
    let mut requests = Vec::new();
    for (text, unit) in named {
        // Here a template stands for its instances; stock hands it to systemctl, which refuses it.
        for unit in bench.instances_of(unit) {
            let asked = (
                FrontEnd::DebSystemdInvoke,
                text.as_str(),
                &asked.action,
                &asked.flags[..],
            );
            requests.push(request(asked, unit, asker));
        }
    }
    ours(bench, tool, &requests)
}

/// What reaches the init without either tool.
fn directly(bench: &mut Bench<'_>, meant: &Meant) -> Did {
    match meant {
        Meant::Jobs { verb, units } => {
            let mut named = Vec::new();
            for text in units {
                named.extend(bench.units(text));
            }
            Did::of(bench.run(*verb, &named))
        }
        Meant::Script {
            name,
            action,
            by_service,
        } => by_script(bench, (name, action), *by_service),
        Meant::Install { change, units, now } => installed(bench, (*change, units), *now),
        Meant::Links { change, script } => {
            let unit = script_unit(bench, script);
            if let Some(unit) = unit.filter(|_| bench.init.manner() != Manner::Units) {
                bench.install(*change, &unit);
            }
            Did::default()
        }
        Meant::Reread => {
            bench.reread();
            Did::default()
        }
        Meant::Nothing(why) => Did::said(*why),
        Meant::InvokeRcD(_) | Meant::DebSystemdInvoke(_) => Did::default(),
    }
}

fn by_script(bench: &mut Bench<'_>, (name, action): (&str, &Action), by_service: bool) -> Did {
    let Some(unit) = script_unit(bench, name) else {
        return Did::said("no service has such a name");
    };
    let mut did = Did::default();
    if by_service && matches!(action, Action::Start | Action::Stop) {
        did = sockets_of(bench, &unit, action);
    }
    did.and(by_script_action(bench, &unit, action))
}

fn installed(
    bench: &mut Bench<'_>,
    (change, units): (Change, &[String]),
    now: Option<Verb>,
) -> Did {
    let mut named = Vec::new();
    for text in units {
        named.extend(bench.named(text));
    }
    for unit in &named {
        bench.install(change, unit);
    }
    now.map_or_else(Did::default, |verb| Did::of(bench.run(verb, &named)))
}

/// original: `service` stops and starts the sockets of what it stops and starts
fn sockets_of(bench: &mut Bench<'_>, unit: &UnitName, action: &Action) -> Did {
    let triggers = bench.triggers().remove(unit).unwrap_or_default();
    let sockets = triggers.into_iter();
    let sockets: Vec<UnitName> = sockets
        .filter(|name| name.kind() == UnitKind::Socket)
        .collect();
    match verb(action) {
        Some(verb) => Did::of(bench.run(verb, &sockets)),
        None => Did::default(),
    }
}

/// The unit behind the name of an init script.
fn script_unit(bench: &mut Bench<'_>, name: &str) -> Option<UnitName> {
    let unit = UnitName::of_script(name).ok()?;
    bench.unit(unit.as_str())
}

/// Why both tools end before they do anything; `None` where they go on.
fn left_alone(bench: &Bench<'_>, unit: &UnitName, invoked: &Invoked) -> Option<&'static str> {
    let units = bench.init.manner() == Manner::Units;
    if invoked.action.needs_link() {
        let enabled = bench.is_enabled(unit);
        let allowed = match units {
            true => enabled || bench.has_start_link(&invoked.name) || bench.is_up(unit),
            false => enabled,
        };
        if !allowed {
            return Some("not started: it is not enabled");
        }
    }
    // original: what systemd did not make of an init script is deb-systemd-invoke's business
    if units && invoked.skip_native && !bench.is_generated(unit) {
        return Some("left to deb-systemd-invoke: it is a unit of systemd's own");
    }
    None
}

/// What the verb of a script's action is to the init.
fn verb(action: &Action) -> Option<Verb> {
    Some(match action {
        Action::Start => Verb::Start,
        Action::Stop | Action::ForceStop => Verb::Stop,
        Action::Restart => Verb::Restart,
        Action::TryRestart => Verb::TryRestart,
        Action::Reload => Verb::Reload,
        Action::ForceReload => Verb::ReloadOrRestart,
        Action::Status | Action::Other(_) => return None,
    })
}

/// The init script's action, as invoke-rc.d and `service` ask the init for it.
fn by_script_action(bench: &mut Bench<'_>, unit: &UnitName, action: &Action) -> Did {
    let Some(verb) = verb(action) else {
        return Did::said(format!("{action} changes nothing that is known of"));
    };
    if bench.is_masked(unit) && verb != Verb::Stop {
        return Did::said("not done: it is masked");
    }
    Did::of(bench.run(verb, std::slice::from_ref(unit)))
}

/// The stock deb-systemd-invoke, without a policy-rc.d.
fn by_stock(bench: &mut Bench<'_>, action: &Action, mut units: Vec<UnitName>) -> Did {
    let mut said = Vec::new();
    if matches!(action, Action::Start | Action::Restart) {
        units.retain(|unit| {
            let runs = *action == Action::Restart && bench.is_up(unit);
            let starts = bench.is_enabled(unit) || runs;
            if !starts {
                said.push(format!("{unit} left alone: disabled or static"));
            }
            starts
        });
    }
    let Some(verb) = verb(action) else {
        return Did::said(format!("{action} changes nothing that is known of"));
    };
    Did {
        jobs: bench.run(verb, &units),
        said,
    }
}

fn request(
    (front, named, action, flags): (FrontEnd, &str, &Action, &[Flag]),
    unit: UnitName,
    asker: &Asker,
) -> Request {
    Request {
        front,
        named: named.to_owned(),
        unit,
        action: action.clone(),
        flags: flags.to_vec(),
        scope: Scope::System,
        context: context(asker),
    }
}

fn context(asker: &Asker) -> Context {
    Context {
        package: Some(asker.package.clone()),
        script: Some(asker.script.to_owned()),
        phase: asker.phase,
        batch_started: None,
        batch_began: None,
    }
}

fn ours(bench: &mut Bench<'_>, tool: &mut Tool, requests: &[Request]) -> Did {
    let answered = tool.ask(&mut bench.machine, requests);
    let Ok(answered) = answered else {
        return Did::said("the init could not be asked");
    };
    Did {
        jobs: answered.jobs,
        said: told(&answered.decided),
    }
}

/// What waits for the end of the batch is done.
pub(super) fn flush(bench: &mut Bench<'_>, hand: &mut Hand) -> Option<Did> {
    let Hand::Ours(tool) = hand else {
        return None;
    };
    tool.owed().next()?;
    let answered = tool.flush(&mut bench.machine).ok()?;
    Some(Did {
        jobs: answered.jobs,
        said: told(&answered.decided),
    })
}

/// A service that may not be started is not, but what its stop took down comes back.
fn bring_back(bench: &mut Bench<'_>, tool: &mut Tool, unit: &UnitName, asker: &Asker) -> Did {
    let taken_down = |entry: &Entry| entry.unit == *unit && entry.down.is_some();
    if !tool.owed().any(taken_down) {
        return Did::default();
    }
    // deb-systemd-invoke's question is the one that leaves a disabled service down
    let asked = (
        FrontEnd::DebSystemdInvoke,
        unit.as_str(),
        &Action::Start,
        &[][..],
    );
    let request = request(asked, unit.clone(), asker);
    ours(bench, tool, &[request])
}

/// The decisions that are not what was asked for, in words.
fn told(decided: &[(UnitName, Decision)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (unit, decision) in decided {
        let Some(what) = what(&decision.verdict) else {
            continue;
        };
        let reason = decision.reasons.last();
        let why = reason.map(|reason| format!(": {} ({})", reason.text, reason.source));
        lines.push(format!("{unit} {what}{}", why.unwrap_or_default()));
    }
    lines
}

fn what(verdict: &Verdict) -> Option<String> {
    Some(match verdict {
        Verdict::Run(_) | Verdict::Stop => return None,
        Verdict::Quiesce => "stopped alone".to_owned(),
        Verdict::Restart => "restarted".to_owned(),
        Verdict::IfStale => "restarted if it runs replaced files".to_owned(),
        Verdict::Reload => "reloaded".to_owned(),
        Verdict::Defer { action, .. } => format!("{action} put off"),
        Verdict::Hold => "kept running".to_owned(),
        Verdict::FallBack(actions) => format!("falls back to {}", actions.join(", ")),
        Verdict::Deny => "denied".to_owned(),
        Verdict::Emulate(status) => format!("not done, status {status}"),
        Verdict::Nothing => "left alone".to_owned(),
    })
}

/// Whether a job ended as it was asked for.
pub(super) fn is_done(outcome: &JobOutcome) -> bool {
    match outcome {
        JobOutcome::Done | JobOutcome::Queued => true,
        JobOutcome::Failed(_) => false,
    }
}
