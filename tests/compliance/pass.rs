//! One pass over cases: runs both sides of each in parallel worlds, takes out what the table explains, and reports
//! the rest, like differences together.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::compare::{Delta, compare, signature};
use crate::differences::{DIFFERENCES, Mode};
use crate::run::{Seen, run};
use crate::world::{Side, World};

/// How many groups of differences are shown in full.
const GROUPS_SHOWN: usize = 60;
/// Ours in strict mode.
const STRICT: &str = "[compat]\nstrict = true\n";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What is to be run.
pub(crate) struct Pass<'a> {
    pub(crate) cases: Vec<&'a Case>,
    pub(crate) mode: Mode,
    /// Shows both sides of every case.
    pub(crate) show: bool,
}

/// What came out of it.
pub(crate) struct Report {
    /// Unexplained differences, by the case's place in the pass.
    found: Vec<(usize, Vec<Delta>)>,
    /// How often each entry of the table explained something.
    explained: BTreeMap<&'static str, usize>,
    time: Duration,
}

impl Pass<'_> {
    /// Runs every case on both sides.
    pub(crate) fn run(&self, worlds: &mut [World]) -> Outcome<Report> {
        let (started, next) = (Instant::now(), AtomicUsize::new(0));
        let report = Mutex::new(Report {
            found: Vec::new(),
            explained: BTreeMap::new(),
            time: Duration::ZERO,
        });
        thread::scope(|scope| {
            let lanes: Vec<_> = worlds
                .iter_mut()
                .map(|world| scope.spawn(|| self.lane(world, &next, &report)))
                .collect();
            lanes
                .into_iter()
                .try_for_each(|lane| lane.join().map_err(|_| "a lane failed")?)
        })?;
        let mut report = report.into_inner().map_err(|_| "a lane failed")?;
        report.found.sort_by_key(|(number, _)| *number);
        report.time = started.elapsed();
        Ok(report)
    }

    fn lane(&self, world: &mut World, next: &AtomicUsize, report: &Mutex<Report>) -> Outcome<()> {
        world.admin_policy(match self.mode {
            Mode::Strict => Some(STRICT),
            Mode::Default => None,
        })?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = self.cases.get(number) else {
                return Ok(());
            };
            let (theirs, ours) =
                both(world, case).map_err(|error| format!("{}: {error}", case.name))?;
            if self.show {
                writeln!(
                    io::stdout(),
                    "{} ({:?})\ntheirs: {theirs:#?}\nours: {ours:#?}",
                    case.name,
                    self.mode
                )?;
            }
            let deltas = compare(&theirs, &ours);
            if !deltas.is_empty() {
                report
                    .lock()
                    .map_err(|_| "a lane failed")?
                    .note(number, case, self.mode, deltas);
            }
        }
    }
}

/// Runs a case on both sides; what the first leaves behind is taken away before the second.
fn both(world: &mut World, case: &Case) -> Outcome<(Seen, Seen)> {
    let mut one = |side| -> Outcome<Seen> {
        world.arrange(case)?;
        let seen = run(world, case, side)?;
        world.clear()?;
        Ok(seen)
    };
    Ok((one(Side::Theirs)?, one(Side::Ours)?))
}

impl Report {
    fn note(&mut self, number: usize, case: &Case, mode: Mode, deltas: Vec<Delta>) {
        let mut unexplained = Vec::new();
        for delta in deltas {
            let entry = DIFFERENCES
                .iter()
                .find(|entry| entry.modes.contains(&mode) && (entry.explains)(case, &delta));
            match entry {
                Some(entry) => *self.explained.entry(entry.name).or_default() += 1,
                None => unexplained.push(delta),
            }
        }
        if !unexplained.is_empty() {
            self.found.push((number, unexplained));
        }
    }

    /// Whether nothing is unexplained.
    pub(crate) fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// In how many cases something is unexplained.
    pub(crate) fn differing(&self) -> usize {
        self.found.len()
    }

    /// Whether every entry of the table that is allowed in this mode explained something; names those that did not.
    pub(crate) fn every_difference_seen(&self, mode: Mode) -> io::Result<bool> {
        let mut all = true;
        for entry in DIFFERENCES
            .iter()
            .filter(|entry| entry.modes.contains(&mode))
        {
            if !self.explained.contains_key(entry.name) {
                all = false;
                writeln!(
                    io::stdout(),
                    "{mode:?}: the intended difference \"{}\" explains nothing: take it out",
                    entry.name
                )?;
            }
        }
        Ok(all)
    }

    /// Prints the figures and every group of differences with one case of it.
    pub(crate) fn print(&self, pass: &Pass<'_>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let (cases, differing) = (pass.cases.len(), self.found.len());
        writeln!(
            out,
            "{:?}: {cases} cases in {:.1} s, {differing} with unexplained differences",
            pass.mode,
            self.time.as_secs_f32()
        )?;
        for (name, count) in &self.explained {
            let reason = DIFFERENCES
                .iter()
                .find(|entry| entry.name == *name)
                .map_or("", |entry| entry.reason);
            writeln!(out, "  intended, {count} times: {name} ({reason})")?;
        }
        for (count, (_, (case, deltas))) in self.groups(pass).iter().take(GROUPS_SHOWN) {
            writeln!(out, "\n{count} cases like: {}", case.name)?;
            for delta in *deltas {
                writeln!(out, "  {delta}")?;
            }
            writeln!(
                out,
                "  repeat: cargo test --test compliance -- '{}'",
                case.name.replace('\'', "'\\''")
            )?;
        }
        Ok(())
    }

    /// The groups, largest first, each with its signature and first case.
    #[expect(clippy::type_complexity, reason = "read in one place, just above")]
    fn groups<'a>(&'a self, pass: &Pass<'a>) -> Vec<(usize, (String, (&'a Case, &'a [Delta])))> {
        let mut groups: BTreeMap<String, (usize, (&Case, &[Delta]))> = BTreeMap::new();
        for (number, deltas) in &self.found {
            if let Some(case) = pass.cases.get(*number) {
                groups
                    .entry(signature(deltas, &case.service))
                    .or_insert((0, (case, deltas)))
                    .0 += 1;
            }
        }
        let mut groups: Vec<_> = groups
            .into_iter()
            .map(|(signature, (count, first))| (count, (signature, first)))
            .collect();
        groups.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.0.cmp(&b.1.0)));
        groups
    }
}
