//! Upstart's jobs and instances, with real processes: what a start or a stop goes through, step by
//! step, who is signalled and who is answered. It knows nothing of sockets.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A process that runs until it is stopped.
    Service,
    /// A process that ends by itself after so many steps of the server.
    Task(u32),
    /// No process at all.
    Abstract,
}

/// A job as its file describes it.
#[derive(Debug, Clone)]
pub struct Spec {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether some event starts it.
    pub starts: bool,
    /// The variable that tells its instances apart.
    pub variable: Option<&'static str>,
    /// Whether its pre-start fails.
    pub fails: bool,
    /// Steps that its pre-start takes.
    pub slow: u32,
}

impl Spec {
    pub fn service(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Service,
            starts: true,
            variable: None,
            fails: false,
            slow: 0,
        }
    }
}

/// For whom a call waits.
#[derive(Debug, Clone)]
pub struct Waiter {
    pub client: u64,
    pub call: zbus::Message,
    pub until: Until,
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Up,
    Down,
}

/// What goes out.
#[derive(Debug)]
pub enum Out {
    /// To everybody: path, name and argument of an instance's signal.
    Signal(String, &'static str, String),
    /// The answer to a call that waited; with the instance's path where it was a start.
    Answer(Waiter, Result<Option<String>, &'static str>),
}

/// One instance.
#[derive(Debug)]
pub struct Instance {
    pub job: usize,
    pub name: String,
    pub path: String,
    pub up: bool,
    pub state: &'static str,
    pub child: Option<Child>,
    pub waiters: Vec<Waiter>,
    failed: bool,
    again: bool,
    steps: u32,
}

/// What happened to one job since the counting began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Its processes, in the order in which they were started.
    pub started: Vec<u32>,
    /// How often pre-start ran.
    pub pre_starts: u32,
    /// How often it was sent SIGHUP.
    pub reloads: u32,
}

/// All jobs.
#[derive(Debug, Default)]
pub struct Jobs {
    pub specs: Vec<Spec>,
    pub tallies: Vec<Tally>,
    pub instances: Vec<Instance>,
    /// Processes that no instance knows of any more.
    pub orphans: Vec<Child>,
}

/// Letters and digits stay; the empty name is one underscore.
pub fn escaped(name: &str) -> String {
    if name.is_empty() {
        return "_".to_owned();
    }
    let one = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("_{byte:02x}"),
    };
    name.bytes().map(one).collect()
}

pub fn job_path(name: &str) -> String {
    format!("/com/ubuntu/Upstart/jobs/{}", escaped(name))
}

impl Jobs {
    pub fn add(&mut self, spec: Spec) {
        self.specs.push(spec);
        self.tallies.push(Tally::default());
    }

    pub fn job_at(&self, path: &str) -> Option<usize> {
        self.specs
            .iter()
            .position(|spec| job_path(spec.name) == path)
    }

    pub fn instance_at(&mut self, path: &str) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|one| one.path == path)
    }

    pub fn instance_of(&mut self, job: usize, name: &str) -> Option<&mut Instance> {
        let mut all = self.instances.iter_mut();
        all.find(|one| one.job == job && one.name == name)
    }

    /// An instance of `job`, made where there is none.
    pub fn instance_for(&mut self, job: usize, name: &str) -> &mut Instance {
        if self.instance_of(job, name).is_none() {
            self.instances.push(Instance {
                job,
                name: name.to_owned(),
                path: format!("{}/{}", job_path(self.specs[job].name), escaped(name)),
                up: false,
                state: "waiting",
                child: None,
                waiters: Vec::new(),
                failed: false,
                again: false,
                steps: 0,
            });
        }
        self.instance_of(job, name).unwrap()
    }

    /// One step of every instance that can take one.
    pub fn step(&mut self) -> Vec<Out> {
        let mut out = Vec::new();
        for instance in &mut self.instances {
            let (spec, tally) = (&self.specs[instance.job], &mut self.tallies[instance.job]);
            instance.step(spec, tally, &mut out);
        }
        for gone in self
            .instances
            .extract_if(.., |one| !one.up && one.state == "waiting")
        {
            assert!(gone.waiters.is_empty() && gone.child.is_none());
        }
        for orphan in &mut self.orphans {
            let _ = orphan.try_wait();
        }
        out
    }

    /// What a re-exec without keeping its state leaves.
    pub fn forget(&mut self) {
        let children = self.instances.drain(..).filter_map(|one| one.child);
        self.orphans.extend(children);
    }

    /// Nobody waits for anything any more.
    pub fn forget_waiters(&mut self) {
        self.instances
            .iter_mut()
            .for_each(|one| one.waiters.clear());
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.forget();
        for child in &mut self.orphans {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Instance {
    pub fn goal(&self) -> &'static str {
        if self.up { "start" } else { "stop" }
    }

    pub fn processes(&self) -> Vec<(String, i32)> {
        let main = self.child.iter();
        main.map(|child| ("main".to_owned(), i32::try_from(child.id()).unwrap()))
            .collect()
    }

    /// Sets the goal. Whoever waits for the other one is told that it was reached, which it was not.
    pub fn aim(&mut self, up: bool, out: &mut Vec<Out>) {
        self.up = up;
        if up {
            self.failed = false;
        }
        self.signal("GoalChanged", self.goal(), out);
        // A task that comes to its end, and a start that fails, change the goal themselves.
        let by_itself = self.failed || self.state == "running";
        match up {
            true => self.answer(Until::Down, out),
            false if by_itself => {}
            false => self.answer(Until::Up, out),
        }
    }

    /// Stops it and starts it again, as the same instance.
    pub fn aim_again(&mut self, out: &mut Vec<Out>) {
        self.aim(false, out);
        self.again = true;
    }

    fn signal(&self, name: &'static str, argument: &str, out: &mut Vec<Out>) {
        out.push(Out::Signal(self.path.clone(), name, argument.to_owned()));
    }

    fn answer(&mut self, until: Until, out: &mut Vec<Out>) {
        let path = (until == Until::Up).then(|| self.path.clone());
        let result = match (until, self.failed) {
            (Until::Up, true) => Err("com.ubuntu.Upstart0_6.Error.JobFailed"),
            (Until::Up, false) | (Until::Down, _) => Ok(path),
        };
        for waiter in self.waiters.extract_if(.., |waiter| waiter.until == until) {
            out.push(Out::Answer(waiter, result.clone()));
        }
    }

    fn enter(&mut self, state: &'static str, out: &mut Vec<Out>) {
        self.state = state;
        self.steps = 0;
        self.signal("StateChanged", state, out);
    }

    fn step(&mut self, spec: &Spec, tally: &mut Tally, out: &mut Vec<Out>) {
        self.steps += 1;
        match (self.up, self.state) {
            (true, "waiting") => self.enter("starting", out),
            (true, "starting") => {
                tally.pre_starts += 1;
                self.enter("pre-start", out);
            }
            (true, "pre-start") if self.steps <= spec.slow => {}
            (true, "pre-start") if spec.fails => {
                self.failed = true;
                self.aim(false, out);
                self.enter("stopping", out);
            }
            (true, "pre-start") => {
                self.spawn(spec, tally);
                self.enter("spawned", out);
            }
            (true, "spawned") => self.enter("post-start", out),
            (true, "post-start") => {
                self.enter("running", out);
                if !matches!(spec.kind, Kind::Task(_)) {
                    self.answer(Until::Up, out);
                }
            }
            (true, "running") => self.watch(spec, out),
            (true, "post-stop") => self.enter("starting", out),
            (false, "running") => self.enter("pre-stop", out),
            (false, "pre-stop" | "pre-start" | "spawned" | "post-start" | "starting") => {
                self.enter("stopping", out);
            }
            (true, "pre-stop") => self.enter("running", out),
            (_, "stopping") => {
                if let Some(child) = &mut self.child {
                    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
                    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
                }
                self.enter("killed", out);
            }
            (_, "killed") => {
                let ended = self.child.as_mut().map(|child| child.try_wait().unwrap());
                if ended.is_none_or(|ended| ended.is_some()) {
                    self.child = None;
                    self.enter("post-stop", out);
                }
            }
            (false, "post-stop") if self.again => {
                self.again = false;
                self.aim(true, out);
            }
            (false, "post-stop") => {
                self.enter("waiting", out);
                self.answer(Until::Up, out);
                self.answer(Until::Down, out);
            }
            (_, state) => unreachable!("{state}"),
        }
    }

    /// A main process that ends takes its instance with it.
    fn watch(&mut self, spec: &Spec, out: &mut Vec<Out>) {
        let tasks_end = matches!(spec.kind, Kind::Task(steps) if self.steps > steps);
        let Some(child) = &mut self.child else { return };
        if tasks_end {
            let _ = child.kill();
            let _ = child.wait();
        }
        if tasks_end || child.try_wait().unwrap().is_some() {
            self.child = None;
            self.aim(false, out);
            self.enter("stopping", out);
        }
    }

    fn spawn(&mut self, spec: &Spec, tally: &mut Tally) {
        if spec.kind == Kind::Abstract {
            return;
        }
        let child = Command::new("env")
            .args(["--ignore-signal=HUP", "sleep", "3600"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_the_service_itself(child.id());
        tally.started.push(child.id());
        self.child = Some(child);
    }
}

/// A service is not told to reload before it listens: until then SIGHUP would be its end.
fn wait_for_the_service_itself(pid: u32) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let name = || std::fs::read_to_string(format!("/proc/{pid}/comm"));
    while Instant::now() < deadline && name().is_ok_and(|name| name.trim() != "sleep") {
        std::thread::sleep(Duration::from_micros(200));
    }
}
