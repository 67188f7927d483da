//! What can be counted in a played upgrade. It reads the record and the connections, and no more.

use serde::Serialize;

use crate::domain::{ActiveState, UnitName};
use crate::init::simulated::{Answers, Happened, Image, Micros, Standing};

use super::play::Played;
use super::scenario::{MS, NEW, OLD, Scenario};

/// The figures of one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// The way.
    pub way: &'static str,
    /// How often something started the service between prerm's stop and postinst's start.
    pub woken_in_window: usize,
    /// Connections that were opened.
    pub connections: usize,
    /// Connections that were answered.
    pub served: usize,
    /// Connections that were refused, or closed without an answer.
    pub refused: usize,
    /// Connections answered by a process whose code is not what was on disk.
    pub served_by_other_version: usize,
    /// Milliseconds during which a process ran whose code was not what was on disk.
    pub versions_together_ms: u64,
    /// Processes that loaded some old and some new files.
    pub mixed_processes: usize,
    /// Milliseconds that the slowest answer took.
    pub longest_wait_ms: u64,
    /// Milliseconds during which the service was not up.
    pub down_ms: u64,
    /// What runs at the end: old, new, mixed, nothing.
    pub version_at_end: &'static str,
}

impl Figures {
    /// Counts.
    pub fn of(scenario: &Scenario, played: &Played) -> Self {
        let all = stretches(scenario, played);
        let answers = Answers::of(played.machine.connections().iter());
        let time = |test: &dyn Fn(&Standing) -> bool| -> u64 {
            let total: Micros = all.iter().filter(|s| test(s)).map(Standing::length).sum();
            total / MS
        };
        Self {
            way: played.way.as_str(),
            woken_in_window: wakes(scenario, played).len(),
            connections: answers.opened,
            served: answers.served,
            refused: answers.refused,
            served_by_other_version: answers.by_other_version,
            versions_together_ms: time(&Standing::is_apart),
            mixed_processes: mixed_processes(&scenario.service, played),
            longest_wait_ms: answers.longest_wait / MS,
            down_ms: time(&|stretch| !stretch.active.is_active()),
            version_at_end: version_word(all.last().and_then(|last| last.image)),
        }
    }
}

/// The word for what a process maps.
pub(super) fn version_word(image: Option<Image>) -> &'static str {
    match image {
        None => "nothing",
        Some(image) if image == OLD => "old",
        Some(image) if image == NEW => "new",
        Some(Image::Mixed | Image::Whole(_)) => "mixed",
    }
}

/// When something started the service although it was meant to be down.
pub(super) fn wakes(scenario: &Scenario, played: &Played) -> Vec<Micros> {
    let (from, to) = played.window;
    let moments = played.machine.record().iter();
    let in_window = moments.filter(|moment| (from..to).contains(&moment.at));
    let woken = in_window.filter(|moment| match &moment.what {
        Happened::Activated { unit, .. } => *unit == scenario.service,
        Happened::State { .. }
        | Happened::Suppressed { .. }
        | Happened::JobEnded { .. }
        | Happened::Files { .. }
        | Happened::LostDescriptors { .. }
        | Happened::Mark(_) => false,
    });
    woken.map(|moment| moment.at).collect()
}

fn mixed_processes(service: &UnitName, played: &Played) -> usize {
    let is_mixed_start = |what: &Happened| {
        matches!(what, Happened::State { unit, active: ActiveState::Active, image: Some(Image::Mixed) }
            if unit == service)
    };
    let moments = played.machine.record().iter();
    moments
        .filter(|moment| is_mixed_start(&moment.what))
        .count()
}

/// How the service stood, from the first time that is shown to the last, without gaps.
pub(super) fn stretches(scenario: &Scenario, played: &Played) -> Vec<Standing> {
    let before = Standing {
        from: played.zero,
        to: played.zero + scenario.end,
        active: ActiveState::Inactive,
        image: None,
        files: OLD,
    };
    before.over(played.machine.record().iter(), &scenario.service)
}
