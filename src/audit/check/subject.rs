//! What the checks look at: the two packages, what dpkg does with them on every way, and each call of a
//! maintainer script as an event of that.

use std::collections::BTreeSet;

use super::event::{Effect, Under};
use super::half::Half;
use super::relations::{Relations, yes};
use crate::audit::call::{Ask, Call, Side, StatusUse, asks};
use crate::audit::course::{Course, Step, Way};
use crate::audit::package::{Form, Package, Script, ScriptName};
use crate::audit::shell::{End, Outline, Parsed, Path};
use crate::audit::shipped::Shipped;
use crate::domain::UnitName;

/// A way that dpkg goes, under one init.
#[derive(Debug, Clone)]
pub struct Played<'a> {
    /// The init.
    pub under: Under,
    /// What dpkg does.
    pub course: Course,
    /// The package that was there before.
    pub old: Option<Half<'a>>,
    /// The one that is there afterwards.
    pub new: Option<Half<'a>>,
}

/// A unit of another package that falls with one of this package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// The other package.
    pub package: String,
    /// Its unit.
    pub unit: UnitName,
    /// How it is tied: `Requires`, `BindsTo`, `PartOf`.
    pub by: String,
    /// The unit that it is tied to.
    pub to: UnitName,
}

/// What an audit looks at.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The package that is audited.
    pub new: Half<'a>,
    /// The one that it replaces; the same where nobody says.
    pub old: Half<'a>,
    /// What dpkg does, on every way, under each init. Where another version is replaced, the upgrade of the
    /// package to itself is there too: the next version will be prepared by its scripts.
    pub played: Vec<Played<'a>>,
    /// Units of other packages that are tied to those of this one.
    pub ties: &'a [Tie],
}

/// A call on one way through a script, on one of dpkg's ways.
#[derive(Debug, Clone)]
pub(super) struct Event<'s> {
    /// The way.
    pub(super) played: &'s Played<'s>,
    /// Which step of it.
    pub(super) step: usize,
    /// Which way through the script.
    pub(super) path: usize,
    /// Which call on that way.
    pub(super) turn: usize,
    /// The call.
    pub(super) call: &'s Call,
    /// Whose script it is.
    pub(super) half: Half<'s>,
    /// What it asks for.
    pub(super) asked: Ask,
    /// What comes of it, if anything.
    pub(super) effect: Option<Effect>,
    /// Whether the way through the script ends with an error: dpkg goes another way then.
    fails: bool,
}

impl Event<'_> {
    /// Whether a person wrote it.
    pub(super) fn by_hand(&self) -> bool {
        self.half.generator(self.call.place).is_none()
    }

    /// Whether a failure of it ends the script.
    pub(super) fn is_fatal(&self) -> bool {
        self.call.status == StatusUse::Fatal
    }

    /// What dpkg does.
    pub(super) fn way(&self) -> Way {
        self.played.course.way
    }

    /// The units that are named.
    pub(super) fn units(&self) -> impl Iterator<Item = &UnitName> {
        let units = self.effect.iter().flat_map(|effect| &effect.units);
        units.flatten()
    }

    /// Whether it comes after `other` on the same way of dpkg's, or may.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        self.step > other.step
            || (self.step == other.step
                && (self.path != other.path || self.turn > other.turn)
                && self.call.place != other.call.place)
    }
}

/// A maintainer script with its outline; without one where it is no shell script, or none that can be read.
pub(super) struct Outlined<'s> {
    /// The script.
    pub(super) script: &'s Script,
    /// What stands in it.
    pub(super) outline: Option<Outline>,
}

/// The subject with all its events.
pub(super) struct View<'s> {
    /// What is looked at.
    pub(super) subject: &'s Subject<'s>,
    /// The audited package's scripts.
    pub(super) scripts: Vec<Outlined<'s>>,
    /// Whether all that the scripts on both sides do is known.
    whole: bool,
    /// How the package's units are related.
    pub(super) relations: Relations<'s>,
    /// All events, in dpkg's order on each way.
    pub(super) events: Vec<Event<'s>>,
}

impl<'s> View<'s> {
    /// Everything about `subject`.
    pub(super) fn of(subject: &'s Subject<'s>) -> Self {
        let played = subject.played.iter();
        let scripts = outlined(subject.new.package);
        let others = outlined(subject.old.package);
        let built = subject.new.package.form != Form::Source;
        let known = scripts
            .iter()
            .chain(&others)
            .all(|script| script.outline.as_ref().is_some_and(is_closed));
        Self {
            subject,
            scripts,
            whole: built && known,
            relations: Relations::of(subject.new),
            events: played.flat_map(events).collect(),
        }
    }

    /// The package that is audited.
    pub(super) fn package(&self) -> &'s Package {
        self.subject.new.package
    }

    /// What it says about services.
    pub(super) fn shipped(&self) -> &'s Shipped {
        self.subject.new.shipped
    }

    /// Whether all that the scripts do is known: what debhelper adds to a source package's is not, nor what is
    /// written for another program than a shell, or read from another file.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether anybody removes it: dpkg refuses to remove what is essential, and what refuses it itself.
    pub(super) fn is_removable(&self) -> bool {
        let says = |field| {
            self.package()
                .fields
                .get(field)
                .is_some_and(|value| yes(value))
        };
        let kept = ["essential", "protected", "important"]
            .into_iter()
            .any(says);
        self.is_whole() && !kept && !self.refuses_removal()
    }

    /// Whether its prerm ends with an error on every way, as that of the init that runs does.
    fn refuses_removal(&self) -> bool {
        let ways = self.subject.played.iter();
        let removals =
            ways.filter(|way| way.under == Under::Systemd && way.course.way == Way::Remove);
        let mut steps = removals.flat_map(|way| &way.course.steps);
        steps.any(|step| match step {
            Step::Run { script, paths, .. } => {
                *script == ScriptName::Prerm && !paths.is_empty() && paths.iter().all(ends_badly)
            }
            Step::Unpack | Step::Restore | Step::RemoveFiles | Step::RemoveConfiguration => false,
        })
    }

    /// Whether a script is one of the audited package.
    pub(super) fn is_mine(&self, half: Half<'_>) -> bool {
        std::ptr::eq(half.package, self.package())
    }

    /// Each call of the audited package's scripts once, by its place and, within a loop, its words.
    pub(super) fn calls(&self) -> Vec<&Event<'s>> {
        let mut seen = BTreeSet::new();
        let mine = self.events.iter().filter(|event| self.is_mine(event.half));
        let place = |event: &Event<'_>| {
            let place = event.call.place;
            (place.script, place.start, event.call.words.clone())
        };
        mine.filter(|event| seen.insert(place(event))).collect()
    }

    /// The events of one way under one init, way by way: upgrades from another version, and to itself. What scripts
    /// do that fail in the end is left out.
    pub(super) fn each(&self, under: Under, way: Way) -> Vec<Vec<&Event<'s>>> {
        let ways = self.subject.played.iter();
        let ways = ways.filter(|played| played.under == under && played.course.way == way);
        ways.map(|played| {
            let events = self.events.iter();
            events
                .filter(|event| std::ptr::eq(event.played, played) && !event.fails)
                .collect()
        })
        .collect()
    }

    /// The events of one way under one init.
    pub(super) fn on(&self, under: Under, way: Way) -> Vec<&Event<'s>> {
        self.each(under, way).into_iter().flatten().collect()
    }
}

fn events<'s>(played: &'s Played<'s>) -> Vec<Event<'s>> {
    let mut events = Vec::new();
    for (step, what) in played.course.steps.iter().enumerate() {
        let Step::Run {
            side, paths, fails, ..
        } = what
        else {
            continue;
        };
        let half = match side {
            Side::Old => played.old.or(played.new),
            Side::New => played.new.or(played.old),
        };
        let Some(half) = half else { continue };
        for (path, way) in paths.iter().enumerate() {
            events.extend(way.calls.iter().enumerate().map(|(turn, call)| Event {
                played,
                step,
                path,
                turn,
                call,
                half,
                asked: asks(call),
                effect: Effect::of(call, played.under, half.shipped),
                fails: *fails || ends_badly(way),
            }));
        }
    }
    events
}

fn ends_badly(way: &Path) -> bool {
    matches!(way.end, End::Status(status) if status != 0)
}

fn outlined(package: &Package) -> Vec<Outlined<'_>> {
    let scripts = package.scripts.values();
    scripts
        .map(|script| Outlined {
            script,
            outline: Parsed::parse(script).ok().map(|parsed| parsed.outline()),
        })
        .collect()
}

/// What scripts read that is known to act on no service.
const LIBRARIES: [&str; 4] = [
    "/usr/share/debconf/",
    "/usr/share/dbconfig-common/",
    "/usr/share/apache2/",
    "/etc/",
];

/// Whether a script reads no other one.
fn is_closed(outline: &Outline) -> bool {
    outline.simples.iter().all(|simple| {
        let mut words = simple.words.iter();
        let reads = words
            .next()
            .is_some_and(|first| first == "." || first == "source");
        let file = words.next().map(|file| file.trim_matches(['"', '\'']));
        let known =
            file.is_some_and(|file| LIBRARIES.iter().any(|library| file.starts_with(library)));
        !reads || known
    })
}
