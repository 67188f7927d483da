//! The methods of Upstart's three interfaces, and their answers. Errors have the names that Upstart
//! gives them.

use std::collections::HashMap;

use zbus::Message;
use zbus::wire::{OwnedObjectPath, Variant};

use crate::jobs::{Jobs, Out, Spec, Until, job_path};
use crate::server::Kindness;

pub const MANAGER: &str = "com.ubuntu.Upstart0_6";
pub const JOB: &str = "com.ubuntu.Upstart0_6.Job";
pub const INSTANCE: &str = "com.ubuntu.Upstart0_6.Instance";
const MANAGER_PATH: &str = "/com/ubuntu/Upstart";
const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";

/// What becomes of a call.
pub enum Verdict {
    Answer(Message),
    /// It is answered when the instance at this path is there.
    Waits(String, Until),
    Reexec,
}

/// A call, taken apart.
pub struct Said<'a> {
    call: &'a Message,
    path: String,
    interface: String,
    member: String,
}

impl<'a> Said<'a> {
    pub fn by(call: &'a Message) -> Self {
        let header = call.header();
        Self {
            path: header.path().unwrap().to_string(),
            interface: header.interface().unwrap().to_string(),
            member: header.member().unwrap().to_string(),
            call,
        }
    }

    pub fn answer(&self, jobs: &mut Jobs, kind: Kindness, out: &mut Vec<Out>) -> Verdict {
        if self.interface == "org.freedesktop.DBus.Properties" {
            return Verdict::Answer(self.property(jobs, kind));
        }
        if self.path == MANAGER_PATH && self.interface == MANAGER {
            return self.of_manager(jobs, kind);
        }
        if let Some(job) = jobs.job_at(&self.path).filter(|_| self.interface == JOB) {
            return self.of_job(jobs, job, out);
        }
        if self.interface == INSTANCE && jobs.instance_at(&self.path).is_some() {
            return self.of_instance(jobs, kind, out);
        }
        self.error(UNKNOWN_METHOD)
    }

    fn of_manager(&self, jobs: &Jobs, kind: Kindness) -> Verdict {
        match self.member.as_str() {
            "GetJobByName" => {
                let name: String = self.argument();
                match jobs.specs.iter().find(|spec| spec.name == name) {
                    Some(spec) => self.reply(&path(&job_path(spec.name))),
                    None => self.error("com.ubuntu.Upstart0_6.Error.UnknownJob"),
                }
            }
            "GetAllJobs" => {
                let all = jobs.specs.iter().map(|spec| path(&job_path(spec.name)));
                self.reply(&all.collect::<Vec<_>>())
            }
            "Restart" if kind.restarts => Verdict::Reexec,
            _ => self.error(UNKNOWN_METHOD),
        }
    }

    fn of_job(&self, jobs: &mut Jobs, job: usize, out: &mut Vec<Out>) -> Verdict {
        let spec = jobs.specs[job].clone();
        match self.member.as_str() {
            "GetInstance" => {
                let variables: Vec<String> = self.argument();
                let Some(name) = instance_name(&spec, &variables) else {
                    return self.error("org.freedesktop.DBus.Error.InvalidArgs");
                };
                match jobs.instance_of(job, &name) {
                    Some(instance) => self.reply(&path(&instance.path)),
                    None => self.error("com.ubuntu.Upstart0_6.Error.UnknownInstance"),
                }
            }
            "GetAllInstances" => {
                let all = jobs.instances.iter().filter(|one| one.job == job);
                self.reply(&all.map(|one| path(&one.path)).collect::<Vec<_>>())
            }
            "Start" | "Stop" => {
                let (variables, wait): (Vec<String>, bool) = self.argument();
                let Some(name) = instance_name(&spec, &variables) else {
                    return self.error("org.freedesktop.DBus.Error.InvalidArgs");
                };
                self.aim(jobs, job, &name, wait, out)
            }
            _ => self.error(UNKNOWN_METHOD),
        }
    }

    fn aim(
        &self,
        jobs: &mut Jobs,
        job: usize,
        name: &str,
        wait: bool,
        out: &mut Vec<Out>,
    ) -> Verdict {
        let up = self.member == "Start";
        let there = jobs.instance_of(job, name).map(|instance| instance.up);
        match (up, there) {
            (true, Some(true)) => self.error("com.ubuntu.Upstart0_6.Error.AlreadyStarted"),
            (false, Some(false)) => self.error("com.ubuntu.Upstart0_6.Error.AlreadyStopped"),
            (false, None) => self.error("com.ubuntu.Upstart0_6.Error.UnknownInstance"),
            (true, _) | (false, Some(true)) => {
                let instance = jobs.instance_for(job, name);
                instance.aim(up, out);
                let at = instance.path.clone();
                match (wait, up) {
                    (true, _) => Verdict::Waits(at, Until::of(&self.member)),
                    (false, true) => self.reply(&path(&at)),
                    (false, false) => self.reply(&()),
                }
            }
        }
    }

    fn of_instance(&self, jobs: &mut Jobs, kind: Kindness, out: &mut Vec<Out>) -> Verdict {
        let instance = jobs.instance_at(&self.path).unwrap();
        let (job, name) = (instance.job, instance.name.clone());
        match self.member.as_str() {
            "Start" | "Stop" => {
                let wait: bool = self.argument();
                self.aim(jobs, job, &name, wait, out)
            }
            "Restart" => {
                instance.aim_again(out);
                Verdict::Waits(self.path.clone(), Until::Up)
            }
            "Reload" if kind.reloads => {
                let Some(child) = &instance.child else {
                    return self.error("com.ubuntu.Upstart0_6.Error.NotRunning");
                };
                let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
                nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).unwrap();
                jobs.tallies[job].reloads += 1;
                self.reply(&())
            }
            _ => self.error(UNKNOWN_METHOD),
        }
    }

    fn property(&self, jobs: &mut Jobs, kind: Kindness) -> Message {
        if self.path == MANAGER_PATH {
            return self.message(&Variant::from(kind.version));
        }
        if let Some(job) = jobs.job_at(&self.path) {
            let spec = &jobs.specs[job];
            let (_, property): (String, String) = self.argument();
            if property == "name" {
                return self.message(&Variant::from(spec.name));
            }
            let events: Vec<Vec<String>> = if spec.starts {
                vec![vec!["runlevel".to_owned(), "[2345]".to_owned()]]
            } else {
                Vec::new()
            };
            return self.message(&Variant::from(events));
        }
        let Some(instance) = jobs.instance_at(&self.path) else {
            return error(self.call, UNKNOWN_METHOD);
        };
        let all: HashMap<&str, Variant<'_>> = HashMap::from([
            ("name", Variant::from(instance.name.clone())),
            ("goal", Variant::from(instance.goal())),
            ("state", Variant::from(instance.state)),
            ("processes", Variant::from(instance.processes())),
        ]);
        self.message(&all)
    }

    fn argument<T>(&self) -> T
    where
        T: for<'d> zbus::wire::DynamicDeserialize<'d>,
    {
        self.call.body().deserialize().unwrap()
    }

    fn message<B: serde::Serialize + zbus::DynamicType>(&self, body: &B) -> Message {
        let header = self.call.header();
        Message::method_return(&header).build(body).unwrap()
    }

    fn reply<B: serde::Serialize + zbus::DynamicType>(&self, body: &B) -> Verdict {
        Verdict::Answer(self.message(body))
    }

    fn error(&self, name: &str) -> Verdict {
        Verdict::Answer(error(self.call, name))
    }
}

/// The answer to a call that has waited.
pub fn late(call: &Message, result: Result<Option<String>, &'static str>) -> Message {
    let header = call.header();
    match result {
        Ok(Some(at)) => Message::method_return(&header).build(&path(&at)).unwrap(),
        Ok(None) => Message::method_return(&header).build(&()).unwrap(),
        Err(name) => error(call, name),
    }
}

fn error(call: &Message, name: &str) -> Message {
    let builder = Message::error(&call.header(), name);
    builder.build(&("because of the stand-in",)).unwrap()
}

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text).unwrap()
}

/// The instance that `variables` name; `None` where one is missing.
fn instance_name(spec: &Spec, variables: &[String]) -> Option<String> {
    let Some(variable) = spec.variable else {
        return Some(String::new());
    };
    let mut all = variables.iter();
    all.find_map(|given| given.strip_prefix(variable)?.strip_prefix('='))
        .map(str::to_owned)
}
