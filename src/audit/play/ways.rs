//! From a course to the ways that are played: one way through each of its scripts, the likeliest first. Pure.

use crate::audit::call::{Assumption, Call, Side};
use crate::audit::course::{Course, Step};
use crate::audit::package::ScriptName;
use crate::audit::shell::{End, Path};
use crate::domain::Phase;

/// A maintainer script that dpkg runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose.
    pub side: Side,
    /// Which.
    pub script: ScriptName,
    /// With these words.
    pub arguments: Vec<String>,
}

impl Run {
    /// `postinst configure 1.0`
    pub fn shown(&self) -> String {
        let words = self.arguments.iter().map(String::as_str);
        let words: Vec<&str> = std::iter::once(self.script.as_str()).chain(words).collect();
        words.join(" ").trim_end().to_owned()
    }

    /// What dpkg is doing when it runs this.
    pub(super) fn phase(&self) -> Phase {
        let word = |at: usize| self.arguments.get(at).map_or("", String::as_str);
        match (self.script, word(0)) {
            (ScriptName::Postinst, "triggered") => Phase::Trigger,
            (ScriptName::Postinst, "configure") if word(1).is_empty() => Phase::Install,
            (ScriptName::Preinst, "install") => Phase::Install,
            (ScriptName::Prerm, "remove" | "deconfigure") => Phase::Remove,
            (ScriptName::Postrm, "remove" | "purge" | "disappear") => Phase::Remove,
            (ScriptName::Postrm, "abort-install") => Phase::Install,
            _ => Phase::Upgrade,
        }
    }
}

/// One thing that dpkg does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// It runs a script, which makes these calls.
    Script(Run, Vec<Call>),
    /// The new files take the old ones' place.
    Unpack,
    /// The old files take their place again.
    Restore,
    /// The files go.
    RemoveFiles,
    /// The configuration goes.
    RemoveConfiguration,
}

/// All that dpkg does where some assumptions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) assumed: Vec<Assumption>,
    pub(super) deeds: Vec<Deed>,
}

/// The ways that are played, and how many were left out.
pub(super) struct Chosen {
    pub(super) variants: Vec<Variant>,
    pub(super) left_out: usize,
}

/// How many are looked at before those with the same calls are told apart.
const MOST_LOOKED_AT: usize = 4096;

/// The first `most` ways through `course` that differ in their calls: first those that take the likeliest way
/// through most scripts.
pub(super) fn ways(course: &Course, most: usize) -> Chosen {
    let mut choices: Vec<Vec<&Path>> = Vec::new();
    for step in &course.steps {
        if let Step::Run { paths, fails, .. } = step {
            choices.push(likeliest_first(paths, *fails));
        }
    }
    let mut variants: Vec<Variant> = Vec::new();
    let mut left_out = 0;
    for picked in picks(&choices) {
        let variant = variant(course, &choices, &picked);
        if variants.iter().any(|known| known.deeds == variant.deeds) {
            continue;
        }
        match variants.len() < most.max(1) {
            true => variants.push(variant),
            false => left_out += 1,
        }
    }
    Chosen { variants, left_out }
}

/// Ways that end well come first, in the order in which they were found; of the same calls the first alone.
/// What fails is no way that dpkg goes on after, but where the course is about that.
fn likeliest_first(paths: &[Path], fails: bool) -> Vec<&Path> {
    let rank = |path: &Path| match path.end {
        End::Status(0) => 0,
        End::Elsewhere | End::Unknown => 1,
        End::Status(_) => 2,
    };
    let mut sorted: Vec<&Path> = paths.iter().collect();
    sorted.sort_by_key(|path| rank(path));
    if !fails && sorted.iter().any(|path| rank(path) < 2) {
        sorted.retain(|path| rank(path) < 2);
    }
    let mut distinct: Vec<&Path> = Vec::new();
    for path in sorted {
        if !distinct.iter().any(|known| same_calls(known, path)) {
            distinct.push(path);
        }
    }
    distinct
}

/// Whether two ways ask for the same, whatever each had to assume for it.
fn same_calls(one: &Path, other: &Path) -> bool {
    let asked = |call: &Call| (call.place, call.words.clone());
    one.calls
        .iter()
        .map(asked)
        .eq(other.calls.iter().map(asked))
}

/// One number a script, those with fewer numbers other than 0 first.
fn picks(choices: &[Vec<&Path>]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for paths in choices {
        let mut longer = Vec::new();
        for known in &all {
            for pick in 0..paths.len().max(1) {
                let mut picked: Vec<usize> = known.clone();
                picked.push(pick);
                longer.push(picked);
            }
        }
        longer.sort_by_key(|picked: &Vec<usize>| picked.iter().filter(|pick| **pick > 0).count());
        longer.truncate(MOST_LOOKED_AT);
        all = longer;
    }
    all
}

fn variant(course: &Course, choices: &[Vec<&Path>], picked: &[usize]) -> Variant {
    let mut taken = choices
        .iter()
        .zip(picked)
        .map(|(paths, pick)| paths.get(*pick));
    let mut assumed = Vec::new();
    let mut deeds = Vec::new();
    for step in &course.steps {
        deeds.push(match step {
            Step::Run {
                side,
                script,
                arguments,
                ..
            } => {
                let path = taken.next().flatten();
                assumed.extend(path.iter().flat_map(|path| path.assumed.clone()));
                let run = Run {
                    side: *side,
                    script: *script,
                    arguments: arguments.clone(),
                };
                Deed::Script(run, path.map(|path| path.calls.clone()).unwrap_or_default())
            }
            Step::Unpack => Deed::Unpack,
            Step::Restore => Deed::Restore,
            Step::RemoveFiles => Deed::RemoveFiles,
            Step::RemoveConfiguration => Deed::RemoveConfiguration,
        });
    }
    Variant { assumed, deeds }
}
