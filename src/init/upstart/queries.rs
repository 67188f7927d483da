//! Questions that change nothing: which job stands behind a unit, whether it has an instance, and what
//! that does. What comes from a user's own init may be anything: nothing in it is trusted to fit.

use std::collections::HashMap;

use zbus::Message;
use zbus::wire::{Array, OwnedObjectPath, OwnedVariant, Structure, Variant};

use super::address::Address;
use super::names::{INSTANCE, JOB, MANAGER, MANAGER_PATH, PROPERTIES, Trouble};
use super::state::{Goal, Instance, State};
use crate::domain::{Known, ServiceName, UnitName};
use crate::init::InitError;
use crate::init::dbus::connection::{Answer, Connection, body, unexpected};
use crate::init::dbus::link::Link;
use crate::init::reexec::Standing;

/// No variables: the instance of a job that has but one.
pub(super) const NO_VARIABLES: [&str; 0] = [];

/// A job that Upstart has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// Its object.
    pub(super) path: String,
    /// The instance that was meant, by its name; `None` for a job's only one.
    pub(super) instance: Option<String>,
}

/// What was found behind a unit's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// No job of this name.
    NoJob,
    /// A job whose instances are told apart by variables; none was named.
    Several(Vec<Instance>),
    /// The job, without the instance: it is down.
    Absent(Job),
    /// The instance.
    There(Job, Instance),
}

/// Looks for the job of `unit` and its instance, as they are now.
pub(super) fn look(link: &mut Link<Address>, unit: &UnitName) -> Result<Look, InitError> {
    let service = unit.service();
    let name = service.as_str();
    if let Some(path) = job(link, name)? {
        return single(link, path);
    }
    // `NAME@INSTANCE`, as others write it: Upstart knows its instances by variables instead.
    let Some((name, instance)) = name.split_once('@') else {
        return Ok(Look::NoJob);
    };
    match job(link, name)? {
        Some(path) => named(link, path, instance),
        None => Ok(Look::NoJob),
    }
}

/// Whether a job is started by itself at some event. An empty list is what a disabled one has.
pub(super) fn starts_by_itself(link: &mut Link<Address>, job: &Job) -> Known<bool> {
    let answer = one(link, &job.path, PROPERTIES, "Get", &(JOB, "start_on"));
    let is_empty = answer.and_then(|answer| {
        let variant: OwnedVariant = body(answer)?;
        Array::try_from(Variant::from(variant))
            .map(|list| list.is_empty())
            .map_err(|_| unexpected("`start_on` is no list"))
    });
    is_empty.map(|empty| !empty).into()
}

/// Its version, which tells that it answers and is not looked at.
pub(super) fn version(link: &mut Link<Address>) -> Result<(), InitError> {
    one(link, MANAGER_PATH, PROPERTIES, "Get", &(MANAGER, "version"))?.map(drop)
}

/// How all instances of all jobs stand, by the names that they have here.
pub(super) fn standing(link: &mut Link<Address>) -> Result<Vec<Standing>, InitError> {
    let jobs: Vec<OwnedObjectPath> = body(one(link, MANAGER_PATH, MANAGER, "GetAllJobs", &())?)?;
    let names = link.ask(|connection| {
        let of = |job: &OwnedObjectPath| connection.call(job, PROPERTIES, "Get", &(JOB, "name"));
        jobs.iter().map(of).collect()
    })?;
    let mut all = Vec::new();
    for (job, name) in jobs.iter().zip(names) {
        let name = body::<OwnedVariant>(name).and_then(|name| {
            String::try_from(name).map_err(|_| unexpected("a job's name is no text"))
        });
        // The job was deleted meanwhile.
        let Ok(name) = name else { continue };
        for instance in instances_of(link, job.as_str())? {
            all.extend(stands(&name, &instance));
        }
    }
    Ok(all)
}

/// `None` for what has a name that nobody can ask for here.
fn stands(job: &str, instance: &Instance) -> Option<Standing> {
    let name = match instance.name.as_str() {
        "" => job.to_owned(),
        which => format!("{job}@{which}"),
    };
    Some(Standing {
        unit: ServiceName::parse(&name).ok()?.unit(),
        active: instance.is_up(),
        main_pid: instance.main_pid(),
        // Upstart forgets what has ended.
        result: String::new(),
    })
}

/// The path of the job `name`.
fn job(link: &mut Link<Address>, name: &str) -> Result<Option<String>, InitError> {
    let answer = one(link, MANAGER_PATH, MANAGER, "GetJobByName", &name)?;
    match body::<OwnedObjectPath>(answer) {
        Ok(path) => Ok(Some(path.as_str().to_owned())),
        Err(error) if Trouble::of(&error) == Some(Trouble::UnknownJob) => Ok(None),
        Err(error) => Err(error),
    }
}

fn single(link: &mut Link<Address>, path: String) -> Result<Look, InitError> {
    let answer = one(link, &path, JOB, "GetInstance", &NO_VARIABLES.as_slice())?;
    let job = Job {
        path,
        instance: None,
    };
    match body::<OwnedObjectPath>(answer) {
        Ok(instance) => match instances(link, &[instance])?.pop() {
            Some(instance) => Ok(Look::There(job, instance)),
            None => Ok(Look::Absent(job)),
        },
        Err(error) => match Trouble::of(&error) {
            Some(Trouble::UnknownInstance) => Ok(Look::Absent(job)),
            Some(Trouble::InvalidArgs) => Ok(Look::Several(instances_of(link, &job.path)?)),
            Some(Trouble::UnknownMethod) => Ok(Look::NoJob),
            Some(_) | None => Err(error),
        },
    }
}

fn named(link: &mut Link<Address>, path: String, name: &str) -> Result<Look, InitError> {
    let mut all = instances_of(link, &path)?.into_iter();
    let found = all.find(|instance| instance.name == name);
    let job = Job {
        path,
        instance: Some(name.to_owned()),
    };
    Ok(match found {
        Some(instance) => Look::There(job, instance),
        None => Look::Absent(job),
    })
}

fn instances_of(link: &mut Link<Address>, job: &str) -> Result<Vec<Instance>, InitError> {
    let answer = one(link, job, JOB, "GetAllInstances", &())?;
    match body::<Vec<OwnedObjectPath>>(answer) {
        Ok(paths) => instances(link, &paths),
        Err(error) if Trouble::of(&error) == Some(Trouble::UnknownMethod) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What the instances at `paths` do; those that are gone meanwhile are left out.
fn instances(
    link: &mut Link<Address>,
    paths: &[OwnedObjectPath],
) -> Result<Vec<Instance>, InitError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let answers = link.ask(|connection| {
        let of = |path: &OwnedObjectPath| connection.call(path, PROPERTIES, "GetAll", &INSTANCE);
        paths.iter().map(of).collect()
    })?;
    let mut found = Vec::new();
    for (path, answer) in paths.iter().zip(answers) {
        match body::<HashMap<String, OwnedVariant>>(answer) {
            Ok(properties) => found.push(instance(path.as_str(), properties)),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn is_gone(error: &InitError) -> bool {
    matches!(
        Trouble::of(error),
        Some(Trouble::UnknownMethod | Trouble::UnknownInstance)
    )
}

fn instance(path: &str, mut properties: HashMap<String, OwnedVariant>) -> Instance {
    let mut word = |name: &str| {
        let value = properties.remove(name);
        value
            .and_then(|value| String::try_from(value).ok())
            .unwrap_or_default()
    };
    let (name, goal, state) = (word("name"), word("goal"), word("state"));
    Instance {
        path: path.to_owned(),
        name,
        words: format!("{goal}/{state}"),
        goal: Goal::parse(&goal),
        state: State::parse(&state),
        processes: properties
            .remove("processes")
            .map_or_else(Vec::new, processes),
    }
}

/// `a(si)`. Taken apart by hand: zbus's own conversion to tuples ends the process where a structure
/// has fewer fields than expected.
fn processes(value: OwnedVariant) -> Vec<(String, u32)> {
    let Ok(list) = Array::try_from(Variant::from(value)) else {
        return Vec::new();
    };
    list.inner().iter().filter_map(process).collect()
}

fn process(value: &Variant<'_>) -> Option<(String, u32)> {
    let structure = <&Structure<'_>>::try_from(value).ok()?;
    let [which, pid] = structure.fields() else {
        return None;
    };
    let pid = i32::try_from(pid)
        .ok()
        .and_then(|pid| u32::try_from(pid).ok())?;
    Some((String::try_from(which).ok()?, pid))
}

/// One question and its answer.
fn one<B>(
    link: &mut Link<Address>,
    path: &str,
    interface: &str,
    member: &str,
    arguments: &B,
) -> Result<Answer, InitError>
where
    B: serde::Serialize + zbus::DynamicType,
{
    let ask = |connection: &Connection| {
        Ok::<Vec<Message>, InitError>(vec![connection.call(path, interface, member, arguments)?])
    };
    let answer = link.ask(ask)?.pop();
    answer.ok_or_else(|| unexpected("none"))
}
