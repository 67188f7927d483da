//! One upgrade, from the packages to all that is told of it: evaluated on every way that dpkg goes, and
//! checked.

use std::collections::BTreeSet;

use super::audited::{Audited, Input, Timeline};
use super::call::Side;
use super::check::{self, Half, Subject, Tie};
use super::course::{Courses, Pair, Step, Way};
use super::package::Package;
use super::play::{Play, Setting, play_pair, show};
use super::shipped::{self, Shipped};

/// Whether what happens to services is drawn: it takes several times as long as all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// The upgrade, and the removal.
    Yes,
    /// Nothing.
    No,
}

/// What holds for every upgrade of a run.
#[derive(Debug, Clone)]
pub struct Given {
    /// Whether timelines are drawn.
    pub drawn: Drawn,
    /// What units of other packages have to do with those of these.
    pub ties: Vec<Tie>,
}

/// Audits the upgrade from `old` to `new`; without an old version, to itself.
pub fn audit(old: Option<&Package>, new: &Package, (input, given): (Input, &Given)) -> Audited {
    let coming = shipped::of(new);
    let there = old.map(shipped::of);
    let new = Half {
        package: new,
        shipped: &coming,
    };
    let old = match (old, &there) {
        (Some(package), Some(shipped)) => Half { package, shipped },
        _ => new,
    };
    let subject = Subject::of(old, new, &given.ties);
    let architecture = new.package.fields.get("architecture");
    Audited {
        input,
        package: new.package.name.clone(),
        version: new.package.version.clone(),
        architecture: architecture.cloned().unwrap_or_default(),
        from: old.package.version.clone(),
        services: services(&coming),
        findings: check::findings(&subject),
        unread: unread(&subject),
        timelines: timelines(old, new, given.drawn),
    }
}

/// The upgrade and the removal, as they are played; nothing where there is no service.
fn timelines(old: Half<'_>, new: Half<'_>, drawn: Drawn) -> Vec<Timeline> {
    let setting = Setting::default();
    let removal = Pair {
        old: Some(new.package),
        new: None,
    };
    let wanted = match drawn {
        Drawn::Yes => vec![(Way::Upgrade, pair(old, new)), (Way::Remove, removal)],
        Drawn::No => Vec::new(),
    };
    let plays = wanted
        .iter()
        .map(|(way, pair)| play_pair(pair, *way, &setting));
    let served = plays.filter(Play::has_services);
    served
        .map(|play| Timeline {
            title: show::title(&play),
            svg: show::svg(&play),
        })
        .collect()
}

/// What of a package falls with units that are not its own.
pub fn ties(package: &Package) -> Vec<Tie> {
    let shipped = shipped::of(package);
    Tie::all_of(Half {
        package,
        shipped: &shipped,
    })
}

fn pair<'a>(old: Half<'a>, new: Half<'a>) -> Pair<'a> {
    Pair {
        old: Some(old.package),
        new: Some(new.package),
    }
}

/// The canonical names, each once, whatever files a service has.
fn services(shipped: &Shipped) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    names.extend(shipped.units.keys().map(ToString::to_string));
    let scripts = shipped.init_scripts.iter().map(|script| &script.name);
    for name in scripts {
        if !names.contains(&format!("{name}.service")) {
            names.insert(name.clone());
        }
    }
    names.into_iter().collect()
}

/// What could not be read or followed to its end, each with its place.
fn unread(subject: &Subject<'_>) -> Vec<String> {
    let problems = subject.new.shipped.problems.iter();
    let mut told: BTreeSet<String> = problems.map(ToString::to_string).collect();
    let shown = |side: Side, name| {
        let half = match side {
            Side::Old => subject.old,
            Side::New => subject.new,
        };
        let script = half.package.scripts.get(&name);
        script.map_or_else(String::new, |script| script.shown.clone())
    };
    let courses = Courses::new(pair(subject.old, subject.new));
    for (side, name, error) in courses.errors() {
        told.insert(format!("{}: {error}", shown(side, name)));
    }
    let steps = subject.played.iter();
    for step in steps.flat_map(|played| &played.course.steps) {
        if let Step::Run {
            side,
            script,
            cut: Some(_),
            ..
        } = step
        {
            let script = shown(*side, *script);
            told.insert(format!("{script}: not all ways through it were followed"));
        }
    }
    told.into_iter().collect()
}
