//! A session's lines in the decision log: what was decided, for whom, and what came of it; in observe
//! mode, what would have been done. A log that cannot be written never fails an action.

use nix::unistd::geteuid;

use crate::decide::{Decided, decide, ledger_services, plan};
use crate::domain::{InitKind, Known, Machine, Request, ServiceName, Verdict, Wait};
use crate::init::Init;
use crate::observe::detect;
use crate::policy::Policy;
use crate::report::log::{LogLine, Would};
use crate::report::time;

use super::perform::{Case, Session};

impl Session {
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
        for companion in &case.companions {
            self.log(companion, status);
        }
    }

    /// The same with what came of it in words that the case itself does not have.
    pub(super) fn log_outcome(&self, case: &Case, outcome: &str, status: Option<u8>) {
        if case.facts.machine.get() != Some(&Machine::Chroot) {
            self.write(&LogLine {
                outcome: Some(outcome.to_owned()),
                ..line(case, status)
            });
        }
    }

    fn write(&self, line: &LogLine) {
        // Nobody but root may write it, and others need not hear so with every call.
        if let Err(error) = self.log.write(line)
            && geteuid().is_root()
        {
            self.voice.error(&format!(
                "{} of {} is not in the log: {error}",
                line.action, line.unit
            ));
        }
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
    let service = case.facts.unit.id.service();
    LogLine {
        version: crate::report::log::VERSION,
        time: time::rfc3339(micros),
        front: request.front,
        service: service.clone(),
        concerns: concerns(case, &service),
        unit: case.facts.unit.id.clone(),
        action: request.action.clone(),
        verdict: decision.verdict.clone(),
        reasons: decision.reasons.clone(),
        context: request.context.caller(),
        outcome: Some(outcome(case, status)),
        status: status.map(i32::from),
        would: None,
        pid: std::process::id(),
    }
}

/// What came of it, in words: as it was carried out, or as the verdict and the exit status tell.
fn outcome(case: &Case, status: Option<u8>) -> String {
    if let Some(outcome) = &case.outcome {
        return outcome.clone();
    }
    match (&case.decision.verdict, status) {
        (Verdict::Deny, _) => "not done".to_owned(),
        (Verdict::FallBack(_), _) => "other actions are tried".to_owned(),
        (Verdict::Nothing, _) => "nothing to do".to_owned(),
        (Verdict::Hold | Verdict::Defer { .. }, Some(0)) => "noted down".to_owned(),
        (_, None) => "handed on".to_owned(),
        (_, Some(0)) => "done".to_owned(),
        (_, Some(status)) => format!("failed with exit status {status}"),
    }
}

/// Under which other names somebody may look for it: the services that a trigger starts, and the
/// name that was asked for.
fn concerns(case: &Case, service: &ServiceName) -> Vec<ServiceName> {
    let mut concerns = ledger_services(&case.facts);
    concerns.extend(ServiceName::parse(&case.request.named).ok());
    concerns.retain(|name| name != service);
    concerns.dedup();
    concerns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Action, Context, Decision, Facts, Flag, FrontEnd, HelperAnswer, Reason, Scope, Source,
        UnitFacts,
    };
    use crate::testing::name;

    /// A stop of `named`, which is the unit `id` and triggers `triggers`.
    fn case(named: &str, id: &str, triggers: &[&str]) -> Case {
        let mut unit = UnitFacts::unknown(&name(named), "not asked");
        unit.id = name(id);
        unit.triggers = triggers.iter().map(|text| name(text)).collect();
        let related = unit.triggers.iter();
        let related = related.map(|name| UnitFacts::unknown(name, "not asked"));
        let request = Request {
            front: FrontEnd::DebSystemdInvoke,
            named: named.to_owned(),
            unit: name(named),
            action: Action::Stop,
            flags: Vec::<Flag>::new(),
            scope: Scope::System,
            context: Context::default(),
        };
        let facts = Facts {
            now: 0,
            life: None,
            init: InitKind::Systemd,
            capabilities: InitKind::Systemd.capabilities(),
            machine: Known::default(),
            related: related.collect(),
            unit,
            helper: HelperAnswer::Absent,
            helper_related: Vec::new(),
        };
        let decision = Decision::because(Verdict::Stop, Reason::new(Source::BuiltIn, "x"));
        Case::new(request, facts, decision, None)
    }

    #[test]
    fn a_line_concerns_the_services_of_a_trigger_and_the_name_that_was_asked_for_each_once() {
        for (case, service, concerns) in [
            (case("foo", "foo", &[]), "foo", [].as_slice()),
            (case("alias", "foo", &[]), "foo", &["alias"]),
            (
                case("foo.socket", "foo.socket", &["foo"]),
                "foo.socket",
                &["foo"],
            ),
            (
                case("foo.socket", "foo.socket", &["foo", "bar"]),
                "foo.socket",
                &["foo", "bar"],
            ),
        ] {
            let line = line(&case, Some(0));
            let named: Vec<&str> = line.concerns.iter().map(ServiceName::as_str).collect();
            assert_eq!(
                (line.service.as_str(), named.as_slice()),
                (service, concerns)
            );
        }
    }

    #[test]
    fn the_outcome_is_what_the_plan_came_to_or_what_verdict_and_status_tell() {
        let mut case = case("foo", "foo", &[]);
        let told = |case: &Case, status| line(case, status).outcome.unwrap_or_default();
        for (verdict, status, expected) in [
            (Verdict::Deny, Some(101), "not done"),
            (Verdict::Nothing, Some(0), "nothing to do"),
            (Verdict::Hold, Some(0), "noted down"),
            (Verdict::Hold, Some(1), "failed with exit status 1"),
            (Verdict::Stop, Some(0), "done"),
            (Verdict::Stop, Some(5), "failed with exit status 5"),
            (Verdict::Stop, None, "handed on"),
        ] {
            case.decision.verdict = verdict;
            assert_eq!(told(&case, status), expected, "{:?}", case.decision.verdict);
        }
        case.outcome = Some("stop of foo.service failed: timeout".to_owned());
        assert_eq!(told(&case, Some(1)), "stop of foo.service failed: timeout");
    }
}
