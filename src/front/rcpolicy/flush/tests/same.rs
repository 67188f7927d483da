//! The story of `tests/lab/scenarios/same.sh` on the simulated init: the same table says how each of its
//! steps has to end.

use super::*;
use crate::decide::stock::{Options, status};
use crate::domain::{Action, HelperAnswer, InitKind, JobOutcome, Request, Scope};
use crate::front::gate::{Gate, Passage};
use crate::front::inquiry::{Asker, Origin, Turn};
use crate::front::local::GoingDown;
use crate::init::simulated::{Flavour, Simulated};
use crate::ledger::{Task, Undertaking};
use crate::observe::helper::HelperError;

const TABLE: &str = include_str!("../../../../../tests/lab/same.table");
const SERVICE: &str = "lab-same";

/// What the table has for a step: running, starts, owed.
fn expected(way: &str, step: &str) -> String {
    let lines = TABLE.lines().map(|line| line.split_whitespace().collect());
    let found = lines.filter_map(|words: Vec<&str>| match words.as_slice() {
        [of, named, end @ ..] if (*of, *named) == (way, step) => Some((0, end.join(" "))),
        ["simulated", of, named, end @ ..] if (*of, *named) == (way, step) => {
            Some((1, end.join(" ")))
        }
        _ => None,
    });
    // A line of its own comes after the one for all.
    found.max().unwrap().1
}

/// policy-rc.d, which denies all or is not there.
struct Helper(HelperAnswer);

impl Asker for Helper {
    fn ask(&mut self, _: &str, _: &str) -> Result<HelperAnswer, HelperError> {
        Ok(self.0.clone())
    }
    fn tell(&mut self, _: &str) {}
    fn warn(&mut self, _: &str) {}
}

/// A machine with the service's package on it.
struct Story {
    way: &'static str,
    init: Simulated,
    directory: tempfile::TempDir,
    rule: &'static str,
    denies: bool,
    runs: usize,
}

impl Story {
    fn of(way: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Without one nothing is to be done at all.
        fs::create_dir(directory.path().join("sbin")).unwrap();
        fs::write(directory.path().join("sbin/init"), "").unwrap();
        Self {
            way,
            init: Simulated::new(Flavour::Systemd, 1),
            directory,
            rule: "",
            denies: false,
            runs: 0,
        }
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.directory.path().join("rcpolicy"), life())
    }

    fn session(&self, phase: Phase) -> Session {
        let parsed = parse("test.toml", Tier::Admin, self.rule);
        assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
        Session {
            policy: Policy::new(
                crate::policy::Origin::Current,
                vec![parsed.file],
                Vec::new(),
            ),
            ledger: Some(self.ledger()),
            context: Context {
                package: Some(SERVICE.to_owned()),
                script: Some("postinst".to_owned()),
                phase,
                batch_started: None,
                // Each run of dpkg began a moment ago.
                batch_began: Some(self.init.now().saturating_sub(1)),
            },
            now: self.init.epoch(),
            began: self.init.now(),
            log: crate::report::log::Log::at(self.directory.path(), self.directory.path()),
            voice: Voice::new("invoke-rc.d"),
        }
    }

    fn request(session: &Session, word: &str) -> Request {
        Request {
            front: FrontEnd::InvokeRcD,
            named: SERVICE.to_owned(),
            unit: name(SERVICE),
            action: Action::parse(word),
            flags: Vec::new(),
            scope: Scope::System,
            context: session.context.clone(),
        }
    }

    /// What a maintainer script calls invoke-rc.d for.
    fn call(&mut self, word: &str, phase: Phase) {
        let session = self.session(phase);
        if !self.passes(&session, word) {
            return;
        }
        let turn = Turn {
            request: Self::request(&session, word),
            origin: Origin::Caller,
            going_down: GoingDown::No,
            known: None,
        };
        let mut asker = Helper(HelperAnswer::Absent);
        let case = session.consider(&mut self.init, turn, &mut asker).unwrap();
        let report = session
            .act(&mut self.init, &mut [case], Wait::Done)
            .unwrap();
        assert_eq!(report.failures().count(), 0, "{word}");
    }

    /// Whether policy-rc.d lets it pass.
    fn passes(&mut self, session: &Session, word: &str) -> bool {
        let answer = match self.denies {
            true => HelperAnswer::Said {
                status: status::DENIED,
                stdout: String::new(),
            },
            false => HelperAnswer::Absent,
        };
        let gate = Gate {
            session,
            root: self.directory.path(),
            kind: InitKind::Simulated,
            request: &Self::request(session, word),
            runlevel: "5",
            options: Options::default(),
        };
        let passage = gate.by_unit(&mut self.init, &mut Helper(answer));
        match passage.unwrap().0 {
            Passage::Judged(judged) => judged.judgement.code == status::ALLOWED,
            other => panic!("{word}: {other:?}"),
        }
    }

    fn install(&mut self) {
        let files = Image::Whole(1);
        self.init.add(Spec::new(name(SERVICE)), files);
        self.call("start", Phase::Install);
    }

    /// dpkg unpacks `version`, and configures it unless its postinst fails.
    fn upgrade(&mut self, version: u32) {
        self.unpack(version);
        self.configure();
    }

    fn unpack(&mut self, version: u32) {
        if self.way == "stop-start" {
            self.call("stop", Phase::Upgrade);
        }
        self.init.pass(1_000_000);
        self.init
            .replace_files(&name(SERVICE), Image::Whole(version));
    }

    fn configure(&mut self) {
        let word = match self.way {
            "restart" => "restart",
            _ => "start",
        };
        self.call(word, Phase::Upgrade);
    }

    fn flush(&mut self) {
        let (ledger, root) = (self.ledger(), self.directory.path().to_path_buf());
        let (status, said) = flush_by(&mut self.init, ledger, root, self.rule);
        assert_eq!(status, 0, "{said}");
    }

    /// What a killed invoke-rc.d leaves: its note, and a restart that its init goes on with.
    fn killed_restart(&mut self) {
        let session = self.session(Phase::None);
        let request = Self::request(&session, "restart");
        let undertaking = Undertaking {
            version: crate::ledger::VERSION,
            life: life(),
            who: Who {
                caller: request.context.caller(),
                front: Some(FrontEnd::InvokeRcD),
                pid: 1,
            },
            at: session.began,
            when: session.now,
            tasks: vec![Task {
                unit: request.unit,
                due: Due::Restart,
            }],
        };
        for entry in undertaking.entries() {
            self.ledger().lock().unwrap().put(&entry).unwrap();
        }
        let job = Job::new(Verb::Restart, name(SERVICE));
        let _ = self.init.run(&[job], Wait::Queued).unwrap();
        self.init.pass(10_000_000);
        self.flush();
    }

    fn by_admin(&mut self, verb: Verb) {
        let job = Job::new(verb, name(SERVICE));
        let outcomes = self.init.run(&[job], Wait::Done).unwrap();
        assert_eq!(outcomes, [JobOutcome::Done]);
        self.init.pass(2_000_000);
    }

    /// Every start of a process has a number of its own.
    fn starts(&mut self) -> usize {
        use crate::init::simulated::Happened;
        let up = |what: &Happened| matches!(what, Happened::State { unit, active: ActiveState::Activating, .. } if *unit == name(SERVICE));
        let all = self.init.record().iter();
        let runs = all.filter(|moment| up(&moment.what)).count();
        let new = runs - self.runs;
        self.runs = runs;
        new
    }

    fn ends(&mut self, step: &str) {
        let view = self.init.view(&name(SERVICE)).unwrap();
        let running = match view.process.map(|process| process.image) {
            Some(Image::Whole(version)) => version.to_string(),
            Some(Image::Mixed) => "mixed".to_owned(),
            None => "down".to_owned(),
        };
        let owed = match self.ledger().all().unwrap().entries.is_empty() {
            true => "no",
            false => "yes",
        };
        let found = format!("{running} {} {owed}", self.starts());
        assert_eq!(found, expected(self.way, step), "{} {step}", self.way);
    }

    fn begin(way: &'static str) -> Self {
        let mut story = Self::of(way);
        story.install();
        story.ends("install");
        story.upgrade(2);
        story.ends("upgrade");
        story.denies = true;
        story.upgrade(3);
        story.denies = false;
        story.ends("policy-deny");
        story.rule = "[[rule]]\ndecide = \"defer\"\nuntil = \"flush\"\n";
        story.upgrade(4);
        story.ends("deferred");
        story.flush();
        story.rule = "";
        story.ends("defer");
        story
    }

    fn fail(&mut self, version: u32) {
        self.unpack(version);
        self.ends("failed-upgrade");
        self.configure();
        self.ends("configure");
    }

    fn finish(mut self, version: u32) {
        self.by_admin(Verb::Stop);
        self.upgrade(version);
        self.ends("admin-stopped");
        // What is down already would end as the table has it whatever a removal does.
        self.by_admin(Verb::Start);
        assert_eq!(self.starts(), 1);
        self.call("stop", Phase::Remove);
        self.ends("removal");
    }
}

#[test]
fn only_what_an_init_cannot_do_lets_it_end_otherwise() {
    let inits = [
        ("sysvinit", InitKind::Sysv),
        ("openrc", InitKind::Openrc),
        ("runit", InitKind::Runit),
        ("s6", InitKind::S6),
    ];
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [of, _, step, ..] = words.as_slice() else {
            panic!("{line}");
        };
        if ["restart", "stop-start"].contains(of) {
            continue;
        }
        let (_, kind) = inits.iter().find(|(name, _)| name == of).unwrap();
        assert_eq!(*step, "admin-stopped", "no ability says so: {line}");
        assert!(!kind.capabilities().kept_stops.is_native(), "{line}");
    }
}

#[test]
fn a_package_that_restarts_ends_on_the_simulated_init_as_on_all_others() {
    let mut story = Story::begin("restart");
    story.fail(5);
    story.killed_restart();
    story.ends("killed");
    story.finish(6);
}

#[test]
fn a_package_that_stops_and_starts_ends_on_the_simulated_init_as_on_all_others() {
    let mut story = Story::begin("stop-start");
    story.rule = "[[rule]]\naction = [\"stop\"]\ndecide = \"quiesce\"\n";
    story.upgrade(5);
    story.rule = "";
    story.ends("quiesce");
    story.fail(6);
    story.finish(8);
}
