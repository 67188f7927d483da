//! Times in which something can start a service that should be down: from its stop, or from the unpacking
//! where it was down before, until it is started anew or its package is configured. Whether anybody came
//! makes no difference. Pure.

use std::collections::BTreeSet;

use crate::domain::{UnitKind, UnitName};
use crate::init::simulated::Micros;

use super::bench::Bench;
use super::seen::Seen;
use super::stage::{Carried, Danger, Edge, Phase, Stretch, Track, Window};

type Range = (Micros, Micros);

/// What is known of the way.
struct Way<'a> {
    tracks: &'a [Track],
    phases: &'a [Phase],
    carried: &'a [Carried],
    seen: &'a Seen,
    /// When files are replaced or removed; `None` where they are not.
    unpack: Option<Range>,
    /// Whether they are removed.
    removal: bool,
}

/// The windows of all services of the package.
pub(super) fn windows(
    bench: &Bench<'_>,
    seen: &Seen,
    (tracks, phases, carried): (&[Track], &[Phase], &[Carried]),
) -> Vec<Window> {
    let files = |phase: &&Phase| matches!(phase.what.as_str(), "unpack" | "remove files");
    let unpack = phases.iter().find(files);
    let way = Way {
        tracks,
        phases,
        carried,
        seen,
        unpack: unpack.map(|phase| (phase.from, phase.to)),
        removal: unpack.is_some_and(|phase| phase.what == "remove files"),
    };
    let mut found = Vec::new();
    for (service, triggers) in bench.triggers() {
        // An instance a connection is new each time.
        if service.is_template() || service.kind() != UnitKind::Service {
            continue;
        }
        // What is started at a time, runs, and is gone again belongs to no client of the service.
        if bench.ends_by_itself(&service) {
            continue;
        }
        found.extend(way.of(&service, &triggers));
    }
    found.sort_by_key(|window| (window.opened.at, window.unit.clone()));
    found
}

impl Way<'_> {
    fn of(&self, service: &UnitName, triggers: &BTreeSet<UnitName>) -> Vec<Window> {
        let Some(exposed) = self.exposed(service) else {
            return Vec::new();
        };
        let mut ranges: Vec<Range> = Vec::new();
        for trigger in triggers {
            ranges.extend(self.able(service, trigger, exposed));
        }
        let mut windows = Vec::new();
        for range in merged(ranges) {
            windows.push(self.window(service, triggers, (range, exposed)));
        }
        windows
    }

    /// From when until when the service should not be started.
    fn exposed(&self, service: &UnitName) -> Option<Range> {
        let track = self.track(service)?;
        let unpack = self.unpack?;
        let down = |stretch: &&Stretch| !stretch.active.is_active();
        let first = track.stretches.iter().find(down)?;
        // What was down all the time matters from when its files change.
        let from = match first.from {
            0 => unpack.0,
            at => at,
        };
        let to = self.started_after(service, unpack.1).unwrap_or_else(|| {
            let scripts = self.phases.iter().filter(|phase| phase.what != "batch end");
            scripts.map(|phase| phase.to).max().unwrap_or(self.seen.end)
        });
        (from < to).then_some((from, to))
    }

    /// When a call first asks for its start, once the files are there.
    fn started_after(&self, service: &UnitName, unpacked: Micros) -> Option<Micros> {
        let starts = |carried: &&Carried| {
            let mut jobs = carried.jobs.iter();
            carried.from >= unpacked
                && jobs
                    .any(|job| job.unit == *service && job.verb != "stop" && job.failed.is_none())
        };
        self.carried.iter().find(starts).map(|carried| carried.from)
    }

    fn track(&self, unit: &UnitName) -> Option<&Track> {
        self.tracks.iter().find(|track| track.unit == *unit)
    }

    /// When within `exposed` a trigger could start the service.
    fn able(&self, service: &UnitName, trigger: &UnitName, exposed: Range) -> Vec<Range> {
        if trigger == service {
            return self.not_held(service, exposed);
        }
        let stretches = self.track(trigger).into_iter();
        let up = stretches
            .flat_map(|track| &track.stretches)
            .filter(|stretch| stretch.active.is_active());
        up.filter_map(|stretch| cut((stretch.from, self.able_until(trigger, stretch)), exposed))
            .collect()
    }

    /// A trigger whose stop is queued starts nothing any more, although it listens still.
    fn able_until(&self, trigger: &UnitName, stretch: &Stretch) -> Micros {
        let stops = |carried: &&Carried| {
            let mut jobs = carried.jobs.iter();
            let within = carried.from >= stretch.from && carried.from < stretch.to;
            within
                && stretch.to <= carried.to
                && jobs.any(|job| job.unit == *trigger && job.verb == "stop")
        };
        let stop = self.carried.iter().find(stops);
        stop.map_or(stretch.to, |carried| carried.from)
    }

    /// A call on the bus starts it unless it is held.
    fn not_held(&self, service: &UnitName, exposed: Range) -> Vec<Range> {
        let mut free = Vec::new();
        let mut from = exposed.0;
        for (begin, end) in self.seen.held.get(service).into_iter().flatten() {
            free.extend(cut((from, *begin), exposed));
            from = end.unwrap_or(exposed.1).max(from);
        }
        free.extend(cut((from, exposed.1), exposed));
        free
    }

    fn window(
        &self,
        service: &UnitName,
        triggers: &BTreeSet<UnitName>,
        ((from, to), exposed): (Range, Range),
    ) -> Window {
        let open = |trigger: &&UnitName| !self.able(service, trigger, (from, to)).is_empty();
        let track = self.track(service);
        let wakes = track.map_or(0, |track| {
            let times = track.wakes.iter().map(|wake| wake.at);
            times.filter(|at| (from..to).contains(at)).count()
        });
        Window {
            unit: service.clone(),
            by: triggers.iter().filter(open).cloned().collect(),
            opened: self.opened(service, from, exposed),
            closed: (to < self.seen.end).then(|| self.closed(to, exposed)),
            dangers: self.dangers((from, to)),
            woken: wakes,
        }
    }

    fn opened(&self, service: &UnitName, at: Micros, exposed: Range) -> Edge {
        let begins = self.unpack.is_some_and(|unpack| unpack.0 == at);
        let what = match (at == exposed.0, begins) {
            (true, true) => format!("{service} is down, and what can start it is not stopped"),
            (true, false) => format!("{service} goes down, and what can start it does not"),
            (false, _) => format!("what can start {service} comes up before it"),
        };
        let call = self.call_at(at).filter(|_| !begins);
        Edge { at, call, what }
    }

    fn closed(&self, at: Micros, exposed: Range) -> Edge {
        let call = self.call_at(at);
        let what = match (at == exposed.1, call) {
            (true, Some(_)) => "it is started",
            (true, None) => "the scripts are over",
            (false, _) => "what can start it goes down",
        };
        Edge {
            at,
            call,
            what: what.to_owned(),
        }
    }

    /// The call that was under way.
    fn call_at(&self, at: Micros) -> Option<usize> {
        let spans = |carried: &&Carried| (carried.from..=carried.to).contains(&at);
        self.carried.iter().find(spans)?.call
    }

    fn dangers(&self, (from, to): Range) -> Vec<Danger> {
        let Some((begin, end)) = self.unpack else {
            return Vec::new();
        };
        let all = [
            (Danger::OldCode, from < begin),
            (Danger::HalfUnpacked, from < end && to > begin),
            (Danger::Unconfigured, to > end && !self.removal),
            (Danger::Gone, to > end && self.removal),
        ];
        let those = all.into_iter().filter(|(_, there)| *there);
        those.map(|(danger, _)| danger).collect()
    }
}

/// What two ranges have in common.
fn cut(one: Range, other: Range) -> Option<Range> {
    let both = (one.0.max(other.0), one.1.min(other.1));
    (both.0 < both.1).then_some(both)
}

/// Ranges that touch are one.
fn merged(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut all: Vec<Range> = Vec::new();
    for (from, to) in ranges {
        match all.last_mut() {
            Some(last) if last.1 >= from => last.1 = last.1.max(to),
            _ => all.push((from, to)),
        }
    }
    all
}
