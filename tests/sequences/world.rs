//! A machine with rcpolicy on it: one call is observed, decided, planned and carried out for real,
//! on the simulated init and with a ledger on disk.

use rcpolicy::act::carry_out;
use rcpolicy::decide::{
    Decided, Part, also_asked, decide, decide_listed, ledger_services, plan_all,
};
use rcpolicy::domain::{
    Action, ActiveState, Context, Decision, Facts, Flag, FrontEnd, HelperAnswer, Job, Life, Phase,
    Request, Scope, UnitName, Verb, Verdict, Wait,
};
use rcpolicy::init::related::related;
use rcpolicy::init::simulated::{Flavour, Happened, Image, Micros, Simulated, Spec};
use rcpolicy::init::{Depth, Init};
use rcpolicy::ledger::{Entry, Ledger};
use rcpolicy::policy::{Origin, Policy, Tier, parse};

pub(crate) const MS: Micros = 1000;

pub(crate) fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

/// Whether policy-rc.d lets an action of a unit pass.
pub(crate) type Helper = fn(&UnitName, &Action) -> bool;

/// A machine with rcpolicy on it.
pub(crate) struct World {
    pub(crate) machine: Simulated,
    pub(crate) ledger: Ledger,
    pub(crate) policy: Policy,
    pub(crate) helper: Helper,
    _directory: tempfile::TempDir,
}

/// One case that was observed and decided.
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) facts: Facts,
    pub(crate) owed: Option<Entry>,
    pub(crate) decision: Decision,
}

impl World {
    pub(crate) fn new(specs: Vec<Spec>, files: &[(Tier, String)]) -> Self {
        let mut machine = Simulated::new(Flavour::Systemd, 7);
        for spec in specs {
            machine.add(spec, Image::Whole(1));
        }
        let parsed: Vec<_> = files
            .iter()
            .map(|(tier, text)| {
                let parsed = parse("x.toml", *tier, text);
                assert_eq!(parsed.problems, [], "{text}");
                parsed.file
            })
            .collect();
        let directory = tempfile::tempdir().unwrap();
        let life = Life {
            boot_id: "b".to_owned(),
            pid_namespace: 1,
            init_started: 1,
            userspace: None,
        };
        Self {
            machine,
            ledger: Ledger::open(&directory.path().join("run"), life),
            policy: Policy::new(Origin::Current, parsed, Vec::new()),
            helper: |_, _| true,
            _directory: directory,
        }
    }

    /// Something that is not ours: the admin, or the boot.
    pub(crate) fn job(&mut self, verb: Verb, unit: &str) {
        let _ = self.machine.run(&[Job::new(verb, name(unit))], Wait::Done);
    }

    pub(crate) fn answer(&self, unit: &UnitName, action: &Action) -> HelperAnswer {
        let status = if (self.helper)(unit, action) { 0 } else { 101 };
        let stdout = String::new();
        HelperAnswer::Said { status, stdout }
    }

    pub(crate) fn judge(&mut self, request: Request) -> Case {
        let found = self
            .machine
            .units(std::slice::from_ref(&request.unit), Depth::Relations);
        let unit = found.unwrap().remove(0);
        let around = related(&mut self.machine, &unit, &request.action).unwrap();
        let mut facts = Facts {
            now: self.machine.epoch(),
            life: Some(self.ledger.life().clone()),
            init: self.machine.kind(),
            capabilities: self.machine.capabilities(),
            machine: self.machine.machine(),
            unit,
            related: around,
            helper: self.answer(&request.unit, &request.action),
            helper_related: Vec::new(),
        };
        let services = ledger_services(&facts);
        let owed = services
            .iter()
            .find_map(|s| self.ledger.read(s).unwrap().current());
        let noted = owed
            .iter()
            .flat_map(|entry| &entry.down)
            .flat_map(|down| &down.units);
        let missing: Vec<UnitName> = noted
            .map(|stopped| stopped.unit.clone())
            .filter(|unit| facts.of(unit).is_none())
            .collect();
        facts
            .related
            .extend(self.machine.units(&missing, Depth::Relations).unwrap());
        for (unit, action) in also_asked(&request, &facts, owed.as_ref()) {
            let answer = self.answer(&unit, &action);
            facts.helper_related.push((unit, answer));
        }
        let decision = decide(&request, &facts, &self.policy, owed.as_ref());
        assert_eq!(
            decision,
            decide(&request, &facts, &self.policy, owed.as_ref())
        );
        Case {
            request,
            facts,
            owed,
            decision,
        }
    }

    /// One call with one or several units.
    pub(crate) fn call(&mut self, request: &Request, units: &[&str]) {
        let mut cases = Vec::new();
        for unit in units {
            let mut asked = request.clone();
            (asked.named, asked.unit) = ((*unit).to_owned(), name(unit));
            let mut case = self.judge(asked);
            if let Verdict::FallBack(words) = &case.decision.verdict {
                case.request.action = Action::parse(&words[0]);
                case.facts.helper = self.answer(&case.request.unit, &case.request.action);
                let owed = case.owed.as_ref();
                case.decision = decide_listed(&case.request, &case.facts, &self.policy, owed);
            }
            cases.push(case);
        }
        let decided = |cases: &[Case]| -> Vec<(Request, Facts, Decision, Option<Entry>)> {
            let parts = cases.iter().map(|c| {
                (
                    c.request.clone(),
                    c.facts.clone(),
                    c.decision.clone(),
                    c.owed.clone(),
                )
            });
            parts.collect()
        };
        let forwards = decided(&cases);
        cases.reverse();
        let backwards = decided(&cases);
        let plan = |parts: &[(Request, Facts, Decision, Option<Entry>)]| {
            let all: Vec<Decided<'_>> = parts
                .iter()
                .map(|(request, facts, decision, owed)| Decided {
                    request,
                    facts,
                    decision,
                    owed: owed.as_ref(),
                    part: Part::Named,
                })
                .collect();
            plan_all(&all, &self.policy)
        };
        let whole = plan(&forwards);
        assert_eq!(whole, plan(&backwards), "the order of the units matters");
        for stage in [&whole.stops, &whole.main, &whole.after] {
            let mut named: Vec<&UnitName> = stage.iter().map(|job| &job.unit).collect();
            named.sort();
            let before = named.len();
            named.dedup();
            assert_eq!(named.len(), before, "a unit stands twice: {stage:?}");
        }
        let report = carry_out(&whole, Wait::Done, &mut self.machine, Some(&self.ledger));
        assert_eq!(report.unwrap().warnings, Vec::<String>::new());
    }

    pub(crate) fn is_up(&self, unit: &str) -> bool {
        self.machine.view(&name(unit)).unwrap().active == ActiveState::Active
    }

    /// The end of the history and the notes, for a failure's message.
    pub(crate) fn told(&self) -> String {
        let record = self.machine.record();
        let last = &record[record.len().saturating_sub(25)..];
        let last: Vec<String> = last.iter().map(|moment| format!("{moment:?}")).collect();
        format!(
            "{}\n{:#?}",
            last.join("\n"),
            self.ledger.all().unwrap().entries
        )
    }

    pub(crate) fn noted(&self) -> usize {
        self.ledger.all().unwrap().entries.len()
    }

    /// The model asks for one job every 300 microseconds, and a client may come between two sockets:
    /// then the second is refused, its note stays, and the next start makes it good.
    pub(crate) fn make_good(&mut self) {
        self.machine.dismiss_clients();
        // whoever is connected still gets an answer
        self.machine.pass(30 * MS);
        self.machine.set_found(&name("foo.path"), false);
        if self.noted() > 0 {
            self.call(&request("start", Phase::Upgrade, &[]), &["foo.service"]);
            self.machine.pass(10 * MS);
        }
    }

    /// How often a unit began to come up, from `since` in the record on.
    pub(crate) fn starts(&self, unit: &str, since: usize) -> usize {
        let moments = self.machine.record()[since..].iter();
        let starts = moments.filter(|moment| {
            matches!(&moment.what, Happened::State { unit: started, active: ActiveState::Activating, .. }
                if *started == name(unit))
        });
        starts.count()
    }
}

pub(crate) fn request(action: &str, phase: Phase, flags: &[Flag]) -> Request {
    let script = phase != Phase::None;
    Request {
        front: FrontEnd::DebSystemdInvoke,
        named: String::new(),
        unit: name("x"),
        action: Action::parse(action),
        flags: flags.to_vec(),
        scope: Scope::System,
        context: Context {
            package: script.then(|| "pkg".to_owned()),
            script: script.then(|| "postinst".to_owned()),
            phase,
            batch_started: None,
            batch_began: None,
        },
    }
}
