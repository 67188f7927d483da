//! Requests, facts, policies and notes for tests, told as a story: who asks what of which service,
//! what stands around it, what the policies say, what was noted down before.

use crate::domain::{
    Action, ActiveState, Caller, Context, Decision, Facts, FileState, Flag, FrontEnd, HelperAnswer,
    InitKind, Job, Known, Life, LoadState, Machine, Phase, Request, Scope, UnitFacts, UnitName,
    Verdict,
};
use crate::ledger::{Down, Due, Entry, Owed, Quiesced, Stopped, Who};
use crate::policy::{Hold, Holds, Origin, Policy, PolicyFile, Problem, Tier, parse};

use super::{Decided, Part, Plan, decide, plan_all};

/// When our stop took units down in these stories, in microseconds.
pub(super) const OUR_STOP: u64 = 77;

pub(super) fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

pub(super) fn names(list: &[&str]) -> Vec<UnitName> {
    list.iter().map(|text| name(text)).collect()
}

/// A loaded and enabled unit that is down.
pub(super) fn unit(text: &str) -> UnitFacts {
    let mut unit = UnitFacts::unknown(&name(text), "not asked");
    unit.load = Known::Is(LoadState::Loaded);
    unit.active = Known::Is(ActiveState::Inactive);
    unit.file = Known::Is(FileState::Enabled);
    unit.can_reload = Known::Is(true);
    unit
}

pub(super) fn up(unit: &mut UnitFacts) {
    unit.active = Known::Is(ActiveState::Active);
    unit.main_pid = 42;
    unit.invocation = "before".to_owned();
}

pub(super) fn said(status: u8, stdout: &str) -> HelperAnswer {
    let stdout = stdout.to_owned();
    HelperAnswer::Said { status, stdout }
}

pub(super) fn life() -> Life {
    Life {
        boot_id: "b".to_owned(),
        pid_namespace: 1,
        init_started: 1,
        userspace: None,
    }
}

/// A note of an upgrade about `service`.
pub(super) fn note(service: &str) -> Entry {
    let who = Who {
        caller: Caller {
            phase: Phase::Upgrade,
            ..Caller::default()
        },
        ..Who::default()
    };
    Entry::new(name(service), life(), who, 1_000, "an upgrade")
}

/// A note that these units were taken down, those with a `+` in front as dependents.
pub(super) fn took_down(service: &str, units: &[&str]) -> Entry {
    let mut entry = note(service);
    let stopped = |text: &&str| Stopped {
        unit: name(text.trim_start_matches('+')),
        was_enabled: Some(true),
        down_since: Some(OUR_STOP),
        dependent: text.starts_with('+'),
    };
    entry.down = Some(Down {
        units: units.iter().map(stopped).collect(),
        service_was_running: Some(true),
        service_down_since: None,
    });
    entry
}

pub(super) fn quiesced(service: &str) -> Entry {
    let mut entry = note(service);
    entry.quiesced = Some(Quiesced {
        invocation: "before".to_owned(),
        main_pid: 42,
        down_since: None,
    });
    entry
}

pub(super) fn kept_running(service: &str) -> Entry {
    let mut entry = owing(service, Due::Restart);
    entry.kept_running = true;
    entry
}

pub(super) fn owing(service: &str, due: Due) -> Entry {
    let mut entry = note(service);
    entry.owed = Some(Owed {
        due,
        until: crate::domain::Until::Batch,
        reasons: Vec::new(),
        at: None,
        begun: None,
    });
    entry
}

/// One request, and all that it is decided on.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) request: Request,
    pub(super) facts: Facts,
    pub(super) owed: Option<Entry>,
    pub(super) part: Part,
    files: Vec<PolicyFile>,
    origin: Origin,
    problems: Vec<Problem>,
    holds: Holds,
}

impl Story {
    /// A maintainer script's `deb-systemd-invoke ACTION NAME` in an upgrade.
    pub(super) fn upgrade(action: &str, named: &str) -> Self {
        let request = Request {
            front: FrontEnd::DebSystemdInvoke,
            named: named.to_owned(),
            unit: name(named),
            action: Action::parse(action),
            flags: Vec::new(),
            scope: Scope::System,
            context: Context {
                package: Some("pkg".to_owned()),
                script: Some("postinst".to_owned()),
                phase: Phase::Upgrade,
                batch_started: Some(1_000),
                batch_began: None,
            },
        };
        let facts = Facts {
            now: 2_000,
            life: Some(life()),
            init: InitKind::Systemd,
            capabilities: InitKind::Systemd.capabilities(),
            machine: Known::Is(Machine::Running),
            unit: unit(named),
            related: Vec::new(),
            helper: HelperAnswer::Absent,
            helper_related: Vec::new(),
        };
        Self {
            request,
            facts,
            owed: None,
            part: Part::Named,
            files: Vec::new(),
            origin: Origin::Current,
            problems: Vec::new(),
            holds: Holds::default(),
        }
    }

    pub(super) fn phase(mut self, phase: Phase) -> Self {
        self.request.context.phase = phase;
        if phase == Phase::None {
            self.request.context = Context::default();
        }
        self
    }

    pub(super) fn front(mut self, front: FrontEnd) -> Self {
        self.request.front = front;
        self
    }

    pub(super) fn flag(mut self, flag: Flag) -> Self {
        self.request.flags.push(flag);
        self
    }

    /// The named unit or another one, changed from an enabled unit that is down.
    pub(super) fn with(mut self, text: &str, change: impl FnOnce(&mut UnitFacts)) -> Self {
        if self.facts.unit.id == name(text) {
            change(&mut self.facts.unit);
        } else {
            let mut other = unit(text);
            change(&mut other);
            self.facts.related.push(other);
        }
        self
    }

    /// A running trigger of `services`, which know of it.
    pub(super) fn trigger(self, text: &str, services: &[&str]) -> Self {
        let mut story = self.with(text, |unit| {
            up(unit);
            unit.triggers = names(services);
        });
        let units = std::iter::once(&mut story.facts.unit).chain(&mut story.facts.related);
        for unit in units.filter(|unit| services.contains(&unit.id.as_str())) {
            unit.triggered_by.push(name(text));
        }
        story
    }

    /// The same, down since our own stop.
    pub(super) fn stopped_trigger(self, text: &str, services: &[&str]) -> Self {
        let mut story = self.trigger(text, services);
        let units = std::iter::once(&mut story.facts.unit).chain(&mut story.facts.related);
        for unit in units.filter(|unit| unit.id == name(text)) {
            unit.active = Known::Is(ActiveState::Inactive);
            unit.down_since = OUR_STOP;
        }
        story
    }

    pub(super) fn policy(mut self, tier: Tier, text: &str) -> Self {
        let parsed = parse("/etc/x.toml", tier, text);
        assert_eq!(parsed.problems, [], "{text}");
        self.files.push(parsed.file);
        self.files.sort_by_key(|file| file.tier);
        self
    }

    /// `[[rule]]` of the admin's.
    pub(super) fn rule(self, text: &str) -> Self {
        self.policy(Tier::Admin, &format!("[[rule]]\n{text}\n"))
    }

    pub(super) fn vendor_rule(self, text: &str) -> Self {
        self.policy(Tier::Vendor, &format!("[[rule]]\n{text}\n"))
    }

    pub(super) fn strict(self) -> Self {
        self.policy(Tier::Admin, "[compat]\nstrict = true\n")
    }

    /// `rcpolicy hold SERVICE`, in force.
    pub(super) fn held(mut self, service: &str) -> Self {
        let hold = Hold::new(name(service).service(), 1_000, 9_000, "cable");
        let path = format!("holds/{service}.json");
        self.holds.add("", path, Ok(hold), self.facts.now);
        self
    }

    /// A hold that nobody can read, nor whose it is.
    pub(super) fn held_unreadably(mut self) -> Self {
        self.holds
            .add("%%.json", "holds/x".to_owned(), Err("EIO".to_owned()), 0);
        self
    }

    /// The admin's policy is broken; `origin` says what applies instead.
    pub(super) fn broken(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self.problems = parse("/etc/broken.toml", Tier::Admin, "[[rule]\n").problems;
        self
    }

    pub(super) fn helper(mut self, status: u8, stdout: &str) -> Self {
        self.facts.helper = said(status, stdout);
        self
    }

    pub(super) fn helper_of(mut self, unit: &str, status: u8) -> Self {
        self.facts
            .helper_related
            .push((name(unit), said(status, "")));
        self
    }

    pub(super) fn noted(mut self, entry: Entry) -> Self {
        self.owed = Some(entry);
        self
    }

    /// As a member of a group, or an instance of a template, that was asked for.
    pub(super) fn along(mut self) -> Self {
        self.part = Part::Along;
        self
    }

    pub(super) fn machine(mut self, machine: Machine) -> Self {
        self.facts.machine = Known::Is(machine);
        self
    }

    pub(super) fn read_policy(&self) -> Policy {
        Policy::new(self.origin, self.files.clone(), self.problems.clone())
            .with_holds(self.holds.clone())
    }

    pub(super) fn decide(&self) -> Decision {
        decide(
            &self.request,
            &self.facts,
            &self.read_policy(),
            self.owed.as_ref(),
        )
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.decide().verdict
    }

    pub(super) fn reasons(&self) -> String {
        let reasons = self.decide().reasons;
        let texts: Vec<String> = reasons
            .iter()
            .map(|reason| format!("{} ({})", reason.text, reason.source))
            .collect();
        texts.join("; ")
    }

    pub(super) fn decided<'a>(&'a self, decision: &'a Decision) -> Decided<'a> {
        Decided {
            request: &self.request,
            facts: &self.facts,
            decision,
            owed: self.owed.as_ref(),
            part: self.part,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        together(&[self])
    }
}

/// The plan for several stories in one call, under the first one's policy.
pub(super) fn together(stories: &[&Story]) -> Plan {
    let decisions: Vec<Decision> = stories.iter().map(|story| story.decide()).collect();
    let decided: Vec<Decided<'_>> = stories
        .iter()
        .zip(&decisions)
        .map(|(story, decision)| story.decided(decision))
        .collect();
    plan_all(&decided, &stories[0].read_policy())
}

/// `verb unit` of each job.
pub(super) fn shown(jobs: &[Job]) -> Vec<String> {
    let text = |job: &Job| format!("{} {}", job.verb, job.unit);
    jobs.iter().map(text).collect()
}

/// The units that a plan notes down as taken down, those that fell with a `+` in front.
pub(super) fn noted_down(plan: &Plan) -> Vec<String> {
    let downs = plan.records.iter().filter_map(|entry| entry.down.as_ref());
    downs
        .flat_map(|down| &down.units)
        .map(|stopped| {
            format!(
                "{}{}",
                if stopped.dependent { "+" } else { "" },
                stopped.unit
            )
        })
        .collect()
}

/// A running service with a socket and a path.
pub(super) fn socket_service(action: &str) -> Story {
    Story::upgrade(action, "foo")
        .with("foo.service", up)
        .trigger("foo.socket", &["foo.service"])
        .trigger("foo.path", &["foo.service"])
}

/// After such a stop: all down, and noted.
pub(super) fn after_stop(action: &str, named: &str) -> Story {
    let story = Story::upgrade(action, named);
    let story = if named == "foo" {
        story
    } else {
        story.with("foo.service", |_| {})
    };
    story
        .stopped_trigger("foo.socket", &["foo.service"])
        .stopped_trigger("foo.path", &["foo.service"])
        .noted(took_down("foo", &["foo.path", "foo.socket"]))
}
