//! The courses of two packages: their scripts are parsed once, and evaluated as often as something differs.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::audit::call::Side;
use crate::audit::package::{Package, ScriptName};
use crate::audit::shell::{End, Parsed, Path, ScriptError};
use crate::audit::shipped::{self, Shipped};
use crate::domain::InitKind;

use super::notes::Notes;
use super::order::{self, Outline, Stage};
use super::scene::{Moment, Scene};
use super::shared::Shared;
use super::{Course, Pair, Step, Way};

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
