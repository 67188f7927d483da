//! Upstart's goals and states, and what they come to in the project's words. Pure.

use crate::domain::{ActiveState, SeenJob, Verb};

/// What Upstart wants of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// `start` and `respawn`: it is to be running.
    Up,
    /// `stop`: it is to be gone.
    Down,
}

impl Goal {
    /// The goal behind Upstart's word; one that is not known wants nothing that we do.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "start" | "respawn" => Some(Self::Up),
            "stop" => Some(Self::Down),
            _ => None,
        }
    }
}

/// How far an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// `waiting`: nothing of it is left, or nothing has begun.
    Waiting,
    /// `running`
    Running,
    /// Every other state, also one that is not known: in transition.
    Between,
}

impl State {
    /// The state behind Upstart's word.
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "running" => Self::Running,
            _ => Self::Between,
        }
    }
}

/// One instance of a job, as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// Its object.
    pub(super) path: String,
    /// Its name, empty where the job has but one.
    pub(super) name: String,
    /// Goal and state in Upstart's words: `start/running`.
    pub(super) words: String,
    /// What Upstart wants of it; `None` where that is not known.
    pub(super) goal: Option<Goal>,
    /// How far it is.
    pub(super) state: State,
    /// Its processes: which one of the job's, and the process id.
    pub(super) processes: Vec<(String, u32)>,
}

impl Instance {
    /// Process id of the main process, 0 if there is none now.
    pub(super) fn main_pid(&self) -> u32 {
        let main = self.processes.iter().find(|(which, _)| which == "main");
        main.map_or(0, |(_, pid)| *pid)
    }

    /// Whether it is up and stays so.
    pub(super) fn is_up(&self) -> bool {
        self.goal == Some(Goal::Up) && self.state == State::Running
    }

    /// What it does.
    pub(super) fn active(&self) -> ActiveState {
        match (self.goal, self.state) {
            (Some(Goal::Up), State::Running) => ActiveState::Active,
            (Some(Goal::Up) | None, _) => ActiveState::Activating,
            (Some(Goal::Down), State::Waiting) => ActiveState::Inactive,
            (Some(Goal::Down), _) => ActiveState::Deactivating,
        }
    }

    /// What Upstart is doing with it.
    pub(super) fn job(&self) -> Option<SeenJob> {
        let verb = match self.active() {
            ActiveState::Activating => Verb::Start,
            ActiveState::Deactivating => Verb::Stop,
            ActiveState::Active
            | ActiveState::Reloading
            | ActiveState::Inactive
            | ActiveState::Failed
            | ActiveState::Maintenance => return None,
        };
        // A goal that is not known is somebody's, but none that we ask for.
        let verb = self.goal.map(|_| verb);
        Some(SeenJob { id: 0, verb })
    }
}

/// Whether `now` runs in another main process than `first`. Where one has none, nothing tells.
pub(super) fn is_another(first: &Instance, now: &Instance) -> bool {
    let (old, new) = (first.main_pid(), now.main_pid());
    old != 0 && new != 0 && old != new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(goal: &str, state: &str) -> Instance {
        Instance {
            path: "/x".to_owned(),
            name: String::new(),
            words: format!("{goal}/{state}"),
            goal: Goal::parse(goal),
            state: State::parse(state),
            processes: vec![("post-start".to_owned(), 4), ("main".to_owned(), 7)],
        }
    }

    #[test]
    fn goals_and_states_come_to_activity_and_work_in_progress() {
        use ActiveState::{Activating, Active, Deactivating, Inactive};
        let cases = [
            ("start", "running", Active, None),
            ("respawn", "running", Active, None),
            ("start", "waiting", Activating, Some(Verb::Start)),
            ("start", "pre-start", Activating, Some(Verb::Start)),
            ("start", "security-spawning", Activating, Some(Verb::Start)),
            ("start", "stopping", Activating, Some(Verb::Start)),
            ("respawn", "post-stop", Activating, Some(Verb::Start)),
            ("start", "some-new-state", Activating, Some(Verb::Start)),
            ("stop", "running", Deactivating, Some(Verb::Stop)),
            ("stop", "killed", Deactivating, Some(Verb::Stop)),
            ("stop", "some-new-state", Deactivating, Some(Verb::Stop)),
            ("stop", "waiting", Inactive, None),
        ];
        for (goal, state, active, verb) in cases {
            let instance = instance(goal, state);
            assert_eq!(instance.active(), active, "{goal}/{state}");
            let job = instance.job().and_then(|job| job.verb);
            assert_eq!(job, verb, "{goal}/{state}");
        }
    }

    #[test]
    fn a_goal_that_is_not_known_is_work_in_progress_of_a_kind_that_we_never_ask_for() {
        let unknown = instance("elsewhere", "running");
        assert_eq!(unknown.active(), ActiveState::Activating);
        assert_eq!(unknown.job(), Some(SeenJob { id: 0, verb: None }));
    }

    #[test]
    fn the_main_process_is_the_one_of_that_name() {
        assert_eq!(instance("start", "running").main_pid(), 7);
    }
}
