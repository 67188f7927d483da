//! From the directories to the policy that applies. Never fails and never waits: what is wrong becomes a
//! problem, and a broken file of the admin's brings back the last policy that read well.

mod files;
mod last_good;
mod trusted;

use std::path::{Path, PathBuf};

use super::lint;
use super::merge::{Origin, Policy, PolicyFile};
use super::problem::{Problem, Severity};
use super::rule::Tier;
use super::schema;
use files::{Hidden, PolicyText};

/// Whether a policy that read well is kept for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// On the machine that the policy is for, by root.
    Yes,
    /// In a chroot, when offline, and for those who only look.
    No,
}

/// Where the policy lies, and who may have written it.
#[derive(Debug, Clone)]
pub struct Roots {
    /// The admin's directory.
    pub etc: PathBuf,
    /// The admin's directory until the next boot.
    pub run: PathBuf,
    /// The packages' directory.
    pub lib: PathBuf,
    /// The directory of the copy of the last policy that read well.
    pub cache: PathBuf,
    /// The user id that files may belong to besides root's.
    pub owner: u32,
    /// Whether that copy is brought up to date.
    pub keep: Keep,
}

impl Roots {
    /// The machine's own.
    pub fn system(keep: Keep) -> Self {
        Self::under(Path::new("/"), keep)
    }

    /// The same directories below `prefix`.
    pub fn under(prefix: &Path, keep: Keep) -> Self {
        Self {
            etc: prefix.join("etc/rcpolicy/policy.d"),
            run: prefix.join("run/rcpolicy/policy.d"),
            lib: prefix.join("usr/lib/rcpolicy/policy.d"),
            cache: prefix.join("var/lib/rcpolicy/last-good"),
            owner: 0,
            keep,
        }
    }

    fn directory(&self, tier: Tier) -> &Path {
        match tier {
            Tier::Admin => &self.etc,
            Tier::Runtime => &self.run,
            Tier::Vendor => &self.lib,
        }
    }
}

/// Loads the policy that applies.
pub fn load(roots: &Roots) -> Policy {
    let mut hidden = Hidden::default();
    let (texts, mut problems) = admins(roots, &mut hidden);
    let files = parse_all(&texts, &mut problems);
    let broken = problems.iter().any(Problem::is_error);
    let (origin, files) = if broken {
        match last_good::read(roots) {
            Ok(kept) => restored(roots, &kept, &mut hidden, &mut problems),
            Err(error) => nothing_kept(roots, &error.to_string(), &mut problems),
        }
    } else {
        problems.extend(keep(roots, &texts));
        (Origin::Current, files)
    };
    if origin == Origin::None {
        return Policy::new(origin, Vec::new(), problems);
    }
    let packages = vendors(roots, &mut hidden, &mut problems);
    Policy::new(
        origin,
        files.into_iter().chain(packages).collect(),
        problems,
    )
}

/// All problems of all files that apply, and what looks like a mistake in them.
pub fn check(roots: &Roots) -> Vec<Problem> {
    let mut hidden = Hidden::default();
    let (texts, mut problems) = admins(roots, &mut hidden);
    let mut files = parse_all(&texts, &mut problems);
    let (texts, found) = files::read(roots, Tier::Vendor, &mut hidden);
    problems.extend(found);
    files.extend(parse_all(&texts, &mut problems));
    problems.extend(lint::lint(&files));
    problems
}

/// All problems of the files in one directory, judged as those of `tier`; they must belong to root or `owner`.
pub fn check_directory(directory: &Path, tier: Tier, owner: u32) -> Vec<Problem> {
    if let Err(error) = std::fs::read_dir(directory) {
        let path = directory.display().to_string();
        return vec![Problem::whole(
            Severity::Error,
            path,
            format!("cannot read it: {error}"),
        )];
    }
    let mut roots = Roots::system(Keep::No);
    roots.owner = owner;
    match tier {
        Tier::Admin => roots.etc = directory.to_owned(),
        Tier::Runtime => roots.run = directory.to_owned(),
        Tier::Vendor => roots.lib = directory.to_owned(),
    }
    let (texts, mut problems) = files::read(&roots, tier, &mut Hidden::default());
    let files = parse_all(&texts, &mut problems);
    problems.extend(lint::lint(&files));
    problems
}

/// The texts of the admin's files.
fn admins(roots: &Roots, hidden: &mut Hidden) -> (Vec<PolicyText>, Vec<Problem>) {
    let (mut texts, mut problems) = files::read(roots, Tier::Admin, hidden);
    let (more, found) = files::read(roots, Tier::Runtime, hidden);
    texts.extend(more);
    problems.extend(found);
    (texts, problems)
}

fn parse_all(texts: &[PolicyText], problems: &mut Vec<Problem>) -> Vec<PolicyFile> {
    let mut files = Vec::with_capacity(texts.len());
    for text in texts {
        let parsed = schema::parse(&text.path, text.tier, &text.text);
        problems.extend(parsed.problems);
        files.push(parsed.file);
    }
    files
}

/// The packages' files that can be used; of the others, a warning.
fn vendors(roots: &Roots, hidden: &mut Hidden, problems: &mut Vec<Problem>) -> Vec<PolicyFile> {
    let (texts, mut found) = files::read(roots, Tier::Vendor, hidden);
    let mut files = Vec::with_capacity(texts.len());
    for text in &texts {
        let parsed = schema::parse(&text.path, text.tier, &text.text);
        if !parsed.is_broken() {
            files.push(parsed.file);
        }
        found.extend(parsed.problems);
    }
    problems.extend(found.into_iter().map(|problem| Problem {
        severity: Severity::Warning,
        message: format!("{} (this file is skipped)", problem.message),
        ..problem
    }));
    files
}

/// The admin's files as they were kept, in place of those that are there.
fn restored(
    roots: &Roots,
    kept: &[PolicyText],
    hidden: &mut Hidden,
    problems: &mut Vec<Problem>,
) -> (Origin, Vec<PolicyFile>) {
    let mut found = Vec::new();
    let files = parse_all(kept, &mut found);
    if let Some(problem) = found.iter().find(|p| p.is_error()) {
        return nothing_kept(roots, &problem.to_string(), problems);
    }
    *hidden = Hidden::of(kept);
    let message = "the policy that is kept here, the last that read well, applies instead";
    problems.push(note(roots, message));
    (Origin::LastGood, files)
}

fn nothing_kept(
    roots: &Roots,
    why: &str,
    problems: &mut Vec<Problem>,
) -> (Origin, Vec<PolicyFile>) {
    let message = format!(
        "no earlier policy to go by ({why}): in upgrades services are neither stopped nor started, the rest is as with the stock tools"
    );
    problems.push(note(roots, &message));
    (Origin::None, Vec::new())
}

/// Keeps what read well. That it could not be kept is worth a warning and nothing more.
fn keep(roots: &Roots, texts: &[PolicyText]) -> Option<Problem> {
    match roots.keep {
        Keep::No => None,
        Keep::Yes => {
            let error = last_good::keep(roots, texts).err()?;
            Some(note(roots, &error.to_string()))
        }
    }
}

fn note(roots: &Roots, message: &str) -> Problem {
    let path = last_good::path(roots).display().to_string();
    Problem::whole(Severity::Warning, path, message)
}

#[cfg(test)]
mod tests;
