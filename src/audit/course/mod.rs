//! Which maintainer scripts dpkg runs, in which order and with which words, and what they then ask for.
//! The order is that of Debian policy, chapter 6, checked against what dpkg does (tests/audit/course.rs).

mod notes;
mod order;
mod scene;
mod shared;
#[cfg(test)]
mod tests;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::audit::call::{Call, Side};
use crate::audit::package::{Package, ScriptName};
use crate::audit::shell::{Cut, End, Parsed, Path, ScriptError};
use crate::audit::shipped::{self, Shipped};
use crate::domain::InitKind;
use notes::Notes;
use order::{Outline, Stage};
pub use scene::{Moment, Scene};
use shared::Shared;

/// What dpkg does with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// It is installed where it was not.
    Install,
    /// It is installed where its configuration was left.
    Again,
    /// One version replaces another.
    Upgrade,
    /// An upgrade during which this script of this side fails, with what dpkg does to unwind it. A script
    /// that runs only to mend what another one left fails after that one did.
    Failed(Side, ScriptName),
    /// It is removed; its configuration stays.
    Remove,
    /// It is to be removed, and its prerm fails.
    FailedRemove,
    /// What is left of it is removed.
    Purge,
    /// It is deconfigured since a package that breaks it is to be installed, and configured again since that
    /// failed. Where that package takes the place of one that this one needs, dpkg adds which that is.
    Deconfigure,
    /// A trigger that it is interested in was activated.
    Trigger,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Install,
        Self::Again,
        Self::Upgrade,
        Self::Failed(Side::Old, ScriptName::Prerm),
        Self::Failed(Side::New, ScriptName::Prerm),
        Self::Failed(Side::New, ScriptName::Preinst),
        Self::Failed(Side::Old, ScriptName::Postrm),
        Self::Failed(Side::New, ScriptName::Postrm),
        Self::Failed(Side::Old, ScriptName::Preinst),
        Self::Failed(Side::Old, ScriptName::Postinst),
        Self::Failed(Side::New, ScriptName::Postinst),
        Self::Remove,
        Self::FailedRemove,
        Self::Purge,
        Self::Deconfigure,
        Self::Trigger,
    ];
}

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A script is run.
    Run {
        /// Whose.
        side: Side,
        /// Which.
        script: ScriptName,
        /// With these words.
        arguments: Vec<String>,
        /// Whether it is the one that fails on this way.
        fails: bool,
        /// The ways through it; one where everything is known, none where it cannot be read.
        paths: Rc<[Path]>,
        /// Why these are not all the ways, where they are not.
        cut: Option<Cut>,
    },
    /// The new version's files take the place of the old one's.
    Unpack,
    /// The old version's files take the place of the new one's again.
    Restore,
    /// The files are removed, the configuration stays.
    RemoveFiles,
    /// The configuration is removed.
    RemoveConfiguration,
}

impl Step {
    /// The calls that are made whatever has to be assumed, or on the way that assumes least.
    pub fn likeliest(&self) -> &[Call] {
        match self {
            Self::Run { paths, .. } => paths.first().map_or(&[], |path| &path.calls),
            Self::Unpack | Self::Restore | Self::RemoveFiles | Self::RemoveConfiguration => &[],
        }
    }
}

/// All that dpkg does on one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// The way.
    pub way: Way,
    /// Its steps.
    pub steps: Vec<Step>,
}

impl Course {
    /// The runs of scripts, such as `postinst configure 1.0`, of which not all ways were followed to their end; none of
    /// one that cannot be read.
    pub fn unfollowed(&self) -> Vec<String> {
        let runs = self.steps.iter().filter_map(|step| match step {
            Step::Run {
                script,
                arguments,
                paths,
                cut,
                ..
            } => {
                let all = cut.is_none() && !paths.is_empty();
                let shown = || format!("{} {}", script.as_str(), arguments.join(" "));
                (!all).then(|| shown().trim_end().to_owned())
            }
            Step::Unpack | Step::Restore | Step::RemoveFiles | Step::RemoveConfiguration => None,
        });
        runs.collect()
    }
}

/// The two packages of an upgrade; one of them alone for all else.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The one that is installed.
    pub old: Option<&'a Package>,
    /// The one that is coming. What is removed, purged, deconfigured and triggered is it, where it is there.
    pub new: Option<&'a Package>,
}

impl<'a> Pair<'a> {
    /// A package of which it is not known what it replaces: itself, as most upgrades keep the scripts.
    pub fn of_one(package: &'a Package) -> Self {
        Self {
            old: Some(package),
            new: Some(package),
        }
    }

    /// The package of a side.
    pub fn side(&self, side: Side) -> Option<&'a Package> {
        match side {
            Side::Old => self.old,
            Side::New => self.new,
        }
    }

    /// The side that is meant where it is about one package.
    fn sole(&self) -> Side {
        if self.new.is_some() {
            Side::New
        } else {
            Side::Old
        }
    }
}

/// The scripts of two packages, parsed once for all ways, and evaluated once for all that are alike.
#[derive(Debug)]
pub struct Courses<'a> {
    pair: Pair<'a>,
    old: Option<Rc<Opened<'a>>>,
    new: Option<Rc<Opened<'a>>>,
    shared: Rc<Shared>,
    /// What deb-systemd-helper remembers before a way begins, under each init.
    notes: RefCell<Vec<(InitKind, Rc<[Notes]>)>>,
}

/// A package that was looked into.
#[derive(Debug)]
struct Opened<'a> {
    package: &'a Package,
    scripts: BTreeMap<ScriptName, Result<Parsed, ScriptError>>,
    /// Its services, once somebody asks.
    shipped: OnceCell<Shipped>,
}

impl<'a> Opened<'a> {
    fn of(package: &'a Package) -> Self {
        let scripts = package.scripts.values();
        Self {
            package,
            scripts: scripts
                .map(|script| (script.name, Parsed::parse(script)))
                .collect(),
            shipped: OnceCell::new(),
        }
    }

    fn shipped(&self) -> &Shipped {
        self.shipped.get_or_init(|| shipped::of(self.package))
    }
}

/// How many states of what deb-systemd-helper remembers are told apart.
const MOST_NOTES: usize = 8;

impl<'a> Courses<'a> {
    /// Parses the scripts.
    pub fn new(pair: Pair<'a>) -> Self {
        let new = pair.new.map(|package| Rc::new(Opened::of(package)));
        let old = pair.old.map(|package| match &new {
            Some(new) if std::ptr::eq(new.package, package) => Rc::clone(new),
            _ => Rc::new(Opened::of(package)),
        });
        Self {
            pair,
            old,
            new,
            shared: Rc::default(),
            notes: RefCell::default(),
        }
    }

    /// The installation of one of the packages on a machine that never had it. It is evaluated together with the rest
    /// where its scripts are those of the side [`Side::New`] here, too.
    fn alone(&self, there: &Rc<Opened<'a>>) -> Self {
        let same = self.new.as_ref().is_some_and(|new| Rc::ptr_eq(new, there));
        Self {
            pair: Pair {
                old: None,
                new: Some(there.package),
            },
            old: None,
            new: Some(Rc::clone(there)),
            shared: match same {
                true => Rc::clone(&self.shared),
                false => Rc::default(),
            },
            notes: RefCell::default(),
        }
    }

    fn side(&self, side: Side) -> Option<&Rc<Opened<'a>>> {
        match side {
            Side::Old => self.old.as_ref(),
            Side::New => self.new.as_ref(),
        }
    }

    /// The scripts that cannot be read, and why; what they ask for is in no course.
    pub fn errors(&self) -> Vec<(Side, ScriptName, &ScriptError)> {
        let sides = [(Side::Old, &self.old), (Side::New, &self.new)];
        let scripts = sides.into_iter().flat_map(|(side, opened)| {
            let scripts = opened.iter().flat_map(|opened| &opened.scripts);
            scripts.map(move |(name, parsed)| (side, *name, parsed))
        });
        let errors = scripts.filter_map(|(side, name, parsed)| {
            let error = parsed.as_ref().err()?;
            Some((side, name, error))
        });
        errors.collect()
    }

    /// What dpkg does on a way, on the machine that `scene` is.
    pub fn course(&self, way: Way, scene: &Scene) -> Course {
        let outlines = order::outline(way, &self.pair);
        let notes = self.notes_before(way, scene);
        let steps = outlines.into_iter().filter_map(|outline| match outline {
            Outline::Run {
                side,
                script,
                arguments,
                stage,
                fails,
            } => {
                let run = Running {
                    side,
                    script,
                    arguments,
                    fails,
                };
                self.run(run, (way, stage), (scene, &notes))
            }
            Outline::Step(step) => Some(step),
        });
        Course {
            way,
            steps: steps.collect(),
        }
    }

    /// What deb-systemd-helper remembers of the installation of the package that is there before `way`.
    fn notes_before(&self, way: Way, scene: &Scene) -> Rc<[Notes]> {
        let there = self.old.as_ref().or(self.new.as_ref());
        let installed = there.filter(|_| way != Way::Install);
        let Some(there) = installed.filter(|there| asks_helper(there.package)) else {
            return Rc::new([Notes::default()]);
        };
        let known = self.notes.borrow();
        if let Some((_, notes)) = known.iter().find(|(init, _)| *init == scene.init) {
            return Rc::clone(notes);
        }
        drop(known);
        let installation = self.alone(there).course(Way::Install, scene);
        let notes: Rc<[Notes]> = left_behind(&installation, there.shipped()).into();
        let entry = (scene.init, Rc::clone(&notes));
        self.notes.borrow_mut().push(entry);
        notes
    }

    /// A script that is run; `None` where the package has none of this name.
    fn run(
        &self,
        run: Running,
        (way, stage): (Way, Stage),
        (scene, notes): (&Scene, &[Notes]),
    ) -> Option<Step> {
        let opened = self.side(run.side)?;
        let parsed = opened.scripts.get(&run.script)?;
        let (mut paths, mut cut) = (Rc::from([]), None);
        if let Ok(parsed) = parsed {
            let moment = Moment {
                scene,
                pair: self.pair,
                side: run.side,
                script: run.script,
                way,
                stage,
                notes,
                shipped: opened.shipped(),
            };
            let evaluated = self.shared.evaluate(parsed, &run.arguments, &moment);
            (paths, cut) = (evaluated.paths, evaluated.cut);
        }
        Some(Step::Run {
            side: run.side,
            script: run.script,
            arguments: run.arguments,
            fails: run.fails,
            paths,
            cut,
        })
    }
}

/// Whether a package's scripts have to do with deb-systemd-helper.
fn asks_helper(package: &Package) -> bool {
    let mut scripts = package.scripts.values();
    scripts.any(|script| script.text.contains("deb-systemd-helper"))
}

/// What `way` leaves in deb-systemd-helper's notes, each once: one for each way through the scripts that ends well.
fn left_behind(way: &Course, shipped: &Shipped) -> Vec<Notes> {
    let mut all = vec![Notes::default()];
    for step in &way.steps {
        let Step::Run { paths, .. } = step else {
            continue;
        };
        let good = paths
            .iter()
            .filter(|path| !matches!(path.end, End::Status(1..)));
        let good: Vec<&Path> = good.collect();
        let mut next: Vec<Notes> = Vec::new();
        for (before, path) in all
            .iter()
            .flat_map(|one| good.iter().map(move |path| (one, path)))
        {
            let mut notes = before.clone();
            for call in &path.calls {
                notes.take((call.tool, &call.words), shipped);
            }
            if next.len() < MOST_NOTES && !next.contains(&notes) {
                next.push(notes);
            }
        }
        if !next.is_empty() {
            all = next;
        }
    }
    all
}

/// What of a script's run dpkg decides.
struct Running {
    side: Side,
    script: ScriptName,
    arguments: Vec<String>,
    fails: bool,
}

/// What dpkg does with two packages on a way.
pub fn course(way: Way, pair: &Pair<'_>, scene: &Scene) -> Course {
    Courses::new(*pair).course(way, scene)
}
