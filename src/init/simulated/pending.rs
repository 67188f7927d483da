//! The job that a unit can have: what it does and how far it is. `jobs` makes, runs and ends it.

/// What a job does, once it is known how its unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Start,
    Stop,
    Restart,
    Reload,
}

/// Whether a job has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Queued,
    Running,
}

/// The one job a unit can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) task: Task,
    pub(super) progress: Progress,
    /// The stop half of a restart: descriptors are kept.
    pub(super) restarting: bool,
}

impl Pending {
    pub(super) fn is_stop(&self) -> bool {
        self.task == Task::Stop
    }

    /// Whether ordering takes it for a stop.
    pub(super) fn goes_down(&self) -> bool {
        matches!(self.task, Task::Stop | Task::Restart)
    }
}
