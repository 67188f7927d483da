//! `rcpolicy simulate PACKAGE...`: plays what dpkg and the maintainer scripts of packages do on two simulated
//! machines, with the stock tools and with ours. Nothing of the packages is run, and nothing is written but the
//! SVG that was asked for.

use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use thiserror::Error;

use super::look::look;
use super::{Ending, Failure};
use crate::audit::course::{Pair, Way};
use crate::audit::package::{Limits, Package, PackageError, read};
use crate::audit::play::{Play, Setting, play_pair, show};
use crate::domain::InitKind;
use crate::policy::{self, Problem, Tier};
use crate::report::console::Console;

/// Microseconds in a millisecond.
const MS: u64 = 1000;

/// What is to be played.
#[derive(Debug, clap::Args)]
#[group(id = "play")]
pub(super) struct Arguments {
    /// Packages to play in place of the demonstration: the old and the new one, or one that is replaced by
    /// itself. A .deb file, an unpacked package, or a source package's directory.
    #[arg(value_name = "PACKAGE", num_args = 0..=2)]
    pub(super) packages: Vec<PathBuf>,
    /// What dpkg does with them.
    #[arg(long, value_enum, default_value_t = Operation::Upgrade, requires = "packages")]
    operation: Operation,
    /// The init of the machine.
    #[arg(long, value_parser = init, default_value = "systemd", requires = "packages")]
    init: InitKind,
    /// A directory of policy files, taken as the admin's. What packages ship applies behind them.
    #[arg(long, value_name = "DIR", requires = "packages")]
    policy: Option<PathBuf>,
    /// Which binary package is meant, of a source package that has several.
    #[arg(long, value_name = "NAME", requires = "packages")]
    package: Option<String>,
    /// How many ways are played at most where it is not known which a script takes.
    #[arg(long, value_name = "N", default_value_t = 8, requires = "packages", value_parser = clap::value_parser!(u16).range(1..=256))]
    ways: u16,
    /// Draw it into this file.
    #[arg(long, value_name = "FILE", requires = "packages")]
    svg: Option<PathBuf>,
}

/// What dpkg does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// The new package is installed where there was none.
    Install,
    /// The new package replaces the old one.
    Upgrade,
    /// The old package goes; its configuration stays.
    Remove,
    /// Its configuration goes, too.
    Purge,
    /// A trigger that it waits for.
    Trigger,
}

impl Operation {
    fn way(self) -> Way {
        match self {
            Self::Install => Way::Install,
            Self::Upgrade => Way::Upgrade,
            Self::Remove => Way::Remove,
            Self::Purge => Way::Purge,
            Self::Trigger => Way::Trigger,
        }
    }
}

/// Why nothing was played.
#[derive(Debug, Error)]
pub(super) enum PlayFailure {
    /// A package could not be read.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// It holds several packages, or none of the name.
    #[error("`{path}` has no package `{wanted}`, only {found}")]
    Several {
        /// The file or directory.
        path: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// A policy file is wrong.
    #[error("{0}")]
    Policy(Box<Problem>),
    /// The drawing could not be written.
    #[error("cannot write `{path}`: {source}")]
    Svg {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be put into JSON.
    #[error("cannot write the play as JSON: {0}")]
    Json(serde_json::Error),
}

fn init(word: &str) -> Result<InitKind, String> {
    let all = InitKind::ALL.into_iter();
    let mut real = all.filter(|kind| *kind != InitKind::Simulated);
    let found = real.clone().find(|kind| kind.as_str() == word);
    found.ok_or_else(|| {
        let names: Vec<&str> = real.by_ref().map(InitKind::as_str).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Who connects, and how the result is shown: what the demonstration takes, too.
pub(super) struct Manner {
    pub(super) clients: u32,
    pub(super) every_ms: u64,
    pub(super) seed: u64,
    pub(super) json: bool,
}

pub(super) fn run(
    arguments: &Arguments,
    manner: &Manner,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let played = played(arguments, manner)?;
    if let Some(path) = &arguments.svg {
        write(path, &show::svg(&played))?;
    }
    if manner.json {
        let text = show::json(&played).map_err(PlayFailure::Json)?;
        console.say(text.trim_end());
    } else {
        let mut text = Vec::new();
        // Writing into memory does not fail.
        let _ = show::text(&played, look(), &mut text);
        let _ = console.hand_out(&String::from_utf8_lossy(&text));
    }
    Ok(Ending::Done)
}

fn played(arguments: &Arguments, manner: &Manner) -> Result<Play, PlayFailure> {
    let mut packages = Vec::new();
    for path in &arguments.packages {
        packages.push(one(path, arguments.package.as_deref())?);
    }
    let (Some(first), Some(last)) = (packages.first(), packages.last()) else {
        return Err(several(Path::new(""), "", &[]));
    };
    let way = arguments.operation.way();
    let pair = Pair {
        old: (way != Way::Install).then_some(first),
        new: matches!(way, Way::Install | Way::Upgrade).then_some(last),
    };
    let setting = Setting {
        init: arguments.init,
        clients: manner.clients,
        every: manner.every_ms.max(1).saturating_mul(MS),
        seed: manner.seed,
        policy: admins(arguments.policy.as_deref())?,
        most_ways: usize::from(arguments.ways),
    };
    Ok(play_pair(&pair, way, &setting))
}

/// The one package that `path` has, or the one of that name.
fn one(path: &Path, wanted: Option<&str>) -> Result<Package, PlayFailure> {
    let all = read(path, &Limits::default())?;
    let fits = |package: &&Package| wanted.is_none_or(|wanted| package.name == wanted);
    let mut fitting = all.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => Err(several(
            path,
            wanted.unwrap_or("(choose by --package)"),
            &all,
        )),
    }
}

fn several(path: &Path, wanted: &str, all: &[Package]) -> PlayFailure {
    let names: Vec<&str> = all.iter().map(|package| package.name.as_str()).collect();
    PlayFailure::Several {
        path: path.display().to_string(),
        wanted: wanted.to_owned(),
        found: match names.is_empty() {
            true => "nothing".to_owned(),
            false => names.join(", "),
        },
    }
}

/// The policy files of a directory; one that is wrong is told, and nothing is played with half of a policy.
fn admins(directory: Option<&Path>) -> Result<Vec<policy::PolicyFile>, PlayFailure> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let owner = nix::unistd::geteuid().as_raw();
    let (files, problems) = policy::read_directory(directory, Tier::Admin, owner);
    match problems.into_iter().find(Problem::is_error) {
        Some(problem) => Err(PlayFailure::Policy(Box::new(problem))),
        None => Ok(files),
    }
}

fn write(path: &Path, text: &str) -> Result<(), PlayFailure> {
    let written = std::fs::write(path, text);
    written.map_err(|source| PlayFailure::Svg {
        path: path.display().to_string(),
        source,
    })
}
