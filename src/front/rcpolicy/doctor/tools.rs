//! The paths that rcpolicy took over: what stands there, whether dpkg knows of it, whether the way back is there.

use std::io::{BufRead, BufReader, Read};

use crate::front::rcpolicy::Place;
use crate::observe::detect::is_executable;
use crate::observe::installed::{self, Diversion};
use crate::report::doctor::{Finding, Level};

const PART: &str = "tools";
const OURS: &str = "/usr/libexec/rcpolicy";
const TAKEN: [&str; 2] = ["/usr/sbin/invoke-rc.d", "/usr/bin/deb-systemd-invoke"];
/// How long a script's first line may be, in bytes.
const LONGEST: u64 = 1024;
const CONFIGURE: &str = "dpkg-reconfigure rcpolicy";

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// Our script, which starts this program.
    Ours(String),
    /// A link to the stock tool beside it.
    Stock,
    Other,
    Missing,
}

pub(super) fn examine(place: &Place) -> Vec<Finding> {
    let diversions = match installed::diversions(&place.root) {
        Ok(diversions) => diversions,
        Err(error) => {
            let text = format!("cannot read dpkg's diversions: {error}");
            return vec![super::unseen(place, PART, text)];
        }
    };
    let standing: Vec<Standing> = TAKEN.iter().map(|path| standing(place, path)).collect();
    let taken = |one: &Standing| matches!(one, Standing::Ours(_) | Standing::Stock);
    let diverted = diversions.iter().any(|one| one.package == "rcpolicy");
    if !diverted && !standing.iter().any(taken) {
        let text = "rcpolicy is not installed here: packages use the stock tools";
        return vec![Finding::new(Level::Warning, PART, text).advising("install its package")];
    }
    let each = TAKEN.iter().zip(&standing);
    let mut found: Vec<Finding> = each
        .flat_map(|(path, standing)| of_path(place, path, standing, &diversions))
        .collect();
    if found.is_empty() {
        let text = "invoke-rc.d and deb-systemd-invoke are ours, and the stock tools beside them";
        found.push(Finding::new(Level::Fine, PART, text));
    }
    found
}

fn of_path(
    place: &Place,
    path: &str,
    standing: &Standing,
    diversions: &[Diversion],
) -> Vec<Finding> {
    let problem = |text: String, advice: &str| {
        Some(Finding::new(Level::Problem, PART, text).advising(advice))
    };
    let diverted = diversions.iter().find(|one| one.from == path);
    let kept = format!("{path}.distrib");
    let all = [
        match diverted {
            Some(one) if one.package != "rcpolicy" => problem(
                format!("`{path}` is diverted by {}", one.package),
                "see dpkg-divert --list, and remove that package or this",
            ),
            Some(one) if one.to != kept => problem(
                format!(
                    "`{path}` is diverted to `{}`, where we look for `{kept}`",
                    one.to
                ),
                CONFIGURE,
            ),
            Some(_) => None,
            None => problem(
                format!(
                    "`{path}` is not diverted: the next upgrade of init-system-helpers takes it"
                ),
                CONFIGURE,
            ),
        },
        stands_wrong(place, path, standing),
        match is_executable(&place.path(&kept).to_string_lossy()) {
            true => None,
            false => problem(
                format!("`{kept}` is missing: the bypass and the package's removal need it"),
                "apt-get install --reinstall init-system-helpers",
            ),
        },
    ];
    all.into_iter().flatten().collect()
}

fn stands_wrong(place: &Place, path: &str, standing: &Standing) -> Option<Finding> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (level, text) = match standing {
        Standing::Ours(tool) if !is_executable(&place.path(tool).to_string_lossy()) => (
            Level::Problem,
            format!("`{path}` leads to `{tool}`, which cannot be run: packages fail on it"),
        ),
        Standing::Ours(tool) if *tool == format!("{OURS}/{name}") => return None,
        Standing::Ours(tool) => (
            Level::Warning,
            format!("`{path}` leads to `{tool}`: an upgrade of rcpolicy was not finished"),
        ),
        Standing::Stock => (
            Level::Problem,
            format!("`{path}` is the stock tool: ours did not run here when it was configured"),
        ),
        Standing::Other => (
            Level::Problem,
            format!("`{path}` is not ours any more: somebody wrote over it"),
        ),
        Standing::Missing => (
            Level::Problem,
            format!("`{path}` is missing: packages fail on it"),
        ),
    };
    Some(Finding::new(level, PART, text).advising(CONFIGURE))
}

fn standing(place: &Place, path: &str) -> Standing {
    let at = place.path(path);
    if let Ok(target) = at.read_link() {
        let kept = format!("{}.distrib", path.rsplit('/').next().unwrap_or(path));
        return match target.to_str() == Some(&kept) {
            true => Standing::Stock,
            false => Standing::Other,
        };
    }
    if !at.is_file() {
        return match at.exists() {
            true => Standing::Other,
            false => Standing::Missing,
        };
    }
    let mut first = String::new();
    let read = std::fs::File::open(&at)
        .and_then(|file| BufReader::new(file.take(LONGEST)).read_line(&mut first));
    let tool = first
        .trim_end()
        .strip_prefix("#!")
        .and_then(|line| line.strip_suffix(" --called-as"));
    match (read, tool) {
        (Ok(_), Some(tool)) if tool.starts_with(OURS) => Standing::Ours(tool.to_owned()),
        _ => Standing::Other,
    }
}
