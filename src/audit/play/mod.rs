//! Plays what scripts ask for on two simulated machines side by side: one where Debian's own tools carry it out,
//! and one where ours do. What goes past both reaches the init on both. Nothing of a real machine is read or
//! changed.
//!
//! | File | What it owns |
//! |---|---|
//! | `definitions` | the units of a package as the model takes them |
//! | `ways` | which way through each script is played |
//! | `meaning` | what a call asks for |
//! | `bench` | one machine, with whose files lie on its disk |
//! | `hands` | who carries a call out, and how |
//! | `runner` | one way after the other, in the model's time |
//! | `tracks`, `windows`, `seen` | what is read off the model's record, and looked at beside it |
//! | `stage` | the result, as reports and JSON have it |
//! | `show` | the result for people, as SVG, as JSON |

mod bench;
mod definitions;
mod hands;
mod meaning;
mod runner;
mod seen;
pub mod show;
mod stage;
mod tracks;
mod ways;
mod windows;

use crate::audit::call::{Assumption, Call, Word};
use crate::audit::course::{Course, Pair, Scene, Way, course};
use crate::audit::package::{Form, Package};
use crate::audit::shipped::{self, Shipped};
use crate::domain::{InitKind, Manner};
use crate::init::simulated::Micros;
use crate::policy::{Origin, Policy, PolicyFile, Tier, parse};
use crate::simulate::Tool;

use bench::Bench;
use definitions::Definitions;
use hands::Hand;
use runner::Crowd;
use ways::{Deed, Variant};

pub use stage::{
    Carried, Danger, Did, Edge, Figures, Final, Knock, Met, Phase, Stage, Stretch, Track, Version,
    Wake, Window,
};
pub use ways::Run;

/// A package that takes part.
#[derive(Debug, Clone, Copy)]
pub struct Player<'a> {
    /// The package.
    pub package: &'a Package,
    /// What of it is about services.
    pub shipped: &'a Shipped,
}

/// Who takes part: the package that is there, and the one that is coming.
#[derive(Debug, Clone, Copy)]
pub struct Cast<'a> {
    /// What is installed; `None` for an installation.
    pub old: Option<Player<'a>>,
    /// What is coming; `None` for a removal.
    pub new: Option<Player<'a>>,
}

/// How it is played.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The init of both machines.
    pub init: InitKind,
    /// Clients of each socket and each bus name.
    pub clients: u32,
    /// Microseconds between two connections of a client, at least 1.
    pub every: Micros,
    /// Decides the clients' small irregularities.
    pub seed: u64,
    /// The admin's policy, in the order of precedence; the packages' own files come behind it.
    pub policy: Vec<PolicyFile>,
    /// How many ways are played at most, at least 1.
    pub most_ways: usize,
}

impl Default for Setting {
    /// systemd, three clients every 10 ms, no policy of an admin's.
    fn default() -> Self {
        Self {
            init: InitKind::Systemd,
            clients: 3,
            every: 10 * definitions::MS,
            seed: 1,
            policy: Vec::new(),
            most_ways: 8,
        }
    }
}

/// What was played.
#[derive(Debug, Clone, PartialEq)]
pub struct Play {
    /// The package's name.
    pub package: String,
    /// The version that is there before.
    pub old: Option<String>,
    /// The version that is there afterwards.
    pub new: Option<String>,
    /// What dpkg does.
    pub way: Way,
    /// The init of both machines.
    pub init: InitKind,
    /// Clients of each socket and each bus name.
    pub clients: u32,
    /// Microseconds between two connections of a client.
    pub every: Micros,
    /// What decided the clients' small irregularities.
    pub seed: u64,
    /// The ways, the likeliest first.
    pub ways: Vec<Played>,
    /// How many more there are.
    pub left_out: usize,
    /// Runs of scripts of which not all is known: calls may be missing.
    pub unfollowed: Vec<String>,
}

/// One way.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// What was assumed for it.
    pub assumed: Vec<Assumption>,
    /// The scripts' calls in their order.
    pub calls: Vec<Called>,
    /// With the stock tools.
    pub stock: Stage,
    /// With ours.
    pub ours: Stage,
}

/// A call, and the run of the script that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The script.
    pub run: Run,
    /// The call.
    pub call: Call,
}

impl Called {
    /// The words, what is not known as it is written.
    pub fn argv(&self) -> Vec<&str> {
        let words = self.call.words.iter().map(|word| match word {
            Word::Known(text) | Word::Unknown(text) => text.as_str(),
        });
        words.collect()
    }
}

impl Play {
    /// Whether the packages have anything that the init knows as a service.
    pub fn has_services(&self) -> bool {
        let tracks = |way: &Played| !way.stock.tracks.is_empty();
        self.ways.iter().any(tracks)
    }
}

/// Plays what dpkg does with `pair` on `way`.
pub fn play_pair(pair: &Pair<'_>, way: Way, setting: &Setting) -> Play {
    let scene = Scene::new(setting.init);
    let begun = pair.old.map(|old| {
        let alone = Pair {
            old: None,
            new: Some(old),
        };
        course(Way::Install, &alone, &scene)
    });
    let shipped = |package: Option<&Package>| package.map(shipped::of);
    let (old, new) = (shipped(pair.old), shipped(pair.new));
    let player = |package: Option<_>, shipped: Option<_>| {
        let both = package.zip(shipped);
        both.map(|(package, shipped)| Player { package, shipped })
    };
    let cast = Cast {
        old: player(pair.old, old.as_ref()),
        new: player(pair.new, new.as_ref()),
    };
    let courses = (begun.as_ref(), &course(way, pair, &scene));
    play(&cast, courses, setting)
}

/// Plays `course`. `beginning` is the installation of the old package, which says what is enabled before.
pub fn play(
    cast: &Cast<'_>,
    (beginning, course): (Option<&Course>, &Course),
    setting: &Setting,
) -> Play {
    let of = |player: Option<Player<'_>>| {
        let shipped = player.map(|player| Definitions::of(player.shipped, setting.init));
        shipped.unwrap_or_default()
    };
    let (old, new) = (of(cast.old), of(cast.new));
    let empty = Bench::new(setting.init, setting.seed, &old, &new);
    // What is purged was removed before: nothing of it runs.
    let begun = match course.way {
        Way::Purge | Way::Again => empty,
        Way::Install
        | Way::Upgrade
        | Way::Failed(..)
        | Way::Remove
        | Way::FailedRemove
        | Way::Deconfigure
        | Way::Trigger => begin(cast, beginning, empty),
    };
    let chosen = ways::ways(course, setting.most_ways);
    let policy = policy(cast, setting);
    let name = name(cast);
    let played = |variant| one((&begun, name.as_str()), (variant, &policy), setting);
    let version = |player: Option<Player<'_>>| player.map(|player| player.package.version.clone());
    Play {
        old: version(cast.old),
        new: version(cast.new),
        way: course.way,
        init: setting.init,
        clients: setting.clients,
        every: setting.every,
        seed: setting.seed,
        ways: chosen.variants.into_iter().map(played).collect(),
        left_out: chosen.left_out,
        unfollowed: course.unfollowed(),
        package: name.clone(),
    }
}

/// Plays one way with each of the two hands.
fn one(
    (begun, name): (&Bench<'_>, &str),
    (variant, policy): (Variant, &Policy),
    setting: &Setting,
) -> Played {
    let crowd = Crowd {
        clients: setting.clients,
        every: setting.every.max(1),
    };
    let on = |mut hand: Hand| runner::play(&mut begun.clone(), &mut hand, name, (&variant, crowd));
    Played {
        stock: on(Hand::Stock),
        ours: on(Hand::Ours(Box::new(Tool::with(policy.clone())))),
        calls: calls(&variant),
        assumed: variant.assumed,
    }
}

fn name(cast: &Cast<'_>) -> String {
    let player = cast.new.or(cast.old);
    player.map_or_else(String::new, |player| player.package.name.clone())
}

/// The machine as it is before: what the old package's installation and a boot leave behind.
fn begin<'a>(cast: &Cast<'_>, beginning: Option<&Course>, mut bench: Bench<'a>) -> Bench<'a> {
    let Some(old) = cast.old else {
        return bench;
    };
    let first = beginning.and_then(|course| ways::ways(course, 1).variants.into_iter().next());
    let enabled =
        first.is_some_and(|first| runner::rehearse(&mut bench, &first, &old.package.name));
    bench.unpacked(crate::audit::call::Side::Old);
    // Other inits' services are enabled by more than the calls that are followed here.
    let told = enabled || bench.init.manner() == Manner::Units;
    if !told || old.package.form == Form::Source {
        // What debhelper would do is not in a source package, and presets enable all.
        let names: Vec<_> = bench.own().into_iter().collect();
        for name in names {
            bench.install(meaning::Change::Enable, &name);
        }
    }
    bench.reread();
    bench.boot();
    bench.pass(runner::takes::END);
    bench
}

/// The admin's files, then those that the packages ship, the new one's in the place of the old one's.
fn policy(cast: &Cast<'_>, setting: &Setting) -> Policy {
    let mut files = setting.policy.clone();
    let player = cast.new.or(cast.old);
    for (path, text) in player
        .into_iter()
        .flat_map(|player| &player.shipped.policies)
    {
        let parsed = parse(path, Tier::Vendor, text);
        if !parsed.is_broken() {
            files.push(parsed.file);
        }
    }
    Policy::new(Origin::Current, files, Vec::new())
}

fn calls(variant: &Variant) -> Vec<Called> {
    let mut all = Vec::new();
    for deed in &variant.deeds {
        if let Deed::Script(run, calls) = deed {
            all.extend(calls.iter().map(|call| Called {
                run: run.clone(),
                call: call.clone(),
            }));
        }
    }
    all
}

#[cfg(test)]
mod tests;
