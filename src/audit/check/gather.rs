//! What dpkg does with the packages, on the ways that matter to the checks, under systemd and without it.

use super::event::Under;
use super::half::Half;
use super::relations::{FALLS_WITH, Relations, stays};
use super::subject::{Played, Subject, Tie};
use crate::audit::call::Side;
use crate::audit::course::{Courses, Pair, Scene, Way};
use crate::audit::package::ScriptName;
use crate::domain::{InitKind, UnitKind, UnitName};

/// The ways: each branch of a script that dpkg can reach is on one of them.
const WAYS: [Way; 10] = [
    Way::Install,
    Way::Again,
    Way::Upgrade,
    Way::Failed(Side::Old, ScriptName::Prerm),
    Way::Failed(Side::New, ScriptName::Preinst),
    Way::Failed(Side::New, ScriptName::Postrm),
    Way::Remove,
    Way::Purge,
    Way::Deconfigure,
    Way::Trigger,
];

impl<'a> Subject<'a> {
    /// What comes of replacing `old` by `new`, and of `new` from then on; both are the same where nobody says
    /// which version is replaced. `ties` are units of other packages.
    pub fn of(old: Half<'a>, new: Half<'a>, ties: &'a [Tie]) -> Self {
        let mut played = play(old, new, &WAYS);
        if !std::ptr::eq(old.package, new.package) {
            played.extend(play(new, new, &[Way::Upgrade]));
        }
        Self {
            new,
            old,
            played,
            ties,
        }
    }
}

impl Tie {
    /// The units of a package that are started with the machine and fall with one of another package.
    pub fn all_of(half: Half<'_>) -> Vec<Self> {
        let relations = Relations::of(half);
        let units = relations
            .units()
            .filter(|unit| relations.can_be_enabled(unit) && stays(unit));
        let lines = units.flat_map(|unit| {
            let keys = FALLS_WITH.into_iter();
            keys.flat_map(move |key| {
                unit.words("Unit", key)
                    .into_iter()
                    .map(move |word| (unit, key, word))
            })
        });
        lines
            .filter_map(|(unit, key, word)| {
                let to = UnitName::parse(word).ok()?;
                let own = relations.unit(&to).is_some();
                (!own && to.kind() != UnitKind::Target).then(|| Self {
                    package: half.package.name.clone(),
                    unit: unit.name.clone(),
                    by: key.to_owned(),
                    to,
                })
            })
            .collect()
    }
}

fn play<'a>(old: Half<'a>, new: Half<'a>, ways: &[Way]) -> Vec<Played<'a>> {
    let pair = Pair {
        old: Some(old.package),
        new: Some(new.package),
    };
    let courses = Courses::new(pair);
    let inits = [
        (Under::Systemd, InitKind::Systemd),
        (Under::Sysv, InitKind::Sysv),
    ];
    let all = inits
        .iter()
        .flat_map(|init| ways.iter().map(move |way| (init, way)));
    all.map(|((under, init), way)| Played {
        under: *under,
        course: courses.course(*way, &Scene::new(*init)),
        old: Some(old),
        new: Some(new),
    })
    .collect()
}
