//! What can be counted in a played upgrade. It reads the record and the connections, and no more.

use serde::Serialize;

use crate::domain::{ActiveState, UnitName};
use crate::init::simulated::{Connection, Happened, Image, Micros, Outcome};

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

/// How the service stood for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Micros,
    pub(super) to: Micros,
    pub(super) active: ActiveState,
    pub(super) image: Option<Image>,
    pub(super) files: Image,
}

impl Stretch {
    fn length(&self) -> Micros {
        self.to.saturating_sub(self.from)
    }

    fn is_apart(&self) -> bool {
        self.image.is_some_and(|image| image != self.files)
    }
}

impl Figures {
    /// Counts.
    pub fn of(scenario: &Scenario, played: &Played) -> Self {
        let all = stretches(scenario, played);
        let connections = played.machine.connections();
        let time = |test: &dyn Fn(&Stretch) -> bool| -> u64 {
            let total: Micros = all.iter().filter(|s| test(s)).map(Stretch::length).sum();
            total / MS
        };
        Self {
            way: played.way.as_str(),
            woken_in_window: wakes(scenario, played).len(),
            connections: connections.len(),
            served: count(connections, |o| matches!(o, Outcome::Served { .. })),
            refused: count(connections, |o| o == Outcome::Refused),
            served_by_other_version: count(
                connections,
                |o| matches!(o, Outcome::Served { by, files } if by != files),
            ),
            versions_together_ms: time(&Stretch::is_apart),
            mixed_processes: mixed_processes(&scenario.service, played),
            longest_wait_ms: connections.iter().map(waited).max().unwrap_or(0) / MS,
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

fn count(connections: &[Connection], test: impl Fn(Outcome) -> bool) -> usize {
    connections.iter().filter(|c| test(c.outcome)).count()
}

/// Microseconds until a connection had its answer; 0 where it got none.
pub(super) fn waited(connection: &Connection) -> Micros {
    match (connection.outcome, connection.ended) {
        (Outcome::Served { .. }, Some(ended)) => ended.saturating_sub(connection.opened),
        (Outcome::Served { .. } | Outcome::Refused | Outcome::Waiting, _) => 0,
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
pub(super) fn stretches(scenario: &Scenario, played: &Played) -> Vec<Stretch> {
    let (from, to) = (played.zero, played.zero + scenario.end);
    let mut all = Vec::new();
    let mut now = Stretch {
        from,
        to: from,
        active: ActiveState::Inactive,
        image: None,
        files: OLD,
    };
    for moment in played.machine.record().iter().filter(|m| m.at < to) {
        let at = moment.at.max(from);
        let mut next = now;
        match &moment.what {
            Happened::State {
                unit,
                active,
                image,
            } if *unit == scenario.service => {
                (next.active, next.image) = (*active, *image);
            }
            Happened::Files { unit, files } if *unit == scenario.service => next.files = *files,
            Happened::State { .. }
            | Happened::Files { .. }
            | Happened::Activated { .. }
            | Happened::Suppressed { .. }
            | Happened::JobEnded { .. }
            | Happened::LostDescriptors { .. }
            | Happened::Mark(_) => continue,
        }
        now.to = at;
        all.push(now);
        next.from = at;
        now = next;
    }
    now.to = to;
    all.push(now);
    all.retain(|stretch| stretch.length() > 0);
    all
}
