//! Putting off and flushing ends where doing all at once in order does, whatever is asked of whom in
//! what order, and with however many flushes in between.

use proptest::prelude::*;

use super::*;
use crate::domain::{Action, Flag, Request, Scope};
use crate::init::simulated::{Flavour, Happened, Simulated};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const ACTIONS: [&str; 7] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    // In the midst of it.
    "flush",
];
const DEFER: &str = "[[rule]]\nservice = \"*\"\ndecide = \"defer\"\n";
const MS: u64 = 1_000;

/// How a service stands in the end: whether it runs, what, and whether it has read the new configuration.
#[derive(Debug, PartialEq, Eq)]
struct End {
    image: Option<Image>,
    reread: bool,
}

const NEW: End = End {
    image: Some(Image::Whole(2)),
    reread: true,
};

/// A machine with four services, of which those in `up` run an old version.
struct Machine {
    room: Room,
    policy: &'static str,
    phase: Phase,
    replaced: usize,
}

impl Machine {
    fn new(policy: &'static str, phase: Phase, up: u8) -> Self {
        let mut room = Room::new();
        room.init = Simulated::new(Flavour::Systemd, 7);
        for (at, text) in NAMES.iter().enumerate() {
            let mut spec = Spec::new(name(text));
            (spec.start_takes, spec.stop_takes) = (3 * MS, 2 * MS);
            spec.can_reload = true;
            room.init.add(spec, Image::Whole(1));
            if up & (1 << at) != 0 {
                room.job(Verb::Start, text);
            }
        }
        room.init.pass(3_000 * MS);
        for text in NAMES {
            room.init.replace_files(&name(text), Image::Whole(2));
        }
        let replaced = room.init.record().len();
        Self {
            room,
            policy,
            phase,
            replaced,
        }
    }

    fn session(&self) -> Session {
        let parsed = parse("test.toml", Tier::Admin, self.policy);
        let place = self.place();
        Session {
            policy: Policy::new(Origin::Current, vec![parsed.file], Vec::new()),
            ledger: Some(self.room.ledger()),
            log: place.log(),
            now: self.room.init.epoch(),
            began: self.room.init.now(),
            context: Context::default(),
            voice: Voice::new("rcpolicy"),
        }
    }

    fn place(&self) -> Place {
        Place {
            root: self.room.directory.path().to_path_buf(),
            now: 0,
            is_root: true,
        }
    }

    fn ask(&mut self, action: &str, service: &str) {
        if action == "flush" {
            let (_, said) = self.room.flush(self.policy);
            assert!(!said.contains("failed"), "{said}");
            return;
        }
        let request = Request {
            front: FrontEnd::InvokeRcD,
            named: service.to_owned(),
            unit: name(service),
            action: Action::parse(action),
            flags: Vec::<Flag>::new(),
            scope: Scope::System,
            context: Context {
                phase: self.phase,
                ..Context::default()
            },
        };
        let session = self.session();
        let init = &mut self.room.init;
        let (facts, owed) = session.observe(init, &request, None).unwrap();
        let case = session.decide(request, facts, owed);
        // A reload of what is down fails, as it does at once.
        let _report = session.act(init, &mut [case], Wait::Done).unwrap();
        self.room.init.pass(10 * MS);
    }

    fn end(&self, service: &str) -> End {
        let unit = name(service);
        let view = self.room.init.view(&unit).unwrap();
        let mut since = self.room.init.record()[self.replaced..].iter();
        let reads = |active: &ActiveState| {
            matches!(active, ActiveState::Activating | ActiveState::Reloading)
        };
        let image = view.process.map(|process| process.image);
        End {
            // What does not run reads nothing.
            reread: image.is_some()
                && since.any(|moment| matches!(&moment.what, Happened::State { unit: of, active, .. } if *of == unit && reads(active))),
            image,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    #[test]
    fn flushing_in_the_end_is_doing_all_in_order(
        deeds in prop::collection::vec((0..ACTIONS.len(), 0..NAMES.len()), 20..32),
        up in 0..16_u8,
        upgrade: bool,
    ) {
        let phase = if upgrade { Phase::Upgrade } else { Phase::None };
        let mut at_once = Machine::new("", phase, up);
        let mut later = Machine::new(DEFER, phase, up);
        for (action, service) in &deeds {
            let (action, service) = (ACTIONS[*action], NAMES[*service]);
            // What that does to what is down, each init and script has its own way of.
            if action == "force-reload" && !at_once.room.is_up(service) {
                continue;
            }
            if action != "flush" {
                at_once.ask(action, service);
            }
            later.ask(action, service);
        }
        at_once.ask("flush", "");
        later.ask("flush", "");
        for service in NAMES {
            let (at_once, later) = (at_once.end(service), later.end(service));
            // A start that an upgrade asks of what runs, and that is put off, becomes a restart.
            let newer = upgrade && later == NEW && at_once.image.is_some();
            prop_assert!(at_once == later || newer, "{}: {:?} {:?}", service, at_once, later);
        }
        let left = later.room.ledger().all().unwrap().entries;
        prop_assert!(left.is_empty(), "{:?}", left);
    }
}
