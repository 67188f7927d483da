//! What a look at a unit comes to in the project's words. The main process with its start time stands
//! for the invocation: it survives a re-exec, and Upstart has no other name for one start. Pure, but
//! for reading when a process was started.

use super::queries::Look;
use super::state::{Goal, Instance};
use crate::domain::{ActiveState, FileState, Known, LoadState, Seen, UnitFacts, UnitName};
use crate::init::process::Process;

/// What `recover` compares. `process` is a main process that was seen before and still runs; `taken`
/// is how many starts were taken on whose answers were lost: what such a one started and is gone
/// has been and ended, which nothing else tells of a task.
pub(super) fn seen(unit: &UnitName, look: &Look, process: Option<Process>, taken: u32) -> Seen {
    let mut seen = Seen {
        load: Known::Is(load(look)),
        active: Known::Is(active(look)),
        job: Known::Is(None),
        ..Seen::unknown(unit, "")
    };
    if let Some(instance) = instance(look) {
        seen.job = Known::Is(instance.job());
    }
    let main = match look {
        // Upstart has lost track of it, but up it is: nothing that was to end it has done so.
        Look::Absent(_) if process.is_some() => {
            seen.active = Known::Is(ActiveState::Active);
            process
        }
        _ => main(look),
    };
    if let Some(process) = main {
        seen.main_pid = process.pid;
        seen.invocation = process.invocation();
        seen.started = process.started();
    } else if taken > 0 && matches!(look, Look::Absent(_)) {
        seen.invocation = format!("taken:{taken}");
    }
    seen
}

/// What decisions go by. `starts` is whether some event starts it.
pub(super) fn facts(unit: &UnitName, look: &Look, starts: &Known<bool>) -> UnitFacts {
    let main = main(look);
    let file = match starts {
        Known::Is(true) => Known::Is(FileState::Enabled),
        Known::Is(false) => Known::Is(FileState::Disabled),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    };
    UnitFacts {
        load: Known::Is(load(look)),
        active: Known::Is(active(look)),
        file,
        source_path: Known::Is(String::new()),
        // SIGHUP is all that a reload is.
        can_reload: Known::Is(true),
        main_pid: main.map_or(0, |process| process.pid),
        invocation: main.map(Process::invocation).unwrap_or_default(),
        ..UnitFacts::unknown(unit, "")
    }
}

/// The main process that a look showed.
pub(super) fn main(look: &Look) -> Option<Process> {
    instance(look).and_then(|instance| Process::of(instance.main_pid()))
}

fn instance(look: &Look) -> Option<&Instance> {
    match look {
        Look::There(_, instance) => Some(instance),
        Look::NoJob | Look::Several(_) | Look::Absent(_) => None,
    }
}

fn load(look: &Look) -> LoadState {
    match look {
        Look::NoJob => LoadState::NotFound,
        Look::Several(_) | Look::Absent(_) | Look::There(..) => LoadState::Loaded,
    }
}

/// A job of several instances is as up as the best of them.
fn active(look: &Look) -> ActiveState {
    match look {
        Look::NoJob | Look::Absent(_) => ActiveState::Inactive,
        Look::There(_, instance) => instance.active(),
        Look::Several(all) => {
            let up = all.iter().find(|instance| instance.is_up());
            let wanted = all.iter().find(|instance| instance.goal == Some(Goal::Up));
            let best = up.or(wanted).or(all.first());
            best.map_or(ActiveState::Inactive, Instance::active)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::queries::Job;
    use super::super::state::State;
    use super::*;

    fn unit() -> UnitName {
        UnitName::parse("foo").unwrap()
    }

    fn job() -> Job {
        Job {
            path: "/foo".to_owned(),
            instance: None,
        }
    }

    fn there(goal: Goal, state: State) -> Instance {
        Instance {
            path: "/foo/_".to_owned(),
            name: String::new(),
            words: String::new(),
            goal: Some(goal),
            state,
            processes: vec![("main".to_owned(), std::process::id())],
        }
    }

    #[test]
    fn a_main_process_with_its_start_stands_for_the_invocation() {
        let look = Look::There(job(), there(Goal::Up, State::Running));
        let seen = seen(&unit(), &look, None, 0);
        assert_eq!(seen.main_pid, std::process::id());
        let start = format!("{}:", std::process::id());
        assert!(seen.invocation.starts_with(&start) && seen.invocation.len() > start.len());
        assert!(seen.started > 0);
        assert_eq!(seen.active, Known::Is(ActiveState::Active));
        assert_eq!(seen.job, Known::Is(None));
    }

    #[test]
    fn what_upstart_lost_track_of_is_still_up_as_the_same() {
        let before = seen(
            &unit(),
            &Look::There(job(), there(Goal::Up, State::Running)),
            None,
            0,
        );
        let process = Process::of(std::process::id());
        let after = seen(&unit(), &Look::Absent(job()), process, 1);
        assert_eq!(after, before);
        let gone = seen(&unit(), &Look::Absent(job()), None, 0);
        assert_eq!(gone.active, Known::Is(ActiveState::Inactive));
        assert_eq!((gone.invocation.as_str(), gone.started), ("", 0));
    }

    #[test]
    fn a_job_without_a_start_event_is_disabled_and_an_unknown_one_is_not_found() {
        let facts_of = |look: &Look, starts| facts(&unit(), look, &starts);
        let absent = Look::Absent(job());
        assert_eq!(
            facts_of(&absent, Known::Is(false)).file,
            Known::Is(FileState::Disabled)
        );
        assert_eq!(
            facts_of(&absent, Known::Is(true)).file,
            Known::Is(FileState::Enabled)
        );
        assert!(facts_of(&Look::NoJob, Known::default()).is_missing());
        assert!(facts_of(&absent, Known::Is(true)).is_down());
    }

    #[test]
    fn a_job_of_several_instances_is_up_when_one_is() {
        let down = there(Goal::Down, State::Between);
        let up = there(Goal::Up, State::Running);
        let facts_of = |all: Vec<Instance>| facts(&unit(), &Look::Several(all), &Known::default());
        assert!(facts_of(vec![down.clone(), up]).is_up());
        assert!(!facts_of(vec![down]).is_up());
        assert!(facts_of(Vec::new()).is_down());
    }
}
