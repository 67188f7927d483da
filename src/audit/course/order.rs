//! The order of scripts, as dpkg has it, and what of each package's files is there at each of them.

use super::{Pair, Step, Way};
use crate::audit::call::Side;
use crate::audit::package::ScriptName;

/// What of a package's files is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// None of them.
    Absent,
    /// Its configuration alone.
    Configuration,
    /// The old version's.
    Old,
    /// Both versions', the new one's over the old one's; of its configuration what the old version had, too.
    Unpacked,
    /// All of the new version's, or of the only one's.
    New,
}

/// A step before its script is looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outline {
    Run {
        side: Side,
        script: ScriptName,
        arguments: Vec<String>,
        stage: Stage,
        fails: bool,
    },
    Step(Step),
}

use ScriptName::{Postinst, Postrm, Preinst, Prerm};
use Side::{New, Old};

/// The steps of a way.
pub(super) fn outline(way: Way, pair: &Pair<'_>) -> Vec<Outline> {
    let sole = pair.sole();
    match way {
        Way::Install => vec![
            run(New, Preinst, &["install"], Stage::Absent),
            Outline::Step(Step::Unpack),
            run(New, Postinst, &["configure", ""], Stage::New),
        ],
        Way::Again => {
            let version = pair.old.or(pair.new).map_or("", |package| &package.version);
            let coming = pair.new.map_or("", |package| &package.version);
            vec![
                run(
                    New,
                    Preinst,
                    &["install", version, coming],
                    Stage::Configuration,
                ),
                Outline::Step(Step::Unpack),
                run(New, Postinst, &["configure", version], Stage::New),
            ]
        }
        Way::Upgrade => upgrade(pair, None),
        Way::Failed(side, script) => upgrade(pair, Some((side, script))),
        Way::Remove => vec![
            run(sole, Prerm, &["remove"], Stage::New),
            Outline::Step(Step::RemoveFiles),
            run(sole, Postrm, &["remove"], Stage::Configuration),
        ],
        Way::FailedRemove => vec![
            failing(run(sole, Prerm, &["remove"], Stage::New)),
            run(sole, Postinst, &["abort-remove"], Stage::New),
        ],
        Way::Purge => vec![
            Outline::Step(Step::RemoveConfiguration),
            run(sole, Postrm, &["purge"], Stage::Absent),
        ],
        Way::Deconfigure => vec![
            run(
                sole,
                Prerm,
                &["deconfigure", "in-favour", "coming", "1"],
                Stage::New,
            ),
            run(
                sole,
                Postinst,
                &["abort-deconfigure", "in-favour", "coming", "1"],
                Stage::New,
            ),
        ],
        Way::Trigger => trigger(pair, sole),
    }
}

fn run(side: Side, script: ScriptName, words: &[&str], stage: Stage) -> Outline {
    Outline::Run {
        side,
        script,
        arguments: words.iter().map(|word| (*word).to_owned()).collect(),
        stage,
        fails: false,
    }
}

fn failing(outline: Outline) -> Outline {
    match outline {
        Outline::Run {
            side,
            script,
            arguments,
            stage,
            ..
        } => Outline::Run {
            side,
            script,
            arguments,
            stage,
            fails: true,
        },
        Outline::Step(step) => Outline::Step(step),
    }
}

/// dpkg hands the names of all triggers over as one word.
fn trigger(pair: &Pair<'_>, side: Side) -> Vec<Outline> {
    let package = pair.side(side);
    let lines = package.into_iter().flat_map(|package| &package.triggers);
    let names = lines.filter_map(|line| {
        let (directive, name) = line.split_once(char::is_whitespace)?;
        directive.starts_with("interest").then(|| name.trim())
    });
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![run(
        side,
        Postinst,
        &["triggered", &names.join(" ")],
        Stage::New,
    )]
}

/// An upgrade; where a script fails, with what comes of it.
fn upgrade(pair: &Pair<'_>, fails: Option<(Side, ScriptName)>) -> Vec<Outline> {
    let (Some(old), Some(new)) = (pair.old, pair.new) else {
        return Vec::new();
    };
    let (old, new) = (old.version.as_str(), new.version.as_str());
    let prerm = run(Old, Prerm, &["upgrade", new], Stage::Old);
    let instead = run(New, Prerm, &["failed-upgrade", old, new], Stage::Old);
    let preinst = run(New, Preinst, &["upgrade", old, new], Stage::Old);
    let unpack = Outline::Step(Step::Unpack);
    let postrm = run(Old, Postrm, &["upgrade", new], Stage::Unpacked);
    let mended = run(New, Postrm, &["failed-upgrade", old, new], Stage::Unpacked);
    let postinst = run(New, Postinst, &["configure", old], Stage::New);
    let back = |stage| run(New, Postrm, &["abort-upgrade", old, new], stage);
    let restored = run(Old, Postinst, &["abort-upgrade", new], Stage::Old);
    let undone = run(Old, Preinst, &["abort-upgrade", new], Stage::Unpacked);
    let restore = Outline::Step(Step::Restore);
    match fails {
        None => vec![prerm, preinst, unpack, postrm, postinst],
        Some((Old, Prerm)) => vec![failing(prerm), instead, preinst, unpack, postrm, postinst],
        Some((New, Prerm)) => vec![failing(prerm), failing(instead), restored],
        Some((New, Preinst)) => vec![prerm, failing(preinst), back(Stage::Old), restored],
        Some((Old, Postinst)) => vec![prerm, failing(preinst), back(Stage::Old), failing(restored)],
        Some((Old, Postrm)) => vec![prerm, preinst, unpack, failing(postrm), mended, postinst],
        Some((New, Postrm)) => vec![
            prerm,
            preinst,
            unpack,
            failing(postrm),
            failing(mended),
            undone,
            restore,
            back(Stage::Old),
            restored,
        ],
        Some((Old, Preinst)) => {
            vec![
                prerm,
                preinst,
                unpack,
                failing(postrm),
                failing(mended),
                failing(undone),
            ]
        }
        Some((New, Postinst)) => vec![prerm, preinst, unpack, postrm, failing(postinst)],
    }
}
