//! A machine with the stand-in on it: one thread that serves, and a client as ours is.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rcpolicy::act::carry_out;
use rcpolicy::decide::Plan;
use rcpolicy::domain::{Job, JobOutcome, UnitName, Verb, Wait};
use rcpolicy::init::upstart::{Address, Upstart};

use crate::jobs::{Spec, Tally};
use crate::server::{Cut, Server};

/// Between two turns of the server.
const TURN: Duration = Duration::from_micros(300);
/// Nothing here takes longer, or it hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// The machine. It stops with this.
pub struct World {
    address: Address,
    server: Arc<Mutex<Server>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How a service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether Upstart has it up and running.
    pub up: bool,
    /// Its processes that run, whether Upstart knows them or not.
    pub alive: Vec<u32>,
    /// What happened since the counting began.
    pub tally: Tally,
}

impl World {
    /// One with a socket and jobs of its own.
    pub fn new(specs: &[Spec]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let pid = std::process::id();
        let name = format!("/rcpolicy-test/{pid}/upstart/{number}");
        Self::at(&name, specs)
    }

    /// One that listens under `name`.
    pub fn at(name: &str, specs: &[Spec]) -> Self {
        let mut server = Server::new(name);
        specs.iter().for_each(|spec| server.jobs.add(spec.clone()));
        let server = Arc::new(Mutex::new(server));
        let stopped = Arc::new(AtomicBool::new(false));
        let (serving, ending) = (Arc::clone(&server), Arc::clone(&stopped));
        let thread = std::thread::spawn(move || {
            while !ending.load(Ordering::SeqCst) {
                serving.lock().unwrap().turn();
                std::thread::sleep(TURN);
            }
        });
        let address = Address {
            name: name.to_owned(),
            uid: nix::unistd::getuid().as_raw(),
            pid: std::process::id(),
        };
        Self {
            address,
            server,
            stopped,
            thread: Some(thread),
        }
    }

    /// A client that trusts this process as the system's trusts process 1.
    pub fn upstart(&self) -> Upstart {
        Upstart::at(self.address.clone()).waiting(LIMIT)
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Looks at the server, or changes it, between two of its turns.
    pub fn server<T>(&self, work: impl FnOnce(&mut Server) -> T) -> T {
        work(&mut self.server.lock().unwrap())
    }

    /// From here on is counted and interrupted.
    pub fn arm(&self, cut: Cut) {
        self.server(|server| {
            server.reexec.cut = cut;
            (server.points, server.cuts) = (0, 0);
            server.trail.clear();
            server
                .jobs
                .tallies
                .iter_mut()
                .for_each(|tally| *tally = Tally::default());
        });
    }

    /// `verb` of `name`, followed up as the front ends have it.
    pub fn act(&self, upstart: &mut Upstart, verb: Verb, name: &str) -> JobOutcome {
        let plan = Plan {
            main: vec![Job::new(verb, unit(name))],
            ..Plan::default()
        };
        let report = carry_out(&plan, Wait::Done, upstart, None).unwrap();
        let [(_, outcome)] = report.outcomes.as_slice() else {
            panic!("{report:?}");
        };
        outcome.clone()
    }

    /// Brings `name` up, before anything is counted.
    pub fn start(&self, name: &str) {
        let outcome = self.act(&mut self.upstart(), Verb::Start, name);
        assert_eq!(outcome, JobOutcome::Done, "{name}");
    }

    /// How `name` stands once nothing of it is in transition.
    pub fn settled(&self, name: &str) -> Standing {
        let begun = Instant::now();
        loop {
            let standing = self.server(|server| server.settled(name));
            match standing {
                Some(standing) => return standing,
                None => assert!(begun.elapsed() < LIMIT, "{name} does not settle"),
            }
            std::thread::sleep(TURN);
        }
    }

    /// The process id of the only process of `name`.
    pub fn pid(&self, name: &str) -> u32 {
        let alive = self.settled(name).alive;
        assert_eq!(alive.len(), 1, "{name}");
        alive[0]
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Server {
    fn settled(&mut self, name: &str) -> Option<Standing> {
        let job = self.jobs.specs.iter().position(|spec| spec.name == name)?;
        let of_job = |one: &&mut crate::jobs::Instance| one.job == job;
        let mut up = false;
        let mut alive = Vec::new();
        for instance in self.jobs.instances.iter_mut().filter(of_job) {
            match (instance.up, instance.state) {
                (true, "running") => up = true,
                _ => return None,
            }
            alive.extend(instance.child.as_ref().map(std::process::Child::id));
        }
        for orphan in &mut self.jobs.orphans {
            if orphan.try_wait().unwrap().is_none() {
                alive.push(orphan.id());
            }
        }
        let tally = self.jobs.tallies[job].clone();
        Some(Standing { up, alive, tally })
    }
}

pub fn unit(name: &str) -> UnitName {
    UnitName::parse(name).unwrap()
}
